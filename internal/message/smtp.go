package message

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	dialTimeout     = 5 * time.Second
	idleConnections = 60 * time.Second // a connection without work is closed after this
	mailsPerConn    = 100              // and any one after so many messages
	loginPause      = 15 * time.Minute // a refused password is not tried again for so long: servers lock accounts
	weakPause       = 15 * time.Minute // nor a way to log in that was too weak: a server that was set right takes it again
)

// SMTP sends mail through a mail server. It keeps connections open and uses them again. It is safe for concurrent use.
type SMTP struct {
	config SMTPConfig

	mu     sync.Mutex
	idle   []*connection          // the one used last stands last and is taken first
	expiry *time.Timer            // closes those that have been idle too long; nil while none is
	weak   map[AuthMode]time.Time // what the server offers and does not take, and since when it is known
}

// connection is a dialogue with the server.
type connection struct {
	client *smtp.Client
	raw    net.Conn
	way    string // how it is protected, and how we logged in
	mails  int
	usedAt time.Time
}

// NewSMTP makes a provider for the mail server. It connects when there is something to send.
func NewSMTP(c SMTPConfig) *SMTP {
	if c.OAuth.Address != "" {
		c.tokens = newTokens(service{name: "smtp", egress: c.Egress}, c.OAuth.Address, c.OAuth.form())
	}
	return &SMTP{config: c, weak: map[AuthMode]time.Time{}}
}

// Name implements Provider.
func (s *SMTP) Name() string { return "smtp" }

// Concurrency implements Provider.
func (s *SMTP) Concurrency() int { return s.config.Pool }

// Send implements Provider. A kept connection that the server has closed meanwhile is replaced by a new one, once, and
// only where the message had not begun to leave.
func (s *SMTP) Send(ctx context.Context, m Mail) Result {
	to, ascii, err := envelope(m.To)
	if err != nil {
		return Result{Verdict: VerdictRecipient, Detail: "The address is not one that mail can be sent to."}
	}
	raw, err := compose(m, to, s.config.headers...)
	if err != nil {
		return Result{Verdict: VerdictRefused, Detail: err.Error()}
	}
	for {
		c, kept, err := s.take(ctx)
		if err != nil {
			return s.hide(classifyDial(err, s.config.fromURL))
		}
		result, stale := s.deliver(ctx, c, m.FromAddress, to, ascii, raw)
		result.Way = c.way
		if !kept || !stale || ctx.Err() != nil {
			return s.hide(result)
		}
	}
}

// hide takes what the server was shown out of what it says.
func (s *SMTP) hide(r Result) Result {
	if s.config.tokens != nil {
		r = s.config.tokens.hide(r)
	}
	return scrubbed(r, forms(s.config.Password))
}

// Close implements Provider.
func (s *SMTP) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	s.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}

// deliver has one dialogue. Stale says that the connection was dead before the message began.
func (s *SMTP) deliver(ctx context.Context, c *connection, from, to string, ascii bool, raw []byte) (result Result, stale bool) {
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	defer stop()
	if c.mails > 0 {
		if err := s.step(c, c.client.Reset); err != nil {
			c.close()
			return classify(stageReset, err), true
		}
	}
	c.client.SkipSMTPUTF8(ascii)
	if ok, _ := c.client.Extension("SMTPUTF8"); !ok && !ascii {
		s.put(c)
		return Result{Verdict: VerdictRecipient, Detail: "The mail server takes no addresses beyond ASCII (SMTPUTF8)."}, false
	}
	c.mails++
	if err := s.step(c, func() error { return c.client.Mail("<" + from + ">") }); err != nil {
		return s.refused(c, stageMail, err), lost(err)
	}
	if err := s.step(c, func() error { return c.client.Rcpt("<" + to + ">") }); err != nil {
		return s.refused(c, stageRcpt, err), false
	}
	return s.data(c, raw), false
}

