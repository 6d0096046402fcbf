package dev

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/message"
	"latchkey/internal/server"
	"latchkey/internal/tenant"
	"latchkey/internal/web/devinbox"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/sampleapp"
)

// Config is a development server.
type Config struct {
	Listen   string // HOST:PORT; port 0 is any free one
	Data     string // the folder of everything
	Domain   string // empty: the host and port of Listen
	NoTLS    bool
	Database string // empty: a file in Data
	SMTP     *message.SMTPConfig
	Worker   []string  // the command that starts a worker process
	Out      io.Writer // what a person reads at the start
	Log      *slog.Logger
	Version  string
}

const (
	databaseFile = "data.db"
	sampleTenant = "dev"
	stopGrace    = 10 * time.Second
)

// Run starts the server and stays until ctx ends, then stops gracefully.
func Run(ctx context.Context, c Config) error {
	d := &development{Config: c, front: server.NewFront(c.Log), clock: clock.System{}}
	err := d.start(ctx)
	switch {
	case err == nil:
		err = d.front.Wait(ctx)
	case ctx.Err() != nil:
		err = nil // told to stop while starting: that is why it could not go on
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	return errors.Join(err, d.front.Stop(stop))
}

// development is a running development server.
type development struct {
	Config
	front    *server.Front
	clock    clock.Clock
	database *server.Database
	app      *server.App
	sites    *sites

	authority *Authority // nil without TLS
	tls       *tls.Config

	port      int // of the main address
	inboxURL  string
	sampleURL string
}

// start opens everything and writes dev.json last. What it has opened when it fails is registered with the front.
func (d *development) start(ctx context.Context) error {
	dir, err := filepath.Abs(d.Data)
	if err != nil {
		return err
	}
	d.Data = dir
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	doors, err := d.listen(ctx)
	if err != nil {
		return err
	}
	defer doors.close() // those that nobody serves
	if err := d.open(ctx); err != nil {
		return err
	}
	domain, err := d.domain()
	if err != nil {
		return err
	}
	if err := d.protect(domain); err != nil {
		return err
	}
	t, err := d.sampleTenant(ctx, domain)
	if err != nil {
		return fmt.Errorf("make the sample tenant: %w", err)
	}
	// From here on the tenant answers: on a database that is ready, what follows finds everything as it was.
	if err := d.serve(&doors.main, server.Door{Handler: d.app.Handler(false), TLS: d.tls}); err != nil {
		return err
	}
	document, err := d.describe(ctx, t)
	if err != nil {
		return fmt.Errorf("make the sample data: %w", err)
	}
	document.InboxURL, document.SampleAppURL = d.inboxURL, &d.sampleURL
	if err := d.serveNeighbours(doors, document); err != nil {
		return err
	}
	if err := document.write(d.Data); err != nil {
		return err
	}
	return d.greet(document)
}

// open opens the database and assembles the product on it.
func (d *development) open(ctx context.Context) error {
	keyset, err := openKeyset(d.Data)
	if err != nil {
		return err
	}
	url := d.Database
	if url == "" {
		url = filepath.Join(d.Data, databaseFile)
	}
	d.database, err = server.OpenDatabase(ctx, server.DatabaseOptions{URL: url, Keyset: keyset, Migrate: true, Clock: d.clock})
	if err != nil {
		return err
	}
	d.sites = newSites(d.database.Store)
	d.app, err = server.NewApp(server.AppConfig{
		Database: d.database, Log: d.Log, Metrics: server.NewMetrics(d.Version), Sites: d.sites, SMTP: d.SMTP,
		Dev: true, InboxURL: d.inboxURL, Worker: d.Worker,
	})
	if err != nil {
		return errors.Join(err, d.database.Close())
	}
	d.front.OnStop("messages", d.app.Close)
	d.front.OnStop("database", func(context.Context) error { return d.database.Close() })
	return nil
}

// doors are the open listeners of the server, the inbox and the sample application.
type doors struct {
	main, inbox, sample []net.Listener
	address             net.Addr // of the first main one
}

// close closes the listeners that are not served yet.
func (o *doors) close() {
	for _, ls := range [][]net.Listener{o.main, o.inbox, o.sample} {
		for _, l := range ls {
			_ = l.Close()
		}
	}
}

// listen opens the main address, and the inbox's and sample application's on the next two ports of loopback, or on any
// free ones.
func (d *development) listen(ctx context.Context) (*doors, error) {
	o := &doors{}
	var err error
	if o.main, err = server.Listen(ctx, d.Listen); err != nil {
		return nil, err
	}
	d.port, o.address = server.Port(o.main[0]), o.main[0].Addr()
	if o.inbox, err = listenNear(ctx, d.port+1); err == nil {
		o.sample, err = listenNear(ctx, d.port+2)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	d.inboxURL = fmt.Sprintf("http://localhost:%d", server.Port(o.inbox[0]))
	d.sampleURL = fmt.Sprintf("http://localhost:%d", server.Port(o.sample[0]))
	return o, nil
}

func listenNear(ctx context.Context, port int) ([]net.Listener, error) {
	if port <= 65535 {
		if ls, err := server.Listen(ctx, fmt.Sprintf("localhost:%d", port)); err == nil {
			return ls, nil
		}
	}
	return server.Listen(ctx, "localhost:0")
}

// domain gives the configured domain, or the host of the main address with the port that it got.
func (d *development) domain() (tenant.Domain, error) {
	name := d.Domain
	if name == "" {
		host, _, err := net.SplitHostPort(d.Listen)
		if err != nil {
			return tenant.Domain{}, err
		}
		if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
			host = "localhost"
		}
		name = net.JoinHostPort(host, strconv.Itoa(d.port))
	}
	host, ok := httpx.Host(name, !d.NoTLS)
	if !ok {
		return tenant.Domain{}, fmt.Errorf("the domain %q is no host name; write it like login.test or login.test:8443", name)
	}
	return server.DomainOf(host, !d.NoTLS), nil
}

// protect makes the certificate for the domain.
func (d *development) protect(domain tenant.Domain) error {
	if d.NoTLS {
		return nil
	}
	now := d.clock.Now()
	var err error
	if d.authority, err = OpenAuthority(d.Data, now); err != nil {
		return err
	}
	certificate, err := d.authority.Certificate(now, hostname(domain.Host))
	if err != nil {
		return err
	}
	d.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return nil
}

// hostname gives the host without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// sampleTenant finds or makes the sample tenant, with the domain of this start, and makes its hosts lead to it.
func (d *development) sampleTenant(ctx context.Context, domain tenant.Domain) (*tenant.Tenant, error) {
	found, err := d.database.TenantNamed(ctx, sampleTenant)
	if errors.Is(err, tenant.ErrNotFound) {
		var made *server.CreatedTenant
		made, err = d.database.CreateTenant(ctx, server.NewTenant{
			Name: sampleTenant, Domain: domain.Host, HTTPS: !d.NoTLS, Settings: sampleSettings("Latchkey dev"),
		})
		if err == nil {
			found = made.Tenant
		}
	}
	if err != nil {
		return nil, err
	}
	t := *found
	t.Domain = domain // perhaps it was made on another port
	d.lead(&t, d.port)
	return &t, nil
}

// lead makes the tenant's domain and all names of its own port lead to it.
func (d *development) lead(t *tenant.Tenant, port int) {
	hosts := []string{t.Domain.Host}
	for _, name := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if host, ok := httpx.Host(name+":"+strconv.Itoa(port), !d.NoTLS); ok {
			hosts = append(hosts, host)
		}
	}
	d.sites.add(t.ID, t.Domain, hosts...)
}

