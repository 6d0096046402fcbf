// Package login is what happens before somebody is known: a code is started for an address, from a hosted page or by the
// API, and a code typed on a hosted page becomes a proof in its transaction.
package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/eventlog"
	"latchkey/internal/message"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
)

// Refusals of Start.
var (
	// ErrEmail is the answer to text that is no e-mail address.
	ErrEmail = apierr.New(apierr.Invalid, "invalid_email", "The e-mail address is not valid.")
	// ErrSignupDisabled tells an API caller that the address has no account and may not get one. Pages never say so.
	ErrSignupDisabled = apierr.New(apierr.Forbidden, "signup_disabled", "Public signup is disabled")
	// ErrWrongCode, ErrExpiredCode and ErrTooManyAttempts are the refusals of a typed code.
	ErrWrongCode       = otp.ErrWrong
	ErrExpiredCode     = otp.ErrExpired
	ErrTooManyAttempts = otp.ErrTooManyAttempts
	// ErrUnsupported is the answer for connections of a strategy whose codes cannot be sent.
	ErrUnsupported = apierr.New(apierr.Invalid, "unsupported_strategy", "Connection is disabled")
)

// Logins starts codes and takes them. It is safe for concurrent use.
type Logins struct {
	c Config
}

// Config is what New needs.
type Config struct {
	Tx           authn.Transactor
	Door         *authn.Door
	Codes        *otp.Codes
	Messages     *message.Sender
	Guard        *protect.Guard
	Transactions *transaction.Transactions
	Log          *eventlog.Log
	Clock        clock.Clock
}

// New makes the logins of a server.
func New(c Config) *Logins { return &Logins{c: c} }

// Start asks for a code to be sent.
type Start struct {
	authn.Entry
	Email string // as the person typed it

	// Limits are asked besides those on the recipient, in the commit of the start.
	Limits []protect.Ask
	// Reveal lets refusals say that sign-up is disabled or that the recipient has had too many messages. The API does;
	// pages never do: to them every start looks sent.
	Reveal bool
	// Details of the request for the tenant's log; no secrets.
	Details map[string]any
	// Save, when set, writes the hosted transaction in the same commit.
	Save func(ctx context.Context, challengeID, canonical string) error
}

// Started is a code that is on its way, or looks so.
type Started struct {
	Canonical     string // the address as it is stored and compared
	UserID        string // the id part of the user, or of the one the address would get
	EmailVerified bool
}

// why says for which reason nothing is sent though the answer is as if it were.
type why string

const (
	sent           why = ""
	blocked        why = "user is blocked"
	locked         why = "Too many wrong codes in a row."
	signupDisabled why = "Public signup is disabled"
	flooded        why = "The recipient was sent too many messages."
	crowded        why = "Too many messages were asked for from one address."
)

// Start makes a code for an address in place of any earlier one and queues its message, all in one commit. Nothing is sent
// to blocked users, to locked identifiers, or where sign-up is disabled and the address unknown; then a decoy is written,
// which costs and answers the same.
func (l *Logins) Start(ctx context.Context, s Start) (Started, error) {
	if s.Connection.Strategy != connection.Email {
		return Started{}, ErrUnsupported
	}
	canonical, err := contact.Email(s.Email)
	if err != nil {
		return Started{}, ErrEmail
	}
	tenantID := s.Site.Tenant.ID
	known, err := l.c.Codes.Attempt(ctx, tenantID, s.Connection.Name, canonical, s.Device)
	if err != nil {
		return Started{}, fmt.Errorf("read what is known of an address: %w", err)
	}
	user, err := known.User()
	if err != nil {
		return Started{}, fmt.Errorf("read the user of an address: %w", err)
	}
	reason := l.suppress(s, known)
	if reason == signupDisabled && s.Reveal && !s.Connection.Options.DisableSignupSilent {
		return Started{}, l.refuseSignup(ctx, s, canonical)
	}
	err = l.issue(ctx, s, canonical, known, reason)
	var limit *protect.LimitError
	if errors.As(err, &limit) && !s.Reveal {
		reason = flooded
		if limit.Limit.Name == protect.PageStartsPerIP.Name {
			reason = crowded
		}
		err = l.issue(ctx, s, canonical, known, reason)
	}
	if err != nil {
		return Started{}, err
	}
	started := Started{Canonical: canonical, UserID: l.c.Door.ReservedID(tenantID, s.Connection.Name, canonical, known.Deletions)}
	if user != nil {
		started.UserID, started.EmailVerified = user.IdentityID(), user.Verified(s.Connection.Name, canonical)
	}
	return started, nil
}

func (l *Logins) suppress(s Start, known otp.Attempt) why {
	switch {
	case known.Blocked:
		return blocked
	case l.c.Codes.Locked(known.Guesses):
		return locked
	case !known.Known && s.Connection.Options.DisableSignup:
		return signupDisabled
	}
	return sent
}

