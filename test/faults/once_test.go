package faults

import (
	"context"
	"sync"
	"testing"

	"latchkey/test/load/driver"
)

// rivals is how many clients want one secret.
const rivals = 16

// contest lets all rivals spend at the same moment, spread over the nodes, and gives what the winners got. It fails the
// test when an answer is neither a success nor a refusal.
func contest(t *testing.T, c *cluster, spend func(ctx context.Context, client *driver.Client) (driver.Tokens, error)) []driver.Tokens {
	t.Helper()
	var (
		start   = make(chan struct{})
		wg      sync.WaitGroup
		mu      sync.Mutex
		winners []driver.Tokens
	)
	for i := range rivals {
		wg.Go(func() {
			<-start
			tokens, err := spend(t.Context(), c.each(i))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners = append(winners, tokens)
			case !driver.Refused(err):
				t.Errorf("an answer that is neither tokens nor a refusal: %v", err)
			}
		})
	}
	close(start)
	wg.Wait()
	return winners
}

func TestEmailCode_IsSpentOnceByManyClients(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		for round := range 5 {
			email := c.stranger()
			for _, who := range []string{"a new user", "a returning user"} {
				code, err := driver.RequestCode(t.Context(), c.any(), c.sink, email)
				if err != nil {
					t.Fatal(err)
				}
				winners := contest(t, c, func(ctx context.Context, client *driver.Client) (driver.Tokens, error) {
					return client.Redeem(ctx, email, code)
				})
				if len(winners) != 1 {
					t.Errorf("round %d, %s: %d of %d clients got tokens for one code, want 1", round, who, len(winners), rivals)
				}
			}
		}
	})
}

func TestWrongCodes_InParallelAreWorthNoMoreThanInARow(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		email := c.stranger()
		code, err := driver.RequestCode(t.Context(), c.any(), c.sink, email)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.any().Redeem(t.Context(), email, other(code)); !driver.Refused(err) {
			t.Fatalf("a wrong code: got %v, want a refusal", err)
		}
		if _, err := c.any().Redeem(t.Context(), email, code); err != nil {
			t.Fatalf("the right code after one wrong one: %v", err)
		}

		if code, err = driver.RequestCode(t.Context(), c.any(), c.sink, email); err != nil {
			t.Fatal(err)
		}
		if winners := contest(t, c, func(ctx context.Context, client *driver.Client) (driver.Tokens, error) {
			return client.Redeem(ctx, email, other(code))
		}); len(winners) != 0 {
			t.Fatalf("%d wrong codes were accepted", len(winners))
		}
		if _, err := c.any().Redeem(t.Context(), email, code); !driver.Refused(err) {
			t.Errorf("the right code after %d wrong ones at once: got %v, want a refusal", rivals, err)
		}
	})
}

func TestAuthorizationCode_IsSpentOnceByManyClients(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		for round := range 3 {
			b, err := driver.NewBrowser(c.members[round%len(c.members)].target, "")
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			a, err := b.Authorize(t.Context(), c.sink, c.stranger())
			if err != nil {
				t.Fatal(err)
			}
			winners := contest(t, c, func(ctx context.Context, client *driver.Client) (driver.Tokens, error) {
				return client.Exchange(ctx, a.Code, a.RedirectURI, a.Verifier)
			})
			if len(winners) != 1 {
				t.Errorf("round %d: %d of %d clients got tokens for one authorization code, want 1", round, len(winners), rivals)
			}
		}
	})
}

func TestRefreshToken_IsRotatedOnceByManyClients(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		for round := range 5 {
			_, tokens := c.login(t)
			winners := contest(t, c, func(ctx context.Context, client *driver.Client) (driver.Tokens, error) {
				return client.Refresh(ctx, tokens.RefreshToken)
			})
			if len(winners) != 1 {
				t.Fatalf("round %d: %d of %d clients got tokens for one refresh token, want 1", round, len(winners), rivals)
			}
			// The others presented a token that had been replaced: somebody has stolen it, and nobody can tell who.
			if _, err := c.any().Refresh(t.Context(), winners[0].RefreshToken); !driver.Refused(err) {
				t.Errorf("round %d: the successor after a reuse: got %v, want a refusal", round, err)
			}
		}
	})
}

// other gives a code of the same length that differs.
func other(code string) string {
	wrong := []byte(code)
	wrong[0] = '0' + (wrong[0]-'0'+1)%10
	return string(wrong)
}
