package servertest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // for reading tables
	_ "modernc.org/sqlite"             // for reading tables

	"latchkey/internal/eventlog"
	"latchkey/internal/store"
)

// logBuffer keeps the operator's log of a server and its nodes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// OperatorLog gives what the server and its nodes have logged for their operator so far.
func (s *Server) OperatorLog() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.b.String()
}

// StopMail ends the server's message worker: messages are still written into the outbox and stay there. What the database
// does from then on, it does for the requests.
func (s *Server) StopMail(t testing.TB) {
	t.Helper()
	if err := s.app.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// Work gives what the database was asked while do ran.
func (s *Server) Work(do func()) store.Stats {
	before := s.Database.Store.Stats()
	do()
	after := s.Database.Store.Stats()
	return store.Stats{
		Statements: after.Statements - before.Statements, Commits: after.Commits - before.Commits,
		RoundTrips: after.RoundTrips - before.RoundTrips,
	}
}

// Rows counts the rows of each table.
func (s *Server) Rows(t testing.TB) map[string]int {
	t.Helper()
	rows := map[string]int{}
	s.tables(t, func(db *sql.DB, name string) error {
		var n int
		err := db.QueryRowContext(context.Background(), fmt.Sprintf("SELECT count(*) FROM %q", name)).Scan(&n)
		rows[name] = n
		return err
	})
	return rows
}

// Dump writes the rows of each table as texts, in order, as somebody would read them who has got hold of the database.
func (s *Server) Dump(t testing.TB) map[string][]string {
	t.Helper()
	dump := map[string][]string{}
	s.tables(t, func(db *sql.DB, name string) error {
		rows, err := db.QueryContext(context.Background(), fmt.Sprintf("SELECT * FROM %q", name))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(targets...); err != nil {
				return err
			}
			var row strings.Builder
			for i, v := range values {
				if b, isBytes := v.([]byte); isBytes {
					v = string(b)
				}
				fmt.Fprintf(&row, "%s=%v ", columns[i], v)
			}
			dump[name] = append(dump[name], row.String())
		}
		slices.Sort(dump[name])
		return rows.Err()
	})
	return dump
}

// tables calls look for each table, with a connection of its own.
func (s *Server) tables(t testing.TB, look func(db *sql.DB, name string) error) {
	t.Helper()
	driver, list := "sqlite", `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if strings.HasPrefix(s.url, "postgres") {
		driver, list = "pgx", `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
	}
	db, err := sql.Open(driver, s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(context.Background(), list)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	_ = rows.Close()
	for _, name := range names {
		if err := look(db, name); err != nil {
			t.Fatal(err)
		}
	}
}

// Events lists the tenant's log, the oldest first.
func (s *Server) Events(t testing.TB) []eventlog.Record {
	t.Helper()
	list, err := s.Database.Store.Events(context.Background(), s.Tenant.ID, eventlog.Criteria{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// EventTypes lists the types of the tenant's log, the oldest first, in one line.
func (s *Server) EventTypes(t testing.TB) string {
	t.Helper()
	var types []string
	for _, e := range s.Events(t) {
		types = append(types, string(e.Type))
	}
	return strings.Join(types, " ")
}
