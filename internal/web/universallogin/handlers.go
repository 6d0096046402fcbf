package universallogin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/login"
	"latchkey/internal/oauth"
	"latchkey/internal/protect"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/ticket"
	"latchkey/internal/transaction"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// pathResume is where a transaction goes when its pages have nothing more to ask.
const pathResume = "/authorize/resume"

// DeviceCookie is the name, without prefix, of our cookie by which a browser is known where a person proved an address;
// DeviceLife is how long after the last proof.
const (
	DeviceCookie = "kd"
	DeviceLife   = 365 * 24 * time.Hour
)

// Config is what Register needs.
type Config struct {
	OAuth        *oauth.Server
	Logins       *login.Logins
	Transactions *transaction.Transactions
	Clients      client.Store
	Tickets      *ticket.Tickets
	Looks        branding.Store
	Guard        *protect.Guard
	Clock        clock.Clock
	// SessionCookie is the name of the browser's session cookie.
	SessionCookie string
	// InboxURL is the development inbox; empty where there is none.
	InboxURL string
	// Development marks pages as those of a development server.
	Development bool
}

// Register adds the routes of the hosted pages. GET shows and changes nothing; POST submits. A HEAD is a GET.
func Register(mux *httpx.Mux, c Config) {
	u := &pages{c}
	for path, screen := range map[string]struct {
		steps []transaction.Step // where the transaction must be
		show  func(*visit)
		take  func(*visit)
		limit protect.Limit
	}{
		PathLoginID:              {identifying, u.showLogin, u.takeIdentifier, protect.PromptPosts},
		PathSignupID:             {identifying, u.showSignup, u.takeIdentifier, protect.PromptPosts},
		PathEmailCode:            {challenging, u.showCode, u.takeCode, protect.ChallengePosts},
		PathEmailLink:            {challenging, u.showCode, u.takeCode, protect.ChallengePosts},
		PathTextCode:             {challenging, u.showCode, u.takeCode, protect.ChallengePosts},
		PathConsent:              {[]transaction.Step{transaction.Consent}, u.showConsent, u.takeAnswer(transaction.Consent), protect.PromptPosts},
		PathCallbackConfirmation: {[]transaction.Step{transaction.Confirm}, u.showConfirmation, u.takeAnswer(transaction.Confirm), protect.PromptPosts},
		PathAccountPicker:        {[]transaction.Step{transaction.PickAccount}, u.showPicker, u.takeAnswer(transaction.PickAccount), protect.PromptPosts},
	} {
		mux.HandleFunc("GET "+path, u.open(screen.steps, nil, screen.show))
		mux.HandleFunc("POST "+path, u.open(screen.steps, &screen.limit, screen.take))
	}
	mux.HandleFunc("GET "+PathLinkStatus, u.linkStatus)
	for _, path := range []string{login.LinkPath, pathLinkAlias} {
		mux.HandleFunc("GET "+path, u.landing)
		mux.HandleFunc("POST "+path, u.landing)
	}
	mux.HandleFunc("GET "+PathEmailVerification, u.verification(u.showVerification))
	mux.HandleFunc("POST "+PathEmailVerification, u.verification(u.takeVerification))
	mux.HandleFunc("GET "+PathLogout, u.showLogout)
	mux.HandleFunc("POST "+PathLogout, u.takeLogout)
	mux.HandleFunc("GET /u/login", u.restart)
	mux.Handle("GET /u/assets/", page.Assets())
}

// identifying are the steps at which the identifier may be typed: going back from the code to it is always allowed.
var identifying = []transaction.Step{transaction.Identify, transaction.Challenge}

// challenging is the step at which a code may be typed, on the page of its kind alone.
var challenging = []transaction.Step{transaction.Challenge}

// PageOf gives the path of the page for a step of a transaction; steps that need none go to where the transaction is
// resumed.
func PageOf(step transaction.Step, t *transaction.Transaction) string {
	switch step {
	case transaction.Identify:
		if t.Kind == transaction.Signup {
			return PathSignupID
		}
		return PathLoginID
	case transaction.Challenge:
		switch {
		case t.Strategy == connection.SMS:
			return PathTextCode
		case onlyLink(t.Send):
			return PathEmailLink
		}
		return PathEmailCode
	case transaction.Consent:
		return PathConsent
	case transaction.Confirm:
		return PathCallbackConfirmation
	case transaction.PickAccount:
		return PathAccountPicker
	case transaction.Finish, transaction.Declined:
	}
	return pathResume
}

