package sampleapp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	testClient   = "sample-client"
	testSecret   = "sample/secret+with=signs"
	testAudience = "https://api.example.test/"
)

var (
	ownKey     = sync.OnceValue(newKey)
	foreignKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// fakeProvider is just enough of an OpenID provider to log one person in, and to misbehave on demand.
type fakeProvider struct {
	t   *testing.T
	srv *httptest.Server

	mu           sync.Mutex
	now          func() time.Time
	codes        map[string]url.Values // code to the parameters of its authorization request
	refreshToken string
	issued       int

	down         bool                 // answers 503 everywhere
	callbackWith url.Values           // sent to the callback instead of a code
	idClaims     func(map[string]any) // changes the next ID tokens
	accessClaims func(map[string]any)
	idKey        *rsa.PrivateKey
	tokenError   string // of the token endpoint, as error
	userInfoSub  string
	seenLogout   url.Values
}

func newFakeProvider(t *testing.T, now func() time.Time) *fakeProvider {
	p := &fakeProvider{t: t, now: now, codes: map[string]url.Values{}, idKey: ownKey(), userInfoSub: "email|5f7c8ec7c33c6c004bbafe82"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /.well-known/jwks.json", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /oauth/token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("GET /oidc/logout", p.logout)
	p.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.srv.Close)
	return p
}

// set changes the provider while no request is being answered.
func (p *fakeProvider) set(change func(*fakeProvider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *fakeProvider) issuer() string { return p.srv.URL + "/" }

func (p *fakeProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{
		"issuer":                                p.issuer(),
		"authorization_endpoint":                p.issuer() + "authorize",
		"token_endpoint":                        p.issuer() + "oauth/token",
		"userinfo_endpoint":                     p.issuer() + "userinfo",
		"jwks_uri":                              p.issuer() + ".well-known/jwks.json",
		"end_session_endpoint":                  p.issuer() + "oidc/logout",
		"id_token_signing_alg_values_supported": []string{"HS256", "RS256", "PS256"},
	})
}

func (p *fakeProvider) jwks(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: ownKey().Public(), KeyID: "current", Algorithm: "RS256", Use: "sig"},
	}})
}

func (p *fakeProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		p.t.Errorf("redirect_uri: %v", err)
	}
	answer := url.Values{}
	if p.callbackWith != nil {
		for k, v := range p.callbackWith {
			answer[k] = v
		}
	} else {
		p.issued++
		code := "code" + string(rune('a'+p.issued))
		p.codes[code] = q
		answer.Set("code", code)
	}
	if !answer.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if unescape(id) != testClient || unescape(secret) != testSecret {
		p.refuse(w, http.StatusUnauthorized, "access_denied", "Unauthorized")
		return
	}
	if p.tokenError != "" {
		p.refuse(w, http.StatusForbidden, p.tokenError, "as the test asked")
		return
	}
	nonce := ""
	switch r.FormValue("grant_type") {
	case "authorization_code":
		asked, ok := p.codes[r.FormValue("code")]
		delete(p.codes, r.FormValue("code"))
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || asked.Get("redirect_uri") != r.FormValue("redirect_uri") ||
			asked.Get("code_challenge_method") != "S256" ||
			asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			p.refuse(w, http.StatusForbidden, "invalid_grant", "Invalid authorization code")
			return
		}
		nonce = asked.Get("nonce")
	case "refresh_token":
		if r.FormValue("refresh_token") != p.refreshToken {
			p.refuse(w, http.StatusForbidden, "invalid_grant", "Unknown or invalid refresh token.")
			return
		}
	}
	p.refreshToken = "v1." + rand.Text() + rand.Text()
	access := p.accessToken()
	p.answer(w, http.StatusOK, map[string]any{
		"access_token": access, "id_token": p.idToken(nonce), "refresh_token": p.refreshToken,
		"token_type": "Bearer", "expires_in": 86400, "scope": "openid profile email offline_access",
	})
}

func (p *fakeProvider) idToken(nonce string) string {
	claims := map[string]any{
		"iss": p.issuer(), "sub": "email|5f7c8ec7c33c6c004bbafe82", "aud": testClient,
		"iat": p.now().Unix(), "exp": p.now().Add(10 * time.Hour).Unix(),
		"sid": "Xo0rJ2l8Cq3vN6b1Zt5yKd9wEh4uGmPs", "name": "Ada Lovelace", "nickname": "ada",
		"picture": "https://s.gravatar.com/avatar/00?s=480&r=pg",
		"email":   "ada@example.com", "email_verified": true, "updated_at": "2026-11-21T20:15:02.399Z",
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if p.idClaims != nil {
		p.idClaims(claims)
	}
	return p.sign(p.idKey, claims)
}

func (p *fakeProvider) accessToken() string {
	claims := map[string]any{
		"iss": p.issuer(), "sub": "email|5f7c8ec7c33c6c004bbafe82", "aud": []string{testAudience, p.issuer() + "userinfo"},
		"iat": p.now().Unix(), "exp": p.now().Add(24 * time.Hour).Unix(),
		"scope": "openid profile email offline_access", "azp": testClient,
	}
	if p.accessClaims != nil {
		p.accessClaims(claims)
	}
	return p.sign(ownKey(), claims)
}

func (p *fakeProvider) sign(key *rsa.PrivateKey, claims map[string]any) string {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "current"}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

func (p *fakeProvider) userinfo(w http.ResponseWriter, r *http.Request) {
	if _, ok := bearer(r); !ok {
		p.refuse(w, http.StatusUnauthorized, "invalid_token", "Unauthorized")
		return
	}
	p.answer(w, http.StatusOK, map[string]any{
		"sub": p.userInfoSub, "nickname": "ada", "name": "Ada Lovelace",
		"updated_at": "2026-11-21T20:15:02.399Z", "email": "ada@example.com", "email_verified": true,
	})
}

func (p *fakeProvider) logout(w http.ResponseWriter, r *http.Request) {
	p.seenLogout = r.URL.Query()
	http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusFound)
}

func (p *fakeProvider) refuse(w http.ResponseWriter, status int, code, description string) {
	p.answer(w, status, map[string]any{"error": code, "error_description": description})
}

func (p *fakeProvider) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func unescape(s string) string {
	u, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return u
}
