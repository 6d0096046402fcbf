package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/resourceserver"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// Lives of opaque access tokens (Auth0 docs, "Access Tokens"); they are not configurable.
const (
	opaqueLife    = 86400 * time.Second
	opaqueLifeWeb = 7200 * time.Second
)

// Grant is a decided grant, ready for its tokens to be signed.
type Grant struct {
	Site         tenant.Site
	Client       *client.Client
	User         *user.User // nil for client_credentials
	Scope        []string
	Target       *resourceserver.ResourceServer // nil: an opaque token for /userinfo
	Nonce        string
	SessionID    string
	AuthTime     time.Time
	ShowAuthTime bool
	FrontChannel bool   // delivered through the browser's address
	GrantType    string // "gty", for the grants that name themselves
	AccessToken  string // delivered beside the ID token: hashed into it
	Code         string // likewise
}

// AccessToken is a signed or sealed access token and how long it lives.
type AccessToken struct {
	Value string
	Life  time.Duration
}

func scopeText(scope []string) string { return strings.Join(scope, " ") }

// subject is whom the tokens are about.
func (g Grant) subject() string {
	if g.User == nil {
		return g.Client.ID + "@clients"
	}
	return g.User.ID
}

// accessToken makes the access token: a JWT for an API, else an opaque one.
func (s *Server) accessToken(ctx context.Context, g Grant) (AccessToken, error) {
	if g.Target == nil {
		return s.opaqueToken(g)
	}
	now := s.c.Clock.Now()
	life := g.Target.TokenLife(g.FrontChannel)
	claims := map[string]any{
		"iss": g.Site.Issuer(), "sub": g.subject(), "aud": s.tokenAudience(g),
		"iat": now.Unix(), "exp": now.Add(life).Unix(),
	}
	if len(g.Scope) > 0 {
		claims["scope"] = scopeText(g.Scope)
	}
	typ := jwt.TypeJWT
	if g.Target.RFC9068() {
		typ = jwt.TypeAccessToken
		claims["client_id"], claims["jti"] = g.Client.ID, ident.Token(16)
	} else {
		claims["azp"] = g.Client.ID
		if g.GrantType != "" {
			claims["gty"] = g.GrantType
		}
	}
	signer, err := s.apiSigner(ctx, g.Site.Tenant.ID, g.Target)
	if err != nil {
		return AccessToken{}, err
	}
	value, err := signer.Sign(typ, claims)
	if err != nil {
		return AccessToken{}, fmt.Errorf("sign an access token: %w", err)
	}
	return AccessToken{Value: value, Life: life}, nil
}

// tokenAudience is the API alone, or with /userinfo beside it where the token is good for both (Auth0 docs, "Get Access
// Tokens").
func (s *Server) tokenAudience(g Grant) any {
	if slices.Contains(g.Scope, "openid") && g.Target.Algorithm() != jwt.HS256 {
		return []string{g.Target.Identifier, g.Site.UserInfoAudience()}
	}
	return g.Target.Identifier
}

func (s *Server) apiSigner(ctx context.Context, tenantID string, api *resourceserver.ResourceServer) (*jwt.Signer, error) {
	if api.Algorithm() != jwt.HS256 {
		return s.c.Keys.Signer(ctx, tenantID, api.Algorithm())
	}
	secret, err := s.c.Seal.Open(api.SecretSealed, tenantID, "resource_servers", "signing_secret", api.ID)
	if err != nil {
		return nil, fmt.Errorf("unseal the signing secret of API %s: %w", api.ID, err)
	}
	return jwt.NewSigner(jwt.HS256, "", secret)
}

// opaque is what an opaque access token holds. It is sealed, not stored.
type opaque struct {
	Issuer   string   `json:"i"`
	User     string   `json:"u"`
	ClientID string   `json:"c"`
	Scope    []string `json:"s"`
	Expires  int64    `json:"e"`
}

func (s *Server) opaqueToken(g Grant) (AccessToken, error) {
	life := opaqueLife
	if g.FrontChannel && g.Code == "" {
		life = opaqueLifeWeb
	}
	doc, err := json.Marshal(opaque{
		Issuer: g.Site.Issuer(), User: g.subject(), ClientID: g.Client.ID, Scope: g.Scope, Expires: s.c.Clock.Now().Add(life).Unix(),
	})
	if err != nil {
		return AccessToken{}, fmt.Errorf("encode an access token: %w", err)
	}
	sealed, err := s.c.Seal.Seal(doc, g.Site.Tenant.ID, "access_token")
	if err != nil {
		return AccessToken{}, err
	}
	return AccessToken{Value: base64.RawURLEncoding.EncodeToString(sealed), Life: life}, nil
}

// openOpaque reads an opaque access token of this site that still lives.
func (s *Server) openOpaque(site tenant.Site, token string) (opaque, bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return opaque{}, false
	}
	doc, err := s.c.Seal.Open(sealed, site.Tenant.ID, "access_token")
	if err != nil {
		return opaque{}, false
	}
	var o opaque
	if json.Unmarshal(doc, &o) != nil || o.Issuer != site.Issuer() || s.c.Clock.Now().Unix() >= o.Expires {
		return opaque{}, false
	}
	return o, true
}

// idToken signs the ID token (OpenID Connect Core section 2).
func (s *Server) idToken(ctx context.Context, g Grant) (string, error) {
	now := s.c.Clock.Now()
	claims := profileClaims(g.User, g.Scope, g.Site.Tenant.Settings.Own().StandardClaims)
	claims["iss"], claims["sub"], claims["aud"] = g.Site.Issuer(), g.User.ID, g.Client.ID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(g.Client.IDTokenLife()).Unix()
	if g.SessionID != "" {
		claims["sid"] = g.SessionID
	}
	if g.Nonce != "" {
		claims["nonce"] = g.Nonce
	}
	if g.ShowAuthTime {
		claims["auth_time"] = g.AuthTime.Unix()
	}
	if g.AccessToken != "" {
		claims["at_hash"] = jwt.HashClaim(g.AccessToken)
	}
	if g.Code != "" {
		claims["c_hash"] = jwt.HashClaim(g.Code)
	}
	signer, err := s.idTokenSigner(ctx, g.Site.Tenant.ID, g.Client)
	if err != nil {
		return "", err
	}
	token, err := signer.Sign(jwt.TypeJWT, claims)
	if err != nil {
		return "", fmt.Errorf("sign an ID token: %w", err)
	}
	return token, nil
}

func (s *Server) idTokenSigner(ctx context.Context, tenantID string, c *client.Client) (*jwt.Signer, error) {
	if c.IDTokenAlgorithm() != jwt.HS256 {
		return s.c.Keys.Signer(ctx, tenantID, c.IDTokenAlgorithm())
	}
	secret, err := s.hmacKey(tenantID, c)
	if err != nil {
		return nil, err
	}
	return jwt.NewSigner(jwt.HS256, "", secret)
}

// hmacKey gives the bytes with which HS256 ID tokens of a client are signed.
func (s *Server) hmacKey(tenantID string, c *client.Client) ([]byte, error) {
	secret, err := s.c.ClientAuth.Secret(tenantID, c)
	if err != nil {
		return nil, err
	}
	if !c.JWT.SecretEncoded {
		return []byte(secret), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, fmt.Errorf("the secret of client %s is marked as base64 and is not", c.ID)
	}
	return decoded, nil
}
