package promises

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// pathWait is the screen that waits for a link.
const pathWait = "/u/login/passwordless-email-link"

// startLink asks by the API for a link and gives it.
func startLink(t testing.TB, s *servertest.Server, params doc) string {
	t.Helper()
	all := doc{"response_type": "code", "redirect_uri": servertest.Callback, "scope": "openid email", "state": "mine"}
	for k, v := range params {
		all[k] = v
	}
	body := doc{"client_id": s.Web.ID, "client_secret": s.Secret, "connection": "email", "email": ada, "send": "link", "authParams": all}
	if a := start(t, s.Browser(t), body); a.Status != http.StatusOK {
		t.Fatalf("the start of a link answered %d: %s", a.Status, a.Body)
	}
	return linkOf(t, s)
}

// linkOf gives the link of the newest mail.
func linkOf(t testing.TB, s *servertest.Server) string {
	t.Helper()
	m := s.Mail(t, ada)
	if m.Link == "" || !strings.Contains(m.Text, m.Link) || !strings.HasPrefix(m.Link, s.URL+"/passwordless/verify_redirect?") {
		t.Fatalf("the mail has the link %q and says %q", m.Link, m.Text)
	}
	s.Code(t, ada) // empties the inbox for the next one
	return m.Link
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	number = regexp.MustCompile(`<p class="number"[^>]*><bdi[^>]*>(\d\d)</bdi>`)
)

// press opens a link, which must show a page, and presses its button.
func press(t testing.TB, b *servertest.Browser, link string, fields ...string) *servertest.Answer {
	t.Helper()
	page := b.Get(link)
	if page.Status != http.StatusOK {
		t.Fatalf("the link shows %d: %s", page.Status, page.Body)
	}
	form := url.Values{"action": {"default"}}
	for _, m := range hidden.FindAllStringSubmatch(page.Body, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	sent := *b
	sent.Headers = b.Headers.Clone()
	sent.Headers.Set("Sec-Fetch-Site", "same-origin") // as browsers say
	return sent.Post(link, form)
}

// waiting begins a hosted login whose mail holds a link, and gives the screen that waits for it.
func waiting(t testing.TB, s *servertest.Server) (*visit, *servertest.Answer) {
	t.Helper()
	set(s, "email", doc{"send": "link"})
	v := begin(t, s, s.Browser(t), s.AuthorizeURL(s.Web))
	return v, v.next(v.post(pathIdentify, "username", ada), pathWait)
}

// exchanged checks that a login ended at the application, and with whose tokens.
func exchanged(t testing.TB, s *servertest.Server, b *servertest.Browser, end *url.URL) {
	t.Helper()
	code := end.Query().Get("code")
	if !strings.HasPrefix(end.String(), servertest.Callback+"?") || code == "" {
		t.Fatalf("the login ended at %s", end)
	}
	tokens := b.MustToken(s.CodeForm(code))
	claims := servertest.Claims(t, tokens.IDToken)
	if claims["email"] != ada || claims["email_verified"] != true {
		t.Errorf("the tokens are those of %v", claims)
	}
}

// receivesALink, by the API and on the pages.
func receivesALink(t *testing.T, s *servertest.Server) {
	link := startLink(t, s, nil)
	for name, want := range map[string]string{
		"connection": "email", "client_id": s.Web.ID, "email": ada, "response_type": "code", "redirect_uri": servertest.Callback, "state": "mine",
	} {
		if got := parameter(link, name); got != want {
			t.Errorf("the link says %s=%q, want %q", name, got, want)
		}
	}
	waiting(t, s)
	linkOf(t, s)
}

// clicksALink, by the API and on the pages.
func clicksALink(t *testing.T, s *servertest.Server) {
	link, b := startLink(t, s, nil), s.Browser(t)
	end := b.Get(press(t, b, link).Location(t).String()).Location(t)
	if end.Query().Get("state") != "mine" {
		t.Errorf("the application gets %s", end)
	}
	exchanged(t, s, b, end)
	wantNoSession(t, s, b) // whoever mails somebody else a link leaves them logged in as nobody

	v, _ := waiting(t, s)
	done := press(t, v.b, linkOf(t, s))
	exchanged(t, s, v.b, v.next(done, pathResume).Location(t))
}

// anotherBrowser opens the link of a login that waits in a first one.
func anotherBrowser(t *testing.T, s *servertest.Server) {
	v, screen := waiting(t, s)
	link, other := linkOf(t, s), s.Browser(t)
	shown := first(number, screen.Body)
	if shown == "" {
		t.Fatalf("the first screen shows no number: %s", screen.Body)
	}
	// Nobody who lacks the number gets on, and the link is not lost by that.
	if a := press(t, other, link, "number", servertest.WrongCode(shown)); a.Status == http.StatusFound {
		t.Fatalf("a wrong number led to %s", a.Header.Get("Location"))
	}
	if a := press(t, other, link, "number", shown); a.Status != http.StatusOK || a.Header.Get("Location") != "" {
		t.Errorf("the right number: got %d %s", a.Status, a.Header.Get("Location"))
	}
	exchanged(t, s, v.b, v.next(v.post(pathWait, "action", "continue"), pathResume).Location(t))
	wantNoSession(t, s, other)
}

// wantNoSession checks that nobody is logged in in a browser.
func wantNoSession(t testing.TB, s *servertest.Server, b *servertest.Browser) {
	t.Helper()
	if to := b.Get(s.AuthorizeURL(s.Web, "prompt", "none")).Location(t); to.Query().Get("error") != "login_required" {
		t.Errorf("the browser has a session: %s", to)
	}
}

// scanned links are not spent by what programs do with mail.
func scanned(t *testing.T, s *servertest.Server) {
	link := startLink(t, s, nil)
	scanner := s.Browser(t)
	for range 3 {
		if a := scanner.Get(link); a.Status != http.StatusOK || a.Header.Get("Location") != "" {
			t.Fatalf("a GET answered %d %s", a.Status, a.Header.Get("Location"))
		}
		if a := scanner.Do(http.MethodHead, link, "", ""); a.Status != http.StatusOK {
			t.Errorf("a HEAD answered %d", a.Status)
		}
	}
	b := s.Browser(t)
	exchanged(t, s, b, b.Get(press(t, b, link).Location(t).String()).Location(t))
}
