// Package clientauth proves which client calls: by nothing, a secret in the body or the Basic header, or a signed
// assertion (OpenID Connect Core section 9; RFC 7523; Auth0 docs, "Authenticate with Private Key JWT").
package clientauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/jwt"
	"latchkey/internal/seal"
	"latchkey/internal/tenant"
)

// AssertionType is the only client_assertion_type (RFC 7523 section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Rules for assertions (Auth0 docs, "Authenticate with Private Key JWT").
const (
	maxAssertionLife = 5 * time.Minute
	skew             = 10 * time.Second
)

// Refusals.
var (
	// ErrMissingID is the answer to a call that names no client.
	ErrMissingID = apierr.New(apierr.Unauthorized, "missing_client_id", "Missing client_id")
	// ErrUnknown is the answer to an unknown client and to a wrong secret: strangers cannot tell the two apart.
	ErrUnknown = apierr.New(apierr.Unauthorized, "client_unauthorized", "Unauthorized")
	// ErrRequired is the answer to a confidential client that proves nothing.
	ErrRequired = apierr.New(apierr.Forbidden, "client_authentication_required", "Client authentication is required")
	// ErrAssertion is the answer to an assertion that does not hold.
	ErrAssertion = apierr.New(apierr.Unauthorized, "invalid_client_assertion", "The client assertion is invalid")
	// ErrContradiction is the answer to a call that names or proves two clients, or one in two ways.
	ErrContradiction = apierr.New(apierr.Invalid, "ambiguous_client", "The request names or authenticates the client in more than one way")
)

// Presented is what a call says of its client.
type Presented struct {
	ID            string
	Secret        string
	BasicUsed     bool
	BasicID       string
	BasicSecret   string
	Assertion     string
	AssertionType string
}

// Proven is a client and how it proved itself.
type Proven struct {
	Client *client.Client
	// Authenticated is false for a public client, which only named itself.
	Authenticated bool
}

// Authenticator proves clients. It is safe for concurrent use.
type Authenticator struct {
	clients client.Store
	store   Store
	keys    *seal.Keyset
	clock   clock.Clock
}

// New makes an authenticator.
func New(clients client.Store, store Store, keys *seal.Keyset, c clock.Clock) *Authenticator {
	return &Authenticator{clients: clients, store: store, keys: keys, clock: c}
}

// Authenticate proves the calling client. A confidential client that presents nothing is ErrRequired.
func (a *Authenticator) Authenticate(ctx context.Context, site tenant.Site, p Presented) (Proven, error) {
	id, secret, err := p.resolve()
	if err != nil {
		return Proven{}, err
	}
	if id == "" {
		return Proven{}, ErrMissingID
	}
	c, err := a.clients.Client(ctx, site.Tenant.ID, id)
	if errors.Is(err, client.ErrNotFound) {
		return Proven{}, ErrUnknown
	}
	if err != nil {
		return Proven{}, fmt.Errorf("find the calling client: %w", err)
	}
	switch {
	case p.Assertion != "":
		if err := a.checkAssertion(ctx, site, c, p.Assertion); err != nil {
			return Proven{}, err
		}
		return Proven{c, true}, nil
	case c.Public():
		// Clients that moved from confidential to public may still send their old secret: it proves nothing and hurts
		// nothing.
		return Proven{c, false}, nil
	case secret == "":
		return Proven{}, ErrRequired
	case c.UsesPrivateKeyJWT():
		return Proven{}, ErrUnknown
	}
	stored, err := a.Secret(site.Tenant.ID, c)
	if err != nil {
		return Proven{}, err
	}
	if !equal(stored, secret) {
		return Proven{}, ErrUnknown
	}
	return Proven{c, true}, nil
}

// Secret unseals a client's secret, for comparing and for HS256 tokens.
func (a *Authenticator) Secret(tenantID string, c *client.Client) (string, error) {
	secret, err := a.keys.Open(c.SecretSealed, tenantID, "clients", "secret", c.ID)
	if err != nil {
		return "", fmt.Errorf("unseal the secret of client %s: %w", c.ID, err)
	}
	return string(secret), nil
}

// SealSecret is the inverse of Secret.
func SealSecret(keys *seal.Keyset, tenantID, clientID, secret string) ([]byte, error) {
	return keys.Seal([]byte(secret), tenantID, "clients", "secret", clientID)
}

