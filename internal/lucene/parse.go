package lucene

import (
	"strings"
	"unicode/utf8"
)

// Parse reads a query. An empty one is All. Its errors are of kind apierr.Invalid and safe for strangers.
//
// NOT binds closest, then AND, then OR. Conditions that merely stand beside each other are alternatives, as in Lucene;
// where one of them is marked with + it must hold and those without a mark no longer matter, and one marked with -, ! or
// NOT must not hold.
func Parse(q string) (Node, error) {
	if len(q) > MaxLength {
		return nil, refuse("The query is too long: at most %d bytes are allowed.", MaxLength)
	}
	if !utf8.ValidString(q) || strings.IndexByte(q, 0) >= 0 {
		return nil, refuse("The query contains characters that are not allowed.")
	}
	p := &parser{rest: q}
	p.space()
	if p.rest == "" {
		return All{}, nil
	}
	n, err := p.alternatives("")
	if err != nil {
		return nil, err
	}
	if p.rest != "" { // only a parenthesis ends the alternatives early
		return nil, refuse("The query has a closing parenthesis that was never opened.")
	}
	return n, nil
}

// parser consumes rest. Between its steps rest begins with no white space.
type parser struct {
	rest  string
	depth int
	terms int
}

// mark says what a clause beside others asks for.
type mark int

const (
	should mark = iota
	must
	mustNot
)

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n\u3000") }

// accept consumes text if it comes next.
func (p *parser) accept(text string) bool {
	rest, found := strings.CutPrefix(p.rest, text)
	if found {
		p.rest = rest
		p.space()
	}
	return found
}

// word consumes an operator that is a word if it comes next and ends there.
func (p *parser) word(operator string) bool {
	rest, found := strings.CutPrefix(p.rest, operator)
	if !found || rest != "" && !strings.ContainsAny(rest[:1], " \t\r\n()\"") {
		return false
	}
	p.rest = rest
	p.space()
	return true
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return refuse("The query is nested too deeply.")
	}
	return nil
}

// alternatives reads clauses between OR up to the end or a closing parenthesis. Conditions without a field are about the
// given one.
func (p *parser) alternatives(field string) (Node, error) {
	var nodes []Node
	for {
		n, err := p.neighbours(field)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if !p.or() {
			return anyOf(nodes), nil
		}
	}
}

func (p *parser) or() bool  { return p.word("OR") || p.accept("||") }
func (p *parser) and() bool { return p.word("AND") || p.accept("&&") }

// neighbours reads clauses that stand beside each other without an operator.
func (p *parser) neighbours(field string) (Node, error) {
	var required, optional, refused, chains []Node
	for {
		n, m, chain, err := p.chain(field)
		switch {
		case err != nil:
			return nil, err
		case m == must:
			required = append(required, n)
		case m == mustNot:
			refused = append(refused, Not{n})
		case chain:
			chains = append(chains, n)
		default:
			optional = append(optional, n)
		}
		if p.rest == "" || p.rest[0] == ')' || p.atOr() {
			break
		}
	}
	switch {
	case len(required) > 0: // AND makes both its sides required, as + does
		required = append(required, chains...)
	case len(optional)+len(chains) > 0:
		required = []Node{anyOf(append(optional, chains...))}
	}
	return allOf(append(required, refused...)), nil
}

func (p *parser) atOr() bool {
	ahead := *p
	return ahead.or()
}

// chain reads conditions joined by AND. A single one keeps its mark.
func (p *parser) chain(field string) (n Node, m mark, joined bool, err error) {
	n, m, err = p.marked(field)
	if err != nil || !p.and() {
		return n, m, false, err
	}
	nodes := []Node{negated(n, m)}
	for {
		n, m, err := p.marked(field)
		if err != nil {
			return nil, should, false, err
		}
		nodes = append(nodes, negated(n, m))
		if !p.and() {
			return allOf(nodes), should, true, nil
		}
	}
}

func negated(n Node, m mark) Node {
	if m == mustNot {
		return Not{n}
	}
	return n
}

