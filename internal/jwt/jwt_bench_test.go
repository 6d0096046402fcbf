package jwt

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
)

// BenchmarkSign is the yardstick of a login: one RS256 token.
func BenchmarkSign(b *testing.B) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := NewSigner(RS256, "kid", private)
	if err != nil {
		b.Fatal(err)
	}
	claims := map[string]any{"iss": "https://localhost:8443/", "sub": "email|0123456789abcdef01234567", "aud": "client", "iat": 1, "exp": 2}
	for b.Loop() {
		if _, err := signer.Sign(TypeJWT, claims); err != nil {
			b.Fatal(err)
		}
	}
}
