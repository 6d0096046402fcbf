package mgmtapi

import (
	"context"

	"latchkey/internal/grant"
	"latchkey/internal/resource"
)

// Grants of users: Auth0 docs, "User Consent and Third-Party Applications". What a user allowed a client to do; taking it
// back ends the refresh tokens that were given for it.

func (a *api) grants() []route {
	remove := anyOf("delete:grants")
	return []route{
		{"GET /grants", "Get grants", anyOf("read:grants"), listGrants},
		{"DELETE /grants", "Delete a grant by user_id", remove, deleteGrantsOfUser},
		{"DELETE /grants/{id}", "Delete a grant by id", remove, deleteGrant},
	}
}

func listGrants(r *request) (answer, error) {
	p := r.paging(defaultPage)
	f := grant.ConsentFilter{UserID: r.query("user_id"), ClientID: r.query("client_id"), Audience: r.query("audience")}
	found, total, err := r.Grants.Consents(r.ctx(), r.tenantID(), f, p.offset(), p.perPage)
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, len(found))
	for i, c := range found {
		scope := make([]any, len(c.Scope))
		for j, one := range c.Scope {
			scope[j] = one
		}
		items[i] = resource.Document{"id": c.ID, "clientID": c.ClientID, "user_id": c.UserID, "audience": c.Audience, "scope": scope}
	}
	return p.wrap("grants", items, total)
}

// withdraw deletes the grants that a filter names; those that are gone are deleted already.
func (r *request) withdraw(f grant.ConsentFilter) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if _, err := r.Grants.Withdraw(ctx, r.tenantID(), f); err != nil {
			return answer{}, err
		}
		return noContent()
	})
}

func deleteGrant(r *request) (answer, error) {
	return r.withdraw(grant.ConsentFilter{ID: r.path("id")})
}

func deleteGrantsOfUser(r *request) (answer, error) {
	userID := r.query("user_id")
	if userID == "" {
		return answer{}, problem{Status: 400, Code: "invalid_query_string", Message: "Query validation error: 'Missing required property: user_id'."}
	}
	return r.withdraw(grant.ConsentFilter{UserID: userID})
}
