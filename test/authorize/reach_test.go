package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/resourceserver"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// Any user of a first-party client once got a token with every scope of the Management API.
func TestManagementAPI_UsersGetNoScopeButThoseOnTheirOwnAccount(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Start("ada@example.com")
	form := s.OTPForm("ada@example.com", s.Code(t, "ada@example.com"))
	form.Set("audience", s.Issuer+"api/v2/")
	form.Set("scope", "openid read:users update:users read:current_user update:current_user_metadata")
	got := b.MustToken(form)
	if got.Scope != "openid read:current_user update:current_user_metadata" {
		t.Errorf("the scopes granted are %q", got.Scope)
	}
	if claims := servertest.Claims(t, got.AccessToken); strings.Contains(claims["scope"].(string), "users") {
		t.Errorf("the access token carries %q", claims["scope"])
	}

	location := b.Login(s.AuthorizeURL(s.Web, "audience", s.Issuer+"api/v2/", "scope", "openid update:users"), "bob@example.com").Location(t)
	for strings.HasPrefix(location.Path, "/u/consent") {
		answer := b.Post(location.String(), url.Values{"state": {location.Query().Get("state")}, "action": {"accept"}})
		location = b.Get(answer.Location(t).String()).Location(t)
	}
	tokens := b.MustToken(s.CodeForm(location.Query().Get("code")))
	if tokens.Scope != "openid" {
		t.Errorf("the code's scopes are %q, want openid", tokens.Scope)
	}
}

// A session once logged in to clients that do not enable the connection it was opened by.
func TestSession_AnswersOnlyClientsOfItsConnection(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	staff, _ := s.AddClient(&client.Client{
		Name: "Staff", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{client.GrantAuthorizationCode},
	})
	s.AddConnection(&connection.Connection{Name: "staff", Strategy: connection.Email}, staff)
	b := s.Browser(t)
	b.LoginCode(s.Web, "stranger@example.com")
	if location := b.Get(s.AuthorizeURL(s.Web)).Location(t); location.Query().Get("code") == "" {
		t.Fatalf("the session does not log in to its own client: %s", location)
	}
	if location := b.Get(s.AuthorizeURL(staff)).Location(t); location.Path != "/u/login/identifier" {
		t.Errorf("the stranger's session led to %s, want the login page", location)
	}
	if location := b.Get(s.AuthorizeURL(staff, "prompt", "none")).Location(t); location.Query().Get("error") != "login_required" {
		t.Errorf("silently the stranger's session led to %s, want login_required", location)
	}
}

// The audience of /userinfo was once stored as none, and none became the tenant's default API at the exchange.
func TestAudience_UserInfoStaysUserInfoWhateverTheTenantsDefault(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	if err := s.Database.EnsureAPI(t.Context(), s.Tenant.ID, &resourceserver.ResourceServer{Identifier: "https://pay.example.com/", Name: "Pay"}); err != nil {
		t.Fatal(err)
	}
	code := b.LoginCode(s.Web, "ada@example.com", "audience", s.Issuer+"userinfo", "scope", "openid offline_access")
	s.ChangeSettings(func(settings *tenant.Settings) { settings.DefaultAudience = "https://pay.example.com/" })
	tokens := b.MustToken(s.CodeForm(code))
	if strings.Count(tokens.AccessToken, ".") == 2 {
		t.Errorf("the access token is a JWT: %v", servertest.Claims(t, tokens.AccessToken))
	}
	refresh := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "refresh_token": {tokens.RefreshToken},
		"audience": {s.Issuer + "userinfo"},
	}
	if again := b.MustToken(refresh); strings.Count(again.AccessToken, ".") == 2 {
		t.Errorf("the refreshed access token is a JWT: %v", servertest.Claims(t, again.AccessToken))
	}
}

