package pages_test

import (
	"encoding/json"
	"strings"
	"testing"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

func TestEvents_NoSecretOfALoginIsWrittenAnywhere(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		// Long codes are not found in ids and times by chance.
		s.ChangeConnection("email", func(c *connection.Connection) {
			c.Options.TOTP = &struct {
				TimeStep int `json:"time_step,omitempty"`
				Length   int `json:"length,omitempty"`
			}{Length: 16}
		})
		v := begin(t, s, s.Browser(t), "scope", "openid offline_access", "audience", servertest.Audience, "nonce", "the-nonce-of-the-application")
		v.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		v.code(servertest.WrongCode(code))
		v.wantNext(v.code(code), pathResume)
		authorization := wantCallback(t, v.finish())
		tokens := v.b.MustToken(s.CodeForm(authorization))
		v.b.Token(s.CodeForm(authorization))

		secrets := map[string]string{
			"the code": code, "a wrong code": servertest.WrongCode(code), "the login's state": v.state, "the authorization code": authorization,
			"the client's secret": s.Secret, "the access token": tokens.AccessToken, "the ID token": tokens.IDToken, "the refresh token": tokens.RefreshToken,
			"the nonce": "the-nonce-of-the-application",
		}
		for _, c := range v.b.Cookies() {
			secrets["the cookie "+c.Name] = c.Value
		}
		rows, err := json.Marshal(s.Events(t))
		if err != nil {
			t.Fatal(err)
		}
		log := s.OperatorLog()
		if !strings.Contains(log, "/u/login/passwordless-email-challenge") {
			t.Fatalf("the operator's log does not tell of the pages: %s", log)
		}
		if strings.Contains(log, "ada@example.com") {
			t.Error("the operator's log holds an address in full")
		}
		for name, secret := range secrets {
			if secret == "" {
				t.Errorf("%s is empty", name)
				continue
			}
			if strings.Contains(string(rows), secret) {
				t.Errorf("the tenant's log holds %s: %s", name, rows)
			}
			if strings.Contains(log, secret) {
				t.Errorf("the operator's log holds %s: %s", name, log)
			}
		}
	})
}
