// Package grant keeps what a client was given: authorization codes, refresh tokens and their families, and what users
// have consented to (RFC 6749 sections 4.1 and 6, RFC 9700 section 2.2.2; Auth0 docs, "Refresh Token Rotation").
//
// Codes and tokens are random and stored as keyed hashes. A code works once; its second use tells of a theft, so it ends
// what the first use gave out. A rotating refresh token is replaced at each use; using a replaced one again ends its
// whole family, except for the one before the newest within the client's leeway.
package grant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/user"
)

// MaxFamilies is how many refresh tokens a user and client have at most; the oldest go (Auth0 docs, "Refresh Tokens").
const MaxFamilies = 200

// pushedLife is how long a pushed request lives (Auth0 docs, "Authorization Code Flow with PAR").
const pushedLife = 30 * time.Second

const (
	purposeCode    = "authorization code"
	purposeRefresh = "refresh token"
	purposePushed  = "pushed request"
)

// Refusals.
var (
	// ErrCode is the answer to a code that is unknown, used, expired, or another client's.
	ErrCode = apierr.New(apierr.Unauthorized, "invalid_code", "Invalid authorization code")
	// ErrRefresh is the answer to a refresh token that is unknown, used, expired, revoked, or another client's.
	ErrRefresh = apierr.New(apierr.Unauthorized, "invalid_refresh_token", "Unknown or invalid refresh token.")
	// ErrNotFound is the answer to asking for a family that is not there, was revoked or has expired.
	ErrNotFound = apierr.New(apierr.NotFound, "inexistent_refresh_token", "The refresh token does not exist.")
	// ErrCursor is the answer to a place in a list that Families never gave.
	ErrCursor = apierr.New(apierr.Invalid, "invalid_cursor", "The cursor is not one of this list.")
	// ErrMetadata is the answer to metadata that is larger than a family keeps.
	ErrMetadata = apierr.New(apierr.Invalid, "invalid_metadata",
		"Metadata has at most 25 properties, with names and values of at most 255 characters.")
)

// Secret is a code or token in clear. It hides itself from logs.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[token]" }

// Grants issues and spends codes and refresh tokens. It is safe for concurrent use.
type Grants struct {
	store Store
	keys  *seal.Keyset
	clock clock.Clock
}

// New makes the grants of a server.
func New(store Store, keys *seal.Keyset, c clock.Clock) *Grants {
	return &Grants{store: store, keys: keys, clock: c}
}

// NewCode draws a code for a decided grant and names the token family that its exchange may start.
func (g *Grants) NewCode(c *Code, life time.Duration) Secret {
	c.FamilyID = ident.Token(18)
	c.ExpiresAt = g.clock.Now().Add(life)
	return Secret(ident.Token(32))
}

// SaveCode writes a code in the caller's transaction.
func (g *Grants) SaveCode(ctx context.Context, tenantID string, code Secret, c *Code) error {
	return g.store.InsertCode(ctx, tenantID, g.keys.Hash(purposeCode, string(code)), c)
}

// FoundCode is a code that was found and is not spent yet.
type FoundCode struct {
	*Code
	hash []byte
}

// FindCode gives the code where it is the client's and still lives; else ErrCode. For a code of this client that was used
// before it also gives what was found, so that the caller ends the family with Replayed.
func (g *Grants) FindCode(ctx context.Context, tenantID, clientID string, code Secret) (FoundCode, error) {
	c, hash, err := g.store.CodeByHash(ctx, tenantID, g.keys.Hashes(purposeCode, string(code)))
	if err != nil {
		return FoundCode{}, fmt.Errorf("find a code: %w", err)
	}
	switch {
	case c == nil || c.ClientID != clientID:
		return FoundCode{}, ErrCode
	case !c.UsedAt.IsZero():
		return FoundCode{c, hash}, ErrCode
	case !g.clock.Now().Before(c.ExpiresAt):
		return FoundCode{}, ErrCode
	}
	return FoundCode{c, hash}, nil
}

