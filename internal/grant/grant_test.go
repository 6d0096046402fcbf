package grant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/grant"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// bench is the grants of one user over a real database.
type bench struct {
	*grant.Grants
	db     *store.DB
	clock  *clock.Fake
	tenant string
	user   *user.User
	client *client.Client
}

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	for name, fresh := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newBench(t, storetest.Open(t, fresh(t), store.Options{})))
		})
	}
}

func newBench(t *testing.T, db *store.DB) *bench {
	t.Helper()
	keys, err := seal.NewKeyset()
	must(t, err)
	b := &bench{db: db, clock: clock.NewFake(time.Now()), tenant: ident.ObjectID()}
	host := b.tenant + ".example"
	b.Grants = grant.New(db, keys, b.clock)
	b.client = &client.Client{ID: "c", RefreshToken: client.RefreshPolicy{RotationType: "rotating", ExpirationType: "expiring"}}
	must(t, db.CreateTenant(t.Context(), &tenant.Tenant{
		ID: b.tenant, Name: b.tenant, Domain: tenant.Domain{Host: host, Issuer: "https://" + host + "/"}, CreatedAt: b.clock.Now(),
	}))
	email := &connection.Connection{Name: "email", Strategy: connection.Email}
	b.user = user.NewPasswordless(email, ident.ObjectID(), "ada@example.com", b.clock.Now())
	must(t, db.CreateUser(t.Context(), b.tenant, b.user))
	return b
}

// first issues the first token of a family.
func (b *bench) first(t *testing.T) grant.Secret {
	t.Helper()
	token := b.NewToken()
	must(t, b.SaveToken(t.Context(), b.tenant, token, b.FirstToken(b.client, "", grant.RefreshToken{UserID: b.user.ID})))
	return token
}

// found finds a token that may be exchanged.
func (b *bench) found(t *testing.T, token grant.Secret) grant.FoundToken {
	t.Helper()
	f, err := b.FindToken(t.Context(), b.tenant, b.client, token)
	must(t, err)
	return f
}

// exchange uses a found token as one commit and gives the successor.
func (b *bench) exchange(ctx context.Context, f grant.FoundToken) (grant.Secret, error) {
	token := b.NewToken()
	err := b.db.InTx(ctx, func(ctx context.Context) error {
		next, err := b.Exchange(ctx, b.tenant, b.client, f, grant.Device{})
		if err != nil || next == nil {
			return err
		}
		return b.SaveToken(ctx, b.tenant, token, next)
	})
	return token, err
}

func (b *bench) block(t *testing.T) {
	t.Helper()
	u, err := b.db.User(t.Context(), b.tenant, b.user.ID)
	must(t, err)
	u.Blocked = true
	must(t, b.db.UpdateUser(t.Context(), b.tenant, u))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What other nodes commit between finding a token and using it.
func TestExchange_SeesWhatHappenedSinceTheTokenWasFound(t *testing.T) {
	t.Parallel()
	tokens := map[string]func(t *testing.T, b *bench) grant.FoundToken{
		"the newest": func(t *testing.T, b *bench) grant.FoundToken { return b.found(t, b.first(t)) },
		"one within the leeway": func(t *testing.T, b *bench) grant.FoundToken {
			b.client.RefreshToken.Leeway = 10
			token := b.first(t)
			_, err := b.exchange(t.Context(), b.found(t, token))
			must(t, err)
			return b.found(t, token)
		},
		"one that does not rotate": func(t *testing.T, b *bench) grant.FoundToken {
			b.client.RefreshToken.RotationType = "non-rotating"
			return b.found(t, b.first(t))
		},
	}
	none := func(err error) bool { return err == nil }
	blocked := func(err error) bool { return errors.Is(err, user.ErrBlocked) && !errors.Is(err, grant.ErrRefresh) }
	reuse := func(err error) bool { return errors.As(err, new(*grant.Reuse)) }
	dead := func(err error) bool { return errors.Is(err, grant.ErrRefresh) && !reuse(err) }
	for _, c := range []struct {
		name    string
		happens func(t *testing.T, b *bench, f grant.FoundToken)
		want    func(error) bool
	}{
		{"nothing", func(*testing.T, *bench, grant.FoundToken) {}, none},
		{"the user is blocked", func(t *testing.T, b *bench, _ grant.FoundToken) { b.block(t) }, blocked},
		{"the user is deleted", func(t *testing.T, b *bench, _ grant.FoundToken) {
			must(t, b.db.DeleteUser(t.Context(), b.tenant, b.user.ID))
		}, blocked},
		{"the family is revoked", func(t *testing.T, b *bench, f grant.FoundToken) {
			must(t, b.EndFamily(t.Context(), b.tenant, f.FamilyID))
		}, dead},
		{"the family is trimmed", func(t *testing.T, b *bench, _ grant.FoundToken) {
			must(t, b.db.TrimRefreshTokens(t.Context(), b.tenant, b.user.ID, b.client.ID, 0))
		}, dead},
		{"the family goes on", func(t *testing.T, b *bench, f grant.FoundToken) {
			newest := *f.RefreshToken
			if !f.RotatedAt.IsZero() {
				newest.Sequence++
			}
			ok, err := b.db.RotateRefreshToken(t.Context(), b.tenant, []byte("by another node"), &newest, grant.Device{}, b.clock.Now())
			if err != nil || !ok {
				t.Fatalf("rotated %t, error %v", ok, err)
			}
		}, reuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b *bench) {
				for name, issue := range tokens {
					b := newBench(t, b.db)
					f := issue(t, b)
					c.happens(t, b, f)
					if _, err := b.exchange(t.Context(), f); !c.want(err) {
						t.Errorf("%s: got error %v", name, err)
					}
				}
			})
		})
	}
}

