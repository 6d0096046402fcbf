package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

var _ user.Store = (*DB)(nil)

const (
	userColumns = `users.profile, users.blocked, users.logins_count, users.last_login, users.last_ip, users.version,
		users.password, users.logins_end_at`
	selectUser = `SELECT ` + userColumns + ` FROM users WHERE tenant_id = $1 AND user_id = $2`
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
		(tenant_id, user_id, profile, blocked, logins_count, last_login, last_ip, password, created_at, version, indexed_version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, 1)`
	insertIdentity = `INSERT INTO identities (tenant_id, connection, identifier, user_id) VALUES ($1, $2, $3, $4)`
	deleteIdentity = `DELETE FROM identities
		WHERE tenant_id = $1 AND connection = $2 AND identifier = $3 AND user_id = $4`
	updateUser = `UPDATE users SET profile = $4, blocked = $5, password = $6, created_at = $7,
		version = version + 1, indexed_version = version + 1
		WHERE tenant_id = $1 AND user_id = $2 AND version = $3`
	recordLogin = `UPDATE users SET logins_count = logins_count + 1, last_login = $3, last_ip = $4
		WHERE tenant_id = $1 AND user_id = $2 AND NOT blocked AND (CAST($5 AS bigint) = 0 OR logins_end_at < $5)`
	endLogins = `UPDATE users SET logins_end_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND logins_end_at < $3`
	// It changes nothing: it holds the row until the commit.
	holdUser               = `UPDATE users SET version = version WHERE tenant_id = $1 AND user_id = $2 AND version = $3`
	deleteUser             = `DELETE FROM users WHERE tenant_id = $1 AND user_id = $2 AND version = $3`
	countDeletedIdentifier = `INSERT INTO deleted_identifiers (tenant_id, connection, identifier, deletions)
		VALUES ($1, $2, $3, 1) ON CONFLICT (tenant_id, connection, identifier)
		DO UPDATE SET deletions = deleted_identifiers.deletions + 1`
)

// storedUser is the profile column: the user's document, with the identifiers that the document itself leaves out.
type storedUser struct {
	*user.User
	FormerPasswords []user.Password  `json:"former_passwords,omitempty"`
	Identities      []storedIdentity `json:"identities"`
}

type storedIdentity struct {
	user.Identity
	// Identifier is where the only identifier stood before an identity could have several.
	Identifier  string   `json:"identifier,omitempty"`
	Identifiers []string `json:"identifiers,omitempty"`
	// Password is that of a linked identity; that of the main one has a column.
	Password        user.Password   `json:"password,omitempty"`
	FormerPasswords []user.Password `json:"former_passwords,omitempty"`
}

func encodeUser(u *user.User) (string, error) {
	s := storedUser{User: u, FormerPasswords: u.FormerPasswords, Identities: make([]storedIdentity, len(u.Identities))}
	for i, id := range u.Identities {
		s.Identities[i] = storedIdentity{
			Identity: id, Identifiers: id.Identifiers, Password: id.Password, FormerPasswords: id.FormerPasswords,
		}
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
	password    *string
	loginsEnd   *int64
}

func (r *userRow) dest() []any {
	return []any{&r.profile, &r.blocked, &r.loginsCount, &r.lastLogin, &r.lastIP, &r.version, &r.password, &r.loginsEnd}
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
		u.Identities[i].Password, u.Identities[i].FormerPasswords = id.Password, id.FormerPasswords
		if id.Identifier != "" {
			u.Identities[i].Identifiers = []string{id.Identifier}
		}
	}
	u.Blocked, u.LoginsCount, u.LastIP, u.Version = *r.blocked, *r.loginsCount, *r.lastIP, *r.version
	u.FormerPasswords = s.FormerPasswords
	u.LastLogin, u.Password = clock.FromMillis(*r.lastLogin), user.Password(*r.password)
	u.LoginsEndAt = clock.FromMillis(*r.loginsEnd)
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
		SQL: insertUser,
		Args: []any{
			tenantID, u.ID, profile, u.Blocked, u.LoginsCount, clock.Millis(u.LastLogin), address(u.LastIP), string(u.Password),
			clock.Millis(u.CreatedAt),
		},
		Taken: user.ErrExists,
	}}
	for _, r := range identifierRows(u.Identities) {
		statements = append(statements, insertIdentifier(tenantID, u.ID, r))
	}
	statements = append(statements, insertAttributes(tenantID, u, attributesOf(u))...)
	statements = append(statements, db.countUsers(ctx, tenantID, 1))
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
		stored, indexed, err := db.indexedUser(ctx, tenantID, u.ID)
		if err != nil {
			return err
		}
		if stored.Version != u.Version {
			return user.ErrChanged
		}
		changed, err := db.exec(ctx, updateUser, tenantID, u.ID, u.Version, profile, u.Blocked, string(u.Password),
			clock.Millis(u.CreatedAt))
		if err != nil {
			return fmt.Errorf("update a user: %w", err)
		}
		if changed == 0 {
			return user.ErrChanged
		}
		statements := changedIdentities(tenantID, u.ID, stored.Identities, u.Identities)
		statements = append(statements, changedAttributes(tenantID, stored, u, indexed == stored.Version)...)
		if indexed == 0 { // by a release that did not count
			statements = append(statements, db.countUsers(ctx, tenantID, 1))
		}
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
			args := []any{tenantID, r.connection, r.identifier}
			statements = append(statements,
				&engine.Statement{SQL: deleteIdentity, Args: append(slices.Clone(args), userID)},
				&engine.Statement{SQL: countDeletedIdentifier, Args: args},
			)
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
	return db.queueOne(ctx, user.ErrBlocked, recordLogin, tenantID, userID, clock.Millis(l.At), address(l.IP), clock.Millis(l.Proven))
}

// EndLogins implements user.Store.
func (db *DB) EndLogins(ctx context.Context, tenantID, userID string, at time.Time) error {
	return db.queue(ctx, endLogins, tenantID, userID, clock.Millis(at))
}

// HoldUser implements user.Store.
func (db *DB) HoldUser(ctx context.Context, tenantID string, u *user.User) error {
	return db.queueOne(ctx, user.ErrChanged, holdUser, tenantID, u.ID, u.Version)
}

// address makes a client's address fit for an index.
func address(ip string) string { return clip(clean(ip), mostAddress) }

const mostAddress = 64 // bytes; an address has 45 at most

// DeleteUser implements user.Store.
func (db *DB) DeleteUser(ctx context.Context, tenantID, userID string) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		u, indexed, err := db.indexedUser(ctx, tenantID, userID)
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
		statements := []*engine.Statement{
			{SQL: deleteAttributes, Args: []any{tenantID, userID}}, {SQL: deleteItemsOfUser, Args: []any{tenantID, userID}},
		}
		if indexed != 0 {
			statements = append(statements, db.countUsers(ctx, tenantID, -1))
		}
		return db.queueAll(ctx, statements...)
	})
}
