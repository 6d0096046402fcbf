package apischema

import (
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func find(t testing.TB, method, path string) *Operation {
	t.Helper()
	o, ok := Find(method, path)
	if !ok {
		t.Fatalf("%s %s is not described", method, path)
	}
	return o
}

func TestOperations_EveryPartCompiles(t *testing.T) {
	t.Parallel()
	for _, o := range Operations() {
		d, err := o.described()
		if err != nil {
			t.Fatalf("%s: %v", o.name(), err)
		}
		for name := range d.parts {
			if s, err := o.compile(name); err != nil || s == nil {
				t.Errorf("%s: %s: got %v, %v", o.name(), name, s, err)
			}
		}
		if _, body := d.parts["body"]; body != o.HasBody {
			t.Errorf("%s: HasBody is %v and a body is described: %v", o.name(), o.HasBody, body)
		}
		if len(o.Scopes) == 0 || len(o.Success) == 0 {
			t.Errorf("%s has the scopes %v and the statuses %v", o.name(), o.Scopes, o.Success)
		}
	}
}

// A format that nothing checks would accept everything in silence.
func TestOperations_EveryFormatIsChecked(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range formats {
		known[f.Name] = true
	}
	for _, name := range []string{"date", "date-time", "ipv4", "ipv6", "uuid"} { // of JSON Schema itself
		known[name] = true
	}
	unknown := map[string]bool{}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case object:
			if name, ok := v["format"].(string); ok && !known[name] {
				unknown[name] = true
			}
			for _, member := range v {
				visit(member)
			}
		case []any:
			for _, element := range v {
				visit(element)
			}
		}
	}
	for _, o := range Operations() {
		d, err := o.described()
		if err != nil {
			t.Fatal(err)
		}
		visit(d.parts)
		visit(d.defs)
	}
	if len(unknown) > 0 {
		t.Errorf("nothing checks the formats %v", slices.Sorted(maps.Keys(unknown)))
	}
}

func TestFind_KnowsMethodAndPath(t *testing.T) {
	t.Parallel()
	o := find(t, "PATCH", "/clients/{id}")
	if o.Method != "PATCH" || o.Path != "/clients/{id}" || !o.HasBody || o.AllScopes || !slices.Contains(o.Scopes, "update:clients") {
		t.Errorf("got %s %s, body %v, all %v of %v", o.Method, o.Path, o.HasBody, o.AllScopes, o.Scopes)
	}
	for _, c := range [][2]string{{"PUT", "/clients/{id}"}, {"GET", "/clients/{client_id}"}, {"GET", "/client"}, {"get", "/clients"}} {
		if _, ok := Find(c[0], c[1]); ok {
			t.Errorf("%s %s is found", c[0], c[1])
		}
	}
	if o := find(t, "POST", "/keys/signing/rotate"); !o.AllScopes {
		t.Errorf("rotating keys needs any of %v, want all", o.Scopes)
	}
	if !slices.IsSortedFunc(Operations(), func(a, b *Operation) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("operations are not ordered by path")
	}
}

