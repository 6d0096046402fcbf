package login

import (
	"context"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/eventlog"
	"latchkey/internal/transaction"
)

// TakePassword takes a password that was typed on the tenant's own login page, as TakeCode takes a code. The entry names the
// database connection. With a right one the transaction says whose it is, as Remember reads it. Refusals are those of
// authn.Door.ProvePassword, authn.ErrBlocked, and transaction.ErrMoved.
func (l *Logins) TakePassword(ctx context.Context, e authn.Entry, t *transaction.Transaction, typed, password string) error {
	e.Transaction = t.ID
	canonical := account.Canonical(typed)
	return authn.Again(func() error {
		proven, err := l.c.Door.ProvePassword(ctx, e, typed, password, "")
		if err != nil {
			return err
		}
		if refusal := l.c.Door.Admit(proven.User); refusal != nil {
			event := l.c.Door.Event(e, eventlog.FailedLogin, apierr.As(refusal).Message)
			event.UserID, event.UserName = proven.User.ID, proven.User.Address()
			if err := l.c.Log.Write(ctx, e.Site.Tenant.ID, event); err != nil {
				return err
			}
			return refusal
		}
		next := *t
		next.Connection, next.Strategy = e.Connection.Name, e.Connection.Strategy
		next.Identifier, next.Canonical, next.ChallengeID = typed, canonical, ""
		l.prove(&next, e, proven, canonical)
		err = l.c.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := l.record(ctx, e, proven); err != nil {
				return err
			}
			if err := l.c.Transactions.Save(ctx, e.Site.Tenant.ID, &next); err != nil {
				return err
			}
			return l.c.Door.MakeRoom(ctx, e, proven)
		})
		if err == nil {
			t.Canonical = canonical
		}
		return err
	})
}
