package main

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"time"

	"latchkey/internal/egress"
	"latchkey/internal/message"
	"latchkey/internal/sandbox"
	"latchkey/internal/server"
)

type serveCmd struct {
	databaseFlags
	keysetFlags

	Listen []string `default:"localhost:8443" placeholder:"HOST:PORT" help:"An address to answer on; may be given several times. An empty host (:443) means all of the machine's. Tenants are chosen by the Host header among the domains that 'latchkey tenant create' wrote, so every address serves every tenant; ${default} when absent."`

	TLSCert []string `name:"tls-cert" group:"How connections are protected (choose one way):" placeholder:"FILE" help:"PEM file with a certificate and its chain; with several, the name a client asks for decides. A replaced file is noticed within seconds."`
	TLSKey  []string `name:"tls-key" group:"How connections are protected (choose one way):" placeholder:"FILE" help:"PEM file with the key of the certificate at the same place in --tls-cert."`

	ACMEEmail     string `name:"acme-email" group:"How connections are protected (choose one way):" placeholder:"ADDRESS" help:"Obtain and renew certificates for the tenants' domains by ACME, with this contact. Port 443 of each domain must reach --listen. Certificates lie in the database, for all nodes. By giving an address you accept the authority's terms."`
	ACMEDirectory string `name:"acme-directory" group:"How connections are protected (choose one way):" placeholder:"URL" help:"Another authority than Let's Encrypt: the address of its ACME directory."`
	ACMECA        string `name:"acme-ca" group:"How connections are protected (choose one way):" placeholder:"FILE" help:"PEM file with the roots that the ACME directory's own certificate is checked with, for a private authority."`

	BehindProxy []network `group:"How connections are protected (choose one way):" placeholder:"CIDR" help:"A proxy in this network ends TLS and forwards plain HTTP. Only its X-Forwarded-For is believed, and plain HTTP from anyone else is refused. A network that is too wide lets strangers choose the address that limits count; a missing one makes everybody share the proxy's."`

	SMTP     string `placeholder:"URL" help:"The mail server that login codes leave by: smtp://user:password@host:587 or smtps://... Without it nobody can log in by e-mail, except at tenants that have set an e-mail provider of their own. Give it in the environment or the file: command lines are public on a machine."`
	SMTPFrom string `name:"smtp-from" placeholder:"MAILBOX" help:"The sender of mail, such as 'Acme <no-reply@acme.example>'. Mail servers refuse or hide mail from a domain that is not theirs."`

	EgressAllow []string `placeholder:"TARGET" help:"What tenants' e-mail providers may reach beyond the public internet: a network (10.1.0.0/16), an address, or a host with a port (mail.internal:25). Everything inside is refused otherwise, since tenants choose the address."`

	MaxImportSize int64 `placeholder:"BYTES" help:"The largest file of users that the Management API takes for an import; 512000 when absent, as Auth0's. The file is kept in the database until the import is a day old."`

	MetricsListen string        `placeholder:"HOST:PORT" help:"A separate address for /healthz (the process lives), /readyz (it can serve) and /metrics (Prometheus). Off when absent. It needs no login: keep it inside."`
	StopGrace     time.Duration `default:"20s" help:"How long a stop (SIGTERM, SIGINT) waits for requests in flight and for messages on their way. What takes longer is cut off."`

	logFlags
}

// Help explains serve beyond its settings.
func (*serveCmd) Help() string {
	return `Serve listens, answers and never changes the tables: run 'latchkey migrate' first, and again before each new version. It refuses to start on settings that contradict each other and says what to change.

One machine, certificates by ACME:

    latchkey serve --listen :443 --acme-email ops@example.com \
        --database /var/lib/latchkey/data.db --master-keyset /etc/latchkey/keyset.json \
        --smtp smtp://user:password@mail.example.com:587 --smtp-from no-reply@example.com

Nodes behind a load balancer that ends TLS, settings in a file:

    latchkey serve --config /etc/latchkey/config.yaml

    # config.yaml
    database: postgres://latchkey@db.internal/latchkey
    master-keyset: /etc/latchkey/keyset.json
    listen: [":8080"]
    behind-proxy: [10.0.0.0/16]
    metrics-listen: :9464
    log-format: json
    smtp: smtp://user:password@mail.example.com:587
    smtp-from: Acme <no-reply@acme.example>

The tables, then one node and a look at whether it is ready:

    latchkey migrate --config /etc/latchkey/config.yaml
    curl localhost:9464/readyz`
}

// Run serves until the process is told to stop.
func (c *serveCmd) Run(ctx context.Context, s streams) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	config.Log = server.NewLog(s.err, c.LogFormat, c.LogLevel)
	return server.Run(ctx, config)
}

