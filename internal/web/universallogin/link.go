package universallogin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/connection"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
	"latchkey/internal/useragent"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// pathLinkAlias is how one page of Auth0's docs spells the address of magic links.
const pathLinkAlias = "/passwordless/verify-redirect"

// What an application is told of a code that its Classic page let somebody type (Auth0's texts, which clients compare).
const (
	failureCode        = "unauthorized"
	failureWrongEmail  = "Wrong email or verification code."
	failureWrongNumber = "Wrong phone number or verification code."
	failureExpired     = "The verification code has expired. Please try to login again."
	failureTooMany     = "You've reached the maximum number of attempts. Please try to login again."
)

// place is what the browser that opens a link is to the login the link belongs to, and so what the link does there.
type place int

const (
	nowhere   place = iota // the link does not work
	own                    // its login was begun in this browser, which goes on by itself
	other                  // its login waits in another browser, whose number lets it go on
	elsewhere              // it works in another browser only
	anywhere               // it belongs to no browser: a button logs in here
	finished               // its login is done, in this browser
)

// landing is a visit by way of a magic link, or of the address to which a Classic page goes with a code that was typed on
// it. It never acts on GET: mail is opened by programs too.
type landing struct {
	*visit
	params  httpx.Params
	secret  string // of the link, or the code
	link    login.Opened
	place   place
	request *transaction.Request // that a login anywhere answers
	refusal error                // why the link does not work
}

// landing answers the address of magic links (Auth0 docs, "Passwordless Authentication with Magic Links").
func (u *pages) landing(w http.ResponseWriter, r *http.Request) {
	l := &landing{visit: &visit{w: w, r: r, site: httpx.Site(r.Context()), shell: u.shell(r, "")}}
	if !u.admitLanding(l) {
		return
	}
	err := u.locate(l)
	switch {
	case errors.Is(err, login.ErrCallback):
		u.failed(l.visit, http.StatusForbidden, "unauthorized_client", apierr.As(err).Message)
	case err != nil:
		u.trouble(l.visit, err)
	case r.Method != http.MethodPost:
		u.showLanding(l, http.StatusOK)
	case u.changesLanguage(l.visit):
		httpx.NoStore(w.Header())
		w.Header().Set("Location", r.URL.Path+"?"+l.params.Values().Encode())
		w.WriteHeader(http.StatusFound)
	default:
		u.takeLanding(l)
	}
}

// admitLanding applies the limits and reads the parameters. They stand in the address, or in the form that is posted. It
// answers itself when it refuses.
func (u *pages) admitLanding(l *landing) bool {
	ctx, tenantID := l.r.Context(), l.site.Tenant.ID
	ip := httpx.ClientAddr(ctx).String()
	if _, err := u.Guard.Count(tenantID, ip, protect.Ask{Limit: protect.PagesPerIP, Subject: protect.Network(ip)}); err != nil {
		u.throttled(l.visit, err)
		return false
	}
	posted := l.r.Method == http.MethodPost
	if posted && !sameSite(l.r, l.site) {
		u.failed(l.visit, http.StatusForbidden, "invalid_request", "The form was not sent from this site.")
		return false
	}
	var err error
	if l.params, err = httpx.ReadQuery(l.r); err == nil && posted {
		l.form, err = httpx.ReadBody(l.w, l.r, httpx.MaxBody)
	}
	if err != nil {
		u.failed(l.visit, httpx.Status(err), "invalid_request", apierr.As(err).Message)
		return false
	}
	if posted && !l.params.Has("verification_code") {
		l.params = l.form
	}
	l.secret = l.params.Trimmed("verification_code")
	l.shell.State = l.secret
	if !posted {
		return true
	}
	sum := sha256.Sum256([]byte(l.secret))
	ask := protect.Ask{Limit: protect.ChallengePosts, Subject: protect.Network(ip) + "|link|" + hex.EncodeToString(sum[:8])}
	if _, err := u.Guard.Count(tenantID, ip, ask); err != nil {
		u.throttled(l.visit, err)
		return false
	}
	return true
}

