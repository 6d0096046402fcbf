package pg

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shared is the server of this process: the one the environment names, or a
// private one that ends with the process.
var shared = sync.OnceValues(func() (string, error) {
	if url := os.Getenv(Env); url != "" {
		return url, nil
	}
	s, err := Start(context.Background(), Options{})
	if err != nil {
		return "", err
	}
	return s.URL, nil
})

// Database returns the URL of an empty database that only this test has. It is
// dropped when the test ends, whoever is still connected.
func Database(t testing.TB) (url string) {
	t.Helper()
	return create(t, "template0")
}

// templates holds what Template has migrated in this process.
var templates sync.Map // name -> func() (*template, error)

// template is a migrated database. Its connection holds a lock that tells other
// processes that this one still lives; they drop the templates of those that do
// not. Like the databases it serves, it is held until the process ends.
type template struct {
	database string
	alive    *pgx.Conn
}

// Template returns the URL of a database that only this test has, which starts
// as a copy of the one that migrate left behind. Tests of one process that give
// the same name share one template: migrate runs for the first of them and must
// close its connections. A template lasts as long as its server, or until
// another process finds its maker gone.
func Template(t testing.TB, name string, migrate func(url string) error) (url string) {
	t.Helper()
	made, _ := templates.LoadOrStore(name, sync.OnceValues(func() (*template, error) {
		return makeTemplate(name, migrate)
	}))
	tpl, err := made.(func() (*template, error))()
	if err != nil {
		t.Fatal(err)
	}
	return create(t, tpl.database)
}

// create makes a database from another and drops it when the test ends.
func create(t testing.TB, from string) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + unique()
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		t.Fatalf("create a database for this test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop this test's database: %v", err)
		}
	})
	return withDatabase(server, name)
}

// templatePrefix marks the databases that makeTemplate made.
const templatePrefix = "template_test_"

// makeTemplate creates a database and has it migrated.
func makeTemplate(name string, migrate func(url string) error) (made *template, err error) {
	server, err := shared()
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() {
		if err != nil {
			conn.Close(ctx)
		}
	}()
	if err := dropOrphans(ctx, conn); err != nil {
		return nil, fmt.Errorf("drop the templates of processes that ended: %w", err)
	}
	database := templatePrefix + unique()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", database); err != nil {
		return nil, fmt.Errorf("mark template %q as in use: %w", name, err)
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+database+" TEMPLATE template0"); err != nil {
		return nil, fmt.Errorf("create template %q: %w", name, err)
	}
	if err := migrate(withDatabase(server, database)); err != nil {
		return nil, fmt.Errorf("migrate template %q: %w", name, err)
	}
	return &template{database: database, alive: conn}, nil
}

// dropOrphans drops the templates that no living process holds.
func dropOrphans(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database
		WHERE starts_with(datname, $1) AND pg_try_advisory_lock(hashtext(datname))`, templatePrefix)
	if err != nil {
		return err
	}
	orphans, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, orphan := range orphans {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+orphan+" WITH (FORCE)"); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtext($1))", orphan); err != nil {
			return err
		}
	}
	return nil
}

func execute(server, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// withDatabase returns the URL with its path replaced.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // a connection has been made with it, so it parses
	}
	u.Path = "/" + name
	return u.String()
}

func unique() string { return strings.ToLower(rand.Text()) }
