package message

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/clock"
	connections "latchkey/internal/connection"
	"latchkey/internal/locale"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

const (
	aCode = "481516"
	aLink = "https://login.acme.example/follow?ticket=abcdefghijklmnopqrstuvwxyz012345&x=1"
)

// full is a message of a kind with everything that one may have.
func full(k Kind) Message {
	return Message{
		Channel: Email, Kind: k, To: "ada@example.com", Code: aCode, Link: aLink, Life: 10 * time.Minute, Application: "Acme",
		Domain: "login.acme.example", ChallengeID: "c", IssuedAt: time.Unix(1700000000, 0), ExpiresAt: time.Unix(1800000000, 0),
		Vars: map[string]any{
			"inviter": map[string]any{"name": "Bob"}, "organization": map[string]any{"name": "crew", "display_name": "The Crew"},
			"roles": []any{map[string]any{"id": "r1", "name": "Editor", "description": "Writes"}}, "identity": "+15551234567",
			"user": map[string]any{"source_ip": "192.0.2.7", "city": "Ghent", "country": "Belgium"},
		},
	}
}

func TestMail_EveryKindHasWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	for kind, about := range mailKinds {
		for _, language := range locale.Shipped() {
			m := full(kind)
			m.Language = language
			got := (&Renderer{}).Mail(Key{"t1", "0190"}, m)
			if got.Subject == "" || got.Text == "" || !strings.Contains(got.HTML, "<h1") {
				t.Errorf("%s in %s: subject %q, text %q", kind, language, got.Subject, got.Text)
				continue
			}
			code, link := about.code, about.link && kind != VerificationCode
			for name, text := range map[string]string{"text": got.Text, "HTML": got.HTML} {
				if strings.Contains(text, aCode) != code || strings.Contains(text, "ticket=") != link {
					t.Errorf("%s in %s: the %s shows code or link though it should not, or lacks one", kind, language, name)
				}
				if strings.Contains(text, "${") || strings.Contains(text, "ZgotmplZ") || strings.Contains(text, `"></p>`) {
					t.Errorf("%s in %s: the %s has holes", kind, language, name)
				}
			}
			if !strings.Contains(got.Text, "Acme") || !strings.Contains(got.Subject+got.Text, "ada@example.com") && kind != StolenCredentials {
				t.Errorf("%s in %s: neither application nor address: %s", kind, language, got.Text)
			}
			if strings.Contains(got.Subject, "ticket=") {
				t.Errorf("%s in %s: the subject holds the link: %s", kind, language, got.Subject)
			}
			if code && !strings.Contains(got.Subject, aCode) {
				t.Errorf("%s in %s: the subject lacks the code: %s", kind, language, got.Subject)
			}
		}
	}
}

func TestMail_WhatAKindAddsIsInItsWords(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind][]string{
		OrganizationInvitation: {"Bob invites ada@example.com", "The Crew"}, BlockedAccount: {"192.0.2.7"},
	} {
		got := (&Renderer{}).Mail(Key{"t1", "0190"}, full(kind))
		for _, words := range want {
			if !strings.Contains(got.Text, words) {
				t.Errorf("%s: no %q in %s", kind, words, got.Text)
			}
		}
	}
	bare := full(OrganizationInvitation)
	bare.Vars = nil
	if got := (&Renderer{}).Mail(Key{"t1", "0190"}, bare); !strings.Contains(got.Text, "ada@example.com is invited to join Acme") {
		t.Errorf("an invitation by nobody: %s", got.Text)
	}
	hostile := full(BlockedAccount)
	hostile.Vars, hostile.IP = map[string]any{"user": map[string]any{"source_ip": "https://evil.example"}}, ""
	if got := (&Renderer{}).Mail(Key{"t1", "0190"}, hostile); strings.Contains(got.Text, "evil") {
		t.Errorf("an address that is none: %s", got.Text)
	}
}

