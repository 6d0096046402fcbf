// Package key makes and rotates a tenant's signing keys, and gives the signers and verifiers made of them (Auth0 docs,
// "Signing Keys"; RFC 7517).
//
// A tenant has one current key, which signs, and one next key, which is published already so that clients know it before
// it signs. Rotation makes the next one current; the previous one stays published until it is revoked.
package key

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is defined as a SHA-1 thumbprint (RFC 7517 section 4.8); nothing is protected by it
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/seal"
	"latchkey/internal/tenant"
)

const (
	rsaBits         = 2048
	certificateLife = 10 * 365 * 24 * time.Hour
)

// ErrNoKey is the answer for a tenant without a current signing key.
var ErrNoKey = apierr.New(apierr.Internal, "no_signing_key", "The tenant has no signing key.")

// Keys gives signers and verifiers. It is safe for concurrent use.
type Keys struct {
	store    Store
	seal     *seal.Keyset
	clock    clock.Clock
	generate func() (*rsa.PrivateKey, error)

	mu      sync.Mutex
	signers map[signerID]*jwt.Signer // of unsealed keys; a key never changes under its id
	public  map[string]*rsa.PublicKey
}

type signerID struct {
	tenantID, keyID string
	alg             jwt.Algorithm
}

// Config is what New needs.
type Config struct {
	Store Store
	Seal  *seal.Keyset
	Clock clock.Clock
	// Generate makes an RSA key; nil makes a fresh one of 2048 bits. Tests hand out keys from a fixed set.
	Generate func() (*rsa.PrivateKey, error)
}

// New makes the keys of a server.
func New(c Config) *Keys {
	if c.Generate == nil {
		c.Generate = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }
	}
	return &Keys{store: c.Store, seal: c.Seal, clock: c.Clock, generate: c.Generate,
		signers: map[signerID]*jwt.Signer{}, public: map[string]*rsa.PublicKey{}}
}

// Create makes the first current and next key of a new tenant.
func (k *Keys) Create(ctx context.Context, t *tenant.Tenant) error {
	set := make([]*SigningKey, 0, 2)
	for _, state := range []State{Current, Next} {
		made, err := k.make(t, state)
		if err != nil {
			return err
		}
		set = append(set, made)
	}
	return k.store.ReplaceSigningKeys(ctx, t.ID, "", set)
}

