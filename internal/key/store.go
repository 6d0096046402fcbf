package key

import (
	"context"
	"time"

	"latchkey/internal/jwt"
)

// State is where a signing key is in its life.
type State string

// The states of a signing key. A tenant has one current and one next key; previous ones stay in the JWKS until they are
// revoked or their last token is dead.
const (
	Current  State = "current"
	Next     State = "next"
	Previous State = "previous"
	Revoked  State = "revoked"
)

// SigningKey is a tenant's key as it is stored.
type SigningKey struct {
	ID            string // the "kid"
	Algorithm     jwt.Algorithm
	State         State
	PrivateSealed []byte // PKCS #8, sealed for (tenant, "signing_keys", "private", id)
	Certificate   []byte // DER; holds the public key
	CreatedAt     time.Time
	CurrentSince  time.Time // when it began to sign; zero where it never did, and for keys older than this was kept
	RotatedAt     time.Time // when it became previous
	RevokedAt     time.Time
}

// Store keeps signing keys.
type Store interface {
	// SigningKeys lists a tenant's keys, the newest first. What it gives may be up to a second old.
	SigningKeys(ctx context.Context, tenantID string) ([]*SigningKey, error)
	// StoredSigningKeys is SigningKeys as the database has it, through the transaction of ctx.
	StoredSigningKeys(ctx context.Context, tenantID string) ([]*SigningKey, error)
	// ReplaceSigningKeys writes the keys in set (by id: new ones are inserted, known ones get the state and times given),
	// provided that expectCurrent is still the id of the current key ("" when there is none); else it answers
	// apierr.Conflict and writes nothing.
	ReplaceSigningKeys(ctx context.Context, tenantID, expectCurrent string, set []*SigningKey) error
	// RevokeSigningKey revokes a key that is previous and tells whether it did: of any number of callers one is told true.
	RevokeSigningKey(ctx context.Context, tenantID, keyID string, now time.Time) (bool, error)
}
