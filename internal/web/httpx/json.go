package httpx

import (
	"encoding/json"
	"net/http"
	"strconv"

	"latchkey/internal/apierr"
)

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	writeJSON(w, status, "application/json; charset=utf-8", v)
}

// WriteTokens answers with v as JSON the way RFC 6749 section 5.1 asks of answers that hold tokens: never stored.
func WriteTokens(w http.ResponseWriter, status int, v any) {
	NoStore(w.Header())
	writeJSON(w, status, "application/json", v)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // what we answer with is made of our own types
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone; there is nobody left to tell
}

// OAuthError is the error body of most of the Authentication API (RFC 6749 section 5.2). Clients look at other members
// first when they exist, so no "code", "name" or "description" is ever added.
type OAuthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// WriteOAuthError answers with an OAuth error body.
func WriteOAuthError(w http.ResponseWriter, status int, code, description string) {
	WriteJSON(w, status, OAuthError{Error: code, Description: description})
}

// NoStore forbids caches to keep an answer.
func NoStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// Status gives the status that fits an error's kind where an endpoint documents no other.
func Status(err error) int {
	switch e := apierr.As(err); e.Kind {
	case apierr.Invalid:
		if e.Code == ErrTooLarge.Code {
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusBadRequest
	case apierr.NotFound:
		return http.StatusNotFound
	case apierr.Conflict:
		return http.StatusConflict
	case apierr.Unauthorized:
		return http.StatusUnauthorized
	case apierr.Forbidden:
		return http.StatusForbidden
	case apierr.TooMany:
		return http.StatusTooManyRequests
	case apierr.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
