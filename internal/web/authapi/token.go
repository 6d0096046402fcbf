package authapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/internal/clientauth"
	"latchkey/internal/oauth"
	"latchkey/internal/web/httpx"
)

// tokenAnswer is the success body of /oauth/token (Auth0 docs, "Get Token").
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"` // absent when nothing was granted: RFC 6749 has no empty scope
	ExpiresIn    int64  `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

// token answers POST /oauth/token.
func (a *api) token(w http.ResponseWriter, r *http.Request) {
	request, err := readTokenRequest(w, r)
	if err != nil {
		refuse(w, r, err, commonOr(r, err))
		return
	}
	httpx.Note(r.Context(), httpx.FieldClientID, namedClient(request.Presented))
	response, c, err := a.OAuth.Exchange(r.Context(), request)
	confineCORS(w, r, c)
	if err != nil {
		if errors.Is(err, clientauth.ErrUnknown) && request.Presented.BasicUsed {
			w.Header().Set("WWW-Authenticate", `Basic realm="Latchkey"`)
		}
		refuse(w, r, err, tokenWire(r, err, request.GrantType, a.strict(r, c, namedClient(request.Presented))))
		return
	}
	httpx.Note(r.Context(), httpx.FieldOutcome, "tokens")
	httpx.WriteTokens(w, http.StatusOK, tokenAnswer{
		AccessToken: response.AccessToken.Value, RefreshToken: response.RefreshToken, IDToken: response.IDToken,
		Scope: strings.Join(response.Scope, " "), ExpiresIn: int64(response.AccessToken.Life / time.Second), TokenType: "Bearer",
	})
}

// errScope is the answer to a scope that is neither text nor a list of texts.
var errScope = &oauth.Error{Code: "invalid_scope", Description: "Scope must be an array or a string"}

func commonOr(r *http.Request, err error) wire {
	var protocol *oauth.Error
	if errors.As(err, &protocol) {
		return wire{http.StatusBadRequest, protocol.Code, protocol.Description}
	}
	return commonWire(r, err)
}

func readTokenRequest(w http.ResponseWriter, r *http.Request) (oauth.TokenRequest, error) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err != nil {
		return oauth.TokenRequest{}, err
	}
	if err := p.Text("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "audience", "realm", "username", "otp"); err != nil {
		return oauth.TokenRequest{}, err
	}
	client, err := presented(r, p)
	if err != nil {
		return oauth.TokenRequest{}, err
	}
	scope, err := p.List("scope")
	if err != nil {
		return oauth.TokenRequest{}, errScope
	}
	if !p.Has("scope") {
		// Auth0's guide to passwordless login writes "scopes"; it is read where "scope" is absent.
		if scope, err = p.List("scopes"); err != nil {
			return oauth.TokenRequest{}, errScope
		}
	}
	return oauth.TokenRequest{
		Site: httpx.Site(r.Context()), Presented: client, Origin: httpx.OriginOf(r), ForwardedFor: r.Header.Get("auth0-forwarded-for"),
		GrantType: p.Get("grant_type"), Code: p.Get("code"), RedirectURI: p.Get("redirect_uri"), CodeVerifier: p.Get("code_verifier"),
		RefreshToken: p.Get("refresh_token"), Scope: scope, Audience: p.Get("audience"),
		Realm: p.Get("realm"), Username: p.Trimmed("username"), OTP: strings.Join(strings.Fields(p.Get("otp")), ""),
	}, nil
}

// revoke answers POST /oauth/revoke.
func (a *api) revoke(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err == nil {
		err = p.Text("token", "token_type_hint")
	}
	var client clientauth.Presented
	if err == nil {
		client, err = presented(r, p)
	}
	if err == nil {
		err = a.OAuth.Revoke(r.Context(), httpx.Site(r.Context()), client, p.Get("token"), httpx.OriginOf(r))
	}
	if err != nil {
		refuse(w, r, err, clientWire(r, err))
		return
	}
	w.WriteHeader(http.StatusOK)
}

// clientWire is the answer of the endpoints that name a failed client authentication as RFC 6749 does.
func clientWire(r *http.Request, err error) wire {
	switch {
	case errors.Is(err, clientauth.ErrUnknown), errors.Is(err, clientauth.ErrRequired), errors.Is(err, oauth.ErrPublicClient):
		return wire{http.StatusUnauthorized, "invalid_client", "Client authentication failed"}
	}
	return lookUp(r, err, "")
}

// maxPushed bounds a pushed request (Auth0 docs, "Authorization Code Flow with PAR").
const maxPushed = 10 << 10

// par answers POST /oauth/par.
func (a *api) par(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, maxPushed)
	var client clientauth.Presented
	if err == nil {
		err = checkRequest(p)
	}
	if err == nil {
		client, err = presented(r, p)
	}
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	uri, life, err := a.OAuth.Push(r.Context(), httpx.Site(r.Context()), client, single(p), httpx.OriginOf(r))
	switch {
	case errors.Is(err, oauth.ErrPARDisabled):
		endpointDisabled(w, r)
	case err != nil:
		answer := clientWire(r, err)
		if answer.status == http.StatusForbidden {
			answer.status = http.StatusBadRequest
		}
		refuse(w, r, err, answer)
	default:
		httpx.NoStore(w.Header())
		httpx.WriteJSON(w, http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": int(life / time.Second)})
	}
}

// single gives the text parameters as a map.
func single(p httpx.Params) map[string]string {
	values := p.Values()
	out := make(map[string]string, len(values))
	for name := range values {
		out[name] = values.Get(name)
	}
	return out
}
