package message

import (
	"context"
	"fmt"
	"time"
)

const (
	sweepEvery = 10 * time.Minute
	sweepBatch = 1000
)

// sweep deletes final rows that support needs no more, a batch at a time so that nobody waits behind it for long, and
// trims the inbox.
func (w *worker) sweep() error {
	before := idPrefix(w.clock.Now().Add(-keepRows))
	for !w.isClosing() {
		ctx, cancel := w.databaseContext()
		n, err := w.store.DeleteMessages(ctx, before, sweepBatch)
		cancel()
		if err != nil {
			return fmt.Errorf("delete old messages: %w", err)
		}
		if n < sweepBatch {
			break
		}
	}
	return w.trim()
}

func (w *worker) trim() error {
	if w.inbox == nil {
		return nil
	}
	ctx, cancel := w.databaseContext()
	defer cancel()
	return w.inbox.trim(ctx)
}

// databaseContext bounds one piece of work on the database.
func (w *worker) databaseContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 20*time.Second)
}
