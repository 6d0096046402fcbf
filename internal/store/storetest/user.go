package storetest

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/grant"
	"latchkey/internal/ident"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

// person is a new account at the connection "email".
func person(email string) *user.User {
	return user.NewPasswordless(&connection.Connection{Name: "email", Strategy: connection.Email}, ident.ObjectID(), email, at(0))
}

var users = []promise{
	{"AUserComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("jörg@example.com")
		u.Claims = map[string]any{"middle_name": "Ω", "address": map[string]any{"country": "日本"}}
		u.UserMetadata = map[string]any{"n": 1.5, "list": []any{"a", true, nil}}
		u.AppMetadata = map[string]any{}
		u.UserMetadata["zone"] = "x"
		u.CreatedAt = time.Date(2026, 3, 1, 1, 2, 3, 456e6, time.UTC)
		u.Blocked, u.LoginsCount, u.LastIP, u.LastLogin = true, 7, "2001:db8::1", at(5)
		ok(t, s.db.CreateUser(ctx, id, u))
		got, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		want := *u
		want.Version = got.Version
		want.AppMetadata = nil // empty and absent are one
		equal(t, "user", got, &want)
	}},
	{"AMissingUserIsNotFound", func(t *testing.T, s *suite) {
		_, err := s.db.User(t.Context(), s.tenant(t), "email|0")
		is(t, err, user.ErrNotFound)
		is(t, s.db.UpdateUser(t.Context(), s.tenant(t), person("a@example.com")), user.ErrNotFound)
		is(t, s.db.DeleteUser(t.Context(), s.tenant(t), "email|0"), user.ErrNotFound)
	}},
	{"UsersOfAnotherTenantDoNotExist", func(t *testing.T, s *suite) {
		ctx, here, there := t.Context(), s.tenant(t), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, here, u))
		_, err := s.db.User(ctx, there, u.ID)
		is(t, err, user.ErrNotFound)
		found, _, err := s.db.Find(ctx, there, "email", "a@example.com")
		ok(t, err)
		equal(t, "user found in another tenant", found, nil)
		is(t, s.db.DeleteUser(ctx, there, u.ID), user.ErrNotFound)
		is(t, s.db.RecordLogin(ctx, there, u.ID, user.Login{At: at(1)}), user.ErrBlocked)
		ok(t, s.db.CreateUser(ctx, there, u))
		got, err := s.db.User(ctx, here, u.ID)
		ok(t, err)
		equal(t, "logins", got.LoginsCount, 0)
	}},
	{"FindLooksAtConnectionAndIdentifierByBytes", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		got, deletions, err := s.db.Find(ctx, id, "email", "a@example.com")
		ok(t, err)
		equal(t, "user id", got.ID, u.ID)
		equal(t, "deletions", deletions, 0)
		equal(t, "identifier", got.Identities[0].Identifiers[0], "a@example.com")
		for _, other := range [][2]string{
			{"email", "A@example.com"}, {"Email", "a@example.com"}, {"sms", "a@example.com"}, {"email", "a@example.co"},
			{"email", "a@example.com "}, {"email", "%"}, {"email", ""},
		} {
			found, deletions, err := s.db.Find(ctx, id, other[0], other[1])
			ok(t, err)
			equal(t, "user found by "+other[0]+" "+other[1], found, nil)
			equal(t, "deletions", deletions, 0)
		}
	}},
	{"FindCostsTheSameForKnownAndUnknown", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		ok(t, db.CreateUser(ctx, id, person("a@example.com")))
		cost := func(email string) store.Stats {
			before := db.Stats()
			_, _, err := db.Find(ctx, id, "email", email)
			ok(t, err)
			return db.Stats().Since(before)
		}
		equal(t, "work for an unknown person", cost("b@example.com"), cost("a@example.com"))
	}},
	{"ATakenIDOrIdentityIsRefusedAndWritesNothing", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		is(t, s.db.CreateUser(ctx, id, u), user.ErrExists)
		sameIdentity := person("a@example.com")
		is(t, s.db.CreateUser(ctx, id, sameIdentity), user.ErrExists)
		_, err := s.db.User(ctx, id, sameIdentity.ID)
		is(t, err, user.ErrNotFound)
		sameID := person("b@example.com")
		sameID.ID = u.ID
		is(t, s.db.CreateUser(ctx, id, sameID), user.ErrExists)
		found, _, err := s.db.Find(ctx, id, "email", "b@example.com")
		ok(t, err)
		equal(t, "user of the refused identity", found, nil)
	}},
	{"OfManyCreatorsAtOnceOneSucceeds", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		won := race(t, s.twoNodes(t), 16, func(db *store.DB, _ int) (bool, error) {
			return unless(db.CreateUser(ctx, id, person("a@example.com")), user.ErrExists)
		})
		equal(t, "winners", won, 1)
	}},
	{"AnUpdateReplacesProfileBlockAndIdentities", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(9), IP: "192.0.2.9"}))
		u, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		u.Name, u.Blocked = "New", true
		u.Identities[0].Identifiers = []string{"b@example.com"}
		u.LoginsCount, u.LastIP = 99, "192.0.2.99" // counters are left alone
		ok(t, s.db.UpdateUser(ctx, id, u))
		got, _, err := s.db.Find(ctx, id, "email", "b@example.com")
		ok(t, err)
		equal(t, "name, block, logins, address", []any{got.Name, got.Blocked, got.LoginsCount, got.LastIP}, []any{"New", true, 1, "192.0.2.9"})
		gone, deletions, err := s.db.Find(ctx, id, "email", "a@example.com")
		ok(t, err)
		equal(t, "user of the old identifier", gone, nil)
		// The account keeps the id that was reserved for the old identifier: whoever comes with that gets another.
		equal(t, "deletions of the old identifier", deletions, 1)
	}},
	{"AnUpdateOfAnOlderVersionIsRefused", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		first, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		second, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		first.Name = "first"
		ok(t, s.db.UpdateUser(ctx, id, first))
		second.Name = "second"
		is(t, s.db.UpdateUser(ctx, id, second), user.ErrChanged)
		got, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "name", got.Name, "first")
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, _ int) (bool, error) {
			return unless(db.UpdateUser(ctx, id, got), user.ErrChanged)
		})
		equal(t, "winners", won, 1)
	}},
	{"AnUpdateCannotTakeAnothersIdentity", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		a, b := person("a@example.com"), person("b@example.com")
		ok(t, s.db.CreateUser(ctx, id, a))
		ok(t, s.db.CreateUser(ctx, id, b))
		b, err := s.db.User(ctx, id, b.ID)
		ok(t, err)
		b.Identities[0].Identifiers = []string{"a@example.com"}
		is(t, s.db.UpdateUser(ctx, id, b), user.ErrExists)
		got, _, err := s.db.Find(ctx, id, "email", "b@example.com")
		ok(t, err)
		equal(t, "user id", got.ID, b.ID)
	}},
	{"PasswordsAndClearedMetadataComeBack", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		u.Password, u.UserMetadata, u.BlockDecided = "$main", map[string]any{}, true
		u.FormerPasswords = []user.Password{"$older", "$oldest"}
		u.Identities = append(u.Identities, user.Identity{
			Connection: "db", Provider: connection.Database, UserID: "b", Identifiers: []string{"a@example.com", "ada"},
			Password: "$linked", FormerPasswords: []user.Password{"$before"}, ProfileData: map[string]any{"username": "ada"},
		})
		ok(t, s.db.CreateUser(ctx, id, u))
		got, _, err := s.db.Find(ctx, id, "db", "ada")
		ok(t, err)
		want := *u
		want.Version = got.Version
		equal(t, "user", got, &want)
		got.Password, got.Identities = "$new", got.Identities[:1]
		ok(t, s.db.UpdateUser(ctx, id, got))
		changed, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "password", string(changed.Password), "$new")
	}},
	{"LoginsAreCounted", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1), IP: "192.0.2.1"}))
		ok(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(2), IP: "192.0.2.2"}))
		got, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "counters", []any{got.LoginsCount, got.LastLogin, got.LastIP}, []any{2, at(2), "192.0.2.2"})
	}},
	{"ALoginOfSomebodyBlockedOrGoneWritesNothing", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		gone, blocked := person("a@example.com"), person("b@example.com")
		blocked.Blocked = true
		ok(t, s.db.CreateUser(ctx, id, blocked))
		for _, u := range []*user.User{gone, blocked} {
			is(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1)}), user.ErrBlocked)
			hash := []byte(u.ID)
			is(t, s.db.InTx(ctx, func(ctx context.Context) error { // with the commit
				ok(t, s.db.InsertCode(ctx, id, hash, &grant.Code{}))
				return s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1)})
			}), user.ErrBlocked)
			is(t, s.db.InTx(ctx, func(ctx context.Context) error { // with the next question
				ok(t, s.db.InsertCode(ctx, id, hash, &grant.Code{}))
				ok(t, s.db.RecordLogin(ctx, id, u.ID, user.Login{At: at(1)}))
				_, err := s.db.User(ctx, id, blocked.ID)
				is(t, err, user.ErrBlocked)
				return nil
			}), user.ErrBlocked)
			code, _, err := s.db.CodeByHash(ctx, id, [][]byte{hash})
			ok(t, err)
			equal(t, "code", code, nil)
		}
		got, err := s.db.User(ctx, id, blocked.ID)
		ok(t, err)
		equal(t, "logins", got.LoginsCount, 0)
	}},
	{"ALoginThatRestsOnAProofOfBeforeTheEndWritesNothing", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u, other := person("a@example.com"), person("b@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.CreateUser(ctx, id, other))
		ok(t, s.db.EndLogins(ctx, id, u.ID, at(10)))
		ok(t, s.db.EndLogins(ctx, id, u.ID, at(5))) // it never goes back
		for _, c := range []struct {
			of     *user.User
			proven time.Time
			want   error
		}{
			{u, at(1), user.ErrBlocked}, {u, at(10), user.ErrBlocked}, {u, at(11), nil}, {u, time.Time{}, nil}, {other, at(1), nil},
		} {
			is(t, s.db.RecordLogin(ctx, id, c.of.ID, user.Login{At: at(20), Proven: c.proven}), c.want)
			got, err := s.db.User(ctx, id, c.of.ID)
			ok(t, err)
			equal(t, "ended", !c.proven.IsZero() && got.EndedSince(c.proven), c.want != nil)
		}
		got, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "end, logins, version", []any{got.LoginsEndAt, got.LoginsCount, got.Version}, []any{at(10), 2, int64(1)})
		got.Name = "New"
		ok(t, s.db.UpdateUser(ctx, id, got))
		got, err = s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "end after an update", got.LoginsEndAt, at(10))
	}},
	{"AUserIsHeldAsTheyWereRead", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		read, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		ok(t, s.db.HoldUser(ctx, id, read))
		ok(t, s.db.HoldUser(ctx, id, read)) // it is no change
		changed := *read
		changed.Password = "$new"
		ok(t, s.db.UpdateUser(ctx, id, &changed))
		hash := []byte("1")
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InsertCode(ctx, id, hash, &grant.Code{}))
			return s.db.HoldUser(ctx, id, read)
		}), user.ErrChanged)
		code, _, err := s.db.CodeByHash(ctx, id, [][]byte{hash})
		ok(t, err)
		equal(t, "code", code, nil)
		is(t, s.db.HoldUser(ctx, id, person("b@example.com")), user.ErrChanged)
	}},
	{"ADeletedUserIsGoneAndItsIdentifierRemembered", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for deletions := range 3 {
			u := person("a@example.com")
			ok(t, s.db.CreateUser(ctx, id, u))
			_, n, err := s.db.Find(ctx, id, "email", "a@example.com")
			ok(t, err)
			equal(t, "deletions before", n, deletions)
			ok(t, s.db.DeleteUser(ctx, id, u.ID))
			is(t, s.db.DeleteUser(ctx, id, u.ID), user.ErrNotFound)
			found, n, err := s.db.Find(ctx, id, "email", "a@example.com")
			ok(t, err)
			equal(t, "user after", found, nil)
			equal(t, "deletions after", n, deletions+1)
		}
	}},
}
