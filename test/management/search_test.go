package management

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/test/servertest"
)

// query writes the path of a search.
func query(q string, more ...string) string {
	path := "/users?q=" + url.QueryEscape(q)
	for _, one := range more {
		path += "&" + one
	}
	return path
}

// emailsOf gives the addresses of users in their order.
func emailsOf(list []any) []string {
	emails := []string{}
	for _, one := range list {
		email, _ := one.(doc)["email"].(string)
		emails = append(emails, email)
	}
	return emails
}

// crowd makes some users, one after the other.
func crowd(s *servertest.Server) {
	s.T.Helper()
	people(s, nil)
	for _, more := range []doc{
		{"connection": "email", "email": "ann@example.com", "app_metadata": doc{"role": "admin", "level": 3}, "nickname": "Annie"},
		{"connection": "people", "email": "bob@example.com", "password": "Secret-Phrase-7", "verify_email": false, "user_metadata": doc{"color": "red"}},
		{"connection": "email", "email": "cleo@other.example", "app_metadata": doc{"role": "guest", "level": 1}, "blocked": true},
	} {
		s.Must(201, "POST", "/users", more)
		s.Clock.Advance(time.Second)
	}
}

func TestSearch_FindsUsersByTheirAttributes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		crowd(s)
		const ann, bob, cleo = "ann@example.com", "bob@example.com", "cleo@other.example"
		for q, want := range map[string][]string{
			"":                                     {ann, bob, cleo},
			`email:"ann@example.com"`:              {ann},
			`email:"ANN@example.com"`:              {ann},
			`email.domain:example.com`:             {ann, bob},
			`identities.connection:"people"`:       {bob},
			`app_metadata.role:admin`:              {ann},
			`app_metadata.level:[2 TO *]`:          {ann},
			`user_metadata.color:red`:              {bob},
			`NOT _exists_:user_metadata.color`:     {ann, cleo},
			`blocked:true`:                         {cleo},
			`email:b* OR nickname:annie`:           {ann, bob},
			`name:*example*`:                       {ann, bob, cleo},
			`annie`:                                {ann},
			`red`:                                  {},
			`created_at:[2020 TO *] AND email:cl*`: {cleo},
			`nonsense:1`:                           {},
		} {
			got := s.Must(200, "GET", query(q), nil)
			if diff := cmp.Diff(want, emailsOf(got.List())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", q, diff)
			}
		}
		if got := s.Must(200, "GET", query(strings.Repeat("word ", 99)+"annie"), nil); !cmp.Equal(emailsOf(got.List()), []string{ann}) {
			t.Errorf("a hundred words: got %s", got.Text)
		}
		for _, q := range []string{strings.Repeat("word* ", 63), `email:"ann`, `(ann`, `user_metadata.color:r*`, `name:*x`, `user_metadata.color:[a TO b]`, `email:`} {
			got := s.API("GET", query(q), nil)
			if got.Status != 400 || got.Doc()["errorCode"] != "invalid_query_string" || !strings.HasSuffix(got.Message(), "' on property q.") {
				t.Errorf("%s: got %d %s, want a refusal of q", q, got.Status, got.Text)
			}
		}
	})
}

func TestSearch_PagesSortsAndCounts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		crowd(s)
		page := s.Must(200, "GET", query("", "include_totals=true", "page=1", "per_page=2"), nil).Doc()
		want := doc{"start": 2.0, "limit": 2.0, "length": 1.0, "total": 3.0}
		if diff := cmp.Diff(want, without(page, "users")); diff != "" {
			t.Errorf("totals (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"cleo@other.example"}, emailsOf(page["users"].([]any))); diff != "" {
			t.Errorf("second page (-want +got):\n%s", diff)
		}
		count := s.Must(200, "GET", query("", "include_totals=true", "per_page=0"), nil).Doc()
		if diff := cmp.Diff(doc{"start": 0.0, "limit": 0.0, "length": 0.0, "total": 3.0, "users": []any{}}, count); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
		down := s.Must(200, "GET", query("", "sort=created_at:-1", "fields=email", "include_fields=true", "primary_order=false"), nil).List()
		if diff := cmp.Diff([]string{"cleo@other.example", "bob@example.com", "ann@example.com"}, emailsOf(down)); diff != "" {
			t.Errorf("sorted (-want +got):\n%s", diff)
		}
		if first := down[0].(doc); len(first) != 2 {
			t.Errorf("fields: got %v, want the address and the id", first)
		}
		for path, want := range map[string][2]string{
			"/users?search_engine=v1": {"invalid_query_string", "You are not allowed to use search_engine=v1."},
			"/users?search_engine=v2": {"invalid_query_string", "You are not allowed to use search_engine=v2. Use search_engine=v3 instead."},
			"/users?sort=email":       {"invalid_query_string", "Query validation error: 'String does not match pattern ^[^:]+:(1|-1)$' on property sort."},
			"/users?page=10&per_page=100": {
				"invalid_paging",
				"You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation",
			},
			"/users?page=9223372036854775807&per_page=100": {
				"invalid_paging",
				"You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation",
			},
		} {
			refused(t, s.API("GET", path, nil), 400, want[0], want[1])
		}
		s.Must(200, "GET", "/users?search_engine=v3&page=9&per_page=100", nil)
		for _, path := range []string{"/users?search_engine=v9", "/users?per_page=101", "/users?page=-1"} {
			if got := s.API("GET", path, nil); got.Status != 400 || got.Doc()["errorCode"] != "invalid_query_string" {
				t.Errorf("%s: got %d %s, want a refusal of the query", path, got.Status, got.Text)
			}
		}
	})
}

func TestSearch_ByEmailComparesTheStoredAddress(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		crowd(s)
		s.Must(201, "POST", "/users", doc{"connection": "people", "email": "ann@example.com", "password": "Secret-Phrase-7", "verify_email": false})
		found := s.Must(200, "GET", "/users-by-email?email=ann@example.com&fields=email,identities", nil).List()
		if diff := cmp.Diff([]string{"ann@example.com", "ann@example.com"}, emailsOf(found)); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
		if got := s.Must(200, "GET", "/users-by-email?email=Ann@example.com", nil); got.Text != "[]\n" && got.Text != "[]" {
			t.Errorf("in another case: got %s, want nobody", got.Text)
		}
		if got := s.API("GET", "/users-by-email", nil); got.Status != 400 || got.Doc()["errorCode"] != "invalid_query_string" {
			t.Errorf("without an address: got %d %s, want 400", got.Status, got.Text)
		}
		refused(t, s.Call(s.Token("create:users"), "GET", "/users-by-email?email=a@example.com", nil), 403, "insufficient_scope",
			"Insufficient scope, expected any of: read:users")
	})
}
