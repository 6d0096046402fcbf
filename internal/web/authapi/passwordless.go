package authapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/connection"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/web/httpx"
)

// startParams are the parameters of /passwordless/start; any other top-level one is refused.
var startParams = []string{
	"client_id", "client_secret", "client_assertion", "client_assertion_type", "connection", "email", "phone_number", "send",
	"authParams", "captcha", "lang", "auth0Client", "organization",
}

// startAnswer is the success body of /passwordless/start for e-mail connections.
type startAnswer struct {
	ID            string `json:"_id"`
	Email         string `json:"email"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
}

// badStart is a refusal of /passwordless/start with the names that Lock and auth0.js look for.
func badStart(code, description string) *oauth.Error {
	return &oauth.Error{Code: code, Description: description}
}

// passwordlessStart answers POST /passwordless/start (Auth0 docs, "Get code or link").
func (a *api) passwordlessStart(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	answer, c, err := a.start(r, p)
	confineCORS(w, r, c)
	if err != nil {
		refuse(w, r, err, startWire(r, err))
		return
	}
	httpx.Note(r.Context(), httpx.FieldOutcome, "started")
	httpx.WriteJSON(w, http.StatusOK, answer)
}

func (a *api) start(r *http.Request, p httpx.Params) (startAnswer, *client.Client, error) {
	ctx := r.Context()
	site := httpx.Site(ctx)
	if err := checkStart(p); err != nil {
		return startAnswer{}, nil, err
	}
	who, err := presented(r, p)
	if err != nil {
		return startAnswer{}, nil, err
	}
	httpx.Note(ctx, httpx.FieldClientID, namedClient(who))
	proven, err := a.ClientAuth.Authenticate(ctx, site, who)
	if err != nil {
		return startAnswer{}, nil, err
	}
	c := proven.Client
	if !c.Allows(client.GrantPasswordlessOTP) {
		return startAnswer{}, c, oauth.ErrGrantNotAllowed
	}
	conn, err := a.passwordlessConnection(r, c, p.Get("connection"))
	if err != nil {
		return startAnswer{}, c, err
	}
	email, err := startAddress(p, conn)
	if err != nil {
		return startAnswer{}, c, err
	}
	origin := oauth.Forwarded(httpx.OriginOf(r), proven, r.Header.Get("auth0-forwarded-for"))
	request := login.Start{
		Entry: authn.Entry{Site: site, Client: c, Connection: conn, Origin: origin}, Email: email, Reveal: true,
		Details: map[string]any{"client_id": c.ID, "connection": conn.Name, "email": email, "send": "code"},
	}
	if !proven.Authenticated {
		request.Limits = []protect.Ask{{Limit: protect.StartsPerIP, Subject: protect.Network(origin.IP)}}
	}
	started, err := a.Logins.Start(ctx, request)
	if errors.Is(err, login.ErrEmail) {
		return startAnswer{}, c, badStart("bad.email", "Object didn't pass validation for format email: "+clip(p.Get("email"), maxEmail))
	}
	if err != nil {
		return startAnswer{}, c, err
	}
	answer := startAnswer{ID: started.UserID, Email: started.Canonical, EmailVerified: &started.EmailVerified}
	if site.Tenant.Settings.Own().PasswordlessOpaqueStart {
		answer.ID, answer.EmailVerified = httpx.RequestID(ctx), nil
	}
	return answer, c, nil
}

// checkStart reads what needs no look-up, in the order of Auth0's refusals.
func checkStart(p httpx.Params) error {
	if unknown := unknownParams(p); unknown != "" {
		return badStart("bad.request", "the following properties are not allowed: "+unknown)
	}
	if err := p.Text("connection", "email", "phone_number", "send"); err != nil {
		return err
	}
	if p.Has("authParams") {
		var fields map[string]json.RawMessage
		if _, err := p.Decode("authParams", &fields); err != nil || fields == nil {
			return badStart("bad.authParams", "error in authParams - invalid type: string (expected object)")
		}
	}
	switch p.Get("send") {
	case "", "code":
		return nil
	case "link":
		return badStart("bad.send", "send is not valid: this version sends codes only ([code])")
	}
	return badStart("bad.send", "send is not valid ([link, code])")
}

// unknownParams lists the names that are no parameters of a start, in their order and no longer than people read.
func unknownParams(p httpx.Params) string {
	var unknown []string
	for _, name := range p.Names() {
		if !slices.Contains(startParams, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return clip(strings.Join(unknown, ", "), maxListed)
}

// How many characters are repeated to a stranger: of the parameter names it made up, and of what is no e-mail address. The
// longest address has as many (RFC 5321 section 4.5.3.1.3).
const (
	maxListed = 80
	maxEmail  = 254
)

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// passwordlessConnection finds the connection that is named.
func (a *api) passwordlessConnection(r *http.Request, c *client.Client, name string) (*connection.Connection, error) {
	if name == "" {
		return nil, badStart("bad.connection", "Missing required property: connection")
	}
	all, err := a.Connections.Connections(r.Context(), httpx.Site(r.Context()).Tenant.ID)
	if err != nil {
		return nil, err
	}
	conn := connection.Find(all, name)
	switch {
	case conn == nil:
		return nil, badStart("bad.connection", "Connection does not exist")
	case !conn.Strategy.Passwordless():
		return nil, badStart("bad.connection", "Invalid connection strategy. It must either be a passwordless connection")
	case !conn.EnabledFor(c.ID):
		return nil, badStart("bad.connection", "Connection is disabled")
	}
	return conn, nil
}

func startAddress(p httpx.Params, conn *connection.Connection) (string, error) {
	if conn.Strategy == connection.SMS {
		return "", badStart("bad.connection", "Connection is disabled")
	}
	email := p.Trimmed("email")
	if email == "" {
		return "", badStart("bad.email", "Missing required property: email")
	}
	return email, nil
}

// startWire gives the answer of /passwordless/start to a refusal.
func startWire(r *http.Request, err error) wire {
	var protocol *oauth.Error
	switch {
	case errors.Is(err, clientauth.ErrMissingID):
		return wire{http.StatusBadRequest, "bad.client_id", "Missing required property: client_id"}
	case errors.Is(err, clientauth.ErrUnknown):
		return wire{http.StatusForbidden, "unauthorized_client", "invalid client"}
	case errors.Is(err, clientauth.ErrRequired):
		return wire{http.StatusForbidden, "unauthorized_client", "Client authentication is required"}
	case errors.Is(err, oauth.ErrGrantNotAllowed):
		return lookUp(r, err, client.GrantPasswordlessOTP)
	case errors.Is(err, login.ErrSignupDisabled):
		return wire{http.StatusBadRequest, "bad.connection", "Public signup is disabled"}
	case errors.As(err, &protocol):
		return wire{http.StatusBadRequest, protocol.Code, protocol.Description}
	case apierr.KindOf(err) == apierr.Unauthorized:
		return wire{http.StatusUnauthorized, "invalid_client", apierr.As(err).Message}
	}
	return commonWire(r, err)
}
