package message

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"
	"github.com/wneessen/go-mail/smtp"
)

// mailServer is an SMTP server that keeps what it gets.
type mailServer struct {
	mechanisms []string
	refuseMail, refuseRcpt, refuseData,
	refuseAuth *server.SMTPError
	weak     []string // offered, and answered with weakCode
	weakCode int
	tokens   []string // that are taken

	mu       sync.Mutex
	sessions int
	mails    []received
	logins   []string
	resets   int
}

type received struct {
	from, to string
	utf8     bool
	data     string
}

type session struct {
	s        *mailServer
	from, to string
	utf8     bool
}

func (m *mailServer) NewSession(*server.Conn) (server.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions++
	if len(m.mechanisms) > 0 {
		return &authSession{session{s: m}}, nil
	}
	return &session{s: m}, nil
}

func (s *session) Reset() {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.resets++
}

func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, o *server.MailOptions) error {
	s.from, s.utf8 = from, o.UTF8
	return refusal(s.s.refuseMail)
}

func (s *session) Rcpt(to string, _ *server.RcptOptions) error {
	s.to = to
	return refusal(s.s.refuseRcpt)
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := refusal(s.s.refuseData); err != nil {
		return err
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.mails = append(s.s.mails, received{s.from, s.to, s.utf8, string(data)})
	return nil
}

func refusal(e *server.SMTPError) error {
	if e == nil {
		return nil
	}
	return e
}

type authSession struct{ session }

func (s *authSession) AuthMechanisms() []string { return s.s.mechanisms }

func (s *authSession) Auth(mechanism string) (sasl.Server, error) {
	if slices.Contains(s.s.weak, mechanism) {
		return nil, &server.SMTPError{Code: s.s.weakCode, EnhancedCode: server.EnhancedCode{5, 7, 9}, Message: "Authentication mechanism is too weak"}
	}
	check := func(user, password string) error {
		s.s.mu.Lock()
		s.s.logins = append(s.s.logins, mechanism+" "+user)
		s.s.mu.Unlock()
		if s.s.refuseAuth != nil {
			return s.s.refuseAuth
		}
		if user != "user" || password != "p@ss/word" {
			return &server.SMTPError{Code: 535, EnhancedCode: server.EnhancedCode{5, 7, 8}, Message: "Bad credentials"}
		}
		return nil
	}
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case "LOGIN":
		return &loginServer{check: check}, nil
	case "XOAUTH2", "OAUTHBEARER":
		return &bearerServer{mechanism: mechanism, s: s.s}, nil
	default:
		return &cramServer{check: check}, nil
	}
}

// loginServer speaks AUTH LOGIN with prompts in an unusual case.
type loginServer struct {
	check func(user, password string) error
	user  string
	step  int
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("PASSWORD"), false, nil
	default:
		return nil, true, l.check(l.user, string(response))
	}
}

// cramServer speaks AUTH CRAM-MD5 (RFC 2195).
type cramServer struct {
	check func(user, password string) error
	begun bool
}

func (c *cramServer) Next(response []byte) ([]byte, bool, error) {
	const challenge = "<1896.697170952@mail.example>"
	if !c.begun {
		c.begun = true
		return []byte(challenge), false, nil
	}
	user, digest, _ := strings.Cut(string(response), " ")
	mac := hmac.New(md5.New, []byte("p@ss/word"))
	mac.Write([]byte(challenge))
	if digest != hex.EncodeToString(mac.Sum(nil)) {
		return nil, true, c.check(user, "wrong")
	}
	return nil, true, c.check(user, "p@ss/word")
}

// authority is a private certificate authority with one certificate for loopback.
type authority struct {
	file string // its PEM
	tls  *tls.Config
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"mail.example"}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return authority{file, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
}

