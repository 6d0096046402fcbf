package mgmtapi

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Credentials of a client: Auth0 docs, "Private Key JWT" and "Configure mTLS". They are kept within the client's record, so
// that a client and its keys change in one step; what the client's page shows of them is their ids.

const credentialsMember = "$credentials"

var errNoCredential = notFoundError("", "Credential does not exist")

// credentialsOf lists a client's credentials.
func credentialsOf(d resource.Document) []resource.Document {
	list, _ := d[credentialsMember].([]any)
	all := make([]resource.Document, 0, len(list))
	for _, one := range list {
		if c, isObject := one.(map[string]any); isObject {
			all = append(all, c)
		}
	}
	return all
}

// showCredential gives a credential as the API shows it: without the key itself.
func showCredential(c resource.Document) resource.Document {
	shown := clone(c)
	delete(shown, "pem")
	return shown
}

// newCredential reads a credential from a payload. Mistakes in a key are told as mistakes of the payload.
func (r *request) newCredential(in resource.Document) (resource.Document, error) {
	c := clone(in)
	delete(c, "parse_expiry_from_cert")
	c["id"] = ident.Prefixed("cred", 22)
	c["created_at"], c["updated_at"] = stamp(r.now()), stamp(r.now())
	kind := text(c, "credential_type")
	if kind == "cert_subject_dn" && text(c, "pem") == "" {
		if text(c, "subject_dn") == "" {
			return nil, invalidBody("Either pem or subject_dn is required for a credential of type cert_subject_dn")
		}
		return c, nil
	}
	block, _ := pem.Decode([]byte(text(c, "pem")))
	if block == nil {
		return nil, invalidBody("The credential's pem is no PEM encoded public key or certificate")
	}
	var key any
	cert, err := x509.ParseCertificate(block.Bytes)
	if err == nil {
		key = cert.PublicKey
	} else if key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return nil, invalidBody("The credential's pem is no PEM encoded public key or certificate")
	}
	if kind != "public_key" {
		return c, describeCertificate(c, cert)
	}
	if _, isRSA := key.(*rsa.PublicKey); !isRSA {
		if _, isEC := key.(*ecdsa.PublicKey); !isEC {
			return nil, invalidBody("The credential's key must be an RSA or elliptic curve key")
		}
	}
	if cert != nil && in["parse_expiry_from_cert"] == true && c["expires_at"] == nil {
		c["expires_at"] = stamp(cert.NotAfter)
	}
	defaults(c, resource.Document{"alg": "RS256"})
	if c["kid"] == nil {
		thumb, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, invalidBody("The credential's key is of no use")
		}
		c["kid"] = base64.RawURLEncoding.EncodeToString(thumb)
	}
	return c, nil
}

// describeCertificate adds to a credential what is shown of its certificate: of one that is trusted itself its thumbprint
// and end, of one that names its owner the name.
func describeCertificate(c resource.Document, cert *x509.Certificate) error {
	if cert == nil {
		return invalidBody("The credential's pem is no PEM encoded certificate")
	}
	if text(c, "credential_type") == "cert_subject_dn" {
		dn, err := subjectDN(cert)
		defaults(c, resource.Document{"subject_dn": dn})
		return err
	}
	sum := sha256.Sum256(cert.Raw)
	c["thumbprint_sha256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	defaults(c, resource.Document{"expires_at": stamp(cert.NotAfter)})
	return nil
}

// subjectDN writes the name of a certificate's owner one attribute a line, in the order of the certificate.
func subjectDN(cert *x509.Certificate) (string, error) {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(cert.RawSubject, &name); err != nil {
		return "", err
	}
	var lines []string
	for _, set := range name {
		for _, attribute := range set {
			lines = append(lines, pkix.RDNSequence{{attribute}}.String())
		}
	}
	return strings.Join(lines, "\n"), nil
}

// createCredentials turns the full credentials of a new client's payload into credentials and references to them.
func (r *request) createCredentials(d resource.Document) error {
	for _, method := range []resource.Document{member(d, "client_authentication_methods"), {"signed_request_object": d["signed_request_object"]}} {
		for _, name := range []string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "signed_request_object"} {
			holder := member(method, name)
			list, _ := holder["credentials"].([]any)
			for i, one := range list {
				in, _ := one.(map[string]any)
				if text(in, "id") != "" {
					continue
				}
				if !r.token.has("create:client_credentials") {
					return insufficientScope("expected any of: create:client_credentials")
				}
				c, err := r.newCredential(in)
				if err != nil {
					return err
				}
				kept, _ := d[credentialsMember].([]any)
				d[credentialsMember] = append(kept, c)
				list[i] = resource.Document{"id": c["id"]}
			}
		}
	}
	return nil
}

