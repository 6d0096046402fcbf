// Package storetest is the contract of storage as tests: every promise that the comments of the Store interfaces make,
// checked against a database. SQLite and PostgreSQL both pass it, and so must whatever is added to them.
package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/ident"
	"latchkey/internal/store"
	"latchkey/internal/tenant"
	"latchkey/test/pg"
)

// migrated is an empty SQLite database with the newest schema, made once for each process.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "latchkey-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	if err := migrate(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func migrate(url string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx), db.Close())
}

// SQLite gives the path of a migrated database that only this test has.
func SQLite(t testing.TB) (url string) {
	t.Helper()
	content, err := migrated()
	if err != nil {
		t.Fatalf("migrate an SQLite database: %v", err)
	}
	path := filepath.Join(t.TempDir(), "latchkey.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// PostgreSQL gives the URL of a migrated database that only this test has.
func PostgreSQL(t testing.TB) (url string) {
	t.Helper()
	return pg.Template(t, "latchkey", migrate)
}

// Open opens a database until the end of the test.
func Open(t testing.TB, url string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), url, o)
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// suite is what each test of the contract is given: a database that it shares with the others, whose tenants are its own,
// and a way to a database that it shares with nobody.
type suite struct {
	fresh func(testing.TB) string
	url   string
	db    *store.DB
}

type promise struct {
	name  string
	check func(*testing.T, *suite)
}

// Run checks the contract. Fresh gives the URL of a migrated database that only the caller has.
func Run(t *testing.T, fresh func(testing.TB) (url string)) {
	s := &suite{fresh: fresh, url: fresh(t)}
	s.db = Open(t, s.url, store.Options{})
	for _, group := range []struct {
		name     string
		promises []promise
	}{
		{"Transaction", transactions}, {"Tenant", tenants}, {"Connection", connections}, {"Client", clients},
		{"ResourceServer", resourceServers}, {"Resource", resources}, {"Key", keys}, {"Config", configuration}, {"User", users}, {"Search", searches}, {"Item", items}, {"Address", addresses}, {"OTP", otps}, {"Lock", locks},
		{"Protect", limits}, {"Assertion", assertions}, {"Session", sessions}, {"LiveSession", liveSessions}, {"Login", logins}, {"Grant", grants}, {"Family", families}, {"Ticket", tickets}, {"LoginTicket", loginTickets}, {"Pages", pages},
		{"Log", logs}, {"LogRead", logReads}, {"Outbox", outbox}, {"Inbox", inbox}, {"Shared", shared}, {"Sweep", sweeps}, {"Job", jobs},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range group.promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.check(t, s)
				})
			}
		})
	}
}

// alone opens a database that only this test has.
func (s *suite) alone(t *testing.T, o store.Options) *store.DB {
	t.Helper()
	return Open(t, s.fresh(t), o)
}

// tenant makes a tenant for this test and gives its id.
func (s *suite) tenant(t *testing.T) string {
	t.Helper()
	return newTenant(t, s.db)
}

func newTenant(t testing.TB, db *store.DB) string {
	t.Helper()
	id := ident.ObjectID()
	host := id + ".example"
	ok(t, db.CreateTenant(context.Background(), &tenant.Tenant{
		ID: id, Name: id, Domain: tenant.Domain{Host: host, Issuer: "https://" + host + "/"}, CreatedAt: at(0),
	}))
	return id
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a fixed moment and some milliseconds.
func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s differs (-want +got):\n%s", what, diff)
	}
}

// race runs do n times at once, on the handles in turn, and gives how often it answered true.
func race(t *testing.T, handles []*store.DB, n int, do func(db *store.DB, i int) (bool, error)) int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			yes, err := do(handles[i%len(handles)], i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("contender %d: %v", i, err)
			}
			if yes {
				won++
			}
		})
	}
	close(begin)
	wg.Wait()
	return won
}

// unless tells whether a contender won: it did when err is nil, it did not when err is lost.
func unless(err, lost error) (bool, error) {
	if errors.Is(err, lost) {
		return false, nil
	}
	return err == nil, err
}

// twoNodes gives the shared handle and another one on the same database.
func (s *suite) twoNodes(t *testing.T) []*store.DB {
	t.Helper()
	return []*store.DB{s.db, Open(t, s.url, store.Options{MaxConns: 8})}
}
