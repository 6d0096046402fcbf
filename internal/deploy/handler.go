package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// apiPath is where a domain serves the Management API.
const apiPath = "/api/v2/"

// Handler is the Management API in the process: each request goes to the handler with the caller's context, and so into
// the transaction that the context carries. The handler sees paths below /api/v2/ and decides itself who calls.
func Handler(h http.Handler) API { return handlerAPI{h} }

type handlerAPI struct{ handler http.Handler }

// Do implements API.
func (a handlerAPI) Do(ctx context.Context, method, path string, body any) (*Answer, error) {
	req, err := newRequest(ctx, method, "http://localhost"+apiPath+path, body)
	if err != nil {
		return nil, err
	}
	req.RequestURI = req.URL.RequestURI()
	w := &recorder{answer: Answer{Header: http.Header{}}}
	a.handler.ServeHTTP(w, req)
	if w.answer.Status == 0 {
		w.answer.Status = http.StatusOK
	}
	w.answer.Body = w.body.Bytes()
	return &w.answer, ctx.Err()
}

func newRequest(ctx context.Context, method, url string, body any) (*http.Request, error) {
	var content io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "latchkey")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// recorder keeps an answer.
type recorder struct {
	answer Answer
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.answer.Header }

func (r *recorder) WriteHeader(status int) {
	if r.answer.Status == 0 {
		r.answer.Status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
