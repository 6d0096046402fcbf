package store

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/internal/clock"
	"latchkey/internal/lucene"
	"latchkey/internal/user"
)

// condition is what must hold of a user, compiled from a filter.
type condition interface {
	// probe writes the condition on the user d, of whom created_at and user_id are known.
	probe(w *writer) string
}

// writer gathers the arguments of a statement; $1 is the tenant.
type writer struct{ args []any }

func (w *writer) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// constant is a condition that holds of everyone, or of nobody.
type constant string

const (
	holdsAlways = constant("1 = 1")
	holdsNever  = constant("1 = 0")
)

func (c constant) probe(*writer) string { return string(c) }

type (
	and []condition
	or  []condition
	not struct{ condition }
)

func (a and) probe(w *writer) string { return joined(a, " AND ", holdsAlways, w) }
func (o or) probe(w *writer) string  { return joined(o, " OR ", holdsNever, w) }
func (n not) probe(w *writer) string { return "NOT " + n.condition.probe(w) }

func joined(list []condition, operator string, empty constant, w *writer) string {
	if len(list) == 0 {
		return string(empty)
	}
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.probe(w)
	}
	return "(" + strings.Join(texts, operator) + ")"
}

// leaf is a condition on rows of one table, user_attributes or users.
type leaf struct {
	table string
	where func(w *writer, alias string) string // on a row, beside the tenant
	// direct writes the condition on d where that needs no look at the table; nil where it does.
	direct func(w *writer, alias string) string

	equals equality // where the condition is that and nothing else

	once      bool // no user has two such rows
	ordered   bool // the rows stand in the order of creation
	scans     bool // the rows are found by reading all with the same path
	everybody bool // there is nobody without
}

// Probe looks up one user. The OFFSET keeps PostgreSQL from joining all rows of the leaf instead.
func (l *leaf) probe(w *writer) string {
	if l.direct != nil {
		return l.direct(w, "d")
	}
	known := "x.tenant_id = $1 AND x.user_id = d.user_id AND "
	if l.ordered {
		known += "x.created_at = d.created_at AND "
	}
	return "EXISTS (SELECT 1 FROM " + l.table + " AS x WHERE " + known + l.where(w, "x") + " LIMIT 1 OFFSET 0)"
}

// leaves lists the leaves of a condition.
func leaves(c condition) []*leaf {
	var all []*leaf
	switch c := c.(type) {
	case *leaf:
		return []*leaf{c}
	case and:
		for _, child := range c {
			all = append(all, leaves(child)...)
		}
	case or:
		for _, child := range c {
			all = append(all, leaves(child)...)
		}
	case not:
		return leaves(c.condition)
	}
	return all
}

// without leaves out a part of a condition that is known to hold: the whole, or what stands in an AND.
func without(c, part condition) condition {
	switch c := c.(type) {
	case *leaf:
		if c == part {
			return holdsAlways
		}
	case or:
		if whole, ok := part.(or); ok && same(c, whole) {
			return holdsAlways
		}
	case and:
		var kept and
		for _, child := range c {
			if rest := without(child, part); rest != holdsAlways {
				kept = append(kept, rest)
			}
		}
		if len(kept) == 0 {
			return holdsAlways
		}
		return kept
	}
	return c
}

// same reports whether two alternatives are the same leaves and nothing else.
func same(a, b or) bool {
	return len(a) == len(b) && len(leaves(a)) == len(a) && slices.Equal(leaves(a), leaves(b))
}

// everybody is the leaf of all users.
func everybody() *leaf {
	l := attributeIs(everyone.path, everyone.value)
	l.everybody = true
	l.direct = func(*writer, string) string { return string(holdsAlways) }
	return l
}

// equality is a condition that a column of users, or else the value of an attribute, is one of some values.
type equality struct {
	column string
	path   string
	values []any
}

// leaf gives the condition on rows.
func (e equality) leaf() *leaf {
	one := len(e.values) == 1
	if e.column != "" {
		l := column(func(w *writer, alias string) string { return e.write(w, alias+"."+e.column) })
		l.equals = e
		return l
	}
	return &leaf{
		table: "user_attributes", equals: e, once: one || !several(e.path), ordered: one,
		where: func(w *writer, alias string) string {
			return alias + ".path = " + w.arg(e.path) + " AND " + e.write(w, alias+".value")
		},
	}
}

