package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
	"latchkey/internal/lucene"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
)

// bench is a log over a real database.
type bench struct {
	*eventlog.Log
	clock  *clock.Fake
	tenant string
	db     *store.DB
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, storetest.SQLite(t))
}

func newBenchOn(t *testing.T, url string) *bench {
	t.Helper()
	db := storetest.Open(t, url, store.Options{})
	b := &bench{clock: clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), db: db}
	b.Log = eventlog.New(db, b.clock, 7)
	b.tenant = b.newTenant(t)
	return b
}

func (b *bench) newTenant(t *testing.T) string {
	t.Helper()
	id := ident.ObjectID()
	host := id + ".example"
	must(t, b.db.CreateTenant(t.Context(), &tenant.Tenant{
		ID: id, Name: id, Domain: tenant.Domain{Host: host, Issuer: "https://" + host + "/"}, CreatedAt: b.clock.Now(),
	}))
	return id
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// descriptions of records, in their order.
func descriptions(records []eventlog.Record) []string {
	all := []string{}
	for _, r := range records {
		all = append(all, r.Description)
	}
	return all
}

// write stores one event a minute and gives their records, the oldest first.
func (b *bench) write(t *testing.T, events ...eventlog.Event) []eventlog.Record {
	t.Helper()
	for i, e := range events {
		e.Description = string(rune('a' + i))
		must(t, b.Write(t.Context(), b.tenant, e))
		b.clock.Advance(time.Minute)
	}
	all, err := b.db.Events(t.Context(), b.tenant, eventlog.Criteria{Ascending: true}, len(events))
	must(t, err)
	return all
}

func TestSearch_FindsByEveryDocumentedField(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	all := b.write(t,
		eventlog.Event{Type: "s", UserID: "email|1", UserName: "jane.smith@example.com", ClientID: "cid", ClientName: "My App"},
		eventlog.Event{Type: "s", UserID: "email|2", UserName: "john@example.com", Connection: "email", ConnectionID: "con_1"},
		eventlog.Event{Type: "f", UserID: "email|1", Strategy: "email", StrategyType: "passwordless", Origin: eventlog.Origin{IP: "192.0.2.1"}},
		eventlog.Event{Type: "slo", Origin: eventlog.Origin{Hostname: "h.example", UserAgent: "curl/8"}, Scope: "openid"},
		eventlog.Event{Type: "cls", UserName: "s"},
	)
	for text, want := range map[string]string{
		"":                               "edcba",
		"type:s":                         "ba",
		`type:"s" AND user_id:"email|1"`: "a",
		"type:s*":                        "dba",
		"type:(f OR slo)":                "dc",
		"NOT type:s":                     "edc",
		`user_id:"email|1"`:              "ca",
		"user_name:jane*smith*":          "a",
		"user_name:*example.com":         "ba",
		`client_id:cid`:                  "a",
		`client_name:"My App"`:           "a",
		`client_name:my*`:                "",
		"connection:email":               "b",
		"connection_id:con_1":            "b",
		"strategy:email":                 "c",
		"strategy_type:passwordless":     "c",
		"ip:192.0.2.1":                   "c",
		"hostname:h.example":             "d",
		"user_agent:curl*":               "d",
		"description:d":                  "d",
		"s":                              "eba", // a type and a name
		"email":                          "b",
		"log_id:" + all[2].ID:            "c",
		"log_id:[" + all[1].ID + " TO " + all[3].ID + "}": "cb",
		"log_id:" + all[2].ID[:24] + "*":                  "c",
		"log_id:9*":                                       "edcba",
		"date:[2026-03-01T12:01 TO 2026-03-01T12:02]":     "cb",
		"date:{2026-03-01T12:01 TO *}":                    "edc",
		"date:2026-03":                                    "edcba",
		"date:[2018-12 TO 2019-01-01}":                    "",
		"date:[* TO 2026-03-01T12:00:30]":                 "a",
		"type:s AND type:f":                               "",
		`user_id:"email|1" user_id:"email|2"`:             "cba",
		"scope:openid":                                    "", // is not searched
		"nothing:x":                                       "",
		"_exists_:hostname":                               "d",
	} {
		for _, ascending := range []bool{false, true} {
			got, err := b.Search(t.Context(), b.tenant, eventlog.Query{Text: text, Ascending: ascending, Limit: 100})
			must(t, err)
			wanted := strings.Split(want, "")
			if want == "" {
				wanted = []string{}
			}
			if ascending {
				slices.Reverse(wanted)
			}
			if diff := cmp.Diff(wanted, descriptions(got)); diff != "" {
				t.Errorf("%q, ascending %t (-want +got):\n%s", text, ascending, diff)
			}
		}
		other, err := b.Search(t.Context(), b.newTenant(t), eventlog.Query{Text: text, Limit: 100})
		must(t, err)
		if len(other) > 0 {
			t.Errorf("%q finds %v in another tenant", text, descriptions(other))
		}
	}
	of, err := b.Search(t.Context(), b.tenant, eventlog.Query{UserID: "email|1", Limit: 1, Offset: 1})
	must(t, err)
	if got := descriptions(of); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the second of a user is %v, want a", got)
	}
	for text, want := range map[string]string{
		`user_id:"email|2"`: "", `user_id:"email|1" AND type:f`: "c",
	} {
		got, err := b.Search(t.Context(), b.tenant, eventlog.Query{UserID: "email|1", Text: text, Limit: 9})
		must(t, err)
		if strings.Join(descriptions(got), "") != want {
			t.Errorf("%s of a user gives %v, want %q", text, descriptions(got), want)
		}
	}
}

