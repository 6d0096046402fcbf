package message

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/egress"
)

// TLSMode says how a connection to the mail server is protected.
type TLSMode string

// The TLS modes of an SMTP URL.
const (
	TLSAuto          TLSMode = "auto"                   // implicit on port 465, else STARTTLS required unless the server is on loopback
	TLSImplicit      TLSMode = "implicit"               // TLS from the first byte (RFC 8314)
	TLSStartTLS      TLSMode = "starttls"               // STARTTLS required (RFC 3207)
	TLSOpportunistic TLSMode = "starttls_opportunistic" // STARTTLS when the server offers it
	TLSNone          TLSMode = "none"                   // never; only to loopback and private addresses
)

// AuthMode says how the mail server learns who we are.
type AuthMode string

// The authentication modes of an SMTP URL.
const (
	AuthAuto        AuthMode = "auto" // a token where there is a source of them, CRAM-MD5 on an unprotected connection, else PLAIN, else LOGIN
	AuthPlain       AuthMode = "plain"
	AuthLogin       AuthMode = "login"
	AuthCRAMMD5     AuthMode = "cram-md5"
	AuthXOAUTH2     AuthMode = "xoauth2"
	AuthOAuthBearer AuthMode = "oauthbearer"
	AuthNone        AuthMode = "none"
)

// SMTPConfig is a mail server as the operator describes it.
type SMTPConfig struct {
	Host     string
	Port     int
	Username string
	Password string

	TLS        TLSMode
	MinTLS     uint16         // crypto/tls version
	RootCAs    *x509.CertPool // nil: the system's
	ServerName string         // the name in the server's certificate
	Auth       AuthMode
	Hello      string        // the name we greet with
	Pool       int           // connections at once
	Timeout    time.Duration // of connecting, and of each step of the dialogue

	// OAuth is where tokens come from; without an Address the server knows us by a password. Egress asks for them.
	OAuth  OAuth
	Egress *egress.Egress

	trustLoopback bool   // any certificate will do: what is said never leaves this machine
	fromURL       bool   // the operator wrote it, so errors may say what to change in the URL
	pin           []byte // SHA-256 of the public key in the server's certificate; nil: its chain counts
	tokens        *tokens
	headers       []Header
	dial          func(ctx context.Context, network, address string) (net.Conn, error) // nil: wherever the operator says
}

// OAuth describes an authorization server whose tokens the mail server takes: for the client itself, or for the person
// whose refresh token is given.
type OAuth struct {
	Address      string `json:"token_url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token"`
}

// String names the server without its credentials.
func (c SMTPConfig) String() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

const smtpHelp = "write it as smtp://user:password@host:587 or smtps://user:password@host:465"

// ParseSMTP reads the URL of a mail server: smtp://[user:password@]host[:port], or smtps:// for TLS from the first
// byte. Special characters in user and password are percent-encoded. Its query may hold:
//
//	tls=auto|implicit|starttls|starttls_opportunistic|none
//	tls_min=1.0|1.1|1.2|1.3      the oldest TLS version accepted, 1.2 if absent
//	ca=FILE                      a PEM file of further certificate authorities
//	server_name=NAME             the name in the server's certificate, if it is not the host
//	auth=auto|plain|login|cram-md5|xoauth2|oauthbearer|none
//	token_url=ADDRESS            where tokens for xoauth2 and oauthbearer come from; the password is then the client secret
//	client_id=ID                 who asks for them
//	scope=SCOPE                  what for
//	refresh_token=TOKEN          asks on behalf of the person who gave it
//	helo=NAME                    the name to greet with
//	pool=N                       connections at once, 4 if absent
//	timeout=DURATION             of each step, 15s if absent
//
// Errors say what to change and never show the password.
func ParseSMTP(raw string) (SMTPConfig, error) {
	u, err := url.Parse(raw)
	if err != nil { // err holds the URL with its password
		return SMTPConfig{}, fmt.Errorf("the SMTP URL cannot be read; %s, with special characters percent-encoded", smtpHelp)
	}
	c := SMTPConfig{
		Host: u.Hostname(), TLS: TLSAuto, MinTLS: tls.VersionTLS12, Auth: AuthAuto, Pool: 4, Timeout: 15 * time.Second,
		fromURL: true,
	}
	switch u.Scheme {
	case "smtp":
		c.Port = 587
	case "smtps":
		c.Port, c.TLS = 465, TLSImplicit
	default:
		return SMTPConfig{}, fmt.Errorf("the SMTP URL must begin with smtp:// or smtps://; %s", smtpHelp)
	}
	if c.Host == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTPConfig{}, fmt.Errorf("the SMTP URL must name a host and nothing behind it; %s", smtpHelp)
	}
	if p := u.Port(); p != "" {
		if c.Port, err = strconv.Atoi(p); err != nil || c.Port < 1 || c.Port > 65535 {
			return SMTPConfig{}, fmt.Errorf("the SMTP URL's port %q is not a port", p)
		}
	}
	if u.User != nil {
		c.Username = u.User.Username()
		c.Password, _ = u.User.Password()
		if c.Username == "" {
			return SMTPConfig{}, errors.New("the SMTP URL has a password and no user; write user:password@ before the host")
		}
	}
	c.ServerName = c.Host
	if err := c.readQuery(u.RawQuery); err != nil {
		return SMTPConfig{}, err
	}
	if c.OAuth != (OAuth{}) {
		c.OAuth.ClientSecret, c.Password = c.Password, ""
		if err := c.OAuth.check(); err != nil {
			return SMTPConfig{}, fmt.Errorf("the SMTP URL's %w", err)
		}
	}
	return c, c.check(u.Scheme)
}

