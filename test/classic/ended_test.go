package classic_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// A login ticket, or a login at its last page, once became a session after the user's password had changed or an
// administrator had ended all of the user's sessions.
func TestEnded_ProofsDoNotOutliveTheLoginsOfTheirUser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "correct-Horse-7")
		b := page(t, s, servertest.WebOrigin)
		login := func(password string) any {
			t.Helper()
			a := b.PostJSON(authenticate, map[string]any{
				"client_id": c.ID, "username": "ada@example.com", "password": password, "realm": "members", "credential_type": realmType,
			})
			if a.Status != http.StatusOK {
				t.Fatalf("%s answered %d: %s", authenticate, a.Status, a.Body)
			}
			return a.JSON(t)["login_ticket"]
		}
		withTicket := func(b *servertest.Browser, ticket any, params ...string) *servertest.Answer {
			text, _ := ticket.(string)
			return b.Get(s.AuthorizeURL(c, append([]string{"login_ticket", text, "realm", "members"}, params...)...))
		}
		found, _ := s.Must(200, "GET", "/users-by-email?email=ada@example.com", nil).List()[0].(map[string]any)
		userID, _ := found["user_id"].(string)
		user := "/users/" + url.PathEscape(userID)
		password := "correct-Horse-7"
		for name, end := range map[string]func(){
			"a new password": func() {
				password = "another-Horse-8"
				s.Must(200, "PATCH", user, map[string]any{"password": password, "connection": "members"})
			},
			"the end of all sessions": func() { s.Must(202, "DELETE", user+"/sessions", nil) },
			"the end of all access":   func() { s.Must(202, "POST", user+"/revoke-access", map[string]any{}) },
		} {
			ticket := login(password)
			consent := withTicket(b, login(password), "prompt", "consent").Location(t)
			if consent.Path != "/u/consent" {
				t.Fatalf("before %s the login stands at %s", name, consent)
			}
			s.Clock.Advance(time.Second)
			end()
			wantError(t, "a ticket of before "+name, servertest.Fields(withTicket(b, ticket).Location(t)), "access_denied", badTicket)
			if a := b.Get(s.URL + "/authorize/resume?state=" + url.QueryEscape(consent.Query().Get("state"))); a.Status != http.StatusBadRequest {
				t.Errorf("a login of before %s goes on to %d %s", name, a.Status, a.Header.Get("Location"))
			}
			s.Clock.Advance(time.Second)
			if got := servertest.Fields(withTicket(b, login(password)).Location(t)); got.Get("code") == "" {
				t.Errorf("a ticket of after %s ended with %v", name, got)
			}
			s.Clock.Advance(time.Hour) // limits forget
		}
	})
}
