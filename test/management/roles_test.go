package management

import (
	"context"
	"testing"

	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

// addUser makes a user with an e-mail address and gives its id.
func addUser(t *testing.T, s *servertest.Server, email string) string {
	t.Helper()
	u := user.NewPasswordless(&connection.Connection{Name: "email", Strategy: "email"}, ident.ObjectID(), email, s.Clock.Now())
	if err := s.Database.Store.CreateUser(context.Background(), s.Tenant.ID, u); err != nil {
		t.Fatal(err)
	}
	return u.ID
}

// A name of 6000 letters was once an error on PostgreSQL.
func TestRoles_MayHaveLongNames(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		long := ident.Token(5000)
		made := s.Must(200, "POST", "/roles", doc{"name": long}).Doc()
		path := "/roles/" + made["id"].(string)
		if got := s.Must(200, "GET", path, nil).Doc(); got["name"] != long {
			t.Errorf("got another name: %v", got)
		}
		s.Must(409, "POST", "/roles", doc{"name": long})
		s.Must(200, "PATCH", path, doc{"description": "still the same name"})
		s.Must(409, "POST", "/roles", doc{"name": long})
		if got := s.Must(200, "PATCH", path, doc{"name": long + "x"}).Doc(); got["name"] != long+"x" {
			t.Errorf("renamed: got %v", got)
		}
		s.Must(200, "POST", "/roles", doc{"name": long})
		for _, path := range []string{"/rules-configs/", "/prompts/login/custom-text/", "/email-templates/"} {
			if got := s.API("PUT", path+long, doc{"value": "x"}); got.Status/100 != 4 {
				t.Errorf("PUT %s and a long name: got %d %s, want a refusal", path, got.Status, got.Text)
			}
		}
	})
}

func TestRoles_GrantPermissionsThatAPIsDefine(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		const api = "https://matrix.example.com/"
		s.Must(201, "POST", "/resource-servers", map[string]any{
			"name": "Matrix", "identifier": api, "scopes": []any{
				map[string]any{"value": "stop:bullets", "description": "Stop bullets"}, map[string]any{"value": "bring:peace"},
			},
		})
		role := s.Must(200, "POST", "/roles", map[string]any{"name": "The One"}).Doc()
		if role["description"] != "" {
			t.Errorf("role: got %v", role)
		}
		s.Must(409, "POST", "/roles", map[string]any{"name": "The One"})
		path := "/roles/" + role["id"].(string)
		permissions := func(names ...string) map[string]any {
			list := []any{}
			for _, name := range names {
				list = append(list, map[string]any{"resource_server_identifier": api, "permission_name": name})
			}
			return map[string]any{"permissions": list}
		}
		if a := s.Must(201, "POST", path+"/permissions", permissions("stop:bullets", "bring:peace")); len(a.Doc()) != 0 {
			t.Errorf("granted: got %s", a.Text)
		}
		s.Must(201, "POST", path+"/permissions", permissions("bring:peace"))
		s.Must(400, "POST", path+"/permissions", permissions("fly"))
		list := s.Must(200, "GET", path+"/permissions?page=0&per_page=100&include_totals=true", nil)
		items := list.List("permissions")
		if len(items) != 2 || list.Doc()["total"] != 2.0 {
			t.Fatalf("permissions: got %s", list.Text)
		}
		first := items[0].(map[string]any)
		if first["permission_name"] != "stop:bullets" || first["description"] != "Stop bullets" || first["resource_server_name"] != "Matrix" ||
			first["resource_server_identifier"] != api {
			t.Errorf("first: got %v", first)
		}
		s.Must(204, "DELETE", path+"/permissions", permissions("stop:bullets"))
		if got := s.Must(200, "GET", path+"/permissions", nil).List(); len(got) != 1 {
			t.Errorf("after removing one: got %v", got)
		}
		if got := s.Must(200, "GET", path, nil).Doc(); len(got) != 3 {
			t.Errorf("role: got %v, want id, name and description alone", got)
		}
		if got := s.Must(200, "GET", "/roles?name_filter=one", nil).List(); len(got) != 1 {
			t.Errorf("name_filter: got %v", got)
		}
		for kind, want := range map[string]int{"tenant": 1, "organization": 0} {
			if got := s.Must(200, "GET", "/roles?type="+kind, nil).List(); len(got) != want {
				t.Errorf("type %s: got %v, want %d", kind, got, want)
			}
		}
		if a := s.Must(200, "DELETE", path, nil); len(a.Doc()) != 0 {
			t.Errorf("deleted: got %s", a.Text)
		}
		if a := s.Must(404, "GET", path+"/permissions", nil); a.Message() != "The role does not exist." {
			t.Errorf("missing: got %s", a.Text)
		}
	})
}

func TestRoles_ListTheirUsersByEitherWayOfPaging(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		role := s.Must(200, "POST", "/roles", map[string]any{"name": "Reader"}).Doc()["id"].(string)
		path := "/roles/" + role + "/users"
		var ids []string
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			ids = append(ids, addUser(t, s, email))
		}
		if got := s.Must(200, "POST", path, map[string]any{"users": ids}).List("users"); len(got) != 3 {
			t.Errorf("given: got %v", got)
		}
		s.Must(404, "POST", path, map[string]any{"users": []string{"email|000000000000000000000000"}})
		page := s.Must(200, "GET", path+"?include_totals=true&per_page=2", nil)
		if len(page.List("users")) != 2 || page.Doc()["total"] != 3.0 {
			t.Errorf("page: got %s", page.Text)
		}
		seen := 0
		for next := ""; ; {
			a := s.Must(200, "GET", path+"?take=2&include_totals=true&from="+next, nil)
			seen += len(a.List("users"))
			more, there := a.Doc()["next"].(string)
			if !there {
				break
			}
			next = more
		}
		if seen != 3 {
			t.Errorf("by checkpoints: got %d users, want 3", seen)
		}
		s.Must(200, "DELETE", "/roles/"+role, nil)
		s.Must(404, "GET", path, nil)
	})
}
