package apischema

import "slices"

// Shapes that entries share.
func texts() object                { return object{"type": "string"} }
func truth() object                { return object{"type": "boolean"} }
func date() object                 { return object{"type": "string", "format": "date-time"} }
func orNull(kind string) object    { return object{"type": []any{kind, "null"}} }
func listOf(element object) object { return object{"type": "array", "items": element} }

// closed is an object with these members and no others; null stands for it
// where it is taken away.
func closed(members object) object {
	return object{"type": []any{"object", "null"}, "properties": members, "additionalProperties": false}
}

// differences is the table of everything our description has otherwise than
// Auth0's document, each entry with its reason. "Recorded" means seen in the
// exchanges with the real service that the test suites of the Terraform
// provider and the deploy CLI publish (github.com/auth0).
func differences() []difference {
	var all []difference
	for _, table := range [][]difference{own(), statuses(), permissions(), writes(), answers(), logs(), domains(), later()} {
		all = append(all, table...)
	}
	return all
}

// own are the settings of this server: one member on three resources, null
// takes a setting back.
func own() []difference {
	return append(mailServers(), []difference{
		// Client settings of client.Extensions.
		{operations: []string{"POST /clients", "PATCH /clients/{id}"}, part: "body", at: "latchkey", merge: closed(object{
			"loopback_redirects":        orNull("boolean"),
			"strict_rfc_errors":         orNull("boolean"),
			"allow_public_otp":          orNull("boolean"),
			"magic_link_offline_access": orNull("boolean"),
		})},
		// APIs have no settings of ours yet: the member is known, and empty.
		{operations: []string{"POST /resource-servers", "PATCH /resource-servers/{id}"}, part: "body", at: "latchkey", merge: closed(object{})},
		{schemas: []string{
			"ResourceServer", "CreateResourceServerResponseContent", "GetResourceServerResponseContent", "UpdateResourceServerResponseContent",
		}, at: "latchkey", merge: closed(object{})},
		// Tenant settings of tenant.Extensions.
		{schemas: []string{
			"UpdateTenantSettingsRequestContent", "GetTenantSettingsResponseContent", "UpdateTenantSettingsResponseContent",
		}, at: "latchkey", merge: closed(object{
			"require_pkce":                orNull("boolean"),
			"s256_only":                   orNull("boolean"),
			"passwordless_opaque_start":   orNull("boolean"),
			"standard_claims":             orNull("boolean"),
			"authorization_code_lifetime": object{"type": []any{"integer", "null"}, "minimum": 1.0, "maximum": 600.0},
			"automatic_linking":           object{"type": []any{"string", "null"}, "enum": []any{"off", "email", "email_and_phone", nil}},
			"phone_limits": closed(object{
				"tenant_per_day":   object{"type": []any{"integer", "null"}, "minimum": 0.0, "maximum": 1000000.0},
				"country_per_day":  object{"type": []any{"integer", "null"}, "minimum": 0.0, "maximum": 1000000.0},
				"network_per_hour": object{"type": []any{"integer", "null"}, "minimum": 0.0, "maximum": 1000000.0},
				"countries":        object{"type": []any{"array", "null"}, "maxItems": 250.0, "items": object{"type": "string", "pattern": "^[A-Z]{2}$"}},
			}),
		})},
	}...)
}

// mailServers are credentials of a tenant's own mail server beyond host, port, user and password.
func mailServers() []difference {
	var all []difference
	for name, shape := range map[string]object{
		"smtp_tls":         {"type": []any{"string", "null"}, "enum": []any{"auto", "implicit", "starttls", "starttls_opportunistic", "none", nil}},
		"smtp_tls_min":     {"type": []any{"string", "null"}, "enum": []any{"1.0", "1.1", "1.2", "1.3", nil}},
		"smtp_ca_pem":      {"type": []any{"string", "null"}, "maxLength": 65536.0},
		"smtp_cert_sha256": {"type": []any{"string", "null"}, "maxLength": 128.0},
		"smtp_servername":  {"type": []any{"string", "null"}, "maxLength": 253.0},
		"smtp_auth": {"type": []any{"string", "null"}, "enum": []any{
			"auto", "plain", "login", "cram-md5", "xoauth2", "oauthbearer", "none",
			"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", nil,
		}},
		"smtp_helo": {"type": []any{"string", "null"}, "maxLength": 253.0},
		"smtp_oauth": closed(object{
			"token_url": texts(), "client_id": texts(), "client_secret": texts(), "scope": texts(), "refresh_token": texts(),
		}),
	} {
		all = append(all,
			difference{schemas: []string{"EmailProviderCredentialsSchema"}, at: "|2." + name, merge: shape},
			difference{schemas: []string{"EmailProviderCredentials"}, at: name, merge: shape})
	}
	return all
}

