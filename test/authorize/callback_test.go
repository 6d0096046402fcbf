package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

func TestRedirectURI_NothingButARegisteredAddressIsAnswered(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada) // a session would answer at once
	for _, uri := range []string{
		"https://app.example.com/callback/",
		"https://app.example.com/Callback",
		"https://app.example.com/callback?x=1",
		"https://app.example.com/callback?",
		"https://app.example.com/callback#",
		"https://app.example.com/callback#fragment",
		"https://app.example.com/callback%2f",
		"https://app.example.com/%63allback",
		"https://app.example.com/other/../callback",
		"https://app.example.com/callback/../other",
		"https://app.example.com//callback",
		"https://app.example.com/callback;x",
		"https://app.example.com:8443/callback",
		"https://app.example.com:80/callback",
		"https://app.example.com./callback",
		"https://evil.example.com/callback",
		"https://app.example.com.evil.com/callback",
		"https://app.example.com@evil.com/callback",
		"https://user@app.example.com/callback",
		"https://user:pass@app.example.com/callback",
		"https://evil.com/https://app.example.com/callback",
		"https://evil.com?https://app.example.com/callback",
		"https://evil.com#https://app.example.com/callback",
		`https://evil.com\@app.example.com/callback`,
		`https://app.example.com\callback`,
		`https:\\app.example.com\callback`,
		"https:/app.example.com/callback",
		"https:///app.example.com/callback",
		"https:app.example.com/callback",
		"//app.example.com/callback",
		"/callback",
		"callback",
		"http://app.example.com/callback",
		"javascript://app.example.com/callback%0aalert(1)",
		"data:text/html,x",
		" https://app.example.com/callback",
		"https://app.example.com/callback ",
		"https://app.example.com/callback\t",
		"https://app.example.com/callback\n",
		"https://app.example.com/call\r\nback",
		"https://*.example.com/callback",
		"https://аpp.example.com/callback", // a Cyrillic a
		"https://app.example.com/callback/" + strings.Repeat("x", 2000),
	} {
		for _, mode := range []string{"", "form_post", "web_message", "fragment"} {
			a := b.Get(s.AuthorizeURL(s.Web, "redirect_uri", uri, "response_mode", mode))
			staysHere(t, a, http.StatusForbidden, "Callback URL mismatch")
		}
	}
}

func TestRedirectURI_CaseOfHostAndDefaultPortDoNotCount(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, uri := range []string{"https://APP.example.com/callback", "HTTPS://app.example.com/callback", "https://app.example.com:443/callback"} {
		b := s.Browser(t)
		if a := b.Get(s.AuthorizeURL(s.Web, "redirect_uri", uri)); a.Status != http.StatusFound {
			t.Errorf("%s answered %d", uri, a.Status)
		}
	}
}

func TestRedirectURI_ErrorsOfTheRequestItselfStayHere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "client_id", "")), http.StatusBadRequest, "client_id")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "client_id", "nobody")), http.StatusBadRequest, "Unknown client: nobody")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "client_id", client.MadeID(s.Tenant.ID, "global"))), http.StatusBadRequest, "Unknown client")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "redirect_uri", "")), http.StatusBadRequest, "redirect_uri") // two are registered
	staysHere(t, b.Get(s.AuthorizeURL(s.Web)+"&redirect_uri="+url.QueryEscape(servertest.OtherCallback)), http.StatusBadRequest, "more than once")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web)+"&client_id="+s.SPA.ID), http.StatusBadRequest, "more than once")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web)+"&x=%zz"), http.StatusBadRequest, "encoded")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "state", strings.Repeat("x", 4097))), http.StatusBadRequest, "state")
	staysHere(t, b.Get(s.AuthorizeURL(s.Web, "client_id", `<script>alert(1)</script>`)), http.StatusBadRequest, "&lt;script&gt;")
}

func TestRedirectURI_TheOnlyOneNeedNotBeNamed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c, secret := addClient(s, &client.Client{
		Name: "One callback", TokenEndpointAuthMethod: client.AuthPost, Callbacks: []string{servertest.Callback},
		GrantTypes: []string{client.GrantAuthorizationCode},
	})
	b := s.Browser(t)
	code := b.LoginCode(c, ada, "redirect_uri", "")
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {c.ID}, "client_secret": {secret}, "code": {code}}
	b.MustToken(form)
}

func TestRedirectURI_WildcardsAreForFirstPartyClients(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	third := false
	wild := []string{"https://*.apps.example.com/cb", "https://pr-*.example.net/cb"}
	first, _ := addClient(s, &client.Client{Name: "First", TokenEndpointAuthMethod: client.AuthPost, Callbacks: wild, GrantTypes: []string{client.GrantAuthorizationCode}})
	foreign, _ := addClient(s, &client.Client{Name: "Third", FirstParty: &third, TokenEndpointAuthMethod: client.AuthPost, Callbacks: wild, GrantTypes: []string{client.GrantAuthorizationCode}})
	b := s.Browser(t)
	for uri, want := range map[string]int{
		"https://one.apps.example.com/cb": http.StatusFound, "https://pr-7.example.net/cb": http.StatusFound,
		"https://a.b.apps.example.com/cb": http.StatusForbidden, "https://apps.example.com/cb": http.StatusForbidden,
		"https://.apps.example.com/cb": http.StatusForbidden, "https://pr-.example.net/cb": http.StatusForbidden,
		"https://evil.com/.apps.example.com/cb": http.StatusForbidden, "https://one.apps.example.com/cb2": http.StatusForbidden,
		"https://evil.com:.apps.example.com/cb": http.StatusForbidden, "https://evil.com%2f.apps.example.com/cb": http.StatusForbidden,
	} {
		if got := b.Get(s.AuthorizeURL(first, "redirect_uri", uri)).Status; got != want {
			t.Errorf("%s is answered %d, want %d", uri, got, want)
		}
		if got := b.Get(s.AuthorizeURL(foreign, "redirect_uri", uri)).Status; got != http.StatusForbidden {
			t.Errorf("%s of a third-party client is answered %d", uri, got)
		}
	}
}

// An error page of the tenant's own gets the facts, and only them.
func TestErrorPage_OfTheTenant(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(setErrorPage("https://help.example.com/error?from=login"))
	location := s.Browser(t).Get(s.AuthorizeURL(s.Web, "redirect_uri", "https://evil.com/")).Location(t)
	q := location.Query()
	if location.Host != "help.example.com" || q.Get("from") != "login" || q.Get("error") != "unauthorized_client" ||
		q.Get("client_id") != s.Web.ID || q.Get("tracking") == "" || q.Has("connection") || q.Has("state") {
		t.Errorf("the browser is sent to %s", location)
	}
}
