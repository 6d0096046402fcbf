package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeywords_Replace(t *testing.T) {
	t.Parallel()
	k := newKeywords(map[string]any{
		"URL": "https://a.example", "PORT": number("587"), "LIST": []any{"x", "y"}, "BARE": `"a", "b"`, "on.e": "literal",
	})
	for in, want := range map[string]string{
		`"##URL##/cb"`:          `"https://a.example/cb"`,
		`"@@LIST@@"`:            `["x","y"]`,
		`'@@LIST@@'`:            `["x","y"]`,
		`@@LIST@@`:              `["x","y"]`,
		`@@PORT@@ "##PORT##"`:   `587 "587"`,
		`"@@URL@@"`:             `"https://a.example"`,
		`"##LIST##"`:            `"x,y"`,
		`[##BARE##]`:            `["a", "b"]`,
		`@@password@@ ##HOME##`: `@@password@@ ##HOME##`,
		`##on.e## ##onXe##`:     `literal ##onXe##`,
		`##url##`:               `##url##`,
		"nothing":               "nothing",
	} {
		if got := k.replace(in); got != want {
			t.Errorf("replace(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestReadSettings_TakesTheEnvironmentOverTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.json")
	config := `{"AUTH0_ALLOW_DELETE":"true","AUTH0_EXCLUDED":["rules"],"AUTH0_KEYWORD_REPLACE_MAPPINGS":{"A":"file","B":[1]},
		"EXCLUDED_PROPS":{"clients":["web_origins"]},"AUTH0_DOMAIN":"file.example","UNKNOWN":1}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadSettings(file, []string{"AUTH0_DOMAIN=env.example", "A=env", "HOME=/root", "LATCHKEY_VAR_C=own", `AUTH0_EXCLUDED=["hooks"]`}, false)
	if err != nil {
		t.Fatal(err)
	}
	if !s.AllowDelete || s.Domain != "env.example" || !cmp.Equal(s.Excluded, []string{"hooks"}) || !cmp.Equal(s.ExcludedProps["clients"], []string{"web_origins"}) {
		t.Errorf("settings %+v", s)
	}
	if diff := cmp.Diff(map[string]any{"A": "env", "B": []any{number("1")}, "C": "own"}, s.Keywords); diff != "" {
		t.Errorf("keywords:\n%s", diff)
	}
	s, err = ReadSettings("", []string{"HOME=/root"}, true)
	if err != nil || s.Keywords["HOME"] != "/root" {
		t.Errorf("with the whole environment: %v %v", s.Keywords, err)
	}
}

func TestReadSettings_RefusesContradictions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ config, want string }{
		{`{"AUTH0_INCLUDED_ONLY":[]}`, "nothing would be managed"},
		{`{"AUTH0_INCLUDED_ONLY":["clients"],"AUTH0_EXCLUDED":["roles"]}`, "one of them must go"},
		{`{"AUTH0_INCLUDED_CONNECTIONS":["a"],"AUTH0_EXCLUDED_CONNECTIONS":["b"]}`, "one of them must go"},
		{`{"AUTH0_EXCLUDED":["client"]}`, `"client" is no type`},
		{`{"INCLUDED_PROPS":{"clients":["client_secret"]},"EXCLUDED_PROPS":{"clients":["client_secret"]}}`, "client_secret of clients"},
		{`{"AUTH0_PRESERVE_KEYWORDS":true}`, "holds none"},
		{`{"AUTH0_ALLOW_DELETE":"yes"}`, "AUTH0_ALLOW_DELETE: it must be true or false"},
		{`{"AUTH0_EXCLUDED":"rules"}`, "AUTH0_EXCLUDED: it must be a list"},
		{`{"AUTH0_DOMAIN":1}`, "AUTH0_DOMAIN: it must be text"},
		{`[]`, "one JSON object"},
		{`{`, "config.json"},
	} {
		file := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(file, []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSettings(file, nil, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.config, err, c.want)
		}
	}
	if _, err := ReadSettings("", []string{"AUTH0_EXCLUDED=rules"}, false); err == nil || !strings.Contains(err.Error(), "must be JSON") {
		t.Errorf("a list in the environment that is no JSON: %v", err)
	}
}

func TestPreserve_KeepsMarkersOfLocalFiles(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"tenant.json":            `{"friendly_name":"##BRAND## Library","support_email":"desk@##HOST##","picture_url":"##BRAND##","session_lifetime":@@HOURS@@}`,
		"clients/a.json":         `{"name":"##BRAND## app","callbacks":@@CALLBACKS@@,"web_origins":["https://##HOST##"],"description":"plain"}`,
		"connections/email.json": `{"name":"email","strategy":"email","options":{"email":{"body":"./email.html","subject":"s"}}}`,
		"connections/email.html": "<b>##BRAND##</b> @@CALLBACKS@@",
	})
	s := Settings{Keywords: map[string]any{"BRAND": "Pine", "HOST": "pine.example", "HOURS": number("24"), "CALLBACKS": []any{"https://a", "https://b"}}}
	remote := newConfiguration()
	add := func(typ string, o object) {
		remote.sections[typ] = &section{items: []*item{{object: o}}}
	}
	add("tenant", object{"friendly_name": "Pine Library", "support_email": "other@x.example", "session_lifetime": number("24")})
	add("clients", object{
		"name": "Pine app", "callbacks": []any{"https://a", "https://b"}, "web_origins": []any{"https://pine.example"}, "description": "changed",
	})
	add("connections", object{"name": "email", "strategy": "email", "options": object{"email": object{"subject": "new", "body": "<b>Pine</b>"}}})
	if err := remote.Preserve(dir, s); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"tenant": []any{object{"friendly_name": "##BRAND## Library", "support_email": "desk@##HOST##", "session_lifetime": "@@HOURS@@"}},
		"clients": []any{object{
			"name": "##BRAND## app", "callbacks": "@@CALLBACKS@@", "web_origins": []any{"https://pine.example"}, "description": "changed",
		}},
		"connections": []any{object{
			"name": "email", "strategy": "email", "options": object{"email": object{"subject": "new", "body": "<b>##BRAND##</b> @@CALLBACKS@@"}},
		}},
	}
	if diff := cmp.Diff(want, values(remote)); diff != "" {
		t.Errorf("after keeping markers:\n%s", diff)
	}
	if len(remote.Warnings) != 2 || !strings.Contains(remote.Warnings[0]+remote.Warnings[1], "support_email") {
		t.Errorf("warnings %q, want one for the address and one for the message", remote.Warnings)
	}
	// Both formats can be read again, with the markers replaced.
	for _, f := range []Format{Directory, YAML} {
		out := t.TempDir()
		if err := remote.Write(out, f); err != nil {
			t.Fatal(err)
		}
		read := mustRead(t, Path(out, f), s)
		if got := read.sections["tenant"].one()["session_lifetime"]; got != number("24") {
			t.Errorf("%s: session_lifetime is %v", f, got)
		}
		if got := read.sections["clients"].one()["callbacks"]; !cmp.Equal(got, []any{"https://a", "https://b"}) {
			t.Errorf("%s: callbacks are %v", f, got)
		}
	}
	if err := remote.Preserve(filepath.Join(dir, "none"), s); err == nil {
		t.Error("markers were kept of files that are not there")
	}
}
