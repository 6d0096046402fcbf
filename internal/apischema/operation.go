package apischema

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"
)

//go:embed operations
var embedded embed.FS

// Operation is one method on one path of the Management API. It is safe for
// concurrent use, and its exported fields are not to be changed.
type Operation struct {
	Method string   `json:"method"`
	Path   string   `json:"path"` // relative to /api/v2, as documented: "/clients/{id}"
	Scopes []string `json:"scopes"`
	// AllScopes tells that a token needs every one of Scopes; any one is enough
	// otherwise.
	AllScopes bool `json:"all"`
	// Success holds the statuses of successful answers, ascending.
	Success []int `json:"success"`
	// HasBody tells that requests may carry a body.
	HasBody bool `json:"body"`

	File string `json:"file"`

	body, query, path part
	responses         sync.Map // status to *part
}

type object = map[string]any

// catalogue holds every operation by method and path, in the order of the
// index. It is read once, at first use.
var catalogue = sync.OnceValue(func() *index {
	text, err := embedded.ReadFile("operations/index.json")
	if err != nil {
		panic(fmt.Sprintf("apischema: %v", err))
	}
	i := &index{byName: map[string]*Operation{}}
	if err := json.Unmarshal(text, &i.list); err != nil {
		panic(fmt.Sprintf("apischema: index.json: %v", err))
	}
	for _, o := range i.list {
		o.correct(differences())
		i.byName[o.name()] = o
	}
	return i
})

type index struct {
	list   []*Operation
	byName map[string]*Operation
}

// Find returns the operation of a method and a documented path, such as
// "PATCH" and "/clients/{id}".
func Find(method, path string) (*Operation, bool) {
	o, ok := catalogue().byName[method+" "+path]
	return o, ok
}

// Operations returns every operation, ordered by path.
func Operations() []*Operation {
	return slices.Clone(catalogue().list)
}

func (o *Operation) name() string { return o.Method + " " + o.Path }

// Body checks the body of a request, as encoding/json decodes it into an any.
// The error is an *Error.
func (o *Operation) Body(v any) error {
	return o.check(&o.body, "body", v)
}

// Query checks the parameters of a query. Values become what their parameter
// asks for where their text allows it; parameters that are not documented are
// ignored. The error is an *Error.
func (o *Operation) Query(values url.Values) error {
	s := o.query.get(o, "query")
	if s == nil {
		return nil
	}
	return s.check(s.decode(values), o, "query")
}

// PathParameters checks the values of a path's parameters, decoded. The error
// is an *Error.
func (o *Operation) PathParameters(values map[string]string) error {
	v := object{}
	for name, value := range values {
		v[name] = value
	}
	return o.check(&o.path, "path", v)
}

// Response checks the body of a successful answer. A status that is none of
// the documented ones is an error; an answer whose body is not described may
// hold anything. The error is an *Error.
func (o *Operation) Response(status int, v any) error {
	if !slices.Contains(o.Success, status) {
		return &Error{Reason: fmt.Sprintf("Status %d is none of %v", status, o.Success)}
	}
	p, _ := o.responses.LoadOrStore(status, &part{})
	return o.check(p.(*part), strconv.Itoa(status), v)
}

func (o *Operation) check(p *part, name string, v any) error {
	s := p.get(o, name)
	if s == nil {
		return nil
	}
	return s.check(v, o, name)
}

// part is the compiled schema of one part of an operation, made at first use.
type part struct {
	once sync.Once
	s    *schema
}

// get returns nil when the part is not described.
func (p *part) get(o *Operation, name string) *schema {
	p.once.Do(func() {
		s, err := o.compile(name)
		if err != nil {
			panic(fmt.Sprintf("apischema: %s: %s: %v", o.name(), name, err))
		}
		p.s = s
	})
	return p.s
}

// document is what is known of an operation's schemas: its parts by name
// ("body", "query", "path", or the status of an answer) and the named schemas
// they share.
type document struct {
	parts object
	defs  object
}

// read decompresses the operation's file as it was generated.
func (o *Operation) read() (*document, error) {
	packed, err := embedded.ReadFile("operations/" + o.File)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var content object
	if err := json.NewDecoder(r).Decode(&content); err != nil {
		return nil, err
	}
	d := &document{parts: object{}, defs: object{}}
	for name, v := range content {
		members, _ := v.(object)
		switch name {
		case "$defs":
			d.defs = members
		case "responses":
			for status, schema := range members {
				d.parts[status] = schema
			}
		default:
			d.parts[name] = v
		}
	}
	return d, nil
}

// described returns the operation's document with the differences applied.
func (o *Operation) described() (*document, error) {
	d, err := o.read()
	if err != nil {
		return nil, err
	}
	for _, change := range differences() {
		if _, err := change.apply(o, d); err != nil {
			return nil, err
		}
	}
	return d, nil
}
