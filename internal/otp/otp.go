// Package otp issues the one-time codes that prove a person reads an address, and spends each once (Auth0 docs,
// "Passwordless Authentication with Email"; NIST SP 800-63B section 3.1.3).
//
// A connection and identifier have one live code: issuing again replaces it. It is good at the door that asked for it: in
// the hosted login that sent it, or at the API. It dies when it is used, when it expires, and at the third wrong try. Ten wrong codes in a row, over all codes and doors, lock the identifier for a while, save in
// browsers that have proven it before: each of those has ten of its own. Codes are stored as keyed hashes; the clear code leaves only in the sealed message that carries it.
//
// Where nothing may be sent (a blocked user, sign-up disabled for an unknown address) a decoy is written instead: a row
// like any other that no code matches, so that every later answer is the same.
package otp

import (
	"context"
	"crypto/hmac"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/user"
)

// Limits of tries. Three a code is Auth0's; the rest is ours.
const (
	maxWrongPerCode = 3
	maxGuesses      = 10
	firstLock       = 15 * time.Minute
	longestLock     = 24 * time.Hour
	forgetLocks     = 30 * 24 * time.Hour
)

const purpose = "otp"

// The refusals of a check. They tell nothing about accounts: a start succeeds for unknown people too.
var (
	// ErrWrong is the answer to a code that is not the live one, and to any code where none was issued.
	ErrWrong = apierr.New(apierr.Unauthorized, "wrong_code", "The code is wrong.")
	// ErrExpired is the answer to any code when the newest one has expired.
	ErrExpired = apierr.New(apierr.Unauthorized, "expired_code", "The code has expired.")
	// ErrTooManyAttempts is the answer to any code when the newest one was tried too often.
	ErrTooManyAttempts = apierr.New(apierr.Unauthorized, "too_many_attempts", "The code was tried too often.")
)

// Code is a clear code. It hides itself from logs.
type Code string

// String hides the code.
func (Code) String() string { return "[code]" }

// Codes issues and checks codes. It is safe for concurrent use.
type Codes struct {
	store Store
	keys  *seal.Keyset
	clock clock.Clock
}

// New makes the codes of a server.
func New(store Store, keys *seal.Keyset, c clock.Clock) *Codes {
	return &Codes{store: store, keys: keys, clock: c}
}

// Asked is what a challenge is made for. Transaction is empty for the API.
type Asked struct {
	Connection  *connection.Connection
	Identifier  string
	ClientID    string
	Transaction string
	// Aside keeps a decoy from taking the place of the live code: its row is under an identifier that nobody can type.
	Aside bool
}

// Prepare draws a code and gives the challenge to Put. A decoy's row holds the hash of a secret that is
// thrown away, and its code is empty.
func (o *Codes) Prepare(tenantID string, a Asked, decoy bool) (*Challenge, Code) {
	now := o.clock.Now()
	if a.Aside {
		a.Identifier = " " + a.Identifier
	}
	challenge := &Challenge{
		ID: ident.Token(18), Connection: a.Connection.Name, Identifier: a.Identifier, ClientID: a.ClientID,
		Transaction: a.Transaction, CreatedAt: now, ExpiresAt: now.Add(a.Connection.CodeLife()), MaxWrong: maxWrongPerCode,
	}
	code := ident.Digits(a.Connection.CodeLength())
	secret := code
	if decoy {
		secret = ident.Token(32)
	}
	challenge.CodeHash = o.keys.Hash(purpose, bind(tenantID, challenge, secret))
	if decoy {
		return challenge, ""
	}
	return challenge, Code(code)
}

// Put writes a prepared challenge in place of any earlier one, in the caller's transaction.
func (o *Codes) Put(ctx context.Context, tenantID string, c *Challenge) error {
	return o.store.PutChallenge(ctx, tenantID, c)
}

// bind ties a code to its row, address and login, so that equal codes have different hashes and no row's hash fits another.
func bind(tenantID string, c *Challenge, code string) string {
	return strings.Join([]string{tenantID, c.Connection, c.Identifier, c.Transaction, c.ID, code}, "\x00")
}

// Checked is a right code that is not spent yet.
type Checked struct {
	challenge *Challenge
	guesses   Guesses
	subject   string     // of the guesses
	User      *user.User // the identifier's user as the check read it; nil when there is none
	Deletions int        // users that were deleted under the identifier
}

