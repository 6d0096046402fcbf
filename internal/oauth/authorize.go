package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/loginticket"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
	"latchkey/internal/user"
)

// Browser is what a request says of the browser it came from.
type Browser struct {
	Session session.Secret // the session cookie
	Origin  eventlog.Origin
	Ticket  Ticket // what it shows of the request's login ticket
}

// Outcome is the answer to an authorization request: a response for the client, a page for the person, or (as an error)
// a *Refusal for the error page.
type Outcome struct {
	Response *Response

	// Step, with its transaction, names the page to show. Binding is the cookie's value for a transaction that was begun
	// just now.
	Step        transaction.Step
	Transaction *transaction.Transaction
	Binding     string

	// Verification is the page to ask first, where a login ticket came without its cookie.
	Verification *Verification

	// Session, when it is not empty, replaces the browser's session cookie; SessionLife is zero for a cookie that dies with
	// the browser.
	Session     session.Secret
	SessionLife time.Duration
}

// Authorize answers an authorization request (GET or POST /authorize).
func (s *Server) Authorize(ctx context.Context, site tenant.Site, params map[string]string, b Browser) (Outcome, error) {
	a, err := s.read(ctx, site, params)
	if err != nil {
		return s.refuse(ctx, site, a, b, err)
	}
	return s.onceMore(func() (Outcome, error) { return s.authorize(ctx, site, a, b) })
}

// onceMore decides again, with what is true now, when the session that was to answer ended before the commit, or the
// user's logins did.
func (s *Server) onceMore(decide func() (Outcome, error)) (Outcome, error) {
	out, err := decide()
	if errors.Is(err, session.ErrGone) || errors.Is(err, user.ErrChanged) {
		return decide()
	}
	return out, err
}

func (s *Server) authorize(ctx context.Context, site tenant.Site, a *asked, b Browser) (Outcome, error) {
	visit, err := s.visit(ctx, site, a.client, a.connection, a.target, &a.Request, b)
	if err != nil {
		return s.refuse(ctx, site, a, b, err)
	}
	visit.tx = &transaction.Transaction{Issuer: site.Issuer(), Request: a.Request, Connection: a.connection.Name}
	if a.ticket != nil {
		ask, err := s.proveByTicket(ctx, visit, a.ticket)
		if err != nil {
			return s.refuse(ctx, site, a, b, err)
		}
		if ask != nil {
			return Outcome{Verification: ask}, nil
		}
	}
	step, err := s.next(ctx, visit)
	if err != nil {
		return s.refuse(ctx, site, a, b, err)
	}
	if step == transaction.Finish {
		out, err := s.finish(ctx, visit)
		if err != nil {
			return s.refuse(ctx, site, a, b, denied(err))
		}
		return out, nil
	}
	if a.Has("none") {
		return s.refuse(ctx, site, a, b, silentRefusal(step))
	}
	if a.LoginHint == "" && visit.again() {
		a.LoginHint = visit.user.Email
	}
	classic, err := s.classic(ctx, site, a.client)
	if err != nil {
		return Outcome{}, err
	}
	if err := visit.hasPage(step, classic); err != nil {
		return s.refuse(ctx, site, a, b, err)
	}
	if classic {
		a.keepUnread()
	}
	tx, binding, err := s.begin(ctx, visit, transaction.Opening{
		Issuer: site.Issuer(), Request: a.Request, Connection: a.connection, Classic: classic,
	})
	if err != nil {
		return s.refuse(ctx, site, a, b, err)
	}
	return Outcome{Step: step, Transaction: tx, Binding: binding}, nil
}

// classic reports whether the login page of a client is the Classic one: where the tenant chose that experience, and where
// client or tenant have a page of their own (Auth0 docs, "Customize Login Pages with Classic Login").
func (s *Server) classic(ctx context.Context, site tenant.Site, c *client.Client) (bool, error) {
	pages, err := s.c.Pages.PageConfig(ctx, site.Tenant.ID)
	if err != nil {
		return false, fmt.Errorf("read which login page there is: %w", err)
	}
	if pages.Classic || c.LoginPage() != "" {
		return true, nil
	}
	global, err := s.c.Clients.Client(ctx, site.Tenant.ID, client.GlobalID(site.Tenant.ID))
	if errors.Is(err, client.ErrNotFound) {
		return false, nil
	}
	return err == nil && global.LoginPage() != "", err
}

