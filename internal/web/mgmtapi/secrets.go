package mgmtapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

// Secrets in payloads are members that must be read back or used later, at fixed paths ("options.twilio_token"). They are
// taken out of the document before it is stored and sealed under their path. A path that ends in brackets is a list or an
// object that is sealed as a whole ("sink.httpCustomHeaders[]").

// sealSecrets moves the secrets at the given paths out of a document. A path that the document does not have keeps the
// secret that is stored when keep says so, else the secret is gone. An empty text removes it too.
func sealSecrets(keys *seal.Keyset, tenantID string, r *resource.Resource, paths []string, keep bool) error {
	for _, path := range paths {
		if member, isWhole := strings.CutSuffix(path, "[]"); isWhole {
			if err := sealWhole(keys, tenantID, r, path, member); err != nil {
				return err
			}
			continue
		}
		holder, name := reach(r.Document, path)
		secret, isText := holder[name].(string)
		switch {
		case isText && secret != "":
			sealed, err := keys.Seal([]byte(secret), tenantID, string(r.Kind), sealedName(r.Kind, path), r.ID)
			if err != nil {
				return err
			}
			if r.Sealed == nil {
				r.Sealed = map[string][]byte{}
			}
			r.Sealed[sealedName(r.Kind, path)] = sealed
		case isText || !keep:
			delete(r.Sealed, sealedName(r.Kind, path))
		}
		if isText {
			delete(holder, name)
		}
	}
	return nil
}

// sealWhole seals a member that is no text under a path.
func sealWhole(keys *seal.Keyset, tenantID string, r *resource.Resource, path, at string) error {
	holder, name := reach(r.Document, at)
	value, given := holder[name]
	if !given || value == nil {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	sealed, err := keys.Seal(text, tenantID, string(r.Kind), path, r.ID)
	if err != nil {
		return err
	}
	if r.Sealed == nil {
		r.Sealed = map[string][]byte{}
	}
	r.Sealed[path] = sealed
	delete(holder, name)
	return nil
}

// forgetSecrets drops the secrets in those members of a document that a payload names: it replaces them, secrets included.
func forgetSecrets(r *resource.Resource, paths []string, payload resource.Document) {
	for _, path := range paths {
		top, _, _ := strings.Cut(path, ".")
		if _, named := payload[strings.TrimSuffix(top, "[]")]; named {
			delete(r.Sealed, path)
		}
	}
}

// showSecrets puts the stored secrets back into a copy of the document. It tells whether there were any.
func showSecrets(keys *seal.Keyset, tenantID string, r *resource.Resource, shown resource.Document) (bool, error) {
	found := false
	for sealedUnder, sealed := range r.Sealed {
		path, isWhole := strings.CutSuffix(memberName(r.Kind, sealedUnder), "[]")
		holder, name := reach(shown, path)
		if holder == nil {
			continue
		}
		secret, err := keys.Open(sealed, tenantID, string(r.Kind), sealedUnder, r.ID)
		if err != nil {
			return false, err
		}
		found = true
		if !isWhole {
			holder[name] = string(secret)
			continue
		}
		var value any
		if err := json.Unmarshal(secret, &value); err != nil {
			return false, err
		}
		holder[name] = value
	}
	return found, nil
}

// secretHashes is the member by which a read at the server's own command line tells of each sealed text, by its path, whether
// a value is the stored one: "SALT$HASH", in hexadecimal digits, where HASH is SHA-256 of salt and secret. Files that hold
// secrets are compared by it. The salt is another one each time, nothing of it is stored or logged, and nobody who calls
// over HTTP ever sees it: a weak secret could be guessed from its hash.
const secretHashes = "$secrets"

// hashSecrets adds secretHashes to what an operator reads of something that may have secrets. Further are those that are
// sealed within the document.
func (r *request) hashSecrets(stored *resource.Resource, shown resource.Document, paths []string, further map[string][]byte) error {
	if !r.token.operator || r.http.Method != http.MethodGet || len(paths)+len(stored.Sealed)+len(further) == 0 {
		return nil
	}
	all := map[string][]byte{}
	maps.Copy(all, stored.Sealed)
	maps.Copy(all, further)
	hashes := resource.Document{}
	for name, sealed := range all {
		path := memberName(stored.Kind, name)
		if strings.HasSuffix(path, "[]") {
			continue
		}
		secret, err := r.Seal.Open(sealed, r.tenantID(), string(stored.Kind), name, stored.ID)
		if err != nil {
			return err
		}
		salted := make([]byte, 16, 16+len(secret))
		rand.Read(salted)
		salt := hex.EncodeToString(salted)
		sum := sha256.Sum256(append(salted, secret...))
		hashes[path] = salt + "$" + hex.EncodeToString(sum[:])
	}
	shown[secretHashes] = hashes
	return nil
}

// sealedName is the name under which the secret at a path is sealed: the path, but for the client secret, which the login
// flows named before there was a path.
func sealedName(kind resource.Kind, path string) string {
	if kind == resource.Clients && path == "client_secret" {
		return client.SecretName
	}
	return path
}

// memberName is the inverse of sealedName.
func memberName(kind resource.Kind, name string) string {
	if kind == resource.Clients && name == client.SecretName {
		return "client_secret"
	}
	return name
}

// reach gives the object that a path's last member belongs to, or nil, and that member's name.
func reach(d resource.Document, path string) (holder resource.Document, name string) {
	for {
		first, rest, found := strings.Cut(path, ".")
		if !found {
			return d, first
		}
		next, isObject := d[first].(map[string]any)
		if !isObject {
			return nil, rest
		}
		d, path = next, rest
	}
}
