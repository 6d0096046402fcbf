package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/grant"
	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

var _ grant.Store = (*DB)(nil)

const (
	insertCode = `INSERT INTO authorization_codes (tenant_id, code_hash, user_id, document, used_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`
	selectCode = `SELECT code_hash, document, used_at, expires_at FROM authorization_codes
		WHERE tenant_id = $1 AND code_hash IN `
	spendCode = `UPDATE authorization_codes SET used_at = $3
		WHERE tenant_id = $1 AND code_hash = $2 AND used_at = 0 AND expires_at > $3
		RETURNING COALESCE((SELECT NOT users.blocked FROM users
			WHERE users.tenant_id = $1 AND users.user_id = authorization_codes.user_id), FALSE)`
	deleteCodes = `DELETE FROM authorization_codes WHERE tenant_id = $1 AND user_id = $2 AND used_at = 0`

	// A family is one row, so that revoking it also reaches a token that another transaction is just adding to it.
	insertFamily = `INSERT INTO refresh_families
		(tenant_id, family_id, user_id, client_id, audience, rotating, latest, advanced_at, created_at, expires_at, revoked_at,
		scope, session_id, ip, user_agent, used_at, last_ip, last_user_agent, metadata, connection)
		VALUES ($1, $2, $3, $4, $5, $6, 1, 0, $7, $8, $9, $10, $11, $12, $13, 0, $12, $13, '', $14)`
	insertRefreshToken = `INSERT INTO refresh_tokens
		(tenant_id, token_hash, family_id, sequence, document, issued_at, used_at, rotated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	// The family is asked for in parentheses for the reason that userOfIdentity gives.
	selectRefreshToken = `SELECT token_hash, family_id, sequence, document, issued_at, used_at, rotated_at
		FROM refresh_tokens WHERE tenant_id = $1 AND token_hash IN `
	selectFamilyOfToken = `SELECT user_id, client_id, rotating, latest, advanced_at, used_at, expires_at, revoked_at
		FROM refresh_families
		WHERE tenant_id = $1 AND family_id = (SELECT refresh_tokens.family_id FROM refresh_tokens
			WHERE refresh_tokens.tenant_id = $1 AND refresh_tokens.token_hash IN `
	familyLives = ` AND refresh_families.revoked_at = 0 AND NOT (SELECT users.blocked FROM users
		WHERE users.tenant_id = $1 AND users.user_id = refresh_families.user_id)`
	// Scope, session and connection are what they were; a family that began before it kept them learns them here.
	ofExchange    = `used_at = $4, last_ip = $5, last_user_agent = $6, scope = $7, session_id = $8, connection = $9`
	advanceFamily = `UPDATE refresh_families SET latest = latest + 1, advanced_at = $4, rotating = TRUE, ` + ofExchange + `
		WHERE tenant_id = $1 AND family_id = $2 AND latest = $3` + familyLives
	// It also waits for whoever is changing the family, and makes them wait.
	useFamily = `UPDATE refresh_families SET ` + ofExchange + `
		WHERE tenant_id = $1 AND family_id = $2 AND latest = $3` + familyLives
	rotateRefreshToken = `UPDATE refresh_tokens SET rotated_at = $3, used_at = $3
		WHERE tenant_id = $1 AND token_hash = $2`
	revokeFamily = `UPDATE refresh_families SET revoked_at = $3
		WHERE tenant_id = $1 AND family_id = $2 AND revoked_at = 0`
	revokeTokens = `UPDATE refresh_families SET revoked_at = $3
		WHERE tenant_id = $1 AND user_id = $2` + notRevokedOfUser
	// A family that began before it kept its connection has none.
	revokeTokensVia = `UPDATE refresh_families SET revoked_at = $4
		WHERE tenant_id = $1 AND user_id = $2 AND connection IN ($3, '')` + notRevokedOfUser
	revokeGrant = `UPDATE refresh_families SET revoked_at = $5
		WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND audience = $4` + notRevokedOfUser
	revokeNotRotating = `UPDATE refresh_families SET revoked_at = $5
		WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND audience = $4 AND NOT rotating` + notRevokedOfUser
	// Tokens whose family is gone are found by nobody; the sweep removes them.
	trimFamilies = `DELETE FROM refresh_families
		WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3` + notRevokedOfUser + `
		AND (created_at, family_id) <= (SELECT created_at, family_id FROM refresh_families
			WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3` + notRevokedOfUser + `
			ORDER BY created_at DESC, family_id DESC LIMIT 1 OFFSET $4)`

	consentColumns = `consent_id, user_id, client_id, audience, scope`
	selectConsent  = `SELECT ` + consentColumns + ` FROM consents
		WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND audience = $4`
	upsertConsent = `INSERT INTO consents (tenant_id, user_id, client_id, audience, scope, saved_at, consent_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, user_id, client_id, audience)
		DO UPDATE SET scope = excluded.scope, saved_at = excluded.saved_at`

	insertPushed = `INSERT INTO pushed_requests (tenant_id, request_hash, client_id, params, expires_at)
		VALUES ($1, $2, $3, $4, $5)`
	takePushed = `DELETE FROM pushed_requests WHERE tenant_id = $1 AND request_hash IN `
)

// InsertCode implements grant.Store.
func (db *DB) InsertCode(ctx context.Context, tenantID string, hash []byte, c *grant.Code) error {
	document, err := encode(c)
	if err != nil {
		return err
	}
	return db.queue(ctx, insertCode, tenantID, hash, c.UserID, document, clock.Millis(c.UsedAt), clock.Millis(c.ExpiresAt))
}

// CodeByHash implements grant.Store.
func (db *DB) CodeByHash(ctx context.Context, tenantID string, hashes [][]byte) (*grant.Code, []byte, error) {
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	var hash []byte
	var document string
	var used, expires int64
	found, err := db.readRow(ctx, in(selectCode, len(hashes), 2, ""), hashArgs(tenantID, hashes), &hash, &document, &used, &expires)
	if err != nil {
		return nil, nil, fmt.Errorf("read an authorization code: %w", err)
	}
	if !found {
		return nil, nil, nil
	}
	c := &grant.Code{}
	if err := decode(document, c); err != nil {
		return nil, nil, err
	}
	c.UsedAt, c.ExpiresAt = clock.FromMillis(used), clock.FromMillis(expires)
	return c, hash, nil
}

// SpendCode implements grant.Store.
func (db *DB) SpendCode(ctx context.Context, tenantID string, hash []byte, now time.Time) (bool, error) {
	admitted := false
	spent, err := db.writeRow(ctx, spendCode, []any{tenantID, hash, clock.Millis(now)}, &admitted)
	if err != nil {
		return false, fmt.Errorf("spend an authorization code: %w", err)
	}
	if spent && !admitted {
		return true, user.ErrBlocked
	}
	return spent, nil
}

// DeleteCodes implements grant.Store.
func (db *DB) DeleteCodes(ctx context.Context, tenantID, userID string) error {
	return db.queue(ctx, deleteCodes, tenantID, userID)
}

// storedToken is the document of a refresh token: what no statement looks at.
type storedToken struct {
	Audience   string    `json:"audience,omitempty"`
	Scope      []string  `json:"scope,omitempty"`
	SessionID  string    `json:"sid,omitempty"`
	Connection string    `json:"connection,omitempty"`
	Issuer     string    `json:"issuer"`
	AuthTime   time.Time `json:"auth_time"`
}

// InsertRefreshToken implements grant.Store.
func (db *DB) InsertRefreshToken(ctx context.Context, tenantID string, hash []byte, r *grant.RefreshToken) error {
	document, err := encode(storedToken{
		Audience: r.Audience, Scope: r.Scope, SessionID: r.SessionID, Connection: r.Connection, Issuer: r.Issuer,
		AuthTime: r.AuthTime,
	})
	if err != nil {
		return err
	}
	statements := []*engine.Statement{{SQL: insertRefreshToken, Args: []any{
		tenantID, hash, r.FamilyID, r.Sequence, document, clock.Millis(r.IssuedAt), clock.Millis(r.UsedAt), clock.Millis(r.RotatedAt),
	}}}
	if r.Sequence == 1 {
		statements = append(statements, &engine.Statement{SQL: insertFamily, Args: []any{
			tenantID, r.FamilyID, r.UserID, r.ClientID, r.Audience, r.Rotating,
			clock.Millis(r.IssuedAt), clock.Millis(r.ExpiresAt), clock.Millis(r.RevokedAt),
			strings.Join(r.Scope, " "), r.SessionID, clean(r.Device.IP), clean(r.Device.UserAgent), r.Connection,
		}})
	}
	return db.queueAll(ctx, statements...)
}

// RefreshTokenByHash implements grant.Store.
func (db *DB) RefreshTokenByHash(ctx context.Context, tenantID string, hashes [][]byte) (*grant.RefreshToken, []byte, int, error) {
	if len(hashes) == 0 {
		return nil, nil, 0, nil
	}
	r := &grant.RefreshToken{}
	var hash []byte
	var document string
	var latest int
	var issued, used, rotated, advanced, exchanged, expires, revoked int64
	var found, alive bool
	args := hashArgs(tenantID, hashes)
	err := db.read(ctx,
		row(in(selectRefreshToken, len(hashes), 2, ""), args, &found,
			&hash, &r.FamilyID, &r.Sequence, &document, &issued, &used, &rotated),
		row(in(selectFamilyOfToken, len(hashes), 2, " LIMIT 1)"), args, &alive,
			&r.UserID, &r.ClientID, &r.Rotating, &latest, &advanced, &exchanged, &expires, &revoked),
	)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("read a refresh token: %w", err)
	}
	if !found || !alive {
		return nil, nil, 0, nil
	}
	if rotated == 0 && r.Sequence < latest {
		rotated = advanced
	}
	if !r.Rotating {
		used = max(used, exchanged)
	}
	var stored storedToken
	if err := decode(document, &stored); err != nil {
		return nil, nil, 0, err
	}
	r.Audience, r.Scope, r.SessionID, r.Connection = stored.Audience, stored.Scope, stored.SessionID, stored.Connection
	r.Issuer, r.AuthTime = stored.Issuer, stored.AuthTime
	r.IssuedAt, r.UsedAt, r.RotatedAt = clock.FromMillis(issued), clock.FromMillis(used), clock.FromMillis(rotated)
	r.ExpiresAt, r.RevokedAt = clock.FromMillis(expires), clock.FromMillis(revoked)
	return r, hash, latest, nil
}

// exchangeArgs are the parameters of a statement that notes an exchange where the family's highest sequence is latest.
func exchangeArgs(tenantID string, r *grant.RefreshToken, latest int, from grant.Device, now time.Time) []any {
	return []any{
		tenantID, r.FamilyID, latest, clock.Millis(now), clean(from.IP), clean(from.UserAgent), strings.Join(r.Scope, " "), r.SessionID,
		r.Connection,
	}
}

// RotateRefreshToken implements grant.Store.
func (db *DB) RotateRefreshToken(ctx context.Context, tenantID string, hash []byte, r *grant.RefreshToken, from grant.Device, now time.Time) (won bool, err error) {
	err = db.InTx(ctx, func(ctx context.Context) error {
		changed, err := db.exec(ctx, advanceFamily, exchangeArgs(tenantID, r, r.Sequence, from, now)...)
		if won = changed == 1; err != nil || !won {
			return err
		}
		return db.queue(ctx, rotateRefreshToken, tenantID, hash, clock.Millis(now))
	})
	if err != nil {
		return false, fmt.Errorf("rotate a refresh token: %w", err)
	}
	return won, nil
}

// UseFamily implements grant.Store.
func (db *DB) UseFamily(ctx context.Context, tenantID string, r *grant.RefreshToken, latest int, from grant.Device, now time.Time) (bool, error) {
	changed, err := db.exec(ctx, useFamily, exchangeArgs(tenantID, r, latest, from, now)...)
	if err != nil {
		return false, fmt.Errorf("use a refresh token family: %w", err)
	}
	return changed == 1, nil
}

// RevokeFamily implements grant.Store.
func (db *DB) RevokeFamily(ctx context.Context, tenantID, familyID string, now time.Time) error {
	return db.queue(ctx, revokeFamily, tenantID, familyID, clock.Millis(now))
}

// RevokeTokens implements grant.Store.
func (db *DB) RevokeTokens(ctx context.Context, tenantID, userID string, now time.Time) error {
	return db.queue(ctx, revokeTokens, tenantID, userID, clock.Millis(now))
}

// RevokeTokensVia implements grant.Store.
func (db *DB) RevokeTokensVia(ctx context.Context, tenantID, userID, connection string, now time.Time) error {
	return db.queue(ctx, revokeTokensVia, tenantID, userID, connection, clock.Millis(now))
}

// RevokeGrant implements grant.Store.
func (db *DB) RevokeGrant(ctx context.Context, tenantID, userID, clientID, audience string, now time.Time) error {
	return db.queue(ctx, revokeGrant, tenantID, userID, clientID, audience, clock.Millis(now))
}

// RevokeNotRotating implements grant.Store.
func (db *DB) RevokeNotRotating(ctx context.Context, tenantID, userID, clientID, audience string, now time.Time) error {
	return db.queue(ctx, revokeNotRotating, tenantID, userID, clientID, audience, clock.Millis(now))
}

// TrimRefreshTokens implements grant.Store.
func (db *DB) TrimRefreshTokens(ctx context.Context, tenantID, userID, clientID string, keep int) error {
	return db.queue(ctx, trimFamilies, tenantID, userID, clientID, keep)
}

// InsertPushed implements grant.Store.
func (db *DB) InsertPushed(ctx context.Context, tenantID string, hash []byte, p *grant.Pushed) error {
	params, err := encode(p.Params)
	if err != nil {
		return err
	}
	if _, err := db.exec(ctx, insertPushed, tenantID, hash, p.ClientID, params, clock.Millis(p.ExpiresAt)); err != nil {
		return fmt.Errorf("write a pushed request: %w", err)
	}
	return nil
}

// TakePushed implements grant.Store.
func (db *DB) TakePushed(ctx context.Context, tenantID string, hashes [][]byte) (*grant.Pushed, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	p := &grant.Pushed{}
	var params string
	var expires int64
	found, err := db.writeRow(ctx, in(takePushed, len(hashes), 2, " RETURNING client_id, params, expires_at"),
		hashArgs(tenantID, hashes), &p.ClientID, &params, &expires)
	if err != nil {
		return nil, fmt.Errorf("take a pushed request: %w", err)
	}
	if !found {
		return nil, nil
	}
	p.ExpiresAt = clock.FromMillis(expires)
	return p, decode(params, &p.Params)
}
