package authapi

import (
	"errors"
	"net/http"
	"net/url"

	"latchkey/internal/oauth"
	"latchkey/internal/session"
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
	bye, err := a.endAll(r, p.Get("client_id"), p.Get("returnTo"))
	a.forget(w, r)
	a.leave(w, r, bye, err)
}

// endAll ends every session that the browser's cookies name, and says where the person goes. Usually that is one, or none. A
// sibling host can plant a second cookie: then no session counts, and none may stay behind.
func (a *api) endAll(r *http.Request, clientID, returnTo string) (oauth.Goodbye, error) {
	b := browserOf(r)
	values := httpx.CookiesOf(r).SharedValues(r, SessionCookie)
	for i := 0; i+1 < len(values); i++ {
		b.Session = session.Secret(values[i])
		if _, err := a.OAuth.Logout(r.Context(), httpx.Site(r.Context()), clientID, returnTo, b); err != nil && !isRefusal(err) {
			return oauth.Goodbye{}, err
		}
	}
	if len(values) > 0 {
		b.Session = session.Secret(values[len(values)-1])
	}
	return a.OAuth.Logout(r.Context(), httpx.Site(r.Context()), clientID, returnTo, b)
}

func isRefusal(err error) bool {
	var refusal *oauth.Refusal
	return errors.As(err, &refusal)
}

// endSession answers GET and POST /oidc/logout.
func (a *api) endSession(w http.ResponseWriter, r *http.Request) {
	p, err := readParams(w, r)
	if err != nil {
		a.fail(w, r, "", err)
		return
	}
	b := browserOf(r)
	bye, err := a.OAuth.EndSession(r.Context(), httpx.Site(r.Context()), oauth.EndSession{
		IDTokenHint: p.Get("id_token_hint"), LogoutHint: p.Get("logout_hint"), ClientID: p.Get("client_id"),
		PostLogoutRedirectURI: p.Get("post_logout_redirect_uri"), State: p.Get("state"),
	}, b)
	if err == nil && bye.Ask == "" {
		if b.Session == "" {
			_, err = a.endAll(r, "", "")
		}
		a.forget(w, r)
	}
	a.leave(w, r, bye, err)
}

// forget removes the session cookie, where the browser sent one.
func (a *api) forget(w http.ResponseWriter, r *http.Request) {
	if len(r.CookiesNamed(SessionCookie)) > 0 {
		httpx.CookiesOf(r).ClearShared(w, SessionCookie)
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
