package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"latchkey/test/servertest"
)

// logoutModules are the tests of the plan for RP-initiated logout.
var logoutModules = map[string]module{
	"oidcc-rp-initiated-logout-discovery-endpoint-verification":         {run: logoutDiscovery},
	"oidcc-rp-initiated-logout":                                         {run: logoutWithState},
	"oidcc-rp-initiated-logout-no-state":                                {run: logoutWithoutState},
	"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri":            {run: logoutToUnregistered},
	"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": {run: logoutToAddedQuery},
	"oidcc-rp-initiated-logout-modified-id-token-hint":                  {run: logoutWithUnsignedHint},
	"oidcc-rp-initiated-logout-bad-id-token-hint":                       {run: logoutWithForeignHint},
	"oidcc-rp-initiated-logout-no-id-token-hint":                        {run: logoutWithoutHint},
	"oidcc-rp-initiated-logout-no-params":                               {run: logoutWithNothing},
	"oidcc-rp-initiated-logout-only-state":                              {run: logoutWithStateAlone},
	"oidcc-rp-initiated-logout-no-post-logout-redirect-uri":             {run: logoutToNowhere},
}

func logoutDiscovery(p *party) {
	if got, want := discover(p).EndSessionEndpoint, p.s.Issuer+"oidc/logout"; got != want {
		p.Errorf("end_session_endpoint is %q, want %q", got, want)
	}
}

// endSession sends the person to the end_session_endpoint.
func (p *party) endSession(b *servertest.Browser, params url.Values) *servertest.Answer {
	p.Helper()
	return b.Get("/oidc/logout?" + params.Encode())
}

// loggedOut checks whether the browser still has a session.
func (p *party) loggedOut(b *servertest.Browser, want bool) {
	p.Helper()
	a := p.authorize(b, "prompt", "none")
	if got := a.Get("error") == "login_required"; got != want {
		p.Errorf("logged out is %v, want %v: prompt=none gives %v", got, want, a.Values)
	}
}

func logoutWithState(p *party)    { logoutRedirects(p, "r-"+p.email) }
func logoutWithoutState(p *party) { logoutRedirects(p, "") }

func logoutRedirects(p *party, state string) {
	b := p.s.Browser(p)
	r := p.login(b)
	params := url.Values{"id_token_hint": {r.raw}, "post_logout_redirect_uri": {servertest.LoggedOut}}
	want := servertest.LoggedOut
	if state != "" {
		params.Set("state", state)
		want += "?" + url.Values{"state": {state}}.Encode()
	}
	if got := p.endSession(b, params).Location(p).String(); got != want {
		p.Errorf("the logout led to %s, want %s", got, want)
	}
	p.loggedOut(b, true)
}

func logoutToUnregistered(p *party) { logoutStaysHere(p, servertest.LoggedOut+"/elsewhere") }
func logoutToAddedQuery(p *party)   { logoutStaysHere(p, servertest.LoggedOut+"?foo=bar") }

func logoutStaysHere(p *party, target string) {
	b := p.s.Browser(p)
	r := p.login(b)
	p.errorPage(p.endSession(b, url.Values{"id_token_hint": {r.raw}, "post_logout_redirect_uri": {target}, "state": {"s"}}), http.StatusBadRequest, "post_logout_redirect_uri")
	p.loggedOut(b, false)
}

// logoutWithUnsignedHint changes the hint's algorithm to none.
func logoutWithUnsignedHint(p *party) {
	b := p.s.Browser(p)
	r := p.login(b)
	parts := strings.Split(r.raw, ".")
	p.refusesHint(b, base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))+"."+parts[1]+".")
}

// logoutWithForeignHint signs the hint's claims with a key of its own.
func logoutWithForeignHint(p *party) {
	b := p.s.Browser(p)
	r := p.login(b)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		p.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.raw, ".")[1])
	if err != nil {
		p.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.Fatal(err)
	}
	hint, err := signed.CompactSerialize()
	if err != nil {
		p.Fatal(err)
	}
	p.refusesHint(b, hint)
}

func (p *party) refusesHint(b *servertest.Browser, hint string) {
	p.Helper()
	p.errorPage(p.endSession(b, url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {servertest.LoggedOut}, "state": {"s"}}), http.StatusBadRequest, "id_token_hint")
	p.loggedOut(b, false)
}

// logoutWithoutHint names an address that nobody vouches for.
func logoutWithoutHint(p *party) {
	b := p.s.Browser(p)
	p.login(b)
	p.errorPage(p.endSession(b, url.Values{"post_logout_redirect_uri": {servertest.LoggedOut}, "state": {"s"}}), http.StatusBadRequest, "post_logout_redirect_uri")
	p.loggedOut(b, false)
}

func logoutWithNothing(p *party)    { logoutAsks(p, url.Values{}) }
func logoutWithStateAlone(p *party) { logoutAsks(p, url.Values{"state": {"s"}}) }

// logoutAsks: anybody could have sent the person here, so they are asked, and logged out when they say yes.
func logoutAsks(p *party, params url.Values) {
	b := p.s.Browser(p)
	p.login(b)
	question := p.endSession(b, params).Location(p)
	if question.Path != "/u/logout" {
		p.Fatalf("the logout led to %s", question)
	}
	if shown := b.Get(question.String()); shown.Status != http.StatusOK {
		p.Errorf("the page that asks answered %d", shown.Status)
	}
	p.loggedOut(b, false)
	done := b.Post(question.String(), url.Values{"action": {"accept"}})
	if done.Status != http.StatusOK || !strings.Contains(done.Body, "logout-complete") {
		p.Errorf("after yes the answer is %d: %s", done.Status, done.Body)
	}
	p.loggedOut(b, true)
}

func logoutToNowhere(p *party) {
	b := p.s.Browser(p)
	r := p.login(b)
	if done := p.endSession(b, url.Values{"id_token_hint": {r.raw}}); done.Status != http.StatusOK || !strings.Contains(done.Body, "logout-complete") {
		p.Errorf("the logout answered %d: %s", done.Status, done.Body)
	}
	p.loggedOut(b, true)
}
