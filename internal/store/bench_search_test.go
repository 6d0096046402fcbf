package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/lucene"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/user"
)

// The figures of one search for a thousand and for a hundred thousand users stand below each other: their ratio tells how
// a search grows with the tenant.
func BenchmarkSearch(b *testing.B) {
	for _, base := range []struct {
		name  string
		fresh func(testing.TB) string
	}{{"SQLite", storetest.SQLite}, {"PostgreSQL", storetest.PostgreSQL}} {
		b.Run(base.name, func(b *testing.B) {
			sizes := []int{1_000, 100_000}
			var dbs []*store.DB
			for _, n := range sizes {
				url := base.fresh(b)
				db := storetest.Open(b, url, store.Options{})
				fill(b, db, n)
				if strings.HasPrefix(url, "postgres") { // as its autovacuum does a minute after
					query(b, url, "VACUUM ANALYZE")
				}
				dbs = append(dbs, db)
			}
			for _, c := range searchCases {
				for i, db := range dbs {
					b.Run(fmt.Sprintf("%s/%d", c.name, sizes[i]), func(b *testing.B) { c.run(b, db, sizes[i]) })
				}
			}
		})
	}
}

type searchCase struct {
	name string
	// q has a %[1]d where the number of somebody in the middle stands, and %[2]s where a moment in the middle does.
	q      string
	sort   user.Sort
	offset int
	limit  int
	total  bool
	want   int
}

var searchCases = []searchCase{
	{name: "ListFirstPage", limit: 50, total: true, want: 50},
	{name: "ListLastAllowedPage", offset: 900, limit: 100, want: 100},
	{name: "ListByEmail", sort: user.Sort{Field: "email"}, limit: 50, want: 50},
	{name: "ListByLastLogin", sort: user.Sort{Field: "last_login", Descending: true}, limit: 50, want: 50},
	{name: "Email", q: `email:"person%[1]d@example.com"`, limit: 50, total: true, want: 1},
	{name: "EmailPrefix", q: `email:person%[1]d@*`, limit: 50, total: true, want: 1},
	{name: "Phone", q: `phone_number:"+1%010[1]d"`, limit: 50, total: true, want: 1},
	{name: "Username", q: `username:"name%[1]d"`, limit: 50, total: true, want: 1},
	{name: "BareTerm", q: `"name%[1]d"`, limit: 50, total: true, want: 1},
	{name: "ConnectionAndCreation", q: `identities.connection:"email" AND created_at:[%[2]s TO *]`, limit: 50, want: 50},
	{name: "ConnectionAndLogins", q: `identities.connection:"email" AND logins_count:[3 TO *]`, limit: 50, want: 50},
	{name: "LastLoginWithinAMinute", q: `last_login:[%[2]s TO %[2]s]`, limit: 50, total: true, want: 50},
	{name: "AppMetadata", q: `app_metadata.role:"admin"`, limit: 50, total: true, want: 7},
	{name: "AppMetadataAndConnection", q: `app_metadata.role:"admin" AND identities.connection:"email"`, limit: 50, total: true, want: 7},
	{name: "UserMetadata", q: `user_metadata.badge:"badge-%[1]d"`, limit: 50, total: true, want: 1},
	{name: "NobodyKnown", q: `email:"nobody@example.com"`, limit: 50, total: true, want: 0},
}

// begun is when the first of many was created; one comes each second.
var begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (c searchCase) run(b *testing.B, db *store.DB, n int) {
	q := c.q
	if q != "" {
		moment := begun.Add(time.Duration(n/2) * time.Second).Format("2006-01-02T15:04")
		if q = fmt.Sprintf(q, n/2, moment); strings.Contains(q, "%!") {
			q = q[:strings.Index(q, "%!")] // an argument that the query does without
		}
	}
	filter, err := lucene.Parse(q)
	must(b, err)
	for b.Loop() {
		users, _, err := db.SearchUsers(b.Context(), "tenant", user.Search{
			Filter: filter, Sort: c.sort, Offset: c.offset, Limit: c.limit, Total: c.total,
		})
		must(b, err)
		if len(users) != c.want {
			b.Fatalf("%s: got %d users, want %d", q, len(users), c.want)
		}
	}
}

// fill makes n users who have everything that can be searched.
func fill(tb testing.TB, db *store.DB, n int) {
	tb.Helper()
	const batch = 500
	for first := 0; first < n; first += batch {
		err := db.InTx(context.Background(), func(ctx context.Context) error {
			for i := first; i < min(first+batch, n); i++ {
				if err := db.CreateUser(ctx, "tenant", somebody(i, n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func somebody(i, n int) *user.User {
	at := begun.Add(time.Duration(i) * time.Second)
	u := user.NewPasswordless(&connection.Connection{Name: "email", Strategy: connection.Email}, ident.ObjectID(),
		fmt.Sprintf("person%d@example.com", i), at)
	u.Username, u.PhoneNumber = fmt.Sprintf("name%d", i), fmt.Sprintf("+1%010d", i)
	role := "member"
	if i%(n/7+1) == 0 {
		role = "admin"
	}
	u.AppMetadata = map[string]any{"role": role, "level": i % 10}
	u.UserMetadata = map[string]any{"badge": fmt.Sprintf("badge-%d", i), "colour": "red"}
	u.LoginsCount, u.LastLogin, u.LastIP = i%5, at, fmt.Sprintf("192.0.2.%d", i%256)
	return u
}
