package deploy

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// tokenOf makes what looks like an access token of a client.
func tokenOf(client string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"azp":"`+client+`"}`)) + ".c2ln"
}

func TestDial_ObtainsATokenAndTriesAgain(t *testing.T) {
	t.Parallel()
	var seen []string
	refusals := map[string][]int{"GET": {429, 500, 503}, "POST": {429, 500, 429, 503}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/oauth/token" {
			if !strings.Contains(string(body), `"audience":"https://`+r.Host+`/api/v2/"`) || !strings.Contains(string(body), `"client_secret":"s"`) {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"error":"access_denied","error_description":"Unauthorized"}`)
				return
			}
			_, _ = io.WriteString(w, `{"access_token":"`+tokenOf("me")+`"}`)
			return
		}
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")[:8])
		if left := refusals[r.Method]; len(left) > 0 {
			refusals[r.Method] = left[1:]
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(left[0])
			return
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one caller does not trust the certificate
	server.StartTLS()
	t.Cleanup(server.Close)
	var waits []time.Duration
	c := DialConfig{
		URL: server.URL, ClientID: "me", ClientSecret: "s",
		CA:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		Wait: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
	}
	to, err := Dial(t.Context(), c)
	if err != nil || to.ManagingClient != "me" {
		t.Fatalf("%+v %v", to, err)
	}
	if a, err := to.API.Do(t.Context(), "GET", "clients/a%7Cb?x=1", nil); err != nil || a.Status != 200 {
		t.Errorf("GET: %+v %v", a, err)
	}
	if len(seen) != 4 || seen[3] != "GET /api/v2/clients/a%7Cb?x=1 Bearer e" {
		t.Errorf("requests %q", seen)
	}
	// What creates something is not sent twice after a failure: it may have been done.
	for _, failure := range []int{500, 503} {
		if a, err := to.API.Do(t.Context(), "POST", "clients", object{}); err != nil || a.Status != failure {
			t.Errorf("POST: %+v %v", a, err)
		}
	}
	if len(waits) != 5 || waits[0] != 3*time.Second {
		t.Errorf("waited %v", waits)
	}

	c.ClientSecret = "wrong"
	if _, err := Dial(t.Context(), c); err == nil || !strings.Contains(err.Error(), "access_denied: Unauthorized") {
		t.Errorf("with a wrong secret: %v", err)
	}
	c.CA = nil
	if _, err := Dial(t.Context(), c); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without its authority: %v", err)
	}
	for _, bad := range []string{"", "login.example.com", "ftp://x", "https://x/api/v2/"} {
		if _, err := Dial(t.Context(), DialConfig{URL: bad, Token: "t"}); err == nil {
			t.Errorf("%q is taken for a tenant", bad)
		}
	}
	if _, err := Dial(t.Context(), DialConfig{URL: "https://x", Token: "t", CA: []byte("none")}); err == nil {
		t.Error("a file without certificates is taken")
	}
}

func TestHandler_PassesContextAndAnswers(t *testing.T) {
	t.Parallel()
	type key struct{}
	api := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Context().Value(key{}) != "tx" || r.URL.EscapedPath() != "/api/v2/roles/a%2Fb" || r.URL.RawQuery != "q=1" || string(body) != `{"name":"x"}` ||
			r.Header.Get("Content-Type") != "application/json" || r.RequestURI != "/api/v2/roles/a%2Fb?q=1" {
			t.Errorf("%s %s %s %q", r.Method, r.RequestURI, body, r.Header)
		}
		w.Header().Set("X", "y")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `{"message":"short"}`)
	}))
	_, err := call(context.WithValue(t.Context(), key{}, "tx"), api, "PATCH", under("roles", "a/b")+"?q=1", object{"name": "x"})
	if err == nil || err.Error() != "PATCH roles/a%2Fb answered 418: short" {
		t.Errorf("got %v", err)
	}
}
