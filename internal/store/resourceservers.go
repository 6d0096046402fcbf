package store

import (
	"context"
	"fmt"

	"latchkey/internal/clock"
	"latchkey/internal/resourceserver"
	"latchkey/internal/store/engine"
)

var _ resourceserver.Store = (*DB)(nil)

const (
	selectResourceServer = `SELECT document, secret_sealed, created_at
		FROM resource_servers WHERE tenant_id = $1 AND identifier = $2`
	insertResourceServer = `INSERT INTO resource_servers
		(tenant_id, resource_server_id, identifier, document, secret_sealed, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`
	updateResourceServer = `UPDATE resource_servers SET identifier = $3, document = $4, secret_sealed = $5
		WHERE tenant_id = $1 AND resource_server_id = $2`
	selectClientGrant = `SELECT document FROM client_grants WHERE tenant_id = $1 AND client_id = $2 AND audience = $3`
	insertClientGrant = `INSERT INTO client_grants (tenant_id, client_grant_id, client_id, audience, document)
		VALUES ($1, $2, $3, $4, $5)`
)

// ResourceServer implements resourceserver.Store.
func (db *DB) ResourceServer(ctx context.Context, tenantID, identifier string) (*resourceserver.ResourceServer, error) {
	pick := func(e *config) map[string]*resourceserver.ResourceServer { return e.servers }
	return item(ctx, db, tenantID, identifier, pick, func() (*resourceserver.ResourceServer, error) {
		r := &resourceserver.ResourceServer{}
		var document string
		var created int64
		found := false
		err := db.readConfig(ctx, row(selectResourceServer, []any{tenantID, identifier}, &found, &document, &r.SecretSealed, &created))
		if err != nil {
			return nil, fmt.Errorf("read a resource server: %w", err)
		}
		if !found {
			return nil, resourceserver.ErrNotFound
		}
		r.CreatedAt = clock.FromMillis(created)
		return r, decode(document, r)
	})
}

// CreateResourceServer implements resourceserver.Store.
func (db *DB) CreateResourceServer(ctx context.Context, tenantID string, r *resourceserver.ResourceServer) error {
	document, err := encode(r)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		err := db.write(ctx, &engine.Statement{
			SQL:   insertResourceServer,
			Args:  []any{tenantID, r.ID, r.Identifier, document, r.SecretSealed, clock.Millis(r.CreatedAt)},
			Taken: resourceserver.ErrExists,
		})
		if err != nil {
			return fmt.Errorf("create a resource server: %w", err)
		}
		return nil
	})
}

// UpdateResourceServer implements resourceserver.Store.
func (db *DB) UpdateResourceServer(ctx context.Context, tenantID string, r *resourceserver.ResourceServer) error {
	document, err := encode(r)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		s := &engine.Statement{
			SQL:   updateResourceServer,
			Args:  []any{tenantID, r.ID, r.Identifier, document, r.SecretSealed},
			Taken: resourceserver.ErrExists,
		}
		if err := db.write(ctx, s); err != nil {
			return fmt.Errorf("update a resource server: %w", err)
		}
		if s.Changed == 0 {
			return resourceserver.ErrNotFound
		}
		return nil
	})
}

// ClientGrant implements resourceserver.Store.
func (db *DB) ClientGrant(ctx context.Context, tenantID, clientID, audience string) (*resourceserver.ClientGrant, error) {
	pick := func(e *config) map[[2]string]*resourceserver.ClientGrant { return e.grants }
	return item(ctx, db, tenantID, [2]string{clientID, audience}, pick, func() (*resourceserver.ClientGrant, error) {
		var document string
		found := false
		err := db.readConfig(ctx, row(selectClientGrant, []any{tenantID, clientID, audience}, &found, &document))
		if err != nil {
			return nil, fmt.Errorf("read a client grant: %w", err)
		}
		if !found {
			return nil, resourceserver.ErrNotFound
		}
		g := &resourceserver.ClientGrant{}
		return g, decode(document, g)
	})
}

// CreateClientGrant implements resourceserver.Store.
func (db *DB) CreateClientGrant(ctx context.Context, tenantID string, g *resourceserver.ClientGrant) error {
	document, err := encode(g)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		err := db.write(ctx, &engine.Statement{
			SQL:   insertClientGrant,
			Args:  []any{tenantID, g.ID, g.ClientID, g.Audience, document},
			Taken: resourceserver.ErrExists,
		})
		if err != nil {
			return fmt.Errorf("create a client grant: %w", err)
		}
		return nil
	})
}
