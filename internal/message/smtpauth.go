package message

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// The refusals of a login before anything is sent.
var (
	errNoAuth    = errors.New("the mail server offers no way to log in that is safe here; protect the connection with TLS, or name what it offers")
	errPlainText = errors.New("the connection is not protected, so neither password nor token is sent; use STARTTLS, or CRAM-MD5")
)

// login chooses how to log in from what the server offers (RFC 4954). What shows a password or a token is said only on
// protected connections and to this machine; CRAM-MD5 shows neither.
type login struct {
	config SMTPConfig
	avoid  []AuthMode // what the server offers and does not take
	ctx    context.Context

	mode   AuthMode // what was chosen; empty before
	chosen smtp.Auth
	token  string // what was shown, where that was a token
	said   string // why the server refused it, in its own words
}

// Start implements smtp.Auth.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	safe := server.TLS || loopback(l.config.Host)
	offers := func(mode AuthMode) bool {
		return slices.ContainsFunc(server.Auth, func(a string) bool { return strings.EqualFold(a, string(mode)) })
	}
	mode := l.config.Auth
	if mode == AuthAuto {
		for _, m := range l.order(server.TLS) {
			if offers(m) && !slices.Contains(l.avoid, m) && (safe || m == AuthCRAMMD5) {
				mode = m
				break
			}
		}
	}
	user, password := l.config.Username, l.config.Password
	switch {
	case mode == AuthAuto || !offers(mode):
		return "", nil, errNoAuth
	case mode != AuthCRAMMD5 && !safe:
		return "", nil, errPlainText
	case mode == AuthCRAMMD5:
		l.chosen = smtp.CRAMMD5Auth(user, password)
	case mode == AuthPlain:
		l.chosen = smtp.PlainAuth("", user, password, server.Name, true)
	case mode == AuthLogin:
		l.chosen = smtp.LoginAuth(user, password, server.Name, true)
	default:
		token, failed := l.config.tokens.get(l.ctx)
		if failed != nil {
			if failed.Verdict == VerdictConfig {
				failed.Pause = loginPause
			}
			return "", nil, &noToken{*failed}
		}
		l.token, l.chosen = token, &bearer{login: l, mode: mode, token: token}
	}
	l.mode = mode
	return l.chosen.Start(server)
}

// order is what is tried, the best first.
func (l *login) order(protected bool) []AuthMode {
	var order []AuthMode
	if l.config.tokens != nil {
		order = append(order, AuthXOAUTH2, AuthOAuthBearer)
	}
	switch {
	case l.config.Password == "" && l.config.tokens != nil:
	case protected:
		order = append(order, AuthPlain, AuthLogin, AuthCRAMMD5)
	default:
		order = append(order, AuthCRAMMD5, AuthPlain, AuthLogin)
	}
	return order
}

// Next implements smtp.Auth.
func (l *login) Next(fromServer []byte, more bool) ([]byte, error) {
	return l.chosen.Next(fromServer, more)
}

// refusedWith gives the status by which the server ended the login; 0 where it had not begun or the connection broke.
func (l *login) refusedWith(err error) int {
	var reply *textproto.Error
	if l.mode == "" || !errors.As(err, &reply) {
		return 0
	}
	return reply.Code
}

// tooWeak reports whether the server wants another way to log in: this one is too weak (534), wants encryption (538) or is
// not there after all (504).
func (l *login) tooWeak(err error) bool {
	code := l.refusedWith(err)
	return l.config.Auth == AuthAuto && (code == 534 || code == 538 || code == 504)
}

// tokenRefused reports whether it was the token that the server did not take.
func (l *login) tokenRefused(err error) bool {
	return l.token != "" && l.refusedWith(err) == 535
}

// explain adds what the server had said before it refused.
func (l *login) explain(err error) error {
	if l.said == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, l.said)
}

// noToken is the error of a login for which there was no token.
type noToken struct{ result Result }

func (n *noToken) Error() string { return n.result.Detail }

// bearer shows a token: by XOAUTH2, as Google and Microsoft describe it
// (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol), or by OAUTHBEARER (RFC 7628).
type bearer struct {
	login *login
	mode  AuthMode
	token string
}

// Start implements smtp.Auth.
func (b *bearer) Start(*smtp.ServerInfo) (string, []byte, error) {
	user := b.login.config.Username
	if strings.ContainsAny(user+b.token, "\x00\x01\r\n") {
		return "", nil, errors.New("the user or the token holds characters that no mail server takes")
	}
	if b.mode == AuthXOAUTH2 {
		return "XOAUTH2", []byte("user=" + user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user) // RFC 5801 section 4
	return "OAUTHBEARER", []byte("n,a=" + name + ",\x01host=" + b.login.config.Host + "\x01port=" + strconv.Itoa(b.login.config.Port) +
		"\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

// Next implements smtp.Auth. A server that refuses the token says why first, and refuses when that is acknowledged.
func (b *bearer) Next(fromServer []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	b.login.said = oneLine(string(fromServer), 300)
	if b.mode == AuthXOAUTH2 {
		return []byte{}, nil
	}
	return []byte("\x01"), nil
}
