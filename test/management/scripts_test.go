package management

import (
	"bytes"
	_ "embed" // for a public key
	"errors"
	"mime/multipart"
	"strings"

	"latchkey/test/servertest"
)

//go:embed testdata/public.pem
var publicPEM string

// modulus is that of the same key, as a JWK has it.
const modulus = "wnNc-BpKjUwPKQuQPe6XT5wyXu1paqspjOpeic6lsfxkvCf5m-64vEjgD_CKRfa8vHvW8go1ui-HBS19O_rXlUmjT9c0b3Z_qj266O_gG-V-dnghd3PutL0fxmN7g-WknwQ5" +
	"Ptucq8kCOJhU5ahEBOJ8-hhMugIJS5NNg8xoRuHvCDKOX3p1DBykBOHSEya880Dt9l7sd5BnTFSajCE0gDOtxNiI8oht0lZQaO8gTpGWpKkcu1BVJ2lOdIsw392vmthx4fjjLSI1FuE1" +
	"AyRY_eHhZ7dnVbVTzbSY8Gm822ruNbOf_w949-9jPVEZMvniwIfh4N3o65iFrNy2nr9ktw"

// Short forms for the scripts.
type (
	named  = map[string]string
	bodies = []any
	items  = []any
	params = []string
)

// scripts are rightful uses of the API, each beginning on a fresh tenant: what is made first is used later.
func scripts() map[string][]step {
	return map[string][]step{
		"settings":    settingsScript(),
		"connections": connectionsScript(),
		"clients":     clientsScript(),
		"apis":        apisScript(),
		"users":       usersScript(),
		"logins":      loginsScript(),
		"branding":    brandingScript(),
		"messages":    messagesScript(),
		"prompts":     promptsScript(),
		"protection":  protectionScript(),
		"guardian":    guardianScript(),
		"actions":     actionsScript(),
		"operations":  operationsScript(),
		"groups":      groupsScript(),
		"carried":     carriedScript(),
	}
}

func settingsScript() []step {
	return []step{
		{op: "GET /tenants/settings", query: "fields=friendly_name,flags&include_fields=true"},
		{op: "PATCH /tenants/settings", bodies: bodies{
			doc{"friendly_name": "Ours"},
			doc{
				"friendly_name": "Ours", "support_email": "help@example.com", "support_url": "https://example.com/help", "picture_url": "https://example.com/p.png",
				"default_directory": "email", "default_audience": servertest.Audience, "default_redirection_uri": "https://example.com/login",
				"allowed_logout_urls": items{"https://example.com/bye"}, "enabled_locales": items{"en", "de"}, "session_lifetime": 100,
				"idle_session_lifetime": 50, "session_cookie": doc{"mode": "persistent"}, "flags": doc{"enable_apis_section": true},
				"error_page":      doc{"html": "<p>{{ error }}</p>", "show_log_link": false, "url": "https://example.com/error"},
				"change_password": doc{"enabled": true, "html": "<p></p>"}, "device_flow": doc{"charset": "digits", "mask": "***-***"},
				"sessions": doc{"oidc_logout_prompt_enabled": true}, "oidc_logout": doc{"rp_logout_end_session_endpoint_discovery": true},
				"acr_values_supported": items{"urn:example:silver"}, "pushed_authorization_requests_supported": true,
				"mtls": doc{"enable_endpoint_aliases": false}, "country_codes": doc{"list": items{"DE"}, "mode": "allow"},
				"latchkey": doc{"require_pkce": true, "authorization_code_lifetime": 30},
			},
		}},
		{op: "GET /custom-domains"},
		{op: "POST /custom-domains", bodies: bodies{
			doc{"domain": "one.example.com", "type": "auth0_managed_certs"},
			doc{"domain": "auth.example.com", "type": "self_managed_certs", "verification_method": "txt", "tls_policy": "recommended",
				"custom_client_ip_header": "true-client-ip", "domain_metadata": doc{"a": "1"}},
		}, keep: named{"domain": "custom_domain_id"}},
		{op: "GET /custom-domains", query: "take=10"},
		{op: "GET /custom-domains/{id}", of: params{"domain"}},
		{op: "PATCH /custom-domains/{id}", of: params{"domain"}, bodies: bodies{doc{"tls_policy": "recommended", "domain_metadata": doc{"b": "2"}}}},
		{op: "POST /custom-domains/{id}/test", of: params{"domain"}},
		{op: "POST /custom-domains/{id}/verify", of: params{"domain"}},
		{op: "GET /custom-domains/default", keep: named{"own": "domain"}},
		{op: "PATCH /custom-domains/default", bodies: bodies{doc{"domain": "{own}"}}},
		{op: "DELETE /custom-domains/{id}", of: params{"domain"}},
		{op: "GET /rules-configs"},
		{op: "PUT /rules-configs/{key}", of: params{"KEY"}, bodies: bodies{doc{"value": "v"}}},
		{op: "DELETE /rules-configs/{key}", of: params{"KEY"}},
		{op: "GET /rules", query: "page=0&per_page=10&include_totals=true"},
		{op: "GET /hooks", query: "page=0&per_page=10&include_totals=true"},
	}
}

// passwordlessDatabase are the options of a database connection whose users have no passwords.
func passwordlessDatabase() doc {
	return doc{
		"disable_self_service_change_password": true,
		"authentication_methods": doc{
			"password": doc{"enabled": false, "api_behavior": "optional", "signup_behavior": "block"}, "passkey": doc{"enabled": true},
			"email_otp": doc{"enabled": true}, "phone_otp": doc{"enabled": true},
		},
		"attributes": doc{
			"email": doc{
				"identifier": doc{"active": true, "default_method": "email_otp"}, "unique": true, "profile_required": false, "verification_method": "otp",
				"signup": doc{"status": "optional", "verification": doc{"active": true}},
			},
			"phone_number": doc{
				"identifier": doc{"active": true, "default_method": "phone_otp"}, "profile_required": false,
				"signup": doc{"status": "optional", "verification": doc{"active": true}},
			},
		},
	}
}

