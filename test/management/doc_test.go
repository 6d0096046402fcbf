package management

import (
	"strings"
	"testing"

	"latchkey/internal/eventlog"
	"latchkey/test/servertest"
)

// eventsOf lists the tenant's log events of one type, the oldest first.
func eventsOf(t *testing.T, s *servertest.Server, typ eventlog.Type) []eventlog.Record {
	t.Helper()
	var list []eventlog.Record
	for _, e := range s.Events(t) {
		if e.Type == typ {
			list = append(list, e)
		}
	}
	return list
}

// containsAny reports whether a text holds one of some secrets.
func containsAny(text string, secrets ...string) bool {
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			return true
		}
	}
	return false
}
