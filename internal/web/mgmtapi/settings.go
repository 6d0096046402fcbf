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
	check   func(r *request, ctx context.Context, before, after resource.Document) error
	present func(r *request, stored *resource.Resource, shown resource.Document)
}

func (s *settings) get(r *request) (answer, error) {
	stored, err := s.read(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	return ok(s.show(r, stored))
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
	shown := clone(stored.Visible())
	defaults(shown, s.absent)
	if s.present != nil {
		s.present(r, stored, shown)
	}
	return shown
}

// update is PATCH: the payload is laid over what is stored.
func (s *settings) update(r *request) (answer, error) {
	return s.change(r, func(d resource.Document) { merge(d, clone(r.doc()), s.byKey) })
}

// replace is PUT: the payload is all there is.
func (s *settings) replace(r *request) (answer, error) {
	return s.change(r, func(d resource.Document) {
		clear(d)
		merge(d, clone(r.doc()), nil)
	})
}

func (s *settings) change(r *request, change func(resource.Document)) (answer, error) {
	return r.again(func() (answer, error) {
		return r.commit(func(ctx context.Context) (answer, error) {
			before, err := s.read(r, ctx)
			if err != nil {
				return answer{}, err
			}
			after := *before
			after.Document, after.Sealed, after.UpdatedAt = clone(before.Document), cloneSealed(before.Sealed), r.now()
			change(after.Document)
			if s.check != nil {
				complete := clone(after.Document)
				defaults(complete, s.absent)
				if err := s.check(r, ctx, before.Document, complete); err != nil {
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
				if errors.Is(err, resource.ErrExists) { // somebody was the first at the same moment
					return answer{}, resource.ErrChanged
				}
				return answer{}, err
			}
			return answer{status: http.StatusOK, body: s.show(r, &after)}, nil
		})
	})
}
