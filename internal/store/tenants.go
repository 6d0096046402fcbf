package store

import (
	"context"
	"errors"
	"fmt"

	"latchkey/internal/clock"
	"latchkey/internal/resource"
	"latchkey/internal/store/engine"
	"latchkey/internal/tenant"
)

var _ tenant.Store = (*DB)(nil)

const (
	selectTenantOfHost = `SELECT tenant_id FROM domains WHERE host = $1`
	selectTenants      = selectTenant + ` ORDER BY tenants.name`
	insertTenant       = `INSERT INTO tenants (tenant_id, name, host, config_version, created_at)
		VALUES ($1, $2, $3, 0, $4)`
	insertDomain = `INSERT INTO domains (host, tenant_id, issuer) VALUES ($1, $2, $3)`
	upsertDomain = insertDomain + ` ON CONFLICT (host) DO UPDATE SET issuer = excluded.issuer
		WHERE domains.tenant_id = excluded.tenant_id`
)

// Site implements tenant.Store.
func (db *DB) Site(ctx context.Context, host string) (tenant.Site, error) {
	db.config.mu.Lock()
	id, known := db.config.hosts[host]
	db.config.mu.Unlock()
	if known {
		e, err := db.configOf(ctx, id)
		if err != nil && !errors.Is(err, tenant.ErrNotFound) {
			return tenant.Site{}, err
		}
		if err == nil {
			if d, ok := e.domains[host]; ok {
				return tenant.Site{Tenant: e.tenant, Domain: d}, nil
			}
		}
	}
	found := false
	err := db.readConfig(ctx, row(selectTenantOfHost, []any{host}, &found, &id))
	if err != nil {
		return tenant.Site{}, fmt.Errorf("find the tenant of a host: %w", err)
	}
	if !found {
		return tenant.Site{}, tenant.ErrNotFound
	}
	e, err := db.configOf(ctx, id)
	if err != nil {
		return tenant.Site{}, err
	}
	d, ok := e.domains[host]
	if !ok {
		// The domain is newer than the entry, which is compared with the database within a second.
		if e, err = db.loadConfig(ctx, id); err != nil {
			return tenant.Site{}, err
		}
		if d, ok = e.domains[host]; !ok {
			return tenant.Site{}, tenant.ErrNotFound
		}
	}
	if db.transactionFrom(ctx) == nil {
		db.config.mu.Lock()
		db.config.hosts[host] = id
		db.config.mu.Unlock()
	}
	return tenant.Site{Tenant: e.tenant, Domain: d}, nil
}

// Tenant implements tenant.Store.
func (db *DB) Tenant(ctx context.Context, id string) (*tenant.Tenant, error) {
	e, err := db.configOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.tenant, nil
}

// Tenants implements tenant.Store.
func (db *DB) Tenants(ctx context.Context) ([]*tenant.Tenant, error) {
	var all []*tenant.Tenant
	err := db.read(ctx, &engine.Statement{SQL: selectTenants, Row: func(r engine.Row) error {
		t, err := scanTenant(r)
		all = append(all, t)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return all, nil
}

func scanTenant(r engine.Row) (*tenant.Tenant, error) {
	t := &tenant.Tenant{}
	var settings string
	var created int64
	if err := r.Scan(&t.ID, &t.Name, &t.Domain.Host, &t.Domain.Issuer, &settings, &t.ConfigVersion, &created); err != nil {
		return nil, err
	}
	t.CreatedAt = clock.FromMillis(created)
	return t, decode(settings, &t.Settings)
}

// CreateTenant implements tenant.Store.
func (db *DB) CreateTenant(ctx context.Context, t *tenant.Tenant) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		err := db.write(ctx,
			&engine.Statement{
				SQL:   insertTenant,
				Args:  []any{t.ID, t.Name, t.Domain.Host, clock.Millis(t.CreatedAt)},
				Taken: tenant.ErrExists,
			},
			&engine.Statement{SQL: insertDomain, Args: []any{t.Domain.Host, t.ID, t.Domain.Issuer}, Taken: tenant.ErrExists},
		)
		if err != nil {
			return fmt.Errorf("create a tenant: %w", err)
		}
		settings := &resource.Resource{Kind: resource.Settings, ID: resource.TenantSettings, CreatedAt: t.CreatedAt}
		return db.createRecord(ctx, t.ID, settings, t.Settings, tenant.ErrExists)
	})
}

// AddDomain implements tenant.Store.
func (db *DB) AddDomain(ctx context.Context, id string, d tenant.Domain) error {
	return db.writeConfig(ctx, id, func(ctx context.Context, _ int64) error {
		changed, err := db.exec(ctx, upsertDomain, d.Host, id, d.Issuer)
		if err != nil {
			return fmt.Errorf("write a domain: %w", err)
		}
		if changed == 0 {
			return tenant.ErrExists
		}
		return nil
	})
}
