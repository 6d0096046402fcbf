// Package transaction is the state of one hosted login, behind the `state` of the pages: what the application asked for,
// what the person has proven, and Next, the one function that decides what comes after.
//
// Until the person submits something the transaction is no row: its state is the sealed request itself, so that a
// visitor who only looks costs no write. The first POST writes the row under the state's hash; the state stays the same.
// A cookie binds the transaction to the browser that began it: a state without its cookie is refused.
package transaction

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
)

// Life is how long a transaction lasts from /authorize on. It does not slide.
const Life = 60 * time.Minute

// maxSealed is how long a sealed request may be to be carried in addresses. Classic pages write the state into theirs, beside
// the request's own parameters.
const maxSealed = 2 << 10

const (
	purposeState   = "transaction"
	purposeBinding = "transaction binding"
)

// The refusals of Open.
var (
	// ErrUnknown is the answer to a state that is no transaction of this tenant.
	ErrUnknown = apierr.New(apierr.NotFound, "unknown_transaction", "This login is not known here.")
	// ErrExpired is the answer to a state whose time is over; the transaction is given with it.
	ErrExpired = apierr.New(apierr.NotFound, "expired_transaction", "This login took too long.")
	// ErrForeignBrowser is the answer to a state in a browser that did not begin it.
	ErrForeignBrowser = apierr.New(apierr.Forbidden, "foreign_browser", "This login was begun in another browser.")
	// ErrMoved is the answer to a write over a transaction that another request changed meanwhile.
	ErrMoved = apierr.New(apierr.Conflict, "transaction_moved", "This login has moved on.")
)

// Request is an authorization request as it was proven: the client and redirect URI are right, the rest was read.
type Request struct {
	ClientID        string            `json:"client_id"`
	RedirectURI     string            `json:"redirect_uri"`
	RedirectURISent bool              `json:"redirect_uri_sent,omitempty"`
	ResponseType    string            `json:"response_type"`
	ResponseMode    string            `json:"response_mode"`
	Scope           []string          `json:"scope,omitempty"`
	Audience        string            `json:"audience,omitempty"`
	State           string            `json:"state,omitempty"`
	StateSent       bool              `json:"state_sent,omitempty"`
	Nonce           string            `json:"nonce,omitempty"`
	Challenge       string            `json:"code_challenge,omitempty"`
	ChallengeMethod string            `json:"code_challenge_method,omitempty"`
	Prompt          []string          `json:"prompt,omitempty"`
	MaxAge          *int              `json:"max_age,omitempty"`
	LoginHint       string            `json:"login_hint,omitempty"`
	HintedUser      string            `json:"hinted_user,omitempty"` // whom the id_token_hint names
	ScreenHint      string            `json:"screen_hint,omitempty"`
	UILocales       string            `json:"ui_locales,omitempty"`
	Connection      string            `json:"connection,omitempty"`
	ACRValues       []string          `json:"acr_values,omitempty"`
	CorrelationID   string            `json:"correlation_id,omitempty"`
	Extra           map[string]string `json:"ext,omitempty"`
}

// Has reports whether prompt lists value.
func (r *Request) Has(prompt string) bool {
	for _, p := range r.Prompt {
		if p == prompt {
			return true
		}
	}
	return false
}

// Kind is which of the two paths the person is on. For e-mail connections they differ in words only.
type Kind string

// The paths.
const (
	Login  Kind = "login"
	Signup Kind = "signup"
)

// Proof is what was proven in the transaction, and whose it is.
type Proof struct {
	Method     string    `json:"method"`         // "email" or "sms"
	Link       bool      `json:"link,omitempty"` // it was a magic link, not a typed code
	Connection string    `json:"connection"`
	Identifier string    `json:"identifier"`
	UserID     string    `json:"user_id"`
	At         time.Time `json:"at"`
}

// Sent is what was sent last to one address.
type Sent struct {
	At          time.Time       `json:"at"`
	Connection  string          `json:"connection"`
	ChallengeID string          `json:"challenge_id"`
	Send        connection.Send `json:"send"`
	Number      string          `json:"number,omitempty"`
}

// Failure is an error of the protocol that ends a login, in the words of its wire.
type Failure struct {
	Code        string `json:"code"`
	Description string `json:"description"`
}

