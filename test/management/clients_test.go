package management

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

func TestClients_AreCreatedWithTheServicesDefaults(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		made := s.Must(201, "POST", "/clients", doc{"name": "app"}).Doc()
		if secret, _ := made["client_secret"].(string); len(secret) != 64 {
			t.Errorf("client_secret: got %q, want 64 characters", secret)
		}
		want := doc{
			"name": "app", "tenant": "test", "global": false, "is_first_party": true, "is_token_endpoint_ip_header_trusted": false,
			"oidc_conformant": false, "jwt_configuration": doc{"secret_encoded": false, "lifetime_in_seconds": 36000.0},
			"sso_disabled": false, "cross_origin_authentication": false, "custom_login_page_on": true,
			"grant_types": []any{"authorization_code", "implicit", "refresh_token", "client_credentials"},
			"refresh_token": doc{
				"rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0.0, "token_lifetime": 2592000.0,
				"infinite_token_lifetime": true, "infinite_idle_token_lifetime": true, "idle_token_lifetime": 1296000.0,
			},
		}
		if diff := cmp.Diff(want, without(made, "client_id", "client_secret", "signing_keys")); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		read := s.Must(200, "GET", "/clients/"+made["client_id"].(string), nil).Doc()
		if diff := cmp.Diff(made, read); diff != "" {
			t.Errorf("read again (-made +read):\n%s", diff)
		}
		for appType, want := range map[string][]any{
			"spa": {"authorization_code", "implicit", "refresh_token"}, "resource_server": {},
			"regular_web": {"authorization_code", "implicit", "refresh_token", "client_credentials"},
		} {
			got := s.Must(201, "POST", "/clients", doc{"name": appType, "app_type": appType}).Doc()["grant_types"]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("grant types of %s (-want +got):\n%s", appType, diff)
			}
		}
	})
}

func TestClients_SecretsAreShownToThoseWhoMayReadKeys(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := s.Must(201, "POST", "/clients", doc{"name": "app"}).Doc()["client_id"].(string)
		if got := s.Call(s.Token("read:clients"), "GET", "/clients/"+id, nil).Doc(); got["client_secret"] != nil || got["name"] != "app" {
			t.Errorf("with read:clients: got %v, want no secret", got)
		}
		refused(t, s.Call(s.Token("read:clients"), "GET", "/clients/"+id+"?fields=client_secret", nil), 403, "insufficient_scope",
			"Insufficient scope, expected any of: read:client_keys")
		if got := s.Call(s.Token("read:client_summary"), "GET", "/clients/"+id, nil).Doc(); got["name"] != "app" || got["grant_types"] != nil {
			t.Errorf("with read:client_summary: got %v, want name and id and no settings", got)
		}
		before := s.Must(200, "GET", "/clients/"+id, nil).Doc()["client_secret"]
		after := s.Must(200, "POST", "/clients/"+id+"/rotate-secret", nil).Doc()["client_secret"]
		if before == after || after != s.Must(200, "GET", "/clients/"+id, nil).Doc()["client_secret"] {
			t.Errorf("rotation: got %v after %v, want another secret, and the same when read", after, before)
		}
		refused(t, s.Call(s.Token("update:clients"), "PATCH", "/clients/"+id, doc{"client_secret": "x"}), 403, "insufficient_scope",
			"Insufficient scope, expected any of: update:client_keys")
		for _, e := range eventsOf(t, s, "sapi") {
			if text := servertest.Text(e.Details); containsAny(text, after.(string), before.(string)) {
				t.Errorf("a log event holds a client secret: %s", text)
			}
		}
		if n := len(eventsOf(t, s, "mgmt_api_read")); n == 0 {
			t.Error("reading a secret left no event mgmt_api_read")
		}
	})
}

