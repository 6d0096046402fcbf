package promises

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/egress"
	"latchkey/internal/message"
	"latchkey/test/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

type doc = map[string]any

const (
	ada   = "ada@example.com"
	phone = "+14155552671"

	pathIdentify = "/u/login/identifier"
	pathMailCode = "/u/login/passwordless-email-challenge"
	pathTextCode = "/u/login/passwordless-sms-challenge"
	pathResume   = "/authorize/resume"
)

// row is one row, item or step, and what proves it.
type row struct {
	text  string
	proof func(t *testing.T, s *servertest.Server)
}

// prove runs each row on a server of its own.
func prove(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.text, func(t *testing.T) {
			t.Parallel()
			r.proof(t, servertest.NewEgress(t, egress.Config{Loopback: true}))
		})
	}
}

// proveEach runs each row on a server of its own over each database.
func proveEach(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.text, func(t *testing.T) {
			t.Parallel()
			servertest.Each(t, r.proof)
		})
	}
}

// connect makes a connection through the Management API and enables it for clients. The clock moves on, so that what is made
// later is younger.
func connect(s *servertest.Server, name, strategy string, options doc, clients ...*client.Client) string {
	s.T.Helper()
	s.Clock.Advance(time.Second)
	ids := []any{}
	for _, c := range clients {
		ids = append(ids, c.ID)
	}
	body := doc{"name": name, "strategy": strategy, "enabled_clients": ids}
	if options != nil {
		body["options"] = options
	}
	return s.Must(201, "POST", "/connections", body).Doc()["id"].(string)
}

// set lays options over those of a connection, as an administrator does: read, change, write back.
func set(s *servertest.Server, name string, options doc) {
	s.T.Helper()
	found := s.Must(200, "GET", "/connections?name="+name, nil).List()
	if len(found) != 1 {
		s.T.Fatalf("there are %d connections %s", len(found), name)
	}
	stored := found[0].(doc)
	all, _ := stored["options"].(doc)
	if all == nil {
		all = doc{}
	}
	maps.Copy(all, options)
	s.Must(200, "PATCH", "/connections/"+stored["id"].(string), doc{"options": all})
}

// newClient registers one more application, which has no connection yet.
func newClient(s *servertest.Server) *client.Client {
	c, _ := s.AddClient(&client.Client{
		Name: "Acme", AppType: "native", TokenEndpointAuthMethod: client.AuthNone,
		GrantTypes: []string{client.GrantAuthorizationCode, client.GrantRefreshToken, client.GrantPasswordlessOTP},
	})
	return c
}

// visit is one login in one browser.
type visit struct {
	t     testing.TB
	s     *servertest.Server
	b     *servertest.Browser
	state string
	page  *servertest.Answer // the page that asks who is there
}

// begin sends an authorization request and opens the page it leads to.
func begin(t testing.TB, s *servertest.Server, b *servertest.Browser, authorize string) *visit {
	t.Helper()
	to := b.Get(authorize).Location(t)
	if !strings.HasPrefix(to.Path, "/u/") {
		t.Fatalf("the authorization request led to %s", to)
	}
	page := b.Get(to.String())
	if page.Status != http.StatusOK {
		t.Fatalf("%s answered %d: %s", to.Path, page.Status, page.Body)
	}
	return &visit{t, s, b, to.Query().Get("state"), page}
}

