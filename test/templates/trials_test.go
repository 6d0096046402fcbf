package templates_test

import (
	"strings"
	"testing"

	"latchkey/internal/message"
	"latchkey/test/servertest"
)

// inbox counts the mails that were sent.
func inbox(t *testing.T, s *servertest.Server) int {
	t.Helper()
	all, err := s.Inbox.List(t.Context(), message.InboxFilter{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestTrials_ATemplateIsShownToItsAuthorBeforeAnybodyGetsIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	show := func(name string, body doc) doc {
		t.Helper()
		return s.Must(200, "POST", "/email-templates/"+name+"/try", body).Doc()
	}
	builtin := show("reset_email", doc{})
	if !strings.Contains(builtin["html"].(string), "/sample-link") || !strings.Contains(builtin["text"].(string), "ann@example.com") || len(builtin["warnings"].([]any)) != 0 {
		t.Errorf("without a template: got %v", builtin)
	}
	if german := show("reset_email", doc{"language": "de-AT"}); !strings.Contains(german["subject"].(string), "Passwort") {
		t.Errorf("in German: got %v", german["subject"])
	}
	draft := show("reset_email", doc{"subject": "Hello {{ user.name }}", "body": "<p>{{ user.nickname }}: {{ url }}</p>", "from": "Shop <a@shop.example>"})
	if draft["subject"] != "Hello Ann" || !strings.HasPrefix(draft["html"].(string), "<p>ann: https://") || draft["from"] != "Shop <a@shop.example>" {
		t.Errorf("a draft: got %v", draft)
	}
	for says, body := range map[string]doc{
		"cannot be used": {"body": "{% if url %}{{ url }}"}, "neither code nor link": {"body": "nothing"},
		"no mailbox": {"body": "{{ url }}", "from": "nobody"}, "auth0.com": {"body": "{{ url }}", "from": "{{ application.name }} <root@auth0.com>"},
		"no files": {"body": "{% include 'x' %}{{ url }}"},
	} {
		shown := show("reset_email", body)
		warnings, _ := shown["warnings"].([]any)
		if len(warnings) != 1 || !strings.Contains(warnings[0].(string), says) || !strings.Contains(shown["text"].(string), "/sample-link") {
			t.Errorf("%v: got %v", body, shown)
		}
	}
	s.Must(200, "POST", "/email-templates", doc{
		"template": "user_invitation", "from": "", "subject": "{{ inviter.name }} and {{ organization.display_name }}", "syntax": "liquid", "enabled": false,
		"body": "{% for r in roles %}{{ r.name }}{% endfor %} {{ url }}",
	})
	if got := show("user_invitation", doc{}); got["subject"] != "Bob Sample and Sample organization" || !strings.HasPrefix(got["html"].(string), "Editor https://") ||
		len(got["warnings"].([]any)) != 1 {
		t.Errorf("a template that is off: got %v", got)
	}
	if n := inbox(t, s); n != 0 {
		t.Errorf("%d mails were sent by looking at templates", n)
	}
	s.Must(404, "POST", "/email-templates/nonsense/try", doc{})
	s.Must(400, "POST", "/email-templates/reset_email/try", doc{"to": "nobody"})
	s.Must(400, "POST", "/email-templates/reset_email/try", doc{"syntax": "markdown"})
}

func TestTrials_AConnectionsTemplateIsShownForEveryWayToSend(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	template(t, s, doc{"syntax": "liquid", "from": "Shop <a@shop.example>", "subject": "{{ send }}", "body": "{{ send }} {{ link_and_code }} {{ code }} {{ link }} {{ user.name }}"})
	id := s.Must(200, "GET", "/connections?strategy=email", nil).List()[0].(doc)["id"].(string)
	link := "https://" + s.Tenant.Domain.Host + "/sample-link"
	for send, want := range map[string]string{
		"code": "code  123456  ", "link": "link  123456 " + link + " ", "link_ios": "link_ios  123456 " + link + " ",
		"link_and_code": "link true 123456 " + link + " ",
	} {
		if got := s.Must(200, "POST", "/connections/"+id+"/try-email", doc{"send": send}).Doc(); got["html"] != want {
			t.Errorf("%s: got %q, want %q", send, got["html"], want)
		}
	}
	both := s.Must(200, "POST", "/connections/"+id+"/try-email", doc{"send": "link_and_code", "from": "", "subject": "", "body": ""}).Doc()
	if html := both["html"].(string); !strings.Contains(html, ">123456<") || !strings.Contains(html, `href="`+link) {
		t.Errorf("the built-in mail shows code or link, not both: %s", html)
	}
	s.Must(404, "POST", "/connections/con_abcdefghijklmnop/try-email", doc{})
	other := s.Must(201, "POST", "/connections", doc{"name": "people", "strategy": "auth0"}).Doc()["id"].(string)
	s.Must(400, "POST", "/connections/"+other+"/try-email", doc{})
}

func TestTrials_AreSentToWhoTriesThem(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		got := s.Must(200, "POST", "/emails/provider/try", doc{"to": "ops@example.com"}).Doc()
		if got["outcome"] != "sent" || got["provider"] == nil {
			t.Errorf("got %v", got)
		}
		if mail := s.Mail(t, "ops@example.com"); !strings.Contains(mail.Subject, "test") {
			t.Errorf("the test is %q", mail.Subject)
		}
		s.Must(200, "POST", "/email-templates/mfa_oob_code/try", doc{"to": "ops2@example.com", "subject": "My {{ code }}", "body": "<p>{{ code }}</p>"})
		if mail := s.Mail(t, "ops2@example.com"); mail.Subject != "My 123456" || mail.HTML != "<p>123456</p>" {
			t.Errorf("the draft arrived as %q, %s", mail.Subject, mail.HTML)
		}
		s.Must(400, "POST", "/emails/provider/try", doc{})
		if a := s.Call(s.Token("read:email_provider", "update:email_templates"), "POST", "/emails/provider/try", doc{"to": "ops@example.com"}); a.Status != 403 {
			t.Errorf("without the scope: got %d %s", a.Status, a.Text)
		}
		s.Must(201, "POST", "/emails/provider", doc{"name": "custom", "credentials": doc{}, "enabled": true})
		failed := s.Must(200, "POST", "/emails/provider/try", doc{"to": "ops@example.com"}).Doc()
		if failed["outcome"] != "fail_config" || failed["provider"] != "custom" || !strings.Contains(failed["message"].(string), "Action") {
			t.Errorf("a provider that cannot send: got %v", failed)
		}
		for range 7 {
			s.Must(200, "POST", "/emails/provider/try", doc{"to": "ops@example.com"})
		}
		a := s.Must(429, "POST", "/emails/provider/try", doc{"to": "ops@example.com"})
		if a.Doc()["errorCode"] != "too_many_requests" || a.Header.Get("Retry-After") == "" {
			t.Errorf("the eleventh: got %s", a.Text)
		}
		s.Must(200, "POST", "/email-templates/mfa_oob_code/try", doc{}) // looking is free
	})
}
