package transaction

import (
	"latchkey/internal/apierr"
	"latchkey/internal/connection"
)

// The refusals of Choose, with the texts that callbacks carry.
var (
	ErrConnectionUnknown  = apierr.New(apierr.Invalid, "unknown_connection", "the connection was not found")
	ErrConnectionDisabled = apierr.New(apierr.Invalid, "disabled_connection", "the connection is not enabled")
	ErrNoConnections      = apierr.New(apierr.Invalid, "no_connections", "no connections enabled for the client")
)

// Choose says which connection drives a login (Auth0 docs, "Passwordless with Universal Login"):
//
//	database enabled | passwordless enabled | connection named | drives
//	-----------------+----------------------+------------------+-----------------------------------------
//	any              | any                  | yes              | the named one, if enabled for the client
//	yes              | any                  | no               | the database connection created first
//	no               | several              | no               | the passwordless connection created first
//	no               | one                  | no               | that one
//	no               | none                 | no               | nothing: ErrNoConnections
//
// All lists the tenant's connections, the first created first.
func Choose(all []*connection.Connection, clientID, named string) (*connection.Connection, error) {
	if named != "" {
		c := connection.Find(all, named)
		switch {
		case c == nil:
			return nil, ErrConnectionUnknown
		case !c.EnabledFor(clientID):
			return nil, ErrConnectionDisabled
		}
		return c, nil
	}
	var passwordless *connection.Connection
	for _, c := range all {
		switch {
		case !c.EnabledFor(clientID):
		case c.Strategy == connection.Database:
			return c, nil
		case passwordless == nil && c.Strategy.Passwordless():
			passwordless = c
		}
	}
	if passwordless == nil {
		return nil, ErrNoConnections
	}
	return passwordless, nil
}

// Other gives the connection that a person may go over to from the one that drives a login: the passwordless connection of
// the other kind, e-mail or telephone, created first. There is none where the application named its connection, or where a
// database connection drives: what else it offers is its own to say.
func Other(all []*connection.Connection, clientID, named string, driving *connection.Connection) *connection.Connection {
	if named != "" || !driving.Strategy.Passwordless() {
		return nil
	}
	for _, c := range all {
		if c.EnabledFor(clientID) && c.Strategy.Passwordless() && c.Strategy != driving.Strategy {
			return c
		}
	}
	return nil
}
