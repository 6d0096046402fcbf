package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey/internal/ident"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

const (
	lock    = 10 * time.Minute
	maxLock = 35 * time.Minute
)

// challenge is a live code for a@example.com.
func challenge() *otp.Challenge {
	return &otp.Challenge{
		ID: ident.ObjectID(), Connection: "email", Identifier: "a@example.com", CodeHash: []byte{1, 2, 3}, ClientID: "c", Transaction: "t",
		CreatedAt: at(0), ExpiresAt: at(180_000), MaxWrong: 3,
	}
}

// linkChallenge is a live challenge that carries a link.
func linkChallenge() *otp.Challenge {
	c := challenge()
	c.LinkHash, c.NumberHash, c.Request = []byte{4, 5, 6}, []byte{7, 8, 9}, []byte("sealed")
	return c
}

// stored is the challenge of a@example.com as it is now.
func stored(t *testing.T, s *suite, tenantID string) *otp.Challenge {
	t.Helper()
	got, err := s.db.Attempt(t.Context(), tenantID, "email", "a@example.com", "a@example.com")
	ok(t, err)
	return got.Challenge
}

// nobody checks an attempt on an identifier of which nothing is known.
func nobody(t *testing.T, got otp.Attempt) {
	t.Helper()
	u, err := got.User()
	ok(t, err)
	equal(t, "user", u, nil)
	got.User = nil
	equal(t, "attempt", got, otp.Attempt{})
}

var locks = []promise{
	{"LocksOfAnIdentifierAreListedAndForgotten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		guess := func(connection, subject string, limit int, now time.Time) {
			t.Helper()
			_, err := s.db.CountGuess(ctx, id, connection, subject, limit, lock, maxLock, now, at(-1))
			ok(t, err)
		}
		guess("email", "a@example.com", 1, at(0))
		guess("email", "a@example.com device", 1, at(1))
		guess("db", "a@example.com", 1, at(2))
		guess("email", "a@example.com.au", 1, at(3))
		guess("email", "b@example.com", 1, at(4))
		guess("sms", "a@example.com", 5, at(5)) // counted, not locked
		list := func(tenantID, connection, identifier string, now time.Time, limit int) []otp.Lock {
			t.Helper()
			got, err := s.db.Locks(ctx, tenantID, connection, identifier, now, limit)
			ok(t, err)
			return got
		}
		until := func(ms int) time.Time { return at(ms).Add(lock) }
		all := []otp.Lock{
			{Connection: "db", Identifier: "a@example.com", Until: until(2)}, {Connection: "email", Identifier: "a@example.com", Until: until(0)},
			{Connection: "email", Identifier: "a@example.com", Until: until(1)},
		}
		equal(t, "all", list(id, "", "a@example.com", at(9), 10), all)
		equal(t, "the first", list(id, "", "a@example.com", at(9), 1), all[:1])
		equal(t, "at one connection", list(id, "email", "a@example.com", at(9), 10), all[1:])
		equal(t, "when the first has ended", list(id, "email", "a@example.com", until(0), 10), all[2:])
		equal(t, "of nobody", list(id, "", "c@example.com", at(9), 10), nil)
		equal(t, "of a longer name's beginning", list(id, "", "a@example.co", at(9), 10), nil)
		equal(t, "of another tenant", list(s.tenant(t), "", "a@example.com", at(9), 10), nil)
		forget := func(tenantID, connection, identifier string, want int) {
			t.Helper()
			n, err := s.db.ForgetLocks(ctx, tenantID, connection, identifier, until(0))
			ok(t, err)
			equal(t, "locks ended", n, want)
		}
		forget(s.tenant(t), "", "a@example.com", 0)
		forget(id, "sms", "a@example.com", 0)
		forget(id, "email", "a@example.com", 1) // of two one had ended
		equal(t, "left", list(id, "", "a@example.com", at(9), 10), all[:1])
		forget(id, "", "a@example.com", 1)
		forget(id, "", "a@example.com", 0)
		equal(t, "left of others", len(list(id, "", "b@example.com", at(9), 10)), 1)
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "guesses that are left", got.Guesses, otp.Guesses{})
		got, err = s.db.Attempt(ctx, id, "sms", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "guesses where nothing was locked", got.Guesses.Wrong, 1)
	}},
}

