package authorize_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// The table of Auth0's docs ("Universal Login Experience" and OpenID Connect Core 3.1.2.1) on which session counts.
func TestSession_WhichRequestItAnswers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const answered = ""
	for _, c := range []struct {
		name       string
		params     []string
		fresh, old string // the page without a session, and with one of a minute ago; empty: the client is answered
	}{
		{"plain", nil, identifierPage, answered},
		{"screen_hint=signup", []string{"screen_hint", "signup"}, signupPage, answered},
		{"unknown screen_hint", []string{"screen_hint", "dance"}, identifierPage, answered},
		{"prompt=login", []string{"prompt", "login"}, identifierPage, identifierPage},
		{"prompt=login, signup", []string{"prompt", "login", "screen_hint", "signup"}, signupPage, signupPage},
		{"max_age=0", []string{"max_age", "0"}, identifierPage, identifierPage},
		{"max_age=59", []string{"max_age", "59"}, identifierPage, identifierPage},
		{"max_age=60", []string{"max_age", "60"}, identifierPage, answered},
		{"connection=email", []string{"connection", "email"}, identifierPage, identifierPage},
		{"prompt=consent", []string{"prompt", "consent"}, identifierPage, consentPage},
		{"prompt=select_account", []string{"prompt", "select_account"}, identifierPage, pickerPage},
		{"prompt=login select_account", []string{"prompt", "login select_account"}, identifierPage, identifierPage},
	} {
		t.Run(c.name, func(t *testing.T) {
			leadsTo(t, s.Browser(t).Get(s.AuthorizeURL(s.Web, c.params...)), c.fresh)
			b, email := s.Browser(t), strings.ToLower(ident.Token(6))+"@example.com"
			b.Login(s.AuthorizeURL(s.Web), email)
			s.Clock.Advance(time.Minute)
			a := b.Get(s.AuthorizeURL(s.Web, c.params...))
			if c.old == answered {
				succeeds(t, a)
				return
			}
			leadsTo(t, a, c.old)
		})
	}
}

func TestSession_SilentRequestsNeverShowAPage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")), "login_required", "Login required")
	b.Login(s.AuthorizeURL(s.Web), ada)
	s.Clock.Advance(time.Minute)
	succeeds(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")))
	for _, params := range [][]string{{"max_age", "0"}, {"max_age", "59"}, {"connection", "email"}} {
		fails(t, b.Get(s.AuthorizeURL(s.Web, append(params, "prompt", "none")...)), "login_required", "Login required")
	}
	fails(t, s.Browser(t).Get(s.AuthorizeURL(s.Web, "prompt", "none", "response_type", "token")), "login_required", "Login required")
}

func TestSession_ReusedForItsConnectionWhereTheTenantSaysSo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	leadsTo(t, b.Get(s.AuthorizeURL(s.Web, "connection", "email")), identifierPage)
	s.ChangeConnection("email", func(c *connection.Connection) {
		c.Options.SSO = &struct {
			Reuse any `json:"reuse,omitempty"`
		}{true}
	})
	succeeds(t, b.Get(s.AuthorizeURL(s.Web, "connection", "email", "prompt", "none")))
}

func TestSession_LoginPageKnowsWhoLogsInAgain(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	s.Clock.Advance(time.Minute)
	for _, params := range [][]string{{"prompt", "login"}, {"max_age", "1"}} {
		page := b.Get(b.Get(s.AuthorizeURL(s.Web, params...)).Location(t).String())
		if !strings.Contains(page.Body, `value="`+ada+`"`) {
			t.Errorf("with %v the page does not show %s", params, ada)
		}
	}
	page := b.Get(b.Get(s.AuthorizeURL(s.Web, "prompt", "login", "login_hint", bob)).Location(t).String())
	if !strings.Contains(page.Body, `value="`+bob+`"`) || strings.Contains(page.Body, ada) {
		t.Error("the page does not show the client's hint")
	}
}

// The hint names somebody else than the session: that person is asked for, whatever page the browser opens.
func TestIDTokenHint_OfSomebodyElseAsksForThem(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	hint := hintOf(t, s, bob)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none", "id_token_hint", hint)), "login_required", "Login required")
	page := b.Get(s.AuthorizeURL(s.Web, "id_token_hint", hint))
	leadsTo(t, page, identifierPage)
	shows(t, b.Get(page.Location(t).String()), identifierPage)
	leadsTo(t, b.Get("/authorize/resume?"+page.Location(t).RawQuery), identifierPage)
	succeeds(t, walk(t, s, b, page, bob))
}

func TestIDTokenHint_MayBeExpiredButNotForged(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada)))
	s.Clock.Advance(24 * time.Hour)
	succeeds(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none", "id_token_hint", tokens.IDToken)))
	fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none", "id_token_hint", tokens.IDToken[:len(tokens.IDToken)-8]+"AAAAAAAA")), "invalid_request", "The id_token_hint is invalid")
}

