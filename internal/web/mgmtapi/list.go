package mgmtapi

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"

	"latchkey/internal/resource"
)

// paging is the part of a list that a request asks for. There are two ways: pages by number, with totals on request, and
// checkpoints, which go on behind a cursor. Where a request names both, checkpoints win: official clients send both.
type paging struct {
	checkpoint bool
	from       string
	take       int
	page       int
	perPage    int
	totals     bool
}

// Sizes of pages (Auth0 docs, "Management API v2": 50, at most 100).
const (
	defaultPage = 50
	mostPerPage = 100
	// mostPage is a number that no list has so many pages of; numbers beyond it are read as it.
	mostPage = 1 << 24
)

func (r *request) paging(perPage int) paging {
	q := r.http.URL.Query()
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(q.Get(name))
		if errors.Is(err, strconv.ErrRange) {
			return mostPage
		}
		if err != nil || n < 0 {
			return otherwise
		}
		return min(n, mostPage)
	}
	p := paging{
		checkpoint: q.Has("take") || q.Has("from"), from: q.Get("from"), take: number("take", defaultPage),
		page: number("page", 0), perPage: number("per_page", perPage), totals: q.Get("include_totals") == "true",
	}
	if p.take == 0 {
		p.take = defaultPage
	}
	if p.perPage == 0 {
		p.perPage = perPage
	}
	return p
}

// offset is where the page begins.
func (p paging) offset() int { return p.page * p.perPage }

// wrap gives the answer of a page by number: the bare list, or with totals an object.
func (p paging) wrap(plural string, items []resource.Document, total int) (answer, error) {
	if !p.totals {
		return ok(items)
	}
	return ok(resource.Document{"start": p.offset(), "limit": p.perPage, "total": total, plural: items})
}

// wrapNext gives the answer of a checkpoint; without a cursor it is the last one.
func wrapNext(plural string, items []resource.Document, next string) (answer, error) {
	body := resource.Document{plural: items}
	if next != "" {
		body["next"] = next
	}
	return ok(body)
}

// behind is slice for lists that are paged by checkpoints only.
func behind[T any](r *request, plural string, all []T, show func(T) (resource.Document, error)) (answer, error) {
	p := r.paging(defaultPage)
	p.checkpoint = true
	return slice(r, p, plural, all, show)
}

// slice cuts a page out of a list that is in memory as a whole, by either way of paging.
func slice[T any](r *request, p paging, plural string, all []T, show func(T) (resource.Document, error)) (answer, error) {
	start, size := p.offset(), p.perPage
	if p.checkpoint {
		var err error
		if start, err = r.position(plural, p.from); err != nil {
			return answer{}, err
		}
		size = p.take
	}
	start = min(start, len(all))
	end := min(start+size, len(all))
	items := make([]resource.Document, 0, end-start)
	for _, one := range all[start:end] {
		d, err := show(one)
		if err != nil {
			return answer{}, err
		}
		items = append(items, d)
	}
	if !p.checkpoint {
		return p.wrap(plural, items, len(all))
	}
	next := ""
	if end < len(all) {
		var err error
		if next, err = r.cursor(plural, end); err != nil {
			return answer{}, err
		}
	}
	return wrapNext(plural, items, next)
}

// listing is a list of resources of one kind.
type listing struct {
	kind    resource.Kind
	parent  string
	plural  string
	perPage int
	// keep, where it is set, chooses among the resources; the whole kind is read then.
	keep func(*resource.Resource) bool
	show func(*resource.Resource) (resource.Document, error)
}

// list answers with a part of a list of resources.
func (r *request) list(l listing) (answer, error) {
	if l.perPage == 0 {
		l.perPage = defaultPage
	}
	p := r.paging(l.perPage)
	switch {
	case l.keep == nil && p.checkpoint:
		return r.listBehind(p, l)
	case l.keep == nil:
		return r.listPage(p, l)
	}
	all, err := r.Resources.Resources(r.ctx(), r.tenantID(), l.kind, resource.Page{Parent: l.parent})
	if err != nil {
		return answer{}, err
	}
	kept := all[:0]
	for _, one := range all {
		if l.keep(one) {
			kept = append(kept, one)
		}
	}
	return slice(r, p, l.plural, kept, l.show)
}

// listPage answers with a page by number.
func (r *request) listPage(p paging, l listing) (answer, error) {
	items, err := r.Resources.Resources(r.ctx(), r.tenantID(), l.kind, resource.Page{Parent: l.parent, Offset: p.offset(), Limit: p.perPage})
	if err != nil {
		return answer{}, err
	}
	total := 0
	if p.totals {
		if total, err = r.Resources.CountResources(r.ctx(), r.tenantID(), l.kind, l.parent); err != nil {
			return answer{}, err
		}
	}
	shown, err := showAll(items, l.show)
	if err != nil {
		return answer{}, err
	}
	return p.wrap(l.plural, shown, total)
}

// listBehind answers with what comes behind a cursor.
func (r *request) listBehind(p paging, l listing) (answer, error) {
	after, err := r.position(l.plural, p.from)
	if err != nil {
		return answer{}, err
	}
	items, err := r.Resources.Resources(r.ctx(), r.tenantID(), l.kind, resource.Page{Parent: l.parent, After: int64(after), Limit: p.take + 1})
	if err != nil {
		return answer{}, err
	}
	next := ""
	if len(items) > p.take {
		items = items[:p.take]
		if next, err = r.cursor(l.plural, int(items[p.take-1].Position)); err != nil {
			return answer{}, err
		}
	}
	shown, err := showAll(items, l.show)
	if err != nil {
		return answer{}, err
	}
	return wrapNext(l.plural, shown, next)
}

func showAll(items []*resource.Resource, show func(*resource.Resource) (resource.Document, error)) ([]resource.Document, error) {
	shown := make([]resource.Document, len(items))
	for i, one := range items {
		var err error
		if shown[i], err = show(one); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// cursor seals a position of a list: of this tenant, for this list alone.
func (r *request) cursor(list string, position int) (string, error) {
	return r.cursorText(list, strconv.Itoa(position))
}

func (r *request) cursorText(list, position string) (string, error) {
	sealed, err := r.Seal.Seal([]byte(position), r.tenantID(), "cursor", list, r.http.URL.Path)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// position opens a cursor; an empty one is the beginning.
func (r *request) position(list, cursor string) (int, error) {
	text, err := r.positionText(list, cursor)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errCursor
	}
	return n, nil
}

func (r *request) positionText(list, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", errCursor
	}
	text, err := r.Seal.Open(sealed, r.tenantID(), "cursor", list, r.http.URL.Path)
	if err != nil {
		return "", errCursor
	}
	return string(text), nil
}

// errCursor refuses a cursor that was not given out for this list.
var errCursor = problem{Status: 400, Code: "invalid_query_string", Message: "Query validation error: 'Invalid cursor' on property from."}

// everyResource reads all resources of a kind.
func (r *request) everyResource(ctx context.Context, kind resource.Kind) ([]*resource.Resource, error) {
	return r.Resources.Resources(ctx, r.tenantID(), kind, resource.Page{})
}
