package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/deploy"
	"latchkey/internal/server"
	"latchkey/internal/tenant"
)

// deployFlags say which tenant's configuration is exported or applied, and what of it.
type deployFlags struct {
	Tenant       string `placeholder:"NAME" help:"The tenant's name, as 'latchkey tenant list' shows it: work on the database itself, with --database and --master-keyset. A running server may be there or not."`
	Database     string `placeholder:"FILE|URL" help:"With --tenant, the database: a SQLite file, or postgres://user:password@host/name."`
	MasterKeyset string `placeholder:"FILE" help:"With --tenant, the master keyset of the database."`

	URL          string `name:"url" placeholder:"URL" help:"The tenant's address, such as https://login.example.com: work on a running server, through its Management API. It needs --token, or --client-id and --client-secret."`
	ClientID     string `placeholder:"ID" help:"With --url, a client that may have the scopes of the Management API."`
	ClientSecret string `placeholder:"SECRET" help:"With --url, the client's secret. Give it in the environment or the file: command lines are public on a machine."`
	Token        string `placeholder:"JWT" help:"With --url, an access token of the Management API in place of a client."`
	Audience     string `placeholder:"URL" help:"With --url, the identifier of the Management API, where the address is not the tenant's own domain."`
	CAFile       string `name:"ca-file" placeholder:"FILE" help:"With --url, certificates in PEM that are trusted beside the system's. SSL_CERT_FILE replaces the system's."`

	ConfigJSON string `name:"config-json" placeholder:"FILE" help:"The deploy CLI's config.json: keywords, and what is managed (AUTH0_EXCLUDED, AUTH0_INCLUDED_ONLY, ...). Each of its settings may also come by the environment, which wins."`
	Env        bool   `help:"Make every variable of the environment a keyword. Without it only those are that AUTH0_KEYWORD_REPLACE_MAPPINGS names or that begin with LATCHKEY_VAR_."`
}

// settings reads what is managed, and checks that the flags name one tenant in one way.
func (f *deployFlags) settings() (deploy.Settings, error) {
	s, err := deploy.ReadSettings(f.ConfigJSON, os.Environ(), f.Env)
	if err != nil {
		return s, usagef("%v", err)
	}
	if f.Tenant == "" && f.URL == "" && s.Domain != "" {
		f.URL = "https://" + strings.TrimSuffix(s.Domain, "/")
	}
	if f.Token == "" && f.ClientID == "" && f.ClientSecret == "" {
		f.Token, f.ClientID, f.ClientSecret = s.AccessToken, s.ClientID, s.ClientSecret
		if f.Token != "" {
			f.ClientID, f.ClientSecret = "", ""
		}
	}
	if f.Audience == "" {
		f.Audience = s.Audience
	}
	return s, f.check()
}

func (f *deployFlags) check() error {
	switch {
	case f.Tenant == "" && f.URL == "":
		return usagef("name the tenant: --tenant NAME with --database and --master-keyset, or --url https://DOMAIN with --token or a client")
	case f.Tenant != "" && f.URL != "":
		return usagef("--tenant works on a database and --url on a running server; give one of them")
	case f.Tenant != "" && (f.Database == "" || f.MasterKeyset == ""):
		return usagef("--tenant needs --database and --master-keyset, since it works on the database itself")
	case f.Tenant != "" && f.CAFile != "":
		return usagef("--ca-file does nothing without --url")
	case f.Tenant != "":
		return nil
	case f.Token != "" && (f.ClientID != "" || f.ClientSecret != ""):
		return usagef("--token is enough: remove --client-id and --client-secret, or obtain a token with them and remove --token")
	case f.Token == "" && (f.ClientID == "" || f.ClientSecret == ""):
		return usagef("--url needs --token, or both --client-id and --client-secret")
	}
	return nil
}

// with runs f on the tenant that the flags name.
func (f *deployFlags) with(ctx context.Context, do func(deploy.Tenant) error) error {
	if f.URL != "" {
		return f.dial(ctx, do)
	}
	return withDatabase(ctx, f.Database, f.MasterKeyset, func(d *server.Database) error {
		t, err := d.TenantNamed(ctx, f.Tenant)
		if errors.Is(err, tenant.ErrNotFound) {
			return usagef("there is no tenant called %q; 'latchkey tenant list' shows them all", f.Tenant)
		}
		if err != nil {
			return err
		}
		app, err := server.NewApp(server.AppConfig{
			Database: d, Log: slog.New(slog.DiscardHandler), Metrics: server.NewMetrics(version()), Idle: true,
		})
		if err != nil {
			return err
		}
		err = do(deploy.Tenant{
			API: deploy.Handler(app.Management(t)), ManagingClient: client.MadeID(t.ID, "management"), InTx: d.Store.InTx,
		})
		return errors.Join(err, app.Close(context.WithoutCancel(ctx)))
	})
}

func (f *deployFlags) dial(ctx context.Context, do func(deploy.Tenant) error) error {
	c := deploy.DialConfig{URL: f.URL, Token: f.Token, ClientID: f.ClientID, ClientSecret: f.ClientSecret, Audience: f.Audience}
	if f.CAFile != "" {
		var err error
		if c.CA, err = os.ReadFile(f.CAFile); err != nil {
			return usagef("--ca-file: %v", err)
		}
	}
	t, err := deploy.Dial(ctx, c)
	if err != nil {
		return err
	}
	return do(t)
}

// warn writes sentences that nobody asked for.
func (s streams) warn(sentences []string) {
	for _, sentence := range sentences {
		_, _ = s.err.Write([]byte("latchkey: " + sentence + "\n"))
	}
}
