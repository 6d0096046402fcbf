package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/session"
	"latchkey/internal/store/engine"
)

var _ session.Store = (*DB)(nil)

const (
	selectSession = `SELECT session_id, user_id, connection, methods, clients, created_at, authenticated_at, used_at,
		updated_at, idle_expires_at, expires_at, ip, user_agent, last_ip, last_user_agent, persistent, metadata
		FROM sessions WHERE tenant_id = $1`
	bySecret           = ` AND secret_hash IN `
	selectSessionBySID = selectSession + ` AND session_id = $2`
	selectLiveSessions = selectSession + ` AND user_id = $2 AND (created_at, session_id) > ($3, $4)
		AND expires_at > $5 AND idle_expires_at > $5 AND created_at > $6 AND used_at > $7
		ORDER BY created_at, session_id LIMIT $8`
	// Logins of one browser that end at the same moment write the same session: each deletes the row it knew and none can
	// see what the other is about to write.
	insertSession = `INSERT INTO sessions
		(tenant_id, session_id, secret_hash, user_id, connection, methods, clients, created_at, authenticated_at, used_at,
		updated_at, idle_expires_at, expires_at, ip, user_agent, last_ip, last_user_agent, persistent, metadata)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT (tenant_id, session_id) DO UPDATE SET secret_hash = excluded.secret_hash, user_id = excluded.user_id,
		connection = excluded.connection, methods = excluded.methods, clients = excluded.clients,
		created_at = excluded.created_at, authenticated_at = excluded.authenticated_at, used_at = excluded.used_at,
		updated_at = excluded.updated_at, idle_expires_at = excluded.idle_expires_at, expires_at = excluded.expires_at,
		ip = excluded.ip, user_agent = excluded.user_agent, last_ip = excluded.last_ip,
		last_user_agent = excluded.last_user_agent, persistent = excluded.persistent, metadata = excluded.metadata`
	updateSession = `UPDATE sessions SET user_id = $3, connection = $4, methods = $5, clients = $6, authenticated_at = $7,
		used_at = $8, updated_at = $9, idle_expires_at = $10, expires_at = $11, last_ip = $12, last_user_agent = $13
		WHERE tenant_id = $1 AND session_id = $2`
	setSessionMetadata = `UPDATE sessions SET metadata = $3, updated_at = $4 WHERE tenant_id = $1 AND session_id = $2`
	deleteSession      = `DELETE FROM sessions WHERE tenant_id = $1 AND session_id = $2`
	deleteSessionsOf   = `DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2`
	deleteSessionsVia  = deleteSessionsOf + ` AND connection = $3`
)

