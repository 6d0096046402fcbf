package oauth

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"latchkey/internal/authn"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/session"
	"latchkey/internal/transaction"
	"latchkey/internal/user"
)

// finish answers the client: session, code, closed transaction and events are one commit, then tokens are signed.
func (s *Server) finish(ctx context.Context, v *visit) (Outcome, error) {
	if v.tx.Proof != nil {
		if err := s.c.Door.Pace(v.entry(), v.user); err != nil {
			return Outcome{}, err
		}
	}
	if err := s.canSign(ctx, v); err != nil {
		return Outcome{}, err
	}
	opened, secret := s.sessionFor(v)
	changed := v.tx.Proof == nil && s.touch(v, opened)
	code, clear := s.codeFor(v, opened)
	err := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.spendTicket(ctx, v); err != nil {
			return err
		}
		if err := s.saveSession(ctx, v, opened, secret, changed); err != nil {
			return err
		}
		if code != nil {
			if err := s.c.Grants.SaveCode(ctx, v.site.Tenant.ID, clear, code); err != nil {
				return err
			}
		}
		if err := s.recordLogin(ctx, v, opened); err != nil {
			return err
		}
		return s.close(ctx, v)
	})
	if errors.Is(err, user.ErrBlocked) { // between the decision and the commit; or all their logins were ended
		err = user.ErrChanged
	}
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Session: secret}
	if secret != "" && v.site.Tenant.Settings.PersistentSessions() {
		out.SessionLife = v.site.Tenant.Settings.SessionLife()
	}
	out.Response, err = s.successResponse(ctx, v, opened, clear)
	return out, err
}

// canSign looks for the signers of the answer before anything is spent for it.
func (s *Server) canSign(ctx context.Context, v *visit) error {
	if _, err := s.idTokenSigner(ctx, v.site.Tenant.ID, v.client); err != nil {
		return err
	}
	if v.target.api == nil {
		return nil
	}
	_, err := s.apiSigner(ctx, v.site.Tenant.ID, v.target.api)
	return err
}

// sessionFor gives the session that backs the answer: the browser's own, or with a fresh proof a new one, which is none where
// the transaction opens none. The same user's
// new session keeps its sid, so that clients recognise it; its secret is new in every case.
func (s *Server) sessionFor(v *visit) (*session.Session, session.Secret) {
	proof := v.tx.Proof
	if proof == nil {
		existing := *v.session
		return &existing, ""
	}
	if v.tx.NoSession {
		return &session.Session{UserID: v.user.ID, Connection: proof.Connection, AuthenticatedAt: proof.At}, ""
	}
	methods := []session.Method{{Name: proof.Method, At: proof.At}}
	opened, secret := s.c.Sessions.Prepare(v.site.Tenant, v.user.ID, proof.Connection, methods, v.browser.Origin.IP, v.browser.Origin.UserAgent)
	opened.AuthenticatedAt = proof.At
	opened.Clients = []string{v.client.ID}
	if v.live != nil && v.live.UserID == v.user.ID {
		opened.ID = v.live.ID
		opened.Clients = v.live.Clients
		opened.Metadata = v.live.Metadata
		if !slices.Contains(opened.Clients, v.client.ID) {
			opened.Clients = append(slices.Clone(opened.Clients), v.client.ID)
		}
	}
	return opened, secret
}

// touch notes the use of a session and tells whether there is something to write.
func (s *Server) touch(v *visit, opened *session.Session) bool {
	return s.c.Sessions.Touch(v.site.Tenant, opened, v.client.ID, v.browser.Origin.IP, v.browser.Origin.UserAgent)
}

func (s *Server) saveSession(ctx context.Context, v *visit, opened *session.Session, secret session.Secret, changed bool) error {
	tenantID := v.site.Tenant.ID
	if secret == "" {
		if !changed || v.tx.NoSession {
			return nil
		}
		return s.c.Sessions.Update(ctx, tenantID, opened)
	}
	if v.live != nil {
		if _, err := s.c.Sessions.End(ctx, tenantID, v.live.ID); err != nil {
			return err
		}
		if v.live.UserID != opened.UserID {
			event := s.c.Door.Event(v.entry(), eventlog.SuccessLogout, "Another user logged in in this browser.")
			event.UserID = v.live.UserID
			if err := s.c.Log.Write(ctx, tenantID, event); err != nil {
				return err
			}
		}
	}
	return s.c.Sessions.Save(ctx, tenantID, opened, secret)
}

