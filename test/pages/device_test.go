package pages_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// lockAddress types ten wrong codes in a row at the API.
func lockAddress(t *testing.T, s *servertest.Server, email string) {
	t.Helper()
	stranger := s.Browser(t)
	for left := 10; left > 0; {
		if a := stranger.Start(email); a.Status != 200 {
			t.Fatal(a.Body)
		}
		code := s.Code(t, email)
		for i := 0; i < 3 && left > 0; i++ {
			stranger.Token(s.OTPForm(email, servertest.WrongCode(code)))
			left--
		}
	}
}

func deviceCookie(b *servertest.Browser) string {
	for _, c := range b.Cookies() {
		if c.Name == "kd" {
			return c.Value
		}
	}
	return ""
}

// again begins another login in a browser, whatever session it has.
func again(t *testing.T, s *servertest.Server, b *servertest.Browser) *visit {
	t.Helper()
	return begin(t, s, b, "prompt", "login")
}

// A stranger could once shut anybody out: ten wrong codes in a row locked the address for its owner too.
func TestDevice_AStrangerDoesNotLockTheOwnerOut(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		home, friend := s.Browser(t), s.Browser(t)
		home.LoginCode(s.Web, email)
		friend.LoginCode(s.Web, "bob@example.com")
		s.Clock.Advance(time.Hour)
		lockAddress(t, s, email)

		owner := again(t, s, home)
		owner.identify(email)
		code := s.Code(t, email)
		// In browsers that do not know the address it is locked, and their starts leave the owner's code alone.
		for _, b := range []*servertest.Browser{s.Browser(t), friend} {
			v := again(t, s, b)
			v.identify(email)
			want(t, v.code(code), 400, screenCode, "invalid-verification-code")
		}
		wantNoMail(t, s, email)
		owner.wantNext(owner.code(code), pathResume)
		wantCallback(t, owner.finish())
	})
}

func TestDevice_HasTenWrongCodesOfItsOwn(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		home := s.Browser(t)
		home.LoginCode(s.Web, email)
		s.Clock.Advance(time.Hour)
		var v *visit
		var code string
		for i := range 10 {
			if i%3 == 0 {
				v = again(t, s, home)
				v.identify(email)
				code = s.Code(t, email)
			}
			want(t, v.code(servertest.WrongCode(code)), 400, screenCode, "invalid-verification-code")
		}
		wantTries(t, s, email, 1, 0)
		want(t, v.code(code), 400, screenCode, "invalid-verification-code") // the device is locked
		if got := strings.Count(s.EventTypes(t), "limit_wc"); got != 1 {
			t.Errorf("%d events limit_wc, want one", got)
		}
		// Everybody else is not.
		other := again(t, s, s.Browser(t))
		other.identify(email)
		other.wantNext(other.code(s.Code(t, email)), pathResume)
		// A right code after the lock forgives the device's guesses.
		s.Clock.Advance(time.Hour)
		v = again(t, s, home)
		v.identify(email)
		v.wantNext(v.code(s.Code(t, email)), pathResume)
	})
}

func TestDevice_IsKnownByACookieOfItsOwnForTheNewestTenAddresses(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	v := begin(t, s, b)
	v.identify("ada@example.com")
	code := s.Code(t, "ada@example.com")
	if a := v.code(servertest.WrongCode(code)); len(a.Header["Set-Cookie"]) > 0 {
		t.Errorf("a wrong code set %v", a.Header["Set-Cookie"])
	}
	v.wantNext(v.code(code), pathResume)
	first := len(deviceCookie(b))
	sizes := map[int]bool{}
	for i := range 12 {
		v := again(t, s, b)
		email := fmt.Sprintf("person%d@example.com", i)
		v.identify(email)
		v.wantNext(v.code(s.Code(t, email)), pathResume)
		sizes[len(deviceCookie(b))] = true
	}
	if n := len(deviceCookie(b)); n > 1000 || len(sizes) != 9 || n <= first {
		t.Errorf("the cookie has %d characters after thirteen addresses, and had %d sizes, want 9 after the first", n, len(sizes))
	}
	// Eleven others were proven since: the first address is a stranger's again.
	s.Clock.Advance(time.Hour)
	lockAddress(t, s, "ada@example.com")
	lockAddress(t, s, "person11@example.com")
	again(t, s, b).identify("ada@example.com")
	wantNoMail(t, s, "ada@example.com")
	v = again(t, s, b)
	v.identify("person11@example.com")
	v.wantNext(v.code(s.Code(t, "person11@example.com")), pathResume)
}