// The description stays small: it is part of every binary.
func TestOperations_StaySmall(t *testing.T) {
	t.Parallel()
	const most = 512 << 10
	var size, files int
	err := fs.WalkDir(embedded, ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size += int(info.Size())
		files++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d bytes", files, size)
	if size > most {
		t.Errorf("%d bytes are embedded, want at most %d", size, most)
	}
}

func TestQuery_ReadsWhatParametersAskFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, query, want string }{
		{"/connections", "page=0&per_page=100&include_totals=true&strategy=auth0&strategy=sms&fields=id&include_fields=false", ""},
		{"/connections", "strategy=sms", ""},
		{"/connections", "nobody_knows_this=1", ""},
		{"/rules-configs", "include_totals=true&per_page=50", ""},
		{"/roles", "per_page=100&page=0&include_totals=true&type=tenant", ""},
		{"/clients", "page=-1", "'Value -1 is less than minimum 0' on property page (Number of the page, the first being 0)."},
		{"/clients", "per_page=101", "'Value 101 is greater than maximum 100' on property per_page (Number of results on a page)."},
		{"/clients", "per_page=ten", "'Expected type integer but found type string' on property per_page (Number of results on a page)."},
		{"/clients", "per_page=1e1", "'Expected type integer but found type string' on property per_page (Number of results on a page)."},
		{"/clients", "per_page=", "'Expected type integer but found type string' on property per_page (Number of results on a page)."},
		{"/clients", "per_page=1.5", "'Expected type integer but found type number' on property per_page (Number of results on a page)."},
		{"/clients", "per_page=1&per_page=2", "'Expected type integer but found type array' on property per_page (Number of results on a page)."},
		{"/clients", "is_global=1", "'Expected type boolean but found type string' on property is_global."},
		{"/connections", "strategy=auth0&strategy=nope", `'No enum match for: "nope"' on property strategy[1].`},
		{"/users-by-email", "", "'Missing required property: email'."},
	} {
		values, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := message(find(t, "GET", c.path).Query(values)); got != c.want {
			t.Errorf("%s?%s\n got: %s\nwant: %s", c.path, c.query, got, c.want)
		}
	}
}

func TestPathParameters_AreOfTheirFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, name, value, want string }{
		{"GET", "/users/{id}", "id", "auth0|507f1f77bcf86cd799439020", ""},
		{"GET", "/clients/{id}", "id", "AaiyAPdpYdesoKnqjj8HJqRn4T5titww", ""},
		{"GET", "/event-streams/{id}", "id", "est_invalid_id_1234567890",
			"'Object didn't pass validation for format event-stream-id: est_invalid_id_1234567890' on property id."},
		{"GET", "/prompts/{prompt}/partials", "prompt", "nope", `'No enum match for: "nope"' on property prompt.`},
	} {
		if got := message(find(t, c.method, c.path).PathParameters(map[string]string{c.name: c.value})); got != c.want {
			t.Errorf("%s %s %s\n got: %s\nwant: %s", c.method, c.path, c.value, got, c.want)
		}
	}
}

func TestPatterns_ThatTakeTooLongDoNotMatch(t *testing.T) {
	t.Parallel()
	re, err := compilePattern(`^(?=(a+)+$)x`)
	if err != nil {
		t.Fatal(err)
	}
	if re.MatchString(strings.Repeat("a", 64) + "b") {
		t.Error("a text that does not match the pattern matches it")
	}
	if _, err := compilePattern(`(`); err == nil {
		t.Error("a broken pattern compiles")
	}
}

var sink error

