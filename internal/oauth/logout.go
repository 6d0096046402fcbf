package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/jwt"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// Goodbye is what happens at a logout.
type Goodbye struct {
	// Location is where the person is sent; empty shows that they are logged out.
	Location string
	// Ask, when not empty, means that the person is asked first, on the page whose state this is. Nothing has happened yet.
	Ask string
}

// Logout ends the browser's session and says where the person goes (GET /v2/logout; Auth0 docs, "Logout"). The session
// ends even when the address is refused, which is a *Refusal.
func (s *Server) Logout(ctx context.Context, site tenant.Site, clientID, returnTo string, b Browser) (Goodbye, error) {
	c, err := s.logoutClient(ctx, site, clientID)
	if err != nil {
		return Goodbye{}, err
	}
	if err := s.endSession(ctx, site, c, b); err != nil {
		return Goodbye{}, err
	}
	if clientID != "" && c == nil {
		return Goodbye{}, &Refusal{Protocol: protocolError("invalid_request", "Unknown client: %s", clientID)}
	}
	allowed := site.Tenant.Settings.AllowedLogoutURLs
	switch {
	case returnTo == "" && c != nil:
		return Goodbye{Location: c.FirstLogoutURL()}, nil
	case returnTo == "":
		return Goodbye{Location: client.FirstLogoutURL(allowed)}, nil
	case c != nil && c.AllowsReturnTo(returnTo), c == nil && client.AllowedReturnTo(returnTo, allowed):
		return Goodbye{Location: returnTo}, nil
	}
	return Goodbye{}, &Refusal{ClientID: clientID, Protocol: protocolError("invalid_request",
		`The "returnTo" querystring parameter "%s" is not defined as a valid URL in "Allowed Logout URLs"`, returnTo)}
}

// EndSession is a logout that a client asks for (OpenID Connect RP-Initiated Logout; GET or POST /oidc/logout).
type EndSession struct {
	IDTokenHint           string
	LogoutHint            string // a sid
	ClientID              string
	PostLogoutRedirectURI string
	State                 string
	Confirmed             string // the sid of the session that the person said yes for
}

// EndSession decides a logout by the rules of RP-Initiated Logout. It asks the person when the request does not prove that
// it comes from a client of this browser's session.
func (s *Server) EndSession(ctx context.Context, site tenant.Site, r EndSession, b Browser) (Goodbye, error) {
	live, err := s.c.Sessions.Find(ctx, site.Tenant, b.Session)
	if err != nil {
		return Goodbye{}, err
	}
	c, sid, err := s.whoAsks(ctx, site, r)
	if err != nil {
		return Goodbye{}, err
	}
	location, err := s.afterLogout(site, r, c)
	if err != nil {
		return Goodbye{}, err
	}
	if live != nil && sid != live.ID && r.Confirmed != live.ID {
		return s.ask(ctx, site, r, c, live)
	}
	if err := s.endSession(ctx, site, c, b); err != nil {
		return Goodbye{}, err
	}
	return Goodbye{Location: location}, nil
}

// question is a logout that waits for the person's answer. It is sealed into the page's state.
type question struct {
	EndSession
	SessionID string    `json:"sid"`
	Expires   time.Time `json:"exp"`
}

const questionLife = 10 * time.Minute

func (s *Server) ask(_ context.Context, site tenant.Site, r EndSession, c *client.Client, live *session.Session) (Goodbye, error) {
	r.IDTokenHint = "" // proven already, and large; the client it named is kept
	if c != nil {
		r.ClientID = c.ID
	}
	doc, err := json.Marshal(question{EndSession: r, SessionID: live.ID, Expires: s.c.Clock.Now().Add(questionLife)})
	if err != nil {
		return Goodbye{}, fmt.Errorf("encode a logout: %w", err)
	}
	sealed, err := s.c.Seal.Seal(doc, site.Tenant.ID, "logout")
	if err != nil {
		return Goodbye{}, err
	}
	return Goodbye{Ask: base64.RawURLEncoding.EncodeToString(sealed)}, nil
}

// LogoutQuestion is what the page that asks shows. Client and User may be nil.
type LogoutQuestion struct {
	Client *client.Client
	User   *user.User
	asked  question
}

// Return is where the person goes after saying yes; empty when no address was asked for.
func (q LogoutQuestion) Return() string { return q.asked.PostLogoutRedirectURI }

// ErrQuestion is the answer to a logout page whose state is unknown, too old, or of another session.
var ErrQuestion = apierr.New(apierr.Invalid, "unknown_logout", "This logout is not known here.")

// Question opens the state of the page that asks. The session that it was asked for must be the browser's own still.
func (s *Server) Question(ctx context.Context, site tenant.Site, state string, b Browser) (LogoutQuestion, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(state)
	if err != nil {
		return LogoutQuestion{}, ErrQuestion
	}
	doc, err := s.c.Seal.Open(sealed, site.Tenant.ID, "logout")
	if err != nil {
		return LogoutQuestion{}, ErrQuestion
	}
	var q question
	if json.Unmarshal(doc, &q) != nil || !s.c.Clock.Now().Before(q.Expires) {
		return LogoutQuestion{}, ErrQuestion
	}
	live, err := s.c.Sessions.Find(ctx, site.Tenant, b.Session)
	if err != nil {
		return LogoutQuestion{}, err
	}
	if live == nil || live.ID != q.SessionID {
		return LogoutQuestion{}, ErrQuestion
	}
	out := LogoutQuestion{asked: q}
	if out.Client, err = s.logoutClient(ctx, site, q.ClientID); err != nil {
		return LogoutQuestion{}, err
	}
	out.User, err = s.c.Users.User(ctx, site.Tenant.ID, live.UserID)
	if errors.Is(err, user.ErrNotFound) {
		return out, nil
	}
	return out, err
}