func TestMail_ALoginShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, language := range locale.Shipped() {
		for _, c := range []struct {
			send       connections.Send
			op         string
			code, link bool
		}{
			{"", "", true, false}, {connections.SendCode, "", true, false}, {connections.SendLink, "", false, true},
			{connections.SendLinkIOS, "", false, true}, {connections.SendLinkAndroid, "", false, true},
			{connections.SendLinkAndCode, "", true, true}, {connections.SendCode, "change_email", false, false},
		} {
			m := full(VerificationCode)
			m.Send, m.Language = c.send, language
			if c.op != "" {
				m.Vars = map[string]any{"operation": c.op}
			}
			got := (&Renderer{}).Mail(Key{"t1", "0190"}, m)
			if strings.Contains(got.Text, "\n\n"+aCode+"\n\n") != c.code || strings.Contains(got.Text, "\n\n"+aLink+"\n\n") != c.link {
				t.Errorf("%s, %q %s: %s", language, c.send, c.op, got.Text)
			}
			if n := strings.Count(got.HTML, `href="https://login.acme.example/follow`); (n == 2) != c.link || strings.Contains(got.HTML, ">"+aCode+"<") != c.code {
				t.Errorf("%s, %q %s: %d links in the HTML", language, c.send, c.op, n)
			}
			if strings.Contains(got.HTML+got.Text+got.Subject, "Bob") {
				t.Errorf("%s: a name that a stranger may have chosen is in the mail", language)
			}
			if (c.code || c.link) && language == "en" && !strings.Contains(got.Text, "10 minutes") {
				t.Errorf("%q: the mail does not say how long it is good: %s", c.send, got.Text)
			}
		}
	}
}

