package management

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestBranding_IsEmptyUntilSetAndForgetsWhatIsNull(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", "/branding", nil).Doc(); len(got) != 0 {
			t.Errorf("fresh: got %v, want {}", got)
		}
		s.Must(200, "PATCH", "/branding", map[string]any{
			"colors": map[string]any{"primary": "#0059d6", "page_background": "#000000"}, "font": map[string]any{"url": "https://example.com/f.woff"},
		})
		s.Must(200, "PATCH", "/branding", map[string]any{"logo_url": "https://example.com/l.png"})
		got := s.Must(200, "PATCH", "/branding", map[string]any{"font": nil}).Doc()
		if _, there := got["font"]; there || got["logo_url"] != "https://example.com/l.png" || got["colors"].(map[string]any)["primary"] != "#0059d6" {
			t.Errorf("after clearing the font: got %v", got)
		}
		if a := s.API("PATCH", "/branding", map[string]any{"logo_url": "http://example.com/l.png"}); a.Status != 400 {
			t.Errorf("a logo without TLS: got %d %s", a.Status, a.Text)
		}
	})
}

func TestPageTemplate_TakesEveryFormAndChecksItsTags(t *testing.T) {
	t.Parallel()
	const path = "/branding/templates/universal-login"
	const good = "<html><head>{%- auth0:head -%}</head><body>{%- auth0:widget -%}</body></html>"
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if a := s.Must(404, "GET", path, nil); a.Doc()["errorCode"] != "inexistent_templates_universal_login" || a.Message() != "Template does not exist." {
			t.Errorf("missing: got %s", a.Text)
		}
		if a := s.Must(201, "PUT", path, good); a.Text != "{}\n" && a.Text != "{}" {
			t.Errorf("first PUT: got %q, want {}", a.Text)
		}
		s.Must(204, "PUT", path, map[string]any{"template": good + "<!-- 2 -->"})
		if got := s.Must(200, "GET", path, nil).Doc()["body"]; got != good+"<!-- 2 -->" {
			t.Errorf("body: got %v", got)
		}
		r, err := http.NewRequestWithContext(t.Context(), "PUT", s.URL+"/api/v2"+path, strings.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/html")
		r.Header.Set("Authorization", "Bearer "+s.Token("update:branding"))
		if a := s.Send(r); a.Status != 204 {
			t.Errorf("as HTML: got %d %s", a.Status, a.Text)
		}
		for body, want := range map[string]string{
			"<html></html>":                      "Payload content missing required Liquid tags (auth0:head and auth0:widget).",
			good + "{{ user":                     `Liquid template syntax error: "{{" was not properly terminated with "}}"`,
			good + strings.Repeat("ä", 102400/2): "Payload content length greater than maximum allowed: 102400.",
		} {
			if a := s.API("PUT", path, body); a.Status != 400 || a.Message() != want {
				t.Errorf("bad template: got %d %s, want %s", a.Status, a.Message(), want)
			}
		}
		s.Must(204, "DELETE", path, nil)
		s.Must(204, "DELETE", path, nil)
		s.Must(404, "GET", path, nil)
	})
}

// theme is a complete theme.
func theme() map[string]any {
	font := map[string]any{"bold": false, "size": 87.5}
	colors := map[string]any{}
	for name := range strings.FieldsSeq("body_text error header icons input_background input_border input_filled_text " +
		"input_labels_placeholders links_focused_components primary_button primary_button_label secondary_button_border " +
		"secondary_button_label success widget_background widget_border") {
		colors[name] = "#1e212a"
	}
	return map[string]any{
		"borders": map[string]any{
			"button_border_radius": 3, "button_border_weight": 1, "buttons_style": "rounded", "input_border_radius": 3,
			"input_border_weight": 1, "inputs_style": "rounded", "show_widget_shadow": true, "widget_border_weight": 0, "widget_corner_radius": 5,
		},
		"colors": colors,
		"fonts": map[string]any{
			"body_text": font, "buttons_text": font, "font_url": "", "input_labels": font, "links": font, "links_style": "normal",
			"reference_text_size": 16, "subtitle": font, "title": map[string]any{"bold": false, "size": 150},
		},
		"page_background": map[string]any{"background_color": "#000000", "background_image_url": "", "page_layout": "center"},
		"widget": map[string]any{
			"header_text_alignment": "center", "logo_height": 52, "logo_position": "center", "logo_url": "", "social_buttons_layout": "bottom",
		},
	}
}

func TestThemes_AreOneAtMost(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		a := s.Must(404, "GET", "/branding/themes/default", nil)
		if a.Doc()["errorCode"] != "theme_not_found" || a.Message() != "There was an error retrieving branding settings: invalid theme ID" {
			t.Errorf("no theme: got %s", a.Text)
		}
		id, _ := s.Must(200, "POST", "/branding/themes", theme()).Doc()["themeId"].(string)
		if len(id) != 32 {
			t.Errorf("themeId: got %q, want 32 characters", id)
		}
		if got := s.Must(200, "GET", "/branding/themes/default", nil).Doc()["themeId"]; got != id {
			t.Errorf("default: got %v, want %s", got, id)
		}
		s.Must(409, "POST", "/branding/themes", theme())
		changed := theme()
		changed["displayName"] = "Ours"
		if got := s.Must(200, "PATCH", "/branding/themes/"+id, changed).Doc()["displayName"]; got != "Ours" {
			t.Errorf("displayName: got %v", got)
		}
		bad := theme()
		bad["borders"].(map[string]any)["button_border_radius"] = 11
		s.Must(400, "PATCH", "/branding/themes/"+id, bad)
		s.Must(204, "DELETE", "/branding/themes/"+id, nil)
		if a := s.Must(404, "DELETE", "/branding/themes/"+id, nil); a.Message() != "There was an error deleting branding settings: invalid theme ID" {
			t.Errorf("second deletion: got %s", a.Text)
		}
	})
}

