package sampleapp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// lazyProvider holds the result of discovery once there is one.
type lazyProvider struct {
	mu    sync.Mutex
	found *discovered
}

// discovered is what the server says about itself.
type discovered struct {
	*oidc.Provider
	logoutURL string // empty when not advertised
}

// discover returns the server's metadata, fetched when first needed. A failure is not kept: the next request asks again.
func (a *app) discover(ctx context.Context) (*discovered, error) {
	a.provider.mu.Lock()
	defer a.provider.mu.Unlock()
	if a.provider.found != nil {
		return a.provider.found, nil
	}
	ctx, cancel := context.WithTimeout(a.client(ctx), 5*time.Second)
	defer cancel()
	p, err := oidc.NewProvider(ctx, a.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", a.Issuer, err)
	}
	var more struct {
		LogoutURL string `json:"end_session_endpoint"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, fmt.Errorf("discover %s: %w", a.Issuer, err)
	}
	a.provider.found = &discovered{Provider: p, logoutURL: more.LogoutURL}
	return a.provider.found, nil
}

// client gives ctx the HTTP client that trusts the server.
func (a *app) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, a.HTTPClient)
}

// oauth2 is this application as a client of p. The way it authenticates is named, because finding out by trial would
// present the code twice.
func (a *app) oauth2(p *discovered) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if a.ClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID:     a.ClientID,
		ClientSecret: a.ClientSecret,
		Endpoint:     endpoint,
		RedirectURL:  a.BaseURL + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email", "phone", oidc.ScopeOfflineAccess},
	}
}

// algorithms the sample accepts: the server's default and its stricter sibling, never one that the token chose.
var algorithms = []string{oidc.RS256, oidc.PS256}

var (
	errNoIDToken = errors.New("the answer holds no ID token")
	errNonce     = errors.New("the ID token carries another nonce than this login sent")
	errSubject   = errors.New("the token is about another person than before")
)

// verifyIDToken checks signature, issuer, audience, expiry and, where the token carries one, the hash that ties it to
// the access token. A nonce is demanded where the login sent one; a refreshed token may leave it out (OpenID Connect
// Core 1.0 section 12.2).
func (a *app) verifyIDToken(ctx context.Context, p *discovered, t *oauth2.Token, nonce string, refreshed bool) (*oidc.IDToken, string, error) {
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		return nil, "", errNoIDToken
	}
	token, err := p.Verifier(&oidc.Config{
		ClientID: a.ClientID, SupportedSigningAlgs: algorithms, Now: a.Now,
	}).Verify(ctx, raw)
	if err != nil {
		return nil, "", err
	}
	if token.Nonce != nonce && !(refreshed && token.Nonce == "") {
		return nil, "", errNonce
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(t.AccessToken); err != nil {
			return nil, "", err
		}
	}
	return token, raw, nil
}
