package sampleapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"go/parser"
	gotoken "go/token"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stage is the sample application, its provider and one person's browser.
type stage struct {
	t        *testing.T
	provider *fakeProvider
	app      *httptest.Server
	browser  *http.Client
	clock    *atomic.Int64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	clock := new(atomic.Int64)
	clock.Store(time.Date(2026, 11, 21, 20, 30, 0, 0, time.UTC).Unix())
	now := func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	p := newFakeProvider(t, now)
	srv := httptest.NewUnstartedServer(nil)
	h, err := New(Config{
		Issuer: p.issuer(), ClientID: testClient, ClientSecret: testSecret, Audience: testAudience,
		BaseURL: "http://" + srv.Listener.Addr().String(), InboxURL: "http://localhost:8444",
		SPAClientID: "spa-client", NativeClientID: "native-client",
		DevJSONPath: "/home/ada/my data/dev.json", CACertPath: "/home/ada/my data/ca.pem", Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = h
	srv.Start()
	t.Cleanup(srv.Close)
	return &stage{t: t, provider: p, app: srv, browser: newBrowser(t), clock: clock}
}

func newBrowser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

type answer struct {
	status int
	header http.Header
	body   string
	url    *url.URL
}

func (s *stage) do(req *http.Request) answer {
	s.t.Helper()
	resp, err := s.browser.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Request.URL}
}

func (s *stage) get(path string) answer {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.app.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

// press submits a form of the logged-in page as a browser does.
func (s *stage) press(path string) answer {
	s.t.Helper()
	return s.post(path, s.csrf(), map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": s.app.URL})
}

func (s *stage) post(path, csrf string, header map[string]string) answer {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.app.URL+path, strings.NewReader(url.Values{"csrf": {csrf}}.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	return s.do(req)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (s *stage) csrf() string {
	s.t.Helper()
	m := csrfField.FindStringSubmatch(s.get("/").body)
	if m == nil {
		s.t.Fatal("the page holds no form token")
	}
	return m[1]
}

func (s *stage) login() answer {
	s.t.Helper()
	a := s.get("/login")
	want(s.t, a, http.StatusOK, "Hello, Ada Lovelace")
	return a
}

// beginLogin stops before the browser follows the redirect to the provider and returns where it leads.
func (s *stage) beginLogin(path string) *url.URL {
	s.t.Helper()
	halted := *s.browser
	halted.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := halted.Get(s.app.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		s.t.Fatal(err)
	}
	return to
}

func (s *stage) loggedIn() bool {
	s.t.Helper()
	return strings.Contains(s.get("/").body, "Hello, ")
}

func want(t *testing.T, a answer, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status of %s: got %d, want %d", a.url, a.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("answer of %s lacks %q; it is:\n%s", a.url, text, a.body)
		}
	}
}

func lacks(t *testing.T, a answer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("answer of %s must not hold %q", a.url, text)
		}
	}
}

func TestNew_RefusesIncompleteConfig(t *testing.T) {
	t.Parallel()
	whole := Config{Issuer: "https://localhost:8443/", ClientID: "c", Audience: "a", BaseURL: "http://localhost:8445"}
	if _, err := New(whole); err != nil {
		t.Fatalf("complete configuration: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"Issuer":   func(c *Config) { c.Issuer = "" },
		"ClientID": func(c *Config) { c.ClientID = "" },
		"slash":    func(c *Config) { c.Issuer = "https://localhost:8443" },
		"Audience": func(c *Config) { c.Audience = "" },
		"BaseURL":  func(c *Config) { c.BaseURL = "localhost:8445" },
	} {
		c := whole
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without a good %s: got error %v, want one that names it", name, err)
		}
	}
}

func TestPackage_KnowsTheServerOnlyOverHTTP(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.HasPrefix(i.Path.Value, `"latchkey/`) {
				t.Errorf("%s imports %s; the sample must not know the server from inside", file, i.Path.Value)
			}
		}
	}
}

func TestStart_OffersLoginAndTheInbox(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.get("/")
	want(t, a, http.StatusOK, `href="/login"`, `href="http://localhost:8444"`, "Never for production")
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
	} {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	policy := a.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self' " + strings.TrimSuffix(s.provider.issuer(), "/") + ";"} {
		if !strings.Contains(policy, part) {
			t.Errorf("Content-Security-Policy lacks %q: %s", part, policy)
		}
	}
}

