package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// library is the tenant of testdata: passwordless by e-mail, text message and database, with an Action, a mail server, a
// look and a text of its own.
const library = "testdata/directory"

func mustRead(t *testing.T, path string, s Settings) *Configuration {
	t.Helper()
	c, err := Read(path, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Fatalf("unexpected warnings: %q", c.Warnings)
	}
	return c
}

// values gives what a configuration says, without where it was read.
func values(c *Configuration) map[string]any {
	found := map[string]any{}
	for name, s := range c.sections {
		list := []any{}
		sortResources(s.items, func(it *item) object { return it.object })
		for _, it := range s.items {
			list = append(list, it.object)
		}
		found[name] = list
	}
	return found
}

// onDisk gives all files below a folder.
func onDisk(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			content, path = "", filepath.Join(path, ".keep")
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFormats_SayTheSame(t *testing.T) {
	t.Parallel()
	s := Settings{}
	fromDirectory := mustRead(t, library, s)
	dir := t.TempDir()
	if err := fromDirectory.Write(dir, YAML); err != nil {
		t.Fatal(err)
	}
	fromYAML := mustRead(t, Path(dir, YAML), s)
	if diff := cmp.Diff(values(fromDirectory), values(fromYAML)); diff != "" {
		t.Errorf("the YAML file (+) says something else than the directory (-):\n%s", diff)
	}
	again := t.TempDir()
	if err := fromYAML.Write(again, Directory); err != nil {
		t.Fatal(err)
	}
	first := t.TempDir()
	if err := mustRead(t, library, s).Write(first, Directory); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(onDisk(t, first), onDisk(t, again)); diff != "" {
		t.Errorf("a directory that went through YAML differs:\n%s", diff)
	}
	twice := t.TempDir()
	if err := mustRead(t, first, s).Write(twice, YAML); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(onDisk(t, dir), onDisk(t, twice)); diff != "" {
		t.Errorf("a YAML file that went through a directory differs:\n%s", diff)
	}
}

// Everything the formats can hold goes through both without a difference, odd names included.
func TestFormats_KeepEverything(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"clients/a.json":                                     `{"name":"a/b:c","custom_login_page":"./page.html"}`,
		"clients/page.html":                                  "<html>\r\nno newline at the end",
		"clients/b.json":                                     `{"name":"A/B*c"}`,
		"clients/c.json":                                     `{"name":"CON","custom_login_page":"<b>not a file</b>"}`,
		"connections/g.json":                                 `{"name":"g","strategy":"google-oauth2","options":{"client_secret":"##S##","n":1.50}}`,
		"connections/mail.json":                              `{"name":"mail","strategy":"email","options":{"email":{"subject":"no body"}}}`,
		"database-connections/x/database.json":               `{"name":"old","strategy":"auth0","customScripts":{"login":"./in.js"}}`,
		"database-connections/x/in.js":                       "function login() {}",
		"resource-servers/api.json":                          `{"name":"API","identifier":"https://api/","scopes":[{"value":"read:a"}]}`,
		"grants/1.json":                                      `{"client_id":"a/b:c","audience":"https://api/","scope":["read:a"]}`,
		"grants/2.json":                                      `{"default_for":"third_party_clients","audience":"https://t.example/api/v2/","scope":[]}`,
		"roles/":                                             "",
		"emails/welcome_email.json":                          `{"template":"welcome_email","enabled":false,"body":"./gone.html"}`,
		"emails/welcome_email.html":                          "",
		"branding/templates/universal_login.json":            `{"template":"universal_login","body":"./universal_login.html"}`,
		"branding/templates/universal_login.html":            "{%- auth0:head -%}\n{%- auth0:widget -%}",
		"pages/login.json":                                   `{"name":"login","enabled":false}`,
		"pages/error_page.json":                              `{"name":"error_page","html":"ignored","url":"https://e.example","show_log_link":true}`,
		"pages/error_page.html":                              "<h1>Oh</h1>",
		"pages/stray.html":                                   "nobody asks for this",
		"prompts/partials.json":                              `{"login":[{"login":[{"name":"form-content-end","template":"partials/login/login/e.liquid"},{"name":"form-content-start","template":"partials/none.liquid"}]}]}`,
		"prompts/partials/login/login/e.liquid":              "\n  <i>x</i>  \n",
		"prompts/screenRenderSettings/a_b.json":              `{"prompt":"login-id","screen":"login-id","tenant":"t","rendering_mode":"advanced","head_tags":[]}`,
		"attack-protection/breached-password-detection.json": `{"enabled":false}`,
		"attack-protection/brute-force-protection.json":      `{"enabled":true,"max_attempts":7}`,
		"attack-protection/suspicious-ip-throttling.json":    `{"enabled":true}`,
		"guardian/policies.json":                             `{"policies":["all-applications"]}`,
		"guardian/factors/sms.json":                          `{"name":"sms","enabled":true}`,
		"guardian/providers/x.json":                          `{"name":"sms","provider":"twilio","sid":"1"}`,
		"custom-domains/custom-domains.json":                 `[{"domain":"b.example"},{"domain":"a.example","is_default":true}]`,
		"log-streams/s.json":                                 `{"name":"s","type":"http","sink":{"httpEndpoint":"https://l.example"}}`,
		"log-streams/empty.json":                             `{}`,
		"themes/theme.json":                                  `{"displayName":"T","colors":{"error":"#f00"}}`,
	})
	read := mustRead(t, dir, Settings{})
	first, second, third := t.TempDir(), t.TempDir(), t.TempDir()
	for _, step := range []struct {
		to string
		as Format
	}{{first, Directory}, {second, YAML}, {third, Directory}} {
		if err := read.Write(step.to, step.as); err != nil {
			t.Fatal(err)
		}
		before := values(read)
		read = mustRead(t, Path(step.to, step.as), Settings{})
		if diff := cmp.Diff(before, values(read)); diff != "" {
			t.Errorf("as %s it says something else:\n%s", step.as, diff)
		}
	}
	if diff := cmp.Diff(onDisk(t, first), onDisk(t, third)); diff != "" {
		t.Errorf("a directory that went through YAML differs:\n%s", diff)
	}
	got := onDisk(t, first)
	for _, name := range []string{
		"clients/A-B-c.json", "clients/a-b-c-2.json", "clients/-.json", "clients/a-b-c-2_custom_login_page.html",
		"clients/-_custom_login_page.html", "database-connections/old/login.js", "grants/a-b-c-API.json",
		"grants/third_party_clients-Auth0 Management API.json", "prompts/screenRenderSettings/login-id_login-id.json",
		"prompts/partials/login/login/form-content-end.liquid", "pages/login.html", "guardian/providers/sms-twilio.json",
	} {
		if _, there := got[name]; !there {
			t.Errorf("no file %s", name)
		}
	}
	if got, want := got["prompts/partials/login/login/form-content-end.liquid"], "<i>x</i>"; got != want {
		t.Errorf("partial is %q, want it trimmed: %q", got, want)
	}
}

