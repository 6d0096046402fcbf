// Package session is the browser's single sign-on state (Auth0 docs, "Sessions"): which user this browser has logged in,
// when, and how.
//
// The cookie holds a random secret whose keyed hash finds the row. Tokens name the session by another value, the sid,
// which proves nothing.
package session

import (
	"context"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/tenant"
)

// The refusals.
var (
	// ErrGone is the answer to writing a session that was ended after it had been found.
	ErrGone = apierr.New(apierr.Conflict, "session_gone", "The session has ended.")
	// ErrNotFound is the answer to asking for a session that is not there or no longer lives.
	ErrNotFound = apierr.New(apierr.NotFound, "inexistent_session", "The session does not exist.")
	// ErrCursor is the answer to a place in a list that List never gave.
	ErrCursor = apierr.New(apierr.Invalid, "invalid_cursor", "The cursor is not one of this list.")
	// ErrMetadata is the answer to metadata that is larger than a session keeps.
	ErrMetadata = apierr.New(apierr.Invalid, "invalid_metadata",
		"Metadata has at most 25 properties, with names and values of at most 255 characters.")
)

// Method is how a person proved who they are, with Auth0's name for it.
type Method struct {
	Name string    `json:"name"` // "email"
	At   time.Time `json:"timestamp"`
}

// Session is one browser's login.
type Session struct {
	ID              string // the sid
	UserID          string
	Connection      string // the connection that opened it, by name
	Methods         []Method
	Clients         []string // the clients it has logged in to
	CreatedAt       time.Time
	AuthenticatedAt time.Time // the last interactive proof
	UsedAt          time.Time // the last use that was written down
	UpdatedAt       time.Time // the last change, of its metadata too
	IdleExpiresAt   time.Time
	ExpiresAt       time.Time
	IP              string // of the login that opened it, as is UserAgent
	UserAgent       string
	LastIP          string // of the last use that was written down, as is LastUserAgent
	LastUserAgent   string
	Persistent      bool              // its cookie outlives the browser
	Metadata        map[string]string // what the tenant keeps with it; nil when nothing
}

// Secret is the value of the session cookie. It hides itself from logs.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[session secret]" }

// Live reports whether the session can be used at now.
func (s *Session) Live(now time.Time) bool {
	return now.Before(s.ExpiresAt) && now.Before(s.IdleExpiresAt)
}

// Store keeps sessions. Nothing here is ever cached.
type Store interface {
	// SessionBySecret gives the session whose secret has one of the hashes, or nil.
	SessionBySecret(ctx context.Context, tenantID string, hashes [][]byte) (*Session, error)
	// InsertSession writes a session, in the place of one with the same sid: of that nothing is left, and its secret opens
	// nothing. Of transactions that write the same sid at the same time all succeed and the last one stays. A queued write.
	InsertSession(ctx context.Context, tenantID string, s *Session, secretHash []byte) error
	// UpdateSession writes everything but the secret's hash, the creation with its device, the cookie's mode and the
	// metadata. A queued write: where the session was deleted, if only by a transaction that commits at the same time,
	// ErrGone comes with the next question or with the commit.
	UpdateSession(ctx context.Context, tenantID string, s *Session) error
	// Session gives a session by its sid, live or not, or nil.
	Session(ctx context.Context, tenantID, sid string) (*Session, error)
	// LiveSessions lists the sessions of a user that pass alive, by creation and then by sid, at most limit of those that
	// stand behind after in this order.
	LiveSessions(ctx context.Context, tenantID, userID string, alive Alive, after Position, limit int) ([]*Session, error)
	// SetSessionMetadata replaces the metadata of a session and tells whether there was one.
	SetSessionMetadata(ctx context.Context, tenantID, sid string, metadata map[string]string, now time.Time) (bool, error)
	// DeleteSession removes a session and tells whether there was one.
	DeleteSession(ctx context.Context, tenantID, sid string) (bool, error)
	// DeleteSessionsOf removes all sessions of a user. A queued write.
	DeleteSessionsOf(ctx context.Context, tenantID, userID string) error
	// DeleteSessionsVia removes those that a connection (by name) opened. A queued write.
	DeleteSessionsVia(ctx context.Context, tenantID, userID, connection string) error
}

// Alive says which sessions still live: neither end has come at Now, and they began and were used later than the tenant's
// lifetimes allow for.
type Alive struct {
	Now, CreatedAfter, UsedAfter time.Time
}

