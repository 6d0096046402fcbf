package apischema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// difference is one entry of the table: where the description is changed, and
// how. Exactly one of schemas and operations says where.
type difference struct {
	// schemas are named schemas, changed in every operation that has them.
	schemas []string
	// operations are written "PATCH /clients/{id}"; part is "body", "query",
	// "path" or the status of an answer, and stays empty when only statuses or
	// scopes change.
	operations []string
	part       string
	// at leads from there to a property: "options.totp"; "[]" are the elements
	// of a list, "{}" the values of a map, "|1" the second alternative.
	at string

	// merge is put over the schema found there as a JSON merge patch
	// (RFC 7396): null takes a keyword away. A property that is not there yet
	// is added.
	merge object

	// success replaces the statuses of successful answers. The schema of a
	// status that is gone serves the new ones.
	success []int
	// scopes replaces the scopes, of which all or any are needed.
	scopes []string
	all    bool
}

// concerns tells whether the entry may change an operation.
func (c *difference) concerns(o *Operation) bool {
	return len(c.operations) == 0 || slices.Contains(c.operations, o.name())
}

// correct changes what the index says of an operation. It tells whether
// anything is different afterwards.
func (o *Operation) correct(table []difference) bool {
	changed := false
	for _, c := range table {
		if !c.concerns(o) {
			continue
		}
		if c.success != nil {
			changed = changed || !slices.Equal(o.Success, c.success)
			o.Success = c.success
		}
		if c.scopes != nil {
			changed = changed || !slices.Equal(o.Scopes, c.scopes) || o.AllScopes != c.all
			o.Scopes, o.AllScopes = c.scopes, c.all
		}
	}
	return changed
}

// apply changes an operation's document. It tells whether anything is
// different afterwards.
func (c *difference) apply(o *Operation, d *document) (bool, error) {
	if !c.concerns(o) {
		return false, nil
	}
	if len(c.operations) > 0 && c.success != nil {
		d.moveAnswers(c.success)
	}
	if c.merge == nil {
		return false, nil
	}
	if len(c.operations) > 0 {
		root, ok := d.parts[c.part]
		if !ok {
			if c.at != "" {
				return false, fmt.Errorf("%s has no %s", o.name(), c.part)
			}
			root = object{}
		}
		changed, err := d.change(root, c.steps(), c.merge)
		if err != nil {
			return false, fmt.Errorf("%s: %s: %w", o.name(), c.part, err)
		}
		same := reflect.DeepEqual(root, changed)
		d.parts[c.part] = changed
		return !same, nil
	}
	hit := false
	for _, name := range c.schemas {
		def, ok := d.defs[name]
		if !ok {
			continue
		}
		changed, err := d.change(def, c.steps(), c.merge)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		hit = hit || !reflect.DeepEqual(def, changed)
		d.defs[name] = changed
	}
	return hit, nil
}

func (c *difference) steps() []string {
	if c.at == "" {
		return nil
	}
	return strings.Split(c.at, ".")
}

// moveAnswers gives the schema of a status that is documented and wrong to the
// statuses that are right.
func (d *document) moveAnswers(success []int) {
	var orphan any
	for _, part := range slices.Sorted(maps.Keys(d.parts)) {
		if status, err := strconv.Atoi(part); err == nil && !slices.Contains(success, status) {
			orphan = d.parts[part]
			delete(d.parts, part)
		}
	}
	for _, status := range success {
		if _, ok := d.parts[strconv.Itoa(status)]; !ok && orphan != nil && status != 204 {
			d.parts[strconv.Itoa(status)] = orphan
		}
	}
}

// change returns the schema with the patch merged in where the steps lead. It
// copies what it changes, named schemas on the way included: others that share
// them keep theirs.
func (d *document) change(s any, steps []string, patch object) (any, error) {
	o := d.resolve(s)
	if o == nil {
		o = object{}
	}
	if len(steps) == 0 {
		return merged(o, patch), nil
	}
	o = maps.Clone(o)
	step, rest := steps[0], steps[1:]
	var keyword string
	switch {
	case step == "[]":
		keyword = "items"
	case step == "{}":
		keyword = "additionalProperties"
	case strings.HasPrefix(step, "|"):
		return d.changeAlternative(o, step, rest, patch)
	default:
		properties, _ := o["properties"].(object)
		properties = maps.Clone(properties)
		if properties == nil {
			properties = object{}
		}
		if _, ok := properties[step]; !ok && len(rest) > 0 {
			return nil, fmt.Errorf("there is no property %s", step)
		}
		changed, err := d.change(properties[step], rest, patch)
		if err != nil {
			return nil, err
		}
		properties[step] = changed
		o["properties"] = properties
		return o, nil
	}
	if _, ok := o[keyword]; !ok {
		return nil, fmt.Errorf("there is no %s", keyword)
	}
	changed, err := d.change(o[keyword], rest, patch)
	if err != nil {
		return nil, err
	}
	o[keyword] = changed
	return o, nil
}

func (d *document) changeAlternative(o object, step string, rest []string, patch object) (any, error) {
	n, err := strconv.Atoi(step[1:])
	if err != nil {
		return nil, err
	}
	for _, keyword := range []string{"oneOf", "anyOf", "allOf"} {
		list, ok := o[keyword].([]any)
		if !ok || n >= len(list) {
			continue
		}
		list = slices.Clone(list)
		if list[n], err = d.change(list[n], rest, patch); err != nil {
			return nil, err
		}
		o[keyword] = list
		return o, nil
	}
	return nil, fmt.Errorf("there is no alternative %d", n)
}

// merged returns target with patch over it (RFC 7396), leaving both as they
// are.
func merged(target any, patch any) any {
	p, ok := patch.(object)
	if !ok {
		return patch
	}
	t, _ := target.(object)
	result := maps.Clone(t)
	if result == nil {
		result = object{}
	}
	for name, v := range p {
		if v == nil {
			delete(result, name)
			continue
		}
		result[name] = merged(result[name], v)
	}
	return result
}

// refersTo returns the named schema that a schema is only a reference to.
func refersTo(s object) (string, bool) {
	ref, _ := s["$ref"].(string)
	return strings.CutPrefix(ref, "#/$defs/")
}
