package promises

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

// The page "Passwordless with Universal Login" (https://auth0.com/docs/authenticate/passwordless/passwordless-with-universal-login).

// Its table, column by column: database connection, passwordless connection, need to specify, user experience.
func TestUniversalLogin_UpdateYourApplication(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"Yes | SMS and/or Email | Yes | Specified Passwordless connection is presented during login.", func(t *testing.T, s *servertest.Server) {
			texts := connect(s, "sms", "sms", nil)
			database := connect(s, "people", "auth0", nil)
			mail := s.Must(200, "GET", "/connections?name=email", nil).List()[0].(doc)["id"].(string)
			for _, enabled := range [][]string{{"sms"}, {"email"}, {"sms", "email"}} {
				c := newClient(s)
				ids := map[string]string{"sms": texts, "email": mail}
				for _, id := range append([]string{database}, pick(ids, enabled)...) {
					s.Must(204, "PATCH", "/connections/"+id+"/clients", []any{doc{"client_id": c.ID, "status": true}})
				}
				for _, name := range enabled {
					wantLogin(t, s, c, name, "connection", name)
				}
				// Who names none does not get a passwordless one.
				authorize, _ := public(s, c)
				to := s.Browser(t).Get(authorize).Location(t)
				if to.Path == pathIdentify {
					v := begin(t, s, s.Browser(t), authorize)
					if next := v.post(pathIdentify, "username", ada).Header.Get("Location"); strings.Contains(next, "passwordless") {
						t.Errorf("%v: a login that names no connection led to %s", enabled, next)
					}
				} else if got := to.Query().Get("error"); got != "invalid_request" {
					t.Errorf("%v: a login that names no connection led to %s", enabled, to)
				}
			}
		}},
		{"No | SMS and Email | No | Passwordless connection that was created first is presented.", func(t *testing.T, s *servertest.Server) {
			mailFirst, textFirst := newClient(s), newClient(s)
			s.ChangeConnection("email", enable(mailFirst))
			connect(s, "sms", "sms", nil, mailFirst, textFirst)
			connect(s, "mail", "email", nil, textFirst)
			wantLogin(t, s, mailFirst, "email")
			wantLogin(t, s, textFirst, "sms")
			// A change makes none younger or older.
			set(s, "email", doc{"disable_signup": false})
			wantLogin(t, s, mailFirst, "email")
		}},
		{"No | SMS or Email | No | Passwordless connection is presented (along with any enabled Social connections) during login.", func(t *testing.T, s *servertest.Server) {
			mails, texts := newClient(s), newClient(s)
			s.ChangeConnection("email", enable(mails))
			connect(s, "sms", "sms", nil, texts)
			wantLogin(t, s, mails, "email")
			wantLogin(t, s, texts, "sms")
			documented(t, "divergences.md", "social connections")
		}},
	})
}

func TestUniversalLogin_ToSpecifyAConnection(t *testing.T) {
	t.Parallel()
	sdk := func(name string) func(t *testing.T, s *servertest.Server) {
		return func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.SPA)
			wantLogin(t, s, s.SPA, name, "connection", name, "response_mode", "query", "nonce", "n", "auth0Client", "eyJuYW1lIjoiYXV0aDAtc3BhLWpzIn0=")
		}
	}
	proveEach(t, []row{
		{"/authorize?client_id={id}&connection={sms|email}&scope=…&response_type=code&response_mode=query&state=…&redirect_uri=http%3A%2F%2Flocalhost%3A3000&code_challenge=…", func(t *testing.T, s *servertest.Server) {
			c, _ := s.AddClient(&client.Client{
				Name: "Local", AppType: "spa", TokenEndpointAuthMethod: client.AuthNone, Callbacks: []string{"http://localhost:3000"},
				GrantTypes: []string{client.GrantAuthorizationCode},
			})
			s.ChangeConnection("email", enable(c))
			connect(s, "sms", "sms", nil, c)
			for name, who := range map[string]string{"sms": phone, "email": ada} {
				verifier := servertest.NewPKCE().Verifier
				v := begin(t, s, s.Browser(t), fmt.Sprintf("/authorize?client_id=%s&connection=%s&scope=openid&response_type=code&response_mode=query"+
					"&state=mine&redirect_uri=http%%3A%%2F%%2Flocalhost%%3A3000&code_challenge=%s&prompt=login", c.ID, name, verifier))
				v.identify(who)
				to := v.next(v.post(map[string]string{"sms": pathTextCode, "email": pathMailCode}[name], "code", s.Code(t, who)), pathResume)
				// A loopback address is nobody's own: the person says whether it may go on there.
				end := to.Location(t)
				if strings.HasPrefix(end.Path, "/u/") {
					end = v.next(v.post(end.Path, "action", "accept"), pathResume).Location(t)
				}
				if end.Host != "localhost:3000" || end.Query().Get("state") != "mine" || end.Query().Get("code") == "" {
					t.Fatalf("%s: the login ended at %s", name, end)
				}
				v.b.MustToken(url.Values{
					"grant_type": {"authorization_code"}, "client_id": {c.ID}, "code": {end.Query().Get("code")},
					"redirect_uri": {"http://localhost:3000"}, "code_verifier": {verifier},
				})
			}
		}},
		{`auth0 = await createAuth0Client({ domain: config.domain, client_id: config.clientId, connection: "email" });`, sdk("email")},
		{`auth0 = await createAuth0Client({ domain: config.domain, client_id: config.clientId, connection: "sms" });`, sdk("sms")},
		{"Single Sign-On: connection parameters sms and email do not utilize the existing Auth0 session, and the user will be prompted to log in.", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Web)
			b := s.Browser(t)
			b.LoginCode(s.Web, ada)
			if to := b.Get(s.AuthorizeURL(s.Web)).Location(t); to.Query().Get("code") == "" {
				t.Errorf("a request that names no connection led to %s, not past the pages", to)
			}
			for _, name := range []string{"sms", "email"} {
				if to := b.Get(s.AuthorizeURL(s.Web, "connection", name)).Location(t); to.Path != pathIdentify {
					t.Errorf("connection=%s led to %s, want a prompt", name, to)
				}
				if to := b.Get(s.AuthorizeURL(s.Web, "connection", name, "prompt", "none")).Location(t); to.Query().Get("error") != "login_required" {
					t.Errorf("connection=%s without a prompt led to %s, want login_required", name, to)
				}
			}
			// Lifted for who asks for it.
			set(s, "email", doc{"sso": doc{"reuse": true}})
			if to := b.Get(s.AuthorizeURL(s.Web, "connection", "email")).Location(t); to.Query().Get("code") == "" {
				t.Errorf("with sso.reuse, connection=email led to %s", to)
			}
		}},
	})
}

