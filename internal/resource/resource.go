// Package resource is a record of a tenant's configuration as the Management API shows it: a JSON document under a kind
// and an id.
//
// Every kind of configuration is kept so, from clients to guardian factors. What other packages need of a kind is decoded
// from its document into a typed record of their own (client.Client, connection.Connection, ...). Secrets that must be read
// back are no part of the document: they are sealed apart, each under its name.
package resource

import (
	"context"
	"maps"
	"strings"
	"time"

	"latchkey/internal/apierr"
)

// Kind names a collection of resources. It is also the place under which secrets of the kind are sealed.
type Kind string

// The kinds that other packages read by type. All others are named where the Management API serves them.
const (
	Clients         Kind = "clients"
	Connections     Kind = "connections"
	ResourceServers Kind = "resource_servers"
	ClientGrants    Kind = "client_grants"
	// DeletedConnections holds connections whose users are still being deleted; the key is the name, which stays taken.
	DeletedConnections Kind = "deleted_connections"
	// Settings holds what a tenant has one of; the id names it.
	Settings Kind = "settings"
)

// Ids of the kind Settings that other packages read.
const (
	TenantSettings = "tenant"
	Branding       = "branding"
	Prompts        = "prompts"
	EmailProvider  = "email_provider"
	EmailFailover  = "email_failover" // a second provider, for what the first certainly did not take
	PhoneFailover  = "phone_failover"
)

// Errors of storage.
var (
	ErrNotFound = apierr.New(apierr.NotFound, "inexistent_resource", "The resource does not exist.")
	ErrExists   = apierr.New(apierr.Conflict, "resource_exists", "The resource exists already.")
	ErrChanged  = apierr.New(apierr.Conflict, "resource_changed", "The resource was changed meanwhile.")
)

// Document is a JSON object. Its values are what encoding/json decodes into any. Members whose names begin with a dollar
// sign are our own notes and never shown.
type Document = map[string]any

// Resource is one record.
type Resource struct {
	Kind Kind
	ID   string
	// Key, where it is not empty, is unique among the tenant's resources of the kind: a connection's name, an API's
	// identifier. One of more than 2500 bytes is read back as its digest, which stands for it everywhere.
	Key string
	// Parent, where it is not empty, names the resource that this one belongs to: the Action of a version.
	Parent   string
	Document Document
	// Sealed holds secrets by their names, each sealed for (tenant, kind, name, id).
	Sealed    map[string][]byte
	Version   int64 // grows with every write
	Position  int64 // orders the resources of a tenant by their creation
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Visible gives the document without our own notes. The values are shared with the document's.
func (r *Resource) Visible() Document {
	shown := make(Document, len(r.Document))
	maps.Copy(shown, r.Document)
	maps.DeleteFunc(shown, func(name string, _ any) bool { return strings.HasPrefix(name, "$") })
	return shown
}

// Page asks for a part of a list that is ordered by creation. The zero value asks for everything.
type Page struct {
	Parent string // only resources of this parent
	After  int64  // only those behind this position
	Offset int
	Limit  int // 0 for all
}

// Store keeps resources. Reads come from the database, not from a cache, and inside a transaction through it. Every write
// is a write of configuration: all nodes follow it within a second.
type Store interface {
	// LockConfiguration keeps all others from writing the tenant's configuration until the caller's transaction ends; what the
	// transaction reads from then on is what it will be at its commit.
	LockConfiguration(ctx context.Context, tenantID string) error
	// Resource gives a resource by id, or ErrNotFound.
	Resource(ctx context.Context, tenantID string, kind Kind, id string) (*Resource, error)
	// ResourceByKey gives a resource by its key, or ErrNotFound.
	ResourceByKey(ctx context.Context, tenantID string, kind Kind, key string) (*Resource, error)
	// Resources lists resources, the first created first.
	Resources(ctx context.Context, tenantID string, kind Kind, p Page) ([]*Resource, error)
	// CountResources counts them; an empty parent counts those of any.
	CountResources(ctx context.Context, tenantID string, kind Kind, parent string) (int, error)
	// CreateResource writes a new resource, or answers ErrExists when its id or key is taken. It sets Version and Position.
	CreateResource(ctx context.Context, tenantID string, r *Resource) error
	// UpdateResource replaces key, document and secrets where the stored version is still r.Version, and sets the new one. A
	// lost race is ErrChanged, a missing resource ErrNotFound, a key that is taken ErrExists.
	UpdateResource(ctx context.Context, tenantID string, r *Resource) error
	// DeleteResource removes a resource, or answers ErrNotFound. What belongs to it stays.
	DeleteResource(ctx context.Context, tenantID string, kind Kind, id string) error
	// DeleteResourcesOf removes all resources of a kind that belong to a parent.
	DeleteResourcesOf(ctx context.Context, tenantID string, kind Kind, parent string) error
}
