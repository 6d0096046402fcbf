// Package sdk_test logs in with official and certified clients, unmodified,
// against a development server on each database.
package sdk_test

import (
	"path/filepath"
	"strings"
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
	files, err := filepath.Glob("*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.test.js here: %v", err)
	}
	onEachDatabase(t, func(t *testing.T, s *devserver.Server) {
		for _, file := range files {
			t.Run(strings.TrimSuffix(file, ".test.js"), func(t *testing.T) {
				t.Parallel()
				s.Node(t, file)
			})
		}
	})
}
