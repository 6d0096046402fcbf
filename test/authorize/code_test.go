package authorize_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

const invalidCode, badVerifier = "Invalid authorization code", "Failed to verify code verifier"

func TestCode_IsBoundToClientCallbackAndTime(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		form := func(change ...string) url.Values {
			form := s.CodeForm(b.LoginCode(s.Web, ada, "prompt", "login"))
			for i := 0; i+1 < len(change); i += 2 {
				form.Set(change[i], change[i+1])
			}
			return form
		}
		refused := func(form url.Values) {
			t.Helper()
			oauthError(t, b.Token(form), http.StatusForbidden, "invalid_grant", invalidCode)
		}
		refused(form("code", "made-up"))
		refused(form("code", strings.Repeat("x", 100_000)))
		s.Clock.Advance(10 * time.Minute) // mails to one address have a limit
		refused(form("redirect_uri", servertest.OtherCallback))
		refused(form("redirect_uri", servertest.Callback+"/"))
		s.Clock.Advance(10 * time.Minute)

		late := form()
		s.Clock.Advance(59 * time.Second)
		b.MustToken(late)
		late = form()
		s.Clock.Advance(60 * time.Second)
		refused(late)

		// A code that was refused once is burnt; one that another client tried is not: it never was that client's.
		burnt := form("redirect_uri", servertest.OtherCallback)
		refused(burnt)
		burnt.Set("redirect_uri", servertest.Callback)
		refused(burnt)
		s.Clock.Advance(10 * time.Minute)
		own := form()
		foreign := url.Values{"grant_type": {"authorization_code"}, "client_id": {s.SPA.ID}, "code": own["code"], "redirect_uri": {servertest.Callback}}
		refused(foreign)
		b.MustToken(own)
		oauthError(t, b.Token(form("code", "")), http.StatusBadRequest, "invalid_request", "Missing required parameter: code")
	})
}

func TestCode_SecondUseEndsWhatTheFirstGave(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		form := s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access"))
		tokens := b.MustToken(form)
		refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "refresh_token": {tokens.RefreshToken}}
		b.MustToken(refresh)
		oauthError(t, b.Token(form), http.StatusForbidden, "invalid_grant", invalidCode)
		oauthError(t, b.Token(refresh), http.StatusForbidden, "invalid_grant", unknownToken)
	})
}

func TestCode_MayBeExchangedWithoutRepeatingTheCallback(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	pkce := servertest.NewPKCE()
	confidential := s.CodeForm(succeeds(t, b.Get(s.AuthorizeURL(s.Web))).Get("code"))
	confidential.Del("redirect_uri")
	b.MustToken(confidential)
	public := url.Values{"grant_type": {"authorization_code"}, "client_id": {s.SPA.ID}}
	public.Set("code", succeeds(t, b.Get(s.AuthorizeURL(s.SPA))).Get("code"))
	oauthError(t, b.Token(public), http.StatusForbidden, "invalid_grant", invalidCode)
	public.Set("code", succeeds(t, b.Get(s.AuthorizeURL(s.SPA, "code_challenge", pkce.Challenge, "code_challenge_method", "S256"))).Get("code"))
	public.Set("code_verifier", pkce.Verifier)
	b.MustToken(public)
}

func TestCode_IsExchangedAtTheDomainThatGaveIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	domain := tenant.Domain{Host: "login.example.com", Issuer: "http://login.example.com/"}
	if err := s.Database.Store.AddDomain(context.Background(), s.Tenant.ID, domain); err != nil {
		t.Fatal(err)
	}
	b, custom := s.Browser(t), s.Browser(t)
	custom.Headers.Set("Host", domain.Host)
	tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access")))
	form := s.CodeForm(succeeds(t, b.Get(s.AuthorizeURL(s.Web))).Get("code"))
	oauthError(t, custom.Token(form), http.StatusForbidden, "invalid_grant", invalidCode)
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "refresh_token": {tokens.RefreshToken}}
	oauthError(t, custom.Token(refresh), http.StatusForbidden, "invalid_grant", unknownToken)
	b.MustToken(refresh)
	custom.Headers.Set("Authorization", "Bearer "+tokens.AccessToken)
	oauthError(t, custom.Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
}