func TestSearch_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, text := range []string{"type:(s", "user_name:*a", "user_name:a*b", "NOT (type:s OR user_name:*ab)", strings.Repeat("x", 9000)} {
		_, err := b.Search(t.Context(), b.tenant, eventlog.Query{Text: text, Limit: 1})
		if e := apierr.As(err); err == nil || e.Kind != apierr.Invalid || e.Code != lucene.Code {
			t.Errorf("%.20q: got %v, want a refusal of the query", text, err)
		}
	}
}

func TestSearch_ReachesTheFirstThousandOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var many []eventlog.Event
	for i := range 1100 {
		typ := eventlog.SuccessLogin
		if i%100 == 0 {
			typ = eventlog.FailedLogin
		}
		many = append(many, eventlog.Event{Type: typ, Description: fmt.Sprint(i)})
	}
	must(t, b.Write(t.Context(), b.tenant, many...))
	for _, c := range []struct {
		text                 string
		offset, limit, count int
		first                string
	}{
		{"", 0, 100, 100, "1099"}, {"", 950, 100, 50, "149"}, {"", 1000, 100, 0, ""}, {"", 5000, 100, 0, ""},
		{"type:f", 0, 100, 11, "1000"}, {"type:f", 10, 5, 1, "0"}, {"NOT type:s", 0, 100, 11, "1000"},
		{"NOT type:s", 2, 3, 3, "800"},
	} {
		got, err := b.Search(t.Context(), b.tenant, eventlog.Query{Text: c.text, Offset: c.offset, Limit: c.limit})
		must(t, err)
		first := ""
		if len(got) > 0 {
			first = got[0].Description
		}
		if len(got) != c.count || first != c.first {
			t.Errorf("%q from %d: got %d beginning with %s, want %d beginning with %s", c.text, c.offset, len(got), first, c.count, c.first)
		}
	}
}

// slow is a store whose reads take half a second and never end.
type slow struct{ eventlog.Store }

