package account

import (
	"context"

	"latchkey/internal/connection"
	"latchkey/internal/password"
	"latchkey/internal/user"
)

// passwords are what is stored of those of one identity.
type passwords struct {
	current user.Password
	former  []user.Password
}

// next gives them after a new password, which is held to the connection's policy. Who is the account as it will be. It is
// slow by design; its refusals are those of package password.
func (a *Accounts) next(ctx context.Context, c *connection.Connection, who *user.User, p passwords, clear Secret) (passwords, error) {
	o := &c.Options.DatabaseOptions
	fitted := password.Fit(o, string(clear))
	if err := password.Check(o, fitted, who); err != nil {
		return p, err
	}
	former := p.former
	if p.current != "" {
		former = append([]user.Password{p.current}, p.former...)
	}
	if err := a.c.Passwords.Reused(ctx, o, fitted, former); err != nil {
		return p, err
	}
	hash, err := a.c.Passwords.Hash(ctx, fitted)
	if err != nil {
		return p, err
	}
	former = former[:min(len(former), password.HistorySize(o))]
	if len(former) == 0 {
		former = nil
	}
	return passwords{hash, former}, nil
}
