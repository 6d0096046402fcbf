package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/tenant"
)

// oneSite knows one host.
type oneSite struct {
	host, issuer string
	err          error
}

func (s oneSite) Site(_ context.Context, host string) (tenant.Site, error) {
	if s.err != nil {
		return tenant.Site{}, s.err
	}
	if host != s.host {
		return tenant.Site{}, tenant.ErrNotFound
	}
	d := tenant.Domain{Host: s.host, Issuer: s.issuer}
	return tenant.Site{Tenant: &tenant.Tenant{ID: "t1", Name: "one", Domain: d}, Domain: d}, nil
}

type observed struct {
	route, method string
	status        int
}

// try sends one request through an Edge and gives the answer, the log lines and what was observed.
func try(t *testing.T, sites Sites, next http.Handler, change func(*http.Request)) (*http.Response, []map[string]any, []observed) {
	t.Helper()
	var log bytes.Buffer
	var seen []observed
	h := Edge(EdgeConfig{
		Log:     slog.New(Redact(slog.NewJSONHandler(&log, nil))),
		Sites:   sites,
		Proxies: Proxies{netip.MustParsePrefix("10.0.0.0/8")},
		Observe: func(route, method string, status int, _ time.Duration) {
			seen = append(seen, observed{route, method, status})
		},
	}, next)
	r := httptest.NewRequest(http.MethodGet, "/thing", nil)
	r.Host = "login.example.com"
	r.RemoteAddr = "198.51.100.1:1234"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var lines []map[string]any
	for d := json.NewDecoder(&log); d.More(); {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return w.Result(), lines, seen
}

var plain = oneSite{host: "login.example.com", issuer: "http://login.example.com/"}

func TestEdge_WritesOneRecordWithWhatLayersNoted(t *testing.T) {
	t.Parallel()
	mux := NewMux()
	mux.HandleFunc("GET /thing", func(w http.ResponseWriter, r *http.Request) {
		Note(r.Context(), FieldClientID, "first")
		Note(r.Context(), FieldClientID, "c1")
		Note(r.Context(), FieldUserID, "email|1")
		if RequestID(r.Context()) == "" || ClientAddr(r.Context()).String() != "198.51.100.1" {
			t.Errorf("id %q, address %s", RequestID(r.Context()), ClientAddr(r.Context()))
		}
		if got := Site(r.Context()).Issuer(); got != "http://login.example.com/" {
			t.Errorf("issuer %s", got)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	res, lines, seen := try(t, plain, mux, nil)
	if len(lines) != 1 {
		t.Fatalf("got %d log lines, want 1: %v", len(lines), lines)
	}
	for field, want := range map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "route": "GET /thing", "status": float64(418), "ip": "198.51.100.1",
		"tenant": "t1", "client_id": "c1", "user_id": "email|1", "request_id": res.Header.Get("X-Request-Id"),
	} {
		if got := lines[0][field]; got != want {
			t.Errorf("field %s is %v, want %v", field, got, want)
		}
	}
	if len(seen) != 1 || seen[0] != (observed{"GET /thing", "GET", 418}) {
		t.Errorf("observed %v", seen)
	}
}

func TestEdge_AnswersUnknownHostsWith404BeforeAnythingElse(t *testing.T) {
	t.Parallel()
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request went on") })
	for _, host := range []string{"other.example.com", "login.example.com:8443", "login.example.com.evil.example", "", "a b", "login.example.com@evil.example"} {
		res, _, _ := try(t, plain, never, func(r *http.Request) {
			r.Host = host
			r.Header.Set("X-Forwarded-Host", "login.example.com")
			r.Header.Set("Forwarded", "host=login.example.com")
			r.RemoteAddr = "10.0.0.1:1" // even from a trusted proxy
		})
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusNotFound || res.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("host %q: %d %s", host, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if host != "" && strings.Contains(string(body), host) {
			t.Errorf("host %q is repeated in %s", host, body)
		}
	}
}

func TestEdge_AnswersInternalErrorsWithoutTheirCause(t *testing.T) {
	t.Parallel()
	boom := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret detail") })
	res, lines, seen := try(t, plain, boom, nil)
	body, _ := io.ReadAll(res.Body)
	id := res.Header.Get("X-Request-Id")
	if res.StatusCode != 500 || strings.Contains(string(body), "secret detail") || !strings.Contains(string(body), id) {
		t.Errorf("got %d %s", res.StatusCode, body)
	}
	if len(lines) != 2 || lines[0]["msg"] != "panic" || !strings.Contains(fmt.Sprint(lines[0]["stack"]), "TestEdge_") || lines[1]["outcome"] != "panic" {
		t.Errorf("log %v", lines)
	}
	if seen[0].status != 500 {
		t.Errorf("observed %v", seen)
	}

	res, lines, _ = try(t, oneSite{err: errors.New("connection refused")}, boom, nil)
	body, _ = io.ReadAll(res.Body)
	if res.StatusCode != 503 || strings.Contains(string(body), "refused") {
		t.Errorf("got %d %s", res.StatusCode, body)
	}
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || !strings.Contains(fmt.Sprint(lines[0]["err"]), "connection refused") {
		t.Errorf("log %v", lines)
	}
}

func TestEdge_PanicAfterTheAnswerBeganCountsAsFailure(t *testing.T) {
	t.Parallel()
	res, _, seen := try(t, plain, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half an answer")
		panic("late")
	}), nil)
	body, _ := io.ReadAll(res.Body)
	if string(body) != "half an answer" || seen[0].status != 500 {
		t.Errorf("body %q, observed %v", body, seen)
	}
}

func TestFail_NotesTheCodeAndKeepsRefusalsQuiet(t *testing.T) {
	t.Parallel()
	_, lines, _ := try(t, plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Fail(r.Context(), apierr.New(apierr.Forbidden, "invalid_grant", "Wrong code."))
		w.WriteHeader(403)
	}), nil)
	if lines[0]["outcome"] != "invalid_grant" || lines[0]["err"] != nil || lines[0]["level"] != "INFO" {
		t.Errorf("log %v", lines)
	}
	Fail(context.Background(), io.EOF) // outside a request nothing happens
	Note(context.Background(), FieldOutcome, "x")
}

