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
		kept := s.Must(200, "PATCH", "/emails/provider", map[string]any{"credentials": map[string]any{"smtp_port": 25}}).Doc()
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