var otps = []promise{
	{"AnAttemptTellsEverythingThatIsKnown", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		gone := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, gone))
		ok(t, s.db.DeleteUser(ctx, id, gone.ID))
		u, c := person("a@example.com"), challenge()
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.PutChallenge(ctx, id, c))
		g, err := s.db.CountGuess(ctx, id, c.Connection, c.Identifier, 1, lock, maxLock, at(0), at(-1))
		ok(t, err)
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		want, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		owner, err := got.User()
		ok(t, err)
		equal(t, "user", owner, want)
		got.User = nil
		equal(t, "attempt", got, otp.Attempt{Challenge: c, Guesses: g, Known: true, Deletions: 1})
		want.Blocked = true
		ok(t, s.db.UpdateUser(ctx, id, want))
		got, err = s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "blocked", got.Blocked, true)
	}},
	{"AnAttemptOnNothingIsEmptyAndCostsTheSame", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		ok(t, db.CreateUser(ctx, id, person("a@example.com")))
		ok(t, db.PutChallenge(ctx, id, challenge()))
		cost := func(tenantID, connection, identifier string) store.Stats {
			before := db.Stats()
			got, err := db.Attempt(ctx, tenantID, connection, identifier, identifier)
			ok(t, err)
			if identifier != "a@example.com" || tenantID != id {
				nobody(t, got)
			}
			return db.Stats().Since(before)
		}
		want := cost(id, "email", "a@example.com")
		equal(t, "work for nobody", cost(id, "email", "b@example.com"), want)
		equal(t, "work in another tenant", cost(newTenant(t, db), "email", "a@example.com"), want)
	}},
	{"ANewChallengeTakesThePlaceOfTheOlder", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		older, newer := challenge(), challenge()
		older.Wrong = 2
		ok(t, s.db.PutChallenge(ctx, id, older))
		ok(t, s.db.PutChallenge(ctx, id, newer))
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "challenge", got.Challenge, newer)
		spent, err := s.db.SpendChallenge(ctx, id, older, older.Identifier, at(1), otp.Since{})
		ok(t, err)
		equal(t, "older one spent", spent, false)
		_, counted, err := s.db.CountWrong(ctx, id, older)
		ok(t, err)
		equal(t, "try of the older one counted", counted, false)
	}},
	// Starts side by side once wrote over each other, and the messages of all but one were never cancelled.
	{"AChallengeIsReplacedOnlyByWhoeverHasSeenIt", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		older, newer := challenge(), linkChallenge()
		refused := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, otp.ErrOvertaken) {
				t.Errorf("%s: got %v, want ErrOvertaken", what, err)
			}
		}
		ok(t, s.db.ReplaceChallenge(ctx, id, older, "gone")) // it was there and was ended
		refused("seen none", s.db.ReplaceChallenge(ctx, id, newer, ""))
		refused("seen another", s.db.ReplaceChallenge(ctx, id, newer, "another"))
		equal(t, "challenge", stored(t, s, id), older)
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			u := person("b@example.com")
			if err := s.db.CreateUser(ctx, id, u); err != nil {
				return err
			}
			return s.db.ReplaceChallenge(ctx, id, newer, "")
		})
		refused("in a transaction", err)
		u, _, err := s.db.Find(ctx, id, "email", "b@example.com")
		ok(t, err)
		equal(t, "what else the transaction wrote", u, nil)
		ok(t, s.db.ReplaceChallenge(ctx, id, newer, older.ID))
		equal(t, "challenge", stored(t, s, id), newer)
		for _, before := range []string{"", newer.ID} {
			id := s.tenant(t)
			if before != "" {
				ok(t, s.db.PutChallenge(ctx, id, newer))
			}
			won := race(t, s.twoNodes(t), 16, func(db *store.DB, _ int) (bool, error) {
				err := db.ReplaceChallenge(ctx, id, challenge(), before)
				if errors.Is(err, otp.ErrOvertaken) {
					return false, nil
				}
				return err == nil, err
			})
			equal(t, "winners", won, 1)
		}
	}},
	{"AnApprovalAndACheckAreLookedAtOnceMoreAsTheChallengeIsSpent", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for _, c := range []struct {
			what  string
			since otp.Since
			want  bool
		}{
			{"nothing asked", otp.Since{}, true},
			{"as lately as asked", otp.Since{Approved: at(10), Checked: at(20)}, true},
			{"approved too early", otp.Since{Approved: at(11)}, false},
			{"checked too early", otp.Since{Checked: at(21)}, false},
		} {
			id, live := s.tenant(t), challenge()
			live.ApprovedAt, live.CheckedAt = at(10), at(20)
			ok(t, s.db.PutChallenge(ctx, id, live))
			spent, err := s.db.SpendChallenge(ctx, id, live, live.Identifier, at(30), c.since)
			ok(t, err)
			equal(t, c.what+": spent", spent, c.want)
		}
	}},
	{"AChallengeIsSpentOnceAndRemembersIt", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := challenge()
		ok(t, s.db.PutChallenge(ctx, id, c))
		won := race(t, s.twoNodes(t), 32, func(db *store.DB, _ int) (bool, error) {
			return db.SpendChallenge(ctx, id, c, c.Identifier, at(7), otp.Since{})
		})
		equal(t, "winners", won, 1)
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "consumed", got.Challenge.ConsumedAt, at(7))
		_, counted, err := s.db.CountWrong(ctx, id, c)
		ok(t, err)
		equal(t, "try after it was spent", counted, false)
	}},
	{"ASpentChallengeIsSpentOnlyWhileAllHolds", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			prepare func(t *testing.T, id string, c *otp.Challenge)
			now     time.Time
			want    bool
		}{
			"in its last millisecond": {now: at(179_999), want: true},
			"when it expires":         {now: at(180_000)},
			"with one try left": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				for range 2 {
					_, counted, err := s.db.CountWrong(ctx, id, c)
					ok(t, err)
					equal(t, "counted", counted, true)
				}
			}},
			"with no tries left": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				for range 3 {
					_, _, err := s.db.CountWrong(ctx, id, c)
					ok(t, err)
				}
			}},
			"with wrong guesses but no lock": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, c.Identifier, 2, lock, maxLock, at(0), at(-1))
				ok(t, err)
			}},
			"locked": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, c.Identifier, 1, lock, maxLock, at(0), at(-1))
				ok(t, err)
			}},
			"another identifier locked": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, "b@example.com", 1, lock, maxLock, at(0), at(-1))
				ok(t, err)
			}},
			"another subject of it locked": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, c.Identifier+" device", 1, lock, maxLock, at(0), at(-1))
				ok(t, err)
			}},
			"after the lock": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, c.Identifier, 1, time.Second, maxLock, at(-2000), at(-5000))
				ok(t, err)
			}},
			"its user blocked": {prepare: func(t *testing.T, id string, _ *otp.Challenge) {
				u := person("a@example.com")
				u.Blocked = true
				ok(t, s.db.CreateUser(ctx, id, u))
			}},
			"its user not blocked": {want: true, prepare: func(t *testing.T, id string, _ *otp.Challenge) {
				ok(t, s.db.CreateUser(ctx, id, person("a@example.com")))
			}},
			"another user blocked": {want: true, prepare: func(t *testing.T, id string, _ *otp.Challenge) {
				u := person("b@example.com")
				u.Blocked = true
				ok(t, s.db.CreateUser(ctx, id, u))
			}},
			"killed": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				ok(t, s.db.KillChallenge(ctx, id, c.Connection, c.Identifier, c.ID))
			}},
			"another one killed": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				ok(t, s.db.KillChallenge(ctx, id, c.Connection, c.Identifier, "other"))
			}},
		} {
			t.Run(name, func(t *testing.T) {
				id, code := s.tenant(t), challenge()
				ok(t, s.db.PutChallenge(ctx, id, code))
				if c.prepare != nil {
					c.prepare(t, id, code)
				}
				now := c.now
				if now.IsZero() {
					now = at(1)
				}
				elsewhere, err := s.db.SpendChallenge(ctx, s.tenant(t), code, code.Identifier, now, otp.Since{})
				ok(t, err)
				equal(t, "spent in another tenant", elsewhere, false)
				spent, err := s.db.SpendChallenge(ctx, id, code, code.Identifier, now, otp.Since{})
				ok(t, err)
				equal(t, "spent", spent, c.want)
			})
		}
	}},
	{"OfManyWrongTriesNoMoreAreCountedThanThereAre", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := challenge()
		ok(t, s.db.PutChallenge(ctx, id, c))
		counted := race(t, s.twoNodes(t), 16, func(db *store.DB, _ int) (bool, error) {
			_, counted, err := db.CountWrong(ctx, id, c)
			return counted, err
		})
		equal(t, "counted", counted, 3)
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "wrong", got.Challenge.Wrong, 3)
	}},
	{"AChallengeKeepsItsLinkItsNumberAndItsRequest", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := linkChallenge()
		ok(t, s.db.PutChallenge(ctx, id, c))
		equal(t, "challenge", stored(t, s, id), c)
		ok(t, s.db.PutChallenge(ctx, id, challenge()))
		got := stored(t, s, id)
		equal(t, "link of a newer code", got.LinkHash, nil)
		equal(t, "number of a newer code", got.NumberHash, nil)
		equal(t, "request of a newer code", got.Request, nil)
	}},
	{"ANewChallengeForgetsWhatTheOlderWasTold", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		older, newer := linkChallenge(), linkChallenge()
		ok(t, s.db.PutChallenge(ctx, id, older))
		ok(t, s.db.MarkChecked(ctx, id, older, older.Identifier, at(1)))
		_, _, err := s.db.CountWrongNumber(ctx, id, older, 2, at(1))
		ok(t, err)
		approved, err := s.db.ApproveChallenge(ctx, id, older, 2, at(2))
		ok(t, err)
		equal(t, "approved", approved, true)
		ok(t, s.db.PutChallenge(ctx, id, newer))
		ok(t, s.db.MarkChecked(ctx, id, older, older.Identifier, at(3)))
		_, counted, err := s.db.CountWrongNumber(ctx, id, older, 2, at(1))
		ok(t, err)
		approved, err = s.db.ApproveChallenge(ctx, id, older, 2, at(3))
		ok(t, err)
		equal(t, "wrong number of the older one counted", counted, false)
		equal(t, "older one approved", approved, false)
		equal(t, "newer one", stored(t, s, id), newer)
	}},
	{"ACheckIsNotedWhileTheChallengeIsNotSpent", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := linkChallenge()
		ok(t, s.db.PutChallenge(ctx, id, c))
		ok(t, s.db.MarkChecked(ctx, s.tenant(t), c, c.Identifier, at(1)))
		equal(t, "checked in another tenant", stored(t, s, id).CheckedAt, time.Time{})
		ok(t, s.db.MarkChecked(ctx, id, c, c.Identifier, at(2)))
		ok(t, s.db.MarkChecked(ctx, id, c, c.Identifier, at(3)))
		equal(t, "checked", stored(t, s, id).CheckedAt, at(3))
		spent, err := s.db.SpendChallenge(ctx, id, c, c.Identifier, at(4), otp.Since{})
		ok(t, err)
		equal(t, "spent", spent, true)
		ok(t, s.db.MarkChecked(ctx, id, c, c.Identifier, at(5)))
		equal(t, "checked after it was spent", stored(t, s, id).CheckedAt, at(3))
	}},
	// What nobody could spend any more was once still marked, and its wrong numbers were still counted.
	{"ADeadChallengeIsNeitherMarkedNorCounted", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			prepare func(t *testing.T, id string, c *otp.Challenge)
			now     time.Time
			marked  bool
			counted bool
		}{
			"in its last millisecond": {now: at(179_999), marked: true, counted: true},
			"when it expires":         {now: at(180_000)},
			"with no tries left": {now: at(1), prepare: func(t *testing.T, id string, c *otp.Challenge) {
				for range 3 {
					_, _, err := s.db.CountWrong(ctx, id, c)
					ok(t, err)
				}
			}},
			"while the subject is locked": {now: at(1), counted: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, c.Identifier, 1, lock, maxLock, at(0), at(-1))
				ok(t, err)
			}},
			"while another subject is locked": {now: at(1), marked: true, counted: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.CountGuess(ctx, id, c.Connection, "b@example.com", 1, lock, maxLock, at(0), at(-1))
				ok(t, err)
			}},
		} {
			t.Run(name, func(t *testing.T) {
				id, link := s.tenant(t), linkChallenge()
				ok(t, s.db.PutChallenge(ctx, id, link))
				if c.prepare != nil {
					c.prepare(t, id, link)
				}
				ok(t, s.db.MarkChecked(ctx, id, link, link.Identifier, c.now))
				equal(t, "marked", stored(t, s, id).CheckedAt.Equal(c.now), c.marked)
				_, counted, err := s.db.CountWrongNumber(ctx, id, link, 2, c.now)
				ok(t, err)
				equal(t, "counted", counted, c.counted)
			})
		}
	}},
	{"ALinkIsApprovedOnceAndOnlyWhileAllHolds", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			prepare func(t *testing.T, id string, c *otp.Challenge)
			now     time.Time
			want    bool
		}{
			"in its last millisecond": {now: at(179_999), want: true},
			"when it expires":         {now: at(180_000)},
			"after one wrong number": {want: true, prepare: func(t *testing.T, id string, c *otp.Challenge) {
				wrong, counted, err := s.db.CountWrongNumber(ctx, id, c, 2, at(1))
				ok(t, err)
				equal(t, "counted", counted, true)
				equal(t, "wrong numbers", wrong, 1)
			}},
			"after two wrong numbers": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				for range 2 {
					_, _, err := s.db.CountWrongNumber(ctx, id, c, 2, at(1))
					ok(t, err)
				}
			}},
			"with no tries of its code left": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				for range 3 {
					_, _, err := s.db.CountWrong(ctx, id, c)
					ok(t, err)
				}
			}},
			"spent": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				_, err := s.db.SpendChallenge(ctx, id, c, c.Identifier, at(0), otp.Since{})
				ok(t, err)
			}},
			"killed": {prepare: func(t *testing.T, id string, c *otp.Challenge) {
				ok(t, s.db.KillChallenge(ctx, id, c.Connection, c.Identifier, c.ID))
			}},
		} {
			t.Run(name, func(t *testing.T) {
				id, link := s.tenant(t), linkChallenge()
				ok(t, s.db.PutChallenge(ctx, id, link))
				if c.prepare != nil {
					c.prepare(t, id, link)
				}
				now := c.now
				if now.IsZero() {
					now = at(1)
				}
				elsewhere, err := s.db.ApproveChallenge(ctx, s.tenant(t), link, 2, now)
				ok(t, err)
				equal(t, "approved in another tenant", elsewhere, false)
				won := race(t, s.twoNodes(t), 8, func(db *store.DB, _ int) (bool, error) {
					return db.ApproveChallenge(ctx, id, link, 2, now)
				})
				equal(t, "approvals", won == 1, c.want)
				_, counted, err := s.db.CountWrongNumber(ctx, id, link, 2, at(1))
				ok(t, err)
				if c.want {
					equal(t, "approved", stored(t, s, id).ApprovedAt, now)
					equal(t, "wrong number after the approval", counted, false)
				}
			})
		}
	}},
	{"OfManyWrongNumbersNoMoreAreCountedThanThereAre", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := linkChallenge()
		ok(t, s.db.PutChallenge(ctx, id, c))
		counted := race(t, s.twoNodes(t), 16, func(db *store.DB, _ int) (bool, error) {
			_, counted, err := db.CountWrongNumber(ctx, id, c, 2, at(1))
			return counted, err
		})
		equal(t, "counted", counted, 2)
		equal(t, "wrong numbers", stored(t, s, id).WrongNumber, 2)
		spent, err := s.db.SpendChallenge(ctx, id, c, c.Identifier, at(1), otp.Since{})
		ok(t, err)
		equal(t, "its code can still be spent", spent, true)
	}},
	{"GuessesLockForLongerEachTime", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		guess := func(now, forget time.Time) otp.Guesses {
			t.Helper()
			g, err := s.db.CountGuess(ctx, id, "email", "a@example.com", 2, lock, maxLock, now, forget)
			ok(t, err)
			return g
		}
		never := at(-1_000_000)
		for i, want := range []otp.Guesses{
			{Wrong: 1},
			{LockedUntil: at(1).Add(lock), Locks: 1},
			{Wrong: 1, LockedUntil: at(1).Add(lock), Locks: 1},
			{LockedUntil: at(3).Add(2 * lock), Locks: 2},
			{Wrong: 1, LockedUntil: at(3).Add(2 * lock), Locks: 2},
			{LockedUntil: at(5).Add(maxLock), Locks: 3},
			{Wrong: 1, LockedUntil: at(5).Add(maxLock), Locks: 3},
			{LockedUntil: at(7).Add(maxLock), Locks: 4},
		} {
			equal(t, fmt.Sprintf("guesses after %d", i+1), guess(at(i), never), want)
		}
		later := at(7).Add(maxLock + time.Hour)
		equal(t, "guesses after the locks are forgotten", guess(later, later.Add(-time.Minute)), otp.Guesses{Wrong: 1})
		equal(t, "next lock", guess(later, later.Add(-time.Minute)), otp.Guesses{LockedUntil: later.Add(lock), Locks: 1})
	}},
	{"ManyLocksDoNotOverflow", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for i := range 70 {
			g, err := s.db.CountGuess(ctx, id, "email", "a@example.com", 1, lock, 24*time.Hour, at(i), at(-1))
			ok(t, err)
			if g.LockedUntil.After(at(i).Add(24*time.Hour)) || g.LockedUntil.Before(at(i).Add(lock)) {
				t.Fatalf("lock %d lasts until %s", i+1, g.LockedUntil)
			}
		}
	}},
	{"ResettingForgetsGuessesAndKeepsLocks", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.ResetGuesses(ctx, id, "email", "a@example.com"))
		for i := range 3 {
			_, err := s.db.CountGuess(ctx, id, "email", "a@example.com", 2, lock, maxLock, at(i), at(-1))
			ok(t, err)
		}
		ok(t, s.db.ResetGuesses(ctx, s.tenant(t), "email", "a@example.com"))
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "guesses", got.Guesses, otp.Guesses{Wrong: 1, Locks: 1, LockedUntil: at(1).Add(lock)})
		ok(t, s.db.ResetGuesses(ctx, id, "email", "a@example.com"))
		got, err = s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "guesses", got.Guesses, otp.Guesses{Locks: 1, LockedUntil: at(1).Add(lock)})
	}},
	{"SubjectsAreCountedApart", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := challenge()
		ok(t, s.db.PutChallenge(ctx, id, c))
		const device = "a@example.com device"
		locked, err := s.db.CountGuess(ctx, id, "email", c.Identifier, 1, lock, maxLock, at(0), at(-1))
		ok(t, err)
		counted, err := s.db.CountGuess(ctx, id, "email", device, 3, lock, maxLock, at(0), at(-1))
		ok(t, err)
		for subject, want := range map[string]otp.Guesses{c.Identifier: locked, device: counted, "a@example.com other": {}} {
			got, err := s.db.Attempt(ctx, id, "email", c.Identifier, subject)
			ok(t, err)
			equal(t, "challenge of "+subject, got.Challenge, c)
			equal(t, "guesses of "+subject, got.Guesses, want)
		}
		ok(t, s.db.ResetGuesses(ctx, id, "email", device))
		got, err := s.db.Attempt(ctx, id, "email", c.Identifier, c.Identifier)
		ok(t, err)
		equal(t, "guesses after another subject's were forgotten", got.Guesses, locked)
		spent, err := s.db.SpendChallenge(ctx, id, c, c.Identifier, at(1), otp.Since{})
		ok(t, err)
		equal(t, "spent by the locked subject", spent, false)
		spent, err = s.db.SpendChallenge(ctx, id, c, device, at(1), otp.Since{})
		ok(t, err)
		equal(t, "spent by the other", spent, true)
	}},
	{"ManyGuessesAtOnceAreAllCounted", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		race(t, s.twoNodes(t), 20, func(db *store.DB, _ int) (bool, error) {
			_, err := db.CountGuess(ctx, id, "email", "a@example.com", 100, lock, maxLock, at(0), at(-1))
			return err == nil, err
		})
		got, err := s.db.Attempt(ctx, id, "email", "a@example.com", "a@example.com")
		ok(t, err)
		equal(t, "wrong", got.Guesses.Wrong, 20)
	}},
	{"BlockingAUserKillsTheCodeThatIsOnItsWay", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u, c := person("a@example.com"), challenge()
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.PutChallenge(ctx, id, c))
		stored, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		stored.Blocked = true
		ok(t, s.db.UpdateUser(ctx, id, stored))
		spent, err := s.db.SpendChallenge(ctx, id, c, c.Identifier, at(1), otp.Since{})
		ok(t, err)
		equal(t, "spent", spent, false)
		is(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1)}), user.ErrBlocked)
	}},
}

