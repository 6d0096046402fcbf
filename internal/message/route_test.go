package message

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	connections "latchkey/internal/connection"
	"latchkey/internal/egress"
	"latchkey/internal/resource"
)

// shelf is a Settings in memory.
type shelf struct {
	mu          sync.Mutex
	set         map[string]*resource.Resource
	phones      map[string]*resource.Resource
	connections []*connections.Connection
	reads       int
	err         error
}

func (s *shelf) Resource(_ context.Context, tenantID string, kind resource.Kind, id string) (*resource.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.err != nil {
		return nil, s.err
	}
	r := s.set[tenantID]
	if r == nil || kind != resource.Settings || id != resource.EmailProvider {
		return nil, resource.ErrNotFound
	}
	return r, nil
}

func (s *shelf) ResourceByKey(_ context.Context, tenantID string, kind resource.Kind, _ string) (*resource.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.phones[tenantID]; r != nil && kind == PhoneProviders {
		return r, s.err
	}
	return nil, resource.ErrNotFound
}

func (s *shelf) Connections(context.Context, string) ([]*connections.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections, s.err
}

func (s *shelf) UpdateResource(_ context.Context, tenantID string, r *resource.Resource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set[tenantID].Version != r.Version {
		return resource.ErrChanged
	}
	r.Version++
	s.set[tenantID] = r
	return nil
}

func (s *shelf) put(tenantID string, r *resource.Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = map[string]*resource.Resource{}
	}
	s.set[tenantID] = r
}

// provide starts the bench's Sender with tenants' providers.
func (b *bench) provide(standard Provider, settings Settings, e *egress.Egress) {
	b.t.Helper()
	s, err := New(Config{
		Store: b.store, Keys: b.keys, Clock: b.clock, Log: b.log, Events: b.events, Provider: standard,
		Settings: settings, Egress: e,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.sender = s
}

// to sends a message of a tenant.
func (b *bench) to(tenant, challenge string) {
	b.t.Helper()
	p, err := b.sender.Prepare(tenant, b.message(challenge))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.sender.Queue(context.Background(), p); err != nil {
		b.t.Fatal(err)
	}
	b.sender.Committed(p)
}

// eventually waits for the worker, which has no part in the test's time.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestRoutes_AChangeCountsWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		settings := &shelf{}
		r := newRoutes(Config{
			Keys: b.keys, Settings: settings, Egress: egress.New(egress.Config{}), Renderer: &Renderer{}, Provider: &postman{},
		})
		name := func() string {
			t.Helper()
			c, err := r.of(t.Context(), source{tenant: "t1", channel: Email})
			if err != nil {
				t.Fatal(err)
			}
			if c == nil {
				return "none"
			}
			return c.Name()
		}
		if got := name(); got != "postman" {
			t.Errorf("without settings: %s", got)
		}
		settings.put("t1", stored(t, b.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil))
		time.Sleep(time.Second)
		if got := name(); got != "sendgrid" {
			t.Errorf("a second after it was set: %s", got)
		}
		kept, _ := r.of(t.Context(), source{tenant: "t1", channel: Email})
		time.Sleep(time.Second)
		if again, _ := r.of(t.Context(), source{tenant: "t1", channel: Email}); again != kept {
			t.Error("an unchanged provider was made anew")
		}
		off := stored(t, b.keys, "resend", resource.Document{"api_key": "re-hidden"}, nil)
		off.Document["enabled"] = false
		settings.put("t1", off)
		time.Sleep(time.Second)
		if got := name(); got != "postman" {
			t.Errorf("switched off: %s", got)
		}
		synctest.Wait()
		if !kept.isRetired() {
			t.Error("the provider that was replaced goes on")
		}
		settings.put("t1", stored(t, b.keys, "smtp", resource.Document{"smtp_host": "mail.example", "smtp_port": float64(587), "smtp_user": "u", "smtp_pass": "p"}, nil))
		time.Sleep(time.Second)
		if got := name(); got != "smtp" {
			t.Errorf("switched on: %s", got)
		}
		settings.put("t1", nil)
		time.Sleep(time.Second)
		if got := name(); got != "postman" {
			t.Errorf("removed: %s", got)
		}
		reads := settings.reads
		for range 100 {
			name()
		}
		if settings.reads != reads {
			t.Error("the settings are read for each message")
		}
		time.Sleep(settingsIdle)
		r.forget()
		if len(r.known) != 0 {
			t.Error("a tenant without mail is remembered")
		}
		r.close()
	})
}

