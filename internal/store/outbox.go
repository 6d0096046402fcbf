package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/message"
	"latchkey/internal/store/engine"
)

var _ message.Store = (*DB)(nil)

const (
	insertMessage = `INSERT INTO outbox (tenant_id, message_id, channel, kind, recipient_hash, payload, state, attempts,
		due_at, expires_at, created_at, locked_by, provider, provider_message_id, last_error)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	cancelMessages = `UPDATE outbox SET state = 'cancelled', payload = NULL
		WHERE tenant_id = $1 AND state = 'queued' AND message_id IN `
	claimMessages = `UPDATE outbox SET state = 'sending', locked_by = $1, due_at = $2
		WHERE state = 'queued' AND (tenant_id, message_id) IN (VALUES `
	claimMessagesEnd = `) RETURNING tenant_id, message_id`
	// $1 from, $2 owner, $3 now, $4 until, $5 limit. The state is named twice: once as the index knows it.
	// The list stands in front, so that it is made once: a planner may ask for a list inside a condition many times.
	claimDue = `WITH due AS (SELECT tenant_id, message_id FROM outbox
			WHERE state IN ('queued', 'sending') AND state = $1 AND due_at <= $3 ORDER BY due_at LIMIT $5 `
	claimDueEnd = `) UPDATE outbox SET state = 'sending', locked_by = $2, due_at = $4
		WHERE state = $1 AND (tenant_id, message_id) IN (SELECT tenant_id, message_id FROM due) RETURNING tenant_id, message_id, channel, kind, recipient_hash, payload, state, attempts, due_at,
		expires_at, created_at, locked_by, provider, provider_message_id, last_error`
	// Only a message that waits for another try keeps what it is made of.
	finishMessage = `UPDATE outbox SET state = $4, attempts = $5, due_at = $6, locked_by = '', provider = $7,
		provider_message_id = $8, last_error = $9, payload = CASE WHEN $4 = 'queued' THEN payload ELSE NULL END
		WHERE tenant_id = $1 AND message_id = $2 AND (state = 'queued' OR (state = 'sending' AND locked_by = $3))`
	selectBacklog  = `SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM outbox WHERE state IN ('queued', 'sending')`
	deleteMessages = `DELETE FROM outbox WHERE tenant_id = $1 AND message_id IN (SELECT message_id FROM outbox
		WHERE tenant_id = $1 AND message_id < $2 AND state NOT IN ('queued', 'sending') ORDER BY message_id LIMIT $3)`
)

// InsertMessage implements message.Store.
func (db *DB) InsertMessage(ctx context.Context, r message.Row) error {
	return db.queue(ctx, insertMessage, r.Tenant, r.ID, string(r.Channel), string(r.Kind), r.RecipientHash, r.Payload,
		string(r.State), r.Attempts, clock.Millis(r.DueAt), clock.Millis(r.ExpiresAt), clock.Millis(r.CreatedAt),
		r.LockedBy, clean(r.Provider), clean(r.ProviderMessageID), clean(r.LastError))
}

// CancelMessages implements message.Store.
func (db *DB) CancelMessages(ctx context.Context, tenant string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	args := make([]any, 0, 1+len(ids))
	args = append(args, tenant)
	for _, id := range ids {
		args = append(args, id)
	}
	return db.queue(ctx, in(cancelMessages, len(ids), 2, ""), args...)
}

// ClaimMessages implements message.Store.
func (db *DB) ClaimMessages(ctx context.Context, keys []message.Key, owner string, until time.Time) ([]message.Key, error) {
	var taken []message.Key
	for len(keys) > 0 {
		// Few lengths make few statements to keep prepared: a list is filled up with its last key.
		n := min(len(keys), mostKeys)
		length := fewLengths(n)
		args := make([]any, 0, 2+2*length)
		args = append(args, owner, clock.Millis(until))
		for i := range length {
			k := keys[min(i, n-1)]
			args = append(args, k.Tenant, k.ID)
		}
		err := db.write(ctx, &engine.Statement{
			SQL: tuples(claimMessages, length, 2, 3, "", claimMessagesEnd), Args: args,
			Row: func(r engine.Row) error {
				var k message.Key
				err := r.Scan(&k.Tenant, &k.ID)
				taken = append(taken, k)
				return err
			},
		})
		if err != nil {
			return taken, fmt.Errorf("claim messages: %w", err)
		}
		keys = keys[n:]
	}
	return taken, nil
}

const mostKeys = 64

// fewLengths rounds up to a power of two.
func fewLengths(n int) int {
	length := 1
	for length < n {
		length *= 2
	}
	return length
}

// ClaimDueMessages implements message.Store.
func (db *DB) ClaimDueMessages(ctx context.Context, from message.State, owner string, now, until time.Time, limit int) ([]message.Row, error) {
	var rows []message.Row
	err := db.write(ctx, &engine.Statement{
		SQL:  claimDue + db.engine.SkipLocked() + claimDueEnd,
		Args: []any{string(from), owner, clock.Millis(now), clock.Millis(until), limit},
		Row: func(r engine.Row) error {
			var m message.Row
			var channel, kind, state string
			var due, expires, created int64
			err := r.Scan(&m.Tenant, &m.ID, &channel, &kind, &m.RecipientHash, &m.Payload, &state, &m.Attempts, &due,
				&expires, &created, &m.LockedBy, &m.Provider, &m.ProviderMessageID, &m.LastError)
			m.Channel, m.Kind, m.State = message.Channel(channel), message.Kind(kind), message.State(state)
			m.DueAt, m.ExpiresAt, m.CreatedAt = clock.FromMillis(due), clock.FromMillis(expires), clock.FromMillis(created)
			rows = append(rows, m)
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("claim due messages: %w", err)
	}
	return rows, nil
}

// FinishMessages implements message.Store.
func (db *DB) FinishMessages(ctx context.Context, owner string, outcomes []message.Outcome) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		for _, o := range outcomes {
			err := db.queue(ctx, finishMessage, o.Tenant, o.ID, owner, string(o.State), o.Attempts, clock.Millis(o.DueAt),
				clean(o.Provider), clean(o.ProviderMessageID), clean(o.LastError))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// MessageBacklog implements message.Store.
func (db *DB) MessageBacklog(ctx context.Context) (message.Backlog, error) {
	var b message.Backlog
	var oldest int64
	if _, err := db.readRow(ctx, selectBacklog, nil, &b.Pending, &oldest); err != nil {
		return message.Backlog{}, fmt.Errorf("count pending messages: %w", err)
	}
	b.Oldest = clock.FromMillis(oldest)
	return b, nil
}

// DeleteMessages implements message.Store.
func (db *DB) DeleteMessages(ctx context.Context, beforeID string, limit int) (int, error) {
	n, err := db.deletePerTenant(ctx, deleteMessages, limit, beforeID)
	if err != nil {
		return n, fmt.Errorf("delete old messages: %w", err)
	}
	return n, nil
}
