package server

import (
	"testing"

	"latchkey/internal/client"
)

// A client's setting for loopback redirects once let scripts of any loopback origin call, in production too.
func TestProductionClients_LoopbackIsForRedirectsOfNativeClients(t *testing.T) {
	t.Parallel()
	d, ctx := newDatabase(t), t.Context()
	made, err := d.CreateTenant(ctx, NewTenant{Name: "acme", Domain: "login.example.com", HTTPS: true})
	if err != nil {
		t.Fatal(err)
	}
	tenantID := made.Tenant.ID
	open := &client.Extensions{LoopbackRedirects: true}
	for _, c := range []*client.Client{
		{ID: "native", AppType: "native", Latchkey: open},
		{ID: "spa", AppType: "spa", Latchkey: open, WebOrigins: []string{"http://localhost:3000", "https://app.example.com"}},
	} {
		if _, _, err := d.EnsureClient(ctx, tenantID, c); err != nil {
			t.Fatal(err)
		}
	}
	var development, production client.Store = d.Store, productionClients{d.Store}
	for origin, want := range map[string][2]bool{ // in development, in production
		"http://localhost:3000":    {true, true},
		"https://app.example.com":  {true, true},
		"http://localhost:3001":    {true, false},
		"https://localhost:3000":   {true, false},
		"http://127.0.0.1:3000":    {true, false},
		"http://[::1]:3000":        {true, false},
		"https://evil.example.com": {false, false},
		"capacitor://localhost":    {false, false},
		"null":                     {false, false},
		"":                         {false, false},
	} {
		for i, clients := range []client.Store{development, production} {
			if got, err := clients.OriginKnown(ctx, tenantID, origin); err != nil || got != want[i] {
				t.Errorf("store %d knows %q: %v, %v, want %v", i, origin, got, err, want[i])
			}
		}
	}
	for id, want := range map[string]bool{"native": true, "spa": false} {
		c, err := production.Client(ctx, tenantID, id)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.AllowsCallback("http://127.0.0.1:5000/callback"); got != want {
			t.Errorf("the %s client is redirected to loopback: %v, want %v", id, got, want)
		}
	}
}
