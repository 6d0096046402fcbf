package authapi

import (
	"net/http"
	"net/url"

	"latchkey/internal/oauth"
	"latchkey/internal/web/httpx"
)

// PageLogout is the hosted page that asks whether to log out.
const PageLogout = "/u/logout"

// logout answers GET /v2/logout.
func (a *api) logout(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadQuery(r)
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	bye, err := a.OAuth.Logout(r.Context(), httpx.Site(r.Context()), p.Get("client_id"), p.Get("returnTo"), browserOf(r))
	a.forget(w, r)
	a.leave(w, r, bye, err)
}

// endSession answers GET and POST /oidc/logout.
func (a *api) endSession(w http.ResponseWriter, r *http.Request) {
	p, err := readAuthorize(w, r)
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	bye, err := a.OAuth.EndSession(r.Context(), httpx.Site(r.Context()), oauth.EndSession{
		IDTokenHint: p.Get("id_token_hint"), LogoutHint: p.Get("logout_hint"), ClientID: p.Get("client_id"),
		PostLogoutRedirectURI: p.Get("post_logout_redirect_uri"), State: p.Get("state"),
	}, browserOf(r))
	if err == nil && bye.Ask == "" {
		a.forget(w, r)
	}
	a.leave(w, r, bye, err)
}

// forget removes the session cookie, where the browser has one.
func (a *api) forget(w http.ResponseWriter, r *http.Request) {
	cookies := httpx.CookiesOf(r)
	if _, ok := cookies.Shared(r, SessionCookie); ok {
		cookies.ClearShared(w, SessionCookie)
	}
}

// leave sends the person on after a logout, or asks first.
func (a *api) leave(w http.ResponseWriter, r *http.Request, bye oauth.Goodbye, err error) {
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	httpx.NoStore(w.Header())
	switch {
	case bye.Ask != "":
		redirect(w, PageLogout+"?"+url.Values{"state": {bye.Ask}}.Encode())
	case bye.Location != "":
		redirect(w, bye.Location)
	default:
		if err := a.shell(r, "").WriteLoggedOut(w, ""); err != nil {
			httpx.Fail(r.Context(), err)
		}
	}
}
