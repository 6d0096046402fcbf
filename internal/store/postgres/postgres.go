// Package postgres is the engine on PostgreSQL, or on a database that speaks its protocol.
//
// Round trips are what a transaction costs here, so there are few: BEGIN travels with the first statements, writes whose
// answer nobody needs travel with the next question, and COMMIT with the last of them. Statements are prepared once per
// connection and stay in the subset that CockroachDB, YugabyteDB and Citus understand too.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/internal/store/engine"
)

// Options of an engine. The zero value is fit for use.
type Options struct {
	// MaxConns bounds the pool: four connections for each processor and 8 at least, unless set here or by pool_max_conns
	// in the URL.
	MaxConns int
	// Wait bounds the wait for a connection, and then for each answer; 10 seconds unless set.
	Wait time.Duration
}

const (
	defaultWait  = 10 * time.Second
	connsPerCore = 4
	fewestConns  = 8
	idleConns    = 2 // are kept open, so that a burst need not wait for handshakes
)

// Engine is a pool of connections.
type Engine struct {
	pool *pgxpool.Pool
	wait time.Duration

	statements, commits, roundTrips atomic.Int64
}

// Open makes a pool and waits for its first connection.
func Open(ctx context.Context, url string, o Options) (*Engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err) // pgx leaves the password out
	}
	switch {
	case o.MaxConns > 0:
		config.MaxConns = int32(min(o.MaxConns, 10000)) //nolint:gosec // bounded
	case !strings.Contains(url, "pool_max_conns="):
		config.MaxConns = int32(max(fewestConns, connsPerCore*runtime.GOMAXPROCS(0))) //nolint:gosec // small
	}
	if config.MinIdleConns == 0 {
		config.MinIdleConns = min(idleConns, config.MaxConns)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	e := &Engine{pool: pool, wait: o.Wait}
	if e.wait <= 0 {
		e.wait = defaultWait
	}
	first, cancel := context.WithTimeout(ctx, e.wait)
	defer cancel()
	if err := pool.Ping(first); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return e, nil
}

// SkipLocked implements engine.Engine.
func (e *Engine) SkipLocked() string { return "FOR UPDATE SKIP LOCKED" }

// Stats implements engine.Engine.
func (e *Engine) Stats() engine.Stats {
	return engine.Stats{
		Statements: e.statements.Load(), Commits: e.commits.Load(), RoundTrips: e.roundTrips.Load(),
	}
}

// Ping implements engine.Engine.
func (e *Engine) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.wait)
	defer cancel()
	if err := e.pool.Ping(ctx); err != nil {
		return engine.ErrUnavailable.With(err)
	}
	return nil
}

// Close implements engine.Engine. It waits until every connection has been given back.
func (e *Engine) Close() error {
	e.pool.Close()
	return nil
}

// Read implements engine.Engine.
func (e *Engine) Read(ctx context.Context, statements ...*engine.Statement) error {
	conn, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return e.send(ctx, conn.Conn(), "", statements, false)
}

// ReadWithin implements engine.Engine. The server keeps the time, in a transaction that ends with the questions.
func (e *Engine) ReadWithin(ctx context.Context, limit time.Duration, statements ...*engine.Statement) error {
	conn, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	within := &engine.Statement{SQL: setTimeout, Args: []any{strconv.FormatInt(max(1, limit.Milliseconds()), 10)}}
	err = e.send(ctx, conn.Conn(), beginReadSQL, append([]*engine.Statement{within}, statements...), true)
	if err != nil {
		e.rollback(conn)
	}
	return err
}

// Write implements engine.Engine.
func (e *Engine) Write(ctx context.Context, s *engine.Statement) error {
	if err := e.Read(ctx, s); err != nil {
		return err
	}
	e.commits.Add(1)
	return nil
}

// Begin implements engine.Engine.
func (e *Engine) Begin() engine.Session { return &session{engine: e} }

func (e *Engine) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.wait)
	defer cancel()
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return nil, engine.ErrUnavailable.With(fmt.Errorf("wait for a database connection: %w", err))
	}
	return conn, nil
}

