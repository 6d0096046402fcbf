// Package otp issues the one-time codes and magic links that prove a person reads an address, and spends each once (Auth0
// docs, "Passwordless Authentication with Email", "... with Magic Links"; NIST SP 800-63B section 3.1.3).
// A connection and identifier have one live challenge: issuing again replaces it. It holds a code and, where a link was asked for, the
// link's secret; spending either ends both. It is good at the door that asked for it: in the hosted login that sent it, or
// at the API. It dies when it is used, when it expires, and at the third wrong try. Ten wrong codes in a row, over all codes
// and doors, lock the identifier for a while, save in browsers that have proven it before: each of those has ten of its own.
// A link of a hosted login that is opened in another browser is not spent there: with the number that the first browser
// shows it is approved, and the first browser spends it.
// Secrets are stored as keyed hashes; the clear ones leave only in the sealed message that carries them.
// Where nothing may be sent (a blocked user, sign-up disabled for an unknown address) a decoy is written instead: a row
// like any other that no secret matches, so that every later answer is the same.
package otp

import (
	"context"
	"crypto/hmac"
	"errors"
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

// Limits of links.
const (
	maxWrongNumbers = 2
	approvalLife    = 2 * time.Minute
	checkLife       = time.Minute // of a code that was checked and is not spent yet
)

const (
	purpose        = "otp"
	purposeLink    = "magic link"
	purposeNumber  = "magic link number"
	purposeRequest = "magic link request"
)

// The refusals of a check. They tell nothing about accounts: a start succeeds for unknown people too.
var (
	// ErrWrong is the answer to a code that is not the live one, and to any code where none was issued.
	ErrWrong = apierr.New(apierr.Unauthorized, "wrong_code", "The code is wrong.")
	// ErrExpired is the answer to any code when the newest one has expired.
	ErrExpired = apierr.New(apierr.Unauthorized, "expired_code", "The code has expired.")
	// ErrTooManyAttempts is the answer to any code when the newest one was tried too often.
	ErrTooManyAttempts = apierr.New(apierr.Unauthorized, "too_many_attempts", "The code was tried too often.")
	// ErrUsed is the answer to a link that was spent, or whose code was.
	ErrUsed = apierr.New(apierr.Unauthorized, "used_link", "The link was used already.")
	// ErrWrongNumber is the answer to a number that is not the one on the first screen, while there are tries left.
	ErrWrongNumber = apierr.New(apierr.Unauthorized, "wrong_number", "The number is wrong.")
)

// ErrOvertaken is the answer to a start while which another one for the same identifier was committed.
var ErrOvertaken = apierr.New(apierr.Unavailable, "overtaken", "Another code for the same address was started at the same moment.")

// Code is a clear code. It hides itself from logs.
type Code string

// String hides the code.
func (Code) String() string { return "[code]" }

// Link is the clear secret of a magic link. It hides itself from logs.
type Link string

// String hides the secret.
func (Link) String() string { return "[link]" }

// Issued are the clear secrets of a challenge; those of a decoy are empty, but for the number, which its page shows.
type Issued struct {
	Code   Code
	Link   Link
	Number string // two digits, for the screen where the login was begun
}

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
	// Link asks for a link's secret beside the code, and Number for a number by which another browser can approve the link.
	Link   bool
	Number bool
	// Request is kept sealed with the challenge: what is needed when a link is opened, or a code is shown to be right.
	Request []byte
	// Aside keeps a decoy from taking the place of the live code: its row is under an identifier that nobody can type.
	Aside bool
}

// Prepare draws the secrets of a challenge and gives the challenge to Put. A decoy's row holds the hashes of secrets that
// are thrown away.
func (o *Codes) Prepare(tenantID string, a Asked, decoy bool) (*Challenge, Issued, error) {
	now := o.clock.Now()
	if a.Aside {
		a.Identifier = aside(a.Identifier)
	}
	challenge := &Challenge{
		ID: ident.Token(18), Connection: a.Connection.Name, Identifier: a.Identifier, ClientID: a.ClientID,
		Transaction: a.Transaction, CreatedAt: now, ExpiresAt: now.Add(a.Connection.CodeLife()), MaxWrong: maxWrongPerCode,
	}
	issued := Issued{Code: Code(ident.Digits(a.Connection.CodeLength()))}
	hashed := string(issued.Code)
	if decoy {
		hashed = ident.Token(32)
	}
	challenge.CodeHash = o.keys.Hash(purpose, bind(tenantID, challenge, hashed))
	if a.Link {
		issued.Link = Link(ident.Token(24))
		secret := string(issued.Link)
		if decoy {
			secret = ident.Token(32)
		}
		challenge.LinkHash = o.keys.Hash(purposeLink, bind(tenantID, challenge, secret))
	}
	if a.Number {
		issued.Number = ident.TwoDigits()
		challenge.NumberHash = o.keys.Hash(purposeNumber, bind(tenantID, challenge, issued.Number))
	}
	if a.Request != nil {
		var err error
		if challenge.Request, err = o.keys.Seal(a.Request, tenantID, purposeRequest, challenge.ID); err != nil {
			return nil, Issued{}, fmt.Errorf("seal what a challenge is for: %w", err)
		}
	}
	if decoy {
		issued.Code, issued.Link = "", ""
	}
	return challenge, issued, nil
}

