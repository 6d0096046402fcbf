package management

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/jwt"
	"latchkey/test/servertest"
)

// person makes a user of the passwordless connection.
func person(s *servertest.Server, email string, more doc) (userID string) {
	s.T.Helper()
	body := doc{"connection": "email", "email": email}
	for name, v := range more {
		body[name] = v
	}
	return s.Must(201, "POST", "/users", body).Doc()["user_id"].(string)
}

// idToken is what a login of the user gives an application.
func idToken(t *testing.T, s *servertest.Server, userID, audience string) string {
	t.Helper()
	signer, err := s.Database.Keys.Signer(t.Context(), s.Tenant.ID, jwt.RS256)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(jwt.TypeJWT, map[string]any{
		"iss": s.Issuer, "sub": userID, "aud": audience, "iat": s.Clock.Now().Unix(), "exp": s.Clock.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestIdentities_AreLinkedAndUnlinkedByAdministrators(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		people(s, nil)
		ann := s.Must(201, "POST", "/users", doc{
			"connection": "people", "email": "ann@example.com", "password": "Secret-Phrase-7", "verify_email": false, "user_id": "ann",
		}).Doc()["user_id"].(string)
		second := person(s, "second@example.com", doc{"email_verified": true, "app_metadata": doc{"plan": "gold"}})
		number := second[len("email|"):]
		list := s.Must(201, "POST", userPath(ann)+"/identities", doc{"provider": "email", "user_id": second}).List()
		want := []any{
			doc{
				"connection": "people", "provider": "auth0", "user_id": "ann", "isSocial": false,
				"profileData": doc{"email": "ann@example.com", "email_verified": false},
			},
			doc{
				"connection": "email", "provider": "email", "user_id": number, "isSocial": false,
				"profileData": doc{"email": "second@example.com", "email_verified": true},
			},
		}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("linked (-want +got):\n%s", diff)
		}
		refused(t, s.API("GET", userPath(second), nil), 404, "inexistent_user", "The user does not exist.")
		found := s.Must(200, "GET", query(`identities.profileData.email:"second@example.com"`), nil).List()
		if len(found) != 1 || found[0].(doc)["user_id"] != ann {
			t.Errorf("by the linked address: got %v, want the first user", found)
		}

		refused(t, s.API("POST", userPath(ann)+"/identities", doc{"provider": "email", "user_id": number}), 409, "", "Specified identity already exists.")
		for _, test := range []struct {
			body    doc
			message string
		}{
			{doc{"provider": "auth0", "user_id": "ann"}, "Main identity and the new one are the same."},
			{doc{"provider": "google-oauth2", "user_id": "1"}, "The provider/connection is not configured."},
			{doc{"provider": "email", "user_id": 12345}, "Linking to an inexistent identity requires a connection."},
			{doc{"provider": "email"}, "Payload validation error: 'Missing required property: user_id'."},
			{doc{"link_with": "nonsense"}, "Invalid token (link_with)."},
		} {
			refused(t, s.API("POST", userPath(ann)+"/identities", test.body), 400, "invalid_body", test.message)
		}
		refused(t, s.API("POST", userPath("auth0|none")+"/identities", doc{"provider": "email", "user_id": "x"}), 404, "inexistent_user",
			"The user does not exist.")

		refused(t, s.API("DELETE", userPath(ann)+"/identities/auth0/ann", nil), 400, "invalid_body", "Main identity cannot be removed.")
		left := s.Must(200, "DELETE", userPath(ann)+"/identities/email/"+number, nil).List()
		if diff := cmp.Diff(want[:1], left); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		again := s.Must(200, "GET", userPath(second), nil).Doc()
		if again["email"] != "second@example.com" || again["email_verified"] != true || again["app_metadata"] != nil {
			t.Errorf("after unlinking: got %v, want the profile without metadata", again)
		}
	})
}

