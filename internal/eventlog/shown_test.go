package eventlog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/eventlog"
)

func TestShown_HasEveryMemberAndNullWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	empty := eventlog.Record{ID: "9001", Date: time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC), Event: eventlog.Event{Type: "s"}}
	full := empty
	full.Event = eventlog.Event{
		Type: "s", Description: "d", ClientID: "c", ClientName: "App", Connection: "email", ConnectionID: "con_1", Strategy: "email",
		StrategyType: "passwordless", UserID: "email|1", UserName: "a@example.com", Audience: "urn:api", Scope: "openid",
		Details: map[string]any{"n": 1},
		Origin: eventlog.Origin{
			IP: "192.0.2.1", ClientIP: "192.0.2.2", Hostname: "h", SDK: `{"name":"auth0-spa-js"}`,
			UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
		},
	}
	for name, c := range map[string]struct {
		record eventlog.Record
		want   string
	}{
		"of little": {empty, `{"_id":"9001","audience":null,"client_id":null,"client_name":null,"connection":null,"connection_id":null,
			"date":"2026-03-01T12:00:00.005Z","description":null,"details":null,"hostname":null,"ip":null,"isMobile":false,
			"location_info":null,"log_id":"9001","organization_id":null,"organization_name":null,"scope":null,
			"security_context":null,"strategy":null,"strategy_type":null,"type":"s","user_agent":null,"user_id":null,"user_name":null}`},
		"of much": {full, `{"_id":"9001","audience":"urn:api","auth0_client":{"name":"auth0-spa-js"},"client_id":"c","client_ip":"192.0.2.2",
			"client_name":"App","connection":"email","connection_id":"con_1","date":"2026-03-01T12:00:00.005Z","description":"d",
			"details":{"n":1},"hostname":"h","ip":"192.0.2.1","isMobile":true,"location_info":null,"log_id":"9001",
			"organization_id":null,"organization_name":null,"scope":"openid","security_context":null,"strategy":"email",
			"strategy_type":"passwordless","type":"s","user_agent":"Safari 17.2.0 / iOS 17.2.0","user_id":"email|1","user_name":"a@example.com"}`},
	} {
		text, err := json.Marshal(c.record.Shown())
		must(t, err)
		var got, want any
		must(t, json.Unmarshal(text, &got))
		must(t, json.Unmarshal([]byte(c.want), &want))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("an event %s differs (-want +got):\n%s", name, diff)
		}
	}
}

// The members that Auth0's description of tenant logs knows, and those that its Management API alone has.
func TestShown_HasNoMemberThatAuth0DoesNotKnow(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range []string{
		"date", "description", "log_id", "type", "user_agent", "details", "ip", "user_id", "user_name", "client_id", "client_name",
		"connection", "connection_id", "hostname", "auth0_client", "strategy", "strategy_type", "security_context",
		"organization_id", "organization_name", "audience", "scope", "client_ip",
		"_id", "isMobile", "location_info",
	} {
		known[name] = true
	}
	r := eventlog.Record{Event: eventlog.Event{Origin: eventlog.Origin{ClientIP: "192.0.2.2", SDK: "{}"}}}
	shown := r.Shown()
	for name := range shown {
		if !known[name] {
			t.Errorf("member %s is unknown", name)
		}
	}
	if len(shown) != len(known) {
		t.Errorf("got %d members, want %d", len(shown), len(known))
	}
}

func TestAgent_NamesBrowserAndSystem(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct {
		words  string
		mobile bool
	}{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36":          {"Chrome 120.0.0 / Mac OS X 10.15.7", false},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210": {"Edge 120.0.2210 / Windows 10.0.0", false},
		"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0":                                                         {"Firefox 121.0.0 / Linux 0.0.0", false},
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36":          {"Chrome 120.0.0 / Android 14.0.0", true},
		"Mozilla/5.0 (compatible) Firefox/1": {"Firefox 1.0.0 / Other 0.0.0", false},
		"curl/8.5.0":                         {"curl/8.5.0", false},
		"":                                   {"", false},
	} {
		if words, mobile := eventlog.Agent(header); words != want.words || mobile != want.mobile {
			t.Errorf("%s: got %q, %t, want %q, %t", header, words, mobile, want.words, want.mobile)
		}
	}
}
