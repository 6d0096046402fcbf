package pages_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/locale"
	"latchkey/internal/message"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
	"latchkey/internal/ticket"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

const (
	pathVerification   = "/u/email-verification"
	screenVerification = "email-verification-result"
	database           = "Username-Password-Authentication"
)

// verifying is a server with a database connection and a way to make tickets.
type verifying struct {
	*servertest.Server
	t       testing.TB
	tickets *ticket.Tickets
}

func newVerifying(t *testing.T, s *servertest.Server) *verifying {
	t.Helper()
	begin(t, s, s.Browser(t)).identify("first@example.com")
	s.Code(t, "first@example.com") // the sender of mail has begun, and writes nothing more that a test would count
	s.AddConnection(&connection.Connection{Name: database, Strategy: connection.Database})
	return &verifying{s, t, ticketsOf(s, nil)}
}

func ticketsOf(s *servertest.Server, sender *message.Sender) *ticket.Tickets {
	db := s.Database.Store
	return ticket.New(ticket.Config{
		Tx: db, Store: db, Users: db, Connections: db, Looks: db, Links: message.NewStoredTemplates(message.Records{Resources: db}, nil),
		Messages: sender, Log: eventlog.New(db, s.Clock, 77),
		Keys: s.Database.Keyset, Clock: s.Clock,
	})
}

// mailing gives tickets that can be mailed.
func (v *verifying) mailing(t *testing.T) *ticket.Tickets {
	t.Helper()
	sender, err := message.New(message.Config{
		Store: v.Database.Store, Keys: v.Database.Keyset, Clock: v.Clock, Log: slog.New(slog.DiscardHandler), Events: deaf{}, Inbox: v.Inbox,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close(context.Background()) })
	return ticketsOf(v.Server, sender)
}

// deaf is told of no message that failed.
type deaf struct{}

func (deaf) MessageFailed(context.Context, string, message.Failure) error { return nil }

// person makes a user of the database connection whose address is not verified.
func (v *verifying) person(email string) *user.User {
	v.t.Helper()
	id := strings.NewReplacer("@", "", ".", "").Replace(email)
	u := &user.User{
		ID: "auth0|" + id, Email: email, Name: email, CreatedAt: v.Clock.Now(), UpdatedAt: v.Clock.Now(),
		Identities: []user.Identity{{Connection: database, Provider: connection.Database, UserID: id, Identifiers: []string{email}}},
	}
	if err := v.Database.Store.CreateUser(v.t.Context(), v.Tenant.ID, u); err != nil {
		v.t.Fatal(err)
	}
	return v.user(u.ID)
}

func (v *verifying) user(id string) *user.User {
	v.t.Helper()
	u, err := v.Database.Store.User(v.t.Context(), v.Tenant.ID, id)
	if err != nil {
		v.t.Fatal(err)
	}
	return u
}

func (v *verifying) change(id string, change func(*user.User)) {
	v.t.Helper()
	u := v.user(id)
	change(u)
	if err := v.Database.Store.UpdateUser(v.t.Context(), v.Tenant.ID, u); err != nil {
		v.t.Fatal(err)
	}
}

func (v *verifying) site() tenant.Site {
	v.t.Helper()
	site, err := v.Database.Store.Site(v.t.Context(), strings.TrimPrefix(v.URL, "http://"))
	if err != nil {
		v.t.Fatal(err)
	}
	return site
}

// link makes a ticket and gives its address as a browser asks for it, without the fragment.
func (v *verifying) link(u *user.User, change ...func(*ticket.Asked)) string {
	v.t.Helper()
	asked := ticket.Asked{Site: v.site(), User: u}
	for _, c := range change {
		c(&asked)
	}
	address, err := v.tickets.Issue(v.t.Context(), asked)
	if err != nil {
		v.t.Fatal(err)
	}
	path, fragment, found := strings.Cut(strings.TrimPrefix(address, v.URL), "#")
	if secret, ok := strings.CutPrefix(path, pathVerification+"?ticket="); !ok || !found || fragment != "" || len(secret) != 32 {
		v.t.Fatalf("the ticket's address is %q", address)
	}
	return path
}

