package driver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Scope is what a login asks for: an ID token with profile and address, and a refresh token.
const Scope = "openid profile email offline_access"

const otpGrant = "http://auth0.com/oauth/grant-type/passwordless/otp"

// Client speaks the Authentication API to one target. It is safe for concurrent use.
type Client struct {
	target Target
	base   string
	http   *http.Client
}

// Tokens is an answer of POST /oauth/token.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
}

// Refusal is an answer of the server that is not a success. Any other error of a Client means that the outcome of
// the request is unknown: it may or may not have taken effect.
type Refusal struct {
	Status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Description) }

// Refused tells whether err is a definite no of the server: a status of the 4xx class. After a 5xx the outcome is as
// unknown as after a broken connection.
func Refused(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Status < 500
}

// NewClient makes a client for t. caFile is the certificate authority of an https issuer, or empty. It refuses
// targets outside loopback.
func NewClient(t Target, caFile string) (*Client, error) {
	if t.ClientID == "" {
		return nil, errors.New("the target names no client")
	}
	transport, err := NewTransport(t.Issuer, t.Dial, caFile)
	if err != nil {
		return nil, err
	}
	return &Client{
		target: t,
		base:   strings.TrimSuffix(t.Issuer, "/"),
		http:   &http.Client{Transport: transport, Timeout: time.Minute},
	}, nil
}

// NewTransport makes an HTTP transport that reaches issuer, on loopback only, through the host and port dial when it
// is set.
func NewTransport(issuer, dial, caFile string) (*http.Transport, error) {
	if err := RefuseRemote(issuer); err != nil && dial == "" {
		return nil, err
	}
	t := &http.Transport{
		DialContext:         dialLoopback(dial),
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     time.Minute,
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", caFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return t, nil
}

// Close drops the client's idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Start asks for a code to be sent to email.
func (c *Client) Start(ctx context.Context, email string) error {
	body := map[string]string{
		"client_id": c.target.ClientID, "connection": c.target.connection(), "email": email, "send": "code",
	}
	c.authenticate(body)
	return c.post(ctx, "/passwordless/start", body, nil)
}

// Redeem exchanges a code for tokens.
func (c *Client) Redeem(ctx context.Context, email, code string) (Tokens, error) {
	return c.token(ctx, map[string]string{
		"grant_type": otpGrant, "realm": c.target.connection(), "username": email, "otp": code, "scope": Scope,
		"audience": c.target.Audience,
	})
}

// Refresh exchanges a refresh token.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	return c.token(ctx, map[string]string{"grant_type": "refresh_token", "refresh_token": refreshToken})
}

// Exchange redeems an authorization code that was asked for with redirectURI and verifier.
func (c *Client) Exchange(ctx context.Context, code, redirectURI, verifier string) (Tokens, error) {
	return c.token(ctx, map[string]string{
		"grant_type": "authorization_code", "code": code, "redirect_uri": redirectURI, "code_verifier": verifier,
	})
}

// UserInfo asks who the access token speaks for and gives the sub.
func (c *Client) UserInfo(ctx context.Context, accessToken string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/userinfo", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	var claims struct {
		Sub string `json:"sub"`
	}
	if err := c.do(req, &claims); err != nil {
		return "", err
	}
	if claims.Sub == "" {
		return "", errors.New("the answer of /userinfo has no sub")
	}
	return claims.Sub, nil
}

// JWKS reads the published keys and gives their number.
func (c *Client) JWKS(ctx context.Context) (int, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/.well-known/jwks.json", nil)
	if err != nil {
		return 0, err
	}
	if err := c.do(req, &set); err != nil {
		return 0, err
	}
	if len(set.Keys) == 0 {
		return 0, errors.New("the key set is empty")
	}
	return len(set.Keys), nil
}

// Ready asks for the discovery document: the server answers for this tenant.
func (c *Client) Ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/.well-known/openid-configuration", nil)
	if err != nil {
		return err
	}
	return c.do(req, nil)
}

func (c *Client) token(ctx context.Context, body map[string]string) (Tokens, error) {
	body["client_id"] = c.target.ClientID
	c.authenticate(body)
	for name, value := range body {
		if value == "" {
			delete(body, name)
		}
	}
	var t Tokens
	if err := c.post(ctx, "/oauth/token", body, &t); err != nil {
		return Tokens{}, err
	}
	if t.AccessToken == "" {
		return Tokens{}, errors.New("the answer of /oauth/token has no access token")
	}
	return t, nil
}

func (c *Client) authenticate(body map[string]string) {
	if c.target.ClientSecret != "" {
		body["client_secret"] = c.target.ClientSecret
	}
}

func (c *Client) post(ctx context.Context, path string, body map[string]string, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.do(req, into)
}

func (c *Client) do(req *http.Request, into any) error {
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		refusal := &Refusal{Status: res.StatusCode}
		if json.Unmarshal(text, refusal) != nil {
			refusal.Description = string(bytes.TrimSpace(text[:min(len(text), 200)]))
		}
		return refusal
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// Subject reads the sub of an ID token without checking its signature.
func Subject(idToken string) (string, error) {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return "", errors.New("not a signed token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return "", err
	}
	if claims.Sub == "" {
		return "", errors.New("the ID token has no sub")
	}
	return claims.Sub, nil
}
