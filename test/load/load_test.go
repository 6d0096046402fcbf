package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/test/load/driver"
)

// shop is a server that knows just enough of the protocol for the driver to log in: codes by real mail, each good
// once, and rotating refresh tokens.
type shop struct {
	smtp string

	mu     sync.Mutex
	serial int
	codes  map[string]string
	tokens map[string]bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body map[string]string
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	switch r.URL.Path {
	case "/passwordless/start":
		code := fmt.Sprintf("%06d", s.serial)
		s.codes[body["email"]] = code
		message := "Subject: " + code + "\r\n\r\n"
		if smtp.SendMail(s.smtp, nil, "shop@example.com", []string{body["email"]}, []byte(message)) != nil {
			w.WriteHeader(http.StatusBadGateway)
		}
	case "/oauth/token":
		if body["grant_type"] == "refresh_token" {
			if !s.tokens[body["refresh_token"]] {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			delete(s.tokens, body["refresh_token"])
		} else if s.codes[body["username"]] != body["otp"] || body["audience"] == "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		delete(s.codes, body["username"])
		token := fmt.Sprint("r", s.serial)
		s.tokens[token] = true
		fmt.Fprintf(w, `{"access_token":"a","id_token":"i","refresh_token":%q}`, token)
	case "/userinfo":
		fmt.Fprint(w, `{"sub":"email|1"}`)
	case "/.well-known/jwks.json":
		fmt.Fprint(w, `{"keys":[{}]}`)
	}
}

func TestExercise_PerformsEveryWorkload(t *testing.T) {
	t.Parallel()
	sink, err := driver.ListenSink("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	server := httptest.NewServer(&shop{
		smtp: strings.TrimPrefix(sink.URL(), "smtp://"), codes: map[string]string{}, tokens: map[string]bool{},
	})
	defer server.Close()
	client, err := driver.NewClient(driver.Target{Issuer: server.URL + "/", ClientID: "c", Audience: "api"}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	b := bulk{Workload: workloads, Clients: []int{1, 4}, Count: 12, Duration: time.Minute, Rounds: 2, Warmup: 4, Users: 2}
	r, people, err := b.exercise(t.Context(), client, sink, meters{serverPID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 2*len(workloads) {
		t.Fatalf("got %d rows, want one for each workload and number of clients", len(r.Rows))
	}
	for _, w := range r.Rows {
		want := 24
		if w.Clients == 1 {
			want = 8
		}
		if w.Ops != want || w.Failures != 0 || w.P99 < w.P50 {
			t.Errorf("%s with %d clients: got %d operations, %d failures %q, p50 %v, p99 %v; want %d and none",
				w.Workload, w.Clients, w.Ops, w.Failures, w.Failed, w.P50, w.P99, want)
		}
	}
	// Four clients with two users each, the warm-up, and two workloads of logins.
	if got, want := people.logins.Load(), int64(8+4+2*(24+8)); got != want {
		t.Errorf("counted %d logins, want %d", got, want)
	}
	if r.TwoSignatures <= 0 {
		t.Errorf("two signatures cost %v", r.TwoSignatures)
	}
	var text strings.Builder
	if err := r.print(&text); err != nil || !strings.Contains(text.String(), "returning") {
		t.Errorf("printed %q, %v", text.String(), err)
	}
}

func TestDrive_CountsFailuresAndGoesOn(t *testing.T) {
	t.Parallel()
	var turns atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if turns.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"keys":[{}]}`)
	}))
	defer server.Close()
	client, err := driver.NewClient(driver.Target{Issuer: server.URL, ClientID: "c"}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := result{Workload: jwks, Clients: 1}
	r.drive(t.Context(), &crew{client: client, people: [][]*person{{{}}}}, bounds{count: 10, duration: time.Minute})
	if r.Ops != 5 || r.Failures != 5 || len(r.Failed) != 5 {
		t.Errorf("got %d operations and %d failures (%q), want 5 of each", r.Ops, r.Failures, r.Failed)
	}
}

func TestJudge_TakesTheWorstNumberOfClients(t *testing.T) {
	t.Parallel()
	login := func(workload string, clients int, server, p99 micros, perSecond float64) row {
		return row{Workload: workload, Clients: clients, Ops: 1, ServerCPU: server, Signature: 1000, P99: p99, PerSecond: perSecond}
	}
	r := report{
		Rows: []row{
			login(returning, 8, 4000, 10_000, 100), login(returning, 32, 4600, 41_000, 110),
			login(newcomer, 8, 4400, 10_000, 90), login(newcomer, 32, 5060, 20_000, 90),
			login(refresh, 8, 2000, 1, 160), login(refresh, 32, 2000, 1, 160),
		},
		FirstAnswer: []micros{300_000, 60_000, 50_000}, Resident: 40 << 20, ResidentAfter: 5000,
	}
	want := map[string]struct {
		value float64
		met   bool
	}{
		"server CPU per login, in two signatures":           {2.3, false},
		"a new user's first login, in returning ones (CPU)": {1.1, true},
		"p99 at 32 clients in p99 at 8, returning":          {4.1, false},
		"p99 at 32 clients in p99 at 8, new":                {2, true},
		"failures":                                          {0, true},
		"refreshes with rotation, in logins per second":     {160.0 / 110, false},
		"first answer on a ready database, ms (median)":     {60, true},
		"resident after 5,000 logins, MiB":                  {40, true},
	}
	for _, g := range judge(r, false, true, false) {
		w, ok := want[g.Name]
		if !ok {
			t.Errorf("unexpected target %q", g.Name)
			continue
		}
		if g.Met != w.met || g.Value < w.value-0.001 || g.Value > w.value+0.001 {
			t.Errorf("%s: got %.3f, met %t; want %.3f, %t", g.Name, g.Value, g.Met, w.value, w.met)
		}
		delete(want, g.Name)
	}
	for name := range want {
		t.Errorf("target %q was not judged", name)
	}
}

func TestPercentile_IsAValueThatWasMeasured(t *testing.T) {
	t.Parallel()
	values := []time.Duration{1, 2, 3, 4}
	for p, want := range map[int]time.Duration{50: 2, 95: 4, 99: 4, 100: 4, 1: 1} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %d: got %d, want %d", p, got, want)
		}
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("of nothing: got %d, want 0", got)
	}
}
