package authorize_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/resourceserver"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// thirdParty registers a client that does not belong to the tenant. Such clients must use PKCE.
func thirdParty(s *servertest.Server, policy string) (*client.Client, []string) {
	third := false
	c, _ := addClient(s, &client.Client{
		Name: "Visitor App", FirstParty: &third, RedirectPolicy: policy, TokenEndpointAuthMethod: client.AuthNone,
		GrantTypes: []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken, client.GrantPasswordlessOTP},
	})
	return c, []string{"code_challenge", servertest.NewPKCE().Challenge, "code_challenge_method", "S256"}
}

func TestConsent_IsAskedOfThirdPartiesAndRemembered(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c, pkce := thirdParty(s, "allow_always")
		with := func(params ...string) string { return s.AuthorizeURL(c, append(params, pkce...)...) }
		b := s.Browser(t)
		page := walk(t, s, b, b.Get(with()), ada)
		shows(t, page, consentPage)
		if !strings.Contains(page.Body, "Visitor App") {
			t.Error("the page does not name the client")
		}
		// Nothing is given before the answer, whatever the browser opens.
		leadsTo(t, b.Get("/authorize/resume?"+page.URL.RawQuery), consentPage)
		if a := b.Post(page.URL.String(), url.Values{"action": {"perhaps"}}); a.Status != http.StatusBadRequest {
			t.Errorf("an answer that is neither yes nor no is answered %d", a.Status)
		}
		succeeds(t, choose(t, s, b, page, "accept", ada))

		succeeds(t, b.Get(with("prompt", "none")))                    // remembered
		succeeds(t, b.Get(with("scope", "openid", "prompt", "none"))) // fewer scopes
		fails(t, b.Get(with("scope", "openid profile email phone", "prompt", "none")), "consent_required", "Consent required")
		fails(t, b.Get(with("audience", servertest.Audience, "scope", "openid read:orders", "prompt", "none")), "consent_required", "Consent required")

		page = walk(t, s, b, b.Get(with("audience", servertest.Audience, "scope", "openid read:orders")), ada)
		shows(t, page, consentPage)
		if !strings.Contains(page.Body, "See orders") {
			t.Error("the page does not say what the new scope means")
		}
		fails(t, choose(t, s, b, page, "deny", ada), "access_denied", "User did not authorize the request")
		leadsTo(t, b.Get(with("audience", servertest.Audience, "scope", "openid read:orders")), consentPage) // no is no for ever

		leadsTo(t, b.Get(with("prompt", "consent")), consentPage) // asked for anew
		other := s.Browser(t)
		shows(t, walk(t, s, other, other.Get(with()), bob), consentPage) // each person for themselves
	})
}

func TestConsent_NewScopesAskAgainAndAddUp(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c, pkce := thirdParty(s, "allow_always")
	b := s.Browser(t)
	for _, scope := range []string{"openid", "openid email", "openid phone"} {
		page := walk(t, s, b, b.Get(s.AuthorizeURL(c, append(pkce, "scope", scope)...)), ada)
		shows(t, page, consentPage)
		succeeds(t, choose(t, s, b, page, "accept", ada))
	}
	succeeds(t, b.Get(s.AuthorizeURL(c, append(pkce, "scope", "openid email phone", "prompt", "none")...)))
}

func TestConsent_ErrorsOfThirdPartiesStayHere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c, pkce := thirdParty(s, "")
	with := func(params ...string) string { return s.AuthorizeURL(c, append(params, pkce...)...) }
	b := s.Browser(t)
	staysHere(t, b.Get(with("prompt", "none")), http.StatusBadRequest, "login_required")
	staysHere(t, b.Get(with("audience", "urn:nobody")), http.StatusBadRequest, "access_denied")
	staysHere(t, b.Get(with("screen_hint", "signup")), http.StatusBadRequest, "screen_hint")
	page := walk(t, s, b, b.Get(with()), ada)
	shows(t, page, consentPage)
	staysHere(t, choose(t, s, b, page, "deny", ada), http.StatusBadRequest, "access_denied")
}

func TestConsent_FirstPartiesAreAskedWhereTheAPISaysSo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	if err := s.Database.EnsureAPI(context.Background(), s.Tenant.ID, &resourceserver.ResourceServer{
		Identifier: "urn:careful", Name: "Careful API", Scopes: []resourceserver.Scope{{Value: "do:it"}},
	}); err != nil {
		t.Fatal(err)
	}
	b := s.Browser(t)
	succeeds(t, b.Login(s.AuthorizeURL(s.Web), ada))
	fails(t, b.Get(s.AuthorizeURL(s.Web, "audience", "urn:careful", "scope", "openid do:it", "prompt", "none")), "consent_required", "Consent required")
	page := walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, "audience", "urn:careful", "scope", "openid do:it")), ada)
	shows(t, page, consentPage)
	succeeds(t, choose(t, s, b, page, "accept", ada))
	succeeds(t, b.Get(s.AuthorizeURL(s.Web, "audience", "urn:careful", "scope", "openid do:it", "prompt", "none")))
}

