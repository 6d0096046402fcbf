package server

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/key"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
	"latchkey/internal/tenant"
	"latchkey/internal/web/httpx"
)

// CreatedTenant is what CreateTenant made or found.
type CreatedTenant struct {
	Tenant     *tenant.Tenant
	Management *client.Client
	// ManagementSecret is the secret of the management client.
	ManagementSecret string
	// Existed says that the tenant was there, with the same domain.
	Existed bool
}

// NewTenant is what a tenant is made of.
type NewTenant struct {
	Name   string
	Domain string // host, with its port where that is not the scheme's own
	HTTPS  bool   // whether the issuer begins with https://
	// Settings are those of a tenant that does not exist yet.
	Settings tenant.Settings
}

// Refusals of CreateTenant.
var (
	errTenantName = apierr.New(apierr.Invalid, "invalid_tenant_name",
		"A tenant's name has 1 to 63 lower-case letters, digits and hyphens and begins with a letter.")
	errTenantDomain = apierr.New(apierr.Invalid, "invalid_domain", "A tenant's domain is a host name, with a port where it is not the scheme's own.")
)

var tenantName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// CreateTenant makes a tenant and completes it. It may be run again: what is missing is made, what exists stays. A name or
// domain that is taken by another is tenant.ErrExists.
func (d *Database) CreateTenant(ctx context.Context, n NewTenant) (*CreatedTenant, error) {
	domain, err := n.domain()
	if err != nil {
		return nil, err
	}
	if !tenantName.MatchString(n.Name) {
		return nil, plainError(errTenantName)
	}
	t, existed, err := d.findOrCreate(ctx, n, domain)
	if err != nil {
		return nil, err
	}
	made, err := d.Complete(ctx, t)
	if err != nil {
		return nil, err
	}
	made.Existed = existed
	return made, nil
}

// domain gives the domain in the form in which it is configured.
func (n NewTenant) domain() (tenant.Domain, error) {
	host, ok := httpx.Host(n.Domain, n.HTTPS)
	if !ok {
		return tenant.Domain{}, plainError(errTenantDomain)
	}
	return DomainOf(host, n.HTTPS), nil
}

// DomainOf gives the domain of a host.
func DomainOf(host string, https bool) tenant.Domain {
	scheme := "http"
	if https {
		scheme = "https"
	}
	return tenant.Domain{Host: host, Issuer: scheme + "://" + host + "/"}
}

