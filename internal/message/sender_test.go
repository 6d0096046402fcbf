package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCommitted_MessageIsSentAndItsSecretForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		b.start(p, nil)
		sent := b.send(b.message("c1"))
		settle()
		if p.count() != 1 || p.sent[0].To != "Ada@example.com" || !strings.Contains(p.sent[0].Subject, "481516") {
			t.Errorf("sent %+v, want one mail with the code to the address as typed", p.sent)
		}
		row := b.store.row(sent.ID())
		if row.State != StateSent || row.Payload != nil || row.Attempts != 1 || row.Provider != "postman" || row.ProviderMessageID != "queued as 1" {
			t.Errorf("row = %+v, want it sent, without payload, with the provider's words", row)
		}
		b.close()
		if !p.closed {
			t.Error("the provider was not closed")
		}
	})
}

func TestQueue_RowHoldsNothingReadable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(&postman{}, nil)
	defer b.close()
	row := b.store.row(b.queue(b.message("challenge-of-ann")).ID())
	for _, secret := range []string{"481516", "da@example.com", "Acme", "challenge-of-ann"} {
		if text := fmt.Sprintf("%+v %s", row, row.Payload); strings.Contains(text, secret) {
			t.Errorf("the row shows %q: %s", secret, text)
		}
	}
	if _, err := openPayload(b.keys, inboxTable, row.Key, row.Payload); err == nil {
		t.Error("a payload of the outbox opens as one of the inbox")
	}
	if _, err := openPayload(b.keys, outboxTable, Key{"t2", row.ID}, row.Payload); err == nil {
		t.Error("a payload opens in another tenant")
	}
}

func TestQueue_LeavesEvenWhenNobodySaysItIsCommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		b.start(p, nil)
		settle()
		b.queue(b.message("c1"))
		time.Sleep(grace - time.Second)
		settle()
		if p.count() != 0 {
			t.Error("a row was taken from the node that wrote it within its grace")
		}
		time.Sleep(scanEvery)
		settle()
		if p.count() != 1 {
			t.Errorf("sent %d times, want 1", p.count())
		}
		b.close()
	})
}

func TestDecoy_IsWrittenAndNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		b.start(p, b.inbox())
		m := b.message("c1")
		m.Decoy = true
		sent := b.send(m)
		time.Sleep(2 * scanEvery)
		settle()
		row := b.store.row(sent.ID())
		if row.State != StateCancelled || b.store.inserts != 1 {
			t.Errorf("row = %+v after %d inserts, want one cancelled row", row, b.store.inserts)
		}
		// A decoy's row was once smaller, and was written measurably sooner.
		real := b.store.row(b.queue(b.message("c2")).ID())
		if len(row.Payload) != len(real.Payload) {
			t.Errorf("the decoy's payload has %d bytes, that of a message %d", len(row.Payload), len(real.Payload))
		}
		if _, copies := b.store.counts(); p.count() != 0 || copies != 0 {
			t.Errorf("sent %d, copied %d; want nothing", p.count(), copies)
		}
		b.close()
	})
}

func TestInboxOnly_ABatchIsDeliveredInOneCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start(nil, b.inbox())
		settle()
		var all []*Prepared
		for i := range 20 {
			all = append(all, b.queue(b.message(fmt.Sprint(i))))
		}
		before, _ := b.store.counts()
		b.sender.Committed(all...)
		settle()
		after, copies := b.store.counts()
		if after-before != 1 || copies != 20 {
			t.Errorf("%d commits for %d copies, want 1 for 20", after-before, copies)
		}
		for _, p := range all {
			if r := b.store.row(p.ID()); r.State != StateSent || r.Provider != "inbox" || r.Payload != nil {
				t.Errorf("row = %+v, want it sent to the inbox", r)
			}
		}
		b.close()
	})
}

