package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/jwt"
	"latchkey/internal/user"
	"latchkey/internal/web/httpx"
)

// token is who calls: a machine with a token of its client grant, a user with a token of an application, or an operator
// at the command line, who may do everything.
type token struct {
	ClientID string
	UserID   string // empty for machines
	ID       string // jti
	Scopes   []string
	operator bool
}

func (t *token) has(scope string) bool { return t.operator || slices.Contains(t.Scopes, scope) }

// claims are what is read of a bearer token.
type claims struct {
	Issuer   string       `json:"iss"`
	Audience jwt.Audience `json:"aud"`
	Expires  int64        `json:"exp"`
	Subject  string       `json:"sub"`
	Client   string       `json:"azp"`
	Scope    string       `json:"scope"`
	Grant    string       `json:"gty"`
	ID       string       `json:"jti"`
}

// Refusals of tokens. The message is repeated in the attributes of the answer.
var (
	errNoToken        = problem{Status: 401, Message: "Missing authentication"}
	errTokenInvalid   = problem{Status: 401, Message: "Invalid token"}
	errTokenExpired   = problem{Status: 401, Message: "Expired token received for JSON Web Token validation"}
	errTokenSignature = problem{Status: 401, Message: "Invalid signature received for JSON Web Token validation"}
	errHeaderFormat   = problem{Status: 400, Code: "Bearer", Message: "Bad HTTP authentication header format"}
)

type operatorKey struct{}

// Operator marks the requests of the person at the server's own command line: they need no token and may do everything.
func Operator(ctx context.Context) context.Context {
	return context.WithValue(ctx, operatorKey{}, true)
}

// authenticate reads who calls from the Authorization header (RFC 6750 section 2.1).
func (a *api) authenticate(r *http.Request) (*token, error) {
	ctx := r.Context()
	if ctx.Value(operatorKey{}) != nil {
		return &token{operator: true}, nil
	}
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 || headers[0] == "" {
		return nil, errNoToken
	}
	scheme, bearer, found := strings.Cut(headers[0], " ")
	bearer = strings.TrimSpace(bearer)
	if len(headers) > 1 || !found || !strings.EqualFold(scheme, "Bearer") || bearer == "" || strings.Contains(bearer, " ") {
		return nil, errHeaderFormat
	}
	site := httpx.Site(ctx)
	keys, err := a.Keys.Verifiers(ctx, site.Tenant.ID)
	if err != nil {
		return nil, err
	}
	var c claims
	if jwt.Peek(bearer, []jwt.Algorithm{jwt.RS256}, &c) != nil {
		return nil, errTokenInvalid
	}
	if jwt.Verify(bearer, keys, &c) != nil {
		return nil, errTokenSignature
	}
	switch audience := site.Tenant.ManagementAudience(); {
	case c.Expires <= a.Clock.Now().Unix():
		return nil, errTokenExpired
	case c.Issuer != site.Issuer():
		return nil, errTokenInvalid
	case !slices.Contains(c.Audience, audience):
		return nil, problem{Status: 401, Message: "Bad audience: " + strings.Join(c.Audience, ",")}
	}
	t := &token{ClientID: c.Client, ID: c.ID, Scopes: strings.Fields(c.Scope)}
	httpx.Note(ctx, httpx.FieldClientID, c.Client)
	if err := a.known(ctx, site.Tenant.ID, c.Client); err != nil || c.Grant == "client-credentials" {
		return t, err
	}
	t.UserID = c.Subject
	httpx.Note(ctx, httpx.FieldUserID, c.Subject)
	return t, a.active(ctx, site.Tenant.ID, c.Subject)
}

// known refuses the tokens of a client that has been deleted.
func (a *api) known(ctx context.Context, tenantID, clientID string) error {
	_, err := a.Clients.Client(ctx, tenantID, clientID)
	if errors.Is(err, client.ErrNotFound) {
		return errTokenInvalid
	}
	return err
}

// active refuses the tokens of users who are blocked or gone.
func (a *api) active(ctx context.Context, tenantID, userID string) error {
	u, err := a.Users.User(ctx, tenantID, userID)
	if errors.Is(err, user.ErrNotFound) || (err == nil && u.Blocked) {
		return errTokenInvalid
	}
	return err
}