// hasPage refuses steps that no page can take: our own ask for what passwordless connections ask for, a tenant's Classic page
// for anything. A session, or a proof that came with a login ticket, needs neither.
func (v *visit) hasPage(step transaction.Step, classic bool) error {
	asks := step == transaction.Identify || step == transaction.Challenge
	if !asks || classic || v.connection.Strategy.Passwordless() {
		return nil
	}
	return protocolError("invalid_request", "the connection %s cannot log people in: this version has hosted pages for passwordless connections only", v.connection.Name)
}

// silentRefusal is the answer to prompt=none when a page would be needed.
func silentRefusal(step transaction.Step) *Error {
	switch step {
	case transaction.Consent:
		return errConsentRequired
	case transaction.Confirm:
		return errInteractionRequired
	}
	return errLoginRequired
}

// Resume goes on with a transaction after its pages (GET /authorize/resume).
func (s *Server) Resume(ctx context.Context, site tenant.Site, tx *transaction.Transaction, b Browser) (Outcome, error) {
	return s.onceMore(func() (Outcome, error) { return s.resume(ctx, site, tx, b) })
}

func (s *Server) resume(ctx context.Context, site tenant.Site, tx *transaction.Transaction, b Browser) (Outcome, error) {
	visit, err := s.resumed(ctx, site, tx, b)
	if err != nil {
		return Outcome{}, err
	}
	if f := tx.Failure; f != nil {
		return s.refuseTransaction(ctx, visit, &Error{Code: f.Code, Description: f.Description})
	}
	step, err := s.next(ctx, visit)
	if err == nil {
		err = visit.hasPage(step, tx.Classic)
	}
	if err != nil {
		return s.refuseTransaction(ctx, visit, err)
	}
	switch step {
	case transaction.Finish:
		out, err := s.finish(ctx, visit)
		if err != nil {
			return s.refuseTransaction(ctx, visit, denied(err))
		}
		return out, nil
	case transaction.Declined:
		return s.refuseTransaction(ctx, visit, errDeclined)
	}
	return Outcome{Step: step, Transaction: tx}, nil
}

// Peek tells which step a transaction is at, and what its page shows, without changing anything.
func (s *Server) Peek(ctx context.Context, site tenant.Site, tx *transaction.Transaction, b Browser) (View, error) {
	visit, err := s.resumed(ctx, site, tx, b)
	if err != nil {
		return View{}, err
	}
	step, err := s.next(ctx, visit)
	if err == nil {
		err = visit.hasPage(step, tx.Classic)
	}
	if err != nil && !isRefusal(err) {
		return View{}, err
	}
	if err != nil || tx.Failure != nil {
		step = transaction.Finish // Resume tells the client
	}
	return View{Step: step, Client: visit.client, Connection: visit.connection, Other: visit.other, User: visit.user, API: visit.target.api, Scope: visit.scope}, nil
}

// View is what a page may show of a transaction.
type View struct {
	Step       transaction.Step
	Client     *client.Client
	Connection *connection.Connection
	Other      *connection.Connection // that the person may go over to; nil where there is none
	User       *user.User             // who is known to be there; nil before that is proven
	API        *API
	Scope      []string // what the client would be granted
}

// visit is one browser at one request: everything the dispatcher and the answer need.
type visit struct {
	site       tenant.Site
	client     *client.Client
	connection *connection.Connection
	other      *connection.Connection // that the person may go over to; nil where there is none
	target     target
	request    *transaction.Request
	scope      []string // granted
	browser    Browser
	tx         *transaction.Transaction

	live    *session.Session // the browser's session, usable for this request or not
	session *session.Session // the same, where it may answer this request
	user    *user.User       // whom the proof or the session names

	ticket *loginticket.Ticket // that the proof came with
}

// entry is how the visit comes to the door.
func (v *visit) entry() authn.Entry {
	return authn.Entry{Site: v.site, Client: v.client, Connection: v.connection, Origin: v.browser.Origin}
}

