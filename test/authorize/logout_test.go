package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

const tenantBye = "https://tenant.example.com/bye"

// loggedIn is a browser with a session, and the ID token of its login.
func loggedIn(t *testing.T, s *servertest.Server) (*servertest.Browser, string) {
	t.Helper()
	b := s.Browser(t)
	a := walk(t, s, b, b.Get(s.AuthorizeURL(s.Web)), ada)
	return b, b.MustToken(s.CodeForm(succeeds(t, a).Get("code"))).IDToken
}

func hasSession(t *testing.T, s *servertest.Server, b *servertest.Browser, want bool) {
	t.Helper()
	if got := !response(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none"))).Has("error"); got != want {
		t.Errorf("the browser has a session: %v, want %v", got, want)
	}
}

// GET /v2/logout always ends the session; where the person goes is another question.
func TestV2Logout_Rules(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeClient(s.Web.ID, func(c *client.Client) {
		c.AllowedLogoutURLs = []string{servertest.LoggedOut, "https://app.example.com/second"}
	})
	const stays, done = "stays", "done"
	for _, c := range []struct {
		client, returnTo, want string
	}{
		{"", "", done},
		{s.Web.ID, "", servertest.LoggedOut},
		{s.Web.ID, servertest.LoggedOut, servertest.LoggedOut},
		{s.Web.ID, "https://app.example.com/second", "https://app.example.com/second"},
		{s.Web.ID, servertest.LoggedOut + "?why=bored#top", servertest.LoggedOut + "?why=bored#top"},
		{s.Web.ID, "https://APP.example.com/bye", "https://APP.example.com/bye"},
		{s.Web.ID, "https://app.example.com/Bye", stays},
		{s.Web.ID, servertest.LoggedOut + "/", stays},
		{s.Web.ID, "https://app.example.com@evil.com/bye", stays},
		{s.Web.ID, "https://evil.com/?" + servertest.LoggedOut, stays},
		{s.Web.ID, `https://evil.com\@app.example.com/bye`, stays},
		{s.Web.ID, "//evil.com/bye", stays},
		{s.Web.ID, "javascript:alert(1)", stays},
		{s.Web.ID, tenantBye, stays},
		{"", servertest.LoggedOut, stays},
		{"", "https://evil.com/", stays},
		{"nobody", "", stays},
		{"nobody", servertest.LoggedOut, stays},
	} {
		b, _ := loggedIn(t, s)
		q := url.Values{}
		if c.client != "" {
			q.Set("client_id", c.client)
		}
		if c.returnTo != "" {
			q.Set("returnTo", c.returnTo)
		}
		a := b.Get("/v2/logout?" + q.Encode() + "&federated")
		switch c.want {
		case stays:
			staysHere(t, a, http.StatusBadRequest, "invalid_request")
		case done:
			if a.Status != http.StatusOK {
				t.Errorf("%v is answered %d", c, a.Status)
			}
		default:
			if got := a.Header.Get("Location"); a.Status != http.StatusFound || got != c.want {
				t.Errorf("%v is answered %d to %q", c, a.Status, got)
			}
		}
		if sessionCookie(b) != "" {
			t.Error("the cookie is there still")
		}
		hasSession(t, s, b, false)
		s.Clock.Advance(15 * 60e9) // mails and logins have limits
	}
	s.ChangeSettings(func(settings *tenant.Settings) { settings.AllowedLogoutURLs = []string{tenantBye} })
	for _, query := range []string{"", "?returnTo=" + url.QueryEscape(tenantBye)} {
		if got := s.Browser(t).Get("/v2/logout" + query).Location(t).String(); got != tenantBye {
			t.Errorf("/v2/logout%s leads to %s", query, got)
		}
	}
}

func TestLogout_EndsTheSessionOnTheServerAndKeepsRefreshTokens(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access")))
		cookie := sessionCookie(b)
		b.Get("/v2/logout")
		thief := s.Browser(t)
		thief.Headers.Set("Cookie", "auth0="+cookie)
		hasSession(t, s, thief, false)
		b.MustToken(refreshForm(s.Web, tokens.RefreshToken, "client_secret", s.Secret))
	})
}

