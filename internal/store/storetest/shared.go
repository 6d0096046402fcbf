package storetest

import (
	"fmt"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/protect"
	"latchkey/internal/seal"
	"latchkey/internal/store"
)

var shared = []promise{
	{"AnotherMasterKeysetIsRefused", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		own, err := seal.NewKeyset()
		ok(t, err)
		other, err := seal.NewKeyset()
		ok(t, err)
		rotated, err := own.Rotate()
		ok(t, err)
		ok(t, db.CheckKeyset(ctx, own))
		ok(t, db.CheckKeyset(ctx, own))
		ok(t, db.CheckKeyset(ctx, rotated))
		is(t, db.CheckKeyset(ctx, other), store.ErrKeyset)
		is(t, db.ResealKeyset(ctx, other), store.ErrKeyset)
		ok(t, db.ResealKeyset(ctx, rotated))
		ok(t, db.CheckKeyset(ctx, rotated))
		is(t, db.CheckKeyset(ctx, own), store.ErrKeyset)
	}},
	{"FilesAreWrittenReadListedAndDeletedByPath", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		for i, name := range []string{"a/b", "a/b/c", "a/b%", "a_b", "A/b", "a/bc"} {
			ok(t, db.PutFile(ctx, store.SharedFile{Name: name, Content: []byte(name), Modified: at(i)}))
		}
		ok(t, db.PutFile(ctx, store.SharedFile{Name: "a/b", Content: []byte("new"), Modified: at(9)}))
		got, err := db.File(ctx, "a/b")
		ok(t, err)
		equal(t, "file", got, store.SharedFile{Name: "a/b", Content: []byte("new"), Size: 3, Modified: at(9)})
		_, err = db.File(ctx, "none")
		equal(t, "kind", apierr.KindOf(err), apierr.NotFound)
		names := func(under string) []string {
			files, err := db.Files(ctx, under)
			ok(t, err)
			all := []string{}
			for _, f := range files {
				all = append(all, f.Name)
				if f.Content != nil {
					t.Errorf("file %s was listed with its content", f.Name)
				}
			}
			return all
		}
		equal(t, "all", names(""), []string{"A/b", "a/b", "a/b%", "a/b/c", "a/bc", "a_b"})
		equal(t, "below a", names("a"), []string{"a/b", "a/b%", "a/b/c", "a/bc"})
		equal(t, "below a/b", names("a/b"), []string{"a/b", "a/b/c"})
		equal(t, "below a/b%", names("a/b%"), []string{"a/b%"})
		ok(t, db.DeleteFiles(ctx, "a/b"))
		ok(t, db.DeleteFiles(ctx, "none"))
		ok(t, db.DeleteFiles(ctx, ""))
		equal(t, "left", names(""), []string{"A/b", "a/b%", "a/bc", "a_b"})
	}},
	{"ALeaseHasOneHolder", func(t *testing.T, s *suite) {
		ctx := t.Context()
		take := func(holder string, now, until time.Time) bool {
			got, err := s.db.TakeLease(ctx, "lease", holder, now, until)
			ok(t, err)
			return got
		}
		equal(t, "free", take("a", at(0), at(100)), true)
		equal(t, "held", take("b", at(99), at(200)), false)
		equal(t, "prolonged", take("a", at(99), at(150)), true)
		equal(t, "still held", take("b", at(149), at(250)), false)
		equal(t, "run out", take("b", at(150), at(250)), true)
		ok(t, s.db.ReleaseLease(ctx, "lease", "a"))
		equal(t, "not the holder's to release", take("a", at(151), at(300)), false)
		ok(t, s.db.ReleaseLease(ctx, "lease", "b"))
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, i int) (bool, error) {
			return db.TakeLease(ctx, "lease", fmt.Sprint(i), at(151), at(300))
		})
		equal(t, "winners", won, 1)
	}},
}

