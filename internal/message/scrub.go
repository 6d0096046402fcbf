package message

import (
	"encoding/base64"
	"strings"
)

// shortSecret is the length below which a secret is a word like any other.
const shortSecret = 4

// forms are a secret as it is, and as it stands within text in base64, whatever surrounds it there: mail servers and
// services that refuse a login may repeat what they were shown (AUTH PLAIN, LOGIN and XOAUTH2, Basic of RFC 7617).
func forms(secret string) []string {
	if len(secret) < shortSecret {
		return nil
	}
	all := []string{secret}
	for before := range 3 { // bytes of its first group that are not its own
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
		// A character on either edge holds bits of a neighbour too.
		from, to := (before*8+5)/6, (before+len(secret))*8/6
		all = append(all, text[from:to])
	}
	return all
}

// scrubbed takes secrets, in the forms that are given, out of what a provider says.
func scrubbed(r Result, forms []string) Result {
	for _, f := range forms {
		r.Detail, r.Told = strings.ReplaceAll(r.Detail, f, "[secret]"), strings.ReplaceAll(r.Told, f, "[secret]")
	}
	return r
}
