package oauth

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/grant"
	"latchkey/internal/jwt"
	"latchkey/internal/loginticket"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
)

// Response modes.
const (
	modeQuery      = "query"
	modeFragment   = "fragment"
	modeFormPost   = "form_post"
	modeWebMessage = "web_message"
)

// Limits of what is read.
const (
	maxState    = 4 << 10
	longestAge  = 1 << 30 // seconds; no session lives that long
	minVerifier = 43
	maxVerifier = 128
)

// thirdPartyParams are the parameters that third-party clients may send (Auth0 docs, "Third-Party Applications: Security
// Controls"); names that begin with "ext-" too.
var thirdPartyParams = []string{
	"acr_values", "audience", "authorization_details", "client_id", "code_challenge", "code_challenge_method", "connection",
	"correlation_id", "display", "dpop_jkt", "login_hint", "max_age", "nonce", "prompt", "redirect_uri", "resource",
	"response_type", "scope", "state", "ui_locales", "request_uri", "response_mode", "auth0Client",
}

// Refusal is an answer to a request that must not be redirected: client or callback are not proven, or cannot be
// answered. It is shown on the error page.
type Refusal struct {
	Protocol   *Error
	Forbidden  bool // 403 instead of 400
	ClientID   string
	Connection string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Protocol.Error() }

// Unwrap gives the protocol error.
func (r *Refusal) Unwrap() error { return r.Protocol }

// asked is a request on its way through validation: what could be proven so far.
type asked struct {
	transaction.Request
	client     *client.Client
	target     target
	connection *connection.Connection
	ticket     *loginticket.Ticket // that came with it
	params     map[string]string
}

// read validates an authorization request in the order that decides who may see its errors (OpenID Connect Core 3.1.2.2).
// A *Refusal goes to the error page; an *Error comes with a request whose callback and mode are proven.
func (s *Server) read(ctx context.Context, site tenant.Site, params map[string]string) (*asked, error) {
	a := &asked{params: params}
	if err := s.readClient(ctx, site, a); err != nil {
		return nil, err
	}
	if err := s.readPushed(ctx, site, a); err != nil {
		return nil, err
	}
	if err := a.readCallback(); err != nil {
		return nil, err
	}
	if err := a.readMode(); err != nil {
		return a, err
	}
	if err := s.readTicket(ctx, site, a); err != nil {
		return a, err
	}
	if err := a.readDetails(site); err != nil {
		return a, err
	}
	if err := s.readHint(ctx, site, a); err != nil {
		return a, err
	}
	return a, s.readTargets(ctx, site, a)
}

func (s *Server) readClient(ctx context.Context, site tenant.Site, a *asked) error {
	id := a.params["client_id"]
	if id == "" {
		return &Refusal{Protocol: protocolError("invalid_request", "Missing required parameter: client_id")}
	}
	c, err := s.c.Clients.Client(ctx, site.Tenant.ID, id)
	if errors.Is(err, client.ErrNotFound) || (err == nil && c.Global) {
		return &Refusal{Protocol: protocolError("invalid_request", "Unknown client: %s", id)}
	}
	if err != nil {
		return err
	}
	a.client, a.ClientID = c, c.ID
	return nil
}

// readPushed replaces the parameters by the pushed ones that request_uri names (RFC 9126 section 4).
func (s *Server) readPushed(ctx context.Context, site tenant.Site, a *asked) error {
	uri, sent := a.params["request_uri"]
	if !sent || !grant.NamesPushed(uri) {
		if a.client.RequirePAR {
			return &Refusal{Protocol: protocolError("invalid_request", "Pushed authorization request is required"), ClientID: a.ClientID}
		}
		return nil
	}
	pushed, err := s.c.Grants.TakePushed(ctx, site.Tenant.ID, a.ClientID, uri)
	if err != nil {
		return refuseUnless(err, &Refusal{Protocol: protocolError("invalid_request", "Invalid request_uri"), ClientID: a.ClientID})
	}
	a.params = pushed
	return nil
}

