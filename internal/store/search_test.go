package store_test

import (
	"errors"
	"testing"
	"time"

	"latchkey/internal/lucene"
	"latchkey/internal/store"
	"latchkey/internal/store/engine"
	"latchkey/internal/store/postgres"
	"latchkey/internal/store/sqlite"
	"latchkey/internal/store/storetest"
	"latchkey/internal/user"
)

func search(t *testing.T, db *store.DB, q string) (ids []string, total int) {
	t.Helper()
	filter, err := lucene.Parse(q)
	if err != nil {
		t.Fatal(err)
	}
	users, total, err := db.SearchUsers(t.Context(), "tenant", user.Search{Filter: filter, Limit: 1000, Total: true})
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids, total
}

func TestMigrate_MakesUsersOfThePreviousReleaseSearchable(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			db := storetest.Open(t, url, store.Options{})
			const n = 250 // more than two batches
			fill(t, db, n)
			before, _ := search(t, db, "")
			// What the previous release leaves: the rows of users alone.
			query(t, url, "DELETE FROM user_attributes RETURNING user_id")
			query(t, url, "DELETE FROM user_counts RETURNING tenant_id")
			query(t, url, "UPDATE users SET indexed_version = 0, created_at = 0 RETURNING user_id")
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			after, total := search(t, db, "")
			if total != n || len(after) != n || after[0] != before[0] || after[n-1] != before[n-1] {
				t.Fatalf("got %d of %d users, from %s to %s", len(after), total, after[0], after[n-1])
			}
			if found, _ := search(t, db, "email:person7@example.com"); len(found) != 1 || found[0] != before[7] {
				t.Errorf("got %v, want %s", found, before[7])
			}

			// A node of the previous release changes and makes users beside this one.
			query(t, url, `UPDATE users SET profile = REPLACE(profile, 'person7@', 'other7@'), version = version + 1
				WHERE user_id = '`+before[7]+`' RETURNING user_id`)
			query(t, url, `INSERT INTO users (tenant_id, user_id, profile, blocked, logins_count, last_login, last_ip, version)
				SELECT tenant_id, 'email|new', REPLACE(REPLACE(profile, 'person8@', 'new@'), user_id, 'email|new'), blocked, 0, 0, '', 1
				FROM users WHERE user_id = '`+before[8]+`' RETURNING user_id`)
			if _, err := db.Sweep(t.Context(), begun); err != nil {
				t.Fatal(err)
			}
			for q, want := range map[string]string{
				"email:person7@example.com": "", "email:other7@example.com": before[7], "email:new@example.com": "email|new",
			} {
				if found, _ := search(t, db, q); len(found) > 1 || len(found) == 1 && found[0] != want || len(found) == 0 && want != "" {
					t.Errorf("%s: got %v, want %q", q, found, want)
				}
			}
			if _, total := search(t, db, ""); total != n+1 {
				t.Errorf("got a total of %d, want %d", total, n+1)
			}

			// One that was not indexed yet is deleted, another is changed.
			query(t, url, "UPDATE users SET indexed_version = 0 WHERE user_id IN ('email|new', '"+before[9]+"') RETURNING user_id")
			query(t, url, "UPDATE user_counts SET users = users - 2 WHERE shard = (SELECT MIN(shard) FROM user_counts) RETURNING tenant_id")
			if err := db.DeleteUser(t.Context(), "tenant", "email|new"); err != nil {
				t.Fatal(err)
			}
			u, err := db.User(t.Context(), "tenant", before[9])
			if err != nil {
				t.Fatal(err)
			}
			if u.Nickname = "changed"; db.UpdateUser(t.Context(), "tenant", u) != nil {
				t.Fatal("the user was not changed")
			}
			if found, _ := search(t, db, "nickname:changed"); len(found) != 1 {
				t.Errorf("got %v, want one user", found)
			}
			if _, total := search(t, db, ""); total != n {
				t.Errorf("got a total of %d, want %d", total, n)
			}
		})
	}
}

func TestReadWithin_CutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	lite, err := sqlite.Open(storetest.SQLite(t), sqlite.Options{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	pg, err := postgres.Open(t.Context(), storetest.PostgreSQL(t), postgres.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]engine.Engine{"SQLite": lite, "PostgreSQL": pg} {
		t.Cleanup(func() { _ = e.Close() })
		n := 0
		endless := &engine.Statement{
			SQL: `WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000)
				SELECT COUNT(*) FROM numbers`,
			Row: func(r engine.Row) error { return r.Scan(&n) },
		}
		begun := time.Now()
		if err := e.ReadWithin(t.Context(), 50*time.Millisecond, endless); !errors.Is(err, engine.ErrTooSlow) {
			t.Errorf("%s: got error %v, want %v", name, err, engine.ErrTooSlow)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
		one := &engine.Statement{SQL: "SELECT 1", Row: func(r engine.Row) error { return r.Scan(&n) }}
		for range 2 { // the connection is as good as before, and the limit is not kept
			if err := errors.Join(e.ReadWithin(t.Context(), time.Minute, one), e.Read(t.Context(), one)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
