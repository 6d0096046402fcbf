package mgmtapi

import (
	"strings"

	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

// Secrets in payloads are members that must be read back or used later, at fixed paths ("options.twilio_token"). They are
// taken out of the document before it is stored and sealed under their path.

// sealSecrets moves the secrets at the given paths out of a document. A path that the document does not have keeps the
// secret that is stored when keep says so, else the secret is gone. An empty text removes it too.
func sealSecrets(keys *seal.Keyset, tenantID string, r *resource.Resource, paths []string, keep bool) error {
	for _, path := range paths {
		holder, name := reach(r.Document, path)
		secret, isText := holder[name].(string)
		switch {
		case isText && secret != "":
			sealed, err := keys.Seal([]byte(secret), tenantID, string(r.Kind), path, r.ID)
			if err != nil {
				return err
			}
			if r.Sealed == nil {
				r.Sealed = map[string][]byte{}
			}
			r.Sealed[path] = sealed
		case isText || !keep:
			delete(r.Sealed, path)
		}
		if isText {
			delete(holder, name)
		}
	}
	return nil
}

// showSecrets puts the stored secrets back into a copy of the document. It tells whether there were any.
func showSecrets(keys *seal.Keyset, tenantID string, r *resource.Resource, shown resource.Document) (bool, error) {
	any := false
	for path, sealed := range r.Sealed {
		holder, name := reach(shown, path)
		if holder == nil {
			continue
		}
		secret, err := keys.Open(sealed, tenantID, string(r.Kind), path, r.ID)
		if err != nil {
			return false, err
		}
		holder[name] = string(secret)
		any = true
	}
	return any, nil
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
