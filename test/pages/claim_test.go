package pages_test

import (
	"testing"
	"time"

	"latchkey/internal/user"
	"latchkey/test/servertest"
)

// Whoever stood at the last page of a login once went on with it after the account's owner had come for the first time.
func TestClaim_EndsLoginsThatAreUnderWay(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		err := s.Database.Store.CreateUser(t.Context(), s.Tenant.ID, &user.User{
			ID: "email|000000000000000000000001", Email: "ada@example.com", CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now(),
			Identities: []user.Identity{
				{Connection: "email", Provider: "email", UserID: "000000000000000000000001", Identifiers: []string{"ada@example.com"}},
				{Connection: "email", Provider: "email", UserID: "000000000000000000000002", Identifiers: []string{"eve@example.com"},
					ProfileData: map[string]any{"email": "eve@example.com", "email_verified": true}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		atConsent := func(email string) *visit {
			v := begin(t, s, s.Browser(t), "prompt", "consent")
			v.identify(email)
			v.wantNext(v.code(s.Code(t, email)), pathResume)
			v.wantNext(v.get(pathResume), "/u/consent")
			return v
		}
		stale, other := atConsent("eve@example.com"), atConsent("eve@example.com")
		stale.wantNext(stale.post("/u/consent", "action", "accept"), pathResume)
		s.Clock.Advance(time.Second)
		owner := atConsent("ada@example.com")
		for _, a := range []*servertest.Answer{
			stale.get(pathResume), other.get("/u/consent"), other.post("/u/consent", "action", "accept"), other.get(pathResume),
		} {
			if a.Status < 400 {
				t.Errorf("a proof of before the claim goes on to %d %s", a.Status, a.Header.Get("Location"))
			}
		}
		owner.wantNext(owner.post("/u/consent", "action", "accept"), pathResume)
		wantCallback(t, owner.finish())
	})
}
