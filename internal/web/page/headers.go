package page

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/ident"
)

// policy is what differs between the headers of our pages.
type policy struct {
	nonce           string
	images, fonts   []string // addresses of what the tenant names and a page loads
	formTargets     []string // where a form of the page may lead in the end, beside ourselves
	frame           string   // the origin of a page that this one frames
	referrer        string   // who is told the page's address; empty for nobody
	ancestors       string   // who may frame the page; empty for nobody
	opener          bool     // the window that opened this one must stay reachable
	strictTransport bool
}

// newNonce makes the value that marks a page's own script and style.
func newNonce() string { return ident.Token(16) }

// write sets the headers of an HTML answer.
func (p policy) write(h http.Header) {
	ancestors := "'none'"
	if p.ancestors != "" {
		ancestors = p.ancestors
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	directives := []string{
		"default-src 'none'",
		"script-src 'nonce-" + p.nonce + "' 'strict-dynamic'",
		"style-src 'self' 'nonce-" + p.nonce + "'",
		"img-src 'self' data:" + hosts(p.images),
		"font-src 'self'" + hosts(p.fonts),
		"connect-src 'self'",
		"form-action " + formAction(p.formTargets),
		"frame-ancestors " + ancestors,
		"base-uri 'none'",
		"object-src 'none'",
	}
	if p.frame != "" {
		directives = append(directives, "frame-src "+p.frame)
	}
	h.Set("Content-Security-Policy", strings.Join(directives, "; "))
	if p.ancestors == "" {
		h.Set("X-Frame-Options", "DENY")
	}
	h.Set("Referrer-Policy", cmp.Or(p.referrer, "no-referrer"))
	h.Set("Cache-Control", "no-store, max-age=0")
	h.Set("Pragma", "no-cache")
	if p.strictTransport {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), "+
		"otp-credentials=(self), camera=(), microphone=(), geolocation=()")
	coop := "same-origin"
	if p.opener {
		coop = "unsafe-none"
	}
	h.Set("Cross-Origin-Opener-Policy", coop)
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

// hosts gives the origins of addresses as sources, each with a space before it.
func hosts(addresses []string) string {
	var sources []string
	for _, a := range addresses {
		if o := origin(a); strings.HasPrefix(o, "http") && !slices.Contains(sources, o) {
			sources = append(sources, o)
		}
	}
	if len(sources) == 0 {
		return ""
	}
	return " " + strings.Join(sources, " ")
}

// formAction gives the sources of form-action. Chromium holds every redirect that follows a form to them, on through the
// application's callback and whatever that redirects to, so a page of a login has to allow what an application may do
// there: any https address, and the scheme or host of its own callback where that is something else.
func formAction(targets []string) string {
	sources := []string{"'self'"}
	for _, t := range targets {
		for _, s := range targetSources(t) {
			if !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
	}
	return strings.Join(sources, " ")
}

// targetSources gives the sources that one redirect URI needs.
func targetSources(target string) []string {
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" {
		return nil
	}
	switch u.Scheme {
	case "https":
		return []string{"https:"}
	case "http":
		host := u.Hostname()
		if !hostSource(host) {
			return nil
		}
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return []string{"https:", "http://" + host + ":*"}
	case "javascript", "data", "vbscript", "blob", "file":
		return nil
	default:
		return []string{u.Scheme + ":"} // url.Parse admits letters, digits, "+", "-" and "." only
	}
}

// origin gives the origin of an address as a CSP source and as a postMessage target, or "".
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || !hostSource(u.Hostname()) {
		return ""
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)
}

// hostSource reports whether a host holds nothing that means something else in a policy.
func hostSource(host string) bool {
	return host != "" && !strings.ContainsAny(host, " \t\r\n;,'\"*\\")
}
