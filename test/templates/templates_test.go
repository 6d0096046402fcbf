package templates_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/message"
	"latchkey/test/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

type doc = map[string]any

// template writes options.email of the connection.
func template(t *testing.T, s *servertest.Server, email doc) {
	t.Helper()
	list := s.Must(200, "GET", "/connections?strategy=email", nil).List()
	connection := list[0].(doc)
	options, _ := connection["options"].(doc)
	if options == nil {
		options = doc{}
	}
	options["email"] = email
	s.Must(200, "PATCH", "/connections/"+connection["id"].(string), doc{"options": options})
}

// stored writes options.email past the checks of the Management API, as it may lie in a database.
func stored(t *testing.T, s *servertest.Server, email doc) {
	t.Helper()
	text, err := json.Marshal(doc{"email": email})
	if err != nil {
		t.Fatal(err)
	}
	s.ChangeConnection("email", func(c *connection.Connection) {
		c.Options.Email = nil
		if err := json.Unmarshal(text, &c.Options); err != nil {
			t.Fatal(err)
		}
	})
}

// mailTo starts a login and reads its mail.
func mailTo(t *testing.T, s *servertest.Server, email string, language string) message.InboxMessage {
	t.Helper()
	b := s.Browser(t)
	if language != "" {
		b.Headers = http.Header{"X-Request-Language": {language}}
	}
	if a := b.Start(email); a.Status != 200 {
		t.Fatalf("the start answered %d: %s", a.Status, a.Body)
	}
	mail := s.Mail(t, email)
	s.Code(t, email) // empties the inbox for the next one
	return mail
}

// warnings are the tenant's log events of type wn.
func warnings(t *testing.T, s *servertest.Server) []string {
	t.Helper()
	var all []string
	for _, e := range s.Must(200, "GET", "/logs?per_page=100", nil).List() {
		event := e.(doc)
		if event["type"] == "wn" {
			text, _ := event["description"].(string)
			all = append(all, text)
		}
	}
	return all
}

// dashboardDefault is the shape of the body that Auth0's Dashboard starts with: one branch for each way to log in.
const dashboardDefault = `<html><body>
{% if operation == 'change_email' %}
  <p>Your email address has been updated.</p>
{% else %}
  {% if send == 'link' or send == 'link_ios' or send == 'link_android' %}
  <p>Click and confirm that you want to sign in to {{ application.name }}.</p><a href="{{ link }}">Sign in</a>
  {% elsif send == 'code' %}
  <p>Your verification code is: <b>{{ code }}</b></p>
  {% endif %}
{% endif %}
</body></html>`

func TestConnectionTemplate_TheDashboardsDefaultTakesItsCodeBranch(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	template(t, s, doc{"syntax": "liquid", "from": "{{ application.name }} <hello@shop.example>", "subject": "Welcome to {{ application.name }}", "body": dashboardDefault})
	mail := mailTo(t, s, "ann@example.com", "")
	if mail.From != "Test Native <hello@shop.example>" || mail.Subject != "Welcome to Test Native" {
		t.Errorf("from %q, subject %q", mail.From, mail.Subject)
	}
	if want := "Your verification code is: <b>" + mail.Code + "</b>"; !strings.Contains(mail.HTML, want) || strings.Contains(mail.HTML, "Sign in") {
		t.Errorf("got %s, want %s and no other branch", mail.HTML, want)
	}
	if want := "Your verification code is: " + mail.Code; !strings.Contains(mail.Text, want) {
		t.Errorf("the text part: got %q, want %q", mail.Text, want)
	}
	if all := warnings(t, s); len(all) != 0 {
		t.Errorf("the log warns: %q", all)
	}
}

func TestConnectionTemplate_ChoosesTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const body = `{% assign language = request_language | slice: 0, 2 %}{% if language == 'fr' %}Votre code : {{ code }}{% else %}Your code: {{ code }}{% endif %}`
	template(t, s, doc{"body": body, "subject": "{% if request_language contains 'fr-CA' %}Bonjour{% else %}Hello{% endif %}"})
	for language, want := range map[string][2]string{
		"fr-CA,fr;q=0.8": {"Bonjour", "Votre code : "}, "de": {"Hello", "Your code: "}, "": {"Hello", "Your code: "},
	} {
		mail := mailTo(t, s, "reader"+language[:min(2, len(language))]+"@example.com", language)
		if mail.Subject != want[0] || !strings.Contains(mail.HTML, want[1]+mail.Code) {
			t.Errorf("%q: got %q, %q; want %q", language, mail.Subject, mail.HTML, want)
		}
	}
}

