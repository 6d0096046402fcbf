package management

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/message"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// ofUsers ends the refusal of members that users do not have.
const ofUsers = ` (consider storing them in app_metadata or user_metadata. See "Users Metadata" in ` +
	`https://auth0.com/docs/api/v2/changes for more details)'.`

// userPath writes the path of a user.
func userPath(userID string) string { return "/users/" + url.PathEscape(userID) }

// people makes a database connection that a client is enabled for.
func people(s *servertest.Server, options doc) (id string) {
	s.T.Helper()
	if options == nil {
		options = doc{}
	}
	return s.Must(201, "POST", "/connections", doc{
		"name": "people", "strategy": "auth0", "options": options, "enabled_clients": []any{s.Web.ID},
	}).Doc()["id"].(string)
}

// mails gives the messages that have come to an address.
func mails(t *testing.T, s *servertest.Server, email string) []message.InboxMessage {
	t.Helper()
	list, err := s.Inbox.List(context.Background(), message.InboxFilter{Tenant: s.Tenant.ID, To: email}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// settled waits until mail that was asked for before has been sent: one asked for now has come.
func settled(t *testing.T, s *servertest.Server) {
	t.Helper()
	s.Must(201, "POST", "/users", doc{"connection": "people", "email": "canary@example.com", "password": "Secret-Phrase-7"})
	s.Mail(t, "canary@example.com")
}

func TestUsers_AreCreatedWithTheServicesDefaults(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		made := s.Must(201, "POST", "/users", doc{
			"connection": "people", "email": "Ann@Example.com", "password": "Secret-Phrase-7", "verify_email": false,
			"user_metadata": doc{"color": "red"}, "app_metadata": doc{"plan": "gold"}, "given_name": "Ann", "user_id": "ann",
		}).Doc()
		want := doc{
			"user_id": "auth0|ann", "email": "ann@example.com", "email_verified": false, "name": "ann@example.com", "nickname": "ann",
			"given_name": "Ann", "user_metadata": doc{"color": "red"}, "app_metadata": doc{"plan": "gold"},
			"identities": []any{doc{"connection": "people", "provider": "auth0", "user_id": "ann", "isSocial": false}},
		}
		if diff := cmp.Diff(want, without(made, "created_at", "updated_at", "picture")); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		if picture, _ := made["picture"].(string); !strings.HasPrefix(picture, "https://s.gravatar.com/avatar/") {
			t.Errorf("picture: got %v, want an avatar", made["picture"])
		}
		if diff := cmp.Diff(made, s.Must(200, "GET", userPath("auth0|ann"), nil).Doc()); diff != "" {
			t.Errorf("read again (-made +read):\n%s", diff)
		}
		some := s.Must(200, "GET", userPath("auth0|ann")+"?fields=email&include_fields=true", nil).Doc()
		if diff := cmp.Diff(doc{"email": "ann@example.com", "user_id": "auth0|ann"}, some); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		byEmail := s.Must(201, "POST", "/users", doc{"connection": "email", "email": "bob@example.com"}).Doc()
		if id := byEmail["user_id"].(string); !strings.HasPrefix(id, "email|") || len(id) != len("email|")+24 {
			t.Errorf("id at a passwordless connection: got %s", id)
		}

		for name, test := range map[string]struct {
			body    doc
			status  int
			code    string
			message string
		}{
			"no connection": {doc{"email": "a@example.com"}, 400, "invalid_body", "Payload validation error: 'Missing required property: connection'."},
			"unknown connection": {
				doc{"connection": "none", "email": "a@example.com"}, 400, "inexistent_connection", "Connection does not exist.",
			},
			"no password": {doc{"connection": "people", "email": "a@example.com"}, 400, "invalid_body", "Payload validation error: 'Missing required property: password'."},
			"weak password": {
				doc{"connection": "people", "email": "a@example.com", "password": "short"}, 400, "", "PasswordStrengthError: Password is too weak",
			},
			"a username": {
				doc{"connection": "people", "email": "a@example.com", "password": "Secret-Phrase-7", "username": "ann"}, 400, "invalid_body",
				"Cannot set username for connection without requires_username.",
			},
			"taken": {
				doc{"connection": "people", "email": "ANN@example.com", "password": "Secret-Phrase-7"}, 409, "auth0_idp_error", "The user already exists.",
			},
			"unknown member": {
				doc{"connection": "people", "email": "a@example.com", "nonsense": 1}, 400, "invalid_body",
				"Payload validation error: 'Additional properties not allowed: nonsense" + ofUsers,
			},
		} {
			got := s.API("POST", "/users", test.body)
			refused(t, got, test.status, test.code, test.message)
			if test.code == "" && got.Doc()["errorCode"] != nil {
				t.Errorf("%s: got errorCode %v, want none", name, got.Doc()["errorCode"])
			}
		}
		refused(t, s.API("GET", userPath("auth0|nobody"), nil), 404, "inexistent_user", "The user does not exist.")
		refused(t, s.Call(s.Token("read:users"), "POST", "/users", doc{"connection": "email", "email": "c@example.com"}), 403, "insufficient_scope",
			"Insufficient scope, expected any of: create:users")
		s.Must(204, "DELETE", userPath("auth0|ann"), nil)
		s.Must(204, "DELETE", userPath("auth0|ann"), nil)

		events := eventsOf(t, s, "sapi")
		creations := 0
		for _, e := range events {
			if e.Description == "Create a User" {
				creations++
			}
		}
		if creations != 2 {
			t.Errorf("events: got %d creations, want one for each user and none for refusals", creations)
		}
		if text := servertest.Text(events); containsAny(text, "Secret-Phrase-7") || !containsAny(text, "Create a User") {
			t.Errorf("events: got %s, want the creation without its password", text)
		}
	})
}

