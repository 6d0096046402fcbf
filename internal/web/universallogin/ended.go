package universallogin

import (
	"errors"
	"net/http"

	"latchkey/internal/protect"
	"latchkey/internal/web/httpx"
)

// pathClassic is the page of logins whose first steps are on the tenant's own page.
const pathClassic = "/login"

// Ended gives what tells of a login that its own page cannot show: it is unknown or too old, belongs to another browser, is
// finished, or was never begun. One that lives is sent to where it stands. An error is what kept the page from being shown.
func Ended(c Config) func(w http.ResponseWriter, r *http.Request, err error) {
	u := &pages{c}
	return func(w http.ResponseWriter, r *http.Request, err error) {
		v := &visit{w: w, r: r, site: httpx.Site(r.Context()), shell: u.shell(r, "")}
		state := r.URL.Query().Get("state")
		var limit *protect.LimitError
		switch {
		case errors.As(err, &limit):
			u.throttled(v, err)
		case err != nil:
			u.trouble(v, err)
		case state == "":
			u.restart(w, r)
		case u.find(v, state):
			v.redirect(PageOf(v.view.Step, v.tx))
		}
	}
}
