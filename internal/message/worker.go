package message

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
)

// worker delivers messages. One goroutine, run, does all the bookkeeping: it takes whatever has gathered (fresh messages,
// outcomes of attempts), commits it together and starts the attempts. Attempts run in goroutines of their own.
type worker struct {
	store   Store
	keys    *seal.Keyset
	clock   clock.Clock
	log     *slog.Logger
	events  Events
	routes  *routes
	author  *author
	inbox   *Inbox
	metrics *metrics
	owner   string

	wake chan struct{} // holds one token: something has changed
	done chan struct{} // closed when run has ended

	sendContext context.Context // ends attempts when closing takes too long
	cutSends    context.CancelFunc

	mu       sync.Mutex
	fresh    []*Prepared
	ended    []ended
	awaited  map[Key]waiting // messages whose askers wait
	inFlight int
	retryAt  time.Time // the earliest retry that this worker knows of
	closing  bool
	giveUp   bool
}

// job is a message in the worker's hands.
type job struct {
	key      Key
	message  Message
	carrier  *carrier
	attempts int       // before this one
	until    time.Time // the end of the lease
}

// outgoing is a message that a round has taken, and by whom it leaves; nil where there is no provider.
type outgoing struct {
	*Prepared
	carrier *carrier
}

// held reports whether a scan of this process has claimed the row already.
func (o outgoing) held() bool { return o.row.State == StateSending }

// ended is an attempt's outcome that waits for its commit.
type ended struct {
	channel Channel
	kind    Kind
	outcome Outcome
	failure *Failure // set when the tenant's log is to tell
	warning *Failure // set when it is to tell of its template

	result Result // that led to it, for whoever waits for the outcome
}

func newWorker(c Config, m *metrics) *worker {
	w := &worker{
		store: c.Store, keys: c.Keys, clock: c.Clock, log: c.Log, events: c.Events,
		routes: newRoutes(c), author: newAuthor(c), inbox: c.Inbox, metrics: m,
		owner: ident.Hex(8),
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),

		awaited: map[Key]waiting{},
	}
	w.sendContext, w.cutSends = context.WithCancel(context.Background())
	return w
}

// route names where the messages of tenants go that have no provider of their own.
func (w *worker) route() string {
	switch {
	case w.routes.standard != nil:
		return w.routes.standard.Name()
	case w.inbox != nil:
		return "inbox"
	default:
		return "none"
	}
}

// add takes committed messages. It never blocks.
func (w *worker) add(prepared []*Prepared) {
	overflow := false
	w.mu.Lock()
	for _, p := range prepared {
		switch {
		case p.message.Decoy || w.closing:
		case len(w.fresh) >= maxFresh:
			overflow = true // a scan will find its row
		default:
			w.fresh = append(w.fresh, p)
		}
	}
	w.mu.Unlock()
	if overflow {
		w.noteRetry(w.clock.Now().Add(grace))
	}
	w.nudge()
}

func (w *worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close drains the worker as Sender.Close promises.
func (w *worker) close(ctx context.Context) error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.nudge()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	w.giveUp = true
	w.mu.Unlock()
	w.cutSends()
	w.nudge()
	<-w.done
	return ctx.Err()
}

// answerFirst lets the requests that queued messages answer before their messages are made: an answer that has to share
// the processors with its own mail would take longer than one behind which nothing is sent, and so tell the two apart.
const answerFirst = 2 * time.Millisecond

// run is the worker's life.
func (w *worker) run() {
	defer close(w.done)
	defer w.cutSends()
	defer w.routes.close()
	timer := time.NewTimer(0) // the first round is a scan: an earlier process may have left something
	defer timer.Stop()
	var scanAt, sweepAt time.Time
	failures := 0
	for {
		wake := w.wake
		if failures > 0 {
			wake = nil // the database is asked again when the pause is over, not for each message that comes
		}
		select {
		case <-wake:
			if w.hasFresh() {
				time.Sleep(answerFirst)
			}
		case <-timer.C:
		}
		now := time.Now()
		scan := !now.Before(scanAt) || w.isDue()
		err := w.round(scan)
		if w.finished() {
			return
		}
		if err == nil && (!now.Before(sweepAt) || w.inbox != nil && w.inbox.crowded()) && !w.isClosing() {
			sweepAt = now.Add(sweepEvery)
			w.routes.forget()
			err = w.sweep()
		}
		if err != nil {
			failures++
			w.log.Error("messages wait for the database", "err", err)
			scanAt = time.Time{}
			timer.Reset(pause(failures))
			continue
		}
		failures = 0
		if scan {
			scanAt = now.Add(scanEvery)
		}
		timer.Reset(w.sleep(scanAt))
	}
}

