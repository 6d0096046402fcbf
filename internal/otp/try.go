package otp

import (
	"context"
	"fmt"
)

// Try is one try of a secret that is no code: a password. It counts before the secret is compared, and is forgiven when it
// was right: of any number of tries side by side no more are compared than of tries in a row.
type Try struct {
	Attempt
	// Locked says that nothing is compared: too many tries were wrong in a row. LockedNow is the try that did it.
	Locked, LockedNow bool

	connection, subject string
}

// Try counts a try of an identifier, known or not, in the caller's transaction. Whatever becomes of it has to be committed.
func (o *Codes) Try(ctx context.Context, tenantID, connection, identifier string, d Device) (Try, error) {
	subject := o.subject(tenantID, d, connection, identifier)
	a, err := o.store.Attempt(ctx, tenantID, connection, identifier, subject)
	if err != nil {
		return Try{}, fmt.Errorf("read what is known of an identifier: %w", err)
	}
	t := Try{Attempt: a, connection: connection, subject: subject}
	if o.Locked(a.Guesses) {
		t.Locked = true
		return t, nil
	}
	now := o.clock.Now()
	// One more than for codes, which count when they have turned out to be wrong.
	g, err := o.store.CountGuess(ctx, tenantID, connection, subject, maxGuesses+1, firstLock, longestLock, now, now.Add(-forgetLocks))
	if err != nil {
		return Try{}, fmt.Errorf("count a try: %w", err)
	}
	t.Locked = o.Locked(g)
	t.LockedNow = t.Locked && g.Wrong == 0
	return t, nil
}

// Forgive forgets the tries in a row before a right one, and that one, in the caller's transaction.
func (o *Codes) Forgive(ctx context.Context, tenantID string, t Try) error {
	return o.store.ResetGuesses(ctx, tenantID, t.connection, t.subject)
}
