package mgmtapi

import (
	"encoding/json"

	"latchkey/internal/resource"
)

// hidden is what stands in the log for a secret (Auth0 masks passwords so).
const hidden = "*****"

// secretMembers are the members of payloads and answers whose texts never reach the log, wherever they stand.
var secretMembers = map[string]bool{
	"access_token": true, "access_token_secret": true, "api_key": true, "apiKey": true, "auth_token": true, "aws_secret_access_key": true, "client_secret": true,
	"clientSecret": true, "code_verifier": true, "configuration": true, "connectionString": true, "credentials": true, "custom_password_hash": true, "datadogApiKey": true,
	"hash": true, "header_value": true, "httpAuthorization": true, "httpCustomHeaders": true, "id_token": true, "key": true,
	"link_with": true, "mixpanelServiceAccountPassword": true, "p12": true, "password": true, "password_hash": true, "pkcs7": true, "privateKey": true, "private_key": true,
	"recovery_code": true, "salt": true, "sasKey": true, "secret": true, "secretAccessKey": true, "segmentWriteKey": true, "server_credentials": true, "server_key": true,
	"signing_secret": true, "skey": true, "smtp_pass": true, "splunkToken": true, "storageAccessKey": true, "sumoSourceAddress": true, "ticket": true, "ticket_url": true,
	"token": true, "totp_secret": true, "twilio_token": true, "value": true,
}

// masked copies a value without the texts of its secrets. An object or list under a secret's name is masked as a whole,
// unless it is one of the settings that merely share the name.
func masked(v any) any {
	switch v := v.(type) {
	case resource.Document:
		copied := make(resource.Document, len(v))
		for name, one := range v {
			if name == "scopes" { // their values are names
				copied[name] = cloneValue(one)
				continue
			}
			switch one.(type) {
			case string, []any, map[string]any:
				if secretMembers[name] {
					copied[name] = hidden
					continue
				}
			}
			copied[name] = masked(one)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, one := range v {
			copied[i] = masked(one)
		}
		return copied
	case []resource.Document:
		copied := make([]any, len(v))
		for i, one := range v {
			copied[i] = masked(one)
		}
		return copied
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
