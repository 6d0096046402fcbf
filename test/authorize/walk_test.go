package authorize_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

const ada, bob = "ada@example.com", "bob@example.com"

// Paths of hosted pages.
const (
	identifierPage = "/u/login/identifier"
	signupPage     = "/u/signup/identifier"
	codePage       = "/u/login/passwordless-email-challenge"
	consentPage    = "/u/consent"
	confirmPage    = "/u/callback-confirmation"
	pickerPage     = "/u/account-picker"
	logoutPage     = "/u/logout"
)

// walk goes on from an answer as a person with a mailbox does: it types address and code where they are asked for, and
// stops at any other page, or at the answer for the client.
func walk(t *testing.T, s *servertest.Server, b *servertest.Browser, a *servertest.Answer, email string) *servertest.Answer {
	t.Helper()
	for range 10 {
		if a.Status != http.StatusFound {
			return a
		}
		location := a.Location(t)
		if !strings.HasPrefix(location.String(), s.URL+"/") {
			return a
		}
		form := url.Values{"state": {location.Query().Get("state")}, "action": {"default"}}
		switch location.Path {
		case identifierPage:
			form.Set("username", email)
		case signupPage:
			form.Set("email", email)
		case codePage:
			form.Set("code", s.Code(t, email))
		default:
			a = b.Get(location.String())
			continue
		}
		a = b.Post(location.String(), form)
	}
	t.Fatal("the login does not end")
	return nil
}

// choose answers the page that a walk stopped at.
func choose(t *testing.T, s *servertest.Server, b *servertest.Browser, page *servertest.Answer, action, email string) *servertest.Answer {
	t.Helper()
	a := b.Post(page.URL.String(), url.Values{"state": {page.URL.Query().Get("state")}, "action": {action}})
	return walk(t, s, b, a, email)
}

// shows checks that a walk stopped at a page.
func shows(t *testing.T, a *servertest.Answer, path string) {
	t.Helper()
	if a.Status != http.StatusOK || a.URL.Path != path {
		t.Fatalf("%s answered %d to %q, want the page %s", a.URL.Path, a.Status, a.Header.Get("Location"), path)
	}
}

// leadsTo checks that an answer sends the browser to a page.
func leadsTo(t *testing.T, a *servertest.Answer, path string) {
	t.Helper()
	if got := a.Location(t).Path; got != path {
		t.Errorf("the browser is sent to %s, want %s", a.Location(t), path)
	}
}

// response gives the parameters with which an answer comes back to the client.
func response(t *testing.T, a *servertest.Answer) url.Values {
	t.Helper()
	location := a.Location(t)
	if !strings.HasPrefix(location.String(), "https://app.example.com/") {
		t.Fatalf("the answer leads to %s, not to the client", location)
	}
	return servertest.Fields(location)
}

// succeeds checks that an answer gives the client a code, and gives the parameters.
func succeeds(t *testing.T, a *servertest.Answer) url.Values {
	t.Helper()
	got := response(t, a)
	if got.Get("code") == "" || got.Has("error") {
		t.Fatalf("the client is answered %v, want a code", got)
	}
	return got
}

// fails checks an error that comes back to the client with its state and nothing else.
func fails(t *testing.T, a *servertest.Answer, code, description string) {
	t.Helper()
	got := response(t, a)
	want := url.Values{"error": {code}, "error_description": {description}, "state": {"app-state"}}
	if got.Encode() != want.Encode() {
		t.Errorf("the client is answered %v, want %v", got, want)
	}
}

// staysHere checks an error that only the person sees.
func staysHere(t *testing.T, a *servertest.Answer, status int, says string) {
	t.Helper()
	if a.Status != status || a.Header.Get("Location") != "" {
		t.Errorf("%s answered %d to %q, want an error page with %d", a.URL, a.Status, a.Header.Get("Location"), status)
		return
	}
	if !strings.Contains(a.Body, says) {
		t.Errorf("the error page does not say %q", says)
	}
}

// oauthError checks an error of an endpoint that answers in JSON.
func oauthError(t *testing.T, a *servertest.Answer, status int, code, description string) {
	t.Helper()
	body := a.JSON(t)
	if a.Status != status || body["error"] != code || (description != "" && body["error_description"] != description) {
		t.Errorf("%s answered %d %v, want %d %s %q", a.URL.Path, a.Status, body, status, code, description)
	}
}

// addClient registers a client and enables the e-mail connection for it.
func addClient(s *servertest.Server, c *client.Client) (*client.Client, string) {
	s.T.Helper()
	made, secret := s.AddClient(c)
	s.ChangeConnection("email", func(conn *connection.Connection) {
		conn.EnabledClients = append(slices.Clone(conn.EnabledClients), made.ID)
	})
	return made, secret
}

// findUser gives the user of an address.
func findUser(t *testing.T, s *servertest.Server, email string) *user.User {
	t.Helper()
	u, _, err := s.Database.Store.Find(context.Background(), s.Tenant.ID, "email", email)
	if err != nil || u == nil {
		t.Fatalf("the user %s: %v, %v", email, u, err)
	}
	return u
}
