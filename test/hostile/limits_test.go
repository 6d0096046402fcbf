package hostile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

// Limits once were reached without a word in the tenant's log.
func TestLimits_AreToldOncePerBucketAndMinute(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		start := func(email string) int {
			b.Headers.Set("X-Forwarded-For", "192.0.2."+fmt.Sprint(len(email)))
			return b.Start(email).Status
		}
		const one, two = "a@example.com", "bb@example.com"
		for _, email := range []string{one, two} {
			for i := range 8 {
				if status, want := start(email), map[bool]int{true: 200, false: 429}[i < 5]; status != want {
					t.Fatalf("start %d answered %d, want %d", i, status, want)
				}
			}
		}
		first := "send_recipient /passwordless/start 192.0.2.13, send_recipient /passwordless/start 192.0.2.14"
		if got := limits(t, s); got != first {
			t.Errorf("the log tells of %q", got)
		}
		s.Clock.Advance(61 * time.Second)
		start(one)
		if got, want := limits(t, s), first+", send_recipient /passwordless/start 192.0.2.13"; got != want {
			t.Errorf("a minute later the log tells of %q", got)
		}
	})
}

// limits lists the limits that the tenant's log tells of: which, where, and from which address.
func limits(t *testing.T, s *servertest.Server) string {
	t.Helper()
	var out []string
	for _, e := range s.Events(t) {
		if e.Type != eventlog.APILimit {
			continue
		}
		var details struct{ Limit, Path string }
		text, err := json.Marshal(e.Details)
		if err == nil {
			err = json.Unmarshal(text, &details)
		}
		if err != nil || e.Description == "" {
			t.Fatalf("%v: event %+v", err, e)
		}
		out = append(out, details.Limit+" "+details.Path+" "+e.Origin.IP)
	}
	return strings.Join(out, ", ")
}