func TestConnectionTemplate_KnowsTheVariablesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Must(200, "PATCH", "/clients/"+s.Native.ID, doc{"client_metadata": doc{"tone": "warm"}, "callbacks": []any{"https://app.example/back"}})
	s.Must(200, "PATCH", "/tenants/settings", doc{"support_email": "help@shop.example", "friendly_name": "The Shop"})
	template(t, s, doc{"body": "{{ code }}|{{ application.name }}|{{ application.clientID }}|{{ application.client_metadata.tone }}|" +
		"{{ application.callback_domain }}|{{ client.name }}|{{ connection.name }}|{{ friendly_name }}|{{ support_email }}|{{ support_url }}|" +
		"{{ user.email }}|{{ email }}|{{ user.name }}|{{ send }}|{{ link }}|{{ operation }}|{{ organization.name }}|{{ missing.deep }}|{{ expires_in_minutes }}"})
	mail := mailTo(t, s, "ann@example.com", "")
	want := strings.Join([]string{mail.Code, "Test Native", s.Native.ID, "warm", "https://app.example", "Test Native", "email", "The Shop",
		"help@shop.example", "", "ann@example.com", "ann@example.com", "", "code", "", "", "", "", "3"}, "|")
	if mail.HTML != want {
		t.Errorf("got  %s\nwant %s", mail.HTML, want)
	}
}

func TestConnectionTemplate_HostileOnesCostTheirOwnMailNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	bomb := "{% assign x = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign x = x | append: x | append: x | append: x %}", 40) + "{{ x }}"
	for name, body := range map[string]string{
		"endless":  "{% for a in (1..100000) %}{% for b in (1..100000) %}{% for c in (1..100000) %}{% endfor %}{% endfor %}{% endfor %}{{ code }}",
		"bomb":     bomb,
		"huge":     "{{ code }}{% for i in (1..200000) %}xxxxxxxxxxxxxxxx{% endfor %}",
		"type":     "{{ 1 | divided_by: code }}",
		"nonsense": "{% if code %}{{ code }}",
	} {
		stored(t, s, doc{"body": body, "subject": "never seen"})
		mail := mailTo(t, s, name+"@example.com", "fr")
		if mail.Subject == "never seen" || !strings.Contains(mail.HTML, mail.Code) || !strings.Contains(mail.HTML, `lang="fr"`) {
			t.Errorf("%s: got subject %q; the built-in French mail should arrive", name, mail.Subject)
		}
		all := warnings(t, s)
		if len(all) == 0 {
			t.Errorf("%s: the tenant's log says nothing", name)
			continue
		}
		if !strings.Contains(all[0], "the template of the connection email") || strings.Contains(all[0], mail.Code) {
			t.Errorf("%s: the log says %q", name, all[0])
		}
		t.Logf("%s: %s", name, all[0])
	}
	stored(t, s, doc{"body": "fine {{ code }}"})
	if mail := mailTo(t, s, "after@example.com", ""); mail.HTML != "fine "+mail.Code {
		t.Errorf("after all of that: got %q", mail.HTML)
	}
}

func TestConnectionTemplate_FilesAreNotThere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	stored(t, s, doc{"body": "{% include '/etc/hostname' %}[{{ code }}]"})
	mail := mailTo(t, s, "ann@example.com", "")
	if mail.HTML != "["+mail.Code+"]" {
		t.Errorf("got %q", mail.HTML)
	}
	if all := warnings(t, s); len(all) != 1 || !strings.Contains(all[0], "include") {
		t.Errorf("the log says %q", all)
	}
}

func TestConnectionTemplate_OneWithoutTheCodeGetsALineWithIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	template(t, s, doc{"body": "<p>Hello!</p>"})
	mail := mailTo(t, s, "ann@example.com", "")
	if !strings.HasPrefix(mail.HTML, "<p>Hello!</p>") || !strings.Contains(mail.HTML, mail.Code) || !strings.Contains(mail.Text, mail.Code) {
		t.Errorf("got %q, %q", mail.HTML, mail.Text)
	}
	if all := warnings(t, s); len(all) != 1 {
		t.Errorf("the log says %q", all)
	}
}

func TestConnectionTemplate_TheSenderOfNewConnectionsMeansTheBuiltInMail(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	template(t, s, doc{"from": "{{ application.name }} <root@auth0.com>", "subject": "Welcome", "body": "{{ code }}"})
	if mail := mailTo(t, s, "ann@example.com", ""); mail.Subject == "Welcome" || strings.Contains(mail.From, "auth0.com") {
		t.Errorf("got %q from %q", mail.Subject, mail.From)
	}
}

