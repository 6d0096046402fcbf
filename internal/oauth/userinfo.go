package oauth

import (
	"context"
	"errors"
	"slices"

	"latchkey/internal/apierr"
	"latchkey/internal/jwt"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// Refusals of UserInfo.
var (
	// ErrInvalidToken is the answer to an access token that is malformed, expired, foreign, or whose user is gone or blocked.
	ErrInvalidToken = apierr.New(apierr.Unauthorized, "invalid_token", "The access token is invalid")
	// ErrInsufficientScope is the answer to an access token without the scope openid.
	ErrInsufficientScope = apierr.New(apierr.Forbidden, "insufficient_scope", "The access token lacks the scope openid")
)

// UserInfo gives the claims that an access token opens (OpenID Connect Core section 5.3), with the values that hold now.
func (s *Server) UserInfo(ctx context.Context, site tenant.Site, token string) (userID string, claims map[string]any, err error) {
	subject, scope, err := s.readAccessToken(ctx, site, token)
	if err != nil {
		return "", nil, err
	}
	if !slices.Contains(scope, "openid") {
		return "", nil, ErrInsufficientScope
	}
	u, err := s.c.Users.User(ctx, site.Tenant.ID, subject)
	if errors.Is(err, user.ErrNotFound) || (err == nil && u.Blocked) {
		return "", nil, ErrInvalidToken
	}
	if err != nil {
		return "", nil, err
	}
	claims = profileClaims(u, scope, site.Tenant.Settings.Own().StandardClaims)
	claims["sub"] = u.ID
	return u.ID, claims, nil
}

// readAccessToken proves an access token that is good for /userinfo: an opaque one, or a JWT that names it as audience.
func (s *Server) readAccessToken(ctx context.Context, site tenant.Site, token string) (subject string, scope []string, err error) {
	if token == "" {
		return "", nil, ErrInvalidToken
	}
	if o, ok := s.openOpaque(site, token); ok {
		return o.User, o.Scope, nil
	}
	keys, err := s.c.Keys.Verifiers(ctx, site.Tenant.ID)
	if err != nil {
		return "", nil, err
	}
	var claims struct {
		Issuer   string       `json:"iss"`
		Subject  string       `json:"sub"`
		Audience jwt.Audience `json:"aud"`
		Expires  int64        `json:"exp"`
		Scope    string       `json:"scope"`
	}
	if jwt.Verify(token, keys, &claims) != nil {
		return "", nil, ErrInvalidToken
	}
	if claims.Issuer != site.Issuer() || !slices.Contains(claims.Audience, site.UserInfoAudience()) || s.c.Clock.Now().Unix() >= claims.Expires {
		return "", nil, ErrInvalidToken
	}
	return claims.Subject, words(claims.Scope), nil
}
