package apischema

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed operations
var embedded embed.FS

// Operation is one method on one path of the Management API. It is safe for
// concurrent use, and its exported fields are not to be changed.
type Operation struct {
	Method string
	Path   string // relative to /api/v2, as documented: "/clients/{id}"
	Scopes []string
	// AllScopes tells that a token needs every one of Scopes; any one is enough
	// otherwise.
	AllScopes bool
	// Success holds the statuses of successful answers, ascending.
	Success []int
	// HasBody tells that requests may carry a body.
	HasBody bool

	file  string        // of the folder operations, or
	added func() object // the parts of an operation that has no file

	body, query, path part
	responses         sync.Map // status to *part
}

type object = map[string]any

// index holds every operation, with the differences applied.
type index struct {
	list   []*Operation
	byName map[string]*Operation
}

// catalogue is the index, read at first use.
var catalogue = sync.OnceValue(func() *index {
	list, err := readIndex()
	if err != nil {
		panic(fmt.Sprintf("apischema: %v", err))
	}
	for _, a := range additions() {
		_, body := a.parts()["body"]
		list = append(list, &Operation{
			Method: a.method, Path: a.path, Scopes: a.scopes, Success: a.success, HasBody: body, added: a.parts,
		})
	}
	slices.SortStableFunc(list, func(a, b *Operation) int { return strings.Compare(a.Path, b.Path) })
	i := &index{list: list, byName: map[string]*Operation{}}
	table := differences()
	for _, o := range list {
		o.correct(table)
		i.byName[o.name()] = o
	}
	return i
})

// readIndex returns every operation as it was generated.
func readIndex() ([]*Operation, error) {
	text, err := embedded.ReadFile("operations/index.json")
	if err != nil {
		return nil, err
	}
	var lines []struct {
		Method  string   `json:"method"`
		Path    string   `json:"path"`
		File    string   `json:"file"`
		Scopes  []string `json:"scopes"`
		All     bool     `json:"all"`
		Success []int    `json:"success"`
		Body    bool     `json:"body"`
	}
	if err := json.Unmarshal(text, &lines); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	list := make([]*Operation, len(lines))
	for i, l := range lines {
		list[i] = &Operation{
			Method: l.Method, Path: l.Path, Scopes: l.Scopes, AllScopes: l.All,
			Success: l.Success, HasBody: l.Body, file: l.File,
		}
	}
	return list, nil
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
// the documented ones is an error, and so is a body with the status 204, which
// has none; an answer whose body is not described may hold anything. The error
// is an *Error.
func (o *Operation) Response(status int, v any) error {
	switch {
	case !slices.Contains(o.Success, status):
		return &Error{Reason: fmt.Sprintf("Status %d is none of %v", status, o.Success)}
	case status == http.StatusNoContent && v != nil:
		return &Error{Reason: "An answer with the status 204 has no body"}
	case status == http.StatusNoContent:
		return nil
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
	err  error
}

// get returns nil when the part is not described. A description that does not
// compile is a fault of ours, which a test of every part rules out.
func (p *part) get(o *Operation, name string) *schema {
	p.once.Do(func() { p.s, p.err = o.compile(name) })
	if p.err != nil {
		panic(fmt.Sprintf("apischema: %s: %s: %v", o.name(), name, p.err))
	}
	return p.s
}

// document is what is known of an operation's schemas: its parts by name
// ("body", "query", "path", or the status of an answer) and the named schemas
// they share.
type document struct {
	parts object
	defs  object
}

// read returns the operation's document without the differences: its file as
// it was generated.
func (o *Operation) read() (*document, error) {
	if o.added != nil {
		return &document{parts: o.added(), defs: object{}}, nil
	}
	packed, err := embedded.ReadFile("operations/" + o.file)
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
	table := differences()
	for _, named := range []bool{true, false} { // Named schemas first: the others copy what they change.
		for _, change := range table {
			if named != (len(change.schemas) > 0) {
				continue
			}
			if _, err := change.apply(o, d); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}
