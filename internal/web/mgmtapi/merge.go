package mgmtapi

import (
	"slices"

	"latchkey/internal/resource"
)

// merge applies a PATCH to a document: members that the payload names are replaced as a whole, lists and objects too, and
// null removes one. Of the members in byKey, objects are merged key by key instead (Auth0 docs: client_metadata, flags and
// our own member "latchkey").
func merge(d, patch resource.Document, byKey []string) {
	for name, v := range patch {
		changes, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(d, name)
		case isObject && slices.Contains(byKey, name):
			before, _ := d[name].(map[string]any)
			d[name] = mergeKeys(before, changes)
		default:
			d[name] = v
		}
	}
}

// mergeKeys lays changes over an object; null removes a key, and removing the last one leaves an empty object.
func mergeKeys(before, changes map[string]any) map[string]any {
	after := make(map[string]any, len(before)+len(changes))
	for k, v := range before {
		after[k] = v
	}
	for k, v := range changes {
		if v == nil {
			delete(after, k)
			continue
		}
		after[k] = v
	}
	return after
}

// mergeDeep lays a PATCH over a document, and objects in it over the objects that are there. Null removes a member.
func mergeDeep(d, patch resource.Document) {
	for name, v := range patch {
		before, wasObject := d[name].(map[string]any)
		changes, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(d, name)
		case wasObject && isObject:
			mergeDeep(before, changes)
		default:
			d[name] = v
		}
	}
}

// defaults gives a document the members that it does not have.
func defaults(d, absent resource.Document) {
	for name, v := range absent {
		if _, there := d[name]; !there {
			d[name] = cloneValue(v)
		}
	}
}

// member gives an object in a document, or nil.
func member(d resource.Document, name string) resource.Document {
	m, _ := d[name].(map[string]any)
	return m
}

// text gives a string in a document, or nothing.
func text(d resource.Document, name string) string {
	s, _ := d[name].(string)
	return s
}

// texts gives the strings of a list in a document.
func texts(d resource.Document, name string) []string {
	list, _ := d[name].([]any)
	all := make([]string, 0, len(list))
	for _, one := range list {
		if s, isText := one.(string); isText {
			all = append(all, s)
		}
	}
	return all
}
