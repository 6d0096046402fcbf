package passwordless_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

// from opens a browser at an address.
func from(t *testing.T, s *servertest.Server, ip string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-For", ip)
	return b
}

// wantLimit checks the answer to a limit that is reached.
func wantLimit(t *testing.T, s *servertest.Server, a *servertest.Answer, size int, wait, reset time.Duration) {
	t.Helper()
	wantRefusal(t, a, http.StatusTooManyRequests, "too_many_requests", textLimit)
	for name, want := range map[string]string{
		"X-RateLimit-Limit": strconv.Itoa(size), "X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset": strconv.FormatInt(s.Clock.Now().Add(reset).Unix(), 10),
		"Retry-After":       strconv.Itoa(int(wait.Seconds())),
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestLimit_FiftyStartsAnHourFromOneAddress(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := from(t, s, "203.0.113.5")
		for i := range 50 {
			mustStart(t, b, fmt.Sprintf("person%d@example.com", i))
		}
		rows := s.Rows(t)["challenges"]
		refused := b.Start("one-more@example.com")
		wantLimit(t, s, refused, 50, 72*time.Second, time.Hour)
		if now := s.Rows(t)["challenges"]; now != rows {
			t.Errorf("a refused start left a row: %d, then %d", rows, now)
		}

		// Elsewhere, and with client authentication, there is room.
		mustStart(t, from(t, s, "203.0.113.6"), "neighbour@example.com")
		proven := b.PostJSON(start, map[string]any{
			"client_id": s.Web.ID, "client_secret": s.Secret, "connection": "email", "email": "proven@example.com"})
		if proven.Status != http.StatusOK {
			t.Errorf("a start with client authentication answered %d: %s", proven.Status, proven.Body)
		}
		// A refusal is not counted: one more fits every 72 seconds.
		s.Clock.Advance(72 * time.Second)
		mustStart(t, b, "one-more@example.com")
		wantRefusal(t, b.Start("two-more@example.com"), 429, "too_many_requests", textLimit)
		s.Clock.Advance(time.Hour)
		mustStart(t, b, "two-more@example.com")
	})
}

func TestLimit_AnIPv6CustomerIsOneAddress(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for i := range 50 {
		mustStart(t, from(t, s, fmt.Sprintf("2001:db8:1:2::%x", i+1)), fmt.Sprintf("person%d@example.com", i))
	}
	wantRefusal(t, from(t, s, "2001:db8:1:2:ffff::1").Start("late@example.com"), 429, "too_many_requests", textLimit)
	mustStart(t, from(t, s, "2001:db8:1:3::1"), "late@example.com")
}

func TestLimit_MalformedStartsDoNotCount(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := from(t, s, "203.0.113.5")
	for range 60 {
		wantRefusal(t, b.Start("no address"), 400, "bad.email", "Object didn't pass validation for format email: no address")
	}
	mustStart(t, b, "ada@example.com")
}

// A start on a connection with sign-up disabled once counted nowhere when it told that the address is unknown: a stranger
// could ask about any number of addresses.
func TestLimit_AskingWhoIsUnknownCounts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeConnection("email", func(c *connection.Connection) { c.Options.DisableSignup = true })
	b := from(t, s, "203.0.113.5")
	for i := range 50 {
		wantRefusal(t, b.Start(fmt.Sprintf("person%d@example.com", i)), 400, "bad.connection", "Public signup is disabled")
	}
	wantRefusal(t, b.Start("one-more@example.com"), 429, "too_many_requests", textLimit)
}

func TestLimit_FiveMessagesToOneRecipient(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.AddConnection(named("other"), s.Native)
		login(t, s, s.Browser(t), "known@example.com")
		s.Clock.Advance(time.Hour)
		for _, email := range []string{"known@example.com", "unknown@example.com"} {
			for i := range 5 {
				b := from(t, s, fmt.Sprintf("203.0.113.%d", i+1))
				connection := []string{"email", "other"}[i%2]
				if a := startOn(b, s, connection, email); a.Status != 200 {
					t.Fatalf("start %d for %s answered %d: %s", i+1, email, a.Status, a.Body)
				}
			}
			b := from(t, s, "198.51.100.1")
			wantLimit(t, s, b.Start(email), 5, 3*time.Minute, 15*time.Minute)
			wantLimit(t, s, startOn(b, s, "other", email), 5, 3*time.Minute, 15*time.Minute)
			wantLimit(t, s, b.PostJSON(start, map[string]any{
				"client_id": s.Web.ID, "client_secret": s.Secret, "connection": "email", "email": email}), 5, 3*time.Minute, 15*time.Minute)
		}
		s.Clock.Advance(3 * time.Minute)
		mustStart(t, s.Browser(t), "known@example.com")
	})
}

func TestLimit_TwentyMessagesADayToOneRecipient(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	sent := 0
	for i := range 30 {
		a := from(t, s, fmt.Sprintf("203.0.113.%d", i+1)).Start("ada@example.com")
		if a.Status == 429 {
			if got := a.Header.Get("X-RateLimit-Limit"); got != "20" {
				t.Errorf("start %d is refused by the limit of %s, want 20", i+1, got)
			}
			break
		}
		sent++
		s.Clock.Advance(3 * time.Minute)
	}
	// One of the 20 drains in 72 minutes; 60 minutes have passed.
	if sent != 20 {
		t.Errorf("%d messages left in an hour, want 20", sent)
	}
}
