package management

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mistake is a payload with one thing wrong with it.
type mistake struct {
	what string // for people
	body any
	// place is the refused member as answers write it ("groups[0].email"), empty for the whole; reason is what the answer
	// says of it, or its beginning.
	place, reason string
	// sure mistakes are refused in just these words. Under alternatives another one may fit what is meant, or be told.
	sure bool
}

// mistakes derives payloads from one that is right: each member that is required left out, each member of another type, out
// of its range, too long, too short or none of the values it may have, and a member more than there may be. Members that
// the payload does not have are tried too.
func mistakes(schema doc, right any) []mistake {
	m := &maker{right: plain(right), seen: map[string]bool{}}
	m.visit(schema, m.right, nil, true)
	return m.made
}

// plain gives a value as encoding/json reads it.
func plain(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		panic(err)
	}
	return read
}

type maker struct {
	right any
	made  []mistake
	seen  map[string]bool
}

// absent stands for a member that the payload does not have.
type absent struct{}

// visit makes the mistakes of the value at a place, which consists of names and indexes.
func (m *maker) visit(schema doc, v any, at []any, sure bool) {
	for _, keyword := range []string{"anyOf", "oneOf"} {
		for _, one := range list(schema[keyword]) {
			m.visit(object(one), v, at, false)
		}
	}
	for _, one := range list(schema["allOf"]) {
		m.visit(object(one), v, at, sure)
	}
	types := typesOf(schema)
	if wrong, told := another(types); wrong != nil {
		m.add("another type", at, replaced(wrong), "Expected type "+strings.Join(inOrder(types), ",")+" but found type "+told, sure)
	}
	if values := list(schema["enum"]); values != nil && (len(types) == 0 || slices.Contains(types, "string")) {
		m.add("no such value", at, replaced("no-such-value"), `No enum match for: "no-such-value"`, sure)
	}
	m.sizes(schema, v, at, sure)
	switch v := v.(type) {
	case doc:
		m.members(schema, v, at, sure)
	case []any:
		if len(v) > 0 {
			m.visit(object(schema["items"]), v[0], append(at[:len(at):len(at)], 0), sure)
		}
	}
}

// sizes makes values that are too large, too small, too long, too short.
func (m *maker) sizes(schema doc, v any, at []any, sure bool) {
	number := func(name string) (int, bool) {
		n, ok := schema[name].(float64)
		return int(n), ok
	}
	if n, ok := number("minLength"); ok && n > 0 {
		m.add("too short", at, replaced(strings.Repeat("a", n-1)), "", sure)
	}
	if n, ok := number("maxLength"); ok && n < 1<<17 {
		m.add("too long", at, replaced(strings.Repeat("a", n+1)), "", sure)
	}
	if n, ok := number("minimum"); ok {
		m.add("too small", at, replaced(n-1), fmt.Sprintf("Value %d is less than minimum %d", n-1, n), sure)
	}
	if n, ok := number("maximum"); ok {
		m.add("too large", at, replaced(n+1), fmt.Sprintf("Value %d is greater than maximum %d", n+1, n), sure)
	}
	if slices.Contains(typesOf(schema), "integer") {
		m.add("no whole number", at, replaced(1.5), "Expected type ", sure)
	}
	if n, ok := number("minItems"); ok && n > 0 {
		m.add("too few", at, replaced([]any{}), "Array is too short (0)", sure)
	}
	if items, ok := v.([]any); ok && len(items) > 0 {
		if n, ok := number("maxItems"); ok && n < 1000 {
			m.add("too many", at, replaced(slices.Repeat(items[:1], n+1)), "Array ", sure)
		}
		if schema["uniqueItems"] == true {
			m.add("twice the same", at, replaced([]any{items[0], items[0]}), "Array ", sure)
		}
	}
	if n, ok := number("maxProperties"); ok && n < 1000 {
		many := doc{}
		for i := range n + 1 {
			many["key"+strconv.Itoa(i)] = "v"
		}
		m.add("too many members", at, replaced(many), "Too many properties", false)
	}
}

