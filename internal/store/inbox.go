package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/message"
	"latchkey/internal/store/engine"
)

var _ message.InboxStore = (*DB)(nil)

const (
	insertInbox = `INSERT INTO inbox (tenant_id, message_id, recipient_hash, payload, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, message_id) DO NOTHING`
	selectInbox    = `SELECT tenant_id, message_id, recipient_hash, payload, created_at FROM inbox`
	newestInbox    = ` ORDER BY created_at DESC, message_id DESC`
	deleteInbox    = `DELETE FROM inbox`
	deleteOldInbox = `DELETE FROM inbox WHERE created_at < $1`
	trimInbox      = `DELETE FROM inbox WHERE (tenant_id, message_id) IN (SELECT tenant_id, message_id FROM inbox
		ORDER BY created_at DESC, message_id DESC LIMIT 100000 OFFSET $1)`
)

// SaveInboxMessages implements message.InboxStore.
func (db *DB) SaveInboxMessages(ctx context.Context, rows []message.InboxRow) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		for _, r := range rows {
			err := db.queue(ctx, insertInbox, r.Tenant, r.ID, r.RecipientHash, r.Payload, clock.Millis(r.CreatedAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// where writes the conditions of an inbox query. It is for people and tests: the text may differ each time.
func where(q message.InboxQuery) (string, []any) {
	var conditions []string
	var args []any
	parameter := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if q.Tenant != "" {
		conditions = append(conditions, "tenant_id = "+parameter(q.Tenant))
	}
	if len(q.Recipients) > 0 {
		hashes := make([]string, len(q.Recipients))
		for i, h := range q.Recipients {
			hashes[i] = parameter(h)
		}
		conditions = append(conditions, "recipient_hash IN ("+strings.Join(hashes, ", ")+")")
	}
	if !q.Since.IsZero() {
		conditions = append(conditions, "created_at > "+parameter(clock.Millis(q.Since)))
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}

// ListInboxMessages implements message.InboxStore.
func (db *DB) ListInboxMessages(ctx context.Context, q message.InboxQuery) ([]message.InboxRow, error) {
	conditions, args := where(q)
	sql := selectInbox + conditions + newestInbox
	if q.Limit > 0 {
		args = append(args, q.Limit)
		sql += " LIMIT $" + strconv.Itoa(len(args))
	}
	var rows []message.InboxRow
	err := db.read(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		var m message.InboxRow
		var created int64
		err := r.Scan(&m.Tenant, &m.ID, &m.RecipientHash, &m.Payload, &created)
		m.CreatedAt = clock.FromMillis(created)
		rows = append(rows, m)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list the inbox: %w", err)
	}
	return rows, nil
}

// DeleteInboxMessages implements message.InboxStore.
func (db *DB) DeleteInboxMessages(ctx context.Context, q message.InboxQuery) error {
	conditions, args := where(q)
	if _, err := db.exec(ctx, deleteInbox+conditions, args...); err != nil {
		return fmt.Errorf("delete from the inbox: %w", err)
	}
	return nil
}

// TrimInbox implements message.InboxStore.
func (db *DB) TrimInbox(ctx context.Context, before time.Time, keep int) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		if err := db.queue(ctx, deleteOldInbox, clock.Millis(before)); err != nil {
			return err
		}
		return db.queue(ctx, trimInbox, keep)
	})
}