// locate finds out what the link is and what this browser is to it. It changes nothing.
func (u *pages) locate(l *landing) error {
	ctx := l.r.Context()
	c, conn, err := u.OAuth.Linked(ctx, l.site, l.params.Get("client_id"), l.params.Get("connection"))
	if err != nil {
		return err
	}
	if c != nil {
		l.shell.Client = c.Name
		httpx.Note(ctx, httpx.FieldClientID, c.ID)
	}
	l.view = oauth.View{Client: c, Connection: conn}
	if c == nil || conn == nil {
		l.refusal = login.ErrWrongCode
		return nil
	}
	if allDigits(l.secret) {
		return u.locateTyped(l)
	}
	return u.locateLink(l)
}

// locateTyped finds the Classic login of this browser whose page let somebody type a code.
func (u *pages) locateTyped(l *landing) error {
	l.refusal = login.ErrWrongCode
	t, err := u.loginOf(l, l.params.Get("state"))
	switch {
	case apierr.KindOf(err) == apierr.NotFound, errors.Is(err, transaction.ErrForeignBrowser):
		return nil
	case err != nil:
		return err
	case !t.Classic || t.Request.ClientID != l.view.Client.ID:
		return nil
	}
	l.adopt(t)
	l.place = own
	if !t.FinishedAt.IsZero() {
		l.place = finished
	}
	return nil
}

// locateLink finds the link, and the login it belongs to.
func (u *pages) locateLink(l *landing) error {
	var err error
	l.link, err = u.Logins.Look(l.r.Context(), u.entry(l.visit), l.params.Get("email"), l.secret, func(name string) (string, bool) {
		return l.params.Get(name), l.params.Has(name)
	})
	if err != nil && apierr.KindOf(err) != apierr.Unauthorized {
		return err
	}
	l.refusal = err
	switch {
	case err != nil && l.link.State == "":
		return nil
	case l.link.State != "":
		return u.locateLogin(l)
	}
	l.request = l.link.Request
	l.place = anywhere
	if l.site.Tenant.Settings.LinksElsewhere() == tenant.ElsewhereRefused {
		l.place = elsewhere
	}
	return nil
}

// locateLogin says where the login of a hosted page's link can go on.
func (u *pages) locateLogin(l *landing) error {
	t, err := u.loginOf(l, l.link.State)
	foreign := errors.Is(err, transaction.ErrForeignBrowser)
	switch {
	case apierr.KindOf(err) == apierr.NotFound:
		l.refusal = login.ErrExpiredCode
		return nil
	case err != nil && !foreign:
		return err
	}
	l.adopt(t)
	switch {
	case !foreign && !t.FinishedAt.IsZero() && t.Proof != nil && !t.Refused:
		l.place = finished
	case !foreign && t.FinishedAt.IsZero() && t.Proof != nil:
		l.place = own // it was taken a moment ago, by the same click
	case l.refusal != nil:
	case !t.FinishedAt.IsZero(), t.ChallengeID != l.link.ChallengeID:
		l.refusal = login.ErrWrongCode
	case t.Exhausted():
		l.refusal = login.ErrTooManyAttempts
	case !foreign:
		l.place = own
	case l.site.Tenant.Settings.LinksElsewhere() == tenant.ElsewhereAllowed:
		l.place, l.request = anywhere, &t.Request
	case l.link.Classic:
		l.place = elsewhere
	default:
		l.place = other
	}
	return nil
}

// loginOf opens a login with what this browser has to show for it.
func (u *pages) loginOf(l *landing, state string) (*transaction.Transaction, error) {
	binding, _ := httpx.CookiesOf(l.r).Own(l.r, page.BindingCookie(state))
	return u.Transactions.Open(l.r.Context(), l.site.Tenant.ID, state, binding)
}

// adopt makes the visit one of a login.
func (l *landing) adopt(t *transaction.Transaction) {
	l.tx = t
	l.shell.Opener = t.Request.ResponseMode == "web_message"
}