// Position is a place in a list of sessions. The zero one is its beginning.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// touchEvery spares writes: a use is written down once a minute at most.
const touchEvery = time.Minute

const purpose = "session"

// Sessions opens, finds and ends sessions. It is safe for concurrent use.
type Sessions struct {
	store Store
	keys  *seal.Keyset
	clock clock.Clock
}

// New makes the sessions of a server.
func New(store Store, keys *seal.Keyset, c clock.Clock) *Sessions {
	return &Sessions{store: store, keys: keys, clock: c}
}

// Find gives the live session that a cookie's value belongs to, or nil. Lowered lifetimes of the tenant apply at once.
func (s *Sessions) Find(ctx context.Context, t *tenant.Tenant, secret Secret) (*Session, error) {
	if secret == "" || len(secret) > 128 {
		return nil, nil
	}
	found, err := s.store.SessionBySecret(ctx, t.ID, s.keys.Hashes(purpose, string(secret)))
	if err != nil || found == nil {
		return nil, err
	}
	lower(t, found)
	if !found.Live(s.clock.Now()) {
		return nil, nil
	}
	return found, nil
}

// lower shortens a session's life to what the tenant allows now.
func lower(t *tenant.Tenant, s *Session) {
	s.ExpiresAt = earliest(s.ExpiresAt, s.CreatedAt.Add(t.Settings.SessionLife()))
	s.IdleExpiresAt = earliest(s.IdleExpiresAt, s.UsedAt.Add(t.Settings.IdleSessionLife()+touchEvery))
}

// Prepare makes a session in memory. Save writes it.
func (s *Sessions) Prepare(t *tenant.Tenant, userID, connection string, methods []Method, ip, userAgent string) (*Session, Secret) {
	now := s.clock.Now()
	life := now.Add(t.Settings.SessionLife())
	return &Session{
		ID: ident.SessionID(), UserID: userID, Connection: connection, Methods: methods,
		CreatedAt: now, AuthenticatedAt: now, UsedAt: now, UpdatedAt: now,
		ExpiresAt: life, IdleExpiresAt: earliest(life, now.Add(t.Settings.IdleSessionLife())),
		IP: ip, UserAgent: userAgent, LastIP: ip, LastUserAgent: userAgent, Persistent: t.Settings.PersistentSessions(),
	}, Secret(ident.Token(32))
}

// Save writes a prepared session in the caller's transaction.
func (s *Sessions) Save(ctx context.Context, tenantID string, prepared *Session, secret Secret) error {
	return s.store.InsertSession(ctx, tenantID, prepared, s.keys.Hash(purpose, string(secret)))
}

// Touch notes a use by a client from a device and tells whether there is something to write with Update.
func (s *Sessions) Touch(t *tenant.Tenant, existing *Session, clientID, ip, userAgent string) bool {
	changed := s.clock.Now().Sub(existing.UsedAt) >= touchEvery
	if !slices.Contains(existing.Clients, clientID) {
		existing.Clients = append(slices.Clone(existing.Clients), clientID)
		changed = true
	}
	if changed {
		now := s.clock.Now()
		existing.UsedAt, existing.UpdatedAt = now, now
		existing.IdleExpiresAt = earliest(existing.ExpiresAt, now.Add(t.Settings.IdleSessionLife()))
		existing.LastIP, existing.LastUserAgent = ip, userAgent
	}
	return changed
}

// Update writes a touched session in the caller's transaction, which ends with ErrGone when somebody ended the session
// meanwhile.
func (s *Sessions) Update(ctx context.Context, tenantID string, existing *Session) error {
	return s.store.UpdateSession(ctx, tenantID, existing)
}

// End removes a session and tells whether there was one.
func (s *Sessions) End(ctx context.Context, tenantID, sid string) (bool, error) {
	return s.store.DeleteSession(ctx, tenantID, sid)
}

// EndAllOf removes every session of a user, in the caller's transaction.
func (s *Sessions) EndAllOf(ctx context.Context, tenantID, userID string) error {
	return s.store.DeleteSessionsOf(ctx, tenantID, userID)
}

// EndVia removes every session of a user that a connection (by name) opened, in the caller's transaction.
func (s *Sessions) EndVia(ctx context.Context, tenantID, userID, connection string) error {
	return s.store.DeleteSessionsVia(ctx, tenantID, userID, connection)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
