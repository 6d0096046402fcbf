package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/loginticket"
)

var _ loginticket.Store = (*DB)(nil)

const (
	insertLoginTicket = `INSERT INTO login_tickets (tenant_id, ticket_hash, document, created_at, expires_at, spent_at)
		VALUES ($1, $2, $3, $4, $5, 0)`
	selectLoginTicket = `SELECT document, created_at, expires_at, spent_at, ticket_hash FROM login_tickets
		WHERE tenant_id = $1 AND ticket_hash IN `
	spendLoginTicket = `UPDATE login_tickets SET spent_at = $3
		WHERE tenant_id = $1 AND ticket_hash = $2 AND spent_at = 0 AND expires_at > $3`
)

// InsertLoginTicket implements loginticket.Store.
func (db *DB) InsertLoginTicket(ctx context.Context, tenantID string, hash []byte, t *loginticket.Ticket) error {
	document, err := encode(t)
	if err != nil {
		return err
	}
	if err := db.queue(ctx, insertLoginTicket, tenantID, hash, document, clock.Millis(t.CreatedAt), clock.Millis(t.ExpiresAt)); err != nil {
		return fmt.Errorf("write a login ticket: %w", err)
	}
	return nil
}

// LoginTicket implements loginticket.Store.
func (db *DB) LoginTicket(ctx context.Context, tenantID string, hashes [][]byte) (*loginticket.Ticket, []byte, error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	var document string
	var created, expires, spent int64
	var hash []byte
	found, err := db.readRow(ctx, in(selectLoginTicket, len(hashes), 2, ""), hashArgs(tenantID, hashes), &document, &created, &expires, &spent, &hash)
	if err != nil {
		return nil, nil, fmt.Errorf("read a login ticket: %w", err)
	}
	if !found {
		return nil, nil, nil
	}
	t := &loginticket.Ticket{}
	if err := decode(document, t); err != nil {
		return nil, nil, err
	}
	t.CreatedAt, t.ExpiresAt, t.SpentAt = clock.FromMillis(created), clock.FromMillis(expires), clock.FromMillis(spent)
	return t, hash, nil
}

// SpendLoginTicket implements loginticket.Store.
func (db *DB) SpendLoginTicket(ctx context.Context, tenantID string, hash []byte, now time.Time) (bool, error) {
	changed, err := db.exec(ctx, spendLoginTicket, tenantID, hash, clock.Millis(now))
	if err != nil {
		return false, fmt.Errorf("spend a login ticket: %w", err)
	}
	return changed == 1, nil
}