func (a *asked) readCallback() error {
	uri, sent := a.params["redirect_uri"]
	if sent && uri != "" {
		if !a.client.AllowsCallback(uri) {
			return &Refusal{Protocol: protocolError("unauthorized_client", "Callback URL mismatch. %s is not in the list of allowed callback URLs", uri),
				Forbidden: true, ClientID: a.ClientID}
		}
		a.RedirectURI, a.RedirectURISent = uri, true
		return nil
	}
	if len(a.client.Callbacks) != 1 || !a.client.AllowsCallback(a.client.Callbacks[0]) {
		return &Refusal{Protocol: protocolError("invalid_request", "Missing required parameter: redirect_uri"), ClientID: a.ClientID}
	}
	a.RedirectURI = a.client.Callbacks[0]
	return nil
}

// readMode finds out how the client is answered, and with what; from here on errors go to the callback.
func (a *asked) readMode() error {
	a.State, a.StateSent = a.params["state"], a.has("state")
	if len(a.State) > maxState {
		return &Refusal{Protocol: protocolError("invalid_request", "The parameter state is too long"), ClientID: a.ClientID}
	}
	types, err := responseType(a.params["response_type"])
	a.ResponseType = strings.Join(types, " ")
	a.ResponseMode = modeQuery
	if len(types) > 1 || (len(types) == 1 && types[0] != "code") {
		a.ResponseMode = modeFragment
	}
	mode := a.params["response_mode"]
	if mode == modeFormPost && client.Origin(a.RedirectURI) == "" {
		return protocolError("invalid_request", "response_mode form_post needs a web address as redirect_uri")
	}
	if err != nil {
		if mode == modeFormPost || mode == modeFragment {
			a.ResponseMode = mode
		}
		return err
	}
	switch mode {
	case "":
	case modeFragment, modeFormPost:
		a.ResponseMode = mode
	case modeQuery:
		if a.ResponseMode == modeFragment {
			return protocolError("invalid_request", "response_mode query is not allowed for this response_type")
		}
	case modeWebMessage:
		if !a.client.AllowsWebOrigin(client.Origin(a.RedirectURI)) {
			return &Refusal{Protocol: protocolError("invalid_request", "The origin %s is not in the list of allowed web origins", client.Origin(a.RedirectURI)),
				Forbidden: true, ClientID: a.ClientID}
		}
		a.ResponseMode = modeWebMessage
	default:
		return protocolError("invalid_request", "Unsupported response mode: %s", mode)
	}
	return a.responseTypeAllowed(types)
}

// responseType reads a set of response types and gives it in one order.
func responseType(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, protocolError("invalid_request", "Missing required parameter: response_type")
	}
	var out []string
	words := strings.Fields(text)
	for _, known := range []string{"code", "id_token", "token"} {
		if slices.Contains(words, known) {
			out = append(out, known)
		}
	}
	if len(out) != len(words) {
		return nil, protocolError("unsupported_response_type", "Unsupported response type: %s", text)
	}
	return out, nil
}

func (a *asked) responseTypeAllowed(types []string) error {
	for _, t := range types {
		needed := client.GrantImplicit
		if t == "code" {
			needed = client.GrantAuthorizationCode
		}
		if !a.client.Allows(needed) {
			return protocolError("unauthorized_client", "Grant type '%s' not allowed for the client.", needed)
		}
	}
	return nil
}

func (a *asked) wants(responseType string) bool {
	return slices.Contains(strings.Fields(a.ResponseType), responseType)
}

func (a *asked) has(param string) bool {
	_, ok := a.params[param]
	return ok
}

