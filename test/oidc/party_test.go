package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/net/html"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

// flow is how a plan asks, and how it is answered. An empty mode is the default of the response type.
type flow struct{ responseType, responseMode string }

func (f flow) returns(what string) bool { return slices.Contains(strings.Fields(f.responseType), what) }

func (f flow) mode() string {
	switch {
	case f.responseMode != "":
		return f.responseMode
	case f.responseType == "code":
		return "query"
	}
	return "fragment"
}

// party is the relying party of one module: a client, and the person who uses it.
type party struct {
	*testing.T
	flow
	s        *servertest.Server
	client   *client.Client
	secret   string
	email    string
	provider *oidc.Provider
}

func newParty(t *testing.T, s *servertest.Server, f flow) *party {
	t.Helper()
	provider, err := oidc.NewProvider(context.Background(), s.Issuer)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	return &party{T: t, flow: f, s: s, client: s.Web, secret: s.Secret, provider: provider, email: strings.ToLower(ident.Token(6)) + "@example.com"}
}

// second is another client of the same person.
func (p *party) second() *party {
	p.Helper()
	other := *p
	other.client, other.secret = p.s.AddClient(&client.Client{
		Name: "Second", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthBasic, GrantTypes: p.client.GrantTypes,
	})
	p.s.ChangeConnection("email", func(c *connection.Connection) {
		c.EnabledClients = append(slices.Clone(c.EnabledClients), other.client.ID)
	})
	return &other
}

// strict switches the standard's answers on, for the client and the tenant.
func (p *party) strict() {
	p.Helper()
	p.s.ChangeClient(p.client.ID, func(c *client.Client) { c.Latchkey = &client.Extensions{StrictRFCErrors: true} })
	p.s.ChangeSettings(func(s *tenant.Settings) { s.Latchkey = &tenant.Extensions{StandardClaims: true} })
}

// person makes the account of the party's person, with a value for every claim of OpenID Connect Core section 5.1.
func (p *party) person() {
	p.Helper()
	u := user.NewPasswordless(&connection.Connection{Name: "email", Strategy: connection.Email}, ident.ObjectID(), p.email, p.s.Clock.Now())
	u.GivenName, u.FamilyName, u.Username = "Ada", "Lovelace", "ada"
	u.PhoneNumber, u.PhoneVerified = "+15555550100", true
	u.Claims = map[string]any{
		"middle_name": "King", "profile": "https://example.com/ada", "website": "https://ada.example.com", "gender": "female",
		"birthdate": "1815-12-10", "zoneinfo": "Europe/London", "locale": "en-GB",
		"address": map[string]any{"locality": "London", "country": "GB"},
	}
	if err := p.s.Database.Store.CreateUser(context.Background(), p.s.Tenant.ID, u); err != nil {
		p.Fatal(err)
	}
}

// url is the address of an authorization request of the flow.
func (p *party) url(params ...string) string {
	p.Helper()
	defaults := []string{"response_type", p.responseType, "response_mode", p.responseMode, "nonce", "n-" + p.email, "state", "s-" + p.email, "scope", "openid"}
	return p.s.AuthorizeURL(p.client, append(defaults, params...)...)
}

// answer is an authorization response as the client receives it.
type answer struct {
	url.Values
	asked []string // the hosted pages that the person saw
}

// sawLogin reports whether the person had to log in.
func (a answer) sawLogin() bool { return slices.Contains(a.asked, "/u/login/identifier") }

// authorize sends an authorization request, as the person answers every page, and reads the response.
func (p *party) authorize(b *servertest.Browser, params ...string) answer {
	p.Helper()
	return p.follow(b, b.Get(p.url(params...)))
}

func (p *party) follow(b *servertest.Browser, page *servertest.Answer) answer {
	p.Helper()
	var asked []string
	for range 10 {
		if page.Status == http.StatusOK {
			return answer{p.readForm(page), asked}
		}
		location := page.Location(p)
		if !strings.HasPrefix(location.String(), p.s.Issuer) {
			return answer{p.readRedirect(location), asked}
		}
		form := url.Values{"state": {location.Query().Get("state")}, "action": {"default"}}
		switch location.Path {
		case "/u/login/identifier":
			form.Set("username", p.email)
		case "/u/login/passwordless-email-challenge":
			form.Set("code", p.s.Code(p, p.email))
		case "/u/consent":
			form.Set("action", "accept")
		default:
			page = b.Get(location.String())
			continue
		}
		asked = append(asked, location.Path)
		if shown := b.Get(location.String()); shown.Status != http.StatusOK {
			p.Fatalf("the page %s answered %d", location.Path, shown.Status)
		}
		page = b.Post(location.String(), form)
	}
	p.Fatal("the login does not end")
	return answer{}
}

