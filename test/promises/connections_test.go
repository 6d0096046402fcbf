package promises

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

// The page "Passwordless Connections" (https://auth0.com/docs/connections/passwordless).

const (
	wrongMail = "Wrong email or verification code."
	tooLate   = "The verification code has expired. Please try to login again."
)

// 1. Provide an email address or mobile phone number instead of a login/password combination.
func TestConnections_ProvideAnEmailAddressOrMobilePhoneNumber(t *testing.T) {
	t.Parallel()
	asks := func(strategy, field string) func(t *testing.T, s *servertest.Server) {
		return func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Web)
			v := begin(t, s, s.Browser(t), s.AuthorizeURL(s.Web, "connection", strategy))
			if v.asks() != field || strings.Contains(v.page.Body, `type="password"`) {
				t.Errorf("the page asks for %q", v.asks())
			}
		}
	}
	prove(t, []row{{"SMS", asks("sms", "tel")}, {"Email", asks("email", "email")}})
}

// 2. Receive either a one-time-use code or magic link via either SMS or email.
func TestConnections_ReceiveEitherACodeOrAMagicLink(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"SMS (Code)", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.Web)
			v := begin(t, s, s.Browser(t), s.AuthorizeURL(s.Web, "connection", "sms"))
			v.identify(phone)
			if m := s.Mail(t, phone); string(m.Channel) != "sms" || len(m.Code) != 6 || !strings.Contains(m.Text, m.Code) || m.Link != "" {
				t.Errorf("got %+v", m)
			}
		}},
		{"Email (Code)", func(t *testing.T, s *servertest.Server) {
			v := begin(t, s, s.Browser(t), s.AuthorizeURL(s.Web))
			v.identify(ada)
			if m := s.Mail(t, ada); string(m.Channel) != "email" || len(m.Code) != 6 || !strings.Contains(m.Text, m.Code) || m.Link != "" {
				t.Errorf("got %+v", m)
			}
		}},
		{"Email (Magic Link)", receivesALink},
	})
}

// 3. Enter the one-time-use code on the login screen or click the magic link to access your application.
func TestConnections_EnterTheCodeOrClickTheMagicLink(t *testing.T) {
	t.Parallel()
	proveEach(t, []row{
		{"SMS (Code)", func(t *testing.T, s *servertest.Server) {
			connect(s, "sms", "sms", nil, s.SPA)
			wantLogin(t, s, s.SPA, "sms", "connection", "sms")
		}},
		{"Email (Code)", func(t *testing.T, s *servertest.Server) {
			wantLogin(t, s, s.SPA, "email")
		}},
		{"Email (Magic Link)", clicksALink},
	})
}

// Auth0 Passwordless connections support one-time-use codes sent via SMS or email, and magic links sent via email.
func TestConnections_SupportedAuthenticationMethods(t *testing.T) {
	t.Parallel()
	prove(t, []row{
		{"one-time-use codes sent via SMS", func(t *testing.T, s *servertest.Server) {
			have(s, "sms")
			wantLength(t, s, phone, 6)
		}},
		{"one-time-use codes sent via email", func(t *testing.T, s *servertest.Server) {
			wantLength(t, s, ada, 6)
		}},
		{"magic links sent via email", func(t *testing.T, s *servertest.Server) {
			clicksALink(t, s)
			scanned(t, s)
		}},
	})
}

// Send users one-time-use codes using (SMS).
func TestConnections_SMSIsSentUsing(t *testing.T) {
	t.Parallel()
	t.Run("your own SMS gateway", func(t *testing.T) {
		t.Parallel()
		s := newService(t)
		g := newGateway(t)
		connect(s.Server, "sms", "sms", g.options(doc{"gateway_authentication": doc{
			"method": "bearer", "subject": "urn:us", "audience": "urn:gateway", "secret": "between you and me", "secret_base64_encoded": false,
		}}), s.Native)
		b := started(t, s.Server, phone)
		code, m := s.Code(t, phone), g.last(t)
		if m.Recipient != phone || m.Sender != "+15550001111" || !strings.Contains(m.Body, code) {
			t.Errorf("the gateway got %+v", m)
		}
		claims := servertest.Claims(t, strings.TrimPrefix(m.authorization, "Bearer "))
		if claims["sub"] != "urn:us" || claims["aud"] != "urn:gateway" {
			t.Errorf("the gateway is told %v", claims)
		}
		b.MustToken(grant(s.Server, phone, code))
	})
	t.Run("Twilio", func(t *testing.T) {
		t.Parallel()
		s := newService(t)
		connect(s.Server, "sms", "sms", doc{"provider": "twilio", "twilio_sid": "AC1", "twilio_token": "token", "from": "+15550001111"}, s.Native)
		s.wantSent(t, phone, "api.twilio.com/2010-04-01/Accounts/AC1/Messages.json")
	})
}