// RFC 7636, with the rule that a verifier needs a challenge (RFC 9700 section 2.1.1).
func TestPKCE_EveryCombination(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	pkce, other := servertest.NewPKCE(), servertest.NewPKCE()
	const works = ""
	for _, c := range []struct {
		name                        string
		challenge, method, verifier string
		want                        string
	}{
		{"none", "", "", "", works},
		{"S256", pkce.Challenge, "S256", pkce.Verifier, works},
		{"S256, wrong verifier", pkce.Challenge, "S256", other.Verifier, badVerifier},
		{"S256, the challenge as verifier", pkce.Challenge, "S256", pkce.Challenge, badVerifier},
		{"S256, no verifier", pkce.Challenge, "S256", "", badVerifier},
		{"S256, short verifier", pkce.Challenge, "S256", pkce.Verifier[:42], badVerifier},
		{"S256, long verifier", pkce.Challenge, "S256", strings.Repeat(pkce.Verifier, 4), badVerifier},
		{"plain", pkce.Verifier, "plain", pkce.Verifier, works},
		{"plain by default", pkce.Verifier, "", pkce.Verifier, works},
		{"plain, hashed at the end", pkce.Challenge, "plain", pkce.Verifier, badVerifier},
		{"verifier without challenge", "", "", pkce.Verifier, badVerifier},
	} {
		params := []string{"code_challenge", c.challenge, "code_challenge_method", c.method}
		form := s.CodeForm(succeeds(t, b.Get(s.AuthorizeURL(s.Web, params...))).Get("code"))
		if c.verifier != "" {
			form.Set("code_verifier", c.verifier)
		}
		if c.want == works {
			b.MustToken(form)
			continue
		}
		if a := b.Token(form); a.JSON(t)["error_description"] != c.want {
			t.Errorf("%s: the exchange is answered %d %s", c.name, a.Status, a.Body)
		}
		form.Set("code_verifier", pkce.Verifier) // too late: the code is burnt
		oauthError(t, b.Token(form), http.StatusForbidden, "invalid_grant", invalidCode)
	}
}

func TestPKCE_RequiredByTheTenantOrOfThirdParties(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	pkce := servertest.NewPKCE()
	leadsTo(t, b.Get(s.AuthorizeURL(s.SPA)), identifierPage)
	s.ChangeSettings(func(settings *tenant.Settings) {
		settings.Latchkey = &tenant.Extensions{RequirePKCE: true, S256Only: true}
	})
	fails(t, b.Get(s.AuthorizeURL(s.SPA)), "invalid_request", "Missing required parameter: code_challenge")
	fails(t, b.Get(s.AuthorizeURL(s.SPA, "code_challenge", pkce.Verifier, "code_challenge_method", "plain")), "invalid_request", "Unsupported code_challenge_method: plain")
	fails(t, b.Get(s.AuthorizeURL(s.SPA, "code_challenge", pkce.Verifier)), "invalid_request", "Unsupported code_challenge_method: plain")
	leadsTo(t, b.Get(s.AuthorizeURL(s.SPA, "code_challenge", pkce.Challenge, "code_challenge_method", "S256")), identifierPage)
	leadsTo(t, b.Get(s.AuthorizeURL(s.Web)), identifierPage) // proves itself

	third := false
	c, _ := addClient(s, &client.Client{
		Name: "Third", FirstParty: &third, RedirectPolicy: "allow_always", TokenEndpointAuthMethod: client.AuthPost,
		GrantTypes: []string{client.GrantAuthorizationCode},
	})
	fails(t, b.Get(s.AuthorizeURL(c)), "invalid_request", "Missing required parameter: code_challenge")
}