// readDetails reads everything that needs no look-up.
func (a *asked) readDetails(site tenant.Site) error {
	if a.has("request") {
		return protocolError("request_not_supported", "The request parameter is not supported")
	}
	if a.has("request_uri") {
		return protocolError("request_uri_not_supported", "The request_uri parameter is supported for pushed requests only")
	}
	if a.has("organization") {
		return protocolError("invalid_request", "parameter organization is not allowed for this client")
	}
	if !a.client.IsFirstParty() {
		for name := range a.params {
			if !slices.Contains(thirdPartyParams, name) && !strings.HasPrefix(name, "ext-") {
				return protocolError("invalid_request", "The parameter %s is not allowed for this client", name)
			}
		}
	}
	a.Scope = strings.Fields(a.params["scope"])
	a.Nonce = a.params["nonce"]
	a.LoginHint, a.ScreenHint = a.params["login_hint"], a.params["screen_hint"]
	a.UILocales, a.CorrelationID = a.params["ui_locales"], a.params["correlation_id"]
	a.ACRValues = strings.Fields(a.params["acr_values"])
	if a.wants("id_token") && a.Nonce == "" && (!a.wants("code") || a.client.Own().StrictRFCErrors) {
		return protocolError("invalid_request", "Missing required parameter: nonce")
	}
	if a.wants("id_token") && !slices.Contains(a.Scope, "openid") {
		return protocolError("invalid_scope", "The scope openid is required for response_type id_token")
	}
	if err := a.readPrompt(); err != nil {
		return err
	}
	if err := a.readACR(site); err != nil {
		return err
	}
	return a.readPKCE(site)
}

func (a *asked) readPrompt() error {
	a.Prompt = strings.Fields(a.params["prompt"])
	for _, p := range a.Prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, p) {
			return protocolError("invalid_request", "Unsupported prompt: %s", p)
		}
	}
	if len(a.Prompt) > 1 && a.Has("none") {
		return protocolError("invalid_request", "prompt none cannot be combined with others")
	}
	if text := a.params["max_age"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return protocolError("invalid_request", "max_age must be a number of seconds")
		}
		n = min(n, longestAge)
		a.MaxAge = &n
	}
	return nil
}

func (a *asked) readACR(site tenant.Site) error {
	supported := site.Tenant.Settings.ACRValuesSupported
	if len(supported) == 0 {
		return nil
	}
	for _, v := range a.ACRValues {
		if !slices.Contains(supported, v) {
			return protocolError("invalid_request", "Unsupported acr_values: %s", v)
		}
	}
	return nil
}

func (a *asked) readPKCE(site tenant.Site) error {
	own := site.Tenant.Settings.Own()
	a.Challenge, a.ChallengeMethod = a.params["code_challenge"], a.params["code_challenge_method"]
	if a.Challenge == "" {
		switch {
		case a.ChallengeMethod != "":
			return protocolError("invalid_request", "Missing required parameter: code_challenge")
		case a.wants("code") && (!a.client.IsFirstParty() || (own.RequirePKCE && a.client.Public())):
			return protocolError("invalid_request", "Missing required parameter: code_challenge")
		}
		return nil
	}
	if a.ChallengeMethod == "" {
		a.ChallengeMethod = "plain" // RFC 7636 section 4.3
	}
	if a.ChallengeMethod != "S256" && (a.ChallengeMethod != "plain" || own.S256Only) {
		return protocolError("invalid_request", "Unsupported code_challenge_method: %s", a.ChallengeMethod)
	}
	if n := len(a.Challenge); n < minVerifier || n > maxVerifier || strings.ContainsFunc(a.Challenge, notUnreserved) {
		return protocolError("invalid_request", "code_challenge is malformed")
	}
	return nil
}

// notUnreserved reports characters that neither a verifier nor a challenge may hold (RFC 7636 section 4.1).
func notUnreserved(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
}

