// Package oauth decides the protocol: what an authorization request asks for, whether it may be answered, and which
// tokens a grant gives (RFC 6749, RFC 6750, RFC 7636, RFC 9126, OpenID Connect Core and RP-Initiated Logout; Auth0's
// Authentication API where it differs).
//
// Everything here speaks in records and values; how a request arrives and what an answer looks like on the wire is the
// edges' business. Users are let in by authn and nowhere else. A decision reads and compares first, then one transaction
// writes everything, then tokens are signed.
package oauth

import (
	"errors"
	"fmt"

	"latchkey/internal/authn"
	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/clientauth"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/key"
	"latchkey/internal/loginticket"
	"latchkey/internal/protect"
	"latchkey/internal/resourceserver"
	"latchkey/internal/seal"
	"latchkey/internal/session"
	"latchkey/internal/transaction"
	"latchkey/internal/user"
)

// Server decides the protocol for every tenant. It is safe for concurrent use.
type Server struct {
	c Config
}

// Config is what New needs.
type Config struct {
	Tx           authn.Transactor
	Door         *authn.Door
	Clients      client.Store
	Connections  connection.Store
	APIs         resourceserver.Store
	Users        user.Store
	Sessions     *session.Sessions
	Grants       *grant.Grants
	Transactions *transaction.Transactions
	Tickets      *loginticket.Tickets
	Pages        branding.Store
	Keys         *key.Keys
	ClientAuth   *clientauth.Authenticator
	Log          *eventlog.Log
	Guard        *protect.Guard
	Seal         *seal.Keyset
	Clock        clock.Clock
}

// New makes a server.
func New(c Config) *Server { return &Server{c: c} }

// Error is an error of the protocol, with the code and description that the client reads. The texts are Auth0's: clients
// compare some of them.
type Error struct {
	Code        string
	Description string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

func protocolError(code, description string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(description, args...)}
}

// Errors that several decisions answer.
var (
	errLoginRequired       = &Error{"login_required", "Login required"}
	errConsentRequired     = &Error{"consent_required", "Consent required"}
	errInteractionRequired = &Error{"interaction_required", "Interaction required"}
	errBlocked             = &Error{"unauthorized", "user is blocked"}
	errDeclined            = &Error{"access_denied", "User did not authorize the request"}
)

func asProtocol(err error, e **Error) bool { return errors.As(err, e) }
