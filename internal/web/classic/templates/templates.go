// Package templates has the Classic login pages that tenants start from: Lock for passwordless connections, Lock, and a page
// of our own around auth0.js. They read `@@config@@` just as the pages of tenants do and load nothing from another host, so
// each can be copied, changed and stored as a tenant's own.
//
// Auth0: "Customize Classic Login Pages with Lock or SDK".
package templates

import (
	_ "embed" // for the pages
	"fmt"
	"strings"
	"text/template"

	"latchkey/internal/web/classic/assets"
)

// Name names a template, in the words of Auth0's Dashboard.
type Name string

// The templates.
const (
	LockPasswordless Name = "Lock (passwordless)"
	Lock             Name = "Lock"
	Custom           Name = "Custom Login Form"
)

// Names gives every template, in the order in which they are offered.
func Names() []Name { return []Name{Lock, LockPasswordless, Custom} }

var (
	//go:embed lock-passwordless.html
	lockPasswordless string
	//go:embed lock.html
	lock string
	//go:embed custom.html
	custom string
	//go:embed lock.css
	lockCSS string
)

// HTML gives a page that loads its library from our host, in the version of these files and with its digest.
func HTML(name Name, files *assets.Files) (string, error) {
	source, ok := map[Name]string{LockPasswordless: lockPasswordless, Lock: lock, Custom: custom}[name]
	if !ok {
		return "", fmt.Errorf("there is no Classic page %q", name)
	}
	// Not html/template: the page is a text of ours, and what is put into it are a path and a digest of our own files.
	t, err := template.New(string(name)).Option("missingkey=error").Parse(source)
	if err != nil {
		return "", fmt.Errorf("parse the Classic page %q: %w", name, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, map[string]any{"Lock": files.Lock(), "Auth0": files.Auth0(), "LockCSS": strings.TrimRight(lockCSS, "\n")}); err != nil {
		return "", fmt.Errorf("render the Classic page %q: %w", name, err)
	}
	return b.String(), nil
}