// press presses the button behind a link.
func press(b *servertest.Browser, link string) *servertest.Answer {
	return b.Post(link, url.Values{"state": {link[strings.IndexByte(link, '=')+1:]}, "action": {"default"}})
}

func (v *verifying) events(typ eventlog.Type, userID string) []eventlog.Record {
	v.t.Helper()
	list, err := v.Database.Store.Events(v.t.Context(), v.Tenant.ID, eventlog.Criteria{Type: typ, UserID: userID}, 100)
	if err != nil {
		v.t.Fatal(err)
	}
	return list
}

// wantResult checks the page that ends a verification, by a text that it shows.
func wantResult(t testing.TB, a *servertest.Answer, status int, key string) {
	t.Helper()
	words := locale.New("en", "en", nil).Get("email-verification", screenVerification, key, nil).String()
	if a.Status != status || screen(a) != screenVerification || !strings.Contains(a.Body, words) || strings.Contains(a.Body, `<form method="post" class="stack`) {
		t.Errorf("%s answered %d, page %q, without %q or with a form; want %d\n%s", a.URL.Path, a.Status, screen(a), words, status, a.Body)
	}
}

func TestVerification_TheButtonVerifiesAndOpeningTheLinkDoesNot(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := newVerifying(t, s)
		u := v.person("ada@example.com")
		link, b := v.link(u), s.Browser(t)
		for _, method := range []string{"GET", "HEAD", "GET"} {
			wantNothingDone(t, s, method+" of the link", func() {
				if a := b.Do(method, link, "", ""); a.Status != http.StatusOK {
					t.Fatalf("%s answered %d", method, a.Status)
				}
			})
		}
		page := b.Get(link)
		want(t, page, http.StatusOK, screenVerification, "")
		if !strings.Contains(page.Body, `<bdi dir="ltr">ada@<wbr>example.com</bdi>`) || len(cookies(page)) != 0 {
			t.Errorf("the page does not show the address, or sets cookies %v: %s", cookies(page), page.Body)
		}
		if v.user(u.ID).EmailVerified {
			t.Fatal("opening the link verified the address")
		}
		s.Clock.Advance(time.Hour)
		wantResult(t, press(b, link), http.StatusOK, "verifiedDescription")
		after := v.user(u.ID)
		if !after.EmailVerified || !after.UpdatedAt.Equal(s.Clock.Now().Truncate(time.Millisecond)) && !after.UpdatedAt.Equal(s.Clock.Now()) {
			t.Errorf("afterwards the user is %+v", after)
		}
		events := v.events(eventlog.EmailVerified, u.ID)
		if len(events) != 1 || events[0].UserName != "ada@example.com" || events[0].Connection != database || events[0].Origin.IP == "" {
			t.Errorf("the log tells %+v", events)
		}
	})
}

func TestVerification_ALinkWorksOnce(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	u := v.person("ada@example.com")
	link, b := v.link(u), s.Browser(t)
	wantResult(t, press(b, link), http.StatusOK, "verifiedDescription")
	wantResult(t, press(b, link), http.StatusOK, "verifiedDescription") // a double click shows its second answer
	if n := len(v.events(eventlog.EmailVerified, u.ID)); n != 1 {
		t.Errorf("the log tells of %d verifications, want 1", n)
	}
	wantResult(t, b.Get(link), http.StatusBadRequest, "auth0-users-used-ticket")
	s.Clock.Advance(11 * time.Second)
	wantResult(t, press(b, link), http.StatusBadRequest, "auth0-users-used-ticket")
	v.change(u.ID, func(u *user.User) { u.EmailVerified = false })
	wantResult(t, press(b, link), http.StatusBadRequest, "auth0-users-used-ticket")
	if v.user(u.ID).EmailVerified {
		t.Error("a link that was used verified the address again")
	}
	if failed := v.events(eventlog.FailedVerification, u.ID); len(failed) != 2 || failed[0].Description != "This URL can be used only once" {
		t.Errorf("the log tells of %+v", failed)
	}
}

