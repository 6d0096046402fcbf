package oauth

import (
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/resourceserver"
	"latchkey/internal/transaction"
)

// API is what a page may show of the API that is asked for.
type API = resourceserver.ResourceServer

// Response is what the client is answered, and how.
type Response struct {
	RedirectURI string
	Mode        string // query, fragment, form_post or web_message
	Params      []Param
}

// Param is one parameter of a response, in the order they are sent.
type Param struct {
	Name  string
	Value string
}

// TargetOrigin is the only origin that may read a web_message.
func (r *Response) TargetOrigin() string { return client.Origin(r.RedirectURI) }

func (r *Response) add(name, value string) { r.Params = append(r.Params, Param{name, value}) }

func newResponse(r *transaction.Request) *Response {
	return &Response{RedirectURI: r.RedirectURI, Mode: r.ResponseMode}
}

func errorResponse(r *transaction.Request, e *Error) *Response {
	response := newResponse(r)
	response.add("error", e.Code)
	response.add("error_description", e.Description)
	if r.StateSent {
		response.add("state", r.State)
	}
	return response
}

func words(text string) []string { return strings.Fields(text) }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// isRefusal reports whether an error is a decision rather than trouble.
func isRefusal(err error) bool {
	switch apierr.KindOf(err) {
	case apierr.Internal, apierr.Unavailable:
		var e *Error
		return asProtocol(err, &e)
	}
	return true
}
