package mgmtapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/password"
	"latchkey/internal/resource"
	"latchkey/internal/user"
	"latchkey/internal/web/httpx"
)

// problem is an error as the API answers it. It is an error that handlers may return.
type problem struct {
	Status  int
	Code    string // errorCode; many answers have none
	Message string
}

// Error implements error.
func (p problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Message) }

// Unwrap makes a problem an apierr.Error, so that the request's record tells its outcome.
func (p problem) Unwrap() error {
	kind := apierr.Invalid
	switch {
	case p.Status == http.StatusUnauthorized:
		kind = apierr.Unauthorized
	case p.Status == http.StatusForbidden:
		kind = apierr.Forbidden
	case p.Status == http.StatusNotFound:
		kind = apierr.NotFound
	case p.Status == http.StatusConflict:
		kind = apierr.Conflict
	case p.Status == http.StatusTooManyRequests:
		kind = apierr.TooMany
	case p.Status == http.StatusServiceUnavailable:
		kind = apierr.Unavailable
	}
	code := p.Code
	if code == "" {
		code = http.StatusText(p.Status)
	}
	return apierr.New(kind, code, p.Message)
}

// invalidBody refuses a payload that its schema allows and a rule between its members does not.
func invalidBody(format string, args ...any) error {
	return problem{Status: 400, Code: "invalid_body", Message: fmt.Sprintf(format, args...)}
}

// typeName names a value's type as refusals do.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// notFoundError is a missing resource. Code may be empty.
func notFoundError(code, message string) problem {
	return problem{Status: 404, Code: code, Message: message}
}

// conflict is something that exists already.
func conflict(message string) problem { return problem{Status: 409, Message: message} }

// notBuilt refuses to set up a feature that this server does not have, in the words for one that a plan does not include.
func notBuilt(feature string) error {
	return problem{Status: 403, Code: "insufficient_entitlement", Message: "Please upgrade your subscription to use " + feature}
}

// shared are the answers to errors of the records below that mean the same everywhere.
var shared = []struct {
	err    error
	answer problem
}{
	{user.ErrNotFound, notFoundError("inexistent_user", "The user does not exist.")},
	{user.ErrExists, problem{Status: 409, Code: "auth0_idp_error", Message: "The user already exists."}},
	{user.ErrChanged, conflict("The user was changed meanwhile. Try again.")},
	{connection.ErrNotFound, notFoundError("inexistent_connection", "The connection does not exist")},
	{resource.ErrChanged, conflict("The resource was changed meanwhile. Try again.")},
	{user.ErrSearchTooSlow, errSearchTooSlow},
	{password.ErrWeak, bare(password.ErrWeak)},
	{password.ErrTooLong, bare(password.ErrTooLong)},
	{password.ErrCommon, bare(password.ErrCommon)},
	{password.ErrPersonal, bare(password.ErrPersonal)},
	{password.ErrUsed, bare(password.ErrUsed)},
}

// bare refuses in the words of an error, without its code.
func bare(err error) problem {
	return problem{Status: http.StatusBadRequest, Message: apierr.As(err).Message}
}

// problemOf gives the answer to an error.
func problemOf(ctx context.Context, err error) problem {
	var p problem
	if errors.As(err, &p) {
		return p
	}
	for _, s := range shared {
		if errors.Is(err, s.err) {
			return s.answer
		}
	}
	e := apierr.As(err)
	switch e.Kind {
	case apierr.Internal:
		return problem{Status: 500, Message: "Something went wrong. Request id: " + httpx.RequestID(ctx)}
	case apierr.Unavailable:
		return problem{Status: 503, Message: "The server is temporarily unavailable. Try again."}
	}
	return problem{Status: httpx.Status(err), Code: e.Code, Message: e.Message}
}

// writeProblem answers with an error body.
func writeProblem(w http.ResponseWriter, p problem) {
	body := map[string]any{"statusCode": p.Status, "error": http.StatusText(p.Status), "message": p.Message}
	if p.Code != "" {
		body["errorCode"] = p.Code
	}
	if p.Status == http.StatusUnauthorized {
		body["attributes"] = map[string]any{"error": p.Message}
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	httpx.WriteJSON(w, p.Status, body)
}
