// Package pages_test tests the hosted pages of a whole server with a browser that runs no script: the way of a login, what
// is refused on it, going back and forth, other browsers, and what strangers can learn.
package pages_test

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/message"
	"latchkey/test/servertest"
)

const (
	pathLogin  = "/u/login/identifier"
	pathSignup = "/u/signup/identifier"
	pathCode   = "/u/login/passwordless-email-challenge"
	pathText   = "/u/login/passwordless-sms-challenge"
	pathResume = "/authorize/resume"
)

// visit is one login in one browser.
type visit struct {
	t     testing.TB
	s     *servertest.Server
	b     *servertest.Browser
	state string
	path  string // of the page the authorization request led to
	codes string // path of the page that asks for the code, where it is not that of an e-mail
}

// begin sends an authorization request of the confidential client and gives the login that it began.
func begin(t testing.TB, s *servertest.Server, b *servertest.Browser, params ...string) *visit {
	t.Helper()
	return beginAs(t, s, b, s.Web, params...)
}

func beginAs(t testing.TB, s *servertest.Server, b *servertest.Browser, c *client.Client, params ...string) *visit {
	t.Helper()
	authorize := strings.TrimPrefix(s.AuthorizeURL(c, params...), s.URL)
	location := b.Get(authorize).Location(t)
	state := location.Query().Get("state")
	if state == "" || !strings.HasPrefix(location.Path, "/u/") {
		t.Fatalf("the authorization request led to %s", location)
	}
	return &visit{t: t, s: s, b: b, state: state, path: location.Path}
}

func (v *visit) at(path string) string {
	return path + "?" + url.Values{"state": {v.state}}.Encode()
}

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

// identify types the address and must get to the code page.
func (v *visit) identify(email string) {
	v.t.Helper()
	v.wantNext(v.post(pathLogin, "username", email), pathCode)
}

func (v *visit) code(code string) *servertest.Answer {
	v.t.Helper()
	return v.post(cmp.Or(v.codes, pathCode), "code", code)
}

func (v *visit) resend() *servertest.Answer {
	v.t.Helper()
	return v.post(cmp.Or(v.codes, pathCode), "action", "resend")
}

// finish resumes the transaction and gives the redirect to the application.
func (v *visit) finish() *url.URL {
	v.t.Helper()
	return v.get(pathResume).Location(v.t)
}

// wantNext checks a redirect to another page of the same login.
func (v *visit) wantNext(a *servertest.Answer, path string) {
	v.t.Helper()
	if got, want := a.Header.Get("Location"), v.at(path); a.Status != http.StatusFound || got != want {
		short := strings.NewReplacer(v.state, "{state}")
		v.t.Fatalf("%s answered %d to %q (page %q, error %q), want 302 to %q",
			a.URL.Path, a.Status, short.Replace(got), screen(a), errorCode(a), short.Replace(want))
	}
}

var (
	errorCodes = regexp.MustCompile(`data-error-code="([^"]*)"`)
	mainClass  = regexp.MustCompile(`<main class="_widget ([^"]*)"`)
	htmlLang   = regexp.MustCompile(`<html lang="([^"]*)"`)
	nonces     = regexp.MustCompile(`nonce-[\w-]+|nonce="[\w-]+"`)
)

// errorCode is what a page says is wrong.
func errorCode(a *servertest.Answer) string { return firstGroup(errorCodes, a.Body) }

// screen is which page an answer is.
func screen(a *servertest.Answer) string { return firstGroup(mainClass, a.Body) }

func language(a *servertest.Answer) string { return firstGroup(htmlLang, a.Body) }

func firstGroup(r *regexp.Regexp, s string) string {
	m := r.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1]
}

// want checks status, page and error code of an answer.
func want(t testing.TB, a *servertest.Answer, status int, page, code string) {
	t.Helper()
	if a.Status != status || screen(a) != page || errorCode(a) != code {
		t.Errorf("%s answered %d, page %q, error %q; want %d, %q, %q", a.URL.Path, a.Status, screen(a), errorCode(a), status, page, code)
	}
}

const (
	screenLogin  = "login-id"
	screenSignup = "signup-id"
	screenCode   = "login-passwordless-email-code"
	screenText   = "login-passwordless-sms-otp"
)

// wantCallback checks that a login ended at the application with a code, and gives the code.
func wantCallback(t testing.TB, u *url.URL) string {
	t.Helper()
	if got := u.Scheme + "://" + u.Host + u.Path; got != servertest.Callback || u.Query().Get("code") == "" || u.Query().Get("state") != "app-state" {
		t.Fatalf("the login ended at %s", u)
	}
	return u.Query().Get("code")
}

// inbox gives the mails that have come to an address.
func inbox(t testing.TB, s *servertest.Server, email string) []message.InboxMessage {
	t.Helper()
	list, err := s.Inbox.List(context.Background(), message.InboxFilter{Tenant: s.Tenant.ID, To: email}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// wantNoMail checks that nothing was sent to an address: a later message to somebody else has come and none to it.
func wantNoMail(t testing.TB, s *servertest.Server, email string) {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-For", "192.0.2.77")
	begin(t, s, b).identify("canary@example.com")
	s.Code(t, "canary@example.com")
	for _, m := range inbox(t, s, email) {
		t.Errorf("a mail went to %s: %s", email, m.Subject)
	}
}

// wantNothingDone checks that do writes nothing: no commit, no row.
func wantNothingDone(t testing.TB, s *servertest.Server, what string, do func()) {
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

// pause lets the limits on posts to one page recover.
func pause(s *servertest.Server) { s.Clock.Advance(13 * time.Second) }