// Given is a code that a person typed, and where. On a hosted page Transaction and ChallengeID are those of its login;
// both are empty for a code that came through the API.
type Given struct {
	Connection  string // name
	Identifier  string
	Transaction string
	ChallengeID string
	Device      Device // the browser; none at the API
	Code        Code
}

// fits reports whether a challenge was made for the door and login where the code was typed. To everybody else the code is
// wrong, and their tries cost it nothing: whoever starts a login of their own cannot use up the tries of another's, and a
// code that somebody was talked into reading out of a mail opens only the login that asked for it. The API takes the codes
// of all its clients: Auth0 binds them to connection and recipient.
func (g Given) fits(c *Challenge) bool {
	return c.Transaction == g.Transaction && (g.Transaction == "" || c.ID == g.ChallengeID)
}

// Check reads and compares; it changes nothing. Its refusals are ErrWrong, ErrExpired and ErrTooManyAttempts; after
// ErrWrong the caller calls Refuse with what it gives.
func (o *Codes) Check(ctx context.Context, tenantID string, g Given) (Checked, error) {
	subject := o.subject(tenantID, g.Device, g.Connection, g.Identifier)
	a, err := o.store.Attempt(ctx, tenantID, g.Connection, g.Identifier, subject)
	if err != nil {
		return Checked{}, fmt.Errorf("read a challenge: %w", err)
	}
	now := o.clock.Now()
	c := a.Challenge
	checked := Checked{challenge: c, guesses: a.Guesses, subject: subject, Deletions: a.Deletions}
	switch {
	case c == nil || !g.fits(c) || !c.ConsumedAt.IsZero():
		return Checked{}, ErrWrong
	case !now.Before(c.ExpiresAt):
		return Checked{}, ErrExpired
	case c.Wrong >= c.MaxWrong:
		return Checked{}, ErrTooManyAttempts
	case now.Before(a.Guesses.LockedUntil):
		return Checked{}, ErrWrong
	}
	right := false
	for _, h := range o.keys.Hashes(purpose, bind(tenantID, c, string(g.Code))) {
		right = hmac.Equal(h, c.CodeHash) || right
	}
	if !right {
		return checked, ErrWrong
	}
	if checked.User, err = a.User(); err != nil {
		return Checked{}, fmt.Errorf("read the user of a challenge: %w", err)
	}
	return checked, nil
}

// Spend consumes a checked code in the caller's transaction. When anything changed since the check it answers ErrWrong
// and the caller rolls back.
func (o *Codes) Spend(ctx context.Context, tenantID string, checked Checked) error {
	ok, err := o.store.SpendChallenge(ctx, tenantID, checked.challenge, checked.subject, o.clock.Now())
	if err != nil {
		return fmt.Errorf("spend a code: %w", err)
	}
	if !ok {
		return ErrWrong
	}
	if checked.guesses.Wrong == 0 {
		return nil
	}
	return o.store.ResetGuesses(ctx, tenantID, checked.challenge.Connection, checked.subject)
}

// Kill makes a checked code useless in the caller's transaction, where it is still the newest and not spent.
func (o *Codes) Kill(ctx context.Context, tenantID string, checked Checked) error {
	c := checked.challenge
	return o.store.KillChallenge(ctx, tenantID, c.Connection, c.Identifier, c.ID)
}

// Refuse counts a wrong code in the caller's transaction and tells whether it locked the identifier, or the device that knows it. It does nothing when
// the check compared no code.
func (o *Codes) Refuse(ctx context.Context, tenantID string, checked Checked) (locked bool, err error) {
	c := checked.challenge
	if c == nil {
		return false, nil
	}
	if _, counted, err := o.store.CountWrong(ctx, tenantID, c); err != nil || !counted {
		return false, err
	}
	now := o.clock.Now()
	g, err := o.store.CountGuess(ctx, tenantID, c.Connection, checked.subject, maxGuesses, firstLock, longestLock, now, now.Add(-forgetLocks))
	if err != nil {
		return false, fmt.Errorf("count a guess: %w", err)
	}
	return g.Wrong == 0 && now.Before(g.LockedUntil), nil
}

// Locked reports whether nothing is sent after too many wrong codes.
func (o *Codes) Locked(g Guesses) bool { return o.clock.Now().Before(g.LockedUntil) }

// Attempt reads what is known of an identifier before a code is issued to a device.
func (o *Codes) Attempt(ctx context.Context, tenantID, connection, identifier string, d Device) (Attempt, error) {
	return o.store.Attempt(ctx, tenantID, connection, identifier, o.subject(tenantID, d, connection, identifier))
}
