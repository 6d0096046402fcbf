package pg_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/test/pg"
)

func query[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestDatabase_IsEmptyAndGoneAfterTheTest(t *testing.T) {
	t.Parallel()
	here := pg.Database(t)
	var name string
	t.Run("inner", func(t *testing.T) {
		url := pg.Database(t)
		name = query[string](t, url, "SELECT current_database()")
		if n := query[int](t, url, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"); n != 0 {
			t.Errorf("a fresh database has %d tables, want none", n)
		}
	})
	if n := query[int](t, here, "SELECT count(*) FROM pg_database WHERE datname = $1", name); n != 0 {
		t.Errorf("%s outlived its test", name)
	}
}

func TestTemplate_MigratesOnceAndKeepsTestsApart(t *testing.T) {
	t.Parallel()
	migrated := 0
	migrate := func(url string) error {
		migrated++
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		_, err = conn.Exec(t.Context(), "CREATE TABLE word (w text)")
		return err
	}
	first := pg.Template(t, "words", migrate)
	second := pg.Template(t, "words", migrate)
	if migrated != 1 {
		t.Errorf("migrated %d times, want once", migrated)
	}
	query[string](t, first, "INSERT INTO word VALUES ('a') RETURNING w")
	if n := query[int](t, second, "SELECT count(*) FROM word"); n != 0 {
		t.Errorf("a row of one test is seen by another: count %d, want 0", n)
	}
}

// TestStart_DefaultOrderIsNotByteOrder keeps private servers unkind to queries
// that forget to ask for byte order.
func TestStart_DefaultOrderIsNotByteOrder(t *testing.T) {
	t.Parallel()
	server, err := pg.Start(t.Context(), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if !query[bool](t, server.URL, "SELECT 'a' < 'B'") {
		t.Error("'a' sorts after 'B', want a collation that differs from byte order")
	}
}

// TestStart_ServerEndsWithItsProcess runs this test binary again, which starts a
// private server and exits without stopping it.
func TestStart_ServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	const child = "LATCHKEY_PG_TEST_CHILD"
	if os.Getenv(child) != "" {
		s, err := pg.Start(t.Context(), pg.Options{})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("url=" + s.URL + "\n")
		os.Exit(0)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStart_ServerEndsWithItsProcess$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(string(out)), "url=")
	if !ok {
		t.Fatalf("child said %q, want a URL", out)
	}
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return
		}
		conn.Close(t.Context())
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the server still answers 20 s after its process ended")
}
