package message

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"latchkey/internal/egress"
)

var errSMTPHost = errors.New("the smtp_host of the e-mail provider is not the name of a host, or its smtp_port is not a port")

// newTenantSMTP makes the provider of a tenant's own mail server. Port 465 is TLS from the first byte; at all others
// STARTTLS is required, except on loopback.
func newTenantSMTP(c *configured, e *egress.Egress) (*SMTP, error) {
	host := strings.Trim(c.credentials.SMTPHost, "[] ")
	if _, err := netip.ParseAddr(host); err != nil {
		if host, err = idna.Lookup.ToASCII(host); err != nil || net.ParseIP(host) != nil || !hostName.MatchString(host) {
			return nil, errSMTPHost
		}
	}
	if c.credentials.SMTPPort < 1 || c.credentials.SMTPPort > 65535 {
		return nil, errSMTPHost
	}
	config := SMTPConfig{
		Host: host, Port: c.credentials.SMTPPort, ServerName: host,
		Username: c.credentials.SMTPUser, Password: c.credentials.SMTPPass,
		TLS: TLSAuto, MinTLS: tls.VersionTLS12, RootCAs: e.RootCAs(), Auth: AuthAuto, Pool: 4, Timeout: 15 * time.Second,
		headers: c.headers(), dial: e.DialMail,
	}
	if err := config.check("smtp"); err != nil {
		return nil, errSMTPHost
	}
	return NewSMTP(config), nil
}