// data hands the message over. Only what happens after the final dot can leave it unknown whether it was accepted.
func (s *SMTP) data(c *connection, raw []byte) Result {
	var body interface {
		Write([]byte) (int, error)
		Close() error
	}
	err := s.step(c, func() (err error) {
		body, err = c.client.Data()
		return err
	})
	if err != nil {
		return s.refused(c, stageData, err)
	}
	if err := s.step(c, func() error { _, err := body.Write(raw); return err }); err != nil {
		c.close()
		return classify(stageBody, err)
	}
	if err := s.step(c, body.Close); err != nil {
		return s.refused(c, stageDot, err)
	}
	result := Result{Verdict: VerdictSent}
	if d, ok := body.(*smtp.DataCloser); ok {
		result.ProviderMessageID = oneLine(d.ServerResponse(), 200)
	}
	s.put(c)
	return result
}

// step runs one command with its own deadline.
func (s *SMTP) step(c *connection, do func() error) error {
	if err := c.client.UpdateDeadline(s.config.Timeout); err != nil {
		return fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	return do()
}

// refused ends a dialogue that met an error: a refusal leaves the connection usable, anything else does not.
func (s *SMTP) refused(c *connection, at stage, err error) Result {
	result := classify(at, err)
	if lost(err) {
		c.close()
	} else {
		s.put(c)
	}
	return result
}

// take gives a connection: the idle one used last, or a new one.
func (s *SMTP) take(ctx context.Context) (c *connection, kept bool, err error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		c = s.idle[n-1]
		s.idle = s.idle[:n-1]
	}
	s.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	c, err = s.dial(ctx)
	return c, false, err
}

// put keeps a connection for the next message, or ends it when it has served enough.
func (s *SMTP) put(c *connection) {
	if c.mails >= mailsPerConn {
		c.quit()
		return
	}
	c.usedAt = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, c)
	if s.expiry == nil {
		s.expiry = time.AfterFunc(idleConnections, s.expire)
	}
}

// expire closes the connections that have been idle too long.
func (s *SMTP) expire() {
	now := time.Now()
	s.mu.Lock()
	n := 0
	for n < len(s.idle) && now.Sub(s.idle[n].usedAt) >= idleConnections {
		n++
	}
	old := s.idle[:n:n]
	s.idle = append([]*connection(nil), s.idle[n:]...)
	if s.expiry != nil {
		if len(s.idle) > 0 {
			s.expiry.Reset(max(time.Second, idleConnections-now.Sub(s.idle[0].usedAt)))
		} else {
			s.expiry = nil
		}
	}
	s.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
}

// quit says good-bye, without waiting for long.
func (c *connection) quit() {
	_ = c.client.UpdateDeadline(2 * time.Second)
	if err := c.client.Quit(); err != nil {
		c.close()
	}
}

func (c *connection) close() {
	_ = c.client.Close()
	_ = c.raw.Close()
}

// dial opens a connection, protects it and logs in. A way to log in that the server takes for too weak, though it offers
// it, gives way to the next one (RFC 4954 section 6), and a token that is refused to a new one, once.
func (s *SMTP) dial(ctx context.Context) (*connection, error) {
	for renewed := false; ; {
		var auth *login
		if s.config.Username != "" {
			auth = &login{config: s.config, avoid: s.weakModes(), ctx: ctx}
		}
		c, err := s.open(ctx, auth)
		switch {
		case err == nil || auth == nil || ctx.Err() != nil:
			return c, err
		case auth.tooWeak(err):
			s.avoid(auth.mode)
		case auth.tokenRefused(err) && !renewed:
			renewed = true
			s.config.tokens.forget(auth.token)
		default:
			return nil, auth.explain(err)
		}
	}
}

// weakModes are the ways to log in that this server did not take of late.
func (s *SMTP) weakModes() []AuthMode {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.weak, func(_ AuthMode, since time.Time) bool { return time.Since(since) >= weakPause })
	return slices.Collect(maps.Keys(s.weak))
}

func (s *SMTP) avoid(mode AuthMode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weak[mode] = time.Now()
}