// SpendCode uses the code in the caller's transaction, or answers ErrCode when somebody else did. When the code's user was
// blocked or deleted meanwhile, the answer is an ErrCode that is also user.ErrBlocked, and the caller rolls back.
func (g *Grants) SpendCode(ctx context.Context, tenantID string, found FoundCode) error {
	ok, err := g.store.SpendCode(ctx, tenantID, found.hash, g.clock.Now())
	if errors.Is(err, user.ErrBlocked) {
		return fmt.Errorf("%w (%w)", ErrCode, err)
	}
	if err != nil {
		return fmt.Errorf("spend a code: %w", err)
	}
	if !ok {
		return ErrCode
	}
	return nil
}

// Replayed ends the token family of a code that was used twice (RFC 6749 section 4.1.2).
func (g *Grants) Replayed(ctx context.Context, tenantID string, found FoundCode) error {
	return g.store.RevokeFamily(ctx, tenantID, found.FamilyID, g.clock.Now())
}

// FirstToken is the first refresh token of a new family.
func (g *Grants) FirstToken(c *client.Client, familyID string, r RefreshToken) *RefreshToken {
	now := g.clock.Now()
	r.FamilyID, r.Sequence, r.ClientID = familyID, 1, c.ID
	if r.FamilyID == "" {
		r.FamilyID = ident.Token(18)
	}
	r.Rotating = c.RefreshToken.Rotating()
	r.IssuedAt, r.UsedAt = now, now
	if life := c.RefreshToken.Life(); life > 0 {
		r.ExpiresAt = now.Add(life)
	}
	return &r
}

// SaveToken draws the clear token and writes it in the caller's transaction. The first token of a family also makes room.
func (g *Grants) SaveToken(ctx context.Context, tenantID string, token Secret, r *RefreshToken) error {
	if err := g.store.InsertRefreshToken(ctx, tenantID, g.keys.Hash(purposeRefresh, string(token)), r); err != nil {
		return err
	}
	if r.Sequence > 1 {
		return nil
	}
	return g.store.TrimRefreshTokens(ctx, tenantID, r.UserID, r.ClientID, MaxFamilies)
}

// NewToken draws a clear refresh token in the shape clients know.
func (g *Grants) NewToken() Secret { return Secret("v1." + ident.Token(32)) }

// FoundToken is a refresh token that was found and may be exchanged.
type FoundToken struct {
	*RefreshToken
	hash   []byte
	latest int
}

// Reuse tells of a refresh token whose use ends its family: one that was used after it had been replaced or, when Switched,
// one that rotates while its client no longer does. It is an ErrRefresh.
type Reuse struct {
	Token    *RefreshToken
	Latest   int
	Switched bool
}

// Error implements error.
func (e *Reuse) Error() string {
	if e.Switched {
		return "a refresh token that rotates was used after its client had stopped to rotate"
	}
	return fmt.Sprintf("refresh token %d of a family at %d was used again", e.Token.Sequence, e.Latest)
}

// Unwrap makes a Reuse an ErrRefresh.
func (e *Reuse) Unwrap() error { return ErrRefresh }

// FindToken gives the token where it may be exchanged: the client's own, neither revoked nor expired nor replaced, or
// replaced within the client's leeway by the token that is still the newest. Reuse of any other replaced token is a
// *Reuse, and the caller ends the family; so is a token that rotates where the client no longer does (Auth0 docs,
// "Configure Refresh Token Rotation").
func (g *Grants) FindToken(ctx context.Context, tenantID string, c *client.Client, token Secret) (FoundToken, error) {
	r, hash, latest, err := g.store.RefreshTokenByHash(ctx, tenantID, g.keys.Hashes(purposeRefresh, string(token)))
	if err != nil {
		return FoundToken{}, fmt.Errorf("find a refresh token: %w", err)
	}
	now := g.clock.Now()
	switch {
	case r == nil || r.ClientID != c.ID || !r.RevokedAt.IsZero():
		return FoundToken{}, ErrRefresh
	case !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt):
		return FoundToken{}, ErrRefresh
	case idle(r, c.RefreshToken.IdleLife(), now):
		return FoundToken{}, ErrRefresh
	}
	found := FoundToken{r, hash, latest}
	if r.Rotating && !c.RefreshToken.Rotating() {
		return found, &Reuse{Token: r, Latest: latest, Switched: true}
	}
	if !r.RotatedAt.IsZero() && !found.inLeeway(c.RefreshToken, now) {
		return found, &Reuse{Token: r, Latest: latest}
	}
	return found, nil
}

