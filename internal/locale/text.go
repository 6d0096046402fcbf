package locale

import (
	"regexp"
	"strconv"
	"strings"
)

// Vars are the values of a text's variables, without "${" and "}".
type Vars map[string]string

// Texts gives the texts of one language, with its fallbacks and the tenant's own texts. It is immutable and safe for
// concurrent use; making one costs next to nothing.
type Texts struct {
	tag    string
	chain  []string
	custom Custom
	vars   Vars
}

// New makes the texts of a language. The tenant's default language is the second choice for texts that tag lacks;
// custom may be nil.
func New(tag, tenantDefault string, custom Custom) *Texts {
	return &Texts{tag: tag, chain: Chain(tag, tenantDefault), custom: custom}
}

// With returns texts whose variables have the given values wherever a call gives none.
func (t *Texts) With(vars Vars) *Texts {
	c := *t
	c.vars = vars
	return &c
}

// Tag gives the language that was asked for.
func (t *Texts) Tag() string { return t.tag }

// Dir gives its writing direction.
func (t *Texts) Dir() string { return Dir(t.tag) }

// Text is one text ready to show.
type Text struct {
	Lang  string // the language in which it was found; empty when there is no such text
	Parts []Part
}

// Part is a stretch of a text: words of ours, or the value of a variable. A page shows values in isolation (bdi), since
// their writing direction is their own.
type Part struct {
	Text string
	Var  string // the variable's name; empty for our own words
}

// String gives the whole text.
func (t Text) String() string {
	if len(t.Parts) == 1 {
		return t.Parts[0].Text
	}
	var b strings.Builder
	for _, p := range t.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// Found reports whether there is such a text.
func (t Text) Found() bool { return t.Lang != "" }

// Get gives a text. A key that no language has gives an empty Text.
func (t *Texts) Get(prompt, screen, key string, vars Vars) Text {
	for _, tag := range t.chain {
		if text, ok := t.custom[tag][prompt][screen][key]; ok && text != "" {
			return t.fill(tag, text, vars)
		}
		if m, ok := lookupBuiltin(tag, prompt, screen, key); ok {
			return t.fill(tag, m.form("other"), vars)
		}
	}
	return Text{}
}

// Count gives a text that depends on a number, in the right plural form; the number itself is the variable name.
func (t *Texts) Count(prompt, screen, key, name string, n int, vars Vars) Text {
	all := Vars{name: strconv.Itoa(n)}
	for k, v := range vars {
		all[k] = v
	}
	for _, tag := range t.chain {
		if text, ok := t.custom[tag][prompt][screen][key]; ok && text != "" {
			return t.fill(tag, text, all)
		}
		if m, ok := lookupBuiltin(tag, prompt, screen, key); ok {
			return t.fill(tag, m.form(category(tag, n)), all)
		}
	}
	return Text{}
}

func lookupBuiltin(tag, prompt, screen, key string) (message, bool) {
	load, ok := builtin[tag]
	if !ok {
		return message{}, false
	}
	m, ok := load().prompts[prompt][screen][key]
	return m, ok
}

// form gives the text of a plural category; a text without forms has one for all.
func (m message) form(category string) string {
	if m.forms == nil {
		return m.text
	}
	if s, ok := m.forms[category]; ok {
		return s
	}
	return m.forms["other"]
}

// variable matches ${name}, Auth0's older #{name}, and the <%= "${name}" %> that its documents show.
var variable = regexp.MustCompile(`<%=\s*"[$#]\{([A-Za-z0-9_]+)\}"\s*%>|[$#]\{([A-Za-z0-9_]+)\}`)

// fill puts the values in. A variable without a value vanishes; a value is never read as a text again.
func (t *Texts) fill(tag, text string, vars Vars) Text {
	out := Text{Lang: tag}
	add := func(p Part) {
		if p.Text != "" {
			out.Parts = append(out.Parts, p)
		}
	}
	rest := text
	for {
		m := variable.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		add(Part{Text: rest[:m[0]]})
		name := ""
		if m[2] >= 0 {
			name = rest[m[2]:m[3]]
		} else {
			name = rest[m[4]:m[5]]
		}
		value, ok := vars[name]
		if !ok {
			value = t.vars[name]
		}
		add(Part{Text: value, Var: name})
		rest = rest[m[1]:]
	}
	add(Part{Text: rest})
	return out
}