func TestConnectionTemplate_ASenderThatIsNoneLeavesTheUsualOne(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	usual := mailTo(t, s, "before@example.com", "").From
	for _, from := range []string{"nobody", "a@b.example\r\nBcc: c@d.example", "{{ missing }}"} {
		stored(t, s, doc{"from": from, "body": "{{ code }}"})
		if got := mailTo(t, s, "ann@example.com", "").From; got != usual {
			t.Errorf("%q: got %q, want %q", from, got, usual)
		}
	}
	template(t, s, doc{"subject": "a{{ missing }}\nb | {{ code }}"})
	if mail := mailTo(t, s, "bob@example.com", ""); mail.Subject != "a b | "+mail.Code {
		t.Errorf("got the subject %q", mail.Subject)
	}
}

func TestConnectionTemplate_NamesOfOthersClientsAreEscaped(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	no := false
	other, _ := s.AddClient(&client.Client{
		Name: `<a href="https://evil.example">Bank</a>`, AppType: "native", FirstParty: &no, TokenEndpointAuthMethod: client.AuthNone,
		GrantTypes: []string{client.GrantPasswordlessOTP},
	})
	s.ChangeConnection("email", func(c *connection.Connection) { c.EnabledClients = append(slices.Clone(c.EnabledClients), other.ID) })
	template(t, s, doc{"body": "{{ application.name }} {{ application.name | escape }} {{ code }}", "subject": "{{ application.name }}"})
	a := s.Browser(t).PostJSON("/passwordless/start", doc{"client_id": other.ID, "connection": "email", "email": "ann@example.com", "send": "code"})
	if a.Status != 200 {
		t.Fatalf("the start answered %d: %s", a.Status, a.Body)
	}
	mail := s.Mail(t, "ann@example.com")
	if strings.Contains(mail.HTML, "<a") || strings.Contains(mail.HTML, "&amp;lt;") {
		t.Errorf("got %s", mail.HTML)
	}
}

func TestConnectionTemplate_Macros(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	template(t, s, doc{"syntax": "md_with_macros", "body": "Your code: @@password@@\nfor @@application.name@@, @@unknown@@", "subject": "@@code@@"})
	mail := mailTo(t, s, "ann@example.com", "")
	if want := "<p>Your code: " + mail.Code + "<br>\nfor Test Native, @@unknown@@</p>"; mail.HTML != want || mail.Subject != mail.Code {
		t.Errorf("got %q, %q; want %q", mail.Subject, mail.HTML, want)
	}
}

func TestVerificationTemplate_ShapesTheMailAndEscapesWhatPeopleChose(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Must(200, "POST", "/email-templates", doc{
		"template": "verify_email", "from": "Shop <hello@shop.example>", "subject": "Verify, {{ user.user_metadata.nick }}", "syntax": "liquid", "enabled": true,
		"body": `<p>{{ user.user_metadata.nick }} of {{ user.app_metadata.team }}</p><a href="{{ url }}">Verify</a>`,
	})
	s.Must(201, "POST", "/connections", doc{"name": "people", "strategy": "auth0", "enabled_clients": []any{s.Web.ID}})
	made := s.Must(201, "POST", "/users", doc{
		"connection": "people", "email": "ann@example.com", "password": "Str0ng&Long&Enough", "verify_email": false,
		"user_metadata": doc{"nick": "<i>Ann</i>"}, "app_metadata": doc{"team": "A&B"},
	}).Doc()
	s.Must(201, "POST", "/jobs/verification-email", doc{"user_id": made["user_id"]})
	mail := s.Mail(t, "ann@example.com")
	want := `<p>&lt;i&gt;Ann&lt;/i&gt; of A&B</p><a href="` + mail.Link + `">Verify</a>`
	if mail.HTML != want || mail.From != "Shop <hello@shop.example>" || mail.Subject != "Verify, <i>Ann</i>" {
		t.Errorf("got %q from %q: %s\nwant %s", mail.Subject, mail.From, mail.HTML, want)
	}
	if !strings.Contains(mail.Text, mail.Link) {
		t.Errorf("the text part has no link: %q", mail.Text)
	}

	s.Code(t, "ann@example.com")
	s.Must(200, "PATCH", "/email-templates/verify_email", doc{"enabled": false})
	s.Must(201, "POST", "/jobs/verification-email", doc{"user_id": made["user_id"]})
	if mail := s.Mail(t, "ann@example.com"); strings.Contains(mail.Subject, "Ann") {
		t.Errorf("a template that is off was used: %q", mail.Subject)
	}
}

