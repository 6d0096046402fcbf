package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/internal/eventlog"
	"latchkey/internal/message"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

func record(n int, typ eventlog.Type, userID string) eventlog.Record {
	return eventlog.Record{
		ID: fmt.Sprintf("900%05d", n), Date: at(n),
		Event: eventlog.Event{
			Type: typ, UserID: userID, Description: "Wrong code “quoted”", ClientID: "c", ClientName: "App", Connection: "email",
			ConnectionID: "con_1", Strategy: "email", StrategyType: "passwordless", UserName: "a@example.com", Audience: "urn:api",
			Scope: "openid", Details: map[string]any{"n": 1.0, "list": []any{"x"}},
			Origin: eventlog.Origin{
				IP: "192.0.2.1", ClientIP: "192.0.2.2", UserAgent: "UA", Hostname: "h", SDK: `{"name":"x"}`, Language: "de", RequestID: "r",
			},
		},
	}
}

// InsertRecords writes events that have their stamps already.
func InsertRecords(ctx context.Context, db *store.DB, tenantID string, records []eventlog.Record) error {
	events := make([]eventlog.Event, len(records))
	for i, r := range records {
		events[i] = r.Event
	}
	next := 0
	return db.InsertEvents(ctx, tenantID, events, func() (string, time.Time) {
		next++
		return records[next-1].ID, records[next-1].Date
	})
}

var logs = []promise{
	{"EventsComeBackNewestFirstByTypeAndUser", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		var all []eventlog.Record
		for i, who := range []string{"u", "", "u", "v", "u", ""} {
			typ := eventlog.SuccessLogin
			if i%2 == 1 {
				typ = eventlog.CodeSent
			}
			all = append(all, record(i, typ, who))
		}
		all[5].Details = nil
		ok(t, InsertRecords(ctx, s.db, id, all[3:]))
		ok(t, InsertRecords(ctx, s.db, id, all[:3]))
		ok(t, InsertRecords(ctx, s.db, id, nil))
		ok(t, InsertRecords(ctx, s.db, s.tenant(t), all))
		for _, c := range []struct {
			typ   eventlog.Type
			user  string
			limit int
			want  []int
		}{
			{"", "", 10, []int{5, 4, 3, 2, 1, 0}}, {"", "", 2, []int{5, 4}}, {eventlog.CodeSent, "", 10, []int{5, 3, 1}},
			{"", "u", 10, []int{4, 2, 0}}, {eventlog.SuccessLogin, "u", 2, []int{4, 2}}, {eventlog.CodeSent, "u", 10, nil},
			{"x", "", 10, nil},
		} {
			var want []eventlog.Record
			for _, i := range c.want {
				want = append(want, all[i])
			}
			got, err := s.db.Events(ctx, id, eventlog.Criteria{Type: c.typ, UserID: c.user}, c.limit)
			ok(t, err)
			equal(t, fmt.Sprintf("events of type %q and user %q", c.typ, c.user), got, want)
		}
	}},
	{"ManyEventsAreWrittenTogether", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		var all []eventlog.Record
		for i := range 123 {
			all = append(all, record(i, eventlog.SuccessLogin, "u"))
		}
		ok(t, InsertRecords(ctx, s.db, id, all))
		got, err := s.db.Events(ctx, id, eventlog.Criteria{}, 1000)
		ok(t, err)
		equal(t, "events", len(got), 123)
	}},
	{"EventsAreStampedWhenTheirTransactionIsCommitted", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		stamps, closed := 0, false
		stamp := func() (string, time.Time) {
			if !closed {
				t.Error("a stamp was asked for before the commit")
			}
			stamps++
			return fmt.Sprint("900", stamps), at(stamps)
		}
		event := func(text string) []eventlog.Event { return []eventlog.Event{{Type: "s", Description: text}} }
		refused := errors.New("refused")
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InsertEvents(ctx, id, event("undone"), stamp))
			_, err := s.db.User(ctx, id, "nobody") // sends what is queued
			is(t, err, user.ErrNotFound)
			return refused
		}), refused)
		equal(t, "stamps of what was not committed", stamps, 0)
		ok(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InsertEvents(ctx, id, append(event("first"), event("second")...), stamp))
			ok(t, s.db.CreateUser(ctx, id, person("a@example.com")))
			ok(t, s.db.InsertEvents(ctx, id, event("third"), stamp))
			closed = true
			return nil
		}))
		ok(t, s.db.InsertEvents(ctx, id, event("fourth"), stamp))
		equal(t, "stamps", stamps, 4)
		got, err := s.db.Events(ctx, id, eventlog.Criteria{Ascending: true}, 9)
		ok(t, err)
		var want []eventlog.Record
		for i, text := range []string{"first", "second", "third", "fourth"} {
			want = append(want, eventlog.Record{ID: fmt.Sprint("900", i+1), Date: at(i + 1), Event: event(text)[0]})
		}
		equal(t, "events", got, want)
	}},
	{"OldEventsOfAllTenantsAreDeletedSomeAtATime", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		here, there := newTenant(t, db), newTenant(t, db)
		for i := range 6 {
			ok(t, InsertRecords(ctx, db, here, []eventlog.Record{record(i, eventlog.SuccessLogin, "u")}))
			ok(t, InsertRecords(ctx, db, there, []eventlog.Record{record(i, eventlog.SuccessLogin, "u")}))
		}
		for _, want := range []int{5, 3, 0} {
			n, err := db.DeleteEventsBefore(ctx, at(4), 5)
			ok(t, err)
			equal(t, "deleted", n, want)
		}
		for _, id := range []string{here, there} {
			left, err := db.Events(ctx, id, eventlog.Criteria{}, 10)
			ok(t, err)
			equal(t, "events left", len(left), 2)
		}
	}},
}