// hintOf gives an ID token of somebody who logged in elsewhere.
func hintOf(t *testing.T, s *servertest.Server, email string) string {
	t.Helper()
	b := s.Browser(t)
	return b.MustToken(s.CodeForm(b.LoginCode(s.Web, email))).IDToken
}

func TestSession_IdleAndAbsoluteEnd(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		silent := func(b *servertest.Browser) *servertest.Answer { return b.Get(s.AuthorizeURL(s.Web, "prompt", "none")) }
		b := s.Browser(t)
		b.Login(s.AuthorizeURL(s.Web), ada)
		for range 3 { // each use within three days keeps it
			s.Clock.Advance(54 * time.Hour)
			succeeds(t, silent(b))
		}
		s.Clock.Advance(6*time.Hour - time.Second) // a week since the login
		succeeds(t, silent(b))
		s.Clock.Advance(2 * time.Second)
		fails(t, silent(b), "login_required", "Login required")

		b = s.Browser(t)
		b.Login(s.AuthorizeURL(s.Web), ada)
		s.Clock.Advance(72*time.Hour + 2*time.Minute)
		fails(t, silent(b), "login_required", "Login required")

		b = s.Browser(t)
		b.Login(s.AuthorizeURL(s.Web), ada)
		s.Clock.Advance(2 * time.Hour)
		s.ChangeSettings(func(settings *tenant.Settings) { settings.SessionLifetime = 1 })
		fails(t, silent(b), "login_required", "Login required")
	})
}

// A refresh is no use of the browser's session.
func TestSession_RefreshDoesNotKeepItAlive(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access")))
	for range 2 {
		s.Clock.Advance(40 * time.Hour)
		b.MustToken(url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "refresh_token": {tokens.RefreshToken}})
	}
	fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")), "login_required", "Login required")
}

func TestSession_NewLoginChangesTheCookieAndKeepsTheSID(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	login := func(email string, params ...string) (cookie string, sid any) {
		t.Helper()
		a := walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, params...)), email)
		tokens := b.MustToken(s.CodeForm(succeeds(t, a).Get("code")))
		return sessionCookie(b), servertest.Claims(t, tokens.IDToken)["sid"]
	}
	cookie, sid := login(ada)
	silentCookie, silentSID := login(ada)
	if silentCookie != cookie || silentSID != sid || sid == nil {
		t.Errorf("a silent answer changes the cookie %v or the sid %v to %v", silentCookie != cookie, sid, silentSID)
	}
	s.Clock.Advance(time.Minute)
	again, same := login(ada, "prompt", "login")
	if again == cookie || same != sid {
		t.Errorf("a second login keeps the cookie: %v, and has the sid %v after %v", again == cookie, same, sid)
	}
	other, foreign := login(bob, "prompt", "login")
	if other == again || foreign == sid {
		t.Errorf("another person keeps the cookie: %v, or the sid: %v", other == again, foreign == sid)
	}
	// The old cookies open nothing any more.
	for _, old := range []string{cookie, again} {
		thief := s.Browser(t)
		thief.Headers.Set("Cookie", "auth0="+old)
		fails(t, thief.Get(s.AuthorizeURL(s.Web, "prompt", "none")), "login_required", "Login required")
	}
}

func sessionCookie(b *servertest.Browser) string {
	for _, c := range b.Cookies() {
		if c.Name == "auth0" {
			return c.Value
		}
	}
	return ""
}

func TestTransaction_BelongsToTheBrowserThatBeganIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	begun := b.Get(s.AuthorizeURL(s.Web)).Location(t)
	thief := s.Browser(t)
	staysHere(t, thief.Get(begun.String()), 403, "")
	if a := thief.Post(begun.String(), url.Values{"state": {begun.Query().Get("state")}, "username": {ada}, "action": {"default"}}); a.Status != 403 {
		t.Errorf("another browser's post is answered %d", a.Status)
	}
	// The person's own login goes on, up to the last redirect, which the other browser cannot take either.
	b.Post(begun.String(), url.Values{"state": {begun.Query().Get("state")}, "username": {ada}, "action": {"default"}})
	challenge := strings.Replace(begun.String(), identifierPage, codePage, 1)
	resume := b.Post(challenge, url.Values{"state": {begun.Query().Get("state")}, "code": {s.Code(t, ada)}, "action": {"default"}}).Location(t)
	leadsTo(t, thief.Get(resume.String()), identifierPage)
	if sessionCookie(thief) != "" {
		t.Error("the other browser got a session")
	}
	succeeds(t, b.Get(resume.String()))
	// It answers once.
	leadsTo(t, b.Get(resume.String()), identifierPage)
}
