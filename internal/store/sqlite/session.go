package sqlite

import (
	"context"
	"errors"
	"fmt"

	"latchkey/internal/store/engine"
)

const (
	begin    = "BEGIN IMMEDIATE" // a later upgrade from reading to writing could fail half-way
	commit   = "COMMIT"
	rollback = "ROLLBACK"

	// The marks between transactions that are committed together.
	savepoint  = "SAVEPOINT own"
	release    = "RELEASE own"
	rollbackTo = "ROLLBACK TO own"
)

var errEnded = errors.New("the transaction has ended")

// session is a transaction. It takes the writer when it first has something to say.
type session struct {
	engine *Engine
	conn   *conn // not nil while the transaction has the writer
	marked bool  // it began after others that wait for the same commit
	ended  bool

	stamped []*engine.Statement // run when it is committed
}

// group is the transactions that wait for the same commit. A commit costs the disk's time whatever is in it, so while
// others wait for the writer, a transaction that is finished lets them write first and all are committed at once. Each
// waits behind those it let pass, in the same queue: whoever comes to the writer first, or finds nobody else waiting,
// commits for all.
type group struct {
	done chan struct{} // closed after the commit
	err  error         // its outcome, set before
}

// Run implements engine.Session.
func (s *session) Run(ctx context.Context, statements []*engine.Statement, last bool) error {
	if s.ended {
		return errEnded
	}
	if err := s.run(ctx, statements, last); err != nil {
		s.Rollback()
		return err
	}
	if last {
		return s.commit()
	}
	return nil
}

func (s *session) run(ctx context.Context, statements []*engine.Statement, last bool) error {
	if s.conn == nil {
		if last && len(statements) == 0 {
			return nil
		}
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	s.engine.roundTrips.Add(1)
	for _, statement := range statements {
		if statement.Stamp != nil {
			s.stamped = append(s.stamped, statement)
			continue
		}
		if err := s.engine.run(context.Background(), s.conn, statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) begin(ctx context.Context) error {
	c, err := s.engine.take(ctx)
	if err != nil {
		return err
	}
	first := begin
	if s.marked = s.engine.group != nil; s.marked {
		first = savepoint
	}
	if err := c.exec(first); err != nil {
		s.engine.release()
		return mapError(err, nil)
	}
	s.conn = c
	return nil
}

// commit commits at once, or, when others wait for the writer, with them.
func (s *session) commit() error {
	s.ended = true
	if s.conn == nil {
		return nil // it never had anything to say
	}
	e, c := s.engine, s.conn
	s.conn = nil
	if s.marked {
		if err := c.exec(release); err != nil {
			e.end(fmt.Errorf("release a savepoint: %w", err))
			e.release()
			return engine.ErrUnavailable.With(err)
		}
	}
	e.stamped = append(e.stamped, s.stamped...)
	if e.waiting.Load() == 0 {
		err := e.commitAll()
		e.release()
		return s.count(err)
	}
	if e.group == nil {
		e.group = &group{done: make(chan struct{})}
	}
	g := e.group
	e.release()
	e.await(g)
	return s.count(g.err)
}

// await waits for the commit of a group, or makes it. The caller does not have the writer.
func (e *Engine) await(g *group) {
	select {
	case <-g.done:
	case e.turn <- struct{}{}:
		if e.group == g {
			_ = e.commitAll() // the outcome is in g
		}
		e.release()
	}
}

func (s *session) count(err error) error {
	if err == nil {
		s.engine.commits.Add(1)
	}
	return err
}

// Rollback implements engine.Session. A transaction that began after others which wait for their commit waits with them: what
// it gave up for may be what they wrote, and whoever reads next is to find it.
func (s *session) Rollback() {
	s.ended = true
	if s.conn == nil {
		return
	}
	e, c := s.engine, s.conn
	s.conn = nil
	if !s.marked {
		defer e.release()
		// Some errors make SQLite roll back by itself; then this fails too, and a fresh connection is the sure way.
		if err := c.exec(rollback); err != nil {
			e.drop()
		}
		return
	}
	if err := errors.Join(c.exec(rollbackTo), c.exec(release)); err != nil {
		// SQLite has rolled everything back, those before included.
		e.end(fmt.Errorf("roll back to a savepoint: %w", err))
		e.release()
		return
	}
	g := e.group
	e.release()
	e.await(g)
}

// commitAll commits what the writer has open and tells everybody who waits for it. The caller has the writer.
func (e *Engine) commitAll() error {
	err := e.stamp()
	if err == nil {
		err = mapError(e.writer.exec(commit), nil)
	}
	if err != nil && e.writer.exec(rollback) != nil {
		e.drop()
	}
	e.tell(err)
	return err
}

// stamp runs what the transactions that are about to be committed have left for that moment. Each of them may have waited
// for others that it let pass.
func (e *Engine) stamp() error {
	statements := e.stamped
	e.stamped = nil
	for _, s := range statements {
		s.Stamp()
		if err := e.run(context.Background(), e.writer, s); err != nil {
			return err
		}
	}
	return nil
}

// end gives up the open transaction, with everybody who waits for its commit. The caller has the writer.
func (e *Engine) end(cause error) {
	e.stamped = nil
	e.drop()
	e.tell(engine.ErrUnavailable.With(cause))
}

func (e *Engine) tell(outcome error) {
	if e.group != nil {
		e.group.err = outcome
		close(e.group.done)
		e.group = nil
	}
}
