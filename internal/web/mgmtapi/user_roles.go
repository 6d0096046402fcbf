package mgmtapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// What users may do: Auth0 docs, "Role-Based Access Control". A user has roles, and permissions beside them; both are items
// of the user. Groups, which would give further ones, are not there.

func (a *api) userAccess() []route {
	permissionScopes := anyOf("update:users")
	return []route{
		{"GET /users/{id}/roles", "Get a user's roles", allOf("read:users", "read:roles"), listUserRoles},
		{"POST /users/{id}/roles", "Assign roles to a user", anyOf("update:users", "create:role_members"), addUserRoles},
		{"DELETE /users/{id}/roles", "Remove roles from a user", anyOf("update:users", "delete:role_members"), removeUserRoles},
		{"GET /users/{id}/permissions", "Get a User's Permissions", anyOf("read:users"), listUserPermissions},
		{"POST /users/{id}/permissions", "Assign Permissions to a User", permissionScopes, addUserPermissions},
		{"DELETE /users/{id}/permissions", "Remove Permissions from a User", permissionScopes, removeUserPermissions},

		{"GET /users/{id}/effective-roles", "Get a User's Effective Roles", anyOf("read:user_effective_roles"), effectiveRoles},
		{"GET /users/{id}/effective-roles/sources/groups", "Get the Groups That Give a User a Role", anyOf("read:user_role_source_groups"), under(userOfPath, noneBehind("groups"))},
		{"GET /users/{id}/effective-permissions", "Get a User's Effective Permissions", anyOf("read:user_effective_permissions"), effectivePermissions},
		{"GET /users/{id}/effective-permissions/sources/effective-roles", "Get the Roles That Give a User a Permission", anyOf("read:user_permission_source_roles"), permissionSources},

		{"GET /users/{id}/organizations", "List a User's Organizations", anyOf("read:organizations"), userOrganizations},
		{"GET /users/{id}/groups", "Get a User's Groups", anyOf("read:groups"), under(userOfPath, none("groups"))},
		{"GET /users/{id}/connected-accounts", "Get a User's Connected Accounts", anyOf("read:users"), under(userOfPath, noneBehind("connected_accounts"))},
		{
			"GET /users/{id}/federated-connections-tokensets", "Get a User's Token Sets", anyOf("read:federated_connections_tokens"),
			under(userOfPath, func(*request) (answer, error) { return ok([]resource.Document{}) }),
		},
		{
			"DELETE /users/{id}/federated-connections-tokensets/{tokenset_id}", "Delete a Token Set", anyOf("delete:federated_connections_tokens"),
			under(userOfPath, refuse(noPage)),
		},
	}
}

// userPermissions is the kind of a user's items that are permissions, by the permission's key.
const userPermissions = "permission"

// key names a permission among a user's items, however long its names are.
func (p permission) key() string {
	sum := sha256.Sum256([]byte(p.API + "\x00" + p.Name))
	return hex.EncodeToString(sum[:])
}

// document is a permission as payloads and items have it.
func (p permission) document() resource.Document {
	return resource.Document{"resource_server_identifier": p.API, "permission_name": p.Name}
}

// itemsOf gives the items of the user that the path names.
func (r *request) itemsOf(kind string) ([]user.Item, error) {
	if err := userOfPath(r); err != nil {
		return nil, err
	}
	return r.Users.UserItems(r.ctx(), r.tenantID(), r.path("id"), kind)
}

// things gives the resources that are the user's items of a kind, in the order in which the user got them.
func (r *request) things(itemKind string, kind resource.Kind) ([]*resource.Resource, error) {
	items, err := r.itemsOf(itemKind)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	all, err := r.everyResource(r.ctx(), kind)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*resource.Resource, len(all))
	for _, one := range all {
		byID[one.ID] = one
	}
	found := make([]*resource.Resource, 0, len(items))
	for _, item := range items {
		if one := byID[item.ID]; one != nil {
			found = append(found, one)
		}
	}
	return found, nil
}

func (r *request) rolesOfUser() ([]*resource.Resource, error) { return r.things(userRoles, roles.kind) }

