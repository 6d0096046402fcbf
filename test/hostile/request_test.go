package hostile_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// request is an authorization request that is answered, with one parameter of a given size.
func request(s *servertest.Server, name string, size int) url.Values {
	q := url.Values{
		"client_id": {s.Web.ID}, "redirect_uri": {servertest.Callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
	}
	if name != "" {
		q.Set(name, strings.Repeat("x", size))
	}
	return q
}

// An authorization request by POST once could be a megabyte, which travelled through pages, cookies and rows.
func TestAuthorize_LargerRequestsThanAnyRealOneAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	par(s)
	s.StopMail(t)
	b := s.Browser(t)
	authorize, pushed := door{path: "/authorize", page: true}, door{path: "/oauth/par"}
	refused := func(what string, q url.Values) {
		t.Helper()
		unchanged(t, s, what, func() {
			wantRefused(t, authorize, what+", GET", b.Get("/authorize?"+q.Encode()), http.StatusBadRequest)
			wantRefused(t, authorize, what+", POST", b.Post("/authorize", q), http.StatusBadRequest)
			q.Set("client_secret", s.Secret)
			wantRefused(t, pushed, what, b.Post("/oauth/par", q), http.StatusBadRequest)
		})
	}
	for name, most := range map[string]int{
		"client_id": 2048, "redirect_uri": 2048, "response_type": 2048, "response_mode": 2048, "login_hint": 2048, "nonce": 2048,
		"ui_locales": 2048, "acr_values": 2048, "prompt": 2048, "audience": 2048, "connection": 2048, "code_challenge": 2048,
		"ext-anything": 2048, "unheard-of": 2048,
		"scope": 4096, "state": 4096, "id_token_hint": 4096, "request": 4096, "claims": 4096, "authorization_details": 4096,
	} {
		refused("a byte too much in "+name, request(s, name, most+1))
		q := request(s, name, most)
		if a := b.Post("/authorize", q); strings.Contains(a.Body, "too long") {
			t.Errorf("as much as fits in %s is refused: %.200s", name, a.Body)
		}
	}
	words := func(n int) string { return strings.TrimSpace(strings.Repeat("s ", n)) }
	q := request(s, "", 0)
	q.Set("scope", words(201))
	refused("a scope too much", q)
	q.Set("scope", words(200))
	if a := b.Post("/authorize", q); a.Status != http.StatusFound {
		t.Errorf("200 scopes are answered %d", a.Status)
	}

	many := request(s, "", 0)
	for i := range 7 {
		many.Set(fmt.Sprintf("x%d", i), strings.Repeat("x", 2040))
	}
	if a := b.Post("/authorize", many); a.Status != http.StatusFound {
		t.Errorf("as much as fits in all is answered %d: %.200s", a.Status, a.Body)
	}
	many.Set("x7", strings.Repeat("x", 2040))
	wantRefused(t, authorize, "too much in all", b.Post("/authorize", many), http.StatusRequestEntityTooLarge)
}

// Parameters that are no text once were dropped, and the request was answered as if they had not been there.
func TestAuthorize_ParametersThatAreNoTextAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.StopMail(t)
	par(s)
	b := s.Browser(t)
	for _, name := range []string{"client_id", "redirect_uri", "max_age", "scope", "nonce", "claims", "prompt", "unheard-of"} {
		for _, value := range []any{1, true, []string{"a"}, map[string]string{"a": "b"}} {
			body := map[string]any{"client_secret": s.Secret}
			for n, v := range request(s, "", 0) {
				body[n] = v[0]
			}
			body[name] = value
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []door{{path: "/oauth/par"}, {path: "/authorize", page: true}} {
				what := fmt.Sprintf("%s is %v", name, value)
				unchanged(t, s, what, func() {
					a := post(b, d.path, object, string(text))
					wantRefused(t, d, what, a, http.StatusBadRequest)
					if !strings.Contains(a.Body, "invalid_request") || !strings.Contains(a.Body, name) {
						t.Errorf("%s, %s: %.300s", d.path, what, a.Body)
					}
				})
			}
		}
	}
	s.Clock.Advance(time.Minute)
	q := request(s, "", 0)
	q.Set("client_secret", s.Secret)
	if a := b.Post("/oauth/par", q); a.Status != http.StatusCreated {
		t.Errorf("a request of texts is answered %d: %s", a.Status, a.Body)
	}
}

func TestAuthorize_OneAddressAsksSoOftenAndNoMore(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ask := func(address string) *servertest.Answer {
		b := s.Browser(t)
		b.Headers.Set("X-Forwarded-For", address)
		return b.Get("/authorize?client_id=nobody")
	}
	for i := range 500 {
		if a := ask("192.0.2.1"); a.Status != http.StatusBadRequest {
			t.Fatalf("request %d is answered %d", i, a.Status)
		}
	}
	for range 3 {
		a := ask("192.0.2.1")
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.Body, "throttled") {
			t.Errorf("one too many is answered %d, Retry-After %q: %.300s", a.Status, a.Header.Get("Retry-After"), a.Body)
		}
	}
	if a := ask("192.0.2.2"); a.Status != http.StatusBadRequest {
		t.Errorf("another address is answered %d", a.Status)
	}
	if got := limits(t, s); got != "authorize_ip /authorize 192.0.2.1" {
		t.Errorf("the log tells of %q", got)
	}
	s.Clock.Advance(time.Second)
	if a := ask("192.0.2.1"); a.Status != http.StatusBadRequest {
		t.Errorf("a second later the answer is %d", a.Status)
	}
}
