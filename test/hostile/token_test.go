package hostile_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// altered gives what is almost a secret.
func altered(secret string) map[string]string {
	flip := func(i int) string {
		c := byte('A')
		if secret[i] == 'A' {
			c = 'B'
		}
		return secret[:i] + string(c) + secret[i+1:]
	}
	all := map[string]string{
		"cut": secret[:len(secret)-1], "beheaded": secret[1:], "halved": secret[:len(secret)/2], "one letter": secret[:1], "longer": secret + "A",
		"twice": secret + secret, "first changed": flip(0), "middle changed": flip(len(secret) / 2), "upper case": strings.ToUpper(secret),
		"lower case": strings.ToLower(secret), "padded": secret + "=", "quoted": `"` + secret + `"`, "with a newline": secret + "\n", "huge": strings.Repeat("A", 9000),
		"a wildcard": "%", "SQL": "' OR 1=1 --", "dots": "..", "empty parts": "v1.", "null": "null",
	}
	for name, value := range all {
		if value == secret {
			delete(all, name)
		}
	}
	return all
}

func TestToken_AlmostRightIsWrong(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		refusedGrant := func(what string, a *servertest.Answer) {
			t.Helper()
			if a.Status != 403 || a.JSON(t)["error"] != "invalid_grant" {
				t.Errorf("%s answered %d: %.200s", what, a.Status, a.Body)
			}
		}

		code := b.LoginCode(s.Web, "ada@example.com", "scope", "openid offline_access", "audience", servertest.Audience)
		for name, value := range altered(code) {
			refusedGrant("a code, "+name, b.Token(s.CodeForm(value)))
		}
		tokens := b.MustToken(s.CodeForm(code))

		refresh := func(token string) *servertest.Answer {
			return b.Token(url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "refresh_token": {token}})
		}
		for name, value := range altered(tokens.RefreshToken) {
			refusedGrant("a refresh token, "+name, refresh(value))
		}
		if a := refresh(tokens.RefreshToken); a.Status != 200 {
			t.Errorf("the refresh token itself answered %d after all: %s", a.Status, a.Body)
		}

		form := s.OTPForm("ada@example.com", "")
		form.Set("scope", "openid profile")
		if a := b.Start("ada@example.com"); a.Status != 200 {
			t.Fatal(a.Body)
		}
		form.Set("otp", s.Code(t, "ada@example.com"))
		opaque := b.MustToken(form)
		for kind, token := range map[string]string{"an opaque token": opaque.AccessToken, "a JWT": tokens.AccessToken, "an ID token": tokens.IDToken} {
			tricks := altered(token)
			if parts := strings.Split(token, "."); len(parts) == 3 {
				tricks["unsigned"] = parts[0] + "." + parts[1] + "."
				tricks["alg none"] = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + "."
				tricks["another header"] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + parts[1] + "." + parts[2]
				tricks["another part"] = token + ".x"
			}
			for name, value := range tricks {
				if strings.ContainsAny(value, "\n") || kind == "an ID token" && name == "lower case" {
					continue
				}
				client := s.Browser(t)
				client.Headers.Set("Authorization", "Bearer "+value)
				if a := client.Get("/userinfo"); a.Status != 401 && a.Status != 400 || !strings.Contains(a.Header.Get("Www-Authenticate"), "Bearer") && a.Status == 401 {
					t.Errorf("%s, %s, answered %d: %.200s", kind, name, a.Status, a.Body)
				}
			}
		}

		session := ""
		for _, c := range b.Cookies() {
			if c.Name == "auth0" {
				session = c.Value
			}
		}
		for name, value := range altered(session) {
			if strings.ContainsAny(value, "\n\"") {
				continue
			}
			stranger := s.Browser(t)
			stranger.Headers.Set("Cookie", "auth0="+value)
			if location := stranger.Get(s.AuthorizeURL(s.Web)).Location(t); !strings.HasPrefix(location.Path, "/u/") {
				t.Errorf("a session, %s, opened %s", name, location)
			}
		}
	})
}

