package management

import (
	"testing"

	"latchkey/test/servertest"
)

func TestClients_NewOnesAreEnabledOnDatabasesWhereTheTenantWantsIt(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		database := s.Must(201, "POST", "/connections", doc{"name": "db", "strategy": "auth0"}).Doc()["id"].(string)
		enabled := func(client string) bool {
			for _, one := range s.Must(200, "GET", "/connections/"+database+"/clients", nil).List("clients") {
				if one.(doc)["client_id"] == client {
					return true
				}
			}
			return false
		}
		if id := s.Must(201, "POST", "/clients", doc{"name": "before"}).Doc()["client_id"].(string); enabled(id) {
			t.Error("a client is enabled without the tenant's wish")
		}
		s.Must(200, "PATCH", "/tenants/settings", doc{"flags": doc{"enable_client_connections": true}})
		if id := s.Must(201, "POST", "/clients", doc{"name": "after"}).Doc()["client_id"].(string); !enabled(id) {
			t.Error("a new client is not enabled on the database")
		}
	})
}
