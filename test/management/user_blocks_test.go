package management

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

// lock types wrong codes until the address is locked.
func lock(t *testing.T, s *servertest.Server, email string) {
	t.Helper()
	b := s.Browser(t)
	for tries := 0; tries < 10; tries++ {
		if tries%3 == 0 {
			if got := b.Start(email); got.Status != 200 {
				t.Fatalf("start: got %d %s", got.Status, got.Body)
			}
		}
		b.Token(s.OTPForm(email, "000000x"))
	}
}

func TestUserBlocks_AreListedAndLifted(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const email = "ann@example.com"
		userID := addUser(t, s, email)
		byName, byUser := "/user-blocks?identifier=ANN%40example.com", "/user-blocks/"+escape(userID)
		none, one := doc{"blocked_for": []any{}}, doc{"blocked_for": []any{doc{"identifier": email, "connection": "email"}}}
		same := func(server *servertest.Server, path string, want doc) {
			t.Helper()
			if diff := cmp.Diff(want, server.Must(200, "GET", path, nil).Doc()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
		same(s, byName, none)
		lock(t, s, email)
		same(s, byName, one)
		same(s, byUser, one)
		same(s, byName+"&consider_brute_force_enablement=true", one)
		n := s.Neighbour(t)
		same(n, byName, none)
		n.Must(204, "DELETE", byName, nil)
		refused(t, n.API("GET", byUser, nil), 404, "inexistent_user", "The user does not exist.")
		refused(t, n.API("DELETE", byUser, nil), 404, "inexistent_user", "The user does not exist.")
		same(s, byName, one)
		s.Must(200, "PATCH", "/attack-protection/brute-force-protection", doc{"enabled": false})
		same(s, byName+"&consider_brute_force_enablement=true", none)
		s.Must(204, "DELETE", byUser, nil)
		same(s, byName, none)
		released := eventsOf(t, s, "ublkdu")
		if len(released) != 1 || released[0].UserID != userID || released[0].UserName != email {
			t.Errorf("events: got %+v, want one about the user", released)
		}
		s.Clock.Advance(time.Hour) // further codes may be sent then
		lock(t, s, email)
		s.Must(204, "DELETE", byName, nil)
		same(s, byUser, none)
		s.Must(204, "DELETE", byName, nil)
		if released := eventsOf(t, s, "ublkdu"); len(released) != 2 {
			t.Errorf("got %d events, want one for each block", len(released))
		}
		if got := s.API("GET", "/user-blocks", nil); got.Status != 400 {
			t.Errorf("without an identifier: got %d", got.Status)
		}
		refused(t, s.Call(s.Token("read:users"), "DELETE", byUser, nil), 403, "insufficient_scope", "Insufficient scope, expected any of: update:users")
	})
}

func TestAnomaly_NoAddressIsBlocked(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		refused(t, s.API("GET", "/anomaly/blocks/ips/203.0.113.7", nil), 404, "", "Not Found")
		refused(t, s.API("GET", "/anomaly/blocks/ips/2001:db8::1", nil), 404, "", "Not Found")
		s.Must(204, "DELETE", "/anomaly/blocks/ips/203.0.113.7", nil)
		if got := s.API("GET", "/anomaly/blocks/ips/nonsense", nil); got.Status != 400 || got.Doc()["errorCode"] != "invalid_uri" {
			t.Errorf("no address: got %d %s", got.Status, got.Text)
		}
	})
}
