// Package lucene reads the query language of user search and log search: the part of Lucene's syntax that Auth0 documents.
//
//	email:"jane@example.com" AND NOT blocked:true
//	identities.connection:("sms" OR "email") created_at:[2026-01 TO *} -_exists_:last_login
//
// Parse gives a tree that a store compiles to its own questions; a Matcher answers the same tree for a row in memory.
// What strangers send is bounded in length, depth and number of conditions, and every refusal is a sentence that may be
// shown to them.
//
// Auth0: "User Search Query Syntax" (manage-users/user-search/user-search-query-syntax) and "Log Search Query Syntax"
// (deploy-monitor/logs/log-search-query-syntax).
package lucene

import (
	"strings"
	"time"

	"latchkey/internal/apierr"
)

// Bounds of a query.
const (
	MaxLength = 8192 // bytes
	MaxTerms  = 256  // conditions
	maxDepth  = 32   // parentheses and negations within each other
)

// Code is the code of every error of this package; its kind is apierr.Invalid.
const Code = "invalid_query_string"

// Node is a condition: one of And, Or, Not, Term, Range, Exists and All.
type Node interface{ node() }

// And holds where each of its conditions does. It has two at least.
type And struct{ Nodes []Node }

// Or holds where one of its conditions does. It has two at least.
type Or struct{ Nodes []Node }

// Not holds where its condition does not.
type Not struct{ Node Node }

// Term holds where the field has the value. An empty field stands for those that a search looks at when none is named.
type Term struct {
	Field string
	Value string
	// Phrase says that the value stood in quotes.
	Phrase bool
	// Pattern is the literal pieces between the asterisks of a term with wildcards, two at least: jan*e is "jan", "e";
	// *ane is "", "ane". Nil for a term without any.
	Pattern []string
}

// Range holds where the field is between two bounds. An empty bound is open.
type Range struct {
	Field           string
	Low, High       string
	IncLow, IncHigh bool
}

// Exists holds where the field has a value.
type Exists struct{ Field string }

// All holds everywhere.
type All struct{}

func (And) node()    {}
func (Or) node()     {}
func (Not) node()    {}
func (Term) node()   {}
func (Range) node()  {}
func (Exists) node() {}
func (All) node()    {}

// Each visits the conditions of a query that are not made of others, in their order, until visit answers with an error.
func Each(n Node, visit func(Node) error) error {
	switch n := n.(type) {
	case And:
		return each(n.Nodes, visit)
	case Or:
		return each(n.Nodes, visit)
	case Not:
		return Each(n.Node, visit)
	}
	return visit(n)
}

func each(nodes []Node, visit func(Node) error) error {
	for _, n := range nodes {
		if err := Each(n, visit); err != nil {
			return err
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return apierr.Newf(apierr.Invalid, Code, format, args...)
}

// Prefix gives the literal beginning of a pattern whose only asterisk is its end.
func (t Term) Prefix() (string, bool) {
	if len(t.Pattern) == 2 && t.Pattern[1] == "" {
		return t.Pattern[0], true
	}
	return "", false
}

// Literal is how many characters of the longest piece of a pattern are literal.
func (t Term) Literal() int {
	longest := 0
	for _, piece := range t.Pattern {
		longest = max(longest, len([]rune(piece)))
	}
	return longest
}

// DateLayout is how dates are written where they are compared as text: RFC 3339 in UTC with milliseconds.
const DateLayout = "2006-01-02T15:04:05.000Z"

// partial is the forms in which a date may be cut short, each with what it leaves open.
var partial = []struct {
	layout              string
	years, months, days int
	rest                time.Duration
}{
	{layout: "2006", years: 1},
	{layout: "2006-01", months: 1},
	{layout: "2006-01-02", days: 1},
	{layout: "2006-01-02T15", rest: time.Hour},
	{layout: "2006-01-02T15:04", rest: time.Minute},
	{layout: "2006-01-02T15:04:05", rest: time.Second},
}

// Date reads a date that may be cut short, such as 2026-03, and gives the first millisecond it stands for and the first
// one after. Without a zone it is in UTC.
func Date(text string) (from, until time.Time, ok bool) {
	text = strings.TrimSuffix(text, "Z")
	for _, p := range partial {
		if t, err := time.Parse(p.layout, text); err == nil {
			if strings.Contains(text, ".") { // a fraction is read behind the seconds of any layout
				p.rest = time.Millisecond
			}
			t = t.Truncate(time.Millisecond)
			return t, t.AddDate(p.years, p.months, p.days).Add(p.rest), true
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		t = t.UTC().Truncate(time.Millisecond)
		return t, t.Add(time.Millisecond), true
	}
	return time.Time{}, time.Time{}, false
}

// Dates gives what a range of dates admits: moments not before from and before until; a zero one is open. It is false when
// a bound is no date.
func (r Range) Dates() (from, until time.Time, ok bool) {
	if r.Low != "" {
		first, after, ok := Date(r.Low)
		if !ok {
			return time.Time{}, time.Time{}, false
		}
		if from = after; r.IncLow {
			from = first
		}
	}
	if r.High != "" {
		first, after, ok := Date(r.High)
		if !ok {
			return time.Time{}, time.Time{}, false
		}
		if until = first; r.IncHigh {
			until = after
		}
	}
	return from, until, true
}
