package page

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
)

func shell(tag string) Shell {
	return Shell{Texts: locale.New(tag, "en", nil), Look: branding.Resolve(nil, nil, nil), Company: "Acme", Client: "Shop"}
}

// answer runs write and gives what a browser would get.
func answer(t *testing.T, write func(w http.ResponseWriter) error) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := write(rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

func directive(rec *httptest.ResponseRecorder, name string) string {
	for _, d := range strings.Split(rec.Header().Get("Content-Security-Policy"), ";") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(d), name+" "); ok {
			return rest
		}
	}
	return ""
}

func TestWrite_SendsTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	rec := answer(t, func(w http.ResponseWriter) error { return shell("en").WriteLoggedOut(w, "") })
	for name, want := range map[string]string{
		"Content-Type":               "text/html; charset=utf-8",
		"X-Frame-Options":            "DENY",
		"Referrer-Policy":            "no-referrer",
		"Cache-Control":              "no-store, max-age=0",
		"Pragma":                     "no-cache",
		"X-Content-Type-Options":     "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin",
		"X-Robots-Tag":               "noindex, nofollow",
		"Strict-Transport-Security":  "",
	} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'", "object-src": "'none'",
		"form-action": "'self'", "connect-src": "'self'", "img-src": "'self' data:", "font-src": "'self'",
	} {
		if got := directive(rec, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	s := shell("en")
	s.Look = branding.Resolve(nil, nil, &branding.Branding{
		LogoURL: "https://cdn.example.com/a/logo.svg", FaviconURL: "https://CDN.example.com/favicon.ico",
		Font: &branding.Font{URL: "https://fonts.example.net:8443/f.woff2"},
	})
	rec = answer(t, func(w http.ResponseWriter) error {
		return s.Write(w, http.StatusOK, Document{Images: []string{"", "http://pictures.example.org/c.png", "javascript:alert(1)", "https://a;script-src *"}})
	})
	for name, want := range map[string]string{
		"img-src":  "'self' data: https://cdn.example.com http://pictures.example.org",
		"font-src": "'self' https://fonts.example.net:8443",
	} {
		if got := directive(rec, name); got != want {
			t.Errorf("%s of a page with a brand: got %q, want %q", name, got, want)
		}
	}
	s.StrictTransport, s.Opener = true, true
	rec = answer(t, func(w http.ResponseWriter) error { return s.WriteLoggedOut(w, "") })
	if got := rec.Header().Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
	if got := rec.Header().Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
		t.Errorf("a page that must keep its opener has the policy %q", got)
	}
}

func TestWrite_NoncesAreFreshAndMarkEveryScriptAndStyle(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	theme := branding.DefaultTheme()
	s := shell("en")
	s.Look = branding.Resolve(nil, &theme, nil)
	for range 3 {
		rec := answer(t, func(w http.ResponseWriter) error { return s.WriteLoggedOut(w, "") })
		nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(directive(rec, "script-src"))[1]
		if seen[nonce] {
			t.Error("a nonce came twice")
		}
		seen[nonce] = true
		body := rec.Body.String()
		tags := regexp.MustCompile(`<(script|style)[^>]*>`).FindAllString(body, -1)
		if len(tags) != 2 {
			t.Errorf("got %d scripts and styles, want 2", len(tags))
		}
		for _, tag := range tags {
			if !strings.Contains(tag, `nonce="`+nonce+`"`) {
				t.Errorf("%s lacks the nonce", tag)
			}
		}
		if !strings.Contains(body, "--ul-colors-primary-button:#635dff;") {
			t.Error("the theme did not reach the page")
		}
	}
}

// Chromium holds redirects after a form to form-action, through the callback and beyond.
func TestFormAction_AllowsWhereAnApplicationMayGo(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"":                                   "'self'",
		"https://app.example.com/cb":         "'self' https:",
		"http://localhost:3000/cb":           "'self' https: http://localhost:*",
		"http://[::1]:3000/cb":               "'self' https: http://[::1]:*",
		"com.example.app://callback":         "'self' com.example.app:",
		"com.example.app:/callback":          "'self' com.example.app:",
		"javascript:alert(1)":                "'self'",
		"data:text/html,x":                   "'self'",
		"http://evil;script-src *":           "'self'",
		"http://a.example' 'unsafe-inline/x": "'self'",
		"://":                                "'self'",
	} {
		if got := formAction([]string{target}); got != want {
			t.Errorf("%q: got %q, want %q", target, got, want)
		}
	}
}

