package authorize_test

import (
	"net/http"
	"net/url"
	"testing"

	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// A code that waits for its exchange is a way in as well: whoever made an account for an address that nobody had proven
// loses it when the owner proves the address.
func TestClaim_EndsCodesThatWaitForTheirExchange(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		stranger := s.Browser(t)
		stranger.Login(s.AuthorizeURL(s.Web), ada)
		u := findUser(t, s, ada)
		u.EmailVerified = false
		if err := s.Database.Store.UpdateUser(t.Context(), s.Tenant.ID, u); err != nil {
			t.Fatal(err)
		}
		code := succeeds(t, stranger.Get(s.AuthorizeURL(s.Web))).Get("code")
		others := s.Browser(t).LoginCode(s.Web, bob)
		s.Browser(t).Login(s.AuthorizeURL(s.Web), ada)
		oauthError(t, stranger.Token(s.CodeForm(code)), http.StatusForbidden, "invalid_grant", "Invalid authorization code")
		stranger.MustToken(s.CodeForm(others))
	})
}

// Where the tenant says that revoking a token ends its grant, the grant is the one for its audience: a token without an
// audience has none in common with those for APIs.
func TestRevoke_OfAGrantEndsThatOfItsAudienceOnly(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.ChangeSettings(func(set *tenant.Settings) { set.Flags.RevokeRefreshTokenGrant = true })
		b := s.Browser(t)
		b.Login(s.AuthorizeURL(s.Web), ada)
		token := func(audience string) string {
			t.Helper()
			code := succeeds(t, b.Get(s.AuthorizeURL(s.Web, "scope", "openid offline_access", "audience", audience))).Get("code")
			return b.MustToken(s.CodeForm(code)).RefreshToken
		}
		none, alsoNone, api := token(""), token(""), token(servertest.Audience)
		if a := b.Post("/oauth/revoke", url.Values{"client_id": {s.Web.ID}, "client_secret": {s.Secret}, "token": {none}}); a.Status != http.StatusOK {
			t.Fatalf("the revocation is answered %d", a.Status)
		}
		for _, dead := range []string{none, alsoNone} {
			oauthError(t, b.Token(refreshForm(s.Web, dead, "client_secret", s.Secret)), http.StatusForbidden, "invalid_grant", unknownToken)
		}
		b.MustToken(refreshForm(s.Web, api, "client_secret", s.Secret))
	})
}
