package classic_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
	"latchkey/internal/web/classic/assets"
	"latchkey/test/servertest"
)

const html = `<title>Ours</title><script>var config = '@@config@@'</script>`

// ownPage gives a client a login page of its own.
func ownPage(s *servertest.Server, c *client.Client) {
	s.ChangeClient(c.ID, func(c *client.Client) { c.CustomLoginPage = html })
}

// opened goes from an authorization request to its login page and gives both.
func opened(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client, params ...string) (*url.URL, *servertest.Answer) {
	t.Helper()
	at := b.Get(s.AuthorizeURL(c, params...)).Location(t)
	if at.Path != "/login" {
		t.Fatalf("the login begins at %s", at)
	}
	a := b.Get(at.String())
	if a.Status != http.StatusOK {
		t.Fatalf("the page is answered %d: %.300s", a.Status, a.Body)
	}
	return at, a
}

var configured = regexp.MustCompile(`config = '([^']*)'`)

// configOf reads what the page was given.
func configOf(t testing.TB, a *servertest.Answer) map[string]any {
	t.Helper()
	found := configured.FindStringSubmatch(a.Body)
	if found == nil {
		t.Fatalf("the page holds no configuration: %s", a.Body)
	}
	text, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// startOn starts what Lock starts on the page.
func startOn(t testing.TB, b *servertest.Browser, c *client.Client, state, email, send string) {
	t.Helper()
	a := b.PostJSON("/passwordless/start", map[string]any{
		"client_id": c.ID, "connection": "email", "send": send, "email": email, "authParams": map[string]any{"state": state, "scope": "openid"},
	})
	if a.Status != http.StatusOK {
		t.Fatalf("the start is answered %d: %s", a.Status, a.Body)
	}
}

func check(b *servertest.Browser, c *client.Client, email, code string) *servertest.Answer {
	return b.PostJSON("/passwordless/verify", map[string]any{"client_id": c.ID, "connection": "email", "email": email, "verification_code": code})
}

func TestPage_IsTheClientsOwnOrTheTenants(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	if at := b.Get(s.AuthorizeURL(s.Web)).Location(t); at.Path != "/u/login/identifier" {
		t.Errorf("without a page of its own the login begins at %s", at.Path)
	}
	ownPage(s, s.Web)
	at, a := opened(t, s, b, s.Web, "login_hint", "ada@example.com", "ext-theme", "dark", "auth0Client", "not base64")
	q := at.Query()
	for name, want := range map[string]string{
		"client": s.Web.ID, "protocol": "oauth2", "login_hint": "ada@example.com", "ext-theme": "dark", "auth0Client": "", "response_type": "code",
		"redirect_uri": servertest.Callback,
	} {
		if got := q.Get(name); got != want {
			t.Errorf("the page's address has %s=%q, want %q", name, got, want)
		}
	}
	config := configOf(t, a)
	internal, _ := config["internalOptions"].(map[string]any)
	if config["clientID"] != s.Web.ID || internal["state"] != q.Get("state") || internal["_csrf"] == "" {
		t.Errorf("the page was given %v", config)
	}
	if policy := a.Header.Get("Content-Security-Policy"); strings.Contains(policy, "script-src") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the page's policy is %s", policy)
	}
	// The tenant's page is that of the global client.
	s.ChangeClient(s.Web.ID, func(c *client.Client) { c.CustomLoginPage = "" })
	s.ChangeClient(client.GlobalID(s.Tenant.ID), func(c *client.Client) { c.CustomLoginPage = "tenant " + html })
	if _, a := opened(t, s, b, s.Web); !strings.HasPrefix(a.Body, "tenant ") {
		t.Errorf("the page is %s", a.Body)
	}
	off := false
	s.ChangeClient(client.GlobalID(s.Tenant.ID), func(c *client.Client) { c.CustomLoginPageOn = &off })
	s.Must(http.StatusOK, "PATCH", "/prompts", map[string]any{"universal_login_experience": "classic"})
	a = b.Get(b.Get(s.AuthorizeURL(s.Web)).Location(t).String())
	if assets.Built() && (a.Status != http.StatusOK || !strings.Contains(a.Body, "Auth0LockPasswordless")) {
		t.Errorf("our own page is answered %d: %.200s", a.Status, a.Body)
	}
}

