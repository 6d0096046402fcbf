package devinbox

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// refusal says why a request is refused; it is empty when it is not.
func refusal(r *http.Request) string {
	if !loopbackHost(r.Host) {
		return "The inbox answers only to localhost and loopback addresses, so that no foreign name can lead a browser here."
	}
	if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r) {
		return "The inbox does not answer requests from other origins: it shows live codes."
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return ""
	}
	if link := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		r.Header.Get("Sec-Fetch-Dest") == "document"; link && strings.HasSuffix(r.URL.Path, "/") {
		return "" // somebody follows a link to the page; only the person sees the answer
	}
	return "The inbox does not answer requests that another site causes: it shows live codes."
}

// loopbackHost reports whether a Host header names this machine.
func loopbackHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Zone() == "" && a.Unmap().IsLoopback()
}

// sameOrigin reports whether an Origin header names the address that was asked.
func sameOrigin(origin string, r *http.Request) bool {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == scheme && strings.EqualFold(u.Host, r.Host)
}
