package apischema

import (
	"regexp"
	"strings"
)

// descriptions says, in our words, what properties are whose name alone may
// not tell the reader of a refusal. Places in lists are written "[]".
var descriptions = map[string]string{
	"options.email.subject":  "Subject line of the mail",
	"options.email.from":     "Sender of the mail",
	"options.email.body":     "Text of the mail",
	"options.totp.length":    "Number of digits of a code",
	"options.totp.time_step": "Seconds a code lasts",
	"options.template":       "Text of the message",
	"options.gateway_url":    "Address of the SMS gateway",
	"per_page":               "Number of results on a page",
	"page":                   "Number of the page, the first being 0",
	"take":                   "Number of results to return",
	"from":                   "Where the last answer ended",
	"fields":                 "Names of fields, separated by commas",
	"include_fields":         "Whether the fields named are included or left out",
	"include_totals":         "Whether the answer tells the total",
}

var places = regexp.MustCompile(`\[\d+\]`)

func describe(property string) string {
	return descriptions[places.ReplaceAllString(property, "[]")]
}

// advice is added to the refusal of members that a user does not have, in the
// service's words.
const advice = ` (consider storing them in app_metadata or user_metadata. ` +
	`See "Users Metadata" in https://auth0.com/docs/api/v2/changes for more details)`

// advise adds what the service advises callers of an operation to do.
func (e *Error) advise(o *Operation) {
	switch o.name() {
	case "POST /users", "PATCH /users/{id}":
		if e.Property == "" && strings.HasPrefix(e.Reason, extraMembers) {
			e.Reason += advice
		}
	}
}