// FindForRevocation gives the client's own token whatever has become of it: expired and replaced ones name a family that may
// have a living successor. A token that is unknown or another client's is ErrRefresh.
func (g *Grants) FindForRevocation(ctx context.Context, tenantID, clientID string, token Secret) (FoundToken, error) {
	r, hash, latest, err := g.store.RefreshTokenByHash(ctx, tenantID, g.keys.Hashes(purposeRefresh, string(token)))
	if err != nil {
		return FoundToken{}, fmt.Errorf("find a refresh token: %w", err)
	}
	if r == nil || r.ClientID != clientID {
		return FoundToken{}, ErrRefresh
	}
	return FoundToken{r, hash, latest}, nil
}

func idle(r *RefreshToken, life time.Duration, now time.Time) bool {
	return life > 0 && !now.Before(r.UsedAt.Add(life))
}

// inLeeway reports whether a replaced token may be used once more: the newest is its own successor, or one beside that, and
// the leeway since it was replaced has not passed. Of tokens that were made beside each other one goes on; the others are
// replaced by its successor.
func (f FoundToken) inLeeway(p client.RefreshPolicy, now time.Time) bool {
	leeway := time.Duration(p.Leeway) * time.Second
	return f.latest == f.Sequence+1 && now.Before(f.RotatedAt.Add(leeway))
}

// Exchange uses a found token in the caller's transaction. For a rotating client it gives the successor to save, else nil;
// the first rotation of a token that did not rotate revokes the user's others for that client and audience. When the
// token was used or revoked, or its user blocked or deleted, after it had been found, the answer is *Reuse, ErrRefresh or
// user.ErrBlocked and the caller rolls back.
func (g *Grants) Exchange(ctx context.Context, tenantID string, c *client.Client, f FoundToken, from Device) (*RefreshToken, error) {
	now := g.clock.Now()
	rotating := c.RefreshToken.Rotating()
	var ok bool
	var err error
	switch {
	case !rotating:
		ok, err = g.store.UseFamily(ctx, tenantID, f.RefreshToken, f.Sequence, from, now)
	case f.RotatedAt.IsZero():
		ok, err = g.store.RotateRefreshToken(ctx, tenantID, f.hash, f.RefreshToken, from, now)
	default: // in the leeway
		ok, err = g.store.UseFamily(ctx, tenantID, f.RefreshToken, f.latest, from, now)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("exchange a refresh token: %w", err)
	case !ok:
		return nil, g.lost(ctx, tenantID, f)
	case !rotating:
		return nil, nil
	}
	if !f.Rotating {
		if err := g.store.RevokeNotRotating(ctx, tenantID, f.UserID, f.ClientID, f.Audience, now); err != nil {
			return nil, err
		}
	}
	next := *f.RefreshToken
	next.Sequence = f.Sequence + 1
	next.Rotating = true
	next.IssuedAt, next.UsedAt, next.RotatedAt = now, now, time.Time{}
	return &next, nil
}

// lost tells why a token that was found could not be used.
func (g *Grants) lost(ctx context.Context, tenantID string, f FoundToken) error {
	r, _, latest, err := g.store.RefreshTokenByHash(ctx, tenantID, [][]byte{f.hash})
	switch {
	case err != nil:
		return fmt.Errorf("find a refresh token again: %w", err)
	case r == nil || !r.RevokedAt.IsZero():
		return ErrRefresh
	case latest != f.latest:
		return &Reuse{Token: f.RefreshToken, Latest: latest}
	}
	return user.ErrBlocked
}

