package httpx

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"latchkey/internal/tenant"
)

// Sites finds the tenant and domain of a Host header. The host it is asked for is in the form that Host gives. It answers
// with an error of kind not_found for a host that nobody configured.
type Sites interface {
	Site(ctx context.Context, host string) (tenant.Site, error)
}

// Host reads a Host header (RFC 9110 section 7.2) and gives it in the one form in which domains are configured: lower
// case, no trailing dot, no port where it is the scheme's own. It reports false for anything that is not a name or an
// address with an optional port.
func Host(header string, https bool) (string, bool) {
	if header == "" || len(header) > 260 {
		return "", false
	}
	name, port := header, ""
	if strings.HasPrefix(header, "[") {
		end := strings.IndexByte(header, ']')
		if end < 0 {
			return "", false
		}
		addr, err := netip.ParseAddr(header[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		name = "[" + addr.String() + "]"
		rest := header[end+1:]
		if rest != "" {
			if rest[0] != ':' {
				return "", false
			}
			port = rest[1:]
			if port == "" {
				return "", false
			}
		}
	} else {
		if colon := strings.IndexByte(header, ':'); colon >= 0 {
			name, port = header[:colon], header[colon+1:]
			if port == "" {
				return "", false
			}
		}
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if !hostName(name) {
			return "", false
		}
	}
	if port == "" {
		return name, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '+' || port[0] == '0' {
		return "", false
	}
	if (https && n == 443) || (!https && n == 80) {
		return name, true
	}
	return name + ":" + port, true
}

func hostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
