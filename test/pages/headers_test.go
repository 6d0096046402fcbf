package pages_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// everyPage gives one answer of each page, by what it is.
func everyPage(t *testing.T, s *servertest.Server) map[string]*servertest.Answer {
	t.Helper()
	pages := map[string]*servertest.Answer{}
	v := begin(t, s, s.Browser(t))
	pages["identifier"] = v.get(pathLogin)
	pages["identifier refused"] = v.post(pathLogin, "username", "nobody")
	pages["sign-up"] = v.get(pathSignup)
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	pages["code"] = v.get(pathCode)
	pages["code refused"] = v.code(servertest.WrongCode(code))
	pages["resend too early"] = v.resend()
	pages["another language"] = v.post(pathCode, "action", "change-language", "language", "en")
	pages["foreign form"] = func() *servertest.Answer {
		v.b.Headers.Set("Origin", "https://evil.example")
		defer v.b.Headers.Del("Origin")
		return v.code(code)
	}()
	thief := *v
	thief.b = s.Browser(t)
	pages["another browser"] = thief.get(pathCode)
	v.wantNext(v.code(code), pathResume)
	wantCallback(t, v.finish())
	pages["finished"] = v.get(pathCode)
	pages["no login"] = v.b.Get("/login")
	pages["unknown client"] = v.b.Get("/authorize?client_id=nobody&response_type=code")
	picker := begin(t, s, v.b, "prompt", "select_account")
	pages["account picker"] = picker.get(picker.path)
	consent := begin(t, s, v.b, "prompt", "consent")
	pages["consent"] = consent.get(consent.path)
	confirm := beginAs(t, s, v.b, s.Native, "redirect_uri", "com.example.app://callback")
	pages["callback confirmation"] = confirm.get(confirm.path)
	logout := v.b.Get("/oidc/logout").Location(t)
	pages["logout"] = v.b.Get(logout.String())
	return pages
}

func TestHeaders_EveryPageHasThem(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = []string{"en", "de"} })
	s.ChangeClient(s.Native.ID, func(c *client.Client) { c.Callbacks = append(c.Callbacks, "com.example.app://callback") })
	csp := regexp.MustCompile(`^default-src 'none'; script-src 'nonce-([\w-]{16,})' 'strict-dynamic'; style-src 'self' 'nonce-[\w-]{16,}'; ` +
		`img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'[\w.:/*' -]*; frame-ancestors 'none'; base-uri 'none'; object-src 'none'$`)
	seen := map[string]string{}
	for name, a := range everyPage(t, s) {
		if screen(a) == "" {
			t.Errorf("%s is no page: %d %s", name, a.Status, a.Body)
			continue
		}
		for header, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store, max-age=0", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff",
			"Permissions-Policy":         "publickey-credentials-get=(self), publickey-credentials-create=(self), otp-credentials=(self), camera=(), microphone=(), geolocation=()",
			"Cross-Origin-Opener-Policy": "same-origin", "X-Robots-Tag": "noindex, nofollow",
		} {
			if got := strings.Join(a.Header[http.CanonicalHeaderKey(header)], " and "); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		m := csp.FindStringSubmatch(a.Header.Get("Content-Security-Policy"))
		if m == nil {
			t.Errorf("%s: Content-Security-Policy is %q", name, a.Header.Get("Content-Security-Policy"))
			continue
		}
		if other := seen[m[1]]; other != "" {
			t.Errorf("%s has the nonce of %s", name, other)
		}
		seen[m[1]] = name
		if a.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: a site on plain HTTP sends Strict-Transport-Security", name)
		}
		if len(a.Body) > 30<<10 {
			t.Errorf("%s weighs %d bytes", name, len(a.Body))
		}
	}
}