// serve starts the server and gives its address. With implicit it speaks TLS from the first byte, with a configuration
// and without it, it offers STARTTLS.
func (m *mailServer) serve(t *testing.T, config *tls.Config, implicit bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.NewServer(m)
	s.Domain = "mail.example"
	s.AllowInsecureAuth = true
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	s.ErrorLog = quiet{}
	address := listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, config)
	} else {
		s.TLSConfig = config
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(listener) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return address
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func parse(t *testing.T, url string) SMTPConfig {
	t.Helper()
	c, err := ParseSMTP(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sendOne sends one mail with a provider of its own.
func sendOne(t *testing.T, c SMTPConfig) Result {
	t.Helper()
	s := NewSMTP(c)
	defer s.Close()
	return s.Send(t.Context(), testMail())
}

func testMail() Mail {
	m := (&Renderer{}).Mail(Key{"t1", "0190"}, Message{
		Kind: VerificationCode, To: "Ada@exämple.com", Code: "481516", Life: 3 * time.Minute, Application: "Café Ünïcode", Domain: "login.acme.example:8443",
	})
	m.Date = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return m
}

func TestSMTP_TheMailThatArrivesIsTheMailThatWasMeant(t *testing.T) {
	t.Parallel()
	m := &mailServer{}
	r := sendOne(t, parse(t, "smtp://"+m.serve(t, nil, false)))
	if r.Verdict != VerdictSent || r.ProviderMessageID == "" || len(m.mails) != 1 {
		t.Fatalf("result %+v, %d mails; want it sent with the server's words", r, len(m.mails))
	}
	got := m.mails[0]
	if got.from != "no-reply@login.acme.example" || got.to != "Ada@xn--exmple-cua.com" || got.utf8 {
		t.Errorf("envelope %+v, want sender and recipient with ASCII domains", got)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(got.data))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Subject": "481516 is your code for Café Ünïcode", "Message-Id": "<0190@login.acme.example>",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "X-Latchkey-Type": "verification_code",
		"Mime-Version": "1.0", "Content-Language": "en", "Date": "Sat, 21 Nov 2026 12:00:00 +0000",
		"From": `Café Ünïcode <no-reply@login.acme.example>`, "To": "<Ada@xn--exmple-cua.com>",
	}
	for name, value := range want {
		decoded, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get(name))
		if err != nil || decoded != value {
			t.Errorf("%s = %q (%v), want %q", name, decoded, err, value)
		}
	}
	for _, line := range strings.Split(got.data, "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d characters: %q", len(line), line)
		}
	}
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %q %v, want alternatives", kind, err)
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for _, want := range []struct{ kind, text string }{{"text/plain", testMail().Text}, {"text/html", testMail().HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if kind, p, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind != want.kind || !strings.EqualFold(p["charset"], "utf-8") {
			t.Errorf("part %q %v, want %s in UTF-8", kind, p, want.kind)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if text := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSpace(text) != strings.TrimSpace(want.text) {
			t.Errorf("%s arrived as %q (%v), want %q", want.kind, text, err, want.text)
		}
	}
}

func TestSMTP_DotsAtTheBeginningOfLinesSurvive(t *testing.T) {
	t.Parallel()
	m := &mailServer{}
	s := NewSMTP(parse(t, "smtp://"+m.serve(t, nil, false)))
	defer s.Close()
	mail := testMail()
	mail.Text = "first\n.\n..second\n.third\n"
	if r := s.Send(t.Context(), mail); r.Verdict != VerdictSent {
		t.Fatalf("%+v", r)
	}
	if !strings.Contains(m.mails[0].data, "first\r\n.\r\n..second\r\n.third\r\n") {
		t.Errorf("arrived: %q", m.mails[0].data)
	}
}

func TestSMTP_Protection(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	old := ca.tls.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	trust := "&server_name=mail.example&ca=" + ca.file
	tests := []struct {
		name     string
		tls      *tls.Config
		implicit bool
		query    string
		want     Verdict
	}{
		{"STARTTLS with our authority", ca.tls, false, "?tls=starttls" + trust, VerdictSent},
		{"STARTTLS with an authority nobody named", ca.tls, false, "?tls=starttls&server_name=mail.example", VerdictConfig},
		{"STARTTLS for another name", ca.tls, false, "?tls=starttls&server_name=other.example&ca=" + ca.file, VerdictConfig},
		{"STARTTLS required and not offered", nil, false, "?tls=starttls" + trust, VerdictConfig},
		{"STARTTLS taken when offered", ca.tls, false, "?tls=starttls_opportunistic" + trust, VerdictSent},
		{"STARTTLS not offered and not required", nil, false, "?tls=starttls_opportunistic", VerdictSent},
		{"TLS from the first byte", ca.tls, true, "?tls=implicit" + trust, VerdictSent},
		{"TLS from the first byte where the server speaks none", nil, false, "?tls=implicit" + trust, VerdictConfig},
		{"an old version of TLS", old, false, "?tls=starttls" + trust, VerdictConfig},
		{"an old version of TLS that was asked for", old, false, "?tls=starttls&tls_min=1.1" + trust, VerdictSent},
		{"loopback needs no protection", nil, false, "", VerdictSent},
		{"loopback's certificate need not be known", ca.tls, false, "", VerdictSent},
		{"no TLS at all on loopback", ca.tls, false, "?tls=none", VerdictSent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &mailServer{}
			r := sendOne(t, parse(t, "smtp://"+m.serve(t, tt.tls, tt.implicit)+tt.query))
			if r.Verdict != tt.want || (len(m.mails) == 1) != (tt.want == VerdictSent) {
				t.Errorf("%+v with %d mails, want %s", r, len(m.mails), tt.want)
			}
		})
	}
}

