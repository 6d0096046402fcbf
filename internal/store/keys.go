package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/jwt"
	"latchkey/internal/key"
	"latchkey/internal/store/engine"
)

var _ key.Store = (*DB)(nil)

// errKeysChanged is the answer to a replacement of signing keys that starts from another current key.
var errKeysChanged = apierr.New(apierr.Conflict, "signing_keys_changed", "The signing keys were changed meanwhile.")

const (
	selectSigningKeys = `SELECT key_id, algorithm, state, private_sealed, certificate, created_at, current_since, rotated_at,
		revoked_at FROM signing_keys WHERE tenant_id = $1 ORDER BY created_at DESC, key_id DESC`
	selectCurrentKey = `SELECT key_id FROM signing_keys WHERE tenant_id = $1 AND state = 'current'`
	upsertSigningKey = `INSERT INTO signing_keys
		(tenant_id, key_id, algorithm, state, private_sealed, certificate, created_at, current_since, rotated_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (tenant_id, key_id) DO UPDATE SET state = excluded.state, private_sealed = excluded.private_sealed,
		created_at = excluded.created_at, current_since = excluded.current_since, rotated_at = excluded.rotated_at,
		revoked_at = excluded.revoked_at`
	revokeSigningKey = `UPDATE signing_keys SET state = 'revoked', revoked_at = $3
		WHERE tenant_id = $1 AND key_id = $2 AND state = 'previous'`
)

// SigningKeys implements key.Store.
func (db *DB) SigningKeys(ctx context.Context, tenantID string) ([]*key.SigningKey, error) {
	pick := func(e *config) *[]*key.SigningKey { return &e.keys }
	return list(ctx, db, tenantID, pick, func() ([]*key.SigningKey, error) {
		all := []*key.SigningKey{}
		if err := db.readConfig(ctx, signingKeyRows(&all, tenantID)); err != nil {
			return nil, fmt.Errorf("list signing keys: %w", err)
		}
		return all, nil
	})
}

// StoredSigningKeys implements key.Store.
func (db *DB) StoredSigningKeys(ctx context.Context, tenantID string) ([]*key.SigningKey, error) {
	var all []*key.SigningKey
	if err := db.read(ctx, signingKeyRows(&all, tenantID)); err != nil {
		return nil, fmt.Errorf("list signing keys: %w", err)
	}
	return all, nil
}

func signingKeyRows(all *[]*key.SigningKey, tenantID string) *engine.Statement {
	return &engine.Statement{SQL: selectSigningKeys, Args: []any{tenantID}, Row: func(r engine.Row) error {
		k := &key.SigningKey{}
		var algorithm, state string
		var created, since, rotated, revoked int64
		err := r.Scan(&k.ID, &algorithm, &state, &k.PrivateSealed, &k.Certificate, &created, &since, &rotated, &revoked)
		if err != nil {
			return err
		}
		k.Algorithm, k.State = jwt.Algorithm(algorithm), key.State(state)
		k.CreatedAt, k.CurrentSince = clock.FromMillis(created), clock.FromMillis(since)
		k.RotatedAt, k.RevokedAt = clock.FromMillis(rotated), clock.FromMillis(revoked)
		*all = append(*all, k)
		return nil
	}}
}

// RevokeSigningKey implements key.Store.
func (db *DB) RevokeSigningKey(ctx context.Context, tenantID, keyID string, now time.Time) (revoked bool, err error) {
	err = db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		changed, err := db.exec(ctx, revokeSigningKey, tenantID, keyID, clock.Millis(now))
		revoked = changed == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("revoke a signing key: %w", err)
	}
	return revoked, nil
}

// ReplaceSigningKeys implements key.Store. Raising the configuration's version first lets one replacement at a time look
// at the current key.
func (db *DB) ReplaceSigningKeys(ctx context.Context, tenantID, expectCurrent string, set []*key.SigningKey) error {
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		current := ""
		if _, err := db.readRow(ctx, selectCurrentKey, []any{tenantID}, &current); err != nil {
			return fmt.Errorf("read the current signing key: %w", err)
		}
		if current != expectCurrent {
			return errKeysChanged
		}
		for _, k := range set {
			err := db.queue(ctx, upsertSigningKey, tenantID, k.ID, string(k.Algorithm), string(k.State),
				k.PrivateSealed, k.Certificate,
				clock.Millis(k.CreatedAt), clock.Millis(k.CurrentSince), clock.Millis(k.RotatedAt), clock.Millis(k.RevokedAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
