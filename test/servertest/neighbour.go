package servertest

import (
	"context"
	"strings"
	"testing"

	"latchkey/internal/server"
)

// Neighbour makes another tenant on the same server and gives its side of it: what belongs to one tenant is nothing to the
// other. It has a management client, and no other of the seeded ones.
func (s *Server) Neighbour(t testing.TB) *Server {
	t.Helper()
	host := strings.Replace(strings.TrimPrefix(s.URL, "http://"), "127.0.0.1", "localhost", 1)
	made, err := s.Database.CreateTenant(context.Background(), server.NewTenant{Name: "neighbour", Domain: host})
	if err != nil {
		t.Fatal(err)
	}
	n := *s
	n.T, n.URL, n.Issuer, n.Tenant = t, "http://"+host, "http://"+host+"/", made.Tenant
	n.M2M, n.M2MKey = made.Management, made.ManagementSecret
	n.Web, n.Secret, n.SPA, n.Native = nil, "", nil, nil
	return &n
}

// Open unseals what the server has sealed, with the names it was sealed for.
func (s *Server) Open(sealed []byte, names ...string) (string, error) {
	text, err := s.keyset.Open(sealed, names...)
	return string(text), err
}
