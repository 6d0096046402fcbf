package classic_test

import (
	"net/http"
	"net/url"
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
