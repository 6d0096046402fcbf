package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Secrets of files are compared with the stored ones as far as the Management API tells these. To a client over HTTP it tells
// few. To a process that works on the database itself it tells a hash of each, so that a secret which differs is a change
// and an equal one is none.

// secretHashes is the property with the hashes of a resource's secrets, each under its path as "SALT$HASH" in hexadecimal
// digits: HASH is SHA-256 of salt and secret. A path that is missing there is a secret that is not stored.
const secretHashes = "$secrets"

// standIn begins what the API shows in the place of a value that it keeps to itself, in the configuration of a database's
// scripts (https://auth0.com/docs/authenticate/database-connections/custom-db).
const standIn = "2.0$"

// takeHashes takes the hashes out of what the API showed, so that no file gets them.
func (st *stored) takeHashes() {
	st.hashes, _ = st.raw[secretHashes].(object)
	delete(st.raw, secretHashes)
	delete(st.object, secretHashes)
}

// liftHashes moves the hashes of a part to the whole that it becomes a property of.
func liftHashes(whole object, name string, part object) {
	found, told := part[secretHashes].(object)
	if !told {
		return
	}
	delete(part, secretHashes)
	all, _ := whole[secretHashes].(object)
	if all == nil {
		all = object{}
		whole[secretHashes] = all
	}
	for path, hash := range found {
		all[join(name, path)] = hash
	}
}

// differs compares a secret of a file with the stored one. Known is false where the API tells nothing to compare with. Where
// it tells a hash, an empty text is no difference: it stands for a keyword that nobody set more often than for a wish.
func (st *stored) differs(path string, value any) (differs, known bool) {
	old, told := lookup(st.raw, path)
	hash, hashed := st.hashes[path].(string)
	shown, _ := old.(string)
	switch {
	case told && equal(old, value):
		return false, true
	case hashed:
		return value != "" && !hashes(hash, value), true
	case strings.HasPrefix(shown, standIn):
		return false, false
	case told:
		return true, true
	case st.hashes != nil:
		return value != "", true
	}
	return false, false
}

// hashes reports whether a value is what a hash was made of.
func hashes(hash string, value any) bool {
	secret, isText := value.(string)
	digits, sum, _ := strings.Cut(hash, "$")
	salt, err := hex.DecodeString(digits)
	if !isText || err != nil {
		return false
	}
	made := sha256.Sum256(append(salt, secret...))
	return hex.EncodeToString(made[:]) == sum
}

// compareSecret compares a secret and takes it out of the comparison of what may be shown. The members of an object are
// secrets of their own, whose names the API tells.
func (c *Change) compareSecret(s *session, compared comparison, want object, path string) {
	value, given := lookup(want, path)
	if !given || value == nil {
		return
	}
	remove(want, path)
	if compared.ignores(path) {
		return
	}
	members, isObject := value.(object)
	if !isObject {
		c.settleSecret(s, path, value)
		return
	}
	stored, _ := lookup(c.stored.raw, path)
	known, _ := stored.(object)
	for _, name := range keysOf(members, false) {
		_, there := known[name]
		switch at := join(path, name); {
		case there && members[name] != nil:
			c.settleSecret(s, at, members[name])
		case there || members[name] != nil:
			c.Properties = append(c.Properties, Difference{Path: at, Secret: true})
		}
	}
}

// settleSecret plans a secret that differs, and one that cannot be compared where all are to be sent. Another that the API
// does not show goes along with other changes: a change of its neighbours may lose it.
func (c *Change) settleSecret(s *session, path string, value any) {
	differs, known := c.stored.differs(path, value)
	if differs || !known && s.settings.SendSecrets {
		c.Properties = append(c.Properties, Difference{Path: path, Secret: true})
		return
	}
	if old, _ := lookup(c.stored.raw, path); !equal(old, value) {
		c.along = append(c.along, path)
	}
}
