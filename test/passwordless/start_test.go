package passwordless_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/eventlog"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

func TestStart_TheIDOfAnUnknownAddressIsTheOneItsUserGets(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		id := func() any {
			a := mustStart(t, b, "ada@example.com")
			s.Code(t, "ada@example.com")
			return a.JSON(t)["_id"]
		}
		first := id()
		if again := id(); again != first {
			t.Errorf("an unknown address has the id %v and then %v", first, again)
		}
		if other := mustStart(t, b, "bob@example.com").JSON(t)["_id"]; other == first {
			t.Errorf("two addresses have one id, %v", other)
		}
		sub := login(t, s, b, "ada@example.com")
		if sub != "email|"+first.(string) {
			t.Errorf("the user's id is %s, the start said %v", sub, first)
		}
		known := mustStart(t, b, "ada@example.com").JSON(t)
		s.Code(t, "ada@example.com")
		if known["_id"] != first || known["email_verified"] != true {
			t.Errorf("the start of a known address says %v, want the id %v and a verified address", known, first)
		}

		if err := s.Database.Store.DeleteUser(context.Background(), s.Tenant.ID, sub); err != nil {
			t.Fatal(err)
		}
		fresh(t, s)
		second := mustStart(t, b, "ada@example.com").JSON(t)
		s.Code(t, "ada@example.com")
		if second["_id"] == first || second["email_verified"] != false {
			t.Errorf("after the user was deleted the start says %v, want another id than %v", second, first)
		}
		if sub := login(t, s, b, "ada@example.com"); sub != "email|"+second["_id"].(string) {
			t.Errorf("the new user's id is %s, the start said %v", sub, second["_id"])
		}
	})
}

func TestStart_OpaqueAnswersTellNothingOfTheAddress(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	login(t, s, b, "ada@example.com")
	setOpaque(s, true)
	known, unknown := mustStart(t, b, "ada@example.com").JSON(t), mustStart(t, b, "bob@example.com").JSON(t)
	again := mustStart(t, b, "ada@example.com").JSON(t)
	for name, body := range map[string]map[string]any{"known": known, "unknown": unknown} {
		if _, there := body["email_verified"]; there || len(body) != 2 {
			t.Errorf("the start of the %s address says %v", name, body)
		}
	}
	if known["_id"] == again["_id"] {
		t.Errorf("two starts have the same opaque id, %v", known["_id"])
	}
}

func TestStart_NewThenReturningUser(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		first, second := login(t, s, b, "ada@example.com"), login(t, s, b, "Ada@EXAMPLE.com")
		if first != second {
			t.Errorf("the same address in other letters is %s, then %s", first, second)
		}
		if got := s.EventTypes(t); got != "cls ss s cls s" {
			t.Errorf("the tenant's log holds %s", got)
		}
		u, err := s.Database.Store.User(context.Background(), s.Tenant.ID, first)
		if err != nil {
			t.Fatal(err)
		}
		if u.LoginsCount != 2 || !u.EmailVerified {
			t.Errorf("after two logins the user is %+v", u)
		}
	})
}

func TestStart_TheMailSpeaksTheCallersLanguage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for i, c := range []struct{ request, accept, want string }{
		{"", "", "is your code for"},
		{"de", "", "ist Ihr Code für"},
		{"", "fr-FR,fr;q=0.9", "est votre code pour"},
		{"de-AT", "fr", "ist Ihr Code für"},
		{"\"><script>", "", "is your code for"},
	} {
		b := s.Browser(t)
		if c.request != "" {
			b.Headers.Set("X-Request-Language", c.request)
		}
		b.Headers.Set("Accept-Language", c.accept)
		email := fmt.Sprintf("reader%d@example.com", i)
		mustStart(t, b, email)
		mail := s.Mail(t, email)
		if !strings.Contains(mail.Subject, c.want) {
			t.Errorf("X-Request-Language %q and Accept-Language %q: the subject is %q, want %q in it", c.request, c.accept, mail.Subject, c.want)
		}
		if strings.Contains(mail.HTML, "<script") {
			t.Errorf("the mail repeats the header: %s", mail.HTML)
		}
	}
}

