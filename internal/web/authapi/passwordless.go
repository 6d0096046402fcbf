package authapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
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
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// startParams are the parameters of /passwordless/start; any other top-level one is refused.
var startParams = []string{
	"client_id", "client_secret", "client_assertion", "client_assertion_type", "connection", "email", "phone_number", "send",
	"authParams", "captcha", "lang", "auth0Client", "organization",
}

// startAnswer is the success body of /passwordless/start.
type startAnswer struct {
	ID            string `json:"_id"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
	PhoneNumber   string `json:"phone_number,omitempty"`
	PhoneVerified *bool  `json:"phone_verified,omitempty"`
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
	page, err := a.startingPage(r, p)
	if err != nil {
		return startAnswer{}, nil, err
	}
	proven, err := a.startingClient(ctx, site, who, page)
	c := proven.Client
	if err != nil {
		return startAnswer{}, c, err
	}
	conn, err := a.startConnection(r, c, p.Get("connection"))
	if err != nil {
		return startAnswer{}, c, err
	}
	field, address, err := startAddress(p, conn)
	if err != nil {
		return startAnswer{}, c, err
	}
	origin := oauth.Forwarded(httpx.OriginOf(r), proven, r.Header.Get("auth0-forwarded-for"))
	send := startSend(p, conn)
	request := login.Start{
		Entry: authn.Entry{Site: site, Client: c, Connection: conn, Origin: origin}, Address: address, Send: send, Reveal: true, Authenticated: proven.Authenticated,
		Details: map[string]any{"client_id": c.ID, "connection": conn.Name, field: address, "send": send},
	}
	if page != nil {
		cookie, _ := httpx.CookiesOf(r).Own(r, a.DeviceCookie)
		request.Device = a.Logins.Device(site.Tenant.ID, cookie)
	}
	if !proven.Authenticated {
		request.Limits = []protect.Ask{{Limit: protect.StartsPerIP, Subject: protect.Network(origin.IP)}}
	}
	if err := a.startLink(ctx, &request, p, page); err != nil {
		return startAnswer{}, c, err
	}
	started, err := a.begin(ctx, request, page)
	if errors.Is(err, login.ErrEmail) {
		return startAnswer{}, c, badStart("bad.email", "Object didn't pass validation for format email: "+clip(p.Get("email"), maxEmail))
	}
	if err != nil {
		return startAnswer{}, c, err
	}
	answer := startAnswer{ID: started.UserID}
	verified := &started.Verified
	if site.Tenant.Settings.Own().PasswordlessOpaqueStart {
		answer.ID, verified = httpx.RequestID(ctx), nil
	}
	if conn.Strategy == connection.SMS {
		answer.PhoneNumber, answer.PhoneVerified = started.Canonical, verified
	} else {
		answer.Email, answer.EmailVerified = started.Canonical, verified
	}
	return answer, c, nil
}

// begin starts a code: as any other, or in the hosted login whose Classic page asks for it.
func (a *api) begin(ctx context.Context, s login.Start, page *transaction.Transaction) (login.Started, error) {
	if page == nil {
		return a.Logins.Start(ctx, s)
	}
	return a.Logins.StartOnClassicPage(ctx, s, page)
}

// startingPage gives the Classic login whose page sends the call: its state stands in authParams, and the browser shows
// that the login is its own. Calls from elsewhere have none.
func (a *api) startingPage(r *http.Request, p httpx.Params) (*transaction.Transaction, error) {
	state := startParamsOf(p)["state"]
	if state == "" {
		return nil, nil
	}
	binding, ok := httpx.CookiesOf(r).Own(r, page.BindingCookie(state))
	if !ok {
		return nil, nil
	}
	t, err := a.Transactions.Open(r.Context(), httpx.Site(r.Context()).Tenant.ID, state, binding)
	switch {
	case apierr.KindOf(err) == apierr.NotFound, apierr.KindOf(err) == apierr.Forbidden:
		return nil, nil
	case err != nil:
		return nil, err
	case !t.Classic || !t.FinishedAt.IsZero() || t.Request.ClientID != p.Get("client_id"):
		return nil, nil
	}
	return t, nil
}

// startingClient proves the client of a start. A page of ours calls for its client, whose secret it cannot have, and needs
// no grant.
func (a *api) startingClient(ctx context.Context, site tenant.Site, who clientauth.Presented, page *transaction.Transaction) (clientauth.Proven, error) {
	if page != nil {
		c, err := a.Clients.Client(ctx, site.Tenant.ID, page.Request.ClientID)
		return clientauth.Proven{Client: c}, err
	}
	proven, err := a.ClientAuth.Authenticate(ctx, site, who)
	if err == nil && !proven.Client.Allows(client.GrantPasswordlessOTP) {
		err = oauth.ErrGrantNotAllowed
	}
	return proven, err
}

// startLink says what the link of a start does: it leads back to the page's login, or answers what authParams ask for.
func (a *api) startLink(ctx context.Context, s *login.Start, p httpx.Params, page *transaction.Transaction) error {
	if page == nil && !s.Send.Links() {
		return nil
	}
	var given map[string]any
	if _, err := p.Decode("authParams", &given); err != nil {
		return err
	}
	params := s.Connection.LinkParams(given)
	if page != nil {
		delete(params, "state") // the link finds its login without it, and it may be long
	}
	logged := map[string]string{}
	for name, v := range params {
		if len(v) > maxParam {
			return badStart("bad.authParams", "error in authParams - too long: "+clip(name, maxListed))
		}
		if slices.Contains(loggedParams, name) {
			logged[name] = v
		}
	}
	s.Details["authParams"] = logged
	if page != nil {
		s.Link = login.Link{State: page.State(), Classic: true, Params: params}
		return nil
	}
	request, err := a.OAuth.LinkRequest(ctx, s.Site, s.Client, s.Connection, params)
	var protocol *oauth.Error
	if errors.As(err, &protocol) {
		return badStart("bad.authParams", protocol.Description)
	}
	s.Link = login.Link{Params: params, Request: request}
	return err
}

// loggedParams are the authParams that the tenant's log shows, as Auth0's does.
var loggedParams = []string{"audience", "redirect_uri", "response_type", "scope", "state"}

// startParamsOf gives the texts among authParams.
func startParamsOf(p httpx.Params) map[string]string {
	var given map[string]any
	if _, err := p.Decode("authParams", &given); err != nil {
		return nil
	}
	return (&connection.Connection{}).LinkParams(given)
}

// startSend is what is sent: where an e-mail start says nothing, a link (Auth0 docs, "Get code or link").
func startSend(p httpx.Params, c *connection.Connection) connection.Send {
	if c.Strategy == connection.SMS {
		return connection.SendCode
	}
	return cmp.Or(connection.Send(p.Get("send")), connection.SendLink)
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
	switch connection.Send(p.Get("send")) {
	case "", connection.SendCode, connection.SendLink, connection.SendLinkIOS, connection.SendLinkAndroid:
		return nil
	case connection.SendLinkAndCode:
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

// startConnection finds the connection that is named.
func (a *api) startConnection(r *http.Request, c *client.Client, name string) (*connection.Connection, error) {
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

// phonePattern is what Auth0 takes for a number.
var phonePattern = regexp.MustCompile(`^\+[0-9]{1,15}$`)

// startAddress reads the address, and gives the name of its parameter.
func startAddress(p httpx.Params, conn *connection.Connection) (field, address string, err error) {
	if conn.Strategy == connection.SMS {
		number := p.Trimmed("phone_number")
		switch {
		case number == "":
			return "", "", badStart("bad.phone_number", "Missing required property: phone_number")
		case !phonePattern.MatchString(number):
			return "", "", errPhonePattern
		}
		return "phone_number", number, nil
	}
	email := p.Trimmed("email")
	if email == "" {
		return "", "", badStart("bad.email", "Missing required property: email")
	}
	return "email", email, nil
}

var errPhonePattern = badStart("bad.phone_number", `String does not match pattern: ^\+[0-9]{1,15}$`)

// startWire gives the answer of /passwordless/start to a refusal.
func startWire(r *http.Request, err error) wire {
	var protocol *oauth.Error
	var provider *login.ProviderError
	switch {
	case errors.As(err, &provider):
		return wire{http.StatusBadRequest, "sms_provider_error", cmp.Or(provider.Words, login.ErrProvider.Message)}
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
	case errors.Is(err, login.ErrPhone):
		return wire{http.StatusBadRequest, errPhonePattern.Code, errPhonePattern.Description}
	case errors.As(err, &protocol):
		return wire{http.StatusBadRequest, protocol.Code, protocol.Description}
	case apierr.KindOf(err) == apierr.Unauthorized:
		return wire{http.StatusUnauthorized, "invalid_client", apierr.As(err).Message}
	}
	return commonWire(r, err)
}
