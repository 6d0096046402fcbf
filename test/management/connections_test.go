package management

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

type doc = map[string]any

// without gives a document without some of its members.
func without(d doc, names ...string) doc {
	kept := doc{}
	for name, v := range d {
		kept[name] = v
	}
	for _, name := range names {
		delete(kept, name)
	}
	return kept
}

func refused(t *testing.T, got servertest.Reply, status int, code, message string) {
	t.Helper()
	if got.Status != status || got.Message() != message || (code != "" && got.Doc()["errorCode"] != code) {
		t.Errorf("got %d %s, want %d %s %q", got.Status, got.Text, status, code, message)
	}
}

func TestConnections_AreCreatedWithTheServicesDefaults(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for name, want := range map[string]doc{
			"auth0": {
				"strategy": "auth0", "name": "n-auth0", "is_domain_connection": false, "enabled_clients": []any{}, "realms": []any{"n-auth0"},
				"authentication": doc{"active": true}, "connected_accounts": doc{"active": false},
				"options": doc{
					"mfa": doc{"active": true, "return_enroll_settings": true}, "passwordPolicy": "good", "strategy_version": 2.0,
					"authentication_methods": doc{
						"password": doc{"enabled": true, "api_behavior": "required", "signup_behavior": "allow"}, "passkey": doc{"enabled": false},
					},
					"passkey_options":        doc{"challenge_ui": "both", "progressive_enrollment_enabled": true, "local_enrollment_enabled": true},
					"brute_force_protection": true,
				},
			},
			"sms": {
				"strategy": "sms", "name": "n-sms", "is_domain_connection": false, "enabled_clients": []any{}, "realms": []any{"n-sms"},
				"options": doc{"brute_force_protection": true},
			},
			"email": {
				"strategy": "email", "name": "n-email", "is_domain_connection": false, "enabled_clients": []any{}, "realms": []any{"n-email"},
				"options": doc{"brute_force_protection": true},
			},
		} {
			made := s.Must(201, "POST", "/connections", doc{"name": "n-" + name, "strategy": name}).Doc()
			if diff := cmp.Diff(want, without(made, "id")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			read := s.Must(200, "GET", "/connections/"+made["id"].(string), nil).Doc()
			if diff := cmp.Diff(made, read); diff != "" {
				t.Errorf("%s read again (-made +read):\n%s", name, diff)
			}
		}
		refused(t, s.API("POST", "/connections", doc{"name": "n-sms", "strategy": "email"}), 409, "", "A connection with the same name already exists")
		refused(t, s.API("POST", "/connections", doc{"name": "other", "strategy": "email", "realms": []any{"n-sms"}}), 409, "",
			`There is already another connection with some realms from "realms" parameter`)
		refused(t, s.API("POST", "/connections", doc{"strategy": "email"}), 400, "invalid_body",
			"Payload validation error: 'Missing required property: name'.")
	})
}

func TestConnections_OptionsAreReplacedAndSecretsSealed(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		made := s.Must(201, "POST", "/connections", doc{"name": "texts", "strategy": "sms", "options": doc{
			"provider": "twilio", "twilio_sid": "ABC123", "twilio_token": "very-secret-token-of-32-characters", "forward_req_info": "true",
			"totp": doc{"length": 8, "time_step": 120},
		}}).Doc()
		id := made["id"].(string)
		options := made["options"].(doc)
		if options["twilio_token"] != "very-secret-token-of-32-characters" || options["forward_req_info"] != true {
			t.Errorf("options: got %v, want the token echoed and forward_req_info a boolean", options)
		}
		stored, err := s.Database.Store.Resource(context.Background(), s.Tenant.ID, "connections", id)
		if err != nil {
			t.Fatal(err)
		}
		if _, plain := stored.Document["options"].(doc)["twilio_token"]; plain {
			t.Error("the token is stored in the document, want it sealed apart")
		}
		kept := s.Must(200, "PATCH", "/connections/"+id, doc{"display_name": "Texts"}).Doc()
		if kept["options"].(doc)["twilio_token"] != "very-secret-token-of-32-characters" {
			t.Error("a change of something else lost the token")
		}
		replaced := s.Must(200, "PATCH", "/connections/"+id, doc{"options": doc{"totp": doc{"length": 4}}}).Doc()
		if diff := cmp.Diff(doc{"totp": doc{"length": 4.0}}, replaced["options"]); diff != "" {
			t.Errorf("options after they were replaced (-want +got):\n%s", diff)
		}
		refused(t, s.API("PATCH", "/connections/"+id, doc{"name": "renamed"}), 400, "invalid_body",
			"Payload validation error: 'Additional properties not allowed: name'.")
		if hidden := s.Call(s.Token("read:connections"), "GET", "/connections/"+id, nil).Doc(); hidden["options"] != nil || hidden["name"] != "texts" {
			t.Errorf("without read:connections_options: got %v, want the connection without its options", hidden)
		}
	})
}

