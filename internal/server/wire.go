package server

import (
	"context"
	"net/http"

	"latchkey/internal/account"
	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/grant"
	"latchkey/internal/job"
	"latchkey/internal/login"
	"latchkey/internal/loginticket"
	"latchkey/internal/oauth"
	"latchkey/internal/otp"
	"latchkey/internal/password"
	"latchkey/internal/protect"
	"latchkey/internal/session"
	"latchkey/internal/ticket"
	"latchkey/internal/transaction"
	"latchkey/internal/web/authapi"
	"latchkey/internal/web/classic"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/mgmtapi"
	"latchkey/internal/web/universallogin"
)

// wire makes the handler of every tenant: the decisions over their stores, and the routes of each edge; what runs jobs; and the
// accounts, whose deletions the janitor finishes.
func wire(p parts) (http.Handler, *job.Jobs, *account.Accounts, error) {
	d := p.Database
	db, keys, clock := d.Store, d.Keyset, d.Clock

	var clients client.Store = db
	if !p.Dev {
		clients = productionClients{db}
	}
	guard := protect.New(protect.Config{Store: db, Clock: clock, RelaxLoopback: p.Dev})
	codes := otp.New(db, keys, clock)
	sessions := session.New(db, keys, clock)
	grants := grant.New(db, keys, clock)
	transactions := transaction.New(db, keys, clock)
	clientAuth := clientauth.New(clients, db, keys, clock)
	passwords := password.New(0)
	door := authn.New(authn.Config{
		Tx: db, Users: db, Connections: db, Messages: p.sender, Codes: codes, Sessions: sessions, Grants: grants, Guard: guard, Passwords: passwords, Log: p.events, Seal: keys, Clock: clock,
	})
	logins := login.New(login.Config{
		Tx: db, Door: door, Codes: codes, Messages: p.sender, Guard: guard, Transactions: transactions, Settings: db, Looks: db, Log: p.events, Clock: clock,
	})
	tickets := ticket.New(ticket.Config{
		Tx: db, Store: db, Users: db, Connections: db, Looks: db, Links: p.links, Messages: p.sender, Log: p.events, Keys: keys, Clock: clock,
	})
	accounts := account.New(account.Config{
		Tx: db, Users: db, Connections: db, Resources: db, Sessions: sessions, Grants: grants, Passwords: passwords, Keys: d.Keys,
		Log: p.events, Seal: keys, Clock: clock,
	})
	jobs, err := job.New(job.Config{
		Store: db, Accounts: accounts, Users: db, Connections: db, Tickets: tickets, Events: p.events, Keys: keys, Clock: clock,
		Log: p.Log, MaxImport: p.MaxImport, Idle: p.Idle,
	})
	if err != nil {
		return nil, nil, nil, err
	}
	loginTickets := loginticket.New(db, keys, clock)
	protocol := oauth.New(oauth.Config{
		Tx: db, Door: door, Clients: clients, Connections: db, APIs: db, Users: db, Sessions: sessions,
		Grants: grants, Transactions: transactions, Tickets: loginTickets, Pages: db, Keys: d.Keys, ClientAuth: clientAuth, Log: p.events, Guard: guard,
		Seal: keys, Clock: clock,
	})

	mux := httpx.NewMux()
	hosted := universallogin.Config{
		OAuth: protocol, Logins: logins, Transactions: transactions, Clients: clients, Tickets: tickets, Looks: db, Guard: guard,
		Clock: clock, SessionCookie: authapi.SessionCookie, InboxURL: p.InboxURL, Development: p.Dev,
	}
	authapi.Register(mux, authapi.Config{
		OAuth: protocol, Logins: logins, ClientAuth: clientAuth, Transactions: transactions, Clients: clients, Connections: db,
		Keys: d.Keys, Guard: guard, Log: p.events, PageAt: pageAt, PageUnknown: universallogin.PathLoginID, Looks: db,
		DeviceCookie: universallogin.DeviceCookie, Development: p.Dev,
	})
	universallogin.Register(mux, hosted)
	classic.Register(mux, classic.Dependencies{
		OAuth: protocol, Logins: logins, Transactions: transactions, Clients: clients, Connections: db, Looks: db, Guard: guard,
		Log: p.events, SessionCookie: authapi.SessionCookie, DeviceCookie: universallogin.DeviceCookie, DeviceLife: universallogin.DeviceLife,
		Ended: universallogin.Ended(hosted), Development: p.Dev,
	})
	mgmtapi.Register(mux, mgmtapi.Config{
		Tx: db, Sites: p.Sites, Resources: db, Clients: clients, Connections: db, APIs: db, Users: db, Accounts: accounts,
		Sessions: sessions, Grants: grants, Codes: codes, Tickets: tickets, Jobs: jobs, Keys: d.Keys, Guard: guard, Log: p.events,
		Seal: keys, Clock: clock, Templates: p.templates, Trials: p.trials, MaxImport: p.MaxImport,
	})
	return mux, jobs, accounts, nil
}

// pageAt gives the address of the page for a step of a login: the first steps of a Classic one are on the tenant's own page.
func pageAt(step transaction.Step, t *transaction.Transaction) string {
	if classic.Steps(step, t) {
		return classic.AddressOf(t)
	}
	return universallogin.AddressOf(step, t)
}

// productionClients keeps the setting loopback_redirects to native clients, whose callbacks RFC 8252 lets be loopback
// addresses; for all others it exists in development mode only.
type productionClients struct {
	client.Store
}

// Client gives a client as it counts in production.
func (s productionClients) Client(ctx context.Context, tenantID, id string) (*client.Client, error) {
	c, err := s.Store.Client(ctx, tenantID, id)
	if err != nil || c.AppType == "native" || !c.Own().LoopbackRedirects {
		return c, err
	}
	counts := *c
	own := c.Own()
	own.LoopbackRedirects = false
	counts.Latchkey = &own
	return &counts, nil
}

// OriginKnown reports whether scripts of an origin may call. On loopback they may where a client lists the origin: the
// setting is for addresses to which native clients are redirected, and no scripts call from those.
func (s productionClients) OriginKnown(ctx context.Context, tenantID, origin string) (bool, error) {
	if client.NonVerifiable(origin) {
		origin += "/"
	}
	return s.Store.OriginKnown(ctx, tenantID, origin)
}
