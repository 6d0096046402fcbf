package management

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apischema"
	"latchkey/test/servertest"
)

// filled plays every script but for what takes something away, so that a tenant has one of everything.
func filled(t *testing.T, s *servertest.Server) map[string]*script {
	t.Helper()
	played := map[string]*script{}
	names := slices.Sorted(maps.Keys(scripts()))
	names = append([]string{"logins"}, slices.DeleteFunc(names, func(name string) bool { return name == "logins" })...) // before connections change
	for _, name := range names {
		r := prepared(t, s, name)
		for _, p := range scripts()[name] {
			if p.ends || strings.HasPrefix(p.op, "DELETE ") {
				continue
			}
			r.play(p, func(servertest.Reply) {})
		}
		played[name] = r
	}
	return played
}

// ids are what the answers of a tenant's scripts were about, which no other tenant may ever see.
func ids(played map[string]*script) map[string]string {
	all := map[string]string{}
	for script, r := range played {
		for name, id := range r.kept {
			if len(id) >= 16 && id != servertest.Audience {
				all[script+"."+name] = id
			}
		}
	}
	return all
}

// rowsOf are the rows of a tenant, of what does not change by itself.
func rowsOf(t *testing.T, s *servertest.Server) map[string][]string {
	t.Helper()
	dump := s.Dump(t)
	for table, rows := range dump {
		dump[table] = slices.DeleteFunc(rows, func(row string) bool { return !strings.Contains(row, s.Tenant.ID) })
	}
	maps.DeleteFunc(dump, func(table string, _ []string) bool { return slices.Contains(passing, table) })
	return dump
}

func TestTenants_NeverReachEachOther(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		other := s.OtherTenant(t, "other")
		mine, theirs := filled(t, s), filled(t, other)
		b := newCaller(other)
		before := rowsOf(t, s)
		tried := 0
		for name, r := range mine {
			for _, p := range scripts()[name] {
				tried += reach(t, b, r, p) + smuggle(t, r, theirs[name], p)
			}
		}
		if tried < 120 {
			t.Errorf("%d calls were tried, want more", tried)
		}
		after := rowsOf(t, s)
		for table := range before {
			if !slices.Equal(before[table], after[table]) {
				t.Errorf("another tenant has changed rows of %s", table)
			}
		}
	})
}

// foreign tells whether what was kept under a name is of one tenant alone.
func foreign(r *script, name string) bool {
	return len(r.kept[name]) >= 16 && r.kept[name] != servertest.Audience
}

// reach makes the call of a step with the ids of its tenant in the path, from another tenant. It tells how many calls it made.
func reach(t *testing.T, b *caller, r *script, p step) int {
	t.Helper()
	if !slices.ContainsFunc(p.of, func(name string) bool { return foreign(r, name) }) {
		return 0
	}
	method, _, _ := strings.Cut(p.op, " ")
	var body any
	if len(p.bodies) > 0 {
		body = r.fill(plain(p.bodies[len(p.bodies)-1]))
	}
	got := b.call(method, r.path(p), body)
	switch {
	case method == "DELETE" && (got.Status == 204 || got.Status == 202 && got.Body == nil):
		// Deleting what is not there is fine; that nothing happened is looked at in the end.
	case got.Status != 404:
		t.Errorf("%s of another tenant: got %d %s, want 404", p.op, got.Status, clipped(got.Text))
	}
	for name, id := range r.kept {
		if foreign(r, name) && !slices.Contains(p.of, name) && strings.Contains(got.Text, id) {
			t.Errorf("%s of another tenant: the answer holds %s: %s", p.op, name, clipped(got.Text))
		}
	}
	return 1
}

// smuggle makes the call of a step at one's own resources, with ids of another tenant in the payload. What takes something
// away may find nothing to take. It tells how many calls it made.
func smuggle(t *testing.T, r, own *script, p step) int {
	t.Helper()
	tried := 0
	method, _, _ := strings.Cut(p.op, " ")
	for _, body := range p.bodies {
		for _, name := range parameter.FindAllString(servertest.Text(body), -1) {
			name = strings.Trim(name, "{}")
			if !foreign(r, name) {
				continue
			}
			mixed := *own
			mixed.kept = maps.Clone(own.kept)
			mixed.kept[name] = r.kept[name]
			tried++
			if got := own.with(own.tokenOf(p), method, own.path(p), mixed.fill(plain(body))); got.Status/100 != 4 && !p.ends && method != "DELETE" {
				t.Errorf("%s with the %s of another tenant: got %d %s", p.op, name, got.Status, clipped(got.Text))
			}
		}
	}
	return tried
}

