package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/ident"
)

// ErrChanged is returned by Apply when the tenant is no longer what the plan was made for.
var ErrChanged = errors.New("the tenant was changed since the plan was made; nothing was done, make a new plan")

// Apply does what the plan says. Where the tenant has transactions, all of it happens or nothing; else it stops at the first
// refusal, and what was done before stays done. A plan that lacks a secret which must be created is refused at once. Done is called after each change, where it is not nil; in a transaction it
// may be called for changes that are then taken back.
func (p *Plan) Apply(ctx context.Context, done func(*Change)) error {
	if err := errors.Join(p.lacking...); err != nil {
		return err
	}
	if p.session.tenant.InTx == nil {
		return p.apply(ctx, done)
	}
	return p.session.tenant.InTx(ctx, func(ctx context.Context) error {
		// The plan is made again inside: what is done is what the person has seen.
		now, err := NewPlan(ctx, p.session.tenant, p.config, p.session.settings)
		if err != nil {
			return err
		}
		if now.String() != p.String() {
			return ErrChanged
		}
		return now.apply(ctx, done)
	})
}

// run is one carrying out of a plan.
type run struct {
	*session
}

// step is one request, or a few, of a change.
type step struct {
	change *Change
	do     func(context.Context, *run, *Change) error
}

func (p *Plan) apply(ctx context.Context, done func(*Change)) error {
	r := &run{session: p.session}
	for _, s := range p.steps() {
		if err := s.do(ctx, r, s.change); err != nil {
			return s.change.explain(err)
		}
		if done != nil {
			done(s.change)
		}
	}
	return nil
}

func (c *Change) explain(err error) error {
	if c.item != nil {
		return fmt.Errorf("%s: %w", c.item.source, err)
	}
	return fmt.Errorf("%s %s %q: %w", c.Action, c.Type, c.Name, err)
}

// steps gives the order of the work. Within a type that is: deletions, creations, updates. In a transaction the deletions of
// all types come last, from the last type to the first, so that nothing that is deleted is still needed.
func (p *Plan) steps() []step {
	var work, deletions []step
	for _, group := range p.byType() {
		var creations, updates, gone []step
		for _, c := range group {
			switch {
			case c.Forbidden:
			case c.Action == Delete:
				gone = append(gone, step{c, remover(c.kind)})
			case c.Action == Create:
				creations = append(creations, step{c, creator(c.kind)})
			case c.Action == Replace:
				updates = append(updates, step{c, replaceOne})
			default:
				updates = append(updates, step{c, updater(c.kind)})
			}
		}
		if p.session.tenant.InTx != nil {
			deletions = append(gone, deletions...)
			gone = nil
		}
		work = slices.Concat(work, gone, creations, updates)
	}
	return append(work, deletions...)
}

// byType groups the changes by type, in the order of the types.
func (p *Plan) byType() [][]*Change {
	all := slices.Clone(p.Changes)
	slices.SortStableFunc(all, func(a, b *Change) int { return a.kind.order - b.kind.order })
	groups := map[string][]*Change{}
	var order []string
	for _, c := range all {
		if groups[c.Type] == nil {
			order = append(order, c.Type)
		}
		groups[c.Type] = append(groups[c.Type], c)
	}
	found := make([][]*Change, len(order))
	for i, typ := range order {
		found[i] = groups[typ]
	}
	return found
}

func creator(k *kind) func(context.Context, *run, *Change) error {
	create := k.create
	if create == nil {
		create = createOne
	}
	return then(create, k.after)
}

func updater(k *kind) func(context.Context, *run, *Change) error {
	update := k.update
	if update == nil {
		update = updateOne
	}
	if !k.single {
		update = then(makeRoom, update)
	}
	return then(update, k.after)
}

func remover(k *kind) func(context.Context, *run, *Change) error {
	if k.remove != nil {
		return k.remove
	}
	return removeOne
}

// then does one after the other; the second may be nil.
func then(a, b func(context.Context, *run, *Change) error) func(context.Context, *run, *Change) error {
	if b == nil {
		return a
	}
	return func(ctx context.Context, r *run, c *Change) error {
		if err := a(ctx, r, c); err != nil {
			return err
		}
		return b(ctx, r, c)
	}
}

func replaceOne(ctx context.Context, r *run, c *Change) error {
	return then(remover(c.kind), creator(c.kind))(ctx, r, c)
}

// makeRoom gives another resource that has the name this one is to get a name for the time being, so that two can swap
// theirs.
func makeRoom(ctx context.Context, r *run, c *Change) error {
	name := text(c.item.object, "name")
	unique := slices.ContainsFunc(c.kind.match, func(k matchKey) bool { return len(k) == 1 && k[0] == "name" })
	if !c.changes("name") || !unique {
		return nil
	}
	for _, other := range r.loaded[c.kind.name] {
		if other == c.stored || text(other.object, "name") != name {
			continue
		}
		room := name + "-" + strings.ToLower(ident.ObjectID()[19:])
		if _, err := call(ctx, r.tenant.API, http.MethodPatch, under(c.kind.path, other.id), object{"name": room}); err != nil {
			return err
		}
		other.object["name"] = room
	}
	c.stored.object["name"] = name
	return nil
}

// newBody gives what is sent to create a resource.
func (r *run) newBody(ctx context.Context, c *Change) (object, error) {
	body := cloneObject(c.item.object)
	delete(body, c.kind.id)
	return r.body(ctx, c, body, nil)
}

// changedBody gives what is sent to update a resource: the properties that differ, whole, with the secrets that the file
// tells.
func (r *run) changedBody(ctx context.Context, c *Change) (object, error) {
	wanted := c.tops()
	for _, path := range c.along {
		wanted = append(wanted, top(path))
	}
	return r.body(ctx, c, cloneObject(pick(c.item.object, wanted...)), c.kind.createOnly)
}

func (r *run) body(ctx context.Context, c *Change, body object, without []string) (object, error) {
	dropMasks(body)
	for _, path := range slices.Concat(c.kind.readOnly, without) {
		remove(body, path)
	}
	if c.kind.body != nil {
		if err := c.kind.body(ctx, r, c, body); err != nil {
			return nil, err
		}
	}
	if c.stored != nil {
		keepMasked(body, c)
	}
	return body, nil
}

// keepMasked puts the stored values, as far as the API tells them, in the place of those that the file does not: what an
// update sends of a property replaces it whole.
func keepMasked(body object, c *Change) {
	for _, path := range c.masked {
		parent, last := parentOf(body, path)
		if parent == nil || !strings.Contains(path, ".") {
			continue
		}
		if value, told := lookup(c.stored.raw, path); told {
			if _, given := parent[last]; !given {
				parent[last] = clone(value)
			}
		}
	}
}

// made notes what a creation answered, so that other resources can name it.
func (r *run) made(c *Change, answer object) {
	c.stored = &stored{id: text(answer, c.kind.id), raw: answer, object: cloneObject(c.item.object)}
	r.loaded[c.kind.name] = append(r.loaded[c.kind.name], c.stored)
}
