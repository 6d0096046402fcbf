package management

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/client"
	"latchkey/internal/grant"
	"latchkey/test/servertest"
)

// login logs in at the confidential client and gives the user's id and the tokens, with a refresh token for an API.
func login(t *testing.T, s *servertest.Server, email string) (b *servertest.Browser, userID string, tokens servertest.Tokens) {
	t.Helper()
	b = s.Browser(t)
	b.Headers.Set("User-Agent", "Test/1.0")
	code := b.LoginCode(s.Web, email, "scope", "openid offline_access read:orders", "audience", servertest.Audience)
	tokens = b.MustToken(s.CodeForm(code))
	return b, servertest.Claims(t, tokens.IDToken)["sub"].(string), tokens
}

// refresh uses a refresh token and gives the answer's status.
func refresh(b *servertest.Browser, s *servertest.Server, token string) int {
	return b.Token(url.Values{
		"grant_type": {client.GrantRefreshToken}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "refresh_token": {token},
	}).Status
}

// loggedIn reports whether the browser gets a code without a page.
func loggedIn(t *testing.T, s *servertest.Server, b *servertest.Browser) bool {
	t.Helper()
	return strings.Contains(b.Get(s.AuthorizeURL(s.Web, "prompt", "none")).Location(t).RawQuery, "code=")
}

// escape writes a user id in a path.
func escape(id string) string { return url.PathEscape(id) }

func TestSessions_AreShownChangedAndEnded(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b, userID, _ := login(t, s, "ann@example.com")
		list := s.Must(200, "GET", "/users/"+escape(userID)+"/sessions", nil)
		if len(list.List("sessions")) != 1 || list.Doc()["next"] != nil {
			t.Fatalf("sessions: got %s, want one", list.Text)
		}
		one := list.List("sessions")[0].(doc)
		id := one["id"].(string)
		device := one["device"].(doc)
		methods := one["authentication"].(doc)["methods"].([]any)
		if one["user_id"] != userID || device["initial_user_agent"] != "Test/1.0" || device["initial_ip"] == nil || methods[0].(doc)["name"] != "email" ||
			one["cookie"].(doc)["mode"] != "persistent" || !cmp.Equal(one["clients"], []any{doc{"client_id": s.Web.ID}}) || one["expires_at"] == nil {
			t.Errorf("session: got %v", one)
		}
		if got := s.Must(200, "GET", "/sessions/"+id, nil).Doc(); !cmp.Equal(got, one) {
			t.Errorf("by id: got %v, want %v", got, one)
		}
		changed := s.Must(200, "PATCH", "/sessions/"+id, doc{"session_metadata": doc{"colour": "blue"}}).Doc()
		if !cmp.Equal(changed["session_metadata"], doc{"colour": "blue"}) {
			t.Errorf("metadata: got %v", changed)
		}
		if got := s.Must(200, "PATCH", "/sessions/"+id, doc{"session_metadata": nil}).Doc(); got["session_metadata"] != nil {
			t.Errorf("metadata taken back: got %v", got)
		}
		refused(t, s.API("PATCH", "/sessions/"+id, doc{"session_metadata": doc{"n": 1}}), 400, "invalid_body",
			"Payload validation error: 'Expected type string but found type number' on property session_metadata.n.")
		refused(t, s.API("PATCH", "/sessions/"+id, doc{"session_metadata": doc{"n": strings.Repeat("x", 256)}}), 400, "invalid_metadata",
			"Metadata has at most 25 properties, with names and values of at most 255 characters.")
		n := s.Neighbour(t)
		refused(t, n.API("GET", "/sessions/"+id, nil), 404, "inexistent_session", "The session does not exist.")
		refused(t, n.API("PATCH", "/sessions/"+id, doc{"session_metadata": doc{}}), 404, "inexistent_session", "The session does not exist.")
		refused(t, n.API("GET", "/users/"+escape(userID)+"/sessions", nil), 404, "inexistent_user", "The user does not exist.")
		n.Must(202, "DELETE", "/sessions/"+id, nil)
		if !loggedIn(t, s, b) {
			t.Errorf("the neighbour ended the session")
		}
		s.Must(202, "DELETE", "/sessions/"+id, nil)
		s.Must(202, "DELETE", "/sessions/"+id, nil)
		if loggedIn(t, s, b) {
			t.Errorf("the ended session lives")
		}
		refused(t, s.API("GET", "/sessions/"+id, nil), 404, "inexistent_session", "The session does not exist.")
	})
}