func TestPage_EndsAsTheOthersDo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ownPage(s, s.Web)
	b := s.Browser(t)
	at, _ := opened(t, s, b, s.Web)
	for name, c := range map[string]struct {
		answer *servertest.Answer
		status int
		words  string
	}{
		"without a state":    {b.Get("/login"), 404, ""},
		"of nobody":          {b.Get("/login?state=x"), 404, ""},
		"in another browser": {s.Browser(t).Get(at.String()), 403, ""},
	} {
		if c.answer.Status != c.status || strings.Contains(c.answer.Body, "Ours") {
			t.Errorf("a page %s is answered %d: %.200s", name, c.answer.Status, c.answer.Body)
		}
	}
	if a := b.Get("/u/login/identifier?state=" + at.Query().Get("state")); a.Location(t).Path != "/login" {
		t.Errorf("the hosted page of a Classic login leads to %s", a.Location(t))
	}
	if a := b.Get("/login?state=" + at.Query().Get("state")); a.Location(t).Query().Get("client") != s.Web.ID {
		t.Errorf("a shortened address leads to %s", a.Location(t))
	}
	flood := s.Browser(t)
	for range protect.PagesPerIP.Burst {
		flood.Get("/login")
	}
	if a := b.Get(at.String()); a.Status != http.StatusTooManyRequests {
		t.Errorf("too many pages are answered %d %s", a.Status, a.Header.Get("Location"))
	}
	s.Clock.Advance(transaction.Life)
	if a := b.Get(at.String()); a.Status != 404 {
		t.Errorf("after its time the page is answered %d", a.Status)
	}
}

func TestPage_LookingWritesNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ownPage(s, s.Web)
		b := s.Browser(t)
		at, _ := opened(t, s, b, s.Web)
		before := s.Rows(t)
		for _, address := range []string{at.String(), "/client/" + s.Web.ID + ".js", "/info-v1.js", "/user/geoloc/country", "/user/ssodata"} {
			if a := b.Get(address); a.Status != http.StatusOK {
				t.Errorf("%s is answered %d", address, a.Status)
			}
			b.Do(http.MethodHead, address, "", "")
		}
		after := s.Rows(t)
		for table, rows := range after {
			if before[table] != rows {
				t.Errorf("%s has %d rows, it had %d", table, rows, before[table])
			}
		}
	})
}

func TestVerify_ChecksAndSpendsNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ownPage(s, s.Web)
		b := s.Browser(t)
		at, _ := opened(t, s, b, s.Web)
		state := at.Query().Get("state")
		startOn(t, b, s.Web, state, "ada@example.com", "code")
		code := s.Code(t, "ada@example.com")

		refused := func(what string, a *servertest.Answer, words string) {
			t.Helper()
			if body := a.JSON(t); a.Status != 401 || body["error"] != "invalid_user_password" || body["error_description"] != words {
				t.Errorf("%s is answered %d %s", what, a.Status, a.Body)
			}
		}
		refused("a wrong code", check(b, s.Web, "ada@example.com", servertest.WrongCode(code)), wrongEmail)
		for range 5 { // which cost the login nothing
			refused("the right code in another browser", check(s.Browser(t), s.Web, "ada@example.com", code), wrongEmail)
		}
		refused("the right code for another address", check(b, s.Web, "bob@example.com", code), wrongEmail)
		for range 2 {
			if a := check(b, s.Web, "ada@example.com", code); a.Status != http.StatusOK || a.Body != "{}" {
				t.Fatalf("the right code is answered %d %s", a.Status, a.Body)
			}
		}
		// The code does not open another door.
		if a := b.Token(url.Values{
			"grant_type": {client.GrantPasswordlessOTP}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "realm": {"email"},
			"username": {"ada@example.com"}, "otp": {code},
		}); a.Status == http.StatusOK {
			t.Error("the code of a hosted page gave tokens at the API")
		}
		redirect := "/passwordless/verify_redirect?" + url.Values{
			"client_id": {s.Web.ID}, "connection": {"email"}, "email": {"ada@example.com"}, "verification_code": {code}, "state": {state},
			"response_type": {"code"}, "redirect_uri": {servertest.Callback}, "_csrf": {csrfOf(b)},
		}.Encode()
		if a := b.Get(redirect); a.Status != http.StatusOK {
			t.Errorf("going on is answered %d", a.Status)
		}
		b.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
		done := b.Post(redirect, url.Values{})
		if got := servertest.Fields(b.Get(done.Location(t).String()).Location(t)); got.Get("code") == "" || got.Get("state") != "app-state" {
			t.Errorf("the login ended with %v", got)
		}
	})
}