// describe makes what a sample tenant lacks and gives its document.
func (d *development) describe(ctx context.Context, t *tenant.Tenant) (*Document, error) {
	made, err := d.database.Complete(ctx, t)
	if err != nil {
		return nil, err
	}
	s, err := addSample(ctx, d.database, made)
	if err != nil {
		return nil, err
	}
	document := &Document{
		Issuer:     t.Domain.Issuer,
		Domain:     t.Domain.Host,
		Management: Management{Secret{s.management.ID, s.managementSecret}, t.ManagementAudience()},
		SPA:        Public{s.spa.ID},
		Web:        Secret{s.web.ID, s.webSecret},
		Native:     Public{s.native.ID},
		API:        API{sampleAudience},
	}
	if d.authority != nil {
		document.CACert = &d.authority.Path
	}
	return document, nil
}

// serveNeighbours begins to answer for the inbox and the sample application.
func (d *development) serveNeighbours(o *doors, document *Document) error {
	sample, err := sampleapp.New(sampleapp.Config{
		Issuer: document.Issuer, ClientID: document.Web.ClientID, ClientSecret: document.Web.ClientSecret,
		Audience: document.API.Audience, BaseURL: d.sampleURL,
		InboxURL: d.inboxURL, SPAClientID: document.SPA.ClientID, NativeClientID: document.Native.ClientID,
		DevJSONPath: filepath.Join(d.Data, documentFile), CACertPath: d.caPath(),
		HTTPClient: d.client(document, o.address), Log: d.Log,
	})
	if err != nil {
		return err
	}
	inbox := devinbox.New(devinbox.Config{
		Inbox: d.app.Inbox, Log: d.Log, Dev: true, AlsoSent: d.SMTP != nil, SampleURL: d.sampleURL, NewTenant: d.newTenant,
	})
	d.front.BeforeStop(inbox.Stop)
	if err := d.serve(&o.inbox, server.Door{Handler: inbox, LongAnswers: true}); err != nil {
		return err
	}
	return d.serve(&o.sample, server.Door{Handler: sample})
}