// row is a queued message, due at once.
func messageRow(tenantID, id string) message.Row {
	return message.Row{
		Key: message.Key{Tenant: tenantID, ID: id}, Channel: "email", Kind: message.VerificationCode, RecipientHash: []byte{9},
		Payload: []byte("sealed " + id), State: message.StateQueued, DueAt: at(0), ExpiresAt: at(180_000), CreatedAt: at(-10),
	}
}

func ids(rows []message.Row) []string {
	var all []string
	for _, r := range rows {
		all = append(all, r.ID)
	}
	slices.Sort(all)
	return all
}

var outbox = []promise{
	{"AClaimedMessageComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		want := messageRow(id, "m")
		want.Attempts, want.Provider, want.ProviderMessageID, want.LastError = 2, "smtp", "<x@y>", "450 later"
		ok(t, db.InsertMessage(ctx, want))
		got, err := db.ClaimDueMessages(ctx, message.StateQueued, "me", at(1), at(60_000), 10)
		ok(t, err)
		want.State, want.LockedBy, want.DueAt = message.StateSending, "me", at(60_000)
		equal(t, "rows", got, []message.Row{want})
	}},
	{"DueMessagesAreClaimedLongestDueFirst", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		here, there := newTenant(t, db), newTenant(t, db)
		for i, due := range []int{30, 10, 20, 2000} {
			r := messageRow(here, fmt.Sprint("m", i))
			if i == 2 {
				r.Tenant = there
			}
			r.DueAt = at(due)
			ok(t, db.InsertMessage(ctx, r))
		}
		for _, c := range []struct {
			from  message.State
			owner string
			now   time.Time
			limit int
			want  []string
		}{
			{message.StateSending, "me", at(100), 10, nil},
			{message.StateQueued, "me", at(100), 2, []string{"m1", "m2"}},
			{message.StateQueued, "you", at(100), 2, []string{"m0"}},
			{message.StateQueued, "you", at(100), 2, nil},
			{message.StateSending, "you", at(999), 10, nil},
			{message.StateSending, "you", at(1000), 10, []string{"m0", "m1", "m2"}},
		} {
			rows, err := db.ClaimDueMessages(ctx, c.from, c.owner, c.now, at(1000), c.limit)
			ok(t, err)
			equal(t, fmt.Sprintf("claimed from %s by %s at %s", c.from, c.owner, c.now), ids(rows), c.want)
		}
	}},
	{"NoMessageIsClaimedTwice", func(t *testing.T, s *suite) {
		url := s.fresh(t)
		nodes := []*store.DB{Open(t, url, store.Options{}), Open(t, url, store.Options{})}
		ctx, id := t.Context(), newTenant(t, nodes[0])
		var keys []message.Key
		for i := range 70 {
			r := messageRow(id, fmt.Sprintf("m%02d", i))
			keys = append(keys, r.Key)
			ok(t, nodes[0].InsertMessage(ctx, r))
		}
		var mu sync.Mutex
		claims := map[string]int{}
		race(t, nodes, 12, func(db *store.DB, i int) (bool, error) {
			var got []message.Key
			var err error
			if i%3 == 0 {
				backwards := slices.Clone(keys)
				slices.Reverse(backwards)
				got, err = db.ClaimMessages(ctx, backwards, fmt.Sprint(i), at(1000))
			} else {
				var rows []message.Row
				rows, err = db.ClaimDueMessages(ctx, message.StateQueued, fmt.Sprint(i), at(1), at(1000), 20)
				for _, r := range rows {
					got = append(got, r.Key)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, k := range got {
				claims[k.ID]++
			}
			return true, err
		})
		equal(t, "claimed messages", len(claims), 70)
		for m, n := range claims {
			equal(t, "claims of "+m, n, 1)
		}
	}},
	{"NamedMessagesAreClaimedDueOrNot", func(t *testing.T, s *suite) {
		ctx, id, other := t.Context(), s.tenant(t), s.tenant(t)
		for _, m := range []string{"a", "b", "c"} {
			r := messageRow(id, m)
			r.DueAt = at(1_000_000_000)
			ok(t, s.db.InsertMessage(ctx, r))
		}
		sent := messageRow(id, "decoy")
		sent.State = message.StateCancelled
		ok(t, s.db.InsertMessage(ctx, sent))
		named := []message.Key{{Tenant: id, ID: "a"}, {Tenant: id, ID: "b"}, {Tenant: id, ID: "decoy"}, {Tenant: id, ID: "none"}, {Tenant: other, ID: "c"}}
		got, err := s.db.ClaimMessages(ctx, named, "me", at(60_000))
		ok(t, err)
		slices.SortFunc(got, func(a, b message.Key) int { return int(a.ID[0]) - int(b.ID[0]) })
		equal(t, "claimed", got, []message.Key{{Tenant: id, ID: "a"}, {Tenant: id, ID: "b"}})
		got, err = s.db.ClaimMessages(ctx, named, "you", at(60_000))
		ok(t, err)
		equal(t, "claimed again", len(got), 0)
		got, err = s.db.ClaimMessages(ctx, nil, "you", at(60_000))
		ok(t, err)
		equal(t, "claimed of none", len(got), 0)
	}},
	{"OnlyQueuedMessagesAreCancelled", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		for _, m := range []string{"a", "b", "c"} {
			ok(t, db.InsertMessage(ctx, messageRow(id, m)))
		}
		_, err := db.ClaimMessages(ctx, []message.Key{{Tenant: id, ID: "a"}}, "me", at(1000))
		ok(t, err)
		ok(t, db.CancelMessages(ctx, newTenant(t, db), "c"))
		ok(t, db.CancelMessages(ctx, id, "a", "b", "none"))
		ok(t, db.CancelMessages(ctx, id))
		rows, err := db.ClaimDueMessages(ctx, message.StateQueued, "me", at(1), at(1000), 10)
		ok(t, err)
		equal(t, "still queued", ids(rows), []string{"c"})
		rows, err = db.ClaimDueMessages(ctx, message.StateSending, "me", at(1000), at(2000), 10)
		ok(t, err)
		equal(t, "still being sent", ids(rows), []string{"a", "c"})
	}},
	{"OutcomesAreRecordedByTheHolder", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		for _, m := range []string{"failed", "foreign", "queued", "retried", "sent"} {
			ok(t, db.InsertMessage(ctx, messageRow(id, m)))
		}
		keyOf := func(m string) message.Key { return message.Key{Tenant: id, ID: m} }
		_, err := db.ClaimMessages(ctx, []message.Key{keyOf("failed"), keyOf("retried"), keyOf("sent")}, "me", at(1000))
		ok(t, err)
		_, err = db.ClaimMessages(ctx, []message.Key{keyOf("foreign")}, "you", at(1000))
		ok(t, err)
		ok(t, db.FinishMessages(ctx, "me", []message.Outcome{
			{Key: keyOf("sent"), State: message.StateSent, Attempts: 1, Provider: "smtp", ProviderMessageID: "<1@x>"},
			{Key: keyOf("failed"), State: message.StateFailed, Attempts: 1, LastError: "550 no"},
			{Key: keyOf("retried"), State: message.StateQueued, Attempts: 1, DueAt: at(50), LastError: "450 later"},
			{Key: keyOf("queued"), State: message.StateFailed, Attempts: 1},
			{Key: keyOf("foreign"), State: message.StateSent, Attempts: 1},
			{Key: keyOf("none"), State: message.StateSent, Attempts: 1},
		}))
		rows, err := db.ClaimDueMessages(ctx, message.StateQueued, "me", at(60), at(1000), 10)
		ok(t, err)
		want := messageRow(id, "retried")
		want.State, want.LockedBy, want.DueAt = message.StateSending, "me", at(1000)
		want.Attempts, want.LastError = 1, "450 later"
		equal(t, "queued again, its payload kept", rows, []message.Row{want})
		rows, err = db.ClaimDueMessages(ctx, message.StateSending, "me", at(1000), at(2000), 10)
		ok(t, err)
		equal(t, "still being sent", ids(rows), []string{"foreign", "retried"})
		n, err := db.DeleteMessages(ctx, "zzz", 10)
		ok(t, err)
		equal(t, "final messages", n, 3)
	}},
	{"TheBacklogCountsWhatIsPending", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		empty, err := db.MessageBacklog(ctx)
		ok(t, err)
		equal(t, "backlog", empty, message.Backlog{})
		for i, state := range []message.State{message.StateQueued, message.StateSending, message.StateSent, message.StateCancelled} {
			r := messageRow(id, fmt.Sprint("m", i))
			r.State, r.CreatedAt = state, at(-i)
			ok(t, db.InsertMessage(ctx, r))
		}
		got, err := db.MessageBacklog(ctx)
		ok(t, err)
		equal(t, "backlog", got, message.Backlog{Pending: 2, Oldest: at(-1)})
	}},
	{"OldFinalMessagesAreDeletedSomeAtATime", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		here, there := newTenant(t, db), newTenant(t, db)
		for i := range 5 {
			for _, id := range []string{here, there} {
				r := messageRow(id, fmt.Sprint("m", i))
				if i != 1 {
					r.State = message.StateSent
				}
				ok(t, db.InsertMessage(ctx, r))
			}
		}
		for _, want := range []int{4, 2, 0} {
			n, err := db.DeleteMessages(ctx, "m4", 4)
			ok(t, err)
			equal(t, "deleted", n, want)
		}
	}},
	{"AMessageIsPartOfItsTransaction", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		is(t, db.InTx(ctx, func(ctx context.Context) error {
			ok(t, db.InsertMessage(ctx, messageRow(id, "m")))
			return errOurs
		}), errOurs)
		got, err := db.MessageBacklog(ctx)
		ok(t, err)
		equal(t, "backlog", got, message.Backlog{})
	}},
}

