package deploy

import (
	"cmp"
	"slices"
	"strings"
)

// Difference is a property that a file wants otherwise.
type Difference struct {
	Path     string
	Old, New any
	Secret   bool // the values must not be shown
}

// comparison says what is left out when a file's object is compared with a stored one.
type comparison struct {
	ignored []string // paths, whole or as the end of one
	ordered bool     // lists are equal in the same order only
}

// compare tells what of a file's value differs from the stored one. Only what the file holds counts, at every depth. Null,
// an empty list and an empty object are the same as nothing.
func (c comparison) compare(path string, want, have any) []Difference {
	if c.ignores(path) {
		return nil
	}
	if empty(want) && empty(have) {
		return nil
	}
	switch w := want.(type) {
	case object:
		h, ok := have.(object)
		if !ok && have != nil {
			break
		}
		var found []Difference
		for _, key := range keysOf(w, path == "") {
			found = append(found, c.compare(join(path, key), w[key], h[key])...)
		}
		return found
	case []any:
		if h, ok := have.([]any); ok && c.sameList(path, w, h) {
			return nil
		}
	default:
		if equal(want, have) {
			return nil
		}
	}
	return []Difference{{Path: path, Old: have, New: want}}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (c comparison) ignores(path string) bool {
	return slices.ContainsFunc(c.ignored, func(i string) bool { return path == i || strings.HasSuffix(path, "."+i) })
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	}
	return false
}

// sameList compares two lists: as a multiset, unless order means something.
func (c comparison) sameList(path string, want, have []any) bool {
	if len(want) != len(have) {
		return false
	}
	same := func(w, h any) bool { return len(c.compare(path+"[]", w, h)) == 0 }
	if c.ordered {
		for i := range want {
			if !same(want[i], have[i]) {
				return false
			}
		}
		return true
	}
	// Those that say most look for their like first, so that none takes what only another fits.
	want = slices.Clone(want)
	slices.SortStableFunc(want, func(a, b any) int { return cmp.Compare(size(b), size(a)) })
	left := slices.Clone(have)
	for _, w := range want {
		i := slices.IndexFunc(left, func(h any) bool { return same(w, h) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
