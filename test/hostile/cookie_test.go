package hostile_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/ident"
	"latchkey/test/servertest"
)

// A sibling host once could keep a session alive: it planted a second cookie, neither was believed, and a logout ended
// nothing.
func TestLogout_EndsEverySessionThatACookieNames(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for name, path := range map[string]string{
			"v2":                     "/v2/logout",
			"v2 for a client":        "/v2/logout?" + url.Values{"client_id": {s.Web.ID}, "returnTo": {servertest.LoggedOut}}.Encode(),
			"v2 refused":             "/v2/logout?" + url.Values{"client_id": {s.Web.ID}, "returnTo": {"https://evil.example.com/"}}.Encode(),
			"v2 of a stranger":       "/v2/logout?client_id=nobody",
			"OpenID Connect":         "/oidc/logout",
			"OpenID Connect, client": "/oidc/logout?" + url.Values{"client_id": {s.Web.ID}, "post_logout_redirect_uri": {servertest.LoggedOut}}.Encode(),
		} {
			own, theirs := session(t, s, "ada@example.com"), session(t, s, "eve@example.com")
			for _, header := range []string{
				"auth0=" + ident.Token(32) + "; auth0=" + own + "; auth0=" + theirs,
				"auth0=" + own + "; auth0=" + theirs + "; auth0=" + own, // all is over by now: nothing to end, still an answer
			} {
				b := s.Browser(t)
				b.Headers.Set("Cookie", header)
				a := b.Get(path)
				refused := strings.Contains(name, "refused") || strings.Contains(name, "stranger")
				if refused != (a.Status == http.StatusBadRequest) || !refused && a.Status != http.StatusOK && a.Header.Get("Location") != servertest.LoggedOut {
					t.Errorf("%s answered %d to %q", name, a.Status, a.Header.Get("Location"))
				}
				if !strings.HasPrefix(a.Header.Get("Set-Cookie"), "auth0=; Path=/; Max-Age=0") {
					t.Errorf("%s leaves the cookie: %q", name, a.Header.Get("Set-Cookie"))
				}
			}
			for _, cookie := range []string{own, theirs} {
				if alive(t, s, cookie) {
					t.Errorf("%s left a session alive", name)
				}
			}
			s.Clock.Advance(15 * 60e9) // mails have limits
		}
	})
}

// What a client may not do with one cookie it may not do with two.
func TestLogout_ARefusedOneKeepsTheSessions(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	own := session(t, s, "ada@example.com")
	b := s.Browser(t)
	b.Headers.Set("Cookie", "auth0="+own+"; auth0=x")
	for _, query := range []string{"post_logout_redirect_uri=https%3A%2F%2Fevil.example.com", "id_token_hint=x.y.z", "client_id=nobody"} {
		if a := b.Get("/oidc/logout?" + query); a.Status != http.StatusBadRequest || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s is answered %d and sets %q", query, a.Status, a.Header.Get("Set-Cookie"))
		}
	}
	if !alive(t, s, own) {
		t.Error("a refused logout ended the session")
	}
}

// session gives the cookie of a fresh login.
func session(t *testing.T, s *servertest.Server, email string) string {
	t.Helper()
	b := s.Browser(t)
	b.LoginCode(s.Web, email)
	for _, c := range b.Cookies() {
		if c.Name == "auth0" {
			return c.Value
		}
	}
	t.Fatal("the login set no session cookie")
	return ""
}

// alive tells whether a session cookie still opens the tenant.
func alive(t *testing.T, s *servertest.Server, cookie string) bool {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("Cookie", "auth0="+cookie)
	return b.Get(s.AuthorizeURL(s.Web, "prompt", "none")).Location(t).Query().Has("code")
}
