package mgmtapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
	"latchkey/internal/user"
)

// roles: Auth0 docs, "Role-Based Access Control". A role names permissions of APIs; users have roles.
var roles = &collection{
	kind: "roles", plural: "roles", newID: func() string { return ident.Prefixed("rol", 16) },
	key:          func(d resource.Document) string { return text(d, "name") },
	missing:      notFoundError("", "The role does not exist."),
	taken:        conflict("The role already exists."),
	createStatus: 200, deleteStatus: 200,
	keep: keepRoles,
	present: func(_ *request, _ *resource.Resource, shown resource.Document) {
		defaults(shown, resource.Document{"description": ""})
	},
	removed: func(r *request, ctx context.Context, gone *resource.Resource) error {
		return r.Users.DeleteItemEverywhere(ctx, r.tenantID(), userRoles, gone.ID)
	},
}

// userRoles is the kind of a user's items that are roles, by the role's id.
const userRoles = "role"

// grantedPermissions is the member of a role's document that notes its permissions, as payloads name them.
const grantedPermissions = "$permissions"

func (a *api) roles() []route {
	return []route{
		{"GET /roles", "Get all roles", anyOf("read:roles"), roles.list},
		{"POST /roles", "Create a role", anyOf("create:roles"), roles.create},
		{"GET /roles/{id}", "Get a role", anyOf("read:roles"), roles.get},
		{"PATCH /roles/{id}", "Update a role", anyOf("update:roles"), roles.update},
		{"DELETE /roles/{id}", "Delete a role", anyOf("delete:roles"), roles.remove},
		{"GET /roles/{id}/permissions", "Get permissions granted by role", anyOf("read:roles"), rolePermissions},
		{"POST /roles/{id}/permissions", "Associate permissions with a role", anyOf("update:roles"), addRolePermissions},
		{"DELETE /roles/{id}/permissions", "Remove permissions from a role", anyOf("update:roles"), removeRolePermissions},
		{"GET /roles/{id}/users", "Get a role's users", allOf("read:users", "read:roles"), roleUsers},
		{"POST /roles/{id}/users", "Assign users to a role", anyOf("update:roles", "create:role_members"), addRoleUsers},
	}
}

// keepRoles finds roles by a part of their name and by whose they are: a role is the tenant's unless it says otherwise.
func keepRoles(r *request) func(*resource.Resource) bool {
	named, kind, owner := nameFilter(r.query("name_filter"), "name"), r.query("type"), r.query("owner_id")
	if named == nil && kind == "" && owner == "" {
		return nil
	}
	return func(stored *resource.Resource) bool {
		own := cmp.Or(text(stored.Document, "type"), "tenant")
		return (named == nil || named(stored)) && (kind == "" || kind == own) && (owner == "" || owner == text(stored.Document, "owner_id"))
	}
}

// permission is a scope of an API. Payloads and documents name it so; answers add what the API says of it.
type permission struct {
	API  string // resource_server_identifier
	Name string // permission_name
}

// permissionsOf reads the permissions that a list in a payload or document names.
func permissionsOf(list any) []permission {
	items, _ := list.([]any)
	all := make([]permission, 0, len(items))
	for _, one := range items {
		d, _ := one.(map[string]any)
		all = append(all, permission{API: text(d, "resource_server_identifier"), Name: text(d, "permission_name")})
	}
	return all
}

