package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"latchkey/internal/store"
	"latchkey/internal/user"
)

var items = []promise{
	{"ItemsAreListedInTheirOrderAndReplaced", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		late := user.Item{UserID: u.ID, Kind: "method", ID: "a", Document: json.RawMessage(`{"n":1}`), CreatedAt: at(2)}
		early := user.Item{UserID: u.ID, Kind: "method", ID: "b", Document: json.RawMessage(`{}`), CreatedAt: at(1)}
		role := user.Item{UserID: u.ID, Kind: "role", ID: "a", Document: json.RawMessage(`{}`), CreatedAt: at(1)}
		for _, i := range []user.Item{late, early, role} {
			ok(t, s.db.PutUserItem(ctx, id, i))
		}
		got, err := s.db.UserItems(ctx, id, u.ID, "method")
		ok(t, err)
		equal(t, "items", got, []user.Item{early, late})
		late.Document = json.RawMessage(`{"n":2}`)
		again := late
		again.CreatedAt = at(9)
		ok(t, s.db.PutUserItem(ctx, id, again))
		existed, err := s.db.DeleteUserItem(ctx, id, u.ID, "method", "b")
		ok(t, err)
		equal(t, "existed", existed, true)
		existed, err = s.db.DeleteUserItem(ctx, id, u.ID, "method", "b")
		ok(t, err)
		equal(t, "existed again", existed, false)
		got, err = s.db.UserItems(ctx, id, u.ID, "method")
		ok(t, err)
		equal(t, "items after", got, []user.Item{late})
	}},
	{"AnItemOfNobodyIsRefused", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		i := user.Item{UserID: "email|0", Kind: "role", ID: "r", Document: json.RawMessage(`{}`), CreatedAt: at(1)}
		is(t, s.db.PutUserItem(ctx, id, i), user.ErrNotFound)
		u := person("a@example.com")
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.CreateUser(ctx, id, u))
			return s.db.PutUserItem(ctx, id, i)
		}), user.ErrNotFound)
		_, err := s.db.User(ctx, id, u.ID)
		is(t, err, user.ErrNotFound)
		got, err := s.db.UserItems(ctx, id, "email|0", "role")
		ok(t, err)
		equal(t, "items", len(got), 0)
	}},
	{"WhoLocksAUserDecidesByItsItemsAlone", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		won := race(t, s.twoNodes(t), 12, func(db *store.DB, i int) (first bool, err error) {
			err = db.InTx(ctx, func(ctx context.Context) error {
				if err := db.LockUser(ctx, id, u.ID); err != nil {
					return err
				}
				there, err := db.UserItems(ctx, id, u.ID, "method")
				if first = len(there) == 0; err != nil || !first {
					return err
				}
				return db.PutUserItem(ctx, id, user.Item{
					UserID: u.ID, Kind: "method", ID: fmt.Sprint(i), Document: json.RawMessage(`{}`), CreatedAt: at(i),
				})
			})
			return first, err
		})
		equal(t, "who found none", won, 1)
		again, err := s.db.User(ctx, id, u.ID)
		ok(t, err)
		equal(t, "version", again.Version, int64(1))
		is(t, s.db.InTx(ctx, func(ctx context.Context) error { return s.db.LockUser(ctx, id, "email|0") }), user.ErrNotFound)
		is(t, s.db.InTx(ctx, func(ctx context.Context) error { return s.db.LockUser(ctx, s.tenant(t), u.ID) }), user.ErrNotFound)
	}},
	{"UsersAreFoundByTheirItems", func(t *testing.T, s *suite) {
		ctx, id, other := t.Context(), s.tenant(t), s.tenant(t)
		all := cast()
		for _, tenantID := range []string{id, other} {
			for _, u := range all {
				ok(t, s.db.CreateUser(ctx, tenantID, u))
				ok(t, s.db.PutUserItem(ctx, tenantID, user.Item{UserID: u.ID, Kind: "role", ID: "r", Document: json.RawMessage(`{}`), CreatedAt: at(1)}))
			}
		}
		with := func(after string, offset, limit int) string {
			users, err := s.db.UsersWithItem(ctx, id, "role", "r", after, offset, limit)
			ok(t, err)
			return nicknames(users)
		}
		count := func() int {
			n, err := s.db.CountUsersWithItem(ctx, id, "role", "r")
			ok(t, err)
			return n
		}
		equal(t, "all", with("", 0, 10), "dan ada bob cyd")
		equal(t, "page", with("", 1, 2), "ada bob")
		equal(t, "after", with("email|a", 0, 10), "bob cyd")
		equal(t, "count", count(), 4)
		ok(t, s.db.DeleteUser(ctx, id, "email|a"))
		equal(t, "after a user is gone", with("", 0, 10), "dan bob cyd")
		gone, err := s.db.UserItems(ctx, id, "email|a", "role")
		ok(t, err)
		equal(t, "items of the user who is gone", len(gone), 0)
		ok(t, s.db.DeleteItemEverywhere(ctx, id, "role", "r"))
		equal(t, "after the item is gone", count(), 0)
		n, err := s.db.CountUsersWithItem(ctx, other, "role", "r")
		ok(t, err)
		equal(t, "in the other tenant", n, 4)
	}},
}
