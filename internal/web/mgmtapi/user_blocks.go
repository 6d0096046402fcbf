package mgmtapi

import (
	"context"
	"slices"
	"strings"

	"latchkey/internal/contact"
	"latchkey/internal/eventlog"
	"latchkey/internal/otp"
	"latchkey/internal/resource"
	"latchkey/internal/user"
	"latchkey/internal/web/httpx"
)

// Blocks of users: Auth0 docs, "Brute-Force Protection", "Management API v2: User Blocks". An identifier is blocked after
// too many wrong codes, wherever they were typed, so that a block has no address. The block that an administrator sets is
// a member of the user.

func (a *api) userBlocks() []route {
	read, update := anyOf("read:users"), anyOf("update:users")
	return []route{
		{"GET /user-blocks", "Get blocks by identifier", read, blocksByIdentifier},
		{"DELETE /user-blocks", "Unblock by identifier", update, unblockIdentifier},
		{"GET /user-blocks/{id}", "Get a user's blocks", read, blocksOfUser},
		{"DELETE /user-blocks/{id}", "Unblock a user", update, unblockUser},
	}
}

// lockable is an identifier at a connection; at every one where the connection is empty.
type lockable struct{ connection, identifier string }

// identifierOfQuery is what the query names, in the form in which codes are counted.
func (r *request) identifierOfQuery() lockable {
	typed := r.query("identifier")
	if email, err := contact.Email(typed); err == nil {
		return lockable{identifier: email}
	}
	return lockable{identifier: strings.ToLower(strings.TrimSpace(typed))}
}

// identifiersOf are all that a user is found by.
func identifiersOf(u *user.User) []lockable {
	var all []lockable
	for _, i := range u.Identities {
		for _, identifier := range i.Identifiers {
			all = append(all, lockable{i.Connection, identifier})
		}
	}
	return all
}

// showBlocks answers with the blocks of identifiers; with none where the caller asks whether the protection is on and it is
// not.
func (r *request) showBlocks(of []lockable) (answer, error) {
	items := []resource.Document{}
	if r.queryBool("consider_brute_force_enablement") {
		stored, err := bruteForceProtection.read(r, r.ctx())
		if err != nil {
			return answer{}, err
		}
		if bruteForceProtection.show(r, stored)["enabled"] != true {
			return ok(resource.Document{"blocked_for": items})
		}
	}
	var locks []otp.Lock
	for _, one := range of {
		found, err := r.Codes.Locks(r.ctx(), r.tenantID(), one.connection, one.identifier)
		if err != nil {
			return answer{}, err
		}
		locks = append(locks, found...)
	}
	for _, l := range slices.CompactFunc(locks, func(x, y otp.Lock) bool { return x.Connection == y.Connection && x.Identifier == y.Identifier }) {
		items = append(items, resource.Document{"identifier": l.Identifier, "connection": l.Connection})
	}
	return ok(resource.Document{"blocked_for": items})
}

// unblock lifts the blocks of identifiers and tells the log about those that there were.
func (r *request) unblock(of []lockable, userID string) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		for _, one := range of {
			lifted, err := r.Codes.Unlock(ctx, r.tenantID(), one.connection, one.identifier)
			if err != nil {
				return answer{}, err
			}
			if lifted == 0 {
				continue
			}
			err = r.Log.Write(ctx, r.tenantID(), eventlog.Event{
				Type: eventlog.BlockReleased, Description: "The block after too many wrong codes was lifted.", ClientID: r.token.ClientID,
				UserID: userID, UserName: one.identifier, Connection: one.connection, Origin: httpx.OriginOf(r.http),
			})
			if err != nil {
				return answer{}, err
			}
		}
		return noContent()
	})
}

func blocksByIdentifier(r *request) (answer, error) {
	return r.showBlocks([]lockable{r.identifierOfQuery()})
}

func unblockIdentifier(r *request) (answer, error) {
	return r.unblock([]lockable{r.identifierOfQuery()}, "")
}

func blocksOfUser(r *request) (answer, error) {
	u, err := r.Users.User(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return r.showBlocks(identifiersOf(u))
}

func unblockUser(r *request) (answer, error) {
	u, err := r.Users.User(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return r.unblock(identifiersOf(u), u.ID)
}
