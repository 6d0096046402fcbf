package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type object = map[string]any

// methods are the members of a path item that are operations.
var methods = []string{"get", "post", "put", "patch", "delete"}

// facts are the schema keywords that are kept. What they hold says how to look
// for further schemas inside.
var facts = map[string]shape{
	"type": value, "enum": value, "const": value, "pattern": value, "format": value, "required": value,
	"minLength": value, "maxLength": value, "minimum": value, "maximum": value, "multipleOf": value,
	"exclusiveMinimum": value, "exclusiveMaximum": value,
	"minItems": value, "maxItems": value, "uniqueItems": value, "minProperties": value, "maxProperties": value,
	"items": one, "additionalProperties": one, "propertyNames": one, "not": one,
	"oneOf": several, "anyOf": several, "allOf": several,
	"properties": named, "patternProperties": named,
}

// prose are the keywords that are left out: text, samples and hints that
// decide nothing about a value.
var prose = []string{"title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly",
	"discriminator", "contentMediaType", "contentEncoding"}

type shape int

const (
	value shape = iota
	one
	several
	named
)

// index is one line of index.json: what is known of an operation without its
// schemas.
type index struct {
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	File    string   `json:"file"`
	Scopes  []string `json:"scopes,omitempty"`
	All     bool     `json:"all,omitempty"`
	Success []int    `json:"success"`
	Body    bool     `json:"body,omitempty"`
}

// Reduce returns the files that stand for the document, by name: index.json and
// a compressed one for each operation. Equal documents give equal bytes.
func Reduce(text []byte) (map[string][]byte, error) {
	var doc object
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	paths, _ := doc["paths"].(object)
	components, _ := doc["components"].(object)
	schemas, _ := components["schemas"].(object)
	responses, _ := components["responses"].(object)
	files := map[string][]byte{}
	var lines []index
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, _ := paths[path].(object)
		for _, method := range methods {
			operation, ok := item[method].(object)
			if !ok {
				continue
			}
			r := reduction{schemas: schemas, responses: responses, defs: object{}}
			line, content, err := r.operation(method, path, operation)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			if _, taken := files[line.File]; taken {
				return nil, fmt.Errorf("%s %s: another operation is called %s", method, path, line.File)
			}
			if files[line.File], err = compress(content); err != nil {
				return nil, err
			}
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("no operations found")
	}
	var err error
	files["index.json"], err = list(lines)
	return files, err
}

// reduction gathers what one operation needs.
type reduction struct {
	schemas, responses object
	defs               object
}

func (r *reduction) operation(method, path string, op object) (index, object, error) {
	line := index{Method: strings.ToUpper(method), Path: path, File: fileName(method, path)}
	line.Scopes, line.All = scopes(op)
	content := object{}
	if err := r.parameters(op, content); err != nil {
		return line, nil, err
	}
	if body, ok := op["requestBody"].(object); ok {
		schema, err := r.media(body)
		if err != nil {
			return line, nil, fmt.Errorf("request body: %w", err)
		}
		content["body"], line.Body = schema, true
	}
	answers := object{}
	all, _ := op["responses"].(object)
	for _, code := range slices.Sorted(maps.Keys(all)) {
		status, err := strconv.Atoi(code)
		if err != nil || status < 200 || status > 299 {
			continue
		}
		line.Success = append(line.Success, status)
		answer, err := follow(all[code], r.responses)
		if err != nil {
			return line, nil, err
		}
		schema, err := r.media(answer)
		if err != nil {
			return line, nil, fmt.Errorf("response %s: %w", code, err)
		}
		if schema != nil {
			answers[code] = schema
		}
	}
	if len(line.Success) == 0 {
		return line, nil, fmt.Errorf("no successful response")
	}
	if len(answers) > 0 {
		content["responses"] = answers
	}
	if len(r.defs) > 0 {
		content["$defs"] = r.defs
	}
	return line, content, nil
}

// parameters writes the schemas of path and query parameters, each as one
// object. Headers are the edge's own affair.
func (r *reduction) parameters(op, content object) error {
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		parameter, _ := p.(object)
		name, _ := parameter["name"].(string)
		in, _ := parameter["in"].(string)
		switch in {
		case "path", "query":
		case "header":
			continue
		default:
			return fmt.Errorf("parameter %s is in %q, which is not known", name, in)
		}
		schema, err := r.schema(parameter["schema"])
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		whole, ok := content[in].(object)
		if !ok {
			whole = object{"type": "object", "properties": object{}}
			content[in] = whole
		}
		whole["properties"].(object)[name] = schema
		if parameter["required"] == true {
			required, _ := whole["required"].([]any)
			whole["required"] = append(required, name)
		}
	}
	return nil
}

