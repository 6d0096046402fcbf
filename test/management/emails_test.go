package management

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// fromProvider asks for everything about the e-mail provider, as tools do.
const fromProvider = "/emails/provider?fields=name,enabled,default_from_address,credentials,settings&include_fields=true"

func TestEmailProvider_ShowsNoSecretsAndBeginsAnewWithItsName(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, method := range []string{"GET", "PATCH"} {
			a := s.Must(404, method, "/emails/provider", map[string]any{"enabled": true})
			if a.Doc()["errorCode"] != "inexistent_email_provider" || a.Message() != "There is not a configured email provider" {
				t.Errorf("%s without a provider: got %s", method, a.Text)
			}
		}
		if a := s.Must(400, "POST", "/emails/provider", map[string]any{"name": "smtp", "credentials": map[string]any{"api_key": "x"}}); a.Message() !=
			"Payload validation error: 'Missing required property: smtp_host' on property credentials." {
			t.Errorf("credentials of another provider: got %s", a.Text)
		}
		smtp := map[string]any{"smtp_host": "mail.example.com", "smtp_port": 587, "smtp_user": "bob", "smtp_pass": "top-secret"}
		made := s.Must(201, "POST", "/emails/provider", map[string]any{
			"name": "smtp", "default_from_address": "a@example.com", "credentials": smtp, "settings": map[string]any{"headers": map[string]any{"X-Y": "z"}},
		})
		shown := map[string]any{"smtp_host": "mail.example.com", "smtp_port": 587.0, "smtp_user": "bob"}
		if d := made.Doc(); d["enabled"] != true || !maps.Equal(d["credentials"].(map[string]any), shown) {
			t.Errorf("made: got %s", made.Text)
		}
		s.Must(409, "POST", "/emails/provider", map[string]any{"name": "smtp", "credentials": smtp})
		if got := s.Must(200, "GET", "/emails/provider", nil).Doc(); len(got) != 2 || got["name"] != "smtp" || got["enabled"] != true {
			t.Errorf("default fields: got %v, want name and enabled", got)
		}
		for _, change := range []map[string]any{{"smtp_port": 25}, {"smtp_host": "mail.example.org"}, {"smtp_user": "eve"}} {
			a := s.Must(400, "PATCH", "/emails/provider", map[string]any{"credentials": change})
			if !strings.Contains(a.Message(), "smtp_pass must be given again") {
				t.Errorf("%v without the password: got %s", change, a.Text)
			}
		}
		kept := s.Must(200, "PATCH", "/emails/provider", map[string]any{"credentials": map[string]any{"smtp_port": 25, "smtp_pass": "top-secret"}}).Doc()
		if got := kept["credentials"].(map[string]any); got["smtp_port"] != 25.0 || got["smtp_host"] != "mail.example.com" || kept["settings"] == nil {
			t.Errorf("same provider: got %v, want the rest kept", kept)
		}
		if a := s.API("PATCH", "/emails/provider", map[string]any{"name": "ses", "credentials": map[string]any{"region": "x"}}); a.Status != 400 {
			t.Errorf("another provider without its keys: got %d %s", a.Status, a.Text)
		}
		s.Must(200, "PATCH", "/emails/provider", map[string]any{"name": "ses", "credentials": map[string]any{
			"accessKeyId": "AKIA", "secretAccessKey": "top-secret", "region": "eu-west-1",
		}})
		other := s.Must(200, "GET", fromProvider, nil).Doc()
		if got := other["credentials"].(map[string]any); len(got) != 1 || got["region"] != "eu-west-1" || other["settings"] != nil {
			t.Errorf("another provider: got %v, want the region and no settings", other)
		}
		s.Must(204, "DELETE", "/emails/provider", nil)
		s.Must(204, "DELETE", "/emails/provider", nil)
		s.Must(404, "GET", fromProvider, nil)
		for _, e := range eventsOf(t, s, "sapi") {
			if strings.Contains(fmt.Sprint(e.Details), "top-secret") {
				t.Errorf("the log holds a password: %v", e.Details)
			}
		}
	})
}

