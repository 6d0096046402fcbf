package authorize_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/resourceserver"
	"latchkey/test/servertest"
)

const unknownToken = "Unknown or invalid refresh token."

// family logs in to the single-page application, whose refresh tokens rotate, and gives its first tokens.
func family(t *testing.T, s *servertest.Server, b *servertest.Browser, params ...string) servertest.Tokens {
	t.Helper()
	a := walk(t, s, b, b.Get(s.AuthorizeURL(s.SPA, append([]string{"scope", "openid email offline_access"}, params...)...)), ada)
	tokens := b.MustToken(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {s.SPA.ID}, "code": {succeeds(t, a).Get("code")}, "redirect_uri": {servertest.Callback},
	})
	if tokens.RefreshToken == "" {
		t.Fatal("there is no refresh token")
	}
	return tokens
}

func refreshForm(c *client.Client, token string, more ...string) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ID}, "refresh_token": {token}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func TestRefresh_ReuseEndsTheFamily(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		first := family(t, s, b)
		other := family(t, s, b)
		second := b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		if second.RefreshToken == first.RefreshToken || second.RefreshToken == "" || second.IDToken == "" {
			t.Errorf("a rotation gives %+v", second)
		}
		third := b.MustToken(refreshForm(s.SPA, second.RefreshToken))
		for _, token := range []string{first.RefreshToken, second.RefreshToken, third.RefreshToken} {
			oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)
		}
		b.MustToken(refreshForm(s.SPA, other.RefreshToken)) // another login's family lives
	})
}

func TestRefresh_LeewayServesTheTokenBeforeTheNewest(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.Leeway = 10 })
		b := s.Browser(t)
		first := family(t, s, b)
		b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		s.Clock.Advance(9 * time.Second)
		again := b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		s.Clock.Advance(time.Second) // counted from the first use
		for _, token := range []string{first.RefreshToken, again.RefreshToken} {
			oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)
		}

		first = family(t, s, b)
		second := b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		third := b.MustToken(refreshForm(s.SPA, second.RefreshToken))
		for _, token := range []string{first.RefreshToken, third.RefreshToken} { // two behind, though within the leeway
			oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)
		}
	})
}

// Within the leeway two tokens come to stand beside each other. One of them goes on; the other is then the one before the
// newest, and after the leeway its use tells of a theft.
func TestRefresh_LeewayDoesNotForkAFamilyForGood(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.Leeway = 10 })
		b := s.Browser(t)
		first := family(t, s, b)
		one, other := b.MustToken(refreshForm(s.SPA, first.RefreshToken)), b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		s.Clock.Advance(time.Hour)
		one = b.MustToken(refreshForm(s.SPA, one.RefreshToken))
		s.Clock.Advance(9 * time.Second)
		beside := b.MustToken(refreshForm(s.SPA, other.RefreshToken))
		s.Clock.Advance(time.Second)
		for _, token := range []string{other.RefreshToken, one.RefreshToken, beside.RefreshToken} {
			oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)
		}

		// Two generations behind it is reuse within the leeway as well.
		first = family(t, s, b)
		one, other = b.MustToken(refreshForm(s.SPA, first.RefreshToken)), b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		for range 2 {
			one = b.MustToken(refreshForm(s.SPA, one.RefreshToken))
		}
		for _, token := range []string{other.RefreshToken, one.RefreshToken} {
			oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)
		}
	})
}

// Auth0's docs, "Configure Refresh Token Rotation", on clients that begin or cease to rotate.
func TestRefresh_AClientBeginsToRotate(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.Login(s.AuthorizeURL(s.Web), ada)
		token := func(c *client.Client, b *servertest.Browser, audience string) string {
			t.Helper()
			code := succeeds(t, b.Get(s.AuthorizeURL(c, "scope", "openid offline_access", "audience", audience))).Get("code")
			return b.MustToken(s.CodeForm(code)).RefreshToken
		}
		refresh := func(token string) *servertest.Answer {
			return b.Token(refreshForm(s.Web, token, "client_secret", s.Secret))
		}
		somebody := s.Browser(t)
		somebody.Login(s.AuthorizeURL(s.Web), bob)
		first, second, api, bobs := token(s.Web, b, ""), token(s.Web, b, ""), token(s.Web, b, servertest.Audience), token(s.Web, somebody, "")
		s.ChangeClient(s.Web.ID, func(c *client.Client) {
			c.RefreshToken.RotationType, c.RefreshToken.ExpirationType = "rotating", "expiring"
		})
		made := token(s.Web, b, "") // rotates from its beginning
		next, _ := refresh(first).JSON(t)["refresh_token"].(string)
		if next == "" || next == first {
			t.Fatalf("the first exchange after the switch gives the refresh token %q", next)
		}
		oauthError(t, refresh(second), http.StatusForbidden, "invalid_grant", unknownToken)
		for name, other := range map[string]string{"the successor": next, "a newer login": made, "another API": api, "another user": bobs} {
			if got := refresh(other).JSON(t)["refresh_token"]; got == nil || got == other {
				t.Errorf("the token of %s gives the refresh token %v", name, got)
			}
		}
		oauthError(t, refresh(first), http.StatusForbidden, "invalid_grant", unknownToken)
	})
}

