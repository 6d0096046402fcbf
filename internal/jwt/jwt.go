// Package jwt signs and checks the product's JSON Web Tokens (RFC 7519). No token is built or read anywhere else.
//
// The algorithm of a token always comes from our own records, never from the token's header, and "none" does not exist
// here: every check names the exact algorithms it accepts.
package jwt

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Algorithm is a JWS algorithm (RFC 7518 section 3.1).
type Algorithm string

// The algorithms the product signs with or accepts.
const (
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	HS256 Algorithm = "HS256"
)

// maxToken bounds what is parsed at all.
const maxToken = 16 << 10

// ErrInvalid is the answer to a token that is malformed, too long, or whose signature does not hold.
var ErrInvalid = errors.New("invalid token")

// Type is the "typ" header.
type Type string

// Token types.
const (
	TypeJWT         Type = "JWT"
	TypeAccessToken Type = "at+jwt" // RFC 9068
)

// Signer signs with one key. It is made once per key and safe for concurrent use.
type Signer struct {
	alg     Algorithm
	keyID   string
	signers map[Type]jose.Signer
}

// NewSigner makes a signer. Key is an *rsa.PrivateKey, *ecdsa.PrivateKey or, for HS256, the secret's bytes; keyID may be
// empty (HS256 tokens have none).
func NewSigner(alg Algorithm, keyID string, key any) (*Signer, error) {
	s := &Signer{alg: alg, keyID: keyID, signers: map[Type]jose.Signer{}}
	for _, typ := range []Type{TypeJWT, TypeAccessToken} {
		opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
		if keyID != "" {
			opts = opts.WithHeader("kid", keyID)
		}
		js, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, opts)
		if err != nil {
			return nil, fmt.Errorf("make a %s signer: %w", alg, err)
		}
		s.signers[typ] = js
	}
	return s, nil
}

// Algorithm gives the signer's algorithm.
func (s *Signer) Algorithm() Algorithm { return s.alg }

// Sign writes claims as a compact token.
func (s *Signer) Sign(typ Type, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	js, ok := s.signers[typ]
	if !ok {
		return "", fmt.Errorf("sign a token of type %q: no such type", typ)
	}
	object, err := js.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", s.alg, err)
	}
	return object.CompactSerialize()
}

// Key is a key to check a token with, and the one algorithm it is for.
type Key struct {
	ID        string
	Algorithm Algorithm
	Public    any // crypto.PublicKey, or the bytes of an HS256 secret
}

// Verify checks a token's signature with one of the keys and decodes its payload into claims. A key is tried when its
// algorithm is the token's and its id, where both have one, is the token's too. It checks no claim.
func Verify(token string, keys []Key, claims any) error {
	if len(token) > maxToken {
		return ErrInvalid
	}
	algs := make([]jose.SignatureAlgorithm, 0, len(keys))
	for _, k := range keys {
		algs = append(algs, jose.SignatureAlgorithm(k.Algorithm))
	}
	object, err := jose.ParseSignedCompact(token, algs)
	if err != nil || len(object.Signatures) != 1 {
		return ErrInvalid
	}
	header := object.Signatures[0].Header
	for _, k := range keys {
		if string(k.Algorithm) != header.Algorithm || (k.ID != "" && header.KeyID != "" && k.ID != header.KeyID) {
			continue
		}
		payload, err := object.Verify(k.Public)
		if err != nil {
			continue
		}
		if json.Unmarshal(payload, claims) != nil {
			return ErrInvalid
		}
		return nil
	}
	return ErrInvalid
}

// Peek decodes a token's payload without checking its signature. What it gives is a stranger's claim: use it only to
// find the keys to Verify with.
func Peek(token string, algs []Algorithm, claims any) error {
	if len(token) > maxToken {
		return ErrInvalid
	}
	accepted := make([]jose.SignatureAlgorithm, 0, len(algs))
	for _, a := range algs {
		accepted = append(accepted, jose.SignatureAlgorithm(a))
	}
	object, err := jose.ParseSignedCompact(token, accepted)
	if err != nil {
		return ErrInvalid
	}
	if json.Unmarshal(object.UnsafePayloadWithoutVerification(), claims) != nil {
		return ErrInvalid
	}
	return nil
}

// HashClaim gives the at_hash or c_hash of a value: the left half of its SHA-256, base64url (OpenID Connect Core
// 3.1.3.6, for the SHA-256 algorithms we sign ID tokens with).
func HashClaim(value string) string {
	h := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(h[:16])
}

// Audience is the "aud" of a token: one string or a list of them (RFC 7519 section 4.1.3).
type Audience []string

// UnmarshalJSON reads either form.
func (a *Audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}
