package message

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// longestToken bounds what is believed of a token's life.
const longestToken = 24 * time.Hour

// mostShown is how many access tokens are remembered: the one that was refused and the one in its place.
const mostShown = 2

// lifeOf reads the expires_in of an answer. Some servers write it as text; where it is not said the token serves once.
func lifeOf(said any) time.Duration {
	seconds, err := strconv.ParseFloat(fmt.Sprint(said), 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, longestToken.Seconds()) * float64(time.Second))
}

// tokens gives access tokens of an authorization server, by client credentials (RFC 6749 section 4.4) or a refresh token
// (section 6), and keeps one for as long as it lives. It is safe for concurrent use.
type tokens struct {
	service
	address string
	form    url.Values // what asks for a token

	mu      sync.Mutex
	token   string
	expires time.Time
	refresh string   // the newest refresh token, where the server gives new ones
	shown   []string // the newest access tokens, which no answer may repeat
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
		ExpiresIn   any    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	decoded := got.decode(&said)
	if got.status == http.StatusOK && decoded && said.Token != "" {
		t.token, t.expires = said.Token, time.Now().Add(lifeOf(said.ExpiresIn)-time.Minute)
		t.shown = append(t.shown[max(0, len(t.shown)-mostShown+1):], said.Token)
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

// hide takes the tokens, and the secrets that ask for them, out of what was said to whoever showed them.
func (t *tokens) hide(r Result) Result {
	t.mu.Lock()
	secrets := append(slices.Clone(t.shown), t.refresh, t.form.Get("refresh_token"), t.form.Get("client_secret"))
	t.mu.Unlock()
	for _, s := range secrets {
		r = scrubbed(r, forms(s))
	}
	return r
}
