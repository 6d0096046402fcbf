package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/otp"
	"latchkey/internal/user"
)

var _ otp.Store = (*DB)(nil)

const (
	// The one row on the left makes an answer even when nothing is known: the work does not tell.
	selectAttempt = `SELECT challenges.challenge_id, challenges.code_hash, challenges.client_id, challenges.transaction_id,
		challenges.created_at, challenges.expires_at, challenges.wrong, challenges.max_wrong, challenges.consumed_at,
		challenges.link_hash, challenges.number_hash, challenges.request, challenges.wrong_number, challenges.approved_at,
		challenges.checked_at,
		guesses.wrong, guesses.locked_until, guesses.locks, deleted_identifiers.deletions, ` + userColumns + `
		FROM (SELECT 1 AS one) AS always
		LEFT JOIN challenges ON challenges.tenant_id = $1
			AND challenges.connection = $2 AND challenges.identifier = $3
		LEFT JOIN guesses ON guesses.tenant_id = $1
			AND guesses.connection = $2 AND guesses.subject = $4` + joinUserOfIdentity
	putChallenge = `INSERT INTO challenges
		(tenant_id, connection, identifier, challenge_id, code_hash, client_id, transaction_id, created_at, expires_at, wrong,
		max_wrong, consumed_at, link_hash, number_hash, request, wrong_number, approved_at, checked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
		ON CONFLICT (tenant_id, connection, identifier) DO UPDATE SET challenge_id = excluded.challenge_id,
		code_hash = excluded.code_hash, client_id = excluded.client_id,
		transaction_id = excluded.transaction_id, created_at = excluded.created_at,
		expires_at = excluded.expires_at, wrong = excluded.wrong, max_wrong = excluded.max_wrong,
		consumed_at = excluded.consumed_at, link_hash = excluded.link_hash, number_hash = excluded.number_hash,
		request = excluded.request, wrong_number = excluded.wrong_number, approved_at = excluded.approved_at,
		checked_at = excluded.checked_at`
	replaceChallenge = putChallenge + ` WHERE challenges.challenge_id = $19`

	ofIdentifier = ` WHERE tenant_id = $1 AND connection = $2 AND identifier = $3`

	// Everything a check has looked at is looked at again, in the statement that spends or marks. $5 now, $6 subject.
	mayBeSpent = ` AND challenge_id = $4 AND consumed_at = 0 AND wrong < max_wrong AND expires_at > $5
		AND NOT EXISTS (SELECT 1 FROM guesses WHERE guesses.tenant_id = $1 AND guesses.connection = $2
			AND guesses.subject = $6 AND guesses.locked_until > $5)`
	spendChallenge = `UPDATE challenges SET consumed_at = $5` + ofIdentifier + mayBeSpent + `
		AND approved_at >= $7 AND checked_at >= $8
		AND NOT EXISTS (SELECT 1 FROM users WHERE users.tenant_id = $1 AND users.user_id = ` + userOfIdentity + `
			AND users.blocked)`
	countWrong = `UPDATE challenges SET wrong = wrong + 1` + ofIdentifier + ` AND challenge_id = $4
		AND consumed_at = 0 AND wrong < max_wrong RETURNING wrong`
	markChecked = `UPDATE challenges SET checked_at = $5` + ofIdentifier + mayBeSpent

	// $5 limit, $6 now.
	mayBeApproved = ` AND challenge_id = $4 AND consumed_at = 0 AND approved_at = 0 AND wrong_number < $5
		AND wrong < max_wrong AND expires_at > $6`
	approve          = `UPDATE challenges SET approved_at = $6` + ofIdentifier + mayBeApproved
	countWrongNumber = `UPDATE challenges SET wrong_number = wrong_number + 1` + ofIdentifier + mayBeApproved + ` RETURNING wrong_number`

	killChallenge = `DELETE FROM challenges` + ofIdentifier + ` AND challenge_id = $4 AND consumed_at = 0`

	// $4 limit, $5 lock, $6 maxLock, $7 now, $8 forgetBefore. Below, "earlier" locks are those not forgotten.
	earlierLocks = `CASE WHEN guesses.locked_until < $8 THEN 0 ELSE guesses.locks END`
	nthLock      = `CASE WHEN (` + earlierLocks + `) > 20 OR CAST($5 AS bigint) << CAST(` + earlierLocks + ` AS integer) > $6
		THEN CAST($6 AS bigint) ELSE CAST($5 AS bigint) << CAST(` + earlierLocks + ` AS integer) END`
	countGuess = `INSERT INTO guesses (tenant_id, connection, subject, wrong, locks, locked_until, changed_at)
		VALUES ($1, $2, $3,
			CASE WHEN CAST($4 AS bigint) <= 1 THEN 0 ELSE 1 END,
			CASE WHEN CAST($4 AS bigint) <= 1 THEN 1 ELSE 0 END,
			CASE WHEN CAST($4 AS bigint) <= 1 THEN CAST($7 AS bigint) + CASE WHEN CAST($5 AS bigint) > $6 THEN CAST($6 AS bigint)
				ELSE CAST($5 AS bigint) END ELSE 0 END,
			$7)
		ON CONFLICT (tenant_id, connection, subject) DO UPDATE SET
		wrong = CASE WHEN guesses.wrong + 1 >= $4 THEN 0 ELSE guesses.wrong + 1 END,
		locks = ` + earlierLocks + ` + CASE WHEN guesses.wrong + 1 >= $4 THEN 1 ELSE 0 END,
		locked_until = CASE WHEN guesses.wrong + 1 >= $4 THEN CAST($7 AS bigint) + ` + nthLock + `
			WHEN guesses.locked_until < $8 THEN 0 ELSE guesses.locked_until END,
		changed_at = excluded.changed_at
		RETURNING wrong, locks, locked_until`
	resetGuesses = `UPDATE guesses SET wrong = 0
		WHERE tenant_id = $1 AND connection = $2 AND subject = $3 AND wrong > 0`
)