func TestExchange_OfManyTokensThatDidNotRotateOneBeginsTo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		b.client.RefreshToken.RotationType = "non-rotating"
		var found []grant.FoundToken
		for range 3 {
			found = append(found, b.found(t, b.first(t)))
		}
		b.client.RefreshToken.RotationType = "rotating"
		outcomes := make(chan error, len(found))
		for _, f := range found {
			go func() {
				_, err := b.exchange(context.Background(), f)
				outcomes <- err
			}()
		}
		won := 0
		for range found {
			switch err := <-outcomes; {
			case err == nil:
				won++
			case !errors.Is(err, grant.ErrRefresh):
				t.Errorf("got error %v, want %v", err, grant.ErrRefresh)
			}
		}
		if won != 1 {
			t.Errorf("%d tokens were exchanged, want 1", won)
		}
	})
}

func TestSpendCode_SeesWhatHappenedSinceTheCodeWasFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		issue := func() grant.FoundCode {
			t.Helper()
			c := &grant.Code{ClientID: b.client.ID, UserID: b.user.ID}
			code := b.NewCode(c, time.Minute)
			must(t, b.SaveCode(t.Context(), b.tenant, code, c))
			f, err := b.FindCode(t.Context(), b.tenant, b.client.ID, code)
			must(t, err)
			return f
		}
		spent, ended, late := issue(), issue(), issue()
		must(t, b.SpendCode(t.Context(), b.tenant, spent))
		if err := b.SpendCode(t.Context(), b.tenant, spent); !errors.Is(err, grant.ErrCode) || errors.Is(err, user.ErrBlocked) {
			t.Errorf("a code that was spent: got error %v", err)
		}
		b.block(t)
		if err := b.SpendCode(t.Context(), b.tenant, late); !errors.Is(err, grant.ErrCode) || !errors.Is(err, user.ErrBlocked) {
			t.Errorf("a blocked user's code: got error %v", err)
		}
		must(t, b.EndAllOf(t.Context(), b.tenant, b.user.ID))
		if err := b.SpendCode(t.Context(), b.tenant, ended); !errors.Is(err, grant.ErrCode) || errors.Is(err, user.ErrBlocked) {
			t.Errorf("a code that was ended: got error %v", err)
		}
	})
}

func TestFindForRevocation_FindsWhatCanNoLongerBeExchanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		replaced := b.first(t)
		newest, err := b.exchange(ctx, b.found(t, replaced))
		must(t, err)
		revoked := b.first(t)
		must(t, b.EndFamily(ctx, b.tenant, b.found(t, revoked).FamilyID))
		idle := b.first(t)
		b.client.RefreshToken.IdleLifetime = 60
		b.clock.Advance(time.Hour)
		for name, token := range map[string]grant.Secret{"replaced": replaced, "newest": newest, "revoked": revoked, "idle": idle} {
			if _, err := b.FindToken(ctx, b.tenant, b.client, token); !errors.Is(err, grant.ErrRefresh) {
				t.Errorf("the %s token may be exchanged: %v", name, err)
			}
			f, err := b.FindForRevocation(ctx, b.tenant, b.client.ID, token)
			if err != nil || f.UserID != b.user.ID {
				t.Errorf("the %s token is not found: %v", name, err)
			}
			if _, err := b.FindForRevocation(ctx, b.tenant, "another client", token); !errors.Is(err, grant.ErrRefresh) {
				t.Errorf("another client finds the %s token: %v", name, err)
			}
			if _, err := b.FindForRevocation(ctx, "another tenant", b.client.ID, token); !errors.Is(err, grant.ErrRefresh) {
				t.Errorf("another tenant finds the %s token: %v", name, err)
			}
		}
		if _, err := b.FindForRevocation(ctx, b.tenant, b.client.ID, "v1.made-up"); !errors.Is(err, grant.ErrRefresh) {
			t.Errorf("got error %v, want %v", err, grant.ErrRefresh)
		}
	})
}
