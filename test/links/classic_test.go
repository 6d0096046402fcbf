package links_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

// typed is a code that a Classic page let somebody type, with what the page sends along.
type typed struct {
	*visit
	code string
	csrf string
}

// typeCode lets the page of a Classic login ask for a code, and shows what came.
func typeCode(t testing.TB, s *servertest.Server, b *servertest.Browser, email string) *typed {
	t.Helper()
	classic(s)
	location := b.Get(strings.TrimPrefix(s.AuthorizeURL(s.Web), s.URL)).Location(t)
	b.Get(location.String())
	v := &visit{t, s, b, email, location.Query().Get("state")}
	v.start("code")
	code := &typed{visit: v, code: s.Code(t, email)}
	for _, c := range b.Cookies() {
		if strings.Contains(c.Name, "csrf") {
			code.csrf = c.Value
		}
	}
	if code.csrf == "" {
		t.Fatal("the Classic page gave no value against forged requests")
	}
	return code
}

// check asks whether the code is right, as auth0.js does.
func (c *typed) check(code string) int {
	c.t.Helper()
	return c.b.PostJSON("/passwordless/verify", map[string]any{
		"connection": "email", "email": c.email, "verification_code": code, "client_id": c.s.Web.ID,
	}).Status
}

// address is where auth0.js goes with the code.
func (c *typed) address(changes ...string) string {
	q := url.Values{
		"client_id": {c.s.Web.ID}, "response_type": {"code"}, "redirect_uri": {servertest.Callback}, "scope": {"openid"}, "_csrf": {c.csrf},
		"state": {c.state}, "_intstate": {"deprecated"}, "protocol": {"oauth2"}, "connection": {"email"}, "email": {c.email},
		"verification_code": {c.code},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
	}
	return landing + "?" + q.Encode()
}

func TestRow1_ACodeTypedOnAClassicPageGoesOnByItself(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := typeCode(t, s, s.Browser(t), ada)
		if got := c.check(c.code); got != http.StatusOK {
			t.Fatalf("the check answered %d", got)
		}
		page := c.b.Get(c.address())
		wantPage(t, page, http.StatusOK, "redeem-ticket", "Log in to Test Web")
		if !strings.Contains(page.Body, "data-submit-now") {
			t.Error("the page does not submit itself")
		}
		c.wantAt(press(c.b, c.address()), pathResume)
		c.wantAt(press(c.b, c.address()), pathResume)
		wantCode(t, c.finish(), "app-state")
		wantPage(t, c.b.Get(c.address()), http.StatusBadRequest, "status", "")
	})
}

func TestRow1_ACodeThatFailsIsToldToTheApplication(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for name, c := range map[string]struct {
			fail func(c *typed) string // gives the address to go to
			want string
		}{
			"never checked": {func(c *typed) string { return c.address() }, "Wrong email or verification code."},
			"checked too long ago": {func(c *typed) string {
				c.check(c.code)
				c.s.Clock.Advance(time.Minute)
				return c.address()
			}, "Wrong email or verification code."},
			"wrong": {func(c *typed) string {
				c.check(c.code)
				return c.address("verification_code", servertest.WrongCode(c.code))
			}, "Wrong email or verification code."},
			"of another address": {func(c *typed) string {
				c.check(c.code)
				return c.address("email", "bob@example.com")
			}, "Wrong email or verification code."},
			"forged": {func(c *typed) string {
				c.check(c.code)
				return c.address("_csrf", "guessed")
			}, "Wrong email or verification code."},
			"too old": {func(c *typed) string {
				c.check(c.code)
				c.s.Clock.Advance(3 * time.Minute)
				return c.address()
			}, "The verification code has expired. Please try to login again."},
			"tried too often": {func(c *typed) string {
				for range 3 {
					c.check(servertest.WrongCode(c.code))
				}
				return c.address()
			}, "You've reached the maximum number of attempts. Please try to login again."},
		} {
			email := strings.ReplaceAll(name, " ", "-") + "@example.com"
			code := typeCode(t, s, s.Browser(t), email)
			address := c.fail(code)
			code.wantAt(press(code.b, address), pathResume)
			got := code.finish().Query()
			if got.Get("error") != "unauthorized" || got.Get("error_description") != c.want || got.Get("state") != "app-state" || got.Get("code") != "" {
				t.Errorf("%s: the application is told %v, want %q", name, got, c.want)
			}
			if session(code.b) != "" {
				t.Errorf("%s: a session was opened", name)
			}
		}
	})
}

func TestRow1_ATypedCodeIsWorthNothingInAnotherBrowser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := typeCode(t, s, s.Browser(t), ada)
	c.check(c.code)
	other := s.Browser(t)
	wantRefused(t, other.Get(c.address()), titleInvalid)
	wantRefused(t, press(other, c.address()), titleInvalid)
	c.wantAt(press(c.b, c.address()), pathResume)
	wantCode(t, c.finish(), "app-state")
}

// hrefs finds the addresses in a message.
var hrefs = regexp.MustCompile(`https?://[^\s"'<>]+`)

func TestMessages_EveryOtherLinkActsOnlyByAButton(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const database = "Username-Password-Authentication"
		s.AddConnection(&connection.Connection{Name: database, Strategy: connection.Database}, s.Web)
		user := s.Must(http.StatusCreated, http.MethodPost, "/users", map[string]any{
			"connection": database, "email": ada, "password": "Correct-Horse-Battery-9", "email_verified": false, "verify_email": false,
		}).Doc()
		s.Must(http.StatusCreated, http.MethodPost, "/jobs/verification-email", map[string]any{"user_id": user["user_id"]})
		mail := s.Mail(t, ada)
		s.StopMail(t)
		robot := s.Browser(t)
		found := 0
		for _, address := range hrefs.FindAllString(mail.Text, -1) {
			u, err := url.Parse(address)
			if err != nil || !strings.HasPrefix(address, s.Issuer) || u.RawQuery == "" {
				continue
			}
			found++
			wantUntouched(t, s, "fetching "+u.Path, func() {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					wantHarmless(t, robot.Do(method, u.RequestURI(), "", ""))
				}
			})
		}
		if found == 0 {
			t.Fatalf("the mail has no link of ours: %s", mail.Text)
		}
		users := s.Must(http.StatusOK, http.MethodGet, "/users?q="+url.QueryEscape("email:"+ada), nil).List()
		if u, _ := users[0].(map[string]any); u["email_verified"] != false {
			t.Errorf("fetching the links verified the address: %v", u)
		}
	})
}
