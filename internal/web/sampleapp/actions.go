package sampleapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// outcome is what a button did, for the page that follows.
type outcome struct {
	Title   string
	Text    string
	Failed  bool
	Request string
	Answer  string
	Changes []change
	Again   bool // only a new login helps
}

// change is one line of what a refresh replaced.
type change struct{ Name, Before, After string }

// back ends a form the same way for all: keep the outcome, show the page.
func back(w http.ResponseWriter, r *http.Request, s *session, o outcome) {
	s.last = &o
	http.Redirect(w, r, "/#answer", http.StatusSeeOther)
}

// refresh spends the refresh token for new tokens. The session is locked meanwhile: two presses of the button must not
// present one rotating token twice, which the server would take for theft.
func (a *app) refresh(w http.ResponseWriter, r *http.Request, s *session) {
	// A browser that goes away must not make us lose the successor of a token that is already spent.
	ctx, cancel := context.WithTimeout(a.client(context.WithoutCancel(r.Context())), callTimeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refreshToken == "" {
		back(w, r, s, outcome{
			Title: "There is no refresh token to spend", Failed: true, Again: true,
			Text: "The server gave none, or no longer accepts the one it gave. A new login brings a new one.",
		})
		return
	}
	p, err := a.discover(ctx)
	if err != nil {
		back(w, r, s, a.failedCall("The tokens were not refreshed", err))
		return
	}
	fresh, err := a.oauth2(p).TokenSource(ctx, &oauth2.Token{RefreshToken: s.refreshToken}).Token()
	if err != nil {
		o := a.failedCall("The tokens were not refreshed", err)
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
			s.refreshToken = ""
			o.Again = true
			o.Text = "The server no longer accepts this refresh token: it has expired, was revoked, or was spent before. This application has forgotten it."
		}
		back(w, r, s, o)
		return
	}
	id, raw, err := a.verifyIDToken(ctx, p, fresh, s.nonce, true)
	if err == nil && id.Subject != s.subject {
		err = errSubject
	}
	if err != nil {
		s.refreshToken = "" // spent, and its successor is not to be used
		o := a.failedCall("The new tokens were not believed", err)
		o.Text = "The server answered with tokens that did not pass verification. This application did not take them and forgot the refresh token, which is spent."
		o.Again = true
		back(w, r, s, o)
		return
	}
	o := outcome{
		Title: "New tokens, no questions asked",
		Text:  "The refresh token was spent for new tokens, and the new ID token was verified like the first. Nobody had to log in.",
		Changes: []change{
			{"Access token expires", expiryOf(s.accessToken), expiryOf(fresh.AccessToken)},
			{"ID token expires", expiryOf(s.idToken), expiryOf(raw)},
			{"Refresh token", shorten(s.refreshToken), shorten(fresh.RefreshToken)},
		},
	}
	s.idToken, s.accessToken, s.refreshToken = raw, fresh.AccessToken, fresh.RefreshToken
	s.verified = checksOf(id, raw)
	if scope, _ := fresh.Extra("scope").(string); scope != "" {
		s.scope = scope
	}
	back(w, r, s, o)
}

// callAPI presents the access token to the sample API, over HTTP as any client would.
func (a *app) callAPI(w http.ResponseWriter, r *http.Request, s *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := a.get(r.Context(), a.BaseURL+"/api/orders", s.accessToken)
	if err != nil {
		back(w, r, s, a.failedCall("The API did not answer", err))
		return
	}
	o := e.outcome()
	o.Title, o.Text = "The API answered", "It checked the access token on its own: signature, issuer, audience and expiry. It knows nothing of this application's session."
	if o.Failed {
		o.Title, o.Text = "The API refused", "It did not accept the access token. Refreshing the tokens may help, if this one has expired."
	}
	back(w, r, s, o)
}

