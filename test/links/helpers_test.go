// Package links_test tests magic links of a whole server: where each may be opened, what it does there, and what programs
// that open mail can do with it. Tests are named for the rows of a table:
//
//	row | the link's login was begun        | opened in            | tenant's word       | what it does
//	----+-----------------------------------+----------------------+---------------------+---------------------------------
//	1   | on a page of ours                 | that browser         | any                 | goes on there, by itself
//	2   | on a page of ours                 | any other            | nothing or false    | takes the number of the first screen
//	3   | on the tenant's own page (Classic)| any other            | nothing or false    | nothing
//	4   | by the API                        | any                  | nothing             | a button logs in, without a session
//	5   | by the API                        | any                  | false               | nothing
//	6   | anywhere                          | any, but those of 1  | true                | a button logs in, with a session
//	7   | used, expired, superseded, unknown| any                  | any                 | nothing, and says why
package links_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/message"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

const (
	pathLogin  = "/u/login/identifier"
	pathLink   = "/u/login/passwordless-email-link"
	pathCode   = "/u/login/passwordless-email-challenge"
	pathStatus = "/u/login/passwordless-email-link/status"
	pathResume = "/authorize/resume"
	landing    = "/passwordless/verify_redirect"
	alias      = "/passwordless/verify-redirect"

	ada = "ada@example.com"
)

// sends makes our own pages send links.
func sends(s *servertest.Server, what connection.Send) {
	s.T.Helper()
	s.ChangeConnection("email", func(c *connection.Connection) { c.Options.Send = string(what) })
}

// allow says what the tenant says of links in other browsers; nil is nothing.
func allow(s *servertest.Server, word *bool) {
	s.T.Helper()
	s.ChangeSettings(func(settings *tenant.Settings) {
		settings.UniversalLogin = &tenant.UniversalLogin{Passwordless: &tenant.Passwordless{AllowLinkWithoutSession: word}}
	})
}

var (
	yes = func() *bool { b := true; return &b }()
	no  = func() *bool { b := false; return &b }()
)

// visit is one hosted login in one browser.
type visit struct {
	t     testing.TB
	s     *servertest.Server
	b     *servertest.Browser
	email string
	state string
}

// begin goes to the page that waits for the link of an address.
func begin(t testing.TB, s *servertest.Server, b *servertest.Browser, email string, params ...string) *visit {
	t.Helper()
	location := b.Get(strings.TrimPrefix(s.AuthorizeURL(s.Web, params...), s.URL)).Location(t)
	v := &visit{t, s, b, email, location.Query().Get("state")}
	v.wantAt(v.post(pathLogin, "username", email), pathLink, pathCode)
	return v
}

func (v *visit) at(path string) string { return path + "?" + url.Values{"state": {v.state}}.Encode() }

func (v *visit) get(path string) *servertest.Answer {
	v.t.Helper()
	return v.b.Get(v.at(path))
}

