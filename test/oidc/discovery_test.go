package oidc_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// metadata is what the modules read of the discovery document.
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	ResponseTypes         []string `json:"response_types_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	IDTokenAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	Scopes                []string `json:"scopes_supported"`
	Claims                []string `json:"claims_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	RequestParameter      bool     `json:"request_parameter_supported"`
	ClaimsParameter       bool     `json:"claims_parameter_supported"`
	RequestURIParameter   bool     `json:"request_uri_parameter_supported"`
}

// discover reads the discovery document. Request_uri_parameter_supported is true where it is absent (Discovery section 3).
func discover(p *party) metadata {
	p.Helper()
	a := p.s.Browser(p).Get("/.well-known/openid-configuration")
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		p.Fatalf("discovery answered %d with %s", a.Status, a.Header.Get("Content-Type"))
	}
	m := metadata{RequestURIParameter: true}
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		p.Fatal(err)
	}
	return m
}

func discoveryVerification(p *party) {
	m := discover(p)
	if m.Issuer != p.s.Issuer {
		p.Errorf("issuer %s, want %s", m.Issuer, p.s.Issuer)
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "userinfo_endpoint": m.UserInfoEndpoint,
		"jwks_uri": m.JWKSURI,
	} {
		// The suite wants https; here the issuer is on loopback without, and endpoints have the issuer's scheme and host.
		if !strings.HasPrefix(endpoint, p.s.Issuer) {
			p.Errorf("%s is %q", name, endpoint)
		}
	}
	for _, list := range []struct {
		name  string
		has   []string
		wants []string
	}{
		{"response_types_supported", m.ResponseTypes, []string{"code", "id_token", "token id_token", "code id_token", "code token", "code token id_token"}},
		{"subject_types_supported", m.SubjectTypes, []string{"public"}},
		{"id_token_signing_alg_values_supported", m.IDTokenAlgorithms, []string{"RS256"}},
		{"scopes_supported", m.Scopes, []string{"openid", "profile", "email", "address", "phone", "offline_access"}},
		{"claims_supported", m.Claims, []string{"sub", "iss", "auth_time", "name", "email"}},
		{"code_challenge_methods_supported", m.ChallengeMethods, []string{"S256"}},
	} {
		for _, want := range list.wants {
			if !slices.Contains(list.has, want) {
				p.Errorf("%s lacks %s: %v", list.name, want, list.has)
			}
		}
	}
	if m.GrantTypes != nil && len(m.GrantTypes) == 0 {
		p.Error("grant_types_supported is empty")
	}
	p.checkKeys(m.JWKSURI)
}

// checkKeys holds the key set to RFC 7517: public keys for signatures, told apart by their ids.
func (p *party) checkKeys(address string) {
	p.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(p.s.Browser(p).Get(address).Body), &set); err != nil {
		p.Fatal(err)
	}
	if len(set.Keys) == 0 {
		p.Error("there are no keys")
	}
	seen := map[string]bool{}
	for _, key := range set.Keys {
		if !key.Valid() || !key.IsPublic() || key.Use != "sig" || key.KeyID == "" || seen[key.KeyID] {
			p.Errorf("key %q: valid %v, public %v, use %q", key.KeyID, key.Valid(), key.IsPublic(), key.Use)
		}
		seen[key.KeyID] = true
	}
}
