package dev

import (
	"context"
	"errors"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/resourceserver"
	"latchkey/internal/server"
	"latchkey/internal/tenant"
)

// sampleAudience is the identifier of the sample API.
const sampleAudience = "https://api.example.com"

// sampleScopes are what the sample API lets its callers do.
var sampleScopes = []resourceserver.Scope{
	{Value: "read:orders", Description: "See your orders"},
	{Value: "write:orders", Description: "Place and change orders"},
}

// sampleSettings are those of a sample tenant: every language, and no question before a redirect to loopback, which
// would stop silent renewal.
func sampleSettings(name string) tenant.Settings {
	return tenant.Settings{
		FriendlyName:             name,
		EnabledLocales:           []string{"en", "de", "fr", "es", "ja", "ar"},
		SkipCallbackConfirmation: true,
	}
}

// sample is the sample data of one tenant.
type sample struct {
	management, web             *client.Client
	managementSecret, webSecret string
	spa, native                 *client.Client
}

// addSample makes the sample applications, connections and API of a tenant where they are missing.
func addSample(ctx context.Context, d *server.Database, made *server.CreatedTenant) (*sample, error) {
	s := &sample{management: made.Management, managementSecret: made.ManagementSecret}
	id := made.Tenant.ID
	if err := d.EnsureAPI(ctx, id, &resourceserver.ResourceServer{
		Identifier: sampleAudience, Name: "Sample API", Scopes: sampleScopes,
		SigningAlgorithm: jwt.RS256, AllowOfflineAccess: true, SkipConsent: true,
	}); err != nil {
		return nil, err
	}
	var err error
	if s.web, s.webSecret, err = d.EnsureClient(ctx, id, webClient(id)); err != nil {
		return nil, err
	}
	if s.spa, _, err = d.EnsureClient(ctx, id, spaClient(id)); err != nil {
		return nil, err
	}
	if s.native, _, err = d.EnsureClient(ctx, id, nativeClient(id)); err != nil {
		return nil, err
	}
	scopes := make([]string, len(sampleScopes))
	for i, scope := range sampleScopes {
		scopes[i] = scope.Value
	}
	if err := d.EnsureGrant(ctx, id, s.web.ID, sampleAudience, scopes); err != nil {
		return nil, err
	}
	return s, addConnections(ctx, d, id, client.MadeID(id, "management"), s.web.ID, s.spa.ID, s.native.ID)
}

// loopback lets a client use every port and path of this machine.
func loopback() *client.Extensions { return &client.Extensions{LoopbackRedirects: true} }

// firstCallback is where magic links of the API lead that name no address.
const firstCallback = "http://localhost:3000/callback"

func webClient(tenantID string) *client.Client {
	return &client.Client{
		ID: client.MadeID(tenantID, "web"), Name: "Sample web application", AppType: "regular_web", OIDCConformant: true,
		Description: "A web application with a server of its own, which keeps a secret.",
		Callbacks:   []string{firstCallback},
		GrantTypes: []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken,
			client.GrantClientCredentials, client.GrantPasswordlessOTP},
		TokenEndpointAuthMethod: client.AuthPost,
		RefreshToken:            client.RefreshPolicy{RotationType: "non-rotating", ExpirationType: "expiring"},
		Latchkey:                loopback(),
	}
}

func spaClient(tenantID string) *client.Client {
	return &client.Client{
		ID: client.MadeID(tenantID, "spa"), Name: "Sample single-page application", AppType: "spa", OIDCConformant: true,
		Description:             "A program that runs in the browser and can keep no secret.",
		GrantTypes:              []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken},
		TokenEndpointAuthMethod: client.AuthNone,
		RefreshToken:            client.RefreshPolicy{RotationType: "rotating", ExpirationType: "expiring"},
		Latchkey:                loopback(),
	}
}

func nativeClient(tenantID string) *client.Client {
	return &client.Client{
		ID: client.MadeID(tenantID, "native"), Name: "Sample native application", AppType: "native", OIDCConformant: true,
		Description: "An application on a phone or a desktop, which can keep no secret.",
		Callbacks:   []string{firstCallback},
		GrantTypes: []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken,
			client.GrantPasswordlessOTP},
		TokenEndpointAuthMethod: client.AuthNone,
		RefreshToken:            client.RefreshPolicy{RotationType: "rotating", ExpirationType: "expiring"},
		Latchkey:                loopback(),
	}
}

// addConnections makes the connections in the order in which a login page prefers them. The one for passwords is enabled
// for the management client alone, so that users can be made in it: where it is enabled, Auth0 uses it for every login that
// names no connection.
func addConnections(ctx context.Context, d *server.Database, tenantID, management string, clients ...string) error {
	existing, err := d.Store.Connections(ctx, tenantID)
	if err != nil {
		return err
	}
	protected := true
	for _, c := range []*connection.Connection{
		{Name: "email", Strategy: connection.Email, EnabledClients: clients},
		{Name: "sms", Strategy: connection.SMS, EnabledClients: clients},
		{
			Name: "Username-Password-Authentication", Strategy: connection.Database, EnabledClients: []string{management},
			Options: connection.Options{DatabaseOptions: connection.DatabaseOptions{PasswordPolicy: "good"}},
		},
	} {
		if connection.Find(existing, c.Name) != nil {
			continue
		}
		c.ID, c.CreatedAt, c.Realms = ident.ConnectionID(), d.Clock.Now(), []string{c.Name}
		c.Options.BruteForceProtection = &protected
		if c.Strategy.Passwordless() {
			c.Options.Name = c.Name
		}
		if err := d.Store.CreateConnection(ctx, tenantID, c); err != nil && !errors.Is(err, connection.ErrExists) {
			return err
		}
	}
	return nil
}
