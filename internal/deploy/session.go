package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// stored is a resource of the tenant.
type stored struct {
	id     string
	raw    object // as the API shows it
	object object // in the form of the files, with all that the API tells
	hashes object // of secrets, by their paths; nil where the API tells none
	hidden bool   // neither exported nor paired nor deleted
	kept   bool   // exported and updated, never deleted
}

// session is one look at a tenant: every type is read once.
type session struct {
	tenant   Tenant
	settings Settings
	config   *Configuration // what is applied; nil in an export
	loaded   map[string][]*stored
	lacking  map[string]error // types that the server does not have
	warnings []string
}

func newSession(t Tenant, s Settings) *session {
	return &session{tenant: t, settings: s, loaded: map[string][]*stored{}, lacking: map[string]error{}}
}

func (s *session) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(s.warnings, w) {
		s.warnings = append(s.warnings, w)
	}
}

// of gives a type's resources, read when they are asked for first. Where the server lacks the type there are none, and
// lacks tells so.
func (s *session) of(ctx context.Context, typ string) ([]*stored, error) {
	if found, done := s.loaded[typ]; done {
		return found, nil
	}
	found, err := kindNamed(typ).load(ctx, s)
	if err != nil && !unavailable(err) {
		return nil, fmt.Errorf("reading %s: %w", typ, err)
	}
	if err != nil {
		s.lacking[typ] = err
		found = nil
	}
	for _, st := range found {
		st.takeHashes()
	}
	s.loaded[typ] = found
	return found, nil
}

// lacks tells why a type that has been read is not to be had, or nil.
func (s *session) lacks(typ string) error { return s.lacking[typ] }

// unavailable reports whether the server says that it lacks a feature, or that the caller may not see it.
func unavailable(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && slices.Contains([]int{http.StatusForbidden, http.StatusNotFound, http.StatusNotImplemented}, r.Status)
}

// absent reports whether the API said that there is no such resource.
func absent(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Status == http.StatusNotFound
}

// skips reports whether a resource is left alone though its type is managed. The grants of a client are with the client.
func (s *session) skips(typ string, o object) bool {
	if typ == "clientGrants" {
		return text(o, "client_id") != "" && s.leavesClient(text(o, "client_id"))
	}
	return s.settings.skips(typ, o)
}

// known reports whether there is a resource with a name, or will be one.
func (s *session) known(ctx context.Context, typ, name string) (bool, error) {
	if section := s.config.sections[typ]; section != nil && s.settings.manages(typ) {
		for _, it := range section.items {
			if text(it.object, "name") == name {
				return true, nil
			}
		}
	}
	id, err := s.id(ctx, typ, name)
	return id != "", err
}

// id gives the id of the resource with a name, or "".
func (s *session) id(ctx context.Context, typ, name string) (string, error) {
	all, err := s.of(ctx, typ)
	for _, st := range all {
		if text(st.object, "name") == name {
			return st.id, nil
		}
	}
	return "", err
}

// name gives the name of the resource with an id, or the id where there is none.
func (s *session) name(ctx context.Context, typ, id string) (string, error) {
	all, err := s.of(ctx, typ)
	for _, st := range all {
		if st.id == id {
			return text(st.object, "name"), nil
		}
	}
	return id, err
}

// named turns what stands for a resource in a file, a name or an id, into the name.
func (s *session) named(ctx context.Context, typ, ref string) (string, error) {
	if id, err := s.id(ctx, typ, ref); id != "" || err != nil {
		return ref, err
	}
	return s.name(ctx, typ, ref)
}

// reference turns what stands for a resource in a file into its id. What is no name is an id.
func (s *session) reference(ctx context.Context, typ, ref string) (string, error) {
	id, err := s.id(ctx, typ, ref)
	if id == "" {
		id = ref
	}
	return id, err
}

// get reads one object.
func (s *session) get(ctx context.Context, path string) (object, error) {
	v, err := call(ctx, s.tenant.API, http.MethodGet, path, nil)
	o, _ := v.(object)
	if o == nil {
		o = object{}
	}
	return o, err
}

// find is get for what need not be there: nil then.
func (s *session) find(ctx context.Context, path string) (object, error) {
	o, err := s.get(ctx, path)
	if absent(err) {
		return nil, nil
	}
	return o, err
}

// perPage is how many resources are asked for at once.
const perPage = 100

// pages reads a list that is paged by numbers. It may also answer with all at once.
func (s *session) pages(ctx context.Context, path string) ([]object, error) {
	var all []object
	for page := 0; ; page++ {
		v, err := call(ctx, s.tenant.API, http.MethodGet, withQuery(path, "page", fmt.Sprint(page), "per_page", fmt.Sprint(perPage), "include_totals", "true"), nil)
		if err != nil {
			return nil, err
		}
		found := items(v)
		all = append(all, found...)
		if _, whole := v.([]any); whole || len(found) < perPage {
			return all, nil
		}
	}
}

// checkpoints reads a list that is paged by cursors.
func (s *session) checkpoints(ctx context.Context, path string) ([]object, error) {
	var all []object
	for from := ""; ; {
		query := []string{"take", fmt.Sprint(perPage)}
		if from != "" {
			query = append(query, "from", from)
		}
		v, err := call(ctx, s.tenant.API, http.MethodGet, withQuery(path, query...), nil)
		if err != nil {
			return nil, err
		}
		all = append(all, items(v)...)
		o, _ := v.(object)
		next := text(o, "next")
		if next == "" || next == from {
			return all, nil
		}
		from = next
	}
}

// items gives the list of an answer: the answer itself, or its one property that is a list.
func items(v any) []object {
	if o, ok := v.(object); ok {
		for _, value := range o {
			if list, ok := value.([]any); ok {
				return objects(list)
			}
		}
	}
	return objects(v)
}

func withQuery(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + q.Encode()
}

// under gives the path of a resource below a collection.
func under(path string, parts ...string) string {
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// list makes stored resources of a collection's objects, in the form in which the API shows them.
func list(found []object, id string) []*stored {
	all := make([]*stored, len(found))
	for i, raw := range found {
		all[i] = &stored{id: text(raw, id), raw: raw, object: cloneObject(raw)}
	}
	return all
}

// single makes what is stored of a type of which there is one; none where the object is nil.
func single(raw object) []*stored {
	if raw == nil {
		return nil
	}
	return []*stored{{raw: raw, object: cloneObject(raw)}}
}
