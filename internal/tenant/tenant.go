// Package tenant is the customer environment: its domains, its settings, and the Site that a request came to.
//
// A tenant answers on one canonical domain and any number of further ones. The Host header of a request selects one of
// the configured domains and is never copied into an answer: issuer and links are built from the configuration.
package tenant

import (
	"context"
	"strings"
	"time"

	"latchkey/internal/apierr"
)

// ErrNotFound is the answer for a tenant or host that is not configured.
var ErrNotFound = apierr.New(apierr.NotFound, "inexistent_tenant", "The tenant does not exist.")

// ErrExists is the answer to creating a tenant whose name or domain is taken.
var ErrExists = apierr.New(apierr.Conflict, "tenant_exists", "A tenant with that name or domain exists already.")

// Tenant is one customer environment. Values handed out by storage are shared: treat them as read-only.
type Tenant struct {
	ID        string
	Name      string // short name, unique on the server: "dev"
	Domain    Domain // the canonical domain
	Settings  Settings
	CreatedAt time.Time
	// ConfigVersion grows with every write to the tenant's configuration.
	ConfigVersion int64
}

// Domain is a host, with its port where that is not the scheme's own, on which a tenant answers.
type Domain struct {
	Host   string // as the Host header has it: "localhost:8443", lower case
	Issuer string // "https://localhost:8443/", what tokens name; several hosts may share one issuer
}

// ManagementAudience names the tenant's Management API; it always belongs to the canonical domain.
func (t *Tenant) ManagementAudience() string { return t.Domain.Issuer + "api/v2/" }

// FriendlyName is the name people see: the configured one, else the tenant's own.
func (t *Tenant) FriendlyName() string {
	if t.Settings.FriendlyName != "" {
		return t.Settings.FriendlyName
	}
	return t.Name
}

// Site is a tenant as one request met it: through one of its domains.
type Site struct {
	Tenant *Tenant
	Domain Domain
}

// Issuer is the "iss" of everything issued through this site, with its trailing slash.
func (s Site) Issuer() string { return s.Domain.Issuer }

// URL gives the absolute address of a path that begins with a slash.
func (s Site) URL(path string) string { return strings.TrimSuffix(s.Domain.Issuer, "/") + path }

// UserInfoAudience is the audience under which access tokens are good for /userinfo.
func (s Site) UserInfoAudience() string { return s.Domain.Issuer + "userinfo" }

// Secure reports whether the site is served over TLS, here or at a proxy in front.
func (s Site) Secure() bool { return strings.HasPrefix(s.Domain.Issuer, "https://") }

// Store keeps tenants. All methods are safe for concurrent use; reads may be up to a second old.
type Store interface {
	// Site finds the tenant that answers on host (lower case, with port as in the Host header), or ErrNotFound.
	Site(ctx context.Context, host string) (Site, error)
	// Tenant gives a tenant by id, or ErrNotFound.
	Tenant(ctx context.Context, id string) (*Tenant, error)
	// Tenants lists all tenants by name.
	Tenants(ctx context.Context) ([]*Tenant, error)
	// CreateTenant writes a new tenant with its canonical domain, or answers ErrExists.
	CreateTenant(ctx context.Context, t *Tenant) error
	// AddDomain makes a tenant answer on one more host; the same host for the same tenant again changes its issuer.
	// A host of another tenant is ErrExists.
	AddDomain(ctx context.Context, id string, d Domain) error
}