func TestVerificationTemplate_SaysWhereTheLinkLeadsAndHowLongItLives(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Must(200, "PATCH", "/clients/"+s.Web.ID, doc{"callbacks": []any{"https://app.example/back"}})
	s.Must(200, "POST", "/email-templates", doc{
		"template": "verify_email", "from": "", "subject": "", "body": "{{ url }}", "syntax": "liquid", "enabled": true,
		"resultUrl":            "{{ application.callback_domain }}/{% if application.name == 'Test%20Web' %}done{% endif %}#/hello",
		"urlLifetimeInSeconds": 600, "includeEmailInRedirect": false,
	})
	s.Must(201, "POST", "/connections", doc{"name": "people", "strategy": "auth0", "enabled_clients": []any{s.Web.ID}})
	link := func(email string) string {
		made := s.Must(201, "POST", "/users", doc{"connection": "people", "email": email, "password": "Str0ng&Long&Enough", "verify_email": false}).Doc()
		s.Must(201, "POST", "/jobs/verification-email", doc{"user_id": made["user_id"], "client_id": s.Web.ID})
		address, _, _ := strings.Cut(strings.TrimPrefix(s.Mail(t, email).Link, s.URL), "#")
		return address
	}
	press := func(link string) *servertest.Answer {
		return s.Browser(t).Post(link, url.Values{"state": {link[strings.IndexByte(link, '=')+1:]}, "action": {"default"}})
	}
	got := press(link("ann@example.com")).Header.Get("Location")
	to, err := url.Parse(got)
	if err != nil || to.Scheme+"://"+to.Host+to.Path != "https://app.example/done" || to.Fragment != "/hello" ||
		to.Query().Get("success") != "true" || to.Query().Has("email") {
		t.Errorf("the browser goes to %q", got)
	}
	late := link("bob@example.com")
	s.Clock.Advance(601 * time.Second)
	if got := press(late); strings.Contains(got.Header.Get("Location"), "success=true") || !strings.Contains(got.Header.Get("Location")+got.Body, "xpired") {
		t.Errorf("after its life: got %d %q", got.Status, got.Header.Get("Location"))
	}
}

func TestWelcome_GreetsOnceTheAddressIsVerifiedWhereTheTenantWantsIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Must(201, "POST", "/connections", doc{"name": "people", "strategy": "auth0", "enabled_clients": []any{s.Web.ID}})
	verify := func(email string) {
		t.Helper()
		made := s.Must(201, "POST", "/users", doc{
			"connection": "people", "email": email, "password": "Str0ng&Long&Enough", "verify_email": false, "given_name": "Ann",
		}).Doc()
		address := s.Must(201, "POST", "/tickets/email-verification", doc{"user_id": made["user_id"], "client_id": s.Web.ID}).Doc()["ticket"].(string)
		secret := strings.TrimSuffix(address[strings.Index(address, "ticket=")+len("ticket="):], "#")
		for range 2 { // people click twice
			s.Browser(t).Post("/u/email-verification?ticket="+secret, url.Values{"state": {secret}, "action": {"default"}})
		}
		if u := s.Must(200, "GET", "/users/"+url.PathEscape(made["user_id"].(string)), nil).Doc(); u["email_verified"] != true {
			t.Fatalf("%s is not verified", email)
		}
	}
	welcome := doc{
		"template": "welcome_email", "from": "Shop <hello@shop.example>", "subject": "Welcome, {{ user.given_name }}", "syntax": "liquid", "enabled": false,
		"body": "<p>{{ user.email }} of {{ application.name }}</p>",
	}
	verify("one@example.com")
	s.Must(200, "POST", "/email-templates", welcome)
	verify("two@example.com")
	s.Must(200, "PATCH", "/email-templates/welcome_email", doc{"enabled": true})
	verify("ann@example.com")
	mail := s.Mail(t, "ann@example.com")
	if mail.Subject != "Welcome, Ann" || mail.HTML != "<p>ann@example.com of "+s.Web.Name+"</p>" || mail.From != "Shop <hello@shop.example>" {
		t.Errorf("got %q from %q: %s", mail.Subject, mail.From, mail.HTML)
	}
	all, err := s.Inbox.List(t.Context(), message.InboxFilter{}, 0)
	if err != nil || len(all) != 1 {
		t.Errorf("%d mails were sent (%v), want one to the one user after the template was switched on", len(all), err)
	}
}
