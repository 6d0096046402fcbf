package management

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

// echo is a change and what the answer to it says, which infrastructure tools compare with what they asked for.
type echo struct {
	what   string
	change doc
	want   doc // members of the answer; nil is one that must not be there
}

// echoes makes changes one after the other and compares the answers, and what a read says after each.
func echoes(t *testing.T, s *servertest.Server, path string, all []echo) {
	t.Helper()
	for _, e := range all {
		changed := s.Must(200, "PATCH", path, e.change).Doc()
		for name, want := range e.want {
			if diff := cmp.Diff(want, changed[name]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", e.what, name, diff)
			}
		}
		if diff := cmp.Diff(changed, s.Must(200, "GET", path, nil).Doc()); diff != "" {
			t.Errorf("%s: read again (-changed +read):\n%s", e.what, diff)
		}
	}
}

func TestEchoes_OfAClientAreThoseThatToolsExpect(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	made := s.Must(201, "POST", "/clients", doc{
		"name": "app", "app_type": "native", "session_transfer": doc{"enforce_cascade_revocation": false},
		"oidc_backchannel_logout": doc{"backchannel_logout_urls": []any{"https://app.example/out"}},
	}).Doc()
	transfer := func(changed doc) doc {
		return merged(doc{
			"can_create_session_transfer_token": false, "allowed_authentication_methods": []any{}, "enforce_device_binding": "ip",
			"allow_refresh_token": false, "enforce_online_refresh_tokens": true, "enforce_cascade_revocation": true,
		}, changed)
	}
	if diff := cmp.Diff(transfer(doc{"enforce_cascade_revocation": false}), made["session_transfer"]); diff != "" {
		t.Errorf("session_transfer (-want +got):\n%s", diff)
	}
	urls := doc{"backchannel_logout_urls": []any{"https://app.example/out"}}
	if diff := cmp.Diff([]any{urls, urls}, []any{made["oidc_logout"], made["oidc_backchannel_logout"]}); diff != "" {
		t.Errorf("logout by its former name (-want +got):\n%s", diff)
	}
	ios, android := doc{"team_id": "T", "app_bundle_identifier": "com.example"}, doc{"app_package_name": "com.example"}
	delegation := doc{"allow_delegated_access": true, "enforce_device_binding": "asn"}
	echoes(t, s, "/clients/"+made["client_id"].(string), []echo{
		{"settings of devices", doc{"mobile": doc{"ios": ios}}, doc{"mobile": doc{"ios": ios}}},
		{"one device does not touch the other", doc{"mobile": doc{"android": android}}, doc{"mobile": doc{"ios": ios, "android": android}}},
		{"social logins of apps", doc{"native_social_login": doc{"apple": doc{"enabled": true}}}, doc{"native_social_login": doc{"apple": doc{"enabled": true}}}},
		{
			"one social login does not touch the other", doc{"native_social_login": doc{"google": doc{"enabled": false}}},
			doc{"native_social_login": doc{"apple": doc{"enabled": true}, "google": doc{"enabled": false}}},
		},
		{
			"an algorithm leaves the lifetime", doc{"jwt_configuration": doc{"alg": "RS256"}},
			doc{"jwt_configuration": doc{"alg": "RS256", "secret_encoded": false, "lifetime_in_seconds": 36000.0}},
		},
		{
			"a delegation is added to the transfer of sessions", doc{"session_transfer": doc{"delegation": delegation}},
			doc{"session_transfer": transfer(doc{"enforce_cascade_revocation": false, "delegation": delegation})},
		},
		{
			"and taken away", doc{"session_transfer": doc{"delegation": nil}},
			doc{"session_transfer": transfer(doc{"enforce_cascade_revocation": false})},
		},
		{"the transfer of sessions is taken away", doc{"session_transfer": nil}, doc{"session_transfer": nil}},
		{"what is taken from nothing leaves the defaults", doc{"session_transfer": doc{"delegation": nil}}, doc{"session_transfer": transfer(nil)}},
		{
			"logout has more than the former name shows", doc{"oidc_logout": doc{
				"backchannel_logout_urls": []any{"https://app.example/bye"}, "backchannel_logout_initiators": doc{"mode": "all"},
			}},
			doc{
				"oidc_logout": doc{
					"backchannel_logout_urls": []any{"https://app.example/bye"}, "backchannel_logout_initiators": doc{"mode": "all"},
				},
				"oidc_backchannel_logout": doc{"backchannel_logout_urls": []any{"https://app.example/bye"}},
			},
		},
		{"the former name clears both", doc{"oidc_backchannel_logout": nil}, doc{"oidc_logout": nil, "oidc_backchannel_logout": nil}},
	})
}

// certificate makes a certificate of a company in Madrid.
func certificate(t *testing.T) (text string, end time.Time) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	end = time.Date(2040, 5, 13, 9, 33, 13, 0, time.UTC)
	attribute := func(id int, value string) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, id}, Value: value}}
	}
	subject, err := asn1.Marshal(pkix.RDNSequence{attribute(6, "es"), attribute(7, "Madrid"), attribute(10, "Example, Inc"), attribute(3, "Things")})
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: subject, NotBefore: end.AddDate(-20, 0, 0), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), end
}