func TestUsers_FormsOtherThanJSONAreNotTakenUnchecked(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/api/v2/clients", strings.NewReader("--b--\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	r.Header.Set("Authorization", "Bearer "+s.Token())
	if got := s.Send(r); got.Status != 400 {
		t.Errorf("a client as multipart form: got %d %s, want 400", got.Status, got.Text)
	}
}

func TestUsers_AreUpdatedAttributeByAttribute(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		id := s.Must(201, "POST", "/users", doc{
			"connection": "people", "email": "ann@example.com", "password": "Secret-Phrase-7", "email_verified": true,
			"user_metadata": doc{"a": 1, "b": doc{"c": 2}}, "app_metadata": doc{"plan": "gold"},
		}).Doc()["user_id"].(string)
		merged := s.Must(200, "PATCH", userPath(id), doc{"user_metadata": doc{"a": nil, "b": doc{"d": 3}}, "nickname": "annie", "blocked": true}).Doc()
		want := doc{"user_metadata": doc{"b": doc{"d": 3.0}}, "nickname": "annie", "blocked": true}
		got := doc{"user_metadata": merged["user_metadata"], "nickname": merged["nickname"], "blocked": merged["blocked"]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("merged (-want +got):\n%s", diff)
		}
		cleared := s.Must(200, "PATCH", userPath(id), doc{"user_metadata": doc{}, "app_metadata": doc{}}).Doc()
		if diff := cmp.Diff(doc{}, cleared["user_metadata"]); diff != "" || cleared["app_metadata"] != nil {
			t.Errorf("cleared: got %v and %v, want {} and nothing", cleared["user_metadata"], cleared["app_metadata"])
		}
		moved := s.Must(200, "PATCH", userPath(id), doc{"email": "Anna@example.com", "client_id": s.Web.ID}).Doc()
		if moved["email"] != "anna@example.com" || moved["email_verified"] != false || moved["name"] != "anna@example.com" {
			t.Errorf("moved: got %v", moved)
		}
		for _, test := range []struct {
			body          doc
			code, message string
		}{
			{doc{"email": "x@example.com", "password": "Secret-Phrase-8"}, "invalid_body", "Cannot update password and email simultaneously."},
			{doc{"password": "weak"}, "", "PasswordStrengthError: Password is too weak"},
			{doc{"connection": "none"}, "inexistent_connection", "Connection does not exist."},
			{doc{"app_metadata": doc{"user_id": "x"}}, "invalid_body", "Payload validation error: 'Additional properties not allowed: user_id' on property app_metadata."},
			{doc{"user_id": "x"}, "invalid_body", "Payload validation error: 'Additional properties not allowed: user_id" + ofUsers},
			{doc{"verify_email": true, "client_id": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "inexistent_client", "The client does not exist"},
		} {
			refused(t, s.API("PATCH", userPath(id), test.body), 400, test.code, test.message)
		}
		refused(t, s.API("PATCH", userPath("auth0|nobody"), doc{"name": "N"}), 404, "inexistent_user", "The user does not exist.")

		app := s.Token("update:users_app_metadata")
		if got := s.Call(app, "PATCH", userPath(id), doc{"app_metadata": doc{"plan": "tin"}}); got.Status != 200 {
			t.Errorf("app_metadata with its own scope: got %d %s", got.Status, got.Text)
		}
		for _, body := range []doc{{"user_metadata": doc{"a": 1}}, {"app_metadata": doc{}, "blocked": false}} {
			refused(t, s.Call(app, "PATCH", userPath(id), body), 403, "insufficient_scope", "Insufficient scope, expected any of: update:users")
		}
		refused(t, s.Call(app, "PATCH", userPath(id), doc{}), 400, "invalid_body", changesNothing)
		refused(t, s.Call(s.Token("read:users"), "PATCH", userPath(id), doc{}), 403, "insufficient_scope",
			"Insufficient scope, expected any of: update:users,update:users_app_metadata,update:current_user_metadata")
	})
}

