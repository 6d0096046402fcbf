package otp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"latchkey/internal/ident"
)

// Device is a browser in which codes were proven before: wrong codes that are typed in it, for an address it knows, are
// counted apart from everybody else's. So a stranger who locks an address does not lock its owner out. The zero Device
// knows nobody.
type Device struct {
	id    string
	known [][]byte // hashes of tenant, connection and identifier, the newest first
}

// maxKnown is how many addresses a device remembers.
const maxKnown = 10

const purposeDevice = "known device"

// sealedDevice is what a device's cookie holds.
type sealedDevice struct {
	ID    string   `json:"id"`
	Known [][]byte `json:"known"`
}

// OpenDevice reads the cookie of a browser. Whatever Remember did not write is the zero Device.
func (o *Codes) OpenDevice(tenantID, cookie string) Device {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return Device{}
	}
	doc, err := o.keys.Open(sealed, tenantID, purposeDevice)
	if err != nil {
		return Device{}
	}
	var s sealedDevice
	if err := json.Unmarshal(doc, &s); err != nil {
		return Device{}
	}
	return Device{id: s.ID, known: s.Known}
}

// Remember gives the cookie of a device in which an identifier was just proven.
func (o *Codes) Remember(tenantID string, d Device, connection, identifier string) (string, error) {
	if d.id == "" {
		d.id = ident.Token(18)
	}
	name := ofDevice(tenantID, connection, identifier)
	others := slices.DeleteFunc(slices.Clone(d.known), func(h []byte) bool { return o.keys.Matches(h, purposeDevice, name) })
	known := append([][]byte{o.keys.Hash(purposeDevice, name)}, others...)
	doc, err := json.Marshal(sealedDevice{ID: d.id, Known: known[:min(len(known), maxKnown)]})
	if err != nil {
		return "", fmt.Errorf("encode a device: %w", err)
	}
	sealed, err := o.keys.Seal(doc, tenantID, purposeDevice)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// subject is under which name wrong codes for an identifier are counted: its own, or the device's that knows it.
func (o *Codes) subject(tenantID string, d Device, connection, identifier string) string {
	if o.Knows(tenantID, d, connection, identifier) {
		return identifier + " " + d.id
	}
	return identifier
}

// ID names the browser; empty for the zero Device.
func (d Device) ID() string { return d.id }

// Knows reports whether somebody has proven in the browser to read the address.
func (o *Codes) Knows(tenantID string, d Device, connection, identifier string) bool {
	name := ofDevice(tenantID, connection, identifier)
	return slices.ContainsFunc(d.known, func(h []byte) bool { return o.keys.Matches(h, purposeDevice, name) })
}

func ofDevice(tenantID, connection, identifier string) string {
	return strings.Join([]string{tenantID, connection, identifier}, "\x00")
}