// statuses are recorded statuses of successful answers.
func statuses() []difference {
	return []difference{
		// Deploying answers with the version at once.
		{operations: []string{"POST /actions/actions/{id}/deploy", "POST /actions/actions/{actionId}/versions/{id}/deploy"}, success: []int{200}},
		// Updates answer as updates, not as creations.
		{operations: []string{"PATCH /resource-servers/{id}", "PATCH /clients/{client_id}/credentials/{credential_id}", "PATCH /hooks/{id}"}, success: []int{200}},
		// Taking permissions from a role answers without a body.
		{operations: []string{"DELETE /roles/{id}/permissions"}, success: []int{204}},
		// One refresh token is revoked at once; only a user's whole set is queued.
		{operations: []string{"DELETE /refresh-tokens/{id}"}, success: []int{204}},
		// An invitation is created.
		{operations: []string{"POST /organizations/{id}/invitations"}, success: []int{201}},
		// Answers with a body.
		{operations: []string{"DELETE /network-acls/{id}"}, success: []int{200}},
		// Both were recorded.
		{operations: []string{"POST /forms", "POST /flows", "POST /flows/vault/connections"}, success: []int{200, 201}},
		{operations: []string{"POST /custom-domains/{id}/verify"}, success: []int{200, 201}},
	}
}

// permissions are scopes whose list in the document does not say which of them
// open the door. The text of the 403 answers and the scopes' own descriptions
// do.
func permissions() []difference {
	return []difference{
		// read:user_idp_tokens adds the tokens of identities to users that
		// something else lets the caller read.
		{operations: []string{"GET /users"}, scopes: []string{"read:users"}},
		{operations: []string{"GET /users/{id}"}, scopes: []string{"read:users", "read:current_user"}},
		// The 403 answer asks for read:connections and one of two more; the
		// endpoint checks those itself.
		{operations: []string{"GET /clients/{id}/connections"}, scopes: []string{"read:connections"}},
		// Both kinds of thing end, so both scopes are needed.
		{operations: []string{"POST /sessions/{id}/revoke", "POST /users/{id}/revoke-access"}, scopes: []string{"delete:sessions", "delete:refresh_tokens"}, all: true},
		// read:role_members is documented as not needed where read:users and
		// read:roles are held.
		{operations: []string{"GET /users/{id}/roles", "GET /roles/{id}/users"}, scopes: []string{"read:users", "read:roles"}, all: true},
		// The second scope is for the connections in the body.
		{operations: []string{"POST /organizations"}, scopes: []string{"create:organizations"}},
	}
}