func (v *visit) post(path string, fields ...string) *servertest.Answer {
	v.t.Helper()
	form := url.Values{"state": {v.state}, "action": {"default"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.b.Post(path+"?"+url.Values{"state": {v.state}}.Encode(), form)
}

// next checks that an answer leads to another page of the login and opens it.
func (v *visit) next(a *servertest.Answer, path string) *servertest.Answer {
	v.t.Helper()
	to := a.Location(v.t)
	if to.Path != path {
		v.t.Fatalf("%s led to %s, want %s", a.URL.Path, to.Path, path)
	}
	return v.b.Get(to.String())
}

// identify says who is there, by address or number, and gives the page that asks for the code.
func (v *visit) identify(who string) *servertest.Answer {
	v.t.Helper()
	path := pathMailCode
	if strings.HasPrefix(who, "+") {
		path = pathTextCode
	}
	return v.next(v.post(pathIdentify, "username", who), path)
}

// finish types the code that was sent and gives where the login ends.
func (v *visit) finish(who string) *url.URL {
	v.t.Helper()
	path := pathMailCode
	if strings.HasPrefix(who, "+") {
		path = pathTextCode
	}
	return v.next(v.post(path, "code", v.s.Code(v.t, who)), pathResume).Location(v.t)
}

// asks says what the page of a login asks for: "email" or "tel".
func (v *visit) asks() string { return first(inputType, v.page.Body) }

var (
	inputType = regexp.MustCompile(`<input [^>]*name="(?:username|email|phone)" type="(email|tel)"`)
	screen    = regexp.MustCompile(`<main class="_widget ([^"]*)"`)
)

func first(r *regexp.Regexp, text string) string {
	if m := r.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// public is the authorization request of a public client with PKCE, and its verifier.
func public(s *servertest.Server, c *client.Client, params ...string) (authorize, verifier string) {
	pkce := servertest.NewPKCE()
	return s.AuthorizeURL(c, append([]string{"code_challenge", pkce.Challenge, "code_challenge_method", "S256"}, params...)...), pkce.Verifier
}

// subject exchanges the code that a login ended with and gives whose tokens these are.
func subject(t testing.TB, b *servertest.Browser, c *client.Client, callback *url.URL, verifier string) string {
	t.Helper()
	code := callback.Query().Get("code")
	if code == "" {
		t.Fatalf("the login ended at %s", callback)
	}
	tokens := b.MustToken(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {c.ID}, "code": {code}, "redirect_uri": {servertest.Callback}, "code_verifier": {verifier},
	})
	return servertest.Claims(t, tokens.IDToken)["sub"].(string)
}

// wantLogin logs in on the pages as a public client and checks by which connection's strategy that was.
func wantLogin(t testing.TB, s *servertest.Server, c *client.Client, strategy string, params ...string) {
	t.Helper()
	who, field := ada, "email"
	if strategy == "sms" {
		who, field = phone, "tel"
	}
	b := s.Browser(t)
	authorize, verifier := public(s, c, params...)
	v := begin(t, s, b, authorize)
	if got := v.asks(); got != field {
		t.Fatalf("%v: the page asks for %q, want %q", params, got, field)
	}
	v.identify(who)
	if sub := subject(t, b, c, v.finish(who), verifier); !strings.HasPrefix(sub, strategy+"|") {
		t.Errorf("%v: the login was that of %s, want one of %s", params, sub, strategy)
	}
}

// start asks for a code or a link by the API.
func start(t testing.TB, b *servertest.Browser, body doc) *servertest.Answer {
	t.Helper()
	return b.PostJSON("/passwordless/start", body)
}

// started is start of the native client for an address or a number; it must succeed.
func started(t testing.TB, s *servertest.Server, who string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	body := doc{"client_id": s.Native.ID, "connection": "email", "email": who, "send": "code"}
	if strings.HasPrefix(who, "+") {
		body = doc{"client_id": s.Native.ID, "connection": "sms", "phone_number": who, "send": "code"}
	}
	if a := start(t, b, body); a.Status != http.StatusOK {
		t.Fatalf("the start for %s answered %d: %s", who, a.Status, a.Body)
	}
	return b
}

// grant is the form by which the native client takes a code.
func grant(s *servertest.Server, who, code string) url.Values {
	form := s.OTPForm(who, code)
	if strings.HasPrefix(who, "+") {
		form.Set("realm", "sms")
	}
	return form
}

// documented checks that a document says something of each subject.
func documented(t testing.TB, document string, subjects ...string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + document)
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.Join(strings.Fields(string(text)), " ")
	for _, subject := range subjects {
		if !strings.Contains(plain, subject) {
			t.Errorf("docs/%s says nothing of %q", document, subject)
		}
	}
}

func pick(from map[string]string, names []string) []string {
	var found []string
	for _, name := range names {
		found = append(found, from[name])
	}
	return found
}

// enable enables a connection for one more client.
func enable(c *client.Client) func(*connection.Connection) {
	return func(stored *connection.Connection) {
		stored.EnabledClients = append(slices.Clone(stored.EnabledClients), c.ID)
	}
}

// inLanguage starts a login of somebody who reads a language and gives the message.
func inLanguage(t testing.TB, s *servertest.Server, who, language string) message.InboxMessage {
	t.Helper()
	if strings.HasPrefix(who, "+") {
		return inLanguageBy(t, s, "sms", who, language)
	}
	return inLanguageBy(t, s, "email", who, language)
}

// inLanguageBy is inLanguage for a connection of any name.
func inLanguageBy(t testing.TB, s *servertest.Server, name, who, language string) message.InboxMessage {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("X-Request-Language", language)
	field := "email"
	if strings.HasPrefix(who, "+") {
		field = "phone_number"
	}
	if a := start(t, b, doc{"client_id": s.Native.ID, "connection": name, field: who, "send": "code"}); a.Status != http.StatusOK {
		t.Fatalf("the start for %s answered %d: %s", who, a.Status, a.Body)
	}
	m := s.Mail(t, who)
	s.Code(t, who) // empties the inbox for the next one
	return m
}