func connectionsScript() []step {
	return []step{
		{op: "POST /connections", bodies: bodies{doc{"name": "mail", "strategy": "email"}}, keep: named{"mail": "id"}},
		{op: "POST /connections/{id}/try-email", of: params{"mail"}, bodies: bodies{
			doc{"from": "Shop <a@example.com>", "subject": "{{ code }}", "body": "{{ code }}", "syntax": "liquid", "language": "de", "send": "link", "to": "ops@example.com"},
		}},
		{op: "POST /connections", bodies: bodies{
			doc{"name": "text", "strategy": "sms", "options": doc{
				"provider": "twilio", "twilio_sid": "AC1", "twilio_token": "token", "from": "+15551234567", "template": "Code @@password@@",
				"syntax": "md_with_macros", "totp": doc{"length": 6, "time_step": 180}, "brute_force_protection": true,
			}},
			doc{
				"name": "people", "strategy": "auth0", "display_name": "People", "options": passwordlessDatabase(), "enabled_clients": items{"{web}"},
				"is_domain_connection": false, "realms": items{"people"}, "metadata": doc{"a": "b"}, "authentication": doc{"active": true},
				"connected_accounts": doc{"active": false},
			},
		}, keep: named{"connection": "id"}},
		{op: "GET /connections", query: "per_page=2&page=0&include_totals=true&strategy=auth0&strategy=sms&fields=id,name&include_fields=true"},
		{op: "GET /connections", query: "take=2&include_totals=true"},
		{op: "GET /connections/{id}", of: params{"connection"}},
		{op: "PATCH /connections/{id}", of: params{"connection"}, bodies: bodies{
			doc{"display_name": "All people"},
			doc{"display_name": "All people", "options": passwordlessDatabase(), "enabled_clients": items{"{spa}"}, "metadata": doc{"c": "d"}},
		}},
		{op: "PATCH /connections/{id}/clients", of: params{"connection"}, bodies: bodies{items{doc{"client_id": "{web}", "status": true}}}},
		{op: "GET /connections/{id}/clients", of: params{"connection"}, query: "take=1"},
		{op: "GET /connections/{id}/status", of: params{"connection"}},
		{op: "DELETE /connections/{id}/users", of: params{"connection"}, query: "email=nobody@example.com"},
		{op: "GET /clients/{id}/connections", of: params{"web"}, query: "take=10"},
		{op: "DELETE /connections/{id}", of: params{"connection"}},
	}
}