func TestPrepare_TakesEveryKindAndBringsItsVariables(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(nil, nil)
	defer b.close()
	for kind := range mailKinds {
		m := full(kind)
		p, err := b.sender.Prepare("t1", m)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if strings.Contains(string(p.row.Payload), "Bob") {
			t.Errorf("%s: the variables lie open", kind)
		}
		got, err := openPayload(b.keys, outboxTable, p.row.Key, p.row.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if inviter, _ := got.Vars["inviter"].(map[string]any); inviter["name"] != "Bob" || !got.IssuedAt.Equal(m.IssuedAt) {
			t.Errorf("%s: got %v, asked for at %v", kind, got.Vars, got.IssuedAt)
		}
	}
}

func TestStoredTemplates_EachKindHasItsTemplateAndItsVariables(t *testing.T) {
	t.Parallel()
	r := library{}
	s := NewStoredTemplates(Records{r, r, r, r, r}, nil)
	for kind, about := range mailKinds {
		m := full(kind)
		m.UserID, m.UserAgent, m.Connection = "u1", "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0 https://evil.example", "email"
		got, err := s.Template(t.Context(), "t1", m)
		if err != nil {
			t.Fatal(err)
		}
		if about.template == "" && kind != VerificationCode {
			if got != nil {
				t.Errorf("%s has a template", kind)
			}
			continue
		}
		if got == nil || kind != VerificationCode && got.Body != about.template {
			t.Errorf("%s: got %+v, want the template %s", kind, got, about.template)
			continue
		}
		if !slices.Contains(got.Untrusted, "request_language") { // strangers once wrote HTML by it
			t.Errorf("%s: what the request's language says is trusted: %v", kind, got.Untrusted)
		}
		at := func(path string) any {
			var v any = got.Vars
			for name := range strings.SplitSeq(path, ".") {
				in, _ := v.(map[string]any)
				v = in[name]
			}
			return v
		}
		want := map[string]any{
			"request.browser": "Firefox", "request.os": "Linux", "request.city": nil, "request.country": nil, "request.time": "2023-11-14T22:13:20Z",
			"expires_in_minutes": 10, "email": "ada@example.com", "user.email": "ada@example.com", "inviter.name": "Bob",
			"organization.display_name": "The Crew", "connection.name": "email", "user.name": "Ada", "url": aLink, "link": nil, "send": nil, "code": nil,
			"link_and_code": nil,
		}
		switch kind {
		case VerificationCode:
			want["user.name"], want["url"], want["send"] = nil, nil, "code"
		case EnrollmentEmail:
			want["url"], want["link"], want["connection.name"] = nil, aLink, nil
		case BlockedAccount:
			want["user.source_ip"], want["user.city"], want["user.country"] = "192.0.2.7", "Ghent", "Belgium"
		}
		if about.code || m.Code != "" {
			want["code"] = aCode
		}
		for path, v := range want {
			if at(path) != v {
				t.Errorf("%s: %s is %v, want %v", kind, path, at(path), v)
			}
		}
	}
	for send, want := range map[connections.Send][2]any{
		connections.SendLink: {"link", nil}, connections.SendLinkIOS: {"link_ios", nil}, connections.SendLinkAndroid: {"link_android", nil},
		connections.SendLinkAndCode: {"link", true}, connections.SendCode: {"code", nil},
	} {
		m := full(VerificationCode)
		m.Send, m.Connection = send, "email"
		got, err := s.Template(t.Context(), "t1", m)
		if err != nil {
			t.Fatal(err)
		}
		if got.Vars["send"] != want[0] || got.Vars["link_and_code"] != want[1] || (got.Vars["link"] == aLink) != send.Links() || got.Vars["code"] != aCode {
			t.Errorf("%s: send %v, link_and_code %v, link %v, code %v", send, got.Vars["send"], got.Vars["link_and_code"], got.Vars["link"], got.Vars["code"])
		}
	}
	m := full(VerificationCode)
	m.Connection, m.Vars = "email", map[string]any{"operation": "change_email"}
	if got, _ := s.Template(t.Context(), "t1", m); got.Vars["operation"] != "change_email" || got.Vars["send"] != nil {
		t.Errorf("change_email: %v", got.Vars)
	}
}

func TestAuthor_NoTemplateHidesTheSecretOfItsKind(t *testing.T) {
	t.Parallel()
	for kind, about := range mailKinds {
		if about.template == "" && kind != VerificationCode {
			continue
		}
		for _, send := range []connections.Send{connections.SendCode, connections.SendLink, connections.SendLinkAndCode} {
			m := full(kind)
			m.Send = send
			a := newAuthorOf(&Template{Name: "the template x", Body: "<p>Nothing here</p>"}, &inline{}, clock.System{})
			got, warning := a.Mail(t.Context(), a.renderer, Key{"t", "1"}, m)
			must := m.shows().must.Reveal()
			if (warning == "") != (must == "") || !strings.Contains(got.Text, must) || !strings.Contains(got.Text, "Nothing here") {
				t.Errorf("%s %s: warning %q, text %q; want %q in it", kind, send, warning, got.Text, must)
			}
			if must != "" && (must == aLink) != (!about.code || kind == VerificationCode && send.Links()) {
				t.Errorf("%s %s: %q must stand in it", kind, send, must)
			}
			if kind != VerificationCode {
				break
			}
		}
	}
}

// library are Records of one tenant.
type library struct{}

func (library) Connections(context.Context, string) ([]*connections.Connection, error) {
	c := &connections.Connection{Name: "email", Strategy: connections.Email}
	err := json.Unmarshal([]byte(`{"email": {"body": "connection", "from": "a@b.example"}}`), &c.Options)
	return []*connections.Connection{c}, err
}

func (library) Client(context.Context, string, string) (*client.Client, error) {
	return nil, client.ErrNotFound
}

func (library) User(context.Context, string, string) (*user.User, error) {
	return &user.User{Name: "Ada"}, nil
}

func (library) Tenant(context.Context, string) (*tenant.Tenant, error) {
	return &tenant.Tenant{ID: "t1"}, nil
}

func (library) ResourceByKey(context.Context, string, resource.Kind, string) (*resource.Resource, error) {
	return nil, resource.ErrNotFound
}

func (library) Resource(_ context.Context, _ string, kind resource.Kind, id string) (*resource.Resource, error) {
	return &resource.Resource{Kind: kind, ID: id, Document: resource.Document{"template": id, "body": id, "enabled": true}}, nil
}
