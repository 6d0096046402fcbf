package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Replace makes a stored resource show nothing but a typed record and hold nothing but the given secrets, as an
// administrator's whole update would.
func Replace(ctx context.Context, db resource.Store, tenantID string, kind resource.Kind, id string, record any, sealed map[string][]byte) error {
	r, err := db.Resource(ctx, tenantID, kind, id)
	if err != nil {
		return err
	}
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	r.Document, r.Sealed = nil, sealed
	if err := json.Unmarshal(text, &r.Document); err != nil {
		return err
	}
	return db.UpdateResource(ctx, tenantID, r)
}

const things resource.Kind = "things"

func thing(id string) *resource.Resource {
	return &resource.Resource{
		Kind: things, ID: id, Key: "key of " + id, Document: resource.Document{"id": id, "n": 1.5, "list": []any{"a", nil, true}, "$note": "ours"},
		Sealed: map[string][]byte{"secret": {0, 255}}, CreatedAt: at(1), UpdatedAt: at(2),
	}
}

var resources = []promise{
	{"AResourceComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := thing("one")
		ok(t, s.db.CreateResource(ctx, id, want))
		equal(t, "version", want.Version, 1)
		got, err := s.db.Resource(ctx, id, things, "one")
		ok(t, err)
		equal(t, "by id", got, want)
		got, err = s.db.ResourceByKey(ctx, id, things, want.Key)
		ok(t, err)
		equal(t, "by key", got, want)
		equal(t, "what is shown", got.Visible(), resource.Document{"id": "one", "n": 1.5, "list": []any{"a", nil, true}})
		want.Key, want.Document, want.Sealed, want.UpdatedAt = "other", resource.Document{"x": "y"}, nil, at(9)
		ok(t, s.db.UpdateResource(ctx, id, want))
		equal(t, "version after an update", want.Version, 2)
		got, err = s.db.ResourceByKey(ctx, id, things, "other")
		ok(t, err)
		equal(t, "after an update", got, want)
		ok(t, s.db.DeleteResource(ctx, id, things, "one"))
		is(t, s.db.DeleteResource(ctx, id, things, "one"), resource.ErrNotFound)
		is(t, s.db.UpdateResource(ctx, id, want), resource.ErrNotFound)
	}},
	// A name of 6000 letters was once more than an index of PostgreSQL takes.
	{"AKeyMayBeLong", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, n := range []int{2500, 2501, 300_000} {
			long := ident.Token(n)[:n] // what repeats itself is compressed
			one := thing(fmt.Sprint(n))
			one.Key = long
			ok(t, s.db.CreateResource(ctx, id, one))
			got, err := s.db.ResourceByKey(ctx, id, things, long)
			ok(t, err)
			equal(t, "found", got.ID, one.ID)
			_, err = s.db.ResourceByKey(ctx, id, things, long[:n-1])
			is(t, err, resource.ErrNotFound)
			two := thing(fmt.Sprint("other ", n))
			two.Key = long
			is(t, s.db.CreateResource(ctx, id, two), resource.ErrExists)
			ok(t, s.db.UpdateResource(ctx, id, got)) // with the key as it was read
			two.Key = long[:n-1] + "!"               // which no token ends in
			ok(t, s.db.CreateResource(ctx, id, two))
			two.Key = long
			is(t, s.db.UpdateResource(ctx, id, two), resource.ErrExists)
			_, err = s.db.ResourceByKey(ctx, id, things, long)
			ok(t, err)
		}
	}},
	{"AResourceIsOfOneTenantAndKind", func(t *testing.T, s *suite) {
		ctx, here, there := t.Context(), s.tenant(t), s.tenant(t)
		ok(t, s.db.CreateResource(ctx, here, thing("one")))
		for name, ask := range map[string]func() error{
			"id in another tenant":  func() error { _, err := s.db.Resource(ctx, there, things, "one"); return err },
			"id of another kind":    func() error { _, err := s.db.Resource(ctx, here, "others", "one"); return err },
			"id in another case":    func() error { _, err := s.db.Resource(ctx, here, things, "ONE"); return err },
			"key in another tenant": func() error { _, err := s.db.ResourceByKey(ctx, there, things, "key of one"); return err },
			"empty key":             func() error { _, err := s.db.ResourceByKey(ctx, here, things, ""); return err },
			"delete in another":     func() error { return s.db.DeleteResource(ctx, there, things, "one") },
			"update in another":     func() error { r := thing("one"); r.Version = 1; return s.db.UpdateResource(ctx, there, r) },
		} {
			if err := ask(); !errors.Is(err, resource.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", name, err)
			}
		}
		ok(t, s.db.CreateResource(ctx, there, thing("one")))
	}},
	{"ATakenIDOrKeyIsRefused", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.CreateResource(ctx, id, thing("one")))
		is(t, s.db.CreateResource(ctx, id, thing("one")), resource.ErrExists)
		sameKey := thing("two")
		sameKey.Key = "key of one"
		is(t, s.db.CreateResource(ctx, id, sameKey), resource.ErrExists)
		two := thing("two")
		ok(t, s.db.CreateResource(ctx, id, two))
		two.Key = "key of one"
		is(t, s.db.UpdateResource(ctx, id, two), resource.ErrExists)
		for _, keyless := range []string{"three", "four"} {
			r := thing(keyless)
			r.Key = ""
			ok(t, s.db.CreateResource(ctx, id, r))
		}
	}},
	{"ResourcesAreListedInTheOrderOfTheirCreationAndPaged", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for i := range 5 {
			r := thing(fmt.Sprint(9 - i))
			if i%2 == 1 {
				r.Parent = "odd"
			}
			ok(t, s.db.CreateResource(ctx, id, r))
		}
		ids := func(p resource.Page) (ids []string) {
			t.Helper()
			all, err := s.db.Resources(ctx, id, things, p)
			ok(t, err)
			for _, r := range all {
				ids = append(ids, r.ID)
			}
			return ids
		}
		equal(t, "all", ids(resource.Page{}), []string{"9", "8", "7", "6", "5"})
		equal(t, "of a parent", ids(resource.Page{Parent: "odd"}), []string{"8", "6"})
		equal(t, "a page", ids(resource.Page{Offset: 1, Limit: 2}), []string{"8", "7"})
		first, err := s.db.Resources(ctx, id, things, resource.Page{Limit: 1})
		ok(t, err)
		equal(t, "behind the first", ids(resource.Page{After: first[0].Position, Limit: 2}), []string{"8", "7"})
		n, err := s.db.CountResources(ctx, id, things, "")
		ok(t, err)
		equal(t, "count", n, 5)
		n, err = s.db.CountResources(ctx, id, things, "odd")
		ok(t, err)
		equal(t, "count of a parent", n, 2)
		ok(t, s.db.DeleteResourcesOf(ctx, id, things, "odd"))
		equal(t, "without the parent's", ids(resource.Page{}), []string{"9", "7", "5"})
	}},
	{"OfManyUpdatesOfOneVersionOneWins", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.CreateResource(ctx, id, thing("one")))
		errs := make([]error, 8)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() {
				r := thing("one")
				r.Version, r.Document = 1, resource.Document{"by": float64(i)}
				errs[i] = s.db.UpdateResource(ctx, id, r)
			})
		}
		wait.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won < 0:
				won = i
			case !errors.Is(err, resource.ErrChanged):
				t.Errorf("update %d: got %v, want one success and ErrChanged for all others", i, err)
			}
		}
		got, err := s.db.Resource(ctx, id, things, "one")
		ok(t, err)
		equal(t, "document", got.Document, resource.Document{"by": float64(won)})
	}},
	{"AWriteRaisesTheConfigurationsVersion", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		version := func() int64 {
			one, err := s.db.Tenant(ctx, id)
			ok(t, err)
			return one.ConfigVersion
		}
		r := thing("one")
		r.UpdatedAt = r.CreatedAt.Add(time.Second)
		for _, write := range []func() error{
			func() error { return s.db.CreateResource(ctx, id, r) },
			func() error { return s.db.UpdateResource(ctx, id, r) },
			func() error { return s.db.DeleteResource(ctx, id, things, "one") },
		} {
			before := version()
			ok(t, write())
			if after := version(); after <= before {
				t.Errorf("version %d after a write, want more than %d", after, before)
			}
		}
	}},
}
