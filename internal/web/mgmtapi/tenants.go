package mgmtapi

import (
	"context"
	"math"
	"net/http"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
)

// tenantSettings: Auth0 docs, "Tenant Settings". A fresh tenant shows the defaults below; everything else is shown once it
// is set, and null takes it away again: tools tell "not set" from an empty or a default value.
var tenantSettings = &settings{
	id:    resource.TenantSettings,
	byKey: []string{"flags", "latchkey", "change_password", "guardian_mfa_page"},
	absent: resource.Document{
		"enabled_locales": []any{"en"}, "session_lifetime": 168.0, "idle_session_lifetime": 72.0,
		"ephemeral_session_lifetime": 72.0, "idle_ephemeral_session_lifetime": 24.0,
		"oidc_logout":     resource.Document{"rp_logout_end_session_endpoint_discovery": true},
		"sandbox_version": "22", "sandbox_versions_available": []any{"22"}, "resource_parameter_profile": "audience",
	},
	check:   checkTenantSettings,
	present: presentTenantSettings,
}

// tenantFlags are the flags of a fresh tenant.
var tenantFlags = resource.Document{
	"allow_changing_enable_sso": false, "disable_impersonation": true, "enable_sso": true, "universal_login": true,
	"revoke_refresh_token_grant": false, "disable_clickjack_protection_headers": false,
}

// fixedFlags are what they are: confidential clients prove themselves at /passwordless/start, here always.
var fixedFlags = resource.Document{
	"enforce_client_authentication_on_passwordless_start":               true,
	"cannot_change_enforce_client_authentication_on_passwordless_start": true,
}

// lifetimes are the settings that are told in hours or in minutes.
var lifetimes = []string{"session_lifetime", "idle_session_lifetime", "ephemeral_session_lifetime", "idle_ephemeral_session_lifetime"}

func (a *api) tenantSettings() []route {
	return []route{
		{"GET /tenants/settings", "Get tenant settings", anyOf("read:tenant_settings"), tenantSettings.get},
		{"PATCH /tenants/settings", "Update tenant settings", anyOf("update:tenant_settings"), updateTenantSettings},
	}
}

// updateTenantSettings keeps lifetimes in minutes, whichever unit they come in; where both come, minutes count.
func updateTenantSettings(r *request) (answer, error) {
	d := r.doc()
	for _, name := range lifetimes {
		minutes := name + "_in_minutes"
		if hours, inHours := d[name].(float64); inHours {
			if _, inMinutes := d[minutes]; !inMinutes {
				d[minutes] = math.Round(hours * 60)
			}
			delete(d, name)
		}
	}
	return tenantSettings.update(r)
}

func presentTenantSettings(r *request, _ *resource.Resource, shown resource.Document) {
	for _, name := range lifetimes {
		if minutes, set := shown[name+"_in_minutes"].(float64); set {
			shown[name] = minutes / 60
			delete(shown, name+"_in_minutes")
		}
	}
	flags := clone(tenantFlags)
	mergeDeep(flags, member(shown, "flags"))
	mergeDeep(flags, fixedFlags)
	shown["flags"] = flags
	if len(member(shown, "latchkey")) == 0 {
		delete(shown, "latchkey")
	}
	if text(shown, "default_redirection_uri") == "" {
		delete(shown, "default_redirection_uri")
	}
	if r.http.Method != http.MethodGet {
		delete(shown, "sandbox_versions_available")
	}
}

// checkTenantSettings refuses defaults that name something that is not there.
func checkTenantSettings(r *request, ctx context.Context, before, after resource.Document) error {
	if audience := text(after, "default_audience"); audience != "" && audience != text(before, "default_audience") {
		if _, err := r.APIs.ResourceServer(ctx, r.tenantID(), audience); err != nil {
			return invalidBody("The default audience does not exist.")
		}
	}
	if name := text(after, "default_directory"); name != "" && name != text(before, "default_directory") {
		all, err := r.Connections.Connections(ctx, r.tenantID())
		if err != nil {
			return err
		}
		if connection.Find(all, name) == nil {
			return invalidBody("The default directory does not exist.")
		}
	}
	return nil
}
