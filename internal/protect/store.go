package protect

import (
	"context"
	"time"
)

// Bucket is one token bucket as the generic cell rate algorithm keeps it: the time at which it would be empty of marks.
type Bucket struct {
	Key   string
	Every time.Duration // time that one mark takes to drain
	Burst int           // marks it holds

	AskOnly bool // tells whether a mark would fit and puts none in
}

// Level is a bucket after it was asked.
type Level struct {
	Key       string
	Remaining int       // marks it could take at once
	Reset     time.Time // when it will be empty again
	Over      bool      // the mark did not fit
	RetryAt   time.Time // when the next one will
}

// Store keeps the buckets that guard secrets and sends.
type Store interface {
	// Mark puts one mark into each bucket by one statement and gives their levels in the order asked. A bucket that is only
	// asked keeps its level; the one given, and the work, are those of a mark. A mark that does not
	// fit is counted as Over: the caller rolls its transaction back. Of any number of parallel callers no more fit than
	// the buckets hold.
	Mark(ctx context.Context, tenantID string, now time.Time, buckets []Bucket) ([]Level, error)
	// EmptyBuckets takes all marks out of buckets. A queued write.
	EmptyBuckets(ctx context.Context, tenantID string, keys []string) error
}
