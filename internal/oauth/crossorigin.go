package oauth

import (
	"context"
	"errors"
	"maps"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/loginticket"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
	"latchkey/internal/user"
)

// CrossOrigin is a call of /co/authenticate by a page of another host, decoded: a code, or a password. The entry names the
// client, which was found to allow the origin.
type CrossOrigin struct {
	Entry    authn.Entry
	Realm    string // the connection's name; without it a password is one of the tenant's default directory
	Username string
	OTP      string // empty where a password is given
	Password string
}

// AuthenticateCrossOrigin checks a proof that a page of another host was given, and makes a login ticket of it. The code is
// spent, the user found or created and the ticket written in one commit. Refusals are those of the door, ErrRealm, and
// ErrWrongPhoneCode.
func (s *Server) AuthenticateCrossOrigin(ctx context.Context, c CrossOrigin) (*loginticket.Ticket, loginticket.Issued, error) {
	e := c.Entry
	var err error
	if e.Connection, err = s.crossOriginRealm(ctx, c); err != nil {
		return nil, loginticket.Issued{}, err
	}
	var t *loginticket.Ticket
	var issued loginticket.Issued
	err = authn.Again(func() error {
		t, issued, err = s.issueTicket(ctx, e, c)
		return err
	})
	return t, issued, wrongCode(e.Connection, err)
}

// crossOriginRealm finds the connection whose users are meant.
func (s *Server) crossOriginRealm(ctx context.Context, c CrossOrigin) (*connection.Connection, error) {
	all, err := s.c.Connections.Connections(ctx, c.Entry.Site.Tenant.ID)
	if err != nil {
		return nil, err
	}
	realm := c.Realm
	if realm == "" {
		realm = c.Entry.Site.Tenant.Settings.DefaultDirectory
	}
	for _, conn := range all {
		fits := conn.Strategy == connection.Database
		if c.OTP != "" {
			fits = conn.Strategy.Passwordless()
		}
		if fits && conn.EnabledFor(c.Entry.Client.ID) && (realm == "" || conn.Name == realm) {
			return conn, nil
		}
	}
	return nil, ErrRealm
}

func (s *Server) issueTicket(ctx context.Context, e authn.Entry, c CrossOrigin) (*loginticket.Ticket, loginticket.Issued, error) {
	tenantID := e.Site.Tenant.ID
	identifier, proven, err := s.proveCrossOrigin(ctx, e, c)
	if err != nil {
		return nil, loginticket.Issued{}, err
	}
	if refusal := s.c.Door.Admit(proven.User); refusal != nil {
		return nil, loginticket.Issued{}, s.refuseCrossOrigin(ctx, e, identifier, refusal, func(ctx context.Context) error {
			return s.c.Door.Discard(ctx, e, proven)
		})
	}
	var t *loginticket.Ticket
	var issued loginticket.Issued
	err = s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.c.Door.Record(ctx, e, proven, nil); err != nil {
			return err
		}
		t = &loginticket.Ticket{
			ClientID: e.Client.ID, UserID: proven.User.ID, Connection: e.Connection.Name, Method: proven.Method, Identifier: identifier,
		}
		var err error
		if issued, err = s.c.Tickets.Issue(ctx, tenantID, t); err != nil {
			return err
		}
		event := s.c.Door.Event(e, eventlog.SuccessCrossOrigin, "")
		event.UserID, event.UserName = proven.User.ID, proven.User.Address()
		if err := s.c.Log.Write(ctx, tenantID, event); err != nil {
			return err
		}
		return s.c.Door.MakeRoom(ctx, e, proven)
	})
	switch {
	case errors.Is(err, otp.ErrWrong), errors.Is(err, user.ErrBlocked):
		err = s.refuseCrossOrigin(ctx, e, identifier, err, nil)
	case err == nil:
		s.c.Door.Committed(proven)
	}
	return t, issued, err
}

// proveCrossOrigin asks the door for the code or the password.
func (s *Server) proveCrossOrigin(ctx context.Context, e authn.Entry, c CrossOrigin) (identifier string, p authn.Proven, err error) {
	if c.OTP == "" {
		p, err = s.c.Door.ProvePassword(ctx, e, c.Username, c.Password, eventlog.FailedCrossOrigin)
		return account.Canonical(c.Username), p, err
	}
	if identifier, err = e.Connection.Canonical(c.Username, ""); err != nil {
		return "", p, s.refuseCrossOrigin(ctx, e, "", otp.ErrWrong, nil)
	}
	p, err = s.c.Door.Prove(ctx, e, identifier, otp.Given{Code: otp.Code(c.OTP)}, eventlog.FailedCrossOrigin)
	return identifier, p, err
}

