package authapi

import (
	"encoding/pem"
	"net/http"

	"latchkey/internal/tenant"
	"latchkey/internal/web/httpx"
)

// discovery is the OpenID provider's metadata, in the order of Auth0's (OpenID Connect Discovery 1.0; RFC 8414).
type discovery struct {
	Issuer                  string   `json:"issuer"`
	AuthorizationEndpoint   string   `json:"authorization_endpoint"`
	TokenEndpoint           string   `json:"token_endpoint"`
	DeviceEndpoint          string   `json:"device_authorization_endpoint"`
	UserInfoEndpoint        string   `json:"userinfo_endpoint"`
	MFAChallengeEndpoint    string   `json:"mfa_challenge_endpoint"`
	JWKSURI                 string   `json:"jwks_uri"`
	RegistrationEndpoint    string   `json:"registration_endpoint"`
	RevocationEndpoint      string   `json:"revocation_endpoint"`
	ScopesSupported         []string `json:"scopes_supported"`
	ResponseTypes           []string `json:"response_types_supported"`
	ChallengeMethods        []string `json:"code_challenge_methods_supported"`
	ResponseModes           []string `json:"response_modes_supported"`
	SubjectTypes            []string `json:"subject_types_supported"`
	TokenEndpointAuth       []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ClaimsSupported         []string `json:"claims_supported"`
	RequestURIParameter     bool     `json:"request_uri_parameter_supported"`
	RequestParameter        bool     `json:"request_parameter_supported"`
	IDTokenAlgorithms       []string `json:"id_token_signing_alg_values_supported"`
	EndSessionEndpoint      string   `json:"end_session_endpoint,omitempty"`
	ACRValues               []string `json:"acr_values_supported,omitempty"`
	PAREndpoint             string   `json:"pushed_authorization_request_endpoint,omitempty"`
}

func describe(site tenant.Site) discovery {
	settings := &site.Tenant.Settings
	methods := []string{"S256", "plain"}
	if settings.Own().S256Only {
		methods = methods[:1]
	}
	d := discovery{
		Issuer: site.Issuer(), AuthorizationEndpoint: site.URL("/authorize"), TokenEndpoint: site.URL("/oauth/token"),
		DeviceEndpoint: site.URL("/oauth/device/code"), UserInfoEndpoint: site.URL("/userinfo"),
		MFAChallengeEndpoint: site.URL("/mfa/challenge"), JWKSURI: site.URL("/.well-known/jwks.json"),
		RegistrationEndpoint: site.URL("/oidc/register"), RevocationEndpoint: site.URL("/oauth/revoke"),
		ScopesSupported: []string{"openid", "profile", "offline_access", "name", "given_name", "family_name", "nickname",
			"email", "email_verified", "picture", "created_at", "identities", "phone", "address"},
		ResponseTypes: []string{"code", "token", "id_token", "code token", "code id_token", "token id_token",
			"code token id_token"},
		ChallengeMethods: methods, ResponseModes: []string{"query", "fragment", "form_post"}, SubjectTypes: []string{"public"},
		TokenEndpointAuth:       []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		TokenEndpointAlgorithms: []string{"RS256", "RS384", "PS256"},
		ClaimsSupported: []string{"aud", "auth_time", "created_at", "email", "email_verified", "exp", "family_name", "given_name",
			"iat", "identities", "iss", "name", "nickname", "phone_number", "picture", "sub"},
		IDTokenAlgorithms: []string{"HS256", "RS256", "PS256"}, ACRValues: settings.ACRValuesSupported,
	}
	if settings.AdvertiseEndSession() {
		d.EndSessionEndpoint = site.URL("/oidc/logout")
	}
	if settings.PAR() {
		d.PAREndpoint = site.URL("/oauth/par")
	}
	return d
}

// metadataCache is how long metadata may be kept, as Auth0's says.
const metadataCache = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"

// configuration answers GET /.well-known/openid-configuration.
func (a *api) configuration(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", metadataCache)
	httpx.WriteJSON(w, http.StatusOK, describe(httpx.Site(r.Context())))
}

// jwks answers GET /.well-known/jwks.json.
func (a *api) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := a.Keys.JWKS(r.Context(), httpx.Site(r.Context()).Tenant.ID)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	w.Header().Set("Cache-Control", metadataCache)
	httpx.WriteJSON(w, http.StatusOK, set)
}

// pem answers GET /pem with the current signing certificate.
func (a *api) pem(w http.ResponseWriter, r *http.Request) {
	a.certificate(w, r, "application/x-pem-file", func(text []byte) []byte { return text })
}

// cer answers GET /cer with the same in DER.
func (a *api) cer(w http.ResponseWriter, r *http.Request) {
	a.certificate(w, r, "application/pkix-cert", func(text []byte) []byte {
		block, _ := pem.Decode(text)
		return block.Bytes
	})
}

func (a *api) certificate(w http.ResponseWriter, r *http.Request, contentType string, form func(text []byte) []byte) {
	text, err := a.Keys.CertificatePEM(r.Context(), httpx.Site(r.Context()).Tenant.ID)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(form(text)) // the client may be gone; there is nobody left to tell
}