func TestUsers_ChangedAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := person(s, "ann@example.com", nil)
		token := s.Token()
		want := doc{}
		replies := make(chan servertest.Reply)
		for _, name := range []string{"a", "b", "c", "d"} {
			want[name] = name
			go func() { replies <- s.Call(token, "PATCH", userPath(id), doc{"user_metadata": doc{name: name}}) }()
		}
		for range want {
			if got := <-replies; got.Status != 200 {
				t.Errorf("got %d %s, want 200", got.Status, got.Text)
			}
		}
		if diff := cmp.Diff(want, s.Must(200, "GET", userPath(id), nil).Doc()["user_metadata"]); diff != "" {
			t.Errorf("user_metadata (-want +got):\n%s", diff)
		}
	})
}

// changesNothing refuses a change by a token that may not read: its answer would be a read.
const changesNothing = "Payload validation error: 'Too few properties defined (0), minimum 1'."

func TestUsers_ActOnThemselvesWithTokensOfTheirOwn(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ann := s.Must(201, "POST", "/users", doc{"connection": "email", "email": "ann@example.com"}).Doc()["user_id"].(string)
		bob := s.Must(201, "POST", "/users", doc{"connection": "email", "email": "bob@example.com"}).Doc()["user_id"].(string)
		token := s.UserToken(ann, "read:current_user", "update:current_user_metadata", "delete:current_user")
		if got := s.Call(token, "GET", userPath(ann), nil); got.Status != 200 || got.Doc()["email"] != "ann@example.com" {
			t.Errorf("one's own account: got %d %s", got.Status, got.Text)
		}
		if got := s.Call(token, "PATCH", userPath(ann), doc{"user_metadata": doc{"color": "red"}}); got.Status != 200 {
			t.Errorf("one's own user_metadata: got %d %s", got.Status, got.Text)
		}
		for _, body := range []doc{{"app_metadata": doc{"admin": true}}, {"user_metadata": doc{}, "blocked": false}, {"name": "Ann"}} {
			refused(t, s.Call(token, "PATCH", userPath(ann), body), 403, "insufficient_scope", "Insufficient scope, expected any of: update:users")
		}
		refused(t, s.Call(token, "PATCH", userPath(ann), doc{}), 400, "invalid_body", changesNothing)
		const notOwn = "User to be acted on does not match subject in bearer token."
		refused(t, s.Call(token, "GET", userPath(bob), nil), 403, "", notOwn)
		refused(t, s.Call(token, "PATCH", userPath(bob), doc{"user_metadata": doc{}}), 403, "", notOwn)
		refused(t, s.Call(token, "DELETE", userPath(bob), nil), 403, "", notOwn)
		mixed := s.UserToken(ann, "update:current_user_metadata", "update:users_app_metadata")
		refused(t, s.Call(mixed, "PATCH", userPath(bob), doc{"user_metadata": doc{}}), 403, "insufficient_scope",
			"Insufficient scope, expected any of: update:users")
		refused(t, s.Call(s.UserToken(ann, "read:current_user"), "GET", "/users", nil), 403, "insufficient_scope",
			"Insufficient scope, expected any of: read:users")
		if got := s.Call(token, "DELETE", userPath(ann), nil); got.Status != 204 {
			t.Errorf("deleting oneself: got %d %s", got.Status, got.Text)
		}
		refused(t, s.Call(token, "GET", userPath(ann), nil), 401, "", "Invalid token")
	})
}

