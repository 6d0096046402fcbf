package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/store/engine"
)

var _ client.Store = (*DB)(nil)

const (
	selectClient = `SELECT document, secret_sealed, credentials, created_at
		FROM clients WHERE tenant_id = $1 AND client_id = $2`
	insertClient = `INSERT INTO clients
		(tenant_id, client_id, document, secret_sealed, credentials, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`
	updateClient = `UPDATE clients SET document = $3, secret_sealed = $4, credentials = $5
		WHERE tenant_id = $1 AND client_id = $2`
	deleteClientOrigins  = `DELETE FROM client_origins WHERE tenant_id = $1 AND client_id = $2`
	insertClientOrigin   = `INSERT INTO client_origins (tenant_id, origin, client_id, pattern) VALUES ($1, $2, $3, $4)`
	selectOrigin         = `SELECT EXISTS (SELECT 1 FROM client_origins WHERE tenant_id = $1 AND origin = $2)`
	selectOriginPatterns = `SELECT DISTINCT origin FROM client_origins WHERE tenant_id = $1 AND pattern`
)

// Client implements client.Store.
func (db *DB) Client(ctx context.Context, tenantID, clientID string) (*client.Client, error) {
	pick := func(e *config) map[string]*client.Client { return e.clients }
	c, err := item(ctx, db, tenantID, clientID, pick, func() (*client.Client, error) {
		c := &client.Client{}
		var document, credentials string
		var created int64
		found := false
		err := db.readConfig(ctx, row(selectClient, []any{tenantID, clientID}, &found, &document, &c.SecretSealed, &credentials, &created))
		if err != nil {
			return nil, fmt.Errorf("read a client: %w", err)
		}
		if !found {
			return nil, client.ErrNotFound
		}
		if err := decode(document, c); err != nil {
			return nil, err
		}
		if err := decode(credentials, &c.Credentials); err != nil {
			return nil, err
		}
		c.ID = clientID
		c.CreatedAt = clock.FromMillis(created)
		return c, nil
	})
	return c, err
}

// CreateClient implements client.Store.
func (db *DB) CreateClient(ctx context.Context, tenantID string, c *client.Client) error {
	document, credentials, err := encodeClient(c)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		err := db.write(ctx, &engine.Statement{
			SQL: insertClient,
			Args: []any{
				tenantID, c.ID, document, c.SecretSealed, credentials, clock.Millis(c.CreatedAt),
			},
			Taken: client.ErrExists,
		})
		if err != nil {
			return fmt.Errorf("create a client: %w", err)
		}
		return db.writeOrigins(ctx, tenantID, c)
	})
}

// UpdateClient implements client.Store.
func (db *DB) UpdateClient(ctx context.Context, tenantID string, c *client.Client) error {
	document, credentials, err := encodeClient(c)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		changed, err := db.exec(ctx, updateClient,
			tenantID, c.ID, document, c.SecretSealed, credentials)
		if err != nil {
			return fmt.Errorf("update a client: %w", err)
		}
		if changed == 0 {
			return client.ErrNotFound
		}
		if err := db.queue(ctx, deleteClientOrigins, tenantID, c.ID); err != nil {
			return err
		}
		return db.writeOrigins(ctx, tenantID, c)
	})
}

func encodeClient(c *client.Client) (document, credentials string, err error) {
	if document, err = encode(c); err != nil {
		return "", "", err
	}
	credentials, err = encode(c.Credentials)
	return document, credentials, err
}

func (db *DB) writeOrigins(ctx context.Context, tenantID string, c *client.Client) error {
	for origin, pattern := range origins(c) {
		if err := db.queue(ctx, insertClientOrigin, tenantID, origin, c.ID, pattern); err != nil {
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