// writes are what requests may hold beyond the document, or may not.
func writes() []difference {
	return []difference{
		// Recorded: null takes these back.
		{operations: []string{"PATCH /clients/{id}"}, part: "body", at: "addons", merge: orNull("object")},
		{operations: []string{"PATCH /clients/{id}"}, part: "body", at: "oidc_backchannel_logout", merge: orNull("object")},
		{operations: []string{"PATCH /clients/{id}"}, part: "body", at: "oidc_logout", merge: orNull("object")},
		{operations: []string{"PATCH /clients/{id}"}, part: "body", at: "signed_request_object", merge: orNull("object")},
		{operations: []string{"PATCH /clients/{id}"}, part: "body", at: "token_vault_privileged_access", merge: orNull("object")},
		// Auth0 docs, "Application Metadata": ten keys, names and values of 255
		// characters; null takes a key away.
		{operations: []string{"POST /clients", "PATCH /clients/{id}"}, part: "body", at: "client_metadata", merge: object{
			"propertyNames":        object{"maxLength": 255.0},
			"additionalProperties": object{"type": []any{"string", "null"}, "maxLength": 255.0},
		}},
		// Recorded: sent by the Terraform provider.
		{operations: []string{"POST /clients", "PATCH /clients/{id}"}, part: "body", at: "identity_assertion_authorization_grant", merge: object{
			"type": []any{"object", "null"}, "properties": object{"active": truth()},
		}},
		{schemas: []string{"ClientTokenVaultPrivilegedAccessWithCredentialId", "ClientTokenVaultPrivilegedAccessWithPublicKey"}, at: "grants", merge: listOf(object{"type": "object"})},
		{operations: []string{"POST /connections", "PATCH /connections/{id}"}, part: "body", at: "cross_app_access_resource_app", merge: orNull("object")},
		// Recorded: the one method a username has may be named.
		{schemas: []string{"UsernameAttributeIdentifier"}, at: "default_method", merge: object{"type": "string", "enum": []any{"password"}}},
		// Auth0 docs, "Update a User": what is no attribute of users is refused,
		// in words of its own.
		{operations: []string{"PATCH /users/{id}"}, part: "body", merge: object{"additionalProperties": false}},
		// The web lifetime of an API's tokens can be set (Auth0 docs, "Update
		// Access Token Lifetime"); recorded from the Terraform provider.
		{operations: []string{"POST /resource-servers", "PATCH /resource-servers/{id}"}, part: "body", at: "token_lifetime_for_web", merge: object{
			"type": "integer", "minimum": 0.0, "maximum": 2592000.0,
		}},
		// Recorded: the Terraform provider sends the old colours, and old tenants
		// have the flag.
		{operations: []string{"PATCH /tenants/settings"}, part: "body", at: "universal_login", merge: object{
			"type": []any{"object", "null"}, "properties": object{"passwordless": object{
				"type": []any{"object", "null"}, "properties": object{"allow_magiclink_verify_without_session": orNull("boolean")},
			}},
		}},
		// A tenant resource of the Terraform provider with nothing in it sends
		// nothing: nothing changes.
		{operations: []string{"PATCH /tenants/settings"}, part: "body", merge: object{"minProperties": nil}},
		{schemas: []string{"TenantSettingsFlags"}, at: "use_scope_descriptions_for_consent", merge: truth()},
		// Recorded: a stage that the document has not yet.
		{schemas: []string{"SuspiciousIPThrottlingStage"}, at: "pre-custom-token-exchange", merge: object{
			"type": "object", "additionalProperties": false, "properties": object{
				"max_attempts": object{"type": "number", "minimum": 1.0},
				"rate":         object{"type": "number", "minimum": 1.0},
			},
		}},
		// Auth0 docs, "Retrieve Log Events Using the Management API": a hundred at
		// most by checkpoint, as by page.
		{operations: []string{"GET /logs"}, part: "query", at: "take", merge: object{"minimum": 1.0, "maximum": 100.0}},
		// Recorded: roles say whose they are.
		{operations: []string{"POST /roles"}, part: "body", at: "type", merge: texts()},
		{operations: []string{"POST /roles"}, part: "body", at: "owner_id", merge: texts()},
		// Recorded: which identifiers a theme's login page offers.
		{schemas: []string{
			"CreateBrandingThemeRequestContent", "UpdateBrandingThemeRequestContent", "CreateBrandingThemeResponseContent",
			"GetBrandingDefaultThemeResponseContent", "GetBrandingThemeResponseContent", "UpdateBrandingThemeResponseContent",
		}, at: "identifiers", merge: object{"type": "object"}},
	}
}

