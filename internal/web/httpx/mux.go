package httpx

import (
	"net/http"
	"path"
	"strings"
)

// Mux routes like http.ServeMux (method patterns, wildcards in their decoded form) but answers in the API's own words
// where nothing matches, and never redirects a path that is not clean: such a path does not exist.
type Mux struct {
	// NotFound and MethodNotAllowed answer where no pattern matches. The latter's Allow header is set already.
	NotFound         http.HandlerFunc
	MethodNotAllowed http.HandlerFunc

	mux http.ServeMux
}

// NewMux makes a Mux that refuses with OAuth bodies.
func NewMux() *Mux {
	return &Mux{
		NotFound: func(w http.ResponseWriter, _ *http.Request) {
			WriteOAuthError(w, http.StatusNotFound, "not_found", "Not found.")
		},
		MethodNotAllowed: func(w http.ResponseWriter, _ *http.Request) {
			WriteOAuthError(w, http.StatusMethodNotAllowed, "method_not_allowed", "The method is not allowed here.")
		},
	}
}

// Handle registers a handler for a pattern of http.ServeMux.
func (m *Mux) Handle(pattern string, h http.Handler) { m.mux.Handle(pattern, h) }

// HandleFunc registers a function for a pattern of http.ServeMux.
func (m *Mux) HandleFunc(pattern string, h http.HandlerFunc) { m.mux.Handle(pattern, h) }

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !clean(r.URL.EscapedPath()) {
		m.NotFound(w, r)
		return
	}
	h, pattern := m.mux.Handler(r)
	if pattern != "" {
		SetRoute(r.Context(), pattern)
		m.mux.ServeHTTP(w, r)
		return
	}
	refusal := &discard{header: http.Header{}}
	h.ServeHTTP(refusal, r)
	if refusal.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", refusal.header.Get("Allow"))
		m.MethodNotAllowed(w, r)
		return
	}
	m.NotFound(w, r)
}

// clean reports whether http.ServeMux would take the path as it is.
func clean(escaped string) bool {
	if escaped == "" || escaped[0] != '/' {
		return false
	}
	cleaned := path.Clean(escaped)
	return cleaned == escaped || (cleaned+"/" == escaped && strings.HasSuffix(escaped, "/"))
}

// discard learns the status and headers of an answer that nobody sees.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header { return d.header }

func (d *discard) WriteHeader(status int) { d.status = status }

func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
