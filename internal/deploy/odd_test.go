package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whatever stands in the place of a value, reading, planning, applying and writing end with an answer or an error.
func TestOddValues_NeverBreakAnything(t *testing.T) {
	t.Parallel()
	files := onDisk(t, library)
	more := map[string]string{
		"roles/r.json": `{"name":"r","permissions":[{"permission_name":"a","resource_server_identifier":"b"}]}`, "grants/g.json": `{"client_id":"Reading Room","audience":"api","scope":["a"]}`,
		"resource-servers/a.json": `{"name":"a","identifier":"api","scopes":[{"value":"a"}]}`, "log-streams/l.json": `{"name":"l","type":"http","sink":{"httpAuthorization":"x"}}`,
		"clients/k.json":        `{"name":"k","client_metadata":{"a":"b"},"client_authentication_methods":{"private_key_jwt":{"credentials":[{"name":"n","pem":"p"}]}}}`,
		"prompts/partials.json": `{"login":[{"login":[{"name":"form-content-end","template":"partials/x.liquid"}]}]}`, "prompts/screenRenderSettings/a_b.json": `{"prompt":"a","screen":"b","rendering_mode":"standard"}`,
		"pages/login.json": `{"name":"login"}`, "pages/login.html": "x", "branding/templates/universal_login.json": `{"template":"universal_login","body":"./u.html"}`,
		"branding/templates/u.html": "x", "phone-templates/o.json": `{"type":"otp_verify","content":{"from":"","body":{"text":"x"}}}`, "themes/theme.json": `{"displayName":"t"}`,
		"organizations/o.json": `{"name":"o","connections":[{"name":"email"}]}`, "custom-domains/custom-domains.json": `[{"domain":"a","is_default":true}]`,
		"guardian/factors/otp.json": `{"name":"otp","enabled":true}`, "guardian/policies.json": `{"policies":[]}`,
	}
	maps.Copy(files, more)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		whole, err := parseJSON([]byte(files[name]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, changed := range oddly(whole, 4) {
			mixed := maps.Clone(files)
			mixed[name] = show(changed)
			tryOdd(t, mixed, name)
		}
	}
}

// oddly gives copies of a value, each with another part, not too deep inside, replaced by something odd.
func oddly(v any, depth int) []any {
	if depth == 0 {
		return nil
	}
	found := []any{nil, true, number("7"), "text", "./gone.html", "##MARK##", []any{}, []any{number("1")}, object{}, object{"a": nil}, []any{object{"name": []any{}}}}
	switch v := v.(type) {
	case object:
		for key := range v {
			for _, changed := range oddly(v[key], depth-1) {
				c := maps.Clone(v)
				c[key] = changed
				found = append(found, c)
			}
		}
	case []any:
		for i := range v {
			for _, changed := range oddly(v[i], depth-1) {
				c := slices.Clone(v)
				c[i] = changed
				found = append(found, c)
			}
		}
	}
	return found
}

func tryOdd(t *testing.T, files map[string]string, name string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s as %s: %v", name, files[name], p)
		}
	}()
	dir := filepath.Join(t.TempDir(), "odd")
	part := strings.Split(name, "/")[0] // what else there is does not change
	for file, content := range files {
		if file == part || strings.HasPrefix(file, part+"/") {
			path := filepath.Join(dir, file)
			_ = os.MkdirAll(filepath.Dir(path), 0o755)
			_ = os.WriteFile(path, []byte(content), 0o600)
		}
	}
	c, err := Read(dir, Settings{})
	if err != nil {
		return
	}
	for _, f := range []Format{Directory, YAML} {
		c.tree(f)
	}
	f := newFake(`{"roles":[{"id":"r","name":"r"}],"roles/r/permissions":[],"clients":[{"client_id":"c","name":"k"},{"client_id":"d","name":"Reading Room"}],"clients/c/credentials":[],
		"connections":[{"id":"e","name":"email","strategy":"email"},{"id":"s","name":"sms","strategy":"sms"},{"id":"b","name":"readers","strategy":"auth0"}],
		"connections/e/clients":[],"connections/s/clients":[],"connections/b/clients":[],"emails/provider":{"name":"smtp"},"branding":{},"prompts":{},
		"branding/phone/providers":[{"id":"p","name":"twilio"}],"branding/phone/templates":[],"branding/themes":[],"organizations":[],"custom-domains":[],
		"guardian/factors":[],"guardian/policies":[],"actions/triggers":{"triggers":[{"id":"post-login"}]},"actions/triggers/post-login/bindings":[],
		"actions/actions":[{"id":"a","name":"note-the-way","status":"built"}]}`)
	p, err := NewPlan(t.Context(), Tenant{API: f}, c, Settings{AllowDelete: true, SendSecrets: true})
	if err != nil {
		return
	}
	_ = p.String()
	_ = p.Apply(t.Context(), nil)
}
