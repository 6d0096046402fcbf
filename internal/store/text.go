package store

import (
	"strconv"
	"strings"
)

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
