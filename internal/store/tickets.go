package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/ticket"
)

var _ ticket.Store = (*DB)(nil)

const (
	insertTicket = `INSERT INTO tickets (tenant_id, ticket_hash, document, created_at, expires_at, spent_at)
		VALUES ($1, $2, $3, $4, $5, $6)`
	selectTicket = `SELECT document, created_at, expires_at, spent_at, ticket_hash FROM tickets
		WHERE tenant_id = $1 AND ticket_hash IN `
	spendTicket = `UPDATE tickets SET spent_at = $3
		WHERE tenant_id = $1 AND ticket_hash = $2 AND spent_at = 0 AND expires_at > $3`
)

// InsertTicket implements ticket.Store.
func (db *DB) InsertTicket(ctx context.Context, tenantID string, hash []byte, t *ticket.Ticket) error {
	document, err := encode(t)
	if err != nil {
		return err
	}
	err = db.queue(ctx, insertTicket, tenantID, hash, document, clock.Millis(t.CreatedAt), clock.Millis(t.ExpiresAt), clock.Millis(t.SpentAt))
	if err != nil {
		return fmt.Errorf("write a ticket: %w", err)
	}
	return nil
}

// TicketByHash implements ticket.Store.
func (db *DB) TicketByHash(ctx context.Context, tenantID string, hashes [][]byte) (*ticket.Ticket, []byte, error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	var document string
	var created, expires, spent int64
	var hash []byte
	found, err := db.readRow(ctx, in(selectTicket, len(hashes), 2, ""), hashArgs(tenantID, hashes), &document, &created, &expires, &spent, &hash)
	if err != nil {
		return nil, nil, fmt.Errorf("read a ticket: %w", err)
	}
	if !found {
		return nil, nil, nil
	}
	t := &ticket.Ticket{}
	if err := decode(document, t); err != nil {
		return nil, nil, err
	}
	t.CreatedAt, t.ExpiresAt, t.SpentAt = clock.FromMillis(created), clock.FromMillis(expires), clock.FromMillis(spent)
	return t, hash, nil
}

// SpendTicket implements ticket.Store.
func (db *DB) SpendTicket(ctx context.Context, tenantID string, hash []byte, now time.Time) (bool, error) {
	changed, err := db.exec(ctx, spendTicket, tenantID, hash, clock.Millis(now))
	if err != nil {
		return false, fmt.Errorf("spend a ticket: %w", err)
	}
	return changed == 1, nil
}
