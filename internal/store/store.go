// Package store keeps every record of the product in a database: SQLite for one machine, PostgreSQL for any number of
// nodes.
//
// It implements the Store interfaces that the records and means declare; their comments are the contract, and the suite
// in storetest checks it on both databases. Each concept has one file with its statements, one SQL text for both. What
// differs between the databases (opening, errors, schema, how statements travel) is in engine and its two
// implementations.
//
// Rules of the text: $1, $2 for parameters; times are Unix milliseconds that the caller passes, 0 for "never"; ids are
// made in Go; documents are JSON that SQL never looks into; every statement names the tenant, except where a tenant is
// looked for and where workers serve all tenants. A secret is spent by one conditional statement whose row count tells
// who won. Reads of configuration come from a cache (config.go); nothing else is ever cached.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/store/engine"
	"latchkey/internal/store/postgres"
	"latchkey/internal/store/sqlite"
)

// Options of a database. The zero value is fit for use.
type Options struct {
	// MaxConns bounds the connections to PostgreSQL; four for each processor and 8 at least, unless set here or in the URL.
	MaxConns int
	// Wait bounds the wait for a connection or for the single writer of SQLite; 10 seconds unless set. A wait that is too
	// long ends as an error of kind apierr.Unavailable.
	Wait time.Duration
	// ConfigAge is how old a cached configuration may be before it is compared with the database; one second unless set.
	ConfigAge time.Duration
	// LogRetention is how long log events are kept; 30 days unless set.
	LogRetention time.Duration
}

const (
	defaultConfigAge    = time.Second
	defaultLogRetention = 30 * 24 * time.Hour
)

// DB is an opened database. It is safe for concurrent use.
type DB struct {
	engine  engine.Engine
	config  *configCache
	sweeper *sweeper
}

// Open opens a database. Its url is a postgres:// URL, or the path of an SQLite file, with or without "sqlite:" before
// it; a file that does not exist is made. The schema is neither checked nor migrated.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	if o.ConfigAge <= 0 {
		o.ConfigAge = defaultConfigAge
	}
	if o.LogRetention <= 0 {
		o.LogRetention = defaultLogRetention
	}
	e, err := open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	return &DB{engine: e, config: newConfigCache(o.ConfigAge), sweeper: newSweeper(o.LogRetention)}, nil
}

func open(ctx context.Context, url string, o Options) (engine.Engine, error) {
	scheme, rest, found := strings.Cut(url, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return postgres.Open(ctx, url, postgres.Options{MaxConns: o.MaxConns, Wait: o.Wait})
	case found && scheme == "sqlite":
		return sqlite.Open(strings.TrimPrefix(rest, "//"), sqlite.Options{WriterWait: o.Wait})
	case strings.Contains(url, "://"):
		return nil, fmt.Errorf("database %q: the scheme must be postgres or sqlite", scheme+"://...")
	case url == "":
		return nil, errors.New("database: no URL or file is given")
	}
	return sqlite.Open(url, sqlite.Options{WriterWait: o.Wait})
}

// Close closes the database after the transactions that are under way.
func (db *DB) Close() error { return db.engine.Close() }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.engine.Ping(ctx) }

// Migrate brings the schema to the version this program needs. Any number of processes may ask at once; one does it.
//
// Users that an earlier release has written are made searchable then, a batch at a time, beside whatever else goes on; what
// is left when it is interrupted is done by the next Migrate or by and by with Sweep.
func (db *DB) Migrate(ctx context.Context) error {
	if err := db.engine.Migrate(ctx); err != nil {
		return err
	}
	return db.indexUsers(ctx)
}

// CheckSchema reports an error that says what to do when the schema is too old for this program. A newer schema is fine:
// migrations leave the previous release working.
func (db *DB) CheckSchema(ctx context.Context) error {
	current, wanted, err := db.engine.Versions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current < wanted {
		return fmt.Errorf("the database schema is at version %d and this program needs version %d: run `latchkey migrate` first", current, wanted)
	}
	return nil
}

// Stats counts the work done since the database was opened, for tests and metrics.
type Stats struct {
	Statements int64 // without BEGIN and COMMIT
	Commits    int64 // transactions, and single writes outside of any
	RoundTrips int64 // times somebody waited for the database
	// Config is the statements that read configuration, in round trips of their own. They are not among the others: one
	// request does them for many.
	Config int64
}

// Stats gives the work done so far.
func (db *DB) Stats() Stats {
	all, config := db.engine.Stats(), db.config.statements.Load()
	return Stats{
		Statements: all.Statements - config, Commits: all.Commits, RoundTrips: all.RoundTrips - db.config.roundTrips.Load(),
		Config: config,
	}
}

// Since gives the work done after before was taken.
func (s Stats) Since(before Stats) Stats {
	return Stats{
		Statements: s.Statements - before.Statements, Commits: s.Commits - before.Commits,
		RoundTrips: s.RoundTrips - before.RoundTrips, Config: s.Config - before.Config,
	}
}