func TestSessions_OfAUserArePagedAndEndTogether(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		var userID string
		var browsers []*servertest.Browser
		for range 3 {
			var b *servertest.Browser
			b, userID, _ = login(t, s, "ann@example.com")
			browsers = append(browsers, b)
			s.Clock.Advance(1e9)
		}
		path := "/users/" + escape(userID) + "/sessions"
		seen := map[any]bool{}
		from := ""
		for range 3 {
			got := s.Must(200, "GET", path+"?take=1"+from, nil)
			for _, one := range got.List("sessions") {
				seen[one.(doc)["id"]] = true
			}
			next, _ := got.Doc()["next"].(string)
			from = "&from=" + url.QueryEscape(next)
		}
		if len(seen) != 3 || from != "&from=" {
			t.Errorf("got %d sessions in pages, and then %q", len(seen), from)
		}
		if got := s.API("GET", path+"?from=nonsense", nil); got.Status != 400 {
			t.Errorf("a cursor that is none: got %d", got.Status)
		}
		s.Must(202, "DELETE", path, nil)
		for _, b := range browsers {
			if loggedIn(t, s, b) {
				t.Errorf("a session lives")
			}
		}
		refused(t, s.API("DELETE", "/users/email%7Cnobody/sessions", nil), 404, "inexistent_user", "The user does not exist.")
	})
}

func TestRevokeAccess_EndsSessionsWithTheirTokens(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		first, userID, tokens := login(t, s, "ann@example.com")
		second, _, others := login(t, s, "ann@example.com")
		sid := servertest.Claims(t, tokens.IDToken)["sid"].(string)
		s.Must(202, "POST", "/sessions/"+sid+"/revoke", nil)
		if loggedIn(t, s, first) || refresh(first, s, tokens.RefreshToken) == 200 {
			t.Errorf("the revoked session or its token lives")
		}
		if !loggedIn(t, s, second) || refresh(second, s, others.RefreshToken) != 200 {
			t.Errorf("the other session or its token is dead")
		}
		path := "/users/" + escape(userID) + "/revoke-access"
		s.Must(202, "POST", path, doc{"preserve_refresh_tokens": true})
		if loggedIn(t, s, second) || refresh(second, s, others.RefreshToken) != 200 {
			t.Errorf("the session lives, or the token that was to be kept is dead")
		}
		s.Must(202, "POST", path, doc{})
		if refresh(second, s, others.RefreshToken) == 200 {
			t.Errorf("the token lives")
		}
		refused(t, s.API("POST", "/sessions/"+sid+"/revoke", nil), 404, "inexistent_session", "The session does not exist.")
		refused(t, s.Neighbour(t).API("POST", path, doc{}), 404, "inexistent_user", "The user does not exist.")
		refused(t, s.Call(s.Token("delete:sessions"), "POST", path, doc{}), 403, "insufficient_scope",
			"Insufficient scope, expected all of: delete:sessions,delete:refresh_tokens")
	})
}

func TestRefreshTokens_AreShownChangedAndRevoked(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b, userID, tokens := login(t, s, "ann@example.com")
		list := s.Must(200, "GET", "/users/"+escape(userID)+"/refresh-tokens?include_totals=true", nil)
		if len(list.List("tokens")) != 1 || list.Doc()["total"] != 1.0 {
			t.Fatalf("tokens: got %s, want one", list.Text)
		}
		one := list.List("tokens")[0].(doc)
		id := one["id"].(string)
		api := one["resource_servers"].([]any)[0].(doc)
		if one["user_id"] != userID || one["client_id"] != s.Web.ID || one["session_id"] == nil || one["rotating"] != false || one["last_exchanged_at"] != nil ||
			api["audience"] != servertest.Audience || !strings.Contains(api["scopes"].(string), "read:orders") || one["device"].(doc)["initial_user_agent"] != "Test/1.0" {
			t.Errorf("token: got %v", one)
		}
		if refresh(b, s, tokens.RefreshToken) != 200 {
			t.Fatal("the token does not work")
		}
		if got := s.Must(200, "GET", "/refresh-tokens/"+id, nil).Doc(); got["last_exchanged_at"] == nil {
			t.Errorf("after an exchange: got %v", got)
		}
		if got := s.Must(200, "PATCH", "/refresh-tokens/"+id, doc{"refresh_token_metadata": doc{"a": "b"}}).Doc(); !cmp.Equal(got["refresh_token_metadata"], doc{"a": "b"}) {
			t.Errorf("metadata: got %v", got)
		}
		if got := s.Must(200, "GET", "/refresh-tokens?user_id="+escape(userID)+"&client_id="+s.Web.ID, nil).List("refresh_tokens"); len(got) != 1 {
			t.Errorf("of the client: got %v", got)
		}
		if got := s.Must(200, "GET", "/refresh-tokens?user_id="+escape(userID)+"&client_id="+s.SPA.ID, nil).List("refresh_tokens"); len(got) != 0 {
			t.Errorf("of another client: got %v", got)
		}
		n := s.Neighbour(t)
		refused(t, n.API("GET", "/refresh-tokens/"+id, nil), 404, "inexistent_refresh_token", "The refresh token does not exist.")
		refused(t, n.API("GET", "/refresh-tokens?user_id="+escape(userID), nil), 404, "inexistent_user", "The user does not exist.")
		n.Must(204, "DELETE", "/refresh-tokens/"+id, nil)
		n.Must(202, "POST", "/refresh-tokens/revoke", doc{"ids": []any{id}})
		if refresh(b, s, tokens.RefreshToken) != 200 {
			t.Errorf("the neighbour revoked the token")
		}
		s.Must(204, "DELETE", "/refresh-tokens/"+id, nil)
		s.Must(204, "DELETE", "/refresh-tokens/"+id, nil)
		if refresh(b, s, tokens.RefreshToken) == 200 {
			t.Errorf("the revoked token lives")
		}
		refused(t, s.API("GET", "/refresh-tokens/"+id, nil), 404, "inexistent_refresh_token", "The refresh token does not exist.")
		if containsAny(list.Text+servertest.Text(s.Events(t)), tokens.RefreshToken) {
			t.Errorf("the token itself is shown")
		}
	})
}

