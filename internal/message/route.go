package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"latchkey/internal/egress"
	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

const (
	// settingsAge is how old a tenant's settings may be when a message is sent by them.
	settingsAge = time.Second
	// settingsIdle is how long the provider of a tenant without mail is kept ready.
	settingsIdle = 10 * time.Minute
	// maxPerTenant bounds the claimed messages of one tenant's own provider, so that one which hangs holds up nobody else.
	maxPerTenant = 16
)

// Settings gives what tenants have set. It is read outside transactions.
type Settings interface {
	// Resource gives a resource by id, or resource.ErrNotFound.
	Resource(ctx context.Context, tenantID string, kind resource.Kind, id string) (*resource.Resource, error)
}

// carrier is a provider with what this node knows of it.
type carrier struct {
	provider Provider
	renderer *Renderer
	secrets  []string // its credentials: no answer may repeat them
	most     int      // claimed messages at once
	slots    chan struct{}
	breaker  breaker

	mu      sync.Mutex
	jobs    int
	retired bool
}

func newCarrier(p Provider, r *Renderer, most int) *carrier {
	return &carrier{provider: p, renderer: r, most: most, slots: make(chan struct{}, max(1, p.Concurrency()))}
}

// send makes one attempt. What the provider says may repeat neither its credentials nor the secrets of the message.
func (c *carrier) send(ctx context.Context, m Mail, secrets ...Secret) Result {
	r := c.provider.Send(ctx, m)
	for _, secret := range c.secrets {
		r.Detail = strings.ReplaceAll(r.Detail, secret, "[secret]")
	}
	for _, secret := range secrets {
		if secret != "" {
			r.Detail = strings.ReplaceAll(r.Detail, secret.Reveal(), secret.String())
		}
	}
	return r
}

// load is how many claimed messages it has.
func (c *carrier) load() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobs
}

func (c *carrier) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs++
}

// leave ends what enter began. The last to leave a retired carrier closes it.
func (c *carrier) leave() {
	c.mu.Lock()
	c.jobs--
	last := c.retired && c.jobs == 0
	c.mu.Unlock()
	if last {
		c.provider.Close()
	}
}

// retire lets nothing more begin.
func (c *carrier) retire() {
	c.mu.Lock()
	c.retired = true
	idle := c.jobs == 0
	c.mu.Unlock()
	if idle {
		c.provider.Close()
	}
}

func (c *carrier) isRetired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retired
}

// routes knows by which provider each tenant's messages leave. It belongs to the worker's one goroutine.
type routes struct {
	settings Settings
	keys     *seal.Keyset
	egress   *egress.Egress
	renderer *Renderer
	standard *carrier // the operator's; nil where none is configured
	tenants  map[string]*route
	closing  sync.WaitGroup
}

// route is what is known of one tenant.
type route struct {
	checkedAt, usedAt time.Time
	stored            *resource.Resource // nil where nothing is set
	own               *carrier           // nil where the operator's counts
}

func newRoutes(c Config) *routes {
	r := &routes{settings: c.Settings, keys: c.Keys, egress: c.Egress, renderer: c.Renderer, tenants: map[string]*route{}}
	if c.Provider != nil {
		r.standard = newCarrier(c.Provider, c.Renderer, maxStandard)
	}
	return r
}

// of gives the carrier of a tenant's messages; nil where there is none.
func (r *routes) of(ctx context.Context, tenant string) (*carrier, error) {
	if r.settings == nil {
		return r.standard, nil
	}
	now := time.Now()
	known := r.tenants[tenant]
	if known == nil {
		known = &route{}
		r.tenants[tenant] = known
	}
	known.usedAt = now
	if known.checkedAt.IsZero() || now.Sub(known.checkedAt) >= settingsAge {
		if err := r.check(ctx, tenant, known); err != nil {
			return nil, err
		}
		known.checkedAt = now
	}
	if known.own != nil {
		return known.own, nil
	}
	return r.standard, nil
}

// check reads a tenant's settings anew. A provider whose settings are as they were goes on with its connections.
func (r *routes) check(ctx context.Context, tenant string, known *route) error {
	stored, err := r.settings.Resource(ctx, tenant, resource.Settings, resource.EmailProvider)
	switch {
	case errors.Is(err, resource.ErrNotFound):
		stored = nil
	case err != nil:
		return fmt.Errorf("read the e-mail provider of a tenant: %w", err)
	}
	if reflect.DeepEqual(stored, known.stored) {
		return nil
	}
	r.retire(known.own)
	known.stored, known.own = stored, nil
	if stored != nil {
		known.own = r.open(tenant, stored)
	}
	return nil
}

// open makes the carrier of stored settings; nil where they are switched off.
func (r *routes) open(tenant string, stored *resource.Resource) *carrier {
	configured, err := readProvider(r.keys, tenant, stored)
	if err != nil {
		return newCarrier(&unusable{name: "tenant", reason: sentence(err)}, r.renderer, maxPerTenant)
	}
	if !configured.enabled {
		return nil
	}
	renderer := r.renderer
	if configured.from != "" {
		if renderer, err = NewRenderer(configured.from); err != nil {
			reason := "The default_from_address of the e-mail provider is not a mailbox."
			return newCarrier(&unusable{name: configured.name, reason: reason}, r.renderer, maxPerTenant)
		}
	}
	c := newCarrier(openProvider(&configured, r.egress), renderer, maxPerTenant)
	c.secrets = configured.secrets
	return c
}

// retire ends a carrier beside the worker: parting from a mail server takes its time.
func (r *routes) retire(c *carrier) {
	if c != nil {
		r.closing.Go(c.retire)
	}
}

// forget drops what has not been used for long.
func (r *routes) forget() {
	for tenant, known := range r.tenants {
		if time.Since(known.usedAt) >= settingsIdle {
			r.retire(known.own)
			delete(r.tenants, tenant)
		}
	}
}

// close ends all carriers.
func (r *routes) close() {
	for _, known := range r.tenants {
		r.retire(known.own)
	}
	r.retire(r.standard)
	r.closing.Wait()
}

// unusable is a provider that sends nothing and says why.
type unusable struct{ name, reason string }

func (r *unusable) Name() string     { return r.name }
func (r *unusable) Concurrency() int { return 1 }
func (r *unusable) Close()           {}

func (r *unusable) Send(context.Context, Mail) Result {
	return Result{Verdict: VerdictConfig, Detail: r.reason}
}
