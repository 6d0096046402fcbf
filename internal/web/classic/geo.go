package classic

import (
	"cmp"
	"net/http"

	"latchkey/internal/locale"
	"latchkey/internal/web/httpx"
)

// defaultCountry is what auth0.js takes where it learns nothing.
const defaultCountry = "US"

// country answers GET /user/geoloc/country: the country whose dialling code a page for telephone numbers begins with. No
// address is looked up: the reader's languages name it well enough, and they choose it themselves.
func (e *edge) country(w http.ResponseWriter, r *http.Request) {
	code := cmp.Or(locale.Region("", "", r.Header.Get("Accept-Language")), defaultCountry)
	httpx.NoStore(w.Header())
	w.Header().Add("Vary", "Accept-Language")
	httpx.WriteJSON(w, http.StatusOK, map[string]string{
		"ipAddress": httpx.ClientAddr(r.Context()).String(), "country_code": code, "country_name": locale.RegionName("en", code),
	})
}

// ssoAnswer is what a page is told of the browser's session.
type ssoAnswer struct {
	SSO            bool           `json:"sso"`
	CurrentUser    *currentUser   `json:"current_user,omitempty"`
	LastConnection *ssoConnection `json:"lastUsedConnection,omitempty"`
	LastUsername   string         `json:"lastUsedUsername,omitempty"`
	LastUserID     string         `json:"lastUsedUserID,omitempty"`
	LastClientID   string         `json:"lastUsedClientID,omitempty"`
	Clients        []string       `json:"sessionClients,omitempty"`
}

type currentUser struct {
	ID       string `json:"user_id"`
	Email    string `json:"email,omitempty"`
	Name     string `json:"name,omitempty"`
	Nickname string `json:"nickname,omitempty"`
	Picture  string `json:"picture,omitempty"`
}

type ssoConnection struct {
	Name     string `json:"name"`
	Strategy string `json:"strategy"`
}

// ssoData answers GET /user/ssodata: who is logged in in this browser. Pages of ours ask it; one of another host is told only
// where the client it names lists its origin and may log people in from there.
func (e *edge) ssoData(w http.ResponseWriter, r *http.Request) {
	httpx.NoStore(w.Header())
	origin := r.Header.Get("Origin")
	if origin != "" && origin != httpx.Site(r.Context()).URL("") {
		c, err := e.clientOf(r, r.URL.Query().Get("client_id"))
		if err != nil {
			refuse(w, r, err, commonWire(r, err))
			return
		}
		if c == nil || !c.CrossOriginAuth || !c.AllowsCredentials(origin) {
			httpx.WithdrawCORS(w.Header())
			httpx.WriteJSON(w, http.StatusOK, ssoAnswer{})
			return
		}
	}
	known, err := e.OAuth.SSO(r.Context(), httpx.Site(r.Context()), e.browser(r))
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	answer := ssoAnswer{}
	if known != nil {
		u := known.User
		answer = ssoAnswer{
			SSO: true, CurrentUser: &currentUser{u.ID, u.Email, u.Name, u.Nickname, u.Picture}, LastUsername: u.Address(),
			LastUserID: u.ID, Clients: known.Session.Clients,
		}
		if n := len(answer.Clients); n > 0 {
			answer.LastClientID = answer.Clients[n-1]
		}
		if known.Connection != nil {
			answer.LastConnection = &ssoConnection{known.Connection.Name, string(known.Connection.Strategy)}
		}
	}
	httpx.WriteJSON(w, http.StatusOK, answer)
}
