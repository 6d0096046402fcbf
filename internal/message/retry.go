package message

import (
	"math/rand/v2"
	"sync"
	"time"
)

// steps are the longest waits before each further attempt; the last one repeats.
var steps = [...]time.Duration{2 * time.Second, 8 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// backoff is the wait before the next attempt after so many, with full jitter, so that messages which failed together do
// not come back together.
func backoff(attempts int) time.Duration {
	return jitter(steps[min(max(attempts, 1), len(steps))-1])
}

// jitter draws a duration up to most.
func jitter(most time.Duration) time.Duration { return rand.N(most) + time.Millisecond }

const (
	breakAfter = 5                // attempts in a row that the provider could not take
	breakFor   = 30 * time.Second // then it is left alone for so long
)

// breaker leaves a provider alone that is down, or whose every further attempt would harm. It is this node's own: the
// others find out for themselves.
type breaker struct {
	mu      sync.Mutex
	retries int
	until   time.Time
	last    Result // what began the pause
}

// note learns from a result.
func (b *breaker) note(now time.Time, r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Verdict == VerdictRetry {
		b.retries++
	} else {
		b.retries = 0
	}
	pause := r.Pause
	if pause == 0 && b.retries >= breakAfter {
		b.retries = 0
		pause = breakFor
	}
	if pause > 0 {
		b.until, b.last = now.Add(pause), r
	}
}

// closedUntil gives the end of a pause and what began it.
func (b *breaker) closedUntil(now time.Time) (time.Time, Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(b.until) {
		return time.Time{}, Result{}
	}
	return b.until, b.last
}