// media returns the schema of a body: that of JSON, else that of the only
// media type. It returns nil when there is none.
func (r *reduction) media(body object) (any, error) {
	content, _ := body["content"].(object)
	if len(content) == 0 {
		return nil, nil
	}
	media, ok := content["application/json"].(object)
	if !ok {
		media, _ = content[slices.Sorted(maps.Keys(content))[0]].(object)
	}
	if media["schema"] == nil {
		return nil, nil
	}
	return r.schema(media["schema"])
}

// schema returns the facts of a schema. Named schemas it refers to are put
// among the operation's definitions, once each.
func (r *reduction) schema(s any) (any, error) {
	if _, ok := s.(bool); ok {
		return s, nil
	}
	from, ok := s.(object)
	if !ok {
		return nil, fmt.Errorf("a schema is a %T", s)
	}
	to := object{}
	for _, keyword := range slices.Sorted(maps.Keys(from)) {
		if slices.Contains(prose, keyword) || strings.HasPrefix(keyword, "x-") {
			continue
		}
		if keyword == "$ref" {
			ref, err := r.reference(from[keyword])
			if err != nil {
				return nil, err
			}
			to[keyword] = ref
			continue
		}
		kept, err := r.keyword(keyword, from[keyword])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", keyword, err)
		}
		to[keyword] = kept
	}
	return to, nil
}

func (r *reduction) keyword(keyword string, v any) (any, error) {
	shape, known := facts[keyword]
	if !known {
		return nil, fmt.Errorf("is neither among the facts nor among the prose this command knows")
	}
	switch shape {
	case one:
		return r.schema(v)
	case several:
		list, _ := v.([]any)
		kept := make([]any, len(list))
		for i := range list {
			var err error
			if kept[i], err = r.schema(list[i]); err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
		}
		return kept, nil
	case named:
		members, _ := v.(object)
		kept := object{}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			var err error
			if kept[name], err = r.schema(members[name]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return kept, nil
	default:
		return v, nil
	}
}

func (r *reduction) reference(ref any) (string, error) {
	address, _ := ref.(string)
	name, ok := strings.CutPrefix(address, "#/components/schemas/")
	if !ok {
		return "", fmt.Errorf("$ref %v leads elsewhere than to a schema", ref)
	}
	if _, done := r.defs[name]; !done {
		target, ok := r.schemas[name]
		if !ok {
			return "", fmt.Errorf("$ref %s leads nowhere", address)
		}
		r.defs[name] = object{} // Taken before it is filled: a schema may contain itself.
		kept, err := r.schema(target)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		r.defs[name] = kept
	}
	return "#/$defs/" + name, nil
}

// follow resolves a response that is given by reference.
func follow(v any, responses object) (object, error) {
	answer, _ := v.(object)
	ref, ok := answer["$ref"].(string)
	if !ok {
		return answer, nil
	}
	target, ok := responses[strings.TrimPrefix(ref, "#/components/responses/")].(object)
	if !ok {
		return nil, fmt.Errorf("$ref %s leads nowhere", ref)
	}
	return target, nil
}

// every recognises refusals that ask for all of several scopes.
var every = regexp.MustCompile(`expected all of|:\w+ and (create|read|update|delete):`)

// scopes returns the scopes of the security requirement and whether all of
// them are needed. Any one is enough unless the 403 answer says otherwise:
// Auth0 does not read the list as OpenAPI does.
func scopes(op object) ([]string, bool) {
	var found []string
	requirements, _ := op["security"].([]any)
	for _, r := range requirements {
		requirement, _ := r.(object)
		for _, scheme := range slices.Sorted(maps.Keys(requirement)) {
			names, _ := requirement[scheme].([]any)
			for _, n := range names {
				if name, ok := n.(string); ok && !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		}
	}
	responses, _ := op["responses"].(object)
	forbidden, _ := responses["403"].(object)
	text, _ := forbidden["description"].(string)
	return found, len(found) > 1 && every.MatchString(text)
}

// fileName is the operation's file: method and path in words.
func fileName(method, path string) string {
	name := strings.NewReplacer("/", ".", "{", "", "}", "").Replace(path)
	return method + name + ".json.gz"
}

// list writes the index, one operation a line, so that a change of the document
// reads well in a diff.
func list(lines []index) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, line := range lines {
		text, err := json.Marshal(line)
		if err != nil {
			return nil, err
		}
		b.Write(text)
		if i < len(lines)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes(), nil
}

// compress writes canonical JSON (sorted members, no white space) without a
// time or a name in the header.
func compress(v any) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
