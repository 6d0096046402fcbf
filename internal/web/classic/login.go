package classic

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/oauth"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
	"latchkey/internal/web/classic/templates"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// pathLogin is the tenant's own login page.
const pathLogin = "/login"

// AddressOf gives the address of the page of a login: its state, and the authorization request as pages read it there. Lock
// stops at an auth0Client that it cannot read, so that goes only where it can.
func AddressOf(t *transaction.Transaction) string {
	asked := parameters(&t.Request)
	if !ValidAuth0Client(asked["auth0Client"]) {
		delete(asked, "auth0Client")
	}
	query := url.Values{}
	for name, value := range asked {
		query.Set(name, value)
	}
	for _, name := range ours {
		query.Del(name)
	}
	address := pathLogin + "?state=" + url.QueryEscape(t.State()) + "&client=" + url.QueryEscape(t.Request.ClientID) + "&protocol=oauth2"
	if len(query) > 0 {
		address += "&" + query.Encode()
	}
	return address
}

// Steps reports whether a step of a login is on the tenant's own page.
func Steps(step transaction.Step, t *transaction.Transaction) bool {
	return t.Classic && (step == transaction.Identify || step == transaction.Challenge)
}

// live finds the Classic login of a state in the browser that it was begun in; nil where there is none that can go on.
func (e *edge) live(r *http.Request, state string) (*transaction.Transaction, error) {
	if state == "" {
		return nil, nil
	}
	binding, _ := httpx.CookiesOf(r).Own(r, page.BindingCookie(state))
	t, err := e.Transactions.Open(r.Context(), httpx.Site(r.Context()).Tenant.ID, state, binding)
	switch {
	case errors.Is(err, transaction.ErrUnknown), errors.Is(err, transaction.ErrExpired), errors.Is(err, transaction.ErrForeignBrowser):
		return nil, nil
	case err != nil:
		return nil, err
	case !t.Classic || !t.FinishedAt.IsZero() || t.Exhausted():
		return nil, nil
	}
	return t, nil
}

// login answers GET /login: it shows the page and changes nothing.
func (e *edge) login(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	site := httpx.Site(ctx)
	if err := e.count(r); err != nil {
		e.Ended(w, r, err)
		return
	}
	t, err := e.live(r, r.URL.Query().Get("state"))
	if err != nil || t == nil {
		e.Ended(w, r, err)
		return
	}
	view, err := e.OAuth.Peek(ctx, site, t, e.browser(r))
	if err != nil || !Steps(view.Step, t) {
		e.Ended(w, r, err)
		return
	}
	httpx.Note(ctx, httpx.FieldClientID, view.Client.ID)
	if r.URL.Query().Get("client") == "" {
		httpx.NoStore(w.Header())
		w.Header().Set("Location", AddressOf(t))
		w.WriteHeader(http.StatusFound)
		return
	}
	if err := e.show(w, r, t, view.Client); err != nil {
		e.Ended(w, r, err)
	}
}

// show sends the page: the client's own HTML, else the tenant's, else one of ours.
func (e *edge) show(w http.ResponseWriter, r *http.Request, t *transaction.Transaction, c *client.Client) error {
	ctx := r.Context()
	site := httpx.Site(ctx)
	pages, err := e.Looks.PageConfig(ctx, site.Tenant.ID)
	if err != nil {
		return err
	}
	stored, err := e.stored(r, c)
	if err != nil {
		return err
	}
	all, err := e.Connections.Connections(ctx, site.Tenant.ID)
	if err != nil {
		return err
	}
	chosen, _ := httpx.CookiesOf(r).Own(r, page.LanguageCookie)
	shell := page.ForSite(site, pages, r, chosen, t.Request.UILocales)
	shell.Development = e.Development
	p := Page{
		Stored: stored, Default: defaultPage(all, c),
		Config: NewConfig(Login{
			Site: site, Client: c, Pages: pages, Request: t.Request, State: t.State(), CSRF: csrf(w, r), Query: r.URL.Query(),
			Language: shell.Texts.Tag(),
		}),
		Opener:          t.Request.ResponseMode == "web_message" || t.Request.Extra["owp"] != "",
		StrictTransport: site.Secure() && !e.Development && !loopback(site),
		Framable:        site.Tenant.Settings.Flags.DisableClickjackProtectionHeader,
	}
	return p.Write(w, shell, httpx.RequestID(ctx))
}

// stored gives the HTML that the client or the tenant has written; empty where neither has.
func (e *edge) stored(r *http.Request, c *client.Client) (string, error) {
	if own := c.LoginPage(); own != "" {
		return own, nil
	}
	tenantID := httpx.Site(r.Context()).Tenant.ID
	global, err := e.Clients.Client(r.Context(), tenantID, client.GlobalID(tenantID))
	if isNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return global.LoginPage(), nil
}

// defaultPage chooses our own page: that for passwordless connections where the client has no others.
func defaultPage(all []*connection.Connection, c *client.Client) templates.Name {
	if slices.ContainsFunc(all, func(conn *connection.Connection) bool { return conn.EnabledFor(c.ID) && !conn.Strategy.Passwordless() }) {
		return templates.Lock
	}
	return templates.LockPasswordless
}

// loopback reports whether a site is this machine's own, whose name other servers share.
func loopback(site tenant.Site) bool {
	host, _, err := net.SplitHostPort(site.Domain.Host)
	if err != nil {
		host = site.Domain.Host
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// csrf gives the value that the page sends back, and which a cookie has to repeat. It is one for all logins of a browser.
func csrf(w http.ResponseWriter, r *http.Request) string {
	cookies := httpx.CookiesOf(r)
	if value, ok := cookies.Own(r, page.CSRFCookie); ok && len(value) <= 64 {
		return value
	}
	value := ident.Token(18)
	cookies.SetOwn(w, page.CSRFCookie, value, 0)
	return value
}

func (e *edge) browser(r *http.Request) oauth.Browser {
	value, _ := httpx.CookiesOf(r).Shared(r, e.SessionCookie)
	return oauth.Browser{Session: session.Secret(value), Origin: httpx.OriginOf(r)}
}

// entry is who comes to the door in a call of the page.
func (e *edge) entry(r *http.Request, c *client.Client, conn *connection.Connection) authn.Entry {
	site := httpx.Site(r.Context())
	cookie, _ := httpx.CookiesOf(r).Own(r, e.DeviceCookie)
	return authn.Entry{
		Site: site, Client: c, Connection: conn, Origin: httpx.OriginOf(r), Device: e.Logins.Device(site.Tenant.ID, cookie),
	}
}
