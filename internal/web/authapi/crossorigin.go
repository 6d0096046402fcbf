package authapi

import (
	"net/http"
	"net/url"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/loginticket"
	"latchkey/internal/oauth"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// pathVerify takes the answer of an application's verification page, with the authorization request that it belongs to.
const pathVerify = "/co/verify"

// paramVerifier is the parameter of that answer.
const paramVerifier = "verifier"

// ticketOf reads what a browser shows of the login ticket in its request.
func ticketOf(r *http.Request, ticket string) oauth.Ticket {
	if ticket == "" {
		return oauth.Ticket{}
	}
	cookies := httpx.CookiesOf(r)
	anywhere, partitioned := page.TicketCookies(ticket)
	var shown oauth.Ticket
	for _, name := range []string{anywhere, partitioned} {
		if value, ok := cookies.Own(r, name); ok {
			shown.Cookies = append(shown.Cookies, loginticket.Secret(value))
		}
	}
	return shown
}

// clearTicket removes the cookies of a ticket that was answered.
func clearTicket(w http.ResponseWriter, r *http.Request, ticket string) {
	if ticket == "" {
		return
	}
	cookies := httpx.CookiesOf(r)
	anywhere, partitioned := page.TicketCookies(ticket)
	for _, name := range []string{anywhere, partitioned} {
		if _, there := cookies.Own(r, name); there {
			cookies.SetAcross(w, name, "", -1, name == partitioned)
		}
	}
}

// askVerification shows the page that asks the application for the verifier of a ticket. It carries the request along.
func (a *api) askVerification(w http.ResponseWriter, r *http.Request, v *oauth.Verification, p httpx.Params) {
	httpx.Note(r.Context(), httpx.FieldOutcome, "verification")
	verification := page.Verification{
		Page: v.Page, ID: v.ID, Target: pathVerify, Answer: paramVerifier, Parameters: p.Values(),
	}
	verification.Parameters.Del(paramVerifier)
	if v.Response.Mode == "web_message" {
		verification.Ancestor = v.Response.TargetOrigin()
	}
	shell := a.shell(r, p.Get("ui_locales"))
	shell.Return = v.Response.RedirectURI
	if err := shell.WriteVerification(w, verification); err != nil {
		a.fail(w, r, p.Get("ui_locales"), err)
	}
}

// verifyCrossOrigin answers POST /co/verify: an authorization request whose login ticket is tied to the browser by the
// verifier that the application's page gave. The form must be ours: whoever could send another's browser here with a ticket
// of their own would log it in as themselves.
func (a *api) verifyCrossOrigin(w http.ResponseWriter, r *http.Request) {
	if !fromHere(r) {
		a.fail(w, r, "", &oauth.Refusal{Protocol: &oauth.Error{Code: "invalid_request", Description: "The form was not sent from this site."}, Forbidden: true})
		return
	}
	if err := a.countAuthorize(r); err != nil {
		a.fail(w, r, "", err)
		return
	}
	p, err := httpx.ReadBody(w, r, maxRequest)
	if err == nil {
		err = checkRequest(p)
	}
	if err == nil && p.Get("login_ticket") == "" {
		err = &oauth.Refusal{Protocol: &oauth.Error{Code: "invalid_request", Description: "Missing required parameter: login_ticket"}}
	}
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	httpx.Note(r.Context(), httpx.FieldClientID, p.Get("client_id"))
	params := single(p)
	verifier := loginticket.Secret(params[paramVerifier])
	delete(params, paramVerifier)
	browser := browserOf(r)
	browser.Ticket = ticketOf(r, p.Get("login_ticket"))
	browser.Ticket.Verifier, browser.Ticket.Asked = verifier, true
	out, err := a.OAuth.Authorize(r.Context(), httpx.Site(r.Context()), params, browser)
	if err != nil {
		a.fail(w, r, p.Get("ui_locales"), err)
		return
	}
	a.answer(w, r, out)
}

// fromHere reports whether a page of this very site sent the request, which every browser says of a form (Fetch Metadata;
// RFC 6454).
func fromHere(r *http.Request) bool {
	if s := r.Header.Get("Sec-Fetch-Site"); s != "" {
		return s == "same-origin"
	}
	u, err := url.Parse(httpx.Site(r.Context()).URL(""))
	return err == nil && strings.EqualFold(client.Origin(r.Header.Get("Origin")), u.Scheme+"://"+u.Host)
}