// sessionsOf asks for sessions and gives what was found.
func (db *DB) sessionsOf(ctx context.Context, sql string, args ...any) ([]*session.Session, error) {
	var all []*session.Session
	err := db.read(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		s, err := scanSession(r)
		all = append(all, s)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return all, nil
}

func scanSession(r engine.Row) (*session.Session, error) {
	s := &session.Session{}
	var methods, clients, metadata string
	var created, authenticated, used, updated, idle, expires int64
	err := r.Scan(&s.ID, &s.UserID, &s.Connection, &methods, &clients, &created, &authenticated, &used, &updated, &idle, &expires,
		&s.IP, &s.UserAgent, &s.LastIP, &s.LastUserAgent, &s.Persistent, &metadata)
	if err != nil {
		return nil, err
	}
	s.CreatedAt, s.AuthenticatedAt, s.UsedAt = clock.FromMillis(created), clock.FromMillis(authenticated), clock.FromMillis(used)
	s.UpdatedAt, s.IdleExpiresAt, s.ExpiresAt = clock.FromMillis(updated), clock.FromMillis(idle), clock.FromMillis(expires)
	// A session that was opened before these were kept.
	if updated == 0 {
		s.UpdatedAt = s.UsedAt
	}
	if s.LastIP == "" && s.LastUserAgent == "" {
		s.LastIP, s.LastUserAgent = s.IP, s.UserAgent
	}
	if s.Metadata, err = decodeMetadata(metadata); err != nil {
		return nil, err
	}
	if err := decode(methods, &s.Methods); err != nil {
		return nil, err
	}
	return s, decode(clients, &s.Clients)
}

// encodeMetadata writes what a tenant keeps with a session or a refresh token; nothing is the empty text.
func encodeMetadata(metadata map[string]string) (string, error) {
	if len(metadata) == 0 {
		return "", nil
	}
	return encode(metadata)
}

func decodeMetadata(document string) (metadata map[string]string, err error) {
	if document == "" {
		return nil, nil
	}
	return metadata, decode(document, &metadata)
}

// SessionBySecret implements session.Store.
func (db *DB) SessionBySecret(ctx context.Context, tenantID string, hashes [][]byte) (*session.Session, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	all, err := db.sessionsOf(ctx, in(selectSession+bySecret, len(hashes), 2, ""), hashArgs(tenantID, hashes)...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// Session implements session.Store.
func (db *DB) Session(ctx context.Context, tenantID, sid string) (*session.Session, error) {
	all, err := db.sessionsOf(ctx, selectSessionBySID, tenantID, sid)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// LiveSessions implements session.Store.
func (db *DB) LiveSessions(ctx context.Context, tenantID, userID string, alive session.Alive, after session.Position, limit int) ([]*session.Session, error) {
	return db.sessionsOf(ctx, selectLiveSessions, tenantID, userID, clock.Millis(after.CreatedAt), after.ID,
		clock.Millis(alive.Now), clock.Millis(alive.CreatedAfter), clock.Millis(alive.UsedAfter), limit)
}

// InsertSession implements session.Store.
func (db *DB) InsertSession(ctx context.Context, tenantID string, s *session.Session, secretHash []byte) error {
	methods, clients, err := encodeSession(s)
	if err != nil {
		return err
	}
	metadata, err := encodeMetadata(s.Metadata)
	if err != nil {
		return err
	}
	return db.queue(ctx, insertSession, tenantID, s.ID, secretHash, s.UserID, s.Connection, methods, clients,
		clock.Millis(s.CreatedAt), clock.Millis(s.AuthenticatedAt), clock.Millis(s.UsedAt), clock.Millis(s.UpdatedAt),
		clock.Millis(s.IdleExpiresAt), clock.Millis(s.ExpiresAt), clean(s.IP), clean(s.UserAgent),
		clean(s.LastIP), clean(s.LastUserAgent), s.Persistent, metadata)
}

// UpdateSession implements session.Store.
func (db *DB) UpdateSession(ctx context.Context, tenantID string, s *session.Session) error {
	methods, clients, err := encodeSession(s)
	if err != nil {
		return err
	}
	return db.queueOne(ctx, session.ErrGone, updateSession, tenantID, s.ID, s.UserID, s.Connection, methods, clients,
		clock.Millis(s.AuthenticatedAt), clock.Millis(s.UsedAt), clock.Millis(s.UpdatedAt),
		clock.Millis(s.IdleExpiresAt), clock.Millis(s.ExpiresAt), clean(s.LastIP), clean(s.LastUserAgent))
}

func encodeSession(s *session.Session) (methods, clients string, err error) {
	if methods, err = encode(s.Methods); err != nil {
		return "", "", err
	}
	clients, err = encode(s.Clients)
	return methods, clients, err
}

// SetSessionMetadata implements session.Store.
func (db *DB) SetSessionMetadata(ctx context.Context, tenantID, sid string, metadata map[string]string, now time.Time) (bool, error) {
	document, err := encodeMetadata(metadata)
	if err != nil {
		return false, err
	}
	changed, err := db.exec(ctx, setSessionMetadata, tenantID, sid, document, clock.Millis(now))
	if err != nil {
		return false, fmt.Errorf("write the metadata of a session: %w", err)
	}
	return changed == 1, nil
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

// DeleteSessionsVia implements session.Store.
func (db *DB) DeleteSessionsVia(ctx context.Context, tenantID, userID, connection string) error {
	return db.queue(ctx, deleteSessionsVia, tenantID, userID, connection)
}