// marked reads a condition with the marks before it. Two negations undo each other.
func (p *parser) marked(field string) (Node, mark, error) {
	m := should
	for marks := 0; ; marks++ {
		if marks > maxDepth {
			return nil, should, refuse("The query is nested too deeply.")
		}
		switch {
		case p.word("NOT"), p.accept("!"), p.accept("-"):
			if m == mustNot {
				m = must
			} else {
				m = mustNot
			}
		case p.accept("+"):
			if m == should {
				m = must
			}
		default:
			n, err := p.condition(field)
			return n, m, err
		}
	}
}

// condition reads one condition or a group.
func (p *parser) condition(field string) (Node, error) {
	if p.rest == "" {
		return nil, refuse("The query ends where a condition is expected.")
	}
	if p.word("AND") || p.word("OR") || p.accept("&&") || p.accept("||") {
		return nil, refuse("The query has an operator where a condition is expected.")
	}
	switch p.rest[0] {
	case '(':
		return p.group(field)
	case ')':
		return nil, refuse("The query has a closing parenthesis where a condition is expected.")
	}
	if name, ok := p.field(); ok {
		return p.about(name)
	}
	return p.value(field)
}

// group reads what stands in parentheses.
func (p *parser) group(field string) (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.accept("(")
	n, err := p.alternatives(field)
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		return nil, refuse("The query has an opening parenthesis that is never closed.")
	}
	p.depth--
	return n, nil
}

