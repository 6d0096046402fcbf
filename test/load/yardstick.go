package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// yardstick measures what an RSA-2048 signature (PKCS #1 v1.5 over SHA-256, as RS256 has it) costs here and now. The
// cost depends on what else the machine does, so it is measured beside the load, in small samples.
type yardstick struct {
	key *rsa.PrivateKey

	mu    sync.Mutex
	costs []time.Duration
}

func newYardstick() (*yardstick, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	y := &yardstick{key: key}
	for range 20 { // the first signatures warm caches
		if _, err := y.sample(1); err != nil {
			return nil, err
		}
	}
	y.costs = nil
	return y, nil
}

// beside takes samples until ctx ends: a few signatures four times a second, about two hundredths of one core.
func (y *yardstick) beside(ctx context.Context) error {
	for tick := time.NewTicker(250 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
			if _, err := y.sample(5); err != nil {
				return err
			}
		}
	}
}

// sample signs n times and keeps the processor time of each signature, on a thread of its own.
func (y *yardstick) sample(n int) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	digest := sha256.Sum256([]byte("a token's header and payload"))
	costs := make([]time.Duration, n)
	for i := range costs {
		before, err := threadCPU()
		if err != nil {
			return 0, err
		}
		if _, err := rsa.SignPKCS1v15(nil, y.key, crypto.SHA256, digest[:]); err != nil {
			return 0, fmt.Errorf("sign: %w", err)
		}
		after, err := threadCPU()
		if err != nil {
			return 0, err
		}
		costs[i] = after - before
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.costs = append(y.costs, costs...)
	return median(costs), nil
}

// since gives the median of the samples after the first n, and how many there are now.
func (y *yardstick) since(n int) (time.Duration, int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return median(y.costs[min(n, len(y.costs)):]), len(y.costs)
}

func threadCPU() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

func median(values []time.Duration) time.Duration {
	return percentile(slices.Sorted(slices.Values(values)), 50)
}

// percentile gives the smallest of the sorted values that p per cent of them do not exceed; zero when there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}