// answers are what answers hold beyond the document, all recorded.
func answers() []difference {
	return []difference{
		// Lists of connections carry their clients, as single connections do.
		{schemas: []string{"ConnectionForList"}, at: "enabled_clients", merge: listOf(texts())},
		{schemas: []string{"ConnectionForList", "GetConnectionResponseContent", "CreateConnectionResponseContent", "UpdateConnectionResponseContent"},
			at: "cross_app_access_resource_app", merge: object{"type": "object"}},
		{schemas: []string{"ConnectionForList", "GetConnectionResponseContent", "CreateConnectionResponseContent", "UpdateConnectionResponseContent"},
			at: "provisioning_ticket_url", merge: texts()},
		// Deleting a connection answers when it was.
		{operations: []string{"DELETE /connections/{id}"}, part: "202", merge: object{
			"type": "object", "required": []any{"deleted_at"}, "properties": object{"deleted_at": date()},
		}},
		// Totals of clients come with a length and a cursor.
		{schemas: []string{"ListClientsOffsetPaginatedResponseContent"}, at: "length", merge: object{"type": "integer"}},
		{schemas: []string{"ListClientsOffsetPaginatedResponseContent"}, at: "next", merge: texts()},
		// Old tenants have settings and flags of their time, and flags tell what may
		// no longer be changed.
		{schemas: []string{"GetTenantSettingsResponseContent", "UpdateTenantSettingsResponseContent"}, at: "universal_login", merge: object{"type": "object"}},
		{operations: []string{"GET /tenants/settings", "PATCH /tenants/settings"}, part: "200", at: "flags", merge: object{"additionalProperties": truth()}},
		// Roles say whose they are; one that was never described says so.
		{schemas: []string{"Role", "CreateRoleResponseContent", "GetRoleResponseContent", "UpdateRoleResponseContent"}, at: "type", merge: texts()},
		{schemas: []string{"Role", "CreateRoleResponseContent", "GetRoleResponseContent", "UpdateRoleResponseContent"}, at: "owner_id", merge: texts()},
		{schemas: []string{"Role", "CreateRoleResponseContent", "GetRoleResponseContent", "UpdateRoleResponseContent"}, at: "description", merge: orNull("string")},
		// Actions show the version they would deploy.
		{schemas: []string{"Action", "CreateActionResponseContent", "GetActionResponseContent", "UpdateActionResponseContent"},
			at: "current_version", merge: object{"type": "object"}},
		// Credentials of phone providers are never shown.
		{schemas: []string{
			"PhoneProviderSchemaMasked", "CreateBrandingPhoneProviderResponseContent", "GetBrandingPhoneProviderResponseContent", "UpdateBrandingPhoneProviderResponseContent",
		}, merge: object{"required": []any{"name"}}},
		{schemas: []string{"PhoneProviderSchemaMasked"}, at: "credentials", merge: object{"type": "null"}},
		// Phone templates have their dates.
		{schemas: phoneTemplates(), at: "created_at", merge: date()},
		{schemas: phoneTemplates(), at: "updated_at", merge: date()},
		// A theme need not have a name.
		{schemas: []string{
			"CreateBrandingThemeResponseContent", "GetBrandingDefaultThemeResponseContent", "GetBrandingThemeResponseContent", "UpdateBrandingThemeResponseContent",
		}, merge: object{"required": []any{"borders", "colors", "fonts", "page_background", "themeId", "widget"}}},
		// Mailgun's domain is no secret.
		{schemas: []string{"EmailProviderCredentials"}, at: "domain", merge: texts()},
		// The encryption key of an API is answered by its thumbprint.
		{schemas: []string{"ResourceServerTokenEncryptionKey"}, at: "thumbprint_sha256", merge: texts()},
		{schemas: []string{
			"ResourceServer", "CreateResourceServerResponseContent", "GetResourceServerResponseContent", "UpdateResourceServerResponseContent",
		}, at: "token_encryption.encryption_key", merge: object{"required": []any{"alg"}}},
		// A hook without secrets answers with none.
		{operations: []string{"GET /hooks/{id}/secrets"}, part: "200", merge: object{"minProperties": nil}},
	}
}

// addition is an operation that the document does not have. Its parts are
// named as in a document.
type addition struct {
	method, path string
	scopes       []string
	success      []int
	parts        func() object
}

