package sampleapp

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// orders is the sample API: GET /api/orders answers whoever presents a JWT access token that the server signed for our
// audience. It trusts nothing else, not even the session of this application (RFC 6750, RFC 9068 section 4).
func (a *app) orders(w http.ResponseWriter, r *http.Request) {
	raw, ok := bearer(r)
	if !ok {
		refuse(w, http.StatusUnauthorized, "", "Send an access token for "+a.Audience+" as: Authorization: Bearer <token>")
		return
	}
	p, err := a.discover(r.Context())
	if err != nil {
		a.Log.Warn("sample application: API", "err", err)
		refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable", "The keys of "+a.Issuer+" cannot be fetched right now")
		return
	}
	// The audience is checked below, to be able to name it.
	token, err := p.Verifier(&oidc.Config{
		SkipClientIDCheck: true, SupportedSigningAlgs: algorithms, Now: a.Now,
	}).Verify(r.Context(), raw)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		refuse(w, http.StatusUnauthorized, "invalid_token", "The access token has expired")
		return
	case err != nil:
		a.Log.Info("sample application: API refused a token", "err", err)
		refuse(w, http.StatusUnauthorized, "invalid_token", "The access token is not a JWT that "+a.Issuer+" signed")
		return
	case !slices.Contains(token.Audience, a.Audience):
		refuse(w, http.StatusUnauthorized, "invalid_token", "The access token was issued for another audience than "+a.Audience)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"customer": token.Subject,
		"orders": []order{
			{ID: "1042", Item: "Brass latchkey, polished", Quantity: 2, Status: "shipped"},
			{ID: "1043", Item: "Key ring, oak", Quantity: 1, Status: "being carved"},
		},
	})
}

type order struct {
	ID       string `json:"id"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	Status   string `json:"status"`
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// refuse answers as RFC 6750 section 3 asks; a request without any token gets no error code.
func refuse(w http.ResponseWriter, status int, code, description string) {
	if status == http.StatusUnauthorized {
		challenge := `Bearer realm="sample API"`
		if code != "" {
			challenge += `, error="` + code + `", error_description="` + description + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	body := map[string]string{"error_description": description}
	if code != "" {
		body["error"] = code
	}
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// An error here is a reader that went away.
	_ = json.NewEncoder(w).Encode(v)
}
