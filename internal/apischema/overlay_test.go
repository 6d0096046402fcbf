package apischema

import (
	"fmt"
	"slices"
	"testing"
)

// An entry that changes nothing, because the document has caught up or a name
// is misspelt, fails, and so does each name in it.
func TestDifferences_EachChangesWhatItNames(t *testing.T) {
	t.Parallel()
	documents := generated(t)
	for i, c := range differences() {
		var alone []difference
		for _, name := range c.schemas {
			one := c
			one.schemas = []string{name}
			alone = append(alone, one)
		}
		for _, name := range c.operations {
			one := c
			one.operations = []string{name}
			alone = append(alone, one)
		}
		if (len(c.schemas) == 0) == (len(c.operations) == 0) {
			t.Errorf("entry %d names %v and %v: one of them is wanted", i, c.schemas, c.operations)
		}
		for _, one := range alone {
			if !changesAnything(t, documents, one) {
				t.Errorf("entry %d changes nothing: %v %v %s %s", i, one.schemas, one.operations, one.part, one.at)
			}
		}
	}
}

func changesAnything(t *testing.T, byDocument map[*Operation]*document, c difference) bool {
	t.Helper()
	for o, d := range byDocument {
		if !c.concerns(o) {
			continue
		}
		named := slices.ContainsFunc(c.schemas, func(name string) bool { return d.defs[name] != nil })
		if len(c.schemas) > 0 && !named {
			continue
		}
		like := &Operation{Method: o.Method, Path: o.Path, Scopes: o.Scopes, AllScopes: o.AllScopes, Success: o.Success}
		if like.correct([]difference{c}) {
			return true
		}
		fresh, err := o.read() // apply changes what it is given.
		if err != nil {
			t.Fatal(err)
		}
		hit, err := c.apply(o, fresh)
		if err != nil {
			t.Fatal(err)
		}
		if hit {
			return true
		}
	}
	return false
}

// generated returns the operations and their documents without differences.
func generated(t *testing.T) map[*Operation]*document {
	t.Helper()
	list, err := readIndex()
	if err != nil {
		t.Fatal(err)
	}
	all := map[*Operation]*document{}
	for _, o := range list {
		if all[o], err = o.read(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestMerged_FollowsRFC7396(t *testing.T) {
	t.Parallel()
	// Rows of the RFC's appendix A, where the patch is an object.
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		if got, want := fmt.Sprint(merged(decode(t, c.target), decode(t, c.patch))), fmt.Sprint(decode(t, c.want)); got != want {
			t.Errorf("%s over %s: got %s, want %s", c.patch, c.target, got, want)
		}
	}
}