func TestClients_MetadataMergesAndNullsClear(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := s.Must(201, "POST", "/clients", doc{
			"name": "app", "client_metadata": doc{"a": "1", "b": "2"}, "callbacks": []any{"https://a.example/cb"},
			"refresh_token": doc{"rotation_type": "rotating", "expiration_type": "expiring", "token_lifetime": 1000, "idle_token_lifetime": 100},
		}).Doc()["client_id"].(string)
		got := s.Must(200, "PATCH", "/clients/"+id, doc{"client_metadata": doc{"a": nil, "c": "3"}, "callbacks": []any{"https://b.example/cb"}}).Doc()
		if diff := cmp.Diff(doc{"b": "2", "c": "3"}, got["client_metadata"]); diff != "" {
			t.Errorf("client_metadata (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]any{"https://b.example/cb"}, got["callbacks"]); diff != "" {
			t.Errorf("callbacks (-want +got):\n%s", diff)
		}
		got = s.Must(200, "PATCH", "/clients/"+id, doc{"client_metadata": doc{"b": nil, "c": nil}, "refresh_token": nil}).Doc()
		if diff := cmp.Diff(doc{}, got["client_metadata"]); diff != "" {
			t.Errorf("client_metadata without its last key (-want +got):\n%s", diff)
		}
		if got["refresh_token"].(doc)["rotation_type"] != "non-rotating" {
			t.Errorf("refresh_token after null: got %v, want the defaults", got["refresh_token"])
		}
		refused(t, s.API("PATCH", "/clients/"+id, doc{"refresh_token": doc{"rotation_type": "rotating", "expiration_type": "non-expiring"}}), 400,
			"invalid_body", "refresh_token.expiration_type must be expiring when refresh_token.rotation_type is rotating")
		refused(t, s.API("PATCH", "/clients/"+id, doc{"name": nil}), 400, "invalid_body",
			"Payload validation error: 'Expected type string but found type null' on property name.")
		refused(t, s.API("PATCH", "/clients/nobody", doc{"name": "x"}), 404, "inexistent_client", "The client does not exist")
	})
}

func TestClients_GlobalOneIsListedAndStays(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	all := s.Must(200, "GET", "/clients?is_global=true&include_totals=true", nil).Doc()
	if all["total"] != 1.0 {
		t.Fatalf("global clients: got %v, want one", all["total"])
	}
	global := all["clients"].([]any)[0].(doc)
	if global["name"] != "All Applications" || global["global"] != true {
		t.Errorf("got %v, want All Applications", global)
	}
	refused(t, s.API("DELETE", "/clients/"+global["client_id"].(string), nil), 400, "", "Global client cannot be deleted.")
	s.Must(200, "PATCH", "/clients/"+global["client_id"].(string), doc{"custom_login_page": "<html></html>", "custom_login_page_on": true})
	for _, one := range s.Must(200, "GET", "/clients?is_global=false&per_page=100", nil).List() {
		if one.(doc)["global"] == true {
			t.Error("is_global=false lists the global client")
		}
	}
}

func TestClients_CredentialsProveThemAndAreNamedByTheClient(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		id := s.Must(201, "POST", "/clients", doc{"name": "app", "app_type": "non_interactive"}).Doc()["client_id"].(string)
		made := s.Must(201, "POST", "/clients/"+id+"/credentials", doc{"credential_type": "public_key", "name": "one", "pem": public}).Doc()
		if kid, _ := made["kid"].(string); len(kid) != 43 || made["alg"] != "RS256" || made["pem"] != nil {
			t.Errorf("credential: got %v, want a thumbprint of 43 characters, RS256 and no key", made)
		}
		credential := made["id"].(string)
		got := s.Must(200, "PATCH", "/clients/"+id, doc{
			"client_authentication_methods": doc{"private_key_jwt": doc{"credentials": []any{doc{"id": credential}}}}, "token_endpoint_auth_method": nil,
		}).Doc()
		want := doc{"private_key_jwt": doc{"credentials": []any{doc{"id": credential}}}}
		if diff := cmp.Diff(want, got["client_authentication_methods"]); diff != "" {
			t.Errorf("client_authentication_methods (-want +got):\n%s", diff)
		}
		path := "/clients/" + id + "/credentials/" + credential
		if got := s.Must(200, "PATCH", path, doc{"expires_at": "2050-01-01T00:00:00.000Z"}).Doc(); got["expires_at"] == nil {
			t.Errorf("expires_at: got %v", got)
		}
		if a := s.API("DELETE", path, nil); a.Status != 400 {
			t.Errorf("deleting a credential in use: got %d %s, want 400", a.Status, a.Text)
		}
		s.Must(200, "PATCH", "/clients/"+id, doc{"client_authentication_methods": nil})
		s.Must(204, "DELETE", path, nil)
		refused(t, s.API("GET", path, nil), 404, "", "Credential does not exist")
		refused(t, s.API("POST", "/clients/"+id+"/credentials", doc{"credential_type": "public_key", "pem": "no key"}), 400, "invalid_body",
			"The credential's pem is no PEM encoded public key or certificate")
	})
}

