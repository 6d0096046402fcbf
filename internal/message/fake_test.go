package message

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/seal"
)

// memory is a Store and an InboxStore in memory. Its transactions are serial, and fail only before they begin.
type memory struct {
	mu      sync.Mutex
	rows    map[Key]Row
	inbox   map[Key]InboxRow
	commits int
	inserts int
	down    bool          // every transaction fails
	gate    chan struct{} // when set, a transaction of the worker waits here before it begins
}

func newMemory() *memory { return &memory{rows: map[Key]Row{}, inbox: map[Key]InboxRow{}} }

type inTx struct{}

func (m *memory) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(inTx{}) != nil {
		return fn(ctx)
	}
	m.mu.Lock()
	gate := m.gate
	m.mu.Unlock()
	if gate != nil {
		<-gate
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errors.New("the database is away")
	}
	m.commits++
	return fn(context.WithValue(ctx, inTx{}, true))
}

// do runs fn in the transaction in ctx, or in one of its own.
func (m *memory) do(ctx context.Context, fn func()) error {
	return m.InTx(ctx, func(context.Context) error { fn(); return nil })
}

func (m *memory) InsertMessage(ctx context.Context, row Row) error {
	return m.do(ctx, func() { m.rows[row.Key] = row; m.inserts++ })
}

func (m *memory) CancelMessages(ctx context.Context, tenant string, ids ...string) error {
	return m.do(ctx, func() {
		for _, id := range ids {
			if r, ok := m.rows[Key{tenant, id}]; ok && r.State == StateQueued {
				r.State, r.Payload = StateCancelled, nil
				m.rows[r.Key] = r
			}
		}
	})
}

func (m *memory) ClaimMessages(ctx context.Context, keys []Key, owner string, until time.Time) (taken []Key, err error) {
	return taken, m.do(ctx, func() {
		taken = nil
		for _, k := range keys {
			if r, ok := m.rows[k]; ok && r.State == StateQueued {
				r.State, r.LockedBy, r.DueAt = StateSending, owner, until
				m.rows[k] = r
				taken = append(taken, k)
			}
		}
	})
}

func (m *memory) ClaimDueMessages(ctx context.Context, from State, owner string, now, until time.Time, limit int) (rows []Row, err error) {
	return rows, m.do(ctx, func() {
		rows = nil
		for _, r := range m.rows {
			if r.State == from && !r.DueAt.After(now) {
				rows = append(rows, r)
			}
		}
		slices.SortFunc(rows, func(a, b Row) int { return a.DueAt.Compare(b.DueAt) })
		rows = rows[:min(len(rows), limit)]
		for i, r := range rows {
			r.State, r.LockedBy, r.DueAt = StateSending, owner, until
			m.rows[r.Key] = r
			rows[i] = r
		}
	})
}

func (m *memory) FinishMessages(ctx context.Context, owner string, outcomes []Outcome) error {
	return m.do(ctx, func() {
		for _, o := range outcomes {
			r, ok := m.rows[o.Key]
			if !ok || r.State != StateQueued && !(r.State == StateSending && r.LockedBy == owner) {
				continue
			}
			r.State, r.Attempts, r.LockedBy = o.State, o.Attempts, ""
			r.Provider, r.ProviderMessageID, r.LastError = o.Provider, o.ProviderMessageID, o.LastError
			if o.State == StateQueued {
				r.DueAt = o.DueAt
			} else {
				r.Payload = nil
			}
			m.rows[o.Key] = r
		}
	})
}

func (m *memory) MessageBacklog(ctx context.Context) (b Backlog, err error) {
	return b, m.do(ctx, func() {
		b = Backlog{}
		for _, r := range m.rows {
			if r.State != StateQueued && r.State != StateSending {
				continue
			}
			b.Pending++
			if b.Oldest.IsZero() || r.CreatedAt.Before(b.Oldest) {
				b.Oldest = r.CreatedAt
			}
		}
	})
}

func (m *memory) DeleteMessages(ctx context.Context, beforeID string, limit int) (n int, err error) {
	return n, m.do(ctx, func() {
		n = 0
		for k, r := range m.rows {
			if n < limit && k.ID < beforeID && r.State != StateQueued && r.State != StateSending {
				delete(m.rows, k)
				n++
			}
		}
	})
}

func (m *memory) SaveInboxMessages(ctx context.Context, rows []InboxRow) error {
	return m.do(ctx, func() {
		for _, r := range rows {
			if _, ok := m.inbox[r.Key]; !ok {
				m.inbox[r.Key] = r
			}
		}
	})
}

func (m *memory) ListInboxMessages(ctx context.Context, q InboxQuery) (rows []InboxRow, err error) {
	return rows, m.do(ctx, func() { rows = m.match(q) })
}

