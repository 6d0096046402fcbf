package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/user"
)

// exchangeCode gives the tokens of an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
func (s *Server) exchangeCode(ctx context.Context, x *exchange) (TokenResponse, error) {
	if x.Code == "" {
		return TokenResponse{}, missing("code")
	}
	tenantID := x.Site.Tenant.ID
	found, err := s.c.Grants.FindCode(ctx, tenantID, x.client.ID, grant.Secret(x.Code))
	if errors.Is(err, grant.ErrCode) && found.Code != nil {
		return TokenResponse{}, s.replayed(ctx, x, found)
	}
	if err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedCodeExchange, err)
	}
	if err := x.checkCode(found); err != nil {
		return TokenResponse{}, s.burn(ctx, x, found, err)
	}
	u, err := s.c.Users.User(ctx, tenantID, found.UserID)
	if errors.Is(err, user.ErrNotFound) {
		return TokenResponse{}, s.burn(ctx, x, found, grant.ErrCode)
	}
	if err != nil {
		return TokenResponse{}, err
	}
	if err := s.c.Door.Admit(u); err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedCodeExchange, err)
	}
	t, err := s.target(ctx, x.Site, found.Audience, "Service not found: %s")
	if err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedCodeExchange, err)
	}
	refresh, clear := s.firstToken(x, found.FamilyID, &grant.RefreshToken{
		UserID: u.ID, Audience: found.Audience, Scope: found.Scope, SessionID: found.SessionID,
		Connection: found.Connection, AuthTime: found.AuthTime, Issuer: found.Issuer,
	})
	err = s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.c.Grants.SpendCode(ctx, tenantID, found); err != nil {
			return err
		}
		if refresh != nil {
			if err := s.c.Grants.SaveToken(ctx, tenantID, clear, refresh); err != nil {
				return err
			}
		}
		event := s.c.Door.Event(x.entry(), eventlog.CodeExchange, "Authorization Code for Access Token")
		event.UserID, event.UserName, event.Audience, event.Scope = u.ID, u.Email, found.Audience, scopeText(found.Scope)
		return s.c.Log.Write(ctx, tenantID, event)
	})
	switch {
	case errors.Is(err, user.ErrBlocked): // between the check and the commit
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedCodeExchange, user.ErrBlocked)
	case errors.Is(err, grant.ErrCode):
		return TokenResponse{}, s.replayed(ctx, x, found)
	case err != nil:
		return TokenResponse{}, err
	}
	response, err := s.tokens(ctx, Grant{
		Site: x.Site, Client: x.client, User: u, Scope: found.Scope, Target: t.api, Nonce: found.Nonce,
		SessionID: found.SessionID, AuthTime: found.AuthTime, ShowAuthTime: found.ShowAuthTime,
	})
	response.RefreshToken = string(clear)
	return response, err
}

// checkCode compares what the code is bound to. The site counts too: a code is exchanged where it was issued.
func (x *exchange) checkCode(found grant.FoundCode) error {
	switch {
	case found.Issuer != x.Site.Issuer():
		return grant.ErrCode
	case x.RedirectURI != "" && x.RedirectURI != found.RedirectURI:
		return grant.ErrCode
	case x.RedirectURI == "" && found.RedirectURISent && found.Challenge == "" && !x.authenticated:
		return grant.ErrCode
	case !verifies(found, x.CodeVerifier):
		return ErrVerifier
	}
	return nil
}

// verifies checks a code_verifier. A verifier without a challenge fails like a wrong one (RFC 9700 section 2.1.1).
func verifies(found grant.FoundCode, verifier string) bool {
	if found.Challenge == "" {
		return verifier == ""
	}
	if len(verifier) < minVerifier || len(verifier) > maxVerifier {
		return false
	}
	given := verifier
	if found.ChallengeMethod == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		given = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return hmac.Equal([]byte(given), []byte(found.Challenge))
}

// burn spends the code of a refused exchange: whoever holds it tried it wrongly.
func (s *Server) burn(ctx context.Context, x *exchange, found grant.FoundCode, refusal error) error {
	err := s.c.Grants.SpendCode(ctx, x.Site.Tenant.ID, found)
	if err != nil && !errors.Is(err, grant.ErrCode) {
		return err
	}
	return s.failed(ctx, x, eventlog.FailedCodeExchange, refusal)
}

// replayed ends what the first use of the code gave out (RFC 6749 section 4.1.2).
func (s *Server) replayed(ctx context.Context, x *exchange, found grant.FoundCode) error {
	err := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		return s.c.Grants.Replayed(ctx, x.Site.Tenant.ID, found)
	})
	if err != nil {
		return err
	}
	return s.failed(ctx, x, eventlog.FailedCodeExchange, grant.ErrCode)
}
