package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object. Its values are nil, bool, string, json.Number in the form that number gives, []any and object.
type object = map[string]any

// number gives the one text a number is written with, so that 1, 1.0 and 1e0 are equal.
func number(text string) json.Number {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return json.Number(strconv.FormatInt(i, 10))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return json.Number(text)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return json.Number(strconv.FormatInt(int64(f), 10))
	}
	written, err := json.Marshal(f)
	if err != nil { // beyond what a float64 holds
		return json.Number(text)
	}
	return json.Number(written)
}

// normal gives a decoded value whose numbers are in the one form.
func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case object:
		for k := range v {
			v[k] = normal(v[k])
		}
	}
	return v
}

// clone gives a deep copy.
func clone(v any) any {
	switch v := v.(type) {
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = clone(v[i])
		}
		return c
	case object:
		return cloneObject(v)
	}
	return v
}

func cloneObject(o object) object {
	c := make(object, len(o))
	for k, v := range o {
		c[k] = clone(v)
	}
	return c
}

// text gives a string property, or "".
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

// objects gives the objects of a list.
func objects(v any) []object {
	list, _ := v.([]any)
	var found []object
	for _, item := range list {
		if o, ok := item.(object); ok {
			found = append(found, o)
		}
	}
	return found
}

// names gives the strings of a list.
func names(v any) []string {
	list, _ := v.([]any)
	var found []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			found = append(found, s)
		}
	}
	return found
}

// anys makes a list of values.
func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// lookup finds the value at a path of names joined by dots.
func lookup(o object, path string) (any, bool) {
	first, rest, nested := strings.Cut(path, ".")
	v, ok := o[first]
	if !ok || !nested {
		return v, ok
	}
	inner, ok := v.(object)
	if !ok {
		return nil, false
	}
	return lookup(inner, rest)
}

// textAt gives the string at a path, or "".
func textAt(o object, path string) string {
	v, _ := lookup(o, path)
	s, _ := v.(string)
	return s
}

// put sets the value at a path whose parents exist.
func put(o object, path string, v any) {
	parent, last := parentOf(o, path)
	if parent != nil {
		parent[last] = v
	}
}

// remove deletes what is at a path.
func remove(o object, path string) {
	if parent, last := parentOf(o, path); parent != nil {
		delete(parent, last)
	}
}

func parentOf(o object, path string) (object, string) {
	at := strings.LastIndexByte(path, '.')
	if at < 0 {
		return o, path
	}
	v, _ := lookup(o, path[:at])
	parent, _ := v.(object)
	return parent, path[at+1:]
}

// pick gives the properties with these names.
func pick(o object, names ...string) object {
	picked := object{}
	for _, name := range names {
		if v, ok := o[name]; ok {
			picked[name] = v
		}
	}
	return picked
}

// first are the properties that lead each resource, as the deploy CLI writes them; the others follow by their names.
var first = []string{"name", "client_id", "audience", "template", "identifier", "strategy", "script", "stage", "id"}

// keysOf gives an object's keys in the order they are written in.
func keysOf(o object, resource bool) []string {
	keys := slices.Sorted(maps.Keys(o))
	if !resource {
		return keys
	}
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	return keys
}

func rank(key string) int {
	if i := slices.Index(first, key); i >= 0 {
		return i
	}
	return len(first)
}

// sortResources puts the resources of a type in their order: by the first of these properties that two of them have.
func sortResources[T any](list []T, of func(T) object) {
	slices.SortStableFunc(list, func(a, b T) int {
		x, y := of(a), of(b)
		for _, key := range []string{"name", "key", "client_id", "template"} {
			l, r := text(x, key), text(y, key)
			if l != "" && r != "" && l != r {
				return strings.Compare(l, r)
			}
		}
		return strings.Compare(show(x), show(y))
	})
}

// show writes a value on one line, for people and as a key to compare by.
func show(v any) string {
	if v == nil {
		return "null"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// equal compares two values whole.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
