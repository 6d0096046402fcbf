package management

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

func TestDeviceCredentials_BelongToTheUserWhoCalls(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ann, bob := addUser(t, s, "ann@example.com"), addUser(t, s, "bob@example.com")
		mine := s.UserToken(ann, "create:current_user_device_credentials", "delete:current_user_device_credentials")
		theirs := s.UserToken(bob, "create:current_user_device_credentials", "delete:current_user_device_credentials")
		key := doc{"device_name": "Phone", "type": "public_key", "value": "cHVibGljIGtleQ==", "device_id": "550e8400-e29b-41d4-a716-446655440000"}
		made := s.Call(mine, "POST", "/device-credentials", key)
		id, _ := made.Doc()["id"].(string)
		if made.Status != 201 || id == "" {
			t.Fatalf("created: got %d %s", made.Status, made.Text)
		}
		refused(t, s.Call(mine, "POST", "/device-credentials", key), 409, "", "A public key already exists for the device.")
		if got := s.Call(theirs, "POST", "/device-credentials", key); got.Status != 201 || got.Doc()["id"] == id {
			t.Errorf("another user's device of the same id: got %d %s", got.Status, got.Text)
		}
		const notOwn = "User to be acted on does not match subject in bearer token."
		refused(t, s.API("POST", "/device-credentials", key), 403, "", notOwn)
		other := doc{"client_id": s.Web.ID}
		for name, v := range key {
			other[name] = v
		}
		refused(t, s.Call(mine, "POST", "/device-credentials", other), 403, "", notOwn)
		list := s.Must(200, "GET", "/device-credentials?type=public_key&user_id="+escape(ann), nil).List()
		want := []any{doc{
			"id": id, "device_name": "Phone", "device_id": "550e8400-e29b-41d4-a716-446655440000", "type": "public_key", "user_id": ann, "client_id": s.SPA.ID,
		}}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		refused(t, s.API("GET", "/device-credentials?type=public_key", nil), 400, "invalid_query_string", "Public keys are listed by their user: user_id is missing.")
		left := func() int {
			return len(s.Must(200, "GET", "/device-credentials?type=public_key&user_id="+escape(ann), nil).List())
		}
		s.Call(theirs, "DELETE", "/device-credentials/"+id, nil)
		s.Neighbour(t).Must(204, "DELETE", "/device-credentials/"+id, nil)
		if left() != 1 {
			t.Errorf("somebody else deleted the credential")
		}
		if got := s.Call(mine, "DELETE", "/device-credentials/"+id, nil); got.Status != 204 || left() != 0 {
			t.Errorf("deleted: got %d, %d left", got.Status, left())
		}
	})
}

// A user's own token could once fill the database with keys.
func TestDeviceCredentials_OfAUserAreFewAndShort(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ann := addUser(t, s, "ann@example.com")
		first := &caller{Server: s, token: s.UserToken(ann, "create:current_user_device_credentials")}
		nodes := []*caller{first, {Server: s.Node(t), token: first.token}}
		key := func(device int, name, value string) doc {
			return doc{"device_name": name, "type": "public_key", "value": value, "device_id": strconv.Itoa(device)}
		}
		refused(t, first.call("POST", "/device-credentials", key(0, strings.Repeat("é", 256), "a2V5")), 400, "invalid_body",
			"Payload validation error: 'String is too long (256 chars), maximum 255' on property device_name.")
		refused(t, first.call("POST", "/device-credentials", key(0, "Phone", strings.Repeat("a", 4097))), 400, "invalid_body",
			"Payload validation error: 'String is too long (4097 chars), maximum 4096' on property value.")
		const most = 20
		for round := range 3 {
			got := atOnce(t, nodes, 6, func(c *caller, _ int) servertest.Reply {
				return c.call("POST", "/device-credentials", key(round, strings.Repeat("é", 255), strings.Repeat("a", 4096)))
			})
			slices.Sort(got)
			if want := []int{201, 409, 409, 409, 409, 409}; !slices.Equal(got, want) {
				t.Errorf("the same device: got %v, want one registered", got)
			}
		}
		got := atOnce(t, nodes, most, func(c *caller, i int) servertest.Reply {
			return c.call("POST", "/device-credentials", key(100+i, "Phone", "a2V5"))
		})
		slices.Sort(got)
		if list := s.Must(200, "GET", "/device-credentials?type=public_key&per_page=100&user_id="+escape(ann), nil).List(); len(list) != most {
			t.Errorf("got %d keys after %v, want %d", len(list), got, most)
		}
		refused(t, first.call("POST", "/device-credentials", key(200, "Phone", "a2V5")), 403, "", "You reached the limit of entities of this type for this user.")
	})
}

func TestDeviceCredentials_AreRefreshTokensToo(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b, userID, tokens := login(t, s, "ann@example.com")
		got := s.Must(200, "GET", "/device-credentials?include_totals=true&user_id="+escape(userID), nil)
		list := got.List("device_credentials")
		if got.Doc()["total"] != 1.0 || len(list) != 1 || list[0].(doc)["type"] != "refresh_token" || list[0].(doc)["device_name"] != "Test/1.0" {
			t.Fatalf("got %s", got.Text)
		}
		if list := s.Must(200, "GET", "/device-credentials?type=rotating_refresh_token", nil).List(); len(list) != 0 {
			t.Errorf("rotating ones: got %v", list)
		}
		path := "/device-credentials/" + list[0].(doc)["id"].(string)
		stranger := s.UserToken(addUser(t, s, "bob@example.com"), "delete:current_user_device_credentials")
		if a := s.Call(stranger, "DELETE", path, nil); a.Status != 204 || refresh(b, s, tokens.RefreshToken) != 200 {
			t.Errorf("another user revoked the token")
		}
		owner := s.UserToken(userID, "delete:current_user_device_credentials")
		if a := s.Call(owner, "DELETE", path, nil); a.Status != 204 || refresh(b, s, tokens.RefreshToken) == 200 {
			t.Errorf("the owner did not revoke the token: %d", a.Status)
		}
	})
}
