package linking_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/connection"
	"latchkey/internal/message"
	"latchkey/internal/store"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

func TestAutomatic_AFirstLoginJoinsTheAccountThatHasProvenTheAddress(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		turn(s, "email")
		owner := create(s, doc{
			"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false,
			"name": "Ada Lovelace", "app_metadata": doc{"plan": "gold"},
		})
		tokens, sub := enter(t, s, "email", ada)
		claims := servertest.Claims(t, tokens.IDToken)
		if sub != owner || claims["name"] != "Ada Lovelace" || claims["email"] != ada {
			t.Fatalf("the tokens name %v, want %s with its own profile", claims, owner)
		}
		u := s.Must(200, "GET", path(owner), nil).Doc()
		list := u["identities"].([]any)
		if len(list) != 2 || u["logins_count"] != 1.0 || u["app_metadata"].(doc)["plan"] != "gold" {
			t.Fatalf("the account is %v, want a second identity and one login", u)
		}
		joined := list[1].(doc)
		if joined["connection"] != "email" || joined["provider"] != "email" || joined["isSocial"] != false ||
			joined["profileData"].(doc)["email"] != ada || joined["profileData"].(doc)["email_verified"] != true {
			t.Errorf("the identity is %v", joined)
		}
		event := signup(t, s)
		details := event["details"].(doc)
		if event["user_id"] != owner || event["connection"] != "email" || details["linked_to"] != owner ||
			details["identity"].(doc)["user_id"] != joined["user_id"] {
			t.Errorf("the log says %v", event)
		}
		mail := s.Mail(t, ada)
		if !strings.Contains(mail.Subject, "new way to log in") || !strings.Contains(mail.Text, ada) || mail.Code != "" {
			t.Errorf("the person reads %q: %s", mail.Subject, mail.Text)
		}
		if _, again := enter(t, s, "email", ada); again != owner {
			t.Errorf("the next login is %s, want %s", again, owner)
		}
		// A third connection joins through any of the two.
		if _, third := enter(t, s, "mail-two", ada); third != owner {
			t.Errorf("the third connection's login is %s, want %s", third, owner)
		}
		if n := s.Rows(t)["users"]; n != 1 {
			t.Errorf("there are %d users, want 1", n)
		}
	})
}

func TestAutomatic_AProofMadeHereCountsAsAnAdministratorsWord(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		turn(s, "email")
		_, owner := enter(t, s, "email", ada)
		if _, sub := enter(t, s, "mail-two", ada); sub != owner {
			t.Errorf("the login is %s, want %s", sub, owner)
		}
		if got := identities(t, s, owner); !strings.HasPrefix(got, "email "+owner+", mail-two email|") {
			t.Errorf("the identities are %s", got)
		}
	})
}

func TestAutomatic_TheHostedLoginJoinsToo(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		turn(s, "email")
		owner := create(s, doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false})
		b := s.Browser(t)
		tokens := b.MustToken(s.CodeForm(b.LoginCode(s.Web, ada, "connection", "email")))
		if sub := servertest.Claims(t, tokens.IDToken)["sub"]; sub != owner {
			t.Errorf("the login is %v, want %s", sub, owner)
		}
		if mail := s.Mail(t, ada); !strings.Contains(mail.Subject, "new way to log in") {
			t.Errorf("the newest mail is %q", mail.Subject)
		}
	})
}

func TestAutomatic_NumbersJoinWhereTheTenantSaysSo(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		s.AddConnection(&connection.Connection{Name: "sms-two", Strategy: connection.SMS}, s.Native)
		turn(s, "email_and_phone")
		owner := create(s, doc{"connection": "sms", "phone_number": number, "phone_verified": true, "email": ada, "email_verified": true})
		if _, sub := enter(t, s, "sms-two", number); sub != owner {
			t.Errorf("the number's login is %s, want %s", sub, owner)
		}
		if mail := s.Mail(t, ada); !strings.Contains(mail.Text, number) {
			t.Errorf("the mail does not say what was linked: %s", mail.Text)
		}
		if _, sub := enter(t, s, "email", ada); sub != owner {
			t.Errorf("the address's login is %s, want %s", sub, owner)
		}
	})
}

