package promises

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

var configured = regexp.MustCompile(`atob\('([^']+)'\)`)

// classicPage opens the Classic login page of a fresh login and gives its HTML, the configuration in it, and the login.
func classicPage(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client) (html string, config doc) {
	t.Helper()
	s.Must(200, "PATCH", "/prompts", doc{"universal_login_experience": "classic"})
	to := b.Get(s.AuthorizeURL(c)).Location(t)
	if to.Path != "/login" {
		t.Fatalf("the authorization request led to %s, want /login", to)
	}
	page := b.Get(to.String())
	encoded := first(configured, page.Body)
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || page.Status != http.StatusOK {
		t.Fatalf("the page answered %d: %v: %s", page.Status, err, page.Body)
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatalf("the configuration %s: %v", text, err)
	}
	return page.Body, config
}

// hostedByScript does what Lock and auth0.js do on the Classic page: they ask for a code, let it be checked, and go to where
// it is spent.
func hostedByScript(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client, config doc, who string) *url.URL {
	t.Helper()
	params, _ := config["internalOptions"].(doc)
	name, field := "email", "email"
	if strings.HasPrefix(who, "+") {
		name, field = "sms", "phone_number"
	}
	all := doc{"response_type": "code", "redirect_uri": servertest.Callback}
	for k, v := range params {
		all[k] = v
	}
	if a := b.PostJSON("/passwordless/start", doc{"client_id": c.ID, "connection": name, "send": "code", field: who, "authParams": all}); a.Status != http.StatusOK {
		t.Fatalf("the start answered %d %s", a.Status, a.Body)
	}
	code := s.Code(t, who)
	check := doc{"connection": name, "verification_code": servertest.WrongCode(code), field: who, "client_id": c.ID}
	if a := b.PostJSON("/passwordless/verify", check); a.Status != http.StatusUnauthorized || a.JSON(t)["error"] != "invalid_user_password" {
		t.Errorf("a wrong code answered %d %s", a.Status, a.Body)
	}
	check["verification_code"] = code
	if a := b.PostJSON("/passwordless/verify", check); a.Status != http.StatusOK {
		t.Fatalf("the right code answered %d %s", a.Status, a.Body)
	}
	query := url.Values{"client_id": {c.ID}, "connection": {name}, field: {who}, "verification_code": {code}, "protocol": {"oauth2"}}
	for k, v := range all {
		if text, ok := v.(string); ok {
			query.Set(k, text)
		}
	}
	address := "/passwordless/verify_redirect?" + query.Encode()
	a := press(t, b, address)
	if to := a.Location(t); to.Path != pathResume {
		t.Fatalf("the code led to %s", to)
	}
	return b.Get(a.Location(t).String()).Location(t)
}

func TestImplement_ConfigureTheUniversalLoginPage(t *testing.T) {
	t.Parallel()
	prove(t, []row{
		{"Universal Login + Lock (passwordless)", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Web)
			for _, who := range []string{ada, phone} {
				b := s.Browser(t)
				html, config := classicPage(t, s, b, s.Web)
				if !strings.Contains(html, "new Auth0LockPasswordless(") || strings.Contains(html, `src="http`) {
					t.Error("the page has no Lock, or one from another host")
				}
				src := first(regexp.MustCompile(`<script src="([^"]+)"`), html)
				if a := b.Get(src); a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") {
					t.Errorf("%s answered %d", src, a.Status)
				}
				end := hostedByScript(t, s, b, s.Web, config, who)
				if end.Query().Get("state") != "app-state" {
					t.Errorf("the login ended at %s", end)
				}
				b.MustToken(s.CodeForm(end.Query().Get("code")))
			}
			// The template can be customized.
			s.Must(200, "PATCH", "/clients/"+s.Web.ID, doc{"custom_login_page_on": true,
				"custom_login_page": "<title>Mine</title><script>var config = JSON.parse(decodeURIComponent(escape(window.atob('@@config@@'))));</script>"})
			b := s.Browser(t)
			html, config := classicPage(t, s, b, s.Web)
			if !strings.Contains(html, "<title>Mine</title>") || config["clientID"] != s.Web.ID {
				t.Errorf("the page of the client's own is %s", html)
			}
		}},
		{"Universal Login + Custom UI + Auth0.js", func(t *testing.T, s *servertest.Server) {
			s.Must(200, "PATCH", "/clients/"+s.Web.ID, doc{"custom_login_page_on": true, "custom_login_page": "<script src='/_/assets/auth0js/10.2.1/auth0.min.js'></script>" +
				"<script>var config = JSON.parse(decodeURIComponent(escape(window.atob('@@config@@'))));</script>"})
			b := s.Browser(t)
			_, config := classicPage(t, s, b, s.Web)
			exchanged(t, s, b, hostedByScript(t, s, b, s.Web, config, ada))
			if a := b.Get("/_/assets/auth0js/10.2.1/auth0.min.js"); a.Status != http.StatusOK {
				t.Errorf("auth0.js answered %d", a.Status)
			}
		}},
	})
}

