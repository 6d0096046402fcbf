package apischema

import (
	"encoding/json"
	"strings"
	"testing"
)

func decode(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestBody_RefusesInTheServicesWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 141)
	for _, c := range []struct{ operation, body, want string }{
		// Types.
		{"POST /users", `[]`, `'Expected type object but found type array'.`},
		{"POST /users", `null`, `'Expected type object but found type null'.`},
		{"POST /clients", `{"name":1}`, `'Expected type string but found type integer' on property name.`},
		{"POST /clients", `{"name":1.5}`, `'Expected type string but found type number' on property name.`},
		{"POST /clients", `{"name":"a","callbacks":"https://example.com"}`, `'Expected type array but found type string' on property callbacks.`},
		{"POST /clients", `{"name":"a","is_first_party":"true"}`, `'Expected type boolean but found type string' on property is_first_party.`},
		{"PATCH /clients/{id}", `{"refresh_token":7}`, `'Expected type object,null but found type integer' on property refresh_token.`},
		{"PUT /branding/templates/universal-login", `7`, `'Expected type string,object but found type integer'.`},
		// Members.
		{"POST /users", `{}`, `'Missing required property: connection'.`},
		{"POST /connections", `{}`, `'Missing required property: name'.`},
		{"POST /connections", `{"name":"a","strategy":"email","enabled_clients2":[],"b":1}`, `'Additional properties not allowed: b,enabled_clients2'.`},
		{"PATCH /connections/{id}", `{"name":"a"}`, `'Additional properties not allowed: name'.`},
		{"PATCH /connections/{id}/clients", `[{"client_id":"AaiyAPdpYdesoKnqjj8HJqRn4T5titww"}]`, `'Missing required property: status' on property [0].`},
		{"PATCH /clients/{id}", `{}`, `'Too few properties defined (0), minimum 1'.`},
		{"POST /connections", `{"name":"a","strategy":"auth0","metadata":{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":"","k":""}}`,
			`'Too many properties defined (11), maximum 10' on property metadata.`},
		{"PATCH /users/{id}", `{"zoneinfo":"UTC","app_metadata":{"anything":1}}`,
			`'Additional properties not allowed: zoneinfo (consider storing them in app_metadata or user_metadata. ` +
				`See "Users Metadata" in https://auth0.com/docs/api/v2/changes for more details)'.`},
		// Values.
		{"POST /connections", `{"name":"a","strategy":"nope"}`, `'No enum match for: "nope"' on property strategy.`},
		{"POST /connections", `{"name":"a","strategy":"auth0","options":{"attributes":{"email":{"identifier":{"active":true,"default_method":"phone_otp"}}}}}`,
			`'No enum match for: "phone_otp"' on property options.attributes.email.identifier.default_method.`},
		{"POST /connections", `{"name":"a_b","strategy":"email"}`, `'String does not match pattern ^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$' on property name.`},
		{"POST /users", `{"connection":"a","email":"x"}`, `'Object didn't pass validation for format email: x' on property email.`},
		{"POST /users", `{"connection":"a","phone_number":"0123"}`, `'String does not match pattern ^\+[0-9]{1,15}$' on property phone_number (Phone number in the form of E.164).`},
		{"POST /clients", `{"name":"a","callbacks":["https://example.com","nope"]}`, `'Object didn't pass validation for format callback-url: nope' on property callbacks[1] (Address that a login may return to).`},
		{"PATCH /connections/{id}/clients", `[{"client_id":"x","status":true}]`, `'Object didn't pass validation for format client-id: x' on property [0].client_id.`},
		// Sizes.
		{"POST /clients", `{"name":"a","description":"` + long + `"}`, `'String is too long (141 chars), maximum 140' on property description.`},
		{"POST /users", `{"connection":"a","given_name":""}`, `'String is too short (0 chars), minimum 1' on property given_name.`},
		{"POST /clients", `{"name":"a","par_request_expiry":5}`, `'Value 5 is less than minimum 10' on property par_request_expiry.`},
		{"POST /clients", `{"name":"a","par_request_expiry":601}`, `'Value 601 is greater than maximum 600' on property par_request_expiry.`},
		{"PATCH /connections/{id}/clients", `[]`, `'Array is too short (0), minimum 1'.`},
		{"POST /connections", `{"name":"a","strategy":"auth0","options":{"precedence":["email"]}}`, `'Array is too short (1), minimum 3' on property options.precedence (Order in which identifiers are tried).`},
		{"POST /network-acls", `{"description":"a","active":true,"priority":1,"rule":{"action":{"block":true},"scope":"tenant","match":{"auth0_managed":["a","a"]}}}`,
			`'Array items are not unique (indexes 0 and 1)' on property rule.match.auth0_managed.`},
		// Our own member is closed.
		{"PATCH /clients/{id}", `{"latchkey":{"loopback_redirect":true}}`, `'Additional properties not allowed: loopback_redirect' on property latchkey (Settings of this server).`},
		{"PATCH /tenants/settings", `{"latchkey":{"authorization_code_lifetime":601}}`, `'Value 601 is greater than maximum 600' on property latchkey.authorization_code_lifetime.`},
		// Alternatives: the one the caller meant.
		{"POST /log-streams", `{"type":"http"}`, `'Missing required property: sink'.`},
		{"POST /log-streams", `{"type":"http","sink":{"httpEndpoint":"http://example.com"}}`, `'String does not match pattern ^https://.*' on property sink.httpEndpoint.`},
		{"POST /log-streams", `{"type":"nope","sink":{}}`, `'No enum match for: "nope"' on property type.`},
		{"POST /emails/provider", `{"name":"smtp","credentials":{"smtp_host":"mail.example.com","smtp_port":"25"}}`, `'Expected type integer but found type string' on property credentials.smtp_port.`},
		{"POST /emails/provider", `{"name":"smtp","credentials":{"smtp_host":"mail.example.com","smtp_prot":25}}`, `'Additional properties not allowed: smtp_prot' on property credentials.`},
		{"POST /emails/provider", `{"name":"smtp","credentials":7}`, `'Expected type object but found type integer' on property credentials.`},
		{"POST /branding/phone/providers", `{"name":"twilio","credentials":{"auth_token":7}}`, `'Expected type string but found type integer' on property credentials.auth_token.`},
		{"POST /users/{id}/identities", `{"user_id":true}`, `'Expected type string,integer but found type boolean' on property user_id (Identifier of a user).`},
		{"PATCH /attack-protection/brute-force-protection", `{"allowlist":["10.0.0.1","x"]}`, `'Object didn't pass validation for format ipv4: x' on property allowlist[1].`},
		// Several faults: the outermost, then by name and place.
		{"POST /clients", `{"name":"","callbacks":["b","a"],"zzz":1}`, `'Additional properties not allowed: zzz'.`},
		{"POST /clients", `{"name":"a","web_origins":["b"],"callbacks":["b","a"]}`, `'Object didn't pass validation for format callback-url: b' on property callbacks[0] (Address that a login may return to).`},
	} {
		method, path, _ := strings.Cut(c.operation, " ")
		o, v := find(t, method, path), decode(t, c.body)
		for range 3 { // Maps are walked in another order each time.
			if got := message(o.Body(v)); got != c.want {
				t.Errorf("%s %s\n got: %s\nwant: %s", c.operation, c.body, got, c.want)
				break
			}
		}
	}
}

