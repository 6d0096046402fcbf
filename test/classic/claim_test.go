package classic_test

import (
	"testing"
	"time"

	"latchkey/internal/user"
	"latchkey/test/servertest"
)

// claimed makes the owner of an address prove it for the first time, after do has been done: the address is not verified
// until then.
func claimed(t testing.TB, s *servertest.Server, userID, email string, do func()) {
	t.Helper()
	store := s.Database.Store
	u, err := store.User(t.Context(), s.Tenant.ID, userID)
	if err != nil {
		t.Fatal(err)
	}
	u.EmailVerified = false
	if err := store.UpdateUser(t.Context(), s.Tenant.ID, u); err != nil {
		t.Fatal(err)
	}
	do()
	s.Clock.Advance(time.Second)
	owner := s.Browser(t)
	owner.MustToken(s.OTPForm(email, started(t, s, owner, email)))
	if u, err = store.User(t.Context(), s.Tenant.ID, userID); err != nil || !u.EmailVerified || u.ClaimedAt.IsZero() {
		t.Fatalf("after the owner's login the user is %+v, %v", u, err)
	}
}

// ofTwo makes an account that a stranger enters by an address of their own, beside the one whose owner has not come yet.
func ofTwo(t testing.TB, s *servertest.Server) (userID string) {
	t.Helper()
	b := s.Browser(t)
	claims := servertest.Claims(t, b.MustToken(s.OTPForm("ada@example.com", started(t, s, b, "ada@example.com"))).IDToken)
	userID, _ = claims["sub"].(string)
	store := s.Database.Store
	u, err := store.User(t.Context(), s.Tenant.ID, userID)
	if err != nil {
		t.Fatal(err)
	}
	u.Identities = append(u.Identities, user.Identity{
		Connection: "email", Provider: "email", UserID: "eve", Identifiers: []string{"eve@example.com"},
		ProfileData: map[string]any{"email": "eve@example.com", "email_verified": true},
	})
	if err := store.UpdateUser(t.Context(), s.Tenant.ID, u); err != nil {
		t.Fatal(err)
	}
	return userID
}

// Whoever had proven something of the account before its owner came once went on with it afterwards: only sessions and
// refresh tokens ended.
func TestClaim_EndsLoginTickets(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		userID := ofTwo(t, s)
		b := page(t, s, servertest.WebOrigin)
		var stale map[string]any
		claimed(t, s, userID, "ada@example.com", func() { stale = ticketFor(t, s, b, c, "eve@example.com") })
		wantError(t, "a ticket of before the claim", answered(t, s, b, c, stale["login_ticket"]), "access_denied", badTicket)
		fresh := ticketFor(t, s, b, c, "ada@example.com")
		if got := answered(t, s, b, c, fresh["login_ticket"]); got.Get("code") == "" {
			t.Errorf("a ticket of after the claim ended with %v", got)
		}
		// The ticket of the login that claims is as old as the claim, and good.
		u, err := s.Database.Store.User(t.Context(), s.Tenant.ID, userID)
		if err != nil {
			t.Fatal(err)
		}
		u.EmailVerified, u.ClaimedAt = false, time.Time{}
		if err := s.Database.Store.UpdateUser(t.Context(), s.Tenant.ID, u); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(time.Hour + 123456*time.Nanosecond)
		own := ticketFor(t, s, b, c, "ada@example.com")
		if got := answered(t, s, b, c, own["login_ticket"]); got.Get("code") == "" {
			t.Errorf("the ticket of the claim itself ended with %v", got)
		}
	})
}