// csrfOf reads the browser's cookie.
func csrfOf(b *servertest.Browser) string {
	for _, c := range b.Cookies() {
		if strings.HasSuffix(c.Name, "csrf") {
			return c.Value
		}
	}
	return ""
}

func TestVerify_RefusalsHaveTheirTexts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ownPage(s, s.Web)
	b := s.Browser(t)
	at, _ := opened(t, s, b, s.Web)
	startOn(t, b, s.Web, at.Query().Get("state"), "ada@example.com", "code")
	code := s.Code(t, "ada@example.com")
	for range 3 {
		check(b, s.Web, "ada@example.com", servertest.WrongCode(code))
	}
	if a := check(b, s.Web, "ada@example.com", code); a.JSON(t)["error_description"] != "You've reached the maximum number of attempts. Please try to login again." {
		t.Errorf("after three wrong codes the right one is answered %s", a.Body)
	}
	startOn(t, b, s.Web, at.Query().Get("state"), "ada@example.com", "code")
	code = s.Code(t, "ada@example.com")
	s.Clock.Advance(3 * time.Minute)
	if a := check(b, s.Web, "ada@example.com", code); a.JSON(t)["error_description"] != "The verification code has expired. Please try to login again." {
		t.Errorf("an expired code is answered %s", a.Body)
	}
	for _, body := range []map[string]any{
		{"connection": "email", "email": "ada@example.com"}, {"email": "ada@example.com", "verification_code": code},
		{"connection": "none", "email": "ada@example.com", "verification_code": code},
		{"connection": "email", "email": 1, "verification_code": code},
	} {
		if a := b.PostJSON("/passwordless/verify", body); a.Status != 400 || a.JSON(t)["error"] != "invalid_request" {
			t.Errorf("%v is answered %d %s", body, a.Status, a.Body)
		}
	}
}

func TestScripts_HoldWhatAPageShowsAndNoMore(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	directory(s, s.Native, "ada@example.com", "correct-Horse-7")
	b := page(t, s, "https://anywhere.example")
	a := b.Get("/client/" + s.Web.ID + ".js?t1700000000000")
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, "Auth0.setClient({") || !strings.HasSuffix(a.Body, "});") {
		t.Fatalf("the client's script is answered %d %s", a.Status, a.Body)
	}
	var shown struct {
		ID         string
		Strategies []struct {
			Name        string
			Connections []struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(a.Body, "Auth0.setClient("), ");")), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.ID != s.Web.ID || len(shown.Strategies) != 1 || shown.Strategies[0].Connections[0].Name != "email" {
		t.Errorf("the script holds %+v", shown)
	}
	if strings.Contains(a.Body, s.Secret) || strings.Contains(a.Body, "members") {
		t.Errorf("the script holds too much: %s", a.Body)
	}
	if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/javascript") {
		t.Errorf("the script is readable from %q, of the type %q", got, a.Header.Get("Content-Type"))
	}
	for _, path := range []string{"/client/nobody.js", "/client/" + s.Web.ID, "/client/" + client.GlobalID(s.Tenant.ID) + ".js", "/tenants/v1/other.js"} {
		if a := b.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, a.Status)
		}
	}
	if a := b.Get("/tenants/v1/" + s.Tenant.Name + ".js"); !strings.HasPrefix(a.Body, "Auth0.setTenant(") || !strings.Contains(a.Body, `"members"`) {
		t.Errorf("the tenant's script is %d %s", a.Status, a.Body)
	}
	for language, want := range map[string]string{"de-AT,de;q=0.9": "AT", "": "US", "ja": "JP"} {
		b.Headers.Set("Accept-Language", language)
		if got := b.Get("/user/geoloc/country").JSON(t)["country_code"]; got != want {
			t.Errorf("readers of %q are in %v, want %s", language, got, want)
		}
	}
	if a := b.PostJSON("/passwordless/challenge", map[string]string{"state": "x"}); a.JSON(t)["required"] != false {
		t.Errorf("a captcha is asked for: %s", a.Body)
	}
}

