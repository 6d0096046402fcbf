package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"latchkey/internal/clock"
)

// sweepEvery is how often each process deletes what has expired. One sweep does a bounded amount of work, and sweeps of
// several nodes do not hurt one another.
const sweepEvery = time.Minute

// sweeps is what the janitor needs of the database.
type sweeps interface {
	Sweep(ctx context.Context, now time.Time) (deleted int, err error)
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
