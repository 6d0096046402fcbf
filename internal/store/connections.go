package store

import (
	"context"
	"fmt"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
)

var _ connection.Store = (*DB)(nil)

// Connections implements connection.Store.
func (db *DB) Connections(ctx context.Context, tenantID string) ([]*connection.Connection, error) {
	pick := func(e *config) *[]*connection.Connection { return &e.connections }
	return list(ctx, db, tenantID, pick, func() ([]*connection.Connection, error) {
		stored, err := db.resources(ctx, db.readConfig, tenantID, resource.Connections, resource.Page{})
		if err != nil {
			return nil, fmt.Errorf("list connections: %w", err)
		}
		all := make([]*connection.Connection, len(stored))
		for i, r := range stored {
			if all[i], err = decodeRecord(r, finishConnection); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}

func finishConnection(c *connection.Connection, r *resource.Resource) {
	c.ID, c.Sealed, c.CreatedAt = r.ID, r.Sealed, r.CreatedAt
}

// CreateConnection implements connection.Store.
func (db *DB) CreateConnection(ctx context.Context, tenantID string, c *connection.Connection) error {
	r := &resource.Resource{Kind: resource.Connections, ID: c.ID, Key: c.Name, Sealed: c.Sealed, CreatedAt: c.CreatedAt}
	return db.createRecord(ctx, tenantID, r, c, connection.ErrExists)
}
