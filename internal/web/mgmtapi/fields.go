package mgmtapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/resource"
	"latchkey/internal/web/httpx"
)

// identifying are the members that stay when fields are chosen: tools read them whatever they asked for.
var identifying = []string{"id", "client_id", "user_id", secretHashes}

// selectFields keeps or removes the members that the request names (fields, include_fields), in a single object or in
// each object of a list.
func (r *request) selectFields(a answer) (answer, error) {
	text := r.query("fields")
	if text == "" || r.http.Method != http.MethodGet || a.body == nil {
		return a, nil
	}
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	include := r.query("include_fields") != "false"
	pick := func(d resource.Document) resource.Document {
		kept := resource.Document{}
		for name, v := range d {
			top := slices.ContainsFunc(names, func(n string) bool { return n == name || strings.HasPrefix(n, name+".") })
			exact := slices.Contains(names, name)
			if include && (top || slices.Contains(identifying, name)) || !include && !exact {
				kept[name] = v
			}
		}
		return kept
	}
	switch body := a.body.(type) {
	case []resource.Document:
		a.body = pickEach(body, pick)
	case resource.Document:
		list, found := listOf(body)
		if !found {
			a.body = pick(body)
			break
		}
		for name, v := range body {
			if items, isList := v.([]resource.Document); isList && name == list {
				body[name] = pickEach(items, pick)
			}
		}
	}
	return a, nil
}

// listOf names the member that holds the items of a list with totals or a cursor.
func listOf(body resource.Document) (string, bool) {
	for name, v := range body {
		if _, isList := v.([]resource.Document); isList {
			return name, true
		}
	}
	return "", false
}

func pickEach(items []resource.Document, pick func(resource.Document) resource.Document) []resource.Document {
	picked := make([]resource.Document, len(items))
	for i, one := range items {
		picked[i] = pick(one)
	}
	return picked
}

// writeJSON answers with a body. Markup in texts is written as it is: nobody reads these answers as a page.
func writeJSON(w http.ResponseWriter, status int, body any) { httpx.WriteJSON(w, status, body) }

// document turns a typed record into a document.
func document(record any) (resource.Document, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	var d resource.Document
	return d, json.Unmarshal(text, &d)
}

// clone copies a document with everything in it.
func clone(d resource.Document) resource.Document {
	copied, _ := cloneValue(d).(resource.Document)
	return copied
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		copied := make(map[string]any, len(v))
		for name, one := range v {
			copied[name] = cloneValue(one)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, one := range v {
			copied[i] = cloneValue(one)
		}
		return copied
	}
	return v
}