func (m *memory) match(q InboxQuery) []InboxRow {
	var rows []InboxRow
	for _, r := range m.inbox {
		known := q.Recipients == nil || slices.ContainsFunc(q.Recipients, func(h []byte) bool { return string(h) == string(r.RecipientHash) })
		if known && (q.Tenant == "" || q.Tenant == r.Tenant) && r.CreatedAt.After(q.Since) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b InboxRow) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	if q.Limit > 0 {
		rows = rows[:min(len(rows), q.Limit)]
	}
	return rows
}

func (m *memory) DeleteInboxMessages(ctx context.Context, q InboxQuery) error {
	return m.do(ctx, func() {
		q.Limit = 0
		for _, r := range m.match(q) {
			delete(m.inbox, r.Key)
		}
	})
}

func (m *memory) TrimInbox(ctx context.Context, before time.Time, keep int) error {
	return m.do(ctx, func() {
		for i, r := range m.match(InboxQuery{}) {
			if i >= keep || r.CreatedAt.Before(before) {
				delete(m.inbox, r.Key)
			}
		}
	})
}

// row reads a row for a test.
func (m *memory) row(id string) Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows[Key{"t1", id}]
}

func (m *memory) counts() (commits, inbox int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits, len(m.inbox)
}

// events collects what the tenants' logs are told.
type events struct {
	mu       sync.Mutex
	failures []Failure
}

func (e *events) MessageFailed(_ context.Context, _ string, f Failure) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failures = append(e.failures, f)
	return nil
}

func (e *events) all() []Failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.failures)
}

// postman is a Provider that does what its script says; without one it accepts everything.
type postman struct {
	mu      sync.Mutex
	script  []Result
	sent    []Mail
	closed  bool
	blocked chan struct{} // when set, Send waits for it or the end of its context
	entered chan struct{} // told when a Send begins
}

func (p *postman) Name() string     { return "postman" }
func (p *postman) Concurrency() int { return 4 }
func (p *postman) Close()           { p.mu.Lock(); p.closed = true; p.mu.Unlock() }

func (p *postman) Send(ctx context.Context, m Mail) Result {
	p.mu.Lock()
	p.sent = append(p.sent, m)
	result := Result{Verdict: VerdictSent, ProviderMessageID: "queued as 1"}
	if len(p.script) > 0 {
		result, p.script = p.script[0], p.script[1:]
	}
	p.mu.Unlock()
	if p.entered != nil {
		p.entered <- struct{}{}
	}
	if p.blocked != nil {
		select {
		case <-p.blocked:
		case <-ctx.Done():
			return Result{Verdict: VerdictRetry, Detail: "cut off"}
		}
	}
	return result
}

func (p *postman) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

// bench is a Sender with everything around it in memory.
type bench struct {
	t      *testing.T
	store  *memory
	keys   *seal.Keyset
	clock  clock.Clock
	events *events
	log    *slog.Logger
	sender *Sender
}

func newBench(t *testing.T) *bench {
	t.Helper()
	keys, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		t: t, store: newMemory(), keys: keys, clock: clock.System{}, events: &events{},
		log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// start makes the Sender. What provider and inbox are missing is missing.
func (b *bench) start(p Provider, inbox *Inbox) *Sender {
	b.t.Helper()
	s, err := New(Config{
		Store: b.store, Keys: b.keys, Clock: b.clock, Log: b.log, Events: b.events, Provider: p, Inbox: inbox,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.sender = s
	return s
}

func (b *bench) inbox() *Inbox { return NewInbox(b.store, b.keys, b.clock, nil) }

func (b *bench) message(challenge string) Message {
	now := b.clock.Now()
	return Message{
		Channel: Email, Kind: VerificationCode, To: "Ada@example.com", ChallengeID: challenge, IssuedAt: now,
		Code: "481516", Life: 3 * time.Minute, ExpiresAt: now.Add(3 * time.Minute),
		Application: "Acme", Domain: "login.acme.example", ClientID: "client", Connection: "email",
	}
}

// queue commits a message as a caller does, and does not yet hand it over.
func (b *bench) queue(m Message) *Prepared {
	b.t.Helper()
	p, err := b.sender.Prepare("t1", m)
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.store.InTx(context.Background(), func(ctx context.Context) error { return b.sender.Queue(ctx, p) })
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) send(m Message) *Prepared {
	b.t.Helper()
	p := b.queue(m)
	b.sender.Committed(p)
	return p
}

func (b *bench) close() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.sender.Close(ctx); err != nil {
		b.t.Fatalf("close: %v", err)
	}
}

// settle lets the worker take what was handed to it and come to rest.
func settle() {
	time.Sleep(answerFirst)
	synctest.Wait()
}
