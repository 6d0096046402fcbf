package promises

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// The list "Limitations" of the page "Passwordless Connections", item by item: each is lifted.
func TestConnections_Limitations(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"Native applications, which use device-specific hardware and software, must use Universal Login.", func(t *testing.T, s *servertest.Server) {
			b := started(t, s, ada)
			form := grant(s, ada, s.Code(t, ada))
			form.Set("scope", "openid offline_access")
			form.Set("audience", servertest.Audience)
			if tokens := b.MustToken(form); tokens.RefreshToken == "" {
				t.Error("a native application gets no refresh token on its own screens")
			}
			wantLogin(t, s, s.Native, "email") // and Universal Login is there as well
			documented(t, "guides/native-applications.md", "*must* use Universal Login")
		}},
		{"Only the Universal Login Classic Experience currently supports passwordless.", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.SPA)
			s.Must(200, "PATCH", "/prompts", doc{"universal_login_experience": "new"})
			wantLogin(t, s, s.SPA, "email")
			wantLogin(t, s, s.SPA, "sms", "connection", "sms", "prompt", "login")
			v, _ := waiting(t, s)
			exchanged(t, s, v.b, v.next(press(t, v.b, linkOf(t, s)), pathResume).Location(t))
		}},
		{"Since you can't enforce that users enter the same email address every time they authenticate, users can end up with multiple user profiles. Combining multiple user profiles will require account linking.", func(t *testing.T, s *servertest.Server) {
			connect(s, "mail", "email", nil, s.Native)
			id := func(realm, who string) string {
				b := s.Browser(t)
				if a := start(t, b, doc{"client_id": s.Native.ID, "connection": realm, "email": who, "send": "code"}); a.Status != http.StatusOK {
					t.Fatalf("the start answered %d %s", a.Status, a.Body)
				}
				form := grant(s, who, s.Code(t, who))
				form.Set("realm", realm)
				return servertest.Claims(t, b.MustToken(form).IDToken)["sub"].(string)
			}
			one, two := id("email", ada), id("email", "ada@work.example")
			if one == two {
				t.Fatal("two addresses have one profile")
			}
			s.Must(201, "POST", "/users/"+one+"/identities", doc{"provider": "email", "user_id": strings.TrimPrefix(two, "email|")})
			if got := id("email", "ada@work.example"); got != one {
				t.Errorf("after they were linked the second address is %s, want %s", got, one)
			}
			// And without a call of anybody's, for who asks for it.
			s.Must(200, "PATCH", "/tenants/settings", doc{"latchkey": doc{"automatic_linking": "email"}})
			if got := id("mail", ada); got != one {
				t.Errorf("the same address at another connection is %s, want %s", got, one)
			}
		}},
		{"With magic link transactions, both the initial request and its response must take place in the same browser or the transaction will fail.", anotherBrowser},
	})
}

// To use a custom SMTP email provider, the SMTP server must ... : none of the three is needed any more, and each is still fine.
func TestConnections_LimitationsOfACustomSMTPEmailProvider(t *testing.T) {
	t.Parallel()
	t.Run("support LOGIN authentication", func(t *testing.T) {
		t.Parallel()
		for _, mechanism := range []string{"LOGIN", "PLAIN"} {
			s := newService(t)
			s.Must(201, "POST", "/emails/provider", doc{"name": "smtp", "default_from_address": "mail@acme.example", "credentials": doc{
				"smtp_host": "127.0.0.1", "smtp_port": s.mailServer(t, mechanism), "smtp_user": "bob", "smtp_pass": "secret",
			}})
			s.wantSent(t, ada, "smtp "+mechanism)
		}
	})
	// handled sets a server up and starts a login.
	handled := func(t *testing.T, version uint16, more doc) *service {
		s := newService(t)
		port, authority := s.secureMailServer(t, version)
		credentials := doc{"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_user": "bob", "smtp_pass": "secret",
			"smtp_servername": "mail.acme.example", "smtp_tls": "starttls"}
		for name, v := range more {
			credentials[name] = v
		}
		if credentials["smtp_ca_pem"] == "its own" {
			credentials["smtp_ca_pem"] = authority
		}
		s.Must(201, "POST", "/emails/provider", doc{"name": "smtp", "default_from_address": "mail@acme.example", "credentials": credentials})
		return s
	}
	// unsent starts a login whose mail must not leave, and of which the tenant is told.
	unsent := func(t *testing.T, s *service) {
		started(t, s.Server, ada)
		eventually(t, "the tenant is told", func() bool { return strings.Contains(s.EventTypes(t), "fn") })
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.calls) > 0 {
			t.Errorf("the mail left: %s", s.calls[0])
		}
	}
	t.Run("support TLS 1.0 or higher", func(t *testing.T) {
		t.Parallel()
		old := doc{"smtp_ca_pem": "its own"}
		unsent(t, handled(t, tls.VersionTLS10, old)) // today 1.2, unless the tenant says otherwise
		old["smtp_tls_min"] = "1.0"
		handled(t, tls.VersionTLS10, old).wantSent(t, ada, "smtp PLAIN")
	})
	t.Run("use a certificate signed by a public certificate authority (CA)", func(t *testing.T) {
		t.Parallel()
		unsent(t, handled(t, tls.VersionTLS13, nil))
		handled(t, tls.VersionTLS13, doc{"smtp_ca_pem": "its own"}).wantSent(t, ada, "smtp PLAIN")
	})
}