// additions are operations that the document does not have: those that official
// tools call, all recorded, and our own.
func additions() []addition {
	return slices.Concat(recordedOperations(), ownOperations(), secondProviders())
}

// ownOperations are those of this server alone: mail on trial.
func ownOperations() []addition {
	mail := func() object {
		return object{"from": texts(), "subject": texts(), "html": texts(), "text": texts(), "warnings": listOf(texts())}
	}
	tried := func() object {
		members := mail()
		members["provider"], members["outcome"], members["duration_ms"] = texts(), texts(), object{"type": "number"}
		members["message"], members["message_id"], members["connection"] = texts(), texts(), texts()
		return object{"type": "object", "additionalProperties": false, "properties": members}
	}
	address := func() object { return object{"type": "string", "maxLength": 320.0} }
	language := func() object { return object{"type": "string", "maxLength": 100.0} }
	draft := func(more object) object {
		for name, shape := range (object{
			"to": address(), "language": language(), "from": texts(), "subject": texts(), "body": texts(),
			"syntax": object{"type": "string", "enum": []any{"liquid", "md_with_macros"}},
		}) {
			more[name] = shape
		}
		return object{"type": "object", "additionalProperties": false, "properties": more}
	}
	of := func(param string) object {
		return object{"type": "object", "required": []any{param}, "properties": object{param: texts()}}
	}
	return []addition{
		{"POST", "/emails/provider/try", []string{"update:email_provider"}, []int{200}, func() object {
			return object{"200": tried(), "body": object{
				"type": "object", "additionalProperties": false, "required": []any{"to"}, "properties": object{"to": address(), "language": language()},
			}}
		}},
		{"POST", "/email-templates/{templateName}/try", []string{"update:email_templates"}, []int{200}, func() object {
			return object{"path": of("templateName"), "200": tried(), "body": draft(object{})}
		}},
		{"POST", "/connections/{id}/try-email", []string{"update:connections"}, []int{200}, func() object {
			return object{"path": of("id"), "200": tried(), "body": draft(object{
				"send": object{"type": "string", "enum": []any{"code", "link", "link_ios", "link_android", "link_and_code"}},
			})}
		}},
	}
}

// secondProviders are the operations on what sends when the first provider does
// not.
func secondProviders() []addition {
	mail := func() object {
		credentials := object{
			"api_key": texts(), "domain": texts(), "region": orNull("string"), "accessKeyId": texts(), "secretAccessKey": texts(),
			"connectionString": texts(), "tenantId": texts(), "clientId": texts(), "clientSecret": texts(),
			"smtp_host": texts(), "smtp_port": object{"type": "integer"}, "smtp_user": texts(), "smtp_pass": texts(),
		}
		for _, d := range mailServers() {
			if len(d.schemas) == 1 && d.schemas[0] == "EmailProviderCredentials" {
				credentials[d.at] = d.merge
			}
		}
		return object{"type": "object", "additionalProperties": false, "required": []any{"name", "credentials"}, "properties": object{
			"name": object{"type": "string", "enum": []any{
				"mailgun", "mandrill", "sendgrid", "resend", "ses", "sparkpost", "smtp", "azure_cs", "ms365", "custom",
			}},
			"enabled": truth(), "default_from_address": texts(), "settings": orNull("object"),
			"credentials": object{"type": "object", "additionalProperties": false, "properties": credentials},
		}}
	}
	phone := func(answer bool) object {
		members := object{
			"name": object{"type": "string", "enum": []any{"twilio", "custom"}}, "disabled": truth(),
			"configuration": object{"type": "object", "additionalProperties": false, "required": []any{"delivery_methods"}, "properties": object{
				"sid": texts(), "default_from": orNull("string"), "mssid": orNull("string"),
				"delivery_methods": object{"type": "array", "minItems": 1.0, "items": object{"type": "string", "enum": []any{"text", "voice"}}},
			}},
		}
		if answer {
			members["tenant"], members["channel"] = texts(), texts()
		} else {
			members["credentials"] = object{"type": "object", "additionalProperties": false, "properties": object{"auth_token": texts()}}
		}
		return object{"type": "object", "additionalProperties": false, "required": []any{"name", "configuration"}, "properties": members}
	}
	var all []addition
	for path, of := range map[string]struct {
		scope        string
		body, answer func() object
	}{
		"/emails/provider/failover":          {"email_provider", mail, mail},
		"/branding/phone/providers/failover": {"phone_providers", func() object { return phone(false) }, func() object { return phone(true) }},
	} {
		all = append(all,
			addition{"GET", path, []string{"read:" + of.scope}, []int{200}, func() object { return object{"200": of.answer()} }},
			addition{"PUT", path, []string{"update:" + of.scope}, []int{200}, func() object { return object{"body": of.body(), "200": of.answer()} }},
			addition{"DELETE", path, []string{"delete:" + of.scope}, []int{204}, func() object { return object{} }})
	}
	return all
}

