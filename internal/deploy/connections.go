package deploy

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// connections is connections/: the ways to log in that are no databases. The message of an email connection lies beside its
// file (https://auth0.com/docs/api/management/v2/connections).
func connections() *kind {
	page := place{base: "connections", ref: "./{file}.html"}
	k := connectionKind("connections")
	k.skipEmpty = true
	k.files = manyFiles{dir: "connections", shape: []string{"connections/*.json", "connections/*.html"}}
	k.sides = []side{{
		property: "options.email.body", directory: page, yaml: page,
		only: func(o object) bool { return text(o, "strategy") == "email" },
	}}
	k.dropped = []string{"provisioning_ticket_url", "realms"}
	k.secrets = func(o object) []secret {
		strategy := text(o, "strategy")
		found := []secret{{path: "options.client_secret", mask: marker("CONNECTIONS_%s_SECRET", strategy)}}
		if strategy == "sms" {
			found = append(found,
				secret{path: "options.twilio_token", mask: marker("CONNECTIONS_SMS_TWILIO_TOKEN")},
				secret{path: "options.gateway_authentication.secret", mask: marker("CONNECTIONS_SMS_GATEWAY_SECRET")})
		}
		return found
	}
	k.load = func(ctx context.Context, s *session) ([]*stored, error) {
		return s.connections(ctx, "connections", func(o object) bool { return text(o, "strategy") != "auth0" })
	}
	return k
}

// databases is database-connections/: connections of the strategy auth0, each in a folder with its scripts
// (https://auth0.com/docs/authenticate/database-connections).
func databases() *kind {
	k := connectionKind("databases")
	k.files = manyFiles{
		dir: "database-connections", inner: "database.json",
		shape: append([]string{"database-connections/*/database.json"}, scriptFiles()...),
	}
	k.sides = []side{{
		property:  "options.customScripts.*",
		directory: place{base: "{dir}", ref: "./{key}.js"}, yaml: place{ref: "./databases/{file}/{key}.js"},
	}}
	k.upgrade = func(o object) {
		options, _ := o["options"].(object)
		if scripts, there := o["customScripts"]; there && options["customScripts"] == nil {
			if options == nil {
				options = object{}
				o["options"] = options
			}
			options["customScripts"] = scripts
		}
		delete(o, "customScripts")
	}
	k.dropped = []string{"options.configuration"}
	k.strip = func(o object) {
		options, _ := o["options"].(object)
		if options["password_options"] == nil {
			return
		}
		for _, name := range formerPasswordOptions {
			delete(options, name)
		}
	}
	k.secrets = func(o object) []secret {
		return []secret{{path: "options.configuration", mask: marker("DATABASES_%s_CONFIGURATION", text(o, "name"))}}
	}
	k.load = func(ctx context.Context, s *session) ([]*stored, error) {
		return s.connections(ctx, "connections?strategy=auth0", func(o object) bool { return text(o, "strategy") == "auth0" })
	}
	k.body = databaseBody
	return k
}

// databaseScripts are the scripts of a database that keeps its users elsewhere.
var databaseScripts = []string{"get_user", "create", "verify", "login", "change_password", "delete", "change_email"}

func scriptFiles() []string {
	var found []string
	for _, name := range databaseScripts {
		found = append(found, "database-connections/*/"+name+".js")
	}
	return found
}

// formerPasswordOptions are what password_options stands in the place of.
var formerPasswordOptions = []string{
	"passwordPolicy", "password_complexity_options", "password_history", "password_no_personal_info", "password_dictionary",
}

// connectionKind is what all connections have in common.
func connectionKind(name string) *kind {
	return &kind{
		name: name, order: 60, match: []matchKey{{"id"}, {"name"}}, id: "id", path: "connections",
		fixed:   []string{"name", "strategy"},
		prepare: prepareConnection,
		body:    connectionBody,
		after:   enableClients,
	}
}

// connections reads connections with the clients that may use them.
func (s *session) connections(ctx context.Context, path string, ours func(object) bool) ([]*stored, error) {
	found, err := s.checkpoints(ctx, path)
	if err != nil {
		return nil, err
	}
	all := list(slices.DeleteFunc(found, func(o object) bool { return !ours(o) }), "id")
	for _, st := range all {
		enabled, err := s.checkpoints(ctx, under("connections", st.id, "clients"))
		if err != nil {
			return nil, err
		}
		var clients []string
		for _, o := range enabled {
			name, err := s.name(ctx, "clients", text(o, "client_id"))
			if err != nil {
				return nil, err
			}
			clients = append(clients, name)
		}
		slices.SortFunc(clients, func(a, b string) int {
			if byLetters := strings.Compare(strings.ToLower(a), strings.ToLower(b)); byLetters != 0 {
				return byLetters
			}
			return strings.Compare(a, b)
		})
		delete(st.object, "enabled_clients")
		if len(clients) > 0 {
			st.object["enabled_clients"] = anys(clients)
		}
		if id := textAt(st.object, "options.idpinitiated.client_id"); id != "" {
			name, err := s.name(ctx, "clients", id)
			if err != nil {
				return nil, err
			}
			put(st.object, "options.idpinitiated.client_id", name)
		}
	}
	return all, nil
}