func TestConnections_RulesBetweenOptionsAreKept(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	email := func(more doc) doc {
		a := doc{
			"identifier": doc{"active": true}, "profile_required": true, "verification_method": "otp",
			"signup": doc{"status": "required", "verification": doc{"active": true}},
		}
		for name, v := range more {
			a[name] = v
		}
		return a
	}
	passwordless := func(methods doc) doc {
		m := doc{"password": doc{"enabled": false}, "email_otp": doc{"enabled": true}}
		for name, v := range methods {
			m[name] = v
		}
		return m
	}
	for name, test := range map[string]struct {
		options doc
		message string
	}{
		"attributes and requires_username": {doc{"attributes": doc{"email": email(nil)}, "requires_username": true}, "Cannot set both options.attributes and options.requires_username"},
		"attributes and validation":        {doc{"attributes": doc{"email": email(nil)}, "validation": doc{"username": doc{"min": 1, "max": 5}}}, "Cannot set both options.attributes and options.validation"},
		"no active identifier":             {doc{"attributes": doc{"email": email(doc{"identifier": doc{"active": false}})}}, "attributes must contain one active identifier"},
		"required but not on signup": {
			doc{"attributes": doc{"email": email(nil), "phone_number": doc{"identifier": doc{"active": true}, "profile_required": true, "signup": doc{"status": "inactive"}}}},
			"attribute phone_number must also be required on signup",
		},
		"nothing left to log in with": {
			doc{"attributes": doc{"email": email(nil)}, "authentication_methods": passwordless(doc{"email_otp": doc{"enabled": false}})},
			"authentication_methods.password cannot be disabled unless email_otp or phone_otp is enabled",
		},
		"passkey alone": {
			doc{"attributes": doc{"email": email(nil)}, "authentication_methods": passwordless(doc{"email_otp": doc{"enabled": false}, "passkey": doc{"enabled": true}})},
			"passkey requires another authentication method",
		},
		"password off and required": {
			doc{"attributes": doc{"email": email(nil)}, "authentication_methods": passwordless(doc{"password": doc{"enabled": false, "api_behavior": "required"}})},
			"authentication_methods.password.api_behavior must be optional when password is disabled",
		},
		"unverified on signup": {
			doc{"attributes": doc{"email": email(doc{"verification_method": "link"})}, "authentication_methods": passwordless(nil)},
			"attribute email must be verified with otp on signup when password is disabled",
		},
		"username without a password": {
			doc{"attributes": doc{"email": email(nil), "username": doc{"identifier": doc{"active": true}}}, "authentication_methods": passwordless(nil)},
			"attribute username cannot be an identifier when password is disabled",
		},
		"codes without attributes": {
			doc{"authentication_methods": passwordless(doc{"password": doc{"enabled": true}})},
			"options.attributes is required when email_otp or phone_otp is enabled",
		},
		"first method is off": {
			doc{"attributes": doc{"email": email(doc{"identifier": doc{"active": true, "default_method": "password"}})}, "authentication_methods": passwordless(nil)},
			"default_method password is not enabled",
		},
	} {
		refused(t, s.API("POST", "/connections", doc{"name": "rules", "strategy": "auth0", "options": test.options}), 400, "invalid_body", test.message)
		if t.Failed() {
			t.Fatalf("rule: %s", name)
		}
	}
	made := s.Must(201, "POST", "/connections", doc{"name": "pwdless", "strategy": "auth0", "options": doc{
		"attributes": doc{"email": email(doc{"verification_method": "otp"})}, "authentication_methods": passwordless(nil),
	}}).Doc()
	methods := made["options"].(doc)["authentication_methods"].(doc)
	want := doc{
		"password": doc{"enabled": false, "api_behavior": "optional", "signup_behavior": "allow"}, "passkey": doc{"enabled": false},
		"email_otp": doc{"enabled": true}, "phone_otp": doc{"enabled": false},
	}
	if diff := cmp.Diff(want, methods); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
	plain := s.Must(201, "POST", "/connections", doc{"name": "plain", "strategy": "auth0"}).Doc()
	refused(t, s.API("PATCH", "/connections/"+plain["id"].(string), doc{"options": doc{
		"attributes": doc{"email": email(doc{"unique": false, "identifier": doc{"active": false}}), "username": doc{"identifier": doc{"active": true}}},
	}}), 400, "invalid_body", "cannot add non-unique email attribute")
}

