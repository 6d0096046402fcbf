package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// Target is what a driver must know of a running server.
type Target struct {
	// Issuer is the tenant's issuer, for example "http://localhost:8080/".
	Issuer string
	// ClientID and ClientSecret name the client; a public client has no secret.
	ClientID, ClientSecret string
	// Audience asks for a JWT access token for this API; empty asks for an opaque one.
	Audience string
	// Connection is the passwordless connection; empty means "email".
	Connection string
	// Dial, when set, is the host and port to connect to in place of the issuer's: another node of the same tenant.
	Dial string
}

func (t Target) connection() string {
	if t.Connection == "" {
		return "email"
	}
	return t.Connection
}

// DevJSON is the part of the development server's dev.json that drivers use.
type DevJSON struct {
	Issuer       string `json:"issuer"`
	Domain       string `json:"domain"`
	CACert       string `json:"ca_cert"`
	InboxURL     string `json:"inbox_url"`
	SampleAppURL string `json:"sample_app_url"`
	SPA          struct {
		ClientID string `json:"client_id"`
	} `json:"spa"`
	Web struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	} `json:"web"`
	Native struct {
		ClientID string `json:"client_id"`
	} `json:"native"`
	API struct {
		Audience string `json:"audience"`
	} `json:"api"`
}

// ReadDevJSON reads a dev.json.
func ReadDevJSON(path string) (DevJSON, error) {
	var d DevJSON
	text, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("read %s: %w", path, err)
	}
	if d.Issuer == "" {
		return d, fmt.Errorf("read %s: it names no issuer", path)
	}
	return d, nil
}

// Target gives the target for one of the sample clients: "native" (public) or "web" (confidential).
func (d DevJSON) Target(client string) (Target, error) {
	t := Target{Issuer: d.Issuer, Audience: d.API.Audience}
	switch client {
	case "native":
		t.ClientID = d.Native.ClientID
	case "web":
		t.ClientID, t.ClientSecret = d.Web.ClientID, d.Web.ClientSecret
	default:
		return t, fmt.Errorf("no sample client %q: choose native or web", client)
	}
	if t.ClientID == "" {
		return t, fmt.Errorf("dev.json holds no %s client", client)
	}
	return t, nil
}

// ErrNotLoopback refuses a target outside this machine: drivers make load, and load belongs at home.
var ErrNotLoopback = errors.New("not a loopback address")

// RefuseRemote returns ErrNotLoopback unless rawURL's host is "localhost" or a loopback address.
func RefuseRemote(rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return err
	}
	return refuseRemoteHost(u.Hostname())
}

func refuseRemoteHost(host string) error {
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%q: %w", host, ErrNotLoopback)
}

// dialLoopback opens connections to loopback only, whatever a name resolves to. An address in redirect takes the
// place of the one asked for.
func dialLoopback(redirect string) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !at.Addr().IsLoopback() {
			return fmt.Errorf("%s: %w", address, ErrNotLoopback)
		}
		return nil
	}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if redirect != "" {
			address = redirect
		}
		return d.DialContext(ctx, network, address)
	}
}
