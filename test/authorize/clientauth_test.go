package authorize_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/client"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/test/servertest"
)

// withBasic is a browser that proves a client in the Authorization header.
func withBasic(t *testing.T, s *servertest.Server, id, secret string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret))))
	return b
}

func credentialsForm(more ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "audience": {servertest.Audience}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// A client may use either way, whichever it is registered with.
func TestClientSecret_InBodyOrHeader(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, method := range []client.AuthMethod{client.AuthPost, client.AuthBasic} {
		s.ChangeClient(s.M2M.ID, func(c *client.Client) { c.TokenEndpointAuthMethod = method })
		b := s.Browser(t)
		b.MustToken(credentialsForm("client_id", s.M2M.ID, "client_secret", s.M2MKey))
		if a := b.PostJSON("/oauth/token", map[string]any{
			"grant_type": "client_credentials", "audience": servertest.Audience, "client_id": s.M2M.ID, "client_secret": s.M2MKey,
		}); a.Status != http.StatusOK {
			t.Errorf("as JSON the answer is %d %s", a.Status, a.Body)
		}
		basic := withBasic(t, s, s.M2M.ID, s.M2MKey)
		basic.MustToken(credentialsForm())
		basic.MustToken(credentialsForm("client_id", s.M2M.ID))
		for _, contradiction := range []url.Values{
			credentialsForm("client_id", s.Web.ID), credentialsForm("client_secret", "other"),
			credentialsForm("client_assertion", "x.y.z", "client_assertion_type", assertionType),
		} {
			oauthError(t, basic.Token(contradiction), http.StatusBadRequest, "invalid_request", "")
		}
	}
}

// Strangers cannot tell an unknown client from a wrong secret. Auth0 says access_denied; a strict client hears what RFC
// 6749 has.
func TestClientSecret_Wrong(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	for _, strict := range []bool{false, true} {
		s.ChangeClient(s.M2M.ID, func(c *client.Client) { c.Latchkey = &client.Extensions{StrictRFCErrors: strict} })
		code := map[bool]string{false: "access_denied", true: "invalid_client"}[strict]
		oauthError(t, b.Token(credentialsForm("client_id", s.M2M.ID, "client_secret", s.M2MKey+"x")), 401, code, "Unauthorized")
		oauthError(t, b.Token(credentialsForm("client_id", s.M2M.ID)), 401, code, "Unauthorized")
		a := withBasic(t, s, s.M2M.ID, "wrong").Token(credentialsForm())
		oauthError(t, a, 401, code, "Unauthorized")
		if a.Header.Get("WWW-Authenticate") == "" {
			t.Error("a refused Basic header is answered without WWW-Authenticate")
		}
		refused := map[bool]int{false: 403, true: 400}[strict]
		oauthError(t, b.Token(url.Values{"grant_type": {"authorization_code"}, "client_id": {s.M2M.ID}, "client_secret": {s.M2MKey}, "code": {"x"}}), refused,
			"unauthorized_client", "Grant type 'authorization_code' not allowed for the client.")
		oauthError(t, b.Token(url.Values{"grant_type": {"magic"}, "client_id": {s.M2M.ID}, "client_secret": {s.M2MKey}}), refused,
			"unsupported_grant_type", "Unsupported grant type: magic")
	}
	oauthError(t, b.Token(credentialsForm("client_id", "nobody", "client_secret", s.M2MKey)), 401, "access_denied", "Unauthorized")
	oauthError(t, b.Token(credentialsForm()), 401, "invalid_client", "Missing client_id")
	oauthError(t, b.Token(url.Values{"client_id": {s.M2M.ID}}), 400, "invalid_request", "Missing required parameter: grant_type")
	oauthError(t, b.Token(url.Values{"grant_type": {"refresh_token", "refresh_token"}}), 400, "invalid_request", "")
	oauthError(t, b.Do("POST", "/oauth/token", "application/json", `{"grant_type":`), 400, "invalid_request", "")
	oauthError(t, b.Do("POST", "/oauth/token", "application/json", `{"grant_type":{"a":1}}`), 400, "invalid_request", "")
	oauthError(t, b.Do("POST", "/oauth/token", "application/json", `{"grant_type":"client_credentials","scope":7}`), 400, "invalid_scope", "Scope must be an array or a string")
	if a := b.Get("/oauth/token"); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET is answered %d", a.Status)
	}
}

