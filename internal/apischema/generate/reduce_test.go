package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is a document with one of everything.
const small = `{"openapi":"3.1.0","paths":{"/things/{id}":{
	"patch":{"summary":"prose","parameters":[
		{"name":"id","in":"path","required":true,"description":"prose","schema":{"type":"string"}},
		{"name":"page","in":"query","schema":{"type":"integer","default":0,"minimum":0}},
		{"name":"x-header","in":"header","schema":{"type":"string"}}],
	"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}},
	"responses":{"200":{"description":"prose","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}},
		"204":{"$ref":"#/components/responses/Empty"},
		"403":{"description":"Insufficient scope, expected all of: read:things,update:things."}},
	"security":[{"bearer":[]},{"oauth":["read:things","update:things"]}]}}},
	"components":{"responses":{"Empty":{"description":"prose"}},"schemas":{
	"Thing":{"type":"object","description":"prose","additionalProperties":false,"required":["name"],"properties":{
		"name":{"type":"string","maxLength":5,"example":"prose"},
		"description":{"type":"string","x-note":"prose"},
		"children":{"type":"array","items":{"$ref":"#/components/schemas/Thing"}},
		"either":{"oneOf":[{"type":"string"},{"type":"null"}]}}},
	"Unused":{"type":"string"}}}}`

func TestReduce_KeepsFactsAndDropsProse(t *testing.T) {
	t.Parallel()
	files, err := Reduce([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(files)), []string{"index.json", "patch.things.id.json.gz"}; !slices.Equal(got, want) {
		t.Fatalf("got the files %v, want %v", got, want)
	}
	wantIndex := `[
{"method":"PATCH","path":"/things/{id}","file":"patch.things.id.json.gz","scopes":["read:things","update:things"],"all":true,"success":[200,204],"body":true}
]
`
	if got := string(files["index.json"]); got != wantIndex {
		t.Errorf("got the index %s\nwant %s", got, wantIndex)
	}
	r, err := gzip.NewReader(bytes.NewReader(files["patch.things.id.json.gz"]))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"$defs":{"Thing":{"additionalProperties":false,"properties":{` +
		`"children":{"items":{"$ref":"#/$defs/Thing"},"type":"array"},` +
		`"description":{"type":"string"},` +
		`"either":{"oneOf":[{"type":"string"},{"type":"null"}]},` +
		`"name":{"maxLength":5,"type":"string"}},"required":["name"],"type":"object"}},` +
		`"body":{"$ref":"#/$defs/Thing"},` +
		`"path":{"properties":{"id":{"type":"string"}},"required":["id"],"type":"object"},` +
		`"query":{"properties":{"page":{"minimum":0,"type":"integer"}},"type":"object"},` +
		`"responses":{"200":{"$ref":"#/$defs/Thing"}}}` + "\n"
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReduce_IsTheSameEachTime(t *testing.T) {
	t.Parallel()
	first, err := Reduce([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	// The order of members says nothing: a document read and written again has another one.
	var doc any
	if err := json.Unmarshal([]byte(small), &doc); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{[]byte(small), sorted} {
		again, err := Reduce(text)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(first, again, bytes.Equal) {
			t.Error("equal documents give different files")
		}
	}
}

func TestReduce_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{`"maxLength":5`, `"maximumLength":5`, "maximumLength"},
		{`"$ref":"#/components/schemas/Thing"}}}},`, `"$ref":"#/components/schemas/Thinh"}}}},`, "leads nowhere"},
		{`"$ref":"#/components/responses/Empty"`, `"$ref":"#/components/responses/None"`, "leads nowhere"},
		{`"in":"header"`, `"in":"cookie"`, "cookie"},
		{`"/things/{id}"`, `"/things/{id}":{},"/nothing"`, ""},
		{`"patch":`, `"trace":`, "no operations"},
		{`"200":`, `"500":`, ""},
	} {
		_, err := Reduce([]byte(strings.Replace(small, c.from, c.to, 1)))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.to, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want one that names %q", c.to, err, c.want)
		}
	}
}

func TestRun_WritesTheFolderAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.json"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "get.gone.json.gz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(in, out); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := []string{"index.json", "patch.things.id.json.gz"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := run(filepath.Join(dir, "missing"), out); err == nil {
		t.Error("a document that is not there is accepted")
	}
}