// AddressOf gives the address of that page, its state included.
func AddressOf(step transaction.Step, t *transaction.Transaction) string {
	return Address(PageOf(step, t), t.State())
}

type pages struct {
	Config
}

// visit is one request to a page of a live transaction.
type visit struct {
	w     http.ResponseWriter
	r     *http.Request
	site  tenant.Site
	tx    *transaction.Transaction
	view  oauth.View
	form  httpx.Params // of a POST
	shell page.Shell
}

// entry is who comes to the door in this request.
func (u *pages) entry(v *visit) authn.Entry {
	origin := httpx.OriginOf(v.r)
	origin.Language = v.shell.Texts.Tag() // messages speak the language of the page
	cookie, _ := httpx.CookiesOf(v.r).Own(v.r, DeviceCookie)
	return authn.Entry{
		Site: v.site, Client: v.view.Client, Connection: v.view.Connection, Origin: origin,
		Device: u.Logins.Device(v.site.Tenant.ID, cookie),
	}
}

// open finds the transaction of a request and hands it on where the page may be shown. Limit is asked for a POST.
func (u *pages) open(steps []transaction.Step, limit *protect.Limit, handle func(*visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		v := &visit{w: w, r: r, site: httpx.Site(ctx)}
		v.shell = u.shell(r, "")
		ip := httpx.ClientAddr(ctx).String()
		if _, err := u.Guard.Count(v.site.Tenant.ID, ip, protect.Ask{Limit: protect.PagesPerIP, Subject: protect.Network(ip)}); err != nil {
			u.throttled(v, err)
			return
		}
		if limit != nil && !sameSite(r, v.site) {
			u.failed(v, http.StatusForbidden, "invalid_request", "The form was not sent from this site.")
			return
		}
		state := r.URL.Query().Get("state")
		if limit != nil {
			var err error
			if v.form, err = httpx.ReadBody(w, r, httpx.MaxBody); err != nil {
				u.failed(v, httpx.Status(err), "invalid_request", apierr.As(err).Message)
				return
			}
			if given := v.form.Get("state"); given != "" && given != state {
				u.failed(v, http.StatusBadRequest, "invalid_request", "The form belongs to another login.")
				return
			}
		}
		if !u.find(v, state) {
			return
		}
		answer := handle
		if limit != nil && u.changesLanguage(v) {
			answer = u.showFor(r.URL.Path)
		} else if limit != nil {
			ask := protect.Ask{Limit: *limit, Subject: protect.Network(ip) + "|" + v.tx.ID}
			if _, err := u.Guard.Count(v.site.Tenant.ID, ip, ask); err != nil {
				u.tooFast(v, err)
				return
			}
		}
		if v.tx.Classic && allowed(identifying, v.view.Step) {
			v.redirect(pathClassic)
			return
		}
		if current := PageOf(v.view.Step, v.tx); !allowed(steps, v.view.Step) || (len(steps) == 1 && r.URL.Path != current) {
			v.redirect(current)
			return
		}
		answer(v)
	}
}

func allowed(steps []transaction.Step, step transaction.Step) bool {
	for _, s := range steps {
		if s == step {
			return true
		}
	}
	return false
}

// sameSite refuses forms that another site sent (Fetch Metadata; RFC 6454). A client that says nothing of the sort has the
// state and its cookie to show.
func sameSite(r *http.Request, site tenant.Site) bool {
	if s := r.Header.Get("Sec-Fetch-Site"); s != "" {
		return s == "same-origin" || s == "none"
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "null" || isOrigin(origin, r, site) // browsers say null where the page sends no referrer, as ours do
}

// saysSameSite refuses also what does not say where it was sent from: where there is no cookie to show for a form.
func saysSameSite(r *http.Request, site tenant.Site) bool {
	if r.Header.Get("Sec-Fetch-Site") != "" {
		return sameSite(r, site)
	}
	return isOrigin(r.Header.Get("Origin"), r, site)
}

func isOrigin(origin string, r *http.Request, site tenant.Site) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host) && (u.Scheme == "https") == site.Secure()
}

