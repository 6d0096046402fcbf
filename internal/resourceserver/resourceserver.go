// Package resourceserver is an API that access tokens are for, and the grants that let clients call it on their own
// behalf.
package resourceserver

import (
	"context"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/jwt"
)

// ErrNotFound is the answer for an audience or grant that does not exist.
var ErrNotFound = apierr.New(apierr.NotFound, "inexistent_resource_server", "The resource server does not exist")

// ErrExists is the answer to creating an API or grant that exists.
var ErrExists = apierr.New(apierr.Conflict, "resource_server_exists", "A resource server with the same identifier already exists")

// ResourceServer is one API. Values handed out by storage are shared: treat them as read-only.
type ResourceServer struct {
	ID                 string        `json:"id"`
	Identifier         string        `json:"identifier"` // the audience
	Name               string        `json:"name"`
	Scopes             []Scope       `json:"scopes,omitempty"`
	SigningAlgorithm   jwt.Algorithm `json:"signing_alg,omitempty"`
	TokenLifetime      int           `json:"token_lifetime,omitempty"`         // seconds
	TokenLifetimeWeb   int           `json:"token_lifetime_for_web,omitempty"` // seconds, tokens from the front channel
	TokenDialect       string        `json:"token_dialect,omitempty"`
	AllowOfflineAccess bool          `json:"allow_offline_access,omitempty"`
	SkipConsent        bool          `json:"skip_consent_for_verifiable_first_party_clients,omitempty"`
	System             bool          `json:"is_system,omitempty"`

	// SecretSealed is the signing secret of HS256, sealed for (tenant, "resource_servers", "signing_secret", id).
	SecretSealed []byte    `json:"-"`
	CreatedAt    time.Time `json:"-"`
}

// Scope is a permission of the API.
type Scope struct {
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

// ClientGrant lets a client ask for tokens of an API on its own behalf (client_credentials).
type ClientGrant struct {
	ID          string   `json:"id"`
	ClientID    string   `json:"client_id"`
	Audience    string   `json:"audience"`
	Scopes      []string `json:"scope"`
	SubjectType string   `json:"subject_type"` // client; grants on behalf of users are another kind
	AllScopes   bool     `json:"allow_all_scopes,omitempty"`
}

// ForClients is the subject type of grants that clients use on their own behalf.
const ForClients = "client"

// GrantKey is what a client grant is unique by.
func GrantKey(clientID, audience, subjectType string) string {
	return clientID + "|" + audience + "|" + subjectType
}

// SecretName is the name under which an API's signing secret is sealed.
const SecretName = "signing_secret"

// Lifetimes of access tokens (Auth0 docs, "Update Access Token Lifetime").
const (
	defaultTokenLife    = 86400 * time.Second
	defaultTokenLifeWeb = 7200 * time.Second
)

// TokenLife is how long access tokens last; web is for those delivered through the browser's address.
func (r *ResourceServer) TokenLife(web bool) time.Duration {
	switch {
	case web && r.TokenLifetimeWeb > 0:
		return time.Duration(r.TokenLifetimeWeb) * time.Second
	case web:
		return min(defaultTokenLifeWeb, r.TokenLife(false))
	case r.TokenLifetime > 0:
		return time.Duration(r.TokenLifetime) * time.Second
	}
	return defaultTokenLife
}

// Algorithm is the algorithm of the API's access tokens.
func (r *ResourceServer) Algorithm() jwt.Algorithm {
	if r.SigningAlgorithm == "" {
		return jwt.RS256
	}
	return r.SigningAlgorithm
}

// RFC9068 reports whether access tokens follow the profile of RFC 9068.
func (r *ResourceServer) RFC9068() bool {
	return r.TokenDialect == "rfc9068_profile" || r.TokenDialect == "rfc9068_profile_authz"
}

// Defines reports whether the API has the scope.
func (r *ResourceServer) Defines(scope string) bool {
	return slices.ContainsFunc(r.Scopes, func(s Scope) bool { return s.Value == scope })
}

// Store keeps APIs and client grants. Reads may be up to a second old.
type Store interface {
	// ResourceServer gives an API by its identifier, or ErrNotFound.
	ResourceServer(ctx context.Context, tenantID, identifier string) (*ResourceServer, error)
	// CreateResourceServer writes a new API, or answers ErrExists.
	CreateResourceServer(ctx context.Context, tenantID string, r *ResourceServer) error
	// ClientGrant gives the grant of a client for an audience, or ErrNotFound.
	ClientGrant(ctx context.Context, tenantID, clientID, audience string) (*ClientGrant, error)
	// CreateClientGrant writes a new grant, or answers ErrExists.
	CreateClientGrant(ctx context.Context, tenantID string, g *ClientGrant) error
}
