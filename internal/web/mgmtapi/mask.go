package mgmtapi

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/resource"
)

// hidden is what stands in the log for a secret (Auth0 masks passwords so).
const hidden = "*****"

// secretMembers are the members of payloads and answers whose texts never reach the log, wherever they stand, whatever is
// in them.
var secretMembers = map[string]bool{
	"code_verifier": true, "configuration": true, "connectionString": true, "credentials": true, "customHeaders": true,
	"custom_password_hash": true, "decryptionKey": true, "hash": true, "header_value": true, "headers": true,
	"httpCustomHeaders": true, "key": true, "link_with": true, "p12": true, "password_hash": true, "pkcs7": true,
	"recovery_code": true, "salt": true, "sasKey": true, "segmentWriteKey": true, "server_credentials": true, "server_key": true,
	"setup": true, "signing_key": true, "skey": true, "sumoSourceAddress": true, "ticket": true, "ticket_url": true, "value": true,
	"wrapped_key": true,
}

// secretEndings are how names of secrets end, also of those that no description knows: options of connections and metadata
// are open. What is no text or list under such a name is one of the settings that are named alike.
var secretEndings = []string{
	"password", "passwd", "_pass", "passphrase", "secret", "token", "authorization", "api_key", "apikey", "access_key", "accesskey",
	"secret_key", "secretkey", "private_key", "privatekey", "master_key", "masterkey",
}

// isSecret reports whether what stands under a name is kept out of the log.
func isSecret(name string, value any) bool {
	switch value.(type) {
	case string, []any:
		lower := strings.ToLower(name)
		return secretMembers[name] || slices.ContainsFunc(secretEndings, func(end string) bool { return strings.HasSuffix(lower, end) })
	case map[string]any:
		return secretMembers[name]
	}
	return false
}

// calledAddresses are members with addresses that the server calls: queries of such hold keys more often than not.
var calledAddresses = map[string]bool{"gateway_url": true, "httpEndpoint": true, "url": true, "webhook_endpoint": true}

// withoutKeys gives a text without the user and password of an address, and without the query of one that is called.
func withoutKeys(name, text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	called := calledAddresses[name] && u.RawQuery != ""
	if u.User == nil && !called {
		return text
	}
	u.User = nil
	if called {
		u.RawQuery = hidden
	}
	return u.String()
}

// masked copies a value without the texts of its secrets.
func masked(v any) any { return maskedAs("", v) }

// maskedAs masks what stands under a name.
func maskedAs(name string, v any) any {
	switch v := v.(type) {
	case resource.Document:
		copied := make(resource.Document, len(v))
		for name, one := range v {
			if name == "scopes" { // their values are names
				copied[name] = cloneValue(one)
				continue
			}
			if isSecret(name, one) {
				copied[name] = hidden
				continue
			}
			copied[name] = maskedAs(name, one)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, one := range v {
			copied[i] = maskedAs(name, one)
		}
		return copied
	case []resource.Document:
		copied := make([]any, len(v))
		for i, one := range v {
			copied[i] = maskedAs(name, one)
		}
		return copied
	case string:
		return withoutKeys(name, v)
	}
	return v
}

// maxDetails is how much of a call's payload and answer an event keeps, in bytes.
const maxDetails = 32 << 10

// bounded leaves bodies out of an event that would be too large.
func bounded(details map[string]any) map[string]any {
	for _, part := range []string{"response", "request"} {
		text, err := json.Marshal(details)
		if err == nil && len(text) <= maxDetails {
			break
		}
		if body, found := details[part].(map[string]any); found {
			body["body"] = map[string]any{"omitted": "The body is too large for the log."}
		}
	}
	return details
}