func TestSMTP_Login(t *testing.T) {
	t.Parallel()
	all := []string{"PLAIN", "LOGIN", "CRAM-MD5"}
	tests := []struct {
		name       string
		mechanisms []string
		query      string
		login      string
		want       Verdict
	}{
		{"unprotected: CRAM-MD5 first", all, "", "CRAM-MD5 user", VerdictSent},
		{"only PLAIN", []string{"PLAIN"}, "", "PLAIN user", VerdictSent},
		{"only LOGIN", []string{"LOGIN"}, "", "LOGIN user", VerdictSent},
		{"PLAIN by choice", all, "?auth=plain", "PLAIN user", VerdictSent},
		{"LOGIN by choice", all, "?auth=login", "LOGIN user", VerdictSent},
		{"CRAM-MD5 by choice", all, "?auth=cram-md5", "CRAM-MD5 user", VerdictSent},
		{"a choice that is not offered", []string{"PLAIN"}, "?auth=login", "", VerdictConfig},
		{"nothing that we know", []string{"GSSAPI"}, "", "", VerdictConfig},
		{"nothing at all", nil, "", "", VerdictConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &mailServer{mechanisms: tt.mechanisms}
			r := sendOne(t, parse(t, "smtp://user:p%40ss%2Fword@"+m.serve(t, nil, false)+tt.query))
			if r.Verdict != tt.want || strings.Join(m.logins, ",") != tt.login {
				t.Errorf("%+v, logged in by %q; want %s by %q", r, m.logins, tt.want, tt.login)
			}
		})
	}
	t.Run("protected: PLAIN first", func(t *testing.T) {
		t.Parallel()
		ca, m := newAuthority(t), &mailServer{mechanisms: all}
		r := sendOne(t, parse(t, "smtp://user:p%40ss%2Fword@"+m.serve(t, ca.tls, false)+"?tls=starttls&server_name=mail.example&ca="+ca.file))
		if r.Verdict != VerdictSent || strings.Join(m.logins, ",") != "PLAIN user" {
			t.Errorf("%+v by %q", r, m.logins)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		m := &mailServer{mechanisms: all}
		r := sendOne(t, parse(t, "smtp://user:wrong@"+m.serve(t, nil, false)))
		if r.Verdict != VerdictConfig || r.Pause != loginPause || !strings.Contains(r.Detail, "535") || strings.Contains(r.Detail, "wrong") {
			t.Errorf("%+v, want a pause, and the server's words without the password", r)
		}
	})
	t.Run("a passing failure", func(t *testing.T) {
		t.Parallel()
		m := &mailServer{mechanisms: all, refuseAuth: &server.SMTPError{Code: 454, EnhancedCode: server.EnhancedCode{4, 7, 0}, Message: "Temporary"}}
		if r := sendOne(t, parse(t, "smtp://user:x@"+m.serve(t, nil, false))); r.Verdict != VerdictRetry {
			t.Errorf("%+v, want a retry", r)
		}
	})
}