func (r *request) showRole(role *resource.Resource) (resource.Document, error) {
	return roles.show(r, role)
}

func listUserRoles(r *request) (answer, error) {
	found, err := r.rolesOfUser()
	if err != nil {
		return answer{}, err
	}
	return slice(r, r.paging(defaultPage), "roles", found, r.showRole)
}

// addUserRoles gives the user roles, all of which must be there.
func addUserRoles(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		for _, id := range texts(r.doc(), "roles") {
			if _, err := roles.find(r, ctx, id); err != nil {
				return answer{}, err
			}
			if err := r.putItems(ctx, userRoles, id, []string{r.path("id")}); err != nil {
				return answer{}, err
			}
		}
		return noContent()
	})
}

func removeUserRoles(r *request) (answer, error) {
	return r.removeItems(userRoles, texts(r.doc(), "roles"))
}

// removeItems takes items from the user that the path names; those that the user does not have are gone already.
func (r *request) removeItems(kind string, ids []string) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		if _, err := r.Users.User(ctx, r.tenantID(), r.path("id")); err != nil {
			return answer{}, err
		}
		for _, id := range ids {
			if _, err := r.Users.DeleteUserItem(ctx, r.tenantID(), r.path("id"), kind, id); err != nil {
				return answer{}, err
			}
		}
		return noContent()
	})
}

// granted is a permission of a user and where it comes from.
type granted struct {
	permission
	direct bool
	roles  []*resource.Resource
	shown  resource.Document
}

// permissionsOfUser gives what a user may do, directly and by roles. What no API defines any more is left out.
func (r *request) permissionsOfUser() ([]granted, error) {
	items, err := r.itemsOf(userPermissions)
	if err != nil {
		return nil, err
	}
	var all []granted
	at := map[permission]int{}
	place := func(p permission) *granted {
		i, there := at[p]
		if !there {
			i = len(all)
			at[p], all = i, append(all, granted{permission: p})
		}
		return &all[i]
	}
	for _, item := range items {
		var d resource.Document
		if err := json.Unmarshal(item.Document, &d); err != nil {
			return nil, err
		}
		place(permission{API: text(d, "resource_server_identifier"), Name: text(d, "permission_name")}).direct = true
	}
	has, err := r.rolesOfUser()
	if err != nil {
		return nil, err
	}
	for _, role := range has {
		for _, p := range permissionsOf(role.Document[grantedPermissions]) {
			g := place(p)
			g.roles = append(g.roles, role)
		}
	}
	for i := range all {
		if all[i].shown, err = r.describe(r.ctx(), all[i].permission); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(g granted) bool { return g.shown == nil }), nil
}

func listUserPermissions(r *request) (answer, error) {
	all, err := r.permissionsOfUser()
	if err != nil {
		return answer{}, err
	}
	return slice(r, r.paging(defaultPage), "permissions", all, func(g granted) (resource.Document, error) {
		source := func(id, name, kind string) resource.Document {
			return resource.Document{"source_id": id, "source_name": name, "source_type": kind}
		}
		sources := []resource.Document{}
		if g.direct {
			sources = append(sources, source("", "", "DIRECT"))
		}
		for _, role := range g.roles {
			sources = append(sources, source(role.ID, text(role.Document, "name"), "ROLE"))
		}
		g.shown["sources"] = sources
		return g.shown, nil
	})
}

// addUserPermissions gives the user permissions that APIs define.
func addUserPermissions(r *request) (answer, error) {
	named, err := r.knownPermissions(r.ctx())
	if err != nil {
		return answer{}, err
	}
	return r.commit(func(ctx context.Context) (answer, error) {
		for _, p := range named {
			text, err := json.Marshal(p.document())
			if err != nil {
				return answer{}, err
			}
			item := user.Item{UserID: r.path("id"), Kind: userPermissions, ID: p.key(), Document: text, CreatedAt: r.now()}
			if err := r.Users.PutUserItem(ctx, r.tenantID(), item); err != nil {
				return answer{}, err
			}
		}
		return created(resource.Document{})
	})
}

