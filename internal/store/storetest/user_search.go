package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/lucene"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

// parse reads a query.
func parse(t testing.TB, q string) lucene.Node {
	t.Helper()
	n, err := lucene.Parse(q)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

// found gives the nicknames of all users that a query finds, in their order.
func found(t testing.TB, db *store.DB, tenantID, q string, sort user.Sort) string {
	t.Helper()
	users, total, err := db.SearchUsers(context.Background(), tenantID, user.Search{
		Filter: parse(t, q), Sort: sort, Limit: 1000, Total: true,
	})
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	if total != len(users) {
		t.Errorf("%s: got a total of %d for %d users", q, total, len(users))
	}
	return nicknames(users)
}

func nicknames(users []*user.User) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.Nickname
	}
	return strings.Join(names, " ")
}

// cast is a handful of users who differ in all that can be searched, in the order of their creation.
func cast() []*user.User {
	ada := person("ada@example.com")
	ada.ID, ada.Nickname, ada.Name, ada.GivenName, ada.FamilyName = "email|a", "ada", "Ada Lovelace", "Ada", "Lovelace"
	ada.AppMetadata = map[string]any{
		"role": "admin", "level": 9, "tags": []any{"x", "y"}, "plan": map[string]any{"name": "Gold", "seats": 100.5},
		"zip": "90210", "since": "2026-02-10",
	}
	ada.UserMetadata = map[string]any{"colour": "Red", "deep": map[string]any{"er": true}, "n": 5}
	ada.LoginsCount, ada.LastLogin, ada.LastIP = 12, time.Date(2026, 2, 28, 23, 30, 0, 0, time.UTC), "192.0.2.1"

	bob := person("bob@example.org")
	bob.ID, bob.Nickname, bob.Name = "email|b", "bob", "bob 100%_sure"
	bob.EmailVerified, bob.Blocked = false, true
	bob.AppMetadata = map[string]any{"role": "Admin", "level": -3, "plan": "gold"}
	bob.LoginsCount, bob.LastLogin, bob.LastIP = 100, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "192.0.2.20"

	cyd := &user.User{
		ID: "sms|c", Nickname: "cyd", Name: "+15551234567", PhoneNumber: "+15551234567", PhoneVerified: true,
		Identities: []user.Identity{
			{Connection: "sms", Provider: connection.SMS, UserID: "c", Identifiers: []string{"+15551234567"}},
			{
				Connection: "google", Provider: "google-oauth2", UserID: "77", IsSocial: true, Identifiers: []string{"cyd@example.net"},
				ProfileData: map[string]any{"email": "cyd@example.net", "username": "Cyd"},
			},
		},
		AppMetadata: map[string]any{"level": 9.5, "tags": []any{"z"}, "when": json.Number("7")},
	}
	dan := &user.User{
		ID: "auth0|d", Nickname: "dan", Name: "Däniel", Username: "dan", Email: "ada@example.com", UpdatedAt: at(4000),
		Identities:        []user.Identity{{Connection: "db", Provider: connection.Database, UserID: "d", Identifiers: []string{"dan", "ada@example.com"}}},
		LastPasswordReset: time.Date(2025, 12, 24, 18, 0, 0, 0, time.UTC),
		UserMetadata:      map[string]any{"colour": "red", "empty": "", "none": nil},
	}
	all := []*user.User{ada, bob, cyd, dan}
	for i, u := range all {
		u.CreatedAt = at(0).AddDate(0, 0, i)
	}
	return all
}