func TestLogin_NoPasswordOnAnUnprotectedWay(t *testing.T) {
	t.Parallel()
	for _, mode := range []AuthMode{AuthAuto, AuthPlain, AuthLogin} {
		l := login{config: SMTPConfig{Host: "mail.example", Username: "user", Password: "secret", Auth: mode}}
		_, out, err := l.Start(&smtp.ServerInfo{Name: "mail.example", Auth: []string{"PLAIN", "LOGIN"}})
		if err == nil || out != nil {
			t.Errorf("auth=%s begins with %q on an unprotected connection, want a refusal", mode, out)
		}
	}
	l := login{config: SMTPConfig{Host: "mail.example", Username: "user", Password: "secret", Auth: AuthAuto}}
	if name, _, err := l.Start(&smtp.ServerInfo{Name: "mail.example", Auth: []string{"PLAIN", "CRAM-MD5"}}); name != "CRAM-MD5" || err != nil {
		t.Errorf("Start = %q, %v; want CRAM-MD5, which shows no password", name, err)
	}
}

func TestSMTP_Refusals(t *testing.T) {
	t.Parallel()
	e := func(code int, a, b, c int, text string) *server.SMTPError {
		return &server.SMTPError{Code: code, EnhancedCode: server.EnhancedCode{a, b, c}, Message: text}
	}
	tests := []struct {
		name   string
		server *mailServer
		want   Verdict
		after  time.Duration
	}{
		{"greylisting", &mailServer{refuseRcpt: e(451, 4, 7, 1, "Greylisted, try later")}, VerdictRetry, time.Minute},
		{"a busy mailbox", &mailServer{refuseRcpt: e(450, 4, 2, 1, "Busy")}, VerdictRetry, 0},
		{"a full system", &mailServer{refuseData: e(452, 4, 3, 1, "Full")}, VerdictRetry, 0},
		{"nobody there", &mailServer{refuseRcpt: e(550, 5, 1, 1, "No such user")}, VerdictRecipient, 0},
		{"an unknown sender", &mailServer{refuseMail: e(550, 5, 7, 1, "Sender not allowed")}, VerdictConfig, 0},
		{"a policy", &mailServer{refuseData: e(554, 5, 7, 1, "Spam")}, VerdictRefused, 0},
		{"a full mailbox", &mailServer{refuseRcpt: e(552, 5, 2, 2, "Mailbox full")}, VerdictRetry, 0},
		{"too big", &mailServer{refuseData: e(552, 5, 3, 4, "Too big")}, VerdictRefused, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := NewSMTP(parse(t, "smtp://"+tt.server.serve(t, nil, false)))
			defer s.Close()
			for range 2 { // the connection survives a refusal
				r := s.Send(t.Context(), testMail())
				if r.Verdict != tt.want || r.RetryAfter != tt.after || r.Detail == "" {
					t.Errorf("%+v, want %s after %s", r, tt.want, tt.after)
				}
			}
			if tt.server.sessions != 1 {
				t.Errorf("%d connections for two refusals, want 1", tt.server.sessions)
			}
		})
	}
}

