package message

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/locale"
	"latchkey/internal/sandbox"
)

func textMessage() Message {
	m := codeMessage()
	m.Channel, m.Kind, m.To = Text, VerifyPhone, "+15551234567"
	return m
}

func vars() map[string]any {
	return map[string]any{
		"code": "123456", "phone_number": "+15551234567", "application": map[string]any{"name": "Shop & {{ code }}"}, "request_language": "en",
	}
}

func TestNote_HasTheTenantsWordsOrOurs(t *testing.T) {
	t.Parallel()
	const ours = "Shop: 123456 is your code to log in. Never share it."
	long := strings.Repeat("x", 1600)
	for _, c := range []struct{ syntax, body, want, warning string }{
		{"md_with_macros", "Your code is: @@password@@ @@code@@ @@nothing@@ for @@application.name@@", "Your code is: 123456 123456 @@nothing@@ for Shop & {{ code }}", ""},
		{"md_with_macros", "**@@password@@** <b>", "**123456** <b>", ""},
		{"liquid", "{{ code }} at {{ application.name | escape }}", "123456 at Shop & {{ code }}", ""},
		{"liquid", "{{ code }}\r\n\x07\x1b[31mfor\t{{ phone_number }}  ", "123456\n[31mfor +15551234567", ""},
		{"liquid", "{% if %}{{ code }}", ours, "cannot be used"},
		{"liquid", "Hello", ours, "does not show the code"},
		{"md_with_macros", "Call +1900 for @@phone_number@@", ours, "does not show the code"},
		{"liquid", "{% if false %}{{ code }}{% endif %}", ours, "is empty"},
		{"liquid", "{{ code }}" + long, ours, "longer than 1600"},
		{"liquid", "{% include 'x' %}{{ code }}", "123456", ""},
	} {
		template := &Template{Name: "the template", Body: c.body, Syntax: c.syntax, Plain: true, Vars: vars()}
		a := newAuthorOf(template, &inline{}, clock.NewFake(time.Now()))
		got, warning := a.Note(t.Context(), Key{"t1", "m1"}, textMessage())
		if got.Body != c.want || !strings.Contains(warning, c.warning) || (c.warning == "") != (warning == "") {
			t.Errorf("%q:\n got %q %q\nwant %q %q", c.body, got.Body, warning, c.want, c.warning)
		}
		if strings.Contains(warning, "123456") {
			t.Errorf("the warning tells the code: %s", warning)
		}
	}
	a := newAuthorOf(&Template{Body: "{{ code }}", Plain: true}, &inline{err: sandbox.ErrDeadline}, clock.NewFake(time.Now()))
	if got, warning := a.Note(t.Context(), Key{"t1", "m1"}, textMessage()); got.Body != ours || warning == "" {
		t.Errorf("a template that hangs: %q %q", got.Body, warning)
	}
}

func TestNote_LastLineBindsTheCodeOrNamesTheApplication(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, host, hash, want string }{
		{"123456", "login.example.com:8443", "", "123456\n\n@login.example.com #123456"},
		{"123456", "login.example.com", "FA+9qCX9VSu", "123456\n\n@login.example.com #123456"},
		{"123456", "", "FA+9qCX9VSu", "123456\nFA+9qCX9VSu"},
		{"123456", "", "two words!!", "123456"},
		{"123456", "127.0.0.1:8443", "", "123456"},
		{"123456", "[::1]:8443", "", "123456"},
		{"123456\n@login.example.com #123456", "login.example.com", "", "123456\n@login.example.com #123456"},
		{"a@b.c #123456", "login.example.com", "", "a@b.c #123456\n\n@login.example.com #123456"},
	} {
		m := textMessage()
		m.OriginHost, m.AppHash = c.host, c.hash
		if got := noteOf(Key{}, m, &written{Text: c.body}).Body; got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		m.Channel = Voice
		if got := noteOf(Key{}, m, &written{Text: c.body}).Body; got != c.body {
			t.Errorf("a call says %q", got)
		}
	}
}

func TestNote_BuiltInTextsShowCodeAndApplicationInEveryLanguageInOnePart(t *testing.T) {
	t.Parallel()
	for _, language := range locale.Shipped() {
		m := textMessage()
		m.Language = language
		got := noteOf(Key{}, m, nil)
		if !strings.Contains(got.Body, "123456") || !strings.Contains(got.Body, "Shop") || got.Language != language {
			t.Errorf("%s: %+v", language, got)
		}
		if n := len([]rune(got.Body)); n > 140 {
			t.Errorf("%s: %d characters", language, n)
		}
		m.Channel = Voice
		if got := noteOf(Key{}, m, nil).Body; strings.Count(got, "1. 2. 3. 4. 5. 6.") != 2 {
			t.Errorf("%s: a call says %q", language, got)
		}
	}
}
