package authapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/apierr"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/session"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// SessionCookie is the cookie of the browser's session, under Auth0's name.
const SessionCookie = "auth0"

// browserOf reads the browser's session cookie.
func browserOf(r *http.Request) oauth.Browser {
	value, _ := httpx.CookiesOf(r).Shared(r, SessionCookie)
	return oauth.Browser{Session: session.Secret(value), Origin: httpx.OriginOf(r)}
}

// authorize answers GET and POST /authorize.
func (a *api) authorize(w http.ResponseWriter, r *http.Request) {
	if err := a.countAuthorize(r); err != nil {
		a.fail(w, r, "", err)
		return
	}
	p, err := readParams(w, r)
	if err == nil {
		err = checkRequest(p)
	}
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	httpx.Note(r.Context(), httpx.FieldClientID, p.Get("client_id"))
	browser := browserOf(r)
	browser.Ticket = ticketOf(r, p.Get("login_ticket"))
	out, err := a.OAuth.Authorize(r.Context(), httpx.Site(r.Context()), single(p), browser)
	if err != nil {
		a.fail(w, r, p.Get("ui_locales"), err)
		return
	}
	if out.Verification != nil {
		a.askVerification(w, r, out.Verification, p)
		return
	}
	clearTicket(w, r, p.Get("login_ticket"))
	a.answer(w, r, out)
}

// countAuthorize asks the limit on all authorization requests of one address.
func (a *api) countAuthorize(r *http.Request) error {
	ip := httpx.ClientAddr(r.Context()).String()
	_, err := a.Guard.Count(httpx.Site(r.Context()).Tenant.ID, ip, protect.Ask{Limit: protect.AuthorizePerIP, Subject: protect.Network(ip)})
	return err
}

// Limits of an authorization request. The first is what the header limit lets a GET have.
const (
	maxRequest     = httpx.MaxHeaderBytes
	maxParam       = 2 << 10
	maxLargeParam  = 4 << 10
	maxScopeValues = 200
)

// largeParams may legitimately be longer than others: they hold tokens, lists of permissions or JSON, or are the client's
// own. The client's proof at /oauth/par is bounded by the body alone.
var largeParams = []string{"id_token_hint", "request", "state", "scope", "claims", "authorization_details"}

// checkRequest refuses authorization requests, pushed or not, that are larger than any real one, or not text.
func checkRequest(p httpx.Params) error {
	if err := p.Texts(); err != nil {
		return err
	}
	err := p.Within(maxRequest, func(name string) int {
		switch {
		case slices.Contains(largeParams, name):
			return maxLargeParam
		case name == "client_secret", name == "client_assertion":
			return maxPushed
		}
		return maxParam
	})
	if err == nil && len(strings.Fields(p.Get("scope"))) > maxScopeValues {
		err = apierr.New(apierr.Invalid, httpx.ErrBadRequest.Code, "The parameter 'scope' has too many values.")
	}
	return err
}

// readParams reads the parameters of a browser's request; a POST's may come in its body.
func readParams(w http.ResponseWriter, r *http.Request) (httpx.Params, error) {
	if r.Method == http.MethodPost && r.URL.RawQuery == "" {
		return httpx.ReadBody(w, r, maxRequest)
	}
	return httpx.ReadQuery(r)
}

// resume answers GET /authorize/resume: the pages are done, or think they are.
func (a *api) resume(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	site := httpx.Site(ctx)
	state := r.URL.Query().Get("state")
	binding, _ := httpx.CookiesOf(r).Own(r, page.BindingCookie(state))
	tx, err := a.Transactions.Open(ctx, site.Tenant.ID, state, binding)
	if tx == nil {
		http.Redirect(w, r, a.PageUnknown+"?"+url.Values{"state": {state}}.Encode(), http.StatusFound)
		return
	}
	if err != nil || !tx.FinishedAt.IsZero() {
		http.Redirect(w, r, a.PageAt(transaction.Identify, tx), http.StatusFound)
		return
	}
	httpx.Note(ctx, httpx.FieldClientID, tx.Request.ClientID)
	out, err := a.OAuth.Resume(ctx, site, tx, browserOf(r))
	if errors.Is(err, transaction.ErrMoved) {
		http.Redirect(w, r, a.PageAt(transaction.Identify, tx), http.StatusFound)
		return
	}
	if err != nil {
		a.fail(w, r, tx.Request.UILocales, err)
		return
	}
	if out.Response != nil {
		httpx.CookiesOf(r).ClearOwn(w, page.BindingCookie(state))
	}
	a.answer(w, r, out)
}