var sweeps = []promise{
	{"WhatIsLongExpiredIsDeletedAndNothingElse", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{LogRetention: 24 * time.Hour})
		ctx, id := t.Context(), newTenant(t, db)
		long := at(0).Add(100 * 24 * time.Hour)
		for i, expires := range []time.Time{at(1000), long} {
			c := challenge()
			c.Identifier, c.ExpiresAt = fmt.Sprint(i, "@example.com"), expires
			ok(t, db.PutChallenge(ctx, id, c))
			hash := []byte{byte(i)}
			ok(t, db.InsertCode(ctx, id, hash, &grant.Code{ExpiresAt: expires}))
			ok(t, db.InsertPushed(ctx, id, hash, &grant.Pushed{ExpiresAt: expires}))
			ok(t, db.InsertTransaction(ctx, id, hash, []byte("doc"), expires))
			link := verification()
			link.ExpiresAt = expires
			ok(t, db.InsertTicket(ctx, id, hash, link))
			session := newSession(fmt.Sprint(i), "u")
			session.ExpiresAt, session.IdleExpiresAt = long, expires
			ok(t, db.InsertSession(ctx, id, session, hash))
			r := refreshToken(fmt.Sprint("f", i), 1)
			r.ExpiresAt = expires
			ok(t, db.InsertRefreshToken(ctx, id, hash, r))
			_, err := db.UseAssertion(ctx, id, "c", fmt.Sprint(i), expires)
			ok(t, err)
			_, err = db.Mark(ctx, id, at(0), []protect.Bucket{{Key: fmt.Sprint(i), Every: expires.Sub(at(0)), Burst: 1}})
			ok(t, err)
			_, err = db.CountGuess(ctx, id, "email", fmt.Sprint(i), 1, lock, maxLock, expires, at(-1))
			ok(t, err)
			ok(t, InsertRecords(ctx, db, id, []eventlog.Record{{ID: fmt.Sprint(i), Date: expires, Event: eventlog.Event{Type: "s"}}}))
		}
		endless := refreshToken("endless", 1)
		endless.ExpiresAt = time.Time{}
		ok(t, db.InsertRefreshToken(ctx, id, []byte("endless"), endless))
		early, err := db.Sweep(ctx, at(999))
		ok(t, err)
		equal(t, "deleted before anything expired", early, 0)
		// One of each: eleven tables with the tokens of the dead family, and a log event.
		total := 0
		for range 3 {
			n, err := db.Sweep(ctx, at(0).Add(40*24*time.Hour))
			ok(t, err)
			total += n
		}
		equal(t, "deleted", total, 12)
		got, err := db.Attempt(ctx, id, "email", "1@example.com", "")
		ok(t, err)
		equal(t, "live challenge is there", got.Challenge != nil, true)
		for _, hash := range []string{"\x01", "endless"} {
			token, _, _, err := db.RefreshTokenByHash(ctx, id, hashes(hash))
			ok(t, err)
			equal(t, "live token is there", token != nil, true)
		}
		left, err := db.Events(ctx, id, eventlog.Criteria{}, 10)
		ok(t, err)
		equal(t, "events left", len(left), 1)
	}},
	{"GuessesAreForgottenAfterADayUnlessTheyLocked", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		for subject, limit := range map[string]int{"a@example.com": 1, "nobody": 2} {
			_, err := db.CountGuess(ctx, id, "email", subject, limit, lock, maxLock, at(0), at(-1))
			ok(t, err)
		}
		const day = 24 * time.Hour
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{day, 0}, {day + time.Second, 1}, {29 * day, 0}, {31 * day, 1}} {
			n, err := db.Sweep(ctx, at(0).Add(step.after))
			ok(t, err)
			equal(t, "forgotten after "+step.after.String(), n, step.want)
		}
	}},
	{"ABigTableIsSweptBiteByBite", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		const n = 1300
		for i := 0; i < n; i += 100 {
			var buckets []protect.Bucket
			for j := range 100 {
				buckets = append(buckets, protect.Bucket{Key: fmt.Sprintf("k%05d", i+j), Every: time.Second, Burst: 1})
			}
			_, err := db.Mark(ctx, id, at(0), buckets)
			ok(t, err)
		}
		deleted, err := db.Sweep(ctx, clock.FromMillis(clock.Millis(at(5000))))
		ok(t, err)
		equal(t, "deleted", deleted, n)
	}},
}