func TestPages_LoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	loads := regexp.MustCompile(`(?:src|<link[^>]*href)="([^"]+)"`)
	for _, a := range []answer{s.get("/"), s.login(), s.get("/callback?state=x")} {
		found := loads.FindAllStringSubmatch(a.body, -1)
		if len(found) == 0 {
			t.Errorf("%s loads no style sheet", a.url)
		}
		for _, m := range found {
			if got := s.get(m[1]); got.status != http.StatusOK {
				t.Errorf("asset %s: got status %d", m[1], got.status)
			}
		}
		lacks(t, a, "<style", "style=", "<script>", "onclick")
	}
}

func TestLogin_SendsWhatTheProfileAsks(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	q := s.beginLogin("/login?ui_locales=de&prompt=login&connection=sms&redirect_uri=http://evil.test").Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": testClient, "scope": "openid profile email phone offline_access",
		"audience": testAudience, "redirect_uri": s.app.URL + "/callback", "code_challenge_method": "S256",
		"ui_locales": "de", "prompt": "login", "connection": "sms",
	} {
		if got := q.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 26 {
			t.Errorf("%s: got %q, want something nobody can guess", name, q.Get(name))
		}
	}
	again := s.beginLogin("/login").Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if q.Get(name) == again.Get(name) {
			t.Errorf("%s is the same in two logins", name)
		}
	}
}

func TestLogin_DropsParametersThatAreNotPlainWords(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	q := s.beginLogin("/login?prompt=" + url.QueryEscape("login consent&x=y")).Query()
	if q.Has("prompt") || q.Has("x") {
		t.Errorf("got %v, want neither prompt nor x", q)
	}
}

func TestLogin_GreetsWithVerifiedTokenAndExplainsClaims(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.login()
	if a.url.Path != "/" || a.url.RawQuery != "" {
		t.Errorf("the login ends at %s, want the bare start address", a.url)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: got %q, want no-store", got)
	}
	want(t, a, http.StatusOK, "ada@example.com", "<strong>Signature</strong>", "<strong>Issuer</strong>", "<strong>Audience</strong>",
		"<strong>Nonce</strong>", "<strong>Expiry</strong>",
		`<dfn title="OpenID Connect Core 1.0, section 2">sub</dfn>`, "email|5f7c8ec7c33c6c004bbafe82",
		"Who logged in. This id never changes", "22 Nov 2026, 06:30:00 UTC, in 10 hours", testAudience)
	refresh := s.provider.refreshToken
	lacks(t, a, refresh, testSecret)
}

func TestLogin_CookiesAreOutOfReachOfScriptsAndOtherSites(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := s.get("/login")
	cookie := a.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/callback", "Max-Age=1800"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("login cookie lacks %s: %s", part, cookie)
		}
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{to.Query().Get("nonce"), to.Query().Get("state")} {
		if strings.Contains(cookie, secret) {
			t.Error("the login cookie shows its secrets")
		}
	}
	req, _ := http.NewRequest(http.MethodGet, to.String(), nil)
	back := s.do(req).header.Get("Location")
	req, _ = http.NewRequest(http.MethodGet, back, nil)
	cookie = strings.Join(s.do(req).header.Values("Set-Cookie"), "\n")
	if !regexp.MustCompile(`sample_\w+_session=\w{26}; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax`).MatchString(cookie) {
		t.Errorf("session cookie: got %s", cookie)
	}
}

func TestLogin_TwoTabsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.beginLogin("/login")
	s.beginLogin("/login")
	req, _ := http.NewRequest(http.MethodGet, first.String(), nil)
	want(t, s.do(req), http.StatusOK, "Hello, Ada Lovelace")
}

func TestLogin_WaitsForAServerThatStartsLater(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.provider.set(func(p *fakeProvider) { p.down = true })
	a := s.get("/login")
	want(t, a, http.StatusBadGateway, "<title>Error: Latchkey does not answer", s.provider.issuer())
	s.provider.set(func(p *fakeProvider) { p.down = false })
	s.login()
}

