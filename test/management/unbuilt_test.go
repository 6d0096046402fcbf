package management

import (
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// TestUnbuiltFeatures_AnswerWhatOfficialToolsBear calls what the deploy CLI and the Terraform provider read of every tenant.
func TestUnbuiltFeatures_AnswerWhatOfficialToolsBear(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const byPage = "?page=0&per_page=100&include_totals=true"
		for path, want := range map[string]string{
			"/rules" + byPage: `{"limit":100,"rules":[],"start":0,"total":0}`,
			"/hooks" + byPage: `{"hooks":[],"limit":100,"start":0,"total":0}`,
			"/flows" + byPage: `{"flows":[],"limit":100,"start":0,"total":0}`,
			"/forms" + byPage: `{"forms":[],"limit":100,"start":0,"total":0}`,
			"/flows/vault/connections?page=0&per_page=50&include_totals=true": `{"connections":[],"limit":50,"start":0,"total":0}`,
			"/network-acls" + byPage:                       `{"limit":100,"network_acls":[],"start":0,"total":0}`,
			"/self-service-profiles" + byPage:              `{"limit":100,"self_service_profiles":[],"start":0,"total":0}`,
			"/user-attribute-profiles?take=10":             `{"user_attribute_profiles":[]}`,
			"/connection-profiles?take=10":                 `{"connection_profiles":[]}`,
			"/token-exchange-profiles?take=50":             `{"token_exchange_profiles":[]}`,
			"/event-streams?take=50":                       `{"eventStreams":[]}`,
			"/rate-limit-policies?take=50":                 `{"rate_limit_policies":[]}`,
			"/connections-directory-provisionings?take=50": `{"directory_provisionings":[]}`,
			"/keys/encryption" + byPage:                    `{"keys":[],"limit":100,"start":0,"total":0}`,
			"/groups":                                      `[]`,
			"/rules-configs?include_totals=true":           `[]`,
		} {
			if got := strings.TrimSpace(s.Must(200, "GET", path, nil).Text); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
		}
		for path, want := range map[string]string{
			"/flows/af_aj9fK5JBVy9Uo1eSnwCeMS":                     "Flow not found",
			"/flows/af_aj9fK5JBVy9Uo1eSnwCeMS/executions/e":        "Execution not found",
			"/flows/vault/connections/ac_5Cy8N47rNvNixgNBShK8fK":   "Connection not found",
			"/forms/ap_9AXxPP59pJx5ZtA471cSBx":                     "Form not found",
			"/network-acls/acl_og5stNekT7J3mRCbWCsmZT":             "NetworkACL with this ID was not found",
			"/self-service-profiles/ssp_bskks8aGbiq7qS13umnuvX":    "Profile with ID: ssp_bskks8aGbiq7qS13umnuvX not found",
			"/token-exchange-profiles/tep_bskks8aGbiq7qS13":        "Token exchange profile not found.",
			"/user-attribute-profiles/uap_bskks8aGbiq7qS13":        "User attribute profile not found.",
			"/event-streams/est_bskks8aGbiq7qS13umnuvX":            "The requested stream does not exist.",
			"/rules/rul_0000000000000000":                          "The rule does not exist",
			"/hooks/01000000000000000000000000":                    "Error: Hook does not exist",
			"/connections/con_0000000000000000/scim-configuration": "The connection does not exist",
			"/roles/rol_0000000000000000/groups":                   "The role does not exist.",
			"/experimentation/experiments/exp_1":                   "Not Found",
		} {
			if a := s.API("GET", path, nil); a.Status != 404 || a.Message() != want {
				t.Errorf("%s: got %d %s, want 404 %s", path, a.Status, a.Text, want)
			}
		}
		for path, body := range map[string]map[string]any{
			"/keys/encryption/rekey": nil, "/keys/encryption": {"type": "customer-provided-root-key"},
		} {
			if a := s.API("POST", path, body); a.Status != 403 || a.Doc()["errorCode"] != "insufficient_entitlement" {
				t.Errorf("POST %s: got %d %s", path, a.Status, a.Text)
			}
		}
		if a := s.API("POST", "/rules", map[string]any{"name": "r", "script": "x"}); a.Status != 403 || a.Doc()["errorCode"] != "operation_not_supported" {
			t.Errorf("POST /rules: got %d %s", a.Status, a.Text)
		}
		if a := s.API("GET", "/supplemental-signals", nil); a.Status != 403 || a.Message() != "Please upgrade your subscription to enable Akamai Signals." {
			t.Errorf("signals: got %d %s", a.Status, a.Text)
		}
		if a := s.Call(s.Token("read:forms"), "GET", "/flows", nil); a.Status != 403 || a.Message() != "Insufficient scope, expected any of: read:flows" {
			t.Errorf("without the scope: got %d %s", a.Status, a.Text)
		}
		for _, path := range []string{"/nothing", "/flows/vault", "/organizations/name"} {
			if a := s.API("GET", path, nil); a.Status != 404 {
				t.Errorf("%s: got %d %s, want 404", path, a.Status, a.Text)
			}
		}
	})
}

func TestRulesConfigs_NeverShowTheirValues(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "PUT", "/rules-configs/KEY", map[string]any{"value": "top-secret"}).Doc(); got["key"] != "KEY" || got["value"] != "top-secret" {
			t.Errorf("set: got %v", got)
		}
		s.Must(200, "PUT", "/rules-configs/KEY", map[string]any{"value": "another"})
		s.Must(400, "PUT", "/rules-configs/a%20b", map[string]any{"value": "x"})
		if got := strings.TrimSpace(s.Must(200, "GET", "/rules-configs", nil).Text); got != `[{"key":"KEY"}]` {
			t.Errorf("list: got %s", got)
		}
		s.Must(204, "DELETE", "/rules-configs/KEY", nil)
		s.Must(204, "DELETE", "/rules-configs/KEY", nil)
	})
}