func TestBatch_WhatComesDuringACommitTravelsWithTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start(nil, b.inbox())
		settle()
		first := b.queue(b.message("first"))
		var rest []*Prepared
		for i := range 30 {
			rest = append(rest, b.queue(b.message(fmt.Sprint(i))))
		}
		before, _ := b.store.counts()
		gate := make(chan struct{})
		b.store.mu.Lock()
		b.store.gate = gate
		b.store.mu.Unlock()
		b.sender.Committed(first)
		settle() // its commit is under way
		for _, p := range rest {
			b.sender.Committed(p)
		}
		close(gate)
		settle()
		after, copies := b.store.counts()
		if after-before != 2 || copies != 31 {
			t.Errorf("%d commits for %d copies, want 2 for 31", after-before, copies)
		}
		b.close()
	})
}

func TestBatch_ClaimsAndOutcomesShareCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{blocked: make(chan struct{})}
		b.start(p, b.inbox())
		settle()
		var all []*Prepared
		for i := range 4 { // as many as may be sent at once
			all = append(all, b.queue(b.message(fmt.Sprint(i))))
		}
		before, _ := b.store.counts()
		b.sender.Committed(all...)
		settle()
		claimed, copies := b.store.counts()
		if claimed-before != 1 || copies != 4 || p.count() != 4 {
			t.Errorf("%d commits, %d copies, %d attempts; want 1, 4, 4", claimed-before, copies, p.count())
		}
		gate := make(chan struct{})
		b.store.mu.Lock()
		b.store.gate = gate
		b.store.mu.Unlock()
		close(p.blocked)
		settle()
		close(gate)
		settle()
		if after, _ := b.store.counts(); after-claimed > 2 {
			t.Errorf("%d commits for four outcomes, want at most 2", after-claimed)
		}
		b.close()
	})
}

func TestRetry_UntilItLeavesAndNotAfterTheCodeDied(t *testing.T) {
	t.Parallel()
	retry := Result{Verdict: VerdictRetry, Detail: "451 try later"}
	tests := []struct {
		name   string
		script []Result
		sends  int
		state  State
		reason string
	}{
		{"a passing refusal", []Result{retry, retry}, 3, StateSent, ""},
		{"a server that greylists", []Result{{Verdict: VerdictRetry, Detail: "450", RetryAfter: time.Minute}}, 2, StateSent, ""},
		{"a wait beyond the code's life", []Result{{Verdict: VerdictRetry, Detail: "450 busy", RetryAfter: time.Hour}}, 1, StateFailed, "450 busy"},
		{"a refused recipient", []Result{{Verdict: VerdictRecipient, Detail: "550 5.1.1 nobody"}}, 1, StateFailed, "550 5.1.1 nobody"},
		{"a policy", []Result{{Verdict: VerdictRefused, Detail: "554 5.7.0 spam"}}, 1, StateFailed, "554 5.7.0 spam"},
		{"our own mistake", []Result{{Verdict: VerdictConfig, Detail: "550 5.7.1 sender"}}, 1, StateFailed, "550 5.7.1 sender"},
		{"nobody knows", []Result{{Verdict: VerdictUnknown, Detail: "lost"}}, 1, StateUnknown, "lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, p := newBench(t), &postman{script: tt.script}
				b.start(p, nil)
				sent := b.send(b.message("c1"))
				time.Sleep(5 * time.Minute)
				settle()
				row := b.store.row(sent.ID())
				if p.count() != tt.sends || row.State != tt.state || row.Attempts != tt.sends || row.Payload != nil {
					t.Errorf("%d attempts, row %+v; want %d and %s", p.count(), row, tt.sends, tt.state)
				}
				for _, m := range p.sent {
					if m.ID != sent.ID() {
						t.Errorf("an attempt as %s, want the same id %s each time", m.ID, sent.ID())
					}
				}
				failures := b.events.all()
				if tt.reason == "" && len(failures) > 0 {
					t.Errorf("the tenant's log was told %+v, want nothing", failures)
				}
				if tt.reason != "" && (len(failures) != 1 || !strings.Contains(failures[0].Reason, tt.reason) ||
					failures[0].To != "Ada@example.com" || failures[0].ClientID != "client" || failures[0].Unknown != (tt.state == StateUnknown)) {
					t.Errorf("the tenant's log was told %+v, want one failure with %q", failures, tt.reason)
				}
				b.close()
			})
		})
	}
}

