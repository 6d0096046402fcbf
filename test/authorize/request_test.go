package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

func setErrorPage(address string) func(*tenant.Settings) {
	return func(s *tenant.Settings) { s.ErrorPage = &tenant.ErrorPage{URL: address} }
}

func TestRequest_ErrorsGoToTheCallback(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.AddConnection(&connection.Connection{Name: "sms", Strategy: connection.SMS}, s.Web)
	s.AddConnection(&connection.Connection{Name: "staff", Strategy: connection.Email})
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	long, short := strings.Repeat("a", 43), strings.Repeat("a", 42)
	for _, c := range []struct {
		params      []string
		code, says  string
		notQuestion bool // the answer comes in the fragment
	}{
		{[]string{"response_type", ""}, "invalid_request", "Missing required parameter: response_type", false},
		{[]string{"response_type", "saml"}, "unsupported_response_type", "Unsupported response type: saml", false},
		{[]string{"response_type", "code code"}, "unsupported_response_type", "Unsupported response type: code code", false},
		{[]string{"response_type", "none"}, "unsupported_response_type", "Unsupported response type: none", false},
		{[]string{"response_mode", "carrier-pigeon"}, "invalid_request", "Unsupported response mode: carrier-pigeon", false},
		{[]string{"response_type", "token", "response_mode", "query"}, "invalid_request", "response_mode query is not allowed for this response_type", true},
		{[]string{"response_type", "id_token"}, "invalid_request", "Missing required parameter: nonce", true},
		{[]string{"response_type", "id_token token"}, "invalid_request", "Missing required parameter: nonce", true},
		{[]string{"response_type", "id_token", "nonce", "n", "scope", "profile"}, "invalid_scope", "The scope openid is required for response_type id_token", true},
		{[]string{"prompt", "none login"}, "invalid_request", "prompt none cannot be combined with others", false},
		{[]string{"prompt", "create"}, "invalid_request", "Unsupported prompt: create", false},
		{[]string{"max_age", "soon"}, "invalid_request", "max_age must be a number of seconds", false},
		{[]string{"max_age", "-1"}, "invalid_request", "max_age must be a number of seconds", false},
		{[]string{"max_age", "99999999999999999999"}, "invalid_request", "max_age must be a number of seconds", false},
		{[]string{"audience", "https://nowhere.example.com/"}, "access_denied", "Service not found: https://nowhere.example.com/", false},
		{[]string{"connection", "github"}, "invalid_request", "the connection was not found", false},
		{[]string{"connection", "staff"}, "invalid_request", "the connection is not enabled", false},
		{[]string{"organization", "org_1"}, "invalid_request", "parameter organization is not allowed for this client", false},
		{[]string{"request", "x.y.z"}, "request_not_supported", "The request parameter is not supported", false},
		{[]string{"id_token_hint", "x.y.z"}, "invalid_request", "The id_token_hint is invalid", false},
		{[]string{"code_challenge", short, "code_challenge_method", "S256"}, "invalid_request", "code_challenge is malformed", false},
		{[]string{"code_challenge", long + "+", "code_challenge_method", "S256"}, "invalid_request", "code_challenge is malformed", false},
		{[]string{"code_challenge", strings.Repeat("a", 129)}, "invalid_request", "code_challenge is malformed", false},
		{[]string{"code_challenge", long, "code_challenge_method", "S512"}, "invalid_request", "Unsupported code_challenge_method: S512", false},
		{[]string{"code_challenge_method", "S256"}, "invalid_request", "Missing required parameter: code_challenge", false},
	} {
		a := b.Get(s.AuthorizeURL(s.Web, c.params...))
		fails(t, a, c.code, c.says)
		if got := a.Location(t).Fragment != ""; got != c.notQuestion {
			t.Errorf("%v: the error is in the fragment: %v", c.params, got)
		}
	}
}

func TestRequest_GrantTypesOfTheClientDecideResponseTypes(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	codeOnly, _ := addClient(s, &client.Client{Name: "Code", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{client.GrantAuthorizationCode}})
	implicitOnly, _ := addClient(s, &client.Client{Name: "Implicit", TokenEndpointAuthMethod: client.AuthNone, GrantTypes: []string{client.GrantImplicit}})
	for _, responseType := range []string{"token", "id_token", "token id_token", "code token", "id_token code"} {
		fails(t, b.Get(s.AuthorizeURL(codeOnly, "response_type", responseType, "nonce", "n")), "unauthorized_client", "Grant type 'implicit' not allowed for the client.")
	}
	for _, responseType := range []string{"code", "code token"} {
		fails(t, b.Get(s.AuthorizeURL(implicitOnly, "response_type", responseType, "nonce", "n")), "unauthorized_client", "Grant type 'authorization_code' not allowed for the client.")
	}
	leadsTo(t, b.Get(s.AuthorizeURL(codeOnly)), identifierPage)
	leadsTo(t, b.Get(s.AuthorizeURL(implicitOnly, "response_type", "token")), identifierPage)
}

