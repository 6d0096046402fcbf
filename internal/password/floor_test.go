package password

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/user"
)

// Bcrypt of cost 10 takes three times as long as a hash of ours: wrong passwords told by the time whose account was imported.
func TestFloor_RefusalsOfAllSchemesLastEquallyLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Floor
		lasts := func(work time.Duration, stored user.Password) time.Duration {
			began := time.Now()
			time.Sleep(work)
			f.Wait(t.Context(), began, stored)
			return time.Since(began)
		}
		const ours, theirs = user.Password(""), user.Password("$2b$12$x")
		for i, c := range []struct {
			work   time.Duration
			stored user.Password
			want   time.Duration
		}{
			{16 * time.Millisecond, ours, leastFloor}, {45 * time.Millisecond, theirs, leastFloor}, {0, theirs, leastFloor},
			{time.Second, ours, time.Second}, {16 * time.Millisecond, ours, leastFloor}, // a queue raises nothing
			{700 * time.Millisecond, theirs, 8 * leastFloor}, {16 * time.Millisecond, ours, 8 * leastFloor},
			{time.Minute, theirs, time.Minute}, {16 * time.Millisecond, ours, mostFloor},
		} {
			if got := lasts(c.work, c.stored); got != c.want {
				t.Errorf("refusal %d of %s lasted %s, want %s", i, c.work, got, c.want)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		f.Wait(gone, began, ours)
		if got := time.Since(began); got != 0 {
			t.Errorf("whoever has gone is waited for %s", got)
		}
	})
}
