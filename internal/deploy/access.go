package deploy

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// resourceServers is resource-servers/: the tenant's APIs, without the Management API
// (https://auth0.com/docs/api/management/v2/resource-servers).
func resourceServers() *kind {
	return &kind{
		name: "resourceServers", order: 50, skipEmpty: true, files: manyFiles{dir: "resource-servers"},
		match: []matchKey{{"id"}, {"identifier"}}, id: "id", path: "resource-servers",
		check: func(it *item) error {
			for _, name := range []string{"name", "identifier"} {
				if text(it.object, name) == "" {
					return it.source.refuse(name, "an API needs it")
				}
			}
			return nil
		},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			found, err := s.pages(ctx, "resource-servers")
			all := list(found, "id")
			for _, st := range all {
				st.hidden = st.raw["is_system"] == true
				if id := text(st.object, "client_id"); id != "" && err == nil {
					st.object["client_id"], err = s.name(ctx, "clients", id)
				}
			}
			return all, err
		},
		secrets: func(o object) []secret {
			return []secret{{path: "signing_secret", mask: marker("RESOURCE_SERVERS_%s_SIGNING_SECRET", text(o, "name"))}}
		},
		readOnly: []string{"client_id", "is_system"},
		fixed:    []string{"identifier"},
	}
}

// clientGrants is grants/: which client may ask for which scopes of which API
// (https://auth0.com/docs/api/management/v2/client-grants).
func clientGrants() *kind {
	return &kind{
		name: "clientGrants", order: 60, skipEmpty: true, files: manyFiles{dir: "grants", name: grantFile},
		match: []matchKey{{"id"}, {"client_id", "audience", "subject_type"}, {"client_id", "audience"}, {"default_for", "audience"}},
		id:    "id", path: "client-grants",
		title: func(o object) string {
			return text(o, "client_id") + text(o, "default_for") + " -> " + text(o, "audience")
		},
		check: func(it *item) error {
			if (text(it.object, "client_id") == "") == (text(it.object, "default_for") == "") {
				return it.source.refuse("client_id", "a grant has exactly one of client_id and default_for")
			}
			if it.object["allow_all_scopes"] == true && !empty(it.object["scope"]) {
				return it.source.refuse("scope", "allow_all_scopes grants every scope; one of the two must go")
			}
			return nil
		},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			found, err := s.checkpoints(ctx, "client-grants")
			all := list(found, "id")
			for _, st := range all {
				id := text(st.raw, "client_id")
				st.hidden = st.raw["is_system"] == true || (id != "" && id == s.tenant.ManagingClient)
				if id != "" && err == nil {
					st.object["client_id"], err = s.name(ctx, "clients", id)
				}
			}
			return all, err
		},
		dropped:  []string{"is_system"},
		readOnly: []string{"is_system"},
		fixed:    []string{"audience", "client_id", "default_for"},
		replaced: []string{"subject_type"},
		prepare: func(ctx context.Context, s *session, want object, _ *stored) (err error) {
			if ref := text(want, "client_id"); ref != "" {
				want["client_id"], err = s.named(ctx, "clients", ref)
			}
			return err
		},
		body: func(ctx context.Context, r *run, c *Change, body object) (err error) {
			if c.Action == Update {
				for _, name := range []string{"audience", "client_id", "default_for", "subject_type"} {
					delete(body, name)
				}
				return nil
			}
			if ref := text(body, "client_id"); ref != "" {
				body["client_id"], err = r.reference(ctx, "clients", ref)
			}
			return err
		},
	}
}

var managementAudience = regexp.MustCompile(`^https?://[^/]+/api/v2/$`)

// grantFile names a grant's file after the client and the API.
func grantFile(t *tree, o object) string {
	audience := text(o, "audience")
	api := t.apis[audience]
	switch {
	case api == "" && managementAudience.MatchString(audience):
		api = "Auth0 Management API"
	case api == "":
		api = audience
	}
	return text(o, "client_id") + text(o, "default_for") + "-" + api
}

// roles is roles/: roles with their permissions (https://auth0.com/docs/api/management/v2/roles).
func roles() *kind {
	return &kind{
		name: "roles", order: 60, files: manyFiles{dir: "roles"},
		match: []matchKey{{"id"}, {"name"}}, id: "id", path: "roles",
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			found, err := s.pages(ctx, "roles?type=tenant")
			all := list(found, "id")
			for _, st := range all {
				permissions, err := s.pages(ctx, under("roles", st.id, "permissions"))
				if err != nil {
					return nil, err
				}
				shown := []any{}
				for _, p := range permissions {
					shown = append(shown, permission(p))
				}
				slices.SortFunc(shown, func(a, b any) int { return strings.Compare(show(a), show(b)) })
				st.object["permissions"] = shown
			}
			return all, err
		},
		strip: func(o object) {
			if o["description"] == nil {
				delete(o, "description")
			}
		},
		body: func(_ context.Context, _ *run, _ *Change, body object) error {
			delete(body, "permissions")
			return nil
		},
		after: applyPermissions,
	}
}