// Put writes a prepared challenge, in the caller's transaction, in place of the one that was there when the caller decided:
// nil for none. Where another start was faster it answers ErrOvertaken, at the latest with the commit, and the caller
// decides once more: the other's message is the one to be cancelled now.
func (o *Codes) Put(ctx context.Context, tenantID string, c, before *Challenge) error {
	switch {
	case isAside(c):
		return o.store.PutChallenge(ctx, tenantID, c)
	case before == nil:
		return o.store.ReplaceChallenge(ctx, tenantID, c, "")
	}
	return o.store.ReplaceChallenge(ctx, tenantID, c, before.ID)
}

// Withdraw makes a challenge useless, in the caller's transaction: its secrets did not leave.
func (o *Codes) Withdraw(ctx context.Context, tenantID string, c *Challenge) error {
	return o.store.KillChallenge(ctx, tenantID, c.Connection, c.Identifier, c.ID)
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
	since     Since      // that the proof rests on
	User      *user.User // the identifier's user as the check read it; nil when there is none
	Deletions int        // users that were deleted under the identifier
}

// Transaction is the hosted login that the challenge belongs to; empty where the API started it.
func (c Checked) Transaction() string { return c.challenge.Transaction }

// ChallengeID is the challenge's own.
func (c Checked) ChallengeID() string { return c.challenge.ID }

// Identifier is whose it is, in its canonical form.
func (c Checked) Identifier() string { return c.challenge.Identifier }

// ClientID is the client that the challenge was started for.
func (c Checked) ClientID() string { return c.challenge.ClientID }

// StartedAt is when it was started.
func (c Checked) StartedAt() time.Time { return c.challenge.CreatedAt }

// Given is what proves that a person reads an address, and where it was given: a code that was typed, a link that was
// opened, or the approval of a link by another browser. On a hosted page Transaction and ChallengeID are those of its
// login; both are empty for what came through the API.
type Given struct {
	Connection  string // name
	Identifier  string
	Transaction string
	ChallengeID string
	Device      Device // the browser; none at the API

	Code Code
	// Rechecked says that the code was checked a moment ago (MarkChecked) and is worth nothing without that.
	Rechecked bool
	Link      Link
	// Anywhere takes a link that belongs to another login: where the tenant lets links be opened in any browser, and to look at one.
	Anywhere bool
	// Approved takes the place of the secret where another browser approved the link.
	Approved bool
}

// fits reports whether a challenge was made for the door and login where the code was typed. To everybody else the code is
// wrong, and their tries cost it nothing: whoever starts a login of their own cannot use up the tries of another's, and a
// code that somebody was talked into reading out of a mail opens only the login that asked for it. The API takes the codes
// of all its clients: Auth0 binds them to connection and recipient.
func (g Given) fits(c *Challenge) bool {
	return c.Transaction == g.Transaction && (g.Transaction == "" || c.ID == g.ChallengeID)
}

// Check reads and compares; it changes nothing. Its refusals are ErrWrong, ErrExpired and ErrTooManyAttempts, for links
// ErrUsed too; after ErrWrong the caller calls Refuse with what it gives. With ErrUsed it gives what the link was.
func (o *Codes) Check(ctx context.Context, tenantID string, g Given) (Checked, error) {
	subject := o.subject(tenantID, g.Device, g.Connection, g.Identifier)
	a, err := o.store.Attempt(ctx, tenantID, g.Connection, g.Identifier, subject)
	if err != nil {
		return Checked{}, fmt.Errorf("read a challenge: %w", err)
	}
	c := a.Challenge
	checked := Checked{challenge: c, guesses: a.Guesses, subject: subject, Deletions: a.Deletions}
	if lately := o.clock.Now().Add(time.Millisecond); g.Approved {
		checked.since.Approved = lately.Add(-approvalLife)
	} else if g.Rechecked {
		checked.since.Checked = lately.Add(-checkLife)
	}
	switch {
	case g.Link != "":
		err = o.checkLink(tenantID, a, g)
	case g.Approved:
		err = o.checkApproval(a, g)
	default:
		err = o.checkCode(tenantID, a, g)
	}
	switch {
	case errors.Is(err, errCompared):
		return checked, ErrWrong
	case errors.Is(err, ErrUsed):
		return checked, err
	case err != nil:
		return Checked{}, err
	}
	if checked.User, err = a.User(); err != nil {
		return Checked{}, fmt.Errorf("read the user of a challenge: %w", err)
	}
	return checked, nil
}

