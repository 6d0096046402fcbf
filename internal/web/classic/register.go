package classic

import (
	"net/http"
	"time"

	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
	"latchkey/internal/web/classic/assets"
	"latchkey/internal/web/httpx"
)

// Dependencies is what Register needs.
type Dependencies struct {
	OAuth        *oauth.Server
	Logins       *login.Logins
	Transactions *transaction.Transactions
	Clients      client.Store
	Connections  connection.Store
	Looks        branding.Store
	Guard        *protect.Guard
	Log          *eventlog.Log
	// SessionCookie and DeviceCookie are the names of the browser's session cookie and of the one by which it is known
	// where its owner proved an address; the latter without prefix, and DeviceLife is how long it is kept.
	SessionCookie string
	DeviceCookie  string
	DeviceLife    time.Duration
	// Ended answers for a login that /login cannot go on with, or whose page could not be shown because of err.
	Ended func(w http.ResponseWriter, r *http.Request, err error)
	// Development marks pages as those of a development server.
	Development bool
}

type edge struct {
	Dependencies
}

// Register adds the login page and the endpoints that Lock and auth0.js call.
func Register(mux *httpx.Mux, d Dependencies) {
	e := &edge{d}
	open := httpx.CORS(httpx.CORSConfig{})
	listed := httpx.CORS(httpx.CORSConfig{Allowed: e.originKnown})
	credentialed := httpx.CORS(httpx.CORSConfig{Allowed: e.originKnown, Credentials: true})

	mux.HandleFunc("GET "+pathLogin, e.login)
	assets.Register(mux)
	for _, route := range []struct {
		method, path string
		cors         func(http.Handler) http.Handler
		handle       http.HandlerFunc
	}{
		// What the libraries read before they show anything: for everybody.
		{"GET", "/client/{file}", open, e.clientScript},
		{"GET", "/info-v1.js", open, e.tenantScript},
		{"GET", "/tenants/v1/{file}", open, e.tenantScript},
		{"GET", "/user/geoloc/country", open, e.country},
		// No captcha is ever asked for.
		{"POST", "/usernamepassword/challenge", listed, e.challenge},
		{"POST", "/passwordless/challenge", listed, e.challenge},
		{"POST", "/dbconnections/signup/challenge", listed, e.challenge},
		{"POST", "/dbconnections/change_password/challenge", listed, e.challenge},
		// The tenant's own page.
		{"POST", "/passwordless/verify", listed, e.verify},
		{"POST", "/usernamepassword/login", nil, e.password},
		{"POST", pathCallback, nil, e.callback},
		{"GET", "/user/ssodata", credentialed, e.ssoData},
		// Pages of applications on other hosts.
		{"POST", "/co/authenticate", credentialed, e.authenticate},
	} {
		var h http.Handler = route.handle
		if route.cors != nil {
			h = route.cors(h)
			mux.Handle("OPTIONS "+route.path, route.cors(http.HandlerFunc(noContent)))
		}
		mux.Handle(route.method+" "+route.path, h)
	}
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// originKnown answers preflights, which name no client: the origin is registered at some client of the tenant.
func (e *edge) originKnown(r *http.Request, origin string) bool {
	known, err := e.Clients.OriginKnown(r.Context(), httpx.Site(r.Context()).Tenant.ID, origin)
	if err != nil {
		httpx.Fail(r.Context(), err)
		return false
	}
	return known
}

// count asks the limit on all pages and calls of one address.
func (e *edge) count(r *http.Request) error {
	ip := httpx.ClientAddr(r.Context()).String()
	_, err := e.Guard.Count(httpx.Site(r.Context()).Tenant.ID, ip, protect.Ask{Limit: protect.PagesPerIP, Subject: protect.Network(ip)})
	return err
}

// clientOf finds the client that a call names; nil where there is none.
func (e *edge) clientOf(r *http.Request, id string) (*client.Client, error) {
	c, err := e.Clients.Client(r.Context(), httpx.Site(r.Context()).Tenant.ID, id)
	switch {
	case isNotFound(err), err == nil && c.Global:
		return nil, nil
	case err != nil:
		return nil, err
	}
	httpx.Note(r.Context(), httpx.FieldClientID, c.ID)
	return c, nil
}

// challenge answers the question whether a captcha is needed.
func (e *edge) challenge(w http.ResponseWriter, _ *http.Request) {
	httpx.NoStore(w.Header())
	httpx.WriteJSON(w, http.StatusOK, map[string]bool{"required": false})
}
