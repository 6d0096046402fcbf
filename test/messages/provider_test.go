package messages

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"latchkey/internal/egress"
	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

const (
	email    = "ada@example.com"
	apiKey   = "SG.do-not-show-me"
	password = "do-not-show-this-password"
)

// follows is how long a node may go on with a provider that was changed.
const follows = 1100 * time.Millisecond

// post is a mail server and, in the place of SendGrid, a service. Both keep what they are handed.
type post struct {
	server  *servertest.Server
	port    int
	answers []http.HandlerFunc // of the service; then 202

	mu    sync.Mutex
	mails []string // that the mail server got
	calls []string // bodies that the service got
}

// newPost runs a server whose tenants may reach both.
func newPost(t *testing.T, loopback bool) *post {
	t.Helper()
	p := &post{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mail := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{p}, nil }))
	mail.AllowInsecureAuth = true
	mail.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = mail.Serve(l) }()
	t.Cleanup(func() { _ = mail.Close() })
	p.port = l.Addr().(*net.TCPAddr).Port

	service := httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	service.Config.ErrorLog = log.New(io.Discard, "", 0)
	certificate, roots := certify(t, "api.sendgrid.com")
	service.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	service.StartTLS()
	t.Cleanup(service.Close)
	p.server = servertest.NewEgress(t, egress.Config{
		Loopback: loopback, RootCAs: roots, Hosts: map[string]string{"api.sendgrid.com:443": service.Listener.Addr().String()},
	})
	return p
}

func (p *post) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.calls = append(p.calls, string(body))
	next := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }
	if len(p.answers) > 0 {
		next, p.answers = p.answers[0], p.answers[1:]
	}
	p.mu.Unlock()
	next(w, r)
}

func (p *post) counts() (mails, calls int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mails), len(p.calls)
}

