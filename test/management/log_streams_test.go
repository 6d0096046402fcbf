package management

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestLogStreams_ShowTheirSinkToReadersAndNotToTheLog(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := strings.TrimSpace(s.Must(200, "GET", "/log-streams", nil).Text); got != "[]" {
			t.Errorf("fresh: got %s", got)
		}
		sink := map[string]any{
			"httpEndpoint": "https://example.com/logs", "httpContentFormat": "JSONLINES", "httpAuthorization": "top-secret",
			"httpCustomHeaders": []any{map[string]any{"header": "X-Key", "value": "top-secret"}},
		}
		made := s.Must(200, "POST", "/log-streams", map[string]any{
			"name": "web", "type": "http", "sink": sink, "filters": []any{}, "pii_config": map[string]any{"log_fields": []string{"email"}},
		})
		d := made.Doc()
		id, _ := d["id"].(string)
		if !strings.HasPrefix(id, "lst_") || d["status"] != "active" || d["isPriority"] != false || d["filters"] != nil ||
			d["pii_config"].(map[string]any)["method"] != "hash" {
			t.Errorf("made: got %s", made.Text)
		}
		got := s.Must(200, "GET", "/log-streams/"+id, nil).Doc()["sink"].(map[string]any)
		if got["httpAuthorization"] != "top-secret" || got["httpCustomHeaders"].([]any)[0].(map[string]any)["value"] != "top-secret" {
			t.Errorf("sink: got %v", got)
		}
		if a := s.Must(200, "PATCH", "/log-streams/"+id, map[string]any{"status": "paused"}); a.Doc()["sink"].(map[string]any)["httpAuthorization"] != "top-secret" {
			t.Errorf("paused: got %s", a.Text)
		}
		replaced := s.Must(200, "PATCH", "/log-streams/"+id, map[string]any{"sink": map[string]any{"httpEndpoint": "https://example.com/2"}})
		if sink := replaced.Doc()["sink"].(map[string]any); len(sink) != 1 || sink["httpEndpoint"] != "https://example.com/2" || replaced.Doc()["pii_config"] != nil {
			t.Errorf("replaced sink: got %s, want it alone and no pii_config", replaced.Text)
		}
		s.Must(400, "PATCH", "/log-streams/"+id, map[string]any{"sink": map[string]any{"datadogApiKey": "k", "datadogRegion": "eu"}})
		s.Must(400, "POST", "/log-streams", map[string]any{"name": "plain", "type": "http", "sink": map[string]any{"httpEndpoint": "http://example.com"}})
		s.Must(204, "DELETE", "/log-streams/"+id, nil)
		s.Must(204, "DELETE", "/log-streams/"+id, nil)
		if a := s.Must(404, "GET", "/log-streams/"+id, nil); a.Message() != "The log stream does not exist." {
			t.Errorf("missing: got %s", a.Text)
		}
		for _, e := range s.Events(t) {
			if strings.Contains(fmt.Sprint(e.Details), "top-secret") {
				t.Errorf("the log holds a secret: %v", e.Details)
			}
		}
		if read := eventsOf(t, s, "mgmt_api_read"); len(read) != 1 {
			t.Errorf("reads of secrets in the log: got %d, want 1", len(read))
		}
	})
}
