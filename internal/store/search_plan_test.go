package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/lucene"
	"latchkey/internal/store"
	"latchkey/internal/store/engine"
	"latchkey/internal/store/storetest"
	"latchkey/internal/user"
)

// planned is searches of all kinds and the most rows that their statements may read where fill has made planCrowd users.
var planned = []struct {
	q    string
	sort user.Sort
	most int
}{
	{"", user.Sort{}, 110},
	{"", user.Sort{Field: "created_at", Descending: true}, 110},
	{"", user.Sort{Field: "email"}, 110},
	{"", user.Sort{Field: "name", Descending: true}, 110},
	{"", user.Sort{Field: "last_login", Descending: true}, 110},
	{"", user.Sort{Field: "logins_count"}, 110},
	{"", user.Sort{Field: "user_id"}, 110},
	{"", user.Sort{Field: "user_metadata.colour"}, 250},
	{"", user.Sort{Field: "user_metadata.none"}, 250},
	{`email:"person7@example.com"`, user.Sort{}, 2},
	{`email:"person7@example.com"`, user.Sort{Field: "name"}, 6},
	{`email:person77*`, user.Sort{}, 20},
	{`user_id:"email|1"`, user.Sort{}, 2},
	{`phone_number:"+10000000007"`, user.Sort{}, 2},
	{`username:"name7"`, user.Sort{}, 2},
	{`"name7"`, user.Sort{}, 10},
	{`"name7" "name8" "name9"`, user.Sort{}, 40},
	{`user_id:("email|1" OR "email|2" OR "email|3")`, user.Sort{}, 10},
	{`identities.connection:"email" AND user_metadata.badge:(a OR b OR c OR "badge-7")`, user.Sort{}, 1010},
	{`identities.connection:"email" AND NOT user_metadata.badge:("badge-7" OR "badge-8")`, user.Sort{}, 1010},
	{`identities.connection:"email"`, user.Sort{}, 1010},
	{`identities.connection:"email" AND created_at:[2026-01-01T00:10 TO *]`, user.Sort{}, 1010},
	{`identities.connection:"email" AND created_at:[2026-01-01T00:10 TO 2026-01-01T00:11]`, user.Sort{}, 1010},
	{`identities.connection:"email" AND NOT blocked:true`, user.Sort{}, 1010},
	{`NOT blocked:true`, user.Sort{}, 250},
	{`blocked:true`, user.Sort{}, 2},
	{`last_login:[2026-01-01T00:10 TO 2026-01-01T00:10]`, user.Sort{}, 250},
	{`last_ip:"192.0.2.7"`, user.Sort{}, 30},
	{`last_ip:192.0.2.77*`, user.Sort{}, 2010}, // LIKE over the column
	{`logins_count:[100 TO *]`, user.Sort{}, 2},
	{`app_metadata.role:"admin"`, user.Sort{}, 10},
	{`app_metadata.role:"admin" AND identities.connection:"email"`, user.Sort{}, 1010},
	{`app_metadata.level:[3 TO 3]`, user.Sort{}, 700},
	{`user_metadata.badge:"badge-7"`, user.Sort{}, 2},
	{`user_metadata.badge:("badge-7" OR "badge-8")`, user.Sort{}, 6},
	{`_exists_:app_metadata.none`, user.Sort{}, 2},
	{`updated_at:[2026-01-01T00:10 TO 2026-01-01T00:10]`, user.Sort{}, 250},
}

const planCrowd = 2000

