package mgmtapi

import (
	"context"
	"math"

	"latchkey/internal/resource"
)

// tenantSettings: Auth0 docs, "Tenant Settings". The defaults are those of a fresh tenant.
var tenantSettings = &settings{
	id:    resource.TenantSettings,
	byKey: []string{"flags", "latchkey"},
	absent: resource.Document{
		"friendly_name": "", "picture_url": "", "support_email": "", "support_url": "", "default_audience": "",
		"default_directory": "", "default_redirection_uri": "", "allowed_logout_urls": []any{}, "enabled_locales": []any{"en"},
		"session_lifetime": 168.0, "idle_session_lifetime": 72.0, "ephemeral_session_lifetime": 72.0,
		"idle_ephemeral_session_lifetime": 24.0, "session_cookie": resource.Document{"mode": "persistent"},
		"sessions":    resource.Document{"oidc_logout_prompt_enabled": true},
		"oidc_logout": resource.Document{"rp_logout_end_session_endpoint_discovery": true}, "sandbox_version": "22",
		"sandbox_versions_available": []any{"22"}, "customize_mfa_in_postlogin_action": false,
		"allow_organization_name_in_authentication_api": false, "pushed_authorization_requests_supported": false,
		"acr_values_supported": []any{}, "mtls": resource.Document{"enable_endpoint_aliases": false},
	},
	check:   checkTenantSettings,
	present: presentTenantSettings,
}

// tenantFlags are the flags of a fresh tenant.
var tenantFlags = resource.Document{
	"allow_changing_enable_sso": false, "disable_impersonation": true, "enable_sso": true, "universal_login": true,
	"revoke_refresh_token_grant": false, "disable_clickjack_protection_headers": false,
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

// updateTenantSettings keeps lifetimes in minutes, whichever unit they come in.
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

func presentTenantSettings(_ *request, _ *resource.Resource, shown resource.Document) {
	for _, name := range lifetimes {
		if minutes, set := shown[name+"_in_minutes"].(float64); set {
			shown[name] = minutes / 60
			delete(shown, name+"_in_minutes")
		}
	}
	flags := clone(tenantFlags)
	for name, v := range member(shown, "flags") {
		flags[name] = v
	}
	shown["flags"] = flags
}

func checkTenantSettings(r *request, ctx context.Context, _, after resource.Document) error {
	if audience := text(after, "default_audience"); audience != "" {
		if _, err := r.APIs.ResourceServer(ctx, r.tenantID(), audience); err != nil {
			return invalidBody("The default audience does not exist.")
		}
	}
	if name := text(after, "default_directory"); name != "" {
		all, err := r.Connections.Connections(ctx, r.tenantID())
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Name == name {
				return nil
			}
		}
		return invalidBody("The default directory does not exist.")
	}
	return nil
}
