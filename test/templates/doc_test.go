// Package templates_test tells what tenants' templates make of mail, through the whole server: variables, languages, escaping,
// and that no template keeps a mail from arriving.
package templates_test