// alive reports whether a challenge may still be answered.
func (l *Logins) alive(c *otp.Challenge) bool {
	return c != nil && c.ConsumedAt.IsZero() && l.c.Clock.Now().Before(c.ExpiresAt)
}

// aside reports whether a decoy must leave the live code alone: where it is the answer to too many starts or guesses,
// which are a stranger's more often than not, the owner may be about to type that code. A locked address has no live code
// but in the login of a browser that is known.
func (l *Logins) aside(s Start, known otp.Attempt, reason why) bool {
	switch reason {
	case flooded, crowded:
		return true
	case locked:
		return l.alive(known.Challenge) && known.Challenge.Transaction != "" && known.Challenge.Transaction != s.Transaction
	case sent, blocked, signupDisabled:
	}
	return false
}

// issue writes the challenge, its message and the event in one commit, and wakes the sender.
func (l *Logins) issue(ctx context.Context, s Start, canonical string, known otp.Attempt, reason why) error {
	tenantID := s.Site.Tenant.ID
	aside := l.aside(s, known, reason)
	challenge, code := l.c.Codes.Prepare(tenantID, otp.Asked{
		Connection: s.Connection, Identifier: canonical, ClientID: s.Client.ID, Transaction: s.Transaction, Aside: aside,
	}, reason != sent)
	prepared, err := l.c.Messages.Prepare(tenantID, message.Message{
		// To the address the code will prove, not to the letters that were typed: another mailbox may have those.
		Channel: message.Email, Kind: message.VerificationCode, To: canonical,
		ChallengeID: challenge.ID, IssuedAt: challenge.CreatedAt,
		Code: message.Secret(code), Life: s.Connection.CodeLife(), ExpiresAt: challenge.ExpiresAt,
		Language: s.Origin.Language, Application: s.Client.Name, Domain: s.Site.Domain.Host,
		ClientID: s.Client.ID, Connection: s.Connection.Name, Decoy: reason != sent,
	})
	if err != nil {
		return fmt.Errorf("prepare a message: %w", err)
	}
	awaited := challenge.ID
	if aside && s.Transaction != "" && l.alive(known.Challenge) && known.Challenge.Transaction == s.Transaction {
		awaited = known.Challenge.ID // the code that this login sent before is still good
	}
	event := l.event(s, canonical, reason)
	err = l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if old := known.Challenge; l.alive(old) && !aside {
			if err := l.c.Messages.Cancel(ctx, tenantID, old.ID, old.CreatedAt); err != nil {
				return err
			}
		}
		if err := l.c.Codes.Put(ctx, tenantID, challenge); err != nil {
			return err
		}
		if err := l.c.Messages.Queue(ctx, prepared); err != nil {
			return err
		}
		if err := l.c.Log.Write(ctx, tenantID, event); err != nil {
			return err
		}
		if s.Save != nil {
			if err := s.Save(ctx, awaited, canonical); err != nil {
				return err
			}
		}
		if reason == flooded || reason == crowded {
			return nil
		}
		// Last, because starts from one address share a bucket: its row is locked from here to the commit.
		return l.c.Guard.Mark(ctx, tenantID, s.Origin.IP, l.limits(s, canonical)...)
	})
	if err != nil {
		return err
	}
	l.c.Messages.Committed(prepared)
	return nil
}

// limits are what a start must fit: the caller's own, and those on the recipient over all doors and connections.
func (l *Logins) limits(s Start, canonical string) []protect.Ask {
	recipient := string(message.Email) + ":" + canonical
	return append([]protect.Ask{
		{Limit: protect.SendsPerRecipient, Subject: recipient},
		{Limit: protect.SendsPerRecipientDay, Subject: recipient},
	}, s.Limits...)
}

// event tells the tenant what was sent, or why nothing was.
func (l *Logins) event(s Start, canonical string, reason why) eventlog.Event {
	typ := eventlog.CodeSent
	switch reason {
	case blocked, flooded, crowded, locked:
		typ = eventlog.FailedLogin
	case signupDisabled:
		typ = eventlog.FailedSignup
	case sent:
	}
	event := l.c.Door.Event(s.Entry, typ, string(reason))
	event.UserName = canonical
	event.Details = map[string]any{"body": s.Details}
	return event
}

// refuseSignup says that sign-up is disabled. It tells a stranger that an address is unknown, so it counts like a send.
func (l *Logins) refuseSignup(ctx context.Context, s Start, canonical string) error {
	err := l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := l.c.Guard.Mark(ctx, s.Site.Tenant.ID, s.Origin.IP, l.limits(s, canonical)...); err != nil {
			return err
		}
		return l.c.Log.Write(ctx, s.Site.Tenant.ID, l.event(s, canonical, signupDisabled))
	})
	if err != nil {
		return err
	}
	return ErrSignupDisabled
}