func TestRefreshTokens_AreRevokedByIdsUserAndClient(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b, userID, first := login(t, s, "ann@example.com")
		_, _, second := login(t, s, "ann@example.com")
		_, otherID, third := login(t, s, "bob@example.com")
		alive := func(want ...bool) {
			t.Helper()
			for i, token := range []string{first.RefreshToken, second.RefreshToken, third.RefreshToken} {
				if got := refresh(b, s, token) == 200; got != want[i] {
					t.Errorf("token %d lives: %v, want %v", i+1, got, want[i])
				}
			}
		}
		s.Must(202, "POST", "/refresh-tokens/revoke", doc{"user_id": userID, "client_id": s.Web.ID, "audience": "https://other.example.com/"})
		alive(true, true, true)
		oldest := s.Must(200, "GET", "/users/"+escape(userID)+"/refresh-tokens?take=1", nil)
		s.Must(202, "POST", "/refresh-tokens/revoke", doc{"ids": []any{oldest.List("tokens")[0].(doc)["id"], "unknown"}})
		if left := s.Must(200, "GET", "/users/"+escape(userID)+"/refresh-tokens", nil).List("tokens"); len(left) != 1 {
			t.Errorf("left: got %v, want one", left)
		}
		s.Must(202, "POST", "/refresh-tokens/revoke", doc{"user_id": userID, "client_id": s.Web.ID, "audience": servertest.Audience})
		alive(false, false, true)
		s.Must(202, "DELETE", "/users/"+escape(otherID)+"/refresh-tokens", nil)
		alive(false, false, false)
		refused(t, s.API("POST", "/refresh-tokens/revoke", doc{}), 400, "invalid_body", "Name the refresh tokens by their ids, their user or their client.")
		refused(t, s.API("POST", "/refresh-tokens/revoke", doc{"audience": "x"}), 400, "invalid_body", "Name the refresh tokens by their ids, their user or their client.")
		refused(t, s.API("POST", "/refresh-tokens/revoke", doc{"ids": []any{"x"}, "user_id": userID}), 400, "invalid_body",
			"Refresh tokens are named by their ids or by user, client and audience, not by both.")
	})
}

func TestGrants_AreListedAndTakenBackWithTheirTokens(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b, userID, tokens := login(t, s, "ann@example.com")
		for _, audience := range []string{servertest.Audience, "https://other.example.com/"} {
			err := s.Database.Store.SaveConsent(context.Background(), s.Tenant.ID, &grant.Consent{
				ID: "0123456789abcdef0123456" + string(rune('0'+len(audience)%10)), UserID: userID, ClientID: s.Web.ID, Audience: audience, Scope: []string{"read:orders"},
			}, s.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
		}
		got := s.Must(200, "GET", "/grants?include_totals=true&audience="+url.QueryEscape(servertest.Audience), nil)
		if got.Doc()["total"] != 1.0 || len(got.List("grants")) != 1 {
			t.Fatalf("grants: got %s", got.Text)
		}
		one := got.List("grants")[0].(doc)
		want := doc{"id": one["id"], "clientID": s.Web.ID, "user_id": userID, "audience": servertest.Audience, "scope": []any{"read:orders"}}
		if diff := cmp.Diff(want, one); diff != "" {
			t.Errorf("grant (-want +got):\n%s", diff)
		}
		n := s.Neighbour(t)
		if list := n.Must(200, "GET", "/grants", nil).List(); len(list) != 0 {
			t.Errorf("the neighbour sees %v", list)
		}
		n.Must(204, "DELETE", "/grants/"+one["id"].(string), nil)
		n.Must(204, "DELETE", "/grants?user_id="+escape(userID), nil)
		if refresh(b, s, tokens.RefreshToken) != 200 {
			t.Errorf("the neighbour took a grant back")
		}
		s.Must(204, "DELETE", "/grants/"+one["id"].(string), nil)
		s.Must(204, "DELETE", "/grants/"+one["id"].(string), nil)
		if refresh(b, s, tokens.RefreshToken) == 200 {
			t.Errorf("the token of the grant lives")
		}
		if list := s.Must(200, "GET", "/grants?user_id="+escape(userID), nil).List(); len(list) != 1 {
			t.Errorf("left: got %v, want one", list)
		}
		s.Must(204, "DELETE", "/grants?user_id="+escape(userID), nil)
		if list := s.Must(200, "GET", "/grants", nil).List(); len(list) != 0 {
			t.Errorf("left: got %v, want none", list)
		}
		for _, path := range []string{"/grants", "/grants?user_id="} {
			refused(t, s.API("DELETE", path, nil), 400, "invalid_query_string", "Query validation error: 'Missing required property: user_id'.")
		}
	})
}