// Attempt implements otp.Store.
func (db *DB) Attempt(ctx context.Context, tenantID, connection, identifier, subject string) (otp.Attempt, error) {
	var (
		id, client, transaction                    *string
		hash, link, number, request                []byte
		created, expires, consumed, locked         *int64
		approved, checked                          *int64
		wrongNumber                                *int
		wrong, maxWrong, guessed, locks, deletions *int
		u                                          userRow
	)
	dest := append([]any{
		&id, &hash, &client, &transaction, &created, &expires, &wrong, &maxWrong, &consumed,
		&link, &number, &request, &wrongNumber, &approved, &checked, &guessed, &locked, &locks, &deletions,
	}, u.dest()...)
	if _, err := db.readRow(ctx, selectAttempt, []any{tenantID, connection, identifier, subject}, dest...); err != nil {
		return otp.Attempt{}, fmt.Errorf("read an attempt: %w", err)
	}
	a := otp.Attempt{
		Guesses:   otp.Guesses{Wrong: orZero(guessed), Locks: orZero(locks), LockedUntil: clock.FromMillis(orZero(locked))},
		Deletions: orZero(deletions),
	}
	if id != nil {
		a.Challenge = &otp.Challenge{
			ID: *id, Connection: connection, Identifier: identifier, CodeHash: hash, ClientID: *client,
			Transaction: *transaction,
			CreatedAt:   clock.FromMillis(*created), ExpiresAt: clock.FromMillis(*expires),
			Wrong: *wrong, MaxWrong: *maxWrong, ConsumedAt: clock.FromMillis(*consumed),
			LinkHash: orNone(link), NumberHash: orNone(number), Request: orNone(request), WrongNumber: *wrongNumber,
			ApprovedAt: clock.FromMillis(*approved), CheckedAt: clock.FromMillis(*checked),
		}
	}
	a.Known, a.Blocked = u.profile != nil, orZero(u.blocked)
	a.User = u.unpack
	return a, nil
}

// standIn is nobody's profile, as long as that of people who log in by code.
var standIn = sync.OnceValues(func() (string, error) {
	email := &connection.Connection{Name: "email", Strategy: connection.Email}
	return encodeUser(user.NewPasswordless(email, strings.Repeat("0", 24), "somebody@mail.example.com", time.UnixMilli(1)))
})

// unpack gives the user, or nil after the same work.
func (r *userRow) unpack() (*user.User, error) {
	if r.profile != nil {
		return r.user()
	}
	profile, err := standIn()
	if err != nil {
		return nil, err
	}
	nobody := userRow{&profile, new(bool), new(int), new(int64), new(string), new(int64), new(string), new(int64)}
	_, err = nobody.user()
	return nil, err
}

// PutChallenge implements otp.Store.
func (db *DB) PutChallenge(ctx context.Context, tenantID string, c *otp.Challenge) error {
	return db.queue(ctx, putChallenge, challengeArgs(tenantID, c)...)
}

