// Package contact reads the addresses people type, and gives each the one canonical form under which the whole product
// stores, limits and compares it.
package contact

import (
	"errors"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// ErrEmail is the answer to text that is no e-mail address.
var ErrEmail = errors.New("not an e-mail address")

// maxEmail is the longest address that fits an SMTP path (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const maxEmail = 254

// Email reads an address as a person typed it and gives its canonical form: no surrounding space, all lower case, the
// domain in ASCII (RFC 5891). Dots and plus signs of the local part are kept: they are different mailboxes to us.
// Addresses with a display name, quoted local parts and domain literals are refused.
func Email(typed string) (string, error) {
	s := strings.TrimSpace(typed)
	if s == "" || len(s) > maxEmail {
		return "", ErrEmail
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Name != "" || addr.Address != s {
		return "", ErrEmail
	}
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:at], s[at+1:]
	if len(local) > 64 || strings.ContainsAny(local, "\"\\ ") || strings.HasPrefix(domain, "[") {
		return "", ErrEmail
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !dottedOrLocal(ascii) {
		return "", ErrEmail
	}
	return strings.ToLower(local) + "@" + strings.ToLower(ascii), nil
}

// dottedOrLocal accepts names with a dot and the bare "localhost" that developers mail to.
func dottedOrLocal(domain string) bool {
	return domain == "localhost" || strings.Contains(strings.Trim(domain, "."), ".")
}

// Mask shortens an address for the operator log: "a***@example.com".
func Mask(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at < 1 {
		return "***"
	}
	return email[:1] + "***" + email[at:]
}
