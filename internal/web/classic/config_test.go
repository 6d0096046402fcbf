package classic

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
)

// sample is a login of an application with PKCE.
func sample() Login {
	t := &tenant.Tenant{ID: "t1", Name: "acme"}
	t.Settings.FriendlyName = "Bücher & Söhne </script>"
	return Login{
		Site:   tenant.Site{Tenant: t, Domain: tenant.Domain{Host: "login.example.com:8443", Issuer: "https://login.example.com:8443/"}},
		Client: &client.Client{ID: "CID"},
		Pages: &branding.PageConfig{Basic: &branding.Branding{
			LogoURL: "https://cdn.example.com/logo.svg",
			Colors:  &branding.BrandColors{Primary: "#0059d6", PageBackground: &branding.PageBackground{Color: "#000000"}},
		}},
		Request: transaction.Request{
			ClientID: "CID", RedirectURI: "https://app.example.com/cb?a=1", ResponseType: "code", ResponseMode: "query",
			Scope: []string{"openid", "email"}, Audience: "https://api.example.com", State: "the application's", Nonce: "n1",
			Challenge: "ch", ChallengeMethod: "S256", LoginHint: "ä@b.co", ScreenHint: "signup", UILocales: "de en",
			Extra: map[string]string{"ext-campaign": "spring"},
		},
		State: "txn", CSRF: "csrf",
		Query: url.Values{
			"state": {"txn"}, "client": {"CID"}, "protocol": {"oauth2"}, "campaign": {"42"}, "nonce": {"bent"}, "redirect_uri": {"https://evil.example"},
			"auth0Client": {base64.StdEncoding.EncodeToString([]byte(`{"name":"auth0.js"}`))}, "_csrf": {"forged"}, "empty": {""},
		},
		Language: "de-AT",
	}
}

