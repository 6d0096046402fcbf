package authapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"latchkey/internal/eventlog"
	"latchkey/internal/protect"
	"latchkey/internal/web/httpx"
)

// limitHeaders tells how much room a limit has (Auth0 docs, "Rate Limit Policy").
func limitHeaders(h http.Header, l protect.Limit, level protect.Level) {
	h["X-RateLimit-Limit"] = []string{strconv.Itoa(l.Burst)}
	h["X-RateLimit-Remaining"] = []string{strconv.Itoa(level.Remaining)}
	h["X-RateLimit-Reset"] = []string{strconv.FormatInt(level.Reset.Unix(), 10)}
}

// throttled shows the page of a limit that is reached.
func (a *api) throttled(w http.ResponseWriter, r *http.Request, uiLocales string, err error) {
	code, wait := "same-user-login", time.Duration(0)
	var limit *protect.LimitError
	if errors.As(err, &limit) {
		wait = limit.Wait
		if limit.Limit == protect.AuthorizePerIP || limit.Limit == protect.LongRequestsPerIP {
			code = "ip-blocked"
		}
	}
	if err := a.shell(r, uiLocales).WriteThrottled(w, code, wait); err != nil {
		httpx.Fail(r.Context(), err)
	}
}

// limitKey finds the limit that a request has reached.
type limitKey struct{}

// noteLimit keeps the limit that a request was refused for, if it was one, for the tenant's log, and gives it.
func noteLimit(r *http.Request, err error) *protect.LimitError {
	var limit *protect.LimitError
	if !errors.As(err, &limit) {
		return nil
	}
	if reached, ok := r.Context().Value(limitKey{}).(**protect.LimitError); ok {
		*reached = limit
	}
	return limit
}

// tellLimits tells the tenant's log of limits that are reached, of each bucket once a minute.
func (a *api) tellLimits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var reached *protect.LimitError
		r = r.WithContext(context.WithValue(r.Context(), limitKey{}, &reached))
		next.ServeHTTP(w, r)
		if reached == nil {
			return
		}
		ctx := context.WithoutCancel(r.Context())
		tenantID := httpx.Site(ctx).Tenant.ID
		once := protect.Ask{Limit: protect.LimitEvents, Subject: reached.Level.Key}
		if _, err := a.Guard.Count(tenantID, httpx.ClientAddr(ctx).String(), once); err != nil {
			return
		}
		httpx.Fail(ctx, a.Log.Write(ctx, tenantID, eventlog.Event{
			Type: eventlog.APILimit, Description: "The rate limit " + reached.Limit.Name + " is reached.", Origin: httpx.OriginOf(r),
			Details: map[string]any{"limit": reached.Limit.Name, "burst": reached.Limit.Burst, "path": r.URL.Path},
		}))
	})
}
