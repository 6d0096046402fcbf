package ticket

import (
	"context"
	"time"
)

// Store keeps tickets under the hashes of their secrets. Nothing here is ever cached.
type Store interface {
	// InsertTicket writes a ticket. A queued write.
	InsertTicket(ctx context.Context, tenantID string, hash []byte, t *Ticket) error
	// TicketByHash gives the ticket whose secret has one of the hashes, and which; nil where there is none. Spent and
	// expired tickets are found for a month.
	TicketByHash(ctx context.Context, tenantID string, hashes [][]byte) (t *Ticket, hash []byte, err error)
	// SpendTicket marks a ticket as spent at now where it is not spent and lives. It tells whether it did: of any number of
	// callers exactly one is told true.
	SpendTicket(ctx context.Context, tenantID string, hash []byte, now time.Time) (bool, error)
}
