package httpx

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/ident"
	"latchkey/internal/tenant"
)

// The fields of a request's log record that layers add with Note. The edge itself writes method, route, status, ms, ip and
// request_id.
const (
	FieldTenant   = "tenant"
	FieldClientID = "client_id"
	FieldUserID   = "user_id"
	FieldOutcome  = "outcome"
)

// request is all that the edge knows of one request. It travels in the request's context.
type request struct {
	id    string
	addr  netip.Addr
	site  tenant.Site
	https bool

	mu    sync.Mutex
	route string
	notes []slog.Attr
	err   error
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// maxNote is how many bytes of a value are noted: more than any of ours has, since strangers send some.
const maxNote = 256

// Note adds a field to the request's log record; the last value of a field wins, and long ones are cut. Outside a request it
// does nothing.
func Note(ctx context.Context, field, value string) {
	r := requestOf(ctx)
	if r == nil {
		return
	}
	if len(value) > maxNote {
		value = strings.ToValidUTF8(value[:maxNote], "")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.notes {
		if r.notes[i].Key == field {
			r.notes[i] = slog.String(field, value)
			return
		}
	}
	r.notes = append(r.notes, slog.String(field, value))
}

// Fail notes the error that a request ended with: its code becomes the outcome, and the cause of an internal or
// unavailable one is written to the operator's log with the record, once.
func Fail(ctx context.Context, err error) {
	r := requestOf(ctx)
	if r == nil || err == nil {
		return
	}
	e := apierr.As(err)
	Note(ctx, FieldOutcome, e.Code)
	if e.Kind == apierr.Internal || e.Kind == apierr.Unavailable || e.Cause != nil {
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
	}
}

// RequestID gives the request's id, or nothing outside a request.
func RequestID(ctx context.Context) string {
	if r := requestOf(ctx); r != nil {
		return r.id
	}
	return ""
}

// ClientAddr gives the address of the client as the configured proxies told it. It is the zero address outside a request.
func ClientAddr(ctx context.Context) netip.Addr {
	if r := requestOf(ctx); r != nil {
		return r.addr
	}
	return netip.Addr{}
}

// Site gives the tenant's site that the Host header selected. It is the zero site outside a request.
func Site(ctx context.Context) tenant.Site {
	if r := requestOf(ctx); r != nil {
		return r.site
	}
	return tenant.Site{}
}

// WithSite makes a context for a request that comes from this process itself and not through Edge.
func WithSite(ctx context.Context, site tenant.Site) context.Context {
	return context.WithValue(ctx, requestKey{}, &request{
		id: ident.Token(12), addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), site: site, https: site.Secure(),
	})
}

// SetRoute notes the pattern that the request was routed by; the last one wins.
func SetRoute(ctx context.Context, pattern string) {
	if r := requestOf(ctx); r != nil {
		r.mu.Lock()
		r.route = pattern
		r.mu.Unlock()
	}
}

// write logs the record. It is called once, after the answer.
func (r *request) write(ctx context.Context, log *slog.Logger, method string, status int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 7+len(r.notes))
	attrs = append(attrs,
		slog.String("method", method),
		slog.String("route", r.route),
		slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("ip", r.addr.String()),
		slog.String("request_id", r.id),
	)
	attrs = append(attrs, r.notes...)
	if r.err != nil {
		attrs = append(attrs, slog.String("err", r.err.Error()))
	}
	log.LogAttrs(ctx, level, "request", attrs...)
}