// Agree ends the session after the person said yes.
func (s *Server) Agree(ctx context.Context, site tenant.Site, q LogoutQuestion, b Browser) (Goodbye, error) {
	r := q.asked.EndSession
	r.Confirmed = q.asked.SessionID
	return s.EndSession(ctx, site, r, b)
}

// whoAsks gives the client and session that the hints name. Given values must agree.
func (s *Server) whoAsks(ctx context.Context, site tenant.Site, r EndSession) (*client.Client, string, error) {
	clientID, sid := r.ClientID, r.LogoutHint
	if r.IDTokenHint != "" {
		claims, err := s.ownIDToken(ctx, site, r.IDTokenHint)
		if errors.Is(err, jwt.ErrInvalid) {
			return nil, "", &Refusal{Protocol: protocolError("invalid_request", "The id_token_hint is invalid")}
		}
		if err != nil {
			return nil, "", err
		}
		if clientID != "" && clientID != claims.Audience {
			return nil, "", &Refusal{Protocol: protocolError("invalid_request", "client_id does not match the id_token_hint"), ClientID: clientID}
		}
		if sid != "" && sid != claims.SessionID {
			return nil, "", &Refusal{Protocol: protocolError("invalid_request", "logout_hint does not match the id_token_hint"), ClientID: claims.Audience}
		}
		clientID, sid = claims.Audience, claims.SessionID
	}
	if clientID == "" {
		return nil, sid, nil
	}
	c, err := s.logoutClient(ctx, site, clientID)
	if err == nil && c == nil {
		err = &Refusal{Protocol: protocolError("invalid_request", "Unknown client: %s", clientID)}
	}
	return c, sid, err
}

// afterLogout checks post_logout_redirect_uri and adds state to it.
func (s *Server) afterLogout(site tenant.Site, r EndSession, c *client.Client) (string, error) {
	uri := r.PostLogoutRedirectURI
	if uri == "" {
		return "", nil
	}
	proven := r.IDTokenHint != "" || r.LogoutHint != "" || r.ClientID != ""
	ok := proven && ((c != nil && c.AllowsLogout(uri)) || (c == nil && client.AllowedLogout(uri, site.Tenant.Settings.AllowedLogoutURLs)))
	if !ok {
		refusal := &Refusal{Protocol: protocolError("invalid_request",
			`The "post_logout_redirect_uri" parameter "%s" is not defined as a valid URL in "Allowed Logout URLs"`, uri)}
		if c != nil {
			refusal.ClientID = c.ID
		}
		return "", refusal
	}
	if r.State == "" {
		return uri, nil
	}
	u, err := url.Parse(uri)
	if err != nil {
		return "", &Refusal{Protocol: protocolError("invalid_request", "post_logout_redirect_uri is malformed")}
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "state=" + url.QueryEscape(r.State)
	return u.String(), nil
}

// endSession ends the browser's session, if it has one, and logs it.
func (s *Server) endSession(ctx context.Context, site tenant.Site, c *client.Client, b Browser) error {
	live, err := s.c.Sessions.Find(ctx, site.Tenant, b.Session)
	if err != nil || live == nil {
		return err
	}
	event := s.c.Door.Event(authn.Entry{Site: site, Client: c, Origin: b.Origin}, eventlog.SuccessLogout, "")
	event.UserID = live.UserID
	event.Details = map[string]any{"session_id": live.ID}
	return s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.c.Sessions.End(ctx, site.Tenant.ID, live.ID); err != nil {
			return err
		}
		return s.c.Log.Write(ctx, site.Tenant.ID, event)
	})
}

// logoutClient gives the client, or nil for an id that names none.
func (s *Server) logoutClient(ctx context.Context, site tenant.Site, id string) (*client.Client, error) {
	if id == "" {
		return nil, nil
	}
	c, err := s.c.Clients.Client(ctx, site.Tenant.ID, id)
	if errors.Is(err, client.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// Revoke ends a refresh token and its family (RFC 7009; Auth0 docs, "Revoke Refresh Tokens"). A token that is unknown, or
// another client's, is answered like one that was revoked.
func (s *Server) Revoke(ctx context.Context, site tenant.Site, p clientauth.Presented, token string, origin eventlog.Origin) error {
	if token == "" {
		return missing("token")
	}
	proven, err := s.c.ClientAuth.Authenticate(ctx, site, p)
	if err != nil {
		return err
	}
	tenantID := site.Tenant.ID
	found, err := s.c.Grants.FindForRevocation(ctx, tenantID, proven.Client.ID, grant.Secret(token))
	if errors.Is(err, grant.ErrRefresh) {
		return nil
	}
	if err != nil {
		return err
	}
	event := s.c.Door.Event(authn.Entry{Site: site, Client: proven.Client, Origin: origin}, eventlog.RefreshRevoked, "")
	event.UserID, event.Audience = found.UserID, found.Audience
	return s.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := s.c.Grants.EndFamily(ctx, tenantID, found.FamilyID); err != nil {
			return err
		}
		if site.Tenant.Settings.Flags.RevokeRefreshTokenGrant {
			if err := s.c.Grants.EndAll(ctx, tenantID, found.UserID, found.ClientID, found.Audience); err != nil {
				return err
			}
		}
		return s.c.Log.Write(ctx, tenantID, event)
	})
}
