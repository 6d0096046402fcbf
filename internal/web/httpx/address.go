package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many entries of X-Forwarded-For are read: more than any real chain of proxies, fewer than a stranger
// could send to make us work.
const maxHops = 32

// Proxies are the networks whose forwarded headers are believed. The zero value believes nobody.
type Proxies []netip.Prefix

// Trusts reports whether addr belongs to a configured proxy.
func (p Proxies) Trusts(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// ClientAddr gives the address of the client that sent r: the peer itself, or, when the peer is a trusted proxy, the
// right-most address of X-Forwarded-For that is not a trusted proxy's. What stands left of that address was written by
// the client and is worth nothing. An entry that is no address ends the walk: the answer is then the proxy that wrote it.
// The header Forwarded (RFC 7239) is not read.
func (p Proxies) ClientAddr(r *http.Request) netip.Addr {
	addr := peer(r)
	if !addr.IsValid() || !p.Trusts(addr) {
		return addr
	}
	lines := r.Header.Values("X-Forwarded-For")
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for rest != "" && hops < maxHops {
			hops++
			var entry string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				rest, entry = "", rest
			}
			hop, ok := parseHop(entry)
			if !ok {
				return addr
			}
			addr = hop
			if !p.Trusts(addr) {
				return addr
			}
		}
	}
	return addr
}

func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// parseHop reads one entry: an address, with or without a port.
func parseHop(entry string) (netip.Addr, bool) {
	entry = strings.TrimSpace(entry)
	if addr, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(entry); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}
