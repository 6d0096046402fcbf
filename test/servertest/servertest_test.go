package servertest_test

import (
	"testing"

	"latchkey/test/servertest"
)

func TestLogin_ByCodeOnPagesAndByAPI(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		code := b.LoginCode(s.Web, "ada@example.com")
		tokens := b.MustToken(s.CodeForm(code))
		claims := servertest.Claims(t, tokens.IDToken)
		if claims["email"] != "ada@example.com" || claims["email_verified"] != true || claims["iss"] != s.Issuer {
			t.Errorf("ID token claims %v", claims)
		}

		if got := b.Start("ada@example.com"); got.Status != 200 {
			t.Fatalf("start answered %d: %s", got.Status, got.Body)
		}
		api := b.MustToken(s.OTPForm("ada@example.com", s.Code(t, "ada@example.com")))
		if got := servertest.Claims(t, api.IDToken)["sub"]; got != claims["sub"] {
			t.Errorf("the API login is for %v, the page login for %v", got, claims["sub"])
		}
	})
}