// Each row is a reason for which a first login makes an account of its own.
func TestAutomatic_RefusesToJoin(t *testing.T) {
	t.Parallel()
	verified := doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false}
	with := func(more doc) doc {
		body := doc{}
		for _, part := range []doc{verified, more} {
			for name, v := range part {
				body[name] = v
			}
		}
		return body
	}
	shared := `{"attributes": {"email": {"identifier": {"active": false}, "unique": false},
		"username": {"identifier": {"active": true}}, "phone_number": {"identifier": {"active": false}}}}`
	for _, c := range []struct {
		name, linking, connection, address string
		prepare                            func(t *testing.T, s *servertest.Server)
	}{
		{"nothing is set", "", "email", ada, func(_ *testing.T, s *servertest.Server) { create(s, verified) }},
		{"it is off", "off", "email", ada, func(_ *testing.T, s *servertest.Server) { create(s, verified) }},
		{"the other never proved the address", "email", "email", ada, func(_ *testing.T, s *servertest.Server) {
			create(s, with(doc{"email_verified": false}))
		}},
		{"the other has another address", "email", "email", ada, func(_ *testing.T, s *servertest.Server) {
			create(s, with(doc{"email": "ada2@example.com"}))
		}},
		{"two have proven it", "email", "email", ada, func(_ *testing.T, s *servertest.Server) {
			create(s, verified)
			create(s, doc{"connection": "mail-two", "email": ada, "email_verified": true})
		}},
		{"two have proven it and one is blocked", "email", "email", ada, func(_ *testing.T, s *servertest.Server) {
			create(s, verified)
			create(s, doc{"connection": "mail-two", "email": ada, "email_verified": true, "blocked": true})
		}},
		{"the other is blocked", "email", "email", ada, func(_ *testing.T, s *servertest.Server) {
			create(s, with(doc{"blocked": true}))
		}},
		{"people of the connection share addresses", "email", "email", ada, func(t *testing.T, s *servertest.Server) {
			attributes(t, s, shared)
			create(s, with(doc{"username": "ada"}))
		}},
		{"people of the connection share numbers", "email_and_phone", "sms", number, func(t *testing.T, s *servertest.Server) {
			attributes(t, s, shared)
			create(s, with(doc{"username": "ada", "phone_number": number, "phone_verified": true}))
		}},
		{"another provider says that it is verified", "email", "email", ada, func(t *testing.T, s *servertest.Server) {
			s.AddConnection(&connection.Connection{Name: "google", Strategy: "google-oauth2"}, s.Native)
			err := s.Database.Store.CreateUser(t.Context(), s.Tenant.ID, &user.User{
				ID: "google-oauth2|1", Email: ada, EmailVerified: true, CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now(),
				Identities: []user.Identity{{Connection: "google", Provider: "google-oauth2", UserID: "1", IsSocial: true}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}},
		// Whoever made an account with a victim's address and a password of their own could once have the victim's logins: one
		// click in the mail that asks to verify the address was enough.
		{"the other has a password and its address was verified by a link", "email", "email", ada, func(t *testing.T, s *servertest.Server) {
			click(t, s, create(s, with(doc{"email_verified": false})))
		}},
		{"a number where only addresses join", "email", "sms", number, func(_ *testing.T, s *servertest.Server) {
			create(s, doc{"connection": "email", "email": ada, "email_verified": true})
			s.AddConnection(&connection.Connection{Name: "sms-two", Strategy: connection.SMS}, s.Native)
			create(s, doc{"connection": "sms-two", "phone_number": number, "phone_verified": true})
		}},
		{"the other's number was never proven", "email_and_phone", "sms", number, func(_ *testing.T, s *servertest.Server) {
			s.AddConnection(&connection.Connection{Name: "sms-two", Strategy: connection.SMS}, s.Native)
			create(s, doc{"connection": "sms-two", "phone_number": number})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := servertest.New(t)
			connect(s)
			turn(s, c.linking)
			c.prepare(t, s)
			before := s.Rows(t)["users"]
			_, sub := enter(t, s, c.connection, c.address)
			if got := identities(t, s, sub); got != c.connection+" "+sub {
				t.Errorf("the new login's account has the identities %s, want its own alone", got)
			}
			if n := s.Rows(t)["users"]; n != before+1 {
				t.Errorf("there are %d users after %d", n, before)
			}
			if details, _ := signup(t, s)["details"].(doc); details["linked_to"] != nil {
				t.Errorf("the log tells of a link: %v", details)
			}
		})
	}
}

// click verifies the address of a user by the link of a ticket.
func click(t *testing.T, s *servertest.Server, userID string) {
	t.Helper()
	address := s.Must(201, "POST", "/tickets/email-verification", doc{"user_id": userID}).Doc()["ticket"].(string)
	link, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Browser(t).Post(link.RequestURI(), url.Values{"state": {link.Query().Get("ticket")}, "action": {"default"}}); a.Status >= 400 {
		t.Fatalf("the click answered %d: %s", a.Status, a.Body)
	}
	if !stored(t, s, userID).EmailVerified {
		t.Fatal("the click verified nothing")
	}
}

func TestAutomatic_AClickCountsWhereNobodyChoseAPasswordOrAnAdministratorVouches(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(t *testing.T, s *servertest.Server, owner string){
		"the password is gone": func(t *testing.T, s *servertest.Server, owner string) {
			u := stored(t, s, owner)
			u.Password = ""
			if err := s.Database.Store.UpdateUser(t.Context(), s.Tenant.ID, u); err != nil {
				t.Fatal(err)
			}
		},
		"an administrator vouches": func(_ *testing.T, s *servertest.Server, owner string) {
			for _, verified := range []bool{false, true} {
				s.Must(200, "PATCH", path(owner), doc{"email_verified": verified, "connection": "people"})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.New(t)
			connect(s)
			turn(s, "email")
			owner := create(s, doc{"connection": "people", "email": ada, "email_verified": false, "password": "Secret-Phrase-7", "verify_email": false})
			click(t, s, owner)
			after(t, s, owner)
			if _, sub := enter(t, s, "email", ada); sub != owner {
				t.Errorf("the login is %s, want %s", sub, owner)
			}
		})
	}
}

// attributes gives the database connection what its users are known by.
func attributes(t *testing.T, s *servertest.Server, options string) {
	t.Helper()
	s.ChangeConnection("people", func(c *connection.Connection) { decode(t, options, &c.Options) })
}

func TestAutomatic_AReturningUserStaysWhoTheyAre(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		_, alone := enter(t, s, "email", ada)
		create(s, doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false})
		turn(s, "email")
		if _, sub := enter(t, s, "email", ada); sub != alone {
			t.Errorf("the login is %s, want %s as before", sub, alone)
		}
	})
}