// session is one dialogue with the mail server.
type session struct{ p *post }

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (*session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != "bob" || pass != password {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (*session) Mail(string, *smtp.MailOptions) error { return nil }
func (*session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*session) Reset()                               {}
func (*session) Logout() error                        { return nil }

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.mails = append(s.p.mails, string(data))
	return err
}

func certify(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (p *post) smtp() map[string]any {
	return map[string]any{
		"name": "smtp", "default_from_address": "Acme Mail <mail@acme.example>",
		"credentials": map[string]any{"smtp_host": "127.0.0.1", "smtp_port": p.port, "smtp_user": "bob", "smtp_pass": password},
		"settings":    map[string]any{"headers": map[string]any{"X-MSYS_API": map[string]any{"options": map[string]any{"click_tracking": false}}}},
	}
}

func sendgrid() map[string]any {
	return map[string]any{"name": "sendgrid", "default_from_address": "mail@acme.example", "credentials": map[string]any{"api_key": apiKey}}
}

// start begins a login by code and gives the code, from the inbox that keeps a copy.
func (p *post) start(t *testing.T) string {
	t.Helper()
	if got := p.server.Browser(t).Start(email); got.Status != 200 {
		t.Fatalf("start answered %d: %s", got.Status, got.Body)
	}
	return p.server.Code(t, email)
}

// eventually waits for the worker.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// told lists the tenant's log events of a type.
func (p *post) told(t *testing.T, typ eventlog.Type) []eventlog.Record {
	t.Helper()
	var list []eventlog.Record
	for _, e := range p.server.Events(t) {
		if e.Type == typ {
			list = append(list, e)
		}
	}
	return list
}

func TestProvider_ATenantsProviderSendsItsMailAndAChangeIsFollowed(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	s := p.server
	s.Must(201, "POST", "/emails/provider", p.smtp())
	code := p.start(t)
	eventually(t, "the mail server has the mail", func() bool { n, _ := p.counts(); return n == 1 })
	for _, want := range []string{
		`From: "Acme Mail" <mail@acme.example>`, "To: <ada@example.com>", `X-MSYS-API: {"options":{"click_tracking":false}}`, code,
	} {
		if !strings.Contains(p.mails[0], want) {
			t.Errorf("the mail lacks %q:\n%s", want, p.mails[0])
		}
	}
	if tokens := s.Browser(t).MustToken(s.OTPForm(email, code)); tokens.AccessToken == "" {
		t.Error("the code that was mailed is of no use")
	}

	s.Must(200, "PATCH", "/emails/provider", sendgrid())
	time.Sleep(follows)
	code = p.start(t)
	eventually(t, "the service has the mail", func() bool { _, n := p.counts(); return n == 1 })
	var call struct {
		Personalizations []struct {
			To []struct {
				Email string `json:"email"`
			} `json:"to"`
		} `json:"personalizations"`
		Content []struct {
			Value string `json:"value"`
		} `json:"content"`
	}
	if err := json.Unmarshal([]byte(p.calls[0]), &call); err != nil || call.Personalizations[0].To[0].Email != email || !strings.Contains(call.Content[0].Value, code) {
		t.Errorf("the service got %s, %v", p.calls[0], err)
	}

	s.Must(200, "PATCH", "/emails/provider", map[string]any{"enabled": false})
	time.Sleep(follows)
	p.start(t)
	s.Must(204, "DELETE", "/emails/provider", nil)
	if mails, calls := p.counts(); mails != 1 || calls != 1 {
		t.Errorf("after the provider was switched off: %d and %d mails", mails, calls)
	}
	if fn := p.told(t, eventlog.NotificationFailed); len(fn) != 0 {
		t.Errorf("told %+v", fn)
	}
}

func TestProvider_AnInsideAddressIsNotReached(t *testing.T) {
	t.Parallel()
	p := newPost(t, false)
	p.server.Must(201, "POST", "/emails/provider", p.smtp())
	p.start(t)
	eventually(t, "the tenant is told", func() bool { return len(p.told(t, eventlog.NotificationFailed)) == 1 })
	if mails, _ := p.counts(); mails != 0 {
		t.Error("the mail server was reached")
	}
}

func TestProvider_AnActionSendsNothingAndTheTenantIsTold(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	p.server.Must(201, "POST", "/emails/provider", map[string]any{"name": "custom", "credentials": map[string]any{}})
	p.start(t)
	eventually(t, "the tenant is told", func() bool { return len(p.told(t, eventlog.NotificationFailed)) == 1 })
	if e := p.told(t, eventlog.NotificationFailed)[0]; !strings.Contains(e.Description, "Action") {
		t.Errorf("told %q", e.Description)
	}
}

// The service takes the message and the answer is lost: nobody sends it again, whatever node and provider come next.
func TestProvider_ACodeIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	p.answers = []http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}
	s := p.server
	s.Must(201, "POST", "/emails/provider", sendgrid())
	p.start(t)
	eventually(t, "the tenant is told of the doubt", func() bool { return len(p.told(t, eventlog.NotificationWarning)) == 1 })
	s.Must(200, "PATCH", "/emails/provider", p.smtp())
	s.Clock.Advance(2 * time.Minute) // whatever lease there was has ended, the code lives
	s.Node(t)                        // begins with a look at what was left behind
	time.Sleep(follows)
	p.start(t)
	eventually(t, "the next code leaves", func() bool { n, _ := p.counts(); return n == 1 })
	if mails, calls := p.counts(); mails != 1 || calls != 1 {
		t.Errorf("two codes made %d mails and %d calls", mails, calls)
	}
}

func TestProvider_ARefusalTellsTheTenantAndNoLogHasSecrets(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	refuse := func(words string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors":[{"message":"`+words+`"}]}`)
		}
	}
	p.answers = []http.HandlerFunc{refuse("the key " + apiKey + " may not send")}
	s := p.server
	s.Must(201, "POST", "/emails/provider", sendgrid())
	code := p.start(t)
	eventually(t, "the tenant is told", func() bool { return len(p.told(t, eventlog.NotificationFailed)) == 1 })
	e := p.told(t, eventlog.NotificationFailed)[0]
	if !strings.Contains(e.Description, "may not send") {
		t.Errorf("told %q, without the service's words", e.Description)
	}
	if strings.Contains(e.Description, code) {
		t.Errorf("told %q, with the code", e.Description)
	}
	everything := []string{s.OperatorLog()}
	for _, rows := range s.Dump(t) {
		everything = append(everything, rows...)
	}
	for _, text := range everything {
		for _, secret := range []string{apiKey, base64.StdEncoding.EncodeToString([]byte(apiKey))} {
			if strings.Contains(text, secret) {
				t.Errorf("%q holds %q", text, secret)
			}
		}
	}
	if mails, _ := p.counts(); mails != 0 {
		t.Error("the mail went elsewhere")
	}
}