func TestIdentities_AreLinkedByTheirOwnersWithAToken(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ann, second := person(s, "ann@example.com", nil), person(s, "second@example.com", nil)
		own := s.UserToken(ann, "update:current_user_identities")
		path := userPath(ann) + "/identities"
		refused(t, s.Call(own, "POST", path, doc{"provider": "email", "user_id": second}), 403, "insufficient_scope",
			"Insufficient scope, expected any of: update:users")
		refused(t, s.Call(own, "POST", userPath(second)+"/identities", doc{"link_with": idToken(t, s, ann, s.SPA.ID)}), 403, "",
			"User to be acted on does not match subject in bearer token.")
		refused(t, s.Call(own, "POST", path, doc{"link_with": idToken(t, s, second, s.Web.ID)}), 400, "invalid_body",
			"JWT (link_with) must have an aud claim that matches that of the calling token's azp.")
		list := s.Call(own, "POST", path, doc{"link_with": idToken(t, s, second, s.SPA.ID)})
		if list.Status != 201 || len(list.List()) != 2 {
			t.Fatalf("got %d %s, want two identities", list.Status, list.Text)
		}
		if containsAny(servertest.Text(eventsOf(t, s, "sapi")), idToken(t, s, second, s.SPA.ID)[:40]) {
			t.Error("the log holds the token")
		}
		left := s.Call(own, "DELETE", path+"/email/"+url.PathEscape(second), nil)
		if left.Status != 200 || len(left.List()) != 1 {
			t.Errorf("unlinked: got %d %s, want one identity", left.Status, left.Text)
		}
	})
}

func TestUserRoles_GivePermissionsWithTheirSources(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ann := person(s, "ann@example.com", nil)
		role := s.Must(200, "POST", "/roles", doc{"name": "Clerk", "description": "Sees orders"}).Doc()["id"].(string)
		permission := func(name string) doc {
			return doc{"resource_server_identifier": servertest.Audience, "permission_name": name}
		}
		s.Must(201, "POST", "/roles/"+role+"/permissions", doc{"permissions": []doc{permission("read:orders")}})
		s.Must(204, "POST", userPath(ann)+"/roles", doc{"roles": []string{role}})
		s.Must(204, "POST", userPath(ann)+"/roles", doc{"roles": []string{role}})
		got := s.Must(200, "GET", userPath(ann)+"/roles?include_totals=true", nil).Doc()
		want := doc{"start": 0.0, "limit": 50.0, "total": 1.0, "roles": []any{doc{"id": role, "name": "Clerk", "description": "Sees orders"}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
		if made := s.Must(201, "POST", userPath(ann)+"/permissions", doc{"permissions": []doc{permission("read:orders"), permission("write:orders")}}); made.Text[0] != '{' {
			t.Errorf("given permissions: got %s, want {}", made.Text)
		}
		shown := func(name, description string, sources ...any) doc {
			return doc{
				"permission_name": name, "description": description, "resource_server_name": "Test API",
				"resource_server_identifier": servertest.Audience, "sources": sources,
			}
		}
		direct := doc{"source_id": "", "source_name": "", "source_type": "DIRECT"}
		list := s.Must(200, "GET", userPath(ann)+"/permissions", nil).List()
		all := map[string]doc{}
		for _, one := range list {
			all[one.(doc)["permission_name"].(string)] = one.(doc)
		}
		wantAll := map[string]doc{
			"read:orders":  shown("read:orders", "See orders", direct, doc{"source_id": role, "source_name": "Clerk", "source_type": "ROLE"}),
			"write:orders": shown("write:orders", "", direct),
		}
		if diff := cmp.Diff(wantAll, all); diff != "" {
			t.Errorf("permissions (-want +got):\n%s", diff)
		}
		effective := s.Must(200, "GET", userPath(ann)+"/effective-permissions?resource_server_identifier="+url.QueryEscape(servertest.Audience), nil).List("permissions")
		if len(effective) != 2 {
			t.Errorf("effective permissions: got %v, want two", effective)
		}
		roles := s.Must(200, "GET", userPath(ann)+"/effective-roles", nil).Doc()
		if diff := cmp.Diff(doc{"roles": []any{doc{"id": role, "name": "Clerk", "description": "Sees orders", "sources": []any{"direct"}}}}, roles); diff != "" {
			t.Errorf("effective roles (-want +got):\n%s", diff)
		}

		refused(t, s.API("POST", userPath(ann)+"/roles", doc{"roles": []string{"rol_AAAAAAAAAAAAAAAA"}}), 404, "", "The role does not exist.")
		refused(t, s.API("POST", userPath("email|none")+"/roles", doc{"roles": []string{role}}), 404, "inexistent_user", "The user does not exist.")
		refused(t, s.API("GET", userPath("email|none")+"/roles", nil), 404, "inexistent_user", "The user does not exist.")
		if a := s.API("POST", userPath(ann)+"/permissions", doc{"permissions": []doc{permission("nonsense")}}); a.Status != 400 {
			t.Errorf("an unknown permission: got %d %s, want 400", a.Status, a.Text)
		}
		refused(t, s.Call(s.Token("read:users"), "GET", userPath(ann)+"/roles", nil), 403, "insufficient_scope",
			"Insufficient scope, expected all of: read:users,read:roles")

		s.Must(204, "DELETE", userPath(ann)+"/permissions", doc{"permissions": []doc{permission("read:orders"), permission("write:orders")}})
		s.Must(204, "DELETE", userPath(ann)+"/roles", doc{"roles": []string{role, "rol_AAAAAAAAAAAAAAAA"}})
		for _, path := range []string{"/roles", "/permissions", "/organizations", "/groups"} {
			if got := s.Must(200, "GET", userPath(ann)+path, nil); len(got.List()) != 0 || got.Text[0] != '[' {
				t.Errorf("%s afterwards: got %s, want none", path, got.Text)
			}
		}
		if got := s.Must(200, "GET", userPath(ann)+"/connected-accounts", nil).Doc(); cmp.Diff(doc{"connected_accounts": []any{}}, got) != "" {
			t.Errorf("connected accounts: got %v, want none", got)
		}
	})
}

