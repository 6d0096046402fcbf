package management

import (
	"testing"

	"latchkey/test/servertest"
)

func TestTenantSettings_ShowWhatIsSetAndForgetWhatIsNull(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		fresh := s.Must(200, "GET", "/tenants/settings", nil).Doc()
		for _, name := range []string{"error_page", "change_password", "guardian_mfa_page", "mtls", "acr_values_supported", "session_cookie", "latchkey"} {
			if v, there := fresh[name]; there {
				t.Errorf("%s was never set: got %v", name, v)
			}
		}
		set := s.Must(200, "PATCH", "/tenants/settings", map[string]any{
			"mtls": map[string]any{"enable_endpoint_aliases": true}, "acr_values_supported": []string{"a"},
			"change_password": map[string]any{"enabled": true, "html": "<p></p>"}, "latchkey": map[string]any{"require_pkce": true},
		}).Doc()
		if set["mtls"] == nil || set["latchkey"].(map[string]any)["require_pkce"] != true {
			t.Errorf("set: got %v", set)
		}
		cleared := s.Must(200, "PATCH", "/tenants/settings", map[string]any{
			"mtls": nil, "error_page": nil, "change_password": map[string]any{"enabled": false}, "latchkey": map[string]any{"require_pkce": nil},
		}).Doc()
		if cleared["mtls"] != nil || cleared["latchkey"] != nil {
			t.Errorf("cleared: got %v", cleared)
		}
		if page := cleared["change_password"].(map[string]any); page["enabled"] != false || page["html"] != "<p></p>" {
			t.Errorf("change_password: got %v, want the page kept", page)
		}
		if cleared["acr_values_supported"] == nil {
			t.Errorf("acr_values_supported was not named: got %v", cleared)
		}
	})
}

func TestTenantSettings_KeepTheFlagThatCannotBeChanged(t *testing.T) {
	t.Parallel()
	const fixed = "enforce_client_authentication_on_passwordless_start"
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		flags := s.Must(200, "PATCH", "/tenants/settings", map[string]any{"flags": map[string]any{fixed: false}}).Doc()["flags"].(map[string]any)
		if flags[fixed] != true || flags["cannot_change_"+fixed] != true {
			t.Errorf("flags: got %v", flags)
		}
	})
}

func TestTenantSettings_RefuseDefaultsThatAreNotThere(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for name, want := range map[string]string{
			"default_audience": "The default audience does not exist.", "default_directory": "The default directory does not exist.",
		} {
			if a := s.Must(400, "PATCH", "/tenants/settings", map[string]any{name: "nobody"}); a.Message() != want {
				t.Errorf("%s: got %s", name, a.Text)
			}
		}
		s.Must(200, "PATCH", "/tenants/settings", map[string]any{"default_audience": servertest.Audience})
		s.Must(200, "PATCH", "/tenants/settings", map[string]any{"default_audience": ""})
		for _, bad := range []map[string]any{{"enabled_locales": []string{}}, {"session_lifetime": 0}, {"enabled_locales": []string{"tlh"}}} {
			if a := s.API("PATCH", "/tenants/settings", bad); a.Status != 400 {
				t.Errorf("%v: got %d %s", bad, a.Status, a.Text)
			}
		}
	})
}
