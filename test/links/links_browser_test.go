package links_test

import (
	"testing"

	"latchkey/test/devserver"
)

// TestBrowser runs the *.test.js files of this folder in a real browser, against one server.
func TestBrowser(t *testing.T) {
	t.Parallel()
	devserver.Start(t).Node(t)
}