// config checks the settings against each other and turns them into the server's.
func (c *serveCmd) config() (server.Config, error) {
	for _, check := range []func() error{c.checkListen, c.checkTLS, c.checkProxies, c.checkMail, c.checkImport} {
		if err := check(); err != nil {
			return server.Config{}, err
		}
	}
	keyset, err := readKeyset(c.MasterKeyset)
	if err != nil {
		return server.Config{}, err
	}
	config := server.Config{
		Database: c.Database, Keyset: keyset, Listen: c.Listen, From: c.SMTPFrom,
		MaxImport: c.MaxImportSize, MetricsListen: c.MetricsListen, StopGrace: c.StopGrace, Version: version(),
	}
	if config.Worker, err = sandbox.Command(workerCommand); err != nil {
		return server.Config{}, err
	}
	for _, n := range c.BehindProxy {
		config.Proxies = append(config.Proxies, netip.Prefix(n))
	}
	for i := range c.TLSCert {
		config.Certificates = append(config.Certificates, server.CertificateFile{Certificate: c.TLSCert[i], Key: c.TLSKey[i]})
	}
	if c.ACMEEmail != "" {
		config.ACME = &server.ACMEAccount{Email: c.ACMEEmail, Directory: c.ACMEDirectory}
		if config.ACME.Roots, err = readRoots(c.ACMECA); err != nil {
			return server.Config{}, err
		}
	}
	for _, target := range c.EgressAllow {
		allowed, err := egress.ParseAllow(target)
		if err != nil {
			return server.Config{}, usagef("--egress-allow: %v", err)
		}
		config.EgressAllow = append(config.EgressAllow, allowed)
	}
	if c.SMTP != "" {
		smtp, err := message.ParseSMTP(c.SMTP)
		if err != nil {
			return server.Config{}, usagef("--smtp: %v", err)
		}
		config.SMTP = &smtp
	}
	return config, nil
}

func (c *serveCmd) checkListen() error {
	seen := map[string]bool{}
	for _, address := range c.Listen {
		if _, port, err := net.SplitHostPort(address); err == nil && port == "0" {
			continue // any free one: never the same twice
		}
		if seen[address] {
			return usagef("--listen names %s twice; remove one of them", address)
		}
		seen[address] = true
	}
	if c.MetricsListen != "" && seen[c.MetricsListen] {
		return usagef("--metrics-listen and --listen are both %s; metrics need an address of their own, since strangers must not read them", c.MetricsListen)
	}
	return nil
}

func (c *serveCmd) checkTLS() error {
	switch {
	case len(c.TLSCert) != len(c.TLSKey):
		return usagef("--tls-cert is given %d times and --tls-key %d times; give one key for each certificate, in the same order", len(c.TLSCert), len(c.TLSKey))
	case len(c.TLSCert) > 0 && c.ACMEEmail != "":
		return usagef("--tls-cert and --acme-email are both given; remove --tls-cert to obtain certificates by ACME, or --acme-email to use the files")
	case c.ACMEEmail == "" && (c.ACMEDirectory != "" || c.ACMECA != ""):
		return usagef("--acme-directory and --acme-ca do nothing without --acme-email; add it or remove them")
	case c.ACMEEmail != "" && len(c.BehindProxy) > 0:
		return usagef("--acme-email and --behind-proxy are both given, but a proxy that ends TLS keeps the authority from reaching this server; let the proxy obtain certificates and remove --acme-email, or use --tls-cert for the connection from the proxy")
	}
	if len(c.TLSCert) > 0 || c.ACMEEmail != "" || len(c.BehindProxy) > 0 {
		return nil
	}
	for _, address := range c.Listen {
		if !server.Loopback(address) {
			return usagef("plain HTTP on %s would send codes and sessions unprotected; add --tls-cert and --tls-key, or --acme-email, or --behind-proxy CIDR when a proxy in front ends TLS, or listen on a loopback address", address)
		}
	}
	return nil
}

// widest are the shortest prefixes that can still be a network of proxies.
const widestIPv4, widestIPv6 = 8, 7

func (c *serveCmd) checkProxies() error {
	for _, n := range c.BehindProxy {
		p := netip.Prefix(n)
		if (p.Addr().Is4() && p.Bits() < widestIPv4) || (p.Addr().Is6() && p.Bits() < widestIPv6) {
			return usagef("--behind-proxy %s believes nearly everybody's X-Forwarded-For, so strangers could choose the address that limits count; name the network of the proxies only", p)
		}
	}
	return nil
}

func (c *serveCmd) checkMail() error {
	if c.SMTP != "" && c.SMTPFrom == "" {
		return usagef("--smtp is given without --smtp-from; add the mailbox that mail comes from, such as --smtp-from no-reply@example.com")
	}
	if c.SMTP == "" && c.SMTPFrom != "" {
		return usagef("--smtp-from does nothing without --smtp; add the mail server or remove it")
	}
	if _, err := message.NewRenderer(c.SMTPFrom); err != nil {
		return usagef("--smtp-from: %v", err)
	}
	return nil
}

func (c *serveCmd) checkImport() error {
	if c.MaxImportSize < 0 {
		return usagef("--max-import-size is %d; give the bytes that a file may have, or leave it out", c.MaxImportSize)
	}
	return nil
}

func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("--acme-ca: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--acme-ca: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// network is a network in CIDR notation, or one address.
type network netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *network) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		*n = network(netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return usagef("%q is no network; write it like 10.0.0.0/16, or one address", text)
	}
	*n = network(p.Masked())
	return nil
}