// embedded does what Lock and auth0.js do on a page of another origin, and gives where the login ends.
func embedded(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client) *url.URL {
	t.Helper()
	b.Headers.Set("Origin", servertest.WebOrigin)
	if a := start(t, b, doc{"client_id": c.ID, "connection": "email", "email": ada, "send": "code"}); a.Status != http.StatusOK ||
		a.Header.Get("Access-Control-Allow-Origin") != servertest.WebOrigin {
		t.Fatalf("the start answered %d %s", a.Status, a.Body)
	}
	a := b.PostJSON("/co/authenticate", doc{"client_id": c.ID, "username": ada, "otp": s.Code(t, ada), "realm": "email", "credential_type": otpGrant})
	if a.Status != http.StatusOK || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Fatalf("the code answered %d %s", a.Status, a.Body)
	}
	b.Headers.Del("Origin")
	return b.Get(s.AuthorizeURL(c, "realm", "email", "login_ticket", a.JSON(t)["login_ticket"].(string))).Location(t)
}

// embeddable is a client whose pages may have the form.
func embeddable(s *servertest.Server) *client.Client {
	s.Must(200, "PATCH", "/clients/"+s.Web.ID, doc{"cross_origin_authentication": true})
	s.Must(200, "PATCH", "/clients/"+s.SPA.ID, doc{"cross_origin_authentication": true,
		"grant_types": []any{"authorization_code", "implicit", "refresh_token", otpGrant}})
	return s.SPA
}

func TestConnections_ImplementingPasswordless(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"Recommended: Universal Login + Lock (with Passwordless)", func(t *testing.T, s *servertest.Server) {
			b := s.Browser(t)
			_, config := classicPage(t, s, b, s.Web)
			exchanged(t, s, b, hostedByScript(t, s, b, s.Web, config, ada))
		}},
		{"Alternative: Embedded Login + Lock (with Passwordless)", func(t *testing.T, s *servertest.Server) {
			c := embeddable(s)
			if end := embedded(t, s, s.Browser(t), c); end.Query().Get("code") == "" {
				t.Errorf("the login ended at %s", end)
			}
		}},
		{"Best practices: Use the Universal Login Classic Experience with the Lock (with passwordless) template for your login page.", func(t *testing.T, s *servertest.Server) {
			html, _ := classicPage(t, s, s.Browser(t), s.Web)
			if !strings.Contains(html, "Auth0LockPasswordless") {
				t.Error("the default Classic page is not Lock (passwordless)")
			}
			documented(t, "guides/classic-login.md", "Lock (passwordless)")
		}},
	})
}

func TestConnections_LimitationOfEmbeddedLogin(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{{
		"Using Embedded Login with any application type leaves your application vulnerable to cross-origin resource sharing (CORS) attacks and requires the use of Auth0 Custom Domains, which is a paid feature.",
		func(t *testing.T, s *servertest.Server) {
			c := embeddable(s)
			// A page of nobody's learns nothing and gets no ticket.
			evil := s.Browser(t)
			b := started(t, s, ada)
			code := s.Code(t, ada)
			evil.Headers.Set("Origin", "https://evil.example")
			a := evil.PostJSON("/co/authenticate", doc{"client_id": c.ID, "username": ada, "otp": code, "realm": "email", "credential_type": otpGrant})
			if a.Status != http.StatusForbidden || a.Header.Get("Access-Control-Allow-Origin") != "" || strings.Contains(a.Body, "login_ticket") {
				t.Errorf("another origin got %d %s", a.Status, a.Body)
			}
			b.MustToken(grant(s, ada, code)) // the code was not touched
			// A ticket that was stolen on its way is of no use in another browser.
			mine := s.Browser(t)
			mine.Headers.Set("Origin", servertest.WebOrigin)
			if a := start(t, mine, doc{"client_id": c.ID, "connection": "email", "email": ada, "send": "code"}); a.Status != http.StatusOK {
				t.Fatalf("the start answered %d %s", a.Status, a.Body)
			}
			a = mine.PostJSON("/co/authenticate", doc{"client_id": c.ID, "username": ada, "otp": s.Code(t, ada), "realm": "email", "credential_type": otpGrant})
			stolen := s.AuthorizeURL(c, "realm", "email", "login_ticket", a.JSON(t)["login_ticket"].(string))
			if a := s.Browser(t).Get(stolen); strings.Contains(a.Header.Get("Location"), "code=") {
				t.Errorf("a stolen ticket led to %s", a.Header.Get("Location"))
			}
			// And the tenant's plain domain was enough.
			if end := embedded(t, s, s.Browser(t), c); end.Query().Get("code") == "" {
				t.Errorf("the login ended at %s", end)
			}
			documented(t, "guides/embedded-login.md", "every script on that page sees what people type", "as many domains as it wants")
		},
	}})
}
