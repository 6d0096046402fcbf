package lucene

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Matcher answers queries for rows in memory. Text is compared by bytes.
type Matcher struct {
	// Bare is the fields that a term without a field is looked for in.
	Bare []string
	// Dates is the fields whose values are dates in DateLayout.
	Dates []string
}

// Match reports whether the row, of which lookup gives the values of a field, satisfies the condition.
func (m Matcher) Match(n Node, lookup func(field string) []string) bool {
	holds := func(n Node) bool { return m.Match(n, lookup) }
	switch n := n.(type) {
	case All:
		return true
	case And:
		return !slices.ContainsFunc(n.Nodes, func(n Node) bool { return !holds(n) })
	case Or:
		return slices.ContainsFunc(n.Nodes, holds)
	case Not:
		return !holds(n.Node)
	case Exists:
		return len(lookup(n.Field)) > 0
	case Range:
		return slices.ContainsFunc(lookup(n.Field), m.between(n))
	case Term:
		if n.Field != "" {
			return slices.ContainsFunc(lookup(n.Field), m.like(n.Field, n))
		}
		return slices.ContainsFunc(m.Bare, func(field string) bool {
			return slices.ContainsFunc(lookup(field), m.like(field, n))
		})
	}
	return false
}

func (m Matcher) like(field string, t Term) func(string) bool {
	if t.Pattern != nil {
		return func(value string) bool { return Like(value, t.Pattern) }
	}
	if slices.Contains(m.Dates, field) {
		if _, _, ok := Date(t.Value); ok {
			return m.between(Range{Field: field, Low: t.Value, High: t.Value, IncLow: true, IncHigh: true})
		}
	}
	return func(value string) bool { return value == t.Value }
}

// Like reports whether the pieces of a pattern come in value in their order, the first at its start, the last at its end.
func Like(value string, pattern []string) bool {
	value, found := strings.CutPrefix(value, pattern[0])
	if !found {
		return false
	}
	last := len(pattern) - 1
	for _, piece := range pattern[1:last] {
		if _, value, found = strings.Cut(value, piece); !found {
			return false
		}
	}
	return strings.HasSuffix(value, pattern[last])
}

func (m Matcher) between(r Range) func(string) bool {
	if slices.Contains(m.Dates, r.Field) {
		return dated(r)
	}
	low, lowErr := strconv.ParseFloat(r.Low, 64)
	high, highErr := strconv.ParseFloat(r.High, 64)
	if (r.Low == "" || lowErr == nil) && (r.High == "" || highErr == nil) {
		return func(value string) bool {
			v, err := strconv.ParseFloat(value, 64)
			return err == nil && (r.Low == "" || v > low || r.IncLow && v == low) &&
				(r.High == "" || v < high || r.IncHigh && v == high)
		}
	}
	return func(value string) bool {
		return (r.Low == "" || value > r.Low || r.IncLow && value == r.Low) &&
			(r.High == "" || value < r.High || r.IncHigh && value == r.High)
	}
}

func dated(r Range) func(string) bool {
	from, until, ok := r.Dates()
	return func(value string) bool {
		at, err := time.Parse(time.RFC3339Nano, value)
		return ok && err == nil && !at.Before(from) && (until.IsZero() || at.Before(until))
	}
}
