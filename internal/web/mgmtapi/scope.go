package mgmtapi

import (
	"slices"
	"strings"
)

// scopes say what a token must hold for an operation.
type scopes struct {
	names []string
	all   bool // every one of them, not just any
}

func anyOf(names ...string) scopes { return scopes{names: names} }

func allOf(names ...string) scopes { return scopes{names: names, all: true} }

// check answers the documented refusal when the token does not hold what is asked for.
func (s scopes) check(t *token) error {
	if s.all {
		for _, name := range s.names {
			if !t.has(name) {
				return insufficientScope("expected all of: " + strings.Join(s.names, ","))
			}
		}
		return nil
	}
	if !slices.ContainsFunc(s.names, t.has) {
		return insufficientScope("expected any of: " + strings.Join(s.names, ","))
	}
	return nil
}

// onlyOwn reports whether the token may call the operation on the account of its own user alone: it holds no scope for it
// but those of the current user.
func (s scopes) onlyOwn(t *token) bool {
	own := func(name string) bool { return strings.Contains(name, ":current_user") }
	for _, name := range s.names {
		if t.has(name) && !own(name) {
			return false
		}
	}
	return slices.ContainsFunc(s.names, own)
}

func insufficientScope(expected string) error {
	return problem{Status: 403, Code: "insufficient_scope", Message: "Insufficient scope, " + expected}
}
