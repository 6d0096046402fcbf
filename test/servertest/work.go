package servertest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // for counting rows
	_ "modernc.org/sqlite"             // for counting rows

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
	driver, source, list := "sqlite", s.url, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if strings.HasPrefix(s.url, "postgres") {
		driver, list = "pgx", `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tables, err := db.QueryContext(context.Background(), list)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := tables.Err(); err != nil {
		t.Fatal(err)
	}
	_ = tables.Close()
	rows := make(map[string]int, len(names))
	for _, name := range names {
		var n int
		if err := db.QueryRowContext(context.Background(), fmt.Sprintf("SELECT count(*) FROM %q", name)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		rows[name] = n
	}
	return rows
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
