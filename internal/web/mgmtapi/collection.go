package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"latchkey/internal/resource"
)

// collection is a kind of resource that is kept as documents and has the usual operations. Its fields say what is special
// about it; zero values are the usual.
type collection struct {
	kind   resource.Kind
	plural string
	// idName is the member that holds the id, "id" unless set; newID makes one.
	idName string
	newID  func() string
	// param is the parameter of the path that holds the id, "id" unless set.
	param string
	// key gives what is unique among the kind, if anything.
	key func(resource.Document) string
	// missing and taken are the refusals of the kind.
	missing, taken problem
	// stamps adds created_at and updated_at to what is shown.
	stamps bool
	// perPage is the size of a page by number, 50 unless set; bare lists are not paged at all.
	perPage int
	bare    bool
	// byKey are the members that a PATCH merges key by key.
	byKey []string
	// secrets are the paths of members that are sealed and never shown, unless reveal says so.
	secrets []string
	reveal  func(*request) bool
	// sealed gives secrets that are sealed within the document, by their paths.
	sealed func(*resource.Resource) map[string][]byte
	// replaces tells that a PATCH which names a member takes its secrets away too, unless it has them.
	replaces bool
	// prepare completes a new document with its defaults.
	prepare func(r *request, d resource.Document) error
	// check looks at the document as it would be stored, with the one before it, which is nil for a new one.
	check func(r *request, ctx context.Context, before, after resource.Document) error
	// present changes what is shown of a stored resource.
	present func(r *request, stored *resource.Resource, shown resource.Document)
	// keep chooses what a list shows by its query.
	keep func(r *request) func(*resource.Resource) bool
	// saved and removed do what follows from a write, in its commit.
	saved   func(r *request, ctx context.Context, before, after *resource.Resource) error
	removed func(r *request, ctx context.Context, gone *resource.Resource) error
	// createStatus and deleteStatus are the statuses of success: 201 and 204 unless set. A delete with 200 answers {}.
	createStatus, deleteStatus int
	// idempotent answers the deletion of something absent like any other.
	idempotent bool
}

func (c *collection) id() string {
	if c.idName == "" {
		return "id"
	}
	return c.idName
}

// pathID gives the id that a call names.
func (c *collection) pathID(r *request) string {
	if c.param == "" {
		return r.path("id")
	}
	return r.path(c.param)
}

// show gives a stored resource as the API shows it.
func (c *collection) show(r *request, stored *resource.Resource) (resource.Document, error) {
	shown := clone(stored.Visible())
	shown[c.id()] = stored.ID
	if c.stamps {
		shown["created_at"], shown["updated_at"] = stamp(stored.CreatedAt), stamp(stored.UpdatedAt)
	}
	if c.reveal != nil && c.reveal(r) {
		if _, err := showSecrets(r.Seal, r.tenantID(), stored, shown); err != nil {
			return nil, err
		}
	}
	if c.present != nil {
		c.present(r, stored, shown)
	}
	var further map[string][]byte
	if c.sealed != nil {
		further = c.sealed(stored)
	}
	return shown, r.hashSecrets(stored, shown, c.secrets, further)
}

func (c *collection) list(r *request) (answer, error) {
	l := listing{
		kind: c.kind, plural: c.plural, perPage: c.perPage,
		show: func(stored *resource.Resource) (resource.Document, error) { return c.show(r, stored) },
	}
	if c.keep != nil {
		l.keep = c.keep(r)
	}
	if !c.bare {
		return r.list(l)
	}
	all, err := r.everyResource(r.ctx(), c.kind)
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, 0, len(all))
	for _, stored := range all {
		if l.keep != nil && !l.keep(stored) {
			continue
		}
		d, err := l.show(stored)
		if err != nil {
			return answer{}, err
		}
		items = append(items, d)
	}
	return ok(items)
}

// find reads a resource by id.
func (c *collection) find(r *request, ctx context.Context, id string) (*resource.Resource, error) {
	stored, err := r.Resources.Resource(ctx, r.tenantID(), c.kind, id)
	if errors.Is(err, resource.ErrNotFound) {
		return nil, c.missing
	}
	return stored, err
}

