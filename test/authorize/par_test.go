package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// push pushes an authorization request (RFC 9126) as the confidential client, and gives its request_uri.
func push(t *testing.T, s *servertest.Server, params ...string) string {
	t.Helper()
	a := s.Browser(t).Post("/oauth/par", pushForm(s, params...))
	body := a.JSON(t)
	uri, _ := body["request_uri"].(string)
	if a.Status != http.StatusCreated || body["expires_in"] != 30.0 || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the push is answered %d %v", a.Status, body)
	}
	return uri
}

func pushForm(s *servertest.Server, params ...string) url.Values {
	form := url.Values{
		"client_id": {s.Web.ID}, "client_secret": {s.Secret}, "redirect_uri": {servertest.Callback}, "response_type": {"code"},
		"scope": {"openid"}, "state": {"pushed-state"},
	}
	for i := 0; i+1 < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	return form
}

func pushed(s *servertest.Server, clientID, uri string, more ...string) string {
	q := url.Values{"client_id": {clientID}, "request_uri": {uri}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return s.URL + "/authorize?" + q.Encode()
}

func TestPAR_IsUsedOnceByItsClientInTime(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		uri := push(t, s)
		got := response(t, walk(t, s, b, b.Get(pushed(s, s.Web.ID, uri)), ada))
		if got.Get("state") != "pushed-state" {
			t.Errorf("the client is answered %v", got)
		}
		b.MustToken(s.CodeForm(got.Get("code")))
		for name, address := range map[string]string{
			"used":    pushed(s, s.Web.ID, uri),
			"unknown": pushed(s, s.Web.ID, "urn:ietf:params:oauth:request_uri:made-up"),
			"empty":   pushed(s, s.Web.ID, "urn:ietf:params:oauth:request_uri:"),
			"foreign": pushed(s, s.SPA.ID, push(t, s)),
		} {
			a := b.Get(address)
			staysHere(t, a, http.StatusBadRequest, "Invalid request_uri")
			if t.Failed() {
				t.Logf("that was the %s request_uri", name)
			}
		}
		late := push(t, s)
		s.Clock.Advance(30 * time.Second)
		staysHere(t, b.Get(pushed(s, s.Web.ID, late)), http.StatusBadRequest, "Invalid request_uri")
	})
}

func TestPAR_ParametersBesideItDoNotCount(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	got := response(t, b.Get(pushed(s, s.Web.ID, push(t, s), "state", "mine", "redirect_uri", "https://evil.com/", "response_type", "token", "response_mode", "web_message")))
	if got.Get("state") != "pushed-state" || got.Get("code") == "" || got.Has("access_token") {
		t.Errorf("the client is answered %v", got)
	}
}

func TestPAR_RefusesWhatAuthorizeWould(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	refused := func(status int, code, description string, form url.Values) {
		t.Helper()
		oauthError(t, b.Post("/oauth/par", form), status, code, description)
	}
	refused(401, "invalid_client", "Client authentication failed", pushForm(s, "client_secret", "wrong"))
	refused(401, "invalid_client", "Client authentication failed", pushForm(s, "client_secret", ""))
	refused(401, "invalid_client", "Client authentication failed", pushForm(s, "client_id", "nobody"))
	refused(401, "invalid_client", "Client authentication failed", pushForm(s, "client_id", s.SPA.ID, "client_secret", "")) // proves nothing
	refused(401, "invalid_client", "Missing client_id", url.Values{"scope": {"openid"}})
	refused(400, "invalid_request", "request_uri cannot be pushed", pushForm(s, "request_uri", push(t, s)))
	refused(400, "unauthorized_client", "", pushForm(s, "redirect_uri", "https://evil.com/"))
	refused(400, "unsupported_response_type", "", pushForm(s, "response_type", "saml"))
	refused(400, "invalid_request", "", pushForm(s, "prompt", "none login"))
	refused(400, "access_denied", "Service not found: urn:nobody", pushForm(s, "audience", "urn:nobody"))
	refused(400, "request_not_supported", "", pushForm(s, "request", "x"))
	if a := b.Post("/oauth/par", pushForm(s, "state", strings.Repeat("x", 11<<10))); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("11 KiB are answered %d %s", a.Status, a.Body)
	}
	s.ChangeSettings(func(settings *tenant.Settings) { off := false; settings.PushedAuthorizationRequests = &off })
	refused(404, "endpoint_disabled", "", pushForm(s))
	if strings.Contains(b.Get("/.well-known/openid-configuration").Body, "pushed_authorization_request_endpoint") {
		t.Error("discovery names an endpoint that is switched off")
	}
}

func TestPAR_RequiredOfAClient(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeClient(s.Web.ID, func(c *client.Client) { c.RequirePAR = true })
	b := s.Browser(t)
	staysHere(t, b.Get(s.AuthorizeURL(s.Web)), http.StatusBadRequest, "Pushed authorization request is required")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "request_uri", "https://app.example.com/r")), http.StatusBadRequest, "Pushed authorization request is required")
	succeedsPushed := response(t, walk(t, s, b, b.Get(pushed(s, s.Web.ID, push(t, s))), ada))
	if succeedsPushed.Get("code") == "" {
		t.Errorf("the client is answered %v", succeedsPushed)
	}
}
