package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
)

const (
	defaultPoll  = 5 * time.Second
	defaultLease = 20 * time.Second
	// maxRunning is how many jobs a node runs at once.
	maxRunning = 4
	// keep is how long a job and its files live (Auth0 docs, "Bulk User Imports").
	keep = 24 * time.Hour
	// deadline is how long a job may take (same page).
	deadline = 2 * time.Hour
	// sweepEvery is the pace at which old jobs are deleted, sweepSome how many of them at a time.
	sweepEvery = 5 * time.Minute
	sweepSome  = 50
	// configurationAge is how old what a node knows of a tenant's connections surely is not.
	configurationAge = 5 * time.Second
	// pauseAfterFailure is how long a job rests that could not go on.
	pauseAfterFailure = 2 * time.Second
)

// worker claims jobs and runs them. One goroutine, run, claims; each job runs in one of its own.
type worker struct {
	c      *Config
	holder string

	wake chan struct{} // holds one token: something has changed
	done chan struct{} // closed when run has ended

	ctx     context.Context //nolint:containedctx // the life of the worker
	cut     context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{}

	mu      sync.Mutex
	closing bool
}

func newWorker(c *Config) *worker {
	w := &worker{
		c: c, holder: ident.Hex(8),
		wake: make(chan struct{}, 1), done: make(chan struct{}), slots: make(chan struct{}, maxRunning),
	}
	w.ctx, w.cut = context.WithCancel(context.Background())
	return w
}

// nudge tells the worker to look for jobs. It never blocks.
func (w *worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) close(ctx context.Context) error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.nudge()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		w.cut()
		<-w.done
		return ctx.Err()
	}
}

func (w *worker) isClosing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing
}

// run is the worker's life.
func (w *worker) run() {
	defer close(w.done)
	defer w.cut()
	timer := time.NewTimer(0) // an earlier process may have left something
	defer timer.Stop()
	var sweepAt time.Time
	for {
		select {
		case <-w.wake:
		case <-timer.C:
		}
		if w.isClosing() {
			w.running.Wait()
			return
		}
		err := w.claimAll()
		if now := time.Now(); err == nil && now.After(sweepAt) {
			sweepAt = now.Add(sweepEvery)
			err = w.sweep()
		}
		if err != nil {
			w.c.Log.Error("jobs wait for the database", "err", err)
		}
		timer.Reset(w.c.Poll)
	}
}

// claimAll starts the jobs that are due, as many as there is room for.
func (w *worker) claimAll() error {
	for !w.isClosing() {
		select {
		case w.slots <- struct{}{}:
		default:
			return nil // the end of a job is a wake-up
		}
		now := w.c.Clock.Now()
		j, err := w.c.Store.ClaimJob(w.ctx, w.holder, now, now.Add(w.c.Lease))
		if err != nil || j == nil {
			<-w.slots
			return err
		}
		w.running.Go(func() {
			defer w.nudge()
			defer func() { <-w.slots }()
			w.work(j)
		})
	}
	return nil
}

// sweep deletes jobs whose life is over.
func (w *worker) sweep() error {
	for {
		old, err := w.c.Store.JobsBefore(w.ctx, w.c.Clock.Now().Add(-keep), sweepSome)
		if err != nil {
			return err
		}
		for _, k := range old {
			if err := w.c.Store.DeleteJob(w.ctx, k.TenantID, k.ID); err != nil {
				return err
			}
		}
		if len(old) < sweepSome {
			return nil
		}
	}
}

// errStopped says that a job stopped between two commits because the worker closes.
var errStopped = errors.New("the worker closes")

// failure ends a job: its text is shown to whoever asks for the job.
type failure string

// Error implements error.
func (f failure) Error() string { return string(f) }