func (slow) Events(ctx context.Context, _ string, _ eventlog.Criteria, limit int) ([]eventlog.Record, error) {
	select {
	case <-time.After(500 * time.Millisecond):
		return make([]eventlog.Record, limit), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (slow) CountByDay(ctx context.Context, _, _, _ string, _ ...eventlog.Type) ([]eventlog.DayCount, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSearch_GivesUpAfterTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		log := eventlog.New(slow{}, clock.System{}, 1)
		_, err := log.Search(t.Context(), "t", eventlog.Query{Text: "type:s", Limit: 1})
		if took := time.Since(began); !errors.Is(err, eventlog.ErrTimeout) || took != 2*time.Second {
			t.Errorf("got %v after %s, want a timeout after 2s", err, took)
		}
		if _, err := log.Daily(t.Context(), "t", began, began); !errors.Is(err, eventlog.ErrTimeout) {
			t.Errorf("got %v, want a timeout of the counts", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := log.Search(gone, "t", eventlog.Query{Limit: 1}); !errors.Is(err, context.Canceled) || errors.Is(err, eventlog.ErrTimeout) {
			t.Errorf("got %v for a caller that left, want that", err)
		}
	})
}

func TestFollow_StaysBehindAndMissesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := eventlog.New(b.db, b.clock, 3) // a node with smaller ids in the same millisecond
	must(t, b.Write(t.Context(), b.tenant, eventlog.Event{Description: "first"}))
	b.clock.Advance(time.Second)
	must(t, b.Write(t.Context(), b.tenant, eventlog.Event{Description: "second"}))
	last := ""
	follow := func(want ...string) {
		t.Helper()
		got, err := b.Follow(t.Context(), b.tenant, last, 2)
		must(t, err)
		if !slices.Equal(descriptions(got), want) {
			t.Fatalf("got %v, want %v", descriptions(got), want)
		}
		if len(got) > 0 {
			last = got[len(got)-1].ID
		}
	}
	follow()
	b.clock.Advance(time.Second) // the first is two seconds old
	follow()
	b.clock.Advance(time.Millisecond)
	follow("first")
	must(t, other.Write(t.Context(), b.tenant, eventlog.Event{Description: "third"}, eventlog.Event{Description: "fourth"}))
	follow()
	b.clock.Advance(3 * time.Second)
	follow("second", "third")
	follow("fourth")
	follow()
	if got, err := b.Follow(t.Context(), b.newTenant(t), "", 9); err != nil || len(got) > 0 {
		t.Errorf("got %v, %v of another tenant, want nothing", got, err)
	}
}

// An event of a transaction that was open for longer than readers stay behind was once missed by them: its id was that of
// the moment when it was written.
func TestFollow_SeesTheEventsOfATransactionThatTookLong(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchOn(t, fresh(t))
			ctx := t.Context()
			follow := func(id string, want ...string) []eventlog.Record {
				t.Helper()
				got, err := b.Follow(ctx, b.tenant, id, 9)
				must(t, err)
				if !slices.Equal(descriptions(got), want) {
					t.Fatalf("got %v, want %v", descriptions(got), want)
				}
				return got
			}
			var last string
			begun := b.clock.Now()
			must(t, b.db.InTx(ctx, func(long context.Context) error {
				must(t, b.Write(long, b.tenant, eventlog.Event{Description: "long"}))
				b.clock.Advance(5 * time.Second)
				must(t, b.Write(ctx, b.tenant, eventlog.Event{Description: "short"}))
				b.clock.Advance(5 * time.Second)
				last = follow("", "short")[0].ID
				return nil
			}))
			found, err := b.Search(ctx, b.tenant, eventlog.Query{Limit: 9})
			must(t, err)
			if got := descriptions(found); !slices.Equal(got, []string{"long", "short"}) {
				t.Errorf("right after the commit a search gives %v, want both", got)
			}
			b.clock.Advance(3 * time.Second)
			long := follow(last, "long")[0]
			if want := begun.Add(10 * time.Second); !long.Date.Equal(want) || !strings.HasPrefix(long.ID, eventlog.IDAt(want)) {
				t.Errorf("got the date %s and the id %s, want those of the commit at %s", long.Date, long.ID, want)
			}
		})
	}
}

func TestGet_GivesTheEventOfTheTenant(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	want := b.write(t, eventlog.Event{Type: "s"})[0]
	got, err := b.Get(t.Context(), b.tenant, want.ID)
	must(t, err)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("event differs (-want +got):\n%s", diff)
	}
	for _, c := range [][2]string{{b.tenant, "900"}, {b.newTenant(t), want.ID}} {
		if _, err := b.Get(t.Context(), c[0], c[1]); !errors.Is(err, eventlog.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	}
}

// A clock that is set back once gave events whose ids were of a later time than their dates: searches by date missed them.
func TestWrite_DatesAreThoseOfTheIDs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	must(t, b.Write(t.Context(), b.tenant, eventlog.Event{}))
	b.clock.Advance(-time.Hour)
	must(t, b.Write(t.Context(), b.tenant, eventlog.Event{}))
	all, err := b.Search(t.Context(), b.tenant, eventlog.Query{Text: "date:[2026-03-01T12 TO *]", Limit: 9})
	must(t, err)
	if len(all) != 2 {
		t.Fatalf("got %d events, want 2", len(all))
	}
	for _, r := range all {
		if !strings.HasPrefix(r.ID, eventlog.IDAt(r.Date)) {
			t.Errorf("event %s has the date %s", r.ID, r.Date)
		}
	}
}

func TestDaily_CountsLoginsAndSignupsByDay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, types := range []string{"s ss s", "f", "ss"} {
		for typ := range strings.FieldsSeq(types) {
			must(t, b.Write(t.Context(), b.tenant, eventlog.Event{Type: eventlog.Type(typ)}))
		}
		b.clock.Advance(24 * time.Hour)
	}
	first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from, to time.Time
		want     []eventlog.Day
	}{
		{first, b.clock.Now(), []eventlog.Day{{Date: first, Logins: 2, Signups: 1}, {Date: first.AddDate(0, 0, 2), Signups: 1}}},
		{first.Add(23 * time.Hour), first, []eventlog.Day{{Date: first, Logins: 2, Signups: 1}}},
		{first.AddDate(0, 0, 1), first.AddDate(0, 0, 1), []eventlog.Day{}},
	} {
		got, err := b.Daily(t.Context(), b.tenant, c.from, c.to)
		must(t, err)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("days differ (-want +got):\n%s", diff)
		}
	}
}