func TestRoutes_SealedByAnotherKeysetFails(t *testing.T) {
	t.Parallel()
	b, other := newBench(t), newBench(t)
	settings := &shelf{}
	settings.put("t1", stored(t, other.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil))
	b.provide(&postman{}, settings, egress.New(egress.Config{}))
	defer b.close()
	b.to("t1", "one")
	eventually(t, "the failure is told", func() bool { return len(b.events.all()) == 1 })
	if got := b.events.all()[0]; got.Unknown || !strings.Contains(got.Reason, "master keyset") {
		t.Errorf("told %+v", got)
	}
}

func TestWorker_EachTenantHasItsOwnProvider(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	there := newStandIn(t, says(202, ""))
	settings := &shelf{}
	settings.put("t1", stored(t, b.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil))
	settings.put("t2", stored(t, b.keys, "custom", resource.Document{}, nil))
	standard := &postman{}
	b.provide(standard, settings, there.egress)
	b.to("t1", "one")
	b.to("t2", "two")
	b.to("t3", "three")
	b.close()
	if all := there.requests(); len(all) != 1 || !strings.Contains(all[0].body, `"from":{"email":"mail@acme.example","name":"Acme Ünïon"}`) {
		t.Errorf("the service was asked %+v", all)
	}
	if n := standard.count(); n != 1 {
		t.Errorf("the operator's server got %d mails, want that of the tenant without a provider", n)
	}
	told := b.events.all()
	if len(told) != 1 || told[0].Unknown || !strings.Contains(told[0].Reason, "Action") {
		t.Errorf("of the provider that is an Action is told %+v", told)
	}
}

// A code whose request may have been accepted is not sent again: not by that provider, not by the next one.
func TestWorker_ACodeIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		if s.keyed {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			there := newStandIn(t, lead(s.name, cut, says(200, ""), says(200, ""))...)
			settings := &shelf{}
			settings.put("t1", stored(t, b.keys, s.name, s.creds, nil))
			standard := &postman{}
			b.provide(standard, settings, there.egress)
			b.to("t1", "one")
			eventually(t, "the doubt is told", func() bool { return len(b.events.all()) == 1 })
			settings.put("t1", nil)
			b.close()
			b.provide(standard, settings, there.egress) // another process begins with what is left
			b.close()
			if got := b.events.all(); len(got) != 1 || !got[0].Unknown {
				t.Errorf("told %+v", got)
			}
			if n := len(there.requests()); n != len(lead(s.name))+1 || standard.count() != 0 {
				t.Errorf("%d requests and %d mails by the next provider", n, standard.count())
			}
		})
	}
}

func TestWorker_AThrottledMessageComesAgainByTheNextProvider(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	there := newStandIn(t, says(429, `{"errors":[{"message":"too many"}]}`, "Retry-After", "2"))
	settings := &shelf{}
	settings.put("t1", stored(t, b.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil))
	standard := &postman{}
	b.provide(standard, settings, there.egress)
	b.to("t1", "one")
	eventually(t, "the service is asked", func() bool { return len(there.requests()) == 1 })
	settings.put("t1", nil)
	eventually(t, "the next provider sends", func() bool { return standard.count() == 1 })
	b.close()
	if got := b.events.all(); len(got) != 0 {
		t.Errorf("told %+v", got)
	}
}

func TestWorker_AProviderThatHangsHoldsUpItsOwnTenantOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	script := make([]http.HandlerFunc, 40)
	for i := range script {
		script[i] = silent
	}
	there := newStandIn(t, script...)
	settings := &shelf{}
	settings.put("t1", stored(t, b.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil))
	standard := &postman{}
	b.provide(standard, settings, there.egress)
	for i := range 100 {
		b.to("t1", strings.Repeat("x", i+1))
	}
	eventually(t, "the service is busy", func() bool { return len(there.requests()) == serviceConcurrency })
	b.to("t2", "one")
	eventually(t, "the other tenant's mail leaves", func() bool { return standard.count() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.sender.Close(ctx)
}

func TestWorker_NoSecretIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := newBench(t)
	b.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings := &shelf{}
	var script []http.HandlerFunc
	for _, s := range services {
		settings.put(s.name, nil)
	}
	script = append(script, says(401, `{"errors":[{"message":"SG.hidden is no key, 481516 is the code"}]}`))
	there := newStandIn(t, script...)
	settings.put("t1", stored(t, b.keys, "sendgrid", resource.Document{"api_key": "SG.hidden"}, nil))
	b.provide(nil, settings, there.egress)
	b.to("t1", "one")
	b.close()
	if n := len(b.events.all()); n != 1 {
		t.Fatalf("%d failures are told, want 1", n)
	}
	for _, where := range []string{log.String(), b.events.all()[0].Reason} {
		if strings.Contains(where, "SG.hidden") || strings.Contains(where, "481516") {
			t.Errorf("told: %s", where)
		}
	}
}