// Complete gives a tenant what each one has where it is missing: signing keys, Auth0's hidden global client, the
// Management API and a machine-to-machine client with every scope of it.
func (d *Database) Complete(ctx context.Context, t *tenant.Tenant) (*CreatedTenant, error) {
	_, err := d.Keys.Signer(ctx, t.ID, jwt.RS256)
	if errors.Is(err, key.ErrNoKey) {
		err = d.Keys.Create(ctx, t)
		if apierr.KindOf(err) == apierr.Conflict { // another process has just done it
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	made := &CreatedTenant{Tenant: t}
	return made, d.ensureManagement(ctx, made)
}

// plainError is an error for the person at the command line: its sentence alone.
func plainError(e *apierr.Error) error { return errors.New(e.Message) }

func (d *Database) findOrCreate(ctx context.Context, n NewTenant, domain tenant.Domain) (*tenant.Tenant, bool, error) {
	found, err := d.TenantNamed(ctx, n.Name)
	switch {
	case err == nil && found.Domain == domain:
		return found, true, nil
	case err == nil:
		return nil, false, tenant.ErrExists.With(fmt.Errorf("the tenant %s has the issuer %s", n.Name, found.Domain.Issuer))
	case !errors.Is(err, tenant.ErrNotFound):
		return nil, false, err
	}
	t := &tenant.Tenant{ID: ident.ObjectID(), Name: n.Name, Domain: domain, CreatedAt: d.Clock.Now(), Settings: n.Settings}
	if t.Settings.PushedAuthorizationRequests == nil {
		par := true
		t.Settings.PushedAuthorizationRequests = &par
	}
	return t, false, d.Store.CreateTenant(ctx, t)
}

// TenantNamed gives the tenant with a name, or tenant.ErrNotFound.
func (d *Database) TenantNamed(ctx context.Context, name string) (*tenant.Tenant, error) {
	all, err := d.Store.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, tenant.ErrNotFound
}

// ensureManagement makes the global client, the Management API and its client where they are missing.
func (d *Database) ensureManagement(ctx context.Context, made *CreatedTenant) error {
	t := made.Tenant
	if _, _, err := d.EnsureClient(ctx, t.ID, &client.Client{
		ID: client.MadeID(t.ID, "global"), Name: "All Applications", Global: true, OIDCConformant: false,
		TokenEndpointAuthMethod: client.AuthPost,
	}); err != nil {
		return err
	}
	scopes := make([]resourceserver.Scope, len(managementScopes))
	for i, s := range managementScopes {
		scopes[i] = resourceserver.Scope{Value: s, Description: describeScope(s)}
	}
	if err := d.EnsureAPI(ctx, t.ID, &resourceserver.ResourceServer{
		Identifier: t.ManagementAudience(), Name: "Auth0 Management API", Scopes: scopes, System: true,
		SigningAlgorithm: jwt.RS256, TokenLifetime: 86400, TokenLifetimeWeb: 7200,
	}); err != nil {
		return err
	}
	c, secret, err := d.EnsureClient(ctx, t.ID, &client.Client{
		ID: client.MadeID(t.ID, "management"), Name: "Management", AppType: "non_interactive", OIDCConformant: true,
		Description:             "A program that may do everything at the Management API.",
		GrantTypes:              []string{client.GrantClientCredentials},
		TokenEndpointAuthMethod: client.AuthPost,
	})
	if err != nil {
		return err
	}
	made.Management, made.ManagementSecret = c, secret
	if err := d.EnsureGrant(ctx, t.ID, c.ID, t.ManagementAudience(), managementScopes); err != nil {
		return err
	}
	return d.followScopes(ctx, t, c.ID)
}

// followScopes gives a tenant of an earlier release the scopes that the Management API has learned since. The management
// client is granted them too, unless somebody has taken scopes from it.
func (d *Database) followScopes(ctx context.Context, t *tenant.Tenant, clientID string) error {
	return d.Store.InTx(ctx, func(ctx context.Context) error {
		api, err := d.Store.ResourceByKey(ctx, t.ID, resource.ResourceServers, t.ManagementAudience())
		if err != nil {
			return err
		}
		var had []any
		known, _ := api.Document["scopes"].([]any)
		for _, one := range known {
			scope, _ := one.(map[string]any)
			had = append(had, scope["value"])
		}
		var missing []any
		for _, s := range managementScopes {
			if !slices.Contains(had, any(s)) {
				missing = append(missing, s)
				known = append(known, map[string]any{"value": s, "description": describeScope(s)})
			}
		}
		if len(missing) == 0 {
			return nil
		}
		api.Document["scopes"], api.UpdatedAt = known, d.Clock.Now()
		if err := d.Store.UpdateResource(ctx, t.ID, api); err != nil {
			return err
		}
		key := resourceserver.GrantKey(clientID, t.ManagementAudience(), resourceserver.ForClients)
		grant, err := d.Store.ResourceByKey(ctx, t.ID, resource.ClientGrants, key)
		if err != nil {
			return err
		}
		granted, _ := grant.Document["scope"].([]any)
		if len(granted) < len(had) {
			return nil
		}
		grant.Document["scope"], grant.UpdatedAt = append(granted, missing...), d.Clock.Now()
		return d.Store.UpdateResource(ctx, t.ID, grant)
	})
}

// EnsureClient makes a client where there is none with its id, and gives the one that is stored with its secret, which is
// empty for public clients.
func (d *Database) EnsureClient(ctx context.Context, tenantID string, c *client.Client) (*client.Client, string, error) {
	stored, err := d.Store.Client(ctx, tenantID, c.ID)
	if errors.Is(err, client.ErrNotFound) {
		if err = d.createClient(ctx, tenantID, c); err == nil || errors.Is(err, client.ErrExists) {
			stored, err = d.Store.Client(ctx, tenantID, c.ID)
		}
	}
	if err != nil || len(stored.SecretSealed) == 0 {
		return stored, "", err
	}
	secret, err := clientauth.New(d.Store, nil, d.Keyset, d.Clock).Secret(tenantID, stored)
	return stored, secret, err
}

func (d *Database) createClient(ctx context.Context, tenantID string, c *client.Client) error {
	c.CreatedAt = d.Clock.Now()
	if c.TokenEndpointAuthMethod != client.AuthNone {
		sealed, err := clientauth.SealSecret(d.Keyset, tenantID, c.ID, ident.ClientSecret())
		if err != nil {
			return err
		}
		c.SecretSealed = sealed
	}
	return d.Store.CreateClient(ctx, tenantID, c)
}

// EnsureAPI makes an API where there is none with its identifier.
func (d *Database) EnsureAPI(ctx context.Context, tenantID string, r *resourceserver.ResourceServer) error {
	_, err := d.Store.ResourceServer(ctx, tenantID, r.Identifier)
	if !errors.Is(err, resourceserver.ErrNotFound) {
		return err
	}
	r.ID, r.CreatedAt = ident.ObjectID(), d.Clock.Now()
	if err := d.Store.CreateResourceServer(ctx, tenantID, r); err != nil && !errors.Is(err, resourceserver.ErrExists) {
		return err
	}
	return nil
}

// EnsureGrant lets a client ask for an API's scopes on its own behalf where it has no grant yet.
func (d *Database) EnsureGrant(ctx context.Context, tenantID, clientID, audience string, scopes []string) error {
	_, err := d.Store.ClientGrant(ctx, tenantID, clientID, audience)
	if err == nil || apierr.KindOf(err) != apierr.NotFound {
		return err
	}
	err = d.Store.CreateClientGrant(ctx, tenantID, &resourceserver.ClientGrant{
		ID: ident.ClientGrantID(), ClientID: clientID, Audience: audience, Scopes: scopes,
	})
	if err != nil && apierr.KindOf(err) != apierr.Conflict {
		return err
	}
	return nil
}

// RotateSigningKey rotates the keys of the tenant with a name and gives the id of the key that signs from now on.
func (d *Database) RotateSigningKey(ctx context.Context, name string) (string, error) {
	t, err := d.TenantNamed(ctx, name)
	if errors.Is(err, tenant.ErrNotFound) {
		return "", fmt.Errorf("there is no tenant called %q; 'latchkey tenant list' shows them", name)
	}
	if err != nil {
		return "", err
	}
	return d.Keys.Rotate(ctx, t)
}