func TestVerification_OfManyAtOnceOneVerifies(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := newVerifying(t, s)
		u := v.person("ada@example.com")
		link := v.link(u)
		nodes := []*servertest.Server{s, s.Node(t)}
		var wg sync.WaitGroup
		for i := range 8 {
			b := nodes[i%2].Browser(t)
			b.Headers.Set("X-Forwarded-For", "192.0.2."+string(rune('1'+i)))
			wg.Go(func() { wantResult(t, press(b, link), http.StatusOK, "verifiedDescription") })
		}
		wg.Wait()
		if n := len(v.events(eventlog.EmailVerified, u.ID)); n != 1 {
			t.Errorf("the log tells of %d verifications, want 1", n)
		}
	})
}

func TestVerification_DeadLinks(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	b := s.Browser(t)
	for name, c := range map[string]struct {
		kill   func(u *user.User, link string) string
		status int
		key    string
	}{
		"expired": {func(_ *user.User, link string) string { s.Clock.Advance(5 * 24 * time.Hour); return link }, 400, "auth0-users-expired-ticket"},
		"of an address that was changed": {func(u *user.User, link string) string {
			v.change(u.ID, func(u *user.User) { u.Email = "new-" + u.Email })
			return link
		}, 404, "invalidAccountOrCodeDescription"},
		"of an address that is verified": {func(u *user.User, link string) string {
			v.change(u.ID, func(u *user.User) { u.EmailVerified = true })
			return link
		}, 200, "alreadyVerifiedDescription"},
		"of a user who is gone": {func(u *user.User, link string) string {
			if err := s.Database.Store.DeleteUser(t.Context(), s.Tenant.ID, u.ID); err != nil {
				t.Fatal(err)
			}
			return link
		}, 404, "invalidAccountOrCodeDescription"},
		"with one letter changed": {func(_ *user.User, link string) string { return link[:len(link)-1] + "-" }, 404, "invalidAccountOrCodeDescription"},
		"cut short":               {func(_ *user.User, link string) string { return link[:len(link)-1] }, 404, "invalidAccountOrCodeDescription"},
		"without a ticket":        {func(_ *user.User, _ string) string { return pathVerification + "?x=" }, 404, "invalidAccountOrCodeDescription"},
	} {
		u := v.person(strings.ReplaceAll(name, " ", "-") + "@example.com")
		link := c.kill(u, v.link(u))
		verified := name == "of an address that is verified"
		wantNothingDone(t, s, "opening a link "+name, func() { wantResult(t, b.Get(link), c.status, c.key) })
		wantResult(t, press(b, link), c.status, c.key)
		if name != "of a user who is gone" && v.user(u.ID).EmailVerified != verified {
			t.Errorf("a link %s verified an address", name)
		}
		pause(s)
	}
}

func TestVerification_ALinkIsGoodInItsTenantOnly(t *testing.T) {
	t.Parallel()
	s, other := servertest.New(t), servertest.New(t)
	v := newVerifying(t, s)
	u := v.person("ada@example.com")
	wantResult(t, press(other.Browser(t), v.link(u)), http.StatusNotFound, "invalidAccountOrCodeDescription")
}

func TestVerification_ResultURLIsTold(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	b := s.Browser(t)
	to := func(address string, change ...func(*ticket.Asked)) func(*ticket.Asked) {
		return func(a *ticket.Asked) {
			a.ResultURL = address
			for _, c := range change {
				c(a)
			}
		}
	}
	u := v.person("ada+x@example.com")
	link := v.link(u, to("https://app.example.com/done?from=mail#/register"))
	csp := b.Get(link).Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "form-action 'self' https:;") {
		t.Errorf("the page's policy keeps the form from leading to the application: %s", csp)
	}
	location := func(a *servertest.Answer) string {
		if a.Status != http.StatusFound {
			t.Errorf("%s answered %d: %s", a.URL.Path, a.Status, a.Body)
		}
		return a.Header.Get("Location")
	}
	const told = "message=Your%20email%20was%20verified.%20You%20can%20continue%20using%20the%20application.&success=true&code=success"
	for name, c := range map[string]struct{ got, want string }{
		"verified": {location(press(b, link)), "https://app.example.com/done?from=mail&supportSignUp=true&supportForgotPassword=true&email=ada%2Bx%40example.com&" + told + "#/register"},
		"used":     {location(b.Get(link)), "https://app.example.com/done?from=mail&message=This%20URL%20can%20be%20used%20only%20once&success=false#/register"},
		"without the address": {
			location(press(b, v.link(v.person("bob@example.com"), to("com.example.app://verified", func(a *ticket.Asked) { a.HideEmail = true })))),
			"com.example.app://verified?supportSignUp=true&supportForgotPassword=true&" + told,
		},
		"already": {
			location(b.Get(v.link(v.user(u.ID), to("http://localhost:3000")))),
			"http://localhost:3000?message=This%20account%20is%20already%20verified.&success=false",
		},
		"expired": {
			func() string {
				late := v.link(v.person("eve@example.com"), to("https://app.example.com/", func(a *ticket.Asked) { a.Life = time.Minute }))
				s.Clock.Advance(time.Minute)
				return location(press(b, late))
			}(),
			"https://app.example.com/?message=Access%20expired.&success=false",
		},
	} {
		if c.got != c.want {
			t.Errorf("%s: the browser is sent to\n%s, want\n%s", name, c.got, c.want)
		}
	}
}

