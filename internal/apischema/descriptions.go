package apischema

import (
	"regexp"
	"strings"
)

// descriptions says, in our words and by part, what properties are whose name
// alone may not tell the reader of a refusal. Places in lists are written "[]".
var descriptions = map[string]map[string]string{
	"query": {
		"page":           "Number of the page, the first being 0",
		"per_page":       "Number of results on a page",
		"include_totals": "Whether the answer tells the total",
		"from":           "Where the last answer ended",
		"take":           "Number of results to return",
		"fields":         "Names of fields, separated by commas",
		"include_fields": "Whether the fields named are included or left out",
		"sort":           "Field to sort by and direction, as in date:-1",
	},
	"body": {
		"callbacks[]":                  "Address that a login may return to",
		"allowed_logout_urls[]":        "Address that a logout may return to",
		"allowed_origins[]":            "Origin that may call from a browser",
		"web_origins[]":                "Origin that may ask for tokens from a browser",
		"initiate_login_uri":           "Address that starts a login, with https",
		"enabled_clients[]":            "Identifier of a client",
		"options.attributes":           "Attributes that users of the connection have",
		"options.precedence":           "Order in which identifiers are tried",
		"phone_number":                 "Phone number in the form of E.164",
		"username":                     "Name to log in with, where the connection asks for one",
		"user_id":                      "Identifier of a user",
		"picture":                      "Address of a picture of the user",
		"token_lifetime":               "Seconds that access tokens last",
		"token_lifetime_for_web":       "Seconds that access tokens from the front channel last",
		"session_lifetime":             "Hours that a session lasts",
		"idle_session_lifetime":        "Hours that a session lasts without use",
		"connection_id":                "Identifier of a connection",
		"ttl_sec":                      "Seconds that the ticket lasts",
		"urlLifetimeInSeconds":         "Seconds that the link in the mail lasts",
		"resultUrl":                    "Where the link in the mail leads in the end",
		"supported_triggers":           "Triggers that the action is written for",
		"latchkey":                     "Settings of this server",
		"refresh_token.leeway":         "Seconds in which a rotated token may be used again",
		"refresh_token.token_lifetime": "Seconds that a family of refresh tokens lasts",
	},
	"options": {
		"options.email.from":     "Sender of the mail",
		"options.email.subject":  "Subject line of the mail",
		"options.email.body":     "Text of the mail",
		"options.totp.length":    "Number of digits of a code",
		"options.totp.time_step": "Seconds that a code lasts",
		"options.template":       "Text of the message",
		"options.gateway_url":    "Address of the SMS gateway",
	},
}

var places = regexp.MustCompile(`\[\d+\]`)

func describe(part, property string) string {
	return descriptions[part][places.ReplaceAllString(property, "[]")]
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
