package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/otp"
	"latchkey/internal/store/engine"
)

const (
	// The subjects of an identifier are itself and, behind a space, its browsers. No identifier contains a space, and the
	// character behind the space ends them.
	ofSubjects  = ` WHERE tenant_id = $1 AND locked_until > 0 AND subject >= $2 AND subject < $3`
	selectLocks = `SELECT connection, locked_until FROM guesses` + ofSubjects
	deleteLocks = `DELETE FROM guesses` + ofSubjects
	lockOrder   = ` ORDER BY subject, connection LIMIT `
)

// locksNamed writes the condition for the subjects of an identifier.
func locksNamed(tenantID, connection, identifier string) *named {
	n := &named{args: []any{tenantID, identifier, identifier + "!"}}
	n.ifSet("connection", connection)
	return n
}

// Locks implements otp.Store.
func (db *DB) Locks(ctx context.Context, tenantID, connection, identifier string, now time.Time, limit int) ([]otp.Lock, error) {
	n := locksNamed(tenantID, connection, identifier)
	n.compares("locked_until >", clock.Millis(now))
	sql := selectLocks + n.sql.String() + lockOrder + n.parameter(limit)
	var all []otp.Lock
	err := db.read(ctx, &engine.Statement{SQL: sql, Args: n.args, Row: func(r engine.Row) error {
		l := otp.Lock{Identifier: identifier}
		var until int64
		err := r.Scan(&l.Connection, &until)
		l.Until = clock.FromMillis(until)
		all = append(all, l)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list locks: %w", err)
	}
	return all, nil
}

// ForgetLocks implements otp.Store.
func (db *DB) ForgetLocks(ctx context.Context, tenantID, connection, identifier string, now time.Time) (int, error) {
	n := locksNamed(tenantID, connection, identifier)
	ended := 0
	err := db.write(ctx, &engine.Statement{SQL: deleteLocks + n.sql.String() + " RETURNING locked_until", Args: n.args, Row: func(r engine.Row) error {
		var until int64
		err := r.Scan(&until)
		if until > clock.Millis(now) {
			ended++
		}
		return err
	}})
	if err != nil {
		return 0, fmt.Errorf("forget locks: %w", err)
	}
	return ended, nil
}
