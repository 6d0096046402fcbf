package message

import (
	"context"
	"fmt"
	"sync"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/seal"
)

const (
	inboxKeep    = 500            // this many of the newest copies stay,
	inboxLife    = 24 * time.Hour // and none longer than this
	inboxRecheck = 500 * time.Millisecond
	inboxSlack   = 100 // copies beyond inboxKeep before the inbox is trimmed
)

// Inbox keeps a copy of every message, sealed in the database, for the developer who runs the server. It is on in
// development mode and otherwise only by an explicit choice of the operator: it shows live codes. It is safe for
// concurrent use.
type Inbox struct {
	store    InboxStore
	keys     *seal.Keyset
	clock    clock.Clock
	renderer *Renderer

	mu      sync.Mutex
	last    time.Time // the youngest copy's time, so that no two commits share one
	excess  int       // copies saved since the inbox was trimmed
	waiters map[*waiter]struct{}
}

// waiter is one List that waits for a copy.
type waiter struct {
	tenant, to string
	wake       chan struct{}
}

// Copy is a message on its way into the inbox.
type Copy struct {
	Key
	Message Message
}

// InboxMessage is a message as its reader sees it.
type InboxMessage struct {
	Key
	Channel   Channel
	To        string
	From      string
	Subject   string
	Text      string
	HTML      string
	Headers   []Header
	Code      string
	Link      string
	CreatedAt time.Time
}

// InboxFilter selects messages of the inbox; zero members do not restrict.
type InboxFilter struct {
	Tenant string
	To     string    // an address as a person would type it
	Since  time.Time // messages that came after this moment
}

// NewInbox makes an inbox over its store. The renderer must be the Sender's own; nil means the built-in one.
func NewInbox(s InboxStore, k *seal.Keyset, c clock.Clock, r *Renderer) *Inbox {
	if r == nil {
		r = &Renderer{}
	}
	return &Inbox{store: s, keys: k, clock: c, renderer: r, waiters: map[*waiter]struct{}{}}
}

// List gives the messages that match, the newest first. When there are none it waits up to the given time for one to
// come: copies of this node wake it at once, those of other nodes are noticed within half a second.
func (b *Inbox) List(ctx context.Context, f InboxFilter, wait time.Duration) ([]InboxMessage, error) {
	q := b.query(f)
	w := &waiter{tenant: f.Tenant, to: canonical(f.To), wake: make(chan struct{}, 1)}
	if wait > 0 {
		b.join(w)
		defer b.leave(w)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for last := wait <= 0; ; {
		rows, err := b.store.ListInboxMessages(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
		if len(rows) > 0 || last {
			return b.open(rows), nil
		}
		recheck := time.NewTimer(inboxRecheck)
		select {
		case <-w.wake:
		case <-recheck.C:
		case <-deadline.C:
			last = true
		case <-ctx.Done():
			recheck.Stop()
			return nil, ctx.Err()
		}
		recheck.Stop()
	}
}

// Delete removes the messages that match.
func (b *Inbox) Delete(ctx context.Context, f InboxFilter) error {
	if err := b.store.DeleteInboxMessages(ctx, b.query(f)); err != nil {
		return fmt.Errorf("empty the inbox: %w", err)
	}
	return nil
}

func (b *Inbox) query(f InboxFilter) InboxQuery {
	q := InboxQuery{Tenant: f.Tenant, Since: f.Since, Limit: inboxKeep}
	if f.To != "" {
		q.Recipients = b.keys.Hashes(recipientPurpose, canonical(f.To))
	}
	return q
}

// open makes rows readable. A row that this keyset cannot open is left out.
func (b *Inbox) open(rows []InboxRow) []InboxMessage {
	messages := make([]InboxMessage, 0, len(rows))
	for _, row := range rows {
		m, err := openPayload(b.keys, inboxTable, row.Key, row.Payload)
		if err != nil {
			continue
		}
		if m.Channel != Email {
			messages = append(messages, inboxNote(row, m))
			continue
		}
		mail := b.renderer.Mail(row.Key, m)
		m.written.over(&mail)
		mail.Date = row.CreatedAt
		messages = append(messages, InboxMessage{
			Key: row.Key, Channel: m.Channel, To: m.To, From: mail.From(), Subject: mail.Subject, Text: mail.Text,
			HTML: mail.HTML, Headers: mail.Headers(), Code: m.Code.Reveal(), Link: m.Link.Reveal(),
			CreatedAt: row.CreatedAt,
		})
	}
	return messages
}

// inboxNote is a text message as its reader sees it.
func inboxNote(row InboxRow, m Message) InboxMessage {
	note := noteOf(row.Key, m, m.written)
	out := InboxMessage{
		Key: row.Key, Channel: m.Channel, To: m.To, From: note.From, Text: note.Body, Code: m.Code.Reveal(), CreatedAt: row.CreatedAt,
		Headers: []Header{{"To", m.To}, {"Date", row.CreatedAt.Format(time.RFC1123Z)}},
	}
	if note.From != "" {
		out.Headers = append([]Header{{"From", note.From}}, out.Headers...)
	}
	return out
}

// save writes copies in the transaction in ctx. After its commit they are announced.
func (b *Inbox) save(ctx context.Context, copies []Copy) error {
	if len(copies) == 0 {
		return nil
	}
	at := b.stamp()
	rows := make([]InboxRow, len(copies))
	for i, c := range copies {
		sealed, err := sealPayload(b.keys, inboxTable, c.Key, c.Message)
		if err != nil {
			return err
		}
		rows[i] = InboxRow{Key: c.Key, RecipientHash: recipientHash(b.keys, c.Message.To), Payload: sealed, CreatedAt: at}
	}
	if err := b.store.SaveInboxMessages(ctx, rows); err != nil {
		return fmt.Errorf("copy messages to the inbox: %w", err)
	}
	return nil
}

// stamp gives the present, or a moment later, so that whoever asks for what came since the last message he saw misses
// none of this node's.
func (b *Inbox) stamp() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if !now.After(b.last) {
		now = b.last.Add(time.Millisecond)
	}
	b.last = now
	return now
}

// announce wakes those who wait for one of these copies.
func (b *Inbox) announce(copies []Copy) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.excess += len(copies)
	for w := range b.waiters {
		for _, c := range copies {
			if (w.tenant == "" || w.tenant == c.Tenant) && (w.to == "" || w.to == canonical(c.Message.To)) {
				select {
				case w.wake <- struct{}{}:
				default:
				}
				break
			}
		}
	}
}

func (b *Inbox) join(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiters[w] = struct{}{}
}

func (b *Inbox) leave(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiters, w)
}

// crowded reports whether enough copies have come to make a trim worth its commit.
func (b *Inbox) crowded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.excess >= inboxSlack
}

// trim forgets the oldest copies.
func (b *Inbox) trim(ctx context.Context) error {
	b.mu.Lock()
	b.excess = 0
	b.mu.Unlock()
	if err := b.store.TrimInbox(ctx, b.clock.Now().Add(-inboxLife), inboxKeep); err != nil {
		return fmt.Errorf("trim the inbox: %w", err)
	}
	return nil
}
