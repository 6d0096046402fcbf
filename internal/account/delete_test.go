package account_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"latchkey/internal/account"
	"latchkey/internal/connection"
	"latchkey/internal/user"
)

func TestDelete_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	other := b.create(`{"connection":"email","user_id":"2","email":"b@example.com"}`)
	b.create(`{"connection":"sms","user_id":"3","phone_number":"+491511"}`)
	b.link(u.ID, "sms|3")
	b.login(u)
	b.login(other)
	remove := func() *account.Change {
		c, err := b.Delete(t.Context(), b.tenant.ID, u.ID, by)
		must(t, err)
		return c
	}
	one, two := remove(), remove()
	must(t, b.commit(one))
	b.gone(u.ID)
	equal(t, "access", b.access(u.ID), "0 sessions, 0 tokens, 0 consents")
	equal(t, "access of another", b.access(other.ID), "1 sessions, 1 tokens, 1 consents")
	equal(t, "users of the identifiers", []string{b.found("email", "a@example.com"), b.found("sms", "+491511")}, []string{"", ""})
	must(t, b.commit(two)) // decided before the first was written
	must(t, b.commit(remove()))
	equal(t, "events", b.events(u.ID), "sdu")
}

func TestDeleteSome_TakesEverybodyAwayInPieces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	must(t, b.db.InTx(t.Context(), func(ctx context.Context) error {
		for i := range 230 {
			c, err := b.Create(t.Context(), b.tenant.ID, account.Create{Connection: "flex", Username: fmt.Sprintf("user%d", i), Email: fmt.Sprintf("user%d@example.com", i)})
			if err != nil {
				return err
			}
			if err := c.Commit(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	b.create(`{"connection":"flex","user_id":"linked","username":"linked"}`)
	b.link("email|1", "auth0|linked")
	main := b.create(`{"connection":"flex","user_id":"main","username":"main"}`)
	b.create(`{"connection":"email","user_id":"2","email":"b@example.com"}`)
	b.link("auth0|main", "email|2")
	b.login(main)
	b.loginVia("email|1", "flex")
	b.loginVia("email|1", "email")
	all, err := b.db.Connections(t.Context(), b.tenant.ID)
	must(t, err)
	flex := connection.Find(all, "flex")
	calls := 0
	for done := false; !done; calls++ {
		done, err = b.DeleteSome(t.Context(), b.tenant.ID, flex)
		must(t, err)
		if calls > 9 {
			t.Fatal("the connection never becomes empty")
		}
	}
	equal(t, "calls", calls, 4)
	equal(t, "identities of who has another one", len(b.stored("email|1").Identities), 1)
	equal(t, "access of who has another one", b.access("email|1"), "1 sessions, 1 tokens, 1 consents")
	b.gone("auth0|main")
	equal(t, "access of who was deleted", b.access("auth0|main"), "0 sessions, 0 tokens, 0 consents")
	for _, id := range []string{"user0", "user229", "linked", "main"} {
		equal(t, "user of "+id, b.found("flex", id), "")
	}
}

func TestRevokeAccess_EndsWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	other := b.create(`{"connection":"email","user_id":"2","email":"b@example.com"}`)
	one := b.login(u)
	b.login(u)
	foreign := b.login(other)
	revoke := func(r account.Revoke) {
		t.Helper()
		c, err := b.RevokeAccess(t.Context(), b.tenant, u.ID, r)
		must(t, err)
		must(t, b.commit(c))
	}
	revoke(account.Revoke{SessionID: foreign})
	revoke(account.Revoke{SessionID: "none"})
	equal(t, "access of another", b.access(other.ID), "1 sessions, 1 tokens, 1 consents")
	equal(t, "access", b.access(u.ID), "2 sessions, 2 tokens, 1 consents")
	revoke(account.Revoke{SessionID: one, PreserveRefreshTokens: true})
	equal(t, "access", b.access(u.ID), "1 sessions, 2 tokens, 1 consents")
	revoke(account.Revoke{SessionID: one})
	equal(t, "access", b.access(u.ID), "1 sessions, 1 tokens, 1 consents")
	revoke(account.Revoke{PreserveRefreshTokens: true})
	equal(t, "access", b.access(u.ID), "0 sessions, 1 tokens, 1 consents")
	revoke(account.Revoke{})
	equal(t, "access", b.access(u.ID), "0 sessions, 0 tokens, 1 consents")
	equal(t, "access of another", b.access(other.ID), "1 sessions, 1 tokens, 1 consents")
	if _, err := b.RevokeAccess(t.Context(), b.tenant, "email|none", account.Revoke{}); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
