package classic

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// pathCallback is where the form leads that /usernamepassword/login answers with.
const pathCallback = "/login/callback"

// callbackForm is that form. auth0.js puts it into its page and submits the first element.
var callbackForm = template.Must(template.New("callback").Parse(`<form method="post" name="hiddenform" action="{{.Action}}">` +
	`<input type="hidden" name="wa" value="wsignin1.0"><input type="hidden" name="wresult" value="{{.Result}}">` +
	`<input type="hidden" name="wctx" value="{{.Context}}"><noscript><button type="submit">Continue</button></noscript></form>`))

// callbackContext is what the form carries back.
type callbackContext struct {
	State string `json:"state"`
}

// password answers POST /usernamepassword/login: a password from the tenant's own page. A right one becomes the proof of the
// login; the form that is answered leads the browser on.
func (e *edge) password(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err == nil {
		err = p.Text("state", "_csrf", "connection", "username", "password")
	}
	if err == nil {
		err = e.count(r)
	}
	if err != nil {
		refuseLegacy(w, r, err, commonWire(r, err))
		return
	}
	t, c, answer, err := e.passwordLogin(r, p)
	if err != nil {
		refuseLegacy(w, r, err, answer)
		return
	}
	conn, err := e.database(r, c, p.Get("connection"))
	if err != nil {
		refuseLegacy(w, r, err, commonWire(r, err))
		return
	}
	if conn == nil {
		refuseLegacy(w, r, errParameter, wire{http.StatusBadRequest, "invalid_request", "the connection was not found"})
		return
	}
	entry := e.entry(r, c, conn)
	err = e.Logins.TakePassword(r.Context(), entry, t, p.Trimmed("username"), p.Get("password"))
	if err == nil {
		err = e.remember(w, r, entry, t)
	}
	if err != nil && !errors.Is(err, transaction.ErrMoved) {
		refuseLegacy(w, r, err, passwordWire(r, err))
		return
	}
	e.sendForm(w, r, t)
}

// remember notes in the browser whose password was typed in it: strangers who guess do not lock its owner out there.
func (e *edge) remember(w http.ResponseWriter, r *http.Request, entry authn.Entry, t *transaction.Transaction) error {
	cookie, err := e.Logins.Remember(entry, t)
	if err != nil {
		return err
	}
	httpx.CookiesOf(r).SetOwn(w, e.DeviceCookie, cookie, e.DeviceLife)
	return nil
}

// passwordLogin finds the login of a call, whose page must be ours.
func (e *edge) passwordLogin(r *http.Request, p httpx.Params) (*transaction.Transaction, *client.Client, wire, error) {
	missing := wire{http.StatusBadRequest, "session_missing", "The login of this page has ended. Start over."}
	t, err := e.live(r, p.Get("state"))
	if err != nil {
		return nil, nil, commonWire(r, err), err
	}
	cookie, _ := httpx.CookiesOf(r).Own(r, page.CSRFCookie)
	if t == nil || cookie == "" || subtle.ConstantTimeCompare([]byte(cookie), []byte(p.Get("_csrf"))) != 1 {
		return nil, nil, missing, errParameter
	}
	c, err := e.clientOf(r, t.Request.ClientID)
	switch {
	case err != nil:
		return nil, nil, commonWire(r, err), err
	case c == nil:
		return nil, nil, missing, errParameter
	case p.Get("username") == "" || p.Get("password") == "":
		return nil, nil, wire{http.StatusBadRequest, "invalid_request", "username and password are required"}, errParameter
	}
	return t, c, wire{}, nil
}

// database finds the connection whose passwords are meant: the one that is named, else the tenant's default directory, else
// the client's first. It is nil where the client has none such.
func (e *edge) database(r *http.Request, c *client.Client, name string) (*connection.Connection, error) {
	site := httpx.Site(r.Context())
	all, err := e.Connections.Connections(r.Context(), site.Tenant.ID)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = site.Tenant.Settings.DefaultDirectory
	}
	for _, conn := range all {
		if conn.Strategy == connection.Database && conn.EnabledFor(c.ID) && (name == "" || conn.Name == name) {
			return conn, nil
		}
	}
	return nil, nil
}

// passwordWire gives the answer to a refused password.
func passwordWire(r *http.Request, err error) wire {
	if errors.Is(err, authn.ErrBlocked) {
		return wire{http.StatusUnauthorized, "blocked_user", "user is blocked"}
	}
	if text := proofText(err); text != "" {
		return wire{http.StatusUnauthorized, "invalid_user_password", text}
	}
	return commonWire(r, err)
}

// sendForm sends the form. What was proven stands in the login, which the browser's cookie opens: the form only names it.
func (e *edge) sendForm(w http.ResponseWriter, r *http.Request, t *transaction.Transaction) {
	context, err := json.Marshal(callbackContext{t.State()})
	if err != nil {
		refuseLegacy(w, r, err, commonWire(r, err))
		return
	}
	httpx.NoStore(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err = callbackForm.Execute(w, map[string]string{
		"Action": httpx.Site(r.Context()).URL(pathCallback), "Result": t.ID, "Context": string(context),
	})
	if err != nil {
		httpx.Fail(r.Context(), err)
	}
}

// callback answers POST /login/callback: it goes on with the login that the form names.
func (e *edge) callback(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	var context callbackContext
	if _, err := p.Decode("wctx", &context); err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	httpx.NoStore(w.Header())
	w.Header().Set("Location", "/authorize/resume?"+url.Values{"state": {context.State}}.Encode())
	w.WriteHeader(http.StatusFound)
}
