package client

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// AllowsCallback reports whether answers may go to uri (Auth0 docs, "Allowed Callback URLs"; RFC 9700 section 4.1.3).
// Scheme and host compare without case and default port; path, query and trailing slash compare byte for byte; a fragment
// never fits.
func (c *Client) AllowsCallback(uri string) bool {
	return c.allows(uri, c.Callbacks)
}

// AllowsLogout reports whether a person may be sent to uri after /oidc/logout: an exact match, query included.
func (c *Client) AllowsLogout(uri string) bool {
	return c.allows(uri, c.AllowedLogoutURLs)
}

// AllowsReturnTo reports whether a person may be sent to uri after /v2/logout: query and fragment do not count.
func (c *Client) AllowsReturnTo(uri string) bool {
	return c.allows(WithoutQuery(uri), c.AllowedLogoutURLs)
}

func (c *Client) allows(uri string, list []string) bool {
	u, ok := parse(uri)
	if !ok {
		return false
	}
	if c.Own().LoopbackRedirects && u.loopback() {
		return true
	}
	return matchAny(u, list, c.IsFirstParty())
}

// AllowedReturnTo reports the same as AllowsReturnTo for a list that belongs to no client (the tenant's own).
func AllowedReturnTo(uri string, list []string) bool {
	u, ok := parse(WithoutQuery(uri))
	return ok && matchAny(u, list, true)
}

// AllowedLogout reports the same as AllowsLogout for a list that belongs to no client.
func AllowedLogout(uri string, list []string) bool {
	u, ok := parse(uri)
	return ok && matchAny(u, list, true)
}

// FirstLogoutURL gives the address to which a person is sent after a logout that names none: the first entry of a list of
// allowed logout URLs that is an address, not a pattern. It is empty where there is none.
func FirstLogoutURL(list []string) string {
	for _, entry := range list {
		if u, ok := parse(entry); ok && !strings.Contains(u.host, "*") {
			return entry
		}
	}
	return ""
}

// FirstLogoutURL gives the same for the client's own list.
func (c *Client) FirstLogoutURL() string { return FirstLogoutURL(c.AllowedLogoutURLs) }

// AllowsWebOrigin reports whether pages of the origin may receive answers by web_message.
func (c *Client) AllowsWebOrigin(origin string) bool {
	return c.allowsOrigin(origin, c.WebOrigins)
}

// AllowsOrigin reports whether scripts of the origin may call the API for this client: its allowed origins, web origins,
// and the origins of its callbacks.
func (c *Client) AllowsOrigin(origin string) bool {
	return c.allowsOrigin(origin, c.AllowedOrigins, c.WebOrigins, c.Callbacks)
}

// AllowsCredentials reports whether scripts of the origin may call with our cookies, to log people in: where the origin itself
// is among the client's web origins or allowed origins. Patterns and callbacks do not count (Auth0 docs, "Set up CORS").
func (c *Client) AllowsCredentials(origin string) bool {
	u, ok := parse(origin)
	if !ok || u.rest != "" || !u.web() {
		return false
	}
	return matchAny(u, normaliseOrigins(c.WebOrigins), false) || matchAny(u, normaliseOrigins(c.AllowedOrigins), false)
}

// VerificationPage gives the address of the page that verifies cross-origin logins; empty where the client has none that a
// page of ours may frame.
func (c *Client) VerificationPage() string {
	page, _, _ := strings.Cut(c.CrossOriginLoc, "#")
	u, ok := parse(page)
	if !ok || !u.web() || (u.scheme == "http" && !u.loopback()) || strings.Contains(u.host, "*") {
		return ""
	}
	return page
}

func (c *Client) allowsOrigin(origin string, lists ...[]string) bool {
	u, ok := parse(origin)
	if !ok || u.rest != "" || !u.web() {
		return false
	}
	if c.Own().LoopbackRedirects && u.loopback() {
		return true
	}
	for _, list := range lists {
		if matchAny(u, normaliseOrigins(list), c.IsFirstParty()) {
			return true
		}
	}
	return false
}

