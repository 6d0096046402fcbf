package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/ident"
	"latchkey/internal/message"
	"latchkey/internal/store"
	"latchkey/internal/store/engine"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

var errOurs = errors.New("ours")

var transactions = []promise{
	{"AReturnedErrorUndoesEverythingQueuedWritesIncluded", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.CreateUser(ctx, id, u))
			ok(t, s.db.InsertCode(ctx, id, []byte("hash"), &grant.Code{ExpiresAt: at(1000)}))
			return errOurs
		})
		is(t, err, errOurs)
		_, err = s.db.User(ctx, id, u.ID)
		is(t, err, user.ErrNotFound)
		c, _, err := s.db.CodeByHash(ctx, id, [][]byte{[]byte("hash")})
		ok(t, err)
		equal(t, "code", c, nil)
	}},
	{"APanicUndoesEverything", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		func() {
			defer func() { _ = recover() }()
			_ = s.db.InTx(ctx, func(ctx context.Context) error {
				ok(t, s.db.CreateUser(ctx, id, u))
				panic("ours")
			})
		}()
		_, err := s.db.User(ctx, id, u.ID)
		is(t, err, user.ErrNotFound)
	}},
	{"WritesAreSeenInsideAndNotOutsideBeforeTheCommit", func(t *testing.T, s *suite) {
		outer, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.InTx(outer, func(ctx context.Context) error {
			ok(t, s.db.CreateUser(ctx, id, u))
			ok(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1), IP: "192.0.2.1"}))
			inside, err := s.db.User(ctx, id, u.ID)
			ok(t, err)
			equal(t, "logins seen inside", inside.LoginsCount, 1)
			_, err = s.db.User(outer, id, u.ID)
			is(t, err, user.ErrNotFound)
			return nil
		}))
		_, err := s.db.User(outer, id, u.ID)
		ok(t, err)
	}},
	{"AnInnerTransactionJoinsTheOuterOne", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InTx(ctx, func(ctx context.Context) error { return s.db.CreateUser(ctx, id, u) }))
			return errOurs
		})
		is(t, err, errOurs)
		_, err = s.db.User(ctx, id, u.ID)
		is(t, err, user.ErrNotFound)
	}},
	{"ACollisionRunsTheClosureAgain", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		runs := 0
		ok(t, s.db.InTx(ctx, func(ctx context.Context) error {
			runs++
			ok(t, s.db.CreateUser(ctx, id, u))
			if runs < 3 {
				return engine.ErrRetry
			}
			return nil
		}))
		equal(t, "runs", runs, 3)
		_, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
	}},
	{"CollisionsWithoutEndAreUnavailable", func(t *testing.T, s *suite) {
		err := s.db.InTx(t.Context(), func(context.Context) error { return engine.ErrRetry })
		equal(t, "kind", apierr.KindOf(err), apierr.Unavailable)
	}},
	{"AHiddenDatabaseErrorStillEndsTheTransaction", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		other := person("b@example.com")
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.CreateUser(ctx, id, other))
			ok(t, s.db.CreateUser(ctx, id, u)) // travels with the question
			_, err := s.db.User(ctx, id, u.ID)
			is(t, err, user.ErrExists)
			return nil // as if nothing had happened
		})
		is(t, err, user.ErrExists)
		_, err = s.db.User(ctx, id, other.ID)
		is(t, err, user.ErrNotFound)
	}},
	{"AnErrorOfAQueuedWriteAppearsAtTheCommit", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertCode(ctx, id, []byte("hash"), &grant.Code{}))
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InsertCode(ctx, id, []byte("hash"), &grant.Code{}))
			return nil
		})
		if err == nil {
			t.Fatal("got no error, want the one of the taken hash")
		}
	}},
	{"AContextUsedAfterItsTransactionIsRefused", func(t *testing.T, s *suite) {
		id := s.tenant(t)
		var kept context.Context
		ok(t, s.db.InTx(t.Context(), func(ctx context.Context) error {
			kept = ctx
			return nil
		}))
		if _, err := s.db.User(kept, id, "email|x"); err == nil || errors.Is(err, user.ErrNotFound) {
			t.Fatalf("got error %v, want a refusal", err)
		}
		if err := s.db.RecordLogin(kept, id, "email|x", user.Login{}); err == nil {
			t.Fatal("a queued write was taken after the end of its transaction")
		}
	}},
	{"AnEmptyTransactionCostsNothing", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		before := db.Stats()
		ok(t, db.InTx(t.Context(), func(context.Context) error { return nil }))
		equal(t, "work", db.Stats(), before)
	}},
	{"QueuedWritesTravelWithTheNextQuestionOrTheCommit", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		id := newTenant(t, db)
		before := db.Stats()
		ok(t, db.InTx(t.Context(), func(ctx context.Context) error {
			ok(t, db.InsertCode(ctx, id, []byte("1"), &grant.Code{}))
			ok(t, db.InsertCode(ctx, id, []byte("2"), &grant.Code{}))
			c, _, err := db.CodeByHash(ctx, id, [][]byte{[]byte("2")})
			ok(t, err)
			if c == nil {
				t.Error("the question did not see the writes queued before it")
			}
			ok(t, db.InsertCode(ctx, id, []byte("3"), &grant.Code{}))
			return db.InsertCode(ctx, id, []byte("4"), &grant.Code{})
		}))
		equal(t, "work", db.Stats().Since(before), store.Stats{Statements: 5, Commits: 1, RoundTrips: 2})
	}},
	{"AnErrorOfAQueuedWriteComesWithTheCommit", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		is(t, s.db.InTx(ctx, func(ctx context.Context) error { return s.db.CreateUser(ctx, id, u) }), user.ErrExists)
	}},
	{"ALongTransactionHoldsNobodysReads", func(t *testing.T, s *suite) {
		outer, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(outer, id, u))
		ok(t, s.db.InTx(outer, func(ctx context.Context) error {
			ok(t, s.db.DeleteUser(ctx, id, u.ID))
			_, err := s.db.User(outer, id, u.ID)
			return err
		}))
	}},
	{"AWaitThatIsTooLongIsUnavailable", func(t *testing.T, s *suite) {
		// What happens to a write with the outer context inside a transaction: it must not wait for ever.
		db := s.alone(t, store.Options{Wait: 50 * time.Millisecond, MaxConns: 1})
		outer, id := t.Context(), newTenant(t, db)
		ok(t, db.InTx(outer, func(ctx context.Context) error {
			u := person("a@example.com")
			ok(t, db.CreateUser(ctx, id, u))
			_, err := db.User(ctx, id, u.ID) // now the transaction holds the writer
			ok(t, err)
			err = db.CreateUser(outer, id, person("b@example.com"))
			equal(t, "kind", apierr.KindOf(err), apierr.Unavailable)
			return nil
		}))
		ok(t, db.CreateUser(outer, id, person("b@example.com")))
	}},
	{"ManyWritersAllSucceed", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		n := race(t, s.twoNodes(t), 64, func(db *store.DB, _ int) (bool, error) {
			return true, db.InTx(ctx, func(ctx context.Context) error {
				return db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1)})
			})
		})
		got, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "logins", got.LoginsCount, n)
	}},
	{"TransactionsAtOnceKeepTheirOwnOutcomes", func(t *testing.T, s *suite) {
		// Those that queue may be committed together; what one of them undoes is its own.
		ctx, id := t.Context(), s.tenant(t)
		hash := func(i int, second bool) []byte { return []byte(fmt.Sprint(i, second)) }
		race(t, s.twoNodes(t), 60, func(db *store.DB, i int) (bool, error) {
			err := db.InTx(ctx, func(ctx context.Context) error {
				if err := db.InsertCode(ctx, id, hash(i, false), &grant.Code{}); err != nil {
					return err
				}
				if _, _, err := db.CodeByHash(ctx, id, [][]byte{hash(i, false)}); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return errOurs
				case 2: // taken by itself: the database undoes it
					_ = db.InsertCode(ctx, id, hash(i, false), &grant.Code{})
				}
				return db.InsertCode(ctx, id, hash(i, true), &grant.Code{})
			})
			if (err == nil) != (i%3 == 0) {
				return false, fmt.Errorf("got outcome %v", err)
			}
			return true, nil
		})
		for i := range 60 {
			for _, second := range []bool{false, true} {
				c, _, err := s.db.CodeByHash(ctx, id, [][]byte{hash(i, second)})
				ok(t, err)
				equal(t, fmt.Sprintf("write of transaction %d is there", i), c != nil, i%3 == 0)
			}
		}
	}},
	{"TextThatOneDatabaseCannotKeepIsRefusedByBoth", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, text := range []string{"a\x00b", "\xff", "a\xc3"} {
			_, err := s.db.Client(ctx, id, text)
			is(t, err, client.ErrNotFound)
			_, err = s.db.Site(ctx, text)
			is(t, err, tenant.ErrNotFound)
			_, err = s.db.User(ctx, id, text)
			is(t, err, user.ErrNotFound)
			u, _, err := s.db.Find(ctx, id, text, text)
			ok(t, err)
			equal(t, "user", u, nil)
			a, err := s.db.Attempt(ctx, id, "email", text, text)
			ok(t, err)
			nobody(t, a)
			_, err = s.db.CountGuess(ctx, id, "email", text, 9, time.Minute, time.Hour, at(0), at(0))
			equal(t, "kind", apierr.KindOf(err), apierr.Invalid)
			err = s.db.InTx(ctx, func(ctx context.Context) error { return s.db.ResetGuesses(ctx, id, "email", text) })
			equal(t, "kind", apierr.KindOf(err), apierr.Invalid)

			// What only people read is made readable instead.
			session := newSession(ident.SessionID(), "u")
			session.UserAgent = text
			ok(t, s.db.InsertSession(ctx, id, session, []byte(session.ID)))
			got, err := s.db.SessionBySecret(ctx, id, [][]byte{[]byte(session.ID)})
			ok(t, err)
			equal(t, "user agent is kept", strings.Contains(got.UserAgent, "\uFFFD"), true)
			row := messageRow(id, ident.ObjectID())
			row.LastError = text
			ok(t, s.db.InsertMessage(ctx, row))
			ok(t, s.db.FinishMessages(ctx, "me", []message.Outcome{{Key: row.Key, State: message.StateFailed, LastError: text}}))
			ok(t, InsertRecords(ctx, s.db, id, []eventlog.Record{{ID: row.ID, Event: eventlog.Event{
				Type: "f", Description: text, Origin: eventlog.Origin{UserAgent: text}, Details: map[string]any{text: text},
			}}}))
		}
	}},
}