func TestStart_ForwardedAddressCountsOnlyForTrustedClientsThatProveThemselves(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	trusted, secret := s.AddClient(&client.Client{
		Name: "Trusted", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{otpGrant}, TrustForwardedIP: true,
	})
	public, _ := s.AddClient(&client.Client{
		Name: "Public", AppType: "native", TokenEndpointAuthMethod: client.AuthNone, GrantTypes: []string{otpGrant}, TrustForwardedIP: true,
	})
	conn := s.AddConnection(named("more"), trusted, public, s.Web)
	const peer, told = "203.0.113.9", "198.51.100.7"
	for _, c := range []struct {
		name, id, secret, header string
		wantIP, wantPeer         string
	}{
		{"a trusted client with its secret", trusted.ID, secret, told, told, peer},
		{"a trusted client, an IPv6 address", trusted.ID, secret, "2001:db8::7", "2001:db8::7", peer},
		{"a trusted client, no address", trusted.ID, secret, "not an address", peer, ""},
		{"a trusted client, a list", trusted.ID, secret, told + ", 192.0.2.1", peer, ""},
		{"a confidential client without the setting", s.Web.ID, s.Secret, told, peer, ""},
		{"a public client with the setting", public.ID, "", told, peer, ""},
	} {
		b := s.Browser(t)
		b.Headers.Set("X-Forwarded-For", peer)
		b.Headers.Set("auth0-forwarded-for", c.header)
		email := "ada@example.com"
		fresh(t, s)
		body := map[string]any{"client_id": c.id, "connection": conn.Name, "email": email, "send": "code"}
		form := s.OTPForm(email, "")
		form.Set("client_id", c.id)
		form.Set("realm", conn.Name)
		if c.secret != "" {
			body["client_secret"] = c.secret
			form.Set("client_secret", c.secret)
		}
		if a := b.PostJSON(start, body); a.Status != http.StatusOK {
			t.Fatalf("%s: the start answered %d: %s", c.name, a.Status, a.Body)
		}
		form.Set("otp", s.Code(t, email))
		b.MustToken(form)
		for _, typ := range []eventlog.Type{eventlog.CodeSent, eventlog.SuccessLogin} {
			events, err := s.Database.Store.Events(context.Background(), s.Tenant.ID, eventlog.Criteria{Type: typ}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if o := events[0].Origin; o.IP != c.wantIP || o.ClientIP != c.wantPeer {
				t.Errorf("%s: event %s has the address %q and the peer %q, want %q and %q", c.name, typ, o.IP, o.ClientIP, c.wantIP, c.wantPeer)
			}
		}
	}
}

func TestStart_WhatIsNoAddressIsRepeatedAsTyped(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	long := strings.Repeat("ü", 300)
	for typed, told := range map[string]string{
		" Ada at Example.com ": " Ada at Example.com ",
		"<b>\"ada\"\n":         "<b>\"ada\"\n",
		long:                   long[:2*254] + "...",
	} {
		wantRefusal(t, b.Start(typed), 400, "bad.email", "Object didn't pass validation for format email: "+told)
	}
}

// Where the request says nothing, a person's own language comes before the tenant's.
func TestStart_TheMailSpeaksTheReadersLanguageThenTheTenants(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = []string{"es", "en"} })
	b := s.Browser(t)
	subject := func(email string) string {
		t.Helper()
		if a := b.Start(email); a.Status != http.StatusOK {
			t.Fatalf("the start answered %d: %s", a.Status, a.Body)
		}
		subject := s.Mail(t, email).Subject
		s.Code(t, email) // takes the mail out of the inbox
		return subject
	}
	if got := subject("new@example.com"); !strings.Contains(got, "es tu código") {
		t.Errorf("a stranger's mail is %q, want it in the tenant's first language", got)
	}
	s.Must(201, "POST", "/users", map[string]any{
		"connection": "email", "email": "lea@example.com", "email_verified": true, "user_metadata": map[string]any{"lang": "de-AT"},
	})
	if got := subject("lea@example.com"); !strings.Contains(got, "ist Ihr Code für") {
		t.Errorf("the mail to a reader of German is %q", got)
	}
	b.Headers.Set("Accept-Language", "fr")
	if got := subject("lea@example.com"); !strings.Contains(got, "est votre code pour") {
		t.Errorf("the mail to a reader of German who asks for French is %q", got)
	}
}