// readTargets looks up the API and the connection.
func (s *Server) readTargets(ctx context.Context, site tenant.Site, a *asked) error {
	audience := a.params["audience"]
	if audience == "" && site.Tenant.Settings.ResourceParameterProfile == "compatibility" {
		audience = a.params["resource"]
	}
	t, err := s.askedTarget(ctx, site, audience, "Service not found: %s")
	if err != nil {
		return err
	}
	a.target, a.Audience = t, t.audience
	a.Connection = a.params["connection"]
	all, err := s.c.Connections.Connections(ctx, site.Tenant.ID)
	if err != nil {
		return err
	}
	driving, err := transaction.Choose(all, a.ClientID, a.Connection)
	switch {
	case errors.Is(err, transaction.ErrNoConnections):
		return &Refusal{Protocol: protocolError("invalid_request", "no connections enabled for the client"), ClientID: a.ClientID}
	case errors.Is(err, transaction.ErrConnectionUnknown):
		return protocolError("invalid_request", "the connection was not found")
	case errors.Is(err, transaction.ErrConnectionDisabled):
		return protocolError("invalid_request", "the connection is not enabled")
	case err != nil:
		return err
	}
	a.connection = driving
	return nil
}

// unread are the parameters that a Classic page is shown though the protocol does not read them: its own, and what tells
// which library called. Others begin with "ext-".
var unread = []string{"auth0Client", "device", "display", "access_token", "initial_screen", "owp"}

const maxUnread = 20

// keepUnread keeps for the page what only it reads.
func (a *asked) keepUnread() {
	a.Extra = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(a.params)) {
		if (strings.HasPrefix(name, "ext-") || slices.Contains(unread, name)) && len(a.Extra) < maxUnread {
			a.Extra[name] = a.params[name]
		}
	}
}

// readHint notes the subject that an id_token_hint names. An expired hint still names it.
func (s *Server) readHint(ctx context.Context, site tenant.Site, a *asked) error {
	hint := a.params["id_token_hint"]
	if hint == "" {
		return nil
	}
	claims, err := s.ownIDToken(ctx, site, hint)
	if errors.Is(err, jwt.ErrInvalid) {
		return protocolError("invalid_request", "The id_token_hint is invalid")
	}
	a.HintedUser = claims.Subject
	return err
}

// hintClaims are the members of our own ID tokens that come back as hints.
type hintClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	SessionID string `json:"sid"`
}

// ownIDToken checks an ID token that we issued, expired or not. One that is not ours is jwt.ErrInvalid.
func (s *Server) ownIDToken(ctx context.Context, site tenant.Site, token string) (hintClaims, error) {
	keys, err := s.c.Keys.Verifiers(ctx, site.Tenant.ID)
	if err != nil {
		return hintClaims{}, err
	}
	var peeked hintClaims
	if jwt.Peek(token, []jwt.Algorithm{jwt.RS256, jwt.PS256, jwt.HS256}, &peeked) != nil {
		return hintClaims{}, jwt.ErrInvalid
	}
	c, err := s.c.Clients.Client(ctx, site.Tenant.ID, peeked.Audience)
	if errors.Is(err, client.ErrNotFound) {
		return hintClaims{}, jwt.ErrInvalid
	}
	if err != nil {
		return hintClaims{}, err
	}
	if c.IDTokenAlgorithm() == jwt.HS256 {
		secret, err := s.hmacKey(site.Tenant.ID, c)
		if err != nil {
			return hintClaims{}, err
		}
		keys = []jwt.Key{{Algorithm: jwt.HS256, Public: secret}}
	}
	var claims hintClaims
	if err := jwt.Verify(token, keys, &claims); err != nil {
		return hintClaims{}, err
	}
	if claims.Issuer != site.Issuer() || claims.Subject == "" {
		return hintClaims{}, jwt.ErrInvalid
	}
	return claims, nil
}

// refuseUnless gives the refusal for a domain refusal, and any other error as it is.
func refuseUnless(err error, r *Refusal) error {
	if isRefusal(err) {
		return r
	}
	return err
}
