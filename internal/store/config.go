package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/key"
	"latchkey/internal/resourceserver"
	"latchkey/internal/store/engine"
	"latchkey/internal/tenant"
)

// configCache holds the configuration of tenants. A tenant's entry is compared with the database when a request comes
// and the last comparison is older than age; every write of configuration raises the tenant's config_version, so one
// number tells whether anything changed. A node's own writes forget the entry when they are committed.
//
// Only what exists is kept: asking for unknown hosts and clients does not make the cache grow.
type configCache struct {
	age   time.Duration
	start time.Time

	mu      sync.Mutex
	entries map[string]*config
	hosts   map[string]string // host to tenant id; the entry's domains have the last word
	writes  int               // own writes so far: what was read before one is not kept after it

	statements, roundTrips atomic.Int64 // work done to read configuration
}

// config is what was read of one tenant's configuration at one version, or later. Everything handed out is shared and
// never changes.
type config struct {
	tenant  *tenant.Tenant
	domains map[string]tenant.Domain
	checked atomic.Int64 // when it was compared with the database, as time since the cache's start

	mu          sync.Mutex
	connections []*connection.Connection
	keys        []*key.SigningKey
	clients     map[string]*client.Client
	servers     map[string]*resourceserver.ResourceServer
	grants      map[[2]string]*resourceserver.ClientGrant
	pages       *branding.PageConfig
}

func newConfigCache(age time.Duration) *configCache {
	return &configCache{age: age, start: time.Now(), entries: map[string]*config{}, hosts: map[string]string{}}
}

func (c *configCache) now() int64 { return int64(time.Since(c.start)) }

// entry gives what is cached of a tenant, whatever its age, and the number of own writes so far.
func (c *configCache) entry(tenantID string) (*config, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[tenantID], c.writes
}

// keep puts an entry into the cache unless a write was committed since the entry's reading began.
func (c *configCache) keep(e *config, writes int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writes != writes {
		return false
	}
	c.entries[e.tenant.ID] = e
	return true
}

// forget drops a tenant's entry.
func (c *configCache) forget(tenantID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, tenantID)
	c.writes++
}

// fresh reports whether the entry may be used without a look at the database. Of several requests that find it due for
// one, the first looks and the others go on for the moment; but only while it is not much too old.
func (c *configCache) fresh(e *config) bool {
	checked, now := e.checked.Load(), c.now()
	switch age := time.Duration(now - checked); {
	case age < c.age:
		return true
	case age < 2*c.age:
		return !e.checked.CompareAndSwap(checked, now)
	}
	return false
}

const selectConfigVersion = `SELECT config_version FROM tenants WHERE tenant_id = $1`

// configOf gives a tenant's configuration, or tenant.ErrNotFound. Inside a transaction nothing is put into the cache: what
// is missing there is read through the transaction, which sees its own writes.
func (db *DB) configOf(ctx context.Context, tenantID string) (*config, error) {
	t := db.transactionFrom(ctx)
	for {
		e, writes := db.config.entry(tenantID)
		if t != nil && (t.tenants[tenantID] || e == nil || time.Duration(db.config.now()-e.checked.Load()) >= db.config.age) {
			return db.loadConfig(ctx, tenantID)
		}
		if e != nil && (t != nil || db.config.fresh(e)) {
			return e, nil
		}
		now := db.config.now()
		if e != nil {
			version := int64(0)
			found := false
			if err := db.readConfig(ctx, row(selectConfigVersion, []any{tenantID}, &found, &version)); err != nil {
				return nil, fmt.Errorf("read the configuration's version: %w", err)
			}
			if found && version == e.tenant.ConfigVersion {
				e.checked.Store(now)
				return e, nil
			}
		}
		e, err := db.loadConfig(ctx, tenantID)
		if err != nil {
			return nil, err
		}
		e.checked.Store(now)
		if db.config.keep(e, writes) {
			return e, nil
		}
	}
}

const (
	selectTenant = `SELECT tenants.tenant_id, tenants.name, tenants.host, domains.issuer, resources.document,
		tenants.config_version, tenants.created_at
		FROM tenants JOIN domains ON domains.host = tenants.host
		JOIN resources ON resources.tenant_id = tenants.tenant_id AND resources.kind = 'settings'
			AND resources.resource_id = 'tenant'`
	selectTenantByID = selectTenant + ` WHERE tenants.tenant_id = $1`
	selectDomains    = `SELECT host, issuer FROM domains WHERE tenant_id = $1`
)