func TestSMTP_ConnectionsAreKept(t *testing.T) {
	t.Parallel()
	m := &mailServer{}
	s := NewSMTP(parse(t, "smtp://"+m.serve(t, nil, false)))
	defer s.Close()
	for range mailsPerConn + 1 {
		if r := s.Send(t.Context(), testMail()); r.Verdict != VerdictSent {
			t.Fatalf("%+v", r)
		}
	}
	if m.sessions != 2 || len(m.mails) != mailsPerConn+1 {
		t.Errorf("%d connections for %d mails, want 2: one for the first hundred", m.sessions, len(m.mails))
	}
}

// scripted is a server that greets and then does what the script says with each line.
func scripted(t *testing.T, handle func(connection int, line string, conn net.Conn) (reply string)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	all.Go(func() {
		for n := 1; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				_, _ = fmt.Fprint(conn, "220 mail.example ESMTP\r\n")
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					reply := handle(n, lines.Text(), conn)
					if reply == "" {
						continue
					}
					if _, err := fmt.Fprint(conn, reply+"\r\n"); err != nil {
						return
					}
				}
			})
		}
	})
	return listener.Addr().String()
}

// talk answers like any server.
func talk(line string) string {
	switch verb, _, _ := strings.Cut(line, " "); verb {
	case "EHLO":
		return "250-mail.example\r\n250 8BITMIME"
	case "DATA":
		return "354 go on"
	case "MAIL", "RCPT", "RSET", "NOOP":
		return "250 ok"
	case ".":
		return "250 2.0.0 queued as 7"
	case "QUIT":
		return "221 bye"
	default:
		return ""
	}
}

func TestSMTP_ConnectionLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		at   string
		want Verdict
	}{
		{"EHLO", VerdictRetry}, {"MAIL", VerdictRetry}, {"RCPT", VerdictRetry}, {"DATA", VerdictRetry}, {".", VerdictUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.at, func(t *testing.T) {
			t.Parallel()
			address := scripted(t, func(_ int, line string, conn net.Conn) string {
				if line == tt.at || strings.HasPrefix(line, tt.at+" ") {
					_ = conn.Close()
					return ""
				}
				return talk(line)
			})
			if r := sendOne(t, parse(t, "smtp://"+address)); r.Verdict != tt.want {
				t.Errorf("lost at %s: %+v, want %s", tt.at, r, tt.want)
			}
		})
	}
}

func TestSMTP_NobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	if r := sendOne(t, parse(t, "smtp://"+address)); r.Verdict != VerdictRetry {
		t.Errorf("%+v, want a retry", r)
	}
}

func TestSMTP_AKeptConnectionThatDiedIsReplaced(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	accepted := 0
	address := scripted(t, func(n int, line string, conn net.Conn) string {
		if n == 1 && line == "RSET" {
			_ = conn.Close()
			return ""
		}
		if line == "." {
			mu.Lock()
			accepted++
			mu.Unlock()
		}
		return talk(line)
	})
	s := NewSMTP(parse(t, "smtp://"+address))
	defer s.Close()
	for range 2 {
		if r := s.Send(t.Context(), testMail()); r.Verdict != VerdictSent || r.ProviderMessageID != "2.0.0 queued as 7" {
			t.Errorf("%+v, want it sent", r)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if accepted != 2 {
		t.Errorf("the server accepted %d mails, want 2", accepted)
	}
}

func TestSMTP_ContextEndsADialogue(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]Verdict{"EHLO": VerdictRetry, "MAIL": VerdictRetry, ".": VerdictUnknown} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			address := scripted(t, func(_ int, line string, _ net.Conn) string {
				if line == at || strings.HasPrefix(line, at+" ") {
					cancel()
					return ""
				}
				return talk(line)
			})
			s := NewSMTP(parse(t, "smtp://"+address))
			defer s.Close()
			if r := s.Send(ctx, testMail()); r.Verdict != want {
				t.Errorf("cut off at %s: %+v, want %s", at, r, want)
			}
		})
	}
}

