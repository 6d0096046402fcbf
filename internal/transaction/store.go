package transaction

import (
	"context"
	"time"
)

// Store keeps the rows of hosted login transactions. Nothing here is ever cached.
type Store interface {
	// InsertTransaction writes a new row under the hash of its state. Conflict (apierr) when it exists.
	InsertTransaction(ctx context.Context, tenantID string, stateHash []byte, doc []byte, expires time.Time) error
	// TransactionByState gives the row's document and version, finished ones too, or nil when there is none.
	TransactionByState(ctx context.Context, tenantID string, hashes [][]byte) (doc []byte, version int64, hash []byte, err error)
	// UpdateTransaction writes the document where the version is unchanged, and tells whether it did. Version becomes
	// version+1.
	UpdateTransaction(ctx context.Context, tenantID string, stateHash []byte, version int64, doc []byte) (bool, error)
}
