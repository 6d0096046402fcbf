package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

func TestNavigation_PagesOfALaterStepLeadToTheOneReached(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	later := []string{pathCode, "/u/consent", "/u/callback-confirmation", "/u/account-picker"}
	wantNothingDone(t, s, "asking for later pages", func() {
		for _, path := range later {
			v.wantNext(v.get(path), pathLogin)
			v.wantNext(v.post(path, "code", "123456", "action", "accept"), pathLogin)
		}
		v.wantNext(v.get(pathResume), pathLogin)
	})
	v.identify("ada@example.com")
	for _, path := range later[1:] {
		v.wantNext(v.get(path), pathCode)
		v.wantNext(v.post(path, "action", "accept"), pathCode)
	}
	v.wantNext(v.get(pathResume), pathCode)
	v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
	for _, path := range []string{pathLogin, pathCode} {
		v.wantNext(v.get(path), pathResume)
		v.wantNext(v.post(path, "username", "bob@example.com", "code", "1"), pathResume)
	}
	wantCallback(t, v.finish())
}

func TestNavigation_BackToTheAddressAndOnAgain(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	want(t, v.get(pathLogin), 200, screenLogin, "")
	want(t, v.get(pathSignup), 200, screenSignup, "")
	// Going back changed nothing: the code page is still there, and the code is good.
	want(t, v.get(pathCode), 200, screenCode, "")
	v.wantNext(v.code(code), pathResume)
}

func TestNavigation_ReloadingNeverSends(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		wantNothingDone(t, s, "looking at the first pages", func() {
			for _, path := range []string{pathLogin, pathSignup} {
				v.get(path)
				v.b.Do(http.MethodHead, v.at(path), "", "")
			}
		})
		v.identify("ada@example.com")
		s.Code(t, "ada@example.com")
		s.StopMail(t)
		s.Clock.Advance(time.Minute)
		wantNothingDone(t, s, "reloading", func() {
			for _, path := range []string{pathLogin, pathSignup, pathCode} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					a := v.b.Do(method, v.at(path), "", "")
					if a.Status != 200 || (method == http.MethodHead) != (a.Body == "") {
						t.Errorf("%s %s answered %d with %d bytes", method, path, a.Status, len(a.Body))
					}
				}
			}
		})
	})
}

func TestNavigation_WhereALoginThatIsOverLeads(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	over := func(ready bool) *visit {
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
		if ready {
			wantCallback(t, v.finish())
		}
		return v
	}
	late := begin(t, s, s.Browser(t))
	typed := begin(t, s, s.Browser(t))
	typed.identify("bob@example.com")
	s.Clock.Advance(time.Hour)
	finished := over(true)

	unknown := begin(t, s, s.Browser(t))
	unknown.state = "no-such-login"
	for _, c := range []struct {
		name   string
		v      *visit
		status int
	}{{"finished", finished, 200}, {"expired before anything was typed", late, 404}, {"expired on the code page", typed, 404}, {"unknown", unknown, 404}} {
		for _, path := range []string{pathLogin, pathSignup, pathCode} {
			want(t, c.v.get(path), c.status, "start-over", "")
			want(t, c.v.post(path, "username", "eve@example.com", "email", "eve@example.com", "code", "123456"), c.status, "start-over", "")
		}
		// Resuming leads to a page that says the same.
		if a := c.v.get(pathResume); a.Status != 302 || !strings.HasPrefix(a.Header.Get("Location"), pathLogin) {
			t.Errorf("%s: resuming answered %d to %q", c.name, a.Status, a.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/u/login", "/login", pathLogin, pathCode, "/u/login?state=x"} {
		want(t, s.Browser(t).Get(path), 404, "start-over", "")
	}

	// With a login address of the tenant, and then of the client, the browser is sent there.
	s.ChangeSettings(func(settings *tenant.Settings) {
		settings.DefaultRedirectionURI = "https://tenant.example.com/start?a=1"
	})
	wantRoute := func(a *servertest.Answer, to string) {
		t.Helper()
		if got := a.Header.Get("Location"); a.Status != 302 || got != to {
			t.Errorf("%s answered %d to %q, want %q", a.URL.Path, a.Status, got, to)
		}
	}
	atTenant := "https://tenant.example.com/start?a=1&iss=" + url.QueryEscape(s.Issuer)
	for _, v := range []*visit{finished, late, typed, unknown} {
		wantRoute(v.get(pathLogin), atTenant)
	}
	wantRoute(s.Browser(t).Get("/login"), atTenant)
	s.ChangeClient(s.Web.ID, func(c *client.Client) { c.InitiateLoginURI = "https://app.example.com/login" })
	atClient := "https://app.example.com/login?iss=" + url.QueryEscape(s.Issuer)
	for _, v := range []*visit{finished, late, typed} {
		wantRoute(v.get(pathLogin), atClient)
	}
	wantRoute(unknown.get(pathLogin), atTenant)
}

func TestNavigation_AlteredStatesAreUnknown(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	good := v.state
	for name, state := range map[string]string{
		"nothing": "", "cut": good[:len(good)-1], "halved": good[:len(good)/2], "longer": good + "A", "first changed": flip(good, 0),
		"middle changed": flip(good, len(good)/2), "last changed": flip(good, len(good)-1), "padded": good + "==", "huge": strings.Repeat("A", 5000),
		"spaces": " " + good, "NUL": "a\x00b", "not UTF-8": "\xff\xfe",
	} {
		wantNothingDone(t, s, "a state with "+name, func() {
			v.state = state
			want(t, v.get(pathLogin), 404, "start-over", "")
			if a := v.post(pathLogin, "username", "ada@example.com"); a.Status != 404 && a.Status != 400 {
				t.Errorf("%s: a post answered %d", name, a.Status)
			}
		})
	}
	v.state = good
	want(t, v.get(pathLogin), 200, screenLogin, "")
}

func flip(s string, i int) string {
	c := byte('A')
	if s[i] == 'A' {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func TestNavigation_AStateOfAnotherTenantIsUnknown(t *testing.T) {
	t.Parallel()
	s, other := servertest.New(t), servertest.New(t)
	b := s.Browser(t)
	v := begin(t, s, b)
	want(t, b.Get(other.URL+v.at(pathLogin)), 404, "start-over", "")
}

func TestNavigation_TwoTabsAreTwoLogins(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		one, two := begin(t, s, b, "state", "one"), begin(t, s, b, "state", "two")
		one.identify("ada@example.com")
		s.Code(t, "ada@example.com")
		two.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		two.wantNext(two.code(code), pathResume)
		if u := two.finish(); u.Query().Get("state") != "two" || u.Query().Get("code") == "" {
			t.Errorf("the second tab ended at %s", u)
		}
		// The code is spent; with the session the first tab simply finishes.
		if a := one.get(pathCode); a.Status == 302 {
			one.wantNext(a, pathResume)
		} else {
			want(t, one.code(code), 400, screenCode, "invalid-verification-code")
			return
		}
		if u := one.finish(); u.Query().Get("state") != "one" || u.Query().Get("code") == "" {
			t.Errorf("the first tab ended at %s", u)
		}
	})
}

func TestNavigation_TheSameFormTwice(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		v.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		v.wantNext(v.code(code), pathResume)
		v.wantNext(v.code(code), pathResume)
		wantCallback(t, v.finish())
		if n := strings.Count(s.EventTypes(t), "cls"); n != 1 {
			t.Errorf("%d messages were sent", n)
		}
	})
}
