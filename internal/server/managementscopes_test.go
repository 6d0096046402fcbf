package server

import (
	"slices"
	"testing"

	"latchkey/internal/apischema"
)

// Every scope that the Management API asks for can be granted.
func TestManagementScopes_HoldEveryScopeThatAnOperationAsksFor(t *testing.T) {
	t.Parallel()
	for _, o := range apischema.Operations() {
		for _, scope := range o.Scopes {
			if !slices.Contains(managementScopes, scope) {
				t.Errorf("%s %s asks for %s, which is not among the scopes", o.Method, o.Path, scope)
			}
		}
	}
}