// ReplaceChallenge implements otp.Store.
func (db *DB) ReplaceChallenge(ctx context.Context, tenantID string, c *otp.Challenge, before string) error {
	return db.queueOne(ctx, otp.ErrOvertaken, replaceChallenge, append(challengeArgs(tenantID, c), before)...)
}

func challengeArgs(tenantID string, c *otp.Challenge) []any {
	return []any{
		tenantID, c.Connection, c.Identifier, c.ID, c.CodeHash, c.ClientID,
		c.Transaction, clock.Millis(c.CreatedAt), clock.Millis(c.ExpiresAt), c.Wrong, c.MaxWrong, clock.Millis(c.ConsumedAt),
		orEmpty(c.LinkHash), orEmpty(c.NumberHash), orEmpty(c.Request), c.WrongNumber, clock.Millis(c.ApprovedAt), clock.Millis(c.CheckedAt),
	}
}

// orEmpty gives bytes for a column that is never null, and orNone what such a column means.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func orNone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// MarkChecked implements otp.Store.
func (db *DB) MarkChecked(ctx context.Context, tenantID string, c *otp.Challenge, subject string, now time.Time) error {
	return db.queue(ctx, markChecked, tenantID, c.Connection, c.Identifier, c.ID, clock.Millis(now), subject)
}

// ApproveChallenge implements otp.Store.
func (db *DB) ApproveChallenge(ctx context.Context, tenantID string, c *otp.Challenge, limit int, now time.Time) (bool, error) {
	changed, err := db.exec(ctx, approve, tenantID, c.Connection, c.Identifier, c.ID, limit, clock.Millis(now))
	if err != nil {
		return false, fmt.Errorf("approve a challenge: %w", err)
	}
	return changed == 1, nil
}

// CountWrongNumber implements otp.Store.
func (db *DB) CountWrongNumber(ctx context.Context, tenantID string, c *otp.Challenge, limit int, now time.Time) (wrong int, ok bool, err error) {
	ok, err = db.writeRow(ctx, countWrongNumber, []any{tenantID, c.Connection, c.Identifier, c.ID, limit, clock.Millis(now)}, &wrong)
	if err != nil {
		return 0, false, fmt.Errorf("count a wrong number: %w", err)
	}
	return wrong, ok, nil
}

// SpendChallenge implements otp.Store.
func (db *DB) SpendChallenge(ctx context.Context, tenantID string, c *otp.Challenge, subject string, now time.Time, since otp.Since) (bool, error) {
	changed, err := db.exec(ctx, spendChallenge, tenantID, c.Connection, c.Identifier, c.ID, clock.Millis(now), subject,
		clock.Millis(since.Approved), clock.Millis(since.Checked))
	if err != nil {
		return false, fmt.Errorf("spend a challenge: %w", err)
	}
	return changed == 1, nil
}

// CountWrong implements otp.Store.
func (db *DB) CountWrong(ctx context.Context, tenantID string, c *otp.Challenge) (wrong int, ok bool, err error) {
	ok, err = db.writeRow(ctx, countWrong, []any{tenantID, c.Connection, c.Identifier, c.ID}, &wrong)
	if err != nil {
		return 0, false, fmt.Errorf("count a wrong code: %w", err)
	}
	return wrong, ok, nil
}

// CountGuess implements otp.Store.
func (db *DB) CountGuess(ctx context.Context, tenantID, connection, subject string, limit int, lock, maxLock time.Duration, now, forgetBefore time.Time) (otp.Guesses, error) {
	var g otp.Guesses
	var locked int64
	args := []any{
		tenantID, connection, subject, limit, lock.Milliseconds(), maxLock.Milliseconds(),
		clock.Millis(now), clock.Millis(forgetBefore),
	}
	if _, err := db.writeRow(ctx, countGuess, args, &g.Wrong, &g.Locks, &locked); err != nil {
		return otp.Guesses{}, fmt.Errorf("count a guess: %w", err)
	}
	g.LockedUntil = clock.FromMillis(locked)
	return g, nil
}

// ResetGuesses implements otp.Store.
func (db *DB) ResetGuesses(ctx context.Context, tenantID, connection, subject string) error {
	return db.queue(ctx, resetGuesses, tenantID, connection, subject)
}

// KillChallenge implements otp.Store.
func (db *DB) KillChallenge(ctx context.Context, tenantID, connection, identifier, id string) error {
	return db.queue(ctx, killChallenge, tenantID, connection, identifier, id)
}
