package management

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

// writeEvents writes n events a second apart, the last of them now.
func writeEvents(t *testing.T, s *servertest.Server, n int) {
	t.Helper()
	log := eventlog.New(s.Database.Store, s.Clock, 1)
	for i := range n {
		e := eventlog.Event{
			Type: eventlog.SuccessLogin, Description: fmt.Sprintf("event %d", i), ClientName: "shop", Connection: "email",
			UserID: "email|1", UserName: "ann@example.com", Details: map[string]any{"n": i},
		}
		if i%2 == 1 {
			e.Type, e.UserID, e.UserName = eventlog.FailedLogin, "email|2", "bob@example.com"
		}
		if err := log.Write(t.Context(), s.Tenant.ID, e); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(time.Second)
	}
}

// descriptions lists what events say.
func descriptions(list []any) string {
	var all []string
	for _, one := range list {
		all = append(all, fmt.Sprint(one.(doc)["description"]))
	}
	return strings.Join(all, ", ")
}

func TestLogs_AreSearchedByCriteria(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		writeEvents(t, s, 6)
		for query, want := range map[string]string{
			"":                                     "event 5, event 4, event 3, event 2, event 1, event 0",
			"?sort=date:1&per_page=2&page=1":       "event 2, event 3",
			"?sort=date:-1&per_page=4&page=1":      "event 1, event 0",
			"?per_page=100&page=5":                 "",
			"?q=" + url.QueryEscape(`type:f`):      "event 5, event 3, event 1",
			"?search=" + url.QueryEscape(`type:f`): "event 5, event 3, event 1",
			"?q=" + url.QueryEscape(`user_name:"ann@example.com" AND NOT description:"event 0"`): "event 4, event 2",
		} {
			if got := descriptions(s.Must(200, "GET", "/logs"+query, nil).List()); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		got := s.Must(200, "GET", "/logs?include_totals=true&per_page=4&page=1", nil)
		if d := got.Doc(); d["start"] != 4.0 || d["limit"] != 4.0 || d["length"] != 2.0 || d["total"] != 6.0 || len(got.List("logs")) != 2 {
			t.Errorf("with totals: got %s", got.Text)
		}
		one := s.Must(200, "GET", "/logs?per_page=1", nil).List()[0].(doc)
		if one["_id"] != one["log_id"] || one["organization_id"] != nil || one["type"] != "f" || one["details"].(doc)["n"] != 5.0 {
			t.Errorf("an event: got %v", one)
		}
		if fields := s.Must(200, "GET", "/logs?per_page=1&fields=type", nil).List()[0].(doc); fields["type"] != "f" || fields["description"] != nil {
			t.Errorf("fields: got %v", fields)
		}
		if same := s.Must(200, "GET", "/logs/"+one["log_id"].(string), nil).Doc(); same["description"] != "event 5" {
			t.Errorf("by id: got %v", same)
		}
		if got := descriptions(s.Must(200, "GET", "/users/email%7C1/logs", nil).List()); got != "event 4, event 2, event 0" {
			t.Errorf("of a user: got %q", got)
		}
		for path, want := range map[string]string{
			"/logs?page=10&per_page=100":                "Requesting page exceeds the allowed maximum of 1000 records",
			"/users/email%7C1/logs?page=20&per_page=50": "Requesting page exceeds the allowed maximum of 1000 records",
		} {
			refused(t, s.API("GET", path, nil), 400, "invalid_paging", want)
		}
		for _, path := range []string{"/logs?q=%28type%3Af", "/logs?q=ip%3A%2Aa", "/logs?sort=type:1", "/logs?take=101", "/logs?per_page=101"} {
			if got := s.API("GET", path, nil); got.Status != 400 || got.Doc()["errorCode"] != "invalid_query_string" {
				t.Errorf("%s: got %d %s", path, got.Status, got.Text)
			}
		}
		for _, path := range []string{"/logs", "/users"} {
			refused(t, s.API("GET", path+"?q=%28type%3Af", nil), 400, "invalid_query_string", "Query validation error: 'The query has an opening parenthesis that is never closed' on property q.")
		}
		n := s.Neighbour(t)
		refused(t, n.API("GET", "/logs/"+one["log_id"].(string), nil), 404, "inexistent_log", "Log not found.")
		if list := n.Must(200, "GET", "/logs", nil).List(); len(list) != 0 {
			t.Errorf("the neighbour sees %v", list)
		}
		refused(t, s.Call(s.Token("read:users"), "GET", "/logs", nil), 403, "insufficient_scope", "Insufficient scope, expected any of: read:logs,read:logs_users")
		if got := s.Call(s.Token("read:logs_users"), "GET", "/logs", nil); got.Status != 200 {
			t.Errorf("with read:logs_users: got %d", got.Status)
		}
	})
}

