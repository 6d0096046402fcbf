package authapi

import (
	"net/http"
	"net/url"

	"latchkey/internal/clientauth"
	"latchkey/internal/web/httpx"
)

// clientParams are the parameters by which clients prove themselves in a body.
var clientParams = []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"}

// presented reads what a call says of its client: body and Basic header (RFC 6749 section 2.3.1, where id and secret are
// form-encoded; a secret that is not is taken as it is).
func presented(r *http.Request, p httpx.Params) (clientauth.Presented, error) {
	if err := p.Text(clientParams...); err != nil {
		return clientauth.Presented{}, err
	}
	out := clientauth.Presented{
		ID: p.Get("client_id"), Secret: p.Get("client_secret"),
		Assertion: p.Get("client_assertion"), AssertionType: p.Get("client_assertion_type"),
	}
	if id, secret, ok := r.BasicAuth(); ok {
		out.BasicUsed, out.BasicID, out.BasicSecret = true, unescape(id), unescape(secret)
	}
	return out, nil
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// namedClient is the client id that a call names, right or wrong.
func namedClient(p clientauth.Presented) string {
	if p.BasicUsed {
		return p.BasicID
	}
	return p.ID
}
