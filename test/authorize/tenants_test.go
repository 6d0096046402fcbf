package authorize_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/server"
	"latchkey/test/servertest"
)

// neighbour is another tenant of the same server. Its client has the same id as the first tenant's, and a secret of its
// own; its browser shares the cookies of the first tenant's.
const neighbourHost = "neighbour.example.com"

func newNeighbour(t *testing.T, s *servertest.Server) (secret string) {
	t.Helper()
	ctx := context.Background()
	made, err := s.Database.CreateTenant(ctx, server.NewTenant{Name: "neighbour", Domain: neighbourHost})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err = s.Database.EnsureClient(ctx, made.Tenant.ID, &client.Client{
		ID: s.Web.ID, Name: "Neighbour", OIDCConformant: true, TokenEndpointAuthMethod: client.AuthPost, Callbacks: s.Web.Callbacks,
		AllowedLogoutURLs: s.Web.AllowedLogoutURLs, GrantTypes: s.Web.GrantTypes,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Database.Store.CreateConnection(ctx, made.Tenant.ID, &connection.Connection{
		ID: ident.ConnectionID(), Name: "email", Strategy: connection.Email, EnabledClients: []string{s.Web.ID}, CreatedAt: s.Clock.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestTenants_SeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		secret := newNeighbour(t, s)
		b := s.Browser(t)
		tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "scope", "openid offline_access")))
		code := succeeds(t, b.Get(s.AuthorizeURL(s.Web))).Get("code")
		begun := b.Get(s.AuthorizeURL(s.Web, "prompt", "login")).Location(t)
		uri := push(t, s)

		b.Headers.Set("Host", neighbourHost) // the same cookies, the other tenant
		fails(t, b.Get(s.AuthorizeURL(s.Web, "prompt", "none")), "login_required", "Login required")
		exchange := url.Values{"grant_type": {"authorization_code"}, "client_id": {s.Web.ID}, "client_secret": {secret}, "code": {code}, "redirect_uri": {servertest.Callback}}
		oauthError(t, b.Token(exchange), http.StatusForbidden, "invalid_grant", invalidCode)
		refresh := refreshForm(s.Web, tokens.RefreshToken, "client_secret", secret)
		oauthError(t, b.Token(refresh), http.StatusForbidden, "invalid_grant", unknownToken)
		oauthError(t, b.Token(refreshForm(s.Web, tokens.RefreshToken, "client_secret", s.Secret)), http.StatusUnauthorized, "access_denied", "Unauthorized")
		staysHere(t, b.Get(pushed(s, s.Web.ID, uri)), http.StatusBadRequest, "Invalid request_uri")
		staysHere(t, b.Get(s.AuthorizeURL(s.SPA)), http.StatusBadRequest, "Unknown client")
		if a := b.Get(begun.String()); a.Status != http.StatusNotFound {
			t.Errorf("the neighbour shows the login page of another tenant: %d", a.Status)
		}
		fails(t, b.Get(s.AuthorizeURL(s.Web, "id_token_hint", tokens.IDToken)), "invalid_request", "The id_token_hint is invalid")
		staysHere(t, b.Get("/oidc/logout?"+url.Values{"id_token_hint": {tokens.IDToken}}.Encode()), http.StatusBadRequest, "id_token_hint")
		b.Headers.Set("Authorization", "Bearer "+tokens.AccessToken)
		oauthError(t, b.Get("/userinfo"), http.StatusUnauthorized, "invalid_token", "")
		b.Headers.Del("Authorization")
		if got := b.Get("/.well-known/openid-configuration").JSON(t)["issuer"]; got != "http://"+neighbourHost+"/" {
			t.Errorf("the neighbour's issuer is %v", got)
		}
		// Revoking there does nothing here. Logging out there drops the shared cookie, but ends no session of this tenant.
		b.Post("/oauth/revoke", url.Values{"client_id": {s.Web.ID}, "client_secret": {secret}, "token": {tokens.RefreshToken}})
		cookie := sessionCookie(b)
		b.Get("/v2/logout")

		b.Headers.Del("Host")
		b.MustToken(s.CodeForm(code))
		b.MustToken(refreshForm(s.Web, tokens.RefreshToken, "client_secret", s.Secret))
		back := s.Browser(t)
		back.Headers.Set("Cookie", "auth0="+cookie)
		succeeds(t, back.Get(s.AuthorizeURL(s.Web, "prompt", "none")))
	})
}

func TestTenants_SamePersonIsAnotherUser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	secret := newNeighbour(t, s)
	b := s.Browser(t)
	here := servertest.Claims(t, b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada))).IDToken)
	// The neighbour's inbox belongs to the neighbour: a code of this tenant opens nothing there.
	there := s.Browser(t)
	there.Headers.Set("Host", neighbourHost)
	start := map[string]any{"client_id": s.Web.ID, "client_secret": secret, "connection": "email", "email": ada, "send": "code"}
	if a := there.PostJSON("/passwordless/start", start); a.Status != http.StatusOK || strings.Contains(a.Body, strings.TrimPrefix(here["sub"].(string), "email|")) {
		t.Errorf("the neighbour's start is answered %d %s, here the user is %v", a.Status, a.Body, here["sub"])
	}
	start["client_secret"] = s.Secret
	if a := s.Browser(t).PostJSON("/passwordless/start", start); a.Status != http.StatusOK {
		t.Fatalf("the start is answered %d %s", a.Status, a.Body)
	}
	form := s.OTPForm(ada, s.Code(t, ada))
	form.Set("client_id", s.Web.ID)
	form.Set("client_secret", secret)
	oauthError(t, there.Token(form), http.StatusForbidden, "invalid_grant", "Wrong email or verification code.")
	form.Set("client_secret", s.Secret)
	b.MustToken(form)
}

func TestHost_UnknownOnesFindNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, host := range []string{"evil.com", "localhost", "127.0.0.1", "127.0.0.1:1", neighbourHost, "127.0.0.1:80@evil.com"} {
		b := s.Browser(t)
		b.Headers.Set("Host", host)
		for _, path := range []string{"/.well-known/openid-configuration", "/authorize", "/u/login/identifier"} {
			if a := b.Get(path); a.Status != http.StatusNotFound && a.Status != http.StatusBadRequest || strings.Contains(a.Body, host) {
				t.Errorf("%s at %s is answered %d %s", path, host, a.Status, a.Body)
			}
		}
	}
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-Host", "evil.com")
	b.Headers.Set("Forwarded", "host=evil.com")
	if got := b.Get("/.well-known/openid-configuration").Body; strings.Contains(got, "evil") {
		t.Errorf("a stranger's header is in the metadata: %s", got)
	}
}