func TestTenants_ListsHoldNothingOfOthers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	other := s.OtherTenant(t, "other")
	secret := ids(filled(t, s))
	theirs := filled(t, other)
	b := newCaller(other)
	tried := 0
	look := func(path string) {
		got := b.call("GET", path, nil)
		if got.Status == 200 {
			tried++
		}
		for name, id := range secret {
			if strings.Contains(got.Text, id) || strings.Contains(got.Text, url.QueryEscape(id)) {
				t.Errorf("GET %s of another tenant holds %s", path, name)
			}
		}
	}
	for _, o := range apischema.Operations() {
		if o.Method != "GET" || strings.Contains(o.Path, "{") {
			continue
		}
		required := ""
		switch o.Path {
		case "/users-by-email":
			required = "&email=bob@example.com"
		case "/user-blocks":
			required = "&identifier=bob@example.com"
		}
		look(o.Path + "?include_totals=true&per_page=100" + required)
		if _, checkpoints := object(o.Schema("query")["properties"])["take"]; checkpoints {
			look(o.Path + "?take=100" + required)
		}
	}
	for name, r := range theirs {
		for _, p := range scripts()[name] {
			if strings.HasPrefix(p.op, "GET ") && len(p.of) > 0 {
				look(r.path(p))
			}
		}
	}
	look("/logs?take=100&from=" + secret["logins.log"])
	look("/users?q=" + url.QueryEscape(`user_id:"`+secret["users.user"]+`"`))
	if tried < 100 {
		t.Errorf("%d lists were looked at, want more", tried)
	}
}

func TestCursors_AreOfOneTenantAndOneList(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		a, b := newScript(newCaller(s)), newScript(newCaller(s.OtherTenant(t, "other")))
		for _, r := range []*script{a, b} {
			one := r.must("POST", "/connections", doc{"name": "one", "strategy": "email", "enabled_clients": items{r.Web.ID, r.SPA.ID}}).Doc()["id"].(string)
			two := r.must("POST", "/connections", doc{"name": "two", "strategy": "email", "enabled_clients": items{r.Web.ID, r.SPA.ID}}).Doc()["id"].(string)
			r.must("POST", "/client-grants", doc{"client_id": r.Web.ID, "audience": servertest.Audience, "scope": items{}})
			r.must("POST", "/organizations", doc{"name": "one"})
			r.must("POST", "/organizations", doc{"name": "two"})
			role := r.must("POST", "/roles", doc{"name": "one"}).Doc()["id"].(string)
			r.must("POST", "/roles/"+role+"/users", doc{"users": items{addUser(t, r.Server, "a@example.com"), addUser(t, r.Server, "b@example.com")}})
			r.kept = named{"one": one, "two": two, "role": role}
		}
		lists := []string{
			"/clients", "/connections", "/client-grants", "/organizations", "/connections/{one}/clients", "/connections/{two}/clients", "/roles/{role}/users",
			"/clients/" + s.Web.ID + "/connections",
		}
		of := func(r *script, list string) string {
			return r.fill(strings.ReplaceAll(list, s.Web.ID, r.Web.ID)).(string)
		}
		cursors := map[string]string{}
		for _, list := range lists {
			next, _ := a.must("GET", of(a, list)+"?take=1", nil).Doc()["next"].(string)
			if next == "" {
				t.Fatalf("%s has no cursor", list)
			}
			cursors[list] = next
			if got := a.call("GET", of(a, list)+"?take=1&from="+url.QueryEscape(next), nil); got.Status != 200 {
				t.Errorf("%s with its cursor: got %d %s, want 200", list, got.Status, got.Text)
			}
		}
		const message = "Query validation error: 'Invalid cursor' on property from."
		for _, list := range lists {
			for from, cursor := range cursors {
				refused(t, b.call("GET", of(b, list)+"?take=1&from="+url.QueryEscape(cursor), nil), 400, "invalid_query_string", message)
				if from != list {
					refused(t, a.call("GET", of(a, list)+"?take=1&from="+url.QueryEscape(cursor), nil), 400, "invalid_query_string", message)
				}
			}
			for _, wrong := range []string{"1", "AAAA", cursors[list][:len(cursors[list])-4] + "AAAA", "!", strings.Repeat("A", 900)} {
				refused(t, a.call("GET", of(a, list)+"?take=1&from="+url.QueryEscape(wrong), nil), 400, "invalid_query_string", message)
			}
		}
	})
}

func TestTickets_OpenNothingAtAnotherTenant(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	other := s.OtherTenant(t, "other")
	c := newCaller(s)
	c.must("POST", "/connections", doc{"name": "people", "strategy": "auth0", "enabled_clients": items{s.Web.ID}})
	user := c.must("POST", "/users", doc{"connection": "people", "email": "ann@example.com", "password": "correct Horse battery 1", "verify_email": false}).Doc()["user_id"].(string)
	ticket := c.must("POST", "/tickets/email-verification", doc{"user_id": user}).Doc()["ticket"].(string)
	link, err := url.Parse(ticket)
	if err != nil {
		t.Fatal(err)
	}
	link.Host, link.Fragment = strings.TrimPrefix(other.URL, "http://"), ""
	if page := other.Browser(t).Get(link.String()); page.Status == 200 && strings.Contains(page.Body, "ann@example.com") {
		t.Errorf("the ticket of a tenant opens a page of another: %s", page.Body)
	}
	if got := c.must("GET", "/users/"+escaped(user), nil).Doc()["email_verified"]; got == true {
		t.Error("a ticket was spent at another tenant")
	}
}