func TestSMTP_AddressesBeyondASCII(t *testing.T) {
	t.Parallel()
	m := &mailServer{}
	s := NewSMTP(parse(t, "smtp://"+m.serve(t, nil, false)))
	defer s.Close()
	mail := testMail()
	for _, to := range []string{"äda@example.com", "no address", "a@b>\r\nRCPT TO:<evil@example.com", ""} {
		mail.To = to
		if r := s.Send(t.Context(), mail); r.Verdict != VerdictRecipient {
			t.Errorf("to %q: %+v, want the recipient refused", to, r)
		}
	}
	if len(m.mails) != 0 {
		t.Errorf("arrived: %+v", m.mails)
	}
}

func TestMaskAddresses_HidesPeopleAndLeavesCodes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"The 'To' number +14155552671 is not valid (Code: 21211)": "The 'To' number XXXXXXX2671 is not valid (Code: 21211)",
		"no route to (415) 555-2671.":                             "no route to (XXXXXXXX2671.",
		"550 5.1.1 <ada@example.com>: unknown":                    "550 5.1.1 <a***@example.com>: unknown",
		"550 5.7.1 not here":                                      "550 5.7.1 not here",
		"dial tcp 192.168.100.200:443: connection refused":        "dial tcp 192.168.100.200:443: connection refused",
		"503 after 30000 ms":                                      "503 after 30000 ms",
	} {
		if got := MaskAddresses(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestClassify_ReadsRepliesAsTheStandardsSay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		at    stage
		reply string
		want  Verdict
	}{
		{stageRcpt, "421 4.3.2 shutting down", VerdictRetry},
		{stageRcpt, "450 mailbox busy", VerdictRetry},
		{stageDot, "451 4.3.0 try again", VerdictRetry},
		{stageRcpt, "455 cannot", VerdictRetry},
		{stageMail, "500 what", VerdictRefused},
		{stageMail, "504 5.5.4 parameter", VerdictRefused},
		{stageMail, "530 5.7.0 Must issue a STARTTLS command first", VerdictConfig},
		{stageMail, "530 5.7.0 Authentication required", VerdictConfig},
		{stageRcpt, "550 5.1.1 unknown", VerdictRecipient},
		{stageRcpt, "550 unknown", VerdictRecipient},
		{stageRcpt, "550 5.1.8 bad sender domain", VerdictConfig},
		{stageRcpt, "550 5.7.1 blocked", VerdictRefused},
		{stageRcpt, "551 not local", VerdictRecipient},
		{stageRcpt, "552 5.2.2 full", VerdictRetry},
		{stageDot, "552 5.3.4 too big", VerdictRefused},
		{stageRcpt, "553 5.1.3 syntax", VerdictRecipient},
		{stageMail, "553 5.7.1 not yours", VerdictConfig},
		{stageDot, "554 5.7.1 spam", VerdictRefused},
		{stageRcpt, "555 parameters", VerdictRefused},
		{stageDot, "354 again", VerdictUnknown},
	}
	for _, tt := range tests {
		server, client := net.Pipe()
		go func() {
			_, _ = fmt.Fprint(server, tt.reply+"\r\n")
			_ = server.Close()
		}()
		_, err := smtp.NewClient(client, "mail.example") // any reply that is not 220 becomes its error
		if r := classify(tt.at, err); r.Verdict != tt.want || !strings.HasPrefix(r.Detail, tt.reply[:3]) {
			t.Errorf("%s answered %q: %+v, want %s", tt.at, tt.reply, r, tt.want)
		}
	}
	if r := classify(stageDot, errors.New("broken")); r.Verdict != VerdictUnknown {
		t.Errorf("%+v, want a connection that broke after the dot to be unknown", r)
	}
}

