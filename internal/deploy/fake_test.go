package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// fakeAPI is a small Management API in memory: collections of objects with ids, and single objects. It knows no rule.
type fakeAPI struct {
	collections map[string][]object
	singles     map[string]object
	calls       []string // what was written: method, path and body
	made        int
}

// idNames are the ids of collections that are not called id.
var idNames = map[string]string{"clients": "client_id", "custom-domains": "custom_domain_id", "branding/themes": "themeId"}

func newFake(content string) *fakeAPI {
	f := &fakeAPI{
		collections: map[string][]object{
			"clients": {}, "connections": {}, "resource-servers": {}, "client-grants": {}, "roles": {}, "log-streams": {}, "actions/actions": {},
		},
		singles: map[string]object{settingsPath: {"enabled_locales": []any{"en"}}},
	}
	v, err := parseJSON([]byte(content))
	if err != nil {
		panic(err)
	}
	for path, value := range v.(object) {
		if list, ok := value.([]any); ok {
			f.collections[path] = objects(list)
		} else {
			f.singles[path] = value.(object)
		}
	}
	return f
}

func (f *fakeAPI) Do(_ context.Context, method, path string, body any) (*Answer, error) {
	path, query, _ := strings.Cut(path, "?")
	path, _ = url.PathUnescape(path)
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if method != http.MethodGet {
		f.calls = append(f.calls, strings.TrimSpace(strings.TrimSuffix(fmt.Sprintf("%s %s %s", method, path, encoded), "null")))
	}
	sent, err := parseJSON(encoded)
	if err != nil {
		return nil, err
	}
	status, answer := f.answer(method, path, query, sent)
	text, err := json.Marshal(answer)
	return &Answer{Status: status, Body: text}, err
}

func (f *fakeAPI) answer(method, path, query string, sent any) (int, any) {
	if o, ok := f.singles[path]; ok {
		if body, ok := sent.(object); ok {
			for k, v := range body {
				o[k] = v
			}
		}
		return 200, o
	}
	if list, ok := f.collections[path]; ok {
		return f.collection(method, path, query, list, sent)
	}
	parent, id := path[:max(0, strings.LastIndexByte(path, '/'))], path[strings.LastIndexByte(path, '/')+1:]
	list, ok := f.collections[parent]
	if !ok {
		return 404, object{"message": "Not Found"}
	}
	i := slices.IndexFunc(list, func(o object) bool { return text(o, idName(parent)) == id })
	if i < 0 {
		return 404, object{"message": "Not Found"}
	}
	switch method {
	case http.MethodDelete:
		f.collections[parent] = slices.Delete(list, i, i+1)
		return 204, nil
	case http.MethodPatch:
		for k, v := range sent.(object) {
			list[i][k] = v
		}
	}
	return 200, list[i]
}

func idName(path string) string {
	if name := idNames[path]; name != "" {
		return name
	}
	return "id"
}

func (f *fakeAPI) collection(method, path, query string, list []object, sent any) (int, any) {
	switch method {
	case http.MethodPost:
		body, isObject := sent.(object)
		if !isObject || strings.HasSuffix(path, "/permissions") {
			return 201, nil
		}
		f.made++
		o := cloneObject(body)
		o[idName(path)] = fmt.Sprintf("made%d", f.made)
		o["status"] = "built" // of an Action
		f.collections[path] = append(list, o)
		f.collections[path+"/"+text(o, idName(path))+"/clients"] = nil
		f.collections[path+"/"+text(o, idName(path))+"/permissions"] = nil
		return 201, o
	case http.MethodGet:
		shown := []object{}
		for _, o := range list {
			strategy, asked := url.ParseQuery(query)
			if asked == nil && strategy.Get("strategy") != "" && strategy.Get("strategy") != text(o, "strategy") {
				continue
			}
			shown = append(shown, o)
		}
		return 200, object{path: shown}
	}
	return 204, nil
}

// plan compares files with the fake tenant.
func (f *fakeAPI) plan(t *testing.T, files map[string]string, s Settings) *Plan {
	t.Helper()
	c, err := Read(write(t, files), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(t.Context(), Tenant{API: f, ManagingClient: "self"}, c, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply does what the files say and gives what was written.
func (f *fakeAPI) apply(t *testing.T, files map[string]string, s Settings) []string {
	t.Helper()
	p := f.plan(t, files, s)
	f.calls = nil
	if err := p.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return f.calls
}
