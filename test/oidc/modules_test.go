package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// modules are the tests of the plans that log people in.
var modules = map[string]module{
	"oidcc-server":                {run: server},
	"oidcc-response-type-missing": {run: responseTypeMissing},
	"oidcc-idtoken-signature":     {run: idTokenSignature},
	"oidcc-idtoken-unsigned":      {run: idTokenUnsigned},
	"oidcc-userinfo-get":          {run: userInfoGet, notFor: []string{withIDTokenOnly}},
	"oidcc-userinfo-post-header":  {run: userInfoPostHeader, notFor: []string{withIDTokenOnly}},
	"oidcc-userinfo-post-body":    {run: userInfoPostBody, notFor: []string{withIDTokenOnly}},
	"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": {
		run: withoutNonceSucceeds, notFor: []string{"code id_token", "code id_token token"},
	},
	"oidcc-ensure-request-without-nonce-fails":             {run: withoutNonceFails, notFor: []string{"code token"}},
	"oidcc-scope-profile":                                  {run: scopes("profile")},
	"oidcc-scope-email":                                    {run: scopes("email")},
	"oidcc-scope-address":                                  {run: scopes("address")},
	"oidcc-scope-phone":                                    {run: scopes("phone")},
	"oidcc-scope-all":                                      {run: scopes("profile", "email", "address", "phone")},
	"oidcc-alternate-happy-flow":                           {run: alternateHappyFlow},
	"oidcc-display-page":                                   {run: succeedsWith("display", "page")},
	"oidcc-display-popup":                                  {run: succeedsWith("display", "popup")},
	"oidcc-prompt-login":                                   {run: promptLogin},
	"oidcc-prompt-none-not-logged-in":                      {run: promptNoneNotLoggedIn},
	"oidcc-prompt-none-logged-in":                          {run: promptNoneLoggedIn},
	"oidcc-max-age-1":                                      {run: maxAge1},
	"oidcc-max-age-10000":                                  {run: maxAge10000},
	"oidcc-ensure-request-with-unknown-parameter-succeeds": {run: succeedsWith("extra", "foobar")},
	"oidcc-id-token-hint":                                  {run: idTokenHint},
	"oidcc-login-hint":                                     {run: loginHint},
	"oidcc-ui-locales":                                     {run: uiLocales},
	"oidcc-claims-locales":                                 {run: succeedsWith("claims_locales", "se")},
	"oidcc-ensure-request-with-acr-values-succeeds":        {run: acrValues},
	"oidcc-codereuse":                                      {run: codeReuse(0)},
	"oidcc-codereuse-30seconds":                            {run: codeReuse(30 * time.Second)},
	"oidcc-ensure-registered-redirect-uri":                 {run: registeredRedirectURI},
	"oidcc-ensure-post-request-succeeds":                   {run: postRequest},
	"oidcc-server-client-secret-post":                      {run: clientSecretPost},
	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported":    {run: requestURIUnsigned},
	"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": {run: requestObjectUnsigned},
	"oidcc-ensure-request-object-with-redirect-uri":                                {run: requestObjectWithRedirectURI},
	"oidcc-claims-essential":                        {run: claimsEssential},
	"oidcc-refresh-token":                           {run: refreshToken},
	"oidcc-ensure-request-with-valid-pkce-succeeds": {run: validPKCE},
	"oidcc-discovery-endpoint-verification":         {run: discoveryVerification},
}

// server is the plain login; where there is an access token it opens UserInfo for the same subject.
func server(p *party) {
	r := p.login(p.s.Browser(p))
	if !r.sawLogin() {
		p.Error("a new browser was not asked to log in")
	}
	if r.accessToken != "" {
		if info := p.userInfo(r.accessToken, http.MethodGet, false); info["sub"] != r.token.Subject {
			p.Errorf("userinfo is about %v, the ID token about %s", info["sub"], r.token.Subject)
		}
	}
}

