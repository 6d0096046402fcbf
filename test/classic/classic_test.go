// Package classic_test logs in with Lock and auth0.js, unmodified from npm, in headless Chromium: on the tenant's own login
// page, and on pages of an application on another host. Beside that it asks the endpoints themselves what they refuse.
package classic_test

import (
	"os"
	"path/filepath"
	"testing"

	"latchkey/internal/web/classic/assets"
	"latchkey/internal/web/classic/templates"
	"latchkey/test/devserver"
)

// TestLibraries runs every *.test.js file of this folder against one server. They find our page around auth0.js by
// LATCHKEY_CUSTOM_PAGE.
func TestLibraries(t *testing.T) {
	if !assets.Built() {
		t.Fatal("Lock and auth0.js are not built: run make assets")
	}
	html, err := templates.HTML(templates.Custom, assets.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "custom.html")
	if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATCHKEY_CUSTOM_PAGE", file)
	devserver.Start(t).Node(t)
}