func TestCallback_RefusesWrongState(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(url.Values, *stage){
		"missing state": func(q url.Values, _ *stage) { q.Del("state") },
		"unknown state": func(q url.Values, _ *stage) { q.Set("state", strings.Repeat("A", 26)) },
		"altered state": func(q url.Values, _ *stage) {
			state := q.Get("state")
			last := "A"
			if strings.HasSuffix(state, last) {
				last = "B"
			}
			q.Set("state", state[:25]+last)
		},
		"hostile state": func(q url.Values, _ *stage) { q.Set("state", "x\r\nSet-Cookie: a=b") },
		"other browser": func(_ url.Values, s *stage) { s.browser = newBrowser(s.t) },
		"too late":      func(_ url.Values, s *stage) { s.clock.Add(int64(pendingLife.Seconds())) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			state := s.beginLogin("/login").Query().Get("state")
			q := url.Values{"code": {"stolen"}, "state": {state}}
			spoil(q, s)
			a := s.get("/callback?" + q.Encode())
			want(t, a, http.StatusBadRequest, "<title>Error: This login did not begin here", `href="/login"`)
			if s.loggedIn() {
				t.Error("somebody is logged in")
			}
		})
	}
}

func TestCallback_SecondUseIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	to := s.beginLogin("/login")
	req, _ := http.NewRequest(http.MethodGet, to.String(), nil)
	want(t, s.do(req), http.StatusOK, "Hello")
	a := s.get("/callback?code=again&state=" + to.Query().Get("state"))
	want(t, a, http.StatusBadRequest, "This login did not begin here")
}

func TestCallback_ShowsNoTextOfALinkThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.get("/callback?error=access_denied&error_description=Call+555-0100+now&state=x")
	want(t, a, http.StatusBadRequest, "This login did not begin here")
	lacks(t, a, "555-0100", "access_denied")
}

func TestCallback_ExplainsTheServersErrors(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		title  string
	}{
		"access_denied":           {http.StatusForbidden, "Access was declined"},
		"unauthorized":            {http.StatusForbidden, "This account may not log in"},
		"login_required":          {http.StatusBadRequest, "A person is needed"},
		"invalid_request":         {http.StatusBadRequest, "The server did not like the request"},
		"server_error":            {http.StatusBadGateway, "The server had a problem"},
		"something_never_seen":    {http.StatusBadRequest, "The login was not completed"},
		"temporarily_unavailable": {http.StatusBadGateway, "The server had a problem"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.provider.set(func(p *fakeProvider) {
				p.callbackWith = url.Values{"error": {code}, "error_description": {"because <b>of this</b>"}}
			})
			a := s.get("/login")
			want(t, a, c.status, "<title>Error: "+c.title, code, "because &lt;b&gt;of this&lt;/b&gt;", `href="/login"`)
			if s.loggedIn() {
				t.Error("somebody is logged in")
			}
		})
	}
}

func TestCallback_RefusesAnswerInTheNameOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.provider.set(func(p *fakeProvider) { p.callbackWith = url.Values{"code": {"c"}, "iss": {"https://evil.test/"}} })
	want(t, s.get("/login"), http.StatusBadRequest, "The answer came from another server")
}

func TestCallback_RefusesUntrustworthyIDToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*fakeProvider)
		text  string
	}{
		"wrong nonce":      {func(p *fakeProvider) { p.idClaims = set("nonce", "another") }, "carries another nonce"},
		"no nonce":         {func(p *fakeProvider) { p.idClaims = func(m map[string]any) { delete(m, "nonce") } }, "carries another nonce"},
		"expired":          {func(p *fakeProvider) { p.idClaims = set("exp", p.now().Add(-time.Second).Unix()) }, "already past its expiry"},
		"foreign audience": {func(p *fakeProvider) { p.idClaims = set("aud", "another-client") }, "did not pass verification"},
		"foreign issuer":   {func(p *fakeProvider) { p.idClaims = set("iss", "https://evil.test/") }, "did not pass verification"},
		"issuer no slash":  {func(p *fakeProvider) { p.idClaims = set("iss", p.srv.URL) }, "did not pass verification"},
		"foreign key":      {func(p *fakeProvider) { p.idKey = foreignKey() }, "did not pass verification"},
		"foreign at_hash":  {func(p *fakeProvider) { p.idClaims = set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA") }, "did not pass verification"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.provider.set(c.spoil)
			want(t, s.get("/login"), http.StatusBadGateway, "<title>Error: The ID token was not believed", c.text, `href="/login"`)
			if s.loggedIn() {
				t.Error("somebody is logged in")
			}
		})
	}
}

func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m[name] = value }
}