// responseTypeMissing has no response type that could say how to answer, so the error comes in the query unless the
// request asks for a form.
func responseTypeMissing(p *party) {
	if p.responseMode == "" {
		p.flow = flow{responseType: "code"}
	}
	p.refused(p.authorize(p.s.Browser(p), "response_type", ""), "invalid_request", "unsupported_response_type")
}

// idTokenSignature asks for no algorithm and gets RS256, by a key that the JWKS names.
func idTokenSignature(p *party) {
	r := p.login(p.s.Browser(p))
	head, _, _ := strings.Cut(r.raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		p.Fatal(err)
	}
	var header struct{ Alg, Kid, Typ string }
	if err := json.Unmarshal(text, &header); err != nil || header.Alg != "RS256" || header.Kid == "" || header.Typ != "JWT" {
		p.Errorf("header %s (%v)", text, err)
	}
}

// idTokenUnsigned is about clients that registered for alg none, which the product does not have: the suite skips it when
// discovery does not list it.
func idTokenUnsigned(p *party) {
	d := discover(p)
	if slices.Contains(d.IDTokenAlgorithms, "none") {
		p.Error("discovery offers unsigned ID tokens")
	}
	p.login(p.s.Browser(p), "id_token_signed_response_alg", "none") // verified as RS256
}

func userInfoGet(p *party)        { userInfoBy(p, http.MethodGet, false) }
func userInfoPostHeader(p *party) { userInfoBy(p, http.MethodPost, false) }
func userInfoPostBody(p *party)   { userInfoBy(p, http.MethodPost, true) }

func userInfoBy(p *party, method string, inBody bool) {
	r := p.login(p.s.Browser(p), "scope", "openid email")
	info := p.userInfo(r.accessToken, method, inBody)
	if info["sub"] != r.token.Subject || info["email"] != p.email {
		p.Errorf("userinfo is %v, the ID token's subject %s", info, r.token.Subject)
	}
}

func withoutNonceSucceeds(p *party) {
	p.complete(p.authorize(p.s.Browser(p), "nonce", ""), p.basic, "")
}

// withoutNonceFails: the standard wants a nonce wherever the front channel gives an ID token. Auth0 does without one where
// a code comes with it; a strict client gets the standard's answer.
func withoutNonceFails(p *party) {
	if p.returns("code") {
		p.complete(p.authorize(p.s.Browser(p), "nonce", ""), p.basic, "")
		p.strict()
	}
	p.refused(p.authorize(p.s.Browser(p), "nonce", ""), "invalid_request")
}

