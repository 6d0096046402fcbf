package management

import (
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestAttackProtection_HasTheDefaultsOfAFreshTenant(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for path, want := range map[string]string{
			"brute-force-protection":      `{"allowlist":[],"enabled":true,"max_attempts":10,"mode":"count_per_identifier_and_ip","shields":["block","user_notification"]}`,
			"suspicious-ip-throttling":    `{"allowlist":[],"enabled":true,"shields":["admin_notification","block"],"stage":{"pre-custom-token-exchange":{"max_attempts":10,"rate":600000},"pre-login":{"max_attempts":100,"rate":864000},"pre-user-registration":{"max_attempts":50,"rate":1200}}}`,
			"breached-password-detection": `{"admin_notification_frequency":[],"enabled":false,"method":"standard","shields":[],"stage":{"pre-change-password":{"shields":[]},"pre-user-registration":{"shields":[]}}}`,
			"bot-detection":               `{"allowlist":[],"bot_detection_level":"medium","challenge_password_policy":"never","challenge_password_reset_policy":"never","challenge_passwordless_policy":"never","monitoring_mode_enabled":false}`,
			"captcha":                     `{"active_provider_id":"auth_challenge","arkose":{"client_subdomain":"client-api","fail_open":false,"site_key":"","verify_subdomain":"verify-api"},"auth_challenge":{"fail_open":false},"friendly_captcha":{"site_key":""},"hcaptcha":{"site_key":""},"recaptcha_enterprise":{"project_id":"","site_key":""},"recaptcha_v2":{"site_key":""},"simple_captcha":{}}`,
			"phone-provider-protection":   `{"type":"none"}`,
		} {
			if got := strings.TrimSpace(s.Must(200, "GET", "/attack-protection/"+path, nil).Text); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", path, got, want)
			}
		}
	})
}

func TestAttackProtection_ChangesWhatIsNamedAndHidesSecrets(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const throttling, captcha = "/attack-protection/suspicious-ip-throttling", "/attack-protection/captcha"
		s.Must(200, "PATCH", throttling, map[string]any{"stage": map[string]any{"pre-login": map[string]any{"max_attempts": 5}}})
		stage := s.Must(200, "GET", throttling, nil).Doc()["stage"].(map[string]any)
		login, registration := stage["pre-login"].(map[string]any), stage["pre-user-registration"].(map[string]any)
		if login["max_attempts"] != 5.0 || login["rate"] != 864000.0 || registration["max_attempts"] != 50.0 {
			t.Errorf("stage: got %v", stage)
		}
		set := s.Must(200, "PATCH", captcha, map[string]any{
			"active_provider_id": "hcaptcha", "hcaptcha": map[string]any{"site_key": "k", "secret": "top-secret"},
		})
		if strings.Contains(set.Text, "top-secret") || set.Doc()["hcaptcha"].(map[string]any)["site_key"] != "k" {
			t.Errorf("captcha: got %s", set.Text)
		}
		for path, bad := range map[string]map[string]any{
			throttling: {"stage": map[string]any{"pre-login": map[string]any{"rate": 1}}},
			captcha:    {"hcaptcha": map[string]any{"site_key": "k"}},
			"/attack-protection/brute-force-protection":    {"max_attempts": 101},
			"/attack-protection/bot-detection":             {"allowlist": []string{"not an address"}},
			"/attack-protection/phone-provider-protection": {"type": "linear"},
		} {
			if a := s.API("PATCH", path, bad); a.Status != 400 || a.Doc()["errorCode"] != "invalid_body" {
				t.Errorf("%s %v: got %d %s", path, bad, a.Status, a.Text)
			}
		}
		s.Must(200, "PATCH", "/attack-protection/brute-force-protection", map[string]any{
			"allowlist": []string{"127.0.0.1", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32"},
		})
	})
}

func TestRiskAssessments_AreKept(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", "/risk-assessments/settings", nil).Doc()["enabled"]; got != false {
			t.Errorf("enabled: got %v", got)
		}
		if got := s.Must(200, "GET", "/risk-assessments/settings/new-device", nil).Doc()["remember_for"]; got != 30.0 {
			t.Errorf("remember_for: got %v", got)
		}
		s.Must(200, "PATCH", "/risk-assessments/settings/new-device", map[string]any{"remember_for": 20})
		s.Must(400, "PATCH", "/risk-assessments/settings/new-device", map[string]any{"remember_for": 366})
		if got := s.Must(200, "GET", "/risk-assessments/settings/new-device", nil).Doc()["remember_for"]; got != 20.0 {
			t.Errorf("remember_for: got %v", got)
		}
	})
}
