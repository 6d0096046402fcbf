package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/ident"
	"latchkey/internal/message"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/session"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// both runs a benchmark on each database.
func both(b *testing.B, run func(b *testing.B, db *store.DB, tenantID string)) {
	for name, fresh := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		b.Run(name, func(b *testing.B) {
			db := storetest.Open(b, fresh(b), store.Options{})
			must(b, db.CreateTenant(context.Background(), &tenant.Tenant{
				ID: "tenant", Name: "tenant", Domain: tenant.Domain{Host: "h", Issuer: "https://h/"},
			}))
			b.ReportAllocs()
			before := processorTime(b)
			run(b, db, "tenant")
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processorTime is what this process has used: elapsed time is mostly the disk's, and the database's own on PostgreSQL.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

const people = 2000

func address(i int) string { return fmt.Sprintf("person%d@example.com", i%people) }

func event(typ eventlog.Type, now time.Time, i int) []eventlog.Record {
	return []eventlog.Record{{
		ID: fmt.Sprintf("900%020d", i), Date: now,
		Event: eventlog.Event{
			Type: typ, ClientID: "KzSbPdV9UDJjDrGqCXTJpAbJgvEVnfhS", ClientName: "Sample application", Connection: "email",
			ConnectionID: "con_0000000000000001", Strategy: "email", StrategyType: "passwordless", UserName: address(i),
			Origin: eventlog.Origin{IP: "192.0.2.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) like a browser", RequestID: "0123456789abcdef"},
		},
	}}
}

func challengeOf(i int, now time.Time) *otp.Challenge {
	return &otp.Challenge{
		ID: ident.ObjectID(), Connection: "email", Identifier: address(i), CodeHash: ident.Bytes(32), ClientID: "client",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), MaxWrong: 3,
	}
}

// start does what starting a login by code does in its commit.
func start(ctx context.Context, db *store.DB, tenantID string, i int, now time.Time) error {
	if _, err := db.Attempt(ctx, tenantID, "email", address(i), address(i)); err != nil {
		return err
	}
	hash, payload := ident.Bytes(32), ident.Bytes(400)
	return db.InTx(ctx, func(ctx context.Context) error {
		_, err := db.Mark(ctx, tenantID, now, []protect.Bucket{
			{Key: "send_recipient:" + address(i), Every: time.Second, Burst: 1e6},
			{Key: "send_recipient_day:" + address(i), Every: time.Second, Burst: 1e6},
			{Key: "start_ip:192.0.2.1", Every: time.Millisecond, Burst: 1e6},
		})
		if err != nil {
			return err
		}
		if err := db.PutChallenge(ctx, tenantID, challengeOf(i, now)); err != nil {
			return err
		}
		err = db.InsertMessage(ctx, message.Row{
			Key: message.Key{Tenant: tenantID, ID: fmt.Sprintf("%020d", i)}, Channel: "email", Kind: message.VerificationCode,
			RecipientHash: hash, Payload: payload, State: message.StateQueued, DueAt: now, ExpiresAt: now.Add(time.Hour), CreatedAt: now,
		})
		if err != nil {
			return err
		}
		return storetest.InsertRecords(ctx, db, tenantID, event(eventlog.CodeSent, now, 2*i))
	})
}

// token does what exchanging a code does in its commit.
func token(ctx context.Context, db *store.DB, tenantID string, i int, now time.Time) error {
	a, err := db.Attempt(ctx, tenantID, "email", address(i), address(i))
	if err != nil {
		return err
	}
	hash := ident.Bytes(32)
	return db.InTx(ctx, func(ctx context.Context) error {
		if ok, err := db.SpendChallenge(ctx, tenantID, a.Challenge, address(i), now, otp.Since{}); err != nil || !ok {
			return fmt.Errorf("spent %t: %w", ok, err)
		}
		userID := ""
		known, err := a.User()
		if err != nil {
			return err
		}
		if known == nil {
			c := &connection.Connection{Name: "email", Strategy: connection.Email}
			u := user.NewPasswordless(c, ident.ObjectID(), address(i), now)
			userID = u.ID
			if err := db.CreateUser(ctx, tenantID, u); err != nil {
				return err
			}
		} else {
			userID = known.ID
			if err := db.RecordLogin(ctx, tenantID, userID, user.Login{At: now, IP: "192.0.2.1"}); err != nil {
				return err
			}
		}
		err = db.InsertRefreshToken(ctx, tenantID, hash, &grant.RefreshToken{
			FamilyID: ident.Token(18), Sequence: 1, ClientID: "client", UserID: userID, Audience: "urn:api", Issuer: "https://h/",
			Scope: []string{"openid", "profile", "email", "offline_access"}, Connection: "email", IssuedAt: now, UsedAt: now, AuthTime: now,
		})
		if err != nil {
			return err
		}
		if err := db.TrimRefreshTokens(ctx, tenantID, userID, "client", 200); err != nil {
			return err
		}
		return storetest.InsertRecords(ctx, db, tenantID, event(eventlog.SuccessLogin, now, 2*i+1))
	})
}

// A start and an exchange each ask the database twice and commit once, for known and for new people.
func TestRoundTrips_StayWithinTheBudget(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, fresh(t), store.Options{})
			now := time.Now()
			for i := range 2 {
				for what, do := range []func(context.Context, *store.DB, string, int, time.Time) error{start, token} {
					before := db.Stats()
					if err := do(t.Context(), db, "tenant", i*people, now.Add(time.Duration(i)*time.Second)); err != nil {
						t.Fatal(err)
					}
					if got := db.Stats().Since(before); got.RoundTrips != 3 || got.Commits != 1 {
						t.Errorf("login %d, request %d: got %+v, want 3 round trips and 1 commit", i, what, got)
					}
				}
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	both(b, func(b *testing.B, db *store.DB, tenantID string) {
		i := 0
		for b.Loop() {
			must(b, start(b.Context(), db, tenantID, i, time.Now()))
			i++
		}
	})
}

func BenchmarkStartAndToken(b *testing.B) {
	both(b, func(b *testing.B, db *store.DB, tenantID string) {
		i := 0
		for b.Loop() {
			now := time.Now()
			must(b, start(b.Context(), db, tenantID, i, now))
			must(b, token(b.Context(), db, tenantID, i, now))
			i++
		}
	})
}

func BenchmarkStartAndToken_ByManyAtOnce(b *testing.B) {
	both(b, func(b *testing.B, db *store.DB, tenantID string) {
		var n atomic.Int64
		b.SetParallelism(8)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				i, now := int(n.Add(1)), time.Now()
				must(b, start(b.Context(), db, tenantID, i, now))
				must(b, token(b.Context(), db, tenantID, i, now))
			}
		})
	})
}

