package mgmtapi

import (
	"context"
	"net/http"
	"slices"

	"latchkey/internal/account"
	"latchkey/internal/apischema"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/job"
	"latchkey/internal/key"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
	"latchkey/internal/seal"
	"latchkey/internal/session"
	"latchkey/internal/ticket"
	"latchkey/internal/user"
	"latchkey/internal/web/httpx"
)

// prefix is where the API lives.
const prefix = "/api/v2"

// Config is what the API is made of. All parts are required.
type Config struct {
	Tx          Transactor
	Sites       httpx.Sites
	Resources   resource.Store
	Clients     client.Store
	Connections connection.Store
	APIs        resourceserver.Store
	Users       Users
	Accounts    *account.Accounts
	Sessions    *session.Sessions
	Grants      *grant.Grants
	Codes       *otp.Codes
	Tickets     *ticket.Tickets
	Jobs        *job.Jobs
	Keys        *key.Keys
	Guard       *protect.Guard
	Log         *eventlog.Log
	Seal        *seal.Keyset
	Clock       clock.Clock
	// Templates judges what tenants write in Liquid; nil takes everything.
	Templates Templates
	// Trials show and send mail on trial; nil refuses to.
	Trials Trials
	// MaxImport is the largest file of a users-imports job in bytes; Auth0's 512000 unless set.
	MaxImport int64
}

// Users keeps users, finds them, and keeps what belongs to each.
type Users interface {
	user.Store
	user.Searcher
	user.ItemStore
}

// Transactor runs a closure in one database transaction, which store methods join by its context.
type Transactor interface {
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
}

type api struct{ Config }

// route is one operation of the API: how it is called, what it is called in the log, who may call it, and what it does.
type route struct {
	pattern string // "PATCH /clients/{id}"
	title   string // as the tenant's log describes it: "Update a client"
	scopes  scopes
	handle  func(*request) (answer, error)
}

// routes are all operations, one resource after the other.
func (a *api) routes() []route {
	return slices.Concat(
		a.tenantSettings(),
		a.connections(),
		a.clients(),
		a.resourceServers(),
		a.clientGrants(),
		a.users(),
		a.userIdentities(),
		a.userAccess(),
		a.jobs(),
		a.tickets(),
		a.roles(),
		a.actions(),
		a.logs(),
		a.stats(),
		a.sessions(),
		a.refreshTokens(),
		a.grants(),
		a.deviceCredentials(),
		a.keys(),
		a.userBlocks(),
		a.anomaly(),
		a.authenticationMethods(),
		a.branding(),
		a.phone(),
		a.emails(),
		a.failover(),
		a.prompts(),
		a.attackProtection(),
		a.risk(),
		a.guardian(),
		a.customDomains(),
		a.organizations(),
		a.logStreams(),
		a.rulesAndHooks(),
		a.carried(),
		a.unbuilt(),
	)
}

// Register adds the API to a mux.
func Register(mux *httpx.Mux, c Config) {
	a := &api{c}
	crossOrigin := httpx.CORS(httpx.CORSConfig{Allowed: func(r *http.Request, origin string) bool {
		known, err := a.Clients.OriginKnown(r.Context(), httpx.Site(r.Context()).Tenant.ID, origin)
		return err == nil && known
	}})
	routes := &router{}
	for _, one := range a.routes() {
		method, path := one.split()
		operation, found := apischema.Find(method, path)
		if !found {
			panic("the Management API has no operation " + one.pattern) // a misspelt pattern would be served unchecked
		}
		routes.add(method, path, a.serve(one, operation))
	}
	mux.Handle(prefix+"/", crossOrigin(routes))
	mux.HandleFunc("GET "+exportPath+"{file}", a.download)
}

// notFound answers for paths and methods that do not exist.
func notFound(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, problem{Status: http.StatusNotFound, Message: "Not Found"})
}

// serve is the handler of a route: who calls, may they, is what they send well formed; then the route's own work.
func (a *api) serve(one route, operation *apischema.Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpx.NoStore(w.Header())
		req := &request{api: a, route: one, operation: operation, http: r, w: w, site: httpx.Site(r.Context())}
		answer, err := req.answer()
		if err != nil {
			httpx.Fail(r.Context(), err)
			writeProblem(w, problemOf(r.Context(), err))
			return
		}
		answer.write(w)
	})
}