// field consumes a field's name and its colon, if they come next.
func (p *parser) field() (name string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case ':':
			if i == 0 {
				return "", false
			}
			p.rest = p.rest[i+1:]
			p.space()
			return b.String(), true
		case '\\':
			if i++; i < len(p.rest) {
				b.WriteByte(p.rest[i])
			}
		case ' ', '\t', '\r', '\n', '(', ')', '[', ']', '{', '}', '"', '^', '~':
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// about reads what is said of a field that was named.
func (p *parser) about(name string) (Node, error) {
	switch {
	case p.rest == "":
		return nil, refuse("The query names the field %s and says nothing about it.", quote(name))
	case name == "_exists_":
		n, err := p.value("")
		if err != nil {
			return nil, err
		}
		t, ok := n.(Term)
		if !ok || t.Pattern != nil {
			return nil, refuse("_exists_ must be followed by the name of a field.")
		}
		return Exists{Field: t.Value}, nil
	case name == "*":
		n, err := p.value("")
		if _, ok := n.(All); err == nil && !ok {
			return nil, refuse("The name of a field cannot have wildcards.")
		}
		return n, err
	case strings.Contains(name, "*"):
		return nil, refuse("The name of a field cannot have wildcards.")
	}
	switch p.rest[0] {
	case '(':
		return p.group(name)
	case '[', '{':
		return p.between(name)
	case '<', '>':
		return p.compared(name)
	}
	return p.value(name)
}

func (p *parser) count() error {
	if p.terms++; p.terms > MaxTerms {
		return refuse("The query has too many conditions: at most %d are allowed.", MaxTerms)
	}
	return nil
}

// value reads a phrase or a term and makes it a condition on the field.
func (p *parser) value(field string) (Node, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	if p.rest != "" && p.rest[0] == '"' {
		text, err := p.phrase()
		if err != nil {
			return nil, err
		}
		if err := p.noModifier(); err != nil {
			return nil, err
		}
		return Term{Field: field, Value: text, Phrase: true}, nil
	}
	pieces, err := p.term(field != "")
	if err != nil {
		return nil, err
	}
	text := strings.Join(pieces, "*")
	if len(pieces) == 1 {
		return Term{Field: field, Value: text}, nil
	}
	if strings.Trim(text, "*") != "" {
		return Term{Field: field, Value: text, Pattern: collapse(pieces)}, nil
	}
	if field == "" {
		return All{}, nil
	}
	return Exists{Field: field}, nil
}

// collapse leaves out the empty pieces between asterisks that stand beside each other.
func collapse(pieces []string) []string {
	kept := pieces[:1]
	for i, piece := range pieces[1:] {
		if piece != "" || i == len(pieces)-2 {
			kept = append(kept, piece)
		}
	}
	return kept
}

// phrase reads what stands in quotes.
func (p *parser) phrase() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case '\\':
			if i++; i < len(p.rest) {
				b.WriteByte(p.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", refuse("The query has a quotation mark that is never closed.")
}

// noModifier refuses what Lucene allows behind a term or phrase and Auth0 does not, and goes to the next word.
func (p *parser) noModifier() error {
	switch {
	case strings.HasPrefix(p.rest, "~"):
		return refuse("Fuzzy and proximity searches (~) are not supported.")
	case strings.HasPrefix(p.rest, "^"):
		return refuse("Boosting (^) is not supported.")
	}
	p.space()
	return nil
}

// term reads an unquoted term as the pieces between its asterisks. Behind a field's colon nothing but a value is expected,
// so that colons need no backslash there.
func (p *parser) term(afterField bool) ([]string, error) {
	var pieces []string
	var b strings.Builder
	i := 0
scan:
	for ; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case ' ', '\t', '\r', '\n', '(', ')', '"', '^', '~':
			break scan
		case '[', ']', '{', '}':
			return nil, refuse("The character %s must be written behind a backslash or in quotes.", quote(string(c)))
		case ':':
			if !afterField {
				return nil, refuse("The character %s must be written behind a backslash or in quotes.", quote(string(c)))
			}
			b.WriteByte(c)
		case '?':
			return nil, refuse("The wildcard ? is not supported; write it behind a backslash or in quotes.")
		case '*':
			pieces = append(pieces, b.String())
			b.Reset()
		case '\\':
			if i++; i == len(p.rest) {
				return nil, refuse("The query ends with a backslash.")
			}
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	if i == 0 {
		return nil, refuse("The query has %s where a value is expected.", quote(firstRune(p.rest)))
	}
	p.rest = p.rest[i:]
	return append(pieces, b.String()), p.noModifier()
}

func firstRune(text string) string {
	_, n := utf8.DecodeRuneInString(text)
	return text[:n]
}

// between reads [a TO b] and its kin.
func (p *parser) between(field string) (Node, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	r := Range{Field: field, IncLow: p.rest[0] == '['}
	p.rest = p.rest[1:]
	p.space()
	var err error
	if r.Low, err = p.bound(); err != nil {
		return nil, err
	}
	if !p.word("TO") {
		return nil, refuse("A range must be written as [a TO b] or {a TO b}.")
	}
	if r.High, err = p.bound(); err != nil {
		return nil, err
	}
	switch {
	case p.accept("]"):
		r.IncHigh = true
	case !p.accept("}"):
		return nil, refuse("The query has a range that is never closed.")
	}
	if r.Low == "" && r.High == "" {
		return Exists{Field: field}, nil
	}
	return r, nil
}

// bound reads one end of a range; it is empty for an open one.
func (p *parser) bound() (string, error) {
	if p.rest != "" && p.rest[0] == '"' {
		text, err := p.phrase()
		p.space()
		if err == nil && text == "" {
			err = refuse("A range must be written as [a TO b] or {a TO b}.")
		}
		return text, err
	}
	var b strings.Builder
	i := 0
scan:
	for ; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case ' ', '\t', '\r', '\n', ']', '}':
			break scan
		case '\\':
			if i++; i < len(p.rest) {
				b.WriteByte(p.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	raw := p.rest[:min(i, len(p.rest))]
	p.rest = p.rest[len(raw):]
	p.space()
	switch {
	case raw == "*":
		return "", nil
	case b.Len() == 0:
		return "", refuse("A range must be written as [a TO b] or {a TO b}.")
	}
	return b.String(), nil
}

// compared reads >a, >=a, <a and <=a.
func (p *parser) compared(field string) (Node, error) {
	above := p.rest[0] == '>'
	p.rest = p.rest[1:]
	inclusive := p.accept("=")
	p.space()
	n, err := p.value(field)
	if err != nil {
		return nil, err
	}
	t, ok := n.(Term)
	switch {
	case !ok || t.Pattern != nil || t.Value == "":
		return nil, refuse("A comparison needs a value without wildcards.")
	case above:
		return Range{Field: field, Low: t.Value, IncLow: inclusive}, nil
	}
	return Range{Field: field, High: t.Value, IncHigh: inclusive}, nil
}

func anyOf(nodes []Node) Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return Or{nodes}
}

func allOf(nodes []Node) Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return And{nodes}
}

// quote shows a stranger a short piece of the query.
func quote(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return `"` + text + `"`
}
