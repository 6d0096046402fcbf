package templates_test

import (
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestManagementAPI_RefusesWhatIsNoLiquidAndKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	template(t, s, doc{"body": "good {{ code }}"})
	path := "/connections/" + s.Must(200, "GET", "/connections?strategy=email", nil).List()[0].(doc)["id"].(string)
	s.Must(200, "POST", "/email-templates", doc{"template": "verify_email", "body": "{{ url }}", "from": "", "subject": "", "syntax": "liquid", "enabled": true})
	const loop = "{% for a in (1..100000) %}{% for b in (1..100000) %}{% endfor %}{% endfor %}"
	for _, c := range []struct{ text, want string }{
		{"a\n{% if code %}", "body, line 2: "},
		{"{% nonsense %}", "body, line 1: undefined tag"},
		{"{% include 'x' %}", "body, line 1: there are no files"},
		{loop, "too much time or memory"},
	} {
		for _, call := range []struct {
			method, path string
			body         doc
		}{
			{"PATCH", path, doc{"options": doc{"email": doc{"body": c.text}}}},
			{"POST", "/connections", doc{"name": "other", "strategy": "email", "options": doc{"email": doc{"body": c.text, "syntax": "liquid"}}}},
			{"PATCH", "/email-templates/verify_email", doc{"body": c.text}},
			{"PUT", "/email-templates/verify_email", doc{"template": "verify_email", "body": c.text, "from": "", "subject": "", "syntax": "liquid", "enabled": true}},
			{"POST", "/email-templates", doc{"template": "reset_email", "body": c.text, "from": "", "subject": "", "syntax": "liquid", "enabled": true}},
		} {
			a := s.API(call.method, call.path, call.body)
			if a.Status != 400 || a.Doc()["errorCode"] != "invalid_body" || !strings.Contains(a.Message(), c.want) {
				t.Errorf("%s %s with %.30q: got %d %s, want a refusal that says %q", call.method, call.path, c.text, a.Status, a.Text, c.want)
			}
		}
	}
	if a := s.API("PATCH", "/email-templates/verify_email", doc{"subject": "{{ unclosed | }}{% if %}"}); a.Status != 400 || !strings.Contains(a.Message(), "subject") {
		t.Errorf("a subject: got %d %s", a.Status, a.Text)
	}
	if mail := mailTo(t, s, "ann@example.com", ""); mail.HTML != "good "+mail.Code {
		t.Errorf("after the refusals: got %q", mail.HTML)
	}
}

func TestManagementAPI_TakesWhatTemplatesInTheWildSay(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, body := range []string{
		dashboardDefault,
		"{% if organization.display_name %}{{ organization.display_name }}{% else %}{{ friendly_name }}{% endif %}",
		"{{ user.user_metadata.anything.deep | default: 'x' | escape }}{% for r in roles %}{{ r.name }}{% endfor %}",
		"{{ 1 | divided_by: missing }}",
		"{% assign l = request_language | slice: 0,2 %}{% case l %}{% when 'de','fr' %}{% else %}{% endcase %}{{ 'now' | date: '%Y' }}",
		"<style>@media (max-width: 600px) { .a { color: red } }</style>",
	} {
		template(t, s, doc{"body": body})
	}
	s.Must(201, "POST", "/connections", doc{"name": "md", "strategy": "email", "options": doc{"email": doc{"body": "@@code@@ {% no liquid", "syntax": "md_with_macros"}}})
}
