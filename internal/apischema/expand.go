package apischema

import (
	"fmt"
	"maps"
)

// Schema returns the schema of a part ("body", "query", "path" or the status of
// an answer), with the differences applied and every reference replaced by what
// it refers to: for those who derive values from a description instead of
// checking them. It is nil when the part is not described. A schema that holds
// itself is open where it begins again. The schema belongs to the caller.
func (o *Operation) Schema(part string) map[string]any {
	d, err := o.described()
	if err != nil {
		panic(fmt.Sprintf("apischema: %s: %v", o.name(), err))
	}
	root, ok := d.parts[part]
	if !ok {
		return nil
	}
	expanded, _ := d.expand(root, map[string]bool{}).(object)
	return expanded
}

// expand copies a schema; within are the named ones that it stands in.
func (d *document) expand(v any, within map[string]bool) any {
	switch v := v.(type) {
	case object:
		if name, ok := refersTo(v); ok {
			if within[name] {
				return object{}
			}
			within = maps.Clone(within)
			within[name] = true
			return d.expand(d.defs[name], within)
		}
		copied := make(object, len(v))
		for name, member := range v {
			copied[name] = d.expand(member, within)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, element := range v {
			copied[i] = d.expand(element, within)
		}
		return copied
	}
	return v
}
