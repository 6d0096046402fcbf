package mgmtapi

import (
	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// roles: Auth0 docs, "Role-Based Access Control". A role names permissions of APIs; users have roles.
var roles = &collection{
	kind: "roles", plural: "roles", newID: func() string { return ident.Prefixed("rol", 16) },
	key:          func(d resource.Document) string { return text(d, "name") },
	missing:      notFoundError("", "The role does not exist."),
	taken:        conflict("The role already exists."),
	createStatus: 200, deleteStatus: 200,
	keep: func(r *request) func(*resource.Resource) bool {
		return nameFilter(r.query("name_filter"), "name")
	},
}

func (a *api) roles() []route {
	return []route{
		{"GET /roles", "Get all roles", anyOf("read:roles"), roles.list},
		{"POST /roles", "Create a role", anyOf("create:roles"), roles.create},
		{"GET /roles/{id}", "Get a role", anyOf("read:roles"), roles.get},
		{"PATCH /roles/{id}", "Update a role", anyOf("update:roles"), roles.update},
		{"DELETE /roles/{id}", "Delete a role", anyOf("delete:roles"), roles.remove},
	}
}