// readQuery takes the options of the URL.
func (c *SMTPConfig) readQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the SMTP URL's options cannot be read; write them as ?tls=starttls&auth=plain")
	}
	for name, values := range query {
		if len(values) != 1 {
			return fmt.Errorf("the SMTP URL's option %q is given more than once", name)
		}
		if err := c.set(name, values[0]); err != nil {
			return err
		}
	}
	return nil
}

func (c *SMTPConfig) set(name, value string) error {
	var err error
	switch name {
	case "tls":
		c.TLS, err = oneOf(name, value, TLSAuto, TLSImplicit, TLSStartTLS, TLSOpportunistic, TLSNone)
	case "auth":
		c.Auth, err = oneOf(name, value, AuthAuto, AuthPlain, AuthLogin, AuthCRAMMD5, AuthXOAUTH2, AuthOAuthBearer, AuthNone)
	case "token_url":
		c.OAuth.Address = value
	case "client_id":
		c.OAuth.ClientID = value
	case "scope":
		c.OAuth.Scope = value
	case "refresh_token":
		c.OAuth.RefreshToken = value
	case "tls_min":
		v, ok := tlsVersions[value]
		if !ok {
			return fmt.Errorf("the SMTP URL's tls_min is %q; it can be 1.0, 1.1, 1.2 or 1.3", value)
		}
		c.MinTLS = v
	case "ca":
		c.RootCAs, err = readRoots(value)
	case "server_name":
		c.ServerName = value
	case "helo":
		if !greeting(value) {
			return fmt.Errorf("the SMTP URL's helo %q is not a host name", value)
		}
		c.Hello = value
	case "pool":
		if c.Pool, err = strconv.Atoi(value); err != nil || c.Pool < 1 || c.Pool > 64 {
			return fmt.Errorf("the SMTP URL's pool is %q; it can be 1 to 64", value)
		}
	case "timeout":
		if c.Timeout, err = time.ParseDuration(value); err != nil || c.Timeout < time.Second || c.Timeout > sendTimeout {
			return fmt.Errorf("the SMTP URL's timeout is %q; it can be 1s to %s", value, sendTimeout)
		}
	default:
		return fmt.Errorf("the SMTP URL's option %q is not known; there are tls, tls_min, ca, server_name, auth, token_url, client_id, scope, refresh_token, helo, pool and timeout", name)
	}
	return err
}

// tlsVersions are the versions of TLS that may be the oldest accepted.
var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// greeting reports whether a text can stand behind EHLO.
func greeting(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// check refuses a source of tokens that cannot be one. Secrets go to it, so it is asked over https unless it is on this
// machine.
func (o OAuth) check() error {
	u, err := url.Parse(o.Address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("token_url is not an https address")
	}
	if o.ClientID == "" {
		return errors.New("token_url wants a client_id")
	}
	return nil
}

// form is what asks for a token.
func (o OAuth) form() url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {o.ClientID}}
	if o.RefreshToken != "" {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", o.RefreshToken)
	}
	for name, value := range map[string]string{"client_secret": o.ClientSecret, "scope": o.Scope} {
		if value != "" {
			form.Set(name, value)
		}
	}
	return form
}

// check refuses contradictions.
func (c *SMTPConfig) check(scheme string) error {
	switch {
	case scheme == "smtps" && c.TLS != TLSImplicit && c.TLS != TLSAuto:
		return fmt.Errorf("the SMTP URL begins with smtps:// and says tls=%s; begin it with smtp://", c.TLS)
	case c.TLS == TLSNone && !maybePrivate(c.Host):
		return errors.New("the SMTP URL says tls=none for a public address; without TLS anybody on the way reads the codes")
	case c.Username == "" && c.Auth != AuthAuto && c.Auth != AuthNone:
		return fmt.Errorf("the SMTP URL says auth=%s and has no user; write user:password@ before the host", c.Auth)
	case c.OAuth.Address == "" && (c.Auth == AuthXOAUTH2 || c.Auth == AuthOAuthBearer):
		return fmt.Errorf("the SMTP URL says auth=%s and not where tokens come from; add token_url= and client_id=", c.Auth)
	case c.Username == "" && c.OAuth.Address != "":
		return errors.New("the SMTP URL has a token_url and no user; write the mailbox before the host")
	case c.Username != "" && c.Auth == AuthNone:
		return errors.New("the SMTP URL has a user and says auth=none; leave one of them out")
	}
	if scheme == "smtps" {
		c.TLS = TLSImplicit
	}
	if c.TLS == TLSAuto {
		switch {
		case c.Port == 465:
			c.TLS = TLSImplicit
		case loopback(c.Host):
			c.TLS, c.trustLoopback = TLSOpportunistic, true
		default:
			c.TLS = TLSStartTLS
		}
	}
	return nil
}

func oneOf[T ~string](name, value string, allowed ...T) (T, error) {
	if slices.Contains(allowed, T(value)) {
		return T(value), nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return "", fmt.Errorf("the SMTP URL's %s is %q; it can be %s", name, value, strings.Join(words, ", "))
}

// readRoots gives the system's certificate authorities and those of a PEM file.
func readRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the SMTP URL's ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the SMTP URL's ca: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// loopback reports whether a host names this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// maybePrivate reports whether a host may lie in a private network. A name may: what it stands for is looked at when the
// connection is made.
func maybePrivate(host string) bool {
	a, err := netip.ParseAddr(host)
	return err != nil || private(a)
}

func private(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}
