package protect

import (
	"sync"
	"time"
)

// memory keeps this node's general limits. It forgets empty buckets, and is bounded: past maxBuckets it forgets all,
// which forgives at most one burst each.
type memory struct {
	mu      sync.Mutex
	full    map[string]time.Time // when the bucket will be empty
	cleaned time.Time
	held    map[string]int // how many were held back since one was let through
}

const (
	maxBuckets = 100_000
	cleanEvery = time.Minute
)

func newMemory() *memory { return &memory{full: map[string]time.Time{}, held: map[string]int{}} }

func (m *memory) mark(b Bucket, now time.Time) Level {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clean(now)
	empty := m.full[b.Key]
	if empty.Before(now) {
		empty = now
	}
	next := empty.Add(b.Every)
	room := time.Duration(b.Burst) * b.Every
	if next.Sub(now) > room {
		return Level{Key: b.Key, Over: true, Reset: empty, RetryAt: next.Add(-room)}
	}
	m.full[b.Key] = next
	return Level{Key: b.Key, Remaining: int((room - next.Sub(now)) / b.Every), Reset: next}
}

// tenth counts one that is held back and reports whether it is the tenth.
func (m *memory) tenth(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.held) > maxBuckets {
		clear(m.held)
	}
	m.held[key] = (m.held[key] + 1) % 10
	return m.held[key] == 0
}

func (m *memory) clean(now time.Time) {
	if len(m.full) > maxBuckets {
		clear(m.full)
	}
	if now.Sub(m.cleaned) < cleanEvery {
		return
	}
	m.cleaned = now
	for k, empty := range m.full {
		if empty.Before(now) {
			delete(m.full, k)
		}
	}
}
