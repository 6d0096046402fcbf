package mgmtapi

import (
	"context"
	"errors"
	"net/http"

	"latchkey/internal/resource"
)

// settings is something that a tenant has exactly one of. It always exists: what was never set has its defaults.
type settings struct {
	id string // within the kind resource.Settings
	// absent are the members that are shown where nothing is stored.
	absent resource.Document
	// byKey, secrets, check and present are those of a collection.
	byKey   []string
	secrets []string
	// reveal shows the secrets too.
	reveal bool
	// deep lets a PATCH merge objects in objects too, and defaults are given to their members alike.
	deep bool
	// missing, where it is set, is the answer while nothing is stored: such settings are created and removed.
	missing *problem
	check   func(r *request, ctx context.Context, before, after resource.Document) error
	present func(r *request, stored *resource.Resource, shown resource.Document)
}

func (s *settings) get(r *request) (answer, error) {
	stored, err := s.existing(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	shown, err := s.shown(r, stored)
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

// shown is show with the secrets that are not kept to themselves.
func (s *settings) shown(r *request, stored *resource.Resource) (resource.Document, error) {
	d := s.show(r, stored)
	if s.reveal {
		if _, err := showSecrets(r.Seal, r.tenantID(), stored, d); err != nil {
			return nil, err
		}
	}
	return d, r.hashSecrets(stored, d, s.secrets, nil)
}

// existing is read for settings that may be missing.
func (s *settings) existing(r *request, ctx context.Context) (*resource.Resource, error) {
	stored, err := s.read(r, ctx)
	if err == nil && stored.Version == 0 && s.missing != nil {
		return nil, *s.missing
	}
	return stored, err
}

// read gives what is stored; nothing is stored as version 0.
func (s *settings) read(r *request, ctx context.Context) (*resource.Resource, error) {
	stored, err := r.Resources.Resource(ctx, r.tenantID(), resource.Settings, s.id)
	if errors.Is(err, resource.ErrNotFound) {
		return &resource.Resource{Kind: resource.Settings, ID: s.id, Document: resource.Document{}, CreatedAt: r.now()}, nil
	}
	return stored, err
}

func (s *settings) show(r *request, stored *resource.Resource) resource.Document {
	shown := s.complete(stored.Visible())
	if s.present != nil {
		s.present(r, stored, shown)
	}
	return shown
}

// complete copies a document and gives it the members that it does not have.
func (s *settings) complete(d resource.Document) resource.Document {
	if s.deep {
		whole := clone(s.absent)
		mergeDeep(whole, clone(d))
		return whole
	}
	whole := clone(d)
	defaults(whole, s.absent)
	return whole
}

// create is POST of what may be missing; taken is the answer when it is there already.
func (s *settings) create(r *request, taken problem) (answer, error) {
	a, err := s.write(r, func(before, after *resource.Resource) error {
		if before.Version != 0 {
			return taken
		}
		after.Document = clone(r.doc())
		return nil
	})
	a.status = http.StatusCreated
	return a, err
}

// update is PATCH: the payload is laid over what is stored. Secrets in members that it replaces are gone unless it has
// them.
func (s *settings) update(r *request) (answer, error) {
	return s.write(r, func(before, after *resource.Resource) error {
		if before.Version == 0 && s.missing != nil {
			return *s.missing
		}
		forgetSecrets(after, s.secrets, r.doc())
		if s.deep {
			mergeDeep(after.Document, clone(r.doc()))
		} else {
			merge(after.Document, clone(r.doc()), s.byKey)
		}
		return nil
	})
}

// replace is PUT: the payload is all there is.
func (s *settings) replace(r *request) (answer, error) {
	return s.write(r, func(_, after *resource.Resource) error {
		after.Document, after.Sealed = resource.Document{}, nil
		merge(after.Document, clone(r.doc()), nil)
		return nil
	})
}

// remove is DELETE of what may be missing.
func (s *settings) remove(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		err := r.Resources.DeleteResource(ctx, r.tenantID(), resource.Settings, s.id)
		if errors.Is(err, resource.ErrNotFound) {
			return answer{}, *s.missing
		}
		return answer{status: http.StatusNoContent}, err
	})
}

// write applies a change to what is stored.
func (s *settings) write(r *request, change func(before, after *resource.Resource) error) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		before, err := s.read(r, ctx)
		if err != nil {
			return answer{}, err
		}
		after := *before
		after.Document, after.Sealed, after.UpdatedAt = clone(before.Document), cloneSealed(before.Sealed), r.now()
		if err := change(before, &after); err != nil {
			return answer{}, err
		}
		if s.check != nil {
			if err := s.check(r, ctx, before.Document, s.complete(after.Document)); err != nil {
				return answer{}, err
			}
		}
		if err := sealSecrets(r.Seal, r.tenantID(), &after, s.secrets, true); err != nil {
			return answer{}, err
		}
		write := r.Resources.UpdateResource
		if before.Version == 0 {
			write = r.Resources.CreateResource
		}
		if err := write(ctx, r.tenantID(), &after); err != nil {
			return answer{}, err
		}
		shown, err := s.shown(r, &after)
		return answer{status: http.StatusOK, body: shown}, err
	})
}