func permission(o object) object { return pick(o, "permission_name", "resource_server_identifier") }

// applyPermissions adds and removes what differs between the role and the file.
func applyPermissions(ctx context.Context, r *run, c *Change) error {
	listed, told := c.item.object["permissions"]
	if !told || (c.Action == Update && !c.changes("permissions")) {
		return nil
	}
	wanted := map[string]object{}
	for _, p := range objects(listed) {
		wanted[show(permission(p))] = permission(p)
	}
	var gone, more []any
	if c.Action == Update {
		for _, p := range objects(c.stored.object["permissions"]) {
			if wanted[show(p)] == nil {
				gone = append(gone, p)
			}
			delete(wanted, show(p))
		}
	}
	for _, p := range objects(listed) {
		if wanted[show(permission(p))] != nil {
			more = append(more, permission(p))
			delete(wanted, show(permission(p)))
		}
	}
	path := under("roles", c.stored.id, "permissions")
	if len(gone) > 0 {
		if _, err := call(ctx, r.tenant.API, http.MethodDelete, path, object{"permissions": gone}); err != nil {
			return err
		}
	}
	if len(more) == 0 {
		return nil
	}
	_, err := call(ctx, r.tenant.API, http.MethodPost, path, object{"permissions": more})
	return err
}

// organizations is organizations/: organizations with the connections their members log in by
// (https://auth0.com/docs/api/management/v2/organizations).
func organizations() *kind {
	return &kind{
		name: "organizations", order: 70, files: manyFiles{dir: "organizations"},
		match: []matchKey{{"id"}, {"name"}}, id: "id", path: "organizations",
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			found, err := s.checkpoints(ctx, "organizations")
			all := list(found, "id")
			for _, st := range all {
				enabled, err := s.pages(ctx, under("organizations", st.id, "enabled_connections"))
				if err != nil {
					return nil, err
				}
				connections := []any{}
				for _, o := range enabled {
					if connection, ok := o["connection"].(object); ok {
						o["name"] = text(connection, "name")
					}
					delete(o, "connection")
					delete(o, "connection_id")
					connections = append(connections, o)
				}
				st.object["connections"] = connections
			}
			return all, err
		},
		readOnly: []string{"client_grants", "discovery_domains", "clients"},
		prepare:  prepareOrganization,
		body: func(_ context.Context, _ *run, _ *Change, body object) error {
			delete(body, "connections")
			return nil
		},
		after: applyOrganizationConnections,
	}
}

// prepareOrganization leaves out, with a warning, what this server has no feature for and connections that do not exist.
func prepareOrganization(ctx context.Context, s *session, want object, _ *stored) error {
	for _, name := range []string{"client_grants", "discovery_domains", "clients"} {
		if !empty(want[name]) {
			s.warn("organizations: %s of %q: this server has no such feature; it is left out", name, text(want, "name"))
		}
	}
	if want["connections"] == nil {
		return nil
	}
	known := []any{}
	for _, o := range objects(want["connections"]) {
		connection, err := s.known(ctx, "connections", text(o, "name"))
		if err != nil {
			return err
		}
		database, err := s.known(ctx, "databases", text(o, "name"))
		if err != nil {
			return err
		}
		if !connection && !database {
			s.warn("organizations: %q names the connection %q, which does not exist; it is left out", text(want, "name"), text(o, "name"))
			continue
		}
		known = append(known, o)
	}
	want["connections"] = known
	return nil
}

// applyOrganizationConnections makes the organization's connections those of the file. Removing one does not need to be
// allowed: it deletes nothing but the link.
func applyOrganizationConnections(ctx context.Context, r *run, c *Change) error {
	listed, told := c.item.object["connections"]
	if !told || (c.Action == Update && !c.changes("connections")) {
		return nil
	}
	path := under("organizations", c.stored.id, "enabled_connections")
	now, err := r.pages(ctx, path)
	if err != nil {
		return err
	}
	enabled := map[string]bool{}
	for _, o := range now {
		enabled[text(o, "connection_id")] = true
	}
	for _, o := range objects(listed) {
		id, err := r.connectionID(ctx, text(o, "name"))
		if err != nil {
			return err
		}
		if id == "" { // the plan has told so
			continue
		}
		link := cloneObject(o)
		delete(link, "name")
		method, at := http.MethodPatch, under(path, id)
		if !enabled[id] {
			method, at = http.MethodPost, path
			link["connection_id"] = id
		}
		delete(enabled, id)
		if len(link) == 0 {
			continue
		}
		if _, err := call(ctx, r.tenant.API, method, at, link); err != nil {
			return err
		}
	}
	for id := range enabled {
		if _, err := call(ctx, r.tenant.API, http.MethodDelete, under(path, id), nil); err != nil {
			return err
		}
	}
	return nil
}

// connectionID gives the id of a connection or database by its name, or "".
func (s *session) connectionID(ctx context.Context, name string) (string, error) {
	id, err := s.id(ctx, "connections", name)
	if id == "" && err == nil {
		id, err = s.id(ctx, "databases", name)
	}
	return id, err
}
