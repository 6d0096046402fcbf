package store

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"latchkey/internal/apierr"
	"latchkey/internal/store/engine"
)

// errText is the answer to a write of text that a database cannot keep: PostgreSQL takes neither bytes that are no UTF-8
// nor the zero byte, and what one database refuses the other does too. A question that holds such text is about something
// that does not exist.
var errText = apierr.New(apierr.Invalid, "invalid_text", "The request contains characters that are not allowed.")

// storable reports whether all text of a statement can be kept.
func storable(s *engine.Statement) bool {
	for _, a := range s.Args {
		if text, ok := a.(string); ok && (!utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0) {
			return false
		}
	}
	return true
}

func allStorable(statements []*engine.Statement) bool {
	return !slices.ContainsFunc(statements, func(s *engine.Statement) bool { return !storable(s) })
}

// clean makes text storable that only people read, such as what a browser or a mail server said.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Statements over lists are text that depends on the list's length. Lists are short and of few lengths, so that the
// engines' prepared statements stay few too.

// tuples writes n tuples between before and after: "(fixed $k, $k+1, ...), (...)" with columns parameters each, numbered
// from first on. Fixed stands at the front of each tuple.
func tuples(before string, n, columns, first int, fixed, after string) string {
	var b strings.Builder
	b.Grow(len(before) + len(after) + n*(len(fixed)+2+5*columns))
	b.WriteString(before)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + fixed)
		parameters(&b, columns, first+i*columns)
		b.WriteString(")")
	}
	b.WriteString(after)
	return b.String()
}

// in writes a list of n parameters in parentheses between before and after, numbered from first on.
func in(before string, n, first int, after string) string {
	return tuples(before, 1, n, first, "", after)
}

func parameters(b *strings.Builder, n, first int) {
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
}

// hashArgs gives the arguments of a look-up by tenant and any of several hashes.
func hashArgs(tenantID string, hashes [][]byte) []any {
	args := make([]any, 0, 1+len(hashes))
	args = append(args, tenantID)
	for _, h := range hashes {
		args = append(args, h)
	}
	return args
}
