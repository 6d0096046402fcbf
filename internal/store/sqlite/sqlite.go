// Package sqlite is the engine on an embedded SQLite file.
//
// There is one writer: a single connection that transactions take in turn, waiting in the process and not in SQLite. So
// no write ever meets a lock of its own process, and a queue that grows too long ends as "unavailable" in good order.
// Transactions that queue are committed together. A few further connections only read and always see the last commit.
// Commits are synced in full: a used code stays used when the power fails.
//
// Connections are used without database/sql: every statement is compiled once per connection and kept.
package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	moderncsqlite "modernc.org/sqlite"

	"latchkey/internal/store/engine"
)

// Options of an engine. The zero value is fit for use.
type Options struct {
	// WriterWait bounds the wait for the single writer; 10 seconds unless set.
	WriterWait time.Duration
	// Readers is the number of reading connections; as many as processors, 4 at most, unless set.
	Readers int
}

const (
	defaultWriterWait = 10 * time.Second
	mostReaders       = 4
)

// Engine is an opened SQLite file.
type Engine struct {
	path       string
	writerWait time.Duration

	turn    chan struct{}       // holds a token while a transaction has the writer; waiters are served in order
	waiting atomic.Int32        // transactions that wait for the token to begin
	writer  *conn               // touched only by the holder of the token; nil after it broke
	group   *group              // likewise: finished transactions that are not committed yet; nil when there are none
	stamped []*engine.Statement // likewise: what finished transactions write when they are committed
	readers chan *conn          // a nil one is not opened yet
	closed  atomic.Bool
	closing sync.Once

	statements, commits, roundTrips atomic.Int64
}

// Open opens the file, or makes it, readable by this user alone. Its folder must exist.
func Open(path string, o Options) (*Engine, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	e := &Engine{path: abs, writerWait: o.WriterWait, turn: make(chan struct{}, 1)}
	if e.writerWait <= 0 {
		e.writerWait = defaultWriterWait
	}
	readers := o.Readers
	if readers <= 0 {
		readers = min(runtime.GOMAXPROCS(0), mostReaders)
	}
	e.readers = make(chan *conn, readers)
	for range readers {
		e.readers <- nil
	}
	// The writer is opened first: it turns a new file to write-ahead logging, which readers rely on.
	if e.writer, err = connect(e.dsn(false)); err != nil {
		return nil, fmt.Errorf("open database %s: %w", abs, err)
	}
	return e, nil
}

// dsn names the file with the settings of a connection. Caches are small: pages that matter stay in the system's own.
func (e *Engine) dsn(readOnly bool) string {
	q := url.Values{}
	pragma := func(p string) { q.Add("_pragma", p) }
	pragma("busy_timeout(5000)") // other processes: commands that run beside the server
	pragma("foreign_keys(1)")
	pragma("case_sensitive_like(1)")
	pragma("temp_store(memory)")
	if readOnly {
		pragma("cache_size(-1024)")
		q.Set("_query_only", "1")
	} else {
		pragma("journal_mode(wal)")
		pragma("synchronous(full)")
		pragma("journal_size_limit(16777216)")
		pragma("cache_size(-2048)")
	}
	u := url.URL{Scheme: "file", Path: e.path, RawQuery: q.Encode()}
	return u.String()
}

func connect(dsn string) (*conn, error) {
	connector, err := moderncsqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	return &conn{raw: raw, compiled: map[string]*statement{}}, nil
}

// SkipLocked implements engine.Engine: with one writer nobody claims at the same time.
func (e *Engine) SkipLocked() string { return "" }

// Stats implements engine.Engine.
func (e *Engine) Stats() engine.Stats {
	return engine.Stats{
		Statements: e.statements.Load(), Commits: e.commits.Load(), RoundTrips: e.roundTrips.Load(),
	}
}

// Ping implements engine.Engine.
func (e *Engine) Ping(ctx context.Context) error {
	return e.Read(ctx, &engine.Statement{SQL: "SELECT 1", Row: func(r engine.Row) error {
		var one int
		return r.Scan(&one)
	}})
}

// Close implements engine.Engine. It waits for the transaction that has the writer and for reads under way. Whoever comes
// later is told that the database is closed.
func (e *Engine) Close() error {
	var err error
	e.closing.Do(func() {
		e.closed.Store(true)
		e.turn <- struct{}{}
		defer e.release()
		if e.group != nil {
			err = e.commitAll()
		}
		for range cap(e.readers) {
			if c := <-e.readers; c != nil {
				err = errors.Join(err, c.close())
			}
		}
		for range cap(e.readers) {
			e.readers <- nil
		}
		if e.writer != nil {
			// The last connection to close writes the log back into the file.
			err = errors.Join(err, e.writer.close())
			e.writer = nil
		}
	})
	return err
}

