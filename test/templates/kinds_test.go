package templates_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

// templateNames are all e-mail templates that a tenant may write, each with what its mail cannot do without.
var templateNames = map[string]string{
	"verify_email": "/sample-link", "verify_email_by_code": "123456", "auth_email_by_code": "123456", "reset_email": "/sample-link",
	"reset_email_by_code": "123456", "welcome_email": "", "blocked_account": "/sample-link", "stolen_credentials": "",
	"enrollment_email": "/sample-link", "mfa_oob_code": "123456", "user_invitation": "/sample-link", "change_password": "/sample-link",
	"password_reset": "/sample-link", "async_approval": "/sample-link",
}

// whole is a template as POST takes it.
func whole(name, body string) doc {
	return doc{"template": name, "body": body, "from": "", "subject": "", "syntax": "liquid", "enabled": true}
}

func TestEmailTemplates_NoneIsSavedThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for name := range templateNames {
		for says, body := range map[string]string{
			"body, line 2": "fine\n{% if code %}", "undefined tag": "{% nonsense %}", "there are no files": "{% include 'x' %}",
		} {
			if a := s.API("POST", "/email-templates", whole(name, body)); a.Status != 400 || !strings.Contains(a.Message(), says) {
				t.Errorf("%s with %q: got %d %s", name, body, a.Status, a.Text)
			}
		}
		s.Must(404, "GET", "/email-templates/"+name, nil)
		s.Must(200, "POST", "/email-templates", whole(name, "{{ missing.deep | nofilter }} {{ code }} {{ url }} {{ link }}"))
		if a := s.API("PATCH", "/email-templates/"+name, doc{"subject": "{% for %}"}); a.Status != 400 || !strings.Contains(a.Message(), "subject, line 1") {
			t.Errorf("the subject of %s: got %d %s", name, a.Status, a.Text)
		}
		if kept := s.Must(200, "GET", "/email-templates/"+name, nil).Doc(); kept["subject"] != "" {
			t.Errorf("%s was changed by what was refused: %v", name, kept)
		}
	}
}

func TestEmailTemplates_HostileOnesLeaveTheBuiltInMailOfTheirKind(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for name, must := range templateNames {
		builtin := s.Must(200, "POST", "/email-templates/"+name+"/try", doc{}).Doc()
		for what, body := range map[string]string{
			"huge": "{% for i in (1..200000) %}xxxxxxxxxxxxxxxx{% endfor %}", "nonsense": "{% if code %}{{ code }}", "type": "{{ 1 | divided_by: user.email }}",
		} {
			got := s.Must(200, "POST", "/email-templates/"+name+"/try", doc{"body": body, "subject": "never seen"}).Doc()
			all, _ := got["warnings"].([]any)
			if what == "type" && len(all) == 0 {
				continue // an engine may take it for nothing
			}
			if got["html"] != builtin["html"] || got["subject"] != builtin["subject"] || len(all) != 1 || !strings.Contains(all[0].(string), "cannot be used") {
				t.Errorf("%s, %s: got %q with %v", name, what, got["subject"], all)
			}
		}
		bare := s.Must(200, "POST", "/email-templates/"+name+"/try", doc{"body": "<p>{{ missing }}{% include 'x' %}Hello</p>"}).Doc()
		all, _ := bare["warnings"].([]any)
		if !strings.HasPrefix(bare["html"].(string), "<p>Hello</p>") || !strings.Contains(bare["text"].(string), must) || len(all) != 1 {
			t.Errorf("%s without its secret: got %q with %v", name, bare["html"], all)
		}
		if says := strings.Contains(all[0].(string), "neither code nor link"); says != (must != "") {
			t.Errorf("%s: the warning is %q", name, all[0])
		}
	}
}

// What is fine for the sample reader may be hostile for others: it is found out when their mail is made.
func TestEmailTemplates_HostileOnesThatPassedTheCheckCostTheirOwnMailNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Must(201, "POST", "/connections", doc{"name": "people", "strategy": "auth0", "enabled_clients": []any{s.Web.ID}})
	s.Must(200, "POST", "/email-templates", whole("verify_email", "{{ url }}"))
	bomb := "{% assign x = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign x = x | append: x | append: x | append: x %}", 40) + "{{ x }}"
	for name, hostile := range map[string]string{
		"endless": "{% for a in (1..100000) %}{% for b in (1..100000) %}{% endfor %}{% endfor %}{{ url }}", "bomb": bomb,
	} {
		body := "{% if user.email == 'ann@example.com' %}{{ url }}{% else %}" + hostile + "{% endif %}"
		s.Must(200, "PATCH", "/email-templates/verify_email", doc{"body": body, "subject": "never seen"})
		before := len(warnings(t, s))
		made := s.Must(201, "POST", "/users", doc{
			"connection": "people", "email": name + "@example.com", "password": "Str0ng&Long&Enough", "verify_email": false,
		}).Doc()
		s.Must(201, "POST", "/jobs/verification-email", doc{"user_id": made["user_id"]})
		mail := s.Mail(t, name+"@example.com")
		if mail.Subject == "never seen" || !strings.Contains(mail.HTML, "ticket=") {
			t.Errorf("%s: got subject %q; the built-in mail should arrive", name, mail.Subject)
		}
		if all := warnings(t, s); len(all) != before+1 || !strings.Contains(all[0], "the template verify_email") || strings.Contains(all[0], url.QueryEscape(mail.Link)) {
			t.Errorf("%s: the log says %q", name, all)
		}
	}
}