// send runs statements in one round trip, between begin, if given, and COMMIT, if asked for. A client that goes away does
// not cut the connection in the middle of its work; the engine's own deadline does.
func (e *Engine) send(ctx context.Context, conn *pgx.Conn, begin string, statements []*engine.Statement, commit bool) (err error) {
	if err := ctx.Err(); err != nil {
		return engine.ErrUnavailable.With(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.wait)
	defer cancel()
	e.roundTrips.Add(1)
	e.statements.Add(int64(len(statements)))
	for _, s := range statements {
		if s.Stamp != nil {
			s.Stamp()
		}
	}
	if begin == "" && !commit && len(statements) == 1 {
		return ask(ctx, conn, statements[0])
	}

	batch := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(statements)+2)}
	if begin != "" {
		batch.Queue(begin)
	}
	for _, s := range statements {
		batch.Queue(text(s), s.Args...)
	}
	if commit {
		batch.Queue(commitSQL)
	}
	results := conn.SendBatch(ctx, batch)
	defer func() {
		if e := results.Close(); err == nil {
			err = mapError(e, nil)
		}
	}()
	if begin != "" {
		if _, err := results.Exec(); err != nil {
			return mapError(err, nil)
		}
	}
	for _, s := range statements {
		if err := take(results, s); err != nil {
			return mapError(err, s)
		}
	}
	if commit {
		tag, err := results.Exec()
		if err != nil {
			return mapError(err, nil)
		}
		if tag.String() != "COMMIT" {
			return fmt.Errorf("commit: the database answered %s", tag)
		}
	}
	return nil
}

// text gives the SQL of a statement. A write that must not miss divides by the number of rows it changed, so that the
// server itself fails: by the time an answer could be looked at, the COMMIT behind it has been done.
func text(s *engine.Statement) string {
	if s.Missed == nil {
		return s.SQL
	}
	return "WITH changed AS (" + s.SQL + " RETURNING 1) SELECT 1 / count(*) FROM changed"
}

// ask runs one statement alone.
func ask(ctx context.Context, conn *pgx.Conn, s *engine.Statement) error {
	if s.Row == nil {
		tag, err := conn.Exec(ctx, text(s), s.Args...)
		s.Changed = tag.RowsAffected()
		return mapError(err, s)
	}
	rows, err := conn.Query(ctx, s.SQL, s.Args...)
	if err != nil {
		return mapError(err, s)
	}
	return mapError(read(rows, s), s)
}

// take reads the answer to the next statement of a batch.
func take(results pgx.BatchResults, s *engine.Statement) error {
	if s.Row == nil {
		tag, err := results.Exec()
		s.Changed = tag.RowsAffected()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	return read(rows, s)
}

func read(rows pgx.Rows, s *engine.Statement) error {
	defer rows.Close()
	for rows.Next() {
		if err := s.Row(rows); err != nil {
			return err
		}
	}
	rows.Close()
	s.Changed = rows.CommandTag().RowsAffected()
	return rows.Err()
}

// mapError gives a database error its meaning.
func mapError(err error, s *engine.Statement) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var row pgx.ScanArgError
		if errors.As(err, &row) {
			return err
		}
		if pgconn.Timeout(err) || pgconn.SafeToRetry(err) || errors.Is(err, context.DeadlineExceeded) || broken(err) {
			return engine.ErrUnavailable.With(err)
		}
		return err
	}
	switch {
	case pg.Code == uniqueViolation && s != nil && s.Taken != nil:
		return fmt.Errorf("%w (%w)", s.Taken, err)
	case pg.Code == divisionByZero && s != nil && s.Missed != nil:
		return s.Missed
	case pg.Code == serializationFailure || pg.Code == deadlockDetected:
		return fmt.Errorf("%w: %w", engine.ErrRetry, err)
	case pg.Code == queryCanceled:
		return fmt.Errorf("%w: %w", engine.ErrTooSlow, err)
	case strings.HasPrefix(pg.Code, connectionException), strings.HasPrefix(pg.Code, insufficientResources),
		strings.HasPrefix(pg.Code, operatorIntervention), pg.Code == lockNotAvailable:
		return engine.ErrUnavailable.With(err)
	}
	return err
}

// Error codes (PostgreSQL documentation, appendix A).
const (
	connectionException   = "08"
	insufficientResources = "53"
	operatorIntervention  = "57" // shutdown
	queryCanceled         = "57014"
	divisionByZero        = "22012"
	uniqueViolation       = "23505"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	lockNotAvailable      = "55P03"
)