// pause is how long the worker waits after its n-th failure in a row to reach the database.
func pause(n int) time.Duration {
	return min(2*time.Second, 50*time.Millisecond<<min(n, 10))
}

// sleep is the time until the next scan or retry, whichever comes first.
func (w *worker) sleep(scanAt time.Time) time.Duration {
	d := time.Until(scanAt)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.retryAt.IsZero() && !w.closing {
		d = min(d, w.retryAt.Sub(w.clock.Now()))
	}
	return max(d, time.Millisecond)
}

// isDue reports whether rows are known to be due.
func (w *worker) isDue() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.closing && !w.retryAt.IsZero() && !w.clock.Now().Before(w.retryAt)
}

// hasFresh reports whether messages were handed over that no round has taken yet.
func (w *worker) hasFresh() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.fresh) > 0
}

func (w *worker) isClosing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing
}

// finished reports whether a closing worker has nothing left to do, or may try no longer.
func (w *worker) finished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closing || w.inFlight > 0 {
		return false
	}
	return w.giveUp || len(w.fresh) == 0 && len(w.ended) == 0
}

// round commits all that has gathered and starts the attempts that follow from it.
func (w *worker) round(scan bool) error {
	ctx, cancel := w.databaseContext()
	defer cancel()

	var due []job
	if scan && !w.isClosing() {
		var err error
		if due, err = w.scan(ctx); err != nil {
			return err
		}
	}
	fresh, results := w.take()
	if w.inbox != nil {
		w.author.prepare(w.sendContext, fresh) // its copies show what leaves
	}
	taken, rest, err := w.choose(ctx, fresh)
	if err != nil {
		w.putBack(fresh, results)
		w.release(due)
		return err
	}
	claimed, err := w.commit(ctx, taken, results)
	if err != nil {
		w.putBack(fresh, results)
		w.release(due)
		return err
	}
	w.putBack(rest, nil)
	w.start(append(due, claimed...))
	return nil
}

// take empties what has gathered.
func (w *worker) take() ([]*Prepared, []ended) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fresh []*Prepared
	if !w.giveUp {
		fresh, w.fresh = w.fresh, nil
	}
	results := w.ended
	w.ended = nil
	return fresh, results
}

// choose finds out by whom messages leave. Those for which there is no room yet are the rest: they wait until an attempt
// has ended.
func (w *worker) choose(ctx context.Context, fresh []*Prepared) (taken []outgoing, rest []*Prepared, err error) {
	w.mu.Lock()
	free := maxInFlight - w.inFlight
	w.mu.Unlock()
	more := map[*carrier]int{}
	for _, p := range fresh {
		c, err := w.routes.of(ctx, sourceOf(p.row.Tenant, p.message))
		switch {
		case err != nil:
			return nil, nil, err
		case c == nil:
		case free <= 0 || c.load()+more[c] >= c.most:
			rest = append(rest, p)
			continue
		default:
			free--
			more[c]++
		}
		taken = append(taken, outgoing{p, c})
	}
	return taken, rest, nil
}

func (w *worker) putBack(fresh []*Prepared, results []ended) {
	if len(fresh) == 0 && len(results) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh = append(fresh, w.fresh...)
	w.ended = append(results, w.ended...)
}

