package password

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"latchkey/internal/user"
)

// CustomHash is the custom_password_hash of an imported user (Auth0 docs, "Bulk User Import Database Schema and
// Examples").
type CustomHash struct {
	Algorithm string `json:"algorithm"`
	Hash      struct {
		Value    string  `json:"value"`
		Encoding string  `json:"encoding"`
		Digest   string  `json:"digest"` // of hmac
		Key      *Octets `json:"key"`    // of hmac
	} `json:"hash"`
	Salt *struct {
		Octets
		Position string `json:"position"` // prefix (default), suffix
	} `json:"salt"`
	Password struct {
		Encoding string `json:"encoding"`
	} `json:"password"`

	// The four of scrypt.
	KeyLength       int `json:"keylen"`
	Cost            int `json:"cost"`            // 16384 unless set
	BlockSize       int `json:"blockSize"`       // 8 unless set
	Parallelization int `json:"parallelization"` // 1 unless set
}

// Octets are bytes written as text.
type Octets struct {
	Value    string `json:"value"`
	Encoding string `json:"encoding"` // utf8 (default), hex, base64
}

// ImportError says which member of a password hash is wrong, and why. It shows nothing of the hash.
type ImportError struct {
	Path    string // "hash.encoding", relative to custom_password_hash
	Message string
}

// Error implements error.
func (e *ImportError) Error() string { return e.Path + ": " + e.Message }

func wrong(path, format string, args ...any) *ImportError {
	return &ImportError{Path: path, Message: fmt.Sprintf(format, args...)}
}

// ImportBcrypt gives the stored form of a password_hash. Its error is an *ImportError.
func ImportBcrypt(hash string) (user.Password, error) {
	if !strings.HasPrefix(hash, "$2a$") && !strings.HasPrefix(hash, "$2b$") {
		return "", wrong("", "password_hash must be a bcrypt hash that begins with $2a$ or $2b$")
	}
	s, err := parseBcrypt(hash)
	if err != nil {
		return "", wrong("", "%v", err)
	}
	return user.Password(s.text()), nil
}

// Import gives the stored form of a hash that another system made, or an *ImportError. Verify understands what it gives:
// that is proven before anything is stored.
func Import(c CustomHash) (user.Password, error) {
	s, err := c.scheme()
	if err != nil {
		var wrongPart *ImportError
		if errors.As(err, &wrongPart) {
			return "", wrongPart
		}
		return "", wrong("hash.value", "%v", err)
	}
	text := s.text()
	if _, err := parse(text); err != nil {
		return "", wrong("hash.value", "%v", err)
	}
	return user.Password(text), nil
}

func (c *CustomHash) scheme() (scheme, error) {
	salt, suffix, err := c.salt()
	if err != nil {
		return nil, err
	}
	encoding := c.Password.Encoding
	if encoding == "utf8" {
		encoding = ""
	}
	f := foreign{algorithm: c.Algorithm, encoding: encoding, suffix: suffix, salt: salt}
	switch c.Algorithm {
	case "argon2", "bcrypt", "pbkdf2":
		return c.selfDescribed(f)
	case "scrypt":
		return c.scrypt(f)
	case "ldap":
		return c.ldap(f)
	case "hmac":
		if c.Hash.Digest == "" || c.Hash.Key == nil {
			return nil, wrong("hash", "hmac needs hash.digest and hash.key")
		}
		if f.key, err = c.Hash.Key.bytes("hash.key"); err != nil {
			return nil, err
		}
		f.digest = c.Hash.Digest
	case "md4", "md5", "sha1", "sha256", "sha512":
	default:
		return nil, wrong("algorithm", "the algorithm %q is not supported", c.Algorithm)
	}
	if f.hash, err = c.octets(); err != nil {
		return nil, err
	}
	return f.checked()
}

func (c *CustomHash) salt() (salt []byte, suffix bool, err error) {
	if c.Salt == nil {
		return nil, false, nil
	}
	salt, err = c.Salt.bytes("salt")
	return salt, c.Salt.Position == "suffix", err
}

// wantsText refuses an encoding other than the one of hashes that are text.
func (c *CustomHash) wantsText() error {
	if c.Hash.Encoding != "" && c.Hash.Encoding != "utf8" {
		return wrong("hash.encoding", "the encoding of %s hashes must be utf8", c.Algorithm)
	}
	return nil
}