// checkCredentialRefs refuses references to credentials that the client does not have.
func checkCredentialRefs(d resource.Document) error {
	known := map[any]bool{}
	for _, c := range credentialsOf(d) {
		known[c["id"]] = true
	}
	methods := clone(member(d, "client_authentication_methods"))
	if object := member(d, "signed_request_object"); object != nil {
		if methods == nil {
			methods = resource.Document{}
		}
		methods["signed_request_object"] = object
	}
	for name := range methods {
		list, _ := member(methods, name)["credentials"].([]any)
		for _, one := range list {
			ref, _ := one.(map[string]any)
			if !known[ref["id"]] {
				return invalidBody("Credential %s does not exist", text(ref, "id"))
			}
		}
	}
	return nil
}

// showCreatedCredentials shows the credentials of a client that was just created, as they will be listed.
func showCreatedCredentials(stored *resource.Resource, shown resource.Document) {
	methods := member(shown, "client_authentication_methods")
	for name := range methods {
		list, _ := member(methods, name)["credentials"].([]any)
		for i, one := range list {
			ref, _ := one.(map[string]any)
			for _, c := range credentialsOf(stored.Document) {
				if c["id"] == ref["id"] {
					list[i] = showCredential(c)
				}
			}
		}
	}
}

// clientOfPath reads the client whose credentials are asked for.
func clientOfPath(r *request) (*resource.Resource, error) {
	stored, err := clients.find(r, r.ctx(), r.path("client_id"))
	if err == errNoClient {
		return nil, notFoundError("", "Client not found.")
	}
	return stored, err
}

func listCredentials(r *request) (answer, error) {
	stored, err := clientOfPath(r)
	if err != nil {
		return answer{}, err
	}
	items := []resource.Document{}
	for _, c := range credentialsOf(stored.Document) {
		items = append(items, showCredential(c))
	}
	return ok(items)
}

func getCredential(r *request) (answer, error) {
	stored, err := clientOfPath(r)
	if err != nil {
		return answer{}, err
	}
	all := credentialsOf(stored.Document)
	i := slices.IndexFunc(all, func(c resource.Document) bool { return c["id"] == r.path("credential_id") })
	if i < 0 {
		return answer{}, errNoCredential
	}
	return ok(showCredential(all[i]))
}

// mostCredentials is how many credentials a client has room for (Auth0 docs, "Private Key JWT").
const mostCredentials = 2

func createCredential(r *request) (answer, error) {
	if _, err := clientOfPath(r); err != nil {
		return answer{}, err
	}
	c, err := r.newCredential(r.doc())
	if err != nil {
		return answer{}, err
	}
	a, err := clients.change(r, r.path("client_id"), func(stored *resource.Resource) error {
		list, _ := stored.Document[credentialsMember].([]any)
		if len(list) >= mostCredentials {
			return problem{Status: 400, Code: "invalid_body", Message: "You reached the limit of credentials of this client."}
		}
		for _, one := range credentialsOf(stored.Document) {
			if one["kid"] != nil && one["kid"] == c["kid"] {
				return conflict("A credential with the same kid already exists")
			}
		}
		stored.Document[credentialsMember] = append(list, clone(c))
		return nil
	})
	a.status, a.body = http.StatusCreated, showCredential(c)
	return a, err
}

// changeCredential changes one credential of the client of the path; a nil result removes it.
func changeCredential(r *request, change func(c resource.Document) resource.Document) (resource.Document, answer, error) {
	if _, err := clientOfPath(r); err != nil {
		return nil, answer{}, err
	}
	var changed resource.Document
	a, err := clients.change(r, r.path("client_id"), func(stored *resource.Resource) error {
		kept := []any{}
		found := false
		for _, c := range credentialsOf(stored.Document) {
			if c["id"] != r.path("credential_id") {
				kept = append(kept, c)
				continue
			}
			found = true
			if changed = change(c); changed != nil {
				kept = append(kept, changed)
			}
		}
		if !found {
			return errNoCredential
		}
		stored.Document[credentialsMember] = kept
		return nil
	})
	return changed, a, err
}

func updateCredential(r *request) (answer, error) {
	changed, a, err := changeCredential(r, func(c resource.Document) resource.Document {
		merge(c, r.doc(), nil)
		c["updated_at"] = stamp(r.now())
		return c
	})
	if err != nil {
		return answer{}, err
	}
	a.body = showCredential(changed)
	return a, nil
}

// deleteCredential refuses to delete a credential that the client still names: checkCredentialRefs sees it missing.
func deleteCredential(r *request) (answer, error) {
	_, a, err := changeCredential(r, func(resource.Document) resource.Document { return nil })
	if err != nil {
		return answer{}, err
	}
	a.status, a.body = http.StatusNoContent, nil
	return a, nil
}