func TestClientCredentials_WhatWasGranted(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	proven := func(more ...string) url.Values {
		return credentialsForm(append([]string{"client_id", s.M2M.ID, "client_secret", s.M2MKey}, more...)...)
	}
	tokens := b.MustToken(proven())
	claims := servertest.Claims(t, tokens.AccessToken)
	if claims["sub"] != s.M2M.ID+"@clients" || claims["gty"] != "client-credentials" || claims["aud"] != servertest.Audience ||
		claims["scope"] != "read:orders" || tokens.IDToken != "" || tokens.RefreshToken != "" {
		t.Errorf("tokens %+v, claims %v", tokens, claims)
	}
	b.MustToken(proven("scope", "read:orders"))
	oauthError(t, b.Token(proven("scope", "read:orders write:orders")), 403, "access_denied", "Client has not been granted scopes: write:orders")
	oauthError(t, b.Token(proven("audience", "urn:nobody")), 403, "access_denied", "Service not enabled within domain: urn:nobody")
	oauthError(t, b.Token(proven("audience", "")), 403, "access_denied", "Non-global clients are not allowed access to APIv1")
	oauthError(t, b.Token(proven("audience", s.Issuer+"api/v2/")), 403, "access_denied", `Client is not authorized to access "`+s.Issuer+`api/v2/". You need to create a "client-grant" associated to this API.`)
	public, _ := s.AddClient(&client.Client{Name: "Public", TokenEndpointAuthMethod: client.AuthNone, GrantTypes: []string{client.GrantClientCredentials}})
	oauthError(t, b.Token(credentialsForm("client_id", public.ID)), 403, "unauthorized_client", "Grant type 'client_credentials' not allowed for the client.")
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signing is a client that proves itself by private_key_jwt (RFC 7523).
type signing struct {
	t      *testing.T
	s      *servertest.Server
	client *client.Client
	secret string
	key    *rsa.PrivateKey
}

func newSigning(t *testing.T, s *servertest.Server) *signing {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	c := &client.Client{
		Name: "Signing", TokenEndpointAuthMethod: client.AuthPost, GrantTypes: []string{client.GrantClientCredentials, client.GrantAuthorizationCode},
		Credentials: []client.Credential{{ID: "cred_1", KeyID: "key-1", Algorithm: jwt.RS256, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}},
	}
	if err := json.Unmarshal([]byte(`{"client_authentication_methods":{"private_key_jwt":{"credentials":[{"id":"cred_1"}]}}}`), c); err != nil {
		t.Fatal(err)
	}
	g := &signing{t: t, s: s, key: key}
	g.client, g.secret = addClient(s, c)
	if err := s.Database.EnsureGrant(context.Background(), s.Tenant.ID, g.client.ID, servertest.Audience, []string{"read:orders"}); err != nil {
		t.Fatal(err)
	}
	return g
}

// claims are those of a good assertion, changed as asked; nil takes a claim away.
func (g *signing) claims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": g.client.ID, "sub": g.client.ID, "aud": g.s.Issuer, "jti": ident.Token(16),
		"iat": g.s.Clock.Now().Unix(), "exp": g.s.Clock.Now().Add(time.Minute).Unix(),
	}
	for name, v := range change {
		claims[name] = v
		if v == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (g *signing) sign(claims map[string]any, algorithm jose.SignatureAlgorithm, key any) string {
	g.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "key-1"))
	if err != nil {
		g.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		g.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		g.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

func (g *signing) form(assertion string) url.Values {
	return credentialsForm("client_assertion", assertion, "client_assertion_type", assertionType)
}

func TestPrivateKeyJWT_Accepts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		g, b := newSigning(t, s), s.Browser(t)
		now := s.Clock.Now()
		for name, change := range map[string]map[string]any{
			"plain": nil, "audience as a list": {"aud": []string{s.Issuer}}, "token endpoint as audience": {"aud": s.Issuer + "oauth/token"},
			"five minutes": {"exp": now.Add(5 * time.Minute).Unix()}, "clocks ten seconds apart": {"iat": now.Add(10 * time.Second).Unix()},
			"no iat": {"iat": nil},
		} {
			if a := b.Token(g.form(g.sign(g.claims(change), jose.RS256, g.key))); a.Status != http.StatusOK {
				t.Errorf("%s: the answer is %d %s", name, a.Status, a.Body)
			}
		}
		form := g.form(g.sign(g.claims(nil), jose.RS256, g.key))
		form.Set("client_id", g.client.ID)
		b.MustToken(form)

		assertion := g.sign(g.claims(nil), jose.RS256, g.key)
		b.MustToken(g.form(assertion))
		oauthError(t, b.Token(g.form(assertion)), 401, "invalid_client", "The client assertion is invalid") // used up
		oauthError(t, b.Post("/oauth/par", url.Values{"client_assertion": {assertion}, "client_assertion_type": {assertionType}}), 401, "invalid_client", "")
	})
}