func TestCallback_ExplainsRefusedCode(t *testing.T) {
	t.Parallel()
	for code, text := range map[string]string{
		"invalid_grant": "A code works once", "unauthorized": "This account may not log in", "access_denied": "own credentials",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.provider.set(func(p *fakeProvider) { p.tokenError = code })
			a := s.get("/login")
			if a.status < 400 {
				t.Errorf("got status %d", a.status)
			}
			want(t, a, a.status, text, code, "as the test asked")
			if s.loggedIn() {
				t.Error("somebody is logged in")
			}
		})
	}
}

func TestLogin_AgainGivesANewSession(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	u, _ := url.Parse(s.app.URL)
	before := s.browser.Jar.Cookies(u)
	s.login()
	after := s.browser.Jar.Cookies(u)
	if before[0].Value == after[0].Value {
		t.Error("the session id survived a login")
	}
	s.browser = newBrowser(t)
	s.browser.Jar.SetCookies(u, before)
	if s.loggedIn() {
		t.Error("the earlier session is still alive")
	}
}

func TestSession_Ends(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	s.clock.Add(int64(sessionLife.Seconds()) - 1)
	if !s.loggedIn() {
		t.Error("the session ended early")
	}
	s.clock.Add(1)
	if s.loggedIn() {
		t.Error("the session outlives its time")
	}
	want(t, s.post("/refresh", "x", nil), http.StatusUnauthorized, "You are not logged in")
}

func TestSessions_AreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	l := newSessions(func() time.Time { return now })
	oldest := &session{}
	l.add(oldest)
	for range sessionLimit {
		now = now.Add(time.Second)
		l.add(&session{})
	}
	if got := len(l.byID); got != sessionLimit {
		t.Errorf("got %d sessions, want %d", got, sessionLimit)
	}
	if l.find(oldest.id) != nil {
		t.Error("the oldest session did not make room")
	}
}

func TestRefresh_SpendsTheTokenAndShowsWhatChanged(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	old := s.provider.refreshToken
	s.clock.Add(3600)
	a := s.press("/refresh")
	want(t, a, http.StatusOK, "New tokens, no questions asked", "22 Nov 2026, 20:30:00 UTC", "22 Nov 2026, 21:30:00 UTC",
		shorten(old), shorten(s.provider.refreshToken), "the same person as before the refresh")
	want(t, s.press("/refresh"), http.StatusOK, "New tokens, no questions asked")
}

func TestRefresh_RefusedTokenIsForgottenAndLeadsToLogin(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	s.provider.set(func(p *fakeProvider) { p.refreshToken = "revoked" })
	want(t, s.press("/refresh"), http.StatusOK, "no longer accepts this refresh token", "Unknown or invalid refresh token.", "Log in again", "Hello, Ada Lovelace")
	want(t, s.press("/refresh"), http.StatusOK, "There is no refresh token to spend")
}

func TestRefresh_PassingTroubleKeepsTheToken(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	s.provider.set(func(p *fakeProvider) { p.down = true })
	want(t, s.press("/refresh"), http.StatusOK, "The tokens were not refreshed")
	s.provider.set(func(p *fakeProvider) { p.down = false })
	want(t, s.press("/refresh"), http.StatusOK, "New tokens, no questions asked")
}

func TestRefresh_RefusesTokensThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*fakeProvider){
		"another person": func(p *fakeProvider) { p.idClaims = set("sub", "email|000000000000000000000000") },
		"another nonce":  func(p *fakeProvider) { p.idClaims = set("nonce", "another") },
		"foreign key":    func(p *fakeProvider) { p.idKey = foreignKey() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.login()
			s.provider.set(spoil)
			a := s.press("/refresh")
			want(t, a, http.StatusOK, "The new tokens were not believed", "email|5f7c8ec7c33c6c004bbafe82")
			lacks(t, a, "email|0000")
		})
	}
}

func TestCallAPI_ShowsRequestAndAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	a := s.press("/call-api")
	want(t, a, http.StatusOK, "The API answered", "GET /api/orders HTTP/1.1", "Authorization: Bearer eyJ", "200 OK", "Brass latchkey")
	s.clock.Add(int64((7 * time.Hour).Seconds()))
	s.provider.set(func(p *fakeProvider) { p.accessClaims = set("exp", p.now().Add(time.Minute).Unix()) })
	s.press("/refresh")
	s.clock.Add(61)
	want(t, s.press("/call-api"), http.StatusOK, "The API refused", "401 Unauthorized", "has expired")
}