// Send users one-time-use codes or magic links using (email).
func TestConnections_EmailIsSentUsing(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		row, to     string
		name        string
		credentials doc
	}{
		{"your own custom SMTP email provider", "smtp PLAIN", "smtp", nil},
		{"Mandrill", "mandrillapp.com/", "mandrill", doc{"api_key": "key"}},
		{"AWS", "email.us-east-1.amazonaws.com/v2/email/outbound-emails", "ses", doc{"accessKeyId": "AKIA", "secretAccessKey": "secret", "region": "us-east-1"}},
		{"Twilio SendGrid", "api.sendgrid.com/v3/mail/send", "sendgrid", doc{"api_key": "key"}},
		{"SparkPost", "api.sparkpost.com/api/v1/transmissions", "sparkpost", doc{"api_key": "key", "region": nil}},
	} {
		t.Run(one.row, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			if one.name == "smtp" {
				one.credentials = doc{"smtp_host": "127.0.0.1", "smtp_port": s.mailServer(t, "PLAIN"), "smtp_user": "bob", "smtp_pass": "secret"}
			}
			s.Must(201, "POST", "/emails/provider", doc{"name": one.name, "credentials": one.credentials, "default_from_address": "mail@acme.example"})
			s.wantSent(t, ada, one.to)
			secret := parameter(startLink(t, s.Server, nil), "verification_code")
			eventually(t, "the service has the link", func() bool { return carries(s.last(t), secret) })
			if call := s.last(t); !strings.HasPrefix(call, one.to) {
				t.Errorf("the link went to %.60s, want %s", call, one.to)
			}
		})
	}
}

// carries reports whether what a carrier was handed holds a text, however its lines were broken.
func carries(call, text string) bool {
	return strings.Contains(strings.ReplaceAll(strings.ReplaceAll(call, "=\r\n", ""), "=\n", ""), text)
}

// For SMS, you can customize the following properties.
func TestConnections_CustomizationOfSMS(t *testing.T) {
	t.Parallel()
	texts := func(options doc, want func(code string) string) func(t *testing.T, s *servertest.Server) {
		return func(t *testing.T, s *servertest.Server) {
			g := newGateway(t)
			connect(s, "sms", "sms", g.options(options), s.Native)
			b := started(t, s, phone)
			code := s.Code(t, phone)
			if got := g.last(t).Body; got != want(code) {
				t.Errorf("the message says %q, want %q", got, want(code))
			}
			b.MustToken(grant(s, phone, code))
		}
	}
	prove(t, []row{
		{"Message text and syntax (Markdown or Liquid): Markdown", texts(
			doc{"syntax": "md_with_macros", "template": "Your code for @@application.name@@ is @@password@@"},
			func(code string) string { return "Your code for Test Native is " + code },
		)},
		{"Message text and syntax (Markdown or Liquid): Liquid", texts(
			doc{"syntax": "liquid", "template": "{% if code %}{{ code }} is your code for {{ application.name }} on {{ phone_number }}{% endif %}"},
			func(code string) string { return code + " is your code for Test Native on " + phone },
		)},
		{"Message language", func(t *testing.T, s *servertest.Server) {
			const template = "{% assign l = request_language | slice: 0, 2 %}{% if l == 'fr' %}Votre code : {{ code }}{% else %}Your code: {{ code }}{% endif %}"
			g := newGateway(t)
			connect(s, "sms", "sms", g.options(doc{"syntax": "liquid", "template": template}), s.Native)
			for language, want := range map[string]string{"fr-CA": "Votre code : ", "en": "Your code: "} {
				m := inLanguage(t, s, phone, language)
				if got := g.last(t).Body; got != want+m.Code {
					t.Errorf("%s: the message says %q", language, got)
				}
			}
			// Without a template of the tenant's the message comes in the reader's language too.
			connect(s, "texts", "sms", nil, s.Native)
			english, french := inLanguageBy(t, s, "texts", phone, "en"), inLanguageBy(t, s, "texts", phone, "fr")
			if strip(english.Text, english.Code) == strip(french.Text, french.Code) {
				t.Errorf("the built-in message is the same in both languages: %q", french.Text)
			}
		}},
		{"One-time-use code length", lengths("sms", phone)},
		{"One-time-use code expiration period", lives("sms", phone)},
		{"Whether to allow user sign-up via passwordless", signup("sms", phone, "+14155552672")},
	})
}

