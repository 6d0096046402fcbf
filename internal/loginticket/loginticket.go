// Package loginticket makes the tickets by which a page of an application on another host hands a login over to us (Auth0
// docs, "Cross-Origin Authentication"). The page proves who the person is by POST /co/authenticate and is given a ticket, which it
// takes to /authorize in the same browser.
//
// A ticket says who was proven and is worth nothing alone: it came through a page, so it may have been read there or sent
// elsewhere. The browser that earned it shows so by a cookie of ours, or, where browsers keep such cookies back, by the
// verifier that the page has kept at its own origin. A ticket lives five minutes, is good for one client, and is spent once, by one
// conditional update. All three secrets are stored as keyed hashes.
package loginticket

import (
	"context"
	"crypto/hmac"
	"fmt"
	"log/slog"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
)

// Life is how long a ticket may be taken to /authorize (ours; auth0.js keeps its part for fifteen minutes).
const Life = 5 * time.Minute

const (
	purposeTicket   = "login ticket"
	purposeCookie   = "login ticket cookie"
	purposeVerifier = "login ticket verifier"
)

// The refusals.
var (
	// ErrUnknown is the answer to a ticket that is not there, is another client's, has expired or was spent.
	ErrUnknown = apierr.New(apierr.Unauthorized, "unknown_login_ticket", "Unknown or invalid login ticket.")
	// ErrForeignBrowser is the answer where the browser does not show that the ticket is its own.
	ErrForeignBrowser = apierr.New(apierr.Forbidden, "foreign_login_ticket", "The login ticket belongs to another browser.")
)

// Secret is a clear secret of a ticket. It hides itself from logs.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[login ticket]" }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[login ticket]") }

// Ticket is a proof that waits to be taken to /authorize.
type Ticket struct {
	ID         string `json:"id"` // the co_id of auth0.js; no secret
	ClientID   string `json:"client_id"`
	UserID     string `json:"user_id"`
	Connection string `json:"connection"` // name
	Method     string `json:"method"`
	Identifier string `json:"identifier"` // that was proven
	Cookie     []byte `json:"cookie"`     // hashes of what ties it to its browser
	Verifier   []byte `json:"verifier"`

	CreatedAt time.Time `json:"-"` // when the proof was given
	ExpiresAt time.Time `json:"-"`
	SpentAt   time.Time `json:"-"`

	hash []byte // of its secret, as it is stored
}

// Issued are the clear secrets of a ticket: one for the page's next step, one for the page to keep, one for our cookie.
type Issued struct {
	Ticket   Secret
	Verifier Secret
	Cookie   Secret
}

// Store keeps tickets under the hashes of their secrets. Nothing here is ever cached.
type Store interface {
	// InsertLoginTicket writes a ticket. A queued write.
	InsertLoginTicket(ctx context.Context, tenantID string, hash []byte, t *Ticket) error
	// LoginTicket gives the ticket whose secret has one of the hashes, and which; nil where there is none.
	LoginTicket(ctx context.Context, tenantID string, hashes [][]byte) (t *Ticket, hash []byte, err error)
	// SpendLoginTicket marks a ticket as spent at now where it is not spent and lives. It tells whether it did: of any
	// number of callers exactly one is told true.
	SpendLoginTicket(ctx context.Context, tenantID string, hash []byte, now time.Time) (bool, error)
}

// Tickets issues tickets and takes them. It is safe for concurrent use.
type Tickets struct {
	store Store
	keys  *seal.Keyset
	clock clock.Clock
}

// New makes the login tickets of a server.
func New(store Store, keys *seal.Keyset, c clock.Clock) *Tickets {
	return &Tickets{store: store, keys: keys, clock: c}
}

// Issue writes a ticket for a proof, which the caller describes, in the caller's transaction.
func (m *Tickets) Issue(ctx context.Context, tenantID string, t *Ticket) (Issued, error) {
	issued := Issued{Secret(ident.Token(32)), Secret(ident.Token(32)), Secret(ident.Token(32))}
	t.ID = ident.Token(12)
	t.CreatedAt = m.clock.Now()
	t.ExpiresAt = t.CreatedAt.Add(Life)
	t.Cookie = m.keys.Hash(purposeCookie, bind(tenantID, t.ID, issued.Cookie))
	t.Verifier = m.keys.Hash(purposeVerifier, bind(tenantID, t.ID, issued.Verifier))
	hash := m.keys.Hash(purposeTicket, bind(tenantID, "", issued.Ticket))
	return issued, m.store.InsertLoginTicket(ctx, tenantID, hash, t)
}

// bind ties a secret to its tenant and ticket.
func bind(tenantID, id string, s Secret) string { return tenantID + "\x00" + id + "\x00" + string(s) }

// Find gives the ticket of a client that may still be taken, or ErrUnknown. It spends nothing.
func (m *Tickets) Find(ctx context.Context, tenantID, clientID string, ticket Secret) (*Ticket, error) {
	t, hash, err := m.store.LoginTicket(ctx, tenantID, m.keys.Hashes(purposeTicket, bind(tenantID, "", ticket)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a login ticket: %w", err)
	case t == nil, t.ClientID != clientID, !t.SpentAt.IsZero(), !m.clock.Now().Before(t.ExpiresAt):
		return nil, ErrUnknown
	}
	t.hash = hash
	return t, nil
}

// Shown is what a browser shows of a ticket beside the ticket itself.
type Shown struct {
	Cookies  []Secret // any one may be the right one
	Verifier Secret
}

// Fits reports whether the browser shows that the ticket is its own.
func (m *Tickets) Fits(tenantID string, t *Ticket, s Shown) bool {
	right := s.Verifier != "" && m.matches(purposeVerifier, tenantID, t, s.Verifier, t.Verifier)
	for _, c := range s.Cookies {
		right = (c != "" && m.matches(purposeCookie, tenantID, t, c, t.Cookie)) || right
	}
	return right
}

func (m *Tickets) matches(purpose, tenantID string, t *Ticket, s Secret, want []byte) bool {
	right := false
	for _, h := range m.keys.Hashes(purpose, bind(tenantID, t.ID, s)) {
		right = hmac.Equal(h, want) || right
	}
	return right
}

// Spend takes a ticket in the caller's transaction. When somebody was faster it answers ErrUnknown and the caller rolls
// back.
func (m *Tickets) Spend(ctx context.Context, tenantID string, t *Ticket) error {
	ok, err := m.store.SpendLoginTicket(ctx, tenantID, t.hash, m.clock.Now())
	switch {
	case err != nil:
		return fmt.Errorf("spend a login ticket: %w", err)
	case !ok:
		return ErrUnknown
	}
	return nil
}
