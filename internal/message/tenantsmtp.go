package message

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"latchkey/internal/egress"
	"latchkey/internal/resource"
)

// smtpCredentials are those of a tenant's own mail server. The first four are Auth0's; all others are ours, and what they
// leave open is as it is at Auth0: STARTTLS required, TLS 1.2, a public authority, a password.
type smtpCredentials struct {
	SMTPHost string `json:"smtp_host"`
	SMTPPort int    `json:"smtp_port"`
	SMTPUser string `json:"smtp_user"`
	SMTPPass string `json:"smtp_pass"`

	SMTPTLS        string `json:"smtp_tls"`         // a TLSMode
	SMTPMinTLS     string `json:"smtp_tls_min"`     // "1.0" to "1.3"
	SMTPCA         string `json:"smtp_ca_pem"`      // further certificate authorities
	SMTPPin        string `json:"smtp_cert_sha256"` // of the public key in the certificate, in place of its chain
	SMTPServerName string `json:"smtp_servername"`  // the name in the certificate
	SMTPAuth       string `json:"smtp_auth"`        // an AuthMode
	SMTPOAuth      *OAuth `json:"smtp_oauth"`
	SMTPHello      string `json:"smtp_helo"`
}

var errSMTPHost = errors.New("the smtp_host of the e-mail provider is not the name of a host, or its smtp_port is not a port")

// CheckSMTP judges the credentials of a mail server as a tenant writes them. Those that are sealed need not be there. Its
// error is a sentence for the tenant.
func CheckSMTP(given resource.Document) error {
	text, err := json.Marshal(given)
	if err != nil {
		return errOddProvider
	}
	var c smtpCredentials
	if err := json.Unmarshal(text, &c); err != nil {
		return errOddProvider
	}
	_, err = c.config(nil)
	return err
}

// newTenantSMTP makes the provider of a tenant's own mail server.
func newTenantSMTP(c *configured, e *egress.Egress) (*SMTP, error) {
	config, err := c.credentials.config(e.RootCAs())
	if err != nil {
		return nil, err
	}
	config.headers, config.dial, config.Egress = c.headers(), e.DialMail, e
	s := NewSMTP(config)
	if s.config.tokens != nil {
		s.config.tokens.keep = c.keep
	}
	return s, nil
}

// config reads credentials. Roots are the authorities beside those of the credentials; nil means the system's.
func (c *smtpCredentials) config(roots *x509.CertPool) (SMTPConfig, error) {
	host := strings.Trim(c.SMTPHost, "[] ")
	if _, err := netip.ParseAddr(host); err != nil {
		if host, err = idna.Lookup.ToASCII(host); err != nil || net.ParseIP(host) != nil || !hostName.MatchString(host) {
			return SMTPConfig{}, errSMTPHost
		}
	}
	if c.SMTPPort < 1 || c.SMTPPort > 65535 {
		return SMTPConfig{}, errSMTPHost
	}
	config := SMTPConfig{
		Host: host, Port: c.SMTPPort, ServerName: cmp.Or(c.SMTPServerName, host),
		Username: c.SMTPUser, Password: c.SMTPPass, Hello: c.SMTPHello,
		TLS: TLSMode(cmp.Or(c.SMTPTLS, string(TLSAuto))), MinTLS: tls.VersionTLS12, RootCAs: roots,
		Auth: AuthMode(cmp.Or(c.SMTPAuth, string(AuthAuto))), Pool: 4, Timeout: 15 * time.Second,
	}
	if c.SMTPOAuth != nil {
		config.OAuth = *c.SMTPOAuth
	}
	for _, step := range []func(*SMTPConfig) error{c.protect, c.authenticate} {
		if err := step(&config); err != nil {
			return SMTPConfig{}, err
		}
	}
	return config, nil
}

