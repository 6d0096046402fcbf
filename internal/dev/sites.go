package dev

import (
	"context"
	"sync"

	"latchkey/internal/tenant"
)

// tenants is the part of the database that finds tenants.
type tenants interface {
	Site(ctx context.Context, host string) (tenant.Site, error)
	Tenant(ctx context.Context, id string) (*tenant.Tenant, error)
}

// sites finds the tenant of a host by the addresses that this process listens on, before the database's domains. So a
// tenant follows its server to another port, and answers to every loopback name, always with the one configured issuer.
type sites struct {
	tenants tenants

	mu     sync.RWMutex
	byHost map[string]*address
}

// address is what one host leads to.
type address struct {
	tenantID string
	domain   tenant.Domain

	mu     sync.Mutex
	stored *tenant.Tenant // as the database gave it
	shown  *tenant.Tenant // the same with our domain as the canonical one
}

func newSites(t tenants) *sites { return &sites{tenants: t, byHost: map[string]*address{}} }

// add makes hosts lead to a tenant.
func (s *sites) add(tenantID string, domain tenant.Domain, hosts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &address{tenantID: tenantID, domain: domain}
	for _, host := range hosts {
		s.byHost[host] = a
	}
}

// Site implements httpx.Sites.
func (s *sites) Site(ctx context.Context, host string) (tenant.Site, error) {
	s.mu.RLock()
	a := s.byHost[host]
	s.mu.RUnlock()
	if a == nil {
		return s.tenants.Site(ctx, host)
	}
	t, err := s.tenants.Tenant(ctx, a.tenantID)
	if err != nil {
		return tenant.Site{}, err
	}
	return tenant.Site{Tenant: a.show(t), Domain: a.domain}, nil
}

// show gives the tenant with our domain. What the database hands out is shared, so it is copied once and not changed.
func (a *address) show(t *tenant.Tenant) *tenant.Tenant {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stored != t {
		shown := *t
		shown.Domain = a.domain
		a.stored, a.shown = t, &shown
	}
	return a.shown
}
