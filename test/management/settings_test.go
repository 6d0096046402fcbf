// Package management tests the Management API v2 through a whole server over HTTP, on both databases.
package management

import (
	"testing"

	"latchkey/test/servertest"
)

func TestTenantSettings_MergeFlagsAndKeepLifetimesInEitherUnit(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		before := s.Must(200, "GET", "/tenants/settings", nil).Doc()
		if got := before["friendly_name"]; got != "Test Tenant" {
			t.Errorf("friendly_name: got %v, want Test Tenant", got)
		}
		after := s.Must(200, "PATCH", "/tenants/settings", map[string]any{
			"session_lifetime_in_minutes": 30, "idle_session_lifetime": 2, "flags": map[string]any{"enable_apis_section": true},
		}).Doc()
		if after["session_lifetime"] != 0.5 || after["idle_session_lifetime"] != 2.0 {
			t.Errorf("lifetimes: got %v and %v hours, want 0.5 and 2", after["session_lifetime"], after["idle_session_lifetime"])
		}
		flags := after["flags"].(map[string]any)
		if flags["enable_apis_section"] != true || flags["enable_sso"] != true {
			t.Errorf("flags: got %v, want the old ones and the new", flags)
		}
		if a := s.API("PATCH", "/tenants/settings", map[string]any{"nonsense": 1}); a.Status != 400 ||
			a.Message() != "Payload validation error: 'Additional properties not allowed: nonsense'." {
			t.Errorf("unknown member: got %d %s", a.Status, a.Text)
		}
		if a := s.Call(s.Token("read:tenant_settings"), "PATCH", "/tenants/settings", map[string]any{}); a.Status != 403 ||
			a.Message() != "Insufficient scope, expected any of: update:tenant_settings" {
			t.Errorf("without the scope: got %d %s", a.Status, a.Text)
		}
		events := eventsOf(t, s, "sapi")
		if len(events) != 1 || events[0].Description != "Update tenant settings" {
			t.Errorf("events: got %+v, want one about the settings", events)
		}
	})
}