// readRedirect reads a response from where its mode puts it, and nowhere else.
func (p *party) readRedirect(u *url.URL) url.Values {
	p.Helper()
	text, other := u.RawQuery, u.EscapedFragment()
	if p.mode() == "fragment" {
		text, other = other, text
	}
	if p.mode() == "form_post" {
		p.Fatalf("the response came by redirect to %s, not as a form", u)
	}
	if other != "" {
		p.Errorf("the response has parameters where mode %s has none: %s", p.mode(), u)
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		p.Fatal(err)
	}
	bare := *u
	bare.RawQuery, bare.Fragment, bare.RawFragment = "", "", ""
	if bare.String() != servertest.Callback {
		p.Fatalf("the response went to %s", u)
	}
	return values
}

// readForm reads the page that posts a response (OAuth 2.0 Form Post Response Mode).
func (p *party) readForm(page *servertest.Answer) url.Values {
	p.Helper()
	if p.mode() != "form_post" {
		p.Fatalf("%s answered with a page in response mode %s", page.URL.Path, p.mode())
	}
	values, form := url.Values{}, map[string]string{}
	root, err := html.Parse(strings.NewReader(page.Body))
	if err != nil {
		p.Fatal(err)
	}
	for node := range root.Descendants() {
		attributes := map[string]string{}
		for _, a := range node.Attr {
			attributes[a.Key] = a.Val
		}
		switch {
		case node.Data == "form":
			form = attributes
		case node.Data == "input" && attributes["type"] == "hidden":
			values.Add(attributes["name"], attributes["value"])
		}
	}
	if form["action"] != servertest.Callback || !strings.EqualFold(form["method"], "post") {
		p.Fatalf("the form of the response has the attributes %v", form)
	}
	return values
}

// result is what a completed login gave the client.
type result struct {
	answer
	token        *oidc.IDToken // the last one that came
	raw          string
	claims       map[string]any
	accessToken  string
	refreshToken string
}

// login goes through a whole flow and checks everything that came.
func (p *party) login(b *servertest.Browser, params ...string) result {
	p.Helper()
	return p.complete(p.authorize(b, params...), p.basic, "n-"+p.email)
}

// complete checks a successful response and exchanges its code.
func (p *party) complete(a answer, authenticate func(url.Values) *servertest.Answer, nonce string) result {
	p.Helper()
	if a.Get("error") != "" {
		p.Fatalf("the login was refused: %v", a.Values)
	}
	if got, want := a.Get("state"), "s-"+p.email; got != want {
		p.Errorf("state is %q, want %q", got, want)
	}
	for _, param := range []struct{ name, when string }{{"code", "code"}, {"access_token", "token"}, {"id_token", "id_token"}} {
		if a.Has(param.name) != p.returns(param.when) {
			p.Errorf("a response of type %q has the parameters %v", p.responseType, slices.Sorted(maps.Keys(a.Values)))
		}
	}
	r := result{answer: a}
	if p.returns("token") {
		r.accessToken = a.Get("access_token")
		if a.Get("token_type") != "Bearer" || a.Get("expires_in") == "" {
			p.Errorf("access token of type %q that expires in %q", a.Get("token_type"), a.Get("expires_in"))
		}
	}
	if p.returns("id_token") {
		r.verify(p, a.Get("id_token"), nonce)
		r.checkHash(p, "at_hash", r.accessToken)
		r.checkHash(p, "c_hash", a.Get("code"))
	}
	if p.returns("code") {
		front := r.token
		r.exchange(p, authenticate(url.Values{"grant_type": {"authorization_code"}, "code": {a.Get("code")}, "redirect_uri": {servertest.Callback}}), nonce)
		if front != nil && (front.Subject != r.token.Subject || front.Issuer != r.token.Issuer) {
			p.Errorf("the front channel's ID token is about %s, the token endpoint's about %s", front.Subject, r.token.Subject)
		}
	}
	return r
}

// exchange reads a successful token answer.
func (r *result) exchange(p *party, a *servertest.Answer, nonce string) {
	p.Helper()
	body := a.JSON(p)
	if a.Status != http.StatusOK {
		p.Fatalf("the token endpoint answered %d: %v", a.Status, body)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		p.Errorf("tokens with Cache-Control %q", got)
	}
	if body["token_type"] != "Bearer" || body["expires_in"].(float64) <= 0 {
		p.Errorf("access token of type %v that expires in %v", body["token_type"], body["expires_in"])
	}
	r.accessToken, _ = body["access_token"].(string)
	r.refreshToken, _ = body["refresh_token"].(string)
	text, _ := body["id_token"].(string)
	r.verify(p, text, nonce)
	if _, there := r.claims["at_hash"]; there {
		r.checkHash(p, "at_hash", r.accessToken)
	}
}

