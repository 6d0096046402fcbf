package password

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // verifies what others hashed, and is replaced at the next login
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 verifies what others hashed
	"golang.org/x/crypto/md4" //nolint:staticcheck // as above
	//lint:ignore SA1019 verifies what others hashed
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // as above
)

// digests are the hash functions that imported passwords may have been hashed with.
var digests = map[string]func() hash.Hash{
	"md4": md4.New, "md5": md5.New, "ripemd160": ripemd160.New, "sha1": sha1.New, "sha224": sha256.New224,
	"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// opensslDigest gives our name of a digest that OpenSSL, and so Auth0, knows under many.
func opensslDigest(name string) (string, bool) {
	for _, affix := range []string{"RSA-", "ssl3-"} {
		name = strings.TrimPrefix(name, affix)
	}
	for _, affix := range []string{"WithRSAEncryption", "WithRSA", "-2"} {
		name = strings.TrimSuffix(name, affix)
	}
	name = strings.ToLower(name)
	if name == "ripemd" || name == "rmd160" {
		name = "ripemd160"
	}
	_, known := digests[name]
	return name, known
}

// foreign is a hash that has no form of its own: a digest or HMAC of the encoded and salted password, or one of the other
// schemes after the password was encoded or salted. Its text is
//
//	$latchkey$<algorithm>$<parameters>$<salt>$<hash>
//
// The algorithm is a digest, hmac, or "in" for another scheme, whose text then stands as the hash. The parameters are
// e=<encoding of the password>, s=suffix where the salt comes after the password, d=<digest> and k=<key> of an HMAC.
// Salt, hash and key are unpadded base64 for URLs.
type foreign struct {
	algorithm string
	encoding  string // "" is utf8
	suffix    bool
	digest    string
	key       []byte
	salt      []byte
	hash      []byte
	inner     scheme // of "in"
}

func parseForeign(text string) (scheme, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return nil, errors.New("the stored hash is cut")
	}
	f := foreign{algorithm: parts[2]}
	var err error
	for pair := range strings.SplitSeq(parts[3], ",") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "e":
			f.encoding = value
		case "s":
			f.suffix = value == "suffix"
		case "d":
			f.digest = value
		case "k":
			f.key, err = base64.RawURLEncoding.DecodeString(value)
		case "":
		default:
			return nil, fmt.Errorf("parameter %q is not supported", name)
		}
		if err != nil {
			return nil, errors.New("the stored key is no base64")
		}
	}
	if f.salt, err = base64.RawURLEncoding.DecodeString(parts[4]); err != nil {
		return nil, errors.New("the stored salt is no base64")
	}
	if f.hash, err = base64.RawURLEncoding.DecodeString(parts[5]); err != nil {
		return nil, errors.New("the stored hash is no base64")
	}
	return f.checked()
}

// checked gives the hash when it can be verified.
func (f foreign) checked() (scheme, error) {
	if f.encoding != "" && !slices.Contains(encodings, f.encoding) {
		return nil, errors.New("the encoding of the password is not supported")
	}
	digest := f.algorithm
	switch f.algorithm {
	case "in":
		inner, err := parse(string(f.hash))
		if err != nil {
			return nil, err
		}
		f.inner = inner
		return f, nil
	case "hmac":
		digest = f.digest
	}
	sum, known := digests[digest]
	switch {
	case !known:
		return nil, errors.New("the digest is not supported")
	case len(f.hash) != sum().Size():
		return nil, fmt.Errorf("the hash has %d bytes; %s has %d", len(f.hash), digest, sum().Size())
	}
	return f, nil
}

func (f foreign) text() string {
	var parameters []string
	add := func(name, value string) {
		if value != "" {
			parameters = append(parameters, name+"="+value)
		}
	}
	add("e", f.encoding)
	if f.suffix {
		add("s", "suffix")
	}
	add("d", f.digest)
	add("k", base64.RawURLEncoding.EncodeToString(f.key))
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{"", "latchkey", f.algorithm, strings.Join(parameters, ","), encode(f.salt), encode(f.hash)}, "$")
}

func (f foreign) cost() int64 {
	if f.inner != nil {
		return f.inner.cost()
	}
	return leastMemory
}

func (f foreign) matches(password string) bool {
	input := encodePassword(f.encoding, password)
	if f.suffix {
		input = append(input, f.salt...)
	} else {
		input = append(slices.Clone(f.salt), input...)
	}
	if f.inner != nil {
		return f.inner.matches(string(input))
	}
	var h hash.Hash
	if f.algorithm == "hmac" {
		h = hmac.New(digests[f.digest], f.key)
	} else {
		h = digests[f.algorithm]()
	}
	h.Write(input)
	return same(h.Sum(nil), f.hash)
}

// encodings are what a password may have been turned into before it was hashed, under Node.js's names, utf8 apart.
var encodings = []string{"ascii", "utf16le", "ucs2", "latin1", "binary"}

// encodePassword turns a password into the bytes that were hashed. The one-byte encodings keep the low half of each
// UTF-16 unit, as Node.js does.
func encodePassword(encoding, password string) []byte {
	if encoding == "" {
		return []byte(password)
	}
	wide := encoding == "utf16le" || encoding == "ucs2"
	var out []byte
	for _, unit := range utf16.Encode([]rune(password)) {
		out = append(out, byte(unit)) //nolint:gosec // the low half is what is wanted
		if wide {
			out = append(out, byte(unit>>8))
		}
	}
	return out
}
