package store

import (
	"context"
	"fmt"

	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
)

var _ resourceserver.Store = (*DB)(nil)

// ResourceServer implements resourceserver.Store.
func (db *DB) ResourceServer(ctx context.Context, tenantID, identifier string) (*resourceserver.ResourceServer, error) {
	pick := func(e *config) map[string]*resourceserver.ResourceServer { return e.servers }
	s, err := item(ctx, db, tenantID, identifier, pick, func() (*resourceserver.ResourceServer, error) {
		return typed(ctx, db, selectByKey, byKey(tenantID, resource.ResourceServers, identifier), finishResourceServer)
	})
	if err != nil {
		return nil, fmt.Errorf("read a resource server: %w", err)
	}
	if s == nil {
		return nil, resourceserver.ErrNotFound
	}
	return s, nil
}

func finishResourceServer(s *resourceserver.ResourceServer, r *resource.Resource) {
	s.SecretSealed, s.CreatedAt = r.Sealed[resourceserver.SecretName], r.CreatedAt
}

// CreateResourceServer implements resourceserver.Store.
func (db *DB) CreateResourceServer(ctx context.Context, tenantID string, s *resourceserver.ResourceServer) error {
	r := &resource.Resource{Kind: resource.ResourceServers, ID: s.ID, Key: s.Identifier, CreatedAt: s.CreatedAt}
	if s.SecretSealed != nil {
		r.Sealed = map[string][]byte{resourceserver.SecretName: s.SecretSealed}
	}
	return db.createRecord(ctx, tenantID, r, s, resourceserver.ErrExists)
}

// ClientGrant implements resourceserver.Store.
func (db *DB) ClientGrant(ctx context.Context, tenantID, clientID, audience string) (*resourceserver.ClientGrant, error) {
	pick := func(e *config) map[[2]string]*resourceserver.ClientGrant { return e.grants }
	g, err := item(ctx, db, tenantID, [2]string{clientID, audience}, pick, func() (*resourceserver.ClientGrant, error) {
		key := resourceserver.GrantKey(clientID, audience, resourceserver.ForClients)
		return typed(ctx, db, selectByKey, byKey(tenantID, resource.ClientGrants, key), func(*resourceserver.ClientGrant, *resource.Resource) {})
	})
	if err != nil {
		return nil, fmt.Errorf("read a client grant: %w", err)
	}
	if g == nil {
		return nil, resourceserver.ErrNotFound
	}
	return g, nil
}

// CreateClientGrant implements resourceserver.Store.
func (db *DB) CreateClientGrant(ctx context.Context, tenantID string, g *resourceserver.ClientGrant) error {
	stored := *g
	stored.SubjectType = resourceserver.ForClients
	r := &resource.Resource{
		Kind: resource.ClientGrants, ID: g.ID, Key: resourceserver.GrantKey(g.ClientID, g.Audience, stored.SubjectType),
	}
	return db.createRecord(ctx, tenantID, r, &stored, resourceserver.ErrExists)
}