// protect reads how the connection is protected.
func (c *smtpCredentials) protect(config *SMTPConfig) error {
	if !slices.Contains([]TLSMode{TLSAuto, TLSImplicit, TLSStartTLS, TLSOpportunistic, TLSNone}, config.TLS) {
		return errors.New("smtp_tls can be auto, implicit, starttls, starttls_opportunistic or none")
	}
	if c.SMTPMinTLS != "" {
		v, ok := tlsVersions[c.SMTPMinTLS]
		if !ok {
			return fmt.Errorf("smtp_tls_min can be %s", strings.Join(slices.Sorted(maps.Keys(tlsVersions)), ", "))
		}
		config.MinTLS = v
	}
	if config.Hello != "" && !greeting(config.Hello) {
		return errors.New("smtp_helo is not the name of a host")
	}
	if config.ServerName != config.Host && !hostName.MatchString(config.ServerName) {
		return errors.New("smtp_servername is not the name of a host")
	}
	if c.SMTPCA != "" {
		roots, err := withAuthorities(config.RootCAs, c.SMTPCA)
		if err != nil {
			return err
		}
		config.RootCAs = roots
	}
	if c.SMTPPin != "" {
		pin, err := readPin(c.SMTPPin)
		if err != nil {
			return err
		}
		config.pin = pin
	}
	if config.TLS == TLSNone && !maybePrivate(config.Host) {
		return errors.New("smtp_tls is none for a public address: without TLS anybody on the way reads the codes")
	}
	if config.TLS == TLSAuto {
		switch {
		case config.Port == 465:
			config.TLS = TLSImplicit
		case loopback(config.Host):
			config.TLS, config.trustLoopback = TLSOpportunistic, c.SMTPCA == "" && c.SMTPPin == ""
		default:
			config.TLS = TLSStartTLS
		}
	}
	return nil
}

// authenticate reads how the server learns who we are.
func (c *smtpCredentials) authenticate(config *SMTPConfig) error {
	config.Auth = AuthMode(strings.ToLower(string(config.Auth)))
	byToken := config.Auth == AuthXOAUTH2 || config.Auth == AuthOAuthBearer
	switch {
	case !slices.Contains([]AuthMode{AuthAuto, AuthPlain, AuthLogin, AuthCRAMMD5, AuthXOAUTH2, AuthOAuthBearer, AuthNone}, config.Auth):
		return errors.New("smtp_auth can be auto, plain, login, cram-md5, xoauth2, oauthbearer or none")
	case byToken && c.SMTPOAuth == nil:
		return fmt.Errorf("smtp_auth is %s and there is no smtp_oauth, which says where tokens come from", config.Auth)
	case config.Auth != AuthNone && config.Username == "":
		return errors.New("smtp_user is missing; a server that wants no login is one with smtp_auth none")
	}
	if config.Auth == AuthNone {
		config.Username, config.OAuth = "", OAuth{}
	}
	if config.OAuth != (OAuth{}) || byToken {
		if err := config.OAuth.check(); err != nil {
			return fmt.Errorf("of smtp_oauth: %w", err)
		}
	}
	return nil
}

// withAuthorities adds the certificates of a PEM text to authorities.
func withAuthorities(roots *x509.CertPool, text string) (*x509.CertPool, error) {
	if roots != nil {
		roots = roots.Clone()
	} else if system, err := x509.SystemCertPool(); err == nil {
		roots = system
	} else {
		roots = x509.NewCertPool()
	}
	added := false
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("smtp_ca_pem holds something that is no certificate")
		}
		roots.AddCert(certificate)
		added = true
	}
	if !added {
		return nil, errors.New("smtp_ca_pem holds no certificate in PEM form")
	}
	return roots, nil
}

// readPin reads a SHA-256 in hexadecimal digits, with or without colons, or in base64.
func readPin(text string) ([]byte, error) {
	pin, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil {
		pin, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(pin) != 32 {
		return nil, errors.New("smtp_cert_sha256 is no SHA-256 in hexadecimal digits or base64")
	}
	return pin, nil
}