// find opens the transaction and asks where it stands. It answers itself when there is nothing to go on with.
func (u *pages) find(v *visit, state string) bool {
	ctx := v.r.Context()
	binding, _ := httpx.CookiesOf(v.r).Own(v.r, page.BindingCookie(state))
	tx, err := u.Transactions.Open(ctx, v.site.Tenant.ID, state, binding)
	switch {
	case errors.Is(err, transaction.ErrForeignBrowser) && tx.FinishedAt.IsZero():
		u.startOver(v, tx, http.StatusForbidden, page.NoCookies)
		return false
	case errors.Is(err, transaction.ErrUnknown), errors.Is(err, transaction.ErrExpired):
		u.startOver(v, tx, http.StatusNotFound, page.Expired)
		return false
	case err != nil && !errors.Is(err, transaction.ErrForeignBrowser):
		u.trouble(v, err)
		return false
	case !tx.FinishedAt.IsZero() && tx.Send.Links() && tx.Proof != nil && !tx.Refused:
		u.loggedIn(v)
		return false
	case !tx.FinishedAt.IsZero():
		u.startOver(v, tx, http.StatusOK, page.Done)
		return false
	}
	v.tx = tx
	v.shell = u.shell(v.r, tx.Request.UILocales)
	v.shell.Return = tx.Request.RedirectURI
	v.shell.Opener = tx.Request.ResponseMode == "web_message"
	if v.view, err = u.OAuth.Peek(ctx, v.site, tx, u.browser(v.r)); err != nil {
		u.trouble(v, err)
		return false
	}
	v.shell.Client = v.view.Client.Name
	httpx.Note(ctx, httpx.FieldClientID, v.view.Client.ID)
	if tx.Exhausted() {
		u.startOver(v, tx, http.StatusBadRequest, page.Exhausted)
		return false
	}
	return true
}

func (u *pages) browser(r *http.Request) oauth.Browser {
	value, _ := httpx.CookiesOf(r).Shared(r, u.SessionCookie)
	return oauth.Browser{Session: session.Secret(value), Origin: httpx.OriginOf(r)}
}

func (u *pages) shell(r *http.Request, uiLocales string) page.Shell {
	chosen, _ := httpx.CookiesOf(r).Own(r, page.LanguageCookie)
	return u.shellIn(r, chosen, uiLocales)
}

// shellIn is shell for a language that was chosen just now. A page is shown also where the tenant's look cannot be read.
func (u *pages) shellIn(r *http.Request, chosen, uiLocales string) page.Shell {
	site := httpx.Site(r.Context())
	looks, err := u.Looks.PageConfig(r.Context(), site.Tenant.ID)
	if err != nil {
		httpx.Fail(r.Context(), err)
	}
	shell := page.ForSite(site, looks, r, chosen, uiLocales)
	shell.Development = u.Development
	return shell
}

// changesLanguage takes the language that a person chose on the page and reports whether that was all the form wanted.
func (u *pages) changesLanguage(v *visit) bool {
	language := v.form.Get("language")
	if language == "" {
		return false
	}
	for _, tag := range v.shell.Languages {
		if tag == language {
			httpx.CookiesOf(v.r).SetOwn(v.w, page.LanguageCookie, language, 0)
			v.shell.Texts = u.shellIn(v.r, language, "").Texts
		}
	}
	return v.form.Get("action") == ActionChangeLanguage
}

// showFor gives the function that shows the page at a path.
func (u *pages) showFor(path string) func(*visit) {
	return map[string]func(*visit){
		PathLoginID: u.showLogin, PathSignupID: u.showSignup, PathEmailCode: u.showCode, PathEmailLink: u.showCode, PathTextCode: u.showCode,
		PathConsent: u.showConsent, PathCallbackConfirmation: u.showConfirmation, PathAccountPicker: u.showPicker,
	}[path]
}

// redirect sends the browser to another page of the transaction.
func (v *visit) redirect(path string) {
	httpx.NoStore(v.w.Header())
	v.w.Header().Set("Location", Address(path, v.tx.State()))
	v.w.WriteHeader(http.StatusFound)
}

func (v *visit) render(status int, view View) {
	if err := Render(v.w, status, v.shell, view); err != nil {
		httpx.Fail(v.r.Context(), err)
	}
}

// ask says how the connection that drives the login knows people.
func (v *visit) ask() Ask {
	a := Ask{Phone: v.view.Connection.Strategy == connection.SMS}
	if a.Phone {
		a.Region = regionOf(v)
	}
	if v.view.Other != nil {
		a.Other = v.view.Other.Name
	}
	return a
}

// typed is what was submitted in the first of the fields that has something.
func (v *visit) typed(fields ...string) string {
	for _, field := range fields {
		if text := v.form.Trimmed(field); text != "" {
			return text
		}
	}
	return ""
}

