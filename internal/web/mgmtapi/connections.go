package mgmtapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"latchkey/internal/apischema"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// Connections: Auth0 docs, "Management API v2: Connections", "Database Connections", "Passwordless Connections". What the
// options of a database connection may be together is in connection_options.go.

var connections = &collection{
	kind: resource.Connections, plural: "connections", newID: ident.ConnectionID, perPage: 100,
	key:     func(d resource.Document) string { return text(d, "name") },
	missing: errNoConnection, taken: errConnectionTaken,
	secrets:  []string{"options.twilio_token", "options.gateway_authentication.secret"},
	reveal:   func(*request) bool { return true },
	replaces: true,
	prepare:  prepareConnection,
	check:    checkConnection,
	present:  presentConnection,
	sealed:   sealedConfiguration,
	keep:     connectionFilter,
}

func (a *api) connections() []route {
	return []route{
		{"GET /connections", "Get all connections", anyOf("read:connections"), connections.list},
		{"POST /connections", "Create a connection", anyOf("create:connections"), connections.create},
		{"GET /connections/{id}", "Get a connection", anyOf("read:connections"), connections.get},
		{"PATCH /connections/{id}", "Update a connection", anyOf("update:connections"), updateConnection},
		{"DELETE /connections/{id}", "Delete a connection", anyOf("delete:connections"), deleteConnection},
		{"GET /connections/{id}/clients", "Get enabled clients for a connection", anyOf("read:connections"), connectionClients},
		{"PATCH /connections/{id}/clients", "Update enabled clients for a connection", anyOf("update:connections"), updateConnectionClients},
		{"GET /connections/{id}/status", "Check connection status", anyOf("read:connections"), connectionStatus},
		{"DELETE /connections/{id}/users", "Delete a connection user", anyOf("delete:users"), deleteConnectionUser},
		{"GET /clients/{id}/connections", "Get enabled connections for a client", anyOf("read:connections"), clientConnections},

		// Only strategies that sign requests to somebody else have keys.
		{"GET /connections/{id}/keys", "Get connection keys", anyOf("read:connections_keys"), connectionKeys("keys are not available for this connection")},
		{"POST /connections/{id}/keys", "Create connection keys", anyOf("create:connections_keys"), connectionKeys("keys are not available for this connection")},
		{"POST /connections/{id}/keys/rotate", "Rotate connection keys", allOf("create:connections_keys", "update:connections_keys"), connectionKeys("Key rotation is not supported on this connection")},
	}
}

var (
	errNoConnection    = notFoundError("inexistent_connection", "The connection does not exist")
	errConnectionTaken = conflict("A connection with the same name already exists")
)

// connectionFilter keeps the connections of the strategies and the name that the query asks for.
func connectionFilter(r *request) func(*resource.Resource) bool {
	strategies, name := r.http.URL.Query()["strategy"], r.query("name")
	return func(stored *resource.Resource) bool {
		d := stored.Document
		return (name == "" || text(d, "name") == name) &&
			(len(strategies) == 0 || slices.Contains(strategies, text(d, "strategy")))
	}
}

// prepareConnection completes a new connection the way the service does.
func prepareConnection(r *request, d resource.Document) error {
	strategy := connection.Strategy(text(d, "strategy"))
	if !supported(strategy) {
		return problem{Status: 400, Code: "operation_not_supported", Message: "The strategy " + string(strategy) + " is not supported by this server."}
	}
	if err := checkOptionsSchema(d, strategy); err != nil {
		return err
	}
	if err := r.freeName(text(d, "name")); err != nil {
		return err
	}
	defaults(d, resource.Document{
		"options": resource.Document{}, "is_domain_connection": false, "enabled_clients": []any{}, "realms": []any{text(d, "name")},
	})
	if realms, _ := d["realms"].([]any); len(realms) == 0 {
		d["realms"] = []any{text(d, "name")}
	}
	options := member(d, "options")
	defaults(options, resource.Document{"brute_force_protection": true})
	if strategy == connection.Database {
		defaults(d, resource.Document{"authentication": resource.Document{"active": true}, "connected_accounts": resource.Document{"active": false}})
		prepareDatabase(options)
	}
	if err := r.checkMessages(options); err != nil {
		return err
	}
	normalizeOptions(options)
	return keepConfiguration(r, text(d, "id"), nil, options)
}

