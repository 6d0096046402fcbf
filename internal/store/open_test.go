package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"latchkey/internal/apierr"
	"latchkey/internal/otp"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
	"latchkey/test/pg"
)

func TestOpen_MakesAFileThatOnlyItsOwnerReads(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "with space?and=100%&#.db", "ü.db"} {
		path := filepath.Join(t.TempDir(), name)
		db := storetest.Open(t, path, store.Options{})
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, file := range []string{path, path + "-wal"} {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("%s: got mode %o, want 600", file, got)
			}
		}
	}
}

func TestOpen_TakesAFileInSeveralForms(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	for _, url := range []string{path, "sqlite:" + path, "sqlite://" + path} {
		db := storetest.Open(t, url, store.Options{})
		if err := db.CheckSchema(t.Context()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestOpen_RefusesWhatItCannotOpenAndKeepsPasswordsToItself(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "mysql://user:hunter2@localhost/db", "postgres://user:hunter2@127.0.0.1:1/db?connect_timeout=2",
		"postgres://user:hunter2@%zz/db", filepath.Join(t.TempDir(), "no", "folder.db"),
	} {
		db, err := store.Open(t.Context(), url, store.Options{})
		if err == nil {
			db.Close()
			t.Errorf("%s was opened", url)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestCheckSchema_NamesTheCommandWhenTheSchemaIsTooOld(t *testing.T) {
	t.Parallel()
	for _, url := range []string{filepath.Join(t.TempDir(), "new.db"), pg.Database(t)} {
		db := storetest.Open(t, url, store.Options{})
		err := db.CheckSchema(t.Context())
		if err == nil || !strings.Contains(err.Error(), "latchkey migrate") {
			t.Errorf("got error %v, want one that names the command", err)
		}
	}
}

func TestMigrate_ByManyAtOnceIsDoneOnce(t *testing.T) {
	t.Parallel()
	for _, url := range []string{filepath.Join(t.TempDir(), "new.db"), pg.Database(t)} {
		var wg sync.WaitGroup
		for range 4 {
			db := storetest.Open(t, url, store.Options{MaxConns: 4})
			wg.Go(func() {
				if err := errors.Join(db.Migrate(t.Context()), db.CheckSchema(t.Context())); err != nil {
					t.Errorf("migrate %s: %v", url, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestSchemas_HaveTheSameColumns(t *testing.T) {
	t.Parallel()
	columns := func(url, text string) map[string]bool {
		all := map[string]bool{}
		for _, line := range query(t, url, text) {
			all[line] = true
		}
		return all
	}
	postgres := columns(storetest.PostgreSQL(t), `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'schema_%'`)
	sqlite := map[string]bool{}
	types := strings.NewReplacer("TEXT", "text", "INTEGER", "bigint", "BLOB", "bytea")
	for line := range columns(storetest.SQLite(t), `SELECT m.name || '.' || c.name || ' ' || c.type || ' ' ||
		CASE WHEN c."notnull" THEN 'NO' ELSE 'YES' END FROM sqlite_schema m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'schema_%' AND m.name <> 'migration_lock'`) {
		sqlite[types.Replace(line)] = true
	}
	for line := range postgres {
		if as := strings.Replace(line, " boolean ", " bigint ", 1); as != line {
			delete(postgres, line) // SQLite has no booleans
			postgres[as] = true
		}
	}
	if len(sqlite) < 100 {
		t.Fatalf("got %d columns, want all of them", len(sqlite))
	}
	if diff := cmp.Diff(sqlite, postgres); diff != "" {
		t.Errorf("the schemas differ (-SQLite +PostgreSQL):\n%s", diff)
	}
}

func TestSchemas_OrderTextByBytesOnPostgreSQL(t *testing.T) {
	t.Parallel()
	for _, column := range query(t, storetest.PostgreSQL(t), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'schema_%' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`) {
		t.Errorf("column %s is not ordered by bytes", column)
	}
}

func TestPostgreSQL_ALostConnectionIsUnavailableAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	url := storetest.PostgreSQL(t)
	db := storetest.Open(t, url, store.Options{MaxConns: 1})
	made := &tenant.Tenant{ID: "t", Name: "t", Domain: tenant.Domain{Host: "h", Issuer: "https://h/"}}
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if err := db.CreateTenant(ctx, made); err != nil {
			return err
		}
		query(t, url, `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		_, err := db.DeleteSession(ctx, "t", "sid")
		return err
	})
	if got := apierr.KindOf(err); got != apierr.Unavailable {
		t.Fatalf("got error %v, want one of kind unavailable", err)
	}
	if err := db.CreateTenant(t.Context(), made); err != nil {
		t.Fatalf("the lost transaction left something, or no new connection was made: %v", err)
	}
}

func TestClose_EndsEverything(t *testing.T) {
	t.Parallel()
	for _, url := range []string{storetest.SQLite(t), storetest.PostgreSQL(t)} {
		db, err := store.Open(t.Context(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Ping(t.Context()), db.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"ping":  db.Ping(t.Context()),
			"write": db.DeleteFiles(t.Context(), "x"),
		} {
			if got := apierr.KindOf(err); got != apierr.Unavailable {
				t.Errorf("%s after the end: got error %v, want one of kind unavailable", what, err)
			}
		}
	}
}

// query gives the one text column of an answer, asked beside the store.
func query(t testing.TB, url, text string) []string {
	t.Helper()
	var all []string
	if !strings.HasPrefix(url, "postgres") {
		rows, err := openPlain(t, url).Query(text)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		return all
	}
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if all, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
	return all
}

func openPlain(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestPostgreSQL_TransactionsThatWaitForEachOtherAreRunAgain(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.PostgreSQL(t), store.Options{})
	var met sync.WaitGroup
	met.Add(2)
	var runs atomic.Int64
	guess := func(ctx context.Context, subject string) (otp.Guesses, error) {
		return db.CountGuess(ctx, "t", "email", subject, 9, time.Minute, time.Hour, time.Now(), time.Now())
	}
	both := func(first, second string) error {
		once := sync.OnceFunc(func() { met.Done(); met.Wait() })
		return db.InTx(t.Context(), func(ctx context.Context) error {
			runs.Add(1)
			if _, err := guess(ctx, first); err != nil {
				return err
			}
			once() // now each holds what the other wants
			_, err := guess(ctx, second)
			return err
		})
	}
	outcomes := make(chan error, 2)
	go func() { outcomes <- both("a", "b") }()
	go func() { outcomes <- both("b", "a") }()
	if err := errors.Join(<-outcomes, <-outcomes); err != nil {
		t.Fatal(err)
	}
	if got := runs.Load(); got != 3 {
		t.Errorf("got %d runs, want 3: the database ends one of the two", got)
	}
	for _, subject := range []string{"a", "b"} {
		if g, err := guess(t.Context(), subject); err != nil || g.Wrong != 3 {
			t.Errorf("subject %s: got %d guesses and error %v, want 2 and this one", subject, g.Wrong, err)
		}
	}
}
