package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/resource"
	"latchkey/internal/store/engine"
)

var _ client.Store = (*DB)(nil)

const (
	deleteClientOrigins  = `DELETE FROM client_origins WHERE tenant_id = $1 AND client_id = $2`
	insertClientOrigin   = `INSERT INTO client_origins (tenant_id, origin, client_id, pattern) VALUES ($1, $2, $3, $4)`
	selectOrigin         = `SELECT EXISTS (SELECT 1 FROM client_origins WHERE tenant_id = $1 AND origin = $2)`
	selectOriginPatterns = `SELECT DISTINCT origin FROM client_origins WHERE tenant_id = $1 AND pattern`
)

// Client implements client.Store.
func (db *DB) Client(ctx context.Context, tenantID, clientID string) (*client.Client, error) {
	pick := func(e *config) map[string]*client.Client { return e.clients }
	c, err := item(ctx, db, tenantID, clientID, pick, func() (*client.Client, error) {
		return typed(ctx, db, selectResource, []any{tenantID, string(resource.Clients), clientID}, finishClient)
	})
	if err != nil {
		return nil, fmt.Errorf("read a client: %w", err)
	}
	if c == nil {
		return nil, client.ErrNotFound
	}
	return c, nil
}

func finishClient(c *client.Client, r *resource.Resource) {
	c.ID, c.SecretSealed, c.CreatedAt = r.ID, r.Sealed[client.SecretName], r.CreatedAt
}

// CreateClient implements client.Store.
func (db *DB) CreateClient(ctx context.Context, tenantID string, c *client.Client) error {
	r := &resource.Resource{Kind: resource.Clients, ID: c.ID, CreatedAt: c.CreatedAt}
	if c.SecretSealed != nil {
		r.Sealed = map[string][]byte{client.SecretName: c.SecretSealed}
	}
	return db.createRecord(ctx, tenantID, r, c, client.ErrExists)
}

// writeOrigins replaces the origins that are kept of a client; without a document it has none.
func (db *DB) writeOrigins(ctx context.Context, tenantID, clientID string, document resource.Document) error {
	if err := db.queue(ctx, deleteClientOrigins, tenantID, clientID); err != nil || document == nil {
		return err
	}
	c := &client.Client{}
	if err := transcode(document, c); err != nil {
		return err
	}
	for origin, pattern := range origins(c) {
		if err := db.queue(ctx, insertClientOrigin, tenantID, origin, clientID, pattern); err != nil {
			return err
		}
	}
	return nil
}

// anyLoopback stands among the origins for all those on a loopback address.
const anyLoopback = "loopback"

// origins lists the origins from which scripts may call for the client, and whether each is a pattern.
func origins(c *client.Client) map[string]bool {
	all := map[string]bool{}
	for _, listed := range slices.Concat(c.Callbacks, c.WebOrigins, c.AllowedOrigins) {
		if o := client.Origin(listed); o != "" {
			all[o] = strings.Contains(o, "*") && c.IsFirstParty()
		}
	}
	if c.Own().LoopbackRedirects {
		all[anyLoopback] = true
	}
	return all
}

// OriginKnown implements client.Store. It is not cached: strangers choose the origin.
func (db *DB) OriginKnown(ctx context.Context, tenantID, origin string) (bool, error) {
	asked := client.Origin(origin)
	if asked == "" || strings.Contains(asked, "*") {
		return false, nil
	}
	known := false
	err := db.read(ctx,
		row(selectOrigin, []any{tenantID, asked}, new(bool), &known),
		&engine.Statement{SQL: selectOriginPatterns, Args: []any{tenantID}, Row: func(r engine.Row) error {
			var pattern string
			if err := r.Scan(&pattern); err != nil {
				return err
			}
			// A client with just this pattern knows how to match it.
			c := client.Client{AllowedOrigins: []string{pattern}}
			if pattern == anyLoopback {
				c = client.Client{Latchkey: &client.Extensions{LoopbackRedirects: true}}
			}
			known = known || c.AllowsOrigin(origin)
			return nil
		}},
	)
	if err != nil {
		return false, fmt.Errorf("look for an origin: %w", err)
	}
	return known, nil
}
