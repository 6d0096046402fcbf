package hostile_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestPath_TricksLeadNowhere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.StopMail(t)
	sameRows(t, s)
	b := s.Browser(t)
	for _, path := range []string{
		"//passwordless/start", "/passwordless//start", "/./passwordless/start", "/passwordless/./start", "/u/../passwordless/start",
		"/passwordless/start/", "/passwordless/start/..", "/passwordless/start%2f", "/passwordless%2fstart", "/passwordless/start%00",
		"/passwordless/start;x=1", "/PASSWORDLESS/START", "/passwordless/start.json", "/passwordless\\start", "/api/../passwordless/start",
		"//evil.example/passwordless/start", "/%2e%2e/passwordless/start", "/passwordless/start%0d%0aSet-Cookie:%20a=b", "/passwordless/start ",
	} {
		unchanged(t, s, path, func() {
			a := b.PostJSON(s.URL+strings.ReplaceAll(path, " ", "%20"), map[string]string{"client_id": s.Native.ID, "connection": "email", "email": "ada@example.com"})
			if a.Status != http.StatusNotFound {
				t.Errorf("%s answered %d: %s", path, a.Status, a.Body)
			}
			if a.Header.Get("Location") != "" || a.Header.Get("Set-Cookie") != "" || strings.Contains(a.Body, "evil") {
				t.Errorf("%s answered with %v", path, a.Header)
			}
		})
	}
	for _, path := range []string{
		"/u/assets/", "/u/assets/..", "/u/assets/../", "/u/assets/../../go.mod", "/u/assets/..%2f..%2fgo.mod", "/u/assets/%2e%2e/%2e%2e/go.mod",
		"/u/assets/page.css", "/u/assets/nothing.js", "/u/assets/page.css%00.js", "/.git/config", "/debug/pprof/", "/metrics", "/api/v1/users", "/.env",
	} {
		if a := b.Get(s.URL + path); a.Status != http.StatusNotFound {
			t.Errorf("%s answered %d: %.200s", path, a.Status, a.Body)
		}
	}
}

func TestMethod_OnlyTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.StopMail(t)
	sameRows(t, s)
	b := s.Browser(t)
	for path, allowed := range map[string]string{
		"/passwordless/start": "POST OPTIONS", "/oauth/token": "POST OPTIONS", "/oauth/revoke": "POST OPTIONS", "/oauth/par": "POST",
		"/userinfo": "GET HEAD POST OPTIONS", "/authorize": "GET HEAD POST", "/v2/logout": "GET HEAD", "/.well-known/jwks.json": "GET HEAD",
		"/u/login/identifier": "GET HEAD POST", "/u/login/passwordless-email-challenge": "GET HEAD POST", "/authorize/resume": "GET HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			if strings.Contains(" "+allowed+" ", " "+method+" ") {
				continue
			}
			unchanged(t, s, method+" "+path, func() {
				a := b.Do(method, path, "", "")
				if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
					t.Errorf("%s %s answered %d, Allow %q", method, path, a.Status, a.Header.Get("Allow"))
				}
				if method != "HEAD" && !strings.Contains(a.Body, `"error":"method_not_allowed"`) {
					t.Errorf("%s %s: %s", method, path, a.Body)
				}
			})
		}
	}
}
