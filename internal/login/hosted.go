package login

import (
	"context"
	"errors"
	"maps"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
)

// TakeCode takes the code that was typed on a hosted page. When it is right, it is spent, the user found or created, and
// the proof written into the transaction, in one commit. Refusals are those of authn.Door.Prove, and transaction.ErrMoved.
func (l *Logins) TakeCode(ctx context.Context, e authn.Entry, t *transaction.Transaction, code string) error {
	err := l.take(ctx, e, t, otp.Given{Code: otp.Code(code)})
	if err != nil && wrong(err) {
		return l.countWrong(ctx, e, t, err)
	}
	return err
}

// take makes what was given a proof of the transaction.
func (l *Logins) take(ctx context.Context, e authn.Entry, t *transaction.Transaction, g otp.Given) error {
	e.Transaction, e.ChallengeID = t.ID, t.ChallengeID
	return authn.Again(func() error {
		proven, err := l.c.Door.Prove(ctx, e, t.Canonical, g, eventlog.FailedLogin)
		if err != nil {
			return err
		}
		next := *t
		l.prove(&next, e, proven, t.Canonical)
		err = l.c.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := l.record(ctx, e, proven); err != nil {
				return err
			}
			if err := l.c.Transactions.Save(ctx, e.Site.Tenant.ID, &next); err != nil {
				return err
			}
			return l.c.Door.MakeRoom(ctx, e, proven)
		})
		if err != nil {
			return err
		}
		l.c.Door.Committed(proven)
		return nil
	})
}

// prove notes in a transaction who is there.
func (l *Logins) prove(t *transaction.Transaction, e authn.Entry, p authn.Proven, canonical string) {
	t.Proof = &transaction.Proof{
		Method: p.Method, Link: p.Link, Connection: e.Connection.Name, Identifier: canonical, UserID: p.User.ID, At: l.c.Clock.Now(),
	}
	t.Shown = true
}

// record spends a proof in the caller's transaction. Whoever is blocked and reads the address is told so, by the answer to
// the application.
func (l *Logins) record(ctx context.Context, e authn.Entry, p authn.Proven) error {
	if l.c.Door.Admit(p.User) != nil {
		return l.c.Door.Discard(ctx, e, p)
	}
	return l.c.Door.Record(ctx, e, p, nil)
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
// turn, also where others were written to in between: the person comes back to the code they have. An address that was mistyped
// can be corrected at once.
func (l *Logins) StartOnPage(ctx context.Context, e authn.Entry, t *transaction.Transaction, typed, region string) error {
	canonical, err := canonicalOf(e.Connection, typed, region)
	at, ok := t.SendAt(canonical)
	switch {
	case !ok:
		return &ErrTooEarly{}
	case err == nil && l.c.Clock.Now().Before(at) && canonical != t.Canonical && t.SentTo[canonical].Connection == e.Connection.Name:
		return l.goBack(ctx, e, t, typed, region, canonical)
	case err == nil && l.c.Clock.Now().Before(at):
		return &ErrTooEarly{When: at}
	}
	_, err = l.startIn(ctx, Start{
		Entry: e, Address: typed, Region: region, Send: e.Connection.Sends(), Link: Link{State: t.State(), Number: t.Number},
		Limits:  []protect.Ask{{Limit: protect.PageStartsPerIP, Subject: protect.Network(e.Origin.IP)}},
		Details: map[string]any{"client_id": e.Client.ID, "connection": e.Connection.Name, addressField(e.Connection): typed},
	}, t)
	return err
}

// goBack returns to an address that was written to a moment ago. Its code is still good, so nothing is sent.
func (l *Logins) goBack(ctx context.Context, e authn.Entry, t *transaction.Transaction, typed, region, canonical string) error {
	before := t.SentTo[canonical]
	next := *t
	next.Identifier, next.Region, next.Canonical = typed, region, canonical
	next.ChallengeID, next.Send, next.Number, next.SentAt = before.ChallengeID, before.Send, before.Number, before.At
	next.Connection, next.Strategy = e.Connection.Name, e.Connection.Strategy
	next.Proof, next.Shown = nil, true
	t.Send = before.Send // what comes next is the page for that
	return l.c.Transactions.Save(ctx, e.Site.Tenant.ID, &next)
}

// StartOnClassicPage starts what the tenant's own login page asks for and notes it in its transaction. The page waits for
// nothing between two starts: limits count them all. Of starts for one address side by side one sends, and answers for the
// others too.
func (l *Logins) StartOnClassicPage(ctx context.Context, s Start, t *transaction.Transaction) (Started, error) {
	for try := 1; ; try++ {
		sends := t.Sends
		started, err := l.startIn(ctx, s, t)
		if !errors.Is(err, transaction.ErrMoved) || try == mostTries {
			return started, err
		}
		if err := l.c.Transactions.Reload(ctx, s.Site.Tenant.ID, t); err != nil {
			return Started{}, err
		}
		canonical, err := canonicalOf(s.Connection, s.Address, s.Region)
		if err != nil {
			return Started{}, err
		}
		if (canonical == t.Canonical && t.Sends > sends) || t.Proof != nil || !t.FinishedAt.IsZero() {
			return l.startedElsewhere(ctx, s, canonical)
		}
	}
}

// startIn starts a code in a transaction.
func (l *Logins) startIn(ctx context.Context, s Start, t *transaction.Transaction) (Started, error) {
	now := l.c.Clock.Now()
	s.Transaction = t.ID
	s.Details["transaction"] = t.ID
	s.Save = func(ctx context.Context, sent Sent) error {
		next := *t
		next.Identifier, next.Region = s.Address, s.Region
		next.Canonical, next.ChallengeID, next.Send, next.Number = sent.Canonical, sent.ChallengeID, sent.Send, sent.Number
		next.Sends, next.SentAt, next.SentTo = t.Sends+1, now, maps.Clone(t.SentTo)
		if next.SentTo == nil {
			next.SentTo = map[string]transaction.Sent{}
		}
		next.SentTo[sent.Canonical] = transaction.Sent{
			At: now, Connection: s.Connection.Name, ChallengeID: sent.ChallengeID, Send: sent.Send, Number: sent.Number,
		}
		next.Connection, next.Strategy = s.Connection.Name, s.Connection.Strategy
		next.Proof = nil
		next.Shown = true
		return l.c.Transactions.Save(ctx, s.Site.Tenant.ID, &next)
	}
	started, err := l.Start(ctx, s)
	switch {
	case err == nil:
		t.Send = s.Send // what comes next is the page for that
	case errors.Is(err, ErrProvider):
		err = errors.Join(err, l.nothingSent(ctx, s.Site.Tenant.ID, t))
	}
	return started, err
}

// nothingSent notes in a transaction that there is no message to wait for, so that the person may try again at once.
func (l *Logins) nothingSent(ctx context.Context, tenantID string, t *transaction.Transaction) error {
	if err := l.c.Transactions.Reload(ctx, tenantID, t); err != nil {
		return err
	}
	t.SentAt = time.Time{}
	delete(t.SentTo, t.Canonical)
	err := l.c.Transactions.Save(ctx, tenantID, t)
	if errors.Is(err, transaction.ErrMoved) {
		return nil
	}
	return err
}

// addressField is what the address of a connection's users is called in requests and logs.
func addressField(c *connection.Connection) string {
	if c.Strategy == connection.SMS {
		return "phone_number"
	}
	return "email"
}
