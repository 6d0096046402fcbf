package management

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// member makes a user of the database connection whose address is not verified and to whom nothing is mailed.
func member(s *servertest.Server, email string) (userID string) {
	s.T.Helper()
	return s.Must(201, "POST", "/users", doc{
		"connection": "people", "email": email, "password": "Secret-Phrase-7", "verify_email": false,
	}).Doc()["user_id"].(string)
}

func TestTickets_VerifyAnAddressAndLeadOn(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		ann := member(s, "ann@example.com")
		made := s.Must(201, "POST", "/tickets/email-verification", doc{
			"user_id": ann, "result_url": "https://app.example.com/done", "ttl_sec": 60, "includeEmailInRedirect": false,
		}).Doc()
		address, _ := made["ticket"].(string)
		secret, ours := strings.CutPrefix(address, s.URL+"/u/email-verification?ticket=")
		if !ours || len(secret) != 33 || !strings.HasSuffix(secret, "#") {
			t.Fatalf("ticket: got %v", made)
		}
		secret = strings.TrimSuffix(secret, "#")
		if containsAny(servertest.Text(eventsOf(t, s, "sapi")), secret) {
			t.Error("the log holds the ticket")
		}
		a := s.Browser(t).Post("/u/email-verification?ticket="+secret, url.Values{"state": {secret}, "action": {"default"}})
		to := a.Header.Get("Location")
		if !strings.HasPrefix(to, "https://app.example.com/done?") || strings.Contains(to, "ann") {
			t.Errorf("the button led to %q (%d), want the result_url without the address", to, a.Status)
		}
		if got := s.Must(200, "GET", userPath(ann), nil).Doc(); got["email_verified"] != true {
			t.Errorf("email_verified: got %v, want true", got["email_verified"])
		}

		late := member(s, "late@example.com")
		expired := s.Must(201, "POST", "/tickets/email-verification", doc{"user_id": late, "ttl_sec": 60, "client_id": s.Web.ID}).Doc()["ticket"].(string)
		s.Clock.Advance(61 * time.Second)
		path, _, _ := strings.Cut(strings.TrimPrefix(expired, s.URL), "#")
		_, secret, _ = strings.Cut(path, "ticket=")
		s.Browser(t).Post(path, url.Values{"state": {secret}, "action": {"default"}})
		if got := s.Must(200, "GET", userPath(late), nil).Doc(); got["email_verified"] != false {
			t.Errorf("after the end of its life: got %v, want nothing verified", got["email_verified"])
		}
	})
}

func TestTickets_RefuseWhatTheServiceDoes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		connectionID := people(s, nil)
		ann, code := member(s, "ann@example.com"), person(s, "code@example.com", nil)
		organization := s.Must(201, "POST", "/organizations", doc{"name": "acme"}).Doc()["id"].(string)
		s.Must(201, "POST", "/connections", doc{"name": "sms", "strategy": "sms", "enabled_clients": []any{s.Web.ID}})
		texted := s.Must(201, "POST", "/users", doc{"connection": "sms", "phone_number": "+491511234567"}).Doc()["user_id"].(string)
		for _, path := range []string{"/tickets/email-verification", "/jobs/verification-email"} {
			for _, test := range []struct {
				body    doc
				status  int
				message string
			}{
				{doc{}, 400, "Payload validation error: 'Missing required property: user_id'."},
				{doc{"user_id": "auth0|none"}, 404, "The user does not exist."},
				{doc{"user_id": ann, "client_id": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, 400, "The client does not exist"},
				{doc{"user_id": ann, "organization_id": "org_AAAAAAAAAAAAAAAA"}, 400, "The organization does not exist"},
				{doc{"user_id": ann, "organization_id": organization}, 400,
					"The user with id " + ann + " is not a member of organization with id " + organization + "."},
				{doc{"user_id": code}, 400, "The user's main connection does not support this operation."},
				{doc{"user_id": texted}, 400, "The user does not have an email address."},
				{doc{"user_id": ann, "identity": doc{"provider": "email", "user_id": "x"}}, 400, "The user exists, but does not contain the given identity."},
				{doc{"user_id": ann, "identity": doc{"provider": "auth0", "user_id": ann[6:], "connection_id": "con_AAAAAAAAAAAAAAAA"}}, 400,
					"Identity connection does not exist."},
				{doc{"user_id": code, "identity": doc{"provider": "email", "user_id": code[6:], "connection_id": connectionID}}, 400,
					"The user exists, but does not contain the given identity."},
			} {
				refused(t, s.API("POST", path, test.body), test.status, "", test.message)
			}
		}
		for name, body := range map[string]doc{
			"result_url and client": {"user_id": ann, "result_url": "https://app.example.com/", "client_id": s.Web.ID},
			"result_url of no web":  {"user_id": ann, "result_url": "javascript:alert(1)"},
			"a life of ages":        {"user_id": ann, "ttl_sec": 1e12},
		} {
			if got := s.API("POST", "/tickets/email-verification", body); got.Status != 400 || got.Doc()["errorCode"] != "invalid_body" {
				t.Errorf("%s: got %d %s, want 400 invalid_body", name, got.Status, got.Text)
			}
		}
		s.Must(201, "POST", "/tickets/email-verification", doc{
			"user_id": code, "identity": doc{"provider": "email", "user_id": code[6:]}, "ttl_sec": 0,
		})
		refused(t, s.API("POST", "/tickets/password-change", doc{"user_id": ann}), 403, "insufficient_entitlement",
			"Please upgrade your subscription to use password change tickets")
		refused(t, s.Call(s.Token("read:users"), "POST", "/tickets/email-verification", doc{"user_id": ann}), 403, "insufficient_scope",
			"Insufficient scope, expected any of: create:user_tickets")
		refused(t, s.Neighbour(t).API("POST", "/tickets/email-verification", doc{"user_id": ann}), 404, "inexistent_user", "The user does not exist.")
	})
}