// The token endpoint has no page to ask on.
func TestConsent_IsNeededForThePasswordlessGrantToo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c, _ := thirdParty(s, "")
	b := s.Browser(t)
	if a := b.PostJSON("/passwordless/start", map[string]any{"client_id": c.ID, "connection": "email", "email": ada, "send": "code"}); a.Status != http.StatusOK {
		t.Fatalf("the start is answered %d %s", a.Status, a.Body)
	}
	form := s.OTPForm(ada, s.Code(t, ada))
	form.Set("client_id", c.ID)
	oauthError(t, b.Token(form), http.StatusForbidden, "consent_required", "Consent required")
}

// nonVerifiable registers a native client whose callbacks could be anybody's (Auth0 docs, "Measures Against Application
// Impersonation").
func nonVerifiable(s *servertest.Server) *client.Client {
	c, _ := addClient(s, &client.Client{
		Name: "Phone App", AppType: "native", TokenEndpointAuthMethod: client.AuthNone, GrantTypes: []string{client.GrantAuthorizationCode},
		Callbacks: []string{"com.example.app://callback", "http://localhost:3000/callback", "https://app.example.com/callback"},
	})
	return c
}

func TestConfirmation_BeforeAnAppThatMayBeAnother(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := nonVerifiable(s)
	for _, callback := range []string{"com.example.app://callback", "http://localhost:3000/callback"} {
		b := s.Browser(t)
		with := func(params ...string) string { return s.AuthorizeURL(c, append(params, "redirect_uri", callback)...) }
		codeAt := func(a *servertest.Answer) string {
			t.Helper()
			if location := a.Location(t).String(); !strings.HasPrefix(location, callback+"?") {
				t.Fatalf("the answer leads to %s", location)
			}
			return servertest.Fields(a.Location(t)).Get("code")
		}
		errorAt := func(a *servertest.Answer, want string) {
			t.Helper()
			if got := servertest.Fields(a.Location(t)).Get("error"); got != want {
				t.Errorf("%s: error %q, want %q", callback, got, want)
			}
		}
		if codeAt(walk(t, s, b, b.Get(with()), ada)) == "" { // the person has just acted: nothing is asked
			t.Error("a login gives no code")
		}
		errorAt(b.Get(with("prompt", "none")), "interaction_required")
		page := walk(t, s, b, b.Get(with()), ada)
		shows(t, page, confirmPage)
		if codeAt(choose(t, s, b, page, "accept", ada)) == "" {
			t.Error("a confirmed answer has no code")
		}
		page = walk(t, s, b, b.Get(with()), ada) // it is asked each time
		shows(t, page, confirmPage)
		errorAt(choose(t, s, b, page, "deny", ada), "access_denied")

		s.ChangeSettings(func(settings *tenant.Settings) { settings.SkipCallbackConfirmation = true })
		if codeAt(b.Get(with("prompt", "none"))) == "" {
			t.Error("the tenant waives the question and it is asked")
		}
		yes, no := true, false
		s.ChangeClient(c.ID, func(c *client.Client) { c.SkipCallbackConfirmation = &no })
		leadsTo(t, b.Get(with()), confirmPage) // the client's word counts more
		s.ChangeSettings(func(settings *tenant.Settings) { settings.SkipCallbackConfirmation = false })
		s.ChangeClient(c.ID, func(c *client.Client) { c.SkipCallbackConfirmation = &yes })
		if codeAt(b.Get(with("prompt", "none"))) == "" {
			t.Error("the client waives the question and it is asked")
		}
		s.ChangeClient(c.ID, func(c *client.Client) { c.SkipCallbackConfirmation = nil })
	}
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(c, "redirect_uri", servertest.Callback), bob)
	succeeds(t, b.Get(s.AuthorizeURL(c, "redirect_uri", servertest.Callback)))
}

func TestAccountPicker_GoesOnOrAsksForSomebodyElse(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	subject := func(a *servertest.Answer) any {
		t.Helper()
		return servertest.Claims(t, b.MustToken(s.CodeForm(succeeds(t, a).Get("code"))).IDToken)["email"]
	}
	b.Login(s.AuthorizeURL(s.Web), ada)
	fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none select_account")), "invalid_request", "prompt none cannot be combined with others")
	page := walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, "prompt", "select_account")), ada)
	shows(t, page, pickerPage)
	if !strings.Contains(page.Body, ada) {
		t.Error("the page does not show the account")
	}
	if got := subject(choose(t, s, b, page, "default", ada)); got != ada {
		t.Errorf("going on logs in %v", got)
	}
	page = walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, "prompt", "select_account")), ada)
	if got := subject(choose(t, s, b, page, "other-account", bob)); got != bob {
		t.Errorf("another account logs in %v", got)
	}
	if got := subject(b.Get(s.AuthorizeURL(s.Web, "prompt", "none"))); got != bob {
		t.Errorf("after that the session is %v's", got)
	}
	page = walk(t, s, b, b.Get(s.AuthorizeURL(s.Web, "prompt", "select_account")), bob)
	back := b.Post(page.URL.String(), url.Values{"action": {"other-account"}})
	resumed := b.Get(back.Location(t).String())
	leadsTo(t, resumed, identifierPage)
	shows(t, b.Get(resumed.Location(t).String()), identifierPage) // the session is not used, whatever the browser opens
	leadsTo(t, b.Get(back.Location(t).String()), identifierPage)
}
