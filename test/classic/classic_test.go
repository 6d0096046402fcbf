// Package classic_test logs in with Lock and auth0.js, unmodified from npm, in headless Chromium: on the tenant's own login
// page, and on pages of an application on another host.
package classic_test

import (
	"testing"

	"latchkey/test/devserver"
)

// TestLibraries runs every *.test.js file of this folder against one server.
func TestLibraries(t *testing.T) {
	t.Parallel()
	devserver.Start(t).Node(t)
}