func TestRefresh_AClientCeasesToRotate(t *testing.T) {
	t.Parallel()
	for _, leeway := range []int{0, 60} {
		servertest.Each(t, func(t *testing.T, s *servertest.Server) {
			s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.Leeway = leeway })
			b := s.Browser(t)
			old := family(t, s, b)
			s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.RotationType = "non-rotating" })
			oauthError(t, b.Token(refreshForm(s.SPA, old.RefreshToken)), http.StatusForbidden, "invalid_grant", unknownToken)
			made := family(t, s, b)
			for range 2 {
				if next := b.MustToken(refreshForm(s.SPA, made.RefreshToken)); next.RefreshToken != "" {
					t.Error("a client that does not rotate got a new refresh token")
				}
			}
			s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.RotationType = "rotating" })
			oauthError(t, b.Token(refreshForm(s.SPA, old.RefreshToken)), http.StatusForbidden, "invalid_grant", unknownToken)
			b.MustToken(refreshForm(s.SPA, made.RefreshToken))
		})
	}
}

func TestRefresh_ExpiresWhenIdleAndInTheEnd(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.IdleLifetime, c.RefreshToken.Lifetime = 3600, 7200 })
		b := s.Browser(t)
		token := family(t, s, b).RefreshToken
		for range 2 {
			s.Clock.Advance(59 * time.Minute)
			token = b.MustToken(refreshForm(s.SPA, token)).RefreshToken
		}
		s.Clock.Advance(2 * time.Minute) // two hours since the login, however often it rotated
		oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)

		token = family(t, s, b).RefreshToken
		s.Clock.Advance(time.Hour)
		oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)

		// The idle life is the client's present one; the end was fixed at the first token.
		token = family(t, s, b).RefreshToken
		s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.RefreshToken.IdleLifetime, c.RefreshToken.Lifetime = 60, 72000 })
		s.Clock.Advance(time.Minute)
		oauthError(t, b.Token(refreshForm(s.SPA, token)), http.StatusForbidden, "invalid_grant", unknownToken)
	})
}

func TestRefresh_ScopesOnlyNarrow(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	tokens := family(t, s, b, "audience", servertest.Audience, "scope", "openid email offline_access read:orders write:orders")
	for _, c := range []struct{ asked, want string }{
		{"read:orders", "read:orders"},
		{"read:orders delete:orders profile", "read:orders"}, // never granted: cut
		{"openid", "openid"},
		{"", "openid email offline_access read:orders write:orders"}, // the whole grant is there still
	} {
		next := b.MustToken(refreshForm(s.SPA, tokens.RefreshToken, "scope", c.asked))
		if next.Scope != c.want || (servertest.Claims(t, next.AccessToken)["scope"]) != c.want {
			t.Errorf("scope %q gives %q, in the token %v", c.asked, next.Scope, servertest.Claims(t, next.AccessToken)["scope"])
		}
		if (next.IDToken != "") != (c.asked == "" || c.asked == "openid") {
			t.Errorf("scope %q: there is an ID token: %v", c.asked, next.IDToken != "")
		}
		tokens = next
	}
	oauthError(t, b.Token(refreshForm(s.SPA, tokens.RefreshToken, "audience", "https://other.example.com/")), http.StatusForbidden, "access_denied", "")
	b.MustToken(refreshForm(s.SPA, tokens.RefreshToken, "audience", servertest.Audience)) // a refusal uses nothing up
}

func TestRefresh_TokenIsTheClientsOwn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	tokens := family(t, s, b)
	oauthError(t, b.Token(refreshForm(s.Native, tokens.RefreshToken)), http.StatusForbidden, "invalid_grant", unknownToken)
	oauthError(t, b.Token(refreshForm(s.Web, tokens.RefreshToken, "client_secret", s.Secret)), http.StatusForbidden, "invalid_grant", unknownToken)
	oauthError(t, b.Token(refreshForm(s.SPA, tokens.RefreshToken+"x")), http.StatusForbidden, "invalid_grant", unknownToken)
	oauthError(t, b.Token(refreshForm(s.SPA, "")), http.StatusBadRequest, "invalid_request", "Missing required parameter: refresh_token")
	b.MustToken(refreshForm(s.SPA, tokens.RefreshToken))
}