// claimsOf lists what each scope opens (OpenID Connect Core section 5.4), as far as the person has a value.
var claimsOf = map[string][]string{
	"profile": {"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// scopes asks for scopes and wants exactly their claims: at UserInfo, or in the ID token where there is no access token.
// The ID token has them beside an access token too, as Auth0's does; the suite only warns there.
func scopes(asked ...string) func(p *party) {
	return func(p *party) {
		p.person()
		request := "openid " + strings.Join(asked, " ")
		p.checkClaims(p.login(p.s.Browser(p), "scope", request), false, asked)
		p.strict()
		p.checkClaims(p.login(p.s.Browser(p), "scope", request), true, asked)
	}
}

func (p *party) checkClaims(r result, standard bool, scopes []string) {
	p.Helper()
	sources := map[string]map[string]any{"the ID token": r.claims}
	if r.accessToken != "" {
		sources["userinfo"] = p.userInfo(r.accessToken, http.MethodGet, false)
	}
	for source, claims := range sources {
		for scope, names := range claimsOf {
			for _, name := range names {
				if _, there := claims[name]; there != slices.Contains(scopes, scope) {
					p.Errorf("%s for the scopes %v: has %s: %v", source, scopes, name, there)
				}
			}
		}
		p.checkTypes(source, claims, standard)
	}
}

var auth0Time = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// checkTypes holds claims to the types of section 5.1. Auth0's updated_at is text; the standard's is a number.
func (p *party) checkTypes(source string, claims map[string]any, standard bool) {
	p.Helper()
	for name, v := range claims {
		ok := true
		switch name {
		case "email_verified", "phone_number_verified":
			_, ok = v.(bool)
		case "address":
			address, object := v.(map[string]any)
			ok = object && address["locality"] == "London"
		case "updated_at":
			text, isText := v.(string)
			number, isNumber := v.(float64)
			ok = isText && auth0Time.MatchString(text)
			if standard {
				ok = isNumber && int64(number) <= p.s.Clock.Now().Unix()
			}
		case "iat", "exp", "auth_time":
			_, ok = v.(float64)
		default:
			_, ok = v.(string)
		}
		if !ok {
			p.Errorf("%s has %s as %T %v (standard claims: %v)", source, name, v, v, standard)
		}
	}
}

// alternateHappyFlow turns scopes and parameters around: no order counts.
func alternateHappyFlow(p *party) {
	b := p.s.Browser(p)
	before, query, _ := strings.Cut(p.url("scope", "email openid"), "?")
	pairs := strings.Split(query, "&")
	slices.Reverse(pairs)
	r := p.complete(p.follow(b, b.Get(before+"?"+strings.Join(pairs, "&"))), p.basic, "n-"+p.email)
	if r.claims["email"] != p.email {
		p.Errorf("claims %v", r.claims)
	}
}

// succeedsWith sends one more parameter, which must do no harm.
func succeedsWith(name, value string) func(p *party) {
	return func(p *party) { p.login(p.s.Browser(p), name, value) }
}

// promptLogin asks a logged-in person to log in again.
func promptLogin(p *party) {
	b := p.s.Browser(p)
	first := p.login(b)
	p.s.Clock.Advance(2 * time.Second)
	second := p.login(b, "prompt", "login")
	if !second.sawLogin() {
		p.Error("prompt=login did not show the login page")
	}
	if at := second.authTime(p); !at.Equal(p.s.Clock.Now().Truncate(time.Second)) {
		p.Errorf("auth_time is %s at %s", at, p.s.Clock.Now())
	}
	sameSubject(p, first, second)
}

func promptNoneNotLoggedIn(p *party) {
	a := p.authorize(p.s.Browser(p), "prompt", "none")
	p.refused(a, "login_required")
	if got := a.Get("error_description"); got != "Login required" {
		p.Errorf("error_description %q", got)
	}
}

func promptNoneLoggedIn(p *party) {
	b := p.s.Browser(p)
	first := p.login(b)
	p.s.Clock.Advance(2 * time.Second)
	second := p.login(b, "prompt", "none")
	if len(second.asked) > 0 {
		p.Errorf("prompt=none showed the pages %v", second.asked)
	}
	sameSubject(p, first, second)
}

// maxAge1 finds a session that is too old.
func maxAge1(p *party) {
	b := p.s.Browser(p)
	first := p.login(b)
	p.s.Clock.Advance(2 * time.Second)
	second := p.login(b, "max_age", "1")
	if !second.sawLogin() {
		p.Error("max_age=1 did not show the login page")
	}
	if at := second.authTime(p); !at.Equal(p.s.Clock.Now().Truncate(time.Second)) {
		p.Errorf("auth_time is %s at %s", at, p.s.Clock.Now())
	}
	sameSubject(p, first, second)
}

// maxAge10000 finds a session that is young enough; auth_time is the login's, not the token's.
func maxAge10000(p *party) {
	b := p.s.Browser(p)
	first := p.login(b, "max_age", "15000")
	p.s.Clock.Advance(time.Minute)
	second := p.login(b, "max_age", "10000")
	if second.sawLogin() {
		p.Error("max_age=10000 showed the login page")
	}
	if a, b := first.authTime(p), second.authTime(p); a.IsZero() || !a.Equal(b) {
		p.Errorf("auth_time was %s and is %s", a, b)
	}
	sameSubject(p, first, second)
}

func sameSubject(p *party, first, second result) {
	p.Helper()
	if first.token.Subject != second.token.Subject {
		p.Errorf("the second login is for %s, the first for %s", second.token.Subject, first.token.Subject)
	}
}

func idTokenHint(p *party) {
	b := p.s.Browser(p)
	first := p.login(b)
	second := p.login(b, "prompt", "none", "id_token_hint", first.raw)
	if len(second.asked) > 0 {
		p.Errorf("prompt=none showed the pages %v", second.asked)
	}
	sameSubject(p, first, second)
}

// loginHint is written into the page's field.
func loginHint(p *party) {
	b := p.s.Browser(p)
	page := b.Get(p.url("login_hint", p.email))
	if shown := b.Get(page.Location(p).String()); !strings.Contains(shown.Body, `value="`+p.email+`"`) {
		p.Errorf("the login page does not show the hint %s", p.email)
	}
	p.complete(p.follow(b, page), p.basic, "n-"+p.email)
}

// uiLocales chooses the language of the page among the tenant's; one that it does not have does no harm.
func uiLocales(p *party) {
	p.login(p.s.Browser(p), "ui_locales", "se")
	p.s.ChangeSettings(func(s *tenant.Settings) { s.EnabledLocales = []string{"en", "de"} })
	b := p.s.Browser(p)
	page := b.Get(p.url("ui_locales", "se de"))
	if shown := b.Get(page.Location(p).String()); !strings.Contains(shown.Body, `lang="de"`) {
		p.Error("the login page is not in German")
	}
	p.complete(p.follow(b, page), p.basic, "n-"+p.email)
}

// acrValues is a wish. Nothing here can grant one yet, so no acr comes back; the suite only warns.
func acrValues(p *party) {
	r := p.login(p.s.Browser(p), "acr_values", "1 2")
	if acr, there := r.claims["acr"]; there {
		p.Errorf("the ID token claims acr %v", acr)
	}
}

// codeReuse uses a code twice; the second use also ends what the first gave.
func codeReuse(after time.Duration) func(p *party) {
	return func(p *party) {
		r := p.login(p.s.Browser(p), "scope", "openid offline_access")
		p.s.Clock.Advance(after)
		p.invalidGrant(
			url.Values{"grant_type": {"authorization_code"}, "code": {r.Get("code")}, "redirect_uri": {servertest.Callback}},
			url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.refreshToken}},
		)
	}
}

