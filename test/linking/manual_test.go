package linking_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
}

// Both forms of the request, at both identities: the codes of either lead to the account that stayed.
func TestManual_EitherIdentityLogsInAsTheFirst(t *testing.T) {
	t.Parallel()
	link := map[string]func(t *testing.T, s *servertest.Server, primary, secondary string, tokens servertest.Tokens) servertest.Reply{
		"named by an administrator": func(_ *testing.T, s *servertest.Server, primary, secondary string, _ servertest.Tokens) servertest.Reply {
			return s.API("POST", path(primary)+"/identities", doc{"provider": "sms", "user_id": secondary})
		},
		"proven by an ID token": func(_ *testing.T, s *servertest.Server, primary, _ string, tokens servertest.Tokens) servertest.Reply {
			own := s.SignToken(map[string]any{"sub": primary, "azp": s.Native.ID, "scope": "update:current_user_identities"})
			return s.Call(own, "POST", path(primary)+"/identities", doc{"link_with": tokens.IDToken})
		},
	}
	for name, do := range link {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servertest.Each(t, func(t *testing.T, s *servertest.Server) {
				connect(s)
				_, primary := enter(t, s, "email", ada)
				tokens, secondary := enter(t, s, "sms", number)
				if primary == secondary {
					t.Fatal("one account before they are linked")
				}
				if a := do(t, s, primary, secondary, tokens); a.Status != 201 || len(a.List()) != 2 {
					t.Fatalf("got %d %s, want two identities", a.Status, a.Text)
				}
				for connection, address := range map[string]string{"email": ada, "sms": number} {
					tokens, sub := enter(t, s, connection, address)
					claims := servertest.Claims(t, tokens.IDToken)
					if sub != primary || claims["email"] != ada {
						t.Errorf("through %s the tokens name %v, want %s", connection, claims, primary)
					}
				}
				if _, ok := renews(t, s, tokens.RefreshToken); ok {
					t.Error("the refresh token of the account that ended still works")
				}
				if a := s.API("GET", path(secondary), nil); a.Status != 404 {
					t.Errorf("the second account answers %d", a.Status)
				}
				if n := s.Rows(t)["users"]; n != 1 {
					t.Errorf("there are %d users, want 1", n)
				}
			})
		})
	}
}

// Whoever had logged in through an identity once stayed in the account after it was taken away.
func TestManual_ASeparatedIdentityIsAnAccountOfItsOwnAndItsLoginsEnd(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		_, primary := enter(t, s, "email", ada)
		_, secondary := enter(t, s, "mail-two", "second@example.com")
		s.Must(201, "POST", path(primary)+"/identities", doc{"provider": "email", "user_id": secondary})

		own, _ := enter(t, s, "email", ada)
		other, _ := enter(t, s, "mail-two", "second@example.com")
		stays, ends, waits := s.Browser(t), s.Browser(t), s.Browser(t)
		stays.LoginCode(s.Web, ada, "connection", "email")
		ends.LoginCode(s.Web, "second@example.com", "connection", "mail-two")
		code := waits.LoginCode(s.Web, "second@example.com", "connection", "mail-two")
		silent := func(b *servertest.Browser) bool {
			return b.Get(s.AuthorizeURL(s.Web, "prompt", "none")).Location(t).Query().Get("code") != ""
		}
		if !silent(stays) || !silent(ends) {
			t.Fatal("a session does not answer before anything is separated")
		}

		s.Must(200, "DELETE", path(primary)+"/identities/email/"+strings.TrimPrefix(secondary, "email|"), nil)
		if !silent(stays) {
			t.Error("the session of the identity that stays has ended")
		}
		if silent(ends) {
			t.Error("a session that the separated identity opened still answers")
		}
		if a := waits.Token(s.CodeForm(code)); a.Status == 200 {
			t.Errorf("a code that waited was exchanged: %s", a.Body)
		}
		if sub, ok := renews(t, s, own.RefreshToken); !ok || sub != primary {
			t.Errorf("the refresh token of the identity that stays: %s, %t", sub, ok)
		}
		if sub, ok := renews(t, s, other.RefreshToken); ok {
			t.Errorf("the refresh token of the separated identity gives tokens of %s", sub)
		}
		if _, sub := enter(t, s, "mail-two", "second@example.com"); sub != secondary {
			t.Errorf("the separated identity logs in as %s, want %s", sub, secondary)
		}
		if _, sub := enter(t, s, "email", ada); sub != primary {
			t.Errorf("the identity that stays logs in as %s, want %s", sub, primary)
		}
	})
}

// A rotated token remembers through what its family began.
func TestManual_ATokenThatWasRenewedEndsToo(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		_, primary := enter(t, s, "email", ada)
		_, secondary := enter(t, s, "sms", number)
		s.Must(201, "POST", path(primary)+"/identities", doc{"provider": "sms", "user_id": secondary})
		tokens, _ := enter(t, s, "sms", number)
		refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Native.ID}, "refresh_token": {tokens.RefreshToken}}
		renewed := s.Browser(t).MustToken(refresh).RefreshToken
		s.Clock.Advance(time.Minute)
		s.Must(200, "DELETE", path(primary)+"/identities/sms/"+strings.TrimPrefix(secondary, "sms|"), nil)
		if _, ok := renews(t, s, renewed); ok {
			t.Error("a renewed token of the separated identity still works")
		}
	})
}

// A login that is under way when its identity is separated would once have ended in the account that it had left.
func TestManual_ALoginUnderWayDoesNotEnterTheAccountThatItsIdentityHasLeft(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connect(s)
		_, primary := enter(t, s, "mail-two", "first@example.com")
		_, secondary := enter(t, s, "email", ada)
		s.Must(201, "POST", path(primary)+"/identities", doc{"provider": "email", "user_id": secondary})
		b := s.Browser(t)
		location := b.Get(s.AuthorizeURL(s.Web, "connection", "email")).Location(t)
		answer := b.Post(location.String(), url.Values{
			"state": {location.Query().Get("state")}, "username": {ada}, "email": {ada}, "action": {"default"},
		})
		location = answer.Location(t)
		answer = b.Post(location.String(), url.Values{
			"state": {location.Query().Get("state")}, "code": {s.Code(t, ada)}, "action": {"default"},
		})
		s.Must(200, "DELETE", path(primary)+"/identities/email/"+strings.TrimPrefix(secondary, "email|"), nil)
		if a := b.Get(answer.Location(t).String()); a.Status == 302 && a.Location(t).Query().Get("code") != "" {
			t.Errorf("the login ended at %s", a.Location(t))
		}
	})
}
