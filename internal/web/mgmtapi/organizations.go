package mgmtapi

import (
	"context"
	"errors"
	"net/http"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// organizations: Auth0 docs, "Organizations". They are kept with their connections and members; no login asks for one yet.
var organizations = &collection{
	kind: "organizations", plural: "organizations", newID: func() string { return ident.Prefixed("org", 16) },
	key:     func(d resource.Document) string { return text(d, "name") },
	missing: notFoundError("", "No organization found by that id or name"),
	taken:   problem{Status: 409, Code: "organization_conflict", Message: "An organization with the same name already exists"},
	prepare: prepareOrganization,
	saved:   organizationSaved,
	removed: func(r *request, ctx context.Context, gone *resource.Resource) error {
		if err := r.Resources.DeleteResourcesOf(ctx, r.tenantID(), organizationConnections, gone.ID); err != nil {
			return err
		}
		return r.Users.DeleteItemEverywhere(ctx, r.tenantID(), memberships, gone.ID)
	},
}

const (
	// organizationConnections belong to an organization; their id is "<organization>/<connection>".
	organizationConnections resource.Kind = "organization_connections"
	// memberships is the kind of a user's items that are organizations, by the organization's id.
	memberships = "organization"
)

func (a *api) organizations() []route {
	readConnections, createConnections := anyOf("read:organization_connections"), anyOf("create:organization_connections")
	updateConnections, deleteConnections := anyOf("update:organization_connections"), anyOf("delete:organization_connections")
	return []route{
		{"GET /organizations", "Get organizations", anyOf("read:organizations", "read:organizations_summary"), organizations.list},
		{"POST /organizations", "Create an Organization", anyOf("create:organizations"), organizations.create},
		{"GET /organizations/name/{name}", "Get organization by name", anyOf("read:organizations"), organizationByName},
		{"GET /organizations/{id}", "Get organization", anyOf("read:organizations", "read:organizations_summary"), organizations.get},
		{"PATCH /organizations/{id}", "Modify an Organization", anyOf("update:organizations"), organizations.update},
		{"DELETE /organizations/{id}", "Delete organization", anyOf("delete:organizations"), organizations.remove},

		{"GET /organizations/{id}/connections", "Get connections enabled for an organization", readConnections, listConnections("connections", everyConnection)},
		{"POST /organizations/{id}/connections", "Add connections to an organization", createConnections, addConnection(everyConnection)},
		{"GET /organizations/{id}/connections/{connection_id}", "Get an enabled connection for an organization", readConnections, getConnection(everyConnection)},
		{"PATCH /organizations/{id}/connections/{connection_id}", "Update the Connection of an Organization", updateConnections, changeConnection(everyConnection)},
		{"DELETE /organizations/{id}/connections/{connection_id}", "Delete connections from an Organization", deleteConnections, removeConnection(everyConnection)},
		{"GET /organizations/{id}/enabled_connections", "Get connections enabled for an organization", readConnections, listConnections("enabled_connections", enabledConnection)},
		{"POST /organizations/{id}/enabled_connections", "Add connections to an organization", createConnections, addConnection(enabledConnection)},
		{"GET /organizations/{id}/enabled_connections/{connectionId}", "Get an enabled connection for an organization", readConnections, getConnection(enabledConnection)},
		{"PATCH /organizations/{id}/enabled_connections/{connectionId}", "Update the Connection of an Organization", updateConnections, changeConnection(enabledConnection)},
		{"DELETE /organizations/{id}/enabled_connections/{connectionId}", "Delete connections from an Organization", deleteConnections, removeConnection(enabledConnection)},

		{"GET /organizations/{id}/members", "Get members who belong to an organization", anyOf("read:organization_members"), organizationMembers},
		{"POST /organizations/{id}/members", "Add members to an organization", anyOf("create:organization_members"), addMembers},
		{"DELETE /organizations/{id}/members", "Delete members from an organization", anyOf("delete:organization_members"), removeMembers},
	}
}

// prepareOrganization leaves the connections that a new organization begins with to organizationSaved.
func prepareOrganization(r *request, d resource.Document) error {
	defaults(d, resource.Document{"third_party_client_access": "block"})
	if _, given := d["enabled_connections"]; !given {
		return nil
	}
	delete(d, "enabled_connections")
	return anyOf("create:organization_connections").check(r.token)
}

// organizationSaved gives a new organization the connections that it begins with.
func organizationSaved(r *request, ctx context.Context, before, after *resource.Resource) error {
	if before != nil {
		return nil
	}
	list, _ := r.doc()["enabled_connections"].([]any)
	for _, one := range list {
		d, _ := one.(map[string]any)
		if _, err := r.createConnection(ctx, after.ID, d); err != nil {
			return err
		}
	}
	return nil
}

func organizationByName(r *request) (answer, error) {
	stored, err := r.Resources.ResourceByKey(r.ctx(), r.tenantID(), organizations.kind, r.path("name"))
	if errors.Is(err, resource.ErrNotFound) {
		return answer{}, organizations.missing
	}
	if err != nil {
		return answer{}, err
	}
	shown, err := organizations.show(r, stored)
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

// connectionView is one of the two ways to see an organization's connections: the older one knows only those that are
// enabled, and less about them.
type connectionView struct {
	param string   // of the path
	hides []string // members
	all   bool     // those too that are not enabled
}

var (
	everyConnection   = connectionView{param: "connection_id", all: true}
	enabledConnection = connectionView{param: "connectionId", hides: []string{"is_enabled", "organization_access_level", "organization_connection_name"}}
)

// show gives a connection as the view has it, or nil when the view does not have it or the connection is gone.
func (v connectionView) show(r *request, stored *resource.Resource) (resource.Document, error) {
	if !v.all && stored.Document["is_enabled"] != true {
		return nil, nil
	}
	connection, err := r.Resources.Resource(r.ctx(), r.tenantID(), resource.Connections, text(stored.Document, "connection_id"))
	if errors.Is(err, resource.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	shown := clone(stored.Visible())
	for _, name := range v.hides {
		delete(shown, name)
	}
	shown["connection"] = resource.Document{"name": connection.Document["name"], "strategy": connection.Document["strategy"]}
	return shown, nil
}

// find reads the connection of the path.
func (v connectionView) find(r *request, ctx context.Context) (*resource.Resource, resource.Document, error) {
	if _, err := organizations.find(r, ctx, r.path("id")); err != nil {
		return nil, nil, err
	}
	missing := notFoundError("", "No connection found by that id")
	stored, err := r.Resources.Resource(ctx, r.tenantID(), organizationConnections, r.path("id")+"/"+r.path(v.param))
	if errors.Is(err, resource.ErrNotFound) {
		return nil, nil, missing
	}
	if err != nil {
		return nil, nil, err
	}
	shown, err := v.show(r, stored)
	if err == nil && shown == nil {
		err = missing
	}
	return stored, shown, err
}

func listConnections(plural string, v connectionView) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		if _, err := organizations.find(r, r.ctx(), r.path("id")); err != nil {
			return answer{}, err
		}
		all, err := r.Resources.Resources(r.ctx(), r.tenantID(), organizationConnections, resource.Page{Parent: r.path("id")})
		if err != nil {
			return answer{}, err
		}
		items := []resource.Document{}
		for _, stored := range all {
			if asked := r.query("is_enabled"); v.all && asked != "" && (asked == "true") != (stored.Document["is_enabled"] == true) {
				continue
			}
			shown, err := v.show(r, stored)
			if err != nil {
				return answer{}, err
			}
			if shown != nil {
				items = append(items, shown)
			}
		}
		return slice(r, r.paging(defaultPage), plural, items, itself)
	}
}

func getConnection(v connectionView) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		_, shown, err := v.find(r, r.ctx())
		if err != nil {
			return answer{}, err
		}
		return ok(shown)
	}
}