// search.go says what drives a search; this looks whether the databases do as it says.
func TestSearch_ReadsAlongIndexesNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		url := storetest.SQLite(t)
		db := storetest.Open(t, url, store.Options{})
		fill(t, db, planCrowd)
		plain := openPlain(t, url)
		// Whole tables, all users of a tenant, all attributes of a tenant: in any order.
		tooMuch := regexp.MustCompile(`^SCAN (s|x|y|users|user_[a-z]+)\b|^SCAN d .*USING|^SEARCH .*\(tenant_id=\?\)`)
		look := func(what string, statements []*engine.Statement) {
			for _, s := range statements {
				rows, err := plain.Query("EXPLAIN QUERY PLAN "+s.SQL, s.Args...)
				if err != nil {
					t.Fatalf("%s\n%v", s.SQL, err)
				}
				for rows.Next() {
					var id, parent, unused int
					var detail string
					if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
						t.Fatal(err)
					}
					if tooMuch.MatchString(detail) && !strings.Contains(detail, "users_not_indexed") && !strings.Contains(detail, "users_blocked") {
						t.Errorf("%s: the plan has %q for\n%s", what, detail, s.SQL)
					}
				}
				rows.Close()
			}
		}
		for _, statistics := range []string{"ours", "its own"} {
			if statistics == "its own" {
				query(t, url, "ANALYZE")
			}
			for _, c := range planned {
				look(statistics+" "+c.q, searchStatements(t, db, c.q, c.sort))
			}
			look(statistics, store.UserStatements("tenant"))
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgreSQL(t)
		db := storetest.Open(t, url, store.Options{})
		fill(t, db, planCrowd)
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		for _, statistics := range []string{"none", "fresh"} {
			if statistics == "fresh" {
				query(t, url, "VACUUM ANALYZE")
			}
			for _, c := range planned {
				for _, s := range searchStatements(t, db, c.q, c.sort) {
					rows, plan := explain(t, conn, s)
					// Before the first statistics an order may be made by sorting, but nothing is read beside the indexes.
					if strings.Contains(plan, "Seq Scan") || rows > c.most && statistics == "fresh" {
						t.Errorf("%s statistics, %s by %q: %d rows are read, want %d at most\n%s\n%s",
							statistics, c.q, c.sort.Field, rows, c.most, s.SQL, plan)
					}
				}
			}
		}
		for _, s := range store.UserStatements("tenant") {
			if rows, plan := explain(t, conn, s); rows > 2*planCrowd/3+100 {
				t.Errorf("%d rows are read for\n%s\n%s", rows, s.SQL, plan)
			}
		}
	})
}

func searchStatements(t *testing.T, db *store.DB, q string, sort user.Sort) []*engine.Statement {
	t.Helper()
	filter, err := lucene.Parse(q)
	if err != nil {
		t.Fatal(err)
	}
	statements, err := db.SearchStatements(t.Context(), "tenant", user.Search{Filter: filter, Sort: sort, Limit: 50, Offset: 50})
	if err != nil {
		t.Fatal(err)
	}
	return statements
}

// explain runs a statement and gives how many rows and index entries it read.
func explain(t *testing.T, conn *pgx.Conn, s *engine.Statement) (rows int, plan string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+s.SQL, s.Args...).Scan(&plan); err != nil {
		t.Fatalf("%s\n%v", s.SQL, err)
	}
	var all []struct{ Plan node }
	if err := json.Unmarshal([]byte(plan), &all); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	return all[0].Plan.read(&b, ""), b.String()
}

type node struct {
	Type      string  `json:"Node Type"`
	Index     string  `json:"Index Name"`
	Rows      float64 `json:"Actual Rows"`
	Loops     float64 `json:"Actual Loops"`
	Removed   float64 `json:"Rows Removed by Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Plans     []node
}

func (n node) read(b *strings.Builder, indent string) int {
	fmt.Fprintf(b, "%s%s %s rows %v removed %v loops %v\n", indent, n.Type, n.Index, n.Rows, n.Removed+n.Rechecked, n.Loops)
	rows := 0
	if strings.Contains(n.Type, "Scan") && n.Type != "Subquery Scan" && n.Type != "CTE Scan" && n.Type != "Bitmap Heap Scan" {
		rows = int((n.Rows + n.Removed + n.Rechecked) * n.Loops)
	}
	for _, p := range n.Plans {
		rows += p.read(b, indent+"  ")
	}
	return rows
}

func TestSearch_ThatTakesTooLongEndsAsSuch(t *testing.T) {
	t.Parallel()
	for _, url := range []string{storetest.SQLite(t), storetest.PostgreSQL(t)} {
		db := storetest.Open(t, url, store.Options{})
		fill(t, db, 1500)
		filter, err := lucene.Parse("name:*nobody*")
		if err != nil {
			t.Fatal(err)
		}
		slow := user.Search{Filter: filter, Sort: user.Sort{Field: "name"}, Limit: 10, Total: true}
		if _, _, err := db.SearchWithin(t.Context(), -time.Second, "tenant", slow); strings.HasPrefix(url, "/") && !errors.Is(err, user.ErrSearchTooSlow) {
			t.Errorf("%s: got error %v, want %v", url, err, user.ErrSearchTooSlow)
		}
		if _, _, err := db.SearchUsers(t.Context(), "tenant", slow); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
