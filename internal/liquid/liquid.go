// Package liquid renders templates in Liquid, the language of Auth0's e-mails and pages.
//
// Auth0 renders with LiquidJS. This is github.com/osteele/liquid brought near to it: a variable or filter that is missing
// is nothing, includes find nothing, and tags with a colon ("auth0:widget") are tags. Auth0 escapes nothing by itself; here
// values that a person chose (a name, a nickname) arrive in HTML escaped, and the filter escape leaves what is escaped.
//
// The engine has no limits: what a tenant wrote is rendered by Program in a worker process (package sandbox) only.
//
// Sources: https://auth0.com/docs/customize/email/email-templates/use-liquid-syntax-in-email-templates,
// https://liquidjs.com.
package liquid

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/osteele/liquid"
	"github.com/osteele/liquid/render"

	"latchkey/internal/sandbox"
)

// Limits of a template.
const (
	MaxSource  = 256 << 10
	MaxOutput  = 1 << 20
	maxNesting = 20
)

// ProgramName is the name by which a worker knows Program.
const ProgramName = "liquid"

// Request asks for texts that share their variables.
type Request struct {
	Texts []Text         `json:"texts"`
	Vars  map[string]any `json:"vars"`
	// Untrusted are the variables that people choose, by their paths ("user.name"); a path covers what lies below it.
	Untrusted []string `json:"untrusted,omitempty"`
	// Strict refuses what rendering only leaves out: includes and layouts, for which there are no files.
	Strict bool `json:"strict,omitempty"`
}

// Text is one template.
type Text struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	HTML   bool   `json:"html,omitempty"` // untrusted values are escaped
}

// Response holds the texts by their names.
type Response struct {
	Texts map[string]string `json:"texts"`
	// LeftOut are the tags that were printed as nothing, because there are no files they could name.
	LeftOut []string `json:"left_out,omitempty"`
}

// Program renders a Request into a Response. Its failures are named "syntax", "render" and "output"; their messages
// name the text and the line and hold no value of a variable.
func Program(input json.RawMessage, most int) (any, error) {
	var r Request
	if err := json.Unmarshal(input, &r); err != nil {
		return nil, fmt.Errorf("decode a request: %w", err)
	}
	return Render(r, most)
}

// Render renders in this process: for templates of our own, and for Program.
func Render(r Request, most int) (Response, error) {
	out := Response{Texts: map[string]string{}}
	for _, t := range r.Texts {
		vars := r.Vars
		if t.HTML {
			vars = escaped(r.Vars, r.Untrusted)
		}
		text, err := renderOne(t, vars, r.Strict, most, &out)
		if err != nil {
			return Response{}, err
		}
		most -= len(text)
		out.Texts[t.Name] = text
	}
	return out, nil
}

// colon is a tag whose name has one.
var colon = regexp.MustCompile(`(\{%-?\s*)auth0:(\w+)`)

func renderOne(t Text, vars map[string]any, strict bool, most int, out *Response) (string, error) {
	if len(t.Source) > MaxSource {
		return "", failure("syntax", t.Name, 0, fmt.Sprintf("it is longer than %d bytes", MaxSource))
	}
	if line := tooDeep(t.Source); line > 0 {
		return "", failure("syntax", t.Name, line, fmt.Sprintf("blocks are nested more than %d deep", maxNesting))
	}
	engine := newEngine(t.HTML, func(tag string) error {
		if !slices.Contains(out.LeftOut, tag) {
			out.LeftOut = append(out.LeftOut, tag)
		}
		if strict {
			return errors.New("there are no files")
		}
		return nil
	})
	parsed, err := engine.ParseTemplateLocation([]byte(colon.ReplaceAllString(t.Source, "${1}auth0_$2")), "", 1)
	if err != nil {
		return "", failure("syntax", t.Name, err.LineNumber(), reason(err))
	}
	w := &capped{left: most}
	if err := parsed.FRender(w, cloned(vars)); err != nil {
		if w.left < 0 {
			return "", failure("output", t.Name, 0, "it makes more text than there may be")
		}
		if strict && len(out.LeftOut) > 0 {
			return "", failure("syntax", t.Name, err.LineNumber(), fmt.Sprintf("there are no files that %q could name", out.LeftOut[0]))
		}
		return "", failure("render", t.Name, err.LineNumber(), filtered(err))
	}
	return w.text.String(), nil
}

