package egress

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrRefused is the answer for addresses that are not connected to. Its text names no address but the one that was asked
// for.
var ErrRefused = errors.New("this server makes no connections to such an address")

const (
	// dialTimeout bounds the making of a connection, its name's resolution included.
	dialTimeout = 5 * time.Second
	// keepAlive is the pace of probes on connections that wait.
	keepAlive = 30 * time.Second
)

// The ports that may be reached without the operator's word.
var (
	mailPorts = []int{25, 465, 587, 2525}
	webPorts  = []int{80, 443, 8443}
)

// Config says where connections may go. The zero value lets them go to public addresses.
type Config struct {
	// Loopback opens loopback addresses, at any port: development mode.
	Loopback bool
	// Allow opens more: what the operator named.
	Allow []Allowed
	// RootCAs are the authorities of certificates; nil means the system's.
	RootCAs *x509.CertPool
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
	// Hosts sends connections for a host and port ("api.example.com:443") to another address. Certificates are still those
	// of the name. It is for tests, in which services stand on loopback; what stands here is not judged.
	Hosts map[string]string
}

// Egress makes connections. It is safe for concurrent use.
type Egress struct {
	config Config
	web    *web
}

// New makes an Egress.
func New(c Config) *Egress {
	e := &Egress{config: c}
	e.web = newWeb(e)
	return e
}

// Allowed is a network, or a host with a port, that an operator opens.
type Allowed struct {
	network netip.Prefix // any port
	target  string       // host:port as a tenant would write it, in lower case
}

// ParseAllow reads what an operator opens: a network (10.1.0.0/16), an address (10.1.2.3), or a host and port
// (mail.internal:25). A host's addresses are not looked at: the operator answers for its name.
func ParseAllow(text string) (Allowed, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return Allowed{network: prefix.Masked()}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return Allowed{network: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	host, port, err := net.SplitHostPort(text)
	n, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, "/@*? ") {
		return Allowed{}, fmt.Errorf("%q is no network, address, or host with a port; write 10.1.0.0/16, 10.1.2.3 or mail.internal:25", text)
	}
	return Allowed{target: strings.ToLower(text)}, nil
}

// DialMail connects to a mail server.
func (e *Egress) DialMail(ctx context.Context, network, address string) (net.Conn, error) {
	return e.dial(ctx, network, address, mailPorts)
}

// RootCAs are the authorities of certificates; nil means the system's.
func (e *Egress) RootCAs() *x509.CertPool { return e.config.RootCAs }

// dial connects to an address of a tenant's choice. Without the operator's word it goes to the given ports only.
func (e *Egress) dial(ctx context.Context, network, address string, ports []int) (net.Conn, error) {
	address = strings.ToLower(address)
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Resolver: e.config.Resolver}
	if other, ok := e.config.Hosts[address]; ok {
		return dialer.DialContext(ctx, network, other)
	}
	named := slices.ContainsFunc(e.config.Allow, func(a Allowed) bool { return a.target == address })
	dialer.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		if named || e.open(resolved, ports) {
			return nil
		}
		return fmt.Errorf("%s: %w", address, ErrRefused)
	}
	return dialer.DialContext(ctx, network, address)
}

// open judges an address as the system is about to connect to it.
func (e *Egress) open(resolved string, ports []int) bool {
	to, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return false
	}
	a := to.Addr().Unmap().WithZone("")
	if e.config.Loopback && a.IsLoopback() {
		return true
	}
	for _, allowed := range e.config.Allow {
		if allowed.network.IsValid() && allowed.network.Contains(a) {
			return true
		}
	}
	return Public(to.Addr()) && slices.Contains(ports, int(to.Port()))
}

// special are the networks beyond those that netip knows by name which are not the public internet (RFC 6890 and the
// registries of IANA that keep it up to date).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32", // the last is the host of Azure's virtual machines
	"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(all ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(all))
	for i, one := range all {
		parsed[i] = netip.MustParsePrefix(one)
	}
	return parsed
}

// Public reports whether an address belongs to the public internet, and so do the addresses in it.
func Public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return false
	}
	inner, ok := embedded(a)
	return !ok || Public(inner)
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixToV4 = netip.MustParsePrefix("2002::/16")
)

// embedded gives the IPv4 address to which a network would carry on what is sent to an IPv6 address. Teredo's are all
// special (2001::/23).
func embedded(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToV4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	default:
		return netip.Addr{}, false
	}
}