func TestUsers_AreMailedToVerifyTheirAddress(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		secret := "Secret-Phrase-7"
		create := func(email string, more doc) string {
			t.Helper()
			body := doc{"connection": "people", "email": email, "password": secret}
			for name, v := range more {
				body[name] = v
			}
			return s.Must(201, "POST", "/users", body).Doc()["user_id"].(string)
		}
		ann := create("ann@example.com", nil)
		create("quiet@example.com", doc{"verify_email": false})
		create("known@example.com", doc{"email_verified": true})
		s.Must(201, "POST", "/users", doc{"connection": "email", "email": "code@example.com"})
		sent := s.Mail(t, "ann@example.com")
		verify(t, s, sent.Link)
		if got := s.Must(200, "GET", userPath(ann), nil).Doc(); got["email_verified"] != true {
			t.Errorf("after the button: got %v, want a verified address", got["email_verified"])
		}
		s.Must(200, "PATCH", userPath(ann), doc{"email": "anna@example.com", "verify_email": true})
		verify(t, s, s.Mail(t, "anna@example.com").Link)
		if got := s.Must(200, "GET", userPath(ann), nil).Doc(); got["email"] != "anna@example.com" || got["email_verified"] != true {
			t.Errorf("after the second button: got %v", got)
		}
		settled(t, s)
		for _, email := range []string{"quiet@example.com", "known@example.com", "code@example.com"} {
			if list := mails(t, s, email); len(list) > 0 {
				t.Errorf("%s got %d mails, want none", email, len(list))
			}
		}
		if n := len(mails(t, s, "ann@example.com")); n != 1 {
			t.Errorf("the first address got %d mails, want 1", n)
		}
	})
}

// verify opens the link of a mail and presses its button.
func verify(t *testing.T, s *servertest.Server, link string) {
	t.Helper()
	address, found := strings.CutPrefix(link, s.URL)
	if !found {
		t.Fatalf("the link is %s, want one on %s", link, s.URL)
	}
	path, _, _ := strings.Cut(address, "#")
	_, secret, _ := strings.Cut(path, "ticket=")
	a := s.Browser(t).Post(path, url.Values{"state": {secret}, "action": {"default"}})
	if a.Status != 200 {
		t.Fatalf("the button: got %d %s", a.Status, a.Body)
	}
}

func TestUsers_LinksLeadToTheDomainThatTheCallNames(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		custom := tenant.Domain{Host: "login.example.com", Issuer: "https://login.example.com/"}
		if err := s.Database.Store.AddDomain(t.Context(), s.Tenant.ID, custom); err != nil {
			t.Fatal(err)
		}
		other := s.Neighbour(t)
		create := func(domain, email string) servertest.Reply {
			t.Helper()
			body := strings.NewReader(servertest.Text(doc{"connection": "people", "email": email, "password": "Secret-Phrase-7"}))
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/api/v2/users", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+s.Token())
			r.Header.Set("auth0-custom-domain", domain)
			return s.Send(r)
		}
		if got := create("login.example.com", "ann@example.com"); got.Status != 201 {
			t.Fatalf("got %d %s, want 201", got.Status, got.Text)
		}
		if link := s.Mail(t, "ann@example.com").Link; !strings.HasPrefix(link, "https://login.example.com/u/email-verification?") {
			t.Errorf("link: got %s, want one on the custom domain", link)
		}
		for _, foreign := range []string{other.Tenant.Domain.Host, "nowhere.example.com"} {
			refused(t, create(foreign, "bob@example.com"), 400, "", "The header auth0-custom-domain names no custom domain of this tenant.")
		}
		if found := s.Must(200, "GET", "/users-by-email?email=bob@example.com", nil).List(); len(found) != 0 {
			t.Errorf("after the refusals: got %v, want nobody", found)
		}
	})
}

func TestUsers_OfAnotherTenantDoNotExist(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		id := s.Must(201, "POST", "/users", doc{"connection": "email", "email": "ann@example.com"}).Doc()["user_id"].(string)
		other := s.Neighbour(t)
		refused(t, other.API("GET", userPath(id), nil), 404, "inexistent_user", "The user does not exist.")
		refused(t, other.API("PATCH", userPath(id), doc{"name": "X"}), 404, "inexistent_user", "The user does not exist.")
		other.Must(204, "DELETE", userPath(id), nil)
		for _, path := range []string{"/users", "/users?q=email:ann*", "/users-by-email?email=ann@example.com"} {
			if got := other.API("GET", path, nil); got.Status != 200 || len(got.List()) != 0 {
				t.Errorf("%s: got %d %s, want nobody", path, got.Status, got.Text)
			}
		}
		s.Must(200, "GET", userPath(id), nil)
	})
}
