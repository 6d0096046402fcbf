package mgmtapi

import (
	"encoding/json"
	"testing"

	"latchkey/internal/resource"
)

func TestMasked_LeavesNoSecretAndNothingElseOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ is, want string }{
		{`{"addons":{"sap_api":{"clientid":"c","servicePassword":"s"},"wams":{"masterkey":"s"},"firebase":{"private_key":"s","private_key_id":"i"}}}`,
			`{"addons":{"sap_api":{"clientid":"c","servicePassword":"*****"},"wams":{"masterkey":"*****"},"firebase":{"private_key":"*****","private_key_id":"i"}}}`},
		{`{"sink":{"httpEndpoint":"https://user:s@example.com/in?key=s","httpAuthorization":"s","httpCustomHeaders":[{"header":"X","value":"s"}]}}`,
			`{"sink":{"httpEndpoint":"https://example.com/in?*****","httpAuthorization":"*****","httpCustomHeaders":"*****"}}`},
		{`{"options":{"gateway_url":"https://sms.example.com/?user=u&pass=s","smtp_pass":"s","smtp_password":"s","Authorization":"s","apiKey":"s","from":"a@example.com"}}`,
			`{"options":{"gateway_url":"https://sms.example.com/?*****","smtp_pass":"*****","smtp_password":"*****","Authorization":"*****","apiKey":"*****","from":"a@example.com"}}`},
		{`{"app_id":"SLACK","setup":{"type":"WEBHOOK","url":"https://hooks.example.com/s"}}`, `{"app_id":"SLACK","setup":"*****"}`},
		{`{"actions":[{"params":{"url":"https://api.example.com/v1?token=s","headers":{"X-Any":"s"},"basic":{"username":"u","password":"s"}}}]}`,
			`{"actions":[{"params":{"url":"https://api.example.com/v1?*****","headers":"*****","basic":{"username":"u","password":"*****"}}}]}`},
		// What only has such a name, and addresses that nobody's key is in.
		{`{"refresh_token":{"rotation_type":"rotating"},"token_endpoint_auth_method":"none","callbacks":["https://example.com/?a=b","https://*.example.com"]}`, ""},
		{`{"options":{"authentication_methods":{"password":{"enabled":true}},"passwordPolicy":"good"}}`, ""},
		{`{"session_transfer":{"can_create_session_transfer_token":true},"description":"see https://x:y@z/?q or ask"}`, ""},
		{`{"callbacks":["https://u:s@example.com/cb?a=b"]}`, `{"callbacks":["https://example.com/cb?a=b"]}`},
	} {
		if c.want == "" {
			c.want = c.is
		}
		var is, want resource.Document
		if err := json.Unmarshal([]byte(c.is), &is); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(masked(is))
		wanted, _ := json.Marshal(want)
		if err != nil || string(got) != string(wanted) {
			t.Errorf("%s is masked as %s (%v), want %s", c.is, got, err, wanted)
		}
	}
}