// First use reads, changes and compiles; what follows only validates.
func BenchmarkBody_First(b *testing.B) {
	for _, name := range []string{"POST /clients", "POST /connections", "PATCH /users/{id}"} {
		b.Run(name, func(b *testing.B) {
			method, path, _ := strings.Cut(name, " ")
			o := find(b, method, path)
			for b.Loop() {
				if _, err := o.compile("body"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBody_Warm(b *testing.B) {
	o := find(b, "POST", "/clients")
	v := object{
		"name": "App", "app_type": "spa", "callbacks": []any{"https://example.com/callback"},
		"grant_types": []any{"authorization_code", "refresh_token"}, "jwt_configuration": object{"alg": "RS256"},
	}
	for b.Loop() {
		sink = o.Body(v)
	}
}

func BenchmarkCatalogue_First(b *testing.B) {
	for b.Loop() {
		if _, err := readIndex(); err != nil {
			b.Fatal(err)
		}
	}
}

// Formats accept what tools send and refuse what they would refuse.
func TestFormats(t *testing.T) {
	t.Parallel()
	byName := map[string]jsonschema.Format{}
	for _, f := range formats {
		byName[f.Name] = f
	}
	for _, c := range []struct {
		format   string
		accepted []string
		refused  []string
	}{
		{"email", []string{"ann@example.com", "Ann+tag@EXAMPLE.com"}, []string{"", "ann", "ann@", " ann@example.com", "Ann <ann@example.com>"}},
		{"email-or-empty", []string{"", "ann@example.com"}, []string{"ann"}},
		{"client-id", []string{"AaiyAPdpYdesoKnqjj8HJqRn4T5titww"}, []string{"", "short", "https://example.com/client.json"}},
		{"callback-url", []string{
			"https://example.com/cb", "http://localhost:3000", "https://*.example.com/cb", "https://{organization_name}.example.com/cb",
			"com.example.app://callback", "com.example.app:/callback", "http://127.0.0.1/*",
		}, []string{"", "example.com", "nope", "https://", "/callback", "javascript:alert(1)", "JavaScript:alert(1)"}},
		{"url-with-placeholders", []string{"https://example.com", "http://localhost:3000", "https://*.example.com"}, []string{"", "example.com"}},
		{"absolute-uri-or-empty", []string{"", "https://example.com/logo.png", "data:image/png;base64,AA"}, []string{"logo.png", "https:", "javascript:alert(1)"}},
		{"absolute-https-uri-or-empty", []string{"", "https://example.com"}, []string{"http://example.com", "example.com"}},
		{"absolute-https-uri-with-placeholders-or-empty", []string{"", "https://{organization_name}.example.com/login"}, []string{"http://example.com/login"}},
		{"strict-uri", []string{"https://example.com/a.png"}, []string{"", "a.png"}},
		{"strict-https-uri", []string{"https://example.com/a.png"}, []string{"", "http://example.com/a.png"}},
		{"cidr", []string{"10.0.0.0/8"}, []string{"10.0.0.1", "10.0.0.0/33"}},
		{"hostname", []string{"example.com", "localhost"}, []string{"", "a b", "-a.example.com", "https://example.com"}},
		{"html-color", []string{"#fff", "#FFAA00", "#FFAA0080", "red"}, []string{"", "#ff", "fff0"}},
		{"connection-id", []string{"con_AbCdEfGh01234567"}, []string{"con_1", "AbCdEfGh01234567"}},
		{"organization-id", []string{"org_AbCdEfGh01234567"}, []string{"org_", ""}},
		{"user-id-with-max-length", []string{"auth0|1"}, []string{"", strings.Repeat("a", 385)}},
	} {
		f, ok := byName[c.format]
		if !ok {
			t.Errorf("there is no format %s", c.format)
			continue
		}
		for _, s := range c.accepted {
			if err := f.Validate(s); err != nil {
				t.Errorf("%s refuses %q", c.format, s)
			}
		}
		for _, s := range c.refused {
			if err := f.Validate(s); err == nil {
				t.Errorf("%s accepts %q", c.format, s)
			}
		}
		if err := f.Validate(7.0); err != nil {
			t.Errorf("%s judges a number", c.format)
		}
	}
}

func TestSchema_HasNoReferencesAndBelongsToTheCaller(t *testing.T) {
	t.Parallel()
	o := find(t, "POST", "/connections")
	first := o.Schema("body")
	if text := quoted(first); strings.Contains(text, `"$ref"`) || !strings.Contains(text, `"email_otp"`) {
		t.Errorf("got %.300s, want what references lead to in their place", text)
	}
	clear(first)
	if again := o.Schema("body"); len(again) == 0 {
		t.Error("a change of the schema that was given changed the next one")
	}
	if got := o.Schema("query"); got != nil {
		t.Errorf("a part that is not described: got %v, want nil", got)
	}
	for _, o := range Operations() {
		for _, part := range []string{"body", "query", "path"} {
			if text := quoted(o.Schema(part)); strings.Contains(text, `"$ref"`) {
				t.Errorf("%s, %s: a reference is left", o.name(), part)
			}
		}
	}
}

func TestResponse_WithoutABodyHasNone(t *testing.T) {
	t.Parallel()
	o := find(t, "GET", "/jobs/{id}/errors")
	if err := o.Response(204, nil); err != nil {
		t.Errorf("204 without a body: got %v", err)
	}
	if err := o.Response(204, []any{}); err == nil {
		t.Error("204 with a body is accepted")
	}
	if err := o.Response(404, nil); err == nil {
		t.Error("a status that is none of success is accepted")
	}
}
