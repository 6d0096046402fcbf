package oauth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/tenant"
)

// TokenRequest is a call of the token endpoint, decoded.
type TokenRequest struct {
	Site      tenant.Site
	Presented clientauth.Presented
	Origin    eventlog.Origin
	// ForwardedFor is the end user's address as the caller states it; it counts only for a client that is trusted with it.
	ForwardedFor string

	GrantType    string
	Code         string
	RedirectURI  string
	CodeVerifier string
	RefreshToken string
	Scope        []string
	Audience     string
	Realm        string
	Username     string
	OTP          string
}

// TokenResponse is a successful answer of the token endpoint.
type TokenResponse struct {
	AccessToken  AccessToken
	IDToken      string
	RefreshToken string
	Scope        []string
}

// Missing is the answer to a call without a parameter that its grant needs. It is an apierr.Error of kind Invalid.
func missing(param string) error {
	return apierr.New(apierr.Invalid, "missing_parameter", "Missing required parameter: "+param)
}

// Refusals of Exchange beside those of clientauth, otp, grant and authn.
var (
	// ErrUnsupportedGrant is the answer to a grant type that does not exist here.
	ErrUnsupportedGrant = apierr.New(apierr.Forbidden, "unsupported_grant_type", "Unsupported grant type")
	// ErrGrantNotAllowed is the answer to a grant type that is not enabled for the client.
	ErrGrantNotAllowed = apierr.New(apierr.Forbidden, "grant_not_allowed", "Grant type not allowed for the client.")
	// ErrVerifier is the answer to a wrong, missing or needless code_verifier.
	ErrVerifier = apierr.New(apierr.Unauthorized, "invalid_code_verifier", "Failed to verify code verifier")
	// ErrNoUser is the answer to a refresh token whose user was deleted.
	ErrNoUser = apierr.New(apierr.Unauthorized, "user_gone", "The refresh_token was generated for a user who doesn't exist anymore.")
)

// exchange is one call of the token endpoint on its way: the client is proven.
type exchange struct {
	TokenRequest
	client        *client.Client
	authenticated bool
}

func (x *exchange) entry() authn.Entry {
	return authn.Entry{Site: x.Site, Client: x.client, Origin: x.Origin}
}

// Exchange gives tokens for a grant (POST /oauth/token). Errors are *Error for what the protocol itself refuses, and the
// domain errors named above.
func (s *Server) Exchange(ctx context.Context, r TokenRequest) (TokenResponse, *client.Client, error) {
	if r.GrantType == "" {
		return TokenResponse{}, nil, missing("grant_type")
	}
	decide, known := map[string]func(context.Context, *exchange) (TokenResponse, error){
		client.GrantAuthorizationCode: s.exchangeCode,
		client.GrantRefreshToken:      s.exchangeRefreshToken,
		client.GrantClientCredentials: s.exchangeClientCredentials,
		client.GrantPasswordlessOTP:   s.exchangeOTP,
	}[r.GrantType]
	if !known {
		return TokenResponse{}, nil, ErrUnsupportedGrant
	}
	proven, err := s.c.ClientAuth.Authenticate(ctx, r.Site, r.Presented)
	if err != nil {
		return TokenResponse{}, nil, err
	}
	x := &exchange{TokenRequest: r, client: proven.Client, authenticated: proven.Authenticated}
	if !x.client.Allows(r.GrantType) {
		return TokenResponse{}, x.client, ErrGrantNotAllowed
	}
	x.Origin = Forwarded(x.Origin, proven, r.ForwardedFor)
	response, err := decide(ctx, x)
	return response, x.client, err
}

// Forwarded gives the origin with the end user's address as a trusted backend states it (Auth0 docs, "Avoid Common Issues
// with Resource Owner Password Flow and Attack Protection").
func Forwarded(o eventlog.Origin, p clientauth.Proven, forwardedFor string) eventlog.Origin {
	if !p.Authenticated || !p.Client.TrustForwardedIP {
		return o
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(forwardedFor))
	if err != nil {
		return o
	}
	o.ClientIP, o.IP = o.IP, addr.Unmap().String()
	return o
}

// tokens signs what a decided grant gives. It runs after the commit. The two signatures, which are most of the work of a
// login, are made side by side.
func (s *Server) tokens(ctx context.Context, g Grant) (TokenResponse, error) {
	response := TokenResponse{Scope: g.Scope}
	var signing errgroup.Group
	if g.User != nil && slices.Contains(g.Scope, "openid") {
		signing.Go(func() (err error) {
			response.IDToken, err = s.idToken(ctx, g)
			return err
		})
	}
	access, err := s.accessToken(ctx, g)
	if err = errors.Join(err, signing.Wait()); err != nil {
		return TokenResponse{}, err
	}
	response.AccessToken = access
	return response, nil
}

// failed logs a refused exchange and gives the refusal.
func (s *Server) failed(ctx context.Context, x *exchange, typ eventlog.Type, refusal error) error {
	if !isRefusal(refusal) {
		return refusal
	}
	event := s.c.Door.Event(x.entry(), typ, apierr.As(refusal).Message)
	var protocol *Error
	if errors.As(refusal, &protocol) {
		event.Description = protocol.Description
	}
	event.Audience = x.Audience
	if errors.Is(refusal, grant.ErrRefresh) || errors.Is(refusal, ErrNoUser) {
		event.Details = map[string]string{"failure_reason": "invalid_token"}
	}
	if err := s.c.Log.Write(ctx, x.Site.Tenant.ID, event); err != nil {
		return err
	}
	return refusal
}
