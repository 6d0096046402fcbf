package classic

import (
	"cmp"
	"net/http"
	"slices"

	"latchkey/internal/client"
	"latchkey/internal/locale"
	"latchkey/internal/oauth"
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

// ssoData answers GET /user/ssodata: who is logged in in this browser. Pages of ours ask it. One of another host is told only
// where the client it names is the tenant's own, lists its origin and may log people in from there, and of people whom that
// client could log in without asking them: those of a connection that it has.
func (e *edge) ssoData(w http.ResponseWriter, r *http.Request) {
	httpx.NoStore(w.Header())
	if err := e.count(r); err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	var asking *client.Client // nil for pages of ours
	if origin := r.Header.Get("Origin"); origin != "" && origin != httpx.Site(r.Context()).URL("") {
		var err error
		if asking, err = e.clientOf(r, r.URL.Query().Get("client_id")); err != nil {
			refuse(w, r, err, commonWire(r, err))
			return
		}
		if asking == nil || !asking.IsFirstParty() || !asking.CrossOriginAuth || !asking.AllowsCredentials(origin) {
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
	httpx.WriteJSON(w, http.StatusOK, ssoAnswerFor(asking, known))
}

// ssoAnswerFor says what a page is told of a session. A client's page hears of no other client.
func ssoAnswerFor(asking *client.Client, known *oauth.SSO) ssoAnswer {
	if known == nil {
		return ssoAnswer{}
	}
	clients := known.Session.Clients
	if asking != nil {
		if known.Connection == nil || !known.Connection.EnabledFor(asking.ID) {
			return ssoAnswer{}
		}
		clients = slices.DeleteFunc(slices.Clone(clients), func(id string) bool { return id != asking.ID })
	}
	u := known.User
	answer := ssoAnswer{
		SSO: true, CurrentUser: &currentUser{u.ID, u.Email, u.Name, u.Nickname, u.Picture}, LastUsername: u.Address(),
		LastUserID: u.ID, Clients: clients,
	}
	if n := len(clients); n > 0 {
		answer.LastClientID = clients[n-1]
	}
	if known.Connection != nil {
		answer.LastConnection = &ssoConnection{known.Connection.Name, string(known.Connection.Strategy)}
	}
	return answer
}