// newEngine makes an engine. Missing is told of tags that name files.
func newEngine(inHTML bool, missing func(tag string) error) *liquid.Engine {
	e := liquid.NewEngine()
	e.LaxFilters()
	e.RegisterTemplateStore(noFiles{})
	for _, tag := range []string{"include", "render", "layout"} {
		e.RegisterTag(tag, func(render.Context) (string, error) { return "", missing(tag) })
	}
	for _, tag := range []string{"auth0_widget", "auth0_head"} {
		e.RegisterTag(tag, func(render.Context) (string, error) { return "", nil })
	}
	e.RegisterTag("increment", counter(0, 1))
	e.RegisterTag("decrement", counter(-1, -1))
	e.RegisterTag("debug", func(c render.Context) (string, error) { return names(c.Bindings()), nil })
	if inHTML {
		e.RegisterFilter("escape", func(s string) string { return html.EscapeString(html.UnescapeString(s)) })
	}
	return e
}

// counter makes increment and decrement: each name counts by itself, apart from the variables.
func counter(first, step int) liquid.Renderer {
	return func(c render.Context) (string, error) {
		name := "$" + strings.TrimSpace(c.TagArgs())
		n := first
		if have, ok := c.Get(name).(int); ok {
			n = have + step
		}
		c.Set(name, n)
		return fmt.Sprint(n), nil
	}
}

// names tells an author which variables there are, and nothing of their values.
func names(vars map[string]any) string {
	var all []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		members, ok := v.(map[string]any)
		if !ok {
			all = append(all, prefix)
			return
		}
		for name, value := range members {
			walk(prefix+"."+name, value)
		}
	}
	for name, value := range vars {
		walk(name, value)
	}
	slices.Sort(all)
	return html.EscapeString(strings.Join(all, ", "))
}

// tooDeep gives the line at which blocks are nested deeper than a person would, or 0.
func tooDeep(source string) int {
	depth := 0
	for _, at := range block.FindAllStringSubmatchIndex(source, -1) {
		if at[2] < at[3] {
			depth--
			continue
		}
		if depth++; depth > maxNesting {
			return 1 + strings.Count(source[:at[0]], "\n")
		}
	}
	return 0
}

// block is the begin or the end of a block.
var block = regexp.MustCompile(`\{%-?\s*(end)?(?:if|unless|for|case|capture|tablerow)\b`)

// filtered says what went wrong while rendering. The engine's own words may hold values, among them the code.
func filtered(err liquid.SourceError) string {
	if name := filter.FindStringSubmatch(err.Error()); name != nil {
		return fmt.Sprintf("the filter %q cannot be applied to the values it is given", name[1])
	}
	return "it cannot be rendered with the values it is given"
}

var filter = regexp.MustCompile(`error applying filter "(\w+)"`)

// reason is what the engine says of a syntax error, without the text around it.
func reason(err liquid.SourceError) string {
	text := err.Error()
	if cause := err.Cause(); cause != nil {
		text = cause.Error()
	} else if _, after, found := strings.Cut(text, "): "); found {
		text = after
	}
	text, _, _ = strings.Cut(text, " in {")
	return text
}

func failure(name, text string, line int, why string) error {
	where := text
	if line > 0 {
		where = fmt.Sprintf("%s, line %d", text, line)
	}
	return &sandbox.Failure{Name: name, Message: where + ": " + why, Line: line}
}

// noFiles is a store without a file.
type noFiles struct{}

// ReadTemplate implements render.TemplateStore.
func (noFiles) ReadTemplate(string) ([]byte, error) { return nil, errors.New("there are no files") }

// capped takes no more text than there may be.
type capped struct {
	text strings.Builder
	left int
}

// Write implements io.Writer.
func (w *capped) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, io.ErrShortWrite
	}
	return w.text.Write(b)
}

// escaped gives variables whose untrusted values are fit for HTML.
func escaped(vars map[string]any, untrusted []string) map[string]any {
	out := cloned(vars)
	for _, path := range untrusted {
		members := out
		parts := strings.Split(path, ".")
		for _, part := range parts[:len(parts)-1] {
			members, _ = members[part].(map[string]any)
		}
		last := parts[len(parts)-1]
		if value, ok := members[last]; ok {
			members[last] = escapedValue(value)
		}
	}
	return out
}

func escapedValue(v any) any {
	switch v := v.(type) {
	case string:
		return html.EscapeString(v)
	case []any:
		for i := range v {
			v[i] = escapedValue(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[html.EscapeString(name)] = escapedValue(value)
		}
		return out
	}
	return v
}

// cloned copies variables, so that no text sees what another one set.
func cloned(vars map[string]any) map[string]any {
	out := make(map[string]any, len(vars))
	for name, v := range vars {
		out[name] = clonedValue(v)
	}
	return out
}

func clonedValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloned(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clonedValue(v[i])
		}
		return out
	}
	return v
}