// octets gives a hash that is written in hexadecimal or base64.
func (c *CustomHash) octets() ([]byte, error) {
	if c.Hash.Encoding != "hex" && c.Hash.Encoding != "base64" {
		return nil, wrong("hash.encoding", "the encoding of %s hashes must be hex or base64", c.Algorithm)
	}
	return Octets{Value: c.Hash.Value, Encoding: c.Hash.Encoding}.bytes("hash")
}

// selfDescribed reads the hashes that carry salt and cost in their text.
func (c *CustomHash) selfDescribed(f foreign) (scheme, error) {
	if err := c.wantsText(); err != nil {
		return nil, err
	}
	if c.Salt != nil && c.Algorithm != "bcrypt" {
		return nil, wrong("salt", "the salt of %s hashes must be in hash.value", c.Algorithm)
	}
	prefix := "$" + c.Algorithm
	if c.Algorithm == "bcrypt" {
		prefix = "$2"
	}
	if !strings.HasPrefix(c.Hash.Value, prefix) {
		return nil, wrong("hash.value", "the value is no %s hash", c.Algorithm)
	}
	inner, err := parse(c.Hash.Value)
	if err != nil || f.encoding == "" && len(f.salt) == 0 {
		return inner, err
	}
	return wrap(f, inner)
}

// wrap gives a scheme that encodes and salts the password before inner sees it.
func wrap(f foreign, inner scheme) (scheme, error) {
	f.algorithm, f.hash = "in", []byte(inner.text())
	return f.checked()
}

func (c *CustomHash) scrypt(f foreign) (scheme, error) {
	key, err := c.octets()
	switch {
	case err != nil:
		return nil, err
	case c.KeyLength < 1:
		return nil, wrong("keylen", "scrypt needs keylen")
	case c.KeyLength != len(key) || len(key) > mostKey:
		return nil, wrong("hash.value", "the hash has %d bytes and not the %d of keylen", len(key), c.KeyLength)
	}
	inner, err := newScrypt(or(c.Cost, 16384), or(c.BlockSize, 8), or(c.Parallelization, 1), f.salt, key)
	if err != nil {
		return nil, wrong("cost", "%v", err)
	}
	if f.encoding == "" {
		return inner, nil
	}
	f.salt, f.suffix = nil, false // it is scrypt's own
	return wrap(f, inner)
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// ldap reads RFC 2307 userPassword values: {SCHEME} and the base64 of the digest, with the salt behind it.
func (c *CustomHash) ldap(f foreign) (scheme, error) {
	if err := c.wantsText(); err != nil {
		return nil, err
	}
	if c.Salt != nil {
		return nil, wrong("salt", "the salt of ldap hashes must be in hash.value")
	}
	name, value, found := strings.Cut(strings.TrimPrefix(c.Hash.Value, "{"), "}")
	name = strings.ToLower(name)
	salted := strings.HasPrefix(name, "ss") || name == "smd5"
	if salted {
		name = name[1:]
	}
	if name == "sha" {
		name = "sha1"
	}
	sum, known := digests[name]
	if !found || !strings.HasPrefix(c.Hash.Value, "{") || !known || name == "md4" || name == "ripemd160" {
		return nil, wrong("hash.value", "the scheme must be one of md5, smd5, sha and ssha with their lengths")
	}
	all, err := Octets{Value: value, Encoding: "base64"}.bytes("hash")
	if err != nil {
		return nil, err
	}
	size := sum().Size()
	if len(all) < size || !salted && len(all) != size || salted && len(all) == size {
		return nil, wrong("hash.value", "the value is not as long as its scheme says")
	}
	f.algorithm, f.suffix, f.hash, f.salt = name, salted, all[:size], all[size:]
	return f.checked()
}

// bytes decodes: hexadecimal in either case, base64 in either alphabet, with or without padding.
func (o Octets) bytes(path string) ([]byte, error) {
	switch o.Encoding {
	case "", "utf8":
		return []byte(o.Value), nil
	case "hex":
		if b, err := hex.DecodeString(o.Value); err == nil {
			return b, nil
		}
	case "base64":
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(o.Value, "="))
		if b, err := base64.RawStdEncoding.DecodeString(plain); err == nil {
			return b, nil
		}
	}
	return nil, wrong(path+".value", "the value is not %s", o.Encoding)
}
