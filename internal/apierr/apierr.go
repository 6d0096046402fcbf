// Package apierr is the one kind of error that carries meaning across package borders.
//
// A domain error says what kind of refusal it is, a stable code that callers and edges branch on, and a sentence that
// is safe to show to a stranger. The private cause goes to the operator's log and nowhere else. Only the edges
// (internal/web/*) know how a kind and code look on the wire.
package apierr

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal an error is. Edges map it to a status.
type Kind string

// The kinds of error.
const (
	Invalid      Kind = "invalid"      // the request is malformed or contradicts itself
	NotFound     Kind = "not_found"    // the thing named does not exist (for this tenant)
	Conflict     Kind = "conflict"     // the thing exists already, or changed meanwhile
	Unauthorized Kind = "unauthorized" // who calls is not proven
	Forbidden    Kind = "forbidden"    // who calls is proven and may not
	TooMany      Kind = "too_many"     // a limit is reached
	Unavailable  Kind = "unavailable"  // try again later
	Internal     Kind = "internal"     // our fault; strangers see only a request id
)

// Error is a domain error. Code is stable and compared by callers; Message is safe for strangers; Cause is private.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Cause   error
}

// New makes a domain error.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Newf makes a domain error whose message is formatted. Text from the network is quoted by the caller.
func Newf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error. It names the private cause, so it is for logs only; show Message to strangers.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s (%s): %s: %v", e.Code, e.Kind, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s (%s): %s", e.Code, e.Kind, e.Message)
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is a domain error with the same kind and code, whatever its message and cause.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// With returns a copy of e that carries a private cause.
func (e *Error) With(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// As gives the domain error in err's chain, or an internal one that wraps err. It is nil for nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Message: "Something went wrong.", Cause: err}
}

// KindOf gives the kind of err; an error that is no domain error is Internal. It is empty for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return As(err).Kind
}