// Read implements engine.Engine.
func (e *Engine) Read(ctx context.Context, statements ...*engine.Statement) error {
	return e.read(ctx, context.Background(), statements)
}

// ReadWithin implements engine.Engine.
func (e *Engine) ReadWithin(ctx context.Context, limit time.Duration, statements ...*engine.Statement) error {
	within, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := e.read(ctx, within, statements)
	if err != nil && within.Err() != nil {
		return fmt.Errorf("%w: %w", engine.ErrTooSlow, err)
	}
	return err
}

// read runs statements on a reading connection, for which it waits until ctx ends; they are interrupted when within ends.
func (e *Engine) read(ctx, within context.Context, statements []*engine.Statement) error {
	var c *conn
	select {
	case c = <-e.readers:
	case <-ctx.Done():
		return engine.ErrUnavailable.With(fmt.Errorf("wait for a reading connection: %w", ctx.Err()))
	}
	defer func() { e.readers <- c }()
	if e.closed.Load() {
		return engine.ErrUnavailable.With(errClosed)
	}
	if c == nil {
		opened, err := connect(e.dsn(true))
		if err != nil {
			return fmt.Errorf("open a reading connection: %w", mapError(err, nil))
		}
		c = opened
	}
	e.roundTrips.Add(1)
	for _, s := range statements {
		if err := e.run(within, c, s); err != nil {
			return err
		}
	}
	return nil
}

// Write implements engine.Engine.
func (e *Engine) Write(ctx context.Context, s *engine.Statement) error {
	return e.Begin().Run(ctx, []*engine.Statement{s}, true)
}

// Begin implements engine.Engine.
func (e *Engine) Begin() engine.Session { return &session{engine: e} }

func (e *Engine) run(ctx context.Context, c *conn, s *engine.Statement) error {
	e.statements.Add(1)
	return mapError(c.run(ctx, s), s)
}

var errClosed = errors.New("the database is closed")

// take waits for the writer, in the order of asking and no longer than the deadline.
func (e *Engine) take(ctx context.Context) (*conn, error) {
	select {
	case e.turn <- struct{}{}:
	default:
		e.waiting.Add(1)
		defer e.waiting.Add(-1)
		deadline := time.NewTimer(e.writerWait)
		defer deadline.Stop()
		select {
		case e.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, engine.ErrUnavailable.With(fmt.Errorf("wait for the writer: %w", ctx.Err()))
		case <-deadline.C:
			return nil, engine.ErrUnavailable.With(fmt.Errorf("the writer was not free within %s", e.writerWait))
		}
	}
	if e.closed.Load() {
		e.release()
		return nil, engine.ErrUnavailable.With(errClosed)
	}
	if e.writer == nil {
		c, err := connect(e.dsn(false))
		if err != nil {
			e.release()
			return nil, fmt.Errorf("open the writing connection: %w", mapError(err, nil))
		}
		e.writer = c
	}
	return e.writer, nil
}

func (e *Engine) release() { <-e.turn }

// drop closes a writer whose state is not known. The next transaction opens another.
func (e *Engine) drop() {
	_ = e.writer.close()
	e.writer = nil
}

// mapError gives a database error its meaning.
func mapError(err error, s *engine.Statement) error {
	if err == nil {
		return nil
	}
	var sqlite *moderncsqlite.Error
	if !errors.As(err, &sqlite) {
		if errors.Is(err, driver.ErrBadConn) {
			return engine.ErrUnavailable.With(err)
		}
		return err
	}
	switch code := sqlite.Code(); {
	case code == constraintUnique || code == constraintPrimaryKey:
		if s != nil && s.Taken != nil {
			return fmt.Errorf("%w (%w)", s.Taken, err)
		}
	case code&0xff == codeBusy || code&0xff == codeLocked:
		return fmt.Errorf("%w: %w", engine.ErrRetry, err)
	case code&0xff == codeFull, code&0xff == codeIOErr, code&0xff == codeCantOpen, code&0xff == codeNoMem:
		return engine.ErrUnavailable.With(err)
	}
	return err
}

// Result codes (https://www.sqlite.org/rescode.html).
const (
	codeBusy             = 5
	codeLocked           = 6
	codeNoMem            = 7
	codeIOErr            = 10
	codeFull             = 13
	codeCantOpen         = 14
	constraintPrimaryKey = 1555
	constraintUnique     = 2067
)
