package store

import (
	"context"
	"fmt"
	"slices"

	"latchkey/internal/clock"
	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

var _ user.Store = (*DB)(nil)

const (
	userColumns = `users.profile, users.blocked, users.logins_count, users.last_login, users.last_ip, users.version`
	selectUser  = `SELECT ` + userColumns + ` FROM users WHERE tenant_id = $1 AND user_id = $2`
	// The one row on the left makes an answer even when there is nobody: the work does not tell. The user's id is asked
	// for in parentheses, and not joined, so that every planner goes from the identity to the one user: told that both
	// have the same tenant, PostgreSQL once read all users of the tenant while its statistics were young.
	userOfIdentity = `(SELECT identities.user_id FROM identities WHERE identities.tenant_id = $1
		AND identities.connection = $2 AND identities.identifier = $3)`
	joinUserOfIdentity = `
		LEFT JOIN deleted_identifiers ON deleted_identifiers.tenant_id = $1
			AND deleted_identifiers.connection = $2 AND deleted_identifiers.identifier = $3
		LEFT JOIN users ON users.tenant_id = $1 AND users.user_id = COALESCE(` + userOfIdentity + `, '')`
	selectUserByIdentity = `SELECT deleted_identifiers.deletions, ` + userColumns + `
		FROM (SELECT 1 AS one) AS always` + joinUserOfIdentity
	insertUser = `INSERT INTO users
		(tenant_id, user_id, profile, blocked, logins_count, last_login, last_ip, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1)`
	insertIdentity = `INSERT INTO identities (tenant_id, connection, identifier, user_id) VALUES ($1, $2, $3, $4)`
	deleteIdentity = `DELETE FROM identities
		WHERE tenant_id = $1 AND connection = $2 AND identifier = $3 AND user_id = $4`
	updateUser = `UPDATE users SET profile = $4, blocked = $5, version = version + 1
		WHERE tenant_id = $1 AND user_id = $2 AND version = $3`
	recordLogin = `UPDATE users SET logins_count = logins_count + 1, last_login = $3, last_ip = $4
		WHERE tenant_id = $1 AND user_id = $2 AND NOT blocked`
	deleteUser             = `DELETE FROM users WHERE tenant_id = $1 AND user_id = $2 AND version = $3`
	countDeletedIdentifier = `INSERT INTO deleted_identifiers (tenant_id, connection, identifier, deletions)
		VALUES ($1, $2, $3, 1) ON CONFLICT (tenant_id, connection, identifier)
		DO UPDATE SET deletions = deleted_identifiers.deletions + 1`
)

// storedUser is the profile column: the user's document, with the identifiers that the document itself leaves out.
type storedUser struct {
	*user.User
	Identities []storedIdentity `json:"identities"`
}

type storedIdentity struct {
	user.Identity
	// Identifier is where the only identifier stood before an identity could have several.
	Identifier  string   `json:"identifier,omitempty"`
	Identifiers []string `json:"identifiers,omitempty"`
}

func encodeUser(u *user.User) (string, error) {
	s := storedUser{User: u, Identities: make([]storedIdentity, len(u.Identities))}
	for i, id := range u.Identities {
		s.Identities[i] = storedIdentity{Identity: id, Identifiers: id.Identifiers}
	}
	return encode(s)
}

// userRow receives userColumns. They may be NULL, when a LEFT JOIN found nobody.
type userRow struct {
	profile     *string
	blocked     *bool
	loginsCount *int
	lastLogin   *int64
	lastIP      *string
	version     *int64
}

func (r *userRow) dest() []any {
	return []any{&r.profile, &r.blocked, &r.loginsCount, &r.lastLogin, &r.lastIP, &r.version}
}

// user gives the user, or nil.
func (r *userRow) user() (*user.User, error) {
	if r.profile == nil {
		return nil, nil
	}
	u := &user.User{}
	s := storedUser{User: u}
	if err := decode(*r.profile, &s); err != nil {
		return nil, err
	}
	u.Identities = make([]user.Identity, len(s.Identities))
	for i, id := range s.Identities {
		u.Identities[i] = id.Identity
		u.Identities[i].Identifiers = id.Identifiers
		if id.Identifier != "" {
			u.Identities[i].Identifiers = []string{id.Identifier}
		}
	}
	u.Blocked, u.LoginsCount, u.LastIP, u.Version = *r.blocked, *r.loginsCount, *r.lastIP, *r.version
	u.LastLogin = clock.FromMillis(*r.lastLogin)
	return u, nil
}

// User implements user.Store.
func (db *DB) User(ctx context.Context, tenantID, userID string) (*user.User, error) {
	var r userRow
	found, err := db.readRow(ctx, selectUser, []any{tenantID, userID}, r.dest()...)
	if err != nil {
		return nil, fmt.Errorf("read a user: %w", err)
	}
	if !found {
		return nil, user.ErrNotFound
	}
	return r.user()
}

// Find implements user.Store.
func (db *DB) Find(ctx context.Context, tenantID, connection, identifier string) (*user.User, int, error) {
	var r userRow
	var deletions *int
	args := []any{tenantID, connection, identifier}
	if _, err := db.readRow(ctx, selectUserByIdentity, args, append([]any{&deletions}, r.dest()...)...); err != nil {
		return nil, 0, fmt.Errorf("find a user: %w", err)
	}
	u, err := r.user()
	return u, orZero(deletions), err
}

// orZero reads a column that is NULL when a LEFT JOIN found nothing.
func orZero[T any](v *T) T {
	if v == nil {
		return *new(T)
	}
	return *v
}

// CreateUser implements user.Store.
func (db *DB) CreateUser(ctx context.Context, tenantID string, u *user.User) error {
	profile, err := encodeUser(u)
	if err != nil {
		return err
	}
	statements := []*engine.Statement{{
		SQL:   insertUser,
		Args:  []any{tenantID, u.ID, profile, u.Blocked, u.LoginsCount, clock.Millis(u.LastLogin), clean(u.LastIP)},
		Taken: user.ErrExists,
	}}
	for _, r := range identifierRows(u.Identities) {
		statements = append(statements, insertIdentifier(tenantID, u.ID, r))
	}
	if err := db.queueAll(ctx, statements...); err != nil {
		return fmt.Errorf("create a user: %w", err)
	}
	return nil
}

// identifierRow is one way in: the connection finds the account under the identifier.
type identifierRow struct{ connection, identifier string }

func identifierRows(identities []user.Identity) []identifierRow {
	var rows []identifierRow
	for _, id := range identities {
		for _, identifier := range id.Identifiers {
			rows = append(rows, identifierRow{id.Connection, identifier})
		}
	}
	return rows
}

func insertIdentifier(tenantID, userID string, r identifierRow) *engine.Statement {
	return &engine.Statement{
		SQL: insertIdentity, Args: []any{tenantID, r.connection, r.identifier, userID}, Taken: user.ErrExists,
	}
}

// UpdateUser implements user.Store.
func (db *DB) UpdateUser(ctx context.Context, tenantID string, u *user.User) error {
	profile, err := encodeUser(u)
	if err != nil {
		return err
	}
	return db.InTx(ctx, func(ctx context.Context) error {
		stored, err := db.User(ctx, tenantID, u.ID)
		if err != nil {
			return err
		}
		if stored.Version != u.Version {
			return user.ErrChanged
		}
		changed, err := db.exec(ctx, updateUser, tenantID, u.ID, u.Version, profile, u.Blocked)
		if err != nil {
			return fmt.Errorf("update a user: %w", err)
		}
		if changed == 0 {
			return user.ErrChanged
		}
		statements := changedIdentities(tenantID, u.ID, stored.Identities, u.Identities)
		if len(statements) == 0 {
			return nil
		}
		return db.write(ctx, statements...)
	})
}

// changedIdentities gives the statements that turn the rows of one list of identities into those of another.
func changedIdentities(tenantID, userID string, before, after []user.Identity) []*engine.Statement {
	old, wanted := identifierRows(before), identifierRows(after)
	var statements []*engine.Statement
	for _, r := range old {
		if !slices.Contains(wanted, r) {
			statements = append(statements, &engine.Statement{
				SQL: deleteIdentity, Args: []any{tenantID, r.connection, r.identifier, userID},
			})
		}
	}
	for _, r := range wanted {
		if !slices.Contains(old, r) {
			statements = append(statements, insertIdentifier(tenantID, userID, r))
		}
	}
	return statements
}

// RecordLogin implements user.Store.
func (db *DB) RecordLogin(ctx context.Context, tenantID, userID string, l user.Login) error {
	return db.queueOne(ctx, user.ErrBlocked, recordLogin, tenantID, userID, clock.Millis(l.At), clean(l.IP))
}

// DeleteUser implements user.Store.
func (db *DB) DeleteUser(ctx context.Context, tenantID, userID string) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		u, err := db.User(ctx, tenantID, userID)
		if err != nil {
			return err
		}
		changed, err := db.exec(ctx, deleteUser, tenantID, userID, u.Version)
		if err != nil {
			return fmt.Errorf("delete a user: %w", err)
		}
		if changed == 0 {
			// Somebody changed or deleted the user after it was read: its identities may be others now.
			return fmt.Errorf("delete a user: %w", engine.ErrRetry)
		}
		for _, r := range identifierRows(u.Identities) {
			args := []any{tenantID, r.connection, r.identifier}
			if err := db.queue(ctx, deleteIdentity, append(args, userID)...); err != nil {
				return err
			}
			if err := db.queue(ctx, countDeletedIdentifier, args...); err != nil {
				return err
			}
		}
		return nil
	})
}