// errCompared is ErrWrong for a code that was compared with the live one: it counts as a try.
var errCompared = errors.New("the code is not the live one")

func (o *Codes) checkCode(tenantID string, a Attempt, g Given) error {
	c := a.Challenge
	if c == nil || !g.fits(c) || !c.ConsumedAt.IsZero() {
		return ErrWrong
	}
	if err := o.open(a); err != nil {
		return err
	}
	if !o.matches(purpose, tenantID, c, string(g.Code), c.CodeHash) {
		return errCompared
	}
	if g.Rechecked && !o.clock.Now().Before(c.CheckedAt.Add(checkLife)) {
		return ErrWrong
	}
	return nil
}

// checkLink compares first: whoever holds the secret may know what became of its challenge.
func (o *Codes) checkLink(tenantID string, a Attempt, g Given) error {
	c := a.Challenge
	switch {
	case c == nil || len(c.LinkHash) == 0 || !o.matches(purposeLink, tenantID, c, string(g.Link), c.LinkHash):
		return ErrWrong
	case !g.Anywhere && !g.fits(c):
		return ErrWrong
	case !c.ConsumedAt.IsZero():
		return ErrUsed
	}
	return o.live(c) // locks are against guessing; spending asks for them
}

func (o *Codes) checkApproval(a Attempt, g Given) error {
	c := a.Challenge
	if c == nil || g.Transaction == "" || !g.fits(c) || !c.ConsumedAt.IsZero() || !o.approved(c) {
		return ErrWrong
	}
	return o.open(a)
}

// open refuses what may not be spent now, right or not.
func (o *Codes) open(a Attempt) error {
	if err := o.live(a.Challenge); err != nil {
		return err
	}
	if o.Locked(a.Guesses) {
		return ErrWrong
	}
	return nil
}

// live refuses challenges that are too old or were tried too often.
func (o *Codes) live(c *Challenge) error {
	switch {
	case !o.clock.Now().Before(c.ExpiresAt):
		return ErrExpired
	case c.Wrong >= c.MaxWrong:
		return ErrTooManyAttempts
	}
	return nil
}

func (o *Codes) approved(c *Challenge) bool {
	return !c.ApprovedAt.IsZero() && o.clock.Now().Before(c.ApprovedAt.Add(approvalLife))
}

func (o *Codes) matches(purpose, tenantID string, c *Challenge, secret string, hash []byte) bool {
	right := false
	for _, h := range o.keys.Hashes(purpose, bind(tenantID, c, secret)) {
		right = hmac.Equal(h, hash) || right
	}
	return right
}

// Approved reports whether another browser approved the link before; stale says that it was too long ago.
func (o *Codes) Approved(checked Checked) (approved, stale bool) {
	c := checked.challenge
	return !c.ApprovedAt.IsZero(), !c.ApprovedAt.IsZero() && !o.approved(c)
}

// Request gives what was kept with the challenge of a link that was checked.
func (o *Codes) Request(tenantID string, checked Checked) ([]byte, error) {
	return o.openRequest(tenantID, checked.challenge)
}

// RequestOf gives what was kept with the newest challenge of an identifier; nil where there is none or nothing was kept.
func (o *Codes) RequestOf(ctx context.Context, tenantID, connection, identifier string) ([]byte, error) {
	a, err := o.store.Attempt(ctx, tenantID, connection, identifier, identifier)
	if err != nil {
		return nil, fmt.Errorf("read a challenge: %w", err)
	}
	if a.Challenge == nil || len(a.Challenge.Request) == 0 {
		return nil, nil
	}
	return o.openRequest(tenantID, a.Challenge)
}

func (o *Codes) openRequest(tenantID string, c *Challenge) ([]byte, error) {
	request, err := o.keys.Open(c.Request, tenantID, purposeRequest, c.ID)
	if err != nil {
		return nil, fmt.Errorf("open what a challenge is for: %w", err)
	}
	return request, nil
}

// MarkChecked notes in the caller's transaction that a right code was shown, which is shown again in a moment and spent
// then.
func (o *Codes) MarkChecked(ctx context.Context, tenantID string, checked Checked) error {
	return o.store.MarkChecked(ctx, tenantID, checked.challenge, checked.subject, o.clock.Now())
}

