package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"latchkey/internal/server"
	"latchkey/internal/tenant"
)

type tenantCmd struct {
	Create createTenantCmd `cmd:"" help:"Create a tenant with its domain and signing keys."`
	List   listTenantsCmd  `cmd:"" help:"List the tenants and their domains."`
}

type createTenantCmd struct {
	databaseFlags
	keysetFlags
	Name      string `arg:"" help:"A short name, unique on the server: lower-case letters, digits and hyphens."`
	Domain    string `required:"" placeholder:"HOST[:PORT]" help:"The domain the tenant answers on, as clients are configured with it. Tokens name it as their issuer: changing it later invalidates what clients hold."`
	PlainHTTP bool   `name:"plain-http" help:"The issuer begins with http://, for tests on a loopback domain only. Cookies are then not protected."`
}

// Help explains the command.
func (*createTenantCmd) Help() string {
	return `The tenant gets signing keys and one machine-to-machine application with every scope of its Management API, with which everything else can be made. Its secret is printed: keep it as you keep the master keyset.

Run it again with the same name and domain: nothing changes, what an interrupted run left out is made, and the same is printed.

Example:

    latchkey tenant create acme --domain login.example.com --database data.db --master-keyset keyset.json`
}

// Run creates the tenant.
func (c *createTenantCmd) Run(ctx context.Context, s streams) error {
	return withDatabase(ctx, c.Database, c.MasterKeyset, func(d *server.Database) error {
		made, err := d.CreateTenant(ctx, server.NewTenant{Name: c.Name, Domain: c.Domain, HTTPS: !c.PlainHTTP})
		if errors.Is(err, tenant.ErrExists) {
			return fmt.Errorf("the name %s or the domain %s belongs to another tenant; 'latchkey tenant list' shows them all", c.Name, c.Domain)
		}
		if err != nil {
			return err
		}
		said := "Created the tenant %s.\n"
		if made.Existed {
			said = "The tenant %s exists already; nothing was changed.\n"
		}
		_, err = fmt.Fprintf(s.out, said+`
  issuer                    %s
  management audience       %s
  management client_id      %s
  management client_secret  %s
`, made.Tenant.Name, made.Tenant.Domain.Issuer, made.Tenant.ManagementAudience(), made.Management.ID, made.ManagementSecret)
		return err
	})
}

type listTenantsCmd struct {
	databaseFlags
}

// Help explains the command.
func (*listTenantsCmd) Help() string {
	return `Example:

    latchkey tenant list --database data.db`
}

// Run lists the tenants.
func (c *listTenantsCmd) Run(ctx context.Context, s streams) error {
	return withDatabase(ctx, c.Database, "", func(d *server.Database) error {
		tenants, err := d.Store.Tenants(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NAME\tISSUER\tCREATED")
		for _, t := range tenants {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, t.Domain.Issuer, t.CreatedAt.Format("2006-01-02"))
		}
		return w.Flush()
	})
}

// withDatabase runs f on an opened database whose tables are those of this version. An empty keyset setting opens it
// without keys, for commands that read nothing sealed.
func withDatabase(ctx context.Context, database, keyset string, f func(*server.Database) error) (err error) {
	o := server.DatabaseOptions{URL: database}
	if keyset != "" {
		if o.Keyset, err = readKeyset(keyset); err != nil {
			return err
		}
	}
	d, err := server.OpenDatabase(ctx, o)
	if err != nil {
		return err
	}
	err = f(d)
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
