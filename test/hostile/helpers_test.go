// Package hostile_test sends a whole server what nobody should: bodies that cannot be read, parameters that contradict
// each other, headers that lie, paths that climb. Each gets its documented refusal and changes nothing.
package hostile_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// door is an endpoint that takes a body from strangers.
type door struct {
	path string
	page bool // answers people, not programs
	most int  // bytes of a body
}

var doors = []door{
	{path: "/passwordless/start", most: 1 << 20}, {path: "/oauth/token", most: 1 << 20}, {path: "/oauth/revoke", most: 1 << 20},
	{path: "/oauth/par", most: 10 << 10}, {path: "/userinfo", most: 1 << 20},
	{path: "/authorize", page: true, most: 16 << 10}, {path: "/oidc/logout", page: true, most: 16 << 10},
}

// unchanged checks that do writes nothing.
func unchanged(t testing.TB, s *servertest.Server, what string, do func()) {
	t.Helper()
	if work := s.Work(do); work.Commits != 0 {
		t.Errorf("%s: %d commits", what, work.Commits)
	}
}

// sameRows checks at the end of a test that no table has more or fewer rows than now.
func sameRows(t *testing.T, s *servertest.Server) {
	t.Helper()
	before := s.Rows(t)
	t.Cleanup(func() {
		for table, n := range s.Rows(t) {
			if n != before[table] {
				t.Errorf("table %s has %d rows, before it had %d", table, n, before[table])
			}
		}
	})
}

// wantRefused checks a refusal in the form of its door: an OAuth error without members that clients would read first, or
// an error page.
func wantRefused(t testing.TB, d door, what string, a *servertest.Answer, status int) {
	t.Helper()
	if a.Status != status {
		t.Errorf("%s, %s: answered %d, want %d: %.200s", d.path, what, a.Status, status, a.Body)
	}
	if d.page {
		if a.Status < 500 && !strings.Contains(a.Body, `<main class="_widget error"`) {
			t.Errorf("%s, %s: no error page: %.200s", d.path, what, a.Body)
		}
		return
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || body["error"] == "" || len(body) > 2 || (len(body) == 2 && body["error_description"] == "") {
		t.Errorf("%s, %s: the body is no OAuth error: %.200q", d.path, what, a.Body)
	}
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s, %s: Content-Type %q", d.path, what, a.Header.Get("Content-Type"))
	}
}

// beginLogin gives the address of a login's first page in the browser.
func beginLogin(t testing.TB, s *servertest.Server, b *servertest.Browser) *url.URL {
	t.Helper()
	return b.Get(s.AuthorizeURL(s.Web)).Location(t)
}

const form, object = "application/x-www-form-urlencoded", "application/json"

func post(b *servertest.Browser, path, contentType, body string) *servertest.Answer {
	return b.Do(http.MethodPost, path, contentType, body)
}
