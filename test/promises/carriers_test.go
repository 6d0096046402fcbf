package promises

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
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
	"latchkey/test/servertest"
)

// gateway is a text message gateway of a tenant's own. It keeps what it is handed.
type gateway struct {
	server *httptest.Server

	mu    sync.Mutex
	calls []text
}

// text is one message as a gateway gets it.
type text struct {
	Recipient string `json:"recipient"`
	Body      string `json:"body"`
	Sender    string `json:"sender"`

	authorization string
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	g := &gateway{}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.Start()
	t.Cleanup(g.server.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	var m text
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.authorization = r.Header.Get("Authorization")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, m)
}

// last waits for a message and gives the newest.
func (g *gateway) last(t testing.TB) text {
	t.Helper()
	eventually(t, "the gateway has a message", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.calls) > 0
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[len(g.calls)-1]
}

// options are those of a connection that sends by the gateway.
func (g *gateway) options(more doc) doc {
	all := doc{"provider": "sms_gateway", "gateway_url": g.server.URL, "from": "+15550001111"}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// service stands in the place of the services on the internet, which all answer here. It keeps what it is handed.
type service struct {
	*servertest.Server

	mu    sync.Mutex
	calls []string // host, path and body
}

// onTheInternet are the services, and what each answers to a message it takes.
var onTheInternet = map[string]struct {
	status int
	body   string
}{
	"api.sendgrid.com":              {202, ""},
	"mandrillapp.com":               {200, `[{"email": "ada@example.com", "status": "sent", "_id": "1"}]`},
	"email.us-east-1.amazonaws.com": {200, `{"MessageId": "1"}`},
	"api.sparkpost.com":             {200, `{"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "1"}}`},
	"api.twilio.com":                {201, `{"sid": "SM1", "status": "queued"}`},
}

// newService runs a server whose tenants find those services, and nothing else, on the internet.
func newService(t testing.TB) *service {
	t.Helper()
	s := &service{}
	answers := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	answers.Config.ErrorLog = log.New(io.Discard, "", 0)
	hosts := map[string]string{}
	names := []string{}
	for name := range onTheInternet {
		names = append(names, name)
	}
	certificate, roots := certify(t, names)
	answers.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	answers.StartTLS()
	t.Cleanup(answers.Close)
	for _, name := range names {
		hosts[name+":443"] = answers.Listener.Addr().String()
	}
	s.Server = servertest.NewEgress(t, egress.Config{Loopback: true, RootCAs: roots, Hosts: hosts})
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.keep(r.Host + r.URL.Path + " " + string(body))
	answer, known := onTheInternet[r.Host]
	if !known {
		http.Error(w, "nobody is called "+r.Host, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func (s *service) keep(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// last waits for a message and gives the newest.
func (s *service) last(t testing.TB) string {
	t.Helper()
	eventually(t, "the service has a message", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.calls) > 0
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[len(s.calls)-1]
}

// mailServer runs a mail server that knows one mechanism, and gives its port.
func (s *service) mailServer(t testing.TB, mechanism string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &dialogue{s, mechanism}, nil }))
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// secureMailServer runs a mail server that speaks one version of TLS, with a certificate of an authority that nobody else
// knows, and gives its port and that authority.
func (s *service) secureMailServer(t testing.TB, version uint16) (port int, authority string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, _ := certify(t, []string{"mail.acme.example"})
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &dialogue{s, sasl.Plain}, nil }))
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: version, MaxVersion: version}
	server.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	block := &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}
	return l.Addr().(*net.TCPAddr).Port, string(pem.EncodeToMemory(block))
}

// dialogue is one conversation with the mail server.
type dialogue struct {
	service   *service
	mechanism string
}

func (d *dialogue) AuthMechanisms() []string { return []string{d.mechanism} }

func (d *dialogue) Auth(string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "bob" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		return nil
	}
	if d.mechanism == sasl.Plain {
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	}
	return &login{check: check}, nil
}

// login is the server's half of the mechanism LOGIN: two questions, two answers.
type login struct {
	check func(user, password string) error
	asked int
	user  string
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (*dialogue) Mail(string, *smtp.MailOptions) error { return nil }
func (*dialogue) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*dialogue) Reset()                               {}
func (*dialogue) Logout() error                        { return nil }

func (d *dialogue) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	d.service.keep("smtp " + d.mechanism + " " + string(data))
	return err
}

func certify(t testing.TB, names []string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names}
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

// wantSent starts a login and checks that its code went where it should and logs in.
func (s *service) wantSent(t testing.TB, who, to string) {
	t.Helper()
	b := started(t, s.Server, who)
	code := s.Code(t, who)
	eventually(t, "the service has the code", func() bool { return strings.Contains(s.last(t), code) })
	if call := s.last(t); !strings.HasPrefix(call, to) {
		t.Errorf("the message went to %.60s, want %s", call, to)
	}
	b.MustToken(grant(s.Server, who, code))
}

// eventually waits for what a server does after it has answered.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
