package promises

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

// The page "Implement Passwordless Authentication" (https://auth0.com/docs/connections/passwordless/guides/implement-passwordless).

func TestImplement_Prerequisites(t *testing.T) {
	t.Parallel()
	prove(t, []row{
		{"Select the appropriate Application Type.", func(t *testing.T, s *servertest.Server) {
			for _, kind := range []string{"native", "spa", "regular_web", "non_interactive"} {
				made := s.Must(201, "POST", "/clients", doc{"name": "Acme " + kind, "app_type": kind}).Doc()
				if made["client_id"] == "" || made["app_type"] != kind {
					t.Errorf("registered as %v, want %s", made["app_type"], kind)
				}
			}
		}},
		{"Add an Allowed Callback URL.", func(t *testing.T, s *servertest.Server) {
			made := s.Must(201, "POST", "/clients", doc{"name": "Acme", "app_type": "regular_web"}).Doc()
			c := &client.Client{ID: made["client_id"].(string)}
			s.ChangeConnection("email", enable(c))
			b := s.Browser(t)
			if a := b.Get(s.AuthorizeURL(c)); a.Status != http.StatusForbidden && a.Status != http.StatusBadRequest {
				t.Errorf("a callback that nobody added: got %d %s", a.Status, a.Header.Get("Location"))
			}
			s.Must(200, "PATCH", "/clients/"+c.ID, doc{"callbacks": []any{servertest.Callback}})
			if a := b.Login(s.AuthorizeURL(c), ada); !strings.HasPrefix(a.Location(t).String(), servertest.Callback+"?code=") {
				t.Errorf("the login ended at %s", a.Location(t))
			}
		}},
	})
}

func TestImplement_SetUpThePasswordlessConnection(t *testing.T) {
	t.Parallel()
	prove(t, []row{
		{"choosing the authentication method (SMS or email)", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Native)
			for _, who := range []string{ada, phone} {
				b := started(t, s, who)
				b.MustToken(grant(s, who, s.Code(t, who)))
			}
		}},
		{"customizing message text", func(t *testing.T, s *servertest.Server) {
			g := newGateway(t)
			connect(s, "sms", "sms", g.options(doc{"syntax": "liquid", "template": "{{ application.name }}: {{ code }}"}), s.Native)
			set(s, "email", doc{"email": doc{"syntax": "liquid", "subject": "For {{ application.name }}", "body": "<p>Take {{ code }}</p>"}})
			started(t, s, phone)
			if got := g.last(t).Body; got != "Test Native: "+s.Code(t, phone) {
				t.Errorf("the text message says %q", got)
			}
			started(t, s, ada)
			if m := s.Mail(t, ada); m.Subject != "For Test Native" || m.HTML != "<p>Take "+m.Code+"</p>" {
				t.Errorf("the mail says %q, %q", m.Subject, m.HTML)
			}
		}},
		{"selecting code options", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", doc{"totp": doc{"length": 8, "time_step": 60}}, s.Native)
			set(s, "email", doc{"totp": doc{"length": 8, "time_step": 60}})
			for _, who := range []string{ada, phone} {
				wantLength(t, s, who, 8)
			}
		}},
	})
}

func TestImplement_ConfigureYourApplicationToUseUniversalLogin(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"Regular Web Applications", func(t *testing.T, s *servertest.Server) {
			b := s.Browser(t)
			tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada)))
			if got := servertest.Claims(t, tokens.IDToken)["email"]; got != ada {
				t.Errorf("the ID token is that of %v", got)
			}
		}},
		{"Single-Page Applications", func(t *testing.T, s *servertest.Server) {
			wantLogin(t, s, s.SPA, "email")
			if a := s.Browser(t).Do("OPTIONS", "/oauth/token", "", ""); a.Status >= 500 {
				t.Errorf("the browser's question answered %d", a.Status)
			}
		}},
		{"Native Applications", func(t *testing.T, s *servertest.Server) {
			wantLogin(t, s, s.Native, "email")
		}},
	})
}

