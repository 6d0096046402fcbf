package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/ident"
)

// MaxHeaderBytes is the largest header block that is read (Auth0's page on cookies warns of "multiple kilobytes"). It is
// also what http.Server.MaxHeaderBytes is set to; since that one lets some kilobytes more pass, Edge counts exactly.
const MaxHeaderBytes = 16 << 10

// EdgeConfig is what Edge needs. Observe may be nil.
type EdgeConfig struct {
	Log     *slog.Logger
	Sites   Sites
	Proxies Proxies
	// BehindProxy says that a proxy ends TLS in front of this listener: clients speak https though the listener does not,
	// and plain HTTP from anyone but the proxies is refused.
	BehindProxy bool
	// Development leaves out Strict-Transport-Security: browsers remember it for a host name on all ports, which would cut
	// off every plain HTTP server that a developer runs beside this one.
	Development bool
	// Observe is told of each finished request: the pattern it was routed by (empty for none), method, status, duration.
	Observe func(route, method string, status int, took time.Duration)
}

// Edge is the outermost handler of every listener of a tenant.
func Edge(cfg EdgeConfig, next http.Handler) http.Handler {
	return &edge{EdgeConfig: cfg, next: next}
}

type edge struct {
	EdgeConfig
	next http.Handler
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	req := &request{
		id:    ident.Token(12),
		addr:  e.Proxies.ClientAddr(r),
		https: r.TLS != nil || e.BehindProxy,
	}
	ctx := context.WithValue(r.Context(), requestKey{}, req)
	out := &response{ResponseWriter: w}
	defer func() {
		if p := recover(); p != nil {
			e.panicked(ctx, out, p)
		}
		took := time.Since(start)
		status := out.finalStatus()
		req.write(ctx, e.Log, r.Method, status, took)
		if e.Observe != nil {
			e.Observe(req.route, r.Method, status, took)
		}
	}()
	out.Header().Set("X-Request-Id", req.id)
	e.serve(ctx, out, r, req)
}

// serve finds the site and hands the request on.
func (e *edge) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, req *request) {
	if headerBytes(r) > MaxHeaderBytes {
		w.Header().Set("Connection", "close")
		WriteOAuthError(w, http.StatusRequestHeaderFieldsTooLarge, "invalid_request", "The request's headers are too large. Remove cookies that are not needed.")
		return
	}
	if e.BehindProxy && r.TLS == nil && !e.Proxies.Trusts(peer(r)) {
		WriteOAuthError(w, http.StatusForbidden, "access_denied", "This address answers the proxy in front of it only.")
		return
	}
	host, ok := Host(r.Host, req.https)
	if !ok {
		UnknownHost(w)
		return
	}
	site, err := e.Sites.Site(ctx, host)
	switch {
	case apierr.KindOf(err) == apierr.NotFound:
		UnknownHost(w)
		return
	case errors.Is(err, context.Canceled):
		return
	case err != nil:
		Fail(ctx, fmt.Errorf("find the tenant of a host: %w", err))
		WriteOAuthError(w, http.StatusServiceUnavailable, "temporarily_unavailable", "The server is temporarily unavailable. Try again.")
		return
	}
	req.site = site
	Note(ctx, FieldTenant, site.Tenant.ID)
	securityHeaders(w.Header(), site.Secure() && !e.Development && !localhost(host))
	e.next.ServeHTTP(w, r.WithContext(ctx))
}

// headerBytes gives the size of the request's line and headers as HTTP/1.1 writes them.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host) + len("  HTTP/1.1\r\nHost: \r\n\r\n")
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// panicked answers a panic. http.ErrAbortHandler goes on its way: it asks for the connection to be dropped.
func (e *edge) panicked(ctx context.Context, w *response, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	e.Log.ErrorContext(ctx, "panic", "request_id", RequestID(ctx), "err", fmt.Sprint(p), "stack", string(debug.Stack()))
	Note(ctx, FieldOutcome, "panic")
	if w.status != 0 {
		w.failed = true
		return
	}
	WriteOAuthError(w, http.StatusInternalServerError, "server_error", "Something went wrong. Request id: "+RequestID(ctx))
}

// UnknownHost answers a request whose Host header names no configured domain. It never repeats the name.
func UnknownHost(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	WriteOAuthError(w, http.StatusNotFound, "not_found", "No tenant answers on this host.")
}

// localhost reports whether a host is this machine's own name, which all its servers share.
func localhost(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// securityHeaders sets what every answer carries, whatever its kind. Pages add their own.
func securityHeaders(h http.Header, strict bool) {
	h["X-Content-Type-Options"] = noSniff
	h["Referrer-Policy"] = noReferrer
	if strict {
		h["Strict-Transport-Security"] = hsts
	}
}

// The slices are shared by all answers and never written to: setting a header replaces the slice.
var (
	noSniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	hsts       = []string{"max-age=31536000; includeSubDomains"}
)

// response remembers the status of an answer.
type response struct {
	http.ResponseWriter
	status int
	failed bool
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) finalStatus() int {
	switch {
	case w.failed:
		return http.StatusInternalServerError
	case w.status == 0:
		return http.StatusOK
	}
	return w.status
}
