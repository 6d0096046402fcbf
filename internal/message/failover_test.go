package message

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/egress"
	"latchkey/internal/resource"
)

// withSecond starts the bench's Sender with two providers.
func (b *bench) withSecond(first, second Provider) {
	b.t.Helper()
	b.start(first, nil)
	b.sender.worker.routes.standard.second = newCarrier(mailHandover{second, &Renderer{}}, maxPerTenant)
}

func TestFailover_OnlyWhatTheFirstCertainlyHasNotTaken(t *testing.T) {
	t.Parallel()
	later, config := Result{Verdict: VerdictRetry, Detail: "later"}, Result{Verdict: VerdictConfig, Detail: "bad key"}
	for _, c := range []struct {
		name          string
		first, second []Result
		wantFirst     int
		wantSecond    int
		state         State
		switches      int
	}{
		{"it takes it", nil, nil, 1, 0, StateSent, 0},
		{"its settings are wrong", []Result{config}, nil, 1, 1, StateSent, 1},
		{"nobody listens", []Result{{Verdict: VerdictRetry, Unreached: true, Detail: "refused"}}, nil, 1, 1, StateSent, 1},
		{"it says later once", []Result{later}, nil, 2, 0, StateSent, 0},
		{"it says later twice", []Result{later, later}, nil, 2, 1, StateSent, 1},
		{"it refuses the reader", []Result{{Verdict: VerdictRecipient, Detail: "nobody there"}}, nil, 1, 0, StateFailed, 0},
		{"it refuses the message", []Result{{Verdict: VerdictRefused, Detail: "policy"}}, nil, 1, 0, StateFailed, 0},
		{"it may have taken it", []Result{{Verdict: VerdictUnknown, Detail: "cut"}}, nil, 1, 0, StateUnknown, 0},
		{"both have wrong settings", []Result{config}, []Result{config}, 1, 1, StateFailed, 1},
		{"the second may have taken it", []Result{config}, []Result{{Verdict: VerdictUnknown, Detail: "cut"}}, 1, 1, StateUnknown, 1},
		{"the second refuses the reader", []Result{config}, []Result{{Verdict: VerdictRecipient}}, 1, 1, StateFailed, 1},
		{"the second is no help and the first comes back", []Result{later, later}, []Result{config}, 3, 1, StateSent, 1},
		{"both say later, and the first comes back", []Result{later, later}, []Result{later}, 3, 1, StateSent, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				first, second := &postman{script: c.first}, &postman{script: c.second}
				b.withSecond(first, second)
				p := b.send(b.message("one"))
				time.Sleep(2*time.Minute + 50*time.Second)
				synctest.Wait()
				switches := 0
				for _, told := range b.events.all() {
					if told.Warning {
						switches++
						if !strings.Contains(told.Reason, "did not take it") || strings.Contains(told.Reason, "481516") {
							t.Errorf("the log says %q", told.Reason)
						}
					}
				}
				row := b.store.rows[p.row.Key]
				if first.count() != c.wantFirst || second.count() != c.wantSecond || row.State != c.state || switches != c.switches {
					t.Errorf("first %d, second %d, %s, %d switches; want %d, %d, %s, %d",
						first.count(), second.count(), row.State, switches, c.wantFirst, c.wantSecond, c.state, c.switches)
				}
				b.close()
				if !second.closed {
					t.Error("the second is not closed")
				}
			})
		})
	}
}

func TestFailover_AProviderThatIsLeftAlonePassesEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		first, second := &postman{script: []Result{{Verdict: VerdictConfig, Detail: "535", Pause: loginPause}}}, &postman{}
		b.withSecond(first, second)
		for _, challenge := range []string{"one", "two", "three"} {
			b.send(b.message(challenge))
			settle()
		}
		if first.count() != 1 || second.count() != 3 {
			t.Errorf("the first was asked %d times and the second %d; want 1 and 3", first.count(), second.count())
		}
		time.Sleep(loginPause)
		b.send(b.message("four"))
		settle()
		if first.count() != 2 || second.count() != 3 {
			t.Errorf("after the pause: %d and %d; want the first asked again", first.count(), second.count())
		}
		b.close()
	})
}

func TestFailover_NothingIsPassedOnceTheCodeIsDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		first, second := &postman{script: []Result{{Verdict: VerdictConfig}}, blocked: make(chan struct{})}, &postman{}
		b.withSecond(first, second)
		m := b.message("one")
		m.ExpiresAt = b.clock.Now().Add(10 * time.Second)
		p := b.send(m)
		settle()
		time.Sleep(11 * time.Second)
		close(first.blocked)
		settle()
		if second.count() != 0 || b.store.rows[p.row.Key].State != StateFailed {
			t.Errorf("the second got %d, state %s", second.count(), b.store.rows[p.row.Key].State)
		}
		b.close()
	})
}

// pair is a Settings with two providers of a tenant.
type pair struct{ first, second *resource.Resource }

func (p pair) settings() *twoShelves { return &twoShelves{pair: p} }

type twoShelves struct {
	shelf
	pair
}

func (s *twoShelves) Resource(_ context.Context, _ string, _ resource.Kind, id string) (*resource.Resource, error) {
	switch {
	case id == resource.EmailProvider && s.first != nil:
		return s.first, nil
	case id == resource.EmailFailover && s.second != nil:
		return s.second, nil
	}
	return nil, resource.ErrNotFound
}

func TestFailover_TheSecondProviderOfATenant(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	_ = closed.Close()
	b := newBench(t)
	there := newStandIn(t, says(202, ""))
	first := stored(t, b.keys, "smtp", resource.Document{"smtp_host": "127.0.0.1", "smtp_port": float64(port), "smtp_user": "u", "smtp_pass": "hidden"}, nil)
	second := stored(t, b.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil)
	e := egress.New(egress.Config{Loopback: true, RootCAs: there.egress.RootCAs(), Hosts: there.hosts})
	defer e.Close()
	b.provide(nil, pair{first, second}.settings(), e)
	b.to("t1", "one")
	b.close()
	if n := len(there.requests()); n != 1 {
		t.Errorf("the second provider got %d messages, want 1", n)
	}
	all := b.events.all()
	if len(all) != 1 || !all[0].Warning || !strings.Contains(all[0].Reason, "given to the provider sendgrid, because the provider smtp") {
		t.Errorf("told %+v", all)
	}
}