// checkOptionsSchema checks the options of a payload by the connection's strategy, which a PATCH does not name.
func checkOptionsSchema(payload resource.Document, strategy connection.Strategy) error {
	options, given := payload["options"]
	if !given || options == nil {
		return nil
	}
	return schemaProblem(apischema.Options(string(strategy), options), "invalid_body", "Payload validation error: ")
}

// normalizeOptions writes options in the one form in which they are kept.
func normalizeOptions(options resource.Document) {
	if v, isText := options["forward_req_info"].(string); isText {
		options["forward_req_info"] = v == "true"
	}
	if email := member(member(options, "attributes"), "email"); email != nil {
		defaults(email, resource.Document{"verification_method": "link", "unique": true})
	}
	normalizeMethods(options)
	normalizePasswordOptions(options)
}

// presentConnection shows options only to those who may read them, and values of script settings to nobody.
func presentConnection(r *request, stored *resource.Resource, shown resource.Document) {
	if !r.token.has("read:connections_options") {
		delete(shown, "options")
		return
	}
	if text(shown, "strategy") == string(connection.Database) {
		restoreDatabase(member(shown, "options"))
	}
	if configuration := member(member(shown, "options"), "configuration"); configuration != nil {
		for name, v := range configuration {
			if secret, isText := v.(string); isText {
				configuration[name] = opaque(r, stored.ID, name, secret)
			}
		}
	}
}

// updateConnection replaces options as a whole, as Auth0 does: official tools read, change and write them back.
func updateConnection(r *request) (answer, error) {
	patch := r.doc()
	if _, changes := patch["options"]; changes && !r.token.has("update:connections_options") {
		return answer{}, insufficientScope("expected any of: update:connections_options")
	}
	if err := r.checkMessages(member(patch, "options")); err != nil {
		return answer{}, err
	}
	return connections.change(r, r.path("id"), func(c *resource.Resource) error {
		d := c.Document
		if err := checkOptionsSchema(patch, connection.Strategy(text(d, "strategy"))); err != nil {
			return err
		}
		before := member(d, "options")
		merge(d, clone(patch), []string{"metadata"})
		options := member(d, "options")
		if options == nil {
			options = resource.Document{}
			d["options"] = options
		}
		if patch["options"] != nil && text(d, "strategy") == string(connection.Database) {
			restoreDatabase(options)
		}
		if realms, isList := d["realms"].([]any); !isList || len(realms) == 0 {
			d["realms"] = []any{text(d, "name")}
		}
		if d["enabled_clients"] == nil {
			d["enabled_clients"] = []any{}
		}
		if patch["options"] == nil {
			return nil
		}
		normalizeOptions(options)
		return keepConfiguration(r, text(d, "id"), before, options)
	})
}

// checkConnection holds a connection to the rules between its members and to what else the tenant has.
func checkConnection(r *request, ctx context.Context, before, after resource.Document) error {
	if text(after, "strategy") == string(connection.Database) {
		if after["cross_app_access_requesting_app"] != nil {
			return problem{Status: 400, Code: "operation_not_supported", Message: "Cross App Access Requesting App is not supported for this connection."}
		}
		if err := checkDatabase(before, after); err != nil {
			return err
		}
		if err := r.checkCustomization(ctx, before, after); err != nil {
			return err
		}
	} else if member(after, "options")["set_user_root_attributes"] != nil && before == nil {
		return problem{Status: 400, Code: "invalid_body", Message: "options.set_user_root_attributes can be set only for enterprise connections, social connections or custom database connections (using external users store)"}
	}
	if err := r.checkRealms(ctx, after); err != nil {
		return err
	}
	if before == nil {
		_, err := r.Resources.ResourceByKey(ctx, r.tenantID(), resource.DeletedConnections, text(after, "name"))
		if !errors.Is(err, resource.ErrNotFound) {
			return errors.Join(err, errNameWait)
		}
	}
	known := texts(before, "enabled_clients")
	for _, id := range texts(after, "enabled_clients") {
		if slices.Contains(known, id) {
			continue
		}
		if _, err := r.Resources.Resource(ctx, r.tenantID(), resource.Clients, id); err != nil {
			if errors.Is(err, resource.ErrNotFound) {
				return errNoClient
			}
			return err
		}
	}
	return nil
}