const otpGrant = "http://auth0.com/oauth/grant-type/passwordless/otp"

// The way through the API, step by step. The page's sample writes scopes where scope is meant, and shows a refresh token
// where none was asked for.
func TestImplement_PasswordlessAuthenticationWithOAuthToken(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"This is not an option for Single-Page Applications, which should use Universal Login", func(t *testing.T, s *servertest.Server) {
			body := doc{"client_id": s.SPA.ID, "connection": "email", "email": ada, "send": "code"}
			if a := start(t, s.Browser(t), body); a.Status != http.StatusForbidden || a.JSON(t)["error"] != "unauthorized_client" {
				t.Errorf("a start answered %d %s", a.Status, a.Body)
			}
			// The grant that Lock inside of the application's own pages needs gives no tokens by itself either.
			s.Must(200, "PATCH", "/clients/"+s.SPA.ID, doc{"grant_types": []any{"authorization_code", otpGrant}})
			b := s.Browser(t)
			if a := start(t, b, body); a.Status != http.StatusOK {
				t.Errorf("with the grant a start answered %d %s", a.Status, a.Body)
			}
			form := s.OTPForm(ada, s.Code(t, ada))
			form.Set("client_id", s.SPA.ID)
			if a := b.Token(form); a.Status != http.StatusForbidden || a.JSON(t)["error"] != "unauthorized_client" {
				t.Errorf("the grant answered %d %s", a.Status, a.Body)
			}
			// Lifted for who asks for it.
			s.Must(200, "PATCH", "/clients/"+s.SPA.ID, doc{"latchkey": doc{"allow_public_otp": true}})
			b.MustToken(form)
			wantLogin(t, s, s.SPA, "email")
		}},
		{"First, you must turn on the Passwordless OTP grant", func(t *testing.T, s *servertest.Server) {
			c, secret := s.AddClient(&client.Client{
				Name: "Acme", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{client.GrantAuthorizationCode},
			})
			s.ChangeConnection("email", enable(c))
			body := doc{"client_id": c.ID, "client_secret": secret, "connection": "email", "email": ada, "send": "code"}
			if a := start(t, s.Browser(t), body); a.Status != http.StatusForbidden {
				t.Errorf("without the grant a start answered %d %s", a.Status, a.Body)
			}
			s.Must(200, "PATCH", "/clients/"+c.ID, doc{"grant_types": []any{"authorization_code", otpGrant}})
			if a := start(t, s.Browser(t), body); a.Status != http.StatusOK {
				t.Errorf("with the grant a start answered %d %s", a.Status, a.Body)
			}
		}},
		{"POST https://YOUR_AUTH0_DOMAIN/passwordless/start", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Web, s.Native)
			params := doc{"scope": "openid", "state": "YOUR_STATE"}
			for _, one := range []struct {
				connection, field, who string
			}{{"email", "email", ada}, {"sms", "phone_number", phone}} {
				body := doc{"client_id": s.Web.ID, "client_secret": s.Secret, "connection": one.connection, one.field: one.who, "send": "code", "authParams": params}
				a := start(t, s.Browser(t), body)
				if a.Status != http.StatusOK || a.JSON(t)[one.field] != one.who {
					t.Errorf("%s: got %d %s", one.connection, a.Status, a.Body)
				}
				if len(s.Code(t, one.who)) != 6 {
					t.Errorf("%s: no code came", one.connection)
				}
				// The secret is required for Web Apps only: native ones have none.
				delete(body, "client_secret")
				if a := start(t, s.Browser(t), body); a.Status != http.StatusForbidden {
					t.Errorf("%s: without the secret got %d %s", one.connection, a.Status, a.Body)
				}
				body["client_id"] = s.Native.ID
				if a := start(t, s.Browser(t), body); a.Status != http.StatusOK {
					t.Errorf("%s: a native application got %d %s", one.connection, a.Status, a.Body)
				}
			}
		}},
		{"The user will then receive the OTP code (either by email or sms, whichever you chose).", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Native)
			for who, channel := range map[string]string{ada: "email", phone: "sms"} {
				started(t, s, who)
				m := s.Mail(t, who)
				if string(m.Channel) != channel || !strings.Contains(m.Text, m.Code) {
					t.Errorf("%s got %s by %s", who, m.Text, m.Channel)
				}
			}
		}},
		{"POST https://YOUR_AUTH0_DOMAIN/oauth/token", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Web, s.Native)
			for _, who := range []string{ada, phone} {
				realm := map[string]string{ada: "email", phone: "sms"}[who]
				b := started(t, s, who)
				a := b.PostJSON("/oauth/token", doc{
					"grant_type": otpGrant, "client_id": s.Web.ID, "client_secret": s.Secret, "otp": s.Code(t, who),
					"audience": servertest.Audience, "realm": realm, "username": who, "scopes": "openid profile email",
				})
				if a.Status != http.StatusOK {
					t.Fatalf("%s: got %d %s", realm, a.Status, a.Body)
				}
				if sub := servertest.Claims(t, a.JSON(t)["id_token"].(string))["sub"].(string); !strings.HasPrefix(sub, realm+"|") {
					t.Errorf("%s: the tokens are those of %s", realm, sub)
				}
			}
		}},
		{"HTTP/1.1 200 OK, Content-Type: application/json, access_token, refresh_token, id_token, token_type Bearer, expires_in 86400", func(t *testing.T, s *servertest.Server) {
			b := started(t, s, ada)
			a := b.PostJSON("/oauth/token", doc{
				"grant_type": otpGrant, "client_id": s.Native.ID, "otp": s.Code(t, ada), "audience": servertest.Audience,
				"realm": "email", "username": ada, "scope": "openid profile email offline_access",
			})
			body := a.JSON(t)
			if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
				t.Errorf("got %d %s", a.Status, a.Header.Get("Content-Type"))
			}
			for _, name := range []string{"access_token", "refresh_token", "id_token"} {
				if text, _ := body[name].(string); text == "" {
					t.Errorf("the answer has no %s", name)
				}
			}
			if body["token_type"] != "Bearer" || body["expires_in"] != 86400.0 {
				t.Errorf("got %v for %v seconds", body["token_type"], body["expires_in"])
			}
			documented(t, "divergences.md", "OTP grant, refresh token", "OTP grant, `scopes`")
		}},
		{"You can then decode the ID Token to get information about the user, or use the Access Token to call your API as normal.", func(t *testing.T, s *servertest.Server) {
			b := started(t, s, ada)
			tokens := b.MustToken(grant(s, ada, s.Code(t, ada)))
			claims := servertest.Claims(t, tokens.IDToken)
			if claims["email"] != ada || claims["email_verified"] != true || claims["iss"] != s.Issuer {
				t.Errorf("the ID token says %v", claims)
			}
			b.Headers.Set("Authorization", "Bearer "+tokens.AccessToken)
			if a := b.Get("/userinfo"); a.Status != http.StatusOK || a.JSON(t)["email"] != ada {
				t.Errorf("the access token got %d %s", a.Status, a.Body)
			}
		}},
	})
}

// wantLength checks how many digits the codes for an address have, and that they log in for as long as they live.
func wantLength(t testing.TB, s *servertest.Server, who string, digits int) {
	t.Helper()
	b := started(t, s, who)
	code := s.Code(t, who)
	if len(code) != digits || strings.Trim(code, "0123456789") != "" {
		t.Errorf("the code for %s is %q, want %d digits", who, code, digits)
	}
	b.MustToken(grant(s, who, code))
}

// refused checks that a code is refused with a description.
func refused(t testing.TB, a *servertest.Answer, description string) {
	t.Helper()
	if a.Status != http.StatusForbidden || a.JSON(t)["error_description"] != description {
		t.Errorf("got %d %s, want %q", a.Status, a.Body, description)
	}
}

// parameter gives one parameter of an address.
func parameter(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}