func TestEmailProvider_MailServersHaveMoreThanAPassword(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		provider := func(credentials map[string]any) map[string]any {
			whole := map[string]any{"smtp_host": "mail.example.com", "smtp_port": 587}
			maps.Copy(whole, credentials)
			return map[string]any{"name": "smtp", "credentials": whole}
		}
		for says, credentials := range map[string]map[string]any{
			"smtp_user":      {},
			"smtp_pass":      {"smtp_user": "bob"},
			"smtp_oauth":     {"smtp_user": "bob", "smtp_pass": "p", "smtp_auth": "xoauth2"},
			"token_url":      {"smtp_user": "bob", "smtp_oauth": map[string]any{"token_url": "http://issuer.example/token", "client_id": "me"}},
			"certificate":    {"smtp_user": "bob", "smtp_pass": "p", "smtp_ca_pem": "none"},
			"SHA-256":        {"smtp_user": "bob", "smtp_pass": "p", "smtp_cert_sha256": "none"},
			"smtp_helo":      {"smtp_user": "bob", "smtp_pass": "p", "smtp_helo": "a b"},
			"credentials":    {"smtp_user": "bob", "smtp_pass": "p", "smtp_tls": "perhaps"},
			"on property cr": {"smtp_user": "bob", "smtp_pass": "p", "smtp_tls_min": "0.9"},
		} {
			if a := s.API("POST", "/emails/provider", provider(credentials)); a.Status != 400 || !strings.Contains(a.Message(), says) {
				t.Errorf("%v: got %d %s, want 400 with %q", credentials, a.Status, a.Text, says)
			}
		}
		s.Must(201, "POST", "/emails/provider", provider(map[string]any{
			"smtp_user": "bob", "smtp_tls": "starttls", "smtp_tls_min": "1.3", "smtp_servername": "mx.example.com", "smtp_helo": "login.example.com",
			"smtp_cert_sha256": strings.Repeat("ab", 32), "smtp_auth": "OAUTHBEARER", "smtp_oauth": map[string]any{
				"token_url": "https://issuer.example/token", "client_id": "me", "client_secret": "top-secret", "scope": "mail", "refresh_token": "top-secret-2",
			},
		}))
		got := s.Must(200, "GET", fromProvider, nil)
		shown := got.Doc()["credentials"].(map[string]any)
		if strings.Contains(got.Text, "top-secret") || shown["smtp_tls_min"] != "1.3" ||
			!maps.Equal(shown["smtp_oauth"].(map[string]any), map[string]any{"token_url": "https://issuer.example/token", "client_id": "me", "scope": "mail"}) {
			t.Errorf("shown: got %s", got.Text)
		}
		moved := map[string]any{"token_url": "https://elsewhere.example/token", "client_id": "me", "client_secret": "another"}
		if a := s.Must(400, "PATCH", "/emails/provider", map[string]any{"credentials": map[string]any{"smtp_oauth": moved}}); !strings.Contains(a.Message(), "refresh_token must be given again") {
			t.Errorf("another source of tokens without the refresh token: got %s", a.Text)
		}
		moved["refresh_token"] = "another"
		s.Must(200, "PATCH", "/emails/provider", map[string]any{"credentials": map[string]any{"smtp_oauth": moved, "smtp_tls": nil}})
		if a := s.API("PATCH", "/emails/provider", map[string]any{"credentials": map[string]any{"smtp_oauth": nil}}); a.Status != 400 {
			t.Errorf("tokens by no source: got %d %s", a.Status, a.Text)
		}
		last := s.Must(200, "PATCH", "/emails/provider", map[string]any{"credentials": map[string]any{"smtp_oauth": nil, "smtp_auth": nil, "smtp_pass": "p"}}).Doc()
		if c := last["credentials"].(map[string]any); c["smtp_oauth"] != nil || c["smtp_tls"] != nil || c["smtp_host"] != "mail.example.com" {
			t.Errorf("back to a password: got %v", c)
		}
		for _, e := range eventsOf(t, s, "sapi") {
			if strings.Contains(fmt.Sprint(e.Details), "top-secret") {
				t.Errorf("the log holds a secret: %v", e.Details)
			}
		}
	})
}

