package eventlog

import (
	"context"
	"time"
)

// Criteria says which events are read, by what stands in an index. The zero value names all of a tenant's.
type Criteria struct {
	Type   Type
	UserID string
	From   string // the least id; empty: from the first
	Until  string // behind the greatest id; empty: to the last
	// Ascending reads the oldest first, else the newest.
	Ascending bool
}

// DayCount is how many events of a type a day had.
type DayCount struct {
	Day   string // YYYYMMDD, in UTC
	Type  Type
	Count int
}

// Stamp gives the next event's id and the time that it begins with. It is safe for concurrent use.
type Stamp func() (id string, at time.Time)

// Store keeps events.
type Store interface {
	// InsertEvents writes events with the commit of the caller's transaction, or at once where there is none. Their stamps are
	// asked for in their order and then only: whatever the transaction waits for, the stamp of no event is much older than its
	// commit. Where a transaction is run again or fails, stamps are asked for in vain.
	InsertEvents(ctx context.Context, tenantID string, events []Event, stamp Stamp) error
	// Event gives an event by its id, or nil.
	Event(ctx context.Context, tenantID, id string) (*Record, error)
	// Events lists a tenant's events by id, at most limit. It reads no more rows than it lists, unless both a type and a
	// user are named.
	Events(ctx context.Context, tenantID string, c Criteria, limit int) ([]Record, error)
	// CountByDay counts the events of each type whose ids are from from on and before until, by the day in their ids. Days
	// without any are left out; the order is by type and day.
	CountByDay(ctx context.Context, tenantID, from, until string, types ...Type) ([]DayCount, error)
	// DeleteEventsBefore forgets old events, at most limit of them, and tells how many.
	DeleteEventsBefore(ctx context.Context, before time.Time, limit int) (int, error)
}