func TestPrivateKeyJWT_Refuses(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	g, b := newSigning(t, s), s.Browser(t)
	now := s.Clock.Now()
	for name, change := range map[string]map[string]any{
		"another audience": {"aud": "https://other.example.com/"}, "no audience": {"aud": nil}, "issuer without its slash": {"aud": s.URL},
		"expired": {"exp": now.Add(-11 * time.Second).Unix()}, "no expiry": {"exp": nil}, "too long a life": {"exp": now.Add(6 * time.Minute).Unix()},
		"from the future": {"iat": now.Add(11 * time.Second).Unix()}, "not yet": {"nbf": now.Add(11 * time.Second).Unix()},
		"no jti": {"jti": nil}, "another issuer": {"iss": s.Web.ID}, "another subject": {"sub": s.Web.ID}, "no subject": {"sub": nil},
		"expiry as text": {"exp": "soon"},
	} {
		if a := b.Token(g.form(g.sign(g.claims(change), jose.RS256, g.key))); a.Status != 401 {
			t.Errorf("%s: the answer is %d %s", name, a.Status, a.Body)
		}
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	payload, err := json.Marshal(g.claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := g.sign(g.claims(nil), jose.RS256, g.key)
	for name, assertion := range map[string]string{
		"another key":                g.sign(g.claims(nil), jose.RS256, other),
		"another algorithm":          g.sign(g.claims(nil), jose.PS256, g.key),
		"the public key as a secret": g.sign(g.claims(nil), jose.HS256, []byte(g.client.Credentials[0].PEM)),
		"the client's secret":        g.sign(g.claims(nil), jose.HS256, []byte(g.secret)),
		"unsigned":                   encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + ".",
		"cut":                        good[:len(good)-4], "no token": "x", "empty parts": "..",
	} {
		oauthError(t, b.Token(g.form(assertion)), 401, "invalid_client", "The client assertion is invalid")
		if t.Failed() {
			t.Fatalf("that was %s", name)
		}
	}
	wrongType := g.form(good)
	wrongType.Set("client_assertion_type", "jwt")
	oauthError(t, b.Token(wrongType), 401, "invalid_client", "")
	both := g.form(good)
	both.Set("client_secret", g.secret)
	oauthError(t, b.Token(both), 400, "invalid_request", "")
	named := g.form(good)
	named.Set("client_id", s.Web.ID)
	oauthError(t, b.Token(named), 401, "invalid_client", "")
	// The key replaced the secret.
	oauthError(t, b.Token(credentialsForm("client_id", g.client.ID, "client_secret", g.secret)), 401, "access_denied", "Unauthorized")
	// All those tries used nothing up.
	b.MustToken(g.form(good))

	ended := s.Clock.Now()
	s.ChangeClient(g.client.ID, func(c *client.Client) { c.Credentials[0].ExpiresAt = &ended })
	oauthError(t, b.Token(g.form(g.sign(g.claims(nil), jose.RS256, g.key))), 401, "invalid_client", "")
}
