package management

import (
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestOrganizations_HaveConnectionsAndMembers(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := strings.TrimSpace(s.Must(200, "GET", "/organizations?include_totals=true&take=50", nil).Text); got != `{"organizations":[]}` {
			t.Errorf("fresh: got %s", got)
		}
		connection := s.Must(201, "POST", "/connections", map[string]any{"name": "staff", "strategy": "email"}).Doc()["id"].(string)
		org := s.Must(201, "POST", "/organizations", map[string]any{
			"name": "acme", "display_name": "Acme", "enabled_connections": []any{map[string]any{"connection_id": connection}},
		}).Doc()
		id := org["id"].(string)
		if len(org) != 4 || org["third_party_client_access"] != "block" {
			t.Errorf("organization: got %v", org)
		}
		if a := s.Must(409, "POST", "/organizations", map[string]any{"name": "acme"}); a.Doc()["errorCode"] != "organization_conflict" {
			t.Errorf("twice: got %s", a.Text)
		}
		s.Must(400, "POST", "/organizations", map[string]any{"name": "Acme Inc."})
		if a := s.Call(s.Token("create:organizations"), "POST", "/organizations", map[string]any{
			"name": "other", "enabled_connections": []any{map[string]any{"connection_id": connection}},
		}); a.Status != 403 || a.Message() != "Insufficient scope, expected any of: create:organization_connections" {
			t.Errorf("connections without their scope: got %d %s", a.Status, a.Text)
		}
		if got := s.Must(200, "GET", "/organizations/name/acme", nil).Doc()["id"]; got != id {
			t.Errorf("by name: got %v", got)
		}
		for _, path := range []string{"/organizations/org_0000000000000000", "/organizations/name/nobody", "/organizations/org_0000000000000000/members"} {
			if a := s.Must(404, "GET", path, nil); a.Message() != "No organization found by that id or name" {
				t.Errorf("%s: got %s", path, a.Text)
			}
		}

		path := "/organizations/" + id
		list := s.Must(200, "GET", path+"/connections?include_totals=true&is_enabled=true", nil)
		one := list.List("connections")[0].(map[string]any)
		if one["connection_id"] != connection || one["show_as_button"] != true || one["organization_access_level"] != "none" ||
			one["connection"].(map[string]any)["strategy"] != "email" {
			t.Errorf("connections: got %s", list.Text)
		}
		if got := s.Must(200, "GET", path+"/enabled_connections", nil).List()[0].(map[string]any); got["is_enabled"] != nil {
			t.Errorf("enabled_connections: got %v", got)
		}
		s.Must(200, "PATCH", path+"/connections/"+connection, map[string]any{"is_enabled": false})
		if got := s.Must(200, "GET", path+"/enabled_connections", nil).List(); len(got) != 0 {
			t.Errorf("after disabling: got %v", got)
		}
		s.Must(404, "POST", path+"/connections", map[string]any{"connection_id": "con_0000000000000000"})
		s.Must(204, "DELETE", path+"/connections/"+connection, nil)
		s.Must(204, "DELETE", path+"/connections/"+connection, nil)
		if a := s.Must(404, "GET", path+"/connections/"+connection, nil); a.Message() != "No connection found by that id" {
			t.Errorf("missing connection: got %s", a.Text)
		}

		user := addUser(t, s, "ann@example.com")
		s.Must(204, "POST", path+"/members", map[string]any{"members": []string{user}})
		members := s.Must(200, "GET", path+"/members?fields=user_id&include_fields=true&take=100", nil)
		if got := members.List("members"); len(got) != 1 || len(got[0].(map[string]any)) != 1 {
			t.Errorf("members: got %s", members.Text)
		}
		s.Must(204, "DELETE", path+"/members", map[string]any{"members": []string{user}})
		if got := strings.TrimSpace(s.Must(200, "GET", path+"/members?take=100", nil).Text); got != `{"members":[]}` {
			t.Errorf("members: got %s", got)
		}
		for sub, want := range map[string]string{
			"client-grants?include_totals=true&per_page=50": `{"client_grants":[],"limit":50,"start":0,"total":0}`,
			"discovery-domains":                             `{"domains":[]}`, "clients?take=50": `{"clients":[]}`, "invitations": `[]`,
		} {
			if got := strings.TrimSpace(s.Must(200, "GET", path+"/"+sub, nil).Text); got != want {
				t.Errorf("%s: got %s, want %s", sub, got, want)
			}
		}
		s.Must(204, "DELETE", path, nil)
		s.Must(404, "DELETE", path, nil)
	})
}

func TestCustomDomains_WaitToBeVerified(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := strings.TrimSpace(s.Must(200, "GET", "/custom-domains", nil).Text); got != "[]" {
			t.Errorf("fresh: got %s", got)
		}
		made := s.Must(201, "POST", "/custom-domains", map[string]any{
			"domain": "Auth.Example.com", "type": "auth0_managed_certs", "domain_metadata": map[string]any{"a": "1", "b": "2"},
		}).Doc()
		if made["domain"] != "auth.example.com" || made["status"] != "pending_verification" || made["primary"] != false {
			t.Errorf("made: got %v", made)
		}
		s.Must(409, "POST", "/custom-domains", map[string]any{"domain": "auth.example.com", "type": "auth0_managed_certs"})
		path := "/custom-domains/" + made["custom_domain_id"].(string)
		changed := s.Must(200, "PATCH", path, map[string]any{"domain_metadata": map[string]any{"b": nil}}).Doc()
		if got := changed["domain_metadata"].(map[string]any); len(got) != 1 || got["a"] != "1" {
			t.Errorf("metadata: got %v", got)
		}
		if got := s.Must(200, "POST", path+"/verify", map[string]any{}).Doc()["status"]; got != "pending_verification" {
			t.Errorf("verify: got %v", got)
		}
		if got := s.Must(200, "POST", path+"/test", nil).Doc()["success"]; got != false {
			t.Errorf("test: got %v", got)
		}
		for q, want := range map[string]int{"domain:auth*": 1, "domain:other*": 0} {
			if got := s.Must(200, "GET", "/custom-domains?take=100&q="+q, nil).List("custom_domains"); len(got) != want {
				t.Errorf("%s: got %v", q, got)
			}
		}
		if got := s.Must(200, "GET", "/custom-domains/default", nil).Doc(); len(got) != 1 || got["domain"] == "" {
			t.Errorf("default: got %v", got)
		}
		if a := s.Must(400, "PATCH", "/custom-domains/default", map[string]any{"domain": "auth.example.com"}); a.Message() !=
			"The domain must be verified before it can be set as default." {
			t.Errorf("default: got %s", a.Text)
		}
		s.Must(204, "DELETE", path, nil)
		s.Must(204, "DELETE", path, nil)
		if a := s.Must(404, "GET", path, nil); a.Message() != "The custom domain "+made["custom_domain_id"].(string)+" does not exist" {
			t.Errorf("missing: got %s", a.Text)
		}
	})
}
