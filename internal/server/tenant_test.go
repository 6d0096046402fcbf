package server

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/jwt"
	"latchkey/internal/tenant"
)

func newDatabase(t *testing.T) *Database {
	t.Helper()
	d, err := OpenDatabase(t.Context(), DatabaseOptions{
		URL: filepath.Join(t.TempDir(), "data.db"), Keyset: newKeyset(t), Migrate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestCreateTenant_CompletesWhatAnInterruptedRunLeftOut(t *testing.T) {
	t.Parallel()
	d, ctx := newDatabase(t), t.Context()
	if err := d.Store.CreateTenant(ctx, &tenant.Tenant{
		ID: "half", Name: "acme", Domain: DomainOf("login.example.com", true), CreatedAt: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	want := NewTenant{Name: "acme", Domain: "LOGIN.example.com:443", HTTPS: true}
	made, err := d.CreateTenant(ctx, want)
	if err != nil || !made.Existed || made.Tenant.ID != "half" || len(made.ManagementSecret) != 64 {
		t.Fatalf("got %+v, %v", made, err)
	}
	if _, err := d.Keys.Signer(ctx, "half", jwt.RS256); err != nil {
		t.Errorf("the tenant's key: %v", err)
	}
	again, err := d.CreateTenant(ctx, want)
	if err != nil || again.ManagementSecret != made.ManagementSecret || again.Management.ID != made.Management.ID {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

func TestCreateTenant_OfTwoAtOnceBothFindTheSame(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	if _, err := d.CreateTenant(t.Context(), NewTenant{Name: "acme", Domain: "localhost:1"}); err != nil {
		t.Fatal(err)
	}
	secrets := make([]string, 4)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			made, err := d.CreateTenant(t.Context(), NewTenant{Name: "acme", Domain: "localhost:1"})
			if err != nil {
				t.Error(err)
				return
			}
			secrets[i] = made.ManagementSecret
		})
	}
	all.Wait()
	for _, s := range secrets {
		if s == "" || s != secrets[0] {
			t.Errorf("secrets differ: %v", secrets)
		}
	}
}

func TestCreateTenant_RefusesTakenNamesAndDomains(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	if _, err := d.CreateTenant(t.Context(), NewTenant{Name: "acme", Domain: "login.example.com", HTTPS: true}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []NewTenant{
		{Name: "acme", Domain: "other.example.com", HTTPS: true},
		{Name: "acme", Domain: "login.example.com"},
		{Name: "other", Domain: "login.example.com", HTTPS: true},
	} {
		if _, err := d.CreateTenant(t.Context(), n); !errors.Is(err, tenant.ErrExists) {
			t.Errorf("CreateTenant(%+v) = %v, want ErrExists", n, err)
		}
	}
	for _, n := range []NewTenant{{Name: "", Domain: "a.example"}, {Name: "A", Domain: "a.example"}, {Name: "a", Domain: "a b"}, {Name: "a", Domain: ""}} {
		if _, err := d.CreateTenant(t.Context(), n); err == nil || apierr.KindOf(err) == apierr.Conflict {
			t.Errorf("CreateTenant(%+v) = %v, want a refusal", n, err)
		}
	}
}