// Digits of other scripts, signs and spaces are no code.
func TestToken_OnlyTheDigitsAreTheCode(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	for i, alter := range []func(code string) string{
		func(c string) string { return "+" + c },
		func(c string) string { return c + ".0" },
		func(c string) string { return "0x" + c },
		func(c string) string { return strings.Map(func(r rune) rune { return r - '0' + '０' }, c) },
		func(c string) string { return strings.Map(func(r rune) rune { return r - '0' + '٠' }, c) },
		func(c string) string { return c[:5] },
		func(c string) string { return c + "0" },
		func(c string) string { return c + "' --" },
		func(string) string { return "%" },
		func(string) string { return strings.Repeat("1", 5000) },
	} {
		email := string(rune('a'+i)) + "@example.com"
		if a := b.Start(email); a.Status != 200 {
			t.Fatal(a.Body)
		}
		code := s.Code(t, email)
		if a := b.Token(s.OTPForm(email, alter(code))); a.Status != 403 || !strings.Contains(a.Body, "Wrong email or verification code.") {
			t.Errorf("%q for %s answered %d: %s", alter(code), code, a.Status, a.Body)
		}
		b.MustToken(s.OTPForm(email, code))
	}
}

// Addresses that look alike are other addresses, and what is no address is refused.
func TestToken_AddressesThatLookAlike(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	if a := b.Start("ada@example.com"); a.Status != 200 {
		t.Fatal(a.Body)
	}
	code := s.Code(t, "ada@example.com")
	for _, email := range []string{
		"аda@example.com", "ada+x@example.com", "a.da@example.com", "ada@example.com.", "ada@example.co", "ada@еxample.com",
		"\u200bada@example.com", "ada@example.com,eve@example.com", "Ada <ada@example.com>", "ada@example.com\r\nBcc: eve@example.com", "\"ada\"@example.com",
		"ada@[127.0.0.1]", "ada%00@example.com", "ada@example.com ada@example.com",
	} {
		if a := b.Token(s.OTPForm(email, code)); a.Status != 403 || !strings.Contains(a.Body, "Wrong email or verification code.") {
			t.Errorf("%q answered %d: %s", email, a.Status, a.Body)
		}
	}
	b.MustToken(s.OTPForm("ada@example.com", code))
	for _, email := range []string{"ada@example.com,eve@example.com", "Ada <ada@example.com>", "ada@example.com\r\nBcc: eve@example.com",
		"ada@example.com\nBcc: eve@example.com", "\"ada\"@example.com", "ada@[127.0.0.1]", "@example.com", "ada@", "ada@@example.com", "ada@exa mple.com",
		strings.Repeat("a", 65) + "@example.com", "<script>@example.com>"} {
		if a := b.Start(email); a.Status != 400 || a.JSON(t)["error"] != "bad.email" {
			t.Errorf("a start for %q answered %d: %s", email, a.Status, a.Body)
		}
	}
}

// Letters of other scripts that become Latin ones in lower case once made an address somebody else's account while the code
// went to the letters as they were typed: to another mailbox.
func TestToken_TheCodeGoesToTheAddressItProves(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	for typed, proven := range map[string]string{
		"\u212aim@example.com":   "kim@example.com", // the Kelvin sign
		"M\u0130a@example.com":   "mia@example.com", // I with a dot
		"Ada@EXAMPLE.com":        "ada@example.com",
		"bob@ex\uff41mple.com":   "bob@example.com",
		"eve@f\u00e4hre.example": "eve@xn--fhre-loa.example",
	} {
		if a := b.Start(typed); a.Status != 200 || a.JSON(t)["email"] != proven {
			t.Fatalf("a start for %q answered %d: %s", typed, a.Status, a.Body)
		}
		if mail := s.Mail(t, typed); mail.To != proven {
			t.Errorf("the code that proves %s went to %q", proven, mail.To)
		}
		claims := servertest.Claims(t, b.MustToken(s.OTPForm(typed, s.Code(t, typed))).IDToken)
		if claims["email"] != proven {
			t.Errorf("%q logged in as %v", typed, claims["email"])
		}
	}
}
