package postgres

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/internal/store/engine"
)

const (
	// The isolation is named so that a server's default decides nothing.
	beginSQL = "BEGIN ISOLATION LEVEL READ COMMITTED"
	// One state of the database for all questions, as SQLite's readers have it for each.
	beginReadSQL = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	setTimeout   = "SELECT set_config('statement_timeout', $1, TRUE)"
	commitSQL    = "COMMIT"
	rollbackSQL  = "ROLLBACK"
)

var errEnded = errors.New("the transaction has ended")

// session is a transaction. It takes a connection when it first has something to say.
type session struct {
	engine *Engine
	conn   *pgxpool.Conn
	ended  bool
}

// Run implements engine.Session.
func (s *session) Run(ctx context.Context, statements []*engine.Statement, last bool) error {
	if s.ended {
		return errEnded
	}
	begin := ""
	if s.conn == nil {
		if last && len(statements) == 0 {
			s.ended = true
			return nil
		}
		conn, err := s.engine.acquire(ctx)
		if err != nil {
			s.ended = true
			return err
		}
		s.conn, begin = conn, beginSQL
	}
	if err := s.engine.send(ctx, s.conn.Conn(), begin, statements, last); err != nil {
		s.Rollback()
		return err
	}
	if last {
		s.engine.commits.Add(1)
		s.end()
	}
	return nil
}

// Rollback implements engine.Session.
func (s *session) Rollback() {
	if s.conn != nil {
		s.engine.rollback(s.conn)
	}
	s.end()
}

// rollback ends the transaction that a connection may have open.
func (e *Engine) rollback(conn *pgxpool.Conn) {
	if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), e.wait)
		defer cancel()
		// A connection that fails here is closed by the pool, and the server rolls back.
		_, _ = conn.Exec(ctx, rollbackSQL)
	}
}

func (s *session) end() {
	s.ended = true
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
}

// broken reports whether an error that is no answer of the server comes from the network.
func broken(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