// Approve lets the browser that asked for a link go on, in the caller's transaction, when the number is the one that it
// shows. A wrong number is counted: ErrWrongNumber, and with the last one ErrTooManyAttempts, which ends the challenge.
// What was counted has to be committed. ErrWrong when the challenge is not there any more.
func (o *Codes) Approve(ctx context.Context, tenantID string, checked Checked, number string) error {
	c := checked.challenge
	if len(c.NumberHash) == 0 {
		return ErrWrong
	}
	if o.matches(purposeNumber, tenantID, c, number, c.NumberHash) {
		ok, err := o.store.ApproveChallenge(ctx, tenantID, c, maxWrongNumbers, o.clock.Now())
		switch {
		case err != nil:
			return fmt.Errorf("approve a link: %w", err)
		case !ok:
			return ErrWrong
		}
		return nil
	}
	wrong, ok, err := o.store.CountWrongNumber(ctx, tenantID, c, maxWrongNumbers, o.clock.Now())
	switch {
	case err != nil:
		return fmt.Errorf("count a wrong number: %w", err)
	case !ok:
		return ErrWrong
	case wrong < maxWrongNumbers:
		return ErrWrongNumber
	}
	if err := o.store.KillChallenge(ctx, tenantID, c.Connection, c.Identifier, c.ID); err != nil {
		return err
	}
	return ErrTooManyAttempts
}

// Progress is how far a link is on its way.
type Progress string

// The stages of a link, as the screen that waits for it sees them.
const (
	Pending  Progress = "pending"
	Approved Progress = "approved"
	Dead     Progress = "dead"
)

// Progress tells how far the link of a login is. A decoy that was put aside waits like any other.
func (o *Codes) Progress(ctx context.Context, tenantID, connection, identifier, challengeID string) (Progress, error) {
	for _, row := range []string{identifier, aside(identifier)} {
		a, err := o.store.Attempt(ctx, tenantID, connection, row, row)
		if err != nil {
			return "", fmt.Errorf("read a challenge: %w", err)
		}
		if a.Challenge != nil && a.Challenge.ID == challengeID {
			return o.progress(a.Challenge), nil
		}
	}
	return Dead, nil
}

func (o *Codes) progress(c *Challenge) Progress {
	switch {
	case !c.ConsumedAt.IsZero() || o.live(c) != nil:
		return Dead
	case o.approved(c):
		return Approved
	case !c.ApprovedAt.IsZero():
		return Dead
	}
	return Pending
}

// aside is the identifier of a decoy that leaves the live code alone; nobody can type it.
func aside(identifier string) string { return " " + identifier }

func isAside(c *Challenge) bool { return strings.HasPrefix(c.Identifier, " ") }

// Spend consumes a checked code in the caller's transaction. When anything changed since the check it answers ErrWrong
// and the caller rolls back.
func (o *Codes) Spend(ctx context.Context, tenantID string, checked Checked) error {
	ok, err := o.store.SpendChallenge(ctx, tenantID, checked.challenge, checked.subject, o.clock.Now(), checked.since)
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

// Refused is what a wrong code has ended.
type Refused struct {
	Locked bool // the identifier is locked now, or the device that knows it
	Dead   bool // it was the challenge's last try
}

// Refuse counts a wrong code in the caller's transaction and tells what that ended. It does nothing when the check compared
// no code.
func (o *Codes) Refuse(ctx context.Context, tenantID string, checked Checked) (Refused, error) {
	c := checked.challenge
	if c == nil {
		return Refused{}, nil
	}
	wrong, counted, err := o.store.CountWrong(ctx, tenantID, c)
	if err != nil || !counted {
		return Refused{}, err
	}
	now := o.clock.Now()
	g, err := o.store.CountGuess(ctx, tenantID, c.Connection, checked.subject, maxGuesses, firstLock, longestLock, now, now.Add(-forgetLocks))
	if err != nil {
		return Refused{}, fmt.Errorf("count a guess: %w", err)
	}
	return Refused{Locked: g.Wrong == 0 && now.Before(g.LockedUntil), Dead: wrong >= c.MaxWrong}, nil
}

// Locked reports whether nothing is sent after too many wrong codes.
func (o *Codes) Locked(g Guesses) bool { return o.clock.Now().Before(g.LockedUntil) }

// Attempt reads what is known of an identifier before a code is issued to a device.
func (o *Codes) Attempt(ctx context.Context, tenantID, connection, identifier string, d Device) (Attempt, error) {
	return o.store.Attempt(ctx, tenantID, connection, identifier, o.subject(tenantID, d, connection, identifier))
}
