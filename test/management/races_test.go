package management

import (
	"fmt"
	"net/url"
	"sync"
	"testing"

	"latchkey/test/servertest"
)

// side runs functions at the same moment and waits for all.
func side(does ...func()) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for _, do := range does {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			do()
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// Once a client grant was made beside the deletion of its API and outlived it: an API of that name that was made again gave
// the client its old scopes.
func TestRules_HoldBetweenWritersOnTwoNodes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		other := s.Node(t)
		token := s.Token()
		for round := range 10 {
			audience := fmt.Sprintf("https://api.example/%d", round)
			api := s.Must(201, "POST", "/resource-servers", doc{"identifier": audience}).Doc()["id"].(string)
			side(
				func() {
					s.Call(token, "POST", "/client-grants", doc{"client_id": s.Web.ID, "audience": audience, "scope": []any{}})
				},
				func() { other.Call(token, "DELETE", "/resource-servers/"+api, nil) },
			)
			if left := s.Must(200, "GET", "/client-grants?audience="+url.QueryEscape(audience), nil).List(); len(left) > 0 {
				t.Fatalf("round %d: a grant for an API that is gone: %v", round, left)
			}

			made := make([]int, 6)
			var all []func()
			for i := range made {
				all = append(all, func() {
					node := []*servertest.Server{s, other}[i%2]
					made[i] = node.Call(token, "POST", "/connections", doc{
						"name": fmt.Sprintf("c-%d-%d", round, i), "strategy": "email", "realms": []any{fmt.Sprint("realm-", round)},
					}).Status
				})
			}
			side(all...)
			count := map[int]int{}
			for _, status := range made {
				count[status]++
			}
			if count[201] != 1 || count[409] != len(made)-1 {
				t.Fatalf("round %d: connections with one realm: got %v, want one 201 and 409 for all others", round, count)
			}

			client := s.Must(201, "POST", "/clients", doc{"name": "short-lived"}).Doc()["client_id"].(string)
			email := s.Must(200, "GET", "/connections?name=email", nil).List()[0].(doc)["id"].(string)
			side(
				func() {
					s.Call(token, "PATCH", "/connections/"+email+"/clients", []doc{{"client_id": client, "status": true}})
				},
				func() { other.Call(token, "DELETE", "/clients/"+client, nil) },
			)
			for _, id := range s.Must(200, "GET", "/connections/"+email, nil).Doc()["enabled_clients"].([]any) {
				if id == client {
					t.Fatalf("round %d: a client that is gone is enabled", round)
				}
			}
		}
	})
}

// Once a node that still knew a deleted connection made a user there, who then belonged to the next connection of that name.
func TestConnections_AUserMadeBesideTheDeletionDoesNotComeBack(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		other := s.Node(t)
		token := s.Token()
		make := func() string {
			return s.Must(201, "POST", "/connections", doc{"name": "short", "strategy": "email", "enabled_clients": []any{s.Web.ID}}).Doc()["id"].(string)
		}
		id := make()
		// The other node knows the connection from now on, for up to a second.
		if a := other.Call(token, "POST", "/users", doc{"connection": "short", "email": "first@example.com"}); a.Status != 201 {
			t.Fatalf("the first user: got %d %s", a.Status, a.Text)
		}
		s.Must(202, "DELETE", "/connections/"+id, nil)
		other.Call(token, "POST", "/users", doc{"connection": "short", "email": "late@example.com"}) // it may believe so
		s.Clock.Advance(5e9)
		make()
		for _, email := range []string{"first@example.com", "late@example.com"} {
			if found := s.Must(200, "GET", "/users-by-email?email="+url.QueryEscape(email), nil).List(); len(found) != 0 {
				t.Errorf("%s came back: %v", email, found)
			}
			s.Must(201, "POST", "/users", doc{"connection": "short", "email": email})
		}
	})
}

func TestConnections_ScriptSettingsAreSealedOnce(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	made := s.Must(201, "POST", "/connections", doc{"name": "own", "strategy": "auth0", "options": doc{"configuration": doc{"KEY": "value"}}}).Doc()
	shown := made["options"].(doc)["configuration"].(doc)["KEY"]
	if shown == "value" {
		t.Error("the setting is shown in clear")
	}
	path := "/connections/" + made["id"].(string)
	for range 3 {
		after := s.Must(200, "PATCH", path, doc{"display_name": "Own"}).Doc()
		if got := after["options"].(doc)["configuration"].(doc)["KEY"]; got != shown {
			t.Fatalf("after a change of something else: got %v, want %v", got, shown)
		}
	}
	// Tools read, change and write options back: what stands for the value keeps it.
	after := s.Must(200, "PATCH", path, doc{"options": made["options"]}).Doc()
	if got := after["options"].(doc)["configuration"].(doc)["KEY"]; got != shown {
		t.Errorf("after it was sent back: got %v, want %v", got, shown)
	}
	after = s.Must(200, "PATCH", path, doc{"options": doc{"configuration": doc{"KEY": "other"}}}).Doc()
	if got := after["options"].(doc)["configuration"].(doc)["KEY"]; got == shown {
		t.Error("another value is shown as the old one")
	}
}

func TestLists_PageNumbersHaveAnEnd(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, path := range []string{"/roles?name_filter=a&", "/clients?", "/grants?", "/actions/actions?", "/organizations?"} {
			for _, page := range []string{"92233720368547759", "9223372036854775807", "99999999999999999999999"} {
				if a := s.API("GET", path+"page="+page+"&per_page=100", nil); a.Status != 200 && a.Status != 400 {
					t.Errorf("%spage=%s: got %d %s", path, page, a.Status, a.Text)
				}
			}
		}
	})
}