func TestUserRoles_PermissionsGoWithTheScopeOfTheirAPI(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		ann := person(s, "ann@example.com", nil)
		role := s.Must(200, "POST", "/roles", doc{"name": "Clerk"}).Doc()["id"].(string)
		s.Must(204, "POST", userPath(ann)+"/roles", doc{"roles": []string{role}})
		const api = "urn:things"
		scopes := []doc{{"value": "read:things"}, {"value": "write:things"}}
		id := s.Must(201, "POST", "/resource-servers", doc{"identifier": api, "name": "Things", "scopes": scopes}).Doc()["id"].(string)
		permissions := doc{"permissions": []doc{
			{"resource_server_identifier": api, "permission_name": "read:things"}, {"resource_server_identifier": api, "permission_name": "write:things"},
		}}
		has := func(want ...string) {
			t.Helper()
			var names []string
			for _, path := range []string{userPath(ann) + "/permissions", "/roles/" + role + "/permissions"} {
				for _, one := range s.Must(200, "GET", path, nil).List() {
					names = append(names, one.(doc)["permission_name"].(string))
				}
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("permissions of the user and of the role (-want +got):\n%s", diff)
			}
		}
		s.Must(201, "POST", userPath(ann)+"/permissions", permissions)
		s.Must(201, "POST", "/roles/"+role+"/permissions", permissions)
		s.Must(200, "PATCH", "/resource-servers/"+id, doc{"scopes": scopes[:1]})
		s.Must(200, "PATCH", "/resource-servers/"+id, doc{"scopes": scopes})
		has("read:things", "read:things")
		s.Must(204, "DELETE", "/resource-servers/"+id, nil)
		s.Must(201, "POST", "/resource-servers", doc{"identifier": api, "name": "Things", "scopes": scopes})
		has()
	})
}