// registeredRedirectURI: an address that nobody registered is never redirected to.
func registeredRedirectURI(p *party) {
	a := p.s.Browser(p).Get(p.url("redirect_uri", servertest.Callback+"/unregistered"))
	p.errorPage(a, http.StatusForbidden, "Callback URL mismatch")
}

// errorPage checks an error that only the person sees.
func (p *party) errorPage(a *servertest.Answer, status int, says string) {
	p.Helper()
	if a.Status != status || a.Header.Get("Location") != "" || !strings.Contains(a.Body, says) {
		p.Errorf("%s answered %d to %q with a page that has %q: %v", a.URL.Path, a.Status, a.Header.Get("Location"), says, strings.Contains(a.Body, says))
	}
}

func postRequest(p *party) {
	b := p.s.Browser(p)
	u, err := url.Parse(p.url())
	if err != nil {
		p.Fatal(err)
	}
	p.complete(p.follow(b, b.Post("/authorize", u.Query())), p.basic, "n-"+p.email)
}

func clientSecretPost(p *party) {
	p.complete(p.authorize(p.s.Browser(p)), p.post, "n-"+p.email)
}

// requestURIUnsigned names a request object elsewhere, which the product does not fetch.
func requestURIUnsigned(p *party) {
	if discover(p).RequestURIParameter {
		p.Error("discovery offers request_uri")
	}
	p.refused(p.authorize(p.s.Browser(p), "request_uri", "https://app.example.com/request.jwt"), "request_uri_not_supported")
}

func requestObjectUnsigned(p *party) {
	if discover(p).RequestParameter {
		p.Error("discovery offers request")
	}
	p.refused(p.authorize(p.s.Browser(p), "request", p.requestObject(servertest.Callback)), "request_not_supported")
}

