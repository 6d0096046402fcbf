// Package client is a registered application: what it may ask for, where answers may go, and how it proves itself.
package client

import (
	"context"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/jwt"
)

// ErrNotFound is the answer for a client that does not exist.
var ErrNotFound = apierr.New(apierr.NotFound, "inexistent_client", "The client does not exist")

// ErrExists is the answer to creating a client whose id is taken.
var ErrExists = apierr.New(apierr.Conflict, "client_exists", "A client with the same client_id already exists")

// Grant types, as clients name them in grant_types and at the token endpoint.
const (
	GrantAuthorizationCode = "authorization_code"
	GrantImplicit          = "implicit"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantPasswordlessOTP   = "http://auth0.com/oauth/grant-type/passwordless/otp"
)

// AuthMethod is how a client proves itself at the token endpoint.
type AuthMethod string

// Client authentication methods (OpenID Connect Core section 9).
const (
	AuthNone  AuthMethod = "none"
	AuthPost  AuthMethod = "client_secret_post"
	AuthBasic AuthMethod = "client_secret_basic"
)

// Client is one registered application, as the Management API shows it; its secret is kept apart and sealed. Values
// handed out by storage are shared: treat them as read-only.
type Client struct {
	ID          string `json:"client_id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	AppType     string `json:"app_type,omitempty"` // native, spa, regular_web, non_interactive
	LogoURI     string `json:"logo_uri,omitempty"`
	Global      bool   `json:"global,omitempty"`

	Callbacks         []string `json:"callbacks,omitempty"`
	AllowedLogoutURLs []string `json:"allowed_logout_urls,omitempty"`
	WebOrigins        []string `json:"web_origins,omitempty"`
	AllowedOrigins    []string `json:"allowed_origins,omitempty"`
	InitiateLoginURI  string   `json:"initiate_login_uri,omitempty"`

	GrantTypes              []string   `json:"grant_types,omitempty"`
	TokenEndpointAuthMethod AuthMethod `json:"token_endpoint_auth_method,omitempty"`
	// AuthenticationMethods, when set, replaces the secret by signed assertions (private_key_jwt).
	AuthenticationMethods *struct {
		PrivateKeyJWT *struct {
			Credentials []CredentialRef `json:"credentials"`
		} `json:"private_key_jwt,omitempty"`
	} `json:"client_authentication_methods,omitempty"`

	// FirstParty is absent for the usual, first-party client.
	FirstParty      *bool  `json:"is_first_party,omitempty"`
	OIDCConformant  bool   `json:"oidc_conformant"`
	CrossOriginAuth bool   `json:"cross_origin_authentication,omitempty"`
	CrossOriginLoc  string `json:"cross_origin_loc,omitempty"` // the page that verifies cross-origin logins
	RedirectPolicy  string `json:"redirection_policy,omitempty"`

	JWT          JWTConfiguration `json:"jwt_configuration"`
	RefreshToken RefreshPolicy    `json:"refresh_token"`

	RequirePAR               bool           `json:"require_pushed_authorization_requests,omitempty"`
	TrustForwardedIP         bool           `json:"is_token_endpoint_ip_header_trusted,omitempty"`
	CustomLoginPage          string         `json:"custom_login_page,omitempty"` // HTML of the Classic login page
	CustomLoginPageOn        *bool          `json:"custom_login_page_on,omitempty"`
	SkipCallbackConfirmation *bool          `json:"skip_non_verifiable_callback_uri_confirmation_prompt,omitempty"`
	Metadata                 map[string]any `json:"client_metadata,omitempty"`

	Latchkey *Extensions `json:"latchkey,omitempty"`

	// SecretSealed is the client secret, sealed for (tenant, "clients", "secret", client id). It is no part of the document.
	SecretSealed []byte `json:"-"`
	// Credentials are the public keys of private_key_jwt. The document shows no more than their ids.
	Credentials []Credential `json:"$credentials,omitempty"`
	CreatedAt   time.Time    `json:"-"`
}

// CredentialRef names a credential of the client.
type CredentialRef struct {
	ID string `json:"id"`
}

// Credential is a public key with which a client signs its assertions.
type Credential struct {
	ID        string        `json:"id"`
	Name      string        `json:"name,omitempty"`
	KeyID     string        `json:"kid,omitempty"`
	Algorithm jwt.Algorithm `json:"alg"`
	PEM       string        `json:"pem"` // SubjectPublicKeyInfo
	ExpiresAt *time.Time    `json:"expires_at,omitempty"`
}

// JWTConfiguration says how the client's ID tokens are made.
type JWTConfiguration struct {
	Algorithm     jwt.Algorithm `json:"alg,omitempty"`
	Lifetime      int           `json:"lifetime_in_seconds,omitempty"`
	SecretEncoded bool          `json:"secret_encoded,omitempty"` // the secret is base64 and HS256 signs with its bytes
}

// RefreshPolicy says how the client's refresh tokens live (Auth0 docs, "Configure Refresh Token Rotation" and
// "Configure Refresh Token Expiration"). Times are seconds.
type RefreshPolicy struct {
	RotationType     string `json:"rotation_type,omitempty"`   // rotating, non-rotating
	ExpirationType   string `json:"expiration_type,omitempty"` // expiring, non-expiring
	Lifetime         int    `json:"token_lifetime,omitempty"`
	InfiniteLifetime bool   `json:"infinite_token_lifetime,omitempty"`
	IdleLifetime     int    `json:"idle_token_lifetime,omitempty"`
	InfiniteIdle     bool   `json:"infinite_idle_token_lifetime,omitempty"`
	Leeway           int    `json:"leeway,omitempty"`
}

// SecretName is the name under which a client's secret is sealed.
const SecretName = "secret"

// Extensions are our own client settings, each off unless set (docs/divergences.md).
type Extensions struct {
	// LoopbackRedirects accepts any port and path on a loopback address as callback, logout URL and origin.
	LoopbackRedirects bool `json:"loopback_redirects,omitempty"`
	// StrictRFCErrors answers invalid_grant with 400, bad client credentials with 401 invalid_client, and refuses hybrid
	// requests for an ID token without a nonce (OpenID Connect Core section 3.3.2.11).
	StrictRFCErrors bool `json:"strict_rfc_errors,omitempty"`
	// AllowPublicOTP lets a single-page application use the passwordless grant.
	AllowPublicOTP bool `json:"allow_public_otp,omitempty"`
	// MagicLinkOfflineAccess gives refresh tokens for codes that a magic link brought, with PKCE.
	MagicLinkOfflineAccess bool `json:"magic_link_offline_access,omitempty"`
}

// Defaults of tokens (Auth0 docs, "Update ID Token Lifetime" and "Configure Refresh Token Expiration").
const (
	defaultIDTokenLife     = 36000 * time.Second
	defaultRefreshLife     = 2592000 * time.Second
	defaultRefreshIdleLife = 2592000 * time.Second
)

// IDTokenLife is how long the client's ID tokens last.
func (c *Client) IDTokenLife() time.Duration {
	if c.JWT.Lifetime <= 0 {
		return defaultIDTokenLife
	}
	return time.Duration(c.JWT.Lifetime) * time.Second
}

// IDTokenAlgorithm is the algorithm of the client's ID tokens.
func (c *Client) IDTokenAlgorithm() jwt.Algorithm {
	if c.JWT.Algorithm == "" {
		return jwt.RS256
	}
	return c.JWT.Algorithm
}

// Allows reports whether a grant type is enabled for the client.
func (c *Client) Allows(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// Public reports whether the client has no way to prove itself. Native and single-page applications that name no method
// have none.
func (c *Client) Public() bool {
	runsAtUsers := c.AppType == "native" || c.AppType == "spa"
	none := c.TokenEndpointAuthMethod == AuthNone || (c.TokenEndpointAuthMethod == "" && runsAtUsers)
	return none && !c.UsesPrivateKeyJWT()
}

// UsesPrivateKeyJWT reports whether the client proves itself by signed assertions.
func (c *Client) UsesPrivateKeyJWT() bool {
	return c.AuthenticationMethods != nil && c.AuthenticationMethods.PrivateKeyJWT != nil
}

// IsFirstParty reports whether the client belongs to the tenant itself.
func (c *Client) IsFirstParty() bool { return c.FirstParty == nil || *c.FirstParty }

// Own gives our own settings; never nil.
func (c *Client) Own() Extensions {
	if c.Latchkey == nil {
		return Extensions{}
	}
	return *c.Latchkey
}

// Rotating reports whether each use of a refresh token replaces it.
func (p RefreshPolicy) Rotating() bool { return p.RotationType == "rotating" }

// Life is how long a refresh token family lives from its first token on; zero means for ever.
func (p RefreshPolicy) Life() time.Duration {
	return p.life(p.InfiniteLifetime, p.Lifetime, defaultRefreshLife)
}

// IdleLife is how long a refresh token lives without use; zero means for ever.
func (p RefreshPolicy) IdleLife() time.Duration {
	return p.life(p.InfiniteIdle, p.IdleLifetime, defaultRefreshIdleLife)
}

func (p RefreshPolicy) life(infinite bool, seconds int, otherwise time.Duration) time.Duration {
	switch {
	case infinite || p.ExpirationType != "expiring": // a client that says nothing has tokens that do not expire
		return 0
	case seconds <= 0:
		return otherwise
	}
	return time.Duration(seconds) * time.Second
}

// Store keeps clients. Reads may be up to a second old.
type Store interface {
	// Client gives a client by id, or ErrNotFound.
	Client(ctx context.Context, tenantID, clientID string) (*Client, error)
	// CreateClient writes a new client, or answers ErrExists.
	CreateClient(ctx context.Context, tenantID string, c *Client) error
	// OriginKnown reports whether any client of the tenant lists the origin, as callback, web origin or allowed origin,
	// or accepts loopback and the origin is one. CORS preflights know no client. Of an address, an origin with a path behind
	// it, it reports whether its origin is listed as it stands: patterns and loopback do not count.
	OriginKnown(ctx context.Context, tenantID, origin string) (bool, error)
}

// LoginPage gives the HTML of the client's own Classic login page; empty where it has none or it is switched off (Auth0
// switches it on by default).
func (c *Client) LoginPage() string {
	if c.CustomLoginPageOn != nil && !*c.CustomLoginPageOn {
		return ""
	}
	return c.CustomLoginPage
}
