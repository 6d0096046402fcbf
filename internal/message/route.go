package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	connections "latchkey/internal/connection" // a connection is one to a mail server here
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
	// ResourceByKey gives a resource by its key, or resource.ErrNotFound.
	ResourceByKey(ctx context.Context, tenantID string, kind resource.Kind, key string) (*resource.Resource, error)
	// UpdateResource is that of resource.Store.
	UpdateResource(ctx context.Context, tenantID string, r *resource.Resource) error
	// Connections gives the connections of a tenant.
	Connections(ctx context.Context, tenantID string) ([]*connections.Connection, error)
}

// handover is what mail and text messages have in common on their way out: a service of some kind, and how a message is
// written for it.
type handover interface {
	Service
	// write renders a message, and gives what makes one attempt to hand it over, and a warning for the tenant's log.
	write(ctx context.Context, a *author, key Key, m Message, at time.Time) (send func(context.Context) Result, warning string)
}

// mailHandover hands over mail.
type mailHandover struct {
	Provider
	renderer *Renderer
}

func (h mailHandover) write(ctx context.Context, a *author, key Key, m Message, at time.Time) (func(context.Context) Result, string) {
	mail, warning := a.Mail(ctx, h.renderer, key, m)
	mail.Date = at
	return func(ctx context.Context) Result { return h.Send(ctx, mail) }, warning
}

// carrier is a way out with what this node knows of it.
type carrier struct {
	handover
	secrets []string // its credentials: no answer may repeat them
	most    int      // claimed messages at once
	slots   chan struct{}
	breaker breaker
	second  *carrier // takes what this one certainly has not taken; nil where the tenant has no second provider

	mu      sync.Mutex
	jobs    int
	retired bool
}

func newCarrier(h handover, most int) *carrier {
	return &carrier{handover: h, most: most, slots: make(chan struct{}, max(1, h.Concurrency()))}
}

// hide takes the credentials and the secrets of a message out of what a provider says.
func (c *carrier) hide(r Result, secrets ...Secret) Result {
	clean := func(s string) string {
		for _, secret := range c.secrets {
			s = strings.ReplaceAll(s, secret, "[secret]")
		}
		for _, secret := range secrets {
			if secret != "" {
				s = strings.ReplaceAll(s, secret.Reveal(), secret.String())
			}
		}
		return s
	}
	r.Detail, r.Told = clean(r.Detail), clean(r.Told)
	return r
}

// load is how many claimed messages it has.
func (c *carrier) load() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobs
}

func (c *carrier) enter() {
	if c.second != nil {
		c.second.enter()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs++
}

// leave ends what enter began. The last to leave a retired carrier closes it.
func (c *carrier) leave() {
	if c.second != nil {
		c.second.leave()
	}
	c.mu.Lock()
	c.jobs--
	last := c.retired && c.jobs == 0
	c.mu.Unlock()
	if last {
		c.Close()
	}
}

// retire lets nothing more begin.
func (c *carrier) retire() {
	if c.second != nil {
		c.second.retire()
	}
	c.mu.Lock()
	c.retired = true
	idle := c.jobs == 0
	c.mu.Unlock()
	if idle {
		c.Close()
	}
}

func (c *carrier) isRetired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retired
}

// routes knows by which way messages leave. It belongs to the worker's one goroutine.
type routes struct {
	settings Settings
	keys     *seal.Keyset
	egress   *egress.Egress
	renderer *Renderer
	standard *carrier // the operator's, for mail; nil where none is configured
	known    map[source]*route
	closing  sync.WaitGroup
}

// source is where messages come from: those of one source leave by the same carrier.
type source struct {
	tenant     string
	channel    Channel
	connection string // of text messages, whose connections have providers of their own
}

func sourceOf(tenant string, m Message) source {
	if m.Channel == Email {
		return source{tenant: tenant, channel: Email}
	}
	return source{tenant, m.Channel, m.Connection}
}

// route is what is known of one source.
type route struct {
	checkedAt, usedAt time.Time
	stored            any      // the settings that count
	own               *carrier // nil where the operator's counts
}

func newRoutes(c Config) *routes {
	r := &routes{settings: c.Settings, keys: c.Keys, egress: c.Egress, renderer: c.Renderer, known: map[source]*route{}}
	if c.Provider != nil {
		r.standard = newCarrier(mailHandover{c.Provider, c.Renderer}, maxStandard)
	}
	return r
}