// For emails, you can customize the following properties.
func TestConnections_CustomizationOfEmail(t *testing.T) {
	t.Parallel()
	prove(t, []row{
		{"Email template and syntax (HTML or Liquid): HTML", func(t *testing.T, s *servertest.Server) {
			set(s, "email", doc{"email": doc{"from": "Acme <hello@acme.example>", "subject": "Hello", "body": "<html><body><p>Hello</p></body></html>"}})
			started(t, s, ada)
			m := s.Mail(t, ada)
			// A mail that lost its code is nobody's mail: it gets a line with it.
			if m.From != "Acme <hello@acme.example>" || m.Subject != "Hello" || !strings.Contains(m.HTML, "<p>Hello</p>") || !strings.Contains(m.HTML, m.Code) {
				t.Errorf("got %q from %q: %s", m.Subject, m.From, m.HTML)
			}
		}},
		{"Email template and syntax (HTML or Liquid): Liquid", func(t *testing.T, s *servertest.Server) {
			set(s, "email", doc{"email": doc{"syntax": "liquid", "from": "{{ application.name }} <hello@acme.example>", "subject": "{{ code }}",
				"body": "{% if send == 'code' %}<b>{{ code }}</b>{% else %}<a href='{{ link }}'>in</a>{% endif %}"}})
			started(t, s, ada)
			if m := s.Mail(t, ada); m.From != "Test Native <hello@acme.example>" || m.Subject != m.Code || m.HTML != "<b>"+m.Code+"</b>" {
				t.Errorf("got %q from %q: %s", m.Subject, m.From, m.HTML)
			}
		}},
		{"Message language", func(t *testing.T, s *servertest.Server) {
			english, french := inLanguage(t, s, ada, "en"), inLanguage(t, s, ada, "fr")
			if english.Subject == french.Subject || !strings.Contains(french.HTML, `lang="fr"`) {
				t.Errorf("the built-in mails are %q and %q", english.Subject, french.Subject)
			}
			set(s, "email", doc{"email": doc{"subject": "{% if request_language contains 'fr' %}Bonjour{% else %}Hello{% endif %}", "body": "{{ code }}"}})
			if got := inLanguage(t, s, ada, "fr-CA,fr;q=0.8").Subject; got != "Bonjour" {
				t.Errorf("the subject is %q", got)
			}
		}},
		{"Email variables", func(t *testing.T, s *servertest.Server) {
			s.Must(200, "PATCH", "/tenants/settings", doc{"friendly_name": "The Shop", "support_email": "help@shop.example"})
			set(s, "email", doc{"email": doc{"subject": "s", "body": "{{ application.name }}|{{ application.clientID }}|{{ connection.name }}|{{ user.email }}|" +
				"{{ friendly_name }}|{{ support_email }}|{{ send }}|{{ operation }}|{{ request_language }}|{{ code }}"}})
			m := inLanguage(t, s, ada, "en-GB")
			want := strings.Join([]string{"Test Native", s.Native.ID, "email", ada, "The Shop", "help@shop.example", "code", "", "en-GB", m.Code}, "|")
			if m.HTML != want {
				t.Errorf("got  %s\nwant %s", m.HTML, want)
			}
		}},
		{"One-time-use code length", lengths("email", ada)},
		{"One-time-use code expiration period", lives("email", ada)},
		{"Whether to allow user sign-up via passwordless", signup("email", ada, "bob@example.com")},
	})
}

// lengths proves that codes have the length that was set.
func lengths(strategy, who string) func(t *testing.T, s *servertest.Server) {
	return func(t *testing.T, s *servertest.Server) {
		have(s, strategy)
		wantLength(t, s, who, 6)
		for _, digits := range []int{4, 8, 12} {
			set(s, strategy, doc{"totp": doc{"length": digits}})
			wantLength(t, s, who, digits)
		}
	}
}

// lives proves that codes live as long as was set.
func lives(strategy, who string) func(t *testing.T, s *servertest.Server) {
	return func(t *testing.T, s *servertest.Server) {
		have(s, strategy)
		life := 3 * time.Minute
		for _, seconds := range []int{0, 60, 300} {
			if seconds > 0 {
				life = time.Duration(seconds) * time.Second
				set(s, strategy, doc{"totp": doc{"time_step": seconds, "length": 6}})
			}
			b := started(t, s, who)
			code := s.Code(t, who)
			s.Clock.Advance(life - time.Millisecond)
			b.MustToken(grant(s, who, code))
			b = started(t, s, who)
			code = s.Code(t, who)
			s.Clock.Advance(life)
			refused(t, b.Token(grant(s, who, code)), tooLate)
		}
	}
}

// signup proves that nobody new gets in where sign-up is disabled, and everybody known does.
func signup(strategy, known, stranger string) func(t *testing.T, s *servertest.Server) {
	return func(t *testing.T, s *servertest.Server) {
		have(s, strategy)
		b := started(t, s, known)
		b.MustToken(grant(s, known, s.Code(t, known)))
		set(s, strategy, doc{"disable_signup": true})
		field := map[string]string{"email": "email", "sms": "phone_number"}[strategy]
		a := start(t, s.Browser(t), doc{"client_id": s.Native.ID, "connection": strategy, field: stranger, "send": "code"})
		if a.Status != 400 || a.JSON(t)["error_description"] != "Public signup is disabled" {
			t.Errorf("a stranger's start answered %d %s", a.Status, a.Body)
		}
		b = started(t, s, known)
		b.MustToken(grant(s, known, s.Code(t, known)))
		set(s, strategy, doc{"disable_signup": false})
		b = started(t, s, stranger)
		b.MustToken(grant(s, stranger, s.Code(t, stranger)))
	}
}

// have makes the connection that the seeded tenant lacks.
func have(s *servertest.Server, strategy string) {
	if strategy == string(connection.SMS) {
		connect(s, "sms", "sms", nil, s.Native)
	}
}

func strip(text, code string) string { return strings.ReplaceAll(text, code, "") }