func (e equality) write(w *writer, column string) string {
	if len(e.values) == 1 {
		return column + " = " + w.arg(e.values[0])
	}
	list := make([]string, len(e.values))
	for i, v := range e.values {
		list[i] = w.arg(v)
	}
	return column + " IN (" + strings.Join(list, ", ") + ")"
}

// attributeIs is an attribute with a value.
func attributeIs(path, value string) *leaf {
	return equality{path: path, values: []any{value}}.leaf()
}

// columnIs is a column of the user's own row with a value.
func columnIs(name string, value any) *leaf {
	return equality{column: name, values: []any{value}}.leaf()
}

// bounds limits texts; an empty one is open.
type bounds struct {
	low, high       string
	incLow, incHigh bool
}

// write writes the conditions on a column, each after " AND ".
func (b bounds) write(w *writer, column string) string {
	var text strings.Builder
	if b.low != "" {
		text.WriteString(" AND " + column + operator(" >", b.incLow) + w.arg(b.low))
	}
	if b.high != "" {
		text.WriteString(" AND " + column + operator(" <", b.incHigh) + w.arg(b.high))
	}
	return text.String()
}

func operator(strict string, inclusive bool) string {
	if inclusive {
		return strict + "= "
	}
	return strict + " "
}

// attributeWithin is an attribute with a value between two bounds.
func attributeWithin(path string, b bounds) *leaf {
	return &leaf{table: "user_attributes", once: !several(path), where: func(w *writer, alias string) string {
		return alias + ".path = " + w.arg(path) + b.write(w, alias+".value")
	}}
}

// several reports whether a user may have several values of an attribute.
func several(path string) bool {
	return kindOf(path) == metadata || strings.HasPrefix(path, "identities.")
}

// attributeLike is an attribute with a value that begins in some way and is like a pattern.
func attributeLike(path string, b bounds, pattern string) *leaf {
	l := attributeWithin(path, b)
	within := l.where
	l.scans = b.low == ""
	l.where = func(w *writer, alias string) string {
		return within(w, alias) + " AND " + alias + ".value LIKE " + w.arg(pattern) + ` ESCAPE '\'`
	}
	return l
}

// attributeBelow is any attribute whose path begins so.
func attributeBelow(prefix string) *leaf {
	b := bounds{low: prefix, high: after(prefix), incLow: true}
	return &leaf{table: "user_attributes", where: func(w *writer, alias string) string {
		return strings.TrimPrefix(b.write(w, alias+".path"), " AND ")
	}}
}

// column is a condition on the user's own row.
func column(where func(w *writer, alias string) string) *leaf {
	return &leaf{table: "users", where: where, once: true}
}

// after gives the first text behind all that begin with prefix; empty when there is none.
func after(prefix string) string {
	for prefix != "" {
		r, n := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-n]
		switch {
		case r == utf8.MaxRune:
			continue
		case r == 0xD7FF: // no text has what comes next
			r = 0xDFFF
		}
		return prefix + string(r+1)
	}
	return ""
}

// like writes the pieces of a pattern for LIKE.
func like(pieces []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	escaped := make([]string, len(pieces))
	for i, piece := range pieces {
		escaped[i] = escape.Replace(piece)
	}
	return strings.Join(escaped, "%")
}

// mostLeaves bounds what a filter is compiled to: SQLite makes a union of 500 parts at most, and PostgreSQL is to find what
// SQLite finds.
const mostLeaves = 500

// compiled gives the condition that a filter is, or user.ErrFilterTooLarge where it has too many leaves. A word without a
// field is one for each field it is looked for in, and values that a field may have are one together.
func compiled(n lucene.Node) (condition, error) {
	c := compile(n)
	if len(leaves(c)) > mostLeaves {
		return nil, user.ErrFilterTooLarge
	}
	return c, nil
}

// compile gives the condition that a filter is.
func compile(n lucene.Node) condition {
	switch n := n.(type) {
	case nil, lucene.All:
		return holdsAlways
	case lucene.And:
		all := make(and, 0, len(n.Nodes))
		for _, child := range n.Nodes {
			switch c := compile(child).(type) {
			case constant:
				if c == holdsNever {
					return holdsNever
				}
			case and:
				all = append(all, c...)
			default:
				all = append(all, c)
			}
		}
		if len(all) == 0 {
			return holdsAlways
		}
		return single(all)
	case lucene.Or:
		list := make([]condition, len(n.Nodes))
		for i, child := range n.Nodes {
			list[i] = compile(child)
		}
		return anyOf(list...)
	case lucene.Not:
		switch c := compile(n.Node).(type) {
		case constant:
			if c == holdsNever {
				return holdsAlways
			}
			return holdsNever
		case not:
			return c.condition
		default:
			return not{c}
		}
	case lucene.Exists:
		return existing(n.Field)
	case lucene.Range:
		return ranging(n)
	case lucene.Term:
		if n.Field != "" {
			return term(n)
		}
		list := make([]condition, len(user.BareFields))
		for i, field := range user.BareFields {
			n.Field = field
			list[i] = term(n)
		}
		return anyOf(list...)
	}
	return holdsNever
}

