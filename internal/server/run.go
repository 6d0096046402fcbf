package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"latchkey/internal/egress"
	"latchkey/internal/message"
	"latchkey/internal/seal"
	"latchkey/internal/web/httpx"
)

// Config is a server in production. Its settings are checked against each other by whoever reads them.
type Config struct {
	Database string
	Keyset   *seal.Keyset
	Listen   []string

	Certificates []CertificateFile
	ACME         *ACMEAccount
	Proxies      httpx.Proxies // when set and there are no certificates, listeners speak plain HTTP to these alone

	SMTP *message.SMTPConfig
	From string

	// Worker is the command that starts a worker process (AppConfig).
	Worker []string
	// EgressAllow opens addresses for tenants' services that are not on the public internet.
	EgressAllow []egress.Allowed

	// MaxImport is the largest file of a users-imports job in bytes; 512000, as Auth0's, unless set.
	MaxImport int64

	MetricsListen string
	StopGrace     time.Duration
	Version       string
	Log           *slog.Logger
}

// ACMEAccount says where certificates are obtained.
type ACMEAccount struct {
	Email     string
	Directory string         // empty means Let's Encrypt
	Roots     *x509.CertPool // of the directory's own certificate; nil means the system's
}

// Run serves until ctx ends, then stops gracefully.
func Run(ctx context.Context, c Config) error {
	f := NewFront(c.Log)
	err := start(ctx, c, f)
	switch {
	case err == nil:
		err = f.Wait(ctx)
		c.Log.Info("stopping", "grace", c.StopGrace.String())
	case ctx.Err() != nil:
		err = nil // told to stop while starting: that is why it could not go on
	}
	// Stopping has its own time: ctx has ended already.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.StopGrace)
	defer cancel()
	err = errors.Join(err, f.Stop(stop))
	if err == nil {
		c.Log.Info("stopped")
	}
	return err
}

// start opens everything. What it has opened when it fails is registered with f.
func start(ctx context.Context, c Config, f *Front) error {
	d, err := OpenDatabase(ctx, DatabaseOptions{URL: c.Database, Keyset: c.Keyset})
	if err != nil {
		return err
	}
	metrics := NewMetrics(c.Version)
	app, err := NewApp(AppConfig{
		Database: d, Log: c.Log, Metrics: metrics, Proxies: c.Proxies, SMTP: c.SMTP, From: c.From, MaxImport: c.MaxImport,
		Worker: c.Worker,
		Egress: egress.Config{Allow: c.EgressAllow},
	})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	f.OnStop("messages", app.Close)
	f.OnStop("database", func(context.Context) error { return d.Close() })

	if c.MetricsListen != "" {
		listeners, err := Listen(ctx, c.MetricsListen)
		if err != nil {
			return err
		}
		for _, l := range listeners {
			if err := f.Serve(Door{Listener: l, Handler: Operations(c.Log, metrics, f.Stopping, d.Store.CheckSchema, app.MailRoute())}); err != nil {
				return err
			}
		}
		c.Log.Info("health and metrics", "address", listeners[0].Addr().String())
	}
	var listeners []net.Listener
	for _, address := range c.Listen {
		opened, err := Listen(ctx, address)
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, opened...)
	}
	protection, err := c.tls(d, f, Port(listeners[0]))
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	plain := protection == nil
	handler := app.Handler(plain && len(c.Proxies) > 0)
	for _, l := range listeners {
		if err := f.Serve(Door{Listener: l, Handler: handler, TLS: protection}); err != nil {
			return err
		}
		c.Log.Info("listening", "address", l.Addr().String(), "tls", !plain)
	}
	return report(ctx, c, d, app)
}

// tls gives the protection of the listeners; nil is plain HTTP.
func (c Config) tls(d *Database, f *Front, port int) (*tls.Config, error) {
	switch {
	case len(c.Certificates) > 0:
		return FileTLS(c.Log, c.Certificates)
	case c.ACME != nil:
		config, stop := ACMETLS(ACMEConfig{
			Email: c.ACME.Email, Directory: c.ACME.Directory, Roots: c.ACME.Roots, Port: port,
			Sites: d.Store, Files: d.Store, Keys: d.Keyset, Clock: d.Clock, Log: c.Log,
		})
		f.BeforeStop(stop)
		return config, nil
	}
	return nil, nil
}

// report says what an operator would otherwise find out too late.
func report(ctx context.Context, c Config, d *Database, app *App) error {
	tenants, err := d.Store.Tenants(ctx)
	if err != nil {
		return fmt.Errorf("list the tenants: %w", err)
	}
	if len(tenants) == 0 {
		c.Log.Warn("no tenant exists, so every request is answered with 404; make one with: latchkey tenant create NAME --domain HOST")
	}
	for _, t := range tenants {
		c.Log.Info("tenant", "tenant", t.Name, "issuer", t.Domain.Issuer)
	}
	if app.MailRoute() == "none" {
		c.Log.Warn("no mail server is configured, so login codes leave only for tenants with an e-mail provider of their own; add --smtp URL")
	}
	return nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
