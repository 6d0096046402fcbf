package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"latchkey/internal/store/engine"
)

// tx is what the context of an InTx closure carries. Writes whose answer nobody needs wait in queued; they
// travel with the next question or with the commit.
type tx struct {
	db      *DB
	session engine.Session
	queued  []*engine.Statement
	stamped []*engine.Statement // wait for the commit; behind all others
	failed  error               // the first error of the database; the transaction can only be rolled back
	ended   bool                // the closure has returned
	tenants map[string]bool     // whose configuration it has written
	shard   int                 // of counters that are spread over rows: one for all it counts, so that two never wait crosswise
}

type contextKey struct{}

// transactionFrom gives the transaction of this database that ctx carries, or nil.
func (db *DB) transactionFrom(ctx context.Context) *tx {
	t, _ := ctx.Value(contextKey{}).(*tx)
	if t == nil || t.db != db {
		return nil
	}
	return t
}

// How often and how fast a transaction that collided with others is run again.
const (
	mostRuns   = 10
	firstPause = 2 * time.Millisecond
	mostPause  = 200 * time.Millisecond
)

// InTx runs fn in one transaction, which the methods of DB join when they are given the context that fn is given. An
// inner InTx joins the outer one. The transaction is committed when fn returns nil. When it collides with another one fn
// is run again: it sets its results and never appends to them, and touches nothing outside the database.
//
// An error of the database ends the transaction even when fn hides it. Queued writes report their errors with the next
// question or with the commit. Whether a commit that ended as unavailable was written is not known.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.transactionFrom(ctx) != nil {
		return fn(ctx)
	}
	return again(ctx, func() error { return db.once(ctx, fn) })
}

func (db *DB) once(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	t := &tx{db: db, session: db.engine.Begin(), shard: rand.IntN(shards)}
	committed := false
	defer func() {
		t.ended = true
		if !committed {
			t.session.Rollback()
		}
		for id := range t.tenants {
			db.config.forget(id)
		}
	}()
	if err := fn(context.WithValue(ctx, contextKey{}, t)); err != nil {
		if errors.Is(t.failed, engine.ErrRetry) {
			return t.failed // whatever fn made of it
		}
		return err
	}
	if err := t.run(ctx, true); err != nil {
		return err
	}
	committed = true
	return nil
}

// again runs do until it no longer collides with others, with pauses that keep them apart.
func again(ctx context.Context, do func() error) error {
	pause := firstPause
	for run := 1; ; run++ {
		err := do()
		if !errors.Is(err, engine.ErrRetry) {
			return err
		}
		if run == mostRuns {
			return engine.ErrUnavailable.With(fmt.Errorf("after %d runs: %w", run, err))
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return engine.ErrUnavailable.With(ctx.Err())
		}
		pause = min(2*pause, mostPause)
	}
}

var errEnded = errors.New("the transaction of this context has ended")

// run sends what is queued, and the question if there is one, and commits if so asked.
func (t *tx) run(ctx context.Context, commit bool, question ...*engine.Statement) error {
	switch {
	case t.ended:
		return errEnded
	case t.failed != nil:
		return t.failed
	}
	statements := append(t.queued, question...)
	t.queued = nil
	if commit {
		statements = append(statements, t.stamped...)
	}
	if err := t.session.Run(ctx, statements, commit); err != nil {
		t.failed = err
		return err
	}
	return nil
}

// read asks questions that change nothing, in the transaction of ctx if there is one.
func (db *DB) read(ctx context.Context, questions ...*engine.Statement) error {
	if !allStorable(questions) {
		return nil // nothing is called so
	}
	if t := db.transactionFrom(ctx); t != nil {
		return t.run(ctx, false, questions...)
	}
	return db.engine.Read(ctx, questions...)
}

// write runs statements whose answers are needed, in the transaction of ctx or in one of their own.
func (db *DB) write(ctx context.Context, statements ...*engine.Statement) error {
	if !allStorable(statements) {
		return errText
	}
	if t := db.transactionFrom(ctx); t != nil {
		return t.run(ctx, false, statements...)
	}
	return again(ctx, func() error {
		if len(statements) == 1 {
			return db.engine.Write(ctx, statements[0])
		}
		return db.engine.Begin().Run(ctx, statements, true)
	})
}

// exec is write for a statement of which only the number of changed rows matters.
func (db *DB) exec(ctx context.Context, sql string, args ...any) (changed int64, err error) {
	s := &engine.Statement{SQL: sql, Args: args}
	err = db.write(ctx, s)
	return s.Changed, err
}

// queue runs a statement whose answer nobody needs: in the transaction of ctx it waits for company, else it commits by
// itself at once.
func (db *DB) queue(ctx context.Context, sql string, args ...any) error {
	return db.queueAll(ctx, &engine.Statement{SQL: sql, Args: args})
}

// queueOne is queue for a write that must change a row: where it changes none, missed comes with the next question or with
// the commit, and nothing of the transaction is written.
func (db *DB) queueOne(ctx context.Context, missed error, sql string, args ...any) error {
	return db.queueAll(ctx, &engine.Statement{SQL: sql, Args: args, Missed: missed})
}

// queueAll is queue for statements that belong together. One with a stamp waits for the commit.
func (db *DB) queueAll(ctx context.Context, statements ...*engine.Statement) error {
	t := db.transactionFrom(ctx)
	switch {
	case t == nil:
		return db.write(ctx, statements...)
	case t.ended:
		return errEnded
	case t.failed != nil:
		return t.failed
	case !allStorable(statements):
		return errText
	}
	for _, s := range statements {
		if s.Stamp != nil {
			t.stamped = append(t.stamped, s)
		} else {
			t.queued = append(t.queued, s)
		}
	}
	return nil
}

// row gives a statement's first row: read when it is a question, written when it is a write that returns something.
func row(sql string, args []any, found *bool, dest ...any) *engine.Statement {
	return &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		*found = true
		return r.Scan(dest...)
	}}
}

// readRow scans the row that a question is answered with, and tells whether there was one.
func (db *DB) readRow(ctx context.Context, sql string, args []any, dest ...any) (found bool, err error) {
	err = db.read(ctx, row(sql, args, &found, dest...))
	return found, err
}

// writeRow scans the row that a write returns, and tells whether there was one.
func (db *DB) writeRow(ctx context.Context, sql string, args []any, dest ...any) (found bool, err error) {
	err = db.write(ctx, row(sql, args, &found, dest...))
	return found, err
}