func single(list and) condition {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func anyOf(list ...condition) condition {
	var kept or
	for _, c := range list {
		switch c := c.(type) {
		case constant:
			if c == holdsAlways {
				return holdsAlways
			}
		case or:
			kept = append(kept, c...)
		default:
			kept = append(kept, c)
		}
	}
	switch kept = grouped(kept); len(kept) {
	case 0:
		return holdsNever
	case 1:
		return kept[0]
	}
	return kept
}

// grouped makes one leaf of all that compare the same with a value.
func grouped(list or) or {
	type compared struct{ column, path string }
	at := map[compared]int{}
	kept := make(or, 0, len(list))
	for _, c := range list {
		l, isLeaf := c.(*leaf)
		if !isLeaf || len(l.equals.values) == 0 {
			kept = append(kept, c)
			continue
		}
		what := compared{l.equals.column, l.equals.path}
		i, found := at[what]
		if !found {
			at[what] = len(kept)
			kept = append(kept, l)
			continue
		}
		e := kept[i].(*leaf).equals
		for _, v := range l.equals.values {
			if !slices.Contains(e.values, v) {
				e.values = append(slices.Clip(e.values), v)
			}
		}
		kept[i] = e.leaf()
	}
	return kept
}

// kind is how a field is kept.
type kind int

const (
	unknownField kind = iota
	textAttribute
	dateAttribute
	metadata
	creation
	textColumn
	dateColumn
	countColumn
	blockColumn
)

func kindOf(field string) kind {
	switch field {
	case "created_at":
		return creation
	case "user_id", "last_ip":
		return textColumn
	case "last_login":
		return dateColumn
	case "logins_count":
		return countColumn
	case "blocked":
		return blockColumn
	case "updated_at", "last_password_reset":
		return dateAttribute
	case "app_metadata", "user_metadata":
		return metadata
	}
	switch {
	case !user.Searchable(field):
		return unknownField
	case strings.HasPrefix(field, "app_metadata."), strings.HasPrefix(field, "user_metadata."):
		return metadata
	}
	return textAttribute
}

func existing(field string) condition {
	switch kindOf(field) {
	case unknownField:
		return holdsNever
	case creation:
		return holdsAlways
	case textColumn:
		if field == "user_id" {
			return holdsAlways
		}
		return column(func(_ *writer, alias string) string { return alias + ".last_ip > ''" })
	case dateColumn, countColumn:
		return column(func(_ *writer, alias string) string { return alias + "." + field + " > 0" })
	case blockColumn:
		return column(blocked)
	case metadata:
		return anyOf(attributeWithin(pathKey(field), bounds{}), attributeBelow(clean(field)+"."))
	}
	return attributeWithin(field, bounds{})
}

func blocked(_ *writer, alias string) string { return alias + ".blocked" }

func term(t lucene.Term) condition {
	if t.Pattern != nil {
		return pattern(t)
	}
	switch kindOf(t.Field) {
	case textAttribute:
		return attributeIs(t.Field, textValue(t.Field, t.Value))
	case dateAttribute, creation, dateColumn:
		return ranging(lucene.Range{Field: t.Field, Low: t.Value, High: t.Value, IncLow: true, IncHigh: true})
	case metadata:
		path := pathKey(t.Field)
		text := attributeIs(path, textValue(path, t.Value))
		if n, ok := parseNumber(t.Value); ok {
			return anyOf(text, attributeIs(path, numberValue(n)))
		}
		return text
	case textColumn:
		return columnIs(t.Field, t.Value)
	case countColumn:
		n, err := strconv.ParseInt(t.Value, 10, 64)
		if err != nil {
			return holdsNever
		}
		return columnIs("logins_count", n)
	case blockColumn:
		switch t.Value {
		case "true":
			return column(blocked)
		case "false":
			return not{column(blocked)}
		}
	}
	return holdsNever
}

// pattern compiles a term with wildcards. Dates, counts and blocks have none.
func pattern(t lucene.Term) condition {
	pieces := slices.Clone(t.Pattern)
	k := kindOf(t.Field)
	if k == textAttribute && user.Folded(t.Field) {
		for i := range pieces {
			pieces[i] = strings.ToLower(pieces[i])
		}
	}
	if k != textColumn {
		pieces[0] = apart(pieces[0])
	}
	// What is longer than the kept part of a value is found by that.
	start := pieces[0]
	if most := mostValue - 32; len(start) > most {
		start = clipped(start, most)
		pieces = []string{start, ""}
	}
	b := bounds{low: start, high: after(start), incLow: true}
	_, prefixOnly := lucene.Term{Pattern: pieces}.Prefix()
	switch k {
	case textAttribute, metadata:
		path := pathKey(t.Field)
		if prefixOnly {
			return attributeWithin(path, b)
		}
		return attributeLike(path, b, like(pieces))
	case textColumn:
		l := column(func(w *writer, alias string) string {
			c := alias + "." + t.Field
			return c + " LIKE " + w.arg(like(pieces)) + ` ESCAPE '\'` + b.write(w, c)
		})
		l.scans = start == ""
		return l
	}
	return holdsNever
}

func ranging(r lucene.Range) condition {
	switch kindOf(r.Field) {
	case textAttribute:
		b := bounds{incLow: r.IncLow, incHigh: r.IncHigh}
		if r.Low != "" {
			b.low = textValue(r.Field, r.Low)
		}
		if r.High != "" {
			b.high = textValue(r.Field, r.High)
		}
		return attributeWithin(r.Field, b)
	case textColumn:
		b := bounds{r.Low, r.High, r.IncLow, r.IncHigh}
		if b.low == "" && r.Field == "last_ip" {
			b.low, b.incLow = "!", true // before every address and after none
		}
		return column(func(w *writer, alias string) string {
			return strings.TrimPrefix(b.write(w, alias+"."+r.Field), " AND ")
		})
	case metadata:
		return rangingMetadata(r)
	case countColumn:
		return counted(r)
	}
	from, until, ok := r.Dates()
	if !ok {
		return holdsNever
	}
	switch kindOf(r.Field) {
	case dateAttribute:
		b := bounds{incLow: true}
		if !from.IsZero() {
			b.low = dateValue(from)
		}
		if !until.IsZero() {
			b.high = dateValue(until)
		}
		return attributeWithin(r.Field, b)
	case creation:
		return created(from, until)
	case dateColumn:
		if from.IsZero() {
			from = time.UnixMilli(1) // a single lower bound: SQLite's index takes the first it meets
		}
		return column(func(w *writer, alias string) string {
			return strings.TrimPrefix(moments(w, alias+".last_login", from, until), " AND ")
		})
	}
	return holdsNever
}

// created is the users that were created within a time.
func created(from, until time.Time) *leaf {
	direct := func(w *writer, alias string) string {
		return strings.TrimPrefix(moments(w, alias+".created_at", from, until), " AND ")
	}
	all := everybody().where
	return &leaf{table: "user_attributes", once: true, ordered: true, direct: direct, where: func(w *writer, alias string) string {
		return all(w, alias) + " AND " + direct(w, alias)
	}}
}

// moments writes the conditions on a column of times, each after " AND ".
func moments(w *writer, column string, from, until time.Time) string {
	text := ""
	if !from.IsZero() {
		text += " AND " + column + " >= " + w.arg(clock.Millis(from))
	}
	if !until.IsZero() {
		text += " AND " + column + " < " + w.arg(clock.Millis(until))
	}
	return text
}

// counted compiles a range of logins_count.
func counted(r lucene.Range) condition {
	low, lowOK := wholeBound(r.Low, r.IncLow, math.Ceil, 1)
	high, highOK := wholeBound(r.High, r.IncHigh, math.Floor, -1)
	if !lowOK || !highOK {
		return holdsNever
	}
	return column(func(w *writer, alias string) string {
		text := alias + ".logins_count >= " + w.arg(max(low, 0))
		if r.High != "" {
			text += " AND " + alias + ".logins_count <= " + w.arg(high)
		}
		return text
	})
}

// wholeBound gives the first whole number within a bound.
func wholeBound(text string, inclusive bool, round func(float64) float64, inwards int64) (int64, bool) {
	if text == "" {
		return 0, true
	}
	f, ok := parseNumber(text)
	if !ok || math.Abs(f) > 1<<53 {
		return 0, false
	}
	n := int64(round(f))
	if !inclusive && float64(n) == f {
		n += inwards
	}
	return n, true
}

func parseNumber(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// rangingMetadata compares numbers as numbers, and texts as texts or, where the bounds are dates, as dates.
func rangingMetadata(r lucene.Range) condition {
	path := pathKey(r.Field)
	texts := bounds{incLow: r.IncLow, incHigh: r.IncHigh, low: firstText, high: ""}
	low, lowOK := parseNumber(r.Low)
	high, highOK := parseNumber(r.High)
	numeric := (r.Low == "" || lowOK) && (r.High == "" || highOK)
	if from, until, ok := r.Dates(); ok && !numeric {
		texts.incLow, texts.incHigh = true, false
		if !from.IsZero() {
			texts.low = shortDate(from)
		}
		if !until.IsZero() {
			texts.high = shortDate(until)
		}
	} else {
		if r.Low != "" {
			texts.low = textValue(path, r.Low)
		}
		if r.High != "" {
			texts.high = textValue(path, r.High)
		}
	}
	if !numeric {
		return attributeWithin(path, texts)
	}
	if r.Low == "" {
		texts.low, texts.incLow = "0", true
	}
	if r.High == "" {
		texts.high = ":" // behind all that begins with a digit
	}
	numbers := bounds{incLow: r.IncLow, incHigh: r.IncHigh, low: numberMark, high: textMark}
	if r.Low != "" {
		numbers.low = numberValue(low)
	}
	if r.High != "" {
		numbers.high = numberValue(high)
	}
	return anyOf(attributeWithin(path, numbers), attributeWithin(path, texts))
}

// firstText comes before all texts and after all numbers.
const firstText = textMark

// shortDate writes a moment so that it comes before everything that begins with it: 2026-01-01 for a midnight.
func shortDate(t time.Time) string {
	text := dateValue(t)
	for _, zero := range []string{".000Z", ":00", ":00", "T00"} {
		shorter, ok := strings.CutSuffix(text, zero)
		if !ok {
			break
		}
		text = shorter
	}
	return text
}

// order is the order of a result. Key is the leaf of those that have the field; nil for the order of creation.
type order struct {
	key        *leaf
	column     string // of users that the order is by; empty for an attribute
	path       string // of the attribute
	several    bool   // a user may have several values
	descending bool
}

func orderOf(s user.Sort) order {
	o := order{descending: s.Descending}
	switch kindOf(s.Field) {
	case unknownField, creation:
	case textColumn, dateColumn, countColumn, blockColumn:
		o.column = s.Field
		if s.Field == "user_id" {
			o.key = column(func(_ *writer, alias string) string { return alias + ".user_id > ''" })
		} else {
			o.key, _ = existing(s.Field).(*leaf)
		}
	default:
		o.path = pathKey(s.Field)
		o.several = several(o.path)
		o.key = attributeWithin(o.path, bounds{})
		o.key.once = true // see first
	}
	return o
}

// by writes the ORDER BY over columns. What begins with a test for NULL is not turned round.
func (o order) by(columns ...string) string {
	list := slices.Clone(columns)
	if o.descending {
		for i, c := range list {
			if !strings.HasSuffix(c, " IS NULL") {
				list[i] = c + " DESC"
			}
		}
	}
	return " ORDER BY " + strings.Join(list, ", ")
}

// first writes the condition that a row of the key is the one that decides about its user.
func (o order) first(w *writer) string {
	if !o.several {
		return ""
	}
	earlier := "<"
	if o.descending {
		earlier = ">"
	}
	return " AND NOT EXISTS (SELECT 1 FROM user_attributes AS y WHERE y.tenant_id = $1 AND y.user_id = d.user_id AND y.path = " +
		w.arg(o.path) + " AND y.value " + earlier + " d.value LIMIT 1 OFFSET 0)"
}

// value writes the value of the field of user d, NULL without one.
func (o order) value(w *writer) string {
	if o.column != "" {
		return "(SELECT x." + o.column + " FROM users AS x WHERE x.tenant_id = $1 AND x.user_id = d.user_id AND " + o.key.where(w, "x") + ")"
	}
	decides := "MIN"
	if o.descending {
		decides = "MAX"
	}
	return "(SELECT " + decides + "(x.value) FROM user_attributes AS x WHERE x.tenant_id = $1 AND x.user_id = d.user_id AND x.path = " +
		w.arg(o.path) + ")"
}
