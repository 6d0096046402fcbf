package sms_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

const textClosed = "Permission to send an SMS has not been enabled for the region indicated by the 'To' number. (Code: 21408)"

func limit(change func(*tenant.PhoneLimits)) func(*tenant.Settings) {
	return func(s *tenant.Settings) {
		limits := &tenant.PhoneLimits{}
		change(limits)
		s.Latchkey = &tenant.Extensions{PhoneLimits: limits}
	}
}

// from gives a browser with an address of its own.
func from(t *testing.T, s *servertest.Server, ip string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-For", ip)
	return b
}

func wantLimited(t *testing.T, a *servertest.Answer) {
	t.Helper()
	if a.Status != 429 || a.JSON(t)["error"] != "too_many_requests" {
		t.Errorf("got %d %s, want 429", a.Status, a.Body)
	}
}

func TestLimits_NumbersThatPayTheirOwnersGetNothing(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms"})
		b := s.Browser(t)
		for _, to := range []string{"+19002345678", "+4490912345", "+447640123456", "+8816123456789", "+15551234567"} {
			a := startSMS(b, s, to)
			if a.Status == 200 {
				t.Errorf("%s: %s", to, a.Body)
			}
		}
		wantRefusal(t, startSMS(b, s, "+19002345678"), 400, "sms_provider_error", textClosed)
		if n := strings.Count(s.EventTypes(t), "limit_phone"); n != 1 {
			t.Errorf("%d events in a minute", n)
		}
		s.ChangeSettings(limit(func(l *tenant.PhoneLimits) { l.Countries = []string{"DE"} }))
		wantRefusal(t, startSMS(b, s, number), 400, "sms_provider_error", textClosed)
		if a := startSMS(b, s, "+4915112345678"); a.Status != 200 {
			t.Errorf("an open country: %d %s", a.Status, a.Body)
		}
	})
}

func TestLimits_OfTenantCountryAndNetworkAreCountedInTheDatabase(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms"})
		two, zero := 2, 0
		for name, c := range map[string]struct {
			set   func(*tenant.PhoneLimits)
			block string
			other string // a network or country that still gets its own
		}{
			"network": {func(l *tenant.PhoneLimits) { l.NetworkPerHour = &two }, "+1415555260", "+1415555261"},
			"country": {func(l *tenant.PhoneLimits) { l.CountryPerDay = &two }, "+491511234560", ""},
		} {
			s.ChangeSettings(limit(c.set))
			for i := range 2 {
				if a := startSMS(from(t, s, fmt.Sprintf("198.51.%d.%d", name[0], i+1)), s, fmt.Sprintf("%s%d", c.block, i)); a.Status != 200 {
					t.Fatalf("%s: start %d answered %d: %s", name, i, a.Status, a.Body)
				}
			}
			wantLimited(t, startSMS(from(t, s, fmt.Sprintf("198.51.%d.9", name[0])), s, c.block+"9"))
			if c.other != "" {
				if a := startSMS(from(t, s, "203.0.113.7"), s, c.other+"1"); a.Status != 200 {
					t.Errorf("%s: elsewhere %d %s", name, a.Status, a.Body)
				}
			}
		}
		s.ChangeSettings(limit(func(l *tenant.PhoneLimits) { l.TenantPerDay = &zero }))
		wantLimited(t, startSMS(from(t, s, "192.0.2.1"), s, number))
	})
}

func TestLimits_GrowingWaitsEndWithALogin(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms"})
		s.Must(200, "PATCH", "/attack-protection/phone-provider-protection", map[string]any{"type": "exponential"})
		b := s.Browser(t)
		code := ""
		must := func(ok bool) {
			t.Helper()
			a := startSMS(b, s, number)
			if (a.Status == 200) != ok {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
			if a.Status == 200 {
				code = s.Code(t, number)
			}
		}
		must(true)
		must(false)
		s.Clock.Advance(31 * time.Second)
		must(true)
		s.Clock.Advance(31 * time.Second)
		must(false)
		s.Clock.Advance(31 * time.Second)
		must(true)
		b.MustToken(smsForm(s, number, code))
		must(true)
		must(false)
	})
}

func TestLimits_GrowingWaitsAreEachAskersOwn(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms"})
		s.Must(200, "PATCH", "/attack-protection/phone-provider-protection", map[string]any{"type": "exponential"})
		owner, stranger := from(t, s, "192.0.2.1"), from(t, s, "203.0.113.7")
		must := func(b *servertest.Browser, want int) {
			t.Helper()
			if a := startSMS(b, s, number); a.Status != want {
				t.Errorf("got %d %s, want %d", a.Status, a.Body, want)
			}
		}
		must(stranger, 200)
		s.Code(t, number)
		must(owner, 200) // a stranger keeps nobody waiting
		code := s.Code(t, number)
		must(owner, 429)
		must(stranger, 429)
		owner.MustToken(smsForm(s, number, code))
		must(owner, 200)
		must(owner, 429)
		must(stranger, 429) // and does not learn of the login
	})
}

