package universallogin

import (
	"net/http"

	"latchkey/internal/web/httpx"
)

// pathClassic is the page of logins whose first steps are on the tenant's own page.
const pathClassic = "/login"

// Ended gives the handler that tells what has become of a login that its page cannot go on with: it is unknown or too old,
// belongs to another browser, is finished, or was never begun. One that does live is sent to where it stands.
func Ended(c Config) http.HandlerFunc {
	u := &pages{c}
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{w: w, r: r, site: httpx.Site(r.Context()), shell: u.shell(r, "")}
		state := r.URL.Query().Get("state")
		if state == "" {
			u.restart(w, r)
			return
		}
		if !u.find(v, state) {
			return
		}
		v.redirect(PageOf(v.view.Step, v.tx))
	}
}