// prepareConnection names clients, and lets each that is left alone stay enabled or not, as it is.
func prepareConnection(ctx context.Context, s *session, want object, have *stored) error {
	if listed, told := want["enabled_clients"]; told {
		enabled := []string{}
		for _, ref := range names(listed) {
			name, err := s.named(ctx, "clients", ref)
			if err != nil {
				return err
			}
			if !s.leavesClient(name) && !slices.Contains(enabled, name) {
				enabled = append(enabled, name)
			}
		}
		if have != nil {
			for _, name := range names(have.object["enabled_clients"]) {
				if s.leavesClient(name) {
					enabled = append(enabled, name)
				}
			}
		}
		want["enabled_clients"] = anys(enabled)
	}
	if ref := textAt(want, "options.idpinitiated.client_id"); ref != "" {
		name, err := s.named(ctx, "clients", ref)
		if err != nil {
			return err
		}
		put(want, "options.idpinitiated.client_id", name)
	}
	return nil
}

func (s *session) leavesClient(name string) bool {
	for _, st := range s.loaded["clients"] {
		if text(st.object, "name") == name {
			return s.settings.skips("clients", st.object)
		}
	}
	return s.settings.skips("clients", object{"name": name})
}

// connectionBody gives the whole options, which a PATCH replaces: those that are not managed keep their stored values.
func connectionBody(ctx context.Context, r *run, c *Change, body object) error {
	delete(body, "enabled_clients")
	if c.stored != nil {
		delete(body, "name")
		delete(body, "strategy")
		for _, path := range r.settings.ExcludedProps["connections"] {
			if value, there := lookup(c.stored.raw, path); there && strings.HasPrefix(path, "options.") && body["options"] != nil {
				put(body, path, clone(value))
			}
		}
	}
	ref := textAt(body, "options.idpinitiated.client_id")
	if ref == "" {
		return nil
	}
	id, err := r.reference(ctx, "clients", ref)
	put(body, "options.idpinitiated.client_id", id)
	return err
}

// databaseBody lays the file's options over the stored ones. Options that exclude those of the file go.
func databaseBody(ctx context.Context, r *run, c *Change, body object) error {
	options, there := body["options"].(object)
	if c.stored != nil && there {
		merged, _ := clone(c.stored.raw["options"]).(object)
		if merged == nil {
			merged = object{}
		}
		exclude := func(when string, gone ...string) {
			if options[when] != nil && options[when] != false {
				for _, name := range gone {
					delete(merged, name)
				}
			}
		}
		exclude("attributes", "validation", "requires_username")
		exclude("validation", "attributes")
		exclude("requires_username", "attributes")
		exclude("password_options", formerPasswordOptions...)
		for _, name := range formerPasswordOptions {
			exclude(name, "password_options")
		}
		maps.Copy(merged, options)
		body["options"] = merged
	}
	return connectionBody(ctx, r, c, body)
}

// clientsPerRequest is how many clients one request may enable or disable.
const clientsPerRequest = 50

// enableClients enables the clients of the file and disables the others.
func enableClients(ctx context.Context, r *run, c *Change) error {
	listed, told := c.item.object["enabled_clients"]
	if !told || (c.Action == Update && !c.changes("enabled_clients")) {
		return nil
	}
	wanted := map[string]bool{}
	for _, ref := range names(listed) {
		id, err := r.reference(ctx, "clients", ref)
		if err != nil {
			return err
		}
		wanted[id] = true
	}
	path := under("connections", c.stored.id, "clients")
	now, err := r.checkpoints(ctx, path)
	if err != nil {
		return err
	}
	var changes []any
	for _, o := range now {
		id := text(o, "client_id")
		name, err := r.name(ctx, "clients", id)
		if err != nil {
			return err
		}
		if !wanted[id] && !r.leavesClient(name) {
			changes = append(changes, object{"client_id": id, "status": false})
		}
		delete(wanted, id)
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		name, err := r.name(ctx, "clients", id)
		if err != nil {
			return err
		}
		if !r.leavesClient(name) {
			changes = append(changes, object{"client_id": id, "status": true})
		}
	}
	for chunk := range slices.Chunk(changes, clientsPerRequest) {
		if _, err := call(ctx, r.tenant.API, http.MethodPatch, path, chunk); err != nil {
			return err
		}
	}
	return nil
}