func TestUserInfo_ShowsTheProfile(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	want(t, s.press("/userinfo"), http.StatusOK, "The profile as it is now", "GET /userinfo HTTP/1.1", "200 OK")
}

func TestUserInfo_RefusesAnswerAboutSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	s.provider.set(func(p *fakeProvider) { p.userInfoSub = "email|000000000000000000000000" })
	want(t, s.press("/userinfo"), http.StatusOK, "The profile was not believed")
}

func TestLogout_EndsTheSessionHereAndThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	u, _ := url.Parse(s.app.URL)
	cookies := s.browser.Jar.Cookies(u)
	a := s.press("/logout")
	want(t, a, http.StatusOK, "You are logged out of this application", `href="/login"`)
	if got, want := s.provider.seenLogout.Get("post_logout_redirect_uri"), s.app.URL+"/"; got != want {
		t.Errorf("post_logout_redirect_uri: got %q, want %q", got, want)
	}
	if header, _, ok := parts(s.provider.seenLogout.Get("id_token_hint")); !ok {
		t.Errorf("id_token_hint: got header %s, want a JWT", header)
	}
	lacks(t, s.get("/"), "You are logged out of this application")
	s.browser.Jar.SetCookies(u, cookies)
	if s.loggedIn() {
		t.Error("the old session cookie still works")
	}
}

func TestForms_RefuseOtherSites(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	csrf := s.csrf()
	for _, path := range []string{"/refresh", "/call-api", "/userinfo", "/logout"} {
		for name, c := range map[string]struct {
			csrf   string
			header map[string]string
		}{
			"cross-site":                 {csrf, map[string]string{"Sec-Fetch-Site": "cross-site"}},
			"same site, other origin":    {csrf, map[string]string{"Sec-Fetch-Site": "same-site"}},
			"foreign Origin":             {csrf, map[string]string{"Origin": "http://localhost:8444"}},
			"no token":                   {"", nil},
			"wrong token":                {strings.Repeat("A", 26), map[string]string{"Sec-Fetch-Site": "same-origin"}},
			"opaque origin of a sandbox": {csrf, map[string]string{"Origin": "null"}},
		} {
			a := s.post(path, c.csrf, c.header)
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "This form did not come from here") {
				t.Errorf("%s, %s: got status %d, want a refusal", path, name, a.status)
			}
		}
		if got := s.get(path); got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: got status %d", path, got.status)
		}
	}
	a := s.get("/")
	want(t, a, http.StatusOK, "Hello, Ada Lovelace")
	lacks(t, a, `id="answer"`)
}

func TestForms_NeedASession(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, path := range []string{"/refresh", "/call-api", "/userinfo", "/logout"} {
		want(t, s.post(path, "x", nil), http.StatusUnauthorized, "You are not logged in")
	}
}