func TestEdge_SetsSecurityHeaders(t *testing.T) {
	t.Parallel()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	res, _, _ := try(t, plain, ok, nil)
	if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("plain http: %v", res.Header)
	}
	res, _, _ = try(t, oneSite{host: "login.example.com", issuer: "https://login.example.com/"}, ok, nil)
	if got := res.Header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("https: HSTS %q", got)
	}
	res, _, _ = try(t, oneSite{host: "localhost:8443", issuer: "https://localhost:8443/"}, ok, func(r *http.Request) {
		r.Host = "localhost:8443"
	})
	if got := res.Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("https on localhost: HSTS %q would cut off other servers of that name", got)
	}
}

func TestMaxHeaderBytes_RefusesBlocksAbove16KiB(t *testing.T) {
	t.Parallel()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	s := httptest.NewUnstartedServer(nil)
	host := s.Listener.Addr().String()
	s.Config.Handler = Edge(EdgeConfig{Log: slog.New(slog.DiscardHandler), Sites: oneSite{host: host, issuer: "http://" + host + "/"}}, ok)
	s.Config.MaxHeaderBytes = MaxHeaderBytes
	s.Start()
	defer s.Close()
	for size, want := range map[int]int{15 << 10: 204, 16 << 10: 431, 17 << 10: 431, 64 << 10: 431} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		r.Header.Set("X-Long", strings.Repeat("a", size))
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("headers of %d bytes: %d, want %d", size, res.StatusCode, want)
		}
	}
}

func TestMux_RefusesInTheWordsOfTheAPI(t *testing.T) {
	t.Parallel()
	mux := NewMux()
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	mux.HandleFunc("GET /api/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("id")) })
	for _, tc := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"POST", "/oauth/token", 204, ""},
		{"GET", "/oauth/token", 405, `{"error":"method_not_allowed","error_description":"The method is not allowed here."}`},
		{"GET", "/nothing", 404, `{"error":"not_found","error_description":"Not found."}`},
		{"POST", "//oauth/token", 404, `{"error":"not_found","error_description":"Not found."}`},
		{"POST", "/oauth//token", 404, `{"error":"not_found","error_description":"Not found."}`},
		{"POST", "/x/../oauth/token", 404, `{"error":"not_found","error_description":"Not found."}`},
		{"POST", "/oauth/token/", 404, `{"error":"not_found","error_description":"Not found."}`},
		{"GET", "/api/auth0%7C1", 200, "auth0|1"},
		{"GET", "/api/https:%2F%2Fapi.example.com%2F", 200, "https://api.example.com/"},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(tc.method, "http://login.example.com"+tc.path, nil))
		if w.Code != tc.status || w.Body.String() != tc.want {
			t.Errorf("%s %s: got %d %s, want %d %s", tc.method, tc.path, w.Code, w.Body, tc.status, tc.want)
		}
		if tc.status == 405 && w.Header().Get("Allow") != "POST" {
			t.Errorf("%s %s: Allow %q", tc.method, tc.path, w.Header().Get("Allow"))
		}
	}
}

func TestRedact_HidesSecretsWhereverTheyStand(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(Redact(slog.NewTextHandler(&out, nil)))
	log.With("client_secret", "s3cr3t1").WithGroup("g").Info("x",
		"refresh_token", "s3cr3t2", "Set-Cookie", "s3cr3t3", slog.Group("in", "code", "s3cr3t4", "fine", "kept"), "also", "kept2")
	if got := out.String(); strings.Contains(got, "s3cr3t") || !strings.Contains(got, "kept ") || !strings.Contains(got, "kept2") {
		t.Errorf("log line: %s", got)
	}
}

func TestEdge_BehindAProxyAnswersTheProxyOnly(t *testing.T) {
	t.Parallel()
	h := Edge(EdgeConfig{
		Log: slog.New(slog.DiscardHandler), Sites: oneSite{host: "login.example.com", issuer: "https://login.example.com/"},
		Proxies: Proxies{netip.MustParsePrefix("10.0.0.0/8")}, BehindProxy: true,
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for peer, want := range map[string]int{"10.0.0.1:1": 204, "198.51.100.1:1": 403, "127.0.0.1:1": 403, "nonsense": 403} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr = "login.example.com:443", peer
		r.Header.Set("X-Forwarded-For", "10.0.0.2")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: %d, want %d", peer, w.Code, want)
		}
	}
}
