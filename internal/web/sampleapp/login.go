package sampleapp

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// passedOn are the parameters of /login that the application hands to the server, to let people try them.
var passedOn = []string{"prompt", "screen_hint", "ui_locales", "connection"}

var plainWord = regexp.MustCompile(`^[A-Za-z_-]{1,20}$`)

// login sends the browser to the server. It writes nothing but a cookie for this one login.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	p, err := a.discover(r.Context())
	if err != nil {
		a.Log.Warn("sample application: login", "err", err)
		a.showTrouble(w, a.serverSilent())
		return
	}
	begun := pending{
		State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(),
		Expires: a.Now().Add(pendingLife),
	}
	options := []oauth2.AuthCodeOption{
		oidc.Nonce(begun.Nonce),
		oauth2.S256ChallengeOption(begun.Verifier),
		oauth2.SetAuthURLParam("audience", a.Audience),
	}
	for _, name := range passedOn {
		if v := r.URL.Query().Get(name); plainWord.MatchString(v) {
			options = append(options, oauth2.SetAuthURLParam(name, v))
		}
	}
	if err := a.keepPending(w, begun); err != nil {
		a.Log.Error("sample application: seal cookie", "err", err)
		a.showTrouble(w, loginLost)
		return
	}
	http.Redirect(w, r, a.oauth2(p).AuthCodeURL(begun.State, options...), http.StatusSeeOther)
}

// callback is where the server sends the browser back to. Nothing in the query is believed before the state has proven
// that this browser began the login; until then not even an error text is shown, since anybody can write one into a link.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	begun, ok := a.takePending(w, r, q.Get("state"))
	if !ok {
		a.showTrouble(w, loginLost)
		return
	}
	if iss := q.Get("iss"); iss != "" && iss != a.Issuer {
		a.showTrouble(w, otherIssuer)
		return
	}
	if q.Get("error") != "" {
		a.showTrouble(w, refusedLogin(q.Get("error"), q.Get("error_description")))
		return
	}
	ctx, cancel := context.WithTimeout(a.client(r.Context()), callTimeout)
	defer cancel()
	s, problem := a.redeem(ctx, q.Get("code"), begun)
	if problem != nil {
		a.showTrouble(w, *problem)
		return
	}
	if old := a.sessionOf(r); old != nil {
		a.sessions.remove(old.id)
	}
	a.sessions.add(s)
	a.setCookie(w, a.cookies+"session", s.id, "/", sessionLife)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// redeem trades the code for tokens and believes them only after verification.
func (a *app) redeem(ctx context.Context, code string, begun pending) (*session, *trouble) {
	p, err := a.discover(ctx)
	if err != nil {
		a.Log.Warn("sample application: code exchange", "err", err)
		t := a.serverSilent()
		return nil, &t
	}
	tokens, err := a.oauth2(p).Exchange(ctx, code, oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		a.Log.Warn("sample application: code exchange", "err", err)
		t := a.exchangeRefused(err)
		return nil, &t
	}
	id, raw, err := a.verifyIDToken(ctx, p, tokens, begun.Nonce, false)
	if err != nil {
		a.Log.Warn("sample application: ID token", "err", err)
		t := untrustedToken(err)
		return nil, &t
	}
	scope, _ := tokens.Extra("scope").(string)
	return &session{
		nonce:        begun.Nonce,
		subject:      id.Subject,
		idToken:      raw,
		accessToken:  tokens.AccessToken,
		refreshToken: tokens.RefreshToken,
		scope:        scope,
		verified:     append(checksOf(id, raw), check{"State", "the answer reached the browser that asked"}),
	}, nil
}

// logout ends the session here, then leads to the server to end the one there (OpenID Connect RP-Initiated Logout 1.0).
func (a *app) logout(w http.ResponseWriter, r *http.Request, s *session) {
	a.sessions.remove(s.id)
	a.setCookie(w, a.cookies+"session", "", "/", -1)
	a.setCookie(w, a.cookies+"farewell", "1", "/", 5*time.Minute)
	endpoint := a.Issuer + "oidc/logout"
	if p, err := a.discover(r.Context()); err == nil && p.logoutURL != "" {
		endpoint = p.logoutURL
	}
	s.mu.Lock()
	hint := s.idToken
	s.mu.Unlock()
	query := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {a.BaseURL + "/"}}
	http.Redirect(w, r, endpoint+"?"+query.Encode(), http.StatusSeeOther)
}
