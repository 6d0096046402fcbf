package management

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestCarriedKinds_AreKeptAsTheyWereSet(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, c := range []struct {
			path, prefix, plural string
			body, patch          map[string]any
		}{
			{"/flows", "af_", "flows", map[string]any{"name": "f", "actions": []any{}}, map[string]any{"name": "g"}},
			{"/forms", "ap_", "forms", map[string]any{
				"name": "f", "languages": map[string]any{"primary": "en"}, "messages": map[string]any{}, "ending": map[string]any{"resume_flow": true},
			}, map[string]any{"name": "g", "nodes": []any{}}},
			{"/flows/vault/connections", "ac_", "connections", map[string]any{"app_id": "HTTP", "name": "f"}, map[string]any{"name": "g"}},
			{"/self-service-profiles", "ssp_", "self_service_profiles", map[string]any{"name": "f"}, map[string]any{"name": "g", "user_attribute_profile_id": nil}},
			{"/user-attribute-profiles", "uap_", "user_attribute_profiles", map[string]any{"name": "f", "user_attributes": map[string]any{"email": map[string]any{
				"description": "E-mail", "label": "E-mail", "profile_required": true, "auth0_mapping": "email",
			}}}, map[string]any{"name": "g"}},
			{"/connection-profiles", "cop_", "connection_profiles", map[string]any{"name": "f"}, map[string]any{"name": "g"}},
			{"/token-exchange-profiles", "tep_", "token_exchange_profiles", map[string]any{
				"name": "first", "subject_token_type": "https://acme.example.com/t", "action_id": "ffde96a0-4891-4e29-8899-ff021640739f", "type": "custom_authentication",
			}, map[string]any{"name": "second"}},
			{"/event-streams", "est_", "eventStreams", map[string]any{
				"name": "f", "subscriptions": []any{map[string]any{"event_type": "user.created"}}, "destination": map[string]any{
					"type": "webhook", "configuration": map[string]any{
						"webhook_endpoint": "https://example.com", "webhook_authorization": map[string]any{"method": "bearer", "token": "top-secret"},
					},
				},
			}, map[string]any{"name": "g"}},
		} {
			made := s.Must(201, "POST", c.path, c.body).Doc()
			id, _ := made["id"].(string)
			if !strings.HasPrefix(id, c.prefix) || made["name"] != c.body["name"] {
				t.Errorf("%s: got %v", c.path, made)
			}
			if got := s.Must(200, "PATCH", c.path+"/"+id, c.patch).Doc()["name"]; got != c.patch["name"] {
				t.Errorf("%s changed: got %v", c.path, got)
			}
			one := s.Must(200, "GET", c.path+"/"+id, nil)
			if one.Doc()["name"] != c.patch["name"] || strings.Contains(one.Text, "top-secret") {
				t.Errorf("%s: got %s", c.path, one.Text)
			}
			if list := s.Must(200, "GET", c.path+"?include_totals=true&take=10", nil).List(c.plural); len(list) != 1 {
				t.Errorf("%s: got %v", c.path, list)
			}
			s.Must(204, "DELETE", c.path+"/"+id, nil)
			s.Must(404, "DELETE", c.path+"/"+id, nil)
		}
		for _, e := range s.Events(t) {
			if strings.Contains(fmt.Sprint(e.Details), "top-secret") {
				t.Errorf("the log holds a secret: %v", e.Details)
			}
		}
	})
}

func TestFlows_ListLessThanTheyShow(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		action := map[string]any{"id": "a", "type": "FLOW", "action": "DO_NOTHING"}
		id := s.Must(201, "POST", "/flows", map[string]any{"name": "f", "actions": []any{action}}).Doc()["id"].(string)
		if got := s.Must(200, "GET", "/flows/"+id, nil).Doc()["actions"].([]any); !maps.Equal(got[0].(map[string]any), action) {
			t.Errorf("actions: got %v", got)
		}
		if got := s.Must(200, "GET", "/flows", nil).List()[0].(map[string]any); got["actions"] != nil || got["name"] != "f" {
			t.Errorf("list: got %v", got)
		}
		vault := s.Must(201, "POST", "/flows/vault/connections", map[string]any{
			"app_id": "HTTP", "name": "v", "setup": map[string]any{"type": "BEARER", "token": "top-secret"},
		})
		before := vault.Doc()
		if before["setup"] != nil || before["ready"] != false || strings.Contains(vault.Text, "top-secret") {
			t.Errorf("vault: got %s", vault.Text)
		}
		after := s.Must(200, "PATCH", "/flows/vault/connections/"+before["id"].(string), map[string]any{"name": "w"}).Doc()
		if after["fingerprint"] == before["fingerprint"] {
			t.Error("a change left the fingerprint as it was")
		}
	})
}

func TestSelfServiceProfiles_HaveTexts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := s.Must(201, "POST", "/self-service-profiles", map[string]any{"name": "p"}).Doc()["id"].(string)
		path := "/self-service-profiles/" + id + "/custom-text/en/get-started"
		if got := s.Must(200, "GET", path, nil).Doc(); len(got) != 0 {
			t.Errorf("fresh: got %v", got)
		}
		s.Must(200, "PUT", path, map[string]any{"introduction": "Welcome"})
		if got := s.Must(200, "GET", path, nil).Doc()["introduction"]; got != "Welcome" {
			t.Errorf("text: got %v", got)
		}
		if a := s.API("POST", "/self-service-profiles/"+id+"/sso-ticket", map[string]any{}); a.Status != 403 {
			t.Errorf("ticket: got %d %s", a.Status, a.Text)
		}
		s.Must(204, "DELETE", "/self-service-profiles/"+id, nil)
		s.Must(404, "GET", path, nil)
	})
}
