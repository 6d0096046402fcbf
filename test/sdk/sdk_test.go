// Package sdk_test logs in with official and certified clients, unmodified,
// against a development server on each database.
package sdk_test

import (
	"testing"

	"latchkey/test/devserver"
	"latchkey/test/pg"
)

// onEachDatabase runs a test against a server on SQLite and one on PostgreSQL.
func onEachDatabase(t *testing.T, test func(t *testing.T, s *devserver.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, devserver.Start(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, devserver.Start(t, "--database", pg.Database(t)))
	})
}

// TestJavaScriptClients runs every *.test.js file of this folder.
func TestJavaScriptClients(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *devserver.Server) { s.Node(t) })
}
