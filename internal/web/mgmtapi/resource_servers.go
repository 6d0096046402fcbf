package mgmtapi

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
)

// Resource servers: Auth0 docs, "Management API v2: Resource Servers", "API Settings".

var resourceServers = &collection{
	kind: resource.ResourceServers, plural: "resource_servers", newID: ident.ObjectID,
	key:     func(d resource.Document) string { return text(d, "identifier") },
	missing: errNoResourceServer,
	taken:   conflict("A resource server with the same identifier already exists."),
	byKey:   []string{"latchkey"},
	secrets: []string{resourceserver.SecretName},
	reveal: func(r *request) bool {
		return r.token.has("read:resource_servers") || r.token.has("create:resource_servers")
	},
	prepare: prepareResourceServer,
	check:   checkResourceServer,
	present: presentResourceServer,
	keep: func(r *request) func(*resource.Resource) bool {
		wanted := r.http.URL.Query()["identifiers"]
		if len(wanted) == 0 {
			return nil
		}
		return func(stored *resource.Resource) bool { return slices.Contains(wanted, stored.Key) }
	},
	saved: func(r *request, ctx context.Context, before, after *resource.Resource) error {
		return r.revokePermissions(ctx, slices.DeleteFunc(scopesOf(before), func(p permission) bool { return slices.Contains(scopesOf(after), p) }))
	},
	removed: resourceServerRemoved,
}

var errNoResourceServer = notFoundError("inexistent_resource_server", "The resource server does not exist")

func (a *api) resourceServers() []route {
	return []route{
		{"GET /resource-servers", "Get resource servers", anyOf("read:resource_servers"), resourceServers.list},
		{"POST /resource-servers", "Create a resource server", anyOf("create:resource_servers"), resourceServers.create},
		{"GET /resource-servers/{id}", "Get a resource server", anyOf("read:resource_servers"), getResourceServer},
		{"PATCH /resource-servers/{id}", "Update a resource server", anyOf("update:resource_servers"), updateResourceServer},
		{"DELETE /resource-servers/{id}", "Delete a resource server", anyOf("delete:resource_servers"), deleteResourceServer},
	}
}

var resourceServerDefaults = resource.Document{
	"allow_offline_access": false, "skip_consent_for_verifiable_first_party_clients": false, "token_lifetime": 86400.0,
	"token_lifetime_for_web": 7200.0, "signing_alg": "RS256",
}

func prepareResourceServer(r *request, d resource.Document) error {
	if identifier := text(d, "identifier"); strings.HasPrefix(identifier, r.site.Issuer()) {
		return invalidBody("The selected identifier is reserved.")
	}
	defaults(d, resourceServerDefaults)
	if text(d, "signing_alg") == "HS256" && text(d, resourceserver.SecretName) == "" {
		d[resourceserver.SecretName] = ident.Token(24)
	}
	return nil
}

func checkResourceServer(r *request, _ context.Context, before, after resource.Document) error {
	life, _ := after["token_lifetime"].(float64)
	web, _ := after["token_lifetime_for_web"].(float64)
	if web > life && before != nil {
		after["token_lifetime_for_web"] = life
	} else if web > life {
		if _, named := r.doc()["token_lifetime_for_web"]; named {
			return invalidBody("token_lifetime_for_web must be less than or equal to token_lifetime")
		}
		after["token_lifetime_for_web"] = life
	}
	seen := map[string]bool{}
	list, _ := after["scopes"].([]any)
	for _, one := range list {
		scope, _ := one.(map[string]any)
		if v := text(scope, "value"); seen[v] {
			return invalidBody("Duplicate scope: %s", v)
		}
		seen[text(scope, "value")] = true
	}
	return nil
}

func presentResourceServer(_ *request, stored *resource.Resource, shown resource.Document) {
	defaults(shown, resourceServerDefaults)
	if list, _ := shown["scopes"].([]any); len(list) == 0 && stored.Document["is_system"] != true {
		delete(shown, "scopes")
	}
	if shown["is_system"] == false {
		delete(shown, "is_system")
	}
}

// resourceServer finds the API of the path, which tools name by id or by identifier; some encode an identifier twice.
func resourceServer(r *request, ctx context.Context) (*resource.Resource, error) {
	name := r.path("id")
	stored, err := r.Resources.Resource(ctx, r.tenantID(), resource.ResourceServers, name)
	if errors.Is(err, resource.ErrNotFound) {
		stored, err = r.Resources.ResourceByKey(ctx, r.tenantID(), resource.ResourceServers, name)
	}
	if errors.Is(err, resource.ErrNotFound) {
		if again, broken := url.PathUnescape(name); broken == nil && again != name {
			stored, err = r.Resources.ResourceByKey(ctx, r.tenantID(), resource.ResourceServers, again)
		}
	}
	if errors.Is(err, resource.ErrNotFound) {
		return nil, errNoResourceServer
	}
	return stored, err
}

func getResourceServer(r *request) (answer, error) {
	stored, err := resourceServer(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	shown, err := resourceServers.show(r, stored)
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

// systemSettings are what may be changed of the Management API itself.
var systemSettings = []string{"token_lifetime", "token_lifetime_for_web", "skip_consent_for_verifiable_first_party_clients", "proof_of_possession", "latchkey"}

func updateResourceServer(r *request) (answer, error) {
	stored, err := resourceServer(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	return resourceServers.change(r, stored.ID, func(after *resource.Resource) error {
		patch := clone(r.doc())
		if after.Document["is_system"] == true {
			for name := range patch {
				if !slices.Contains(systemSettings, name) {
					return problem{Status: 400, Code: "invalid_body", Message: "System resource servers cannot be patched."}
				}
			}
		}
		merge(after.Document, patch, resourceServers.byKey)
		if text(after.Document, "signing_alg") == "HS256" && after.Sealed[resourceserver.SecretName] == nil && text(after.Document, resourceserver.SecretName) == "" {
			after.Document[resourceserver.SecretName] = ident.Token(24)
		}
		return nil
	})
}

func deleteResourceServer(r *request) (answer, error) {
	stored, err := resourceServer(r, r.ctx())
	if err == errNoResourceServer {
		return r.commit(func(context.Context) (answer, error) { return noContent() })
	}
	if err != nil {
		return answer{}, err
	}
	if stored.Document["is_system"] == true {
		return answer{}, problem{Status: 400, Code: "invalid_body", Message: "System resource servers cannot be deleted."}
	}
	return resourceServers.removeID(r, stored.ID)
}

// scopesOf gives the permissions that an API defines; none for one that is not there yet.
func scopesOf(stored *resource.Resource) []permission {
	if stored == nil {
		return nil
	}
	list, _ := stored.Document["scopes"].([]any)
	all := make([]permission, 0, len(list))
	for _, one := range list {
		d, _ := one.(map[string]any)
		all = append(all, permission{API: stored.Key, Name: text(d, "value")})
	}
	return all
}

// resourceServerRemoved takes away the client grants for an API that is gone, and its permissions from whoever has them.
func resourceServerRemoved(r *request, ctx context.Context, gone *resource.Resource) error {
	if err := r.revokePermissions(ctx, scopesOf(gone)); err != nil {
		return err
	}
	all, err := r.everyResource(ctx, resource.ClientGrants)
	if err != nil {
		return err
	}
	for _, g := range all {
		if text(g.Document, "audience") != gone.Key {
			continue
		}
		if err := r.Resources.DeleteResource(ctx, r.tenantID(), resource.ClientGrants, g.ID); err != nil {
			return err
		}
	}
	return nil
}
