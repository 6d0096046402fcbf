package oauth

import (
	"context"
	"errors"
	"slices"

	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/user"
)

// firstToken prepares the first refresh token of a grant, where one was granted.
func (s *Server) firstToken(x *exchange, familyID string, r *grant.RefreshToken) (*grant.RefreshToken, grant.Secret) {
	if !slices.Contains(r.Scope, offlineAccess) {
		return nil, ""
	}
	r.Device = x.device()
	return s.c.Grants.FirstToken(x.client, familyID, *r), s.c.Grants.NewToken()
}

// device is where the call came from, as far as it is told.
func (x *exchange) device() grant.Device {
	return grant.Device{IP: x.Origin.IP, UserAgent: x.Origin.UserAgent}
}

// exchangeRefreshToken gives new tokens for a refresh token (RFC 6749 section 6; Auth0 docs, "Refresh Token Rotation").
func (s *Server) exchangeRefreshToken(ctx context.Context, x *exchange) (TokenResponse, error) {
	if x.RefreshToken == "" {
		return TokenResponse{}, missing("refresh_token")
	}
	response, err := s.refresh(ctx, x)
	var reuse *grant.Reuse
	if errors.As(err, &reuse) && x.client.RefreshToken.Leeway > 0 {
		// Lost the race for this token against another call of the same client: within the leeway both are served.
		response, err = s.refresh(ctx, x)
	}
	if errors.As(err, &reuse) {
		return TokenResponse{}, s.reused(ctx, x, reuse)
	}
	if err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedRefresh, err)
	}
	return response, nil
}

func (s *Server) refresh(ctx context.Context, x *exchange) (TokenResponse, error) {
	tenantID := x.Site.Tenant.ID
	found, err := s.c.Grants.FindToken(ctx, tenantID, x.client, grant.Secret(x.RefreshToken))
	if err != nil {
		return TokenResponse{}, err
	}
	if found.Issuer != x.Site.Issuer() {
		return TokenResponse{}, grant.ErrRefresh
	}
	u, err := s.c.Users.User(ctx, tenantID, found.UserID)
	if errors.Is(err, user.ErrNotFound) {
		return TokenResponse{}, ErrNoUser
	}
	if err != nil {
		return TokenResponse{}, err
	}
	if err := s.c.Door.Admit(u); err != nil {
		return TokenResponse{}, err
	}
	t, err := s.target(ctx, x.Site, found.Audience, "Service not found: %s")
	if err != nil {
		return TokenResponse{}, err
	}
	if x.Audience != "" && x.Audience != found.Audience && !(found.Audience == "" && x.Audience == x.Site.UserInfoAudience()) {
		return TokenResponse{}, protocolError("access_denied", "The refresh token was not granted for audience %s", x.Audience)
	}
	scope := narrowed(found.Scope, x.Scope)
	clear, err := s.rotate(ctx, x, found, u, scope)
	if err != nil {
		return TokenResponse{}, err
	}
	response, err := s.tokens(ctx, Grant{
		Site: x.Site, Client: x.client, User: u, Scope: scope, Target: t.api,
		SessionID: found.SessionID, AuthTime: found.AuthTime, ShowAuthTime: found.SessionID != "", GrantType: "refresh_token",
	})
	response.RefreshToken = string(clear)
	return response, err
}

// rotate uses the token and writes its successor, where there is one, in one commit.
func (s *Server) rotate(ctx context.Context, x *exchange, found grant.FoundToken, u *user.User, scope []string) (grant.Secret, error) {
	tenantID := x.Site.Tenant.ID
	fresh := s.c.Grants.NewToken()
	var clear grant.Secret
	err := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		clear = ""
		next, err := s.c.Grants.Exchange(ctx, tenantID, x.client, found, x.device())
		if err != nil {
			return err
		}
		if next != nil {
			if err := s.c.Grants.SaveToken(ctx, tenantID, fresh, next); err != nil {
				return err
			}
			clear = fresh
		}
		event := s.c.Door.Event(x.entry(), eventlog.RefreshExchange, "Refresh Token for Access Token")
		event.UserID, event.UserName, event.Audience, event.Scope = u.ID, u.Email, found.Audience, scopeText(scope)
		return s.c.Log.Write(ctx, tenantID, event)
	})
	return clear, err
}

// reused ends the family of a token that was used after its replacement.
func (s *Server) reused(ctx context.Context, x *exchange, reuse *grant.Reuse) error {
	description := "Unsuccessful Refresh Token exchange, reused refresh token detected"
	if reuse.Switched {
		description = "Unsuccessful Refresh Token exchange, the client no longer rotates its refresh tokens"
	}
	event := s.c.Door.Event(x.entry(), eventlog.RefreshReuse, description)
	event.UserID = reuse.Token.UserID
	event.Details = map[string]any{
		"familyId": reuse.Token.FamilyID, "latestCounter": reuse.Latest, "tokenCounter": reuse.Token.Sequence,
	}
	err := s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.c.Grants.EndFamily(ctx, x.Site.Tenant.ID, reuse.Token.FamilyID); err != nil {
			return err
		}
		return s.c.Log.Write(ctx, x.Site.Tenant.ID, event)
	})
	if err != nil {
		return err
	}
	return grant.ErrRefresh
}

// narrowed gives the granted scopes that are asked for again; scopes that were never granted are cut silently.
func narrowed(granted, asked []string) []string {
	if len(asked) == 0 {
		return granted
	}
	var out []string
	for _, scope := range granted {
		if slices.Contains(asked, scope) {
			out = append(out, scope)
		}
	}
	return out
}