var searches = []promise{
	{"EveryDocumentedConditionFindsItsUsers", func(t *testing.T, s *suite) {
		ctx, id, other := t.Context(), s.tenant(t), s.tenant(t)
		for _, u := range cast() {
			ok(t, s.db.CreateUser(ctx, id, u))
		}
		stranger := person("ada@example.com")
		stranger.Nickname = "stranger"
		ok(t, s.db.CreateUser(ctx, other, stranger))
		for q, want := range map[string]string{
			"":                                      "ada bob cyd dan",
			"*":                                     "ada bob cyd dan",
			`user_id:"email|a"`:                     "ada",
			"user_id:email*":                        "ada bob",
			"user_id:[email TO f]":                  "ada bob",
			`email:"ada@example.com"`:               "ada dan",
			`email:"ADA@example.com"`:               "ada dan",
			"email:ada*":                            "ada dan",
			"email:*EXAMPLE.org":                    "bob",
			"email:*example*":                       "ada bob dan",
			"email:a*com":                           "ada dan",
			"email.domain:example.ORG":              "bob",
			"email_verified:true":                   "ada",
			"email_verified:false":                  "bob dan",
			"_exists_:email_verified":               "ada bob dan",
			"name:\"ada lovelace\"":                 "ada",
			"name:ada":                              "",
			"name:ada*":                             "ada",
			"name:dÄniel":                           "dan",
			"name:*lov*":                            "ada",
			"name:*100%_s*":                         "bob",
			"name:*1000_s*":                         "",
			`name:*00\%\_*`:                         "bob",
			"nickname:BOB":                          "bob",
			"given_name:ada family_name:none":       "ada",
			"family_name:LOVELACE":                  "ada",
			"username:dan":                          "dan",
			"username:Dan":                          "",
			`phone_number:"+15551234567"`:           "cyd",
			"phone_number:+1555*":                   "cyd",
			"phone_verified:true":                   "cyd",
			"created_at:[2026-03-02 TO *]":          "bob cyd dan",
			"created_at:{2026-03-02 TO 2026-03-03]": "cyd",
			"created_at:2026-03-02":                 "bob",
			"created_at:[2026-03-02T12:00:00Z TO 2026-03-02T12:00:00Z]": "bob",
			"created_at:yesterday":                                 "",
			"_exists_:created_at":                                  "ada bob cyd dan",
			"updated_at:[2026 TO *]":                               "ada bob dan",
			"_exists_:updated_at":                                  "ada bob dan",
			"last_password_reset:2025-12-24":                       "dan",
			"last_login:[2026-02-28 TO 2026-02-28]":                "ada",
			"last_login:[2026-02 TO *]":                            "ada bob",
			"last_login:[* TO 2026-02-28]":                         "ada",
			"last_login:{2026-02-28 TO *]":                         "bob",
			"_exists_:last_login":                                  "ada bob",
			"NOT _exists_:last_login":                              "cyd dan",
			"logins_count:12":                                      "ada",
			"logins_count:[12 TO *]":                               "ada bob",
			"logins_count:{12 TO *]":                               "bob",
			"logins_count:[0 TO 12}":                               "cyd dan",
			"logins_count:[* TO 11.5]":                             "cyd dan",
			"logins_count:>50":                                     "bob",
			"logins_count:many":                                    "",
			"logins_count:[a TO b]":                                "",
			"last_ip:192.0.2.1":                                    "ada",
			"last_ip:192.0.2.*":                                    "ada bob",
			"last_ip:*2.20":                                        "bob",
			"_exists_:last_ip":                                     "ada bob",
			"blocked:true":                                         "bob",
			"blocked:false":                                        "ada cyd dan",
			"blocked:perhaps":                                      "",
			"_exists_:blocked":                                     "bob",
			"identities.connection:sms":                            "cyd",
			"identities.connection:(sms OR db)":                    "cyd dan",
			"identities.provider:email":                            "ada bob",
			"identities.provider:google*":                          "cyd",
			"identities.user_id:77":                                "cyd",
			"identities.isSocial:true":                             "cyd",
			"identities.profileData.email:cyd@example.net":         "cyd",
			"identities.profileData.username:Cyd":                  "cyd",
			"identities.profileData.username:cyd":                  "",
			`app_metadata.role:"admin"`:                            "ada",
			"app_metadata.role:[A TO B]":                           "bob",
			"app_metadata.role:adm*":                               "ada",
			"app_metadata.level:9":                                 "ada",
			"app_metadata.level:9.0":                               "ada",
			"app_metadata.level:[-5 TO 9]":                         "ada bob",
			"app_metadata.level:[-5 TO 9}":                         "bob",
			"app_metadata.level:{9 TO *]":                          "cyd",
			"app_metadata.level:[* TO 0]":                          "bob",
			"app_metadata.when:7":                                  "cyd",
			"app_metadata.tags:y":                                  "ada",
			"app_metadata.tags:(y OR z)":                           "ada cyd",
			"app_metadata.tags:(x AND y)":                          "ada",
			"app_metadata.plan.name:Gold":                          "ada",
			"app_metadata.plan.seats:[100 TO 101]":                 "ada",
			"app_metadata.plan:gold":                               "bob",
			"_exists_:app_metadata.plan":                           "ada bob",
			"_exists_:app_metadata":                                "ada bob cyd",
			"app_metadata.zip:[90000 TO 91000]":                    "ada",
			"app_metadata.since:[2026-02 TO 2026-02]":              "ada",
			"app_metadata.since:[2026-02-11 TO *]":                 "",
			"user_metadata.colour:red":                             "dan",
			`user_metadata.colour:("red" OR "Red")`:                "ada dan",
			"user_metadata.deep.er:true":                           "ada",
			"user_metadata.n:5":                                    "ada",
			`user_metadata.empty:""`:                               "dan",
			"_exists_:user_metadata.empty":                         "dan",
			"_exists_:user_metadata.none":                          "",
			"_exists_:user_metadata.deep":                          "ada",
			"organization_id:x":                                    "",
			"NOT organization_id:x":                                "ada bob cyd dan",
			"picture:x OR name:ada*":                               "ada",
			"picture:x AND name:ada*":                              "",
			"profile:x":                                            "",
			"dan":                                                  "dan",
			"ADA@example.com":                                      "ada dan",
			"*lovel*":                                              "ada",
			"red":                                                  "", // metadata is never searched without its name
			"Gold":                                                 "",
			`"sms|c"`:                                              "cyd",
			"email:*example* AND NOT blocked:true":                 "ada dan",
			"email:*example* AND app_metadata.role:admin":          "ada",
			"NOT (blocked:true OR identities.connection:sms)":      "ada dan",
			"(name:ada* OR nickname:bob) AND email_verified:false": "bob",
			"(name:ada* AND blocked:false) OR (nickname:bob AND blocked:true)": "ada bob",
			"+email:ada* -identities.connection:db":                            "ada",
			"-email:ada*":                                                      "bob cyd",
			"identities.connection:email AND created_at:[2026-03-02 TO *]":     "bob",
			"NOT NOT nickname:ada":                                             "ada",
			"NOT *":                                                            "",
		} {
			if got := found(t, s.db, id, q, user.Sort{}); got != want {
				t.Errorf("%s: got %q, want %q", q, got, want)
			}
		}
	}},
	{"ResultsAreOrderedByAnyField", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, u := range cast() {
			ok(t, s.db.CreateUser(ctx, id, u))
		}
		for _, q := range []string{"", "NOT picture:x", "nickname:(ada OR bob OR cyd OR dan)", "_exists_:created_at"} {
			for _, c := range []struct {
				field    string
				up, down string
			}{
				{"", "ada bob cyd dan", "dan cyd bob ada"},
				{"created_at", "ada bob cyd dan", "dan cyd bob ada"},
				{"unknown", "ada bob cyd dan", "dan cyd bob ada"},
				{"email", "ada dan bob cyd", "bob dan ada cyd"},
				{"name", "cyd ada bob dan", "dan bob ada cyd"},
				{"user_id", "dan ada bob cyd", "cyd bob ada dan"},
				{"last_login", "ada bob cyd dan", "bob ada dan cyd"},
				{"logins_count", "ada bob cyd dan", "bob ada dan cyd"},
				{"app_metadata.level", "bob ada cyd dan", "cyd ada bob dan"},
				{"app_metadata.tags", "ada cyd bob dan", "cyd ada dan bob"},
				{"blocked", "bob ada cyd dan", "bob dan cyd ada"},
			} {
				up := found(t, s.db, id, q, user.Sort{Field: c.field})
				down := found(t, s.db, id, q, user.Sort{Field: c.field, Descending: true})
				// Those without the field come in one order or the other, by creation or by id.
				if c.field == "last_login" || c.field == "logins_count" || c.field == "blocked" {
					with := map[string]int{"last_login": 2, "logins_count": 2, "blocked": 1}[c.field]
					cut := func(line string) string { return strings.Join(strings.Fields(line)[:with], " ") }
					up, down, c.up, c.down = cut(up), cut(down), cut(c.up), cut(c.down)
				}
				equal(t, fmt.Sprintf("%q ordered by %q", q, c.field), [2]string{up, down}, [2]string{c.up, c.down})
			}
		}
	}},
	{"PagesOfAnyOrderFitTogetherAmongMany", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		all := crowd(t, db, id, 1300)
		type test struct {
			q     string
			holds func(u *user.User) bool
		}
		level := func(u *user.User) int { n, _ := u.AppMetadata["level"].(int); return n }
		for _, c := range []test{
			{"", func(*user.User) bool { return true }},
			{"identities.connection:email", func(*user.User) bool { return true }},
			{"NOT app_metadata.level:3", func(u *user.User) bool { return level(u) != 3 }},
			{"app_metadata.level:[1 TO 5]", func(u *user.User) bool { return level(u) >= 1 && level(u) <= 5 }},
			{"app_metadata.level:3", func(u *user.User) bool { return level(u) == 3 }},
			{"email:person*", func(*user.User) bool { return true }},
			{"email:*7@example.com", func(u *user.User) bool { return strings.Contains(u.Email, "7@") }},
			{"identities.connection:email AND email_verified:true AND NOT blocked:true", func(u *user.User) bool { return !u.Blocked }},
			{"identities.connection:email AND created_at:[2026-03-01T12:00:00.100Z TO *]", func(u *user.User) bool { return !u.CreatedAt.Before(at(100)) }},
			{"app_metadata.level:[1 TO *] OR blocked:true", func(u *user.User) bool { return level(u) >= 1 || u.Blocked }},
			{"logins_count:[1 TO *] AND identities.connection:email", func(u *user.User) bool { return u.LoginsCount > 0 }},
		} {
			for _, sort := range []struct {
				field   string
				compare func(a, b *user.User) int
				has     func(u *user.User) bool
			}{
				{"", byCreation, nil},
				{"app_metadata.level", func(a, b *user.User) int { return cmp.Or(cmp.Compare(level(a), level(b)), byCreation(a, b)) },
					func(u *user.User) bool { return level(u) > 0 }},
				{"logins_count", func(a, b *user.User) int {
					return cmp.Or(cmp.Compare(a.LoginsCount, b.LoginsCount), cmp.Compare(a.ID, b.ID))
				},
					func(u *user.User) bool { return u.LoginsCount > 0 }},
			} {
				for _, descending := range []bool{false, true} {
					var want, lacking []string
					matching := slices.DeleteFunc(slices.Clone(all), func(u *user.User) bool { return !c.holds(u) })
					slices.SortFunc(matching, sort.compare)
					if descending {
						slices.Reverse(matching)
					}
					for _, u := range matching {
						if sort.has != nil && !sort.has(u) {
							lacking = append(lacking, u.ID)
						} else {
							want = append(want, u.ID)
						}
					}
					total := len(matching)
					var got []string
					for _, page := range [][2]int{{0, 100}, {100, 100}, {200, 100}, {300, 7}, {307, 93}, {400, 600}} {
						users, n, err := db.SearchUsers(ctx, id, user.Search{
							Filter: parse(t, c.q), Sort: user.Sort{Field: sort.field, Descending: descending}, Offset: page[0], Limit: page[1], Total: true,
						})
						ok(t, err)
						equal(t, c.q+": total", n, total)
						for _, u := range users {
							got = append(got, u.ID)
						}
					}
					what := fmt.Sprintf("%s ordered by %s, descending %t", c.q, sort.field, descending)
					n := min(len(want), 1000)
					equal(t, what, got[:min(n, len(got))], want[:n])
					rest := slices.Clone(got[min(n, len(got)):])
					if wanted := min(total, 1000) - n; len(rest) != wanted {
						t.Errorf("%s: got %d without the field, want %d", what, len(rest), wanted)
					}
					slices.Sort(rest)
					if len(slices.Compact(rest)) != len(got)-n {
						t.Errorf("%s: somebody came twice", what)
					}
					for _, u := range rest {
						if !slices.Contains(lacking, u) {
							t.Errorf("%s: %s does not belong there", what, u)
						}
					}
				}
			}
		}
	}},
	{"WhatIsRefusedOfAQueryIsRefused", func(t *testing.T, s *suite) {
		for _, q := range []string{
			"user_metadata.a:b*", "user_metadata.a:[1 TO 2]", "name:*ab", "name:*a*b*", "x OR NOT (name:ada AND user_metadata.a:b*)", "*ab",
		} {
			_, _, err := s.db.SearchUsers(t.Context(), s.tenant(t), user.Search{Filter: parse(t, q), Limit: 10})
			if e := apierr.As(err); e == nil || e.Kind != apierr.Invalid || e.Code != lucene.Code {
				t.Errorf("%s: got error %v, want a refusal", q, err)
			}
		}
	}},
	// A search for 63 words was once an error on SQLite, where each of them was eight parts of one union.
	{"ManyWordsAndValuesAreLookedForAtOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, u := range cast() {
			ok(t, s.db.CreateUser(ctx, id, u))
		}
		words := func(n int, format, with string) string {
			list := make([]string, n)
			for i := range list {
				list[i] = fmt.Sprintf(format, i)
			}
			return strings.Join(list, with)
		}
		for q, want := range map[string]string{
			"ada " + words(lucene.MaxTerms-2, "word%d", " ") + " bob": "ada bob",
			"ada ADA bob bob": "ada bob",
			"email.domain:example.org OR (ada AND (" + words(250, "word%d", " ") + " ada))":       "ada bob",
			"-(" + words(200, "word%d", " ") + " ada cyd)":                                        "bob dan",
			"user_id:(" + words(255, "nobody%d", " OR ") + ` OR "sms|c")`:                         "cyd",
			"last_ip:(" + words(255, "192.0.3.%d", " OR ") + " OR 192.0.2.20)":                    "bob",
			"logins_count:(" + words(255, "7%d", " OR ") + " OR 12)":                              "ada",
			"app_metadata.level:(" + words(100, "1%d", " OR ") + " OR 9 OR \"-3\")":               "ada bob",
			"app_metadata.tags:(x OR y OR z OR " + words(200, "word%d", " OR ") + ")":             "ada cyd",
			"identities.connection:(google OR sms OR db OR " + words(200, "word%d", " OR ") + ")": "cyd dan",
			words(62, "word%d*", " ") + " nickname:c* OR nickname:d* OR name:x* OR name:y*":       "cyd dan",
			words(62, "+word%d", " ") + " +nickname:c*":                                           "",
			"NOT (" + words(62, "word%d*", " ") + ")":                                             "ada bob cyd dan",
			"nickname:ada AND NOT (" + words(62, "word%d*", " ") + ")":                            "ada",
			"nickname:ada AND (" + words(60, "word%d*", " ") + " OR name:a*)":                     "ada",
			"NOT (nickname:b* AND NOT (" + words(62, "+word%d*", " ") + "))":                      "ada cyd dan",
		} {
			for _, field := range []string{"", "name", "app_metadata.level", "logins_count"} {
				got := strings.Fields(found(t, s.db, id, q, user.Sort{Field: field}))
				slices.Sort(got)
				if strings.Join(got, " ") != want {
					t.Errorf("%.40s by %q: got %q, want %q", q, field, got, want)
				}
			}
		}
		for _, q := range []string{words(63, "word%d*", " "), words(63, "+word%d", " "), "NOT (" + words(256, "a%d*", " OR ") + ")"} {
			_, _, err := s.db.SearchUsers(ctx, id, user.Search{Filter: parse(t, q), Limit: 10})
			is(t, err, user.ErrFilterTooLarge)
		}
	}},
	{"AttributesFollowTheUser", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		u.AppMetadata = map[string]any{"role": "admin", "same": "x"}
		ok(t, s.db.CreateUser(ctx, id, u))
		u, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		u.AppMetadata["role"], u.Email, u.CreatedAt = "guest", "b@example.com", u.CreatedAt.AddDate(-1, 0, 0)
		ok(t, s.db.UpdateUser(ctx, id, u))
		for q, want := range map[string]string{
			"app_metadata.role:admin": "", "app_metadata.role:guest": "a", "app_metadata.same:x": "a", "email:a@example.com": "",
			"email:b@example.com": "a", "created_at:2025-03-01": "a", "created_at:2026-03-01": "", "": "a",
		} {
			equal(t, q, found(t, s.db, id, q, user.Sort{}), want)
		}
		ok(t, s.db.DeleteUser(ctx, id, u.ID))
		for _, q := range []string{"", "app_metadata.same:x", "email:b*"} {
			equal(t, "after the end: "+q, found(t, s.db, id, q, user.Sort{}), "")
		}
	}},
	{"LongAndManyValuesAreBounded", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		long := strings.Repeat("ä", 3000)
		u, other := person("a@example.com"), person("b@example.com")
		many := map[string]any{}
		for i := range 2000 {
			many[fmt.Sprintf("k%04d", i)] = i
		}
		u.AppMetadata = map[string]any{"long": long, strings.Repeat("k", 3000): "v", "z": many, "odd": "\x01a\u0000b"}
		u.UserMetadata = map[string]any{"deep": deep(1000)}
		other.AppMetadata, other.CreatedAt = map[string]any{"long": long + "x"}, at(1)
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.CreateUser(ctx, id, other))
		for q, want := range map[string]string{
			"app_metadata.long:" + long: "a", "app_metadata.long:" + long + "x": "b",
			"app_metadata.long:" + strings.Repeat("ä", 50) + "*": "a b", "app_metadata." + strings.Repeat("k", 3000) + ":v": "a",
			"app_metadata.z.k0001:1": "a", "app_metadata.z.k1999:1999": "", "app_metadata.odd:\x01*": "a",
		} {
			if got := found(t, s.db, id, q, user.Sort{}); got != want {
				t.Errorf("%.40s: got %q, want %q", q, got, want)
			}
		}
	}},
	{"TotalsAreCountedWithTheUsers", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		total := func() int {
			_, n, err := s.db.SearchUsers(ctx, id, user.Search{Limit: 1, Total: true})
			ok(t, err)
			return n
		}
		equal(t, "before", total(), 0)
		race(t, s.twoNodes(t), 20, func(db *store.DB, i int) (bool, error) {
			return true, db.CreateUser(ctx, id, person(fmt.Sprint(i, "@example.com")))
		})
		equal(t, "after", total(), 20)
		is(t, s.db.CreateUser(ctx, id, person("1@example.com")), user.ErrExists)
		users, _, err := s.db.SearchUsers(ctx, id, user.Search{Limit: 5})
		ok(t, err)
		for _, u := range users {
			ok(t, s.db.DeleteUser(ctx, id, u.ID))
		}
		equal(t, "after some were deleted", total(), 15)
	}},
	{"UsersAreListedByEmailAndByConnection", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, u := range cast() {
			ok(t, s.db.CreateUser(ctx, id, u))
		}
		for email, want := range map[string]string{
			"ada@example.com": "ada dan", "ADA@example.com": "", "none@example.com": "", "": "", "a\x00": "",
		} {
			users, err := s.db.UsersByEmail(ctx, id, email)
			ok(t, err)
			equal(t, "users of "+email, nicknames(users), want)
		}
		var after user.Position
		var got []string
		for {
			users, err := s.db.UsersOfConnection(ctx, id, "email", after, 1)
			ok(t, err)
			if len(users) == 0 {
				break
			}
			got = append(got, nicknames(users))
			after = users[0].Position()
		}
		equal(t, "users of the connection", got, []string{"ada", "bob"})
		users, err := s.db.UsersOfConnection(ctx, id, "google", user.Position{}, 10)
		ok(t, err)
		equal(t, "users with a second identity", nicknames(users), "cyd")
	}},
	{"ActiveUsersAreCounted", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, u := range cast() {
			ok(t, s.db.CreateUser(ctx, id, u))
		}
		for since, want := range map[time.Time]int{
			{}: 2, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC): 1, time.Date(2026, 3, 1, 0, 0, 0, 1e6, time.UTC): 0,
		} {
			n, err := s.db.CountActiveUsers(ctx, id, since)
			ok(t, err)
			equal(t, "active since "+since.String(), n, want)
		}
	}},
}

func byCreation(a, b *user.User) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// deep is metadata nested so deep.
func deep(n int) any {
	var v any = "bottom"
	for range n {
		v = map[string]any{"d": v}
	}
	return v
}

// crowd makes many users, several in each millisecond.
func crowd(t testing.TB, db *store.DB, tenantID string, n int) []*user.User {
	t.Helper()
	var all []*user.User
	for i := range n {
		u := person(fmt.Sprintf("person%d@example.com", i))
		u.CreatedAt = at((i * 7919 % n) / 3)
		u.Blocked = i%400 == 0
		if i%5 > 0 {
			u.LoginsCount, u.LastLogin, u.LastIP = i%11, at(i), "192.0.2.7"
		}
		if i%8 > 0 {
			u.AppMetadata = map[string]any{"level": i % 8}
		}
		all = append(all, u)
	}
	for batch := range slices.Chunk(all, 100) {
		ok(t, db.InTx(context.Background(), func(ctx context.Context) error {
			for _, u := range batch {
				if err := db.CreateUser(ctx, tenantID, u); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return all
}
