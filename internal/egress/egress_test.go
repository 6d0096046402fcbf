package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestPublic_KnowsTheAddressesThatAreNotTheInternet(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.215.14": true, "2606:4700::1": true, "64:ff9b::5db8:d70e": true, "2002:5db8:d70e::1": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false, "fec0::1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "168.63.129.16": false,
		"100.64.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"224.0.0.1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2002:a00:1::": false, "2001:0:7f00:1::": false,
	} {
		if got := Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("Public(%s) = %t, want %t", address, got, want)
		}
	}
}

func TestOpen_PublicAddressesAtKnownPortsOnly(t *testing.T) {
	t.Parallel()
	allowed := func(text string) Allowed {
		a, err := ParseAllow(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct {
		config Config
		to     string
		ports  []int
		want   bool
	}{
		{Config{}, "93.184.215.14:443", webPorts, true},
		{Config{}, "93.184.215.14:25", webPorts, false},
		{Config{}, "93.184.215.14:587", mailPorts, true},
		{Config{}, "93.184.215.14:22", mailPorts, false},
		{Config{}, "127.0.0.1:443", webPorts, false},
		{Config{Loopback: true}, "127.0.0.1:4000", webPorts, true},
		{Config{Loopback: true}, "[::ffff:127.0.0.1]:4000", webPorts, true},
		{Config{Loopback: true}, "10.0.0.1:443", webPorts, false},
		{Config{Allow: []Allowed{allowed("10.1.0.0/16")}}, "10.1.2.3:2600", mailPorts, true},
		{Config{Allow: []Allowed{allowed("10.1.0.0/16")}}, "[::ffff:10.1.2.3]:2600", mailPorts, true},
		{Config{Allow: []Allowed{allowed("10.1.0.0/16")}}, "10.2.2.3:25", mailPorts, false},
		{Config{Allow: []Allowed{allowed("10.1.2.3")}}, "10.1.2.4:25", mailPorts, false},
		{Config{}, "nonsense", mailPorts, false},
	} {
		if got := New(c.config).open(c.to, c.ports); got != c.want {
			t.Errorf("%+v to %s = %t, want %t", c.config, c.to, got, c.want)
		}
	}
}

func TestParseAllow_RefusesWhatNamesNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "mail.internal", "mail.internal:0", "mail.internal:x", ":25", "10.0.0.0/33", "*.internal:25", "a b:25"} {
		if _, err := ParseAllow(text); err == nil {
			t.Errorf("ParseAllow(%q) accepts", text)
		}
	}
	for _, text := range []string{"10.0.0.0/8", "fd00::/8", "10.1.2.3", "Mail.Internal:25", "[fd00::1]:25"} {
		if _, err := ParseAllow(text); err != nil {
			t.Errorf("ParseAllow(%q): %v", text, err)
		}
	}
}

func TestDial_RefusesLoopbackUnlessItIsOpened(t *testing.T) {
	t.Parallel()
	port := listen(t, "127.0.0.1:0")
	address := "127.0.0.1:" + port
	if _, err := New(Config{}).DialMail(t.Context(), "tcp", address); !errors.Is(err, ErrRefused) {
		t.Errorf("a closed door answers %v", err)
	}
	for name, c := range map[string]Config{
		"loopback": {Loopback: true},
		"host":     {Allow: []Allowed{{target: address}}},
		"network":  {Allow: []Allowed{{network: netip.MustParsePrefix("127.0.0.0/8")}}},
	} {
		conn, err := New(c).DialMail(t.Context(), "tcp", address)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = conn.Close()
	}
}

// A name that means an open address at first and a closed one the next time is refused the next time.
func TestDial_ARebindingNameIsJudgedEachTime(t *testing.T) {
	t.Parallel()
	port := listen(t, "127.0.0.2:0")
	listen(t, "127.0.0.1:"+port)
	var answer atomic.Pointer[[4]byte]
	e := New(Config{
		Allow:    []Allowed{{network: netip.MustParsePrefix("127.0.0.2/32")}},
		Resolver: resolver(t, &answer),
	})
	answer.Store(&[4]byte{127, 0, 0, 2})
	conn, err := e.DialMail(t.Context(), "tcp", "rebind.example.com:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	answer.Store(&[4]byte{127, 0, 0, 1})
	if _, err := e.DialMail(t.Context(), "tcp", "rebind.example.com:"+port); !errors.Is(err, ErrRefused) {
		t.Errorf("after the name was bound anew: %v, want a refusal", err)
	}
}

func TestDial_AHostThatTheOperatorNamedMayLieAnywhere(t *testing.T) {
	t.Parallel()
	port := listen(t, "127.0.0.1:0")
	var answer atomic.Pointer[[4]byte]
	answer.Store(&[4]byte{127, 0, 0, 1})
	allowed, err := ParseAllow("Mail.internal.example:" + port)
	if err != nil {
		t.Fatal(err)
	}
	e := New(Config{Allow: []Allowed{allowed}, Resolver: resolver(t, &answer)})
	conn, err := e.DialMail(t.Context(), "tcp", "mail.INTERNAL.example:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if _, err := e.DialMail(t.Context(), "tcp", "other.internal.example:"+port); !errors.Is(err, ErrRefused) {
		t.Errorf("another name of the same address: %v", err)
	}
}

// listen opens a port that takes connections and gives its number.
func listen(t *testing.T, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// resolver answers every question for an IPv4 address with the one that is stored.
func resolver(t *testing.T, answer *atomic.Pointer[[4]byte]) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buffer := make([]byte, 1024)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0},
					Body:   &dnsmessage.AResource{A: *answer.Load()},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