func TestLogs_AreFollowedFromCheckpointToCheckpoint(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		writeEvents(t, s, 5)
		s.Clock.Advance(10 * time.Second)
		// follow goes where the header of an answer points.
		follow := func(path string) (servertest.Reply, string) {
			t.Helper()
			got := s.Must(200, "GET", path, nil)
			link := got.Header.Get("Link")
			target, isNext := strings.CutSuffix(strings.TrimPrefix(link, "<"+s.Issuer+"api/v2"), `>; rel="next"`)
			if !isNext || !strings.HasPrefix(target, "/logs?") {
				t.Fatalf("Link: got %q", link)
			}
			return got, target
		}
		path := "/logs?take=2&sort=date:-1&page=7&include_totals=true&q=ignored"
		for _, want := range []string{"event 0, event 1", "event 2, event 3", "event 4", ""} {
			got, next := follow(path)
			if text := descriptions(got.List()); text != want {
				t.Errorf("got %q, want %q", text, want)
			}
			path = next
		}
		if _, same := follow(path); same != path {
			t.Errorf("behind the last event: got %s, want %s again", same, path)
		}
		writeEvents(t, s, 1)
		if got, _ := follow(path); len(got.List()) != 0 {
			t.Errorf("an event of this moment is given already: %v", got.List())
		}
		s.Clock.Advance(10 * time.Second)
		if got, _ := follow(path); descriptions(got.List()) != "event 0" {
			t.Errorf("later: got %v", got.List())
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v2/logs?from=%00&take=2", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.Token())
		if got := s.Send(r); got.Status != 400 {
			t.Errorf("a checkpoint that is none: got %d %s", got.Status, got.Text)
		}
	})
}

func TestStats_CountLoginsSignupsAndActiveUsers(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", "/stats/active-users", nil); got.Body != 0.0 {
			t.Errorf("nobody is active: got %s", got.Text)
		}
		s.Browser(t).LoginCode(s.Web, "ann@example.com")
		s.Browser(t).LoginCode(s.Web, "ann@example.com")
		if got := s.Must(200, "GET", "/stats/active-users", nil); got.Body != 1.0 {
			t.Errorf("one is active: got %s", got.Text)
		}
		today := s.Clock.Now().UTC()
		list := s.Must(200, "GET", "/stats/daily", nil).List()
		if len(list) != 1 {
			t.Fatalf("days: got %v, want one", list)
		}
		if day := list[0].(doc); day["logins"] != 2.0 || day["signups"] != 1.0 || day["leaked_passwords"] != 0.0 ||
			day["date"] != today.Format("2006-01-02")+"T00:00:00.000Z" {
			t.Errorf("today: got %v", day)
		}
		before := today.AddDate(0, 0, -1).Format("20060102")
		if list := s.Must(200, "GET", "/stats/daily?from=20200101&to="+before, nil).List(); len(list) != 0 {
			t.Errorf("until yesterday: got %v", list)
		}
		for _, query := range []string{"?from=2020-01-01", "?to=x", "?from=20200102&to=20200101"} {
			if got := s.API("GET", "/stats/daily"+query, nil); got.Status != 400 || got.Doc()["errorCode"] != "invalid_query_string" {
				t.Errorf("%s: got %d %s", query, got.Status, got.Text)
			}
		}
		if got := s.Neighbour(t).Must(200, "GET", "/stats/active-users", nil); got.Body != 0.0 {
			t.Errorf("the neighbour: got %s", got.Text)
		}
		s.Clock.Advance(31 * 24 * time.Hour)
		if got := s.Must(200, "GET", "/stats/active-users", nil); got.Body != 0.0 {
			t.Errorf("a month later: got %s", got.Text)
		}
	})
}