// TakeCode checks the code that was typed on a hosted page. When it is right, it is spent, the user found or created, and
// the proof written into the transaction, in one commit. Refusals are those of authn.Door.Prove, and transaction.ErrMoved.
func (l *Logins) TakeCode(ctx context.Context, e authn.Entry, t *transaction.Transaction, code string) error {
	e.Transaction, e.ChallengeID = t.ID, t.ChallengeID
	err := authn.Again(func() error {
		proven, err := l.c.Door.Prove(ctx, e, t.Canonical, otp.Code(code), eventlog.FailedLogin)
		if err != nil {
			return err
		}
		next := *t
		next.Proof = &transaction.Proof{
			Method: proven.Method, Connection: e.Connection.Name, Identifier: t.Canonical,
			UserID: proven.User.ID, At: l.c.Clock.Now(),
		}
		next.Shown = true
		// Whoever is blocked and reads the address is told so, by the answer to the application.
		record := func(ctx context.Context) error { return l.c.Door.Record(ctx, e, proven, nil) }
		if l.c.Door.Admit(proven.User) != nil {
			record = func(ctx context.Context) error { return l.c.Door.Discard(ctx, e, proven) }
		}
		return l.c.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := record(ctx); err != nil {
				return err
			}
			return l.c.Transactions.Save(ctx, e.Site.Tenant.ID, &next)
		})
	})
	if err != nil && wrong(err) {
		return l.countWrong(ctx, e, t, err)
	}
	return err
}

// Device reads the cookie by which a browser says what was proven in it before.
func (l *Logins) Device(tenantID, cookie string) otp.Device {
	return l.c.Codes.OpenDevice(tenantID, cookie)
}

// Remember gives that cookie for the browser in which the entry's login has just proven its address.
func (l *Logins) Remember(e authn.Entry, t *transaction.Transaction) (string, error) {
	return l.c.Codes.Remember(e.Site.Tenant.ID, e.Device, e.Connection.Name, t.Canonical)
}

func wrong(err error) bool {
	return errors.Is(err, otp.ErrWrong) || errors.Is(err, otp.ErrExpired) || errors.Is(err, otp.ErrTooManyAttempts)
}

// countWrong counts a refused code in the transaction too: a resend gives a new code, not new tries without end. Guesses
// made side by side count one by one. When the login went on meanwhile the answer is transaction.ErrMoved: the form was
// sent twice.
func (l *Logins) countWrong(ctx context.Context, e authn.Entry, t *transaction.Transaction, refusal error) error {
	for {
		t.WrongCodes++
		t.Shown = true
		err := l.c.Transactions.Save(ctx, e.Site.Tenant.ID, t)
		if err == nil {
			return refusal
		}
		if !errors.Is(err, transaction.ErrMoved) {
			return err
		}
		if err := l.c.Transactions.Reload(ctx, e.Site.Tenant.ID, t); err != nil {
			return err
		}
		if t.Proof != nil || !t.FinishedAt.IsZero() {
			return transaction.ErrMoved
		}
	}
}

// ErrTooEarly is the answer to asking for another code before its time; When is its time, zero when none will be sent.
type ErrTooEarly struct {
	When time.Time
}

// Error implements error.
func (e *ErrTooEarly) Error() string { return "another code is not sent yet" }

// Unwrap makes it an apierr.Error of kind TooMany.
func (e *ErrTooEarly) Unwrap() error {
	return apierr.New(apierr.TooMany, "resend_too_early", "Another code is not sent yet.")
}

// StartOnPage starts a code from a hosted page and notes it in the transaction. Another code to the same address waits its
// turn; an address that was mistyped can be corrected at once.
func (l *Logins) StartOnPage(ctx context.Context, e authn.Entry, t *transaction.Transaction, email string) error {
	now := l.c.Clock.Now()
	at, ok := t.ResendAt()
	if !ok {
		return &ErrTooEarly{}
	}
	if canonical, err := contact.Email(email); err == nil && canonical == t.Canonical && now.Before(at) {
		return &ErrTooEarly{When: at}
	}
	e.Transaction = t.ID
	_, err := l.Start(ctx, Start{
		Entry: e, Email: email,
		Limits:  []protect.Ask{{Limit: protect.PageStartsPerIP, Subject: protect.Network(e.Origin.IP)}},
		Details: map[string]any{"client_id": e.Client.ID, "connection": e.Connection.Name, "email": email, "transaction": t.ID},
		Save: func(ctx context.Context, challengeID, canonical string) error {
			next := *t
			next.Identifier, next.Canonical, next.ChallengeID = email, canonical, challengeID
			next.Sends, next.SentAt = t.Sends+1, now
			next.Connection = e.Connection.Name
			next.Proof = nil
			next.Shown = true
			return l.c.Transactions.Save(ctx, e.Site.Tenant.ID, &next)
		},
	})
	return err
}
