// Package linking_test is about one person with several ways to log in: accounts that administrators and people link and
// separate, and the first logins that a tenant lets join an account by themselves.
package linking_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/connection"
	"latchkey/internal/otp"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

const (
	ada    = "ada@example.com"
	number = "+14155552671"
)

type doc = map[string]any

// connect makes the further connections that the tests log in at.
func connect(s *servertest.Server) {
	s.AddConnection(&connection.Connection{Name: "mail-two", Strategy: connection.Email}, s.Web, s.Native)
	s.AddConnection(&connection.Connection{Name: "sms", Strategy: connection.SMS}, s.Web, s.Native)
	s.AddConnection(&connection.Connection{Name: "people", Strategy: connection.Database}, s.SPA)
}

func turn(s *servertest.Server, linking string) {
	s.ChangeSettings(func(settings *tenant.Settings) { settings.Latchkey = &tenant.Extensions{AutomaticLinking: linking} })
}

// codeAt makes a live code of the API for an address at a connection, as its message would carry it.
func codeAt(t testing.TB, s *servertest.Server, name, address string) string {
	t.Helper()
	all, err := s.Database.Store.Connections(t.Context(), s.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	codes := otp.New(s.Database.Store, s.Database.Keyset, s.Clock)
	challenge, issued, err := codes.Prepare(s.Tenant.ID, otp.Asked{
		Connection: connection.Find(all, name), Identifier: address, ClientID: s.Native.ID,
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Database.Store.PutChallenge(t.Context(), s.Tenant.ID, challenge); err != nil {
		t.Fatal(err)
	}
	return string(issued.Code)
}

// form is the grant of a code at a connection.
func form(s *servertest.Server, name, address, code string) url.Values {
	f := s.OTPForm(address, code)
	f.Set("realm", name)
	f.Set("scope", "openid profile email offline_access")
	return f
}

// enter logs in at a connection by a code and gives the tokens and the id they name.
func enter(t testing.TB, s *servertest.Server, name, address string) (servertest.Tokens, string) {
	t.Helper()
	tokens := s.Browser(t).MustToken(form(s, name, address, codeAt(t, s, name, address)))
	return tokens, servertest.Claims(t, tokens.IDToken)["sub"].(string)
}

func path(userID string) string { return "/users/" + url.PathEscape(userID) }

// identities gives what a user logs in with, as connection and id.
func identities(t testing.TB, s *servertest.Server, userID string) string {
	t.Helper()
	var list []string
	for _, i := range stored(t, s, userID).Identities {
		list = append(list, i.Connection+" "+string(i.Provider)+"|"+i.UserID)
	}
	return strings.Join(list, ", ")
}

func stored(t testing.TB, s *servertest.Server, userID string) *user.User {
	t.Helper()
	u, err := s.Database.Store.User(t.Context(), s.Tenant.ID, userID)
	if err != nil {
		t.Fatal(userID, err)
	}
	return u
}

// create makes a user by the Management API.
func create(s *servertest.Server, body doc) (userID string) {
	s.T.Helper()
	return s.Must(201, "POST", "/users", body).Doc()["user_id"].(string)
}

// renews tells whether a refresh token still gives tokens, and whose.
func renews(t testing.TB, s *servertest.Server, token string) (sub string, ok bool) {
	t.Helper()
	a := s.Browser(t).Token(url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Native.ID}, "refresh_token": {token}})
	if a.Status != 200 {
		return "", false
	}
	return servertest.Claims(t, a.JSON(t)["id_token"].(string))["sub"].(string), true
}

// signup gives the newest event of a sign-up.
func signup(t testing.TB, s *servertest.Server) doc {
	t.Helper()
	list := s.Must(200, "GET", "/logs?q="+url.QueryEscape("type:ss")+"&sort="+url.QueryEscape("date:-1"), nil).List()
	if len(list) == 0 {
		t.Fatal("the log tells of no sign-up")
	}
	return list[0].(doc)
}
