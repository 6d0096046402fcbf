package page

import (
	"net"
	"net/http"
	"net/netip"
	"slices"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
)

// LanguageCookie is the name, without prefix, of our cookie that holds the language a person chose on a page.
const LanguageCookie = "lang"

// ForSite gives the shell of a site's pages in the language that fits best: the one chosen on a page before, else the
// first of ui_locales that is enabled, else what the browser asks for, else the tenant's own. Pages is what the tenant has
// set about its pages; without it they have the built-in look and texts.
func ForSite(site tenant.Site, pages *branding.PageConfig, r *http.Request, chosen, uiLocales string) Shell {
	if pages == nil {
		pages = &branding.PageConfig{}
	}
	settings := &site.Tenant.Settings
	enabled := settings.Locales()
	tag := locale.Negotiate(enabled, chosen, uiLocales, r.Header.Get("Accept-Language"))
	shell := Shell{
		Texts:           locale.New(tag, enabled[0], pages.Texts),
		Look:            pages.Look(settings.PictureURL),
		Company:         site.Tenant.FriendlyName(),
		SupportEmail:    settings.SupportEmail,
		SupportURL:      settings.SupportURL,
		StrictTransport: site.Secure() && !loopback(site.Domain.Host),
	}
	for _, tag := range enabled {
		if slices.Contains(locale.Shipped(), tag) || pages.Texts[tag] != nil {
			shell.Languages = append(shell.Languages, tag)
		}
	}
	return shell
}

// loopback reports whether a host is the machine itself.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// CSRFCookie is the name, without prefix, of the cookie whose value Classic pages send back as _csrf.
const CSRFCookie = "csrf"

// TicketCookies are the names, without prefix, of our cookies that tie a login ticket to its browser: one for requests from
// anywhere, one that belongs to the site of the page which earned the ticket.
func TicketCookies(ticket string) (anywhere, partitioned string) {
	suffix := transaction.CookieSuffix(ticket)
	return "co_" + suffix, "cop_" + suffix
}

// BindingCookie is the name, without prefix, of our cookie that binds a transaction to its browser.
func BindingCookie(state string) string { return "txn_" + transaction.CookieSuffix(state) }