// checkRealms refuses realms of another connection.
func (r *request) checkRealms(ctx context.Context, d resource.Document) error {
	all, err := r.everyResource(ctx, resource.Connections)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.ID == text(d, "id") {
			continue
		}
		if text(other.Document, "name") == text(d, "name") {
			return errConnectionTaken
		}
		taken := texts(other.Document, "realms")
		if slices.ContainsFunc(texts(d, "realms"), func(realm string) bool { return slices.Contains(taken, realm) }) {
			return conflict(`There is already another connection with some realms from "realms" parameter`)
		}
	}
	return nil
}

// checkCustomization refuses to move a database with users to or from the tenant's own scripts.
func (r *request) checkCustomization(ctx context.Context, before, after resource.Document) error {
	if before == nil {
		return nil
	}
	was, is := member(before, "options")["enabledDatabaseCustomization"] == true, member(after, "options")["enabledDatabaseCustomization"] == true
	if was == is {
		return nil
	}
	some, err := r.Users.UsersOfConnection(ctx, r.tenantID(), text(after, "name"), user.Position{}, 1)
	if err != nil {
		return err
	}
	if len(some) > 0 {
		return invalidBody(`This database contains users. You cannot change "options.enabledDatabaseCustomization" setting.`)
	}
	return nil
}

// findConnection reads the connection of the path.
func findConnection(r *request, ctx context.Context) (*resource.Resource, error) {
	return connections.find(r, ctx, r.path("id"))
}

// connectionClients lists the clients that a connection is enabled for.
func connectionClients(r *request) (answer, error) {
	stored, err := findConnection(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	return behind(r, "clients", texts(stored.Document, "enabled_clients"), func(id string) (resource.Document, error) {
		return resource.Document{"client_id": id}, nil
	})
}

// updateConnectionClients enables and disables a connection for clients.
func updateConnectionClients(r *request) (answer, error) {
	changes, _ := r.body.([]any)
	a, err := connections.change(r, r.path("id"), func(c *resource.Resource) error {
		d := c.Document
		enabled := texts(d, "enabled_clients")
		for _, one := range changes {
			change, _ := one.(map[string]any)
			id := text(change, "client_id")
			enabled = slices.DeleteFunc(enabled, func(e string) bool { return e == id })
			if change["status"] == true {
				enabled = append(enabled, id)
			}
		}
		list := make([]any, len(enabled))
		for i, id := range enabled {
			list[i] = id
		}
		d["enabled_clients"] = list
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	a.status, a.body = http.StatusNoContent, nil
	return a, nil
}

// connectionStatus answers for connectors of directories; all our connections are always there.
func connectionStatus(r *request) (answer, error) {
	if _, err := findConnection(r, r.ctx()); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK}, nil
}

// connectionKeys refuses what only federated strategies have.
func connectionKeys(message string) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		if _, err := findConnection(r, r.ctx()); err != nil {
			return answer{}, err
		}
		return answer{}, problem{Status: 400, Code: "operation_not_supported", Message: message}
	}
}

// clientConnections lists the connections that are enabled for a client.
func clientConnections(r *request) (answer, error) {
	if !r.token.has("read:clients") && !r.token.has("read:client_summary") {
		return answer{}, insufficientScope("expected any of: read:clients,read:client_summary")
	}
	id := r.path("id")
	if _, err := clients.find(r, r.ctx(), id); err != nil {
		return answer{}, err
	}
	all, err := r.everyResource(r.ctx(), resource.Connections)
	if err != nil {
		return answer{}, err
	}
	strategies := r.http.URL.Query()["strategy"]
	all = slices.DeleteFunc(all, func(c *resource.Resource) bool {
		return !slices.Contains(texts(c.Document, "enabled_clients"), id) ||
			(len(strategies) > 0 && !slices.Contains(strategies, text(c.Document, "strategy")))
	})
	return behind(r, "connections", all, func(c *resource.Resource) (resource.Document, error) { return connections.show(r, c) })
}

// withoutClient disables all connections for a client that is deleted.
func withoutClient(r *request, ctx context.Context, clientID string) error {
	all, err := r.everyResource(ctx, resource.Connections)
	if err != nil {
		return err
	}
	for _, c := range all {
		enabled, _ := c.Document["enabled_clients"].([]any)
		if !slices.Contains(enabled, any(clientID)) {
			continue
		}
		c.Document = maps.Clone(c.Document)
		c.Document["enabled_clients"] = slices.DeleteFunc(slices.Clone(enabled), func(e any) bool { return e == clientID })
		if err := r.Resources.UpdateResource(ctx, r.tenantID(), c); err != nil {
			return err
		}
	}
	return nil
}
