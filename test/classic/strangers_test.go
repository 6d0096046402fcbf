package classic_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

func TestCrossOrigin_AVerifierIsWorthNothingWithoutAPageToKeepIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	s.ChangeClient(c.ID, func(c *client.Client) { c.CrossOriginLoc = "" })
	b := page(t, s, servertest.WebOrigin)
	a := ticketFor(t, s, b, c, "ada@example.com")
	ticket, _ := a["login_ticket"].(string)
	verifier, _ := a["co_verifier"].(string)
	thief := s.Browser(t)
	thief.Headers = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	stolen := servertest.Fields(thief.Post("/co/verify", url.Values{
		"client_id": {c.ID}, "redirect_uri": {servertest.Callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"app-state"},
		"login_ticket": {ticket}, "realm": {"email"}, "verifier": {verifier},
	}).Location(t))
	wantError(t, "a stolen ticket with its verifier", stolen, "login_required", "")
	if got := answered(t, s, b, c, ticket); got.Get("code") == "" {
		t.Errorf("its own browser's cookie ended with %v", got)
	}
}

func TestCrossOrigin_ABlankCodeIsNoPassword(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	directory(s, c, "ada@example.com", "correct-Horse-7")
	b := page(t, s, servertest.WebOrigin)
	for _, realm := range []string{"members", "email"} {
		a := b.PostJSON(authenticate, map[string]any{
			"client_id": c.ID, "username": "ada@example.com", "otp": " ", "realm": realm, "credential_type": client.GrantPasswordlessOTP,
		})
		if a.Status != http.StatusBadRequest || a.JSON(t)["error"] != "invalid_request" {
			t.Errorf("a blank code at %s is answered %d %s", realm, a.Status, a.Body)
		}
	}
	a := b.PostJSON(authenticate, map[string]any{
		"client_id": c.ID, "username": "ada@example.com", "otp": "123456", "realm": "members", "credential_type": client.GrantPasswordlessOTP,
	})
	if a.Status != http.StatusBadRequest || a.JSON(t)["error_description"] != "Unknown realm members." {
		t.Errorf("a code at a database is answered %d %s", a.Status, a.Body)
	}
	if got := s.Rows(t)["guesses"]; got != 0 {
		t.Errorf("%d tries were counted, want none", got)
	}
}

func TestOperatorLog_IsNotFilledByMadeUpClients(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := page(t, s, servertest.WebOrigin)
	before := len(s.OperatorLog())
	long := strings.Repeat("x", 100_000)
	b.PostJSON(authenticate, map[string]any{"client_id": long, "username": "ada@example.com", "password": "w", "realm": "members", "credential_type": realmType})
	b.PostJSON("/passwordless/start", map[string]any{"client_id": long, "connection": "email", "email": "ada@example.com"})
	b.PostJSON("/passwordless/verify", map[string]any{"client_id": long, "connection": "email", "email": "ada@example.com", "verification_code": "1"})
	if got := len(s.OperatorLog()) - before; got > 10_000 {
		t.Errorf("three calls of a client that is none wrote %d bytes", got)
	}
}