func TestSSOData_TellsOnlyThePagesThatMayKnow(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	b := s.Browser(t)
	if got := b.Get("/user/ssodata").Body; got != `{"sso":false}` {
		t.Errorf("a stranger's browser is told %s", got)
	}
	b.LoginCode(s.Web, "ada@example.com")
	if got := b.Get("/user/ssodata").JSON(t); got["sso"] != true || got["lastUsedUsername"] != "ada@example.com" {
		t.Errorf("our own page is told %v", got)
	}
	for origin, told := range map[string]bool{servertest.WebOrigin: true, "https://evil.example": false} {
		for id, known := range map[string]bool{c.ID: true, s.Web.ID: false, "": false} {
			b.Headers = http.Header{"Origin": {origin}}
			a := b.Get("/user/ssodata?client_id=" + id)
			if got := strings.Contains(a.Body, "ada@"); got != (told && known) {
				t.Errorf("a page at %s that names client %q is told %s", origin, id, a.Body)
			}
		}
	}
	b.Headers = nil
	b.Headers = http.Header{}
	s.Block("ada@example.com", true)
	if got := b.Get("/user/ssodata").Body; got != `{"sso":false}` {
		t.Errorf("of a blocked user a page is told %s", got)
	}
}

func TestPassword_OnThePageNeedsTheLoginsBrowserAndItsWord(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		directory(s, s.Native, "ada@example.com", "correct-Horse-7")
		ownPage(s, s.Native)
		b := s.Browser(t)
		at, _ := opened(t, s, b, s.Native)
		right := map[string]any{
			"client_id": s.Native.ID, "connection": "members", "username": "ada@example.com", "password": "correct-Horse-7",
			"state": at.Query().Get("state"), "_csrf": csrfOf(b), "_intstate": "deprecated", "tenant": s.Tenant.Name,
		}
		for name, c := range map[string]struct {
			b      *servertest.Browser
			change map[string]any
			status int
			code   string
		}{
			"in another browser":       {s.Browser(t), nil, 400, "session_missing"},
			"without the page's word":  {b, map[string]any{"_csrf": "x"}, 400, "session_missing"},
			"of no login":              {b, map[string]any{"state": "x"}, 400, "session_missing"},
			"at a passwordless one":    {b, map[string]any{"connection": "email"}, 400, "invalid_request"},
			"that is wrong":            {b, map[string]any{"password": "x"}, 401, "invalid_user_password"},
			"of nobody":                {b, map[string]any{"username": "bob@example.com"}, 401, "invalid_user_password"},
			"that is not there at all": {b, map[string]any{"password": ""}, 400, "invalid_request"},
		} {
			a := c.b.PostJSON("/usernamepassword/login", with(right, c.change))
			body := a.JSON(t)
			if a.Status != c.status || body["code"] != c.code || body["statusCode"] != float64(c.status) {
				t.Errorf("a password %s is answered %d %s", name, a.Status, a.Body)
			}
		}
		if got := s.EventTypes(t); !strings.Contains(got, "fp") || !strings.Contains(got, "fu") {
			t.Errorf("the log has %q", got)
		}
		a := b.PostJSON("/usernamepassword/login", right)
		if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, "<form ") || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("the right password is answered %d %s", a.Status, a.Body)
		}
		context, err := json.Marshal(map[string]string{"state": at.Query().Get("state")})
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"wa": {"wsignin1.0"}, "wctx": {string(context)}}
		stranger := s.Browser(t)
		if got := stranger.Get(stranger.Post("/login/callback", form).Location(t).String()); got.Header.Get("Location") != "" && strings.Contains(got.Header.Get("Location"), "code=") {
			t.Errorf("another browser was logged in: %s", got.Header.Get("Location"))
		}
		on := b.Get(b.Post("/login/callback", form).Location(t).String())
		if got := servertest.Fields(on.Location(t)); got.Get("code") == "" || got.Get("state") != "app-state" {
			t.Errorf("the login ended with %v", got)
		}
	})
}