// verify checks an ID token (OpenID Connect Core sections 2 and 3.1.3.7).
func (r *result) verify(p *party, raw, nonce string) {
	p.Helper()
	verifier := p.provider.Verifier(&oidc.Config{ClientID: p.client.ID, Now: p.s.Clock.Now, SupportedSigningAlgs: []string{oidc.RS256}})
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		p.Fatalf("ID token %q: %v", raw, err)
	}
	r.raw, r.token, r.claims = raw, token, map[string]any{}
	if err := token.Claims(&r.claims); err != nil {
		p.Fatal(err)
	}
	now := p.s.Clock.Now()
	if token.IssuedAt.After(now) || now.Sub(token.IssuedAt) > time.Minute || !token.Expiry.Equal(token.IssuedAt.Add(10*time.Hour)) {
		p.Errorf("ID token of %s issued at %s until %s", now, token.IssuedAt, token.Expiry)
	}
	if token.Nonce != nonce {
		p.Errorf("nonce is %q, want %q", token.Nonce, nonce)
	}
	if len(token.Subject) == 0 || len(token.Subject) > 255 || !slices.Equal(token.Audience, []string{p.client.ID}) {
		p.Errorf("subject %q, audience %v", token.Subject, token.Audience)
	}
	if azp, there := r.claims["azp"]; there && azp != p.client.ID {
		p.Errorf("azp is %v", azp)
	}
}

// checkHash compares at_hash or c_hash with what was delivered beside the token (section 3.3.2.11).
func (r *result) checkHash(p *party, claim, value string) {
	p.Helper()
	got, there := r.claims[claim]
	if value == "" {
		if there {
			p.Errorf("%s without anything to hash", claim)
		}
		return
	}
	sum := sha256.Sum256([]byte(value))
	if want := base64.RawURLEncoding.EncodeToString(sum[:16]); got != want {
		p.Errorf("%s is %v, want %s", claim, got, want)
	}
}

// authTime is the ID token's auth_time; zero when it has none.
func (r *result) authTime(p *party) time.Time {
	p.Helper()
	at, there := r.claims["auth_time"]
	if !there {
		return time.Time{}
	}
	seconds, number := at.(float64)
	if !number {
		p.Fatalf("auth_time is %v", at)
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// basic calls the token endpoint with client_secret_basic.
func (p *party) basic(form url.Values) *servertest.Answer {
	p.Helper()
	b := p.s.Browser(p)
	pair := url.QueryEscape(p.client.ID) + ":" + url.QueryEscape(p.secret)
	b.Headers.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return b.Token(form)
}

// post calls the token endpoint with client_secret_post.
func (p *party) post(form url.Values) *servertest.Answer {
	p.Helper()
	form.Set("client_id", p.client.ID)
	form.Set("client_secret", p.secret)
	return p.s.Browser(p).Token(form)
}

// userInfo asks for the claims of an access token by one of the three ways of RFC 6750.
func (p *party) userInfo(token, method string, inBody bool) map[string]any {
	p.Helper()
	b := p.s.Browser(p)
	var a *servertest.Answer
	if inBody {
		a = b.Post("/userinfo", url.Values{"access_token": {token}})
	} else {
		b.Headers.Set("Authorization", "Bearer "+token)
		a = b.Do(method, "/userinfo", "", "")
	}
	if kind := a.Header.Get("Content-Type"); a.Status != http.StatusOK || !strings.HasPrefix(kind, "application/json") {
		p.Fatalf("%s /userinfo answered %d with %s: %s", method, a.Status, kind, a.Body)
	}
	return a.JSON(p)
}

// refused checks an error that came to the callback.
func (p *party) refused(a answer, codes ...string) {
	p.Helper()
	if !slices.Contains(codes, a.Get("error")) || a.Get("error_description") == "" {
		p.Errorf("the response is %v, want one of the errors %v", a.Values, codes)
	}
	if got, want := a.Get("state"), "s-"+p.email; got != want {
		p.Errorf("state is %q, want %q", got, want)
	}
	for _, name := range []string{"code", "access_token", "id_token"} {
		if a.Has(name) {
			p.Errorf("an error came with %s", name)
		}
	}
}

// invalidGrant checks refusals of the token endpoint: Auth0's by default, RFC 6749's for a strict client.
func (p *party) invalidGrant(calls ...url.Values) {
	p.Helper()
	for _, want := range []int{http.StatusForbidden, http.StatusBadRequest} {
		for _, form := range calls {
			a := p.basic(form)
			if body := a.JSON(p); a.Status != want || body["error"] != "invalid_grant" || body["error_description"] == "" {
				p.Errorf("%s was answered %d %v, want %d invalid_grant", form.Get("grant_type"), a.Status, body, want)
			}
		}
		p.strict()
	}
}