// recordedOperations are those that official tools call.
func recordedOperations() []addition {
	roaming := func() object {
		return object{"type": "object", "additionalProperties": false, "properties": object{
			"userVerification":       object{"type": "string", "enum": []any{"discouraged", "preferred", "required"}},
			"overrideRelyingParty":   truth(),
			"relyingPartyIdentifier": object{"type": "string", "format": "hostname"},
		}}
	}
	platform := func() object {
		return object{"type": "object", "additionalProperties": false, "properties": object{
			"overrideRelyingParty":   truth(),
			"relyingPartyIdentifier": object{"type": "string", "format": "hostname"},
		}}
	}
	app := func() object {
		return object{"type": "object", "additionalProperties": false, "properties": object{
			"app_name": texts(), "apple_app_link": texts(), "google_app_link": texts(),
		}}
	}
	read, update := []string{"read:guardian_factors"}, []string{"update:guardian_factors"}
	return []addition{
		// Settings of WebAuthn as a second factor (Auth0 docs, "Configure WebAuthn
		// with Device Biometrics for MFA").
		{"GET", "/guardian/factors/webauthn-roaming/settings", read, []int{200}, func() object { return object{"200": roaming()} }},
		{"PUT", "/guardian/factors/webauthn-roaming/settings", update, []int{200}, func() object { return object{"body": roaming(), "200": roaming()} }},
		{"GET", "/guardian/factors/webauthn-platform/settings", read, []int{200}, func() object { return object{"200": platform()} }},
		{"PUT", "/guardian/factors/webauthn-platform/settings", update, []int{200}, func() object { return object{"body": platform(), "200": platform()} }},
		// Links to the app that approves push notifications, which the Terraform
		// provider reads and sets.
		{"GET", "/prompts/mfa-push", []string{"read:prompts"}, []int{200}, func() object { return object{"200": app()} }},
		{"PATCH", "/prompts/mfa-push", []string{"update:prompts"}, []int{200}, func() object { return object{"body": app(), "200": app()} }},
		// Clients of an organization, which the deploy CLI exports.
		{"GET", "/organizations/{id}/clients", []string{"read:organization_clients"}, []int{200}, func() object {
			return object{
				"path":  object{"type": "object", "required": []any{"id"}, "properties": object{"id": texts()}},
				"query": object{"type": "object", "properties": object{"from": texts(), "take": object{"type": "integer", "minimum": 1.0, "maximum": 100.0}}},
				"200": object{"type": "object", "additionalProperties": false, "properties": object{
					"clients": listOf(object{"type": "object"}), "next": texts(),
				}},
			}
		}},
	}
}

func phoneTemplates() []string {
	return []string{
		"CreatePhoneTemplateResponseContent", "GetPhoneTemplateResponseContent", "PhoneTemplate",
		"ResetPhoneTemplateResponseContent", "UpdatePhoneTemplateResponseContent",
	}
}

