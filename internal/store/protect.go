package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/protect"
	"latchkey/internal/store/engine"
)

var _ protect.Store = (*DB)(nil)

const (
	// $2 is now; each bucket adds its name and the time at which an empty one would be empty again after the mark.
	markBegin = `INSERT INTO buckets (tenant_id, bucket, empty_at) VALUES `
	markEnd   = ` ON CONFLICT (tenant_id, bucket) DO UPDATE SET empty_at = CASE WHEN buckets.empty_at > $2
		THEN buckets.empty_at + excluded.empty_at - $2 ELSE excluded.empty_at END
		RETURNING bucket, empty_at`
)

// Mark implements protect.Store. A bucket is the time at which it would be empty of marks (the generic cell rate
// algorithm), so one addition puts a mark in. Buckets are marked in the order of their names: two transactions that want
// the same ones never wait for each other in a circle.
func (db *DB) Mark(ctx context.Context, tenantID string, now time.Time, buckets []protect.Bucket) ([]protect.Level, error) {
	if len(buckets) == 0 {
		return nil, nil
	}
	sorted := slices.Clone(buckets)
	slices.SortFunc(sorted, func(a, b protect.Bucket) int { return strings.Compare(a.Key, b.Key) })
	ms := clock.Millis(now)
	args := []any{tenantID, ms}
	for i, b := range sorted {
		if i > 0 && b.Key == sorted[i-1].Key {
			return nil, errors.New("mark buckets: one bucket is named twice")
		}
		mark := b.Every.Milliseconds()
		if b.AskOnly {
			mark = 0
		}
		args = append(args, b.Key, ms+mark)
	}
	emptyAt := make(map[string]int64, len(buckets))
	err := db.write(ctx, &engine.Statement{SQL: tuples(markBegin, len(buckets), 2, 3, "$1, ", markEnd), Args: args, Row: func(r engine.Row) error {
		var key string
		var at int64
		if err := r.Scan(&key, &at); err != nil {
			return err
		}
		emptyAt[key] = at
		return nil
	}})
	if err != nil {
		return nil, fmt.Errorf("mark buckets: %w", err)
	}
	levels := make([]protect.Level, len(buckets))
	for i, b := range buckets {
		levels[i] = level(b, now, emptyAt[b.Key])
	}
	return levels, nil
}

// level reads a bucket that would be empty at emptyAt, the mark just put in included, as if there were one where it was only
// asked.
func level(b protect.Bucket, now time.Time, emptyAt int64) protect.Level {
	every := b.Every.Milliseconds()
	if b.AskOnly {
		emptyAt += every
	}
	room := clock.Millis(now) + int64(b.Burst)*every - emptyAt // until it is full
	if room < 0 {
		// The mark does not stay: the caller rolls it back.
		return protect.Level{
			Key: b.Key, Over: true, Reset: clock.FromMillis(emptyAt - every), RetryAt: now.Add(time.Duration(-room) * time.Millisecond),
		}
	}
	remaining := b.Burst
	if every > 0 {
		remaining = int(room / every)
	}
	return protect.Level{Key: b.Key, Remaining: remaining, Reset: clock.FromMillis(emptyAt)}
}

const emptyBuckets = `DELETE FROM buckets WHERE tenant_id = $1 AND bucket IN (`

// EmptyBuckets implements protect.Store.
func (db *DB) EmptyBuckets(ctx context.Context, tenantID string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	args := []any{tenantID}
	for _, key := range keys {
		args = append(args, key)
	}
	return db.queue(ctx, tuples(emptyBuckets, len(keys), 1, 2, "", ")"), args...)
}