// open makes one dialogue. Auth logs in; nil means that nobody does.
func (s *SMTP) open(ctx context.Context, auth *login) (*connection, error) {
	var raw net.Conn
	stop, outer := func() bool { return true }, ctx
	defer func() { stop() }()
	options := []gomail.Option{
		gomail.WithPort(s.config.Port),
		gomail.WithTimeout(s.config.Timeout),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			var protected net.Conn
			var err error
			raw, protected, err = s.connect(ctx, network, address)
			if err == nil {
				stop = context.AfterFunc(outer, func() { _ = raw.Close() })
			}
			return protected, err
		}),
		gomail.WithTLSConfig(s.tlsConfig()),
	}
	switch s.config.TLS {
	case TLSImplicit:
		options = append(options, gomail.WithSSL())
	case TLSStartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLSOpportunistic:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.config.Hello != "" {
		options = append(options, gomail.WithHELO(s.config.Hello))
	}
	if auth != nil {
		options = append(options, gomail.WithSMTPAuthCustom(auth))
	}
	client, err := gomail.NewClient(s.config.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare for the mail server: %w", err)
	}
	dialogue, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if raw != nil {
			_ = raw.Close()
		}
		return nil, err
	}
	return &connection{client: dialogue, raw: raw, way: wayOf(dialogue, auth)}, nil
}

// wayOf says how a server is spoken to.
func wayOf(dialogue *smtp.Client, auth *login) string {
	protection, who := "no TLS", "no login"
	if state, ok := dialogue.TLSConnectionState(); ok {
		protection = tls.VersionName(state.Version)
	}
	if auth != nil {
		who = strings.ToUpper(string(auth.mode))
	}
	return protection + ", " + who
}

// errPublic refuses to speak to a public address without TLS.
var errPublic = errors.New("the mail server has a public address and the SMTP URL says tls=none")

// connect opens the TCP connection and, where TLS comes first, protects it.
func (s *SMTP) connect(ctx context.Context, network, address string) (raw, protected net.Conn, err error) {
	dial := s.config.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	raw, err = dial(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	if s.config.TLS == TLSNone {
		remote, err := netip.ParseAddrPort(raw.RemoteAddr().String())
		if err != nil || !private(remote.Addr()) {
			_ = raw.Close()
			return nil, nil, errPublic
		}
	}
	if s.config.TLS != TLSImplicit {
		return raw, raw, nil
	}
	secure := tls.Client(raw, s.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, nil, err
	}
	return raw, secure, nil
}

// errPin is the answer to a certificate whose key is not the one that was named.
var errPin = errors.New("the mail server's certificate has not the key that was named for it")

func (s *SMTP) tlsConfig() *tls.Config {
	c := &tls.Config{
		ServerName: s.config.ServerName, MinVersion: s.config.MinTLS, RootCAs: s.config.RootCAs,
		InsecureSkipVerify: s.config.trustLoopback, //nolint:gosec // the connection never leaves this machine
	}
	if pin := s.config.pin; pin != nil {
		c.InsecureSkipVerify = true // the key stands in for the chain
		c.VerifyConnection = func(state tls.ConnectionState) error {
			key := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if subtle.ConstantTimeCompare(key[:], pin) != 1 {
				return errPin
			}
			return nil
		}
	}
	return c
}

// compose writes the mail as it travels: headers, and those added to them, then text and HTML as alternatives (RFC 2046 section 5.1.4), in
// quoted-printable.
func compose(m Mail, to string, more ...Header) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	from := &mail.Address{Name: m.FromName, Address: m.FromAddress}
	if _, err := mail.ParseAddress(from.String()); err != nil {
		return nil, fmt.Errorf("the sender %q is not a mailbox", m.FromAddress)
	}
	recipient := &mail.Address{Address: to}
	if _, err := mail.ParseAddress(recipient.String()); err != nil {
		return nil, errors.New("the recipient is not a mailbox")
	}
	msg.FromMailAddress(from)
	msg.ToMailAddress(recipient)
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date)
	msg.SetMessageIDWithValue(m.MessageID())
	for _, h := range append(m.extraHeaders(), more...) {
		msg.SetGenHeader(gomail.Header(h.Name), h.Value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	var b bytes.Buffer
	b.Grow(len(m.HTML) + len(m.Text) + 2048)
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("compose the mail: %w", err)
	}
	return b.Bytes(), nil
}