func TestHost_OnlyOurOwnNameIsAnswered(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ask := func(host string) answer {
		req, err := http.NewRequest(http.MethodGet, s.app.URL+"/login?prompt=login", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		return s.do(req)
	}
	for _, host := range []string{"evil.test", "evil.test:80", "localhost.evil.test", "10.0.0.1"} {
		want(t, ask(host), http.StatusMisdirectedRequest, "does not answer to that name")
	}
	for _, host := range []string{"localhost:9000", "[::1]:9000", "LOCALHOST"} {
		a := ask(host)
		if got, want := a.header.Get("Location"), s.app.URL+"/login?prompt=login"; got != want {
			t.Errorf("Host %s: leads to %q, want %q", host, got, want)
		}
	}
}

func TestPage_UnknownAddressIsExplained(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	want(t, s.get("/nowhere"), http.StatusNotFound, "There is no such page", `href="/"`)
}

func TestIdeas_AreReadyToPaste(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.login()
	want(t, a, http.StatusOK, "http://localhost:8444/messages?to=ada%40example.com&amp;wait=10", "native-client", "spa-client",
		"cat &#39;/home/ada/my data/dev.json&#39;", s.provider.issuer()+"passwordless/start")
	lacks(t, a, "--cacert") // the test's issuer is plain HTTP

	tls := &app{Config: Config{CACertPath: "/home/o'hara/ca.pem"}, issuer: &url.URL{Scheme: "https", Host: "localhost:8443"}}
	if got, want := tls.curl(), `curl --cacert '/home/o'\''hara/ca.pem'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAPI_AcceptsOnlyAccessTokensForItself(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.login()
	good := s.provider.accessToken()
	spoiled := func(change func(map[string]any)) string {
		s.provider.set(func(p *fakeProvider) { p.accessClaims = change })
		defer s.provider.set(func(p *fakeProvider) { p.accessClaims = nil })
		return s.provider.accessToken()
	}
	claims := map[string]any{"iss": s.provider.issuer(), "sub": "email|1", "aud": testAudience, "exp": s.clock.Load() + 60}
	head, body, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(body, ".")
	for name, c := range map[string]struct {
		authorization string
		status        int
		code          string
	}{
		"good token":             {"Bearer " + good, http.StatusOK, ""},
		"scheme in lower case":   {"bearer " + good, http.StatusOK, ""},
		"no token":               {"", http.StatusUnauthorized, ""},
		"only the scheme":        {"Bearer ", http.StatusUnauthorized, ""},
		"another scheme":         {"Basic " + good, http.StatusUnauthorized, ""},
		"no JWT":                 {"Bearer opaque", http.StatusUnauthorized, "invalid_token"},
		"ID token":               {"Bearer " + s.provider.idToken("n"), http.StatusUnauthorized, "invalid_token"},
		"other audience":         {"Bearer " + spoiled(set("aud", "https://other.test/")), http.StatusUnauthorized, "invalid_token"},
		"no audience":            {"Bearer " + spoiled(func(m map[string]any) { delete(m, "aud") }), http.StatusUnauthorized, "invalid_token"},
		"other issuer":           {"Bearer " + spoiled(set("iss", "https://evil.test/")), http.StatusUnauthorized, "invalid_token"},
		"expired":                {"Bearer " + spoiled(set("exp", s.clock.Load()-1)), http.StatusUnauthorized, "invalid_token"},
		"no expiry":              {"Bearer " + spoiled(func(m map[string]any) { delete(m, "exp") }), http.StatusUnauthorized, "invalid_token"},
		"foreign key":            {"Bearer " + s.provider.sign(foreignKey(), claims), http.StatusUnauthorized, "invalid_token"},
		"signature cut off":      {"Bearer " + head + "." + payload + ".", http.StatusUnauthorized, "invalid_token"},
		"altered payload":        {"Bearer " + head + "." + encode(t, claims) + "." + signature, http.StatusUnauthorized, "invalid_token"},
		"no algorithm":           {"Bearer " + encode(t, map[string]any{"alg": "none"}) + "." + encode(t, claims) + ".", http.StatusUnauthorized, "invalid_token"},
		"HMAC with a public key": {"Bearer " + hmacToken(t, claims), http.StatusUnauthorized, "invalid_token"},
	} {
		req, err := http.NewRequest(http.MethodGet, s.app.URL+"/api/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.authorization != "" {
			req.Header.Set("Authorization", c.authorization)
		}
		a := s.do(req)
		var got struct {
			Error  string  `json:"error"`
			Orders []order `json:"orders"`
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Errorf("%s: body: %v", name, err)
		}
		if a.status != c.status || got.Error != c.code || (c.status == http.StatusOK) != (len(got.Orders) > 0) {
			t.Errorf("%s: got %d %s, want %d with error %q", name, a.status, a.body, c.status, c.code)
		}
		challenge := a.header.Get("WWW-Authenticate")
		if c.status == http.StatusUnauthorized != strings.HasPrefix(challenge, "Bearer ") || strings.Contains(challenge, "error=") != (c.code != "") {
			t.Errorf("%s: WWW-Authenticate is %q", name, challenge)
		}
	}
}

func TestAPI_SaysWhenItCannotFetchKeys(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.provider.set(func(p *fakeProvider) { p.down = true })
	req, _ := http.NewRequest(http.MethodGet, s.app.URL+"/api/orders", nil)
	req.Header.Set("Authorization", "Bearer "+s.provider.accessToken())
	want(t, s.do(req), http.StatusServiceUnavailable, "temporarily_unavailable")
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// hmacToken is the known confusion attack: a symmetric signature made with what everybody can read.
func hmacToken(t *testing.T, claims map[string]any) string {
	t.Helper()
	signed := encode(t, map[string]any{"alg": "HS256", "kid": "current"}) + "." + encode(t, claims)
	mac := hmac.New(sha256.New, ownKey().N.Bytes())
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