func TestExpired_IsNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		b.start(p, b.inbox())
		settle()
		prepared := b.queue(b.message("c1"))
		left := b.message("left behind")
		left.ExpiresAt = time.Now().Add(time.Second)
		other := b.queue(left)
		b.store.mu.Lock() // its node died: it comes back only when it is found
		gone := b.store.rows[prepared.row.Key]
		gone.ExpiresAt = time.Now().Add(time.Second)
		b.store.rows[prepared.row.Key] = gone
		b.store.mu.Unlock()
		prepared.message.ExpiresAt = time.Now().Add(time.Second)
		time.Sleep(2 * time.Second)
		b.sender.Committed(prepared)
		time.Sleep(2 * scanEvery)
		settle()
		for _, id := range []string{prepared.ID(), other.ID()} {
			if r := b.store.row(id); r.State != StateFailed || r.LastError != reasonExpired {
				t.Errorf("row = %+v, want it failed because its code expired", r)
			}
		}
		if _, copies := b.store.counts(); p.count() != 0 || copies != 0 || len(b.events.all()) != 2 {
			t.Errorf("%d sent, %d copied, %d events; want 0, 0, 2", p.count(), copies, len(b.events.all()))
		}
		b.close()
	})
}

func TestNoProvider_FailsAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.start(nil, nil)
		if got := s.Provider(); got != "none" {
			t.Errorf("Provider() = %q, want none", got)
		}
		sent := b.send(b.message("c1"))
		settle()
		if r := b.store.row(sent.ID()); r.State != StateFailed || r.LastError != reasonNoProvider {
			t.Errorf("row = %+v, want it failed for want of a provider", r)
		}
		if f := b.events.all(); len(f) != 1 || f[0].Reason != reasonNoProvider || f[0].Unknown {
			t.Errorf("events = %+v, want one that names the missing provider", f)
		}
		b.close()
	})
}

func TestDeadWorker_ClaimedMessagesBecomeUnknownAndAreNotSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		b.start(p, nil)
		settle()
		sent := b.queue(b.message("c1"))
		// A process claims the row and dies before it knows what became of it.
		_, err := b.store.ClaimMessages(t.Context(), []Key{sent.row.Key}, "dead", time.Now().Add(lease))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(lease - 2*time.Second)
		settle()
		if r := b.store.row(sent.ID()); r.State != StateSending {
			t.Errorf("row = %+v while its lease lasts, want it left alone", r)
		}
		time.Sleep(scanEvery + 2*time.Second)
		settle()
		if r := b.store.row(sent.ID()); r.State != StateUnknown || r.Payload != nil {
			t.Errorf("row = %+v after its lease, want it unknown", r)
		}
		if f := b.events.all(); p.count() != 0 || len(f) != 1 || !f[0].Unknown || f[0].To != "Ada@example.com" {
			t.Errorf("%d sends, events %+v; want no send and one unknown", p.count(), f)
		}
		b.close()
	})
}

func TestDeadProcess_WhatItQueuedIsSentByTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start(&postman{}, nil)
		settle()
		b.queue(b.message("c1"))
		b.close()
		time.Sleep(10 * time.Second)
		p := &postman{}
		b.start(p, nil)
		settle()
		if p.count() != 1 {
			t.Errorf("sent %d times at the next start, want 1", p.count())
		}
		b.close()
	})
}

