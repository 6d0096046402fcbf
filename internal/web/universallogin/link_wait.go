package universallogin

import (
	"errors"
	"net/http"
	"net/url"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/login"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// Awaited is the link that a page waits for, instead of a code or beside one. Action: continue.
type Awaited struct {
	Only   bool         // there is no field for the code
	Number string       // by which the link is approved in another browser
	Stage  otp.Progress // how far it is
	Poll   string       // where the page asks for that
}

// Dead reports whether the link does not work any more.
func (a *Awaited) Dead() bool { return a != nil && a.Stage == otp.Dead }

// Approved reports whether another browser has approved it.
func (a *Awaited) Approved() bool { return a != nil && a.Stage == otp.Approved }

// onlyLink reports whether what was sent is a link and no code that a page asks for.
func onlyLink(s connection.Send) bool { return s.Links() && s != connection.SendLinkAndCode }

// awaited gives the link that the login waits for; nil where none was sent. A page that cannot find out how far it is waits.
func (u *pages) awaited(v *visit) *Awaited {
	if !v.tx.Send.Links() {
		return nil
	}
	stage, err := u.Logins.Progress(v.r.Context(), v.site.Tenant.ID, v.tx)
	if err != nil {
		httpx.Fail(v.r.Context(), err)
		stage = otp.Pending
	}
	return &Awaited{
		Only: onlyLink(v.tx.Send), Number: v.tx.Number, Stage: stage,
		Poll: PathLinkStatus + "?" + url.Values{"state": {v.tx.State()}}.Encode(),
	}
}

// goOn goes on with a login whose link another browser has approved.
func (u *pages) goOn(v *visit) {
	entry := u.entry(v)
	link := u.awaited(v)
	if link == nil || link.Stage == otp.Pending {
		u.refuse(v, "", "not-approved")
		return
	}
	err := error(login.ErrWrongCode)
	if link.Approved() {
		err = u.Logins.TakeApproved(v.r.Context(), entry, v.tx)
	}
	switch {
	case err == nil:
		if err := u.remember(v, entry); err != nil {
			u.trouble(v, err)
			return
		}
		v.redirect(pathResume)
	case errors.Is(err, transaction.ErrMoved):
		v.redirect(pathResume)
	case apierr.KindOf(err) == apierr.Unauthorized:
		u.goneOn(v, err)
	default:
		u.trouble(v, err)
	}
}

// goneOn answers a second click of the same person, whose first went on; to everybody else the link is dead.
func (u *pages) goneOn(v *visit, refusal error) {
	if err := u.Transactions.Reload(v.r.Context(), v.site.Tenant.ID, v.tx); err != nil {
		u.trouble(v, err)
		return
	}
	if v.tx.Proof != nil {
		v.redirect(pathResume)
		return
	}
	httpx.Note(v.r.Context(), httpx.FieldOutcome, apierr.As(refusal).Code)
	v.render(http.StatusBadRequest, u.codePage(v))
}

// linkStatus tells the page that waits for a link how far it is. It is asked every other second, changes nothing and counts
// against no limit of logins. Without the cookie of its login it tells only that a login is over: the cookie is gone then.
func (u *pages) linkStatus(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	site, ip := httpx.Site(ctx), httpx.ClientAddr(ctx).String()
	httpx.NoStore(w.Header())
	answer := func(status int, stage otp.Progress) {
		httpx.WriteJSON(w, status, map[string]otp.Progress{"status": stage})
	}
	if _, err := u.Guard.Count(site.Tenant.ID, ip, protect.Ask{Limit: protect.LinkPolls, Subject: protect.Network(ip)}); err != nil {
		retryAfter(w, waitOf(err))
		answer(http.StatusTooManyRequests, otp.Pending)
		return
	}
	state := r.URL.Query().Get("state")
	binding, _ := httpx.CookiesOf(r).Own(r, page.BindingCookie(state))
	t, err := u.Transactions.Open(ctx, site.Tenant.ID, state, binding)
	foreign := errors.Is(err, transaction.ErrForeignBrowser)
	switch {
	case apierr.KindOf(err) == apierr.NotFound:
		answer(http.StatusNotFound, otp.Dead)
	case err != nil && !foreign:
		httpx.Fail(ctx, err)
		answer(httpx.Status(err), otp.Pending)
	case !t.FinishedAt.IsZero():
		answer(http.StatusOK, done)
	case foreign:
		answer(http.StatusForbidden, otp.Dead)
	case t.Proof != nil: // the tab in which the link was opened is at its next page
		answer(http.StatusOK, otp.Pending)
	default:
		stage, err := u.Logins.Progress(ctx, site.Tenant.ID, t)
		if err != nil {
			httpx.Fail(ctx, err)
			answer(httpx.Status(err), otp.Pending)
			return
		}
		answer(http.StatusOK, stage)
	}
}

// done is the stage of a link whose login is over.
const done otp.Progress = "done"

// loggedIn ends the page that waited for a link, when the login went on where the link was opened.
func (u *pages) loggedIn(v *visit) {
	n := page.Notice{Prompt: "status", Screen: "status", Mood: page.Good, Title: "doneTitle", Texts: []string{"doneText"}}
	if err := v.shell.WriteNotice(v.w, http.StatusOK, n); err != nil {
		httpx.Fail(v.r.Context(), err)
	}
}