func TestAutomatic_WhatWasSeparatedStaysSo(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		turn(s, "email")
		owner := create(s, doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false})
		enter(t, s, "email", ada)
		identity := stored(t, s, owner).Identities[1]
		s.Must(200, "DELETE", path(owner)+"/identities/email/"+identity.UserID, nil)
		_, apart := enter(t, s, "email", ada)
		if apart != "email|"+identity.UserID {
			t.Fatalf("after the separation the login is %s", apart)
		}
		// Even when the account that it became is gone, and another is made under the address.
		s.Must(204, "DELETE", path(apart), nil)
		_, anew := enter(t, s, "email", ada)
		if anew == owner || anew == apart {
			t.Errorf("after a deletion the login is %s, want an account of its own", anew)
		}
		// The other way round too.
		s.Must(204, "DELETE", path(owner), nil)
		if _, sub := enter(t, s, "email", ada); sub != anew {
			t.Errorf("the login is %s, want %s", sub, anew)
		}
		// An administrator's word stands above it.
		second := create(s, doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false})
		s.Must(201, "POST", path(second)+"/identities", doc{"provider": "email", "user_id": anew})
		if _, sub := enter(t, s, "email", ada); sub != second {
			t.Errorf("the login is %s, want %s", sub, second)
		}
	})
}

func TestAutomatic_TheAccountThatALoginWasSeparatedFromDoesNotFollowIt(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		turn(s, "email")
		_, owner := enter(t, s, "email", ada)
		enter(t, s, "mail-two", ada)
		identity := stored(t, s, owner).Identities[1]
		s.Must(200, "DELETE", path(owner)+"/identities/email/"+identity.UserID, nil)
		s.Must(204, "DELETE", path(owner), nil)
		_, anew := enter(t, s, "email", ada)
		if anew == "email|"+identity.UserID {
			t.Error("the new account of the address was linked to what it had been separated from")
		}
	})
}

// The answer of a start once named the account that an address leads to: two addresses of one person had one _id.
func TestAutomatic_StartsDoNotTellWhoseAnAddressIs(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		turn(s, "email")
		owner := create(s, doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false})
		start := func() any {
			t.Helper()
			a := s.Browser(t).Start(ada)
			if a.Status != 200 {
				t.Fatalf("the start answered %d: %s", a.Status, a.Body)
			}
			return a.JSON(t)["_id"]
		}
		before := start()
		if _, sub := enter(t, s, "email", ada); sub != owner {
			t.Fatalf("the login is %s, want %s", sub, owner)
		}
		if after := start(); after != before || "auth0|"+after.(string) == owner {
			t.Errorf("the start says %v, and said %v before the address joined %s", after, before, owner)
		}
	})
}

