package login

import (
	"context"

	"latchkey/internal/connection"
	"latchkey/internal/transaction"
)

// Switch lets another connection drive a hosted login. What was typed and sent for the one before counts no more; how often
// was sent and guessed does, and when to which address. ErrMoved (transaction) when another request changed the login meanwhile.
//
// Auth0: "Passwordless with Universal Login", flexible connection switching.
func (l *Logins) Switch(ctx context.Context, tenantID string, t *transaction.Transaction, to *connection.Connection) error {
	t.Connection, t.Strategy = to.Name, to.Strategy
	t.Identifier, t.Canonical, t.ChallengeID, t.Send, t.Number = "", "", "", "", ""
	t.Shown = true
	return l.c.Transactions.Save(ctx, tenantID, t)
}