func removeUserPermissions(r *request) (answer, error) {
	var keys []string
	for _, p := range permissionsOf(r.doc()["permissions"]) {
		keys = append(keys, p.key())
	}
	return r.removeItems(userPermissions, keys)
}

// revokePermissions takes permissions from every user and role: what an API does not define any more is nobody's, and stays so when
// it is defined anew.
func (r *request) revokePermissions(ctx context.Context, gone []permission) error {
	if len(gone) == 0 {
		return nil
	}
	for _, p := range gone {
		if err := r.Users.DeleteItemEverywhere(ctx, r.tenantID(), userPermissions, p.key()); err != nil {
			return err
		}
	}
	all, err := r.everyResource(ctx, roles.kind)
	if err != nil {
		return err
	}
	for _, role := range all {
		before := permissionsOf(role.Document[grantedPermissions])
		left := []any{}
		for _, p := range before {
			if !slices.Contains(gone, p) {
				left = append(left, p.document())
			}
		}
		if len(left) == len(before) {
			continue
		}
		after := *role
		after.Document = clone(role.Document)
		after.Document[grantedPermissions] = left
		if err := r.Resources.UpdateResource(ctx, r.tenantID(), &after); err != nil {
			return err
		}
	}
	return nil
}

// The sources of what is effective: everything is given to the user or to a role, nothing to groups.
const (
	sourceDirect = "direct"
	sourceRoles  = "roles"
)

// showEffectiveRole is a role that the user has without any group.
func (r *request) showEffectiveRole(role *resource.Resource) (resource.Document, error) {
	shown, err := r.showRole(role)
	if err != nil {
		return nil, err
	}
	shown["sources"] = []string{sourceDirect}
	return shown, nil
}

func effectiveRoles(r *request) (answer, error) {
	found, err := r.rolesOfUser()
	if err != nil {
		return answer{}, err
	}
	return behind(r, "roles", found, r.showEffectiveRole)
}

// permissionsAt gives the user's permissions at the API that the query names.
func (r *request) permissionsAt() ([]granted, error) {
	all, err := r.permissionsOfUser()
	if err != nil {
		return nil, err
	}
	api := r.query("resource_server_identifier")
	return slices.DeleteFunc(all, func(g granted) bool { return g.API != api }), nil
}

func effectivePermissions(r *request) (answer, error) {
	all, err := r.permissionsAt()
	if err != nil {
		return answer{}, err
	}
	return behind(r, "permissions", all, func(g granted) (resource.Document, error) {
		var sources []string
		if g.direct {
			sources = append(sources, sourceDirect)
		}
		if len(g.roles) > 0 {
			sources = append(sources, sourceRoles)
		}
		g.shown["sources"] = sources
		return g.shown, nil
	})
}

// permissionSources lists the roles that give the user a permission.
func permissionSources(r *request) (answer, error) {
	all, err := r.permissionsAt()
	if err != nil {
		return answer{}, err
	}
	var giving []*resource.Resource
	for _, g := range all {
		if g.Name == r.query("permission_name") {
			giving = g.roles
		}
	}
	return behind(r, "roles", giving, r.showEffectiveRole)
}

func userOrganizations(r *request) (answer, error) {
	found, err := r.things(memberships, organizations.kind)
	if err != nil {
		return answer{}, err
	}
	return slice(r, r.paging(defaultPage), "organizations", found, func(o *resource.Resource) (resource.Document, error) {
		return organizations.show(r, o)
	})
}

// isMember reports whether the user belongs to an organization.
func (r *request) isMember(userID, organizationID string) (bool, error) {
	items, err := r.Users.UserItems(r.ctx(), r.tenantID(), userID, memberships)
	return slices.ContainsFunc(items, func(i user.Item) bool { return i.ID == organizationID }), err
}

// checkOrganization refuses an organization that is not there.
func (r *request) checkOrganization(id string) error {
	_, err := organizations.find(r, r.ctx(), id)
	if errors.Is(err, organizations.missing) {
		return problem{Status: 400, Message: "The organization does not exist"}
	}
	return err
}
