package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey/internal/clock"
	"latchkey/internal/contact"
	"latchkey/internal/egress"
	"latchkey/internal/seal"
)

const (
	// lease is how long a claim lasts. A claim that outlives it belongs to a worker that died while sending.
	lease = 60 * time.Second
	// sendTimeout bounds one attempt. It ends well before the lease does.
	sendTimeout = 30 * time.Second
	// grace is how long a fresh row is left to the node that wrote it.
	grace = 5 * time.Second
	// scanEvery is the pace at which rows that other nodes left behind are looked for.
	scanEvery = 30 * time.Second
	// keepRows is how long final rows stay for support.
	keepRows = 7 * 24 * time.Hour
	// maxFresh bounds the messages held in memory between commit and claim. What comes beyond it is found by a scan.
	maxFresh = 4096
	// maxInFlight bounds the claimed messages that wait for a connection, those of all providers together, and maxStandard
	// those of the operator's.
	maxInFlight = 512
	maxStandard = 64
	// scanBatch bounds what one scan takes.
	scanBatch = 64
)

// Config is what a Sender is made of. Store, Keys, Clock, Log and Events are required.
type Config struct {
	Store  Store
	Keys   *seal.Keyset
	Clock  clock.Clock
	Log    *slog.Logger
	Events Events

	// Renderer makes the text of messages; nil means the built-in one with no configured sender.
	Renderer *Renderer
	// Templates finds what tenants wrote, and Workers renders it; where either is nil all messages are the built-in ones.
	Templates Templates
	Workers   Workers
	// Provider sends the mail of tenants that have no provider of their own; nil means that the operator configured none.
	// The Sender owns and closes it.
	Provider Provider
	// Settings tells what provider a tenant has; nil means that none has one.
	Settings Settings
	// Egress makes the connections to tenants' providers; it is required with Settings.
	Egress *egress.Egress
	// Inbox gets a copy of every message; nil means that it is off.
	Inbox *Inbox
	// Metrics is where the message metrics are registered; nil means nowhere.
	Metrics prometheus.Registerer
	// Idle leaves messages to other processes of the same database: the Sender queues and sends none.
	Idle bool
}

// Sender queues messages and owns the worker that delivers them. It is safe for concurrent use.
type Sender struct {
	store  Store
	keys   *seal.Keyset
	clock  clock.Clock
	worker *worker
	paces  *paces
	routes *routes // asks what is set; the worker's own are another's
}

// New makes a Sender and, unless it is idle, starts its worker, which begins with the messages that an earlier process left
// behind. Close ends it.
func New(c Config) (*Sender, error) {
	switch {
	case c.Store == nil, c.Keys == nil, c.Clock == nil, c.Log == nil, c.Events == nil:
		return nil, errors.New("message: store, keys, clock, log and events are required")
	case c.Settings != nil && c.Egress == nil:
		return nil, errors.New("message: tenants' providers need a way out")
	}
	if c.Renderer == nil {
		r, err := NewRenderer("")
		if err != nil {
			return nil, err
		}
		c.Renderer = r
	}
	m, err := newMetrics(c.Metrics, c.Store, c.Clock)
	if err != nil {
		return nil, err
	}
	w := newWorker(c, m)
	if c.Idle {
		close(w.done)
	} else {
		go w.run()
	}
	return &Sender{store: c.Store, keys: c.Keys, clock: c.Clock, worker: w, paces: &paces{}, routes: &routes{settings: c.Settings, keys: c.Keys, egress: c.Egress}}, nil
}

// Prepare makes a message ready to be queued, before any transaction is open.
func (s *Sender) Prepare(tenant string, m Message) (*Prepared, error) {
	known := phoneKinds[m.Kind]
	if m.Channel == Email {
		_, known = mailKinds[m.Kind]
	}
	if !known {
		return nil, fmt.Errorf("message: there is no %s message of kind %s", m.Channel, m.Kind)
	}
	now := s.clock.Now()
	key := Key{Tenant: tenant, ID: rowID(m.IssuedAt, m.ChallengeID)}
	sealed, err := sealPayload(s.keys, outboxTable, key, m)
	if err != nil {
		return nil, err
	}
	row := Row{
		Key: key, Channel: m.Channel, Kind: m.Kind,
		RecipientHash: recipientHash(s.keys, m.To), Payload: sealed,
		State: StateQueued, DueAt: now.Add(grace), ExpiresAt: m.ExpiresAt, CreatedAt: now,
	}
	if m.Decoy {
		row.State = StateCancelled // with a payload, which holds no code: a smaller row would be written sooner
	}
	return &Prepared{row: row, message: m}, nil
}

// Queue writes a prepared message to the outbox, in the transaction found in ctx. It may be called again when that
// transaction is run again. After the commit the caller hands the message to Committed; without that it still leaves,
// some seconds later.
func (s *Sender) Queue(ctx context.Context, p *Prepared) error {
	if err := s.store.InsertMessage(ctx, p.row); err != nil {
		return fmt.Errorf("queue a %s message: %w", p.row.Kind, err)
	}
	return nil
}

// Committed tells the worker that the transaction which queued these messages has been committed. It never blocks.
func (s *Sender) Committed(prepared ...*Prepared) { s.worker.add(prepared) }

// Cancel withdraws the message of a challenge that has been replaced, where it has not begun to leave. It joins the
// transaction found in ctx.
func (s *Sender) Cancel(ctx context.Context, tenant, challengeID string, issuedAt time.Time) error {
	if err := s.store.CancelMessages(ctx, tenant, rowID(issuedAt, challengeID)); err != nil {
		return fmt.Errorf("cancel a message: %w", err)
	}
	return nil
}

// Provider names the way mail takes where a tenant has no provider of its own: "smtp", "inbox", or "none". It is for readiness and start-up messages.
func (s *Sender) Provider() string { return s.worker.route() }

// Close stops taking messages, sends what has been handed over, records the outcomes and closes the provider. When ctx
// ends first, attempts under way are cut off: what had not been handed to the provider in full stays queued, the rest is
// recorded as unknown. What could not even be recorded is found by the next process.
func (s *Sender) Close(ctx context.Context) error { return s.worker.close(ctx) }

// rowID is the id of the message that carries a challenge's secret: it sorts by the time of issue, is found again from
// the challenge alone, and does not give the challenge's id away.
func rowID(issuedAt time.Time, challengeID string) string {
	sum := sha256.Sum256([]byte(challengeID))
	return idPrefix(issuedAt) + hex.EncodeToString(sum[:10])
}

// idPrefix is smaller than every id made at or after t, and greater than every id made before.
func idPrefix(t time.Time) string { return fmt.Sprintf("%012x", clock.Millis(t)) }

// recipientHash is the keyed hash of an address in its canonical form.
func recipientHash(k *seal.Keyset, to string) []byte { return k.Hash(recipientPurpose, canonical(to)) }

const recipientPurpose = "message recipient"

func canonical(to string) string {
	if c, err := contact.Email(to); err == nil {
		return c
	}
	if c, err := contact.Phone(to, ""); err == nil {
		return c
	}
	return to
}
