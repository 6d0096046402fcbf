package management

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

func TestGuardian_KeepsFactorsPoliciesAndProvidersWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", "/guardian/factors", nil).List(); len(got) != 8 || got[0].(map[string]any)["name"] != "sms" ||
			got[0].(map[string]any)["enabled"] != false || got[0].(map[string]any)["trial_expired"] != false {
			t.Errorf("factors: got %v", got)
		}
		for _, name := range []string{"sms", "push-notification", "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code"} {
			if got := s.Must(200, "PUT", "/guardian/factors/"+name, map[string]any{"enabled": true}).Doc(); len(got) != 1 || got["enabled"] != true {
				t.Errorf("%s: got %v", name, got)
			}
		}
		s.Must(400, "PUT", "/guardian/factors/pigeon", map[string]any{"enabled": true})

		if got := strings.TrimSpace(s.Must(200, "GET", "/guardian/policies", nil).Text); got != "[]" {
			t.Errorf("policies: got %s", got)
		}
		s.Must(200, "PUT", "/guardian/policies", []string{"all-applications"})
		if got := s.Must(200, "GET", "/guardian/policies", nil).List(); len(got) != 1 || got[0] != "all-applications" {
			t.Errorf("policies: got %v", got)
		}
		s.Must(400, "PUT", "/guardian/policies", []string{"nobody"})

		for path, want := range map[string]string{
			"phone/message-types": `{"message_types":[]}`, "phone/selected-provider": `{"provider":"auth0"}`, "sms/templates": `{}`,
			"phone/templates": `{}`, "sms/providers/twilio": `{}`, "push-notification/selected-provider": `{"provider":"guardian"}`,
			"push-notification/providers/sns": `{}`, "push-notification/providers/apns": `{}`, "duo/settings": `{}`,
			"webauthn-roaming/settings":  `{"overrideRelyingParty":false,"userVerification":"preferred"}`,
			"webauthn-platform/settings": `{"overrideRelyingParty":false}`,
		} {
			if got := strings.TrimSpace(s.Must(200, "GET", "/guardian/factors/"+path, nil).Text); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
		}
		for path, body := range map[string]map[string]any{
			"phone/providers/twilio":            {"sid": "sid1", "auth_token": "top-secret"},
			"push-notification/providers/sns":   {"aws_access_key_id": "k", "aws_secret_access_key": "top-secret"},
			"push-notification/providers/apns":  {"bundle_id": "com.example", "p12": "top-secret"},
			"push-notification/providers/fcm":   {"server_key": "top-secret"},
			"push-notification/providers/fcmv1": {"server_credentials": "top-secret"},
		} {
			if a := s.Must(200, "PUT", "/guardian/factors/"+path, body); strings.Contains(a.Text, "top-secret") {
				t.Errorf("%s shows its secret: %s", path, a.Text)
			}
		}
		if got := s.Must(200, "GET", "/guardian/factors/sms/providers/twilio", nil).Doc(); len(got) != 1 || got["sid"] != "sid1" {
			t.Errorf("twilio: got %v", got)
		}
		want := map[string]any{"bundle_id": "com.example", "enabled": true}
		if diff := cmp.Diff(want, s.Must(200, "GET", "/guardian/factors/push-notification/providers/apns", nil).Doc()); diff != "" {
			t.Errorf("apns with a certificate (-want +got):\n%s", diff)
		}
		s.Must(200, "PUT", "/guardian/factors/duo/settings", map[string]any{"host": "h", "skey": "duo-secret"})
		if got := s.Must(200, "GET", "/guardian/factors/duo/settings", nil).Doc(); got["skey"] != "duo-secret" {
			t.Errorf("duo: got %v, want its key, which tools compare", got)
		}
		if n := len(eventsOf(t, s, "mgmt_api_read")); n != 1 {
			t.Errorf("reading the key of Duo left %d events mgmt_api_read, want 1", n)
		}
		s.Must(200, "PATCH", "/prompts/mfa-push", map[string]any{"app_name": "Approve"})
		if got := s.Must(200, "GET", "/prompts/mfa-push", nil).Doc(); len(got) != 1 || got["app_name"] != "Approve" {
			t.Errorf("the tenant's app for push notifications: got %v", got)
		}
		if a := s.Must(404, "GET", "/guardian/enrollments/dev_0", nil); a.Doc()["errorCode"] != "enrollment_not_found" {
			t.Errorf("enrollment: got %s", a.Text)
		}
		s.Must(400, "PUT", "/guardian/factors/webauthn-roaming/settings", map[string]any{"userVerification": "never"})
		s.Must(200, "PUT", "/guardian/factors/webauthn-roaming/settings", map[string]any{"userVerification": "required", "overrideRelyingParty": false})
	})
}