// describe gives a permission as answers show it, or nil when its API does not define it any more.
func (r *request) describe(ctx context.Context, p permission) (resource.Document, error) {
	server, err := r.APIs.ResourceServer(ctx, r.tenantID(), p.API)
	if errors.Is(err, resourceserver.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(server.Scopes, func(s resourceserver.Scope) bool { return s.Value == p.Name })
	if at < 0 {
		return nil, nil
	}
	return resource.Document{
		"permission_name": p.Name, "description": server.Scopes[at].Description,
		"resource_server_identifier": p.API, "resource_server_name": server.Name,
	}, nil
}

// listPermissions answers with a page of permissions. Those that are gone are left out.
func (r *request) listPermissions(all []permission) (answer, error) {
	shown := make([]resource.Document, 0, len(all))
	for _, p := range all {
		d, err := r.describe(r.ctx(), p)
		if err != nil {
			return answer{}, err
		}
		if d != nil {
			shown = append(shown, d)
		}
	}
	return slice(r, r.paging(defaultPage), "permissions", shown, itself)
}

// knownPermissions reads the permissions of a payload and refuses those that no API defines.
func (r *request) knownPermissions(ctx context.Context) ([]permission, error) {
	named := permissionsOf(r.doc()["permissions"])
	for _, p := range named {
		switch d, err := r.describe(ctx, p); {
		case err != nil:
			return nil, err
		case d == nil:
			return nil, invalidBody("The permission %s of the resource server %s does not exist.", p.Name, p.API)
		}
	}
	return named, nil
}

func rolePermissions(r *request) (answer, error) {
	role, err := roles.find(r, r.ctx(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return r.listPermissions(permissionsOf(role.Document[grantedPermissions]))
}

func addRolePermissions(r *request) (answer, error) {
	named, err := r.knownPermissions(r.ctx())
	if err != nil {
		return answer{}, err
	}
	a, err := r.changeRolePermissions(func(granted []permission) []permission {
		for _, p := range named {
			if !slices.Contains(granted, p) {
				granted = append(granted, p)
			}
		}
		return granted
	})
	a.status, a.body = http.StatusCreated, resource.Document{}
	return a, err
}

func removeRolePermissions(r *request) (answer, error) {
	named := permissionsOf(r.doc()["permissions"])
	a, err := r.changeRolePermissions(func(granted []permission) []permission {
		return slices.DeleteFunc(granted, func(p permission) bool { return slices.Contains(named, p) })
	})
	a.status, a.body = http.StatusNoContent, nil
	return a, err
}

func (r *request) changeRolePermissions(change func([]permission) []permission) (answer, error) {
	return roles.change(r, r.path("id"), func(after *resource.Resource) error {
		granted := []any{}
		for _, p := range change(permissionsOf(after.Document[grantedPermissions])) {
			granted = append(granted, map[string]any{"resource_server_identifier": p.API, "permission_name": p.Name})
		}
		after.Document[grantedPermissions] = granted
		return nil
	})
}

func roleUsers(r *request) (answer, error) {
	if _, err := roles.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	return r.usersWith("users", userRoles, r.path("id"), func(u *user.User) resource.Document {
		return resource.Document{"user_id": u.ID, "email": u.Email, "picture": u.Picture, "name": u.Name}
	})
}

// usersWith answers with a page of the users that have an item.
func (r *request) usersWith(plural, kind, itemID string, show func(*user.User) resource.Document) (answer, error) {
	p := r.paging(defaultPage)
	after, offset, limit := "", p.offset(), p.perPage
	if p.checkpoint {
		var err error
		if after, err = r.positionText(plural, p.from); err != nil {
			return answer{}, err
		}
		offset, limit = 0, p.take+1
	}
	found, err := r.Users.UsersWithItem(r.ctx(), r.tenantID(), kind, itemID, after, offset, limit)
	if err != nil {
		return answer{}, err
	}
	next := ""
	if p.checkpoint && len(found) > p.take {
		found = found[:p.take]
		if next, err = r.cursorText(plural, found[p.take-1].ID); err != nil {
			return answer{}, err
		}
	}
	items := make([]resource.Document, len(found))
	for i, u := range found {
		items[i] = show(u)
	}
	if p.checkpoint {
		return wrapNext(plural, items, next)
	}
	total := 0
	if p.totals {
		if total, err = r.Users.CountUsersWithItem(r.ctx(), r.tenantID(), kind, itemID); err != nil {
			return answer{}, err
		}
	}
	return p.wrap(plural, items, total)
}

// addRoleUsers gives the role to the users that the payload names.
func addRoleUsers(r *request) (answer, error) {
	ids := texts(r.doc(), "users")
	return r.commit(func(ctx context.Context) (answer, error) {
		if _, err := roles.find(r, ctx, r.path("id")); err != nil {
			return answer{}, err
		}
		return answer{status: http.StatusOK, body: resource.Document{"users": ids}}, r.putItems(ctx, userRoles, r.path("id"), ids)
	})
}

// putItems gives an item to users.
func (r *request) putItems(ctx context.Context, kind, itemID string, userIDs []string) error {
	for _, id := range userIDs {
		item := user.Item{UserID: id, Kind: kind, ID: itemID, Document: json.RawMessage("{}"), CreatedAt: r.now()}
		if err := r.Users.PutUserItem(ctx, r.tenantID(), item); err != nil {
			return err
		}
	}
	return nil
}
