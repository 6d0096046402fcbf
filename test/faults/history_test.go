package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"latchkey/test/load/driver"
)

// clients work on one address or one family at a time.
const clients = 4

func TestCodes_HistoriesOfSeveralClientsAreLinearizable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		for range 6 {
			codeHistory(t, c)
		}
	})
}

func TestRefreshTokens_HistoriesOfSeveralClientsAreLinearizable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		for range 6 {
			familyHistory(t, c)
		}
	})
}

func TestSoak_HistoriesStayLinearizable(t *testing.T) {
	t.Parallel()
	d := soak(t)
	onEach(t, func(t *testing.T, c *cluster) {
		for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); {
			codeHistory(t, c)
			familyHistory(t, c)
		}
	})
}

// codeHistory lets clients redeem right, wrong and replaced codes of one address while two codes are sent to it. It
// stays below the ten wrong codes in a row after which an address is shut for a while.
func codeHistory(t *testing.T, c *cluster) {
	t.Helper()
	h, email, sent := newHistory(), c.stranger(), &known{}
	request := func() {
		h.record(0, input{op: "start"}, func() output {
			if err := c.sink.Forget(t.Context(), email); err != nil {
				t.Error(err)
			}
			return output{outcome: outcomeOf(c.any().Start(t.Context(), email))}
		})
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		code, err := c.sink.Code(soon, email)
		cancel()
		if err != nil && h.refusedSinceStart() >= tries {
			h.name("never sent") // the code died before its mail could leave, and so it did not leave
			return
		}
		if err != nil {
			code, err = c.sink.Code(t.Context(), email)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.name(code)
		sent.add(code)
	}
	request()
	var wg sync.WaitGroup
	for client := 1; client < clients; client++ {
		wg.Go(func() {
			for turn := range 3 {
				code := sent.newest()
				if turn == client-1 { // one wrong code for each client
					code = other(code)
				}
				h.record(client, input{"redeem", code}, func() output {
					_, err := c.each(client+turn).Redeem(t.Context(), email, code)
					return output{outcome: outcomeOf(err)}
				})
			}
		})
	}
	request()
	wg.Wait()
	h.check(t, codeModel())
}

// familyHistory rotates a family in a row on changing nodes, then lets clients race for it and try what they know.
func familyHistory(t *testing.T, c *cluster) {
	t.Helper()
	_, tokens := c.login(t)
	h, seen := newHistory(), &known{}
	seen.add(tokens.RefreshToken)
	use := func(client, turn int, token string) {
		h.record(client, input{"refresh", token}, func() output {
			next, err := c.each(client+turn).Refresh(t.Context(), token)
			if err == nil {
				seen.add(next.RefreshToken)
			}
			return output{outcomeOf(err), next.RefreshToken}
		})
	}
	for turn := range 1 + rand.IntN(4) {
		use(0, turn, seen.newest())
	}
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for turn := range 3 {
				use(client, turn, seen.newest())
			}
		})
	}
	wg.Wait()
	h.check(t, familyModel(tokens.RefreshToken))
}

// name fills in the code that the last start has sent, once the mail has shown it.
func (h *history) name(code string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.operations) - 1; i >= 0; i-- {
		if h.operations[i].Input.(input).op == "start" {
			h.operations[i].Output = output{h.operations[i].Output.(output).outcome, code}
			return
		}
	}
}

// refusedSinceStart is how many codes were refused after the last start was asked for.
func (h *history) refusedSinceStart() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	var start int64
	for _, o := range h.operations {
		if o.Input.(input).op == "start" {
			start = max(start, o.Call)
		}
	}
	n := 0
	for _, o := range h.operations {
		if o.Input.(input).op == "redeem" && o.Return >= start && o.Output.(output).outcome == refused {
			n++
		}
	}
	return n
}

// known is a list of secrets that clients share.
type known struct {
	mu  sync.Mutex
	all []string
}

func (k *known) add(secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, secret)
}

func (k *known) newest() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[len(k.all)-1]
}

// patient bounds a request of a node that may be killed.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 10*time.Second)
}

var errNoToken = errors.New("the answer holds no refresh token or names no user")

// subjectOf gives the user that a login's answer names.
func subjectOf(tokens driver.Tokens) (string, error) {
	if tokens.RefreshToken == "" {
		return "", errNoToken
	}
	return driver.Subject(tokens.IDToken)
}
