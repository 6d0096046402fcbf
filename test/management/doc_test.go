package management

import (
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