// serve begins to answer at listeners, which belong to the front from then on and leave the list.
func (d *development) serve(listeners *[]net.Listener, door server.Door) error {
	for len(*listeners) > 0 {
		door.Listener = (*listeners)[0]
		*listeners = (*listeners)[1:]
		if err := d.front.Serve(door); err != nil {
			return err
		}
	}
	return nil
}

func (d *development) caPath() string {
	if d.authority == nil {
		return ""
	}
	return d.authority.Path
}

// client gives the sample application's way to the server: it trusts our authority, and finds the domain on this machine
// even when nothing else does.
func (d *development) client(document *Document, main net.Addr) *http.Client {
	transport := &http.Transport{
		ForceAttemptHTTP2: true, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 4,
		TLSHandshakeTimeout: 10 * time.Second,
	}
	if d.authority != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: d.authority.Pool(), MinVersion: tls.VersionTLS12}
	}
	own := document.Domain
	if _, _, err := net.SplitHostPort(own); err != nil {
		own += map[bool]string{true: ":80", false: ":443"}[d.NoTLS]
	}
	target := main.String()
	if a, ok := main.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		target = net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
	}
	var dialer net.Dialer
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == own {
			address = target
		}
		return dialer.DialContext(ctx, network, address)
	}
	d.front.BeforeStop(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// newTenant opens one more loopback port with a fresh sample tenant and gives its document.
func (d *development) newTenant(ctx context.Context) (any, error) {
	// A port may be that of a tenant of an earlier run; then another port is tried.
	for {
		document, err := d.tryTenant(ctx)
		if !errors.Is(err, tenant.ErrExists) {
			return document, err
		}
	}
}

func (d *development) tryTenant(ctx context.Context) (_ *Document, err error) {
	listeners, err := server.Listen(ctx, "localhost:0")
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // of those that nobody serves
		}
	}()
	port := server.Port(listeners[0])
	domain := server.DomainOf(fmt.Sprintf("localhost:%d", port), !d.NoTLS)
	name := sampleTenant + "-" + ident.Hex(5)
	made, err := d.database.CreateTenant(ctx, server.NewTenant{
		Name: name, Domain: domain.Host, HTTPS: !d.NoTLS, Settings: sampleSettings("Latchkey " + name),
	})
	if err != nil {
		return nil, err
	}
	document, err := d.describe(ctx, made.Tenant)
	if err != nil {
		return nil, err
	}
	document.InboxURL = d.inboxURL + "/of/" + made.Tenant.ID
	d.lead(made.Tenant, port)
	return document, d.serve(&listeners, server.Door{Handler: d.app.Handler(false), TLS: d.tls})
}

// greet tells a person where to go.
func (d *development) greet(document *Document) error {
	var b strings.Builder
	fmt.Fprintf(&b, `
  Latchkey development server. Never for production.

    Sample application   %s
    Inbox (codes)        %s
    Domain               %s
    Issuer               %s
    For scripts          %s
`, d.sampleURL, d.inboxURL, document.Domain, document.Issuer, filepath.Join(d.Data, documentFile))
	if d.authority != nil {
		fmt.Fprintf(&b, `
  The certificate is signed by an authority that only this folder knows. Programs trust it with

    export NODE_EXTRA_CA_CERTS=%[1]s   # Node.js
    export SSL_CERT_FILE=%[1]s         # Go, curl, OpenSSL: this authority and no other

  and a browser after its warning.
`, quoted(d.authority.Path))
	}
	b.WriteString("\n  Stop with Ctrl+C.\n\n")
	_, err := io.WriteString(d.Out, b.String())
	return err
}

// quoted gives a path for a POSIX shell.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@%,:", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
