package oauth

import (
	"context"
	"errors"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/otp"
	"latchkey/internal/user"
)

// ErrRealm is the answer to a realm that is no passwordless connection of the client.
var ErrRealm = apierr.New(apierr.Invalid, "unknown_realm", "the connection was not found")

// ErrWrongPhoneCode is otp.ErrWrong for a telephone number.
var ErrWrongPhoneCode = apierr.New(apierr.Unauthorized, "wrong_phone_code", "The code is wrong.")

// exchangeOTP gives tokens for a code that was sent by /passwordless/start (Auth0 docs, "Authenticate user", grant type
// http://auth0.com/oauth/grant-type/passwordless/otp). The code is spent, the user found or created, the login counted and
// the refresh token written in one commit.
func (s *Server) exchangeOTP(ctx context.Context, x *exchange) (TokenResponse, error) {
	for _, p := range []struct{ name, value string }{{"username", x.Username}, {"otp", x.OTP}, {"realm", x.Realm}} {
		if p.value == "" {
			return TokenResponse{}, missing(p.name)
		}
	}
	if x.client.AppType == "spa" && !x.client.Own().AllowPublicOTP {
		return TokenResponse{}, ErrGrantNotAllowed
	}
	conn, err := s.realm(ctx, x)
	if err != nil {
		return TokenResponse{}, err
	}
	t, err := s.askedTarget(ctx, x.Site, x.Audience, "Service not enabled within domain: %s")
	if err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedOTPExchange, err)
	}
	e := x.entry()
	e.Connection = conn
	identifier, err := conn.Canonical(x.Username, "")
	if err != nil {
		return TokenResponse{}, wrongCode(conn, s.failed(ctx, x, eventlog.FailedOTPExchange, otp.ErrWrong))
	}
	var response TokenResponse
	err = authn.Again(func() error {
		response, err = s.loginByCode(ctx, x, e, t, identifier)
		return err
	})
	return response, wrongCode(conn, err)
}

// wrongCode gives the refusal of a wrong code its name at the connection: clients compare the texts.
func wrongCode(c *connection.Connection, err error) error {
	if c.Strategy == connection.SMS && errors.Is(err, otp.ErrWrong) {
		return ErrWrongPhoneCode
	}
	return err
}

// realm finds the connection; only passwordless strategies have the grant.
func (s *Server) realm(ctx context.Context, x *exchange) (*connection.Connection, error) {
	all, err := s.c.Connections.Connections(ctx, x.Site.Tenant.ID)
	if err != nil {
		return nil, err
	}
	conn := connection.Find(all, x.Realm)
	if conn == nil || !conn.Strategy.Passwordless() || !conn.EnabledFor(x.client.ID) {
		return nil, ErrRealm
	}
	return conn, nil
}

func (s *Server) loginByCode(ctx context.Context, x *exchange, e authn.Entry, t target, identifier string) (TokenResponse, error) {
	proven, err := s.c.Door.Prove(ctx, e, identifier, otp.Given{Code: otp.Code(x.OTP)}, eventlog.FailedOTPExchange)
	if err != nil {
		return TokenResponse{}, err
	}
	for _, err := range []error{s.c.Door.Admit(proven.User), s.c.Door.Pace(e, proven.User)} {
		if err != nil {
			return TokenResponse{}, s.failed(ctx, x, eventlog.FailedOTPExchange, err)
		}
	}
	tenantID := x.Site.Tenant.ID
	now := s.c.Clock.Now()
	scope := granted(x.Scope, x.client, t, true)
	if err := s.grantConsentless(ctx, x, t, proven.User.ID, scope); err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedOTPExchange, err)
	}
	refresh, clear := s.firstToken(x, "", &grant.RefreshToken{
		UserID: proven.User.ID, Audience: t.audience, Scope: scope, Connection: e.Connection.Name, AuthTime: now, Issuer: x.Site.Issuer(),
	})
	err = s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		login := &authn.Login{Audience: t.audience, Scope: scopeText(scope), GrantType: x.GrantType}
		if err := s.c.Door.Record(ctx, e, proven, login); err != nil {
			return err
		}
		if refresh != nil {
			if err := s.c.Grants.SaveToken(ctx, tenantID, clear, refresh); err != nil {
				return err
			}
		}
		return s.c.Door.MakeRoom(ctx, e, proven)
	})
	if errors.Is(err, otp.ErrWrong) || errors.Is(err, user.ErrBlocked) {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedOTPExchange, err)
	}
	if err != nil {
		return TokenResponse{}, err
	}
	s.c.Door.Committed(proven)
	response, err := s.tokens(ctx, Grant{Site: x.Site, Client: x.client, User: proven.User, Scope: scope, Target: t.api, AuthTime: now})
	response.RefreshToken = string(clear)
	return response, err
}

// grantConsentless refuses what would need a consent page: the token endpoint has none.
func (s *Server) grantConsentless(ctx context.Context, x *exchange, t target, userID string, scope []string) error {
	if x.client.IsFirstParty() {
		return nil
	}
	missing, err := s.needsConsent(ctx, x.Site.Tenant.ID, userID, x.client, t, scope)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return errConsentRequired
	}
	return nil
}