func TestLimits_ACountryThatTypesNoCodesIsClosedUntilSomebodyDoes(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	withSMS(s, map[string]any{"name": "sms"})
	for i := range 50 {
		if a := startSMS(from(t, s, fmt.Sprintf("198.%d.7.1", i)), s, fmt.Sprintf("+141555526%02d", i)); a.Status != 200 {
			t.Fatalf("start %d answered %d: %s", i, a.Status, a.Body)
		}
	}
	b := s.Browser(t)
	for i := range 9 {
		if a := startSMS(b, s, "+14155552671"); a.Status == 200 {
			t.Errorf("start %d of ten left", i+1)
		}
	}
	if a := startSMS(b, s, "+14155552671"); a.Status != 200 {
		t.Errorf("none of ten left: %d %s", a.Status, a.Body)
	}
	wantRefusal(t, startSMS(b, s, "+14155552671"), 400, "sms_provider_error", textClosed)
	b.MustToken(smsForm(s, "+14155552649", s.Mail(t, "+14155552649").Code))
	if a := startSMS(b, s, "+14155552671"); a.Status != 200 {
		t.Errorf("after a login: %d %s", a.Status, a.Body)
	}
	if a := startSMS(b, s, "+4915112345678"); a.Status != 200 {
		t.Errorf("another country: %d %s", a.Status, a.Body)
	}
}

// seedPeople logs two people in and blocks the second. A connection that takes nobody new says so to nobody.
func seedPeople(t *testing.T, s *servertest.Server, known, blocked string) {
	t.Helper()
	b := s.Browser(t)
	for _, to := range []string{known, blocked} {
		if a := startSMS(b, s, to); a.Status != 200 {
			t.Fatalf("the start answered %d: %s", a.Status, a.Body)
		}
		sub := servertest.Claims(t, b.MustToken(smsForm(s, to, s.Code(t, to))).IDToken)["sub"].(string)
		if to == blocked {
			s.Must(200, "PATCH", "/users/"+url.PathEscape(sub), map[string]any{"blocked": true})
		}
	}
	s.ChangeConnection("sms", func(c *connection.Connection) {
		c.Options.DisableSignup, c.Options.DisableSignupSilent = true, true
	})
}

func TestLimits_WhatIsNotSentUsesNothingUpAndIsRefusedAlike(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const known, blocked, unknown = "+14155552671", "+14155552672", "+14155552673"
		withSMS(s, map[string]any{"name": "sms"})
		seedPeople(t, s, known, blocked)
		four := 4 // of which the logins have taken a little
		s.ChangeSettings(limit(func(l *tenant.PhoneLimits) { l.TenantPerDay, l.CountryPerDay = &four, &four }))
		for i := range 60 {
			to := fmt.Sprintf("+141555526%02d", i)
			if to == known {
				continue
			}
			if a := startSMS(from(t, s, fmt.Sprintf("198.51.%d.1", i/10)), s, to); a.Status != 200 {
				t.Fatalf("start %d answered %d: %s", i, a.Status, a.Body)
			}
		}
		for i := range 3 {
			if a := startSMS(s.Browser(t), s, known); a.Status != 200 {
				t.Errorf("start %d of somebody known: %d %s", i, a.Status, a.Body)
			}
		}
		for _, to := range []string{known, blocked, unknown} {
			wantLimited(t, startSMS(s.Browser(t), s, to))
		}
		s.ChangeSettings(limit(func(l *tenant.PhoneLimits) { l.TenantPerDay = &four }))
		for _, to := range []string{known, blocked, unknown} {
			wantLimited(t, startSMS(s.Browser(t), s, to))
		}
	})
}

func TestLimits_ACountryThatIsHeldBackAnswersDecoysAlike(t *testing.T) {
	t.Parallel()
	const known, blocked, unknown = "+14155552671", "+14155552672", "+14155552673"
	s := servertest.New(t)
	withSMS(s, map[string]any{"name": "sms"})
	seedPeople(t, s, known, blocked)
	s.ChangeConnection("sms", func(c *connection.Connection) { c.Options.DisableSignup = false })
	for i := range 50 { // the logins have given back what they took
		if a := startSMS(from(t, s, fmt.Sprintf("198.%d.7.1", i)), s, fmt.Sprintf("+141555527%02d", i)); a.Status != 200 {
			t.Fatalf("start %d answered %d: %s", i, a.Status, a.Body)
		}
	}
	s.ChangeConnection("sms", func(c *connection.Connection) { c.Options.DisableSignup = true })
	for range 3 {
		for _, to := range []string{known, blocked, unknown} {
			wantRefusal(t, startSMS(s.Browser(t), s, to), 400, "sms_provider_error", textClosed)
		}
	}
}

func TestLimits_StartsThatAreRefusedForTheirNumberCount(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		withSMS(s, map[string]any{"name": "sms"})
		two := 2
		s.ChangeSettings(limit(func(l *tenant.PhoneLimits) { l.NetworkPerHour = &two }))
		b := s.Browser(t)
		for _, to := range []string{"+19002345678", "+447012345678"} {
			wantRefusal(t, startSMS(b, s, to), 400, "sms_provider_error", textClosed)
		}
		wantLimited(t, startSMS(b, s, "+19002345679"))
		wantLimited(t, startSMS(b, s, number))
		if a := startSMS(from(t, s, "203.0.113.7"), s, number); a.Status != 200 {
			t.Errorf("from another network: %d %s", a.Status, a.Body)
		}
	})
}