func TestRefresh_NotRotatingTokensStay(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access")))
	for range 3 {
		if next := b.MustToken(refreshForm(s.Web, tokens.RefreshToken, "client_secret", s.Secret)); next.RefreshToken != "" {
			t.Error("a client that does not rotate got a new refresh token")
		}
	}
}

func TestRefresh_OnlyWhereClientAndAPIAllowIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	if err := s.Database.EnsureAPI(context.Background(), s.Tenant.ID, &resourceserver.ResourceServer{Identifier: "urn:online", Name: "Online", SkipConsent: true}); err != nil {
		t.Fatal(err)
	}
	without, secret := addClient(s, &client.Client{Name: "No refresh", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{client.GrantAuthorizationCode}})
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	exchange := func(c *client.Client, secret string, params ...string) servertest.Tokens {
		t.Helper()
		code := succeeds(t, b.Get(s.AuthorizeURL(c, append(params, "scope", "openid offline_access")...))).Get("code")
		return b.MustToken(url.Values{"grant_type": {"authorization_code"}, "client_id": {c.ID}, "client_secret": {secret}, "code": {code}, "redirect_uri": {servertest.Callback}})
	}
	for name, tokens := range map[string]servertest.Tokens{
		"client": exchange(without, secret), "API": exchange(s.Web, s.Secret, "audience", "urn:online"),
	} {
		if tokens.RefreshToken != "" || tokens.Scope != "openid" {
			t.Errorf("the %s does not allow it and there is a refresh token %q, scope %q", name, tokens.RefreshToken, tokens.Scope)
		}
	}
	if tokens := exchange(s.Web, s.Secret, "audience", servertest.Audience); tokens.RefreshToken == "" {
		t.Error("there is no refresh token where client and API allow one")
	}
	if got := response(t, b.Get(s.AuthorizeURL(s.Web, "response_type", "token", "scope", "openid offline_access"))); got.Has("refresh_token") || got.Get("scope") != "openid" {
		t.Errorf("the implicit flow gives %v", got)
	}
}

func TestRefresh_OfAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		tokens := family(t, s, b)
		if err := s.Database.Store.DeleteUser(context.Background(), s.Tenant.ID, findUser(t, s, ada).ID); err != nil {
			t.Fatal(err)
		}
		a := b.Token(refreshForm(s.SPA, tokens.RefreshToken))
		if got := a.JSON(t); a.Status != http.StatusForbidden || got["error"] != "invalid_grant" ||
			(got["error_description"] != unknownToken && got["error_description"] != "The refresh_token was generated for a user who doesn't exist anymore.") {
			t.Errorf("the refresh is answered %d %v", a.Status, got)
		}
		b.Headers.Set("Authorization", "Bearer "+tokens.AccessToken)
		oauthError(t, b.Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
		b.Headers.Del("Authorization")
		fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")), "login_required", "Login required")
	})
}

func TestRevoke_EndsTheFamilyOfTheClientsOwnToken(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		first := family(t, s, b)
		second := b.MustToken(refreshForm(s.SPA, first.RefreshToken))
		revoke := func(form url.Values) *servertest.Answer { return b.Post("/oauth/revoke", form) }
		for _, form := range []url.Values{
			{"client_id": {s.Native.ID}, "token": {second.RefreshToken}}, // another client's: no effect
			{"client_id": {s.SPA.ID}, "token": {"made-up"}},
			{"client_id": {s.SPA.ID}, "token": {second.AccessToken}},
		} {
			if a := revoke(form); a.Status != http.StatusOK || a.Body != "" {
				t.Errorf("%v is answered %d %s", form, a.Status, a.Body)
			}
		}
		third := b.MustToken(refreshForm(s.SPA, second.RefreshToken))
		oauthError(t, revoke(url.Values{"client_id": {s.SPA.ID}}), http.StatusBadRequest, "invalid_request", "Missing required parameter: token")
		oauthError(t, revoke(url.Values{"client_id": {s.Web.ID}, "token": {"x"}}), http.StatusUnauthorized, "invalid_client", "")
		oauthError(t, revoke(url.Values{"client_id": {s.Web.ID}, "client_secret": {"wrong"}, "token": {"x"}}), http.StatusUnauthorized, "invalid_client", "")
		if a := b.PostJSON("/oauth/revoke", map[string]string{"client_id": s.SPA.ID, "token": third.RefreshToken, "token_type_hint": "refresh_token"}); a.Status != http.StatusOK || a.Body != "" {
			t.Errorf("the revocation is answered %d %s", a.Status, a.Body)
		}
		oauthError(t, b.Token(refreshForm(s.SPA, third.RefreshToken)), http.StatusForbidden, "invalid_grant", unknownToken)
	})
}