func TestHeaders_RedirectsAreNotKept(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	start := b.Get(s.AuthorizeURL(s.Web))
	v := begin(t, s, b)
	next := v.post(pathLogin, "username", "ada@example.com")
	end := v.code(s.Code(t, "ada@example.com"))
	callback := v.get(pathResume)
	for name, a := range map[string]*servertest.Answer{"start": start, "after the address": next, "after the code": end, "to the application": callback} {
		if a.Status != 302 || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") || a.Header.Get("Referrer-Policy") != "no-referrer" || a.Body != "" {
			t.Errorf("%s: %d %v %q", name, a.Status, a.Header, a.Body)
		}
		if location := a.Header.Get("Location"); name != "to the application" && !strings.HasPrefix(location, "/") {
			t.Errorf("%s: the redirect is to %q, want an address of the same host", name, location)
		}
	}
}

func TestHeaders_APageOfAPopupKeepsItsOpener(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t), "response_mode", "web_message", "redirect_uri", servertest.Callback)
	if got := v.get(pathLogin).Header.Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
		t.Errorf("Cross-Origin-Opener-Policy is %q", got)
	}
}

func TestCookies_OfASiteOnPlainHTTP(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	authorize := b.Get(s.AuthorizeURL(s.Web))
	state := authorize.Location(t).Query().Get("state")
	v := &visit{t: t, s: s, b: b, state: state}
	binding := one(t, authorize)
	if !regexp.MustCompile(`^txn_[0-9a-f]{8}$`).MatchString(binding.Name) || len(binding.Value) < 43 || binding.Path != "/" || binding.Domain != "" ||
		!binding.HttpOnly || binding.Secure || binding.SameSite != http.SameSiteLaxMode || binding.MaxAge != 3600 {
		t.Errorf("the cookie that binds the login is %+v", binding)
	}
	if strings.Contains(authorize.Header.Get("Location"), binding.Value) {
		t.Error("the address tells the cookie")
	}
	for _, a := range []*servertest.Answer{v.get(pathLogin), v.post(pathLogin, "username", "ada@example.com"), v.get(pathCode)} {
		if cookies := a.Header["Set-Cookie"]; len(cookies) > 0 {
			t.Errorf("%s sets %v", a.URL.Path, cookies)
		}
	}
	if device := one(t, v.code(s.Code(t, "ada@example.com"))); device.Name != "kd" || device.Path != "/" || device.Domain != "" ||
		!device.HttpOnly || device.Secure || device.SameSite != http.SameSiteLaxMode || device.MaxAge != 365*24*3600 {
		t.Errorf("the cookie of a known device is %+v", device)
	}
	var session, cleared *http.Cookie
	for _, c := range cookies(v.get(pathResume)) {
		switch c.Name {
		case "auth0":
			session = c
		case binding.Name:
			cleared = c
		}
	}
	if session == nil || len(session.Value) < 43 || session.Path != "/" || session.Domain != "" || !session.HttpOnly || session.Secure || session.MaxAge != 7*24*3600 {
		t.Errorf("the session's cookie is %+v", session)
	}
	if cleared == nil || cleared.MaxAge >= 0 {
		t.Errorf("the login's cookie is not removed at its end: %+v", cleared)
	}
}

func TestCookies_ANonPersistentSessionDiesWithTheBrowser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) {
		settings.SessionCookie = &struct {
			Mode string `json:"mode,omitempty"`
		}{"non-persistent"}
	})
	for _, c := range cookies(s.Browser(t).Login(s.AuthorizeURL(s.Web), "ada@example.com")) {
		if c.Name == "auth0" && (c.MaxAge != 0 || !c.Expires.IsZero()) {
			t.Errorf("the session's cookie is %+v", c)
		}
	}
}

func cookies(a *servertest.Answer) []*http.Cookie {
	return (&http.Response{Header: a.Header}).Cookies()
}

func one(t *testing.T, a *servertest.Answer) *http.Cookie {
	t.Helper()
	all := cookies(a)
	if len(all) != 1 {
		t.Fatalf("%s sets %v", a.URL.Path, a.Header["Set-Cookie"])
	}
	return all[0]
}