func clientsScript() []step {
	return []step{
		{op: "POST /clients", bodies: bodies{
			doc{"name": "least"},
			doc{
				"name": "most", "description": "An application", "app_type": "regular_web", "logo_uri": "https://example.com/l.png", "is_first_party": true,
				"oidc_conformant": true, "callbacks": items{"https://a.example.com/cb"}, "allowed_logout_urls": items{"https://a.example.com/bye"},
				"web_origins": items{"https://a.example.com"}, "allowed_origins": items{"https://a.example.com"},
				"grant_types": items{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "client_secret_post",
				"jwt_configuration": doc{"alg": "RS256", "lifetime_in_seconds": 600}, "client_metadata": doc{"a": "b"},
				"mobile":             doc{"ios": doc{"team_id": "T", "app_bundle_identifier": "B"}},
				"initiate_login_uri": "https://a.example.com/login", "cross_origin_authentication": false,
				"refresh_token": doc{"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 1, "token_lifetime": 1000, "idle_token_lifetime": 100},
				"oidc_logout":   doc{"backchannel_logout_urls": items{"https://a.example.com/out"}}, "organization_usage": "deny",
				"native_social_login": doc{"apple": doc{"enabled": true}}, "addons": doc{"samlp": doc{}}, "par_request_expiry": 60,
				"latchkey": doc{"strict_rfc_errors": true},
			},
		}, keep: named{"client": "client_id"}},
		{op: "GET /clients", query: "page=0&per_page=3&include_totals=true&app_type=regular_web,spa&is_first_party=true"},
		{op: "GET /clients", query: "take=2&fields=client_id,name&include_fields=true"},
		{op: "GET /clients/{id}", of: params{"client"}},
		{op: "PATCH /clients/{id}", of: params{"client"}, bodies: bodies{
			doc{"name": "changed"},
			doc{"name": "changed", "description": "Changed", "callbacks": items{}, "client_metadata": doc{"a": nil}, "refresh_token": nil, "client_secret": "a-secret-of-somebody-else-0123456789"},
		}},
		{op: "POST /clients/{id}/rotate-secret", of: params{"client"}},
		{op: "POST /clients/{client_id}/credentials", of: params{"client"}, bodies: bodies{
			doc{"credential_type": "public_key", "pem": publicPEM, "name": "key", "alg": "RS256", "expires_at": "2050-01-01T00:00:00.000Z"},
		}, keep: named{"credential": "id"}},
		{op: "GET /clients/{client_id}/credentials", of: params{"client"}},
		{op: "GET /clients/{client_id}/credentials/{credential_id}", of: params{"client", "credential"}},
		{op: "PATCH /clients/{client_id}/credentials/{credential_id}", of: params{"client", "credential"}, bodies: bodies{
			doc{"expires_at": "2051-01-01T00:00:00.000Z"},
		}},
		{op: "DELETE /clients/{client_id}/credentials/{credential_id}", of: params{"client", "credential"}},
		{op: "DELETE /clients/{id}", of: params{"client"}},
	}
}

func apisScript() []step {
	return []step{
		{op: "POST /resource-servers", bodies: bodies{
			doc{"identifier": "https://least.example.com/"},
			doc{
				"identifier": "https://things.example.com/", "name": "Things", "scopes": items{doc{"value": "read:things", "description": "See things"}},
				"signing_alg": "RS256", "allow_offline_access": true, "token_lifetime": 600, "token_lifetime_for_web": 300, "token_dialect": "access_token",
				"skip_consent_for_verifiable_first_party_clients": true, "enforce_policies": false,
				"subject_type_authorization": doc{"user": doc{"policy": "allow_all"}, "client": doc{"policy": "require_client_grant"}},
			},
		}, keep: named{"server": "id"}},
		{op: "GET /resource-servers", query: "page=0&per_page=2&include_totals=true"},
		{op: "GET /resource-servers/{id}", of: params{"server"}},
		{op: "GET /resource-servers/{id}", of: params{"https://things.example.com/"}},
		{op: "PATCH /resource-servers/{id}", of: params{"server"}, bodies: bodies{
			doc{"name": "All things"},
			doc{"name": "All things", "scopes": items{doc{"value": "read:things"}, doc{"value": "write:things"}}, "token_lifetime": 700, "token_encryption": nil},
		}},
		{op: "POST /client-grants", bodies: bodies{
			doc{"client_id": "{web}", "audience": "https://things.example.com/", "scope": items{"read:things"}, "subject_type": "client"},
		}, keep: named{"grant": "id"}},
		{op: "GET /client-grants", query: "page=0&per_page=2&include_totals=true&client_id={web}"},
		{op: "GET /client-grants", query: "take=1"},
		{op: "GET /client-grants/{id}", of: params{"grant"}},
		{op: "GET /client-grants/{id}/organizations", of: params{"grant"}},
		{op: "PATCH /client-grants/{id}", of: params{"grant"}, bodies: bodies{doc{"scope": items{"write:things"}}}},
		{op: "DELETE /client-grants/{id}", of: params{"grant"}},
		{op: "DELETE /resource-servers/{id}", of: params{"server"}},
	}
}

// userToken gives a token of the user that was kept as "user".
func userToken(scopes ...string) func(*script) string {
	return func(r *script) string {
		return r.SignToken(map[string]any{
			"sub": r.kept["user"], "azp": r.SPA.ID, "scope": strings.Join(scopes, " "), "exp": r.Clock.Now().AddDate(1, 0, 0).Unix(),
		})
	}
}

func usersScript() []step {
	permissions := doc{"permissions": items{doc{"resource_server_identifier": servertest.Audience, "permission_name": "read:orders"}}}
	return []step{
		{op: "POST /connections", bodies: bodies{doc{"name": "members", "strategy": "auth0", "enabled_clients": items{"{web}"}}}, keep: named{"connection": "id"}},
		{op: "POST /connections", bodies: bodies{doc{"name": "sms", "strategy": "sms", "enabled_clients": items{"{web}"}}}},
		{op: "POST /users", bodies: bodies{doc{"connection": "sms", "phone_number": "+15551234567"}}, keep: named{"other": "user_id", "other_identity": "identities.0.user_id"}},
		{op: "POST /users", bodies: bodies{
			doc{"connection": "email", "email": "ann@example.com"},
			doc{
				"connection": "members", "email": "bob@example.com", "password": "correct Horse battery 1", "email_verified": true, "verify_email": false, "blocked": false,
				"given_name": "Bob", "family_name": "Builder", "name": "Bob Builder", "nickname": "bob", "picture": "https://example.com/b.png",
				"user_metadata": doc{"colour": "blue"}, "app_metadata": doc{"plan": "gold"}, "user_id": "bob",
			},
		}, keep: named{"user": "user_id"}},
		{op: "GET /users", query: "q=email%3Abob*&page=0&per_page=10&include_totals=true&sort=created_at:1&search_engine=v3"},
		{op: "GET /users", query: "fields=user_id,email&include_fields=true"},
		{op: "GET /users-by-email", query: "email=bob@example.com"},
		{op: "GET /users/{id}", of: params{"user"}},
		{op: "GET /users/{id}", of: params{"user"}, as: userToken("read:current_user")},
		{op: "PATCH /users/{id}", of: params{"user"}, bodies: bodies{
			doc{"nickname": "bobby"},
			doc{"given_name": "Robert", "family_name": "B.", "blocked": false, "user_metadata": doc{"size": "L"}, "app_metadata": doc{"plan": nil}, "email_verified": true},
		}},
		{op: "POST /users/{id}/identities", of: params{"user"}, bodies: bodies{doc{"provider": "sms", "user_id": "{other}"}}},
		{op: "DELETE /users/{id}/identities/{provider}/{user_id}", of: params{"user", "sms", "other_identity"}},
		{op: "GET /users/{id}/logs", of: params{"user"}, query: "page=0&per_page=10&include_totals=true&sort=date:-1"},
		{op: "GET /users/{id}/enrollments", of: params{"user"}},
		{op: "POST /users/{id}/permissions", of: params{"user"}, bodies: bodies{permissions}},
		{op: "GET /users/{id}/permissions", of: params{"user"}, query: "include_totals=true"},
		{op: "DELETE /users/{id}/permissions", of: params{"user"}, bodies: bodies{permissions}},
		{op: "POST /roles", bodies: bodies{doc{"name": "Reader"}}, keep: named{"role": "id"}},
		{op: "POST /users/{id}/roles", of: params{"user"}, bodies: bodies{doc{"roles": items{"{role}"}}}},
		{op: "GET /users/{id}/roles", of: params{"user"}, query: "per_page=1&include_totals=true"},
		{op: "DELETE /users/{id}/roles", of: params{"user"}, bodies: bodies{doc{"roles": items{"{role}"}}}},
		{op: "GET /users/{id}/organizations", of: params{"user"}, query: "include_totals=true"},
		{op: "POST /users/{id}/authentication-methods", of: params{"user"}, bodies: bodies{
			doc{"type": "phone", "phone_number": "+15557654321", "name": "mine", "preferred_authentication_method": "sms"},
		}, keep: named{"method": "id"}},
		{op: "GET /users/{id}/authentication-methods", of: params{"user"}, query: "include_totals=true&per_page=10"},
		{op: "GET /users/{id}/authentication-methods/{authentication_method_id}", of: params{"user", "method"}},
		{op: "PATCH /users/{id}/authentication-methods/{authentication_method_id}", of: params{"user", "method"}, bodies: bodies{
			doc{"name": "still mine", "preferred_authentication_method": "voice"},
		}},
		{op: "DELETE /users/{id}/authentication-methods/{authentication_method_id}", of: params{"user", "method"}},
		{op: "PUT /users/{id}/authentication-methods", of: params{"user"}, bodies: bodies{
			items{doc{"type": "email", "email": "bob@example.com"}, doc{"type": "phone", "phone_number": "+15557654321", "preferred_authentication_method": "sms"}},
		}},
		{op: "DELETE /users/{id}/authentication-methods", of: params{"user"}},
		{op: "DELETE /users/{id}/authenticators", of: params{"user"}},
		{op: "POST /users/{id}/multifactor/actions/invalidate-remember-browser", of: params{"user"}},
		{op: "DELETE /users/{id}/multifactor/{provider}", of: params{"user", "google-authenticator"}},
		{op: "GET /user-blocks", query: "identifier=bob@example.com"},
		{op: "GET /user-blocks/{id}", of: params{"user"}, query: "consider_brute_force_enablement=true"},
		{op: "DELETE /user-blocks", query: "identifier=bob@example.com"},
		{op: "DELETE /user-blocks/{id}", of: params{"user"}},
		{op: "POST /jobs/verification-email", bodies: bodies{doc{"user_id": "{user}"}, doc{"user_id": "{user}", "client_id": "{web}"}}, keep: named{"job": "id"}},
		{op: "POST /jobs/users-exports", bodies: bodies{doc{}, doc{"connection_id": "{connection}", "format": "csv", "limit": 5, "fields": items{doc{"name": "email", "export_as": "mail"}}}}},
		{op: "GET /jobs/{id}", of: params{"job"}},
		{op: "GET /jobs/{id}/errors", of: params{"job"}},
		{op: "POST /tickets/email-verification", bodies: bodies{doc{"user_id": "{user}"}, doc{"user_id": "{user}", "result_url": "https://example.com/done", "ttl_sec": 100}}},
		{op: "POST /device-credentials", bodies: bodies{doc{"device_name": "phone", "type": "public_key", "value": "AAAA", "device_id": "ab-12", "client_id": "{spa}"}},
			as: userToken("create:current_user_device_credentials"), keep: named{"device": "id"}},
		{op: "GET /device-credentials", query: "user_id={user}&include_totals=true"},
		{op: "DELETE /device-credentials/{id}", of: params{"device"}},
		{op: "DELETE /users/{id}", of: params{"user"}},
		{op: "POST /jobs/users-imports", raw: importUsers},
	}
}

// importUsers asks for the import of a file with one user.
func importUsers(r *script) servertest.Reply {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("users", "users.json")
	if err != nil {
		r.T.Fatal(err)
	}
	_, err = part.Write([]byte(`[{"email": "carl@example.com"}]`))
	if err := errors.Join(err, w.WriteField("connection_id", r.kept["connection"]), w.Close()); err != nil {
		r.T.Fatal(err)
	}
	req := r.request("POST", "/jobs/users-imports", b.String())
	req.Header.Set("Content-Type", w.FormDataContentType())
	return r.Send(req)
}

// loginsScript is about what a login leaves; "user" has logged in.
func loginsScript() []step {
	return []step{
		{op: "GET /users/{user_id}/sessions", of: params{"user"}, query: "take=10", keep: named{"session": "sessions.0.id"}},
		{op: "GET /users/{user_id}/refresh-tokens", of: params{"user"}, query: "take=10", keep: named{"token": "tokens.0.id"}},
		{op: "GET /sessions/{id}", of: params{"session"}},
		{op: "PATCH /sessions/{id}", of: params{"session"}, bodies: bodies{doc{"session_metadata": doc{"a": "b"}}}},
		{op: "GET /refresh-tokens", query: "user_id={user}&take=10"},
		{op: "GET /refresh-tokens/{id}", of: params{"token"}},
		{op: "PATCH /refresh-tokens/{id}", of: params{"token"}, bodies: bodies{doc{"refresh_token_metadata": doc{"a": "b"}}}},
		{op: "GET /grants", query: "user_id={user}&include_totals=true"},
		{op: "DELETE /grants", query: "user_id={user}"},
		{op: "DELETE /grants/{id}", of: params{"000000000000000000000000"}},
		{op: "GET /logs", query: "q=type:s&page=0&per_page=10&sort=date:-1&include_totals=true", keep: named{"log": "logs.0.log_id"}},
		{op: "GET /logs", query: "take=5&from={log}"},
		{op: "GET /logs/{id}", of: params{"log"}},
		{op: "GET /stats/active-users"},
		{op: "GET /stats/daily", query: "from=20200101&to=20991231"},
		{op: "DELETE /refresh-tokens/{id}", of: params{"token"}},
		{op: "POST /refresh-tokens/revoke", ends: true, bodies: bodies{doc{"user_id": "{user}"}, doc{"user_id": "{user}", "client_id": "{web}"}}},
		{op: "POST /sessions/{id}/revoke", ends: true, of: params{"session"}},
		{op: "DELETE /sessions/{id}", of: params{"session"}},
		{op: "POST /users/{id}/revoke-access", ends: true, of: params{"user"}, bodies: bodies{doc{}, doc{"preserve_refresh_tokens": true}}},
		{op: "DELETE /users/{user_id}/sessions", of: params{"user"}},
		{op: "DELETE /users/{user_id}/refresh-tokens", of: params{"user"}},
	}
}

func brandingScript() []step {
	const template = "<html><head>{%- auth0:head -%}</head><body>{%- auth0:widget -%}</body></html>"
	return []step{
		{op: "GET /branding"},
		{op: "PATCH /branding", bodies: bodies{
			doc{"logo_url": "https://example.com/l.png"},
			doc{"colors": doc{"primary": "#0059d6", "page_background": "#000000"}, "favicon_url": "https://example.com/f.ico", "font": doc{"url": "https://example.com/f.woff"}},
		}},
		{op: "PUT /branding/templates/universal-login", bodies: bodies{template, doc{"template": template}}},
		{op: "GET /branding/templates/universal-login"},
		{op: "DELETE /branding/templates/universal-login"},
		{op: "POST /branding/themes", bodies: bodies{theme()}, keep: named{"theme": "themeId"}},
		{op: "GET /branding/themes/default"},
		{op: "GET /branding/themes/{themeId}", of: params{"theme"}},
		{op: "PATCH /branding/themes/{themeId}", of: params{"theme"}, bodies: bodies{theme()}},
		{op: "DELETE /branding/themes/{themeId}", of: params{"theme"}},
		{op: "POST /branding/phone/providers", bodies: bodies{doc{
			"name": "twilio", "disabled": false, "credentials": doc{"auth_token": "t"},
			"configuration": doc{"sid": "s", "default_from": "+15551234567", "delivery_methods": items{"text"}},
		}}, keep: named{"provider": "id"}},
		{op: "GET /branding/phone/providers", query: "disabled=false"},
		{op: "GET /branding/phone/providers/{id}", of: params{"provider"}},
		{op: "PATCH /branding/phone/providers/{id}", of: params{"provider"}, bodies: bodies{doc{
			"name": "twilio", "credentials": doc{"auth_token": "t"}, "configuration": doc{"sid": "s", "default_from": "+15551234567", "delivery_methods": items{"text"}},
		}}},
		{op: "DELETE /branding/phone/providers/{id}", of: params{"provider"}},
		{op: "POST /branding/phone/templates", bodies: bodies{
			doc{"type": "otp_enroll"},
			doc{"type": "otp_verify", "disabled": false, "content": doc{"syntax": "liquid", "from": "+15551234567", "body": doc{"text": "Code {{ code }}", "voice": "Code {{ code }}"}}},
		}, keep: named{"template": "id"}},
		{op: "GET /branding/phone/templates", query: "disabled=false"},
		{op: "GET /branding/phone/templates/{id}", of: params{"template"}},
		{op: "PATCH /branding/phone/templates/{id}", of: params{"template"}, bodies: bodies{doc{"disabled": true, "content": doc{"from": "+15551234568"}}}},
		{op: "PATCH /branding/phone/templates/{id}/reset", of: params{"template"}, bodies: bodies{doc{}}},
		{op: "DELETE /branding/phone/templates/{id}", of: params{"template"}},
	}
}

func messagesScript() []step {
	template := doc{
		"template": "welcome_email", "body": "<p>Hi</p>", "from": "a@example.com", "subject": "Hi", "syntax": "liquid", "enabled": true,
		"resultUrl": "https://example.com/", "urlLifetimeInSeconds": 10, "includeEmailInRedirect": false,
	}
	smtp := doc{"smtp_host": "mail.example.com", "smtp_port": 25, "smtp_user": "u", "smtp_pass": "p"}
	return []step{
		{op: "POST /emails/provider", bodies: bodies{doc{"name": "smtp", "credentials": smtp, "enabled": true, "default_from_address": "a@example.com", "settings": doc{}}}},
		{op: "GET /emails/provider", query: "fields=name,enabled,credentials&include_fields=true"},
		{op: "PATCH /emails/provider", bodies: bodies{doc{"enabled": false}, doc{"name": "smtp", "credentials": smtp, "enabled": true}}},
		{op: "DELETE /emails/provider"},
		{op: "PUT /emails/provider/failover", bodies: bodies{doc{"name": "smtp", "credentials": smtp, "enabled": true, "default_from_address": "a@example.com", "settings": doc{}}}},
		{op: "GET /emails/provider/failover"},
		{op: "DELETE /emails/provider/failover"},
		{op: "PUT /branding/phone/providers/failover", bodies: bodies{doc{
			"name": "twilio", "disabled": false, "credentials": doc{"auth_token": "t"},
			"configuration": doc{"sid": "AC1", "default_from": "+15551234567", "mssid": "MG1", "delivery_methods": items{"text", "voice"}},
		}}},
		{op: "GET /branding/phone/providers/failover"},
		{op: "DELETE /branding/phone/providers/failover"},
		{op: "POST /emails/provider/try", bodies: bodies{doc{"to": "ops@example.com", "language": "de"}}},
		{op: "POST /email-templates/{templateName}/try", of: params{"mfa_oob_code"}, bodies: bodies{
			doc{"from": "Shop <a@example.com>", "subject": "{{ code }}", "body": "{{ code }}", "syntax": "liquid", "language": "de"}, doc{"to": "ops@example.com"},
		}},
		{op: "POST /email-templates", bodies: bodies{template}},
		{op: "GET /email-templates/{templateName}", of: params{"welcome_email"}},
		{op: "PATCH /email-templates/{templateName}", of: params{"welcome_email"}, bodies: bodies{doc{"enabled": false}, template}},
		{op: "PUT /email-templates/{templateName}", of: params{"welcome_email"}, bodies: bodies{template}},
	}
}

func promptsScript() []step {
	rendering := doc{
		"rendering_mode": "advanced", "context_configuration": items{"branding.settings"}, "default_head_tags_disabled": false, "use_page_template": false,
		"head_tags": items{doc{"tag": "script", "attributes": doc{"src": "https://example.com/a.js"}}},
	}
	ofScreen := without(rendering)
	ofScreen["prompt"], ofScreen["screen"] = "login-id", "login-id"
	return []step{
		{op: "GET /prompts"},
		{op: "PATCH /prompts", bodies: bodies{doc{"identifier_first": true}, doc{"universal_login_experience": "new", "identifier_first": true, "webauthn_platform_first_factor": false}}},
		{op: "PUT /prompts/{prompt}/custom-text/{language}", of: params{"login-id", "de"}, bodies: bodies{doc{"login-id": doc{"title": "Hallo"}}}},
		{op: "GET /prompts/{prompt}/custom-text/{language}", of: params{"login-id", "de"}},
		{op: "PUT /prompts/{prompt}/partials", of: params{"signup"}, bodies: bodies{doc{"signup": doc{"form-content-end": "<div></div>"}}}},
		{op: "GET /prompts/{prompt}/partials", of: params{"signup"}},
		{op: "PATCH /prompts/{prompt}/screen/{screen}/rendering", of: params{"login-id", "login-id"}, bodies: bodies{rendering}},
		{op: "GET /prompts/{prompt}/screen/{screen}/rendering", of: params{"login-id", "login-id"}},
		{op: "PATCH /prompts/rendering", bodies: bodies{doc{"configs": items{ofScreen}}}},
		{op: "GET /prompts/rendering", query: "page=0&per_page=10&include_totals=true&rendering_mode=advanced"},
		{op: "PATCH /prompts/mfa-push", bodies: bodies{doc{}, doc{
			"app_name": "Approve", "apple_app_link": "https://apple.example.com/approve", "google_app_link": "https://google.example.com/approve",
		}}},
		{op: "GET /prompts/mfa-push"},
	}
}

func protectionScript() []step {
	return []step{
		{op: "GET /attack-protection/brute-force-protection"},
		{op: "PATCH /attack-protection/brute-force-protection", bodies: bodies{
			doc{"enabled": true, "shields": items{"block"}, "mode": "count_per_identifier", "allowlist": items{"10.0.0.0/8"}, "max_attempts": 5},
		}},
		{op: "GET /attack-protection/suspicious-ip-throttling"},
		{op: "PATCH /attack-protection/suspicious-ip-throttling", bodies: bodies{doc{
			"enabled": true, "shields": items{"block"}, "allowlist": items{"2001:db8::1"},
			"stage": doc{"pre-login": doc{"max_attempts": 10, "rate": 864000}, "pre-user-registration": doc{"max_attempts": 10, "rate": 1200}},
		}}},
		{op: "GET /attack-protection/breached-password-detection"},
		{op: "PATCH /attack-protection/breached-password-detection", bodies: bodies{doc{
			"enabled": false, "shields": items{"block"}, "admin_notification_frequency": items{"daily"}, "method": "standard",
			"stage": doc{"pre-user-registration": doc{"shields": items{"block"}}},
		}}},
		{op: "GET /attack-protection/bot-detection"},
		{op: "PATCH /attack-protection/bot-detection", bodies: bodies{doc{
			"bot_detection_level": "low", "challenge_password_policy": "never", "challenge_passwordless_policy": "when_risky",
			"challenge_password_reset_policy": "always", "allowlist": items{"10.0.0.1"}, "monitoring_mode_enabled": true,
		}}},
		{op: "GET /attack-protection/captcha"},
		{op: "PATCH /attack-protection/captcha", bodies: bodies{
			doc{"active_provider_id": "hcaptcha", "hcaptcha": doc{"site_key": "k", "secret": "s"}},
			doc{"active_provider_id": "auth_challenge", "auth_challenge": doc{"fail_open": true}, "recaptcha_v2": doc{"site_key": "k", "secret": "s"}},
		}},
		{op: "GET /attack-protection/phone-provider-protection"},
		{op: "PATCH /attack-protection/phone-provider-protection", bodies: bodies{doc{"type": "exponential"}}},
		{op: "GET /risk-assessments/settings"},
		{op: "PATCH /risk-assessments/settings", bodies: bodies{doc{"enabled": true}}},
		{op: "GET /risk-assessments/settings/new-device"},
		{op: "PATCH /risk-assessments/settings/new-device", bodies: bodies{doc{"remember_for": 10}}},
		{op: "DELETE /anomaly/blocks/ips/{id}", of: params{"192.0.2.1"}},
	}
}

func guardianScript() []step {
	const factors = " /guardian/factors/"
	twilio := doc{"from": "+15551234567", "messaging_service_sid": nil, "auth_token": "t", "sid": "s"}
	templates := doc{"enrollment_message": "Enrol {{ code }}", "verification_message": "Code {{ code }}"}
	steps := []step{
		{op: "GET /guardian/factors"},
		{op: "PUT" + factors + "{name}", of: params{"otp"}, bodies: bodies{doc{"enabled": true}}},
		{op: "GET /guardian/policies"},
		{op: "PUT /guardian/policies", bodies: bodies{items{"all-applications"}}},
	}
	for path, body := range map[string]doc{
		"phone/message-types": {"message_types": items{"sms"}}, "phone/selected-provider": {"provider": "twilio"}, "sms/selected-provider": {"provider": "auth0"},
		"phone/providers/twilio": twilio, "sms/providers/twilio": twilio, "phone/templates": templates, "sms/templates": templates,
		"push-notification/selected-provider": {"provider": "guardian"},
		"push-notification/providers/apns":    {"bundle_id": "b", "p12": "p", "sandbox": true},
		"push-notification/providers/sns": {"aws_access_key_id": "k", "aws_region": "eu-west-1", "aws_secret_access_key": "s",
			"sns_apns_platform_application_arn": "a", "sns_gcm_platform_application_arn": "g"},
		"duo/settings":               {"host": "h", "ikey": "i", "skey": "s"},
		"webauthn-roaming/settings":  {"userVerification": "required", "overrideRelyingParty": true, "relyingPartyIdentifier": "example.com"},
		"webauthn-platform/settings": {"overrideRelyingParty": true, "relyingPartyIdentifier": "example.com"},
	} {
		steps = append(steps, step{op: "PUT" + factors + path, bodies: bodies{body}}, step{op: "GET" + factors + path})
	}
	for path, body := range map[string]doc{
		"push-notification/providers/apns": {"sandbox": false}, "push-notification/providers/sns": {"aws_region": "us-east-1"}, "duo/settings": {"host": "other"},
		"push-notification/providers/fcm": {"server_key": "k"}, "push-notification/providers/fcmv1": {"server_credentials": "c"},
	} {
		steps = append(steps, step{op: "PATCH" + factors + path, bodies: bodies{body}})
	}
	return append(steps,
		step{op: "PUT" + factors + "push-notification/providers/fcm", bodies: bodies{doc{"server_key": "k"}}},
		step{op: "PUT" + factors + "push-notification/providers/fcmv1", bodies: bodies{doc{"server_credentials": "c"}}},
	)
}

func actionsScript() []step {
	return []step{
		{op: "GET /actions/triggers"},
		{op: "POST /actions/modules", bodies: bodies{
			doc{"name": "least", "code": "module.exports = 1;"},
			doc{"name": "most", "code": "module.exports = 2;", "secrets": items{doc{"name": "K", "value": "v"}}, "dependencies": items{doc{"name": "lodash", "version": "4.17.21"}}, "publish": true},
		}, keep: named{"module": "id"}},
		{op: "GET /actions/modules", query: "page=0&per_page=1"},
		{op: "GET /actions/modules/{id}", of: params{"module"}},
		{op: "PATCH /actions/modules/{id}", of: params{"module"}, bodies: bodies{doc{"code": "module.exports = 3;", "secrets": items{doc{"name": "K", "value": "w"}}}}},
		{op: "POST /actions/modules/{id}/versions", of: params{"module"}, keep: named{"module_version": "id"}},
		{op: "GET /actions/modules/{id}/versions", of: params{"module"}},
		{op: "GET /actions/modules/{id}/versions/{versionId}", of: params{"module", "module_version"}},
		{op: "POST /actions/modules/{id}/rollback", of: params{"module"}, bodies: bodies{doc{"module_version_id": "{module_version}"}}},
		{op: "GET /actions/modules/{id}/actions", of: params{"module"}},
		{op: "POST /actions/actions", bodies: bodies{
			doc{"name": "least", "supported_triggers": items{doc{"id": "post-login"}}},
			doc{
				"name": "most", "supported_triggers": items{doc{"id": "post-login", "version": "v3"}}, "code": "exports.onExecutePostLogin = async () => {};",
				"dependencies": items{doc{"name": "lodash", "version": "4.17.21"}}, "runtime": "node22", "secrets": items{doc{"name": "K", "value": "v"}}, "deploy": true,
			},
		}, keep: named{"action": "id"}},
		{op: "GET /actions/actions", query: "triggerId=post-login&page=0&per_page=1"},
		{op: "GET /actions/actions/{id}", of: params{"action"}},
		{op: "PATCH /actions/actions/{id}", of: params{"action"}, bodies: bodies{doc{"code": "exports.onExecutePostLogin = async () => { return; };"}, doc{"name": "still", "secrets": items{doc{"name": "K", "value": "w"}}}}},
		{op: "POST /actions/actions/{id}/deploy", of: params{"action"}, keep: named{"version": "id"}},
		{op: "GET /actions/actions/{actionId}/versions", of: params{"action"}},
		{op: "GET /actions/actions/{actionId}/versions/{id}", of: params{"action", "version"}},
		{op: "POST /actions/actions/{actionId}/versions/{id}/deploy", of: params{"action", "version"}, bodies: bodies{doc{"update_draft": true}}},
		{op: "PATCH /actions/triggers/{triggerId}/bindings", of: params{"post-login"}, bodies: bodies{
			doc{"bindings": items{doc{"ref": doc{"type": "action_id", "value": "{action}"}, "display_name": "First"}}},
		}},
		{op: "GET /actions/triggers/{triggerId}/bindings", of: params{"post-login"}, query: "page=0&per_page=50"},
		{op: "PATCH /actions/triggers/{triggerId}/bindings", of: params{"post-login"}, ends: true, bodies: bodies{doc{"bindings": items{}}}},
		{op: "DELETE /actions/actions/{id}", of: params{"action"}},
		{op: "DELETE /actions/modules/{id}", of: params{"module"}},
	}
}

// operationsScript is about what runs the tenant: log streams and keys.
func operationsScript() []step {
	return []step{
		{op: "POST /log-streams", bodies: bodies{
			doc{"type": "http", "sink": doc{"httpEndpoint": "https://example.com/"}},
			doc{"name": "web", "type": "http", "isPriority": true, "filters": items{doc{"type": "category", "name": "auth.login.fail"}},
				"pii_config": doc{"log_fields": items{"email"}, "method": "hash", "algorithm": "xxhash"},
				"sink": doc{"httpEndpoint": "https://example.com/", "httpContentType": "application/json", "httpContentFormat": "JSONLINES", "httpAuthorization": "a",
					"httpCustomHeaders": items{doc{"header": "h", "value": "v"}}}},
		}, keep: named{"stream": "id"}},
		{op: "GET /log-streams"},
		{op: "GET /log-streams/{id}", of: params{"stream"}},
		{op: "PATCH /log-streams/{id}", of: params{"stream"}, bodies: bodies{doc{"status": "paused"}, doc{"name": "hook", "sink": doc{"httpEndpoint": "https://example.com/2"}}}},
		{op: "DELETE /log-streams/{id}", of: params{"stream"}},
		{op: "GET /keys/signing", keep: named{"key": "0.kid"}},
		{op: "GET /keys/signing/{kid}", of: params{"key"}},
		{op: "POST /keys/signing/rotate", ends: true},
		{op: "GET /keys/signing"},
		{op: "PUT /keys/custom-signing", bodies: bodies{doc{"keys": items{
			doc{"kty": "RSA", "use": "sig", "key_ops": items{"verify"}, "alg": "RS256", "kid": "one", "n": modulus, "e": "AQAB"},
		}}}},
		{op: "GET /keys/custom-signing"},
		{op: "DELETE /keys/custom-signing"},
		{op: "PUT /keys/signing/{kid}/revoke", ends: true, of: params{"key"}},
	}
}

// groupsScript is about roles and organizations.
func groupsScript() []step {
	permissions := doc{"permissions": items{doc{"resource_server_identifier": servertest.Audience, "permission_name": "read:orders"}}}
	return []step{
		{op: "POST /users", bodies: bodies{doc{"connection": "email", "email": "dora@example.com"}}, keep: named{"user": "user_id"}},
		{op: "POST /roles", bodies: bodies{doc{"name": "least"}, doc{"name": "most", "description": "Most"}}, keep: named{"role": "id"}},
		{op: "GET /roles", query: "page=0&per_page=1&include_totals=true&name_filter=most"},
		{op: "GET /roles/{id}", of: params{"role"}},
		{op: "PATCH /roles/{id}", of: params{"role"}, bodies: bodies{doc{"name": "changed", "description": "Changed"}}},
		{op: "POST /roles/{id}/permissions", of: params{"role"}, bodies: bodies{permissions}},
		{op: "GET /roles/{id}/permissions", of: params{"role"}, query: "include_totals=true"},
		{op: "DELETE /roles/{id}/permissions", of: params{"role"}, bodies: bodies{permissions}},
		{op: "POST /roles/{id}/users", of: params{"role"}, bodies: bodies{doc{"users": items{"{user}"}}}},
		{op: "GET /roles/{id}/users", of: params{"role"}, query: "take=1"},
		{op: "DELETE /roles/{id}", of: params{"role"}},
		{op: "POST /connections", bodies: bodies{doc{"name": "staff", "strategy": "email"}}, keep: named{"connection": "id"}},
		{op: "POST /organizations", bodies: bodies{
			doc{"name": "least"},
			doc{"name": "acme", "display_name": "Acme", "metadata": doc{"a": "b"},
				"branding": doc{"logo_url": "https://example.com/l.png", "colors": doc{"primary": "#000000", "page_background": "#ffffff"}}},
		}, keep: named{"organization": "id"}},
		{op: "GET /organizations", query: "take=1"},
		{op: "GET /organizations", query: "page=0&per_page=1&include_totals=true"},
		{op: "GET /organizations/{id}", of: params{"organization"}},
		{op: "GET /organizations/name/{name}", of: params{"acme"}},
		{op: "PATCH /organizations/{id}", of: params{"organization"}, bodies: bodies{doc{"display_name": "Acme Inc.", "metadata": doc{"c": "d"}}}},
		{op: "POST /organizations/{id}/enabled_connections", of: params{"organization"}, bodies: bodies{
			doc{"connection_id": "{connection}", "assign_membership_on_login": true, "show_as_button": true, "is_signup_enabled": false},
		}},
		{op: "GET /organizations/{id}/enabled_connections", of: params{"organization"}, query: "include_totals=true"},
		{op: "GET /organizations/{id}/enabled_connections/{connectionId}", of: params{"organization", "connection"}},
		{op: "PATCH /organizations/{id}/enabled_connections/{connectionId}", of: params{"organization", "connection"}, bodies: bodies{doc{"assign_membership_on_login": false}}},
		{op: "DELETE /organizations/{id}/enabled_connections/{connectionId}", of: params{"organization", "connection"}},
		{op: "POST /organizations/{id}/connections", of: params{"organization"}, bodies: bodies{doc{"connection_id": "{connection}", "is_enabled": true}}},
		{op: "GET /organizations/{id}/connections", of: params{"organization"}},
		{op: "GET /organizations/{id}/connections/{connection_id}", of: params{"organization", "connection"}},
		{op: "PATCH /organizations/{id}/connections/{connection_id}", of: params{"organization", "connection"}, bodies: bodies{doc{"is_enabled": false}}},
		{op: "DELETE /organizations/{id}/connections/{connection_id}", of: params{"organization", "connection"}},
		{op: "POST /organizations/{id}/members", of: params{"organization"}, bodies: bodies{doc{"members": items{"{user}"}}}},
		{op: "GET /organizations/{id}/members", of: params{"organization"}, query: "take=10"},
		{op: "DELETE /organizations/{id}/members", of: params{"organization"}, bodies: bodies{doc{"members": items{"{user}"}}}},
		{op: "DELETE /organizations/{id}", of: params{"organization"}},
	}
}

// carriedScript is about what is kept for the tools that carry it from tenant to tenant.
func carriedScript() []step {
	webhook := doc{"type": "webhook", "configuration": doc{
		"webhook_endpoint": "https://example.com/", "webhook_authorization": doc{"method": "bearer", "token": "t"},
	}}
	attributes := doc{"email": doc{"label": "E-mail", "description": "The address", "profile_required": true, "auth0_mapping": "email", "saml_mapping": items{"mail"}}}
	const action = "ffde96a0-4891-4e29-8899-ff021640739f" // carried as it is, whether there is one or not
	var steps []step
	for _, kind := range []struct {
		path, list, name string
		made, changed    doc
	}{
		{"/flows", "include_totals=true", "flow", doc{"name": "flow", "actions": items{}}, doc{"name": "changed"}},
		{"/forms", "include_totals=true", "form", doc{"name": "form", "languages": doc{"primary": "en"}}, doc{"name": "changed"}},
		{"/flows/vault/connections", "include_totals=true", "vault",
			doc{"name": "vault", "app_id": "HTTP", "setup": doc{"type": "BEARER", "token": "t"}}, doc{"name": "changed"}},
		{"/self-service-profiles", "include_totals=true", "self_service",
			doc{"name": "profile", "description": "d", "allowed_strategies": items{"oidc"}, "user_attributes": items{doc{"name": "n", "description": "d", "is_optional": true}}},
			doc{"description": "changed"}},
		{"/user-attribute-profiles", "take=1", "attributes", doc{"name": "profile", "user_attributes": attributes}, doc{"name": "changed"}},
		{"/connection-profiles", "take=1", "connection_profile",
			doc{"name": "profile", "organization": doc{"show_as_button": "required"}, "enabled_features": items{"scim"}}, doc{"name": "changed"}},
		{"/token-exchange-profiles", "take=1", "token_exchange",
			doc{"name": "profile", "subject_token_type": "https://example.com/token", "action_id": action, "type": "custom_authentication"}, doc{"name": "changed"}},
		{"/event-streams", "take=1", "event_stream",
			doc{"name": "stream", "subscriptions": items{doc{"event_type": "user.created"}}, "destination": webhook}, doc{"status": "disabled"}},
	} {
		steps = append(steps,
			step{op: "POST " + kind.path, bodies: bodies{kind.made}, keep: named{kind.name: "id"}},
			step{op: "GET " + kind.path, query: kind.list},
			step{op: "GET " + kind.path + "/{id}", of: params{kind.name}},
			step{op: "PATCH " + kind.path + "/{id}", of: params{kind.name}, bodies: bodies{kind.changed}},
		)
		if kind.name == "self_service" {
			const texts = " /self-service-profiles/{id}/custom-text/{language}/{page}"
			steps = append(steps,
				step{op: "PUT" + texts, of: params{kind.name, "en", "get-started"}, bodies: bodies{doc{"introduction": "Hi"}}},
				step{op: "GET" + texts, of: params{kind.name, "en", "get-started"}},
			)
		}
		steps = append(steps, step{op: "DELETE " + kind.path + "/{id}", of: params{kind.name}})
	}
	return steps
}
