package clientauth

import (
	"context"
	"time"
)

// Store remembers which assertions were used.
type Store interface {
	// UseAssertion notes the assertion id of a client until expires, and tells whether it was new: of any number of callers
	// exactly one is told true.
	UseAssertion(ctx context.Context, tenantID, clientID, jti string, expires time.Time) (bool, error)
}