func TestBody_AcceptsWhatToolsSend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, body string }{
		{"POST /connections", `{"name":"sms","strategy":"sms"}`},
		{"POST /connections", `{"name":"email","strategy":"email","enabled_clients":["AaiyAPdpYdesoKnqjj8HJqRn4T5titww"],"options":{"anything":1}}`},
		{"PATCH /connections/{id}", `{"enabled_clients":[],"options":{"disable_signup":true}}`},
		{"POST /connections", `{"name":"pwdless","strategy":"auth0","options":{"disable_self_service_change_password":true,
			"authentication_methods":{"password":{"enabled":false,"api_behavior":"optional","signup_behavior":"block"},
			"passkey":{"enabled":true},"email_otp":{"enabled":true},"phone_otp":{"enabled":true}},
			"attributes":{"email":{"identifier":{"active":true,"default_method":"email_otp"},"unique":true,"profile_required":false,
			"verification_method":"otp","signup":{"status":"optional","verification":{"active":true}}},
			"phone_number":{"identifier":{"active":true,"default_method":"phone_otp"},"profile_required":false,
			"signup":{"status":"optional","verification":{"active":true}}}}}}`},
		{"POST /clients", `{"name":"app","latchkey":{"loopback_redirects":true}}`},
		{"PATCH /clients/{id}", `{"latchkey":null,"addons":null,"signed_request_object":null,"client_metadata":{"a":null}}`},
		{"PATCH /clients/{id}", `{"session_transfer":null,"encryption_key":null,"cross_origin_loc":null,"token_endpoint_auth_method":null,
			"token_quota":null,"native_social_login":null,"fedcm_login":null,"refresh_token":null,"default_organization":null,
			"organization_usage":null,"organization_require_behavior":null,"organization_discovery_methods":null,
			"client_authentication_methods":null,"compliance_level":null,"skip_non_verifiable_callback_uri_confirmation_prompt":null,
			"token_exchange":null,"par_request_expiry":null,"express_configuration":null,"my_organization_configuration":null,
			"async_approval_notification_channels":null}`},
		{"PATCH /users/{id}", `{"email":null,"phone_number":null,"given_name":null,"family_name":null,"name":null,"nickname":null,"picture":null,
			"username":null,"user_metadata":{"a":null},"app_metadata":{}}`},
		{"PATCH /resource-servers/{id}", `{"authorization_details":null,"token_encryption":null,"proof_of_possession":null,"consent_policy":null}`},
		{"PATCH /tenants/settings", `{"flags":{"use_scope_descriptions_for_consent":true},"latchkey":{"s256_only":null}}`},
		{"PUT /branding/templates/universal-login", `"<html></html>"`},
		{"PUT /branding/templates/universal-login", `{"template":"<html></html>"}`},
		{"POST /email-templates", `{"template":"auth_email_by_code","body":null,"from":null,"subject":null,"syntax":"liquid","enabled":false}`},
		{"POST /users/{id}/identities", `{"provider":"email","user_id":"email|5f7c8ec7c33c6c004bbafe82"}`},
		{"POST /users/{id}/identities", `{"link_with":"a.b.c"}`},
		{"PUT /guardian/factors/webauthn-roaming/settings", `{"userVerification":"preferred","overrideRelyingParty":false}`},
	} {
		method, path, _ := strings.Cut(c.operation, " ")
		if err := find(t, method, path).Body(decode(t, c.body)); err != nil {
			t.Errorf("%s %s: %v", c.operation, c.body, err)
		}
	}
}

