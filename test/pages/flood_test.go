package pages_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// Whoever had used up an address's messages could once go on asking: each time the code in the owner's hands died.
func TestFlood_WhatIsNoLongerSentLeavesTheLiveCodeAlone(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ada@example.com"
		for range 3 {
			begin(t, s, s.Browser(t)).identify(email)
			s.Code(t, email)
		}
		owner := begin(t, s, s.Browser(t))
		owner.identify(email)
		s.Code(t, email)
		s.Clock.Advance(30 * time.Second)
		owner.wantNext(owner.resend(), pathCode)
		code := s.Code(t, email)
		for range 3 {
			stranger := begin(t, s, s.Browser(t))
			stranger.identify(email)
			want(t, stranger.get(pathCode), 200, screenCode, "")
			want(t, stranger.code(code), 400, screenCode, "invalid-verification-code")
		}
		// Nor does the owner who is in a hurry.
		s.Clock.Advance(time.Minute)
		owner.wantNext(owner.resend(), pathCode)
		wantNoMail(t, s, email)
		owner.wantNext(owner.code(code), pathResume)
		wantCallback(t, owner.finish())
	})
}

// The pages once had no limit of their own: one address could have mails sent to any number of people.
func TestFlood_FiftyStartsAnHourFromOneAddressAndThenTheyOnlyLookSent(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.Headers.Set("X-Forwarded-For", "2001:db8:1:2::1")
		for i := range 50 {
			begin(t, s, b).identify(fmt.Sprintf("person%d@example.com", i))
		}
		b.Headers.Set("X-Forwarded-For", "2001:db8:1:2::2")
		v := begin(t, s, b)
		v.identify("late@example.com")
		want(t, v.get(pathCode), 200, screenCode, "")
		want(t, v.code("123456"), 400, screenCode, "invalid-verification-code")
		wantNoMail(t, s, "late@example.com")
		if got := strings.Count(s.EventTypes(t), "cls"); got != 51 {
			t.Errorf("%d messages were sent, want 50 and the canary", got)
		}

		s.Clock.Advance(73 * time.Second)
		v = begin(t, s, b)
		v.identify("late@example.com")
		v.wantNext(v.code(s.Code(t, "late@example.com")), pathResume)
	})
}