func TestConnections_AreEnabledForClientsBothWays(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := s.Must(201, "POST", "/connections", doc{"name": "c", "strategy": "email", "enabled_clients": []any{s.Web.ID}}).Doc()["id"].(string)
		s.Must(204, "PATCH", "/connections/"+id+"/clients", []doc{{"client_id": s.SPA.ID, "status": true}, {"client_id": s.Web.ID, "status": false}})
		got := s.Must(200, "GET", "/connections/"+id+"/clients?take=100", nil).Doc()
		if diff := cmp.Diff(doc{"clients": []any{doc{"client_id": s.SPA.ID}}}, got); diff != "" {
			t.Errorf("clients (-want +got):\n%s", diff)
		}
		refused(t, s.API("PATCH", "/connections/"+id+"/clients", []doc{{"client_id": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "status": true}}), 404,
			"inexistent_client", "The client does not exist")
		of := s.Must(200, "GET", "/clients/"+s.SPA.ID+"/connections", nil).List("connections")
		names := []any{}
		for _, one := range of {
			names = append(names, one.(doc)["name"])
		}
		if diff := cmp.Diff([]any{"email", "c"}, names); diff != "" {
			t.Errorf("connections of the client (-want +got):\n%s", diff)
		}
		s.Must(204, "DELETE", "/clients/"+s.SPA.ID, nil)
		if got := s.Must(200, "GET", "/connections/"+id, nil).Doc(); len(got["enabled_clients"].([]any)) != 0 {
			t.Errorf("enabled_clients after the client is gone: got %v, want none", got["enabled_clients"])
		}
	})
}

func TestConnections_AreListedByBothWaysOfPaging(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, name := range []string{"a", "b", "c"} {
			s.Must(201, "POST", "/connections", doc{"name": name, "strategy": "sms"})
		}
		page := s.Must(200, "GET", "/connections?strategy=sms&page=1&per_page=2&include_totals=true", nil).Doc()
		if page["total"] != 3.0 || page["start"] != 2.0 || page["limit"] != 2.0 || len(page["connections"].([]any)) != 1 {
			t.Errorf("page with totals: got %v", page)
		}
		var seen []any
		from := ""
		for range 10 {
			next := s.Must(200, "GET", "/connections?include_totals=true&per_page=50&take=2&from="+url.QueryEscape(from), nil).Doc()
			for _, one := range next["connections"].([]any) {
				seen = append(seen, one.(doc)["name"])
			}
			from, _ = next["next"].(string)
			if from == "" {
				break
			}
		}
		if diff := cmp.Diff([]any{"email", "a", "b", "c"}, seen); diff != "" {
			t.Errorf("by checkpoints (-want +got):\n%s", diff)
		}
		refused(t, s.API("GET", "/connections?take=2&from=nonsense", nil), 400, "invalid_query_string",
			"Query validation error: 'Invalid cursor' on property from.")
		some := s.Must(200, "GET", "/connections?name=b&fields=strategy,name&include_fields=true", nil).List()
		if len(some) != 1 || some[0].(doc)["options"] != nil || some[0].(doc)["id"] == nil {
			t.Errorf("fields: got %v, want name, strategy and id of b", some)
		}
	})
}

func TestConnections_AreDeletedWithTheirUsers(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := s.Must(201, "POST", "/connections", doc{"name": "gone", "strategy": "email", "enabled_clients": []any{s.Web.ID}}).Doc()["id"].(string)
		u := s.Must(201, "POST", "/users", doc{"connection": "gone", "email": "ann@example.com"}).Doc()["user_id"].(string)
		gone := s.Must(202, "DELETE", "/connections/"+id, nil).Doc()
		if gone["deleted_at"] == nil {
			t.Errorf("answer: got %v, want deleted_at", gone)
		}
		refused(t, s.API("GET", "/connections/"+id, nil), 404, "inexistent_connection", "The connection does not exist")
		refused(t, s.API("GET", "/users/"+url.PathEscape(u), nil), 404, "inexistent_user", "The user does not exist.")
		s.Must(204, "DELETE", "/connections/"+id, nil)
		// The name rests until no node can know the connection any more.
		s.Clock.Advance(5 * time.Second)
		s.Must(201, "POST", "/connections", doc{"name": "gone", "strategy": "email"})
	})
}