// visit reads the browser's session and decides whether it may answer the request.
func (s *Server) visit(ctx context.Context, site tenant.Site, c *client.Client, conn *connection.Connection, t target, r *transaction.Request, b Browser) (*visit, error) {
	v := &visit{site: site, client: c, connection: conn, target: t, request: r, browser: b}
	v.scope = granted(r.Scope, c, t, slices.Contains(words(r.ResponseType), "code"))
	live, err := s.c.Sessions.Find(ctx, site.Tenant, b.Session)
	if err != nil || live == nil {
		return v, err
	}
	u, err := s.c.Users.User(ctx, site.Tenant.ID, live.UserID)
	if errors.Is(err, user.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.live, v.user = live, u
	opener, err := s.openedBy(ctx, site, live)
	if err != nil {
		return nil, err
	}
	if opener != nil && opener.EnabledFor(c.ID) && s.usable(v, live) {
		v.session = live
	}
	return v, nil
}

// openedBy gives the connection that opened a session, or nil when it is gone. A session answers only clients for which
// that connection is enabled: single sign-on is no way around a client's list.
func (s *Server) openedBy(ctx context.Context, site tenant.Site, live *session.Session) (*connection.Connection, error) {
	all, err := s.c.Connections.Connections(ctx, site.Tenant.ID)
	if err != nil {
		return nil, err
	}
	return connection.Find(all, live.Connection), nil
}

// again reports whether the session's own user is asked to log in once more.
func (v *visit) again() bool {
	if v.live == nil || v.session != nil || (v.request.HintedUser != "" && v.request.HintedUser != v.user.ID) {
		return false
	}
	return v.request.Has("login") || v.request.MaxAge != nil
}

// usable says whether a live session may answer a request (OpenID Connect Core 3.1.2.1; Auth0's rule that naming a
// passwordless connection never uses the session).
func (s *Server) usable(v *visit, live *session.Session) bool {
	r := v.request
	switch {
	case r.Has("login"):
		return false
	case r.HintedUser != "" && r.HintedUser != live.UserID:
		return false
	case r.MaxAge != nil && (*r.MaxAge == 0 || s.c.Clock.Now().Sub(live.AuthenticatedAt) > seconds(*r.MaxAge)):
		return false
	case r.Connection != "" && !v.connection.ReusesSession(live.Connection):
		return false
	}
	return true
}

// resumed puts a transaction's visit together again.
func (s *Server) resumed(ctx context.Context, site tenant.Site, tx *transaction.Transaction, b Browser) (*visit, error) {
	if tx.Issuer != site.Issuer() {
		return nil, &Refusal{Protocol: protocolError("invalid_request", "This login was begun at another domain")}
	}
	c, err := s.c.Clients.Client(ctx, site.Tenant.ID, tx.Request.ClientID)
	if err != nil { // deleted since the login began
		return nil, refuseUnless(err, &Refusal{Protocol: protocolError("invalid_request", "Unknown client: %s", tx.Request.ClientID)})
	}
	all, err := s.c.Connections.Connections(ctx, site.Tenant.ID)
	if err != nil {
		return nil, err
	}
	conn := connection.Find(all, tx.Connection)
	if conn == nil || !conn.EnabledFor(c.ID) {
		return nil, &Refusal{Protocol: protocolError("invalid_request", "the connection is not enabled"), ClientID: c.ID, Connection: tx.Connection}
	}
	t, err := s.target(ctx, site, tx.Request.Audience, "Service not found: %s")
	if err != nil {
		return nil, refuseUnless(err, &Refusal{Protocol: protocolError("access_denied", "Service not found: %s", tx.Request.Audience), ClientID: c.ID})
	}
	v, err := s.visit(ctx, site, c, conn, t, &tx.Request, b)
	if err != nil {
		return nil, err
	}
	v.tx, v.other = tx, transaction.Other(all, c.ID, tx.Request.Connection, conn)
	if tx.Proof == nil {
		if v.session == nil {
			v.user = nil
		}
		return v, nil
	}
	v.session = nil
	if !v.offline() {
		v.scope = slices.DeleteFunc(slices.Clone(v.scope), func(scope string) bool { return scope == "offline_access" })
	}
	v.user, err = s.c.Users.User(ctx, site.Tenant.ID, tx.Proof.UserID)
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return nil, err
	}
	// An identity that was separated meanwhile proves another user, and no proof outlives the end of a user's logins.
	if err != nil || v.user.IdentityAt(tx.Proof.Connection, tx.Proof.Identifier) < 0 || v.user.EndedSince(tx.Proof.At) {
		return nil, &Refusal{Protocol: protocolError("invalid_request", "The user does not exist anymore."), ClientID: c.ID}
	}
	return v, nil
}

