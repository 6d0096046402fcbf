package sqlite

import (
	"context"
	"errors"

	"latchkey/internal/store/engine"
)

const (
	begin    = "BEGIN IMMEDIATE" // a later upgrade from reading to writing could fail half-way
	commit   = "COMMIT"
	rollback = "ROLLBACK"
)

var errEnded = errors.New("the transaction has ended")

// session is a transaction. It takes the writer when it first has something to say.
type session struct {
	engine *Engine
	conn   *conn // not nil while the transaction has the writer
	ended  bool
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
		s.end()
	}
	return nil
}

func (s *session) run(ctx context.Context, statements []*engine.Statement, last bool) error {
	if s.conn == nil {
		if last && len(statements) == 0 {
			return nil
		}
		c, err := s.engine.take(ctx)
		if err != nil {
			return err
		}
		if err := c.run(&engine.Statement{SQL: begin}); err != nil {
			s.engine.release()
			return mapError(err, nil)
		}
		s.conn = c
	}
	s.engine.roundTrips.Add(1)
	for _, statement := range statements {
		if err := s.engine.run(s.conn, statement); err != nil {
			return err
		}
	}
	if last {
		if err := s.conn.run(&engine.Statement{SQL: commit}); err != nil {
			return mapError(err, nil)
		}
		s.engine.commits.Add(1)
	}
	return nil
}

// Rollback implements engine.Session.
func (s *session) Rollback() {
	if s.conn != nil {
		// Some errors make SQLite roll back by itself; then this one fails too, and a fresh connection is the sure way.
		if err := s.conn.run(&engine.Statement{SQL: rollback}); err != nil {
			s.engine.drop()
		}
	}
	s.end()
}

func (s *session) end() {
	s.ended = true
	if s.conn != nil {
		s.conn = nil
		s.engine.release()
	}
}