func TestTwoNodes_EachMessageLeavesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		first := b.start(p, nil)
		second := b.start(p, nil)
		for i := range 200 {
			prepared := b.queue(b.message(fmt.Sprint(i)))
			first.Committed(prepared)
			second.Committed(prepared) // worse than life: both nodes know of it
		}
		time.Sleep(2 * time.Minute)
		settle()
		seen := map[string]int{}
		for _, m := range p.sent {
			seen[m.ID]++
		}
		if len(seen) != 200 || len(p.sent) != 200 {
			t.Errorf("%d sends of %d messages, want 200 of 200", len(p.sent), len(seen))
		}
		for _, s := range []*Sender{first, second} {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCancel_OnlyBeforeTheMessageLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		s := b.start(p, nil)
		settle()
		m := b.message("old")
		queued := b.queue(m)
		if err := s.Cancel(t.Context(), "t1", m.ChallengeID, m.IssuedAt); err != nil {
			t.Fatal(err)
		}
		s.Committed(queued)
		settle()
		if r := b.store.row(queued.ID()); r.State != StateCancelled || r.Payload != nil || p.count() != 0 {
			t.Errorf("row = %+v after %d sends, want it cancelled and not sent", r, p.count())
		}
		m = b.message("gone")
		gone := b.send(m)
		settle()
		if err := s.Cancel(t.Context(), "t1", m.ChallengeID, m.IssuedAt); err != nil {
			t.Fatal(err)
		}
		if r := b.store.row(gone.ID()); r.State != StateSent {
			t.Errorf("row = %+v, want a message that has left to stay sent", r)
		}
		b.close()
	})
}

func TestDatabaseAway_NothingIsLostAndNothingLeavesTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{blocked: make(chan struct{}), entered: make(chan struct{}, 9)}
		b.start(p, nil)
		claimed := b.send(b.message("claimed"))
		<-p.entered
		waiting := b.queue(b.message("waiting"))
		b.store.mu.Lock()
		b.store.down = true
		b.store.mu.Unlock()
		b.sender.Committed(waiting)
		close(p.blocked)
		time.Sleep(10 * time.Second)
		if p.count() != 1 {
			t.Errorf("%d sends while nothing can be claimed, want 1", p.count())
		}
		b.store.mu.Lock()
		b.store.down = false
		b.store.mu.Unlock()
		time.Sleep(5 * time.Second)
		settle()
		for _, id := range []string{claimed.ID(), waiting.ID()} {
			if r := b.store.row(id); r.State != StateSent {
				t.Errorf("row = %+v, want it sent", r)
			}
		}
		if p.count() != 2 {
			t.Errorf("%d sends of two messages", p.count())
		}
		b.close()
	})
}

func TestClose_SendsWhatWasHandedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{}
		b.start(p, nil)
		var all []*Prepared
		for i := range 100 {
			all = append(all, b.queue(b.message(fmt.Sprint(i))))
		}
		b.sender.Committed(all...)
		b.close()
		if p.count() != 100 {
			t.Errorf("%d messages sent before Close returned, want 100", p.count())
		}
		late := b.send(b.message("late"))
		settle()
		if r := b.store.row(late.ID()); r.State != StateQueued {
			t.Errorf("row = %+v, want a message after Close to wait for the next process", r)
		}
	})
}

func TestClose_CutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, p := newBench(t), &postman{blocked: make(chan struct{}), entered: make(chan struct{}, 9)}
		b.start(p, nil)
		sent := b.send(b.message("c1"))
		<-p.entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.sender.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want the deadline", err)
		}
		if r := b.store.row(sent.ID()); r.State != StateQueued || r.DueAt.After(time.Now()) || r.Payload == nil {
			t.Errorf("row = %+v, want it queued and due for the next process", r)
		}
	})
}

func TestPause_AProviderThatRefusesThePasswordIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		p := &postman{script: []Result{{Verdict: VerdictConfig, Detail: "535 no", Pause: loginPause}}}
		b.start(p, nil)
		b.send(b.message("c1"))
		settle()
		second := b.send(b.message("c2"))
		settle()
		if r := b.store.row(second.ID()); p.count() != 1 || r.State != StateFailed || r.LastError != "535 no" {
			t.Errorf("%d attempts, row %+v; want one attempt and the reason of the pause", p.count(), r)
		}
		time.Sleep(loginPause)
		b.send(b.message("c3"))
		settle()
		if p.count() != 2 {
			t.Errorf("%d attempts after the pause, want 2", p.count())
		}
		b.close()
	})
}

