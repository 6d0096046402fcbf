package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Listen opens an address, HOST:PORT. The name "localhost" means both loopback addresses, IPv4 and, where the machine
// has it, IPv6, on one port; every other host is opened as net.Listen does. Port 0 takes any free one.
func Listen(ctx context.Context, address string) ([]net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("the address %q is not HOST:PORT", address)
	}
	var lc net.ListenConfig
	if host != "localhost" {
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, cannotListen(address, err)
		}
		return []net.Listener{l}, nil
	}
	_, port, _ := net.SplitHostPort(address)
	v4, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, cannotListen(address, err)
	}
	v6, err := lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(Port(v4))))
	if err != nil {
		return []net.Listener{v4}, nil //nolint:nilerr // a machine without IPv6 is fine
	}
	return []net.Listener{v4, v6}, nil
}

// cannotListen says what to do about an address that cannot be opened.
func cannotListen(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("another program listens on %s already; stop it, or choose another address with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not open %s; choose a port above 1023, or give the program the right (setcap cap_net_bind_service=+ep)", address)
	}
	return fmt.Errorf("listen on %s: %w", address, err)
}

// Port gives the port that a listener got.
func Port(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// Loopback reports whether an address, HOST:PORT, can be reached from this machine only.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