// showLanding shows what the link is. A page submits itself in the browser of its login alone, and not while it is only
// fetched for later.
func (u *pages) showLanding(l *landing, status int) {
	switch l.place {
	case own:
		u.showRedeem(l, status, l.tx.Request.RedirectURI, RedeemTicket{
			State: l.secret, Own: true, Automatic: l.r.Method != http.MethodPost && !prefetched(l.r), Address: l.address(),
		})
	case anywhere:
		l.shell.TellsOrigin = true
		u.showRedeem(l, status, l.request.RedirectURI, RedeemTicket{State: l.secret, Address: l.address()})
	case other:
		if l.link.Approved {
			u.linkNotice(l, status, page.Good, "approvedTitle", "approvedText")
			return
		}
		l.render(status, u.confirmPage(l))
	case elsewhere:
		u.refuseLanding(l, status, "passwordless-no-session")
	case finished:
		u.linkNotice(l, status, page.Good, "doneTitle", "doneText")
	case nowhere:
		u.refuseLanding(l, http.StatusBadRequest, refusalKey(l.refusal))
	}
}

func (u *pages) showRedeem(l *landing, status int, callback string, p RedeemTicket) {
	l.shell.Return = callback
	l.render(status, p)
}

// address is whose address the link proves, as the page shows it.
func (l *landing) address() string {
	if l.link.Address != "" {
		return l.link.Address
	}
	return l.tx.Identifier
}

// confirmPage asks for the number that the login's own screen shows.
func (u *pages) confirmPage(l *landing) ConfirmLink {
	agent := useragent.Parse(l.link.UserAgent)
	return ConfirmLink{
		State: l.secret, Browser: agent.Browser, System: agent.OS, Ago: u.Clock.Now().Sub(l.link.StartedAt),
		StartOver: u.loginRoute(l.visit, l.view.Client.ID),
	}
}

// refusalKey is the first part of the keys of the texts about a link that does not work.
func refusalKey(refusal error) string {
	switch {
	case errors.Is(refusal, login.ErrUsedLink):
		return "used"
	case errors.Is(refusal, login.ErrExpiredCode):
		return "expired"
	case errors.Is(refusal, login.ErrTooManyAttempts):
		return "tooMany"
	}
	return "invalid"
}

// refuseLanding says that the link does nothing here, and where to start over.
func (u *pages) refuseLanding(l *landing, status int, key string) {
	httpx.Note(l.r.Context(), httpx.FieldOutcome, key)
	title, text := key+"Title", key+"Text"
	if key == "passwordless-no-session" {
		title, text = key+"-title", key
	}
	u.linkNotice(l, status, page.Bad, title, text)
}

// linkNotice shows a page of the status screen that asks for nothing.
func (u *pages) linkNotice(l *landing, status int, mood page.Mood, title, text string) {
	n := page.Notice{Prompt: "status", Screen: "status", Mood: mood, Title: title, Texts: []string{text}}
	if mood == page.Bad {
		clientID := ""
		if l.view.Client != nil {
			clientID = l.view.Client.ID
		}
		n.LinkURL, n.LinkText = u.loginRoute(l.visit, clientID), "passwordless-no-session-link"
		if n.LinkURL == "" {
			n.Texts = append(n.Texts, "startOverText")
		}
	}
	if err := l.shell.WriteNotice(l.w, status, n); err != nil {
		httpx.Fail(l.r.Context(), err)
	}
}

// takeLanding does what the page of a link offers.
func (u *pages) takeLanding(l *landing) {
	switch l.place {
	case own:
		u.redeem(l)
	case other:
		u.answerNumber(l)
	case anywhere:
		if !saysSameSite(l.r, l.site) { // no browser is bound to the link: another site could have sent the form
			u.failed(l.visit, http.StatusForbidden, "invalid_request", "The form was not sent from this site.")
			return
		}
		u.follow(l)
	case nowhere, elsewhere, finished:
		u.showLanding(l, http.StatusOK)
	}
}