func TestSanitize(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Shop SPA": "Shop SPA", "a/b:c": "a-b-c", `\<>*|"?`: "-------", "CON": "-", "con.txt": "-", "lpt9": "-", "lpt": "lpt", "com10": "com10",
		"..": "-", "Foo. ": "Foo-", " Foo": " Foo", "Zoë": "Zoë", "a\x00b\u0085c": "a-b-c", "": "undefined", "...a": "...a",
	} {
		if got := sanitize(name); got != want {
			t.Errorf("sanitize(%q) = %q, want %q", name, got, want)
		}
	}
	if got := sanitize(strings.Repeat("é", 300)); len(got) > maxFileName || !strings.HasPrefix(got, "é") {
		t.Errorf("a long name has %d bytes", len(got))
	}
}

func TestWrite_RemovesWhatIsNoMoreAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"clients/Gone.json": "{}", "clients/Gone_custom_login_page.html": "x", "clients/README.md": "mine", "actions/gone/code.js": "x",
		"actions/gone.json": "{}", "actions/note-the-way/helper.js": "mine", "connections/old.html": "x", "roles/kept.json": "{}",
		"database-connections/old/database.json": "{}", "database-connections/old/login.js": "x", "database-connections/old/notes.txt": "mine",
		"emails/welcome_email.json": "{}", "emails/other.json": "{}", "config.json": "{}",
	})
	if err := mustRead(t, library, Settings{}).Write(dir, Directory); err != nil {
		t.Fatal(err)
	}
	got := onDisk(t, dir)
	for name := range onDisk(t, library) {
		if _, there := got[name]; !there {
			t.Errorf("%s was not written", name)
		}
		delete(got, name)
	}
	want := map[string]string{
		"clients/README.md": "mine", "actions/note-the-way/helper.js": "mine", "roles/kept.json": "{}",
		"database-connections/old/notes.txt": "mine", "emails/other.json": "{}", "config.json": "{}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was left beside the configuration:\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "actions/gone")); err == nil {
		t.Error("the folder of an Action that is no more is still there")
	}
}

func TestRead_RefusesWithFileAndProperty(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(write(t, map[string]string{"secret.html": "outside"}), "secret.html")
	for _, c := range []struct {
		name  string
		files map[string]string
		link  [2]string
		input string
		want  []string
	}{
		{name: "a JSON mistake", files: map[string]string{"clients/a.json": "{\n\"name\": }"}, want: []string{"clients/a.json", "line 2"}},
		{name: "an array for an object", files: map[string]string{"tenant.json": "[]"}, want: []string{"tenant.json", "object"}},
		{name: "a file for a folder", files: map[string]string{"clients": "x"}, want: []string{"clients", "folder"}},
		{name: "triggers without their file", files: map[string]string{"triggers/": ""}, want: []string{"triggers.json"}},
		{name: "attack protection without its files", files: map[string]string{"attack-protection/": ""}, want: []string{"attack-protection/breached-password-detection.json"}},
		{name: "a page in the settings", files: map[string]string{"tenant.json": `{"error_page":{}}`}, want: []string{"tenant.json", "error_page", "pages/"}},
		{name: "the same name twice", files: map[string]string{"roles/a.json": `{"name":"R"}`, "roles/b.json": `{"name":"R"}`}, want: []string{"roles/b.json", "name", "roles/a.json"}},
		{name: "the same id twice", files: map[string]string{"roles/a.json": `{"id":"1","name":"R"}`, "roles/b.json": `{"id":"1","name":"S"}`}, want: []string{"roles/b.json: id"}},
		{name: "a grant for nobody", files: map[string]string{"grants/a.json": `{"audience":"x"}`}, want: []string{"grants/a.json", "client_id"}},
		{name: "an API without identifier", files: map[string]string{"resource-servers/a.json": `{"name":"x"}`}, want: []string{"resource-servers/a.json", "identifier"}},
		{name: "a missing side file", files: map[string]string{"actions/a.json": `{"name":"a","code":"./gone.js"}`}, want: []string{"actions/a.json: code", "gone.js"}},
		{name: "a path that climbs out", files: map[string]string{"actions/a.json": `{"name":"a","code":"../../etc/passwd"}`}, want: []string{"actions/a.json: code", "leaves the folder"}},
		{name: "a path that climbs out with backslashes", files: map[string]string{"actions/a.json": `{"name":"a","code":"..\\..\\etc\\passwd"}`}, want: []string{"leaves the folder"}},
		{name: "an absolute path", files: map[string]string{"actions/a.json": `{"name":"a","code":"/etc/passwd"}`}, want: []string{"actions/a.json: code", "absolute"}},
		{name: "an absolute path on Windows", files: map[string]string{"actions/a.json": `{"name":"a","code":"C:\\x.js"}`}, want: []string{"absolute"}},
		{
			name: "a link that leaves the root", files: map[string]string{"connections/a.json": `{"name":"a","strategy":"email","options":{"email":{"body":"./a.html"}}}`},
			link: [2]string{outside, "connections/a.html"}, want: []string{"connections/a.json: options.email.body", "connections/a.html"},
		},
		{name: "a JSON file that is a link out", files: map[string]string{"clients/": ""}, link: [2]string{outside, "clients/a.json"}, want: []string{"clients/a.json"}},
		{name: "an unknown type", files: map[string]string{"tenant.yaml": "client: []"}, input: "tenant.yaml", want: []string{"tenant.yaml", "client", "clientGrants"}},
		{name: "a key twice", files: map[string]string{"tenant.yaml": "tenant:\n  a: 1\n  a: 2\n"}, input: "tenant.yaml", want: []string{"tenant.yaml"}},
		{name: "a list for a mapping", files: map[string]string{"tenant.yaml": "tenant: []"}, input: "tenant.yaml", want: []string{"tenant.yaml: tenant", "mapping"}},
		{name: "a mapping for a list", files: map[string]string{"tenant.yaml": "clients: {}"}, input: "tenant.yaml", want: []string{"tenant.yaml: clients", "list"}},
		{name: "text for a resource", files: map[string]string{"tenant.yaml": "clients: [a]"}, input: "tenant.yaml", want: []string{"tenant.yaml: clients[0]", "object"}},
		{name: "a missing page of YAML", files: map[string]string{"tenant.yaml": "databases:\n- {name: d, options: {customScripts: {login: ./l.js}}}\n"}, input: "tenant.yaml", want: []string{"tenant.yaml: databases[0].options.customScripts.login", "l.js"}},
		{name: "another kind of file", files: map[string]string{"tenant.txt": ""}, input: "tenant.txt", want: []string{"tenant.txt", ".yaml"}},
		{name: "nothing", input: "none", want: []string{"nothing at"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, c.files)
			if c.link[0] != "" {
				if err := os.Symlink(c.link[0], filepath.Join(dir, c.link[1])); err != nil {
					t.Skip(err)
				}
			}
			_, err := Read(filepath.Join(dir, c.input), Settings{})
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestRead_WarnsAndLeavesOut(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"emails/verify_email.json": `{"template":"verify_email","body":"./gone.html"}`, "pages/password_reset.json": `{"name":"password_reset"}`,
		"database-connections/empty/": "",
	})
	c, err := Read(dir, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{"emailTemplates", "pages", "databases"} {
		if got := c.Count(typ); got != 0 {
			t.Errorf("%d %s, want none", got, typ)
		}
	}
	if len(c.Warnings) != 3 {
		t.Errorf("warnings %q, want one for each", c.Warnings)
	}
}

func TestRead_TellsAbsentFromEmpty(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"tenant.yaml": "clients: []\nroles: null\nexclude:\n  clients: [A]\n"})
	c := mustRead(t, filepath.Join(dir, "tenant.yaml"), Settings{})
	if got, want := c.Types(), []string{"clients"}; !cmp.Equal(got, want) {
		t.Errorf("types %q, want %q", got, want)
	}
	if got := c.selected(Settings{}).ExcludedNames["clients"]; !cmp.Equal(got, []string{"A"}) {
		t.Errorf("excluded clients %q", got)
	}
	if got := mustRead(t, write(t, map[string]string{"tenant.yaml": "# nothing\n"})+"/tenant.yaml", Settings{}).Types(); len(got) != 0 {
		t.Errorf("an empty file has the types %q", got)
	}
}

func TestParseYAML_FollowsTheCoreSchema(t *testing.T) {
	t.Parallel()
	got, err := parseYAML([]byte("a: yes\nb: No\nc: 2026-01-02\nd: 0x1F\ne: 0o17\nf: 017\ng: 1_000\nh: 1.0\ni: ~\nj: !!str 12\nk: &x {l: 1}\nm: *x\nn: {<<: *x, o: 2}\np: on\nq: 12:30\nr: True\n1: one\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"1":"one","a":"yes","b":"No","c":"2026-01-02","d":31,"e":15,"f":17,"g":"1_000","h":1,"i":null,"j":"12","k":{"l":1},"m":{"l":1},"n":{"l":1,"o":2},"p":"on","q":"12:30","r":true}`
	if show(got) != want {
		t.Errorf("got  %s\nwant %s", show(got), want)
	}
	for _, bad := range []string{"a: .nan", "a: *x", "a: 1\n---\nb: 2", "? [a]\n: b", "a: !!binary x", "a: [", "a: 1\na: 2"} {
		if v, err := parseYAML([]byte(bad)); err == nil {
			t.Errorf("%q was read as %s", bad, show(v))
		}
	}
}
