package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"latchkey/internal/account"
	"latchkey/internal/clock"
	"latchkey/internal/store"
)

// sweepEvery is how often each process deletes what has expired. One sweep does a bounded amount of work, and sweeps of
// several nodes do not hurt one another.
const sweepEvery = time.Minute

// sweeps is what the janitor needs of the database.
type sweeps interface {
	Sweep(ctx context.Context, now time.Time) (deleted int, err error)
}

// chores are what the janitor does: expired rows go, and deletions of connections that a crash or a stop interrupted are
// finished.
type chores struct {
	db       *store.DB
	accounts *account.Accounts
}

// Sweep implements sweeps.
func (c chores) Sweep(ctx context.Context, now time.Time) (int, error) {
	deleted, err := c.db.Sweep(ctx, now)
	if err != nil {
		return deleted, err
	}
	tenants, err := c.db.Tenants(ctx)
	if err != nil {
		return deleted, err
	}
	for _, t := range tenants {
		if err := c.accounts.FinishDeletions(ctx, t.ID); err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// janitor sweeps expired rows in the background until it is closed.
type janitor struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func startJanitor(db sweeps, c clock.Clock, log *slog.Logger) *janitor {
	ctx, cancel := context.WithCancel(context.Background())
	j := &janitor{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(j.done)
		wait := time.NewTimer(sweepEvery/2 + rand.N(sweepEvery/2)) // nodes that start together do not sweep together
		defer wait.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-wait.C:
			}
			if _, err := db.Sweep(ctx, c.Now()); err != nil && ctx.Err() == nil {
				log.Warn("expired rows could not be deleted; the next sweep tries again", "err", err)
			}
			wait.Reset(sweepEvery)
		}
	}()
	return j
}

// close ends the janitor and waits for it.
func (j *janitor) close() {
	j.cancel()
	<-j.done
}
