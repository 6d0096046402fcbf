package classic_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/internal/user"
	"latchkey/test/servertest"
)

// Whatever a stranger typed, up to a megabyte, once became the key of a counter, and on PostgreSQL an error.
func TestPasswords_NoCounterIsKeptOfWhatCannotBeAnIdentifier(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "correct-Horse-7")
		b := page(t, s, servertest.WebOrigin)
		body := map[string]any{"client_id": c.ID, "password": "wrong", "realm": "members", "credential_type": realmType}
		refused := func(username string) {
			t.Helper()
			a := b.PostJSON(authenticate, with(body, map[string]any{"username": username}))
			if a.Status != 403 || a.JSON(t)["error_description"] != "Wrong email or password." {
				t.Errorf("a name of %d bytes is answered %d %.200s", len(username), a.Status, a.Body)
			}
		}
		for range 12 {
			refused(strings.Repeat("x", 255))
		}
		refused(strings.Repeat("ä", 100_000))
		if n := s.Rows(t)["guesses"]; n != 0 {
			t.Errorf("%d counters are kept, want none", n)
		}
		refused(strings.Repeat("x", 254))
		if n := s.Rows(t)["guesses"]; n != 1 {
			t.Errorf("of the longest name there can be %d counters are kept, want 1", n)
		}
		if got := strings.Count(s.EventTypes(t), "fcoa"); got != 14 {
			t.Errorf("the log has %d refusals, want 14", got)
		}
	})
}

// The time of a refusal once told whose password had been imported from another system.
func TestPasswords_RefusalsLastLongerThanTheHashesOfOtherSystems(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := embedded(s)
	directory(s, c, "ada@example.com", "correct-Horse-7")
	imported, _, err := s.Database.Store.Find(t.Context(), s.Tenant.ID, "members", "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("correct-Horse-7"), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	imported.Password = user.Password(hash)
	if err := s.Database.Store.UpdateUser(t.Context(), s.Tenant.ID, imported); err != nil {
		t.Fatal(err)
	}
	b := page(t, s, servertest.WebOrigin)
	for _, username := range []string{"ada@example.com", "nobody@example.com", strings.Repeat("x", 300)} {
		began := time.Now()
		a := b.PostJSON(authenticate, map[string]any{
			"client_id": c.ID, "username": username, "password": "wrong", "realm": "members", "credential_type": realmType,
		})
		if took := time.Since(began); a.Status != http.StatusForbidden || took < 150*time.Millisecond {
			t.Errorf("%.20s is answered %d after %s, want 403 after a seventh of one", username, a.Status, took)
		}
	}
}

// A session that a password had opened on a page of another host once answered nothing afterwards: every request that fell
// on the database connection was refused before the session was looked at.
func TestSession_OfAnEmbeddedPasswordLoginAnswers(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := embedded(s)
		directory(s, c, "ada@example.com", "correct-Horse-7")
		b := page(t, s, servertest.WebOrigin)
		login := func(params ...string) *servertest.Answer {
			t.Helper()
			a := b.PostJSON(authenticate, map[string]any{
				"client_id": c.ID, "username": "ada@example.com", "password": "correct-Horse-7", "realm": "members", "credential_type": realmType,
			})
			if a.Status != http.StatusOK {
				t.Fatalf("%s answered %d: %s", authenticate, a.Status, a.Body)
			}
			ticket, _ := a.JSON(t)["login_ticket"].(string)
			return b.Get(s.AuthorizeURL(c, append([]string{"login_ticket", ticket, "realm", "members"}, params...)...))
		}
		const noPage = "the connection members cannot log people in: this version has hosted pages for passwordless connections only"
		asked := func(b *servertest.Browser, params ...string) *servertest.Answer {
			return b.Get(s.AuthorizeURL(c, params...))
		}
		fields := servertest.Fields
		wantError(t, "a request without a session", fields(asked(b).Location(t)), "invalid_request", noPage)
		wantError(t, "a silent one", fields(asked(b, "prompt", "none").Location(t)), "login_required", "")
		if got := fields(login().Location(t)); got.Get("code") == "" {
			t.Fatalf("the login ended with %v", got)
		}
		for _, params := range [][]string{{}, {"prompt", "none"}, {"connection", "members"}} {
			if got := fields(asked(b, params...).Location(t)); got.Get("code") == "" {
				t.Errorf("with the session %v ended with %v", params, got)
			}
		}
		wantError(t, "a login once more", fields(asked(b, "prompt", "login").Location(t)), "invalid_request", noPage)

		// Whoever stays at the consent page for too long has to prove again who is there, and there is no page for that.
		b = page(t, s, servertest.WebOrigin)
		consent := login("prompt", "consent").Location(t)
		s.Clock.Advance(16 * time.Minute)
		b.Headers = http.Header{}
		for _, a := range []*servertest.Answer{b.Get(s.URL + consent.RequestURI()), b.Get(s.URL + "/u/login/identifier?" + consent.RawQuery)} {
			if at := a.Location(t); at.Path != "/authorize/resume" {
				t.Errorf("a page of the login leads to %s, want to its end", at)
			}
		}
		wantError(t, "the login", fields(b.Get(s.URL+"/authorize/resume?"+consent.RawQuery).Location(t)), "invalid_request", noPage)
	})
}