// loadConfig reads the part of a tenant's configuration that every request needs.
func (db *DB) loadConfig(ctx context.Context, tenantID string) (*config, error) {
	e := &config{
		domains: map[string]tenant.Domain{},
		clients: map[string]*client.Client{},
		servers: map[string]*resourceserver.ResourceServer{},
		grants:  map[[2]string]*resourceserver.ClientGrant{},
	}
	err := db.readConfig(ctx,
		&engine.Statement{SQL: selectTenantByID, Args: []any{tenantID}, Row: func(r engine.Row) (err error) {
			e.tenant, err = scanTenant(r)
			return err
		}},
		&engine.Statement{SQL: selectDomains, Args: []any{tenantID}, Row: func(r engine.Row) error {
			var d tenant.Domain
			if err := r.Scan(&d.Host, &d.Issuer); err != nil {
				return err
			}
			e.domains[d.Host] = d
			return nil
		}},
	)
	if err != nil {
		return nil, fmt.Errorf("read a tenant: %w", err)
	}
	if e.tenant == nil {
		return nil, tenant.ErrNotFound
	}
	return e, nil
}

// readConfig is read for what the cache needs. It is counted apart: when it happens depends on the time, and not on the
// request it happens for.
func (db *DB) readConfig(ctx context.Context, questions ...*engine.Statement) error {
	db.config.statements.Add(int64(len(questions)))
	db.config.roundTrips.Add(1)
	return db.read(ctx, questions...)
}

const raiseConfigVersion = `UPDATE tenants SET config_version = config_version + 1 WHERE tenant_id = $1
	RETURNING config_version`

// writeConfig runs fn in a transaction that raises the tenant's config_version, and gives it the new one. The tenant's row
// stays locked until the commit, so writes to one tenant's configuration happen one after the other.
func (db *DB) writeConfig(ctx context.Context, tenantID string, fn func(ctx context.Context, version int64) error) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		t := db.transactionFrom(ctx)
		if t.tenants == nil {
			t.tenants = map[string]bool{}
		}
		t.tenants[tenantID] = true
		version := int64(0)
		found, err := db.writeRow(ctx, raiseConfigVersion, []any{tenantID}, &version)
		if err != nil {
			return fmt.Errorf("raise the configuration's version: %w", err)
		}
		if !found {
			return tenant.ErrNotFound
		}
		return fn(ctx, version)
	})
}

// item gives one record of a tenant's configuration: from the map that pick chooses, or by load, which answers nil when
// there is none.
func item[K comparable, V any](ctx context.Context, db *DB, tenantID string, k K, pick func(*config) map[K]*V, load func() (*V, error)) (*V, error) {
	e, err := db.configOf(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	v := pick(e)[k]
	e.mu.Unlock()
	if v != nil {
		return v, nil
	}
	v, err = load()
	if err != nil || v == nil {
		return nil, err
	}
	if db.transactionFrom(ctx) == nil {
		e.mu.Lock()
		pick(e)[k] = v
		e.mu.Unlock()
	}
	return v, nil
}

// list gives all records of one kind of a tenant's configuration: from the slice that pick points at, or by load.
func list[V any](ctx context.Context, db *DB, tenantID string, pick func(*config) *[]*V, load func() ([]*V, error)) ([]*V, error) {
	e, err := db.configOf(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	all := *pick(e)
	e.mu.Unlock()
	if all != nil {
		return all, nil
	}
	if all, err = load(); err != nil {
		return nil, err
	}
	if db.transactionFrom(ctx) == nil {
		e.mu.Lock()
		*pick(e) = all
		e.mu.Unlock()
	}
	return all, nil
}

// encode writes a value as the JSON text that a column holds.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode a document: %w", err)
	}
	return string(b), nil
}

// decode reads what encode wrote.
func decode(document string, v any) error {
	if err := json.Unmarshal([]byte(document), v); err != nil {
		return fmt.Errorf("decode a stored document: %w", err)
	}
	return nil
}
