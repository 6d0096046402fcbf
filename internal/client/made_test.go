package client

import (
	"regexp"
	"testing"
)

func TestMadeID_IsTheSameForTheSameTenantAndRole(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[A-Za-z0-9]{32}$`)
	seen := map[string]bool{}
	for _, tenantID := range []string{"t1", "t2", "t1\x00w"} {
		for _, role := range []string{"web", "spa", "eb"} {
			id := MadeID(tenantID, role)
			if !form.MatchString(id) || id != MadeID(tenantID, role) || seen[id] {
				t.Errorf("MadeID(%q, %q) = %s", tenantID, role, id)
			}
			seen[id] = true
		}
	}
}
