package storetest

import (
	"testing"
	"time"

	"latchkey/internal/eventlog"
)

// recordAt is an event with an id as the log makes it.
func recordAt(when time.Time, sequence string, typ eventlog.Type) eventlog.Record {
	return eventlog.Record{ID: eventlog.IDAt(when) + sequence, Date: when, Event: eventlog.Event{Type: typ, UserID: "u"}}
}

var logReads = []promise{
	{"AnEventIsReadByItsID", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := record(1, eventlog.SuccessLogin, "u")
		ok(t, InsertRecords(ctx, s.db, id, []eventlog.Record{want, record(2, eventlog.SuccessLogin, "u")}))
		got, err := s.db.Event(ctx, id, want.ID)
		ok(t, err)
		equal(t, "event", got, &want)
		for _, other := range [][2]string{{id, "90000003"}, {id, ""}, {s.tenant(t), want.ID}} {
			got, err := s.db.Event(ctx, other[0], other[1])
			ok(t, err)
			equal(t, "event", got, nil)
		}
	}},
	{"EventsAreListedBetweenIDsInBothDirections", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		var all []eventlog.Record
		for i := range 6 {
			typ, owner := eventlog.SuccessLogin, "u"
			if i%2 == 1 {
				typ, owner = eventlog.CodeSent, ""
			}
			all = append(all, record(i, typ, owner))
		}
		ok(t, InsertRecords(ctx, s.db, id, all))
		for name, c := range map[string]struct {
			criteria eventlog.Criteria
			limit    int
			want     []int
		}{
			"the oldest":                   {eventlog.Criteria{Ascending: true}, 2, []int{0, 1}},
			"from one on":                  {eventlog.Criteria{From: all[4].ID}, 9, []int{5, 4}},
			"behind one":                   {eventlog.Criteria{From: all[3].ID + " ", Ascending: true}, 9, []int{4, 5}},
			"before one":                   {eventlog.Criteria{Until: all[2].ID}, 9, []int{1, 0}},
			"between two":                  {eventlog.Criteria{From: all[1].ID, Until: all[4].ID}, 2, []int{3, 2}},
			"of a type between two":        {eventlog.Criteria{Type: eventlog.CodeSent, From: all[2].ID, Until: all[5].ID}, 9, []int{3}},
			"of a user before one":         {eventlog.Criteria{UserID: "u", Until: all[4].ID, Ascending: true}, 9, []int{0, 2}},
			"of a user and another's type": {eventlog.Criteria{UserID: "u", Type: eventlog.CodeSent}, 9, nil},
			"where there is nothing":       {eventlog.Criteria{From: all[4].ID, Until: all[4].ID}, 9, nil},
		} {
			var want []eventlog.Record
			for _, i := range c.want {
				want = append(want, all[i])
			}
			got, err := s.db.Events(ctx, id, c.criteria, c.limit)
			ok(t, err)
			equal(t, "events "+name, got, want)
			got, err = s.db.Events(ctx, s.tenant(t), c.criteria, c.limit)
			ok(t, err)
			equal(t, "events of another tenant", len(got), 0)
		}
	}},
	{"EventsAreCountedByTypeAndDay", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		midnight := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		ok(t, InsertRecords(ctx, s.db, id, []eventlog.Record{
			recordAt(midnight.Add(-24*time.Hour-time.Millisecond), "9", eventlog.SuccessLogin),
			recordAt(midnight.Add(-24*time.Hour), "0", eventlog.SuccessLogin),
			recordAt(midnight.Add(-time.Millisecond), "9", eventlog.SuccessLogin),
			recordAt(midnight.Add(-time.Millisecond), "8", eventlog.SuccessSignup),
			recordAt(midnight, "0", eventlog.SuccessLogin),
			recordAt(midnight, "1", eventlog.CodeSent),
			recordAt(midnight.Add(24*time.Hour), "0", eventlog.SuccessLogin),
		}))
		count := func(tenantID string, from, until time.Time, types ...eventlog.Type) []eventlog.DayCount {
			t.Helper()
			got, err := s.db.CountByDay(ctx, tenantID, eventlog.IDAt(from), eventlog.IDAt(until), types...)
			ok(t, err)
			return got
		}
		from, until := midnight.Add(-24*time.Hour), midnight.Add(24*time.Hour)
		equal(t, "counts", count(id, from, until, eventlog.SuccessSignup, eventlog.SuccessLogin), []eventlog.DayCount{
			{Day: "20260301", Type: eventlog.SuccessSignup, Count: 1},
			{Day: "20260301", Type: eventlog.SuccessLogin, Count: 2}, {Day: "20260302", Type: eventlog.SuccessLogin, Count: 1},
		})
		equal(t, "counts of a type that is not there", count(id, from, until, eventlog.FailedLogin), nil)
		equal(t, "counts of no time", count(id, from, from, eventlog.SuccessLogin), nil)
		equal(t, "counts of another tenant", count(s.tenant(t), from, until, eventlog.SuccessLogin), nil)
	}},
}
