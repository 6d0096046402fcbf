package authapi

import (
	"errors"
	"net/http"
	"strings"

	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/web/httpx"
)

// userinfo answers GET and POST /userinfo (OpenID Connect Core section 5.3; RFC 6750).
func (a *api) userinfo(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(w, r)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	ctx := r.Context()
	userID, claims, err := a.OAuth.UserInfo(ctx, httpx.Site(ctx), token)
	if err != nil {
		refuseToken(w, r, err)
		return
	}
	httpx.Note(ctx, httpx.FieldUserID, userID)
	level, err := a.Guard.Count(httpx.Site(ctx).Tenant.ID, httpx.ClientAddr(ctx).String(), protect.Ask{Limit: protect.UserInfo, Subject: userID})
	limitHeaders(w.Header(), protect.UserInfo, level)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	httpx.NoStore(w.Header())
	httpx.WriteJSON(w, http.StatusOK, claims)
}

// bearer finds the access token: in the header, a form's body, or (as passport-auth0 sends it) the query.
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", nil
		}
		return strings.TrimSpace(token), nil
	}
	p, err := httpx.ReadQuery(r)
	if err != nil {
		return "", err
	}
	if p.Get("access_token") != "" || r.Method != http.MethodPost {
		return p.Get("access_token"), nil
	}
	if p, err = httpx.ReadBody(w, r, httpx.MaxBody); err != nil {
		return "", err
	}
	return p.Get("access_token"), nil
}

// refuseToken answers a token that does not open the endpoint (RFC 6750 section 3).
func refuseToken(w http.ResponseWriter, r *http.Request, err error) {
	answer := commonWire(r, err)
	switch {
	case errors.Is(err, oauth.ErrInvalidToken):
		answer = wire{http.StatusUnauthorized, "invalid_token", oauth.ErrInvalidToken.Message}
	case errors.Is(err, oauth.ErrInsufficientScope):
		answer = wire{http.StatusForbidden, "insufficient_scope", oauth.ErrInsufficientScope.Message}
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="`+answer.code+`", error_description="`+answer.description+`"`)
	refuse(w, r, err, answer)
}