func TestRequest_EveryResponseTypeAndMode(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	for _, responseType := range []string{"code", "token", "id_token", "token id_token", "id_token code", "token code", "id_token code token"} {
		for _, mode := range []string{"", "query", "fragment", "form_post", "web_message"} {
			a := b.Get(s.AuthorizeURL(s.Web, "response_type", responseType, "response_mode", mode, "nonce", "n"))
			switch {
			case mode == "form_post", mode == "web_message":
				if a.Status != http.StatusOK || a.Header.Get("Location") != "" {
					t.Errorf("%s by %s is answered %d", responseType, mode, a.Status)
				}
				continue
			case mode == "query" && responseType != "code":
				fails(t, a, "invalid_request", "response_mode query is not allowed for this response_type")
				continue
			}
			got := response(t, a)
			for _, one := range []struct{ param, when string }{{"code", "code"}, {"access_token", "token"}, {"id_token", "id_token"}} {
				wants := false
				for _, word := range strings.Fields(responseType) {
					wants = wants || word == one.when
				}
				if got.Has(one.param) != wants {
					t.Errorf("%s by %q gives %v", responseType, mode, got)
				}
			}
			if inFragment := a.Location(t).Fragment != ""; inFragment == (responseType == "code" && mode != "fragment") {
				t.Errorf("%s by %q is answered at %s", responseType, mode, a.Location(t))
			}
			if got.Get("state") != "app-state" || got.Has("refresh_token") {
				t.Errorf("%s by %q gives %v", responseType, mode, got)
			}
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s by %q has the headers %v", responseType, mode, a.Header)
			}
		}
	}
}

func TestRequest_StateComesBackByteForByte(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	b.Login(s.AuthorizeURL(s.Web), ada)
	for _, state := range []string{"a b+c%20&d=e#f?g/h", "日本語 ümlaut \"'<>", "=&=", strings.Repeat("x", 4096)} {
		if got := succeeds(t, b.Get(s.AuthorizeURL(s.Web, "state", state)))["state"]; len(got) != 1 || got[0] != state {
			t.Errorf("state %q comes back as %q", state, got)
		}
	}
	if got := succeeds(t, b.Get(s.AuthorizeURL(s.Web, "state", ""))); got.Has("state") {
		t.Errorf("a request without state is answered %v", got)
	}
	if got := succeeds(t, b.Get(s.AuthorizeURL(s.Web, "state", "")+"&state=")); !got.Has("state") || got.Get("state") != "" {
		t.Errorf("an empty state comes back as %v", got)
	}
}

func TestRequest_LargeOnesSurviveThePages(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		state := strings.Repeat("s", 4096)
		if got := succeeds(t, b.Login(s.AuthorizeURL(s.Web, "state", state, "nonce", strings.Repeat("n", 1000)), ada)); got.Get("state") != state {
			t.Errorf("a state of %d characters comes back with %d", len(state), len(got.Get("state")))
		}
	})
}

func TestRequest_ByPost(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	u, err := url.Parse(s.AuthorizeURL(s.Web))
	if err != nil {
		t.Fatal(err)
	}
	form := u.Query()
	succeeds(t, walk(t, s, b, b.Post("/authorize", form), ada))
	form.Set("redirect_uri", "https://evil.com/")
	staysHere(t, b.Post("/authorize", form), http.StatusForbidden, "Callback URL mismatch")
	staysHere(t, b.Do(http.MethodPost, "/authorize", "text/plain", form.Encode()), http.StatusBadRequest, "Content-Type")
}

func TestFormPost_NeedsAWebAddress(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c, _ := addClient(s, &client.Client{
		Name: "App", AppType: "native", TokenEndpointAuthMethod: client.AuthNone, Callbacks: []string{"com.example.app://callback"},
		GrantTypes: []string{client.GrantAuthorizationCode},
	})
	b := s.Browser(t)
	location := b.Get(s.AuthorizeURL(c, "redirect_uri", "com.example.app://callback", "response_mode", "form_post")).Location(t)
	if location.Scheme != "com.example.app" || location.Query().Get("error") != "invalid_request" {
		t.Errorf("the request is answered at %s", location)
	}
	staysHere(t, b.Get(s.AuthorizeURL(c, "redirect_uri", "com.example.app://callback", "response_mode", "web_message")), http.StatusForbidden, "web origins")
}