// Signer gives a signer with the tenant's current key, for RS256 or PS256.
func (k *Keys) Signer(ctx context.Context, tenantID string, alg jwt.Algorithm) (*jwt.Signer, error) {
	all, err := k.store.SigningKeys(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	current := find(all, Current)
	if current == nil {
		return nil, ErrNoKey
	}
	id := signerID{tenantID, current.ID, alg}
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.signers[id]; s != nil {
		return s, nil
	}
	private, err := k.unseal(tenantID, current)
	if err != nil {
		return nil, err
	}
	s, err := jwt.NewSigner(alg, current.ID, private)
	if err != nil {
		return nil, err
	}
	k.signers[id] = s
	return s, nil
}

// Verifiers gives the keys with which the tenant's own tokens are checked.
func (k *Keys) Verifiers(ctx context.Context, tenantID string) ([]jwt.Key, error) {
	all, err := k.published(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	keys := make([]jwt.Key, 0, 2*len(all))
	for _, s := range all {
		public, err := k.publicKey(s)
		if err != nil {
			return nil, err
		}
		keys = append(keys, jwt.Key{ID: s.ID, Algorithm: jwt.RS256, Public: public}, jwt.Key{ID: s.ID, Algorithm: jwt.PS256, Public: public})
	}
	return keys, nil
}

// JWK is one published key (Auth0 docs, "JSON Web Key Set Properties").
type JWK struct {
	KeyType     string   `json:"kty"`
	Use         string   `json:"use"`
	Modulus     string   `json:"n"`
	Exponent    string   `json:"e"`
	KeyID       string   `json:"kid"`
	Thumbprint  string   `json:"x5t"`
	Certificate []string `json:"x5c"`
	Algorithm   string   `json:"alg"`
}

// JWKS is the published key set.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWKS gives the tenant's published keys: current, next and previous ones.
func (k *Keys) JWKS(ctx context.Context, tenantID string) (JWKS, error) {
	all, err := k.published(ctx, tenantID)
	if err != nil {
		return JWKS{}, err
	}
	set := JWKS{Keys: make([]JWK, 0, len(all))}
	for _, s := range all {
		public, err := k.publicKey(s)
		if err != nil {
			return JWKS{}, err
		}
		thumb := sha1.Sum(s.Certificate) //nolint:gosec // see the import
		set.Keys = append(set.Keys, JWK{
			KeyType: "RSA", Use: "sig", Algorithm: string(s.Algorithm), KeyID: s.ID,
			Modulus:     base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
			Exponent:    base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
			Thumbprint:  base64.RawURLEncoding.EncodeToString(thumb[:]),
			Certificate: []string{base64.StdEncoding.EncodeToString(s.Certificate)},
		})
	}
	return set, nil
}

// CertificatePEM gives the current key's certificate.
func (k *Keys) CertificatePEM(ctx context.Context, tenantID string) ([]byte, error) {
	all, err := k.store.SigningKeys(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	current := find(all, Current)
	if current == nil {
		return nil, ErrNoKey
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: current.Certificate}), nil
}

// published lists the keys that others may know, the current one first.
func (k *Keys) published(ctx context.Context, tenantID string) ([]*SigningKey, error) {
	all, err := k.store.SigningKeys(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	return inStates(all, Current, Next, Previous), nil
}

// inStates gives the keys that are in one of the states, those of the first state first.
func inStates(all []*SigningKey, states ...State) []*SigningKey {
	var list []*SigningKey
	for _, state := range states {
		for _, s := range all {
			if s.State == state {
				list = append(list, s)
			}
		}
	}
	return list
}

func (k *Keys) publicKey(s *SigningKey) (*rsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.public[s.ID]; p != nil {
		return p, nil
	}
	certificate, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of key %s: %w", s.ID, err)
	}
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("key %s is no RSA key", s.ID)
	}
	k.public[s.ID] = public
	return public, nil
}

func (k *Keys) unseal(tenantID string, s *SigningKey) (*rsa.PrivateKey, error) {
	der, err := k.seal.Open(s.PrivateSealed, tenantID, "signing_keys", "private", s.ID)
	if err != nil {
		return nil, fmt.Errorf("unseal signing key %s: %w", s.ID, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("a signing key is stored in a form that cannot be read")
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key %s is no RSA key", s.ID)
	}
	return private, nil
}

// make generates a key with a self-signed certificate for the tenant's domain.
func (k *Keys) make(t *tenant.Tenant, state State) (*SigningKey, error) {
	private, err := k.generate()
	if err != nil {
		return nil, fmt.Errorf("generate a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode a signing key: %w", err)
	}
	id := ident.Token(16)
	sealed, err := k.seal.Seal(der, t.ID, "signing_keys", "private", id)
	if err != nil {
		return nil, err
	}
	now := k.clock.Now()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(ident.Bytes(8)),
		Subject:      pkix.Name{CommonName: t.Domain.Host},
		NotBefore:    now.Add(-time.Minute), NotAfter: now.Add(certificateLife),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, fmt.Errorf("certify a signing key: %w", err)
	}
	made := &SigningKey{ID: id, Algorithm: jwt.RS256, State: state, PrivateSealed: sealed, Certificate: certificate, CreatedAt: now}
	if state == Current {
		made.CurrentSince = now
	}
	return made, nil
}

func find(all []*SigningKey, state State) *SigningKey {
	for _, s := range all {
		if s.State == state {
			return s
		}
	}
	return nil
}
