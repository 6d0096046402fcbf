package mgmtapi

import (
	"strconv"

	"latchkey/internal/account"
	"latchkey/internal/connection"
)

// Identities of users: Auth0 docs, "User Account Linking".

func (a *api) userIdentities() []route {
	scopes := anyOf("update:users", "update:current_user_identities")
	return []route{
		{"POST /users/{id}/identities", "Link a User Account", scopes, linkIdentity},
		{"DELETE /users/{id}/identities/{provider}/{user_id}", "Unlink a User Identity", scopes, unlinkIdentity},
	}
}

// linkIdentity makes another account an identity of the user. Who may change all users names it; people themselves prove
// with an ID token that it is theirs.
func linkIdentity(r *request) (answer, error) {
	d := r.doc()
	if !r.token.has("update:users") && text(d, "link_with") == "" {
		return answer{}, insufficientScope("expected any of: update:users")
	}
	if number, isNumber := d["user_id"].(float64); isNumber {
		d["user_id"] = strconv.FormatFloat(number, 'f', -1, 64)
	}
	var in account.Link
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	caller := account.Caller{Issuer: r.site.Issuer(), ClientID: r.token.ClientID}
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.Link(r.ctx(), r.tenantID(), r.path("id"), caller, in)
	}, func(change *account.Change) (answer, error) { return created(change.User.ShownIdentities()) })
}

// unlinkIdentity makes an identity an account of its own again and shows those that are left.
func unlinkIdentity(r *request) (answer, error) {
	provider := connection.Strategy(r.path("provider"))
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.Unlink(r.ctx(), r.tenantID(), r.path("id"), provider, r.path("user_id"))
	}, func(change *account.Change) (answer, error) { return ok(change.User.ShownIdentities()) })
}
