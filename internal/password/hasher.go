package password

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"latchkey/internal/apierr"
	"latchkey/internal/ident"
	"latchkey/internal/user"
)

// What a new hash costs (OWASP Password Storage Cheat Sheet, "Argon2id").
const (
	newMemory = 19 << 10 // KiB
	newPasses = 2
	newLanes  = 1
	newSalt   = 16
	newKey    = 32
)

// leastMemory is what the cheapest hash is counted with, so that thousands of them do not run at once either.
const leastMemory = 1 << 20

// maxLength is how many bytes a password may have: as many as bcrypt reads and as Auth0 allows.
const maxLength = 72

// ErrTooLong is the answer to a password of more than 72 bytes.
var ErrTooLong = apierr.New(apierr.Invalid, "password_too_long", "PasswordStrengthError: Password is too long")

// mostEntered is how many hashes are made or waited for at once: with ours, some seconds of work for two processors. Whoever
// comes then hears at once that the service is busy, rather than too late.
const mostEntered = 256

// errBusy is the answer when the memory for hashing was not free in time, or too many wait for it.
var errBusy = apierr.New(apierr.Unavailable, "password_busy", "The service is busy. Please try again.")

// Hasher hashes and verifies passwords in bounded memory. It is safe for concurrent use.
type Hasher struct {
	memory *semaphore.Weighted
	budget int64
	// entered counts the hashes that are made or waited for.
	entered atomic.Int64
	decoy   func() user.Password // made when it is first needed
}

// New makes a Hasher whose work takes no more than memory bytes at once; a single hash that wants more than that runs
// alone. Zero is enough to keep every processor busy.
func New(memory int64) *Hasher {
	if memory <= 0 {
		memory = max(64<<20, int64(runtime.GOMAXPROCS(0))*newMemory<<10)
	}
	h := &Hasher{memory: semaphore.NewWeighted(memory), budget: memory}
	h.decoy = sync.OnceValue(func() user.Password { return newHash(ident.Hex(16)) })
	return h
}

// Hash gives the hash of a new password. Whether it is good enough was asked before (Check); one of more than 72 bytes is
// ErrTooLong all the same.
func (h *Hasher) Hash(ctx context.Context, password string) (user.Password, error) {
	if len(password) > maxLength {
		return "", ErrTooLong
	}
	var made user.Password
	err := h.spend(ctx, newMemory<<10, func() { made = newHash(password) })
	return made, err
}

func newHash(password string) user.Password {
	salt := ident.Bytes(newSalt)
	key := argon2.IDKey([]byte(password), salt, newPasses, newMemory, newLanes, newKey)
	a := argonHash{variant: "argon2id", memory: newMemory, passes: newPasses, lanes: newLanes, salt: salt, key: key}
	return user.Password(a.text())
}

// Verify reports whether password is the one that was hashed. An account without a password has the empty hash: nothing
// matches it, and finding that out takes as long as with a hash of ours, so the time does not tell who has one.
func (h *Hasher) Verify(ctx context.Context, stored user.Password, password string) (bool, error) {
	if stored == "" {
		_, err := h.Verify(ctx, h.decoy(), password)
		return false, err
	}
	s, err := parse(string(stored))
	if err != nil {
		return false, fmt.Errorf("read a stored password: %w", err)
	}
	matches := false
	err = h.spend(ctx, s.cost(), func() { matches = s.matches(password) })
	return matches, err
}

// NeedsRehash reports whether a hash is not what Hash would make today: its owner's next login replaces it.
func NeedsRehash(stored user.Password) bool {
	ours := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, newMemory, newPasses, newLanes)
	return stored != "" && !strings.HasPrefix(string(stored), ours)
}

// spend runs do when so many bytes of the budget are free. Where too many wait for that already it does not wait.
func (h *Hasher) spend(ctx context.Context, bytes int64, do func()) error {
	bytes = min(max(bytes, leastMemory), h.budget)
	defer h.entered.Add(-1)
	if h.entered.Add(1) > mostEntered {
		return errBusy
	}
	if err := h.memory.Acquire(ctx, bytes); err != nil {
		return errBusy.With(err)
	}
	defer h.memory.Release(bytes)
	do()
	return nil
}