func TestOIDCLogout_Rules(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.AllowedLogoutURLs = []string{tenantBye} })
	b, token := loggedIn(t, s)
	sid := servertest.Claims(t, token)["sid"].(string)
	logout := func(params ...string) *servertest.Answer {
		q := url.Values{}
		for i := 0; i+1 < len(params); i += 2 {
			q.Set(params[i], params[i+1])
		}
		return b.Get("/oidc/logout?" + q.Encode())
	}
	// Values that contradict each other, and addresses that nobody registered.
	for _, params := range [][]string{
		{"id_token_hint", token, "client_id", s.SPA.ID},
		{"id_token_hint", token, "logout_hint", "another-session"},
		{"id_token_hint", token + "x"},
		{"id_token_hint", "x.y.z"},
		{"client_id", "nobody"},
		{"id_token_hint", token, "post_logout_redirect_uri", "https://evil.com/"},
		{"id_token_hint", token, "post_logout_redirect_uri", servertest.LoggedOut + "?x=1"},
		{"id_token_hint", token, "post_logout_redirect_uri", servertest.LoggedOut + "#x"},
		{"id_token_hint", token, "post_logout_redirect_uri", tenantBye}, // the tenant's list is not the client's
		{"logout_hint", sid, "post_logout_redirect_uri", servertest.LoggedOut},
		{"post_logout_redirect_uri", tenantBye}, // nobody vouches for it
	} {
		staysHere(t, logout(params...), http.StatusBadRequest, "invalid_request")
		hasSession(t, s, b, true)
	}
	// Requests that do not prove that they come from a client of this session ask.
	for _, params := range [][]string{
		nil, {"client_id", s.Web.ID}, {"client_id", s.Web.ID, "post_logout_redirect_uri", servertest.LoggedOut}, {"logout_hint", "another-session"},
	} {
		leadsTo(t, logout(params...), logoutPage)
		hasSession(t, s, b, true)
	}
	// No is no.
	question := logout("client_id", s.Web.ID, "post_logout_redirect_uri", servertest.LoggedOut, "state", "s").Location(t).String()
	if a := b.Post(question, url.Values{"action": {"deny"}}); a.Status != http.StatusOK || a.Header.Get("Location") != "" {
		t.Errorf("no is answered %d", a.Status)
	}
	hasSession(t, s, b, true)
	// Neither another browser nor another site can say yes.
	if a := s.Browser(t).Post(question, url.Values{"action": {"accept"}}); a.Status != http.StatusNotFound {
		t.Errorf("another browser's yes is answered %d", a.Status)
	}
	b.Headers.Set("Origin", "https://evil.com")
	if a := b.Post(question, url.Values{"action": {"accept"}}); a.Status != http.StatusForbidden {
		t.Errorf("another site's yes is answered %d", a.Status)
	}
	b.Headers.Del("Origin")
	if a := b.Post(question+"x", url.Values{"action": {"accept"}}); a.Status != http.StatusNotFound {
		t.Errorf("a changed state is answered %d", a.Status)
	}
	hasSession(t, s, b, true)
	if got := b.Post(question, url.Values{"action": {"accept"}}).Location(t).String(); got != servertest.LoggedOut+"?state=s" {
		t.Errorf("yes leads to %s", got)
	}
	hasSession(t, s, b, false)
}

func TestOIDCLogout_HintsOfTheSessionNeedNoPage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.AllowedLogoutURLs = []string{tenantBye} })
	s.ChangeClient(s.Web.ID, func(c *client.Client) {
		c.AllowedLogoutURLs = []string{servertest.LoggedOut, servertest.LoggedOut + "?a=b"}
	})
	for _, c := range []struct {
		hint, client bool
		params       []string
		want         string
	}{
		{true, false, []string{"post_logout_redirect_uri", servertest.LoggedOut, "state", "a b&c"}, servertest.LoggedOut + "?state=a+b%26c"},
		{true, true, []string{"post_logout_redirect_uri", servertest.LoggedOut + "?a=b", "state", "s"}, servertest.LoggedOut + "?a=b&state=s"},
		{false, true, []string{"post_logout_redirect_uri", servertest.LoggedOut}, servertest.LoggedOut},
		{false, false, []string{"post_logout_redirect_uri", tenantBye}, tenantBye},
	} {
		b, token := loggedIn(t, s)
		q := url.Values{"logout_hint": {servertest.Claims(t, token)["sid"].(string)}}
		if c.hint {
			q = url.Values{"id_token_hint": {token}}
		}
		if c.client {
			q.Set("client_id", s.Web.ID)
		}
		for i := 0; i+1 < len(c.params); i += 2 {
			q.Set(c.params[i], c.params[i+1])
		}
		a := b.Post("/oidc/logout", q)
		if got := a.Location(t).String(); got != c.want {
			t.Errorf("%v leads to %s", c.params, got)
		}
		hasSession(t, s, b, false)
	}
}

// An ID token of the same person in another browser does not prove this one.
func TestOIDCLogout_AHintOfAnotherSessionAsks(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	_, elsewhere := loggedIn(t, s)
	b, _ := loggedIn(t, s)
	a := b.Get("/oidc/logout?" + url.Values{"id_token_hint": {elsewhere}, "post_logout_redirect_uri": {servertest.LoggedOut}}.Encode())
	leadsTo(t, a, logoutPage)
	hasSession(t, s, b, true)
	if page := b.Get(a.Location(t).String()); !strings.Contains(page.Body, ada) {
		t.Error("the page does not say who is logged out")
	}
	// Without any session there is nothing to ask.
	if got := s.Browser(t).Get("/oidc/logout?" + url.Values{"id_token_hint": {elsewhere}, "post_logout_redirect_uri": {servertest.LoggedOut}}.Encode()).Location(t).String(); got != servertest.LoggedOut {
		t.Errorf("a browser without a session is sent to %s", got)
	}
}
