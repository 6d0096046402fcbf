// Package connection is a source of users. Its kind is the strategy; the `realm` and `connection` parameters of the
// Authentication API carry its name.
package connection

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/contact"
)

// Strategy is the kind of a connection.
type Strategy string

// The strategies the product knows.
const (
	Email    Strategy = "email" // passwordless, codes and links by e-mail
	SMS      Strategy = "sms"   // passwordless, codes by text message
	Database Strategy = "auth0"
)

// Passwordless reports whether connections of this strategy log people in by a code or link alone.
func (s Strategy) Passwordless() bool { return s == Email || s == SMS }

// Send is what a person is sent to log in by.
type Send string

// What may be sent. The two links for native applications differ from the first in what a template is told.
const (
	SendCode        Send = "code"
	SendLink        Send = "link"
	SendLinkIOS     Send = "link_ios"
	SendLinkAndroid Send = "link_android"
	SendLinkAndCode Send = "link_and_code" // ours
)

// Links reports whether a link is among what is sent.
func (s Send) Links() bool { return s != SendCode && s != "" }

// ErrNoAddress is the answer to reading an address at a connection whose strategy has none.
var ErrNoAddress = apierr.New(apierr.Invalid, "no_address", "Users of this connection are not known by an address.")

// ErrNotFound is the answer for a connection that does not exist.
var ErrNotFound = apierr.New(apierr.NotFound, "inexistent_connection", "The connection does not exist")

// ErrExists is the answer to creating a connection whose name is taken.
var ErrExists = apierr.New(apierr.Conflict, "connection_exists", "A connection with the same name already exists")

// Connection is one source of users. Values handed out by storage are shared: treat them as read-only.
type Connection struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Strategy       Strategy `json:"strategy"`
	DisplayName    string   `json:"display_name,omitempty"`
	Options        Options  `json:"options"`
	EnabledClients []string `json:"enabled_clients"` // client ids
	Domain         bool     `json:"is_domain_connection"`
	Realms         []string `json:"realms,omitempty"`

	// Sealed holds the secrets among the options by their path ("options.twilio_token"), each sealed for (tenant,
	// "connections", path, connection id). They are no part of the document.
	Sealed    map[string][]byte `json:"-"`
	CreatedAt time.Time         `json:"-"`
}

// Options are the settings of a connection that the product acts on, as the Management API shows them. What it only keeps
// is in the stored document.
type Options struct {
	Name  string `json:"name,omitempty"`
	Email *struct {
		Syntax  string `json:"syntax,omitempty"`
		From    string `json:"from,omitempty"`
		Subject string `json:"subject,omitempty"`
		Body    string `json:"body,omitempty"`
	} `json:"email,omitempty"`
	TOTP *struct {
		TimeStep int `json:"time_step,omitempty"` // seconds a code lives
		Length   int `json:"length,omitempty"`    // digits
	} `json:"totp,omitempty"`
	DisableSignup        bool  `json:"disable_signup,omitempty"`
	BruteForceProtection *bool `json:"brute_force_protection,omitempty"`
	AuthParams           any   `json:"authParams,omitempty"` // of magic links: an object, or its JSON as a text

	DatabaseOptions
	SMSOptions

	// Our own options, by name among the open ones; off unless set.
	DisableSignupSilent bool   `json:"disable_signup_silent,omitempty"`
	Send                string `json:"send,omitempty"` // what our own pages send by e-mail: "code", "link" or "link_and_code"
	SSO                 *struct {
		Reuse any `json:"reuse,omitempty"` // true: a session opened by this connection is used; "any": any session
	} `json:"sso,omitempty"`
}

// Code defaults (Auth0 docs, "Passwordless Authentication with Email"): six digits for three minutes.
const (
	defaultCodeLife   = 180 * time.Second
	defaultCodeLength = 6
)

// Canonical reads an address that a person typed as this connection's strategy does, and gives its canonical form. Region
// is the country a telephone number without a plus sign belongs to; empty where none was chosen.
func (c *Connection) Canonical(typed, region string) (string, error) {
	switch c.Strategy {
	case Email:
		return contact.Email(typed)
	case SMS:
		return contact.Phone(typed, region)
	case Database:
	}
	return "", ErrNoAddress
}

// Sends is what a login on our own pages sends at this connection.
func (c *Connection) Sends() Send {
	switch s := Send(c.Options.Send); {
	case c.Strategy != Email:
	case s == SendLink, s == SendLinkAndCode:
		return s
	}
	return SendCode
}

// LinkParams are the parameters that every magic link of the connection carries (Auth0's authParams), those of a start laid over them.
// What is no text is left out.
func (c *Connection) LinkParams(start map[string]any) map[string]string {
	given, _ := c.Options.AuthParams.(map[string]any)
	if text, ok := c.Options.AuthParams.(string); ok {
		if err := json.Unmarshal([]byte(text), &given); err != nil {
			given = nil
		}
	}
	params := map[string]string{}
	for _, from := range []map[string]any{given, start} {
		for name, v := range from {
			if text, ok := v.(string); ok {
				params[name] = text
			}
		}
	}
	return params
}

// CodeLife is how long a code of this connection lives.
func (c *Connection) CodeLife() time.Duration {
	if c.Options.TOTP == nil || c.Options.TOTP.TimeStep <= 0 {
		return defaultCodeLife
	}
	return time.Duration(c.Options.TOTP.TimeStep) * time.Second
}

// CodeLength is the number of digits of its codes.
func (c *Connection) CodeLength() int {
	if c.Options.TOTP == nil || c.Options.TOTP.Length <= 0 {
		return defaultCodeLength
	}
	return c.Options.TOTP.Length
}

// BruteForceProtected reports whether failed logins are counted against the identifier and address (default true).
func (c *Connection) BruteForceProtected() bool {
	return c.Options.BruteForceProtection == nil || *c.Options.BruteForceProtection
}

// EnabledFor reports whether a client may log people in through the connection.
func (c *Connection) EnabledFor(clientID string) bool {
	return slices.Contains(c.EnabledClients, clientID)
}

// ReusesSession reports whether naming this connection at /authorize may be answered from a session that was opened by
// the connection called openedBy. Auth0 never does for passwordless connections; ours by option.
func (c *Connection) ReusesSession(openedBy string) bool {
	if !c.Strategy.Passwordless() {
		return true
	}
	if c.Options.SSO == nil {
		return false
	}
	return c.Options.SSO.Reuse == "any" || (c.Options.SSO.Reuse == true && openedBy == c.Name)
}

// Store keeps connections. Reads may be up to a second old.
type Store interface {
	// Connections lists a tenant's connections, the first created first.
	Connections(ctx context.Context, tenantID string) ([]*Connection, error)
	// CreateConnection writes a new connection, or answers ErrExists.
	CreateConnection(ctx context.Context, tenantID string, c *Connection) error
}

// Find gives the connection called name, or nil.
func Find(all []*Connection, name string) *Connection {
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	return nil
}