// next admits whoever is known to be there and asks the dispatcher.
func (s *Server) next(ctx context.Context, v *visit) (transaction.Step, error) {
	situation := transaction.Situation{Session: v.session != nil}
	if v.session != nil || v.tx.Proof != nil {
		if err := s.c.Door.Admit(v.user); err != nil {
			return "", denied(err)
		}
		if v.request.HintedUser != "" && v.request.HintedUser != v.user.ID {
			return "", errLoginRequired // OpenID Connect Core 3.1.2.1: not the user that id_token_hint names
		}
		situation.UserID = v.user.ID
		missing, err := s.needsConsent(ctx, v.site.Tenant.ID, v.user.ID, v.client, v.target, v.scope)
		if err != nil {
			return "", err
		}
		situation.Consent = len(missing) > 0 || v.request.Has("consent")
		situation.Confirm = client.NonVerifiable(v.request.RedirectURI) && !v.skipsConfirmation()
	}
	return transaction.Next(v.tx, situation), nil
}

// skipsConfirmation reports whether client or tenant waives the question that guards non-verifiable callbacks.
func (v *visit) skipsConfirmation() bool {
	if v.client.SkipCallbackConfirmation != nil {
		return *v.client.SkipCallbackConfirmation
	}
	return v.site.Tenant.Settings.SkipCallbackConfirmation
}

// denied turns a refusal of the door into the protocol's words.
func denied(err error) error {
	if errors.Is(err, authn.ErrBlocked) {
		return errBlocked
	}
	return err
}

// refuse answers a request with an error: to the callback where that is proven, else on the error page.
func (s *Server) refuse(ctx context.Context, site tenant.Site, a *asked, b Browser, err error) (Outcome, error) {
	var protocol *Error
	var refusal *Refusal
	if errors.As(err, &refusal) || !errors.As(err, &protocol) || a == nil {
		return Outcome{}, err
	}
	return s.answerError(ctx, site, a.client, &a.Request, b, protocol)
}

func (s *Server) refuseTransaction(ctx context.Context, v *visit, err error) (Outcome, error) {
	var protocol *Error
	if !errors.As(err, &protocol) {
		return Outcome{}, err
	}
	var shown *Refusal
	var out Outcome
	failed := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		tx := *v.tx
		tx.FinishedAt, tx.Refused = s.c.Clock.Now(), true
		if err := s.c.Transactions.Save(ctx, v.site.Tenant.ID, &tx); err != nil {
			return err
		}
		var err error
		out, err = s.answerError(ctx, v.site, v.client, v.request, v.browser, protocol)
		var refusal *Refusal
		if errors.As(err, &refusal) {
			shown = refusal // an answer like any other: it is written down too
			return nil
		}
		return err
	})
	if failed == nil && shown != nil {
		return Outcome{}, shown
	}
	return out, failed
}

// answerError logs an error and sends it to the callback. Third-party clients get it on the error page, unless their
// policy says otherwise (Auth0 docs, "Third-Party Applications: Security Controls").
func (s *Server) answerError(ctx context.Context, site tenant.Site, c *client.Client, r *transaction.Request, b Browser, e *Error) (Outcome, error) {
	typ := eventlog.FailedLogin
	if r.Has("none") {
		typ = eventlog.FailedSilentAuth
	}
	event := s.c.Door.Event(authn.Entry{Site: site, Client: c, Origin: b.Origin}, typ, e.Description)
	event.Audience = r.Audience
	event.Details = map[string]any{"error": map[string]string{"oauthError": e.Code, "message": e.Description}}
	if err := s.c.Log.Write(ctx, site.Tenant.ID, event); err != nil {
		return Outcome{}, err
	}
	if !c.IsFirstParty() && c.RedirectPolicy != "allow_always" {
		return Outcome{}, &Refusal{Protocol: e, ClientID: c.ID, Connection: r.Connection}
	}
	return Outcome{Response: errorResponse(r, e)}, nil
}