// commit writes one batch in one transaction: outcomes with their events, then the fresh messages. Those with a provider
// are claimed; the others are delivered to the inbox, or fail, at once. It gives the jobs claimed.
func (w *worker) commit(ctx context.Context, taken []outgoing, results []ended) ([]job, error) {
	carried, kept, results := w.settle(taken, results)
	if len(carried) == 0 && len(kept) == 0 && len(results) == 0 {
		return nil, nil
	}
	until := w.clock.Now().Add(lease)
	var copies []Copy
	var claimed []job
	err := w.store.InTx(ctx, func(ctx context.Context) error {
		copies, claimed = slices.Clone(kept), nil
		if err := w.record(ctx, results); err != nil {
			return err
		}
		if len(carried) > 0 {
			var err error
			if claimed, err = w.claim(ctx, carried, until); err != nil {
				return err
			}
			copies = append(copies, copiesOf(claimed)...)
		}
		if w.inbox == nil {
			return nil
		}
		return w.inbox.save(ctx, copies)
	})
	if err != nil {
		return nil, err
	}
	if w.inbox != nil {
		w.inbox.announce(copies)
	}
	w.report(results)
	w.tellTaken(carried, claimed)
	return claimed, nil
}

// settle decides without asking anybody: messages that died while they waited, and those for which no provider is there to
// be asked. What it settles joins the results. It gives the messages for providers, and the copies of those that the inbox
// alone gets.
func (w *worker) settle(taken []outgoing, results []ended) (carried []outgoing, kept []Copy, _ []ended) {
	now := w.clock.Now()
	for _, o := range taken {
		j := job{key: o.row.Key, message: o.message, attempts: o.row.Attempts}
		switch {
		case !now.Before(o.message.ExpiresAt):
			results = append(results, w.failed(j, "", reasonExpired))
		case o.carrier != nil:
			carried = append(carried, o)
		case w.inbox != nil:
			kept = append(kept, Copy{Key: o.row.Key, Message: o.message})
			results = append(results, ended{channel: o.row.Channel, kind: o.row.Kind, outcome: Outcome{Key: o.row.Key, State: StateSent, Attempts: o.row.Attempts + 1, Provider: "inbox"}, warning: warningOf(j, j.message.warning)})
		default:
			results = append(results, w.failed(j, "", noProvider(j.message.Channel)))
		}
	}
	return carried, kept, results
}

// record writes outcomes and tells the tenants' logs. It joins the transaction in ctx.
func (w *worker) record(ctx context.Context, results []ended) error {
	if len(results) == 0 {
		return nil
	}
	outcomes := make([]Outcome, len(results))
	for i, r := range results {
		outcomes[i] = r.outcome
	}
	if err := w.store.FinishMessages(ctx, w.owner, outcomes); err != nil {
		return fmt.Errorf("record message outcomes: %w", err)
	}
	for _, r := range results {
		for _, told := range []*Failure{r.warning, r.failure} {
			if told == nil {
				continue
			}
			if err := w.events.MessageFailed(ctx, r.outcome.Tenant, *told); err != nil {
				return fmt.Errorf("log a failed message: %w", err)
			}
		}
	}
	return nil
}

