package message

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestInbox_ShowsTheMessageAsItWasSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		inbox := b.inbox()
		b.start(p, inbox)
		sent := b.send(b.message("c1"))
		settle()
		got, err := inbox.List(t.Context(), InboxFilter{}, 0)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v; want 1", len(got), err)
		}
		m, mail := got[0], p.sent[0]
		if m.ID != sent.ID() || m.Tenant != "t1" || m.To != "Ada@example.com" || m.Code != "481516" || m.Channel != Email {
			t.Errorf("got %+v", m)
		}
		if m.Subject != mail.Subject || m.Text != mail.Text || m.HTML != mail.HTML || m.From != mail.From() {
			t.Error("the copy differs from the mail that was sent")
		}
		b.store.mu.Lock()
		for _, row := range b.store.inbox {
			if strings.Contains(string(row.Payload), "481516") {
				t.Error("the copy lies open in the database")
			}
		}
		b.store.mu.Unlock()
		b.close()
	})
}

func TestInbox_Filters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		inbox := b.inbox()
		b.start(nil, inbox)
		var moments []time.Time
		for i, to := range []string{"ada@example.com", "bob@example.com", "ada@example.com"} {
			m := b.message(fmt.Sprint(i))
			m.To, m.Code = to, Secret(fmt.Sprint("code", i))
			b.send(m)
			settle()
			moments = append(moments, time.Now())
			time.Sleep(time.Second)
		}
		tests := []struct {
			name   string
			filter InboxFilter
			want   string
		}{
			{"all, the newest first", InboxFilter{}, "code2 code1 code0"},
			{"one address, however it is written", InboxFilter{To: " ADA@Example.com "}, "code2 code0"},
			{"an address nobody wrote to", InboxFilter{To: "eve@example.com"}, ""},
			{"what came later", InboxFilter{Since: moments[0]}, "code2 code1"},
			{"what came after the last", InboxFilter{Since: moments[2]}, ""},
			{"one address, later", InboxFilter{To: "ada@example.com", Since: moments[0]}, "code2"},
			{"one tenant", InboxFilter{Tenant: "t1"}, "code2 code1 code0"},
			{"another tenant", InboxFilter{Tenant: "t2"}, ""},
		}
		for _, tt := range tests {
			if got := codes(t, inbox, tt.filter); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		if err := inbox.Delete(t.Context(), InboxFilter{To: "ada@example.com"}); err != nil {
			t.Fatal(err)
		}
		if got := codes(t, inbox, InboxFilter{}); got != "code1" {
			t.Errorf("after deleting Ada's: %q, want Bob's", got)
		}
		if err := inbox.Delete(t.Context(), InboxFilter{}); err != nil {
			t.Fatal(err)
		}
		if got := codes(t, inbox, InboxFilter{}); got != "" {
			t.Errorf("after deleting all: %q", got)
		}
		b.close()
	})
}

func codes(t *testing.T, inbox *Inbox, f InboxFilter) string {
	t.Helper()
	messages, err := inbox.List(t.Context(), f, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range messages {
		out = append(out, m.Code)
	}
	return strings.Join(out, " ")
}

func TestInbox_WaitsForAMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		inbox := b.inbox()
		b.start(nil, inbox)
		type answer struct {
			got []InboxMessage
			at  time.Time
		}
		ask := func(f InboxFilter, wait time.Duration) chan answer {
			out := make(chan answer, 1)
			go func() {
				got, err := inbox.List(t.Context(), f, wait)
				if err != nil {
					t.Error(err)
				}
				out <- answer{got, time.Now()}
			}()
			return out
		}
		began := time.Now()
		ada := ask(InboxFilter{To: "ada@example.com"}, 10*time.Second)
		eve := ask(InboxFilter{To: "eve@example.com"}, 10*time.Second)
		time.Sleep(3100 * time.Millisecond)
		b.send(b.message("c1"))
		if a := <-ada; len(a.got) != 1 || a.at.Sub(began) != 3100*time.Millisecond+answerFirst {
			t.Errorf("Ada's wait gave %d messages after %v, want 1 at once", len(a.got), a.at.Sub(began))
		}
		if a := <-eve; len(a.got) != 0 || a.at.Sub(began) != 10*time.Second {
			t.Errorf("Eve's wait gave %d messages after %v, want none after ten seconds", len(a.got), a.at.Sub(began))
		}
		b.close()
	})
}

func TestInbox_NoticesWhatAnotherNodeSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start(nil, b.inbox())
		time.AfterFunc(2*time.Second, func() { b.send(b.message("c1")) })
		began := time.Now()
		got, err := b.inbox().List(t.Context(), InboxFilter{}, 10*time.Second)
		if after := time.Since(began); err != nil || len(got) != 1 || after > 2*time.Second+inboxRecheck {
			t.Errorf("%d messages after %v, %v; want 1 within half a second", len(got), after, err)
		}
		b.close()
	})
}

func TestInbox_AWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := newBench(t).inbox().List(ctx, InboxFilter{}, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("List = %v, want the deadline", err)
		}
	})
}

func TestInbox_NothingIsMissedBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the clock stands still while messages come
		b := newBench(t)
		inbox := b.inbox()
		b.start(nil, inbox)
		var since time.Time
		for i := range 5 {
			m := b.message(fmt.Sprint(i))
			m.Code = Secret(fmt.Sprint("code", i))
			b.send(m)
			settle()
			got, err := inbox.List(t.Context(), InboxFilter{Since: since}, 0)
			if err != nil || len(got) != 1 || got[0].Code != m.Code.Reveal() {
				t.Fatalf("look %d: %+v, %v; want the one new message", i, got, err)
			}
			since = got[0].CreatedAt
		}
		b.close()
	})
}

func TestInbox_KeepsTheNewest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start(nil, b.inbox())
		for i := range inboxKeep + 3*inboxSlack {
			b.send(b.message(fmt.Sprint(i)))
			settle()
		}
		if _, n := b.store.counts(); n < inboxKeep || n >= inboxKeep+inboxSlack {
			t.Errorf("%d copies, want about %d", n, inboxKeep)
		}
		time.Sleep(inboxLife + 2*sweepEvery)
		settle()
		if _, n := b.store.counts(); n != 0 {
			t.Errorf("%d copies after a day, want none", n)
		}
		b.close()
	})
}