func TestOptions_AreCheckedByStrategy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ strategy, options, want string }{
		{"email", `{"email":{"from":"{{ application.name }} <root@example.com>","subject":"Hi","body":"x","syntax":"liquid"},"totp":{"length":6,"time_step":180},"authParams":{"scope":"openid"}}`, ""},
		{"email", `{"authParams":"{}","unknown":1}`, ""},
		{"email", `null`, ""},
		{"email", `{"email":{"subject":7}}`, "'Expected type string but found type integer' on property options.email.subject (Subject line of the mail)."},
		{"email", `{"email":true}`, "'Expected type object but found type boolean' on property options.email."},
		{"email", `{"totp":{"length":3}}`, "'Value 3 is less than minimum 4' on property options.totp.length (Number of digits of a code)."},
		{"email", `{"totp":{"time_step":30}}`, "'Value 30 is less than minimum 60' on property options.totp.time_step (Seconds that a code lasts)."},
		{"email", `{"name":"ab"}`, "'String is too short (2 chars), minimum 3' on property options.name."},
		{"sms", `{"name":"SMS OTP","twilio_sid":"ABC123","twilio_token":"DEF456","messaging_service_sid":"GHI789","from":"+1","template":"@@password@@","syntax":"md_with_macros"}`, ""},
		{"sms", `{"provider":"sms_gateway","gateway_url":"http://127.0.0.1:9/sms","forward_req_info":"true","gateway_authentication":{"method":"bearer","audience":"test.com/sms-gateway","secret":"s"}}`, ""},
		{"sms", `{"gateway_authentication":null,"messaging_service_sid":null}`, ""},
		{"sms", `{"provider":"carrier_pigeon"}`, `'No enum match for: "carrier_pigeon"' on property options.provider.`},
		{"sms", `{"gateway_url":"ftp://example.com"}`, `'String does not match pattern ^https?:\/\/.*' on property options.gateway_url (Address of the SMS gateway).`},
		{"sms", `{"gateway_authentication":{"method":"bearer"}}`, "'Missing required property: audience' on property options.gateway_authentication."},
		{"sms", `{"forward_req_info":"yes"}`, `'No enum match for: "yes"' on property options.forward_req_info.`},
		{"auth0", `{"disable_signup":"no"}`, "'Expected type boolean but found type string' on property options.disable_signup."},
		{"auth0", `{"precedence":["email","email","username"]}`, "'Array items are not unique (indexes 0 and 1)' on property options.precedence."},
		{"google-oauth2", `{"email":true}`, ""},
	} {
		if got := message(Options(c.strategy, decode(t, c.options))); got != c.want {
			t.Errorf("%s %s\n got: %s\nwant: %s", c.strategy, c.options, got, c.want)
		}
	}
}