func TestWriteError_TellsPeopleAndDevelopersWhatTheyNeed(t *testing.T) {
	t.Parallel()
	s := shell("en")
	s.SupportEmail = "help@example.com"
	f := Failure{Error: "invalid_request", Description: `<img src=x onerror=alert(1)>`, Tracking: "abc123"}
	for _, c := range []struct {
		status int
		words  string
	}{
		{400, "The application sent a request that we cannot accept."},
		{403, "we cannot be sure that it came from you"},
		{404, "There is nothing here"},
		{500, "This is our fault, not yours."},
		{503, "This is our fault, not yours."},
	} {
		rec := answer(t, func(w http.ResponseWriter) error { return s.WriteError(w, c.status, f) })
		body := rec.Body.String()
		if rec.Code != c.status {
			t.Errorf("status is %d, want %d", rec.Code, c.status)
		}
		for _, want := range []string{c.words, "invalid_request", "abc123", "mailto:help@example.com", "&lt;img src=x"} {
			if !strings.Contains(body, want) {
				t.Errorf("%d: the page lacks %q", c.status, want)
			}
		}
		if strings.Contains(body, "<img src=x") {
			t.Errorf("%d: the description is markup", c.status)
		}
	}
}

func TestWriteError_LeavesOutWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	rec := answer(t, func(w http.ResponseWriter) error { return shell("de").WriteError(w, 500, Failure{Tracking: "t"}) })
	body := rec.Body.String()
	for _, unwanted := range []string{"<dt>error</dt>", "<dd></dd>", "mailto:", "Kontakt"} {
		if strings.Contains(body, unwanted) {
			t.Errorf("the page holds %q", unwanted)
		}
	}
	if !strings.Contains(body, `<html lang="de" dir="ltr">`) || !strings.Contains(body, "Vorgangsnummer") {
		t.Error("the page is not German")
	}
}

func TestWriteError_RefusesSupportAddressesThatAreNoWebPages(t *testing.T) {
	t.Parallel()
	s := shell("en")
	s.SupportURL = "javascript:alert(1)"
	rec := answer(t, func(w http.ResponseWriter) error { return s.WriteError(w, 400, Failure{}) })
	if strings.Contains(rec.Body.String(), "javascript:") {
		t.Error("a script became a link")
	}
}

func TestWriteFormPost_CarriesTheParametersToTheTarget(t *testing.T) {
	t.Parallel()
	hostile := `"><script>alert(1)</script>`
	rec := answer(t, func(w http.ResponseWriter) error {
		return shell("en").WriteFormPost(w, "https://app.example.com/cb?x=1&y=2", url.Values{"code": {"c0de"}, "state": {hostile}})
	})
	body := rec.Body.String()
	for _, want := range []string{
		`action="https://app.example.com/cb?x=1&amp;y=2"`,
		`<input type="hidden" name="code" value="c0de">`,
		`name="state" value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"`,
		"<noscript>", `<button type="submit"`, "HTMLFormElement.prototype.submit",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(body, hostile) {
		t.Error("a value became markup")
	}
	if got := directive(rec, "form-action"); got != "'self' https:" {
		t.Errorf("form-action is %q", got)
	}
	if got := rec.Header().Get("X-Frame-Options"); got != "DENY" {
		t.Errorf("X-Frame-Options is %q", got)
	}
}

func TestWriteFormPost_RefusesTargetsThatTakeNoForm(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"javascript:alert(1)", "com.example.app://cb", "", "//x.example/"} {
		rec := httptest.NewRecorder()
		if err := shell("en").WriteFormPost(rec, target, nil); err == nil || rec.Body.Len() > 0 {
			t.Errorf("%q was accepted", target)
		}
	}
}

func TestWriteWebMessage_PostsToOneOriginOnly(t *testing.T) {
	t.Parallel()
	rec := answer(t, func(w http.ResponseWriter) error {
		return shell("en").WriteWebMessage(w, "https://APP.example.com:8443/path?q", map[string]any{
			"code": "c0de", "state": "</script><script>alert(1)//\u2028", "expires_in": 7200,
		})
	})
	body := rec.Body.String()
	for _, want := range []string{
		`to.postMessage({"response":{"code":"c0de","expires_in":7200,"state":"`, `"type":"authorization_response"}`,
		`,"https://app.example.com:8443")`, "window.opener||window.parent",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s in\n%s", want, body)
		}
	}
	if got := strings.Count(body, "</script>"); got != 1 {
		t.Errorf("the page ends %d scripts, want 1", got)
	}
	for name, want := range map[string]string{
		"X-Frame-Options": "", "Cross-Origin-Opener-Policy": "unsafe-none", "Cache-Control": "no-store, max-age=0", "Referrer-Policy": "no-referrer",
	} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := directive(rec, "frame-ancestors"); got != "https://app.example.com:8443" {
		t.Errorf("frame-ancestors is %q", got)
	}
}

func TestWriteWebMessage_RefusesWhatIsNoOrigin(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"", "*", "null", "app.example.com", "https://a;b", "https://u:p@a.example", "https://*.example.com", "https://a b"} {
		rec := httptest.NewRecorder()
		if err := shell("en").WriteWebMessage(rec, o, nil); err == nil || rec.Body.Len() > 0 {
			t.Errorf("%q was accepted", o)
		}
	}
}

