package apischema

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is one compiled part. Kinds holds, for parameters of a query, what
// their text stands for.
type schema struct {
	compiled *jsonschema.Schema
	kinds    map[string]kinds
}

// kinds are the types a parameter accepts; items those of a list's elements.
type kinds struct {
	types []string
	items []string
}

// address names the document towards the compiler. Nothing is ever fetched.
const address = "latchkey:operation"

// compile returns the schema of a part, or nil when the part is not described.
func (o *Operation) compile(name string) (*schema, error) {
	d, err := o.described()
	if err != nil {
		return nil, err
	}
	root, ok := d.parts[name]
	if !ok {
		return nil, nil
	}
	s, err := d.compile(root)
	if err != nil {
		return nil, err
	}
	if name == "query" {
		s.kinds = d.kinds(root)
	}
	return s, nil
}

// compile returns the schema of a document's part.
func (d *document) compile(root any) (*schema, error) {
	d.liberate(root)
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(compilePattern)
	c.AssertFormat()
	for i := range formats {
		c.RegisterFormat(&formats[i])
	}
	if err := c.AddResource(address, object{"$defs": d.used(root), "allOf": []any{root}}); err != nil {
		return nil, err
	}
	compiled, err := c.Compile(address)
	if err != nil {
		return nil, err
	}
	return &schema{compiled: compiled}, nil
}

// check validates a value and names the first of its faults.
func (s *schema) check(v any, o *Operation, part string) error {
	err := s.compiled.Validate(v)
	if err == nil {
		return nil
	}
	var refused *jsonschema.ValidationError
	if !errors.As(err, &refused) {
		return &Error{Reason: err.Error()}
	}
	found := first(faults(refused), v, part)
	if part == "body" {
		found.advise(o)
	}
	return found
}

// decode reads a query into the values its parameters ask for. Text that does
// not read as such stays text, which is then refused by its type.
func (s *schema) decode(values url.Values) object {
	v := object{}
	for name, kinds := range s.kinds {
		given, ok := values[name]
		switch {
		case !ok:
		case kinds.items != nil || len(given) > 1:
			list := make([]any, len(given))
			for i := range given {
				list[i] = scalar(given[i], kinds.items)
			}
			v[name] = list
		default:
			v[name] = scalar(given[0], kinds.types)
		}
	}
	return v
}

func scalar(text string, types []string) any {
	for _, t := range types {
		switch t {
		case "integer", "number":
			if n, err := strconv.ParseFloat(text, 64); err == nil && plain(text) {
				return n
			}
		case "boolean":
			if text == "true" || text == "false" {
				return text == "true"
			}
		}
	}
	return text
}

// plain tells whether a number is written in digits, without the exponents,
// words and signs that ParseFloat knows besides.
func plain(text string) bool {
	for i, c := range text {
		if (c < '0' || c > '9') && c != '.' && (c != '-' || i > 0) {
			return false
		}
	}
	return true
}

// kinds reads the types of a query's parameters.
func (d *document) kinds(root any) map[string]kinds {
	all := map[string]kinds{}
	whole, _ := root.(object)
	parameters, _ := whole["properties"].(object)
	for name, p := range parameters {
		parameter := d.resolve(p)
		k := kinds{types: typesOf(parameter)}
		if items, ok := parameter["items"]; ok {
			k.items = append([]string{}, typesOf(d.resolve(items))...)
		}
		all[name] = k
	}
	return all
}

// resolve follows the references a schema consists of.
func (d *document) resolve(s any) object {
	o, _ := s.(object)
	for {
		name, ok := refersTo(o)
		if !ok {
			return o
		}
		o, _ = d.defs[name].(object)
	}
}

func typesOf(s object) []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var all []string
		for _, v := range t {
			if name, ok := v.(string); ok {
				all = append(all, name)
			}
		}
		return all
	}
	return nil
}

// used returns the named schemas that root needs, so that a part costs no more
// than its own.
func (d *document) used(root any) object {
	found := object{}
	var take func(v object)
	take = func(v object) {
		name, ok := refersTo(v)
		if _, seen := found[name]; ok && !seen {
			found[name] = d.defs[name]
			each(d.defs[name], take)
		}
	}
	each(root, take)
	return found
}

// each visits the objects in a value, an object before those in it.
func each(v any, visit func(object)) {
	switch v := v.(type) {
	case object:
		visit(v)
		for _, member := range v {
			each(member, visit)
		}
	case []any:
		for _, element := range v {
			each(element, visit)
		}
	}
}

// liberate makes every "one of" an "any of". The document often lists
// alternatives of which one value fits two, and the service refuses none for
// it.
func (d *document) liberate(root any) {
	free := func(v object) {
		if list, ok := v["oneOf"].([]any); ok {
			delete(v, "oneOf")
			v["anyOf"] = list
		}
	}
	each(root, free)
	each(d.defs, free)
}

// nowhere refuses to load: every document is given to the compiler.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, errors.New("there is nothing to load at " + url)
}

// matchLimit ends patterns that would go back and forth over a text for ever.
const matchLimit = 50 * time.Millisecond

// compilePattern compiles an ECMAScript regular expression, as JSON Schema has
// them. Those that Go's own engine reads are left to it, whose time is linear;
// the others look ahead.
func compilePattern(text string) (jsonschema.Regexp, error) {
	if re, err := regexp.Compile(text); err == nil {
		return re, nil
	}
	re, err := regexp2.Compile(text, regexp2.ECMAScript)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = matchLimit
	return backtracking{re}, nil
}

type backtracking struct{ *regexp2.Regexp }

// MatchString reports false for a text that takes too long.
func (b backtracking) MatchString(s string) bool {
	matched, err := b.Regexp.MatchString(s)
	return err == nil && matched
}