// known is what stands in the field where people say who they are: what was submitted, what this login was given before, or
// the client's hint where it is of the kind that is asked for.
func (v *visit) known(typed string) string {
	hint := v.tx.Request.LoginHint
	if _, err := contact.Phone(hint, regionOf(v)); (err == nil) != (v.view.Connection.Strategy == connection.SMS) {
		hint = ""
	}
	return cmp.Or(typed, v.tx.Identifier, hint)
}

// Names of the fields in which people say who they are; the last is that of forms with a field for the country.
var (
	loginFields  = []string{"username", "identifier_phone"}
	signupFields = map[bool][]string{false: {"email"}, true: {"phone", "phone_number", "identifier_phone"}}
)

func (u *pages) showLogin(v *visit) {
	v.render(http.StatusOK, u.loginPage(v, nil))
}

func (u *pages) loginPage(v *visit, wrong Errors) View {
	return LoginID{Ask: v.ask(), State: v.tx.State(), Username: v.known(v.typed(loginFields...)), Signup: true, Errors: wrong}
}

func (u *pages) showSignup(v *visit) {
	v.render(http.StatusOK, u.signupPage(v, nil))
}

func (u *pages) signupPage(v *visit, wrong Errors) View {
	ask := v.ask()
	return SignupID{Ask: ask, State: v.tx.State(), Address: v.known(v.typed(signupFields[ask.Phone]...)), Errors: wrong}
}

// takeIdentifier starts a code for the address or number that was typed, on either path.
func (u *pages) takeIdentifier(v *visit) {
	if v.form.Get("connection") != "" {
		u.switchConnection(v)
		return
	}
	ask := v.ask()
	v.tx.Kind = transaction.Login
	fields := loginFields
	if v.r.URL.Path == PathSignupID {
		v.tx.Kind, fields = transaction.Signup, signupFields[ask.Phone]
	}
	typed := v.typed(fields...)
	if typed == "" && ask.Phone {
		u.refuseIdentifier(v, "no-phone")
		return
	}
	if typed == "" {
		u.refuseIdentifier(v, "no-email")
		return
	}
	err := u.Logins.StartOnPage(v.r.Context(), u.entry(v), v.tx, typed, ask.Region)
	var early *login.ErrTooEarly
	switch {
	case err == nil, errors.Is(err, transaction.ErrMoved):
		v.redirect(PageOf(transaction.Challenge, v.tx))
	case errors.As(err, &early) && v.same(typed, ask.Region):
		v.redirect(PageOf(transaction.Challenge, v.tx)) // the code that was sent is still good
	case errors.As(err, &early):
		v.shell.State = v.tx.State()
		wait := time.Duration(0)
		if !early.When.IsZero() {
			wait = early.When.Sub(u.Clock.Now())
		}
		_ = v.shell.WriteThrottled(v.w, "too-many-otps", wait)
	case errors.Is(err, login.ErrEmail):
		u.refuseIdentifier(v, "invalid-email-format")
	case errors.Is(err, login.ErrPhone):
		u.refuseIdentifier(v, "invalid-phone-number")
	case errors.Is(err, login.ErrProvider):
		u.notSent(v, err)
	default:
		u.trouble(v, err)
	}
}

// same reports whether what was typed is the address that the login's code was sent to.
func (v *visit) same(typed, region string) bool {
	canonical, err := v.view.Connection.Canonical(typed, region)
	return err == nil && canonical == v.tx.Canonical
}

// refuseIdentifier says what is wrong with what was typed.
func (u *pages) refuseIdentifier(v *visit, code string) {
	field := "username"
	if v.r.URL.Path == PathSignupID {
		field = signupField(v.ask().Phone)
	}
	u.refuse(v, field, code)
}

// refuse shows the page that the form came from again, with what is wrong with a field, or with all where none is named.
func (u *pages) refuse(v *visit, field, code string) {
	httpx.Note(v.r.Context(), httpx.FieldOutcome, code)
	wrong := Errors{field: code}
	switch v.r.URL.Path {
	case PathLoginID:
		v.render(http.StatusBadRequest, u.loginPage(v, wrong))
	case PathSignupID:
		v.render(http.StatusBadRequest, u.signupPage(v, wrong))
	default:
		p := u.codePage(v)
		p.Errors = wrong
		v.render(http.StatusBadRequest, p)
	}
}