// Transaction is one hosted login.
type Transaction struct {
	ID        string    `json:"id"` // tells transactions apart in logs and limits; not a secret
	Issuer    string    `json:"iss"`
	Request   Request   `json:"request"`
	Binding   []byte    `json:"binding"` // hash of the browser's cookie
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`

	Kind       Kind                `json:"kind"`
	Connection string              `json:"connection"` // the connection that drives the login
	Strategy   connection.Strategy `json:"strategy"`   // of that connection
	Locale     string              `json:"locale,omitempty"`
	// Classic transactions have the login page that the tenant's HTML makes, at /login.
	Classic bool `json:"classic,omitempty"`
	// NoSession answers without opening a session in the browser: whoever opened a magic link may have been sent it by
	// somebody else.
	NoSession bool `json:"no_session,omitempty"`

	Identifier  string          `json:"identifier,omitempty"` // as the person typed it
	Region      string          `json:"region,omitempty"`     // the country chosen for a telephone number
	Canonical   string          `json:"canonical,omitempty"`
	ChallengeID string          `json:"challenge_id,omitempty"`
	Send        connection.Send `json:"send,omitempty"`   // what was sent last
	Number      string          `json:"number,omitempty"` // by which another browser approves the link
	Sends       int             `json:"sends,omitempty"`
	SentAt      time.Time       `json:"sent_at"`
	// SentTo is what was sent to each address, in canonical form: it outlasts corrections and changes of the connection.
	SentTo     map[string]Sent `json:"sent_to,omitempty"`
	WrongCodes int             `json:"wrong_codes,omitempty"`

	Proof       *Proof `json:"proof,omitempty"`
	PickedBy    string `json:"picked_by,omitempty"`    // the user who chose the session's account
	Switched    bool   `json:"switched,omitempty"`     // the person chose another account
	ConsentedBy string `json:"consented_by,omitempty"` // the user who answered the consent page; it counts for nobody else
	ConfirmedBy string `json:"confirmed_by,omitempty"` // the user who answered the page that confirms the callback
	Declined    bool   `json:"declined,omitempty"`     // said no on either
	Shown       bool   `json:"shown,omitempty"`        // some page of this transaction was answered

	// Failure is what the application is told when the login is resumed; Refused says that it was told some refusal.
	Failure *Failure `json:"failure,omitempty"`
	Refused bool     `json:"refused,omitempty"`

	FinishedAt time.Time `json:"finished_at"`

	state   string
	carried bool
	version int64  // of the row; 0: there is none yet
	hash    []byte // of the row
}

// State is the transaction's handle, the `state` of every page.
func (t *Transaction) State() string { return t.state }

// Carried reports whether a transaction that was begun just now is carried in its state: it needs no row before the person
// submits something.
func (t *Transaction) Carried() bool { return t.carried }

// Cookie is the name's variable part of the cookie that binds this transaction.
func (t *Transaction) Cookie() string { return CookieSuffix(t.state) }

// Transactions begins, finds and saves transactions. It is safe for concurrent use.
type Transactions struct {
	store Store
	keys  *seal.Keyset
	clock clock.Clock
}

// New makes the transactions of a server.
func New(store Store, keys *seal.Keyset, c clock.Clock) *Transactions {
	return &Transactions{store: store, keys: keys, clock: c}
}

// Opening is what a transaction begins with.
type Opening struct {
	Issuer     string
	Request    Request
	Connection *connection.Connection
	Classic    bool
	NoSession  bool
}

// Prepare makes a transaction that is not written yet, for the caller to Save, and the secret that binds it to the browser.
func (m *Transactions) Prepare(o Opening) (*Transaction, string) {
	now := m.clock.Now()
	browser := ident.Token(32)
	t := &Transaction{
		ID: ident.Token(18), Issuer: o.Issuer, Request: o.Request, Binding: m.keys.Hash(purposeBinding, browser),
		CreatedAt: now, ExpiresAt: now.Add(Life), Kind: Login, Connection: o.Connection.Name, Strategy: o.Connection.Strategy, Classic: o.Classic, NoSession: o.NoSession,
		state: ident.Token(32),
	}
	if o.Request.ScreenHint == "signup" {
		t.Kind = Signup
	}
	return t, browser
}

// Begin starts a transaction for a proven request and writes nothing. It gives the secret that binds it to the browser. Where
// the request is too long to be carried in an address (Carried), the caller saves the transaction.
func (m *Transactions) Begin(tenantID string, o Opening) (*Transaction, string, error) {
	t, browser := m.Prepare(o)
	doc, err := json.Marshal(t)
	if err != nil {
		return nil, "", fmt.Errorf("encode a transaction: %w", err)
	}
	sealed, err := m.keys.Seal(doc, tenantID, "transaction")
	if err != nil {
		return nil, "", err
	}
	if len(sealed) <= maxSealed {
		t.state, t.carried = base64.RawURLEncoding.EncodeToString(sealed), true
	}
	return t, browser, nil
}

// CookieSuffix gives the part of the binding cookie's name that belongs to a state, so that parallel tabs each have their
// own cookie.
func CookieSuffix(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:4])
}

// Open finds the transaction of a state. Browser is the value of its binding cookie. With ErrExpired and
// ErrForeignBrowser the transaction is given too, so that the caller knows whose client to send the person back to.
func (m *Transactions) Open(ctx context.Context, tenantID, state, browser string) (*Transaction, error) {
	if state == "" || len(state) > 2*maxSealed {
		return nil, ErrUnknown
	}
	t, err := m.read(ctx, tenantID, state)
	if err != nil {
		return nil, err
	}
	if !m.clock.Now().Before(t.ExpiresAt) {
		return t, ErrExpired
	}
	if t.Proof != nil && !m.clock.Now().Before(t.Proof.At.Add(ProofLife)) {
		t.Proof, t.ChallengeID = nil, ""
	}
	if browser == "" || !m.keys.Matches(t.Binding, purposeBinding, browser) {
		return t, ErrForeignBrowser
	}
	return t, nil
}

// Reload brings the transaction to what other requests have made of it, after ErrMoved.
func (m *Transactions) Reload(ctx context.Context, tenantID string, t *Transaction) error {
	now, err := m.read(ctx, tenantID, t.state)
	if err != nil {
		return err
	}
	*t = *now
	return nil
}

// read gives the row of a state, or what is sealed in the state itself where there is no row yet.
func (m *Transactions) read(ctx context.Context, tenantID, state string) (*Transaction, error) {
	doc, version, hash, err := m.store.TransactionByState(ctx, tenantID, m.keys.Hashes(purposeState, state))
	if err != nil {
		return nil, fmt.Errorf("read a transaction: %w", err)
	}
	if doc == nil {
		sealed, err := decodeState(state)
		if err != nil {
			return nil, ErrUnknown
		}
		if doc, err = m.keys.Open(sealed, tenantID, "transaction"); err != nil {
			return nil, ErrUnknown
		}
	}
	t := &Transaction{}
	if err := json.Unmarshal(doc, t); err != nil {
		return nil, fmt.Errorf("decode a transaction: %w", err)
	}
	t.state, t.version, t.hash = state, version, hash
	return t, nil
}

// decodeState reads a sealed state in its one spelling: were there others, each would be a transaction of its own.
func decodeState(state string) ([]byte, error) {
	if strings.ContainsAny(state, "\r\n") {
		return nil, ErrUnknown
	}
	return base64.RawURLEncoding.Strict().DecodeString(state)
}

// Save writes the transaction, in the caller's transaction where ctx carries one. ErrMoved when another request saved it
// first.
func (m *Transactions) Save(ctx context.Context, tenantID string, t *Transaction) error {
	doc, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode a transaction: %w", err)
	}
	if t.version == 0 {
		hash := m.keys.Hash(purposeState, t.state)
		if err := m.store.InsertTransaction(ctx, tenantID, hash, doc, t.ExpiresAt); err != nil {
			if apierr.KindOf(err) == apierr.Conflict {
				return ErrMoved
			}
			return fmt.Errorf("write a transaction: %w", err)
		}
		return nil
	}
	ok, err := m.store.UpdateTransaction(ctx, tenantID, t.hash, t.version, doc)
	if err != nil {
		return fmt.Errorf("write a transaction: %w", err)
	}
	if !ok {
		return ErrMoved
	}
	return nil
}
