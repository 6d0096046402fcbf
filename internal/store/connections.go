package store

import (
	"context"
	"fmt"

	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/store/engine"
)

var _ connection.Store = (*DB)(nil)

const (
	selectConnections = `SELECT connection_id, name, strategy, options, enabled_clients, created_at
		FROM connections WHERE tenant_id = $1 ORDER BY position`
	insertConnection = `INSERT INTO connections
		(tenant_id, connection_id, name, strategy, options, enabled_clients, position, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	updateConnection = `UPDATE connections SET options = $3, enabled_clients = $4
		WHERE tenant_id = $1 AND connection_id = $2`
)

// Connections implements connection.Store.
func (db *DB) Connections(ctx context.Context, tenantID string) ([]*connection.Connection, error) {
	pick := func(e *config) *[]*connection.Connection { return &e.connections }
	return list(ctx, db, tenantID, pick, func() ([]*connection.Connection, error) {
		all := []*connection.Connection{}
		err := db.readConfig(ctx, &engine.Statement{SQL: selectConnections, Args: []any{tenantID}, Row: func(r engine.Row) error {
			c, err := scanConnection(r)
			all = append(all, c)
			return err
		}})
		if err != nil {
			return nil, fmt.Errorf("list connections: %w", err)
		}
		return all, nil
	})
}

func scanConnection(r engine.Row) (*connection.Connection, error) {
	c := &connection.Connection{}
	var strategy, options, clients string
	var created int64
	if err := r.Scan(&c.ID, &c.Name, &strategy, &options, &clients, &created); err != nil {
		return nil, err
	}
	c.Strategy = connection.Strategy(strategy)
	c.CreatedAt = clock.FromMillis(created)
	if err := decode(options, &c.Options); err != nil {
		return nil, err
	}
	return c, decode(clients, &c.EnabledClients)
}

// CreateConnection implements connection.Store. Connections of one tenant are ordered by the configuration version that
// made them, since two may be made in the same millisecond.
func (db *DB) CreateConnection(ctx context.Context, tenantID string, c *connection.Connection) error {
	options, clients, err := encodeConnection(c)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, version int64) error {
		err := db.write(ctx, &engine.Statement{
			SQL: insertConnection,
			Args: []any{
				tenantID, c.ID, c.Name, string(c.Strategy), options, clients, version, clock.Millis(c.CreatedAt),
			},
			Taken: connection.ErrExists,
		})
		if err != nil {
			return fmt.Errorf("create a connection: %w", err)
		}
		return nil
	})
}

// UpdateConnection implements connection.Store.
func (db *DB) UpdateConnection(ctx context.Context, tenantID string, c *connection.Connection) error {
	options, clients, err := encodeConnection(c)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		changed, err := db.exec(ctx, updateConnection, tenantID, c.ID, options, clients)
		if err != nil {
			return fmt.Errorf("update a connection: %w", err)
		}
		if changed == 0 {
			return connection.ErrNotFound
		}
		return nil
	})
}

func encodeConnection(c *connection.Connection) (options, clients string, err error) {
	if options, err = encode(c.Options); err != nil {
		return "", "", err
	}
	clients, err = encode(c.EnabledClients)
	return options, clients, err
}
