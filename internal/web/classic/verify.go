package classic

import (
	"context"
	"errors"
	"net/http"

	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
)

// verify answers POST /passwordless/verify, by which auth0.js asks whether a code is right before it goes to where the code
// is spent (auth0.js, passwordless.verify). Nothing is spent here; wrong codes count. The old call of the same address that
// gave tokens for a code is switched off, as at every tenant made since 2017.
func (e *edge) verify(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err == nil {
		err = p.Text("connection", "verification_code", "email", "phone_number", "client_id", "grant_type")
	}
	if err == nil {
		err = e.count(r)
	}
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	if p.Has("grant_type") || (!p.Has("verification_code") && p.Has("password")) {
		refuse(w, r, nil, wire{http.StatusNotFound, "endpoint_disabled", "This endpoint is disabled for your tenant."})
		return
	}
	c, err := e.verifyingClient(w, r, p.Get("client_id"))
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	conn, answer, err := e.verifyingConnection(r, c, p)
	if err != nil {
		refuse(w, r, err, answer)
		return
	}
	err = e.check(r, c, conn, p)
	if err == nil {
		httpx.NoStore(w.Header())
		httpx.Note(r.Context(), httpx.FieldOutcome, "checked")
		httpx.WriteJSON(w, http.StatusOK, struct{}{})
		return
	}
	if conn.Strategy == connection.SMS && errors.Is(err, login.ErrWrongCode) {
		err = oauth.ErrWrongPhoneCode
	}
	answer = commonWire(r, err)
	if text := proofText(err); text != "" {
		answer = wire{http.StatusUnauthorized, "invalid_user_password", text}
	}
	refuse(w, r, err, answer)
}

// verifyingClient finds the client that a page names, and takes the permission to read back where the page's origin is not
// that client's.
func (e *edge) verifyingClient(w http.ResponseWriter, r *http.Request, id string) (*client.Client, error) {
	c, err := e.clientOf(r, id)
	if origin := r.Header.Get("Origin"); origin != "" && (c == nil || !c.AllowsOrigin(origin)) {
		httpx.WithdrawCORS(w.Header())
	}
	return c, err
}

// verifyingConnection finds the connection that is named, with the answer to one that is none. A client that is named has to
// have it.
func (e *edge) verifyingConnection(r *http.Request, c *client.Client, p httpx.Params) (*connection.Connection, wire, error) {
	for _, name := range []string{"connection", "verification_code"} {
		if p.Trimmed(name) == "" {
			return nil, wire{http.StatusBadRequest, "invalid_request", "missing " + name + " parameter"}, errParameter
		}
	}
	all, err := e.Connections.Connections(r.Context(), httpx.Site(r.Context()).Tenant.ID)
	if err != nil {
		return nil, commonWire(r, err), err
	}
	conn := connection.Find(all, p.Get("connection"))
	switch {
	case conn == nil:
		return nil, wire{http.StatusBadRequest, "invalid_request", "the connection was not found"}, errParameter
	case !conn.Strategy.Passwordless():
		return nil, wire{http.StatusBadRequest, "invalid_request", "specified strategy does not support requested operation"}, errParameter
	case c != nil && !conn.EnabledFor(c.ID):
		return nil, wire{http.StatusBadRequest, "invalid_request", "the connection was disabled"}, errParameter
	}
	return conn, wire{}, nil
}

// check asks the login whose code it is: that of this browser, or none where an application started the code. In any other
// browser the code of a login is wrong, and costs it nothing. Of what applications start only those compare here that could
// spend it without a secret too: anybody else would use up the tries of codes that they cannot try elsewhere.
func (e *edge) check(r *http.Request, c *client.Client, conn *connection.Connection, p httpx.Params) error {
	typed := p.Trimmed("email")
	if conn.Strategy == connection.SMS {
		typed = p.Trimmed("phone_number")
	}
	entry := e.entry(r, c, conn)
	canonical, err := conn.Canonical(typed, "")
	if err != nil {
		return login.ErrWrongCode
	}
	t, err := e.ofCode(r.Context(), r, entry, canonical)
	if err != nil {
		return err
	}
	if t == nil && (c == nil || !c.Public() || !c.Allows(client.GrantPasswordlessOTP)) {
		return login.ErrWrongCode
	}
	return e.Logins.CheckCode(r.Context(), entry, t, canonical, p.Trimmed("verification_code"))
}

func (e *edge) ofCode(ctx context.Context, r *http.Request, entry authn.Entry, canonical string) (*transaction.Transaction, error) {
	state, err := e.Logins.StateOf(ctx, entry, canonical)
	if err != nil {
		return nil, err
	}
	return e.live(r, state)
}