// switchConnection lets the connection that the form names drive the login, where the person may choose it.
func (u *pages) switchConnection(v *visit) {
	switch name := v.form.Get("connection"); {
	case name == v.tx.Connection: // the form was sent twice
	case v.view.Other == nil || name != v.view.Other.Name:
		u.refuse(v, "", "invalid-connection")
		return
	default:
		err := u.Logins.Switch(v.r.Context(), v.site.Tenant.ID, v.tx, v.view.Other)
		if err != nil && !errors.Is(err, transaction.ErrMoved) {
			u.trouble(v, err)
			return
		}
	}
	if path := v.r.URL.Path; path == PathLoginID || path == PathSignupID {
		v.redirect(path)
		return
	}
	v.redirect(PageOf(transaction.Identify, v.tx))
}

// justNow is how long after a resend the page says that a new code was sent.
const justNow = 15 * time.Second

// codePage is the page that asks for the code, as the transaction stands now.
func (u *pages) codePage(v *visit) Code {
	now := u.Clock.Now()
	p := Code{
		State: v.tx.State(), Address: v.tx.Identifier, Length: v.view.Connection.CodeLength(),
		Signup: v.tx.Kind == transaction.Signup, InboxURL: u.InboxURL, Link: u.awaited(v),
	}
	if v.view.Connection.Strategy == connection.SMS {
		p.Phone, p.Address = true, contact.ShowPhone(v.tx.Canonical)
	}
	at, ok := v.tx.ResendAt()
	p.LimitReached = !ok
	if ok && at.After(now) {
		p.Wait = at.Sub(now)
	}
	return p
}

func (u *pages) showCode(v *visit) {
	p := u.codePage(v)
	p.Resent = v.tx.Sends > 1 && u.Clock.Now().Sub(v.tx.SentAt) < justNow
	v.render(http.StatusOK, p)
}

// takeCode takes the code, or sends another one.
func (u *pages) takeCode(v *visit) {
	switch v.form.Get("action") {
	case ActionResend, "resend-code":
		u.resend(v)
		return
	case ActionContinue:
		u.goOn(v)
		return
	}
	if v.form.Get("connection") != "" && v.form.Get("code") == "" {
		u.switchConnection(v)
		return
	}
	if onlyLink(v.tx.Send) {
		u.goOn(v)
		return
	}
	code := strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(v.form.Trimmed("code"))
	if code == "" {
		u.refuse(v, "code", "no-code")
		return
	}
	entry := u.entry(v)
	err := u.Logins.TakeCode(v.r.Context(), entry, v.tx, code)
	if wrong := codeError(err); wrong != "" {
		if v.tx.Exhausted() {
			u.startOver(v, v.tx, http.StatusBadRequest, page.Exhausted)
			return
		}
		u.refuse(v, "code", wrong)
		return
	}
	if err == nil {
		err = u.remember(v, entry)
	}
	if err != nil && !errors.Is(err, transaction.ErrMoved) {
		u.trouble(v, err)
		return
	}
	v.redirect(pathResume)
}

// remember notes in the browser that the login's address was proven in it.
func (u *pages) remember(v *visit, entry authn.Entry) error {
	cookie, err := u.Logins.Remember(entry, v.tx)
	if err != nil {
		return err
	}
	httpx.CookiesOf(v.r).SetOwn(v.w, DeviceCookie, cookie, DeviceLife)
	return nil
}

// codeError gives the error of the page for a refused code, or nothing.
func codeError(err error) string {
	switch {
	case errors.Is(err, login.ErrWrongCode):
		return "invalid-verification-code"
	case errors.Is(err, login.ErrExpiredCode):
		return "expired-verification-code"
	case errors.Is(err, login.ErrTooManyAttempts):
		return "too-many-failures"
	}
	return ""
}

func (u *pages) resend(v *visit) {
	err := u.Logins.StartOnPage(v.r.Context(), u.entry(v), v.tx, v.tx.Identifier, v.tx.Region)
	var early *login.ErrTooEarly
	switch {
	case err == nil, errors.Is(err, transaction.ErrMoved):
		v.redirect(PageOf(transaction.Challenge, v.tx))
	case errors.As(err, &early):
		p := u.codePage(v)
		p.TooEarly = true
		retryAfter(v.w, p.Wait)
		v.render(http.StatusTooManyRequests, p)
	case errors.Is(err, login.ErrProvider):
		u.notSent(v, err)
	default:
		u.trouble(v, err)
	}
}

// notSent says that a message could not be sent. Why is for the operator: the provider's words tell of the tenant's account
// there.
func (u *pages) notSent(v *visit, err error) {
	httpx.Fail(v.r.Context(), err)
	u.refuse(v, "", "passwordless-authenticator-error")
}

// retryAfter tells how long to wait, in whole seconds; nothing when no time is known.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
}
