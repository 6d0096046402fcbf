// Package browser_test meets the hosted pages in a real browser.
package browser_test

import (
	"testing"

	"latchkey/test/devserver"
)

func TestHostedPages(t *testing.T) {
	t.Parallel()
	devserver.Start(t).Node(t, "hosted-pages.test.js")
}
