package management

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"latchkey/internal/resource"
	"latchkey/test/servertest"
)

// TestSecrets_AreSealedBeforeTheyAreStored looks at the rows behind everything that takes a secret.
func TestSecrets_AreSealedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	const secret = "top-secret"
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.Must(201, "POST", "/emails/provider", map[string]any{"name": "mailgun", "credentials": map[string]any{"api_key": secret, "domain": "example.com"}})
		s.Must(200, "PATCH", "/attack-protection/captcha", map[string]any{"recaptcha_enterprise": map[string]any{
			"site_key": "k", "project_id": "p", "api_key": secret,
		}})
		s.Must(200, "PUT", "/guardian/factors/duo/settings", map[string]any{"host": "h", "skey": secret})
		s.Must(200, "PUT", "/rules-configs/KEY", map[string]any{"value": secret})
		s.Must(201, "POST", "/branding/phone/providers", map[string]any{
			"name": "twilio", "credentials": map[string]any{"auth_token": secret},
			"configuration": map[string]any{"sid": "s", "default_from": "+1234567890", "delivery_methods": []string{"text"}},
		})
		s.Must(200, "POST", "/log-streams", map[string]any{"name": "web", "type": "http", "sink": map[string]any{
			"httpEndpoint": "https://example.com", "httpCustomHeaders": []any{map[string]any{"header": "X", "value": secret}},
		}})
		s.Must(201, "POST", "/flows/vault/connections", map[string]any{
			"app_id": "HTTP", "name": "v", "setup": map[string]any{"type": "BEARER", "token": secret},
		})
		for _, kind := range []resource.Kind{
			resource.Settings, "rules_configs", "phone_providers", "log_streams", "flows_vault_connections",
		} {
			rows, err := s.Database.Store.Resources(context.Background(), s.Tenant.ID, kind, resource.Page{})
			if err != nil {
				t.Fatal(err)
			}
			sealed := 0
			for _, row := range rows {
				sealed += len(row.Sealed)
				if text, _ := json.Marshal(row); strings.Contains(string(text), secret) {
					t.Errorf("%s %s holds its secret: %s", kind, row.ID, text)
				}
			}
			if sealed == 0 {
				t.Errorf("%s: nothing is sealed", kind)
			}
		}
	})
}
