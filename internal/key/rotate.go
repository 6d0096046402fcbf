package key

import (
	"context"
	"fmt"

	"latchkey/internal/apierr"
	"latchkey/internal/tenant"
)

// Refusals.
var (
	// ErrNotFound is the answer to asking for a key that the tenant never had.
	ErrNotFound = apierr.New(apierr.NotFound, "inexistent_signing_key", "The signing key does not exist.")
	// ErrInUse is the answer to revoking the key that signs or the one that is next.
	ErrInUse = apierr.New(apierr.Invalid, "signing_key_in_use", "Only a previous signing key can be revoked.")
)

// Rotation is a rotation that was prepared: making the new key takes long, writing it does not.
type Rotation struct {
	from string // the current key that it takes the place of
	set  []*SigningKey
	// Current is the key that signs when the rotation is saved.
	Current *SigningKey
}

// PrepareRotation makes a new key and says what becomes of the others: the next one signs, the current one is previous.
// Nothing is written.
func (k *Keys) PrepareRotation(ctx context.Context, t *tenant.Tenant) (*Rotation, error) {
	all, err := k.store.StoredSigningKeys(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	current, next := find(all, Current), find(all, Next)
	if current == nil || next == nil {
		return nil, ErrNoKey
	}
	fresh, err := k.make(t, Next)
	if err != nil {
		return nil, err
	}
	now := k.clock.Now()
	retired, promoted := *current, *next
	retired.State, retired.RotatedAt = Previous, now
	promoted.State, promoted.CurrentSince = Current, now
	return &Rotation{from: current.ID, set: []*SigningKey{&retired, &promoted, fresh}, Current: &promoted}, nil
}

// SaveRotation writes a prepared rotation, in the caller's transaction if there is one. When somebody else rotated the
// keys meanwhile the answer is of kind apierr.Conflict and nothing is written.
func (k *Keys) SaveRotation(ctx context.Context, tenantID string, r *Rotation) error {
	if err := k.store.ReplaceSigningKeys(ctx, tenantID, r.from, r.set); err != nil {
		return fmt.Errorf("rotate signing keys: %w", err)
	}
	return nil
}

// Rotate makes the next key current, the current one previous, and a new next one. It gives the new current key's id.
func (k *Keys) Rotate(ctx context.Context, t *tenant.Tenant) (string, error) {
	r, err := k.PrepareRotation(ctx, t)
	if err != nil {
		return "", err
	}
	return r.Current.ID, k.SaveRotation(ctx, t.ID, r)
}

// List gives all keys of a tenant as they are stored, revoked ones too: the current one, the next, then the others with
// the newest first.
func (k *Keys) List(ctx context.Context, tenantID string) ([]*SigningKey, error) {
	all, err := k.store.StoredSigningKeys(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	return inStates(all, Current, Next, Previous, Revoked), nil
}

// Get gives a key by its id, revoked ones too, or ErrNotFound.
func (k *Keys) Get(ctx context.Context, tenantID, keyID string) (*SigningKey, error) {
	all, err := k.store.StoredSigningKeys(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.ID == keyID {
			return s, nil
		}
	}
	return nil, ErrNotFound
}

// Revoke takes a previous key out of the published set, in the caller's transaction if there is one: tokens that it signed
// are refused, on this node with the commit and on the others within a second. A key that was revoked before stays so. Its
// refusals are ErrNotFound and ErrInUse.
func (k *Keys) Revoke(ctx context.Context, tenantID, keyID string) (*SigningKey, error) {
	if _, err := k.store.RevokeSigningKey(ctx, tenantID, keyID, k.clock.Now()); err != nil {
		return nil, fmt.Errorf("revoke a signing key: %w", err)
	}
	found, err := k.Get(ctx, tenantID, keyID)
	if err != nil {
		return nil, err
	}
	if found.State != Revoked {
		return nil, ErrInUse
	}
	return found, nil
}