// claim takes the messages that are still queued; those that a scan brought are claimed already.
func (w *worker) claim(ctx context.Context, carried []outgoing, until time.Time) ([]job, error) {
	var keys []Key
	for _, o := range carried {
		if !o.held() {
			keys = append(keys, o.row.Key)
		}
	}
	mine := make(map[Key]bool, len(keys))
	if len(keys) > 0 {
		taken, err := w.store.ClaimMessages(ctx, keys, w.owner, until)
		if err != nil {
			return nil, fmt.Errorf("claim messages: %w", err)
		}
		for _, k := range taken {
			mine[k] = true
		}
	}
	jobs := make([]job, 0, len(carried))
	for _, o := range carried {
		j := job{key: o.row.Key, message: o.message, carrier: o.carrier, attempts: o.row.Attempts, until: until}
		switch {
		case o.held():
			j.until = o.row.DueAt
			jobs = append(jobs, j)
		case mine[o.row.Key]:
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// tellTaken ends the waiting for messages that others have: they were cancelled, or a node that scans took them.
func (w *worker) tellTaken(carried []outgoing, claimed []job) {
	if len(carried) == len(claimed) {
		return
	}
	mine := make(map[Key]bool, len(claimed))
	for _, j := range claimed {
		mine[j.key] = true
	}
	for _, o := range carried {
		if !mine[o.row.Key] {
			w.tell(o.row.Key, Delivery{State: StateCancelled})
		}
	}
}

func copiesOf(jobs []job) []Copy {
	copies := make([]Copy, len(jobs))
	for i, j := range jobs {
		copies[i] = Copy{Key: j.key, Message: j.message}
	}
	return copies
}

// scan takes the rows that are due and that nobody handed over: retries, and what other processes left behind. A row
// whose lease ran out may have been sent, so it becomes unknown. It gives the jobs for a provider; without one the
// messages join the fresh ones.
func (w *worker) scan(ctx context.Context) ([]job, error) {
	now := w.clock.Now()
	until := now.Add(lease)
	w.mu.Lock()
	w.retryAt = time.Time{}
	room := min(maxInFlight-w.inFlight, scanBatch)
	w.mu.Unlock()

	lapsed, err := w.store.ClaimDueMessages(ctx, StateSending, w.owner, now, until, scanBatch)
	if err != nil {
		return nil, fmt.Errorf("find messages whose sender died: %w", err)
	}
	for _, row := range lapsed {
		w.finish(w.unknown(w.jobOf(row), row.Provider, reasonLapsed))
	}
	if room <= 0 {
		w.noteRetry(now.Add(time.Second))
		return nil, nil
	}
	rows, err := w.store.ClaimDueMessages(ctx, StateQueued, w.owner, now, until, room)
	if err != nil {
		return nil, fmt.Errorf("find messages that are due: %w", err)
	}
	if len(lapsed) == scanBatch || len(rows) == room {
		w.noteRetry(now) // there may be more
	}
	var jobs []job
	more := map[*carrier]int{}
	for i, row := range rows {
		j := w.jobOf(row)
		if j.carrier, err = w.routes.of(ctx, sourceOf(row.Tenant, j.message)); err != nil {
			for _, row := range rows[i:] {
				jobs = append(jobs, w.jobOf(row))
			}
			w.release(jobs)
			return nil, err
		}
		switch c := j.carrier; {
		case j.message.To == "":
			w.finish(w.failed(j, "", reasonUnreadable))
		case c == nil || !now.Before(row.ExpiresAt):
			w.mu.Lock()
			w.fresh = append(w.fresh, &Prepared{row: row, message: j.message})
			w.mu.Unlock()
		case c.load()+more[c] >= c.most:
			w.finish(w.later(j, c.Name(), now.Add(grace+jitter(grace)), "waited for other messages"))
		default:
			more[c]++
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// jobOf opens a claimed row. A payload that this keyset cannot open leaves the message empty.
func (w *worker) jobOf(row Row) job {
	m, err := openPayload(w.keys, outboxTable, row.Key, row.Payload)
	if err != nil {
		m = Message{Channel: row.Channel, Kind: row.Kind, ExpiresAt: row.ExpiresAt}
	}
	return job{key: row.Key, message: m, attempts: row.Attempts, until: row.DueAt}
}

// start begins one attempt per job, each in its own goroutine, which finish ends.
func (w *worker) start(jobs []job) {
	w.mu.Lock()
	w.inFlight += len(jobs)
	w.mu.Unlock()
	for _, j := range jobs {
		j.carrier.enter()
		go func() {
			r := w.attempt(j)
			j.carrier.leave()
			w.mu.Lock()
			w.inFlight--
			w.mu.Unlock()
			w.finish(r)
		}()
	}
}

// release gives claimed rows back unsent.
func (w *worker) release(jobs []job) {
	for _, j := range jobs {
		w.finish(w.later(j, "", w.clock.Now(), "not tried yet"))
	}
}

// finish hands an outcome to the next commit.
func (w *worker) finish(r ended) {
	w.mu.Lock()
	w.ended = append(w.ended, r)
	w.mu.Unlock()
	if r.outcome.State == StateQueued {
		w.noteRetry(r.outcome.DueAt)
	}
	w.nudge()
}

// noteRetry remembers the earliest moment at which a row is due again.
func (w *worker) noteRetry(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.retryAt.IsZero() || at.Before(w.retryAt) {
		w.retryAt = at
	}
}
