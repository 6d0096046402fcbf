package deploy

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// odd are texts that YAML readers like to take for something else.
var odd = []string{
	"", " ", "a", "a b", "a: b", "a:b", "a #b", "a#b", "#a", "- a", "-", "?", ": a", "a:", "yes", "No", "on", "null", "~", "true", "1", "1.5",
	"0x1F", "0o17", "017", "1_000", "1e3", ".5", ".inf", "2026-01-02", "12:30:00", "{{ code }} is it", "'quoted'", `"quoted"`, "it's", "[a", "a]",
	"{a", "a, b", "@@A@@", "##A##", "%a", "&a", "*a", "!a", "|", ">", "`a", "a\tb", "a\nb", "a\nb\n", "a\nb\n\n", "\na", " a\nb", "a\n  b", "a \nb",
	"a\r\nb", "\u0085", "\u2028", "é", "日本語", "\U0001F600", "a\x7fb", "\x01", "https://a.example/b?c=d&e=f#g", "urn:ietf:params:oauth", "a\n\nb", "---",
	"...", "--- a", "a\n---\nb", "a\n...\n", "=", "<<", "y", "n", "é\n日本\n", "a: \n", "a\n#b\n", "trailing ", "\ttab", "a\n\tb", "\ufeff", "//x", "/a/b", ".",
}

func TestWriteYAML_IsReadAsWritten(t *testing.T) {
	t.Parallel()
	values := object{}
	for _, s := range odd {
		values["k"+s] = object{s: s, "list": []any{s, object{s: s}, []any{s}}}
	}
	values["empty"] = object{"o": object{}, "l": []any{}, "n": nil, "b": true, "i": json.Number("3"), "f": json.Number("0.25"), "in": []any{[]any{}, object{}, nil}}
	sections := []yamlSection{{"tenant", values}, {"clients", []any{values, object{}}}, {"none", []any{}}}
	written := writeYAML(sections)
	if path := os.Getenv("YAML_OUT"); path != "" {
		_ = os.WriteFile(path, written, 0o600)
		_ = os.WriteFile(path+".json", writeJSON(object{"tenant": values, "clients": []any{values, object{}}, "none": []any{}}), 0o600)
	}
	got, err := parseYAML(written)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, written)
	}
	want := any(object{"tenant": values, "clients": []any{values, object{}}, "none": []any{}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was read (+) differs from what was written (-):\n%s", diff)
	}
}

func TestWriteYAML_RandomTextIsReadAsWritten(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("ab: #-\n\t'\"{}[],&*!|>%@`?é\\.0")
	for range 20000 {
		s := make([]rune, r.IntN(9))
		for i := range s {
			s[i] = alphabet[r.IntN(len(alphabet))]
		}
		want := any(object{"tenant": object{"a": string(s), "b": []any{string(s), object{"c": string(s), "d": "e"}}, string(s): "key"}})
		written := writeYAML([]yamlSection{{"tenant", want.(object)["tenant"]}})
		got, err := parseYAML(written)
		if err != nil {
			t.Fatalf("%q: %v in:\n%s", string(s), err, written)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q:\n%s\nin:\n%s", string(s), diff, written)
		}
	}
}