func TestEchoes_OfCertificatesTellTheirEndOrTheirOwner(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	text, end := certificate(t)
	id := s.Must(201, "POST", "/clients", doc{"name": "app", "app_type": "non_interactive"}).Doc()["client_id"].(string)
	add := func(c doc) doc { return s.Must(201, "POST", "/clients/"+id+"/credentials", c).Doc() }
	stamp := end.Format("2006-01-02T15:04:05.000Z")

	whole := add(doc{"credential_type": "x509_cert", "name": "one", "pem": text})
	if thumb, _ := whole["thumbprint_sha256"].(string); len(thumb) != 43 {
		t.Errorf("thumbprint: got %q, want 43 characters", thumb)
	}
	want := doc{"credential_type": "x509_cert", "name": "one", "expires_at": stamp}
	if diff := cmp.Diff(want, without(whole, "id", "created_at", "updated_at", "thumbprint_sha256")); diff != "" {
		t.Errorf("a certificate (-want +got):\n%s", diff)
	}
	owner := add(doc{"credential_type": "cert_subject_dn", "name": "two", "pem": text})
	want = doc{"credential_type": "cert_subject_dn", "name": "two", "subject_dn": "C=es\nL=Madrid\nO=Example\\, Inc\nCN=Things"}
	if diff := cmp.Diff(want, without(owner, "id", "created_at", "updated_at")); diff != "" {
		t.Errorf("the owner of a certificate (-want +got):\n%s", diff)
	}
	s.Must(204, "DELETE", "/clients/"+id+"/credentials/"+owner["id"].(string), nil)
	key := add(doc{"credential_type": "public_key", "name": "three", "pem": text, "parse_expiry_from_cert": true})
	if key["expires_at"] != stamp || key["thumbprint_sha256"] != nil || key["kid"] == nil {
		t.Errorf("a key out of a certificate: got %v, want the end %s, a kid and no thumbprint", key, stamp)
	}
	refused(t, s.API("POST", "/clients/"+id+"/credentials", doc{"credential_type": "x509_cert", "pem": "no certificate"}), 400, "invalid_body",
		"The credential's pem is no PEM encoded public key or certificate")
	refused(t, s.API("POST", "/clients/"+id+"/credentials", doc{"credential_type": "cert_subject_dn"}), 400, "invalid_body",
		"Either pem or subject_dn is required for a credential of type cert_subject_dn")

	named := []any{doc{"id": key["id"]}}
	secret := s.Must(200, "GET", "/clients/"+id, nil).Doc()["client_secret"]
	echoes(t, s, "/clients/"+id, []echo{
		{
			"a client that signs has no secret", doc{"client_authentication_methods": doc{"private_key_jwt": doc{"credentials": named}}},
			doc{"client_secret": nil, "client_authentication_methods": doc{"private_key_jwt": doc{"credentials": named}}},
		},
		{
			"one that does not has it again", doc{"client_authentication_methods": nil, "token_endpoint_auth_method": "client_secret_post"},
			doc{"client_secret": secret, "client_authentication_methods": nil},
		},
		{
			"signed requests", doc{"signed_request_object": doc{"credentials": named, "required": false}},
			doc{"signed_request_object": doc{"credentials": named, "required": false}},
		},
		{
			"are required with the same keys", doc{"signed_request_object": doc{"required": true}},
			doc{"signed_request_object": doc{"credentials": named, "required": true}},
		},
		{"and are no more", doc{"signed_request_object": nil}, doc{"signed_request_object": nil}},
	})
}

func TestEchoes_OfAnAPITellOnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	made := s.Must(201, "POST", "/resource-servers", doc{"identifier": "https://nameless.example.com/"}).Doc()
	if name, there := made["name"]; there {
		t.Errorf("an API without a name: got the name %v", name)
	}
	path := "/resource-servers/" + made["id"].(string)
	echoes(t, s, path, []echo{{"a name", doc{"name": "Named"}, doc{"name": "Named"}}})

	system := s.Must(200, "GET", "/resource-servers/"+strings.ReplaceAll(s.Tenant.ManagementAudience(), "/", "%2F"), nil).Doc()
	descriptions := map[any]any{}
	for _, one := range system["scopes"].([]any) {
		descriptions[one.(doc)["value"]] = one.(doc)["description"]
	}
	for scope, want := range map[string]string{"read:users": "Read Users", "update:users_app_metadata": "Update Users App Metadata"} {
		if descriptions[scope] != want {
			t.Errorf("description of %s: got %v, want %s", scope, descriptions[scope], want)
		}
	}
}

func TestEchoes_OfATenantWithoutAChangeAreItsSettings(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	before := s.Must(200, "GET", "/tenants/settings", nil).Doc()
	delete(before, "sandbox_versions_available") // only reads have it
	if diff := cmp.Diff(before, s.Must(200, "PATCH", "/tenants/settings", doc{}).Doc()); diff != "" {
		t.Errorf("nothing changed (-before +after):\n%s", diff)
	}
}

func TestEchoes_OfADomainLeaveTLSToWhoeverEndsIt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	own := s.Must(201, "POST", "/custom-domains", doc{"domain": "own.example.com", "type": "self_managed_certs"}).Doc()
	if policy, there := own["tls_policy"]; there {
		t.Errorf("certificates of one's own: got the policy %v, want none", policy)
	}
	managed := s.Must(201, "POST", "/custom-domains", doc{"domain": "managed.example.com", "type": "auth0_managed_certs"}).Doc()
	if managed["tls_policy"] != "recommended" {
		t.Errorf("managed certificates: got the policy %v, want recommended", managed["tls_policy"])
	}
}
