package password

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// commonList is our own list of passwords that are guessed first, one a line, in lower case. Both names that
// password_options.dictionary knows, en_10k and en_100k, stand for it, and so does the older password_dictionary: it is
// shorter than either. What else a tenant wants refused goes into its custom dictionary.
//
//go:embed common.txt
var commonList string

// common is the list, read once.
var common = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(commonList) {
		all[strings.TrimSpace(line)] = true
	}
	return all
})

// isCommon reports whether a password is on the list or among the tenant's own words, in whatever case.
func isCommon(password string, further []string) bool {
	return common()[strings.ToLower(password)] ||
		slices.ContainsFunc(further, func(word string) bool { return strings.EqualFold(word, password) })
}