// work runs a claimed job until it ends, or until this node can do no more for it. What it then knows of the progress is
// forgotten: whoever claims the job next reads what was committed.
func (w *worker) work(j *Job) {
	r := &run{Config: w.c, holder: w.holder, stopped: w.isClosing, job: j}
	err := r.do(w.ctx)
	var failed failure
	switch {
	case err == nil, errors.Is(err, ErrLost):
		return
	case errors.As(err, &failed):
		if err = r.fail(w.ctx, failed); err == nil || errors.Is(err, ErrLost) {
			return
		}
	}
	again := w.c.Clock.Now()
	if !errors.Is(err, errStopped) {
		again = again.Add(pauseAfterFailure)
		w.c.Log.Error("a job pauses", "tenant", j.TenantID, "job", j.ID, "err", err)
	}
	// A context of its own: this is said when everything else has been cut off, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), pauseAfterFailure)
	defer cancel()
	if err := w.c.Store.ReleaseJob(ctx, j.TenantID, j.ID, w.holder, again); err != nil {
		w.c.Log.Warn("a job's claim could not be given up; it runs out by itself", "job", j.ID, "err", err)
	}
}

// run is one claim of a job.
type run struct {
	*Config
	holder  string
	stopped func() bool
	job     *Job // as it was last committed
}

// do works until the job ends. A panic ends the job too, so that it does not come back for ever.
func (r *run) do(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.Log.Error("a job panicked", "job", r.job.ID, "panic", fmt.Sprint(p))
			err = failure("Internal error.")
		}
	}()
	if r.job.Status == Uploading {
		return failure("The users file was not received in full.")
	}
	if r.job.StartedAt.IsZero() {
		if err := r.save(ctx, func(j *Job) { j.StartedAt = r.Clock.Now() }, nil); err != nil {
			return err
		}
	}
	switch r.job.Type {
	case UsersImport:
		return r.importUsers(ctx)
	case UsersExport:
		return r.exportUsers(ctx)
	}
	return failure("There is no job of this type.")
}

// proceed reports why the job cannot go on, if it cannot.
func (r *run) proceed(ctx context.Context) error {
	switch {
	case r.stopped() || ctx.Err() != nil:
		return errStopped
	case r.Clock.Now().After(r.job.StartedAt.Add(deadline)):
		return failure("The job timed out.")
	}
	return nil
}

// target gives the connection of the job. A job that has just begun may be about a connection that was made on another node
// a moment ago: it pauses, and this node will know.
func (r *run) target(ctx context.Context) (*connection.Connection, error) {
	c, err := r.connection(ctx, r.job.TenantID, r.job.ConnectionID)
	if errors.Is(err, connection.ErrNotFound) && r.Clock.Now().After(r.job.StartedAt.Add(configurationAge)) {
		return nil, failure(connection.ErrNotFound.Message)
	}
	return c, err
}

// save commits a change of the job together with what write does, and prolongs the claim. The job is the one that was
// committed before, or nothing is written.
func (r *run) save(ctx context.Context, change func(j *Job), write func(ctx context.Context) error) error {
	next := *r.job
	change(&next)
	err := r.Store.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.SaveJob(ctx, &next, r.holder, r.Clock.Now().Add(r.Lease)); err != nil {
			return err
		}
		if write == nil {
			return nil
		}
		return write(ctx)
	})
	if err != nil {
		return err
	}
	r.job = &next
	return nil
}

// end commits the last state of the job. The file of an import goes: nobody needs it any more.
func (r *run) end(ctx context.Context, status Status, details string) error {
	typ := eventlog.UserImported
	if status == Failed {
		typ = eventlog.FailedImport
	}
	return r.save(ctx, func(j *Job) {
		j.Status, j.Details, j.Slot, j.EndedAt = status, details, "", r.Clock.Now()
		j.Summary.Total = j.Summary.Failed + j.Summary.Updated + j.Summary.Inserted
	}, func(ctx context.Context) error {
		if r.job.Type != UsersImport {
			return nil
		}
		if err := r.Store.DeleteChunks(ctx, r.job.TenantID, r.job.ID, Input); err != nil {
			return err
		}
		return r.Events.Write(ctx, r.job.TenantID, eventlog.Event{
			Type: typ, Description: details, ConnectionID: r.job.ConnectionID, Connection: r.job.Connection,
			Details: map[string]any{"job_id": r.job.ID},
		})
	})
}

func (r *run) fail(ctx context.Context, f failure) error { return r.end(ctx, Failed, string(f)) }
