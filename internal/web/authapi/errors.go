package authapi

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/grant"
	"latchkey/internal/oauth"
	"latchkey/internal/otp"
	"latchkey/internal/web/httpx"
)

// wire is an answer as clients read it.
type wire struct {
	status      int
	code        string
	description string
}

// Texts that clients compare or show. Sources: Auth0's Authentication API reference, its SDKs' sources and tests.
const (
	textUnauthorized    = "Unauthorized"
	textTooMany         = "Too many requests. Check the X-RateLimit-* headers."
	textWrongEmailCode  = "Wrong email or verification code."
	textWrongPhoneCode  = "Wrong phone number or verification code."
	textExpiredCode     = "The verification code has expired. Please try to login again."
	textTooManyAttempts = "You've reached the maximum number of attempts. Please try to login again."
	textServerError     = "The server encountered an unexpected condition. The request id is "
	textUnavailable     = "The server is temporarily unavailable. Try again."
)

// tokenErrors are the answers of /oauth/token to the refusals that need no more than a text.
var tokenErrors = []struct {
	is   error
	wire wire
}{
	{clientauth.ErrMissingID, wire{401, "invalid_client", "Missing client_id"}},
	{clientauth.ErrUnknown, wire{401, "access_denied", textUnauthorized}},
	{clientauth.ErrRequired, wire{401, "access_denied", textUnauthorized}},
	{clientauth.ErrAssertion, wire{401, "invalid_client", "The client assertion is invalid"}},
	{clientauth.ErrContradiction, wire{400, "invalid_request", clientauth.ErrContradiction.Message}},
	{oauth.ErrVerifier, wire{403, "invalid_grant", "Failed to verify code verifier"}},
	{oauth.ErrNoUser, wire{403, "invalid_grant", oauth.ErrNoUser.Message}},
	{oauth.ErrRealm, wire{400, "invalid_request", "the connection was not found"}},
	{grant.ErrCode, wire{403, "invalid_grant", "Invalid authorization code"}},
	{grant.ErrRefresh, wire{403, "invalid_grant", "Unknown or invalid refresh token."}},
	{otp.ErrWrong, wire{403, "invalid_grant", textWrongEmailCode}},
	{oauth.ErrWrongPhoneCode, wire{403, "invalid_grant", textWrongPhoneCode}},
	{otp.ErrExpired, wire{403, "invalid_grant", textExpiredCode}},
	{otp.ErrTooManyAttempts, wire{403, "invalid_grant", textTooManyAttempts}},
	{authn.ErrBlocked, wire{401, "unauthorized", "user is blocked"}},
}

// protocolStatus is the status of protocol errors at the token endpoint.
var protocolStatus = map[string]int{
	"invalid_request": 400, "invalid_scope": 400, "access_denied": 403, "consent_required": 403, "unauthorized_client": 403,
	"unauthorized": 401, "too_many_requests": 429,
}

// tokenWire gives the answer of /oauth/token to a refusal. Strict is a client's wish for the statuses of RFC 6749.
func tokenWire(r *http.Request, err error, grantType string, strict bool) wire {
	w := lookUp(r, err, grantType)
	if !strict {
		return w
	}
	switch {
	case w.code == "invalid_grant", w.code == "unauthorized_client", w.code == "unsupported_grant_type":
		w.status = http.StatusBadRequest
	case w.status == http.StatusUnauthorized && w.code == "access_denied":
		w.code = "invalid_client"
	}
	return w
}

func lookUp(r *http.Request, err error, grantType string) wire {
	for _, known := range tokenErrors {
		if errors.Is(err, known.is) {
			return known.wire
		}
	}
	var protocol *oauth.Error
	switch {
	case errors.Is(err, oauth.ErrUnsupportedGrant):
		return wire{403, "unsupported_grant_type", "Unsupported grant type: " + grantType}
	case errors.Is(err, oauth.ErrGrantNotAllowed):
		return wire{403, "unauthorized_client", "Grant type '" + grantType + "' not allowed for the client."}
	case errors.As(err, &protocol):
		status, ok := protocolStatus[protocol.Code]
		if !ok {
			status = http.StatusBadRequest
		}
		return wire{status, protocol.Code, protocol.Description}
	}
	return commonWire(r, err)
}

// commonWire gives the answer to what can happen at every endpoint.
func commonWire(r *http.Request, err error) wire {
	e := apierr.As(err)
	switch e.Kind {
	case apierr.Invalid:
		return wire{httpx.Status(err), "invalid_request", e.Message}
	case apierr.TooMany:
		return wire{429, "too_many_requests", textTooMany}
	case apierr.Unavailable:
		return wire{503, "temporarily_unavailable", textUnavailable}
	case apierr.Unauthorized:
		return wire{401, "invalid_client", e.Message}
	case apierr.Forbidden:
		return wire{403, "access_denied", e.Message}
	case apierr.NotFound:
		return wire{404, "not_found", e.Message}
	case apierr.Conflict, apierr.Internal:
	}
	return wire{500, "server_error", textServerError + httpx.RequestID(r.Context())}
}

// refuse writes an OAuth error and notes it in the request's record.
func refuse(w http.ResponseWriter, r *http.Request, err error, answer wire) {
	httpx.Fail(r.Context(), err)
	httpx.Note(r.Context(), httpx.FieldOutcome, answer.code)
	if limit := noteLimit(r, err); limit != nil {
		limitHeaders(w.Header(), limit.Limit, limit.Level)
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(limit.Wait.Seconds()))))
	}
	httpx.NoStore(w.Header())
	httpx.WriteOAuthError(w, answer.status, answer.code, answer.description)
}

// strict reports whether the calling client wants the statuses of RFC 6749.
func (a *api) strict(r *http.Request, c *client.Client, clientID string) bool {
	if c == nil && clientID != "" {
		found, err := a.Clients.Client(r.Context(), httpx.Site(r.Context()).Tenant.ID, clientID)
		if err != nil {
			return false
		}
		c = found
	}
	return c != nil && c.Own().StrictRFCErrors
}
