package universallogin

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// startOver ends a transaction that cannot go on: at the application's own login address where one is known (OpenID
// Connect third-party initiated login), else on a page that says so.
func (u *pages) startOver(v *visit, tx *transaction.Transaction, status int, why page.Ending) {
	clientID := ""
	if tx != nil {
		clientID = tx.Request.ClientID
	}
	route := u.loginRoute(v, clientID)
	httpx.Note(v.r.Context(), httpx.FieldOutcome, string(why))
	if route != "" && (why == page.Expired || why == page.Done) {
		httpx.NoStore(v.w.Header())
		v.w.Header().Set("Location", route)
		v.w.WriteHeader(http.StatusFound)
		return
	}
	if err := v.shell.WriteStartOver(v.w, status, why, route); err != nil {
		httpx.Fail(v.r.Context(), err)
	}
}

// loginRoute is where a new login begins: at the client, else at the tenant (Auth0 docs, "Configure Default Login
// Routes").
func (u *pages) loginRoute(v *visit, clientID string) string {
	route := v.site.Tenant.Settings.DefaultRedirectionURI
	if clientID != "" {
		c, err := u.Clients.Client(v.r.Context(), v.site.Tenant.ID, clientID)
		if err == nil && c.InitiateLoginURI != "" {
			route = c.InitiateLoginURI
		}
	}
	target, err := url.Parse(route)
	if err != nil || target.Scheme != "https" || target.Host == "" {
		return ""
	}
	query := target.Query()
	query.Set("iss", v.site.Issuer())
	target.RawQuery = query.Encode()
	return target.String()
}

// restart answers addresses that people bookmark, which belong to no transaction.
func (u *pages) restart(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r, site: httpx.Site(r.Context()), shell: u.shell(r, "")}
	u.startOver(v, nil, http.StatusNotFound, page.Expired)
}

// trouble shows what went wrong: a refusal of the protocol in its words, anything else with its tracking number.
func (u *pages) trouble(v *visit, err error) {
	httpx.Fail(v.r.Context(), err)
	var refusal *oauth.Refusal
	if errors.As(err, &refusal) {
		u.failed(v, http.StatusBadRequest, refusal.Protocol.Code, refusal.Protocol.Description)
		return
	}
	if apierr.KindOf(err) == apierr.Unavailable {
		u.failed(v, http.StatusServiceUnavailable, "temporarily_unavailable", "The server is temporarily unavailable. Try again.")
		return
	}
	u.failed(v, http.StatusInternalServerError, "server_error", "")
}

func (u *pages) failed(v *visit, status int, code, description string) {
	httpx.Note(v.r.Context(), httpx.FieldOutcome, code)
	err := v.shell.WriteError(v.w, status, page.Failure{Error: code, Description: description, Tracking: httpx.RequestID(v.r.Context())})
	if err != nil {
		httpx.Fail(v.r.Context(), err)
	}
}

// throttled shows the page of a limit that is reached.
func (u *pages) throttled(v *visit, err error) {
	httpx.Note(v.r.Context(), httpx.FieldOutcome, "too_many_requests")
	if err := v.shell.WriteThrottled(v.w, "ip-blocked", waitOf(err)); err != nil {
		httpx.Fail(v.r.Context(), err)
	}
}

// tooFast answers posts that come too fast: on the code page beside the field, so that nothing typed is lost.
func (u *pages) tooFast(v *visit, err error) {
	if v.view.Step != transaction.Challenge || v.r.URL.Path != PageOf(transaction.Challenge, v.tx) {
		u.throttled(v, err)
		return
	}
	httpx.Note(v.r.Context(), httpx.FieldOutcome, "too_many_requests")
	p := u.codePage(v)
	p.Errors = Errors{"code": "same-user-login"}
	if onlyLink(v.tx.Send) {
		p.Errors = Errors{"": "same-user-login"}
	}
	retryAfter(v.w, waitOf(err))
	v.render(http.StatusTooManyRequests, p)
}

func waitOf(err error) time.Duration {
	var limit *protect.LimitError
	if errors.As(err, &limit) {
		return limit.Wait
	}
	return 0
}

// showLogout asks whether to log out.
func (u *pages) showLogout(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r, site: httpx.Site(r.Context()), shell: u.shell(r, "")}
	state := r.URL.Query().Get("state")
	q, err := u.OAuth.Question(r.Context(), v.site, state, u.browser(r))
	if err != nil {
		u.logoutTrouble(v, err)
		return
	}
	p := Logout{State: state}
	if q.Client != nil {
		v.shell.Client = q.Client.Name
	}
	if q.User != nil {
		p.UserName = q.User.Name
	}
	v.shell.Return = q.Return()
	v.render(http.StatusOK, p)
}

// takeLogout takes the answer.
func (u *pages) takeLogout(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r, site: httpx.Site(r.Context()), shell: u.shell(r, "")}
	if !sameSite(r, v.site) {
		u.failed(v, http.StatusForbidden, "invalid_request", "The form was not sent from this site.")
		return
	}
	form, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err != nil {
		u.failed(v, httpx.Status(err), "invalid_request", apierr.As(err).Message)
		return
	}
	state := r.URL.Query().Get("state")
	q, err := u.OAuth.Question(r.Context(), v.site, state, u.browser(r))
	if err != nil {
		u.logoutTrouble(v, err)
		return
	}
	if form.Get("language") != "" {
		v.form = form
		u.changesLanguage(v)
		http.Redirect(w, r, Address(PathLogout, state), http.StatusFound)
		return
	}
	if form.Get("action") != ActionAccept {
		if err := RenderLogoutAborted(w, v.shell, ""); err != nil {
			httpx.Fail(r.Context(), err)
		}
		return
	}
	bye, err := u.OAuth.Agree(r.Context(), v.site, q, u.browser(r))
	if err != nil {
		u.trouble(v, err)
		return
	}
	httpx.CookiesOf(r).ClearShared(w, u.SessionCookie)
	if bye.Location == "" {
		if err := v.shell.WriteLoggedOut(w, ""); err != nil {
			httpx.Fail(r.Context(), err)
		}
		return
	}
	httpx.NoStore(w.Header())
	w.Header().Set("Location", bye.Location)
	w.WriteHeader(http.StatusFound)
}

func (u *pages) logoutTrouble(v *visit, err error) {
	if errors.Is(err, oauth.ErrQuestion) {
		u.startOver(v, nil, http.StatusNotFound, page.Expired)
		return
	}
	u.trouble(v, err)
}
