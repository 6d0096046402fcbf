package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/resourceserver"
	"latchkey/internal/tenant"
)

// oidcScopes are the scopes that belong to no API (OpenID Connect Core section 5.4, with the single-claim scopes that
// Auth0's discovery document lists).
var oidcScopes = []string{
	"openid", "profile", "email", "phone", "address", "offline_access",
	"name", "given_name", "family_name", "nickname", "email_verified", "picture", "created_at", "identities",
}

// offlineAccess asks for a refresh token.
const offlineAccess = "offline_access"

// target is the API that an access token is for. A nil API means none: the token is opaque and good for /userinfo only.
type target struct {
	audience string
	api      *resourceserver.ResourceServer
}

// askedTarget finds the API that a request asks for; without one, the tenant's default. Errors are for the client.
func (s *Server) askedTarget(ctx context.Context, site tenant.Site, audience string, unknown string) (target, error) {
	if audience == "" {
		audience = site.Tenant.Settings.DefaultAudience
	}
	if audience == site.UserInfoAudience() {
		audience = ""
	}
	return s.target(ctx, site, audience, unknown)
}

// target finds the API of an audience that was decided before: none stays none, whatever the tenant's default is by now.
func (s *Server) target(ctx context.Context, site tenant.Site, audience string, unknown string) (target, error) {
	if audience == "" {
		return target{}, nil
	}
	api, err := s.c.APIs.ResourceServer(ctx, site.Tenant.ID, audience)
	if errors.Is(err, resourceserver.ErrNotFound) {
		return target{}, protocolError("access_denied", unknown, audience)
	}
	if err != nil {
		return target{}, err
	}
	return target{audience: audience, api: api}, nil
}

// onesOwn marks the scopes of the Management API that a user may have: those about the user's own account. All others are
// for clients, by their client grants.
const onesOwn = ":current_user"

// granted cuts a user's request down to what exists: scopes of OpenID Connect and of the API, and a refresh token only
// where client and API allow one. Order is kept, repeats go.
func granted(requested []string, c *client.Client, t target, backChannel bool) []string {
	var out []string
	for _, scope := range requested {
		if slices.Contains(out, scope) {
			continue
		}
		switch {
		case scope == offlineAccess:
			if !backChannel || !c.Allows(client.GrantRefreshToken) || (t.api != nil && !t.api.AllowOfflineAccess) {
				continue
			}
		case slices.Contains(oidcScopes, scope):
		case t.api != nil && t.api.Defines(scope) && (!t.api.System || strings.Contains(scope, onesOwn)):
		default:
			continue
		}
		out = append(out, scope)
	}
	return out
}

// needsConsent gives the scopes that the user must still allow (Auth0 docs, "User Consent and Third-Party Applications"):
// none for a first-party client, unless its API does not let consent be skipped.
func (s *Server) needsConsent(ctx context.Context, tenantID, userID string, c *client.Client, t target, scope []string) ([]string, error) {
	if c.IsFirstParty() && (t.api == nil || t.api.SkipConsent) {
		return nil, nil
	}
	allowed, err := s.c.Grants.Consented(ctx, tenantID, userID, c.ID, t.audience)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, one := range scope {
		if !slices.Contains(allowed, one) {
			missing = append(missing, one)
		}
	}
	return missing, nil
}