// redeem goes on with the login of this browser. Of two clicks the second goes the same way.
func (u *pages) redeem(l *landing) {
	entry := u.entry(l.visit)
	err := u.take(l, entry)
	if err != nil && !errors.Is(err, transaction.ErrMoved) && apierr.KindOf(err) != apierr.Unauthorized {
		u.trouble(l.visit, err)
		return
	}
	if err != nil {
		refusal := err
		if err := u.locate(l); err != nil {
			u.trouble(l.visit, err)
			return
		}
		if l.place == nowhere || (l.place == own && l.tx.Proof == nil && l.tx.Failure == nil) {
			l.place = nowhere
			if l.refusal == nil {
				l.refusal = refusal
			}
			u.showLanding(l, http.StatusBadRequest)
			return
		}
		if l.place == finished {
			u.showLanding(l, http.StatusOK)
			return
		}
	} else if err := u.remember(l.visit, entry); err != nil {
		u.trouble(l.visit, err)
		return
	}
	l.redirect(pathResume)
}

// take takes the link or the typed code.
func (u *pages) take(l *landing, entry authn.Entry) error {
	switch {
	case l.tx.Proof != nil:
		return transaction.ErrMoved
	case !allDigits(l.secret):
		return u.Logins.TakeLink(l.r.Context(), entry, l.tx, l.link)
	}
	err := u.takeTyped(l, entry)
	if err == nil || apierr.KindOf(err) != apierr.Unauthorized {
		return err
	}
	httpx.Note(l.r.Context(), httpx.FieldOutcome, apierr.As(err).Code)
	failed := u.Logins.Fail(l.r.Context(), l.site.Tenant.ID, l.tx, transaction.Failure{
		Code: failureCode, Description: failureText(err, entry.Connection),
	})
	if failed != nil {
		return failed
	}
	return transaction.ErrMoved // the application is told when the login is resumed
}

// takeTyped takes a code that was typed on a Classic page and checked there a moment ago. What the page was given to send
// along has to come back, and address and connection have to be the login's.
func (u *pages) takeTyped(l *landing, entry authn.Entry) error {
	given := l.params.Get("email")
	if entry.Connection.Strategy == connection.SMS {
		given = l.params.Get("phone_number")
	}
	canonical, err := entry.Connection.Canonical(given, "")
	if err != nil || canonical != l.tx.Canonical || entry.Connection.Name != l.tx.Connection || !csrfFits(l) {
		return login.ErrWrongCode
	}
	return u.Logins.TakeChecked(l.r.Context(), entry, l.tx, l.secret)
}

// csrfFits compares what a Classic page sends with its cookie. Pages that were given none have none to send.
func csrfFits(l *landing) bool {
	kept, ok := httpx.CookiesOf(l.r).Own(l.r, page.CSRFCookie)
	return !ok || subtle.ConstantTimeCompare([]byte(kept), []byte(l.params.Get("_csrf"))) == 1
}

func failureText(err error, c *connection.Connection) string {
	switch {
	case errors.Is(err, login.ErrExpiredCode):
		return failureExpired
	case errors.Is(err, login.ErrTooManyAttempts):
		return failureTooMany
	case c.Strategy == connection.SMS:
		return failureWrongNumber
	}
	return failureWrongEmail
}

// answerNumber takes the number of the first screen, or the word that the reader did not ask for the link.
func (u *pages) answerNumber(l *landing) {
	ctx, entry := l.r.Context(), u.entry(l.visit)
	if l.form.Get("action") == ActionDeny {
		if err := u.Logins.Deny(ctx, entry, l.link); err != nil {
			u.trouble(l.visit, err)
			return
		}
		httpx.Note(ctx, httpx.FieldOutcome, "denied")
		u.linkNotice(l, http.StatusOK, page.Plain, "deniedTitle", "deniedText")
		return
	}
	if l.link.Approved {
		u.showLanding(l, http.StatusBadRequest)
		return
	}
	number := l.form.Trimmed("number")
	if number == "" {
		u.refuseNumber(l, "no-number")
		return
	}
	err := u.Logins.Approve(ctx, entry, l.link, number)
	switch {
	case err == nil:
		httpx.Note(ctx, httpx.FieldOutcome, "approved")
		u.linkNotice(l, http.StatusOK, page.Good, "approvedTitle", "approvedText")
	case errors.Is(err, login.ErrWrongNumber):
		u.refuseNumber(l, "wrong-number")
	case errors.Is(err, login.ErrTooManyAttempts):
		u.refuseLanding(l, http.StatusBadRequest, "wrongNumber")
	case apierr.KindOf(err) == apierr.Unauthorized:
		u.again(l, err)
	case apierr.KindOf(err) == apierr.TooMany:
		u.throttled(l.visit, err)
	default:
		u.trouble(l.visit, err)
	}
}

