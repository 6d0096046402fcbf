package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// API is a tenant's Management API.
type API interface {
	// Do sends a request and gives the answer, whatever its status. The path begins behind /api/v2 and may have a query.
	// Body is sent as JSON, or none when it is nil. An error means that there was no answer.
	Do(ctx context.Context, method, path string, body any) (*Answer, error)
}

// Answer is what the Management API says.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Refusal is a request that the Management API did not carry out.
type Refusal struct {
	Method, Path string
	Status       int
	Code         string // errorCode, where the answer has one
	Message      string
}

// Error gives the API's own words.
func (r *Refusal) Error() string {
	path, _, _ := strings.Cut(r.Path, "?")
	return fmt.Sprintf("%s %s answered %d: %s", r.Method, path, r.Status, r.Message)
}

// Tenant is what configuration is read from and applied to.
type Tenant struct {
	API API
	// ManagingClient is the id of the client in whose name the API is called. It is never deleted, and its grants are neither
	// exported nor changed.
	ManagingClient string
	// InTx, where it is set, runs a function so that all it does happens or none of it. It may run it again.
	InTx func(context.Context, func(context.Context) error) error
}

// call sends a request and decodes its answer. A status from 400 on is a *Refusal.
func call(ctx context.Context, api API, method, path string, body any) (any, error) {
	a, err := api.Do(ctx, method, path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if a.Status >= 300 {
		return nil, refusal(method, path, a)
	}
	if len(strings.TrimSpace(string(a.Body))) == 0 {
		return nil, nil
	}
	v, err := parseJSON(a.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s answered %d with something that is no JSON: %w", method, path, a.Status, err)
	}
	return v, nil
}

func refusal(method, path string, a *Answer) *Refusal {
	r := &Refusal{Method: method, Path: path, Status: a.Status, Message: http.StatusText(a.Status)}
	var said struct{ Message, ErrorCode string }
	if json.Unmarshal(a.Body, &said) == nil && said.Message != "" {
		r.Message, r.Code = said.Message, said.ErrorCode
	}
	return r
}
