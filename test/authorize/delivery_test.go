package authorize_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

var posted = regexp.MustCompile(`postMessage\((\{.*\}),("[^"]*")\)`)

// message reads what a web_message page posts, and to which origin.
func message(t *testing.T, a *servertest.Answer) (map[string]any, string) {
	t.Helper()
	found := posted.FindStringSubmatch(a.Body)
	if a.Status != http.StatusOK || found == nil {
		t.Fatalf("%s answered %d without a message: %s", a.URL.Path, a.Status, a.Body)
	}
	var sent struct {
		Type     string         `json:"type"`
		Response map[string]any `json:"response"`
	}
	var origin string
	if err := json.Unmarshal([]byte(found[1]), &sent); err != nil || sent.Type != "authorization_response" {
		t.Fatalf("message %s (%v)", found[1], err)
	}
	if err := json.Unmarshal([]byte(found[2]), &origin); err != nil {
		t.Fatal(err)
	}
	return sent.Response, origin
}

func TestWebMessage_GoesToTheRegisteredOriginOnly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	silent := s.AuthorizeURL(s.SPA, "prompt", "none", "response_mode", "web_message", "state", `</script><b>"'`)
	got, origin := message(t, b.Get(silent))
	if got["error"] != "login_required" || got["error_description"] != "Login required" || got["state"] != `</script><b>"'` || origin != servertest.WebOrigin {
		t.Errorf("the message to %s is %v", origin, got)
	}
	a := walk(t, s, b, b.Get(s.AuthorizeURL(s.SPA, "response_mode", "web_message")), ada) // as loginWithPopup does
	if got, _ := message(t, a); got["code"] == nil || got["state"] != "app-state" {
		t.Errorf("the interactive login posts %v", got)
	}
	a = b.Get(silent)
	if got, _ := message(t, a); got["code"] == nil || strings.Contains(a.Body, "</script><b>") {
		t.Errorf("the silent login posts %v", got)
	}
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors "+servertest.WebOrigin) || a.Header.Get("X-Frame-Options") != "" ||
		a.Header.Get("Cross-Origin-Opener-Policy") == "same-origin" || !strings.HasPrefix(a.Header.Get("Cache-Control"), "no-store") || a.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the page has the headers %v", a.Header)
	}
	for _, responseType := range []string{"token", "id_token token", "code id_token"} {
		got, _ := message(t, b.Get(s.AuthorizeURL(s.SPA, "prompt", "none", "response_mode", "web_message", "response_type", responseType, "nonce", "n")))
		if got["error"] != nil || (got["id_token"] == nil) == strings.Contains(responseType, "id_token") {
			t.Errorf("%s posts %v", responseType, got)
		}
	}

	s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.WebOrigins = []string{"https://other.example.com"} })
	staysHere(t, b.Get(silent), http.StatusForbidden, "https://app.example.com")
}

func TestFormPost_CarriesTheResponseToTheCallback(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	state := `"><script>alert(1)</script>`
	a := b.Get(s.AuthorizeURL(s.Web, "prompt", "none", "response_mode", "form_post", "state", state))
	for _, want := range []string{`method="post"`, `action="` + servertest.Callback + `"`, `name="error" value="login_required"`, "<noscript>", `type="submit"`} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(a.Body, state) || a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("the page: status %d, headers %v", a.Status, a.Header)
	}
	a = walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, "response_mode", "form_post", "response_type", "code id_token", "nonce", "n")), ada)
	for _, want := range []string{`name="code"`, `name="id_token"`, `name="state" value="app-state"`} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "form-action 'self' https:;") { // the callback's scheme: a redirect may follow the post
		t.Errorf("the policy keeps the form from its target: %s", policy)
	}
	if !strings.Contains(policy, "nonce-") || strings.Contains(policy, "unsafe-inline") {
		t.Errorf("the policy is %s", policy)
	}
}
