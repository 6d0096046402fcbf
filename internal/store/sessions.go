package store

import (
	"context"
	"fmt"

	"latchkey/internal/clock"
	"latchkey/internal/session"
)

var _ session.Store = (*DB)(nil)

const (
	selectSession = `SELECT session_id, user_id, connection, methods, clients, created_at, authenticated_at, used_at,
		idle_expires_at, expires_at, ip, user_agent FROM sessions WHERE tenant_id = $1 AND secret_hash IN `
	// Logins of one browser that end at the same moment write the same session: each deletes the row it knew and none can
	// see what the other is about to write.
	insertSession = `INSERT INTO sessions
		(tenant_id, session_id, secret_hash, user_id, connection, methods, clients, created_at, authenticated_at, used_at,
		idle_expires_at, expires_at, ip, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (tenant_id, session_id) DO UPDATE SET secret_hash = excluded.secret_hash, user_id = excluded.user_id,
		connection = excluded.connection, methods = excluded.methods, clients = excluded.clients,
		created_at = excluded.created_at, authenticated_at = excluded.authenticated_at, used_at = excluded.used_at,
		idle_expires_at = excluded.idle_expires_at, expires_at = excluded.expires_at, ip = excluded.ip,
		user_agent = excluded.user_agent`
	updateSession = `UPDATE sessions SET user_id = $3, connection = $4, methods = $5, clients = $6, authenticated_at = $7,
		used_at = $8, idle_expires_at = $9, expires_at = $10, ip = $11, user_agent = $12
		WHERE tenant_id = $1 AND session_id = $2`
	deleteSession    = `DELETE FROM sessions WHERE tenant_id = $1 AND session_id = $2`
	deleteSessionsOf = `DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2`
)

// SessionBySecret implements session.Store.
func (db *DB) SessionBySecret(ctx context.Context, tenantID string, hashes [][]byte) (*session.Session, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	s := &session.Session{}
	var methods, clients string
	var created, authenticated, used, idle, expires int64
	found, err := db.readRow(ctx, in(selectSession, len(hashes), 2, ""), hashArgs(tenantID, hashes),
		&s.ID, &s.UserID, &s.Connection, &methods, &clients, &created, &authenticated, &used, &idle, &expires, &s.IP, &s.UserAgent)
	if err != nil {
		return nil, fmt.Errorf("read a session: %w", err)
	}
	if !found {
		return nil, nil
	}
	s.CreatedAt, s.AuthenticatedAt, s.UsedAt = clock.FromMillis(created), clock.FromMillis(authenticated), clock.FromMillis(used)
	s.IdleExpiresAt, s.ExpiresAt = clock.FromMillis(idle), clock.FromMillis(expires)
	if err := decode(methods, &s.Methods); err != nil {
		return nil, err
	}
	return s, decode(clients, &s.Clients)
}

// InsertSession implements session.Store.
func (db *DB) InsertSession(ctx context.Context, tenantID string, s *session.Session, secretHash []byte) error {
	methods, clients, err := encodeSession(s)
	if err != nil {
		return err
	}
	return db.queue(ctx, insertSession, tenantID, s.ID, secretHash, s.UserID, s.Connection, methods, clients,
		clock.Millis(s.CreatedAt), clock.Millis(s.AuthenticatedAt), clock.Millis(s.UsedAt),
		clock.Millis(s.IdleExpiresAt), clock.Millis(s.ExpiresAt), clean(s.IP), clean(s.UserAgent))
}

// UpdateSession implements session.Store.
func (db *DB) UpdateSession(ctx context.Context, tenantID string, s *session.Session) error {
	methods, clients, err := encodeSession(s)
	if err != nil {
		return err
	}
	return db.queueOne(ctx, session.ErrGone, updateSession, tenantID, s.ID, s.UserID, s.Connection, methods, clients,
		clock.Millis(s.AuthenticatedAt), clock.Millis(s.UsedAt), clock.Millis(s.IdleExpiresAt), clock.Millis(s.ExpiresAt),
		clean(s.IP), clean(s.UserAgent))
}

func encodeSession(s *session.Session) (methods, clients string, err error) {
	if methods, err = encode(s.Methods); err != nil {
		return "", "", err
	}
	clients, err = encode(s.Clients)
	return methods, clients, err
}

// DeleteSession implements session.Store.
func (db *DB) DeleteSession(ctx context.Context, tenantID, sid string) (bool, error) {
	changed, err := db.exec(ctx, deleteSession, tenantID, sid)
	if err != nil {
		return false, fmt.Errorf("delete a session: %w", err)
	}
	return changed == 1, nil
}

// DeleteSessionsOf implements session.Store.
func (db *DB) DeleteSessionsOf(ctx context.Context, tenantID, userID string) error {
	return db.queue(ctx, deleteSessionsOf, tenantID, userID)
}