func BenchmarkSpendChallenge(b *testing.B) {
	both(b, func(b *testing.B, db *store.DB, tenantID string) {
		i := 0
		for b.Loop() {
			c := challengeOf(i, time.Now())
			must(b, db.InTx(b.Context(), func(ctx context.Context) error {
				if err := db.PutChallenge(ctx, tenantID, c); err != nil {
					return err
				}
				_, err := db.SpendChallenge(ctx, tenantID, c, address(i), c.CreatedAt, otp.Since{})
				return err
			}))
			i++
		}
	})
}

func BenchmarkSessionLookup(b *testing.B) {
	both(b, func(b *testing.B, db *store.DB, tenantID string) {
		now := time.Now()
		hash := ident.Bytes(32)
		must(b, db.InsertSession(b.Context(), tenantID, &session.Session{
			ID: "sid", UserID: "email|1", Methods: []session.Method{{Name: "email", At: now}}, Clients: []string{"client"},
			CreatedAt: now, ExpiresAt: now.Add(time.Hour), IdleExpiresAt: now.Add(time.Hour),
		}, hash))
		for b.Loop() {
			s, err := db.SessionBySecret(b.Context(), tenantID, [][]byte{hash})
			must(b, err)
			if s == nil {
				b.Fatal("no session")
			}
		}
	})
}

func BenchmarkCachedTenant(b *testing.B) {
	both(b, func(b *testing.B, db *store.DB, tenantID string) {
		for b.Loop() {
			_, err := db.Tenant(b.Context(), tenantID)
			must(b, err)
		}
	})
}
