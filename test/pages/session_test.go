package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

// sessionCookie gives the value of the browser's session cookie, or nothing.
func sessionCookie(b *servertest.Browser) string {
	for _, c := range b.Cookies() {
		if c.Name == "auth0" {
			return c.Value
		}
	}
	return ""
}

// silent reports whether an authorization request is answered at once, without a page.
func silent(t *testing.T, s *servertest.Server, b *servertest.Browser, params ...string) bool {
	t.Helper()
	location := b.Get(s.AuthorizeURL(s.Web, params...)).Location(t)
	return strings.HasPrefix(location.String(), servertest.Callback) && location.Query().Get("code") != ""
}

func TestSession_AnswersTheNextRequestUnlessAskedNotTo(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		if silent(t, s, b) {
			t.Fatal("a fresh browser is logged in")
		}
		b.LoginCode(s.Web, "ada@example.com")
		for _, c := range []struct {
			name   string
			params []string
			want   bool
		}{
			{"nothing asked", nil, true},
			{"prompt=none", []string{"prompt", "none"}, true},
			{"prompt=login", []string{"prompt", "login"}, false},
			{"prompt=select_account", []string{"prompt", "select_account"}, false},
			{"prompt=consent", []string{"prompt", "consent"}, false},
			{"max_age far away", []string{"max_age", "3600"}, true},
			{"max_age=0", []string{"max_age", "0"}, false},
			{"a connection named", []string{"connection", "email"}, false},
			{"sign-up", []string{"screen_hint", "signup"}, true},
		} {
			if got := silent(t, s, b, c.params...); got != c.want {
				t.Errorf("%s: answered without a page is %v, want %v", c.name, got, c.want)
			}
		}
		// Naming a connection asks anew, and then there is a session all the same.
		v := begin(t, s, b, "connection", "email")
		v.identify("ada@example.com")
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
		wantCallback(t, v.finish())
		if !silent(t, s, b) {
			t.Error("after a login at a named connection there is no session")
		}
		s.ChangeConnection("email", func(c *connection.Connection) {
			c.Options.SSO = &struct {
				Reuse any `json:"reuse,omitempty"`
			}{true}
		})
		if !silent(t, s, b, "connection", "email") {
			t.Error("sso.reuse does not let the session answer for its connection")
		}
	})
}

func TestSession_EndsInTime(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const idle, life = 3 * 24 * time.Hour, 7 * 24 * time.Hour
	b := s.Browser(t)
	b.LoginCode(s.Web, "ada@example.com")
	s.Clock.Advance(idle - time.Minute)
	if !silent(t, s, b) {
		t.Error("a session is dead before its idle time is over")
	}
	s.Clock.Advance(idle - time.Minute)
	if !silent(t, s, b) {
		t.Error("a session is dead though it was used meanwhile")
	}
	s.Clock.Advance(life - 2*idle + 2*time.Minute)
	if silent(t, s, b) {
		t.Error("a session lives longer than its life")
	}
	b = s.Browser(t)
	b.LoginCode(s.Web, "ada@example.com")
	s.Clock.Advance(idle)
	if silent(t, s, b) {
		t.Error("a session lives though nobody used it")
	}
}

func TestSession_APlantedCookieIsNotAdopted(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	planted := strings.Repeat("planted", 7)
	v := begin(t, s, b)
	v.identify("ada@example.com")
	b.Headers.Set("Cookie", "auth0="+planted)
	v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
	if sessionCookie(b) != "" {
		t.Error("a session is opened before the login is finished")
	}
	wantCallback(t, v.finish())
	if got := sessionCookie(b); got == "" || got == planted {
		t.Errorf("the session's cookie is %q", got)
	}
}

func TestSession_EveryLoginHasANewCookie(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.LoginCode(s.Web, "ada@example.com")
		first := sessionCookie(b)
		b.LoginCode(s.Web, "ada@example.com", "prompt", "login")
		second := sessionCookie(b)
		if first == second {
			t.Error("a second login keeps the cookie")
		}
		old := s.Browser(t)
		old.Headers.Set("Cookie", "auth0="+first)
		if silent(t, s, old) {
			t.Error("the cookie of before still opens the session")
		}
		if !silent(t, s, b) {
			t.Error("the new cookie opens nothing")
		}
	})
}

func TestSession_AnotherUserReplacesIt(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.LoginCode(s.Web, "ada@example.com")
		first := sessionCookie(b)
		seen := len(s.Events(t))
		code := b.LoginCode(s.Web, "bob@example.com", "prompt", "login")
		if claims := servertest.Claims(t, b.MustToken(s.CodeForm(code)).IDToken); claims["email"] != "bob@example.com" {
			t.Errorf("the login is of %v", claims["email"])
		}
		old := s.Browser(t)
		old.Headers.Set("Cookie", "auth0="+first)
		if silent(t, s, old) {
			t.Error("the session of the user before lives on")
		}
		var types []string
		for _, e := range s.Events(t)[seen:] {
			types = append(types, string(e.Type))
		}
		if got := strings.Join(types, " "); got != "cls ss slo s seacft" {
			t.Errorf("the tenant's log has %q", got)
		}
	})
}

func TestSession_OfABlockedUserOpensNothing(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.LoginCode(s.Web, "ada@example.com")
		s.Block("ada@example.com", true)
		got := servertest.Fields(b.Get(s.AuthorizeURL(s.Web)).Location(t))
		if got.Get("error") != "unauthorized" || got.Get("error_description") != "user is blocked" {
			t.Errorf("the application is told %v", got)
		}
	})
}

func TestSession_OfADeletedUserIsNone(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	code := b.LoginCode(s.Web, "ada@example.com")
	sub := servertest.Claims(t, b.MustToken(s.CodeForm(code)).IDToken)["sub"].(string)
	if err := s.Database.Store.DeleteUser(t.Context(), s.Tenant.ID, sub); err != nil {
		t.Fatal(err)
	}
	if silent(t, s, b) {
		t.Error("a deleted user is logged in")
	}
	if a := b.Get(s.AuthorizeURL(s.Web)); a.Status != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), pathLogin) {
		t.Errorf("the browser of a deleted user gets %d %s", a.Status, a.Header.Get("Location"))
	}
}

func TestSession_LivesOnBothNodes(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		v := begin(t, s, s.Browser(t))
		// The login goes on at another machine with each step: the browser's cookies are those of the host, not the port.
		there := func(path string) string { return node.URL + v.at(path) }
		form := func(fields ...string) map[string][]string {
			f := map[string][]string{"state": {v.state}, "action": {"default"}}
			for i := 0; i+1 < len(fields); i += 2 {
				f[fields[i]] = []string{fields[i+1]}
			}
			return f
		}
		v.wantNext(v.b.Post(there(pathLogin), form("username", "ada@example.com")), pathCode)
		code := s.Code(t, "ada@example.com")
		want(t, v.code(servertest.WrongCode(code)), 400, screenCode, "invalid-verification-code")
		v.wantNext(v.b.Post(there(pathCode), form("code", code)), pathResume)
		wantCallback(t, v.finish())
		location := v.b.Get(strings.Replace(s.AuthorizeURL(s.Web), s.URL, node.URL, 1)).Location(t)
		if location.Query().Get("code") == "" {
			t.Errorf("the other node does not know the session: %s", location)
		}
	})
}
