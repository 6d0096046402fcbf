package passwordless_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// Whoever made an account for an address that nobody had proven loses every way in when its owner proves it.
func TestClaim_TheOwnerOfAnAddressClosesOlderWaysIn(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		stranger := s.Browser(t)
		stranger.LoginCode(s.Web, email)
		form := s.OTPForm(email, codeFor(t, s, stranger, email))
		form.Set("scope", "openid offline_access")
		tokens := stranger.MustToken(form)
		sub := servertest.Claims(t, tokens.IDToken)["sub"].(string)
		u, err := s.Database.Store.User(t.Context(), s.Tenant.ID, sub)
		if err != nil {
			t.Fatal(err)
		}
		u.EmailVerified = false
		if err := s.Database.Store.UpdateUser(t.Context(), s.Tenant.ID, u); err != nil {
			t.Fatal(err)
		}
		if a := mustStart(t, s.Browser(t), email).JSON(t); a["email_verified"] != false || a["_id"] != strings.TrimPrefix(sub, "email|") {
			t.Errorf("the start says %v of an address that is not verified", a)
		}
		s.Code(t, email)

		owner := s.Browser(t)
		claims := servertest.Claims(t, owner.MustToken(s.OTPForm(email, codeFor(t, s, owner, email))).IDToken)
		if claims["sub"] != sub || claims["email_verified"] != true {
			t.Errorf("the owner is %v", claims)
		}
		wantRefusal(t, stranger.Token(url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Native.ID}, "refresh_token": {tokens.RefreshToken}}),
			403, "invalid_grant", "Unknown or invalid refresh token.")
		if location := stranger.Get(s.AuthorizeURL(s.Web)).Location(t); !strings.HasPrefix(location.Path, "/u/") {
			t.Errorf("the stranger's session still answers: %s", location)
		}
		if got := s.EventTypes(t); !strings.HasSuffix(got, "cls sv s fertft") {
			t.Errorf("the tenant's log has %s", got)
		}
		// A second login claims nothing.
		again := servertest.Claims(t, owner.MustToken(s.OTPForm(email, codeFor(t, s, owner, email))).IDToken)
		if again["sub"] != sub || strings.Count(s.EventTypes(t), "sv") != 1 {
			t.Errorf("after another login the log has %s", s.EventTypes(t))
		}
	})
}
