package user

import "context"

// AddressStore finds users by an address, e-mail or telephone, over all connections.
type AddressStore interface {
	// UsersByAddress gives the users, ordered by id and at most limit, that have an address in canonical form: as their own,
	// as the e-mail address of a linked identity, or as what one of the connections (by name) finds them by. It does not
	// say whether it is verified.
	UsersByAddress(ctx context.Context, tenantID, address string, connections []string, limit int) ([]*User, error)
	// TakeTurn keeps all others that take the turn of the same address waiting until the caller's transaction ends: what the
	// transaction then reads is what they left. A queued write.
	TakeTurn(ctx context.Context, tenantID, address string) error
}

// Undone is the kind of the items that remember which identities were separated from a user, or the user from them. Logins
// through those are not linked to it again by themselves.
const Undone = "undone_link"

// UndoneID names an identity in such an item, by what its connection finds it by: a user who is made anew under the same
// address has another id. Names of connections have no spaces.
func UndoneID(connection, identifier string) string { return connection + " " + identifier }