// Origin gives the scheme, host and port of an address, or nothing when it is no web address.
func Origin(uri string) string {
	u, ok := parse(WithoutQuery(uri))
	if !ok || !u.web() {
		return ""
	}
	return u.scheme + "://" + u.host
}

// NonVerifiable reports whether the callback cannot be told from an impostor's: a custom scheme or a loopback address
// (Auth0 docs, "Measures Against Application Impersonation").
func NonVerifiable(uri string) bool {
	u, ok := parse(uri)
	return ok && (!u.web() || u.loopback())
}

// WithoutQuery cuts query and fragment off an address.
func WithoutQuery(uri string) string {
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		return uri[:i]
	}
	return uri
}

// address is a URL in the parts that matching needs. Rest is everything behind the host, untouched.
type address struct {
	scheme, host, rest string
}

// parse takes a URL apart. It refuses what browsers and libraries read differently: user names, fragments, control
// characters, spaces and backslashes.
func parse(uri string) (address, bool) {
	if uri == "" || len(uri) > 2048 || strings.ContainsFunc(uri, unsafeRune) || strings.Contains(uri, "#") {
		return address{}, false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.User != nil || u.Fragment != "" {
		return address{}, false
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme == "javascript" || scheme == "data" || scheme == "vbscript" || scheme == "file" || scheme == "blob" {
		return address{}, false
	}
	after := uri[len(u.Scheme)+1:]
	if !strings.HasPrefix(after, "//") {
		if scheme == "http" || scheme == "https" {
			return address{}, false
		}
		return address{scheme: scheme, rest: after}, true
	}
	after = after[2:]
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	host := strings.Map(lowerASCII, after[:end])
	if host == "" && (scheme == "http" || scheme == "https") {
		return address{}, false
	}
	return address{scheme: scheme, host: withoutDefaultPort(scheme, host), rest: after[end:]}, true
}

func unsafeRune(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }

// lowerASCII leaves other letters as they are: some of them turn into plain ones in lower case.
func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

func (a address) web() bool { return a.scheme == "http" || a.scheme == "https" }

// loopback reports whether the address is a page on the person's own machine.
func (a address) loopback() bool {
	if !a.web() {
		return false
	}
	u, err := url.Parse(a.scheme + "://" + a.host)
	if err != nil {
		return false
	}
	name := u.Hostname()
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

func matchAny(u address, list []string, wildcards bool) bool {
	if strings.Contains(u.host, "*") {
		return false // a pattern is no address, not even its own
	}
	return slices.ContainsFunc(list, func(entry string) bool {
		e, ok := parse(entry)
		if !ok || e.scheme != u.scheme || e.rest != u.rest {
			return false
		}
		return e.host == u.host || (wildcards && matchWildcard(u, e))
	})
}

// matchWildcard matches an entry such as https://*.example.com (Auth0 docs, "Subdomain URL Placeholders"): one star, in
// the left-most label of a web address with at least two labels behind it, standing for part of one label.
func matchWildcard(u, e address) bool {
	before, after, found := strings.Cut(e.host, "*")
	if !found || !e.web() || strings.Contains(after, "*") || strings.Contains(before, ".") {
		return false
	}
	dot := strings.IndexByte(after, '.')
	if dot < 0 || strings.Count(after, ".") < 2 {
		return false
	}
	if len(u.host) <= len(before)+len(after) || !strings.HasPrefix(u.host, before) || !strings.HasSuffix(u.host, after) {
		return false
	}
	star := u.host[len(before) : len(u.host)-len(after)]
	return !strings.ContainsFunc(star, notLabel)
}

// notLabel reports what no star stands for. Of all that may stand in a host only the plain characters of a label are let
// through: browsers read others as a dot (U+3002, U+FF0E, U+FF61), decode them, or end the host there.
func notLabel(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// normaliseOrigins drops what stands behind the host in the entries of an origin list.
func normaliseOrigins(list []string) []string {
	out := make([]string, 0, len(list))
	for _, entry := range list {
		if u, ok := parse(WithoutQuery(entry)); ok && u.web() {
			out = append(out, u.scheme+"://"+u.host)
		}
	}
	return out
}