func addConnection(v connectionView) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		return r.commit(func(ctx context.Context) (answer, error) {
			if _, err := organizations.find(r, ctx, r.path("id")); err != nil {
				return answer{}, err
			}
			stored, err := r.createConnection(ctx, r.path("id"), r.doc())
			if err != nil {
				return answer{}, err
			}
			shown, err := v.show(r, stored)
			return answer{status: http.StatusCreated, body: shown}, err
		})
	}
}

// createConnection gives an organization a connection.
func (r *request) createConnection(ctx context.Context, organizationID string, payload resource.Document) (*resource.Resource, error) {
	connectionID := text(payload, "connection_id")
	if _, err := connections.find(r, ctx, connectionID); err != nil {
		return nil, err
	}
	d := clone(payload)
	defaults(d, resource.Document{
		"is_signup_enabled": false, "assign_membership_on_login": false, "show_as_button": true, "is_enabled": true,
		"organization_access_level": "none",
	})
	stored := &resource.Resource{
		Kind: organizationConnections, ID: organizationID + "/" + connectionID, Parent: organizationID, Document: d,
		CreatedAt: r.now(), UpdatedAt: r.now(),
	}
	err := r.Resources.CreateResource(ctx, r.tenantID(), stored)
	if errors.Is(err, resource.ErrExists) {
		return nil, conflict("The connection has already been added to this organization.")
	}
	return stored, err
}

func changeConnection(v connectionView) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		return r.commit(func(ctx context.Context) (answer, error) {
			stored, _, err := v.find(r, ctx)
			if err != nil {
				return answer{}, err
			}
			after := *stored
			after.Document, after.UpdatedAt = clone(stored.Document), r.now()
			merge(after.Document, clone(r.doc()), nil)
			if err := r.Resources.UpdateResource(ctx, r.tenantID(), &after); err != nil {
				return answer{}, err
			}
			shown, err := v.show(r, &after)
			return answer{status: http.StatusOK, body: shown}, err
		})
	}
}

// removeConnection answers the same whether the organization had the connection or not.
func removeConnection(v connectionView) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		return r.commit(func(ctx context.Context) (answer, error) {
			if _, err := organizations.find(r, ctx, r.path("id")); err != nil {
				return answer{}, err
			}
			err := r.Resources.DeleteResource(ctx, r.tenantID(), organizationConnections, r.path("id")+"/"+r.path(v.param))
			if err != nil && !errors.Is(err, resource.ErrNotFound) {
				return answer{}, err
			}
			return noContent()
		})
	}
}

func organizationMembers(r *request) (answer, error) {
	if _, err := organizations.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	return r.usersWith("members", memberships, r.path("id"), func(u *user.User) resource.Document {
		return resource.Document{"user_id": u.ID, "email": u.Email, "picture": u.Picture, "name": u.Name}
	})
}

func addMembers(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		if _, err := organizations.find(r, ctx, r.path("id")); err != nil {
			return answer{}, err
		}
		return answer{status: http.StatusNoContent}, r.putItems(ctx, memberships, r.path("id"), texts(r.doc(), "members"))
	})
}

func removeMembers(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		if _, err := organizations.find(r, ctx, r.path("id")); err != nil {
			return answer{}, err
		}
		for _, id := range texts(r.doc(), "members") {
			if _, err := r.Users.DeleteUserItem(ctx, r.tenantID(), id, memberships, r.path("id")); err != nil {
				return answer{}, err
			}
		}
		return answer{status: http.StatusNoContent}, nil
	})
}
