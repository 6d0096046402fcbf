// Package browser_test meets the hosted pages in a real browser.
package browser_test

import (
	"testing"

	"latchkey/test/devserver"
)

// TestPages runs every *.test.js file of this folder against one server.
func TestPages(t *testing.T) {
	t.Parallel()
	devserver.Start(t).Node(t)
}
