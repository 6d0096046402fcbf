package liquid

import (
	"errors"
	"strings"
	"testing"

	"latchkey/internal/sandbox"
)

func vars() map[string]any {
	return map[string]any{
		"code": "123456", "send": "code", "request_language": "fr-CA,fr;q=0.8", "application": map[string]any{"name": "Shop", "client_metadata": map[string]any{"tone": "warm"}},
		"user":  map[string]any{"name": `<b>"O'Neil"</b>`, "user_metadata": map[string]any{"list": []any{"<i>"}}},
		"roles": []any{map[string]any{"name": "one"}, map[string]any{"name": "two"}},
		"n":     float64(7), "nothing": nil, "no": false, "empty": "",
	}
}

func renderText(t *testing.T, source string, inHTML bool) (string, error) {
	t.Helper()
	got, err := Render(Request{
		Texts: []Text{{Name: "body", Source: source, HTML: inHTML}}, Vars: vars(), Untrusted: []string{"user.name", "user.user_metadata", "absent.path"},
	}, MaxOutput)
	return got.Texts["body"], err
}

func TestRender_WritesAsTemplatesInTheWildExpect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, want string }{
		{"{{ code }}", "123456"},
		{"{{ missing }}{{ user.missing.deep }}.", "."},
		{"{{ code | no_such_filter }}", "123456"},
		{"{% if send == 'link' or send == 'link_ios' or send == 'link_android' %}link{% elsif send == 'code' %}code{% else %}else{% endif %}", "code"},
		{"{% if nothing %}a{% elsif no %}b{% elsif empty %}empty is true{% endif %}", "empty is true"},
		{"{% assign language = request_language | slice: 0, 2 %}{% case language %}{% when 'fr' %}Bonjour{% else %}Hello{% endcase %}", "Bonjour"},
		{"{% if request_language contains 'fr-CA' %}oui{% endif %}{% if nothing contains 'x' %}never{% endif %}", "oui"},
		{"{{ 'äöü' | slice: 0, 2 }}", "äö"},
		{"{{ application.name | append: '!' | upcase }}", "SHOP!"},
		{"{{ application.client_metadata.tone }}", "warm"},
		{"{{ nothing | default: 'somebody' }}", "somebody"},
		{"{{ n }} {{ n | plus: 1 }} {{ n | divided_by: 2.0 }}", "7 8 3.5"},
		{"{% for r in roles %}{{ forloop.index }}{{ r.name }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "1one, 2two"},
		{"{% for i in (1..9) limit: 3 %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"},
		{"a{%- if true -%} b {%- endif -%} c", "abc"},
		{"{% raw %}{{ code }}{% endraw %}{% comment %}x{% endcomment %}", "{{ code }}"},
		{"{% capture x %}{{ code }}{% endcapture %}{{ x }}", "123456"},
		{"{% increment a %}{% increment a %}{% decrement b %}", "01-1"},
		{"{% for i in (1..3) %}{% cycle 'a', 'b' %}{% endfor %}", "aba"},
		{"{{ 'a b' | url_encode }} {{ '<x>' | escape }}", "a+b &lt;x&gt;"},
		{"{%- auth0:widget -%}{%- auth0:head -%}.", "."},
	} {
		if got, err := renderText(t, c.source, false); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.source, got, err, c.want)
		}
	}
}

func TestRender_EscapesWhatPeopleChoseInHTMLOnce(t *testing.T) {
	t.Parallel()
	const want = "&lt;b&gt;&#34;O&#39;Neil&#34;&lt;/b&gt;"
	for _, source := range []string{"{{ user.name }}", "{{ user.name | escape }}", "{{ user.name | escape_once }}", "{% assign n = user.name %}{{ n }}"} {
		if got, err := renderText(t, source, true); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", source, got, err, want)
		}
	}
	if got, _ := renderText(t, "{{ user.name }}", false); got != `<b>"O'Neil"</b>` {
		t.Errorf("a subject escapes nothing: got %q", got)
	}
	if got, _ := renderText(t, "{{ user.user_metadata.list.first }}", true); got != "&lt;i&gt;" {
		t.Errorf("below a path: got %q", got)
	}
	if got, _ := renderText(t, "{{ '<hr>' }}{{ application.name }}", true); got != "<hr>Shop" {
		t.Errorf("an author's own HTML: got %q", got)
	}
}

func TestRender_ValuesAreNoTemplates(t *testing.T) {
	t.Parallel()
	got, err := Render(Request{Texts: []Text{{Name: "body", Source: "{{ x }}"}}, Vars: map[string]any{"x": "{{ code }}", "code": "1"}}, MaxOutput)
	if err != nil || got.Texts["body"] != "{{ code }}" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRender_FilesAreNotRead(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"a{% include '/etc/hostname' %}b", "a{% render '../../go.mod' %}b", "a{% layout 'x' %}b"} {
		request := Request{Texts: []Text{{Name: "body", Source: source}}, Vars: vars()}
		got, err := Render(request, MaxOutput)
		if err != nil || got.Texts["body"] != "ab" || len(got.LeftOut) != 1 {
			t.Errorf("%s: got %+v, %v", source, got, err)
		}
		request.Strict = true
		if _, err := Render(request, MaxOutput); err == nil {
			t.Errorf("%s is accepted when it is saved", source)
		}
	}
}

func TestRender_SaysWhatIsWrongAndWhereWithoutValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, name, want string }{
		{"a\n{% if code %}", "syntax", "body, line 2: "},
		{"a\n\n{% nonsense %}", "syntax", "body, line 3: "},
		{"{{ code | divided_by: 0 }}", "render", "body, line 1: "},
		{"{{ 1 | divided_by: code }}", "render", `the filter "divided_by"`},
		{strings.Repeat("{% if code %}", 21), "syntax", "nested"},
		{strings.Repeat("x", MaxSource+1), "syntax", "longer"},
		{"{% for i in (1..300000) %}xxxxxxxxxxxxxx{% endfor %}", "output", "more text"},
	} {
		_, err := renderText(t, c.source, true)
		var failure *sandbox.Failure
		if !errors.As(err, &failure) || failure.Name != c.name || !strings.Contains(failure.Message, c.want) {
			t.Errorf("%.40q: got %v, want a failure %q that says %q", c.source, err, c.name, c.want)
			continue
		}
		t.Log(failure.Message)
		if strings.Contains(failure.Message, "123456") {
			t.Errorf("%.40q: the failure holds the code: %s", c.source, failure.Message)
		}
	}
}

func FuzzRender_NeverPanics(f *testing.F) {
	for _, seed := range []string{"{{ code }}", "{% if a %}{% endif %}", "{{ 'a' | slice: -1, 9 }}", "{% for i in (1..2) %}{{i}}{% endfor %}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "..") {
			t.Skip("a range may be long; workers bound it")
		}
		_, _ = Render(Request{Texts: []Text{{Name: "body", Source: source, HTML: true}}, Vars: vars()}, 1<<16)
	})
}

func TestMacros_LeaveWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	got := Macros("@@password@@ for @@application.name@@, @@nonsense@@ @@", map[string]string{"password": "@@application.name@@", "application.name": "Shop"})
	if want := "@@application.name@@ for Shop, @@nonsense@@ @@"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