func (u *pages) refuseNumber(l *landing, code string) {
	httpx.Note(l.r.Context(), httpx.FieldOutcome, code)
	p := u.confirmPage(l)
	p.Errors = Errors{"number": code}
	l.render(http.StatusBadRequest, p)
}

// again looks at the link once more after it was refused: somebody else may have been faster.
func (u *pages) again(l *landing, refusal error) {
	l.place = nowhere
	if err := u.locate(l); err != nil {
		u.trouble(l.visit, err)
		return
	}
	if l.place != other || !l.link.Approved {
		l.place = nowhere
	}
	if l.refusal == nil {
		l.refusal = refusal
	}
	u.showLanding(l, http.StatusBadRequest)
}

// follow logs in by a link that belongs to no browser. The login is a new one of this browser. Unless the tenant says so, it
// leaves no session: whoever opened the link may have been sent it by somebody else.
func (u *pages) follow(l *landing) {
	session := l.site.Tenant.Settings.LinksElsewhere() == tenant.ElsewhereAllowed
	t, browser, err := u.Logins.FollowLink(l.r.Context(), u.entry(l.visit), l.link, *l.request, session)
	switch {
	case err == nil:
	case errors.Is(err, login.ErrCallback):
		u.failed(l.visit, http.StatusForbidden, "unauthorized_client", apierr.As(err).Message)
		return
	case apierr.KindOf(err) == apierr.Unauthorized:
		u.again(l, err)
		return
	default:
		u.trouble(l.visit, err)
		return
	}
	l.tx = t
	httpx.CookiesOf(l.r).SetOwn(l.w, page.BindingCookie(t.State()), browser, transaction.Life)
	l.redirect(pathResume)
}

// prefetched reports whether a page is fetched for later and not yet shown (Sec-Purpose in the Fetch standard; Purpose and
// X-Moz are what older browsers send).
func prefetched(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if v := r.Header.Get(name); strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// RedeemTicket is the page of a link that logs in here: with a button, which is pressed by script where the login was begun
// in this browser. The state is the link's secret.
type RedeemTicket struct {
	State     string
	Own       bool // the login was begun in this browser
	Automatic bool // the page submits itself
	Address   string
}

func (v RedeemTicket) view() view {
	return view{prompt: "common", screen: "redeem-ticket", state: v.State}
}

// ConfirmLink asks whoever opened a link in another browser than that of its login for the number that the login shows.
// Field: number. Actions: default, deny. The state is the link's secret.
type ConfirmLink struct {
	State           string
	Browser, System string // that asked for the link; empty where they have no name
	Ago             time.Duration
	StartOver       string // where a new login begins; empty where that is not known
	Errors          Errors
}

func (v ConfirmLink) view() view {
	return view{prompt: "status", screen: "status", state: v.State, errors: v.Errors}
}

// Asked gives the browser and system of whoever asked for a link, in words.
func (s screen) Asked() string {
	v, _ := s.V.(ConfirmLink)
	key := "askedWithText"
	switch {
	case v.Browser == "" && v.System == "":
		key = "askedWithUnknownText"
	case v.Browser == "":
		return v.System
	case v.System == "":
		return v.Browser
	}
	return s.text(key, map[string]string{"browser": v.Browser, "system": v.System}).String()
}

// AskedAgo gives how long ago that was, in words.
func (s screen) AskedAgo() string {
	v, _ := s.V.(ConfirmLink)
	minutes := int(v.Ago / time.Minute)
	switch {
	case minutes < 1:
		return s.Attr("askedNowText")
	case minutes < 60:
		return s.texts.Count(s.prompt, s.ID, "askedMinutesText", "minutes", minutes, s.vars).String()
	}
	return s.texts.Count(s.prompt, s.ID, "askedHoursText", "hours", minutes/60, s.vars).String()
}
