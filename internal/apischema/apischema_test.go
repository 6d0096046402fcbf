package apischema

import (
	"testing"
)

// parts lists every part of an operation that is described.
func parts(t *testing.T, o *Operation) []string {
	t.Helper()
	d, err := o.described()
	if err != nil {
		t.Fatalf("%s: %v", o.name(), err)
	}
	var names []string
	for name := range d.parts {
		names = append(names, name)
	}
	return names
}

func TestOperations_EveryPartCompiles(t *testing.T) {
	t.Parallel()
	for _, o := range Operations() {
		for _, name := range parts(t, o) {
			if s, err := o.compile(name); err != nil || s == nil {
				t.Errorf("%s: %s: %v, %v", o.name(), name, s, err)
			}
		}
	}
}