// logs are recorded members of log events: what an event does not have is null.
func logs() []difference {
	var all []difference
	for name, kind := range map[string]string{
		"audience": "string", "client_id": "string", "client_name": "string", "connection": "string", "connection_id": "string",
		"hostname": "string", "ip": "string", "isMobile": "boolean", "scope": "string", "strategy": "string", "strategy_type": "string",
		"user_agent": "string", "user_id": "string", "user_name": "string", "details": "object", "location_info": "object", "security_context": "object",
	} {
		all = append(all, difference{schemas: []string{"Log", "GetLogResponseContent"}, at: name, merge: orNull(kind)})
	}
	return all
}

// domains are recorded members of custom domains.
func domains() []difference {
	all := []string{
		"CustomDomain", "CreateCustomDomainResponseContent", "GetCustomDomainResponseContent", "GetDefaultCustomDomainResponseContent",
		"UpdateCustomDomainResponseContent", "UpdateDefaultCustomDomainResponseContent", "VerifyCustomDomainResponseContent",
	}
	return []difference{
		{schemas: all, at: "created_at", merge: date()},
		// Written in capitals by older domains.
		{schemas: []string{"DomainVerificationMethodNameEnum"}, merge: object{"enum": []any{"cname", "txt", "CNAME", "TXT"}}},
	}
}

// later are recorded differences of features that answer as not available
// here, so that their requests are refused for that reason alone.
func later() []difference {
	return []difference{
		{schemas: []string{"ActionTriggerTypeEnum"}, merge: object{"enum": []any{
			"post-login", "credentials-exchange", "pre-user-registration", "post-user-registration", "post-change-password", "send-phone-message",
			"custom-phone-provider", "custom-email-provider", "password-reset-post-challenge", "custom-token-exchange", "event-stream",
			"password-hash-migration", "login-post-identifier", "signup-post-identifier", "mcp-tool",
		}}},
		// Recorded: the identifier is judged by its form.
		{operations: []string{"GET /event-streams/{id}", "PATCH /event-streams/{id}", "DELETE /event-streams/{id}"}, part: "path", at: "id",
			merge: object{"format": "event-stream-id", "minLength": nil, "maxLength": nil}},
		{schemas: []string{"EventStreamWebhookBasicAuth"}, at: "password", merge: texts()},
		{schemas: []string{"EventStreamWebhookBearerAuth"}, at: "token", merge: texts()},
		{schemas: []string{"EventStreamWebhookCustomHeaderAuth"}, at: "header_value", merge: texts()},
		{schemas: []string{"NetworkAclMatch"}, at: "auth0_managed", merge: object{"type": "array", "uniqueItems": true, "items": texts()}},
		{schemas: []string{"FormSummary"}, at: "flow_count", merge: object{"type": "integer"}},
		{schemas: []string{"CreateFlowsVaultConnectionResponseContent", "UpdateFlowsVaultConnectionResponseContent"}, at: "refreshed_at", merge: orNull("string")},
		{schemas: []string{"OrganizationClientGrant"}, at: "subject_type", merge: texts()},
		{schemas: []string{"AssociateOrganizationClientGrantResponseContent"}, at: "grant_id", merge: texts()},
		{operations: []string{"POST /organizations", "PATCH /organizations/{id}"}, part: "body", at: "is_app_entitlement_active", merge: truth()},
		{operations: []string{"POST /organizations", "PATCH /organizations/{id}"}, part: "body", at: "third_party_client_access", merge: texts()},
		{schemas: []string{"SynchronizedGroupPayload"}, at: "name", merge: texts()},
		{schemas: []string{"SynchronizedGroupPayload"}, at: "email", merge: object{"type": "string", "format": "email"}},
		{schemas: []string{"SynchronizedGroupPayload"}, at: "direct_members_count", merge: object{"type": "integer"}},
		{schemas: []string{
			"ConnectionProfile", "CreateConnectionProfileResponseContent", "GetConnectionProfileResponseContent", "UpdateConnectionProfileResponseContent",
		}, at: "strategy_overrides", merge: orNull("object")},
		{schemas: []string{
			"ConnectionProfile", "CreateConnectionProfileResponseContent", "GetConnectionProfileResponseContent", "UpdateConnectionProfileResponseContent",
		}, at: "connection_config", merge: orNull("object")},
	}
}