// EndFamily revokes a token family, in the caller's transaction.
func (g *Grants) EndFamily(ctx context.Context, tenantID, familyID string) error {
	return g.store.RevokeFamily(ctx, tenantID, familyID, g.clock.Now())
}

// EndAll revokes all refresh tokens of a user at one client for one audience, in the caller's transaction. Those without an
// audience are not those of every audience.
func (g *Grants) EndAll(ctx context.Context, tenantID, userID, clientID, audience string) error {
	return g.store.RevokeGrant(ctx, tenantID, userID, clientID, audience, g.clock.Now())
}

// EndAllOf ends everything that any client was given for a user, in the caller's transaction: codes that wait for their
// exchange, and refresh tokens.
func (g *Grants) EndAllOf(ctx context.Context, tenantID, userID string) error {
	// Codes first: an exchange that is under way is waited for, and then its tokens are there to be revoked.
	if err := g.store.DeleteCodes(ctx, tenantID, userID); err != nil {
		return err
	}
	return g.store.RevokeTokens(ctx, tenantID, userID, g.clock.Now())
}

// EndVia ends what clients were given for a user who logged in through a connection (by name), in the caller's transaction:
// the refresh tokens, and all codes that wait.
func (g *Grants) EndVia(ctx context.Context, tenantID, userID, connection string) error {
	if err := g.store.DeleteCodes(ctx, tenantID, userID); err != nil {
		return err
	}
	return g.store.RevokeTokensVia(ctx, tenantID, userID, connection, g.clock.Now())
}

// Consented gives the scopes that a user has allowed a client at an audience.
func (g *Grants) Consented(ctx context.Context, tenantID, userID, clientID, audience string) ([]string, error) {
	c, err := g.store.ConsentFor(ctx, tenantID, userID, clientID, audience)
	if err != nil || c == nil {
		return nil, err
	}
	return c.Scope, nil
}

// SaveConsent notes what a user allows a client, in the caller's transaction.
func (g *Grants) SaveConsent(ctx context.Context, tenantID string, c *Consent) error {
	saved := *c
	saved.ID = ident.ObjectID()
	return g.store.SaveConsent(ctx, tenantID, &saved, g.clock.Now())
}

// pushedPrefix begins every request_uri of ours (RFC 9126 section 2.2).
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// Push keeps an authorization request and gives its request_uri and life.
func (g *Grants) Push(ctx context.Context, tenantID, clientID string, params map[string]string) (string, time.Duration, error) {
	handle := ident.Token(32)
	err := g.store.InsertPushed(ctx, tenantID, g.keys.Hash(purposePushed, handle),
		&Pushed{ClientID: clientID, Params: params, ExpiresAt: g.clock.Now().Add(pushedLife)})
	if err != nil {
		return "", 0, fmt.Errorf("keep a pushed request: %w", err)
	}
	return pushedPrefix + handle, pushedLife, nil
}

// ErrPushed is the answer to a request_uri that is unknown, used, expired, or another client's.
var ErrPushed = apierr.New(apierr.Invalid, "invalid_request_uri", "Invalid request_uri")

// NamesPushed reports whether a request_uri can be that of a pushed request. Any other is the address of a request object
// (RFC 9101).
func NamesPushed(requestURI string) bool { return strings.HasPrefix(requestURI, pushedPrefix) }

// TakePushed gives the pushed request and uses it up.
func (g *Grants) TakePushed(ctx context.Context, tenantID, clientID, requestURI string) (map[string]string, error) {
	handle, ours := strings.CutPrefix(requestURI, pushedPrefix)
	if !ours || handle == "" {
		return nil, ErrPushed
	}
	p, err := g.store.TakePushed(ctx, tenantID, g.keys.Hashes(purposePushed, handle))
	if err != nil {
		return nil, fmt.Errorf("take a pushed request: %w", err)
	}
	if p == nil || p.ClientID != clientID || !g.clock.Now().Before(p.ExpiresAt) {
		return nil, ErrPushed
	}
	return p.Params, nil
}
