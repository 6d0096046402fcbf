package message

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// tokens gives access tokens of an authorization server, by client credentials (RFC 6749 section 4.4) or a refresh token
// (section 6), and keeps one for as long as it lives. It is safe for concurrent use.
type tokens struct {
	service
	address string
	form    url.Values // what asks for a token

	mu      sync.Mutex
	token   string
	expires time.Time
	refresh string // the newest refresh token, where the server gives new ones
}

// newTokens makes a source of tokens. Its form is completed by a refresh token that the server gives anew.
func newTokens(s service, address string, form url.Values) *tokens {
	return &tokens{service: s, address: address, form: form, refresh: form.Get("refresh_token")}
}

// get gives a token. Nothing has been handed over while there is none, so what fails here may be tried again unless it is
// refused.
func (t *tokens) get(ctx context.Context) (string, *Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && time.Now().Before(t.expires) {
		return t.token, nil
	}
	form := maps.Clone(t.form)
	if t.refresh != "" {
		form.Set("refresh_token", t.refresh)
	}
	got, failed := t.post(ctx, t.address, "application/x-www-form-urlencoded", nil, []byte(form.Encode()))
	if failed != nil {
		if failed.Verdict == VerdictUnknown {
			failed.Verdict, failed.Detail = VerdictRetry, "The service gave no token: it did not answer."
		}
		return "", failed
	}
	var said struct {
		Token       string `json:"access_token"`
		Refresh     string `json:"refresh_token"`
		ExpiresIn   int    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	decoded := got.decode(&said)
	if got.status == http.StatusOK && decoded && said.Token != "" {
		t.token, t.expires = said.Token, time.Now().Add(time.Duration(said.ExpiresIn-60)*time.Second)
		if t.refresh != "" && said.Refresh != "" {
			t.refresh = said.Refresh
		}
		return t.token, nil
	}
	r := got.refused(said.Error + " " + said.Description)
	switch {
	case r.Verdict == VerdictUnknown, got.ok():
		r.Verdict = VerdictRetry
	case r.Verdict == VerdictRefused:
		r.Verdict = VerdictConfig
	}
	r.Detail = "The service gave no token: " + r.Detail
	return "", &r
}

// forget drops a token that was refused.
func (t *tokens) forget(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
}
