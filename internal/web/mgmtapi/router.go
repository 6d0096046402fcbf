package mgmtapi

import (
	"net/http"
	"net/url"
	"strings"

	"latchkey/internal/web/httpx"
)

// router finds the handler of a path. Some of Auth0's paths overlap ("/organizations/name/{name}" and
// "/organizations/{id}/connections"), which http.ServeMux does not allow: here a segment that is spelt out wins over a
// parameter, from left to right, as long as it leads to a route.
type router struct {
	spelt    map[string]*router
	param    *router
	handlers map[string]target // by method
}

// target is a route at the end of its path.
type target struct {
	pattern string
	names   []string // of the parameters, from left to right
	handler http.Handler
}

// add registers a handler for a method and a pattern such as "/clients/{id}".
func (n *router) add(method, pattern string, h http.Handler) {
	t := target{pattern: method + " " + prefix + pattern, handler: h}
	for segment := range strings.SplitSeq(strings.TrimPrefix(pattern, "/"), "/") {
		if name, isParam := strings.CutPrefix(segment, "{"); isParam {
			t.names = append(t.names, strings.TrimSuffix(name, "}"))
			if n.param == nil {
				n.param = &router{}
			}
			n = n.param
			continue
		}
		if n.spelt == nil {
			n.spelt = map[string]*router{}
		}
		if n.spelt[segment] == nil {
			n.spelt[segment] = &router{}
		}
		n = n.spelt[segment]
	}
	if n.handlers == nil {
		n.handlers = map[string]target{}
	}
	if _, taken := n.handlers[method]; taken {
		panic("two routes are registered for " + t.pattern)
	}
	n.handlers[method] = t
}

// find gives the route of a path's segments and the values of its parameters.
func (n *router) find(method string, segments, values []string) (target, []string, bool) {
	if len(segments) == 0 {
		t, found := n.handlers[method]
		return t, values, found
	}
	if next := n.spelt[segments[0]]; next != nil {
		if t, all, found := next.find(method, segments[1:], values); found {
			return t, all, true
		}
	}
	if n.param != nil && segments[0] != "" {
		return n.param.find(method, segments[1:], append(values[:len(values):len(values)], segments[0]))
	}
	return target{}, nil, false
}

// ServeHTTP implements http.Handler.
func (n *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutPrefix(r.URL.EscapedPath(), prefix+"/")
	if !found {
		notFound(w, r)
		return
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			notFound(w, r)
			return
		}
		segments[i] = decoded
	}
	t, values, found := n.find(r.Method, segments, nil)
	if !found {
		notFound(w, r)
		return
	}
	for i, name := range t.names {
		r.SetPathValue(name, values[i])
	}
	httpx.SetRoute(r.Context(), t.pattern)
	t.handler.ServeHTTP(w, r)
}