func (c *collection) get(r *request) (answer, error) {
	stored, err := c.find(r, r.ctx(), c.pathID(r))
	if err != nil {
		return answer{}, err
	}
	shown, err := c.show(r, stored)
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

func (c *collection) create(r *request) (answer, error) { return c.add(r, clone(r.doc())) }

// add creates a resource from a document, whose nulls stand for nothing.
func (c *collection) add(r *request, d resource.Document) (answer, error) {
	for name, v := range d {
		if v == nil {
			delete(d, name)
		}
	}
	id := c.newID()
	d[c.id()] = id
	if c.prepare != nil {
		if err := c.prepare(r, d); err != nil {
			return answer{}, err
		}
	}
	status := c.createStatus
	if status == 0 {
		status = http.StatusCreated
	}
	return r.commit(func(ctx context.Context) (answer, error) {
		fresh := &resource.Resource{Kind: c.kind, ID: id, Document: clone(d), CreatedAt: r.now(), UpdatedAt: r.now()}
		if err := c.save(r, ctx, nil, fresh); err != nil {
			return answer{}, err
		}
		shown, err := c.show(r, fresh)
		return answer{status: status, body: shown}, err
	})
}

// save checks and writes a resource, new when there is none before it, and what follows from it.
func (c *collection) save(r *request, ctx context.Context, before, after *resource.Resource) error {
	var old resource.Document
	if before != nil {
		old = before.Document
	}
	if c.check != nil {
		if err := c.check(r, ctx, old, after.Document); err != nil {
			return err
		}
	}
	if c.replaces {
		forgetSecrets(after, c.secrets, r.doc())
	}
	if err := sealSecrets(r.Seal, r.tenantID(), after, c.secrets, true); err != nil {
		return err
	}
	if c.key != nil {
		after.Key = c.key(after.Document)
	}
	write := r.Resources.UpdateResource
	if before == nil {
		write = r.Resources.CreateResource
	}
	err := write(ctx, r.tenantID(), after)
	switch {
	case errors.Is(err, resource.ErrExists):
		return c.taken
	case errors.Is(err, resource.ErrNotFound):
		return c.missing
	case err != nil:
		return err
	}
	if c.saved == nil {
		return nil
	}
	return c.saved(r, ctx, before, after)
}

func (c *collection) update(r *request) (answer, error) {
	return c.change(r, c.pathID(r), func(after *resource.Resource) error {
		merge(after.Document, clone(r.doc()), c.byKey)
		return nil
	})
}

// change applies a change to a copy of a stored resource.
func (c *collection) change(r *request, id string, change func(after *resource.Resource) error) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		before, err := c.find(r, ctx, id)
		if err != nil {
			return answer{}, err
		}
		after := *before
		after.Document, after.Sealed, after.UpdatedAt = clone(before.Document), cloneSealed(before.Sealed), r.now()
		if err := change(&after); err != nil {
			return answer{}, err
		}
		if err := c.save(r, ctx, before, &after); err != nil {
			return answer{}, err
		}
		shown, err := c.show(r, &after)
		return answer{status: http.StatusOK, body: shown}, err
	})
}

func cloneSealed(sealed map[string][]byte) map[string][]byte {
	copied := make(map[string][]byte, len(sealed))
	for name, b := range sealed {
		copied[name] = b
	}
	return copied
}

func (c *collection) remove(r *request) (answer, error) { return c.removeID(r, c.pathID(r)) }

func (c *collection) removeID(r *request, id string) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		gone, err := c.find(r, ctx, id)
		switch {
		case errors.Is(err, c.missing) && c.idempotent:
			return c.removedAnswer(), nil
		case err != nil:
			return answer{}, err
		}
		if err := r.Resources.DeleteResource(ctx, r.tenantID(), c.kind, id); err != nil {
			return answer{}, err
		}
		if c.removed != nil {
			if err := c.removed(r, ctx, gone); err != nil {
				return answer{}, err
			}
		}
		return c.removedAnswer(), nil
	})
}

func (c *collection) removedAnswer() answer {
	if c.deleteStatus == http.StatusOK {
		return answer{status: http.StatusOK, body: resource.Document{}}
	}
	return answer{status: http.StatusNoContent}
}

// nameFilter keeps resources whose member contains a text, whatever its case; nil for an empty text.
func nameFilter(part, member string) func(*resource.Resource) bool {
	if part == "" {
		return nil
	}
	part = strings.ToLower(part)
	return func(stored *resource.Resource) bool {
		return strings.Contains(strings.ToLower(text(stored.Document, member)), part)
	}
}
