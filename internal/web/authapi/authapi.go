// Package authapi is the Authentication API on the wire: /authorize, /oauth/*, /passwordless/start, /userinfo, the logout
// endpoints and the metadata. It decodes, asks one decision, and encodes. Status codes, error names and texts are those of
// Auth0's Authentication API; all of them stand in errors.go.
package authapi

import (
	"latchkey/internal/branding"
	"net/http"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/key"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
)

// Config is what New needs.
type Config struct {
	OAuth        *oauth.Server
	Logins       *login.Logins
	ClientAuth   *clientauth.Authenticator
	Transactions *transaction.Transactions
	Clients      client.Store
	Connections  connection.Store
	Looks        branding.Store
	Keys         *key.Keys
	Guard        *protect.Guard
	Log          *eventlog.Log
	// PageAt gives the address of the hosted page for a step of a transaction. PageUnknown is where a state that is no
	// transaction's is told so.
	PageAt      func(step transaction.Step, t *transaction.Transaction) string
	PageUnknown string
	// DeviceCookie is the name, without prefix, of the cookie by which a browser is known where its owner proved an address.
	DeviceCookie string
	// Development marks pages as those of a development server.
	Development bool
}

type api struct {
	Config
}

// Register adds the routes of the Authentication API.
func Register(mux *httpx.Mux, c Config) {
	a := &api{c}
	open := httpx.CORS(httpx.CORSConfig{})
	listed := httpx.CORS(httpx.CORSConfig{Allowed: a.originKnown})

	for _, route := range []struct {
		pattern string
		wrap    func(http.Handler) http.Handler
		handle  http.HandlerFunc
	}{
		// The browser's endpoints: cookies, never CORS.
		{"GET /authorize", nil, a.authorize},
		{"POST /authorize", nil, a.authorize},
		{"POST " + pathVerify, nil, a.verifyCrossOrigin},
		{"GET /authorize/resume", nil, a.resume},
		{"GET /v2/logout", nil, a.logout},
		{"GET /oidc/logout", nil, a.endSession},
		{"POST /oidc/logout", nil, a.endSession},

		// The clients' endpoints: tokens, never cookies.
		{"POST /oauth/token", listed, a.token},
		{"POST /oauth/par", nil, a.par},
		{"POST /oauth/revoke", listed, a.revoke},
		{"POST /passwordless/start", listed, a.passwordlessStart},
		{"GET /userinfo", listed, a.userinfo},
		{"POST /userinfo", listed, a.userinfo},

		// Metadata: for everybody.
		{"GET /.well-known/openid-configuration", open, a.configuration},
		{"GET /.well-known/oauth-authorization-server", open, a.configuration},
		{"GET /.well-known/jwks.json", open, a.jwks},
		{"GET /pem", open, a.pem},
		{"GET /cer", open, a.cer},
	} {
		var h http.Handler = route.handle
		if route.wrap != nil {
			h = route.wrap(h)
		}
		mux.Handle(route.pattern, a.tellLimits(h))
	}
	for _, preflight := range []string{"/oauth/token", "/oauth/revoke", "/passwordless/start", "/userinfo"} {
		mux.Handle("OPTIONS "+preflight, listed(http.HandlerFunc(noContent)))
	}
	for _, path := range disabled {
		mux.HandleFunc(path, endpointDisabled)
		if tree, ok := strings.CutSuffix(path, "/"); ok {
			mux.HandleFunc(tree, endpointDisabled)
		}
	}
}

// disabled are endpoints that Auth0 has and this server does not serve: legacy ones, and those of later releases that the
// discovery document names because Auth0's always does. They answer as at a tenant where they are switched off. A path that
// ends in a slash stands for all below it.
var disabled = []string{
	"/oauth/ro", "/oauth/access_token", "/delegation", "/tokeninfo", "/unlink", "/login/unlink", "/users/{id}/impersonate",
	"/samlp/", "/wsfed/", "/bc-authorize", "/anonymous/token", "/oauth/global-token-revocation/", "/oauth/device/code", "/mfa/",
	"/oidc/register", "/otp/challenge", "/dbconnections/",
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func endpointDisabled(w http.ResponseWriter, _ *http.Request) {
	httpx.WriteOAuthError(w, http.StatusNotFound, "endpoint_disabled", "This endpoint is disabled for your tenant.")
}

// originKnown answers preflights: the origin is registered at some client of the tenant.
func (a *api) originKnown(r *http.Request, origin string) bool {
	known, err := a.Clients.OriginKnown(r.Context(), httpx.Site(r.Context()).Tenant.ID, origin)
	if err != nil {
		httpx.Fail(r.Context(), err)
		return false
	}
	return known
}

// confineCORS takes the permission to read back when the origin is not the calling client's own.
func confineCORS(w http.ResponseWriter, r *http.Request, c *client.Client) {
	if origin := r.Header.Get("Origin"); origin != "" && c != nil && !c.AllowsOrigin(origin) {
		httpx.WithdrawCORS(w.Header())
	}
}
