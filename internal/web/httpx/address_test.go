package httpx

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func from(peer string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func TestClientAddr_TrustsOnlyConfiguredProxies(t *testing.T) {
	t.Parallel()
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tc := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"a stranger's header is not read", "203.0.113.9:5000", []string{"198.51.100.1"}, "203.0.113.9"},
		{"a proxy without the header is itself", "10.0.0.1:5000", nil, "10.0.0.1"},
		{"a proxy names its client", "10.0.0.1:5000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote itself is not read", "10.0.0.1:5000", []string{"6.6.6.6, 198.51.100.1"}, "198.51.100.1"},
		{"a chain of proxies is walked from the right", "10.0.0.1:5000", []string{"6.6.6.6, 198.51.100.1, 10.0.0.3"}, "198.51.100.1"},
		{"several header lines are one list", "10.0.0.1:5000", []string{"6.6.6.6", "198.51.100.1", "10.0.0.3"}, "198.51.100.1"},
		{"an entry that is no address ends the walk", "10.0.0.1:5000", []string{"198.51.100.1, unknown, 10.0.0.3"}, "10.0.0.3"},
		{"an empty entry ends the walk", "10.0.0.1:5000", []string{"198.51.100.1,,10.0.0.3"}, "10.0.0.3"},
		{"ports are left out", "10.0.0.1:5000", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"IPv6 with brackets and port", "[fd00::1]:5000", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"IPv4 in IPv6 is IPv4", "[::ffff:10.0.0.1]:5000", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"all hops trusted: the left-most", "10.0.0.1:5000", []string{"10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
		{"a zone is dropped", "[fe80::1%eth0]:5000", nil, "fe80::1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := proxies.ClientAddr(from(tc.peer, tc.forwarded...)).String(); got != tc.want {
				t.Errorf("ClientAddr = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestClientAddr_WithoutProxiesNothingIsForwarded(t *testing.T) {
	t.Parallel()
	r := from("127.0.0.1:1234", "198.51.100.1")
	r.Header.Set("Forwarded", "for=198.51.100.2")
	r.Header.Set("X-Real-Ip", "198.51.100.3")
	var none Proxies
	if got := none.ClientAddr(r).String(); got != "127.0.0.1" {
		t.Errorf("ClientAddr = %s, want 127.0.0.1", got)
	}
}

func FuzzClientAddr(f *testing.F) {
	for _, seed := range []string{"198.51.100.1", "6.6.6.6, 198.51.100.1, 10.0.0.3", "[::1]:80", ",,,", "unknown", "10.0.0.1, 10.0.0.2", "fe80::1%25lo"} {
		f.Add(seed)
	}
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, forwarded string) {
		if got := proxies.ClientAddr(from("203.0.113.9:1", forwarded)).String(); got != "203.0.113.9" {
			t.Fatalf("a stranger with X-Forwarded-For %q became %s", forwarded, got)
		}
		got := proxies.ClientAddr(from("10.0.0.1:1", forwarded))
		if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Fatalf("X-Forwarded-For %q gave %v", forwarded, got)
		}
		// What the last trusted proxy appended decides, whatever stands before it.
		if got := proxies.ClientAddr(from("10.0.0.1:1", forwarded+", 198.51.100.1")).String(); got != "198.51.100.1" {
			t.Fatalf("X-Forwarded-For %q, 198.51.100.1 gave %s", forwarded, got)
		}
	})
}