// requestObjectWithRedirectURI has another redirect_uri outside the object than inside. The suite skips it where request
// objects are not offered; either way an address that is not registered gets nothing.
func requestObjectWithRedirectURI(p *party) {
	if discover(p).RequestParameter {
		p.Error("discovery offers request")
	}
	b := p.s.Browser(p)
	p.errorPage(b.Get(p.url("redirect_uri", servertest.Callback+"/unregistered", "request", p.requestObject(servertest.Callback))),
		http.StatusForbidden, "Callback URL mismatch")
	p.refused(p.authorize(b, "request", p.requestObject(servertest.Callback+"/unregistered")), "request_not_supported")
}

// requestObject is an unsigned request object (OpenID Connect Core section 6.1).
func (p *party) requestObject(redirectURI string) string {
	p.Helper()
	claims, err := json.Marshal(map[string]string{
		"client_id": p.client.ID, "response_type": p.responseType, "redirect_uri": redirectURI, "scope": "openid",
		"state": "s-" + p.email, "nonce": "n-" + p.email,
	})
	if err != nil {
		p.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(claims) + "."
}

// claimsEssential asks for one claim without its scope. Section 5.5 lets a server without the parameter ignore it; the
// suite warns that the claim does not come.
func claimsEssential(p *party) {
	p.person()
	if discover(p).ClaimsParameter {
		p.Error("discovery offers claims")
	}
	r := p.login(p.s.Browser(p), "claims", `{"userinfo":{"name":{"essential":true}},"id_token":{"name":{"essential":true}}}`)
	if name, there := r.claims["name"]; there {
		p.Errorf("the parameter claims gave the name %v", name)
	}
}

// refreshToken gets a refresh token with consent, uses it, and tries another client's.
func refreshToken(p *party) {
	other := p.second()
	r := refreshOnce(p)
	foreign := refreshOnce(other)
	p.invalidGrant(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {foreign.refreshToken}})
	for _, own := range []struct {
		p *party
		r result
	}{{p, r}, {other, foreign}} { // neither lost anything by that
		own.r.exchange(own.p, own.p.basic(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {own.r.refreshToken}}), "")
	}
}

var tokenCharacters = regexp.MustCompile(`^[\x20-\x7e]+$`) // RFC 6749 appendix A.17

func refreshOnce(p *party) result {
	p.Helper()
	first := p.login(p.s.Browser(p), "scope", "openid offline_access", "prompt", "consent", "max_age", "1000")
	if !slices.Contains(first.asked, "/u/consent") {
		p.Errorf("prompt=consent showed the pages %v", first.asked)
	}
	if !tokenCharacters.MatchString(first.refreshToken) {
		p.Fatalf("the refresh token is %q", first.refreshToken)
	}
	p.s.Clock.Advance(time.Second)
	second := first
	second.exchange(p, p.basic(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.refreshToken}}), "")
	if second.accessToken == first.accessToken {
		p.Error("the refresh gave the same access token")
	}
	if second.token.Issuer != first.token.Issuer || !second.token.IssuedAt.After(first.token.IssuedAt) || !first.authTime(p).Equal(second.authTime(p)) {
		p.Errorf("claims were %v and are %v", first.claims, second.claims)
	}
	sameSubject(p, first, second)
	if info := p.userInfo(second.accessToken, http.MethodGet, false); info["sub"] != second.token.Subject {
		p.Errorf("userinfo is about %v", info["sub"])
	}
	if second.refreshToken == "" { // not rotating
		second.refreshToken = first.refreshToken
	}
	return second
}

func validPKCE(p *party) {
	pkce := servertest.NewPKCE()
	a := p.authorize(p.s.Browser(p), "code_challenge", pkce.Challenge, "code_challenge_method", "S256")
	p.complete(a, func(form url.Values) *servertest.Answer {
		form.Set("code_verifier", pkce.Verifier)
		return p.basic(form)
	}, "n-"+p.email)
}
