package sdk_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"latchkey/test/devserver"
)

// callback is where no server listens: the tests read it from Location.
const callback = "http://localhost:59999/callback"

// TestGoOIDC logs in as a Go web application does: coreos/go-oidc verifies and
// golang.org/x/oauth2 exchanges, which sends the secret by HTTP Basic.
func TestGoOIDC(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *devserver.Server) {
		browser := newBrowser(t, s)
		ctx := oidc.ClientContext(t.Context(), browser.client)
		provider, err := oidc.NewProvider(ctx, s.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		config := &oauth2.Config{
			ClientID:     s.Web.ClientID,
			ClientSecret: s.Web.ClientSecret,
			Endpoint:     provider.Endpoint(),
			RedirectURL:  callback,
			Scopes:       []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: s.Web.ClientID})
		pkce := oauth2.GenerateVerifier()
		email := "go-oidc@example.com"

		answer := browser.login(t, config.AuthCodeURL("s-1", oidc.Nonce("n-1"), oauth2.S256ChallengeOption(pkce)), email)
		if got := answer.Get("state"); got != "s-1" {
			t.Errorf("state: got %q, want s-1", got)
		}
		if _, err := config.Exchange(ctx, answer.Get("code")+"x", oauth2.VerifierOption(pkce)); err == nil {
			t.Error("an altered code was exchanged")
		}
		token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(pkce))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		idToken, err := verifier.Verify(ctx, raw)
		if err != nil {
			t.Fatalf("verify the ID token: %v", err)
		}
		if idToken.Nonce != "n-1" {
			t.Errorf("nonce: got %q, want n-1", idToken.Nonce)
		}
		var claims struct {
			Email    string `json:"email"`
			Verified bool   `json:"email_verified"`
		}
		if err := idToken.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		if claims.Email != email || !claims.Verified {
			t.Errorf("claims: got %+v, want a verified %s", claims, email)
		}

		if _, err := verifier.Verify(ctx, raw[:len(raw)-4]); err == nil {
			t.Error("a truncated ID token was verified")
		}
		other := provider.Verifier(&oidc.Config{ClientID: s.SPA.ClientID})
		if _, err := other.Verify(ctx, raw); err == nil {
			t.Error("another client accepted the ID token")
		}

		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			t.Fatal(err)
		}
		if info.Subject != idToken.Subject || info.Email != email {
			t.Errorf("userinfo: got %s %s, want %s %s", info.Subject, info.Email, idToken.Subject, email)
		}

		renewed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		if renewed.AccessToken == token.AccessToken {
			t.Error("a refresh gave the same access token")
		}
		var refusal *oauth2.RetrieveError
		_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: "v1.unknown"}).Token()
		if !errors.As(err, &refusal) || refusal.ErrorCode != "invalid_grant" {
			t.Errorf("an unknown refresh token: got %v, want invalid_grant", err)
		}
	})
}

// browser is a person without one: cookies and the hosted pages' forms.
type browser struct {
	client *http.Client
	inbox  string
	issuer string
}

func newBrowser(t *testing.T, s *devserver.Server) *browser {
	t.Helper()
	pem, err := os.ReadFile(s.CACert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", s.CACert)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{
		client: &http.Client{
			Transport: transport,
			Jar:       jar,
			CheckRedirect: func(r *http.Request, _ []*http.Request) error {
				if strings.HasPrefix(r.URL.String(), s.Issuer) {
					return nil
				}
				return http.ErrUseLastResponse
			},
		},
		inbox:  s.InboxURL,
		issuer: s.Issuer,
	}
}

// login goes through the hosted pages by e-mail code and returns what the
// callback receives.
func (b *browser) login(t *testing.T, authorizeURL, email string) url.Values {
	t.Helper()
	answer := b.get(t, authorizeURL)
	answer = b.submit(t, answer, url.Values{"username": {email}})
	answer = b.submit(t, answer, url.Values{"code": {b.code(t, email)}})
	defer answer.Body.Close()
	location, err := answer.Location()
	if err != nil || !strings.HasPrefix(location.String(), callback) {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("the login ended at %s with %s, want a redirect to %s:\n%s", answer.Request.URL, answer.Status, callback, text)
	}
	return location.Query()
}

func (b *browser) get(t *testing.T, address string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// submit sends the form of the page with these fields filled in.
func (b *browser) submit(t *testing.T, page *http.Response, fields url.Values) *http.Response {
	t.Helper()
	defer page.Body.Close()
	document, err := html.Parse(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := findForm(document)
	if form == nil {
		t.Fatalf("no form on %s (%s)", page.Request.URL, page.Status)
	}
	for input := range form.Descendants() {
		if name := attribute(input, "name"); input.Data == "input" && name != "" && !fields.Has(name) {
			fields.Set(name, attribute(input, "value"))
		}
	}
	fields.Set("action", "default")
	action, err := page.Request.URL.Parse(attribute(form, "action"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, action.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", strings.TrimSuffix(b.issuer, "/"))
	answer, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// findForm returns the page's main form.
func findForm(document *html.Node) *html.Node {
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && attribute(n, "data-form-primary") == "true" {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// code waits for the message to this address and returns the code in it.
func (b *browser) code(t *testing.T, email string) string {
	t.Helper()
	address := strings.TrimSuffix(b.inbox, "/") + "/messages?" + url.Values{"to": {email}, "wait": {"20"}}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var messages []struct{ Code string }
	if err := json.NewDecoder(answer.Body).Decode(&messages); err != nil || len(messages) == 0 {
		t.Fatalf("the inbox answered %s with %d messages for %s: %v", answer.Status, len(messages), email, err)
	}
	return messages[0].Code
}