func TestPause_AfterFiveFailuresInARow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var b breaker
	for range breakAfter - 1 {
		b.note(now, Result{Verdict: VerdictRetry})
	}
	if until, _ := b.closedUntil(now); !until.IsZero() {
		t.Error("closed before the fifth failure")
	}
	b.note(now, Result{Verdict: VerdictSent})
	for range breakAfter {
		b.note(now, Result{Verdict: VerdictRetry, Detail: "down"})
	}
	if until, last := b.closedUntil(now); until != now.Add(breakFor) || last.Detail != "down" {
		t.Errorf("closed until %v because %q, want 30 s because of the last failure", until, last.Detail)
	}
	if until, _ := b.closedUntil(now.Add(breakFor)); !until.IsZero() {
		t.Error("closed after its time")
	}
}

func TestLogs_HoldNeitherSecretNorAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := newBench(t)
		b.log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		p := &postman{script: []Result{
			{Verdict: VerdictRecipient, Detail: "550 5.1.1 <Ada@example.com> is not here"}, {Verdict: VerdictUnknown, Detail: "lost"},
		}}
		b.start(p, nil)
		m := b.message("c1")
		b.send(m)
		b.send(b.message("c2"))
		settle()
		b.close()
		b.log.Info("a caller logs the whole message", "message", m)
		text := out.String() + fmt.Sprintf("%v %+v %#v", m, m, m.Code)
		if strings.Contains(text, "481516") {
			t.Errorf("a code was printed: %s", text)
		}
		if log, _, _ := strings.Cut(out.String(), "a caller logs"); !strings.Contains(log, "A***@example.com") || strings.Contains(log, "Ada@example.com") {
			t.Errorf("the log must mask addresses: %s", log)
		}
	})
}

func TestSweep_DeletesRowsAfterAWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.start(&postman{}, nil)
		old := b.send(b.message("old"))
		time.Sleep(keepRows - time.Hour)
		young := b.send(b.message("young"))
		settle()
		if r := b.store.row(old.ID()); r.State != StateSent {
			t.Errorf("row = %+v within the week, want it kept", r)
		}
		time.Sleep(2 * time.Hour)
		settle()
		if r := b.store.row(old.ID()); r.ID != "" {
			t.Errorf("row = %+v after the week, want it deleted", r)
		}
		if r := b.store.row(young.ID()); r.ID == "" {
			t.Error("a young row was deleted")
		}
		b.close()
	})
}

func TestMetrics_CountOutcomesAndBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, registry := newBench(t), prometheus.NewPedanticRegistry()
		s, err := New(Config{
			Store: b.store, Keys: b.keys, Clock: b.clock, Log: b.log, Events: b.events, Inbox: b.inbox(), Metrics: registry,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.sender = s
		settle()
		b.send(b.message("c1"))
		settle()
		b.queue(b.message("c2"))
		if got := gather(t, registry, "latchkey_messages_total"); len(got) != 1 || got["channel=email outcome=sent provider=inbox type=verification_code"] != 1 {
			t.Errorf("messages = %v, want one sent to the inbox", got)
		}
		if got := gather(t, registry, "latchkey_outbox_depth"); got[""] != 1 {
			t.Errorf("depth = %v, want 1", got)
		}
		b.close()
	})
}

func TestPrepare_RefusesKindsThatDoNotExist(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(nil, nil)
	defer b.close()
	m := b.message("c1")
	m.Kind = "nonsense"
	if _, err := b.sender.Prepare("t1", m); err == nil {
		t.Error("Prepare accepts a kind that nobody can render")
	}
}

func TestNew_RefusesMissingParts(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("New accepts an empty configuration")
	}
}

// gather reads one metric's values by their labels.
func gather(t *testing.T, g prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			values[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}
