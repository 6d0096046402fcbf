package universallogin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/protect"
	"latchkey/internal/ticket"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/page"
)

// What the address behind a verification link is told (Auth0 docs, "Customize Email Templates", "Redirect To").
const (
	messageVerified = "Your email was verified. You can continue using the application."
	messageUsed     = "This URL can be used only once"
	messageExpired  = "Access expired."
	messageAlready  = "This account is already verified."
)

// linked is a visit by way of a verification link.
type linked struct {
	*visit
	secret  string
	ticket  *ticket.Ticket // nil where the link is nobody's
	refusal error          // why it does not work; nil when it does
	client  *client.Client // that the ticket names; may be nil
}

// verification finds the ticket of a request and hands it on. The link belongs to no login and needs no cookie: people open
// their mail where they like.
func (u *pages) verification(handle func(linked)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		v := &visit{w: w, r: r, site: httpx.Site(ctx)}
		v.shell = u.shell(r, "")
		l := linked{visit: v, secret: r.URL.Query().Get("ticket")}
		if !u.admit(l) {
			return
		}
		l.ticket, l.refusal = u.Tickets.Open(ctx, v.site.Tenant.ID, ticket.Secret(l.secret))
		if l.ticket != nil {
			l.shell.Return = l.ticket.ResultURL
			httpx.Note(ctx, httpx.FieldUserID, l.ticket.UserID)
		}
		if l.ticket != nil && l.ticket.ClientID != "" {
			c, err := u.Clients.Client(ctx, v.site.Tenant.ID, l.ticket.ClientID)
			if err != nil && !errors.Is(err, client.ErrNotFound) {
				u.trouble(v, err)
				return
			}
			if err == nil {
				l.client, l.shell.Client = c, c.Name
			}
		}
		handle(l)
	}
}

// admit applies the limits and reads the form of a POST. It answers itself when it refuses.
func (u *pages) admit(l linked) bool {
	ctx, tenantID := l.r.Context(), l.site.Tenant.ID
	ip := httpx.ClientAddr(ctx).String()
	if _, err := u.Guard.Count(tenantID, ip, protect.Ask{Limit: protect.PagesPerIP, Subject: protect.Network(ip)}); err != nil {
		u.throttled(l.visit, err)
		return false
	}
	if l.r.Method != http.MethodPost {
		return true
	}
	if !sameSite(l.r, l.site) {
		u.failed(l.visit, http.StatusForbidden, "invalid_request", "The form was not sent from this site.")
		return false
	}
	var err error
	if l.form, err = httpx.ReadBody(l.w, l.r, httpx.MaxBody); err != nil {
		u.failed(l.visit, httpx.Status(err), "invalid_request", apierr.As(err).Message)
		return false
	}
	if given := l.form.Get("state"); given != "" && given != l.secret {
		u.failed(l.visit, http.StatusBadRequest, "invalid_request", "The form belongs to another link.")
		return false
	}
	ask := protect.Ask{Limit: protect.PromptPosts, Subject: protect.Network(ip) + "|" + PathEmailVerification}
	if _, err := u.Guard.Count(tenantID, ip, ask); err != nil {
		u.throttled(l.visit, err)
		return false
	}
	return true
}

// showVerification asks whether the address is the reader's. Scanners open links too, so it changes nothing.
func (u *pages) showVerification(l linked) {
	if l.refusal != nil {
		u.unverified(l, l.refusal)
		return
	}
	l.render(http.StatusOK, EmailVerification{State: l.secret, Email: l.ticket.Email})
}

// takeVerification takes the yes.
func (u *pages) takeVerification(l linked) {
	if u.changesLanguage(l.visit) {
		http.Redirect(l.w, l.r, PathEmailVerification+"?"+url.Values{"ticket": {l.secret}}.Encode(), http.StatusFound)
		return
	}
	done, err := u.Tickets.Verify(l.r.Context(), l.site, ticket.Secret(l.secret), l.client, httpx.OriginOf(l.r))
	if err != nil {
		u.unverified(l, err)
		return
	}
	if done.Ticket.ResultURL != "" {
		c := done.Connection
		answer := []string{
			"supportSignUp", truth(c != nil && !c.Options.DisableSignup),
			"supportForgotPassword", truth(c != nil && hasPasswords(c)),
		}
		if !done.Ticket.HideEmail {
			answer = append(answer, "email", done.Ticket.Email)
		}
		u.leave(l, append(answer, "message", messageVerified, "success", "true", "code", "success")...)
		return
	}
	u.result(l, http.StatusOK, page.Notice{Mood: page.Good, Title: "verifiedTitle", Texts: []string{"verifiedDescription"}})
}

// unverified tells why a link does not work: the address that it was to lead to, else a page of ours.
func (u *pages) unverified(l linked, refusal error) {
	for _, known := range []struct {
		err          error
		status       int
		message, key string
	}{
		{ticket.ErrUsed, http.StatusBadRequest, messageUsed, "auth0-users-used-ticket"},
		{ticket.ErrExpired, http.StatusBadRequest, messageExpired, "auth0-users-expired-ticket"},
		{ticket.ErrVerified, http.StatusOK, messageAlready, "alreadyVerifiedDescription"},
		{ticket.ErrUnknown, http.StatusNotFound, "", "invalidAccountOrCodeDescription"},
	} {
		if !errors.Is(refusal, known.err) {
			continue
		}
		httpx.Note(l.r.Context(), httpx.FieldOutcome, apierr.As(known.err).Code)
		if l.ticket != nil && l.ticket.ResultURL != "" && known.message != "" {
			u.leave(l, "message", known.message, "success", "false")
			return
		}
		n := page.Notice{Mood: page.Bad, Title: "errorTitle", Texts: []string{known.key}}
		if known.status == http.StatusOK {
			n.Mood, n.Title = page.Good, "verifiedTitle"
		}
		u.result(l, known.status, n)
		return
	}
	u.trouble(l.visit, refusal)
}

// result shows a page that ends a verification, with a way on where one is configured.
func (u *pages) result(l linked, status int, n page.Notice) {
	n.Prompt, n.Screen = "email-verification", "email-verification-result"
	clientID := ""
	if l.client != nil {
		clientID = l.client.ID
	}
	n.LinkURL, n.LinkText = u.loginRoute(l.visit, clientID), "buttonText"
	if err := l.shell.WriteNotice(l.w, status, n); err != nil {
		httpx.Fail(l.r.Context(), err)
	}
}

// leave sends the browser to the ticket's address, with pairs of names and values before its fragment (RFC 3986).
func (u *pages) leave(l linked, pairs ...string) {
	target, err := url.Parse(l.ticket.ResultURL)
	if err != nil {
		u.trouble(l.visit, err)
		return
	}
	var query []string
	if target.RawQuery != "" {
		query = append(query, target.RawQuery)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		query = append(query, pairs[i]+"="+strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	target.RawQuery = strings.Join(query, "&")
	httpx.NoStore(l.w.Header())
	l.w.Header().Set("Location", target.String())
	l.w.WriteHeader(http.StatusFound)
}

// hasPasswords reports whether the users of a connection have passwords that they can forget.
func hasPasswords(c *connection.Connection) bool {
	m := c.Options.AuthenticationMethods
	return c.Strategy == connection.Database && (m == nil || m.Password == nil || m.Password.Enabled)
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