func TestPhoneProvider_KeepsItsTokenAndSaysWhatCameOfATry(t *testing.T) {
	t.Parallel()
	const path = "/branding/phone/providers"
	twilio := map[string]any{
		"name": "twilio", "credentials": map[string]any{"auth_token": "top-secret"},
		"configuration": map[string]any{"sid": "sid1", "default_from": "+1234567890", "delivery_methods": []string{"text", "voice"}},
	}
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if got := s.Must(200, "GET", path, nil).List("providers"); got == nil || len(got) != 0 {
			t.Errorf("fresh: got %v, want an empty list", got)
		}
		a := s.Must(400, "POST", path, map[string]any{
			"name": "twilio", "credentials": map[string]any{"auth_token": "x"},
			"configuration": map[string]any{"sid": "sid1", "delivery_methods": []string{"text"}},
		})
		if a.Message() != "Bad Operation on Notification Resource" {
			t.Errorf("no sender: got %s", a.Text)
		}
		made := s.Must(201, "POST", path, twilio)
		d := made.Doc()
		if d["tenant"] != s.Tenant.Name || d["channel"] != "phone" || d["disabled"] != false || d["credentials"] != nil {
			t.Errorf("made: got %s", made.Text)
		}
		s.Must(409, "POST", path, twilio)
		id := d["id"].(string)
		if got := s.Must(200, "GET", path, nil); len(got.List("providers")) != 1 || strings.Contains(got.Text, "top-secret") {
			t.Errorf("list: got %s", got.Text)
		}
		if a := s.Must(400, "POST", path+"/"+id+"/try", map[string]any{"to": "+4915112345678"}); a.Message() != "The SMS provider did not answer." {
			t.Errorf("try: got %s", a.Text)
		}
		after := s.Must(200, "PATCH", path+"/"+id, map[string]any{
			"name": "custom", "configuration": map[string]any{"delivery_methods": []string{"text"}}, "credentials": map[string]any{},
		}).Doc()
		if after["name"] != "custom" || after["credentials"] != nil {
			t.Errorf("changed: got %v", after)
		}
		s.Must(204, "DELETE", path+"/"+id, nil)
		if a := s.Must(404, "DELETE", path+"/"+id, nil); a.Message() != "Notification Resource not found" {
			t.Errorf("missing: got %s", a.Text)
		}
		for _, e := range eventsOf(t, s, "sapi") {
			if strings.Contains(fmt.Sprint(e.Details), "top-secret") {
				t.Errorf("the log holds the token: %s", e.Details)
			}
		}
	})
}

func TestPhoneTemplates_AreOneOfATypeAndGoBackToTheirTexts(t *testing.T) {
	t.Parallel()
	const path = "/branding/phone/templates"
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		content := map[string]any{"from": "+1234567890", "body": map[string]any{"text": "Code @{code}", "voice": "Code @{code}"}}
		made := s.Must(201, "POST", path, map[string]any{"type": "otp_enroll", "content": content}).Doc()
		if made["disabled"] != false || made["content"].(map[string]any)["syntax"] != "liquid" {
			t.Errorf("made: got %v", made)
		}
		if a := s.Must(409, "POST", path, map[string]any{"type": "otp_enroll"}); a.Message() != "Phone template already configured for tenant" {
			t.Errorf("twice: got %s", a.Text)
		}
		id := made["id"].(string)
		changed := s.Must(200, "PATCH", path+"/"+id, map[string]any{"disabled": true, "content": map[string]any{"from": "+9876543210"}}).Doc()
		body := changed["content"].(map[string]any)
		if body["from"] != "+9876543210" || body["body"].(map[string]any)["text"] != "Code @{code}" {
			t.Errorf("changed: got %v", changed)
		}
		if got := s.Must(200, "GET", path+"?disabled=true", nil).List("templates"); len(got) != 1 {
			t.Errorf("disabled ones: got %v", got)
		}
		if got := s.Must(200, "GET", path+"?disabled=false", nil).List("templates"); len(got) != 0 {
			t.Errorf("enabled ones: got %v", got)
		}
		reset := s.Must(200, "PATCH", path+"/"+id+"/reset", map[string]any{}).Doc()["content"].(map[string]any)
		if text := reset["body"].(map[string]any)["text"].(string); !strings.Contains(text, "{{ code | escape }}") {
			t.Errorf("reset: got %v", reset)
		}
		s.Must(204, "DELETE", path+"/"+id, nil)
		s.Must(404, "GET", path+"/"+id, nil)
	})
}