func TestVerification_TheClientIsNamedAndItsLoginOffered(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	s.ChangeClient(s.Web.ID, func(c *client.Client) { c.InitiateLoginURI = "https://app.example.com/login" })
	b := s.Browser(t)
	link := v.link(v.person("ada@example.com"), func(a *ticket.Asked) { a.Client = s.Web })
	done := press(b, link)
	wantResult(t, done, http.StatusOK, "verifiedDescription")
	if want := `href="https://app.example.com/login?iss=` + url.QueryEscape(s.Issuer); !strings.Contains(done.Body, want) || !strings.Contains(done.Body, "Back to <bdi>Test Web</bdi>") {
		t.Errorf("the page leads nowhere: %s", done.Body)
	}
	plain := press(b, v.link(v.person("bob@example.com")))
	if strings.Contains(plain.Body, `class="button`) {
		t.Errorf("the page leads somewhere though nothing is configured: %s", plain.Body)
	}
}

func TestVerification_FormsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	u := v.person("ada@example.com")
	link := v.link(u)
	for name, headers := range map[string][]string{"another site's": {"Sec-Fetch-Site", "cross-site"}, "another origin's": {"Origin", "https://evil.example"}} {
		b := s.Browser(t)
		b.Headers.Set(headers[0], headers[1])
		if a := press(b, link); a.Status != http.StatusForbidden {
			t.Errorf("%s form: %d", name, a.Status)
		}
	}
	if a := s.Browser(t).Post(link, url.Values{"state": {"another"}}); a.Status != http.StatusBadRequest {
		t.Errorf("the form of another link: %d", a.Status)
	}
	if v.user(u.ID).EmailVerified {
		t.Error("a refused form verified the address")
	}
}

func TestVerification_SpeaksTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = locale.Shipped() })
	link := v.link(v.person("ada@example.com"))
	for _, tag := range locale.Shipped() {
		b := s.Browser(t)
		b.Headers.Set("Accept-Language", tag)
		if a := b.Get(link); language(a) != tag || strings.Contains(a.Body, "${") {
			t.Errorf("%s: the page is in %q", tag, language(a))
		}
	}
	b := s.Browser(t)
	switched := b.Post(link, url.Values{"action": {"change-language"}, "language": {"de"}})
	if got := switched.Header.Get("Location"); switched.Status != http.StatusFound || got != link {
		t.Fatalf("the language switch answered %d to %q", switched.Status, got)
	}
	if a := b.Get(link); language(a) != "de" {
		t.Errorf("the page is in %q after the switch", language(a))
	}
}

func TestVerification_ALinkedLoginHasAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	u := v.person("ada@example.com")
	v.change(u.ID, func(u *user.User) {
		u.Identities = append(u.Identities, user.Identity{
			Connection: "email", Provider: connection.Email, UserID: "2", ProfileData: map[string]any{"email": "other@example.com"},
		})
	})
	second := ticket.Identity{Provider: connection.Email, UserID: "2"}
	link := v.link(v.user(u.ID), func(a *ticket.Asked) { a.Identity = &second })
	wantResult(t, press(s.Browser(t), link), http.StatusOK, "verifiedDescription")
	after := v.user(u.ID)
	if after.EmailVerified || after.Identities[1].ProfileData["email_verified"] != true {
		t.Errorf("afterwards the user is %+v", after)
	}
}

