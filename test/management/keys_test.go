package management

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

func TestSigningKeys_AreListedRotatedAndRevoked(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		list := s.Must(200, "GET", "/keys/signing", nil).List()
		if len(list) != 2 || list[0].(doc)["current"] != true || list[1].(doc)["next"] != true {
			t.Fatalf("keys: got %v, want a current and a next one", list)
		}
		old, next := list[0].(doc), list[1].(doc)
		if block, _ := pem.Decode([]byte(old["cert"].(string))); block == nil || !strings.Contains(old["cert"].(string), "\r\n") ||
			!strings.Contains(old["fingerprint"].(string), ":") || old["pkcs7"] == nil || old["current_since"] == nil {
			t.Errorf("key: got %v", old)
		}
		kid := old["kid"].(string)
		refused(t, s.API("PUT", "/keys/signing/"+kid+"/revoke", nil), 400, "signing_key_in_use", "Only a previous signing key can be revoked.")
		token := s.Token()
		rotated := s.Must(201, "POST", "/keys/signing/rotate", nil).Doc()
		if rotated["kid"] != next["kid"] || rotated["current"] != true {
			t.Errorf("rotated: got %v, want %v current", rotated, next["kid"])
		}
		if got := s.Must(200, "GET", "/keys/signing/"+kid, nil).Doc(); got["previous"] != true || got["current_until"] == nil {
			t.Errorf("the key before: got %v", got)
		}
		if got := s.Call(token, "GET", "/keys/signing", nil); got.Status != 200 || len(got.List()) != 3 {
			t.Errorf("with a token of the key before: got %d %s", got.Status, got.Text)
		}
		n := s.Neighbour(t)
		refused(t, n.API("GET", "/keys/signing/"+kid, nil), 404, "", "Signing key not found.")
		refused(t, n.API("PUT", "/keys/signing/"+kid+"/revoke", nil), 404, "", "Signing key not found.")
		revoked := s.Must(200, "PUT", "/keys/signing/"+kid+"/revoke", nil).Doc()
		if revoked["kid"] != kid || revoked["revoked"] != true || revoked["revoked_at"] == nil {
			t.Errorf("revoked: got %v", revoked)
		}
		refused(t, s.Call(token, "GET", "/keys/signing", nil), 401, "", "Invalid signature received for JSON Web Token validation")
		refused(t, s.Call(s.Token("create:signing_keys"), "POST", "/keys/signing/rotate", nil), 403, "insufficient_scope",
			"Insufficient scope, expected all of: create:signing_keys,update:signing_keys")
	})
}

func TestCustomSigningKeys_ArePublicKeys(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const none = "No custom signing keys found for this tenant. Upload custom signing keys first."
		refused(t, s.API("GET", "/keys/custom-signing", nil), 404, "", none)
		key := doc{
			"kty": "EC", "crv": "P-256", "use": "sig", "kid": "a", "alg": "ES256",
			"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", // RFC 7515 appendix A.3
		}
		body := doc{"keys": []any{key}}
		if got := s.Must(200, "PUT", "/keys/custom-signing", body).Doc(); !cmp.Equal(got, body) {
			t.Errorf("put: got %v", got)
		}
		if got := s.Must(200, "GET", "/keys/custom-signing", nil).Doc(); !cmp.Equal(got, body) {
			t.Errorf("get: got %v", got)
		}
		refused(t, s.API("PUT", "/keys/custom-signing", doc{"keys": []any{doc{"kty": "RSA"}}}), 400, "invalid_body", "The key at keys[0] is no public RSA or elliptic curve key.")
		if got := s.API("PUT", "/keys/custom-signing", doc{"keys": []any{doc{"kty": "EC", "d": "x"}}}); got.Status != 400 {
			t.Errorf("a private key: got %d", got.Status)
		}
		refused(t, s.Neighbour(t).API("GET", "/keys/custom-signing", nil), 404, "", none)
		s.Must(204, "DELETE", "/keys/custom-signing", nil)
		s.Must(204, "DELETE", "/keys/custom-signing", nil)
		refused(t, s.API("GET", "/keys/custom-signing", nil), 404, "", none)
	})
}

func TestClients_ShowTheSigningKeyToThoseWhoMayReadKeys(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		current := s.Must(200, "GET", "/keys/signing", nil).List()[0].(doc)
		made := s.Must(201, "POST", "/clients", doc{"name": "app"}).Doc()
		path := "/clients/" + made["client_id"].(string)
		list := s.Must(200, "GET", "/clients?include_totals=true&per_page=1", nil).List("clients")
		for name, d := range map[string]doc{"created": made, "read": s.Must(200, "GET", path, nil).Doc(), "listed": list[0].(doc)} {
			keys, _ := d["signing_keys"].([]any)
			if len(keys) != 1 || keys[0].(doc)["cert"] != current["cert"] || keys[0].(doc)["pkcs7"] != current["pkcs7"] || !strings.HasPrefix(keys[0].(doc)["subject"].(string), "/CN=") {
				t.Errorf("%s: got %v", name, d["signing_keys"])
			}
		}
		if got := s.Call(s.Token("read:clients"), "GET", path, nil).Doc(); got["signing_keys"] != nil || got["name"] != "app" {
			t.Errorf("with read:clients: got %v", got["signing_keys"])
		}
	})
}