// codeFor decides the grant that an authorization code will give, where one was asked for.
func (s *Server) codeFor(v *visit, opened *session.Session) (*grant.Code, grant.Secret) {
	if !slices.Contains(words(v.request.ResponseType), "code") {
		return nil, ""
	}
	code := &grant.Code{
		ClientID: v.client.ID, UserID: v.user.ID, Connection: opened.Connection,
		RedirectURI: v.request.RedirectURI, RedirectURISent: v.request.RedirectURISent,
		Challenge: v.request.Challenge, ChallengeMethod: v.request.ChallengeMethod,
		Scope: v.scope, Requested: v.request.Scope, Audience: v.target.audience, Nonce: v.request.Nonce,
		SessionID: opened.ID, AuthTime: opened.AuthenticatedAt, ShowAuthTime: showAuthTime(v.request), Issuer: v.site.Issuer(),
	}
	return code, s.c.Grants.NewCode(code, v.site.Tenant.Settings.CodeLife())
}

// showAuthTime reports whether tokens carry auth_time: when the client asked for a recent login.
func showAuthTime(r *transaction.Request) bool { return r.MaxAge != nil || r.Has("login") }

// recordLogin writes the login through the door; a silent renewal is an event of its own and no login.
func (s *Server) recordLogin(ctx context.Context, v *visit, opened *session.Session) error {
	if v.request.Has("none") && v.tx.Proof == nil {
		event := s.c.Door.Event(v.entry(), eventlog.SuccessSilentAuth, "")
		event.UserID, event.UserName = v.user.ID, v.user.Address()
		return s.c.Log.Write(ctx, v.site.Tenant.ID, event)
	}
	return s.c.Door.RecordLogin(ctx, v.entry(), v.user, authn.Login{
		SessionID: opened.ID, Audience: v.target.audience, Scope: scopeText(v.scope), Proven: opened.AuthenticatedAt,
	})
}

// close finishes the hosted transaction, so that it answers once.
func (s *Server) close(ctx context.Context, v *visit) error {
	if v.tx.State() == "" {
		return nil
	}
	tx := *v.tx
	tx.FinishedAt = s.c.Clock.Now()
	return s.c.Transactions.Save(ctx, v.site.Tenant.ID, &tx)
}

// successResponse signs what the client asked to have at once and puts the answer together.
func (s *Server) successResponse(ctx context.Context, v *visit, opened *session.Session, code grant.Secret) (*Response, error) {
	asked := words(v.request.ResponseType)
	response := newResponse(v.request)
	g := Grant{
		Site: v.site, Client: v.client, User: v.user, Scope: v.scope, Target: v.target.api, Nonce: v.request.Nonce,
		SessionID: opened.ID, AuthTime: opened.AuthenticatedAt, ShowAuthTime: showAuthTime(v.request), FrontChannel: true,
		Code: string(code),
	}
	if code != "" {
		response.add("code", string(code))
	}
	var access AccessToken
	if slices.Contains(asked, "token") {
		var err error
		if access, err = s.accessToken(ctx, g); err != nil {
			return nil, err
		}
		g.AccessToken = access.Value
		response.add("access_token", access.Value)
		response.add("token_type", "Bearer")
		response.add("expires_in", strconv.Itoa(int(access.Life/time.Second)))
	}
	if slices.Contains(asked, "id_token") {
		idToken, err := s.idToken(ctx, g)
		if err != nil {
			return nil, err
		}
		response.add("id_token", idToken)
	}
	if access.Value != "" || !slices.Equal(v.scope, v.request.Scope) {
		response.add("scope", scopeText(v.scope))
	}
	if v.request.StateSent {
		response.add("state", v.request.State)
	}
	return response, nil
}