// refuseCrossOrigin logs a refusal, with what else has to be written, and gives it.
func (s *Server) refuseCrossOrigin(ctx context.Context, e authn.Entry, identifier string, refusal error, also func(context.Context) error) error {
	event := s.c.Door.Event(e, eventlog.FailedCrossOrigin, apierr.As(refusal).Message)
	event.UserName = identifier
	err := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if also != nil {
			if err := also(ctx); err != nil {
				return err
			}
		}
		return s.c.Log.Write(ctx, e.Site.Tenant.ID, event)
	})
	if err != nil {
		return err
	}
	return refusal
}

// Ticket is what a browser shows beside a login ticket that came with its authorization request.
type Ticket struct {
	loginticket.Shown
	// Asked says that the client's verification page was asked already: Verifier is all there is.
	Asked bool
}

// Verification asks the client's own page for the verifier of a login ticket, since the browser has kept our cookie back
// (Auth0 docs, "Cross-Origin Authentication", verification page).
type Verification struct {
	Page     string // the client's cross_origin_loc
	ID       string // of the ticket
	Response *Response
}

var (
	errTicket       = &Error{"access_denied", "Unknown or invalid login ticket."}
	errTicketCookie = &Error{"login_required", "The browser kept back the cookie of the cross-origin login, and no page at the application's cross_origin_loc answered for it."}
)

// readTicket finds the login ticket that came with a request. Whoever it names logs in at the ticket's connection.
func (s *Server) readTicket(ctx context.Context, site tenant.Site, a *asked) error {
	secret := a.params["login_ticket"]
	if secret == "" {
		return nil
	}
	t, err := s.c.Tickets.Find(ctx, site.Tenant.ID, a.ClientID, loginticket.Secret(secret))
	switch {
	case errors.Is(err, loginticket.ErrUnknown):
		return errTicket
	case err != nil:
		return err
	case a.has("realm") && a.params["realm"] != t.Connection:
		return errTicket
	}
	a.ticket = t
	a.params = maps.Clone(a.params)
	a.params["connection"] = t.Connection
	return nil
}

// proveByTicket makes the ticket the proof of a visit, where the browser shows that it is its own. Otherwise it gives the page
// to ask for that. A verifier counts where there is such a page: who has one elsewhere has not kept it at the client's origin.
func (s *Server) proveByTicket(ctx context.Context, v *visit, t *loginticket.Ticket) (*Verification, error) {
	shown := v.browser.Ticket.Shown
	if v.client.VerificationPage() == "" {
		shown.Verifier = ""
	}
	if !s.c.Tickets.Fits(v.site.Tenant.ID, t, shown) {
		if v.browser.Ticket.Asked || v.client.VerificationPage() == "" {
			return nil, errTicketCookie
		}
		return &Verification{Page: v.client.VerificationPage(), ID: t.ID, Response: newResponse(v.request)}, nil
	}
	u, err := s.c.Users.User(ctx, v.site.Tenant.ID, t.UserID)
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return nil, err
	}
	if err != nil || u.IdentityAt(t.Connection, t.Identifier) < 0 || u.EndedSince(t.CreatedAt) { // deleted, separated or ended since the proof
		return nil, errTicket
	}
	v.session, v.user, v.ticket = nil, u, t
	v.tx.Proof = &transaction.Proof{
		Method: t.Method, Connection: t.Connection, Identifier: t.Identifier, UserID: t.UserID, At: t.CreatedAt,
	}
	return nil, nil
}

// spendTicket takes the visit's ticket, if it has one, in the caller's transaction.
func (s *Server) spendTicket(ctx context.Context, v *visit) error {
	if v.ticket == nil {
		return nil
	}
	err := s.c.Tickets.Spend(ctx, v.site.Tenant.ID, v.ticket)
	if errors.Is(err, loginticket.ErrUnknown) {
		return errTicket
	}
	return err
}

// begin starts the pages of a request. One that came with a login ticket has its proof already. Others are written only where
// they are too long to be carried, and only so many of one address: nobody has proven anything.
func (s *Server) begin(ctx context.Context, v *visit, o transaction.Opening) (*transaction.Transaction, string, error) {
	if v.ticket == nil {
		t, browser, err := s.c.Transactions.Begin(v.site.Tenant.ID, o)
		if err != nil || t.Carried() {
			return t, browser, err
		}
		ip := v.browser.Origin.IP
		err = s.c.Tx.InTx(ctx, func(ctx context.Context) error {
			if err := s.c.Transactions.Save(ctx, v.site.Tenant.ID, t); err != nil {
				return err
			}
			return s.c.Guard.Mark(ctx, v.site.Tenant.ID, ip, protect.Ask{Limit: protect.LongRequestsPerIP, Subject: protect.Network(ip)})
		})
		return t, browser, err
	}
	t, browser := s.c.Transactions.Prepare(o)
	t.Proof = v.tx.Proof
	err := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.spendTicket(ctx, v); err != nil {
			return err
		}
		return s.c.Transactions.Save(ctx, v.site.Tenant.ID, t)
	})
	return t, browser, err
}