func TestVerification_TheMailBringsTheLink(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		v := newVerifying(t, s)
		err := s.Database.Store.CreateResource(t.Context(), s.Tenant.ID, &resource.Resource{
			Kind: resource.Settings, ID: resource.Branding, Document: resource.Document{"colors": map[string]any{"primary": "#0b5d3b"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		u := v.person("ada@example.com")
		asked := ticket.Asked{Site: v.site(), User: u, Client: s.Web, Origin: eventlog.Origin{IP: "192.0.2.5", Language: "de"}}
		tickets := v.mailing(t)
		mail, err := tickets.PrepareVerification(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Database.Store.InTx(t.Context(), func(ctx context.Context) error { return tickets.Queue(ctx, mail) })
		if err != nil {
			t.Fatal(err)
		}
		tickets.Committed(mail)
		list, err := s.Inbox.List(t.Context(), message.InboxFilter{Tenant: s.Tenant.ID, To: u.Email}, 10*time.Second)
		if err != nil || len(list) != 1 {
			t.Fatalf("the inbox holds %+v, %v", list, err)
		}
		m := list[0]
		if !strings.HasPrefix(m.Link, s.URL+pathVerification+"?ticket=") || !strings.Contains(m.Text, "\n\n"+m.Link+"\n\n") || strings.Count(m.HTML, m.Link) < 2 ||
			m.Subject != "Bestätigen Sie Ihre E-Mail-Adresse für Test Web" || !strings.Contains(m.Text, "5 Tage lang") || !strings.Contains(m.HTML, "#0b5d3b") || m.Code != "" {
			t.Errorf("the mail is %+v", m)
		}
		wantResult(t, press(s.Browser(t), strings.TrimSuffix(strings.TrimPrefix(m.Link, s.URL), "#")), http.StatusOK, "verifiedDescription")
		events := v.events(eventlog.VerificationRequested, u.ID)
		if len(events) != 1 || events[0].ClientID != s.Web.ID || events[0].UserName != u.Email || events[0].Origin.IP != "192.0.2.5" {
			t.Errorf("the log tells %+v", events)
		}
		for _, e := range append(events, v.events(eventlog.EmailVerified, u.ID)...) {
			if secret := m.Link[strings.IndexByte(m.Link, '=')+1:]; strings.Contains(e.Description, secret[:32]) {
				t.Error("the log holds the secret")
			}
		}
	})
}

func TestTickets_WhoGetsNone(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := newVerifying(t, s)
	ada := v.person("ada@example.com")
	passwordless := user.NewPasswordless(&connection.Connection{Name: "email", Strategy: connection.Email}, "1", "p@example.com", s.Clock.Now())
	nobody := *ada
	nobody.Email = ""
	alien := ticket.Identity{Provider: connection.Email, UserID: "9"}
	for name, c := range map[string]struct {
		asked ticket.Asked
		want  error
	}{
		"a user without an address":               {ticket.Asked{User: &nobody}, ticket.ErrNoEmail},
		"a passwordless user, unless it is named": {ticket.Asked{User: passwordless}, ticket.ErrUnsupported},
		"a login that is somebody else's":         {ticket.Asked{User: ada, Identity: &alien}, ticket.ErrNoIdentity},
		"a script as result":                      {ticket.Asked{User: ada, ResultURL: "javascript:alert(1)"}, ticket.ErrResultURL},
		"a path as result":                        {ticket.Asked{User: ada, ResultURL: "/done"}, ticket.ErrResultURL},
		"a result without a host":                 {ticket.Asked{User: ada, ResultURL: "https:///x"}, ticket.ErrResultURL},
	} {
		c.asked.Site = v.site()
		if _, err := v.tickets.Issue(t.Context(), c.asked); err == nil || err.Error() != c.want.Error() {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	named := ticket.Identity{Provider: connection.Email, UserID: "1"}
	if _, err := v.tickets.Issue(t.Context(), ticket.Asked{Site: v.site(), User: passwordless, Identity: &named}); err != nil {
		t.Errorf("a passwordless login that is named: %v", err)
	}
}
