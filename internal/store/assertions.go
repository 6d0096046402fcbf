package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"latchkey/internal/clientauth"
	"latchkey/internal/clock"
)

var _ clientauth.Store = (*DB)(nil)

const insertAssertion = `INSERT INTO assertions (tenant_id, client_id, jti_digest, expires_at)
	VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, client_id, jti_digest) DO NOTHING`

// UseAssertion implements clientauth.Store. The id is the client's text of any length; its digest is what is kept.
func (db *DB) UseAssertion(ctx context.Context, tenantID, clientID, jti string, expires time.Time) (bool, error) {
	digest := sha256.Sum256([]byte(jti))
	changed, err := db.exec(ctx, insertAssertion, tenantID, clientID, digest[:], clock.Millis(expires))
	if err != nil {
		return false, fmt.Errorf("note a client assertion: %w", err)
	}
	return changed == 1, nil
}
