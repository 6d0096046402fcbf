package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/transaction"
)

var _ transaction.Store = (*DB)(nil)

// errTransactionExists is the answer to writing a login transaction whose state is taken.
var errTransactionExists = apierr.New(apierr.Conflict, "transaction_exists", "The transaction exists already.")

const (
	insertTransaction = `INSERT INTO transactions (tenant_id, state_hash, document, version, expires_at)
		VALUES ($1, $2, $3, 1, $4) ON CONFLICT (tenant_id, state_hash) DO NOTHING`
	selectTransaction = `SELECT document, version, state_hash FROM transactions WHERE tenant_id = $1 AND state_hash IN `
	updateTransaction = `UPDATE transactions SET document = $4, version = version + 1
		WHERE tenant_id = $1 AND state_hash = $2 AND version = $3`
)

// InsertTransaction implements transaction.Store.
func (db *DB) InsertTransaction(ctx context.Context, tenantID string, stateHash, doc []byte, expires time.Time) error {
	changed, err := db.exec(ctx, insertTransaction, tenantID, stateHash, doc, clock.Millis(expires))
	if err != nil {
		return fmt.Errorf("write a login transaction: %w", err)
	}
	if changed == 0 {
		return errTransactionExists
	}
	return nil
}

// TransactionByState implements transaction.Store.
func (db *DB) TransactionByState(ctx context.Context, tenantID string, hashes [][]byte) (doc []byte, version int64, hash []byte, err error) {
	if len(hashes) == 0 {
		return nil, 0, nil, nil
	}
	_, err = db.readRow(ctx, in(selectTransaction, len(hashes), 2, ""), hashArgs(tenantID, hashes), &doc, &version, &hash)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("read a login transaction: %w", err)
	}
	return doc, version, hash, nil
}

// UpdateTransaction implements transaction.Store.
func (db *DB) UpdateTransaction(ctx context.Context, tenantID string, stateHash []byte, version int64, doc []byte) (bool, error) {
	changed, err := db.exec(ctx, updateTransaction, tenantID, stateHash, version, doc)
	if err != nil {
		return false, fmt.Errorf("update a login transaction: %w", err)
	}
	return changed == 1, nil
}