// Consent that ada gave once counted for bob, who logged in in the same browser before the login was resumed.
func TestConsent_CountsOnlyForWhoGaveIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	third := false
	other, _ := s.AddClient(&client.Client{
		Name: "Third", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthPost, FirstParty: &third,
		GrantTypes: []string{client.GrantAuthorizationCode},
	})
	s.ChangeConnection("email", func(c *connection.Connection) { c.EnabledClients = append(c.EnabledClients, other.ID) })
	pkce := servertest.NewPKCE()
	authorize := s.AuthorizeURL(other, "code_challenge", pkce.Challenge, "code_challenge_method", "S256")

	b := s.Browser(t)
	b.LoginCode(s.Web, "ada@example.com")
	consent := b.Get(authorize).Location(t)
	if consent.Path != "/u/consent" {
		t.Fatalf("a third-party client led to %s, want consent", consent)
	}
	resume := b.Post(consent.String(), url.Values{"state": {consent.Query().Get("state")}, "action": {"accept"}}).Location(t)
	b.LoginCode(s.Web, "bob@example.com", "prompt", "login")
	if got := b.Get(resume.String()).Location(t); got.Path != "/u/consent" {
		t.Errorf("ada's answer led bob to %s, want consent of his own", got)
	}
}

// A state is read in one spelling only: each other one would be a transaction, and counters, of its own.
func TestState_HasOneSpelling(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	location := b.Get(s.AuthorizeURL(s.Web)).Location(t)
	state := location.Query().Get("state")
	for _, other := range []string{state[:10] + "\n" + state[10:], state + "=", state[:10] + "\r" + state[10:]} {
		if got := b.Get("/u/login/identifier?" + url.Values{"state": {other}}.Encode()); got.Status == http.StatusOK {
			t.Errorf("the state %q is accepted", other)
		}
	}
}

// A login by somebody else than the id_token_hint names was once answered as a success (OpenID Connect Core 3.1.2.1).
func TestIDTokenHint_AnotherPersonsLoginIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	ada := s.Browser(t).MustToken(s.CodeForm(s.Browser(t).LoginCode(s.Web, "ada@example.com"))).IDToken
	b := s.Browser(t)
	if got := b.Login(s.AuthorizeURL(s.Web, "id_token_hint", ada), "bob@example.com").Location(t); got.Query().Get("error") != "login_required" {
		t.Errorf("bob's login for ada's hint ended at %s, want login_required", got)
	}
	if got := s.Browser(t).Login(s.AuthorizeURL(s.Web, "id_token_hint", ada), "ada@example.com").Location(t); got.Query().Get("code") == "" {
		t.Errorf("ada's own login ended at %s, want a code", got)
	}
}

// So large a number once counted as a negative one, and no session was young enough.
func TestMaxAge_ALargeNumberIsALongTime(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.LoginCode(s.Web, "ada@example.com")
	for _, age := range []string{"3600", "10000000000", "9223372036854775807"} {
		if got := b.Get(s.AuthorizeURL(s.Web, "prompt", "none", "max_age", age)).Location(t); got.Query().Get("code") == "" {
			t.Errorf("max_age=%s is answered by %s, want a code", age, got)
		}
	}
}

// A login belongs to the domain it was begun at, though another domain of the tenant opens its state.
func TestTransaction_BelongsToItsDomain(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	host := strings.Replace(strings.TrimPrefix(s.URL, "http://"), "127.0.0.1", "localhost", 1)
	if err := s.Database.Store.AddDomain(t.Context(), s.Tenant.ID, tenant.Domain{Host: host, Issuer: "http://" + host + "/"}); err != nil {
		t.Fatal(err)
	}
	b := s.Browser(t)
	location := b.Get(s.AuthorizeURL(s.Web)).Location(t)
	var cookies []string
	for _, c := range b.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	elsewhere := s.Browser(t)
	elsewhere.Headers.Set("Cookie", strings.Join(cookies, "; "))
	if got := elsewhere.Get("http://" + host + location.RequestURI()); got.Status != http.StatusBadRequest {
		t.Errorf("the other domain answers %d for the state, want 400", got.Status)
	}
	if got := b.Get(location.String()); got.Status != http.StatusOK {
		t.Errorf("its own domain answers %d", got.Status)
	}
}
