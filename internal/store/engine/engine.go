// Package engine is what the statements of package store run on: a database that executes one SQL text, in transactions
// whose writes travel together.
//
// An engine knows one database product: how to open it, how its errors read, how its schema is migrated. It knows no
// table. The statements, the same text for every engine, live in package store.
package engine

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/apierr"
)

// Statement is one SQL statement on its way to the database and, afterwards, its answer.
type Statement struct {
	SQL  string // parameters are $1, $2, ...
	Args []any  // string, []byte, bool, int, int64 or nil

	// Row is called for each row of the answer. Nil when no rows are wanted.
	Row func(Row) error
	// Taken is the error that stands for a violated unique index. Nil when there is no such meaning.
	Taken error
	// Missed is the error that stands for a write that changed no row: its condition does not hold. The transaction of the
	// write then ends as after any other error, and its commit, though it was sent along, does not happen. Nil when no
	// row is as good as any number; not for statements with rows in their answer.
	Missed error

	// Stamp sets those of Args that tell when the statement was committed. It is called each time the statement is about to be
	// committed, as late as the engine can, and not for others to wait for. Statements with it come last in the Run that commits,
	// have no rows and do not miss. Nil where all of Args are known.
	Stamp func()

	// Changed is how many rows the statement wrote; set by the engine.
	Changed int64
}

// Row is one row of an answer. Scan's destinations are pointers to string, []byte, bool, int, int64 and, where the value
// may be NULL, pointers to pointers of these.
type Row interface {
	Scan(dest ...any) error
}

// Engine is one opened database. It is safe for concurrent use.
type Engine interface {
	// Read runs statements that change nothing, outside any transaction, in one round trip.
	Read(ctx context.Context, statements ...*Statement) error
	// ReadWithin is Read for questions that a stranger has made up: one that takes longer than the limit is cut off and
	// ends as ErrTooSlow.
	ReadWithin(ctx context.Context, limit time.Duration, statements ...*Statement) error
	// Write runs one statement that commits by itself.
	Write(ctx context.Context, s *Statement) error
	// Begin gives a transaction of which the database knows nothing until its first Run.
	Begin() Session

	// SkipLocked is the clause that lets a claim pass over rows another node is claiming; empty where there is one writer.
	SkipLocked() string

	// Migrate brings the schema to the newest version, one process at a time.
	Migrate(ctx context.Context) error
	// Versions gives the schema's version and the one this program needs.
	Versions(ctx context.Context) (current, wanted int64, err error)

	Stats() Stats
	Ping(ctx context.Context) error
	Close() error
}

// Session is one transaction. It belongs to one goroutine. A statement that fails ends it.
type Session interface {
	// Run runs statements in order in one round trip and then, if so asked, commits. After an error, and after a commit,
	// the session has ended.
	Run(ctx context.Context, statements []*Statement, commit bool) error
	// Rollback ends the session if it has not ended.
	Rollback()
}

// Stats counts the work done since the engine was opened.
type Stats struct {
	Statements int64 // without BEGIN and COMMIT
	Commits    int64 // transactions and single writes that were committed
	RoundTrips int64 // times somebody waited for the database
}

// ErrRetry says that the database refused a transaction only because of others beside it: run again, it may succeed.
// Nothing of it was written.
var ErrRetry = errors.New("the transaction collided with another one")

// ErrTooSlow is the answer to a question that took longer than it may.
var ErrTooSlow = errors.New("the question takes too long")

// ErrUnavailable is the answer when the database cannot be reached or has too much to do. Whether a commit that ended
// so was written is not known.
var ErrUnavailable = apierr.New(apierr.Unavailable, "database_unavailable", "The service is busy. Please try again.")
