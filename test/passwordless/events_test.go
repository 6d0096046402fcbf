package passwordless_test

import (
	"encoding/json"
	"strings"
	"testing"

	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

func TestEvents_EachStepWritesItsOwn(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		const email = "ada@example.com"
		var code string
		seen := 0
		for _, step := range []struct {
			name string
			do   func()
			want string
		}{
			{"a start", func() { code = codeFor(t, s, b, email) }, "cls"},
			{"a wrong code", func() { b.Token(s.OTPForm(email, servertest.WrongCode(code))) }, "fepotpft"},
			{"the first success", func() { b.Token(s.OTPForm(email, code)) }, "ss s"},
			{"a spent code", func() { b.Token(s.OTPForm(email, code)) }, "fepotpft"},
			{"the next start", func() { code = codeFor(t, s, b, email) }, "cls"},
			{"the next success", func() { b.Token(s.OTPForm(email, code)) }, "s"},
			{"an address nobody started", func() { b.Token(s.OTPForm("nobody@example.com", "123456")) }, "fepotpft"},
			{"no address", func() { b.Token(s.OTPForm("nobody", "123456")) }, "fepotpft"},
			{"a code for a blocked user", func() {
				code = codeFor(t, s, b, email)
				s.Block(email, true)
				b.Token(s.OTPForm(email, code))
			}, "cls fepotpft"},
			{"a start for a blocked user", func() { b.Start(email) }, "f"},
			{"a start where sign-up is disabled", func() {
				s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignup = true })
				b.Start("bob@example.com")
			}, "fs"},
			{"the same in silence", func() {
				s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignupSilent = true })
				b.Start("bob@example.com")
			}, "fs"},
			{"a malformed start", func() { b.Start("nobody") }, ""},
			{"a token request without a code", func() { b.Token(s.OTPForm(email, "")) }, ""},
		} {
			step.do()
			events := s.Events(t)
			var types []string
			for _, e := range events[seen:] {
				types = append(types, string(e.Type))
				checkEvent(t, s, e)
			}
			seen = len(events)
			if got := strings.Join(types, " "); got != step.want {
				t.Errorf("%s: the tenant's log has %q, want %q", step.name, got, step.want)
			}
		}
	})
}

// checkEvent checks what every event of the passwordless API has.
func checkEvent(t *testing.T, s *servertest.Server, e eventlog.Record) {
	t.Helper()
	if e.ClientID != s.Native.ID || e.ClientName != s.Native.Name || e.Origin.IP != "127.0.0.1" || e.Origin.Hostname == "" ||
		!strings.HasPrefix(e.ID, "900") || e.Date.IsZero() || e.Origin.RequestID == "" {
		t.Errorf("event %s lacks something: %+v", e.Type, e)
	}
	if e.Connection == "" && e.Type != eventlog.FailedOTPExchange {
		t.Errorf("event %s names no connection: %+v", e.Type, e)
	}
	failed := strings.HasPrefix(string(e.Type), "f") || strings.HasPrefix(string(e.Type), "limit")
	if failed != (e.Description != "") {
		t.Errorf("event %s has the description %q", e.Type, e.Description)
	}
}

func TestEvents_NoSecretIsWrittenAnywhere(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		// Long codes are not found in ids and times by chance.
		s.ChangeConnection("email", func(c *connection.Connection) { setTOTP(c, 0, 16) })
		b := s.Browser(t)
		secrets := map[string]string{"the client's secret": s.Secret}
		code := codeFor(t, s, b, email)
		secrets["a wrong code"] = servertest.WrongCode(code)
		b.Token(s.OTPForm(email, servertest.WrongCode(code)))
		secrets["the code"] = code
		form := s.OTPForm(email, code)
		form.Set("client_id", s.Web.ID)
		form.Set("client_secret", s.Secret)
		form.Set("audience", servertest.Audience)
		form.Set("scope", "openid offline_access")
		tokens := b.MustToken(form)
		secrets["the access token"], secrets["the ID token"] = tokens.AccessToken, tokens.IDToken
		if tokens.RefreshToken != "" {
			secrets["the refresh token"] = tokens.RefreshToken
		}
		secrets["a presented secret"] = "presented-in-vain"
		b.PostJSON(start, map[string]any{"client_id": s.Web.ID, "client_secret": "presented-in-vain", "connection": "email", "email": email})
		form.Set("client_secret", "presented-in-vain")
		b.Token(form)

		rows, err := json.Marshal(s.Events(t))
		if err != nil {
			t.Fatal(err)
		}
		log := s.OperatorLog()
		if !strings.Contains(log, "route=\"POST /oauth/token\"") {
			t.Fatalf("the operator's log does not tell of the requests: %s", log)
		}
		if strings.Contains(log, email) {
			t.Errorf("the operator's log holds an address in full: %s", log)
		}
		for name, secret := range secrets {
			if strings.Contains(string(rows), secret) {
				t.Errorf("the tenant's log holds %s, %q: %s", name, secret, rows)
			}
			if strings.Contains(log, secret) {
				t.Errorf("the operator's log holds %s, %q: %s", name, secret, log)
			}
		}
	})
}