func TestFailover_IsASecondProviderThatTheFirstKnowsNothingOf(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const path = "/emails/provider/failover"
		if a := s.Must(404, "GET", path, nil); a.Doc()["errorCode"] != "inexistent_email_provider" {
			t.Errorf("without one: got %s", a.Text)
		}
		s.Must(400, "PUT", path, map[string]any{"name": "sendgrid", "credentials": map[string]any{}})
		s.Must(400, "PUT", path, map[string]any{"name": "smtp", "credentials": map[string]any{"smtp_host": "mail.example.com", "smtp_port": 587, "smtp_user": "u", "smtp_pass": "p", "smtp_auth": "xoauth2"}})
		set := s.Must(200, "PUT", path, map[string]any{"name": "sendgrid", "credentials": map[string]any{"api_key": "top-secret"}})
		got := s.Must(200, "GET", path, nil)
		if strings.Contains(set.Text+got.Text, "top-secret") || got.Doc()["name"] != "sendgrid" || got.Doc()["enabled"] != true {
			t.Errorf("got %s and %s", set.Text, got.Text)
		}
		s.Must(404, "GET", fromProvider, nil)
		if a := s.Call(s.Token("read:email_provider"), "PUT", path, map[string]any{"name": "sendgrid", "credentials": map[string]any{"api_key": "x"}}); a.Status != 403 {
			t.Errorf("without the scope: got %d", a.Status)
		}
		s.Must(204, "DELETE", path, nil)
		s.Must(204, "DELETE", path, nil)
		s.Must(404, "GET", path, nil)

		const phones = "/branding/phone/providers/failover"
		s.Must(404, "GET", phones, nil)
		s.Must(400, "PUT", phones, map[string]any{"name": "twilio", "configuration": map[string]any{"sid": "AC1", "delivery_methods": []any{"text"}}})
		phone := s.Must(200, "PUT", phones, map[string]any{
			"name": "twilio", "configuration": map[string]any{"sid": "AC1", "default_from": "+15551234567", "delivery_methods": []any{"text"}},
			"credentials": map[string]any{"auth_token": "top-secret"},
		})
		if phone.Doc()["disabled"] != false || phone.Doc()["credentials"] != nil || strings.Contains(phone.Text, "top-secret") {
			t.Errorf("the phone provider: got %s", phone.Text)
		}
		if list := s.Must(200, "GET", "/branding/phone/providers", nil).Doc()["providers"].([]any); len(list) != 0 {
			t.Errorf("the list shows the second provider: %v", list)
		}
		s.Must(204, "DELETE", phones, nil)
	})
}

func TestEmailTemplates_ExistOnceSet(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, name := range []string{"verify_email", "auth_email_by_code", "async_approval", "password_reset"} {
			a := s.Must(404, "GET", "/email-templates/"+name, nil)
			if a.Doc()["errorCode"] != "inexistent_email_template" || a.Message() != "The template does not exist." {
				t.Errorf("%s: got %s", name, a.Text)
			}
		}
		if a := s.API("GET", "/email-templates/nonsense", nil); a.Status != 400 || a.Doc()["errorCode"] != "invalid_uri" {
			t.Errorf("a name that is none: got %d %s", a.Status, a.Text)
		}
		welcome := map[string]any{"template": "welcome_email", "body": "<p>Hi</p>", "from": nil, "subject": "Hi", "syntax": "liquid", "enabled": true}
		made := s.Must(200, "POST", "/email-templates", welcome).Doc()
		if from, there := made["from"]; !there || from != nil || made["template"] != "welcome_email" {
			t.Errorf("made: got %v", made)
		}
		if a := s.Must(409, "POST", "/email-templates", welcome); a.Message() != "Template welcome_email already exists." {
			t.Errorf("twice: got %s", a.Text)
		}
		s.Must(404, "PATCH", "/email-templates/verify_email", map[string]any{"enabled": false})
		patched := s.Must(200, "PATCH", "/email-templates/welcome_email", map[string]any{"enabled": false}).Doc()
		if patched["enabled"] != false || patched["body"] != "<p>Hi</p>" {
			t.Errorf("patched: got %v", patched)
		}
		welcome["subject"] = "Welcome"
		if put := s.Must(200, "PUT", "/email-templates/welcome_email", welcome).Doc(); put["subject"] != "Welcome" || put["enabled"] != true {
			t.Errorf("put: got %v", put)
		}
		if got := s.Must(200, "GET", "/email-templates/welcome_email", nil).Doc()["subject"]; got != "Welcome" {
			t.Errorf("subject: got %v", got)
		}
	})
}