var limits = []promise{
	{"ABucketHoldsItsBurstAndDrains", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		mark := func(now time.Time) protect.Level {
			t.Helper()
			levels, err := s.db.Mark(ctx, id, now, []protect.Bucket{{Key: "k", Every: time.Second, Burst: 3}})
			ok(t, err)
			return levels[0]
		}
		equal(t, "first", mark(at(0)), protect.Level{Key: "k", Remaining: 2, Reset: at(1000)})
		equal(t, "second", mark(at(0)), protect.Level{Key: "k", Remaining: 1, Reset: at(2000)})
		equal(t, "third, half a mark later", mark(at(500)), protect.Level{Key: "k", Remaining: 0, Reset: at(3000)})
		equal(t, "fourth", mark(at(500)), protect.Level{Key: "k", Over: true, Reset: at(3000), RetryAt: at(1000)})
		other, err := s.db.Mark(ctx, s.tenant(t), at(0), []protect.Bucket{{Key: "k", Every: time.Second, Burst: 3}})
		ok(t, err)
		equal(t, "of another tenant", other[0].Remaining, 2)
		equal(t, "long after", mark(at(60_000)), protect.Level{Key: "k", Remaining: 2, Reset: at(61_000)})
	}},
	{"LevelsComeInTheOrderAsked", func(t *testing.T, s *suite) {
		levels, err := s.db.Mark(t.Context(), s.tenant(t), at(0), []protect.Bucket{
			{Key: "b", Every: time.Second, Burst: 10}, {Key: "c", Every: time.Second, Burst: 1}, {Key: "a", Every: time.Minute, Burst: 5},
		})
		ok(t, err)
		equal(t, "levels", levels, []protect.Level{
			{Key: "b", Remaining: 9, Reset: at(1000)}, {Key: "c", Remaining: 0, Reset: at(1000)}, {Key: "a", Remaining: 4, Reset: at(60_000)},
		})
		none, err := s.db.Mark(t.Context(), s.tenant(t), at(0), nil)
		ok(t, err)
		equal(t, "levels of no buckets", len(none), 0)
	}},
	{"SeveralBucketsAreOneStatement", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		id := newTenant(t, db)
		before := db.Stats()
		_, err := db.Mark(t.Context(), id, at(0), []protect.Bucket{{Key: "b", Every: 1, Burst: 1}, {Key: "a", Every: 1, Burst: 1}})
		ok(t, err)
		equal(t, "statements", db.Stats().Statements-before.Statements, 1)
	}},
	{"ABucketThatIsOnlyAskedKeepsItsLevel", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		b := protect.Bucket{Key: "k", Every: time.Minute, Burst: 2}
		asked := b
		asked.AskOnly = true
		for i, step := range []struct {
			bucket    protect.Bucket
			remaining int
			over      bool
		}{{asked, 1, false}, {asked, 1, false}, {b, 1, false}, {asked, 0, false}, {b, 0, false}, {asked, 0, true}, {asked, 0, true}} {
			levels, err := s.db.Mark(ctx, id, at(0), []protect.Bucket{step.bucket})
			ok(t, err)
			if l := levels[0]; l.Over != step.over || !step.over && l.Remaining != step.remaining {
				t.Errorf("step %d: got %+v, want %+v", i, l, step)
			}
		}
		levels, err := s.db.Mark(ctx, id, at(0).Add(time.Minute), []protect.Bucket{b})
		ok(t, err)
		equal(t, "a mark a minute later is over", levels[0].Over, false)
	}},
	{"EmptiedBucketsHoldTheirBurstAgain", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		buckets := []protect.Bucket{{Key: "a", Every: time.Minute, Burst: 1}, {Key: "b", Every: time.Minute, Burst: 1}, {Key: "c", Every: time.Minute, Burst: 1}}
		_, err := s.db.Mark(ctx, id, at(0), buckets)
		ok(t, err)
		ok(t, s.db.EmptyBuckets(ctx, s.tenant(t), []string{"a", "b", "c"}))
		ok(t, s.db.EmptyBuckets(ctx, id, nil))
		ok(t, s.db.EmptyBuckets(ctx, id, []string{"a", "b", "none"}))
		levels, err := s.db.Mark(ctx, id, at(0), buckets)
		ok(t, err)
		for i, over := range []bool{false, false, true} {
			equal(t, "bucket "+levels[i].Key+" is over", levels[i].Over, over)
		}
	}},
	{"OfManyMarksAtOnceNoMoreFitThanTheBucketHolds", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		fit := race(t, s.twoNodes(t), 24, func(db *store.DB, i int) (bool, error) {
			// Two orders: transactions that want the same buckets must not wait for each other in a circle.
			buckets := []protect.Bucket{{Key: "a", Every: time.Minute, Burst: 5}, {Key: "b", Every: time.Minute, Burst: 50}}
			if i%4 < 2 {
				buckets[0], buckets[1] = buckets[1], buckets[0]
			}
			return markAndUndo(ctx, db, id, buckets)
		})
		equal(t, "marks that fit", fit, 5)
		levels, err := s.db.Mark(ctx, id, at(0), []protect.Bucket{{Key: "b", Every: time.Minute, Burst: 50}})
		ok(t, err)
		equal(t, "left in the other bucket: refused marks counted nowhere", levels[0].Remaining, 44)
	}},
}

var assertions = []promise{
	{"AnAssertionIsNewOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		long := ident.Token(4000)
		won := race(t, s.twoNodes(t), 16, func(db *store.DB, _ int) (bool, error) {
			return db.UseAssertion(ctx, id, "c", long, at(1000))
		})
		equal(t, "winners", won, 1)
		for _, other := range [][3]string{{id, "c", long + "x"}, {id, "d", long}, {s.tenant(t), "c", long}} {
			fresh, err := s.db.UseAssertion(ctx, other[0], other[1], other[2], at(1000))
			ok(t, err)
			equal(t, "another one is new", fresh, true)
		}
	}},
}

// markAndUndo marks buckets as a decision does: a mark that does not fit undoes its transaction.
func markAndUndo(ctx context.Context, db *store.DB, tenantID string, buckets []protect.Bucket) (bool, error) {
	err := db.InTx(ctx, func(ctx context.Context) error {
		levels, err := db.Mark(ctx, tenantID, at(0), buckets)
		if err != nil {
			return err
		}
		for _, l := range levels {
			if l.Over {
				return errOurs
			}
		}
		return nil
	})
	return unless(err, errOurs)
}