// First logins at several connections at once, on two nodes: one makes the account and the others join it.
func TestAutomatic_FirstLoginsAtOnceMakeOneAccount(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		turn(s, "email")
		names := []string{"email"}
		for i := range 7 {
			name := fmt.Sprint("mail-", i)
			s.AddConnection(&connection.Connection{Name: name, Strategy: connection.Email}, s.Native)
			names = append(names, name)
		}
		node := s.Node(t)
		subs := make([]string, len(names))
		gate := make(chan struct{})
		var wg sync.WaitGroup
		for i, name := range names {
			f := form(s, name, ada, codeAt(t, s, name, ada))
			b := s.Browser(t)
			if i%2 == 1 {
				b = node.Browser(t)
			}
			wg.Go(func() {
				<-gate
				a := b.Token(f)
				if a.Status != 200 {
					t.Errorf("%s answered %d: %s", name, a.Status, a.Body)
					return
				}
				subs[i] = servertest.Claims(t, a.JSON(t)["id_token"].(string))["sub"].(string)
			})
		}
		close(gate)
		wg.Wait()
		for i, sub := range subs {
			if sub != subs[0] {
				t.Errorf("%s logged in as %s, %s as %s", names[i], sub, names[0], subs[0])
			}
		}
		if n := s.Rows(t)["users"]; n != 1 {
			t.Errorf("there are %d users, want 1", n)
		}
	})
}

// A login by the API remains one commit; without the setting, and for whoever returns, it asks nothing more.
func TestAutomatic_CostsNothingWhereNothingIsLinked(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		node := s.Node(t)
		node.StopMail(t)
		b := node.Browser(t)
		work := func(address string) store.Stats {
			f := s.OTPForm(address, codeAt(t, s, "email", address))
			return node.Work(func() { b.MustToken(f) })
		}
		least := func(address ...string) (w store.Stats) {
			for i, a := range address {
				if got := work(a); i == 0 || got.RoundTrips < w.RoundTrips {
					w = got
				}
			}
			return w
		}
		off := least("a0@example.com", "a1@example.com", "a2@example.com")
		returning := least("a0@example.com", "a1@example.com", "a2@example.com")
		turn(node, "email")
		if got := least("a0@example.com", "a1@example.com", "a2@example.com"); got.Commits != 1 || got.RoundTrips > returning.RoundTrips {
			t.Errorf("a returning user costs %+v with the setting, %+v without", got, returning)
		}
		on := least("b0@example.com", "b1@example.com", "b2@example.com")
		if off.Commits != 1 || off.RoundTrips > 3 || on.Commits != 1 {
			t.Errorf("a first login costs %+v without the setting and %+v with it", off, on)
		}
		t.Logf("first login: off %+v, on %+v", off, on)
	})
}

func TestAutomatic_TheMessageIsInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	connect(s)
	turn(s, "email")
	create(s, doc{"connection": "people", "email": ada, "email_verified": true, "password": "Secret-Phrase-7", "verify_email": false})
	b := s.Browser(t)
	b.Headers.Set("Accept-Language", "de")
	b.MustToken(form(s, "email", ada, codeAt(t, s, "email", ada)))
	mail := s.Mail(t, ada)
	if mail.Channel != message.Email || !strings.Contains(mail.Text, "angemeldet") {
		t.Errorf("the mail reads %q: %s", mail.Subject, mail.Text)
	}
}

func TestSetting_TakesItsThreeValues(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, value := range []any{"email", "email_and_phone", "off"} {
		got := s.Must(200, "PATCH", "/tenants/settings", doc{"latchkey": doc{"automatic_linking": value}}).Doc()
		if own, _ := got["latchkey"].(doc); own["automatic_linking"] != value {
			t.Errorf("%v: got %v", value, got["latchkey"])
		}
	}
	for _, value := range []any{"on", true, ""} {
		if a := s.API("PATCH", "/tenants/settings", doc{"latchkey": doc{"automatic_linking": value}}); a.Status != 400 {
			t.Errorf("%v: got %d %s, want 400", value, a.Status, a.Text)
		}
	}
}
