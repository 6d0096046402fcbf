package mgmtapi

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/apierr"
	"latchkey/internal/key"
	"latchkey/internal/resource"
)

// Signing keys: Auth0 docs, "Signing Keys", "Rotate Signing Keys", "Revoke Signing Keys", and the custom signing keys of
// "Custom Signing Keys", public keys that the tenant uploads.

func (a *api) keys() []route {
	read := anyOf("read:signing_keys")
	return []route{
		{"GET /keys/signing", "Get all Application Signing Keys", read, listSigningKeys},
		{"GET /keys/signing/{kid}", "Get an Application Signing Key by its key id", read, getSigningKey},
		{"POST /keys/signing/rotate", "Rotate the Application Signing Key", allOf("create:signing_keys", "update:signing_keys"), rotateSigningKeys},
		{"PUT /keys/signing/{kid}/revoke", "Revoke an Application Signing Key by its key id", anyOf("update:signing_keys"), revokeSigningKey},

		{"GET /keys/custom-signing", "Get custom signing keys", anyOf("read:custom_signing_keys"), customSigningKeys.get},
		{"PUT /keys/custom-signing", "Create or replace custom signing keys", allOf("create:custom_signing_keys", "update:custom_signing_keys"), customSigningKeys.replace},
		{"DELETE /keys/custom-signing", "Delete custom signing keys", anyOf("delete:custom_signing_keys"), deleteCustomSigningKeys},
	}
}

var (
	errNoSigningKey = notFoundError("", "Signing key not found.")
	errNoCustomKeys = notFoundError("", "No custom signing keys found for this tenant. Upload custom signing keys first.")
	errRotated      = conflict("The signing keys were rotated meanwhile. Look at them and try again.")
)

var customSigningKeys = &settings{id: "custom_signing_keys", missing: &errNoCustomKeys, check: checkCustomKeys}

// checkCustomKeys refuses keys that no signature could be checked with.
func checkCustomKeys(_ *request, _ context.Context, _, after resource.Document) error {
	list, _ := after["keys"].([]any)
	for i, one := range list {
		text, err := json.Marshal(one)
		if err != nil {
			return err
		}
		var parsed jose.JSONWebKey
		if err := parsed.UnmarshalJSON(text); err != nil || !parsed.IsPublic() || !parsed.Valid() {
			return invalidBody("The key at keys[%d] is no public RSA or elliptic curve key.", i)
		}
	}
	return nil
}

// deleteCustomSigningKeys deletes the keys; none are deleted already.
func deleteCustomSigningKeys(r *request) (answer, error) {
	a, err := customSigningKeys.remove(r)
	if errors.Is(err, errNoCustomKeys) {
		return r.commit(func(context.Context) (answer, error) { return noContent() })
	}
	return a, err
}

func showSigningKey(k *key.SigningKey) (resource.Document, error) {
	shown, err := k.Shown()
	if err != nil {
		return nil, err
	}
	d, err := document(shown)
	if err != nil {
		return nil, err
	}
	for name, at := range map[string]*time.Time{
		"current_since": shown.CurrentSince, "current_until": shown.CurrentUntil, "revoked_at": shown.RevokedAt,
	} {
		if at != nil {
			d[name] = stamp(*at)
		}
	}
	return d, nil
}

func listSigningKeys(r *request) (answer, error) {
	all, err := r.Keys.List(r.ctx(), r.tenantID())
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, len(all))
	for i, k := range all {
		if items[i], err = showSigningKey(k); err != nil {
			return answer{}, err
		}
	}
	return ok(items)
}

func getSigningKey(r *request) (answer, error) {
	found, err := r.Keys.Get(r.ctx(), r.tenantID(), r.path("kid"))
	if errors.Is(err, key.ErrNotFound) {
		return answer{}, errNoSigningKey
	}
	if err != nil {
		return answer{}, err
	}
	shown, err := showSigningKey(found)
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

// rotateSigningKeys makes a key before it writes; of calls at the same moment one rotates.
func rotateSigningKeys(r *request) (answer, error) {
	rotation, err := r.Keys.PrepareRotation(r.ctx(), r.site.Tenant)
	if err != nil {
		return answer{}, err
	}
	shown, err := showSigningKey(rotation.Current)
	if err != nil {
		return answer{}, err
	}
	return r.commit(func(ctx context.Context) (answer, error) {
		err := r.Keys.SaveRotation(ctx, r.tenantID(), rotation)
		if apierr.KindOf(err) == apierr.Conflict {
			return answer{}, errRotated
		}
		return answer{status: http.StatusCreated, body: shown}, err
	})
}

func revokeSigningKey(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		revoked, err := r.Keys.Revoke(ctx, r.tenantID(), r.path("kid"))
		if errors.Is(err, key.ErrNotFound) {
			return answer{}, errNoSigningKey
		}
		if err != nil {
			return answer{}, err
		}
		shown, err := showSigningKey(revoked)
		return answer{status: http.StatusOK, body: shown}, err
	})
}

// withSigningKeys adds to clients in an answer the certificate that their tokens are checked with, for those who may read
// keys.
func withSigningKeys(do func(*request) (answer, error)) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		a, err := do(r)
		if err != nil || !r.token.has("read:client_keys") {
			return a, err
		}
		all, err := r.Keys.List(r.ctx(), r.tenantID())
		if err != nil || len(all) == 0 {
			return a, err
		}
		shown, err := all[0].Shown() // the current one
		if err != nil {
			return answer{}, err
		}
		certificate, err := x509.ParseCertificate(all[0].Certificate)
		if err != nil {
			return answer{}, err
		}
		for _, d := range clientsIn(a.body) {
			d["signing_keys"] = []any{resource.Document{
				"cert": shown.Certificate, "pkcs7": shown.PKCS7, "subject": "/CN=" + certificate.Subject.CommonName,
			}}
		}
		return a, nil
	}
}

// clientsIn gives the clients in the body of an answer.
func clientsIn(body any) []resource.Document {
	switch body := body.(type) {
	case []resource.Document:
		return body
	case resource.Document:
		if list, isList := body["clients"].([]resource.Document); isList {
			return list
		}
		return []resource.Document{body}
	}
	return nil
}