var inbox = []promise{
	{"CopiesAreListedNewestFirst", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		var all []message.InboxRow
		for i, created := range []int{3, 1, 2, 2} {
			all = append(all, message.InboxRow{
				Key: message.Key{Tenant: id, ID: fmt.Sprint("m", i)}, RecipientHash: []byte{byte(i % 2)}, Payload: []byte{1}, CreatedAt: at(created),
			})
		}
		ok(t, s.db.SaveInboxMessages(ctx, all))
		again := all[0]
		again.Payload = []byte("changed")
		ok(t, s.db.SaveInboxMessages(ctx, []message.InboxRow{again}))
		for _, c := range []struct {
			query message.InboxQuery
			want  []int
		}{
			{message.InboxQuery{Tenant: id}, []int{0, 3, 2, 1}},
			{message.InboxQuery{Tenant: id, Limit: 2}, []int{0, 3}},
			{message.InboxQuery{Tenant: id, Since: at(1)}, []int{0, 3, 2}},
			{message.InboxQuery{Tenant: id, Recipients: [][]byte{{7}, {0}}}, []int{0, 2}},
			{message.InboxQuery{Tenant: id, Recipients: [][]byte{{1}}, Since: at(1)}, []int{3}},
			{message.InboxQuery{Tenant: s.tenant(t)}, nil},
		} {
			var want []message.InboxRow
			for _, i := range c.want {
				want = append(want, all[i])
			}
			got, err := s.db.ListInboxMessages(ctx, c.query)
			ok(t, err)
			equal(t, "rows", got, want)
		}
		ok(t, s.db.DeleteInboxMessages(ctx, message.InboxQuery{Tenant: id, Recipients: [][]byte{{0}}, Limit: 1}))
		got, err := s.db.ListInboxMessages(ctx, message.InboxQuery{Tenant: id})
		ok(t, err)
		equal(t, "rows after a deletion", got, []message.InboxRow{all[3], all[1]})
	}},
	{"TrimmingKeepsTheNewest", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		here, there := newTenant(t, db), newTenant(t, db)
		for i := range 6 {
			owner := here
			if i%2 == 1 {
				owner = there
			}
			ok(t, db.SaveInboxMessages(ctx, []message.InboxRow{{
				Key: message.Key{Tenant: owner, ID: fmt.Sprint("m", i)}, RecipientHash: []byte{1}, Payload: []byte{1}, CreatedAt: at(i),
			}}))
		}
		count := func() int {
			rows, err := db.ListInboxMessages(ctx, message.InboxQuery{})
			ok(t, err)
			return len(rows)
		}
		ok(t, db.TrimInbox(ctx, at(2), 10))
		equal(t, "rows not too old", count(), 4)
		ok(t, db.TrimInbox(ctx, at(2), 3))
		equal(t, "rows not too many", count(), 3)
		ok(t, db.DeleteInboxMessages(ctx, message.InboxQuery{}))
		equal(t, "rows after all were deleted", count(), 0)
	}},
}