// userInfo asks the server for the person's profile as it is now (OpenID Connect Core 1.0 section 5.3), and refuses an
// answer about somebody else.
func (a *app) userInfo(w http.ResponseWriter, r *http.Request, s *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := a.discover(r.Context())
	if err != nil {
		back(w, r, s, a.failedCall("The profile was not fetched", err))
		return
	}
	e, err := a.get(r.Context(), p.UserInfoEndpoint(), s.accessToken)
	if err != nil {
		back(w, r, s, a.failedCall("The profile was not fetched", err))
		return
	}
	o := e.outcome()
	o.Title, o.Text = "The profile as it is now", "The ID token is a snapshot of the login; this answer is current. Its sub is the same person as in the ID token, which this application checked."
	var about struct {
		Subject string `json:"sub"`
	}
	switch {
	case o.Failed:
		o.Title, o.Text = "The server refused", "It did not accept the access token. Refreshing the tokens may help, if this one has expired."
	case json.Unmarshal(e.body, &about) != nil || about.Subject != s.subject:
		o.Failed = true
		o.Title, o.Text = "The profile was not believed", "The answer is about another person than the ID token."
	}
	back(w, r, s, o)
}

// exchanged is one request with a bearer token and its answer.
type exchanged struct {
	request *http.Request
	token   string
	answer  *http.Response
	body    []byte
}

func (a *app) get(ctx context.Context, address, token string) (*exchanged, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := a.HTTPClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	return &exchanged{request: req, token: token, answer: resp, body: body}, nil
}

func (e *exchanged) outcome() outcome {
	u := e.request.URL
	var answer strings.Builder
	fmt.Fprintf(&answer, "%s %s\n", e.answer.Proto, e.answer.Status)
	for _, name := range []string{"Content-Type", "WWW-Authenticate"} {
		if v := e.answer.Header.Get(name); v != "" {
			fmt.Fprintf(&answer, "%s: %s\n", name, v)
		}
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, bytes.TrimSpace(e.body), "", "  ") != nil {
		pretty.Reset()
		pretty.Write(e.body)
	}
	answer.WriteString("\n" + pretty.String())
	return outcome{
		Failed:  e.answer.StatusCode != http.StatusOK,
		Request: fmt.Sprintf("GET %s HTTP/1.1\nHost: %s\nAuthorization: Bearer %s", u.RequestURI(), u.Host, shorten(e.token)),
		Answer:  answer.String(),
	}
}

// failedCall puts an error of a call in plain words, the server's own where it gave some.
func (a *app) failedCall(title string, err error) outcome {
	a.Log.Warn("sample application: "+title, "err", err)
	o := outcome{Title: title, Failed: true, Text: "The server did not give a usable answer. Is it still running?"}
	var refused *oauth2.RetrieveError
	var unreachable *url.Error
	switch {
	case errors.As(err, &refused):
		o.Text = "The server refused and gave a reason."
		o.Answer = strings.TrimSpace(refused.Response.Status + "\n" + refused.ErrorCode + "\n" + refused.ErrorDescription)
	case errors.As(err, &unreachable):
		o.Text = "No answer came from " + a.Issuer + ". Is the server still running?"
	default:
		o.Answer = err.Error()
	}
	return o
}

// shorten shows enough of a secret to tell two apart.
func shorten(secret string) string {
	const head, tail = 10, 4
	if secret == "" {
		return "none"
	}
	if len(secret) <= 2*(head+tail) {
		return "…" + secret[max(0, len(secret)-tail):]
	}
	return secret[:head] + "…" + secret[len(secret)-tail:]
}

func expiryOf(raw string) string {
	var claims struct {
		Expiry float64 `json:"exp"`
	}
	_, payload, ok := parts(raw)
	if !ok || json.Unmarshal(payload, &claims) != nil || claims.Expiry == 0 {
		return "unknown"
	}
	return time.Unix(int64(claims.Expiry), 0).UTC().Format(timeForm)
}