func TestResourceServers_AreNamedByIdOrIdentifier(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		made := s.Must(201, "POST", "/resource-servers", doc{"identifier": "https://things.example.com/", "name": "Things"}).Doc()
		want := doc{
			"name": "Things", "identifier": "https://things.example.com/", "allow_offline_access": false,
			"skip_consent_for_verifiable_first_party_clients": false, "token_lifetime": 86400.0, "token_lifetime_for_web": 7200.0, "signing_alg": "RS256",
		}
		if diff := cmp.Diff(want, without(made, "id")); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		for _, name := range []string{made["id"].(string), url.PathEscape("https://things.example.com/"), url.PathEscape(url.PathEscape("https://things.example.com/"))} {
			if got := s.Must(200, "GET", "/resource-servers/"+name, nil).Doc(); got["id"] != made["id"] {
				t.Errorf("GET %s: got %v", name, got)
			}
		}
		got := s.Must(200, "PATCH", "/resource-servers/"+made["id"].(string), doc{"scopes": []any{doc{"value": "read:things"}}, "authorization_details": nil}).Doc()
		if diff := cmp.Diff([]any{doc{"value": "read:things"}}, got["scopes"]); diff != "" {
			t.Errorf("scopes (-want +got):\n%s", diff)
		}
		refused(t, s.API("POST", "/resource-servers", doc{"identifier": "https://things.example.com/"}), 409, "",
			"A resource server with the same identifier already exists.")
		system := s.Must(200, "GET", "/resource-servers/"+url.PathEscape(s.Tenant.ManagementAudience()), nil).Doc()
		if system["is_system"] != true || system["name"] != "Auth0 Management API" {
			t.Errorf("system API: got %v", without(system, "scopes"))
		}
		refused(t, s.API("DELETE", "/resource-servers/"+system["id"].(string), nil), 400, "", "System resource servers cannot be deleted.")
		refused(t, s.API("PATCH", "/resource-servers/"+system["id"].(string), doc{"name": "Mine"}), 400, "", "System resource servers cannot be patched.")
		grant := s.Must(201, "POST", "/client-grants", doc{"client_id": s.Web.ID, "audience": "https://things.example.com/", "scope": []any{"read:things"}}).Doc()
		if diff := cmp.Diff(doc{"client_id": s.Web.ID, "audience": "https://things.example.com/", "scope": []any{"read:things"}, "subject_type": "client"}, without(grant, "id")); diff != "" {
			t.Errorf("client grant (-want +got):\n%s", diff)
		}
		if a := s.API("POST", "/client-grants", doc{"client_id": s.Web.ID, "audience": "https://things.example.com/", "scope": []any{}}); a.Status != 409 {
			t.Errorf("the same grant again: got %d %s, want 409", a.Status, a.Text)
		}
		if a := s.API("PATCH", "/client-grants/"+grant["id"].(string), doc{"scope": []any{"later:things"}}); a.Status != 200 {
			t.Errorf("a scope that the API is yet to define: got %d %s, want 200", a.Status, a.Text)
		}
		s.Must(204, "DELETE", "/resource-servers/"+made["id"].(string), nil)
		s.Must(204, "DELETE", "/resource-servers/"+made["id"].(string), nil)
		refused(t, s.API("GET", "/client-grants/"+grant["id"].(string), nil), 404, "inexistent_client_grant", "The grant does not exist.")
		empty := s.Must(200, "GET", "/client-grants?audience=https://nothing.example/&include_totals=true&per_page=50", nil).Doc()
		if diff := cmp.Diff(doc{"total": 0.0, "start": 0.0, "limit": 50.0, "client_grants": []any{}}, empty); diff != "" {
			t.Errorf("an empty list (-want +got):\n%s", diff)
		}
	})
}
