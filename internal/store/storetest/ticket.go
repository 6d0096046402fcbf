package storetest

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/store"
	"latchkey/internal/ticket"
)

// verification is a live ticket for a@example.com.
func verification() *ticket.Ticket {
	return &ticket.Ticket{
		Purpose: ticket.VerifyEmail, UserID: "auth0|1", Identity: ticket.Identity{Provider: connection.Database, UserID: "1"},
		Email: "a@example.com", ClientID: "c", ResultURL: "https://app.example/verified", HideEmail: true,
		CreatedAt: at(0), ExpiresAt: at(1000),
	}
}

var tickets = []promise{
	{"ATicketIsFoundByAnyOfItsHashesInItsTenantOnly", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := verification()
		ok(t, s.db.InsertTicket(ctx, id, []byte("hash"), want))
		got, hash, err := s.db.TicketByHash(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "ticket", got, want)
		equal(t, "hash", string(hash), "hash")
		for name, ask := range map[string]struct {
			tenant string
			hashes [][]byte
		}{
			"another tenant": {s.tenant(t), hashes("hash")}, "another hash": {id, hashes("hasj")}, "no hash": {id, nil},
		} {
			got, _, err := s.db.TicketByHash(ctx, ask.tenant, ask.hashes)
			ok(t, err)
			equal(t, "ticket by "+name, got, nil)
		}
	}},
	{"ATicketIsSpentOnceAndRemembersIt", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertTicket(ctx, id, []byte("hash"), verification()))
		won := race(t, s.twoNodes(t), 32, func(db *store.DB, _ int) (bool, error) {
			return db.SpendTicket(ctx, id, []byte("hash"), at(7))
		})
		equal(t, "winners", won, 1)
		got, _, err := s.db.TicketByHash(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "spent", got.SpentAt, at(7))
	}},
	{"ATicketIsSpentOnlyWhileItLivesAndInItsTenant", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			now   time.Time
			hash  string
			alien bool
			want  bool
		}{
			"in its last millisecond": {now: at(999), hash: "hash", want: true},
			"when it expires":         {now: at(1000), hash: "hash"},
			"under another hash":      {now: at(1), hash: "hasj"},
			"in another tenant":       {now: at(1), hash: "hash", alien: true},
		} {
			id := s.tenant(t)
			ok(t, s.db.InsertTicket(ctx, id, []byte("hash"), verification()))
			if c.alien {
				id = s.tenant(t)
			}
			spent, err := s.db.SpendTicket(ctx, id, []byte(c.hash), c.now)
			ok(t, err)
			equal(t, "spent "+name, spent, c.want)
		}
	}},
	{"ATicketIsWrittenWithItsTransaction", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InsertTicket(ctx, id, []byte("hash"), verification()))
			return errOurs
		}), errOurs)
		got, _, err := s.db.TicketByHash(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "ticket of a transaction that was rolled back", got, nil)
	}},
}