func TestUniversalLogin_EnableIdentifierFirst(t *testing.T) {
	t.Parallel()
	profile := func(settings doc) func(t *testing.T, s *servertest.Server) {
		return func(t *testing.T, s *servertest.Server) {
			s.Must(200, "PATCH", "/prompts", settings)
			v := begin(t, s, s.Browser(t), s.AuthorizeURL(s.Web))
			if got := first(screen, v.page.Body); got != "login-id" || strings.Contains(v.page.Body, `type="password"`) {
				t.Errorf("the login begins with %q, want login-id and no password", got)
			}
			v.identify(ada)
			if end := v.finish(ada); end.Query().Get("code") == "" {
				t.Errorf("the login ended at %s", end)
			}
		}
	}
	prove(t, []row{
		{"Identifier First", profile(doc{"identifier_first": true})},
		{"Identifier First + Biometrics", profile(doc{"identifier_first": true, "webauthn_platform_first_factor": true})},
	})
}

func TestUniversalLogin_TestTheConnection(t *testing.T) {
	t.Parallel()
	prove(t, []row{
		{"Signup", func(t *testing.T, s *servertest.Server) {
			c := newClient(s)
			connect(s, "sms", "sms", nil, c)
			authorize, verifier := public(s, c, "screen_hint", "signup")
			v := begin(t, s, s.Browser(t), authorize)
			if got := first(screen, v.page.Body); got != "signup-id" || v.asks() != "tel" || !strings.Contains(v.page.Body, "<select") {
				t.Errorf("the sign-up begins with %q, which asks for %q, want signup-id, a country and a number", got, v.asks())
			}
			page := v.next(v.post("/u/signup/identifier", "phone", phone), pathTextCode)
			if !strings.Contains(page.Body, `autocomplete="one-time-code"`) {
				t.Error("the page asks for no code")
			}
			if sub := subject(t, v.b, c, v.finish(phone), verifier); !strings.HasPrefix(sub, "sms|") {
				t.Errorf("signed up as %s", sub)
			}
		}},
		{"Login", func(t *testing.T, s *servertest.Server) {
			c := newClient(s)
			connect(s, "sms", "sms", nil, c)
			wantLogin(t, s, c, "sms") // who is there already by now
			authorize, _ := public(s, c, "prompt", "login")
			v := begin(t, s, s.Browser(t), authorize)
			page := v.identify(phone)
			if got := first(screen, page.Body); got != "login-passwordless-sms-otp" {
				t.Errorf("the code is asked for on %q, want login-passwordless-sms-otp", got)
			}
			for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`, `value="resend"`, phone[len(phone)-2:]} {
				if !strings.Contains(page.Body, want) {
					t.Errorf("the page lacks %s", want)
				}
			}
			if end := v.finish(phone); end.Query().Get("code") == "" {
				t.Errorf("the login ended at %s", end)
			}
		}},
	})
}
