package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

func TestGuard_AnotherBrowserIsRefused(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		s.StopMail(t)
		thief := *v
		thief.b = s.Browser(t)
		begin(t, s, thief.b) // has a login of its own, and its cookie
		wantNothingDone(t, s, "another browser", func() {
			for _, path := range []string{pathLogin, pathSignup, pathCode, "/u/consent"} {
				want(t, thief.get(path), 403, "start-over", "")
				want(t, thief.post(path, "username", "eve@example.com", "email", "eve@example.com", "code", code, "action", "accept"), 403, "start-over", "")
			}
			if a := thief.get(pathResume); strings.HasPrefix(a.Header.Get("Location"), servertest.Callback) {
				t.Errorf("another browser resumed the login: %s", a.Header.Get("Location"))
			}
		})
		v.wantNext(v.code(code), pathResume)
		wantNothingDone(t, s, "another browser after the code", func() {
			if a := thief.get(pathResume); strings.HasPrefix(a.Header.Get("Location"), servertest.Callback) || len(a.Header["Set-Cookie"]) > 0 {
				t.Errorf("another browser resumed the login: %d %v", a.Status, a.Header)
			}
		})
		wantCallback(t, v.finish())
	})
}

func TestGuard_ACookieOfAnotherLoginDoesNotFit(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v, other := begin(t, s, s.Browser(t)), begin(t, s, s.Browser(t))
	mine, theirs := v.b.Cookies()[0], other.b.Cookies()[0]
	b := s.Browser(t)
	for name, cookie := range map[string]string{
		"nobody's":                            "",
		"another login's value":               mine.Name + "=" + theirs.Value,
		"another login's name":                theirs.Name + "=" + mine.Value,
		"the right one twice":                 mine.Name + "=" + mine.Value + "; " + mine.Name + "=" + mine.Value,
		"the right one and a planted one":     mine.Name + "=planted; " + mine.Name + "=" + mine.Value,
		"the right one with a prefix of ours": "__Host-" + mine.Name + "=" + mine.Value,
	} {
		b.Headers.Set("Cookie", cookie)
		if a := b.Get(v.at(pathLogin)); a.Status != 403 {
			t.Errorf("%s: the page answered %d", name, a.Status)
		}
	}
	b.Headers.Set("Cookie", mine.Name+"="+mine.Value)
	if a := b.Get(v.at(pathLogin)); a.Status != 200 {
		t.Errorf("with its cookie the page answered %d", a.Status)
	}
}

func TestGuard_FormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	host := strings.TrimPrefix(s.URL, "http://")
	for _, c := range []struct {
		name    string
		headers map[string]string
		ok      bool
	}{
		{"nothing is said", nil, true},
		{"this origin", map[string]string{"Origin": s.URL}, true},
		{"this origin, same-origin", map[string]string{"Origin": s.URL, "Sec-Fetch-Site": "same-origin"}, true},
		{"typed by the person", map[string]string{"Sec-Fetch-Site": "none"}, true},
		{"hidden origin, same-origin", map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, true},
		{"another origin", map[string]string{"Origin": "https://evil.example"}, false},
		{"another scheme", map[string]string{"Origin": "https://" + host}, false},
		{"another port", map[string]string{"Origin": "http://127.0.0.1:1"}, false},
		{"a longer host", map[string]string{"Origin": s.URL + ".evil.example"}, false},
		{"no origin at all", map[string]string{"Origin": "garbage"}, false},
		{"a cross-site form", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"a sibling's form", map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"this origin, but cross-site", map[string]string{"Origin": s.URL, "Sec-Fetch-Site": "cross-site"}, false},
		{"hidden origin, cross-site", map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site"}, false},
	} {
		pause(s)
		v.b.Headers = http.Header{}
		for name, value := range c.headers {
			v.b.Headers.Set(name, value)
		}
		var a *servertest.Answer
		wantNothingDone(t, s, c.name, func() { a = v.post(pathLogin, "username", "nobody") })
		if c.ok {
			want(t, a, 400, screenLogin, "invalid-email-format")
			continue
		}
		want(t, a, 403, "error", "")
		if !strings.Contains(a.Body, "invalid_request") {
			t.Errorf("%s: the page does not name the error: %s", c.name, a.Body)
		}
	}
}

func TestGuard_AFormOfAnotherLoginIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	one, two := begin(t, s, b), begin(t, s, b)
	a := b.Post(one.at(pathLogin), url.Values{"state": {two.state}, "username": {"ada@example.com"}})
	if a.Status != 400 {
		t.Errorf("a form with another login's state answered %d", a.Status)
	}
	want(t, one.get(pathLogin), 200, screenLogin, "")
	// A form without the hidden field is as good: the address names the login.
	one.wantNext(b.Post(one.at(pathLogin), url.Values{"username": {"ada@example.com"}}), pathCode)
}

func TestGuard_PostsThatComeTooFast(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	for range 10 {
		want(t, v.post(pathLogin, "username", ""), 400, screenLogin, "no-email")
	}
	a := v.post(pathLogin, "username", "ada@example.com")
	want(t, a, 429, "throttled", "")
	if got := a.Header.Get("Retry-After"); got != "12" {
		t.Errorf("Retry-After is %q", got)
	}
	// Another login of the same address has room of its own.
	begin(t, s, s.Browser(t)).identify("bob@example.com")
	s.Clock.Advance(12 * time.Second)
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	for range 5 {
		want(t, v.code(""), 400, screenCode, "no-code")
	}
	hurried := v.code(code)
	want(t, hurried, 429, screenCode, "same-user-login")
	if got := hurried.Header.Get("Retry-After"); got != "12" {
		t.Errorf("Retry-After is %q", got)
	}
	s.Clock.Advance(12 * time.Second)
	v.wantNext(v.code(code), pathResume)
}

func TestGuard_FiveHundredPagesAMinuteFromOneAddress(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	for i := range 500 {
		if a := v.get(pathLogin); a.Status != 200 {
			t.Fatalf("page %d answered %d", i+1, a.Status)
		}
	}
	a := v.get(pathLogin)
	want(t, a, 429, "throttled", "")
	if a.Header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to come again")
	}
	v.b.Headers.Set("X-Forwarded-For", "203.0.113.5")
	want(t, v.get(pathLogin), 200, screenLogin, "")
}
