package storetest

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/loginticket"
	"latchkey/internal/store"
)

// handover is a live ticket of a person who was proven at second 0.
func handover() *loginticket.Ticket {
	return &loginticket.Ticket{
		ID: "co", ClientID: "c", UserID: "email|1", Connection: "email", Method: "email", Identifier: "a@example.com",
		Cookie: []byte("cookie"), Verifier: []byte("verifier"), CreatedAt: at(0), ExpiresAt: at(300),
	}
}

var loginTickets = []promise{
	{"ALoginTicketIsFoundByItsHashInItsTenantOnly", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertLoginTicket(ctx, id, []byte("hash"), handover()))
		got, hash, err := s.db.LoginTicket(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "id, user and times", []any{got.ID, got.UserID, got.CreatedAt, got.ExpiresAt, got.SpentAt},
			[]any{"co", "email|1", at(0), at(300), time.Time{}})
		equal(t, "secrets", []string{string(got.Cookie), string(got.Verifier), string(hash)}, []string{"cookie", "verifier", "hash"})
		for name, ask := range map[string]struct {
			tenant string
			hashes [][]byte
		}{
			"another tenant": {s.tenant(t), hashes("hash")}, "another hash": {id, hashes("hasj")}, "no hash": {id, nil},
		} {
			got, _, err := s.db.LoginTicket(ctx, ask.tenant, ask.hashes)
			ok(t, err)
			equal(t, "found by "+name, got != nil, false)
		}
	}},
	{"ALoginTicketIsSpentOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertLoginTicket(ctx, id, []byte("hash"), handover()))
		won := race(t, s.twoNodes(t), 32, func(db *store.DB, _ int) (bool, error) {
			return db.SpendLoginTicket(ctx, id, []byte("hash"), at(7))
		})
		equal(t, "winners", won, 1)
		got, _, err := s.db.LoginTicket(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "spent", got.SpentAt, at(7))
	}},
	{"ALoginTicketIsSpentOnlyWhileItLivesAndInItsTenant", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			now   time.Time
			hash  string
			alien bool
			want  bool
		}{
			"in its last second": {now: at(299), hash: "hash", want: true},
			"when it expires":    {now: at(300), hash: "hash"},
			"under another hash": {now: at(1), hash: "hasj"},
			"in another tenant":  {now: at(1), hash: "hash", alien: true},
		} {
			id := s.tenant(t)
			ok(t, s.db.InsertLoginTicket(ctx, id, []byte("hash"), handover()))
			if c.alien {
				id = s.tenant(t)
			}
			spent, err := s.db.SpendLoginTicket(ctx, id, []byte(c.hash), c.now)
			ok(t, err)
			equal(t, "spent "+name, spent, c.want)
		}
	}},
	{"ALoginTicketIsWrittenWithItsTransaction", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.InsertLoginTicket(ctx, id, []byte("hash"), handover()))
			return errOurs
		}), errOurs)
		got, _, err := s.db.LoginTicket(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "found after its transaction was rolled back", got != nil, false)
	}},
}
