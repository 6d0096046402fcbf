package classic

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/authn"
	"latchkey/internal/client"
	"latchkey/internal/eventlog"
	"latchkey/internal/loginticket"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// The credential types of /co/authenticate.
const (
	credentialPassword = "password"
	credentialRealm    = "http://auth0.com/oauth/grant-type/password-realm"
	credentialOTP      = client.GrantPasswordlessOTP
)

// credentialParams are the parameters that each type has beside the client and itself: all of them, and no others.
var credentialParams = map[string][]string{
	credentialPassword: {"username", "password"},
	credentialRealm:    {"username", "password", "realm"},
	credentialOTP:      {"username", "otp", "realm"},
}

// handover is the success body of /co/authenticate.
type handover struct {
	LoginTicket string `json:"login_ticket"`
	Verifier    string `json:"co_verifier"`
	ID          string `json:"co_id"`
}

// authenticate answers POST /co/authenticate: a page of an application on another host proves who is there, and is given a
// ticket to take to /authorize in the same browser (Auth0 docs, "Cross-Origin Authentication").
func (e *edge) authenticate(w http.ResponseWriter, r *http.Request) {
	p, err := httpx.ReadBody(w, r, httpx.MaxBody)
	if err == nil {
		err = p.Texts()
	}
	if err == nil {
		err = e.count(r)
	}
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	c, err := e.clientOf(r, p.Get("client_id"))
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	if !e.mayAuthenticate(w, r, c) {
		return
	}
	answer, ok := checkCredential(c, p)
	if !ok {
		refuse(w, r, errParameter, answer)
		return
	}
	given := oauth.CrossOrigin{
		Entry: authn.Entry{Site: httpx.Site(r.Context()), Client: c, Origin: httpx.OriginOf(r)},
		Realm: p.Get("realm"), Username: p.Trimmed("username"),
	}
	if p.Get("credential_type") == credentialOTP {
		given.OTP = p.Trimmed("otp")
	} else {
		given.Password = p.Get("password")
	}
	t, issued, err := e.OAuth.AuthenticateCrossOrigin(r.Context(), given)
	if err != nil {
		refuse(w, r, err, crossOriginWire(r, err, p.Get("realm")))
		return
	}
	cookies := httpx.CookiesOf(r)
	anywhere, partitioned := page.TicketCookies(string(issued.Ticket))
	cookies.SetAcross(w, anywhere, string(issued.Cookie), loginticket.Life, false)
	cookies.SetAcross(w, partitioned, string(issued.Cookie), loginticket.Life, true)
	httpx.NoStore(w.Header())
	httpx.Note(r.Context(), httpx.FieldOutcome, "authenticated")
	httpx.WriteJSON(w, http.StatusOK, handover{string(issued.Ticket), string(issued.Verifier), t.ID})
}

// mayAuthenticate reports whether the calling page may log people in, and answers where it may not: it has to stand at one of
// the client's own origins, and the client has to have switched this on.
func (e *edge) mayAuthenticate(w http.ResponseWriter, r *http.Request, c *client.Client) bool {
	origin := r.Header.Get("Origin")
	if c == nil || !c.AllowsCredentials(origin) {
		httpx.WithdrawCORS(w.Header())
		httpx.NoStore(w.Header())
		httpx.Note(r.Context(), httpx.FieldOutcome, "origin_refused")
		text := fmt.Sprintf("Origin %s is not allowed.", clip(cmp.Or(origin, "undefined")))
		e.logOrigin(r, c, text)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(text))
		return false
	}
	if !c.CrossOriginAuth {
		refuse(w, r, nil, wire{http.StatusUnauthorized, "unauthorized_client", "Cross origin login not allowed."})
		return false
	}
	return true
}

// logOrigin tells the tenant's log of a page that may not log people in, where a client of the tenant is named: of each
// address once a minute, since anybody can call.
func (e *edge) logOrigin(r *http.Request, c *client.Client, description string) {
	if c == nil || r.Header.Get("Origin") == "" {
		return
	}
	tenantID, origin := httpx.Site(r.Context()).Tenant.ID, httpx.OriginOf(r)
	once := protect.Ask{Limit: protect.LimitEvents, Subject: "origin:" + protect.Network(origin.IP)}
	if _, err := e.Guard.Count(tenantID, origin.IP, once); err != nil {
		return
	}
	httpx.Fail(r.Context(), e.Log.Write(r.Context(), tenantID, eventlog.Event{
		Type: eventlog.RefusedOrigin, Description: description, ClientID: c.ID, ClientName: c.Name, Origin: origin,
	}))
}

// maxOrigin is how much of an origin is repeated.
const maxOrigin = 255

// clip gives what a stranger wrote as far as it is repeated: what stands in an origin, and no more of it than one has.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '<' || r == '>' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), maxOrigin)]
}

// checkCredential refuses calls whose parameters are not exactly those of their credential type.
func checkCredential(c *client.Client, p httpx.Params) (wire, bool) {
	kind := p.Get("credential_type")
	params, known := credentialParams[kind]
	switch {
	case !known && kind != "":
		return wire{http.StatusBadRequest, "unsupported_credential_type", "Unknown credential type parameter."}, false
	case !known:
		params = credentialParams[credentialOTP]
	}
	wanted := append([]string{"client_id", "credential_type"}, params...)
	complete := !slices.ContainsFunc(wanted, func(name string) bool {
		return p.Get(name) == "" || (name != "password" && p.Trimmed(name) == "")
	})
	if !complete || slices.ContainsFunc(p.Names(), func(name string) bool { return !slices.Contains(wanted, name) }) {
		return wire{http.StatusBadRequest, "invalid_request",
			"Invalid request body. All and only of " + strings.Join(wanted, ", ") + " are required."}, false
	}
	if kind == credentialOTP && !c.Allows(credentialOTP) {
		return wire{http.StatusForbidden, "unauthorized_client", "Grant type '" + credentialOTP + "' not allowed for the client."}, false
	}
	return wire{}, true
}

// crossOriginWire gives the answer of /co/authenticate to a refusal.
func crossOriginWire(r *http.Request, err error, realm string) wire {
	switch {
	case errors.Is(err, oauth.ErrRealm):
		return wire{http.StatusBadRequest, "invalid_request", "Unknown realm " + clip(realm) + "."}
	case errors.Is(err, authn.ErrBlocked):
		return wire{http.StatusForbidden, "blocked_user", "Blocked user"}
	}
	if text := proofText(err); text != "" {
		return wire{http.StatusForbidden, "access_denied", text}
	}
	return commonWire(r, err)
}