func TestAssets_AreNamedByContentAndKeptForEver(t *testing.T) {
	t.Parallel()
	get := func(method, path, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Accept-Encoding", encoding)
		rec := httptest.NewRecorder()
		Assets().ServeHTTP(rec, r)
		return rec
	}
	for _, a := range []asset{assets().style, assets().script} {
		if !regexp.MustCompile(`^/u/assets/page\.[0-9a-f]{12}\.(css|js)$`).MatchString(a.path) {
			t.Errorf("path is %s", a.path)
		}
		plain, zipped := get("GET", a.path, ""), get("GET", a.path, "br, gzip")
		if plain.Code != 200 || plain.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || plain.Header().Get("Content-Type") != a.contentType {
			t.Errorf("%s: status %d, headers %v", a.path, plain.Code, plain.Header())
		}
		if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() >= plain.Body.Len() {
			t.Errorf("%s: not compressed for who can read it", a.path)
		}
		if got := get("POST", a.path, ""); got.Code != 405 {
			t.Errorf("POST %s: status %d, want 405", a.path, got.Code)
		}
	}
	for _, path := range []string{"/u/assets/", "/u/assets/page.css", "/u/assets/page.000000000000.css", "/u/assets/../page.go"} {
		if got := get("GET", path, ""); got.Code != 404 {
			t.Errorf("GET %s: status %d, want 404", path, got.Code)
		}
	}
	if css := string(assets().style.body); strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Error("the style sheet loads something")
	}
}

// Every custom property the style sheet reads must have a value, or a theme's key does nothing.
func TestStyleSheet_EveryPropertyItReadsIsSet(t *testing.T) {
	t.Parallel()
	css := string(assets().style.body)
	for _, m := range regexp.MustCompile(`var\((--[a-z-]+)`).FindAllStringSubmatch(css, -1) {
		if !strings.Contains(css, m[1]+":") {
			t.Errorf("%s is read and never set", m[1])
		}
	}
	theme := branding.DefaultTheme()
	for _, m := range regexp.MustCompile(`(--ul-[a-z-]+):`).FindAllStringSubmatch(branding.Resolve(nil, &theme, nil).CSS, -1) {
		if !strings.Contains(css, m[1]+":") {
			t.Errorf("a theme sets %s, which the style sheet does not know", m[1])
		}
	}
}

func TestWriteStartOver_OffersAWayOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why          Ending
		address      string
		want, absent string
	}{
		{Expired, "https://app.example.com/login?a=1&b=2", `href="https://app.example.com/login?a=1&amp;b=2"`, "from there"},
		{Expired, "", "start again from there", `class="button"`},
		{Exhausted, "", "Too many wrong codes", `class="button"`},
		{NoCookies, "", "Cookies are switched off", `class="button"`},
		{Done, "https://app.example.com/", "nothing more to do", `class="button"`},
		{Expired, "javascript:alert(1)", "too old", "javascript:"},
	} {
		rec := answer(t, func(w http.ResponseWriter) error { return shell("en").WriteStartOver(w, 400, c.why, c.address) })
		if body := rec.Body.String(); !strings.Contains(body, c.want) || strings.Contains(body, c.absent) {
			t.Errorf("%s to %q: want %q and no %q in\n%s", c.why, c.address, c.want, c.absent, body)
		}
	}
}

func TestWriteThrottled_SaysHowLong(t *testing.T) {
	t.Parallel()
	rec := answer(t, func(w http.ResponseWriter) error { return shell("en").WriteThrottled(w, "ip-blocked", 61*time.Second) })
	if rec.Code != 429 || rec.Header().Get("Retry-After") != "61" {
		t.Errorf("status %d, Retry-After %q; want 429 and 61", rec.Code, rec.Header().Get("Retry-After"))
	}
	for _, want := range []string{"Too many attempts came from your network.", "in <bdi>2</bdi> minutes."} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	rec = answer(t, func(w http.ResponseWriter) error { return shell("en").WriteThrottled(w, "same-user-login", 0) })
	if rec.Header().Get("Retry-After") != "" || strings.Contains(rec.Body.String(), "minutes.") && strings.Contains(rec.Body.String(), "<bdi>0") {
		t.Error("a limit without a known end must not promise one")
	}
}

func TestHTML_MarksForeignTextAndKeepsValuesApart(t *testing.T) {
	t.Parallel()
	custom := locale.Custom{"en": {"p": {"s": {"k": `Hi ${name} & <b>`}}}}
	text := locale.New("ar", "en", custom).Get("p", "s", "k", locale.Vars{"name": `<i>"x"`})
	want := `<span lang="en" dir="ltr">Hi <bdi>&lt;i&gt;&#34;x&#34;</bdi> &amp; &lt;b&gt;</span>`
	if got := string(HTML(text, "ar")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
