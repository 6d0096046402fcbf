package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
)

// settingsPath is where the Management API has a tenant's settings.
const settingsPath = "tenants/settings"

// tenantSettings is tenant.json: the settings of the tenant, without its pages, which are a type of their own
// (https://auth0.com/docs/api/management/v2/tenants/tenant-settings-route).
func tenantSettings() *kind {
	return &kind{
		name: "tenant", order: 100, single: true, files: oneFile{path: "tenant.json"},
		check: func(it *item) error {
			for _, page := range slices.Concat(slices.Sorted(maps.Keys(pageSettings)), slices.Sorted(maps.Values(pageSettings))) {
				if _, there := it.object[page]; there {
					return it.source.refuse(page, "pages belong to pages/, not to the tenant's settings")
				}
			}
			return nil
		},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw, err := s.get(ctx, settingsPath)
			if err != nil {
				return nil, err
			}
			all := single(raw)
			o := all[0].object
			for _, page := range pageSettings {
				delete(o, page)
			}
			return all, nil
		},
		dropped: []string{
			"sandbox_versions_available", "flags.allow_changing_enable_sso", "flags.enable_sso", "flags.disable_impersonation",
			"flags.remove_stale_idp_attributes",
		},
		strip: func(o object) {
			for _, l := range lifetimes {
				if _, hours := o[l]; hours {
					delete(o, l+inMinutes)
				}
			}
			keepKnownFlags(o)
			if empty(o["flags"]) {
				delete(o, "flags")
			}
		},
		readOnly: []string{"sandbox_versions_available"},
		prepare: func(_ context.Context, s *session, want object, have *stored) error {
			for _, flag := range keepKnownFlags(want) {
				s.warn("tenant: flags.%s is no flag that can be set; it is left out", flag)
			}
			return prepareLifetimes(want, have.object)
		},
		body: func(_ context.Context, _ *run, _ *Change, body object) error {
			keepKnownFlags(body)
			for _, l := range lifetimes {
				if hours, there := body[l]; there && hours != nil {
					delete(body, l)
					body[l+inMinutes] = json.Number(number(minutes(hours)))
				}
			}
			return nil
		},
		update: patch(settingsPath),
	}
}

// patch is the PATCH of what a tenant has one of.
func patch(path string) func(context.Context, *run, *Change) error {
	return func(ctx context.Context, r *run, c *Change) error {
		body, err := r.changedBody(ctx, c)
		if err != nil || len(body) == 0 {
			return err
		}
		_, err = call(ctx, r.tenant.API, http.MethodPatch, path, body)
		return err
	}
}

// lifetimes are settings in hours. A file may hold them in minutes too, with the ending inMinutes; they are sent so, since
// the API takes whole hours only.
var lifetimes = []string{"session_lifetime", "idle_session_lifetime", "ephemeral_session_lifetime", "idle_ephemeral_session_lifetime"}

const inMinutes = "_in_minutes"

// minutes gives the whole minutes of a number of hours, as text.
func minutes(hours any) string {
	n, ok := hours.(json.Number)
	if !ok {
		return ""
	}
	f, err := n.Float64()
	if err != nil {
		return ""
	}
	whole, _ := json.Marshal(math.Round(f * 60)) // a float64 of a JSON number can be written
	return string(whole)
}

// prepareLifetimes makes lifetimes comparable: hours that come to the same minutes are the stored ones.
func prepareLifetimes(want, have object) error {
	for _, l := range lifetimes {
		if hours, there := want[l]; there {
			if hours != nil && minutes(hours) == "" {
				return errors.New(l + " must be a number of hours")
			}
			delete(want, l+inMinutes)
			if minutes(hours) != "" && minutes(hours) == minutes(have[l]) {
				want[l] = have[l]
			}
		}
		if _, there := have[l+inMinutes]; !there && have[l] != nil {
			have[l+inMinutes] = number(minutes(have[l]))
		}
	}
	return nil
}

// knownFlags are the flags that the deploy CLI exports and applies.
var knownFlags = strings.Fields(`
	change_pwd_flow_v1 enable_client_connections enable_apis_section enable_pipeline2 enable_dynamic_client_registration
	allow_legacy_tokeninfo_endpoint enable_legacy_profile enable_idtoken_api2 enable_public_signup_user_exists_error
	allow_legacy_delegation_grant_types allow_legacy_ro_grant_types enable_sso disable_clickjack_protection_headers
	no_disclose_enterprise_connections disable_management_api_sms_obfuscation
	enforce_client_authentication_on_passwordless_start trust_azure_adfs_email_verified_connection_property
	enable_adfs_waad_email_verification revoke_refresh_token_grant dashboard_log_streams_next dashboard_insights_view
	disable_fields_map_fix require_pushed_authorization_requests mfa_show_factor_list_on_enrollment
	improved_signup_bot_detection_in_classic use_scope_descriptions_for_consent`)

// keepKnownFlags removes all other flags, and gives their names.
func keepKnownFlags(o object) []string {
	flags, _ := o["flags"].(object)
	var gone []string
	for _, name := range keysOf(flags, false) {
		if !slices.Contains(knownFlags, name) {
			gone = append(gone, name)
			delete(flags, name)
		}
	}
	return gone
}

// customDomains is custom-domains/custom-domains.json: the domains a tenant answers on beside its own, one of which may be
// the default (https://auth0.com/docs/customize/custom-domains).
func customDomains() *kind {
	return &kind{
		name: "customDomains", order: 50, files: oneFile{path: "custom-domains/custom-domains.json", list: true},
		match: []matchKey{{"custom_domain_id"}, {"domain"}}, id: "custom_domain_id", path: "custom-domains",
		title: func(o object) string { return text(o, "domain") },
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			found, err := s.pages(ctx, "custom-domains")
			return list(found, "custom_domain_id"), err
		},
		dropped:    []string{"status", "primary", "verification", "certificate", "origin_domain_name"},
		readOnly:   []string{"status", "primary", "verification", "certificate", "origin_domain_name", "created_at", "updated_at"},
		createOnly: []string{"verification_method"},
		fixed:      []string{"type", "domain"},
		body: func(_ context.Context, _ *run, _ *Change, body object) error {
			delete(body, "is_default")
			return nil
		},
		after: func(ctx context.Context, r *run, c *Change) error {
			if c.item.object["is_default"] != true || c.Action == Update && !c.changes("is_default") {
				return nil
			}
			_, err := call(ctx, r.tenant.API, http.MethodPatch, "custom-domains/default", pick(c.item.object, "domain"))
			return err
		},
	}
}
