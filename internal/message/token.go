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

	keep keeper // nil: new refresh tokens are kept in memory alone

	turn sync.Mutex // of whoever asks for a token: the others wait for theirs

	mu      sync.Mutex
	token   string
	expires time.Time
	refresh string   // the newest refresh token, where the server gives new ones
	kept    string   // the one that the settings hold
	shown   []string // the newest access tokens, which no answer may repeat
}

// newTokens makes a source of tokens. Its form is completed by a refresh token that the server gives anew.
func newTokens(s service, address string, form url.Values) *tokens {
	refresh := form.Get("refresh_token")
	return &tokens{service: s, address: address, form: form, refresh: refresh, kept: refresh}
}

// get gives a token. Nothing has been handed over while there is none, so what fails here may be tried again unless it is
// refused.
func (t *tokens) get(ctx context.Context) (string, *Result) {
	t.turn.Lock()
	defer t.turn.Unlock()
	token, refresh := t.now()
	if token != "" {
		t.keepRefresh(ctx)
		return token, nil
	}
	form := maps.Clone(t.form)
	if refresh != "" {
		form.Set("refresh_token", refresh)
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
		t.take(said.Token, said.Refresh, lifeOf(said.ExpiresIn)-time.Minute)
		t.keepRefresh(ctx)
		return said.Token, nil
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

// now gives the token that lives, if any, and the refresh token.
func (t *tokens) now() (token, refresh string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.expires) {
		token = t.token
	}
	return token, t.refresh
}

func (t *tokens) take(token, refresh string, life time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.expires = token, time.Now().Add(life)
	t.shown = append(t.shown[max(0, len(t.shown)-mostShown+1):], token)
	if t.refresh != "" && refresh != "" {
		t.refresh = refresh
	}
}

// keepRefresh puts a new refresh token into the settings. Where that fails it is tried with the next message: until then this
// process knows the token.
func (t *tokens) keepRefresh(ctx context.Context) {
	t.mu.Lock()
	before, after := t.kept, t.refresh
	t.mu.Unlock()
	if t.keep == nil || before == after {
		return
	}
	now, err := t.keep(ctx, before, after)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh, t.kept = now, now
}

// renew goes on with the refresh token that the settings hold now, and tells whether it can: not where there is no token that
// lives, since then somebody may have mended what was refused.
func (t *tokens) renew(refresh string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refresh != t.refresh && (t.token == "" || !time.Now().Before(t.expires)) {
		return false
	}
	t.refresh, t.kept = refresh, refresh
	return true
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
