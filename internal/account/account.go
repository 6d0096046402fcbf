package account

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/jwt"
	"latchkey/internal/password"
	"latchkey/internal/resource"
	"latchkey/internal/seal"
	"latchkey/internal/session"
	"latchkey/internal/user"
)

// Transactor runs writes as one commit.
type Transactor interface {
	InTx(ctx context.Context, write func(ctx context.Context) error) error
}

// Users keeps users.
type Users interface {
	user.Store
	// UsersOfConnection lists users with an identity at the connection (by name), the first created first, at most limit of
	// those behind after.
	UsersOfConnection(ctx context.Context, tenantID, connection string, after user.Position, limit int) ([]*user.User, error)
	// UserItems and PutUserItem are those of user.ItemStore.
	UserItems(ctx context.Context, tenantID, userID, kind string) ([]user.Item, error)
	PutUserItem(ctx context.Context, tenantID string, i user.Item) error
}

// Keys gives the keys with which a tenant's own tokens are checked.
type Keys interface {
	Verifiers(ctx context.Context, tenantID string) ([]jwt.Key, error)
}

// Config is what New needs.
type Config struct {
	Tx          Transactor
	Users       Users
	Connections connection.Store
	Resources   resource.Store
	Sessions    *session.Sessions
	Grants      *grant.Grants
	Passwords   *password.Hasher
	Keys        Keys
	Log         *eventlog.Log
	Seal        *seal.Keyset
	Clock       clock.Clock
}

// Accounts changes users. It is safe for concurrent use.
type Accounts struct{ c Config }

// New makes the accounts of a server.
func New(c Config) *Accounts { return &Accounts{c} }

// By is who changes a user, and from where: the client that holds the token.
type By struct {
	ClientID   string
	ClientName string
	Origin     eventlog.Origin
}

// Change is a decided change of a user that is not written yet.
type Change struct {
	// User is the account as it will be; nil where it is deleted, or was not there.
	User *user.User
	// Identity is the identity whose address is to be verified, where one of the next two is set.
	Identity user.Identity
	// VerifyEmail and VerifyPhone say that the person is due a message that verifies the address or number.
	VerifyEmail bool
	VerifyPhone bool

	commit func(ctx context.Context) error
}

// Commit writes the change in the caller's transaction, which may run more than once. user.ErrChanged says that the account
// was changed since the decision: decide again. user.ErrExists may come only with the commit of the transaction.
func (c *Change) Commit(ctx context.Context) error { return c.commit(ctx) }

// User gives a user by id, or user.ErrNotFound.
func (a *Accounts) User(ctx context.Context, tenantID, userID string) (*user.User, error) {
	u, err := a.c.Users.User(ctx, tenantID, userID)
	if err != nil {
		return nil, fmt.Errorf("read a user to change: %w", err)
	}
	return u, nil
}

// connection gives a tenant's connection by name, or ErrConnection.
func (a *Accounts) connection(ctx context.Context, tenantID, name string) (*connection.Connection, error) {
	all, err := a.c.Connections.Connections(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	if c := connection.Find(all, name); c != nil {
		return c, nil
	}
	return nil, ErrConnection
}

// now is the time of a change as it is stored and shown.
func (a *Accounts) now() time.Time { return a.c.Clock.Now().UTC().Truncate(time.Millisecond) }

// event begins a log event about an account at a connection, which may be nil.
func (by By) event(typ eventlog.Type, u *user.User, c *connection.Connection) eventlog.Event {
	e := eventlog.Event{
		Type: typ, ClientID: by.ClientID, ClientName: by.ClientName, Origin: by.Origin, UserID: u.ID, UserName: nameOf(u),
	}
	if c != nil {
		e.Connection, e.ConnectionID, e.Strategy = c.Name, c.ID, string(c.Strategy)
		if c.Strategy.Passwordless() {
			e.StrategyType = "passwordless"
		}
	}
	return e
}

func nameOf(u *user.User) string {
	for _, name := range []string{u.Email, u.PhoneNumber, u.Username} {
		if name != "" {
			return name
		}
	}
	return u.Name
}
