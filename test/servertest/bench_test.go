package servertest_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// BenchmarkRefresh is a refresh with rotation over HTTP: one ID token and one JWT access token are signed.
func BenchmarkRefresh(b *testing.B) {
	s := servertest.New(b)
	browser := s.Browser(b)
	browser.Start("ada@example.com")
	form := s.OTPForm("ada@example.com", s.Code(b, "ada@example.com"))
	form.Set("audience", servertest.Audience)
	form.Set("scope", "openid profile email offline_access")
	tokens := browser.MustToken(form)
	for b.Loop() {
		tokens = browser.MustToken(url.Values{
			"grant_type": {"refresh_token"}, "client_id": {s.Native.ID}, "refresh_token": {tokens.RefreshToken},
		})
	}
}

// BenchmarkLogin is a whole login by API: start, mail to the inbox, exchange.
func BenchmarkLogin(b *testing.B) {
	s := servertest.New(b)
	browser := s.Browser(b)
	n := 0
	for b.Loop() {
		email := fmt.Sprintf("user%d@example.com", n)
		n++
		if got := browser.Start(email); got.Status != 200 {
			b.Fatalf("start answered %d: %s", got.Status, got.Body)
		}
		form := s.OTPForm(email, s.Code(b, email))
		form.Set("audience", servertest.Audience)
		browser.MustToken(form)
		s.Clock.Advance(2 * 60 * 1e9) // the limit per address refills
	}
}

// BenchmarkSession is a silent renewal: /authorize with a session and prompt=none, one commit and no signature.
func BenchmarkSession(b *testing.B) {
	s := servertest.New(b)
	browser := s.Browser(b)
	browser.LoginCode(s.Web, "ada@example.com")
	address := s.AuthorizeURL(s.Web, "prompt", "none")
	for b.Loop() {
		s.Clock.Advance(time.Second / 8) // the limit per address refills
		if code := browser.Get(address).Location(b).Query().Get("code"); code == "" {
			b.Fatal("the session was not used")
		}
	}
}