// of gives the carrier of a source's messages; nil where there is none.
func (r *routes) of(ctx context.Context, from source) (*carrier, error) {
	var fallback *carrier
	if from.channel == Email {
		fallback = r.standard
	}
	if r.settings == nil {
		return fallback, nil
	}
	now := time.Now()
	known := r.known[from]
	if known == nil {
		known = &route{}
		r.known[from] = known
	}
	known.usedAt = now
	if known.checkedAt.IsZero() || now.Sub(known.checkedAt) >= settingsAge {
		if err := r.check(ctx, from, known); err != nil {
			return nil, err
		}
		known.checkedAt = now
	}
	if known.own != nil {
		return known.own, nil
	}
	return fallback, nil
}

// check reads the settings of a source anew. A provider whose settings are as they were goes on with its connections.
func (r *routes) check(ctx context.Context, from source, known *route) error {
	var stored any
	var open func() *carrier
	if from.channel == Email {
		mail, err := readMail(ctx, r.settings, from.tenant)
		if err != nil {
			return err
		}
		stored, open = mail, func() *carrier { return r.openMail(from.tenant, mail) }
	} else {
		phone, err := readPhone(ctx, r.settings, from)
		if err != nil {
			return err
		}
		stored, open = phone, func() *carrier { return r.openPhone(from, phone) }
	}
	if known.stored != nil && reflect.DeepEqual(stored, known.stored) {
		return nil
	}
	before, ofMail := known.stored.(mailSettings)
	if after, _ := stored.(mailSettings); ofMail && r.renewed(from.tenant, before, after, known.own) {
		known.stored = stored
		return nil
	}
	r.retire(known.own)
	known.stored, known.own = stored, open()
	return nil
}

// mailSettings are the settings by which a tenant's mail leaves; nil where there are none.
type mailSettings struct {
	first, second *resource.Resource
}

func readMail(ctx context.Context, s Settings, tenant string) (all mailSettings, err error) {
	if all.first, err = found(s.Resource(ctx, tenant, resource.Settings, resource.EmailProvider)); err != nil {
		return all, fmt.Errorf("read the e-mail provider of a tenant: %w", err)
	}
	if all.first == nil {
		return all, nil
	}
	if all.second, err = found(s.Resource(ctx, tenant, resource.Settings, resource.EmailFailover)); err != nil {
		return all, fmt.Errorf("read the second e-mail provider of a tenant: %w", err)
	}
	return all, nil
}

// openMail makes the carrier of a tenant's mail; nil where it has none that is switched on.
func (r *routes) openMail(tenant string, s mailSettings) *carrier {
	c := r.open(tenant, s.first)
	if c != nil {
		c.second = r.open(tenant, s.second)
	}
	return c
}

// found gives nil for a resource that does not exist.
func found(stored *resource.Resource, err error) (*resource.Resource, error) {
	if errors.Is(err, resource.ErrNotFound) {
		return nil, nil
	}
	return stored, err
}

// open makes the carrier of stored settings; nil where they are switched off.
func (r *routes) open(tenant string, stored *resource.Resource) *carrier {
	if stored == nil {
		return nil
	}
	configured, err := readProvider(r.keys, tenant, stored)
	if err != nil {
		return r.refusing("tenant", sentence(err))
	}
	configured.keep = keeperOf(r.settings, r.keys, tenant, stored)
	if !configured.enabled {
		return nil
	}
	renderer := r.renderer
	if configured.from != "" {
		if renderer, err = NewRenderer(configured.from); err != nil {
			return r.refusing(configured.name, reasonOddSender)
		}
	}
	c := newCarrier(mailHandover{openProvider(&configured, r.egress), renderer}, maxPerTenant)
	c.secrets = configured.secrets
	return c
}

// refusing is the carrier of settings by which nothing can leave.
func (r *routes) refusing(name, reason string) *carrier {
	return newCarrier(mailHandover{&unusable{name, reason}, r.renderer}, maxPerTenant)
}

// retire ends a carrier beside the worker: parting from a mail server takes its time.
func (r *routes) retire(c *carrier) {
	if c != nil {
		r.closing.Go(c.retire)
	}
}

// forget drops what has not been used for long.
func (r *routes) forget() {
	for from, known := range r.known {
		if time.Since(known.usedAt) >= settingsIdle {
			r.retire(known.own)
			delete(r.known, from)
		}
	}
}

// close ends all carriers.
func (r *routes) close() {
	for _, known := range r.known {
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