func (v *visit) post(path string, fields ...string) *servertest.Answer {
	v.t.Helper()
	form := url.Values{"state": {v.state}, "action": {"default"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.b.Post(v.at(path), form)
}

// wantAt checks a redirect to one of the pages of the same login.
func (v *visit) wantAt(a *servertest.Answer, paths ...string) {
	v.t.Helper()
	got := a.Location(v.t)
	for _, path := range paths {
		if got.Path == path && got.Query().Get("state") == v.state {
			return
		}
	}
	v.t.Fatalf("%s led to %s, want %v of the same login", a.URL.Path, got, paths)
}

var numbers = regexp.MustCompile(`class="number"[^>]*><bdi dir="ltr">(\d\d)</bdi>`)

// number is what the screen shows.
func (v *visit) number(path string) string {
	v.t.Helper()
	page := v.get(path)
	m := numbers.FindStringSubmatch(page.Body)
	if m == nil {
		v.t.Fatalf("%s answered %d and shows no number", path, page.Status)
	}
	return m[1]
}

// status is how far the screen is told the link is.
func (v *visit) status() string {
	v.t.Helper()
	text, _ := v.get(pathStatus).JSON(v.t)["status"].(string)
	return text
}

// finish resumes the login and gives the redirect to the application.
func (v *visit) finish() *url.URL {
	v.t.Helper()
	return v.get(pathResume).Location(v.t)
}

// otherNumber is a number that the screen does not show.
func otherNumber(n string) string {
	if n == "10" {
		return "99"
	}
	return "10"
}

// link waits for the newest link to an address and empties its inbox.
func link(t testing.TB, s *servertest.Server, email string) string {
	t.Helper()
	mail := s.Mail(t, email)
	if err := s.Inbox.Delete(context.Background(), message.InboxFilter{Tenant: s.Tenant.ID, To: email}); err != nil {
		t.Fatal(err)
	}
	if mail.Link == "" {
		t.Fatalf("the mail to %s has no link: %s", email, mail.Text)
	}
	return strings.TrimPrefix(mail.Link, strings.TrimSuffix(s.Issuer, "/"))
}

// startLink asks for a link by the API as the native client.
func startLink(t testing.TB, s *servertest.Server, email string, params map[string]any) string {
	t.Helper()
	body := map[string]any{"client_id": s.Native.ID, "connection": "email", "email": email, "send": "link"}
	if params != nil {
		body["authParams"] = params
	}
	if a := s.Browser(t).PostJSON("/passwordless/start", body); a.Status != http.StatusOK {
		t.Fatalf("the start answered %d: %s", a.Status, a.Body)
	}
	return link(t, s, email)
}

// ask are the parameters that an application of the seeded clients would send along.
func ask(more ...string) map[string]any {
	params := map[string]any{"redirect_uri": servertest.Callback, "response_type": "code", "scope": "openid profile email", "state": "its-own"}
	for i := 0; i+1 < len(more); i += 2 {
		params[more[i]] = more[i+1]
	}
	return params
}

// press submits the page of a link as a person does.
func press(b *servertest.Browser, link string, fields ...string) *servertest.Answer {
	form := url.Values{"action": {"default"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	sent := *b
	sent.Headers = b.Headers.Clone()
	if sent.Headers.Get("Origin") == "" && sent.Headers.Get("Sec-Fetch-Site") == "" {
		sent.Headers.Set("Sec-Fetch-Site", "same-origin")
	}
	return sent.Post(link, form)
}

// changed gives a link with a parameter changed.
func changed(link, name, value string) string {
	u, err := url.Parse(link)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

var (
	mainClass = regexp.MustCompile(`<main class="_widget ([^"]*)"`)
	headings  = regexp.MustCompile(`<h1>(.*?)</h1>`)
	errorCode = regexp.MustCompile(`data-error-code="([^"]*)"`)
	nonces    = regexp.MustCompile(`nonce="[^"]*"`)
	markup    = regexp.MustCompile(`<[^>]*>`)
)

func first(r *regexp.Regexp, body string) string {
	m := r.FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return markup.ReplaceAllString(m[1], "")
}

// Headings of the pages of links.
const (
	titleElsewhere = "Opened in another browser"
	titleApproved  = "Login confirmed"
	titleDenied    = "The login was stopped"
	titleDone      = "You are logged in"
	titleUsed      = "This link was used before"
	titleExpired   = "This link is too old"
	titleTooMany   = "This link no longer works"
	titleInvalid   = "This link does not work"
)

// wantPage checks which page an answer is.
func wantPage(t testing.TB, a *servertest.Answer, status int, screen, title string) {
	t.Helper()
	if got := first(mainClass, a.Body); a.Status != status || got != screen || (title != "" && first(headings, a.Body) != title) {
		t.Fatalf("%s %s answered %d, screen %q, heading %q; want %d, %q, %q",
			a.URL.Path, a.URL.RawQuery, a.Status, got, first(headings, a.Body), status, screen, title)
	}
}

// wantRefused checks that a link does nothing here, and why.
func wantRefused(t testing.TB, a *servertest.Answer, title string) {
	t.Helper()
	wantPage(t, a, http.StatusBadRequest, "status", title)
	wantHarmless(t, a)
}

// wantHarmless checks that an answer leaves nothing in the browser and does nothing by itself.
func wantHarmless(t testing.TB, a *servertest.Answer) {
	t.Helper()
	if got := a.Header.Values("Set-Cookie"); len(got) > 0 {
		t.Errorf("%s set cookies: %v", a.URL.Path, got)
	}
	if strings.Contains(a.Body, "data-submit-now") || strings.Contains(strings.ToLower(a.Body), `http-equiv="refresh"`) {
		t.Errorf("%s shows a page that submits itself", a.URL)
	}
	if got := a.Header.Get("Location"); got != "" {
		t.Errorf("%s redirects to %s", a.URL.Path, got)
	}
}

// wantCode checks that a login ended at the application with a code, and gives the code.
func wantCode(t testing.TB, u *url.URL, state string) string {
	t.Helper()
	q := u.Query()
	if got := u.Scheme + "://" + u.Host + u.Path; got != servertest.Callback || q.Get("code") == "" || q.Get("state") != state {
		t.Fatalf("the login ended at %s", u)
	}
	return q.Get("code")
}

// session is the session cookie of a browser; empty where it has none.
func session(b *servertest.Browser) string {
	for _, c := range b.Cookies() {
		if c.Name == "auth0" {
			return c.Value
		}
	}
	return ""
}

// wantUntouched checks that do writes nothing: no commit, no row.
func wantUntouched(t testing.TB, s *servertest.Server, what string, do func()) {
	t.Helper()
	before := s.Rows(t)
	if work := s.Work(do); work.Commits != 0 {
		t.Errorf("%s committed %d times", what, work.Commits)
	}
	for table, n := range s.Rows(t) {
		if n != before[table] {
			t.Errorf("%s changed table %s from %d rows to %d", what, table, before[table], n)
		}
	}
}

// events gives the descriptions of the log events of a type, the newest first.
func events(t testing.TB, s *servertest.Server, typ eventlog.Type) []string {
	t.Helper()
	var list []string
	for _, e := range s.Events(t) {
		if e.Type == typ {
			list = append(list, e.Description)
		}
	}
	return list
}

// classic gives the tenant its own login page.
func classic(s *servertest.Server) {
	s.T.Helper()
	s.ChangeClient(s.Web.ID, func(c *client.Client) { c.CustomLoginPage = "<html><body>Log in</body></html>" })
}

// beginClassic begins a login whose page is the tenant's own, and asks for what that page asks for.
func beginClassic(t testing.TB, s *servertest.Server, b *servertest.Browser, email, send string) *visit {
	t.Helper()
	location := b.Get(strings.TrimPrefix(s.AuthorizeURL(s.Web), s.URL)).Location(t)
	v := &visit{t, s, b, email, location.Query().Get("state")}
	v.start(send)
	return v
}

// start asks for a code or a link as the page of a Classic login does.
func (v *visit) start(send string) {
	v.t.Helper()
	a := v.b.PostJSON("/passwordless/start", map[string]any{
		"client_id": v.s.Web.ID, "connection": "email", "email": v.email, "send": send,
		"authParams": ask("state", v.state, "_intstate", "deprecated"),
	})
	if a.Status != http.StatusOK {
		v.t.Fatalf("the start answered %d: %s", a.Status, a.Body)
	}
}

// from gives a fresh browser at an address of its own.
func from(t testing.TB, s *servertest.Server, ip string) *servertest.Browser {
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-For", ip)
	return b
}
