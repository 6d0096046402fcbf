package management

import (
	"testing"

	"latchkey/test/servertest"
)

func TestPrompts_KeepTextsAndPartialsAsTheyWerePut(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", "/prompts", nil).Doc(); got["universal_login_experience"] != "new" || got["identifier_first"] != true {
			t.Errorf("settings: got %v", got)
		}
		if got := s.Must(200, "PATCH", "/prompts", map[string]any{"webauthn_platform_first_factor": true}).Doc(); got["webauthn_platform_first_factor"] != true {
			t.Errorf("settings: got %v", got)
		}

		const texts = "/prompts/login-id/custom-text/de"
		if a := s.Must(200, "GET", texts, nil); len(a.Doc()) != 0 {
			t.Errorf("fresh text: got %s", a.Text)
		}
		text := map[string]any{"login-id": map[string]any{"title": "Willkommen bei ${companyName}"}}
		s.Must(200, "PUT", texts, text)
		if got := s.Must(200, "GET", texts, nil).Doc()["login-id"].(map[string]any)["title"]; got != "Willkommen bei ${companyName}" {
			t.Errorf("title: got %v", got)
		}
		if a := s.Must(400, "PUT", texts, map[string]any{"login-id": map[string]any{"title": 7}}); a.Message() !=
			"Payload validation error: 'Expected type string but found type number' on property login-id.title." {
			t.Errorf("a text that is none: got %s", a.Text)
		}
		s.Must(200, "PUT", texts, map[string]any{})
		if a := s.Must(200, "GET", texts, nil); len(a.Doc()) != 0 {
			t.Errorf("cleared text: got %s", a.Text)
		}
		if a := s.API("GET", "/prompts/login-id/custom-text/tlh", nil); a.Status != 400 || a.Doc()["errorCode"] != "invalid_uri" {
			t.Errorf("a language that is none: got %d %s", a.Status, a.Text)
		}

		const partials = "/prompts/signup/partials"
		put := s.Must(200, "PUT", partials, map[string]any{
			"signup": map[string]any{"form-content-end": "<div></div>"}, "other": map[string]any{},
		}).Doc()
		if len(put) != 1 || s.Must(200, "GET", partials, nil).Doc()["signup"] == nil {
			t.Errorf("partials: got %v", put)
		}
		if a := s.Must(400, "PUT", partials, map[string]any{"signup": map[string]any{"middle": "x"}}); a.Message() !=
			"Payload validation error: 'Additional properties not allowed: middle' on property signup." {
			t.Errorf("a place that is none: got %s", a.Text)
		}
		if a := s.Must(200, "PUT", partials, map[string]any{"signup": map[string]any{}}); len(a.Doc()) != 0 {
			t.Errorf("emptied: got %s", a.Text)
		}
	})
}

func TestRendering_EchoesAChangeAndShowsTheWhole(t *testing.T) {
	t.Parallel()
	const path = "/prompts/login-id/screen/login-id/rendering"
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		fresh := s.Must(200, "GET", path, nil).Doc()
		if fresh["rendering_mode"] != "standard" || fresh["tenant"] != s.Tenant.Name || fresh["prompt"] != "login-id" {
			t.Errorf("fresh: got %v", fresh)
		}
		echo := s.Must(200, "PATCH", path, map[string]any{"rendering_mode": "advanced", "filters": nil}).Doc()
		if len(echo) != 1 || echo["rendering_mode"] != "advanced" {
			t.Errorf("echo: got %v", echo)
		}
		s.Must(200, "PATCH", "/prompts/rendering", map[string]any{"configs": []any{
			map[string]any{"prompt": "login-password", "screen": "login-password", "rendering_mode": "standard", "default_head_tags_disabled": true},
		}})
		list := s.Must(200, "GET", "/prompts/rendering?page=0&per_page=100&include_totals=true", nil)
		if len(list.List("configs")) != 2 || list.Doc()["total"] != 2.0 || list.Doc()["limit"] != 100.0 {
			t.Errorf("list: got %s", list.Text)
		}
		if got := s.Must(200, "GET", "/prompts/rendering?rendering_mode=advanced", nil).List(); len(got) != 1 {
			t.Errorf("advanced ones: got %v", got)
		}
	})
}
