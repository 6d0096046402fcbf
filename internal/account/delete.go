package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// Delete decides to delete a user with everything that is kept for it: identities, sessions, refresh tokens, codes that wait,
// consents, factors. Somebody who is not there is deleted already.
func (a *Accounts) Delete(ctx context.Context, tenantID, userID string, by By) (*Change, error) {
	u, err := a.c.Users.User(ctx, tenantID, userID)
	if errors.Is(err, user.ErrNotFound) {
		return &Change{commit: func(context.Context) error { return nil }}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a user to delete: %w", err)
	}
	c, err := a.connection(ctx, tenantID, u.Identities[0].Connection)
	if err != nil && !errors.Is(err, ErrConnection) {
		return nil, err
	}
	return &Change{commit: func(ctx context.Context) error {
		switch err := a.c.Users.DeleteUser(ctx, tenantID, userID); {
		case errors.Is(err, user.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		if err := a.forget(ctx, tenantID, userID); err != nil {
			return err
		}
		return a.c.Log.Write(ctx, tenantID, by.event(eventlog.UserDeleted, u, c))
	}}, nil
}

// forget ends what is kept under a user's id beside the user, in the caller's transaction.
func (a *Accounts) forget(ctx context.Context, tenantID, userID string) error {
	if err := a.endLogins(ctx, tenantID, userID); err != nil {
		return err
	}
	_, err := a.c.Grants.Withdraw(ctx, tenantID, grant.ConsentFilter{UserID: userID})
	return err
}

// batch is how many users of a connection one transaction takes away at most.
const batch = 100

// DeleteSome takes some of a connection's users away from it: whoever has the main identity there is deleted, the others
// lose theirs. It commits by itself and reports whether nobody was left: until then it is called again.
func (a *Accounts) DeleteSome(ctx context.Context, tenantID string, c *connection.Connection) (done bool, err error) {
	err = a.c.Tx.InTx(ctx, func(ctx context.Context) error {
		list, err := a.c.Users.UsersOfConnection(ctx, tenantID, c.Name, user.Position{}, batch)
		if err != nil {
			return err
		}
		done = len(list) == 0
		for _, u := range list {
			if err := a.leave(ctx, tenantID, u, c.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("delete users of a connection: %w", err)
	}
	return done, nil
}

// leave takes one user away from a connection. Whoever changed or deleted the user meanwhile wins: a later call finds what
// is left.
func (a *Accounts) leave(ctx context.Context, tenantID string, u *user.User, connection string) error {
	if u.Identities[0].Connection == connection {
		switch err := a.c.Users.DeleteUser(ctx, tenantID, u.ID); {
		case errors.Is(err, user.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		return a.forget(ctx, tenantID, u.ID)
	}
	left := *u
	left.UpdatedAt = a.now()
	left.Identities = slices.DeleteFunc(slices.Clone(u.Identities), func(i user.Identity) bool { return i.Connection == connection })
	switch err := a.c.Users.UpdateUser(ctx, tenantID, &left); {
	case errors.Is(err, user.ErrNotFound), errors.Is(err, user.ErrChanged):
		return nil
	case err != nil:
		return err
	}
	return a.endVia(ctx, tenantID, u.ID, connection)
}

// endVia ends what was opened for a user through a connection (by name) whose identity it loses, in the caller's transaction.
func (a *Accounts) endVia(ctx context.Context, tenantID, userID, connection string) error {
	if err := a.c.Sessions.EndVia(ctx, tenantID, userID, connection); err != nil {
		return err
	}
	return a.c.Grants.EndVia(ctx, tenantID, userID, connection)
}

// Revoke says what access a user loses.
type Revoke struct {
	SessionID             string `json:"session_id"` // only what this session opened; empty for everything
	PreserveRefreshTokens bool   `json:"preserve_refresh_tokens"`
}

// RevokeAccess decides to end sessions of a user, with the codes and refresh tokens that were given out in them unless those
// are to be kept. It answers user.ErrNotFound when there is no such user; a session that is not the user's has ended already.
func (a *Accounts) RevokeAccess(ctx context.Context, t *tenant.Tenant, userID string, r Revoke) (*Change, error) {
	u, err := a.User(ctx, t.ID, userID)
	if err != nil {
		return nil, err
	}
	if r.SessionID == "" {
		return &Change{User: u, commit: func(ctx context.Context) error {
			if err := a.endSessions(ctx, t.ID, userID); err != nil || r.PreserveRefreshTokens {
				return err
			}
			return a.c.Grants.EndAllOf(ctx, t.ID, userID)
		}}, nil
	}
	found, err := a.c.Sessions.Get(ctx, t, r.SessionID)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		return nil, err
	}
	own := found != nil && found.UserID == userID
	return &Change{User: u, commit: func(ctx context.Context) error {
		if own {
			if _, err := a.c.Sessions.End(ctx, t.ID, r.SessionID); err != nil {
				return err
			}
		}
		if r.PreserveRefreshTokens {
			return nil
		}
		if err := a.c.Grants.EndCodesOf(ctx, t.ID, userID); err != nil {
			return err
		}
		_, err := a.c.Grants.Revoke(ctx, t.ID, grant.FamilyFilter{UserID: userID, SessionID: r.SessionID})
		return err
	}}, nil
}