// Answers of the shapes that were recorded, with values of our own.
func TestResponse_AcceptsRecordedShapes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation string
		status    int
		body      string
	}{
		{"POST /connections", 201, `{"id":"con_AbCdEfGh01234567","options":{"brute_force_protection":true},"strategy":"sms","name":"sms",
			"is_domain_connection":false,"enabled_clients":[],"realms":["sms"],"authentication":{"active":true},"connected_accounts":{"active":false}}`},
		{"GET /connections", 200, `[{"id":"con_AbCdEfGh01234567","options":{},"strategy":"sms","name":"sms","enabled_clients":["AaiyAPdpYdesoKnqjj8HJqRn4T5titww"]}]`},
		{"GET /connections", 200, `{"start":0,"limit":50,"total":0,"connections":[]}`},
		{"GET /connections", 200, `{"connections":[],"next":"abc"}`},
		{"DELETE /connections/{id}", 202, `{"deleted_at":"2026-03-10T07:47:55.706Z"}`},
		{"GET /clients", 200, `{"start":0,"limit":100,"length":0,"total":29,"next":"","clients":[]}`},
		{"PATCH /resource-servers/{id}", 200, `{"id":"5f7c8ec7c33c6c004bbafe82","name":"a","identifier":"https://api/","allow_offline_access":false,
			"skip_consent_for_verifiable_first_party_clients":false,"token_lifetime":86400,"token_lifetime_for_web":7200,"signing_alg":"RS256"}`},
		{"POST /actions/actions/{id}/deploy", 200, `{"id":"6d0d8ec7-0000-4000-8000-000000000000","deployed":false,"number":1,"status":"built"}`},
		{"POST /roles", 200, `{"id":"rol_AbCdEfGh01234567","name":"a","description":null,"type":"tenant"}`},
		{"POST /users", 201, `{"created_at":"2026-03-10T07:47:55.706Z","email":"ann@example.com","email_verified":false,
			"identities":[{"connection":"db1","user_id":"5f7c8ec7c33c6c004bbafe82","provider":"auth0","isSocial":false}],
			"name":"ann@example.com","nickname":"ann","picture":"https://example.com/a.png","updated_at":"2026-03-10T07:47:55.706Z","user_id":"auth0|5f7c8ec7c33c6c004bbafe82"}`},
		{"GET /tenants/settings", 200, `{"flags":{"universal_login":true,"new_universal_login_experience_enabled":true},"universal_login":{"colors":{}},"latchkey":{"require_pkce":true}}`},
		{"PUT /branding/templates/universal-login", 201, `{}`},
	} {
		method, path, _ := strings.Cut(c.operation, " ")
		if err := find(t, method, path).Response(c.status, decode(t, c.body)); err != nil {
			t.Errorf("%s %d: %v", c.operation, c.status, err)
		}
	}
}

func TestResponse_RefusesWhatIsNotDescribed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation string
		status    int
		body      string
		want      string
	}{
		{"PATCH /resource-servers/{id}", 201, `{}`, "'Status 201 is none of [200]'."},
		{"GET /connections/{id}", 200, `{"secret":"x"}`, "'Additional properties not allowed: secret'."},
		{"GET /connections/{id}", 200, `{"enabled_clients":"x"}`, "'Expected type array but found type string' on property enabled_clients."},
		{"DELETE /connections/{id}", 202, `{}`, "'Missing required property: deleted_at'."},
	} {
		method, path, _ := strings.Cut(c.operation, " ")
		if got := message(find(t, method, path).Response(c.status, decode(t, c.body))); got != c.want {
			t.Errorf("%s %d %s\n got: %s\nwant: %s", c.operation, c.status, c.body, got, c.want)
		}
	}
}
