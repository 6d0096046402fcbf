package mgmtapi

import (
	"context"
	"errors"
	"slices"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
)

// Client grants: Auth0 docs, "Management API v2: Client Grants". They say which APIs a client may call on its own behalf
// (subject type client) or for users (subject type user).

var clientGrants = &collection{
	kind: resource.ClientGrants, plural: "client_grants", newID: ident.ClientGrantID,
	key: func(d resource.Document) string {
		holder := text(d, "client_id")
		if holder == "" {
			holder = "default_for:" + text(d, "default_for")
		}
		return resourceserver.GrantKey(holder, text(d, "audience"), text(d, "subject_type"))
	},
	missing:    notFoundError("inexistent_client_grant", "The grant does not exist."),
	taken:      conflict("A client grant for the same client and resource server already exists."),
	prepare:    prepareClientGrant,
	check:      checkClientGrant,
	keep:       clientGrantFilter,
	idempotent: true,
}

func (a *api) clientGrants() []route {
	return []route{
		{"GET /client-grants", "Get client grants", anyOf("read:client_grants"), clientGrants.list},
		{"POST /client-grants", "Create a client grant", anyOf("create:client_grants"), clientGrants.create},
		{"GET /client-grants/{id}", "Get a client grant", anyOf("read:client_grants"), clientGrants.get},
		{"PATCH /client-grants/{id}", "Update a client grant", anyOf("update:client_grants"), clientGrants.update},
		{"DELETE /client-grants/{id}", "Delete a client grant", anyOf("delete:client_grants"), clientGrants.remove},
		{"GET /client-grants/{id}/organizations", "Get the organizations of a client grant", anyOf("read:organization_client_grants"), clientGrantOrganizations},
	}
}

func prepareClientGrant(r *request, d resource.Document) error {
	defaults(d, resource.Document{"subject_type": resourceserver.ForClients})
	if d["allow_all_scopes"] != true {
		defaults(d, resource.Document{"scope": []any{}})
	}
	if text(d, "client_id") == "" && text(d, "default_for") == "" {
		return invalidBody("Payload validation error: 'Missing required property: client_id'.")
	}
	if text(d, "client_id") != "" && text(d, "default_for") != "" {
		return invalidBody("Only one of client_id and default_for may be given.")
	}
	return nil
}

func checkClientGrant(r *request, ctx context.Context, before, after resource.Document) error {
	_, err := r.Resources.ResourceByKey(ctx, r.tenantID(), resource.ResourceServers, text(after, "audience"))
	if errors.Is(err, resource.ErrNotFound) {
		return notFoundError("", "Resource server not found")
	}
	if err != nil {
		return err
	}
	if id := text(after, "client_id"); id != "" && before == nil {
		if _, err := r.Resources.Resource(ctx, r.tenantID(), resource.Clients, id); err != nil {
			if errors.Is(err, resource.ErrNotFound) {
				return notFoundError("", "Client not found")
			}
			return err
		}
	}
	if after["allow_all_scopes"] == true && len(texts(after, "scope")) > 0 && r.doc()["scope"] != nil {
		return invalidBody("scope cannot be set when allow_all_scopes is true")
	}
	return nil
}

// clientGrantFilter keeps the grants that the query asks for.
func clientGrantFilter(r *request) func(*resource.Resource) bool {
	members := []string{"audience", "client_id", "subject_type", "default_for"}
	if !slices.ContainsFunc(append(members, "allow_any_organization"), func(name string) bool { return r.query(name) != "" }) {
		return nil
	}
	return func(stored *resource.Resource) bool {
		for _, name := range members {
			if asked := r.query(name); asked != "" && asked != text(stored.Document, name) {
				return false
			}
		}
		asked := r.query("allow_any_organization")
		return asked == "" || (asked == "true") == (stored.Document["allow_any_organization"] == true)
	}
}

// clientGrantOrganizations lists no organization: grants are not tied to any.
func clientGrantOrganizations(r *request) (answer, error) {
	if _, err := clientGrants.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	return slice(r, r.paging(defaultPage), "organizations", []*resource.Resource{}, func(*resource.Resource) (resource.Document, error) { return nil, nil })
}
