package message

import (
	"context"
	"time"
)

// State is where a message is on its way.
type State string

// The states of a message. Queued and sending are pending; the others are final.
const (
	StateQueued    State = "queued"    // waits for its first attempt or the next one
	StateSending   State = "sending"   // claimed by one worker until the lease ends
	StateSent      State = "sent"      // accepted by the provider, or delivered to the inbox
	StateFailed    State = "failed"    // refused for good, or dead before it could leave
	StateUnknown   State = "unknown"   // the provider may have it; it is not sent again
	StateCancelled State = "cancelled" // its code was superseded before it left, or it was a decoy
)

// Key names one row of the outbox or the inbox.
type Key struct {
	Tenant string
	ID     string
}

// Row is one message in the outbox. Primary key: (Tenant, ID). Ids begin with the time they were made and so sort by it,
// compared as bytes.
type Row struct {
	Key
	Channel Channel
	Kind    Kind

	// RecipientHash is a keyed hash of the address, so that support finds the messages of an address it knows and nobody
	// can list addresses.
	RecipientHash []byte
	// Payload is the sealed recipient, secret and variables; nil once the state is final.
	Payload []byte

	State    State
	Attempts int // attempts that have begun and ended

	// DueAt is the next moment at which somebody must look at a pending row: the next attempt of a queued row, the end of
	// the lease of one being sent. A fresh row is due a few seconds after its creation, so that the node that wrote it
	// sends it and the others notice only if that node died.
	DueAt     time.Time
	ExpiresAt time.Time
	CreatedAt time.Time

	// LockedBy is the worker that holds the lease; empty while queued.
	LockedBy string

	Provider          string // who took or refused it last: "smtp", "inbox", ""
	ProviderMessageID string
	LastError         string
}

// Outcome is what became of one message.
type Outcome struct {
	Key
	State             State // queued again (a retry), or a final state
	Attempts          int
	DueAt             time.Time // with StateQueued: the next attempt
	Provider          string
	ProviderMessageID string
	LastError         string
}

// Backlog is the length of the outbox and the age of its head.
type Backlog struct {
	Pending int
	Oldest  time.Time // creation of the oldest pending row; zero when there is none
}

// Store keeps the outbox. Every method is safe for concurrent use from many nodes, joins the transaction found in ctx and
// otherwise commits by itself. Times have millisecond precision.
//
// Needed access paths: the primary key, and pending rows by DueAt (a partial index on due_at where the state is queued
// or sending keeps the finished ones out of it).
type Store interface {
	// InTx runs fn in one transaction, which the methods below join through the context given to fn. fn may be run
	// again. An inner InTx joins the outer one.
	InTx(ctx context.Context, fn func(ctx context.Context) error) error

	// InsertMessage writes one row, queued or (a decoy) cancelled. It may be queued on the transaction and travel with
	// the commit, where its error then appears.
	InsertMessage(ctx context.Context, row Row) error

	// CancelMessages makes those of the tenant's named rows cancelled that are still queued, and wipes their payloads.
	// Rows in any other state, and ids that do not exist, are left alone without error.
	CancelMessages(ctx context.Context, tenant string, ids ...string) error

	// ClaimMessages takes those of the named rows that are queued, due or not: one conditional statement that makes them
	// sending, locked by owner, due at until. It returns the keys it took, in any order. Of any number of concurrent
	// claims of one row, exactly one gets it.
	ClaimMessages(ctx context.Context, keys []Key, owner string, until time.Time) ([]Key, error)

	// ClaimDueMessages takes up to limit rows of all tenants that are in state from (queued or sending) and whose DueAt
	// is not after now, those due longest first: one conditional statement that makes them sending, locked by owner, due
	// at until. It returns the rows whole, in any order, as they are afterwards, with Attempts and Payload untouched. A row
	// that another node is claiming at this moment is skipped, never waited for and never taken twice.
	ClaimDueMessages(ctx context.Context, from State, owner string, now, until time.Time, limit int) ([]Row, error)

	// FinishMessages records outcomes: of rows that are queued, and of rows that are sending and locked by owner. Others
	// (taken over, cancelled, deleted) are left alone without error. LockedBy is emptied; a final state wipes the
	// payload; StateQueued keeps it. Like an insert it may be queued on the transaction.
	FinishMessages(ctx context.Context, owner string, outcomes []Outcome) error

	// MessageBacklog counts the pending rows of all tenants.
	MessageBacklog(ctx context.Context) (Backlog, error)

	// DeleteMessages deletes up to limit rows with a final state whose id is smaller than beforeID, over all tenants,
	// and says how many it deleted.
	DeleteMessages(ctx context.Context, beforeID string, limit int) (int, error)
}

// InboxRow is one copy in the development inbox. Primary key: (Tenant, ID), the id of the outbox row it is a copy of.
type InboxRow struct {
	Key
	RecipientHash []byte
	Payload       []byte // sealed
	CreatedAt     time.Time
}

// InboxQuery selects inbox rows; zero members do not restrict.
type InboxQuery struct {
	Tenant     string
	Recipients [][]byte  // rows whose RecipientHash is one of these
	Since      time.Time // rows created after this moment
	Limit      int
}

// InboxStore keeps the copies of the development inbox. Every method is safe for concurrent use, joins the transaction
// found in ctx and otherwise commits by itself.
//
// Needed access paths: the primary key, and all rows by CreatedAt. There are seldom more than a thousand rows.
type InboxStore interface {
	// SaveInboxMessages writes copies; one that exists already is left as it is, without error. It may be queued on the
	// transaction.
	SaveInboxMessages(ctx context.Context, rows []InboxRow) error

	// ListInboxMessages gives the rows that match, by CreatedAt and then ID, the newest first.
	ListInboxMessages(ctx context.Context, q InboxQuery) ([]InboxRow, error)

	// DeleteInboxMessages deletes the rows that match q, ignoring its Limit.
	DeleteInboxMessages(ctx context.Context, q InboxQuery) error

	// TrimInbox deletes the rows created before the given moment, and of the others all but the newest keep, counted over
	// all tenants.
	TrimInbox(ctx context.Context, before time.Time, keep int) error
}

// Failure is what the tenant's log says about a message that did not arrive, or may not have.
type Failure struct {
	MessageID  string
	Channel    Channel
	Kind       Kind
	To         string
	Reason     string // a sentence for administrators; holds no secret
	Unknown    bool   // the provider may have delivered it; false: it certainly did not
	Warning    bool   // it went on its way, though not as the tenant's template meant it
	ClientID   string
	Connection string
}

// Events writes to the tenant's log. Auth0's event is fn, "failed sending a notification".
type Events interface {
	// MessageFailed records f. It is called in the transaction that records the outcome, which it joins.
	MessageFailed(ctx context.Context, tenant string, f Failure) error
}