// resolve gives the one client id and secret that a call presents.
func (p Presented) resolve() (id, secret string, err error) {
	id, secret = p.ID, p.Secret
	if p.BasicUsed {
		if (id != "" && id != p.BasicID) || (secret != "" && secret != p.BasicSecret) || p.Assertion != "" {
			return "", "", ErrContradiction
		}
		id, secret = p.BasicID, p.BasicSecret
	}
	if p.Assertion == "" {
		return id, secret, nil
	}
	if secret != "" {
		return "", "", ErrContradiction
	}
	if p.AssertionType != AssertionType {
		return "", "", ErrAssertion
	}
	var claims assertion
	if jwt.Peek(p.Assertion, assertionAlgorithms, &claims) != nil || claims.Subject == "" {
		return "", "", ErrAssertion
	}
	if id != "" && id != claims.Subject {
		return "", "", ErrAssertion
	}
	return claims.Subject, "", nil
}

// equal compares in constant time, whatever the lengths.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}

var assertionAlgorithms = []jwt.Algorithm{jwt.RS256, jwt.RS384, jwt.PS256, jwt.PS384, jwt.ES256, jwt.ES384}

type assertion struct {
	Issuer    string       `json:"iss"`
	Subject   string       `json:"sub"`
	Audience  jwt.Audience `json:"aud"`
	Expires   float64      `json:"exp"`
	IssuedAt  *float64     `json:"iat"`
	NotBefore *float64     `json:"nbf"`
	ID        string       `json:"jti"`
}

// checkAssertion proves a client by its signed assertion and uses the assertion up.
func (a *Authenticator) checkAssertion(ctx context.Context, site tenant.Site, c *client.Client, token string) error {
	keys, err := credentialKeys(c, a.clock.Now())
	if err != nil || len(keys) == 0 {
		return ErrAssertion.With(err)
	}
	var claims assertion
	if err := jwt.Verify(token, keys, &claims); err != nil {
		return ErrAssertion.With(err)
	}
	now := a.clock.Now()
	expires := time.Unix(int64(claims.Expires), 0)
	switch {
	case claims.Issuer != c.ID || claims.Subject != c.ID || claims.ID == "":
		return ErrAssertion
	case !names(claims.Audience, site):
		return ErrAssertion
	case !now.Before(expires.Add(skew)) || expires.After(now.Add(maxAssertionLife+skew)):
		return ErrAssertion
	case tooEarly(claims.IssuedAt, now) || tooEarly(claims.NotBefore, now):
		return ErrAssertion
	}
	fresh, err := a.store.UseAssertion(ctx, site.Tenant.ID, c.ID, claims.ID, expires.Add(skew))
	if err != nil {
		return fmt.Errorf("use up a client assertion: %w", err)
	}
	if !fresh {
		return ErrAssertion
	}
	return nil
}

// names reports whether the audience is this server: its issuer, or the token endpoint as older clients write it.
func names(audience jwt.Audience, site tenant.Site) bool {
	for _, v := range audience {
		if v == site.Issuer() || v == site.URL("/oauth/token") || v == site.URL("/oauth/par") {
			return true
		}
	}
	return false
}

func tooEarly(at *float64, now time.Time) bool {
	return at != nil && time.Unix(int64(*at), 0).After(now.Add(skew))
}

// credentialKeys gives the client's registered keys that are still good.
func credentialKeys(c *client.Client, now time.Time) ([]jwt.Key, error) {
	if !c.UsesPrivateKeyJWT() {
		return nil, nil
	}
	var keys []jwt.Key
	for _, ref := range c.AuthenticationMethods.PrivateKeyJWT.Credentials {
		for _, cred := range c.Credentials {
			if cred.ID != ref.ID || (cred.ExpiresAt != nil && !now.Before(*cred.ExpiresAt)) {
				continue
			}
			block, _ := pem.Decode([]byte(cred.PEM))
			if block == nil {
				return nil, errors.New("a credential holds no PEM block")
			}
			public, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read credential %s: %w", cred.ID, err)
			}
			keys = append(keys, jwt.Key{ID: cred.KeyID, Algorithm: cred.Algorithm, Public: public})
		}
	}
	return keys, nil
}