// decode reads a page's configuration as pages do: atob gives one character for each byte, escape and decodeURIComponent
// make UTF-8 of them.
func decode(t *testing.T, encoded string) map[string]any {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatalf("atob: %v", err)
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func encode(t *testing.T, l Login) map[string]any {
	t.Helper()
	encoded, err := NewConfig(l).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, encoded)
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestConfig_HasWhatPagesRead(t *testing.T) {
	t.Parallel()
	got := encode(t, sample())
	for key, want := range map[string]any{
		"icon": "https://cdn.example.com/logo.svg", "assetsUrl": "", "auth0Domain": "login.example.com:8443", "auth0Tenant": "acme",
		"clientConfigurationBaseUrl": "https://login.example.com:8443/", "callbackOnLocationHash": false,
		"callbackURL": "https://app.example.com/cb?a=1", "cdn": "https://login.example.com:8443/", "clientID": "CID",
		"connection": nil, "prompt": nil, "widgetUrl": "", "isThirdPartyClient": false, "language": "de",
		"languageBaseUrl":     "https://login.example.com:8443",
		"dict":                map[string]any{"signin": map[string]any{"title": "Bücher & Söhne </script>"}},
		"authorizationServer": map[string]any{"url": "https://login.example.com:8443", "issuer": "https://login.example.com:8443/"},
		"colors":              map[string]any{"primary": "#0059d6", "page_background": "#000000"},
		"internalOptions": map[string]any{
			"protocol": "oauth2", "scope": "openid email", "response_type": "code", "nonce": "n1", "code_challenge": "ch",
			"code_challenge_method": "S256", "audience": "https://api.example.com", "auth0Client": "eyJuYW1lIjoiYXV0aDAuanMifQ==",
			"_csrf": "csrf", "_intstate": "deprecated", "state": "txn", "leeway": 60.0,
		},
		"extraParams": map[string]any{
			"scope": "openid email", "response_type": "code", "redirect_uri": "https://app.example.com/cb?a=1", "nonce": "n1",
			"code_challenge": "ch", "code_challenge_method": "S256", "audience": "https://api.example.com", "login_hint": "ä@b.co",
			"screen_hint": "signup", "ui_locales": "de en", "ext-campaign": "spring", "campaign": "42",
			"auth0Client": "eyJuYW1lIjoiYXV0aDAuanMifQ==", "_csrf": "csrf", "_intstate": "deprecated", "state": "txn",
		},
	} {
		value, ok := got[key]
		if !ok {
			t.Errorf("%s is missing", key)
		}
		if text(t, value) != text(t, want) {
			t.Errorf("%s: got %s, want %s", key, text(t, value), text(t, want))
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("there is more: %s", text(t, got))
	}
}

func TestConfig_FollowsTheRequest(t *testing.T) {
	t.Parallel()
	thirdParty := false
	l := sample()
	l.Client.FirstParty = &thirdParty
	l.Pages = nil
	l.Language = "tlh"
	l.Request.ResponseType, l.Request.ResponseMode = "id_token token", "fragment"
	l.Request.Connection, l.Request.Prompt = "email", []string{"login", "consent"}
	got := encode(t, l)
	for key, want := range map[string]any{
		"callbackOnLocationHash": true, "connection": "email", "prompt": "login consent", "isThirdPartyClient": true,
		"icon": "", "colors": map[string]any{}, "language": nil,
	} {
		if text(t, got[key]) != text(t, want) {
			t.Errorf("%s: got %s, want %s", key, text(t, got[key]), text(t, want))
		}
	}
	if _, set := got["internalOptions"].(map[string]any)["response_mode"]; set {
		t.Error("a response mode that is the type's own is named")
	}
	l.Request.ResponseMode = "form_post"
	if got := encode(t, l)["internalOptions"].(map[string]any)["response_mode"]; got != "form_post" {
		t.Errorf("response_mode is %v", got)
	}
	if encode(t, l)["callbackOnLocationHash"] != false {
		t.Error("a form post answers in the fragment")
	}
}

// The libraries add https:// to a domain without a scheme.
func TestConfig_NamesTheWholeOriginOnPlainHTTP(t *testing.T) {
	t.Parallel()
	l := sample()
	l.Site.Domain = tenant.Domain{Host: "localhost:3000", Issuer: "http://localhost:3000/"}
	got := encode(t, l)
	if got["auth0Domain"] != "http://localhost:3000" || got["languageBaseUrl"] != "http://localhost:3000" {
		t.Errorf("got %v and %v", got["auth0Domain"], got["languageBaseUrl"])
	}
}

func TestValidAuth0Client_IsWhatLockCanParse(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"eyJuYW1lIjoiYXV0aDAuanMifQ==": true, "eyJuYW1lIjoiYXV0aDAuanMifQ": true, "": false, "{}": false, "e30": true, "bm8=": false,
		"eyJ_": false, "!!": false,
	} {
		if got := ValidAuth0Client(value); got != want {
			t.Errorf("%q: got %t, want %t", value, got, want)
		}
	}
	l := sample()
	l.Query.Set("auth0Client", "not base64")
	got := encode(t, l)
	for _, key := range []string{"extraParams", "internalOptions"} {
		if value, set := got[key].(map[string]any)["auth0Client"]; set {
			t.Errorf("%s has auth0Client %v", key, value)
		}
	}
}

func TestFill_ReplacesThePlaceholderAndNothingElse(t *testing.T) {
	t.Parallel()
	c := NewConfig(sample())
	encoded, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(encoded, "<>&'\"\\-_") {
		t.Error("the configuration is not standard base64")
	}
	for html, want := range map[string]string{
		"a '@@config@@' b \"@@config@@\" {{ x }} %s $1 @@other@@ \xff": "a '" + encoded + "' b \"" + encoded + "\" {{ x }} %s $1 @@other@@ \xff",
		"no placeholder @config@ @@CONFIG@@":                           "no placeholder @config@ @@CONFIG@@",
		"":                                                             "",
	} {
		got, err := c.Fill(html)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q became %q", html, got)
		}
	}
}