func TestParseSMTP_ReadsWhatOperatorsWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url  string
		want string // host:port tls auth
	}{
		{"smtp://mail.example", "mail.example:587 starttls auto"},
		{"smtp://mail.example:25", "mail.example:25 starttls auto"},
		{"smtp://mail.example:465", "mail.example:465 implicit auto"},
		{"smtps://mail.example", "mail.example:465 implicit auto"},
		{"smtps://mail.example:2465/", "mail.example:2465 implicit auto"},
		{"smtp://localhost:1025", "localhost:1025 starttls_opportunistic auto"},
		{"smtp://[::1]:1025", "[::1]:1025 starttls_opportunistic auto"},
		{"smtp://user:a%20b@mail.example?auth=login", "mail.example:587 starttls login"},
		{"smtp://10.0.0.9:25?tls=none", "10.0.0.9:25 none auto"},
		{"smtp://mailpit:1025?tls=none", "mailpit:1025 none auto"},
	}
	for _, tt := range tests {
		c, err := ParseSMTP(tt.url)
		if got := fmt.Sprintf("%s %s %s", c, c.TLS, c.Auth); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.url, got, err, tt.want)
		}
	}
}

func TestParseSMTP_RefusalsSayWhatToChangeAndHideThePassword(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ url, says string }{
		{"smtp://user:hunter2%zz@mail.example", "percent-encoded"},
		{"smtp://user:hunter2@mail.example:http", "percent-encoded"},
		{"http://user:hunter2@mail.example", "smtp://"},
		{"mail.example:587", "smtp://"},
		{"smtp://user:hunter2@", "name a host"},
		{"smtp://user:hunter2@mail.example/inbox", "nothing behind it"},
		{"smtp://user:hunter2@mail.example:99999", "not a port"},
		{"smtp://:hunter2@mail.example", "no user"},
		{"smtp://user:hunter2@mail.example?tls=yes", "auto, implicit, starttls"},
		{"smtp://user:hunter2@mail.example?tls_min=3", "1.2"},
		{"smtp://user:hunter2@mail.example?auth=magic", "cram-md5"},
		{"smtp://user:hunter2@mail.example?pool=0", "1 to 64"},
		{"smtp://user:hunter2@mail.example?timeout=soon", "1s to 30s"},
		{"smtp://user:hunter2@mail.example?helo=a%0d%0ab", "not a host name"},
		{"smtp://user:hunter2@mail.example?tsl=none", "not known"},
		{"smtp://user:hunter2@mail.example?pool=1&pool=2", "more than once"},
		{"smtp://user:hunter2@mail.example?ca=/nowhere.pem", "ca"},
		{"smtp://user:hunter2@mail.example?ca=" + empty, "no certificate"},
		{"smtp://user:hunter2@192.0.2.1?tls=none", "without TLS"},
		{"smtps://user:hunter2@mail.example?tls=none", "begin it with smtp://"},
		{"smtp://mail.example?auth=plain", "no user"},
		{"smtp://user:hunter2@mail.example?auth=none", "leave one of them out"},
	}
	for _, tt := range tests {
		_, err := ParseSMTP(tt.url)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want a refusal with %q and without the password", tt.url, err, tt.says)
		}
	}
	c := parse(t, "smtp://user:hunter2@mail.example")
	if text := fmt.Sprintf("%v %+v %s", c, c, c); strings.Contains(text, "hunter2") {
		t.Errorf("a configuration prints its password: %s", text)
	}
}

func BenchmarkSMTP_Send(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := server.NewServer(&mailServer{})
	go func() { _ = s.Serve(listener) }()
	defer func() { _ = s.Close() }()
	c, err := ParseSMTP("smtp://" + listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	p := NewSMTP(c)
	defer p.Close()
	m := testMail()
	for b.Loop() {
		if r := p.Send(b.Context(), m); r.Verdict != VerdictSent {
			b.Fatal(r)
		}
	}
}
