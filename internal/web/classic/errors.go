package classic

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/web/httpx"
)

// wire is a refusal as the libraries read it.
type wire struct {
	status      int
	code        string
	description string
}

// Texts that the libraries show or compare. Sources: Auth0 docs, "Cross-Origin Authentication", "Set up CORS", "Common Auth0
// Library Authentication Errors"; the sources of auth0.js and Lock.
const (
	textWrongEmailCode  = "Wrong email or verification code."
	textWrongPhoneCode  = "Wrong phone number or verification code."
	textExpiredCode     = "The verification code has expired. Please try to login again."
	textTooManyAttempts = "You've reached the maximum number of attempts. Please try to login again."
	textWrongPassword   = "Wrong email or password."
	textLocked          = "Your account has been blocked after multiple consecutive login attempts. We've sent you a notification via your preferred contact method with instructions on how to unblock it."
	textTooMany         = "Too many requests. Check the X-RateLimit-* headers."
)

// proofTexts are the descriptions of refused proofs, the same at every endpoint.
var proofTexts = []struct {
	is   error
	text string
}{
	{oauth.ErrWrongPhoneCode, textWrongPhoneCode},
	{login.ErrWrongCode, textWrongEmailCode},
	{login.ErrExpiredCode, textExpiredCode},
	{login.ErrTooManyAttempts, textTooManyAttempts},
	{authn.ErrWrongPassword, textWrongPassword},
}

// proofText gives the description of a refused proof, or nothing.
func proofText(err error) string {
	for _, p := range proofTexts {
		if errors.Is(err, p.is) {
			return p.text
		}
	}
	return ""
}

// commonWire gives the answer to what can happen at every endpoint.
func commonWire(r *http.Request, err error) wire {
	e := apierr.As(err)
	switch e.Kind {
	case apierr.Invalid:
		return wire{httpx.Status(err), "invalid_request", e.Message}
	case apierr.TooMany:
		if errors.Is(err, authn.ErrLocked) {
			return wire{http.StatusTooManyRequests, "too_many_attempts", textLocked}
		}
		return wire{http.StatusTooManyRequests, "too_many_requests", textTooMany}
	case apierr.Unavailable:
		return wire{http.StatusServiceUnavailable, "temporarily_unavailable", "The server is temporarily unavailable. Try again."}
	case apierr.NotFound, apierr.Conflict, apierr.Unauthorized, apierr.Forbidden, apierr.Internal:
	}
	return wire{http.StatusInternalServerError, "server_error", "The server encountered an unexpected condition. The request id is " + httpx.RequestID(r.Context())}
}

// refuse writes an OAuth error.
func refuse(w http.ResponseWriter, r *http.Request, err error, answer wire) {
	note(w, r, err, answer)
	httpx.WriteOAuthError(w, answer.status, answer.code, answer.description)
}

// legacyError is an error in the form of Auth0's endpoints for databases.
type legacyError struct {
	Name        string `json:"name"`
	Code        string `json:"code"`
	Description string `json:"description"`
	StatusCode  int    `json:"statusCode"`
}

// refuseLegacy writes an error in that form.
func refuseLegacy(w http.ResponseWriter, r *http.Request, err error, answer wire) {
	note(w, r, err, answer)
	name := "Error"
	if answer.status == http.StatusBadRequest {
		name = "BadRequestError"
	}
	httpx.WriteJSON(w, answer.status, legacyError{name, answer.code, answer.description, answer.status})
}

// note keeps a refusal in the request's record and sets what every one has.
func note(w http.ResponseWriter, r *http.Request, err error, answer wire) {
	httpx.Fail(r.Context(), err)
	httpx.Note(r.Context(), httpx.FieldOutcome, answer.code)
	var limit *protect.LimitError
	if errors.As(err, &limit) {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(limit.Wait.Seconds()))))
	}
	httpx.NoStore(w.Header())
}

func isNotFound(err error) bool { return err != nil && apierr.KindOf(err) == apierr.NotFound }

// errParameter is a call that lacks a parameter or names what does not exist; the answer says which.
var errParameter = apierr.New(apierr.Invalid, "invalid_parameter", "A parameter is missing or wrong.")