// answer sends an outcome: the response for the client, or the browser on to a page.
func (a *api) answer(w http.ResponseWriter, r *http.Request, out oauth.Outcome) {
	cookies := httpx.CookiesOf(r)
	if out.Session != "" {
		cookies.SetShared(w, SessionCookie, string(out.Session), out.SessionLife)
	}
	if out.Response == nil {
		if out.Binding != "" {
			cookies.SetOwn(w, page.BindingCookie(out.Transaction.State()), out.Binding, transaction.Life)
		}
		httpx.NoStore(w.Header())
		redirect(w, a.PageAt(out.Step, out.Transaction))
		return
	}
	if err := a.respond(w, r, out.Response); err != nil {
		a.fail(w, r, "", err)
	}
}

// respond delivers an authorization response (OAuth 2.0 Multiple Response Types; Form Post Response Mode; web_message as
// Auth0's SDKs read it).
func (a *api) respond(w http.ResponseWriter, r *http.Request, response *oauth.Response) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	httpx.NoStore(w.Header())
	values := url.Values{}
	for _, p := range response.Params {
		values.Set(p.Name, p.Value)
	}
	httpx.Note(r.Context(), httpx.FieldOutcome, outcome(values))
	shell := a.shell(r, "")
	switch response.Mode {
	case "form_post":
		return shell.WriteFormPost(w, response.RedirectURI, values)
	case "web_message":
		message := map[string]any{}
		for _, p := range response.Params {
			message[p.Name] = p.Value
		}
		return shell.WriteWebMessage(w, response.TargetOrigin(), message)
	case "fragment":
		redirect(w, response.RedirectURI+"#"+encode(response.Params))
		return nil
	}
	separator := "?"
	if strings.Contains(response.RedirectURI, "?") {
		separator = "&"
	}
	redirect(w, response.RedirectURI+separator+encode(response.Params))
	return nil
}

// outcome is what the operator's log says of a response.
func outcome(values url.Values) string {
	if code := values.Get("error"); code != "" {
		return code
	}
	return "authorized"
}

// encode writes parameters in their order.
func encode(params []oauth.Param) string {
	parts := make([]string, len(params))
	for i, p := range params {
		parts[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
	}
	return strings.Join(parts, "&")
}

// redirect sends the browser on. It does not use http.Redirect, which would rewrite addresses of custom schemes and add a
// page that repeats the response.
func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
}

// shell gives the shell of this site's pages.
func (a *api) shell(r *http.Request, uiLocales string) page.Shell {
	chosen, _ := httpx.CookiesOf(r).Own(r, page.LanguageCookie)
	site := httpx.Site(r.Context())
	looks, err := a.Looks.PageConfig(r.Context(), site.Tenant.ID)
	if err != nil {
		httpx.Fail(r.Context(), err) // the page is shown in the built-in look
	}
	shell := page.ForSite(site, looks, r, chosen, uiLocales)
	shell.Development = a.Development
	return shell
}

// fail shows the error page, or sends the browser to the tenant's own (Auth0 docs, "Custom Error Pages").
func (a *api) fail(w http.ResponseWriter, r *http.Request, uiLocales string, err error) {
	httpx.Fail(r.Context(), err)
	noteLimit(r, err)
	answer := commonWire(r, err)
	var refusal *oauth.Refusal
	var clientID, connection string
	if errors.As(err, &refusal) {
		answer = wire{http.StatusBadRequest, refusal.Protocol.Code, refusal.Protocol.Description}
		if refusal.Forbidden {
			answer.status = http.StatusForbidden
		}
		clientID, connection = refusal.ClientID, refusal.Connection
	}
	httpx.Note(r.Context(), httpx.FieldOutcome, answer.code)
	if apierr.KindOf(err) == apierr.TooMany {
		a.throttled(w, r, uiLocales, err)
		return
	}
	site := httpx.Site(r.Context())
	shell := a.shell(r, uiLocales)
	if own := site.Tenant.Settings.ErrorPage; own != nil && own.URL != "" {
		q := url.Values{"error": {answer.code}, "error_description": {answer.description}, "tracking": {httpx.RequestID(r.Context())}, "lang": {shell.Texts.Tag()}}
		if clientID != "" {
			q.Set("client_id", clientID)
		}
		if connection != "" {
			q.Set("connection", connection)
		}
		separator := "?"
		if strings.Contains(own.URL, "?") {
			separator = "&"
		}
		redirect(w, own.URL+separator+q.Encode())
		return
	}
	if err := shell.WriteError(w, answer.status, page.Failure{Error: answer.code, Description: answer.description, Tracking: httpx.RequestID(r.Context())}); err != nil {
		httpx.Fail(r.Context(), err)
	}
}