// members makes the mistakes of an object's members.
func (m *maker) members(schema, v doc, at []any, sure bool) {
	for _, name := range list(schema["required"]) {
		if _, there := v[name.(string)]; there {
			m.add(fmt.Sprintf("without %s", name), at, func(old any) any {
				return without(object(old), name.(string))
			}, fmt.Sprintf("Missing required property: %s", name), sure)
		}
	}
	known := object(schema["properties"])
	for _, name := range slices.Sorted(maps.Keys(known)) {
		value, there := v[name]
		if !there {
			value = absent{}
		}
		m.visit(object(known[name]), value, append(at[:len(at):len(at)], name), sure)
	}
	switch more := schema["additionalProperties"].(type) {
	case bool:
		if !more {
			m.add("a member too many", at, func(old any) any {
				d := without(object(old))
				d["no_such_member"] = true
				return d
			}, "Additional properties not allowed: no_such_member", sure)
		}
	case doc:
		if len(typesOf(more)) > 0 {
			m.visit(more, absent{}, append(at[:len(at):len(at)], "any"), sure)
		}
	}
}

// replaced is the change that puts another value in a place.
func replaced(v any) func(any) any { return func(any) any { return plain(v) } }

// add notes a mistake, once. Without a reason, any will do.
func (m *maker) add(what string, at []any, change func(any) any, reason string, sure bool) {
	var place strings.Builder
	for _, step := range at {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&place, "[%d]", step)
		case string:
			if place.Len() > 0 {
				place.WriteByte('.')
			}
			place.WriteString(step)
		}
	}
	one := mistake{
		what: strings.TrimPrefix(place.String()+": "+what, ": "), body: changed(m.right, at, change),
		place: place.String(), reason: reason, sure: sure,
	}
	if text, err := json.Marshal(one.body); err != nil || m.seen[string(text)] {
		return
	} else {
		m.seen[string(text)] = true
	}
	m.made = append(m.made, one)
}

// changed copies a value with a change at a place.
func changed(v any, at []any, change func(any) any) any {
	if len(at) == 0 {
		return change(v)
	}
	switch step := at[0].(type) {
	case int:
		items := slices.Clone(list(v))
		items[step] = changed(items[step], at[1:], change)
		return items
	default:
		d := without(object(v))
		d[step.(string)] = changed(d[step.(string)], at[1:], change)
		return d
	}
}

// another gives a value of none of some types, and what its type is called.
func another(types []string) (v any, told string) {
	switch has := func(name string) bool { return slices.Contains(types, name) }; {
	case len(types) == 0:
		return nil, ""
	case !has("string"):
		return "text", "string"
	case !has("integer") && !has("number"):
		return 42, "integer"
	case !has("boolean"):
		return true, "boolean"
	}
	return nil, ""
}

func typesOf(schema doc) []string {
	if one, ok := schema["type"].(string); ok {
		return []string{one}
	}
	var all []string
	for _, one := range list(schema["type"]) {
		all = append(all, one.(string))
	}
	return all
}

// inOrder puts null last, as answers do.
func inOrder(types []string) []string {
	ordered := slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == "null" })
	if len(ordered) < len(types) {
		ordered = append(ordered, "null")
	}
	return ordered
}

func list(v any) []any {
	all, _ := v.([]any)
	return all
}

func object(v any) doc {
	d, _ := v.(doc)
	return d
}

func TestMistakes_AreOfEveryKind(t *testing.T) {
	t.Parallel()
	schema := plain(doc{
		"type": "object", "required": []any{"name"}, "additionalProperties": false, "properties": doc{
			"name":  doc{"type": "string", "minLength": 1, "maxLength": 3},
			"kind":  doc{"enum": []any{"a", "b"}, "type": "string"},
			"count": doc{"type": []any{"null", "integer"}, "minimum": 1, "maximum": 9},
			"list":  doc{"type": "array", "minItems": 1, "items": doc{"type": "object", "required": []any{"id"}, "properties": doc{"id": doc{"type": "string"}}}},
			"map":   doc{"type": "object", "additionalProperties": doc{"type": "boolean"}},
		},
	})
	var got []string
	for _, m := range mistakes(object(schema), doc{"name": "abc", "list": []any{doc{"id": "1"}}, "map": doc{"x": true}}) {
		got = append(got, m.what)
	}
	want := []string{
		"another type", "without name", "count: another type", "count: too small", "count: too large", "count: no whole number",
		"kind: another type", "kind: no such value", "list: another type", "list: too few", "list[0]: another type", "list[0]: without id",
		"list[0].id: another type", "map: another type", "map.any: another type", "name: another type", "name: too short", "name: too long",
		"a member too many",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
