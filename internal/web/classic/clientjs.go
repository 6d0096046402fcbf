package classic

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/password"
	"latchkey/internal/web/httpx"
)

// shownConnection is what a login page knows of a connection. Lock reads these keys.
type shownConnection struct {
	Name             string          `json:"name"`
	DisplayName      string          `json:"display_name,omitempty"`
	PasswordPolicy   string          `json:"passwordPolicy,omitempty"`
	Complexity       *minimum        `json:"password_complexity_options,omitempty"`
	ShowSignup       *bool           `json:"showSignup,omitempty"`
	ShowForgot       *bool           `json:"showForgot,omitempty"`
	RequiresUsername *bool           `json:"requires_username,omitempty"`
	Validation       *nameValidation `json:"validation,omitempty"`
}

type minimum struct {
	Length int `json:"min_length"`
}

type nameValidation struct {
	Username nameLength `json:"username"`
}

type nameLength struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

type shownStrategy struct {
	Name        connection.Strategy `json:"name"`
	Connections []shownConnection   `json:"connections"`
}

// shownClient is the argument of Auth0.setClient.
type shownClient struct {
	ID                string          `json:"id"`
	Tenant            string          `json:"tenant"`
	Subscription      string          `json:"subscription"`
	Authorize         string          `json:"authorize"`
	Callback          string          `json:"callback,omitempty"`
	HasAllowedOrigins bool            `json:"hasAllowedOrigins"`
	Strategies        []shownStrategy `json:"strategies"`
}

// clientScript answers GET /client/{client_id}.js: what a login page of the client needs to know, as a script that hands it to
// Lock. It holds nothing that the page does not show.
func (e *edge) clientScript(w http.ResponseWriter, r *http.Request) {
	id, isScript := strings.CutSuffix(r.PathValue("file"), ".js")
	var c *client.Client
	if isScript {
		var err error
		if c, err = e.clientOf(r, id); err != nil {
			refuse(w, r, err, commonWire(r, err))
			return
		}
	}
	if c == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	site := httpx.Site(r.Context())
	all, err := e.Connections.Connections(r.Context(), site.Tenant.ID)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	shown := shownClient{
		ID: c.ID, Tenant: site.Tenant.Name, Subscription: "enterprise", Authorize: site.URL("/authorize"),
		HasAllowedOrigins: len(c.AllowedOrigins)+len(c.WebOrigins) > 0, Strategies: strategiesOf(all, c),
	}
	if len(c.Callbacks) > 0 {
		shown.Callback = c.Callbacks[0]
	}
	writeScript(w, r, "Auth0.setClient", shown)
}

// strategiesOf gives the connections of a client by their strategies, in the order in which they were made.
func strategiesOf(all []*connection.Connection, c *client.Client) []shownStrategy {
	list := []shownStrategy{}
	for _, conn := range all {
		if !conn.EnabledFor(c.ID) {
			continue
		}
		at := slices.IndexFunc(list, func(s shownStrategy) bool { return s.Name == conn.Strategy })
		if at < 0 {
			at = len(list)
			list = append(list, shownStrategy{Name: conn.Strategy})
		}
		list[at].Connections = append(list[at].Connections, shown(conn))
	}
	return list
}

// defaultPolicy is the strength of a connection that says nothing of it (Auth0 docs, "Password Strength in Auth0 Database
// Connections").
const defaultPolicy = "good"

// shown gives what pages know of a connection. People sign up and change passwords elsewhere: no page offers it.
func shown(c *connection.Connection) shownConnection {
	s := shownConnection{Name: c.Name, DisplayName: c.DisplayName}
	if c.Strategy != connection.Database {
		return s
	}
	no := false
	o := &c.Options.DatabaseOptions
	s.PasswordPolicy, s.Complexity = cmp.Or(o.PasswordPolicy, defaultPolicy), &minimum{password.MinLength(o)}
	s.ShowSignup, s.ShowForgot, s.RequiresUsername = &no, &no, &o.RequiresUsername
	s.Validation = &nameValidation{nameLength{Min: 1, Max: 15}}
	if o.Validation != nil && o.Validation.Username != nil {
		s.Validation.Username = nameLength{Min: o.Validation.Username.Min, Max: o.Validation.Username.Max}
	}
	return s
}

// shownTenant is the argument of Auth0.setTenant.
type shownTenant struct {
	Connections        map[string][]listedConnection `json:"connections"`
	ClientsConnections map[string][]string           `json:"clientsConnections"`
	DefaultDirectory   string                        `json:"defaultDirectory,omitempty"`
}

// listedConnection is what a tenant's script tells of a connection, under the names that Lock reads there.
type listedConnection struct {
	Name             string              `json:"name"`
	Strategy         connection.Strategy `json:"strategy"`
	AllowSignup      *bool               `json:"allowSignup,omitempty"`
	AllowForgot      *bool               `json:"allowForgot,omitempty"`
	RequiresUsername *bool               `json:"requiresUsername,omitempty"`
	PasswordPolicy   string              `json:"passwordPolicy,omitempty"`
	Validation       *nameValidation     `json:"validation,omitempty"`
}

// tenantScript answers GET /info-v1.js, and GET /tenants/v1/{tenant}.js: the same for all clients, for pages that ask for it. It
// names public clients alone, whose ids anybody can read in their programs.
func (e *edge) tenantScript(w http.ResponseWriter, r *http.Request) {
	site := httpx.Site(r.Context())
	if file := r.PathValue("file"); file != "" && file != site.Tenant.Name+".js" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	all, err := e.Connections.Connections(r.Context(), site.Tenant.ID)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	public, err := e.publicOf(r, all)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	t := shownTenant{
		Connections:        map[string][]listedConnection{"database": {}, "enterprise": {}, "passwordless": {}, "social": {}},
		ClientsConnections: map[string][]string{}, DefaultDirectory: site.Tenant.Settings.DefaultDirectory,
	}
	for _, c := range all {
		if len(c.EnabledClients) == 0 {
			continue
		}
		kind := "passwordless"
		if !c.Strategy.Passwordless() {
			kind = "database"
		}
		s := shown(c)
		t.Connections[kind] = append(t.Connections[kind], listedConnection{
			s.Name, c.Strategy, s.ShowSignup, s.ShowForgot, s.RequiresUsername, s.PasswordPolicy, s.Validation,
		})
		for _, id := range c.EnabledClients {
			if slices.Contains(public, id) {
				t.ClientsConnections[id] = append(t.ClientsConnections[id], c.Name)
			}
		}
	}
	writeScript(w, r, "Auth0.setTenant", t)
}

// publicOf gives the ids of public clients among those that have a connection.
func (e *edge) publicOf(r *http.Request, all []*connection.Connection) ([]string, error) {
	var ids, public []string
	for _, c := range all {
		ids = append(ids, c.EnabledClients...)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		c, err := e.Clients.Client(r.Context(), httpx.Site(r.Context()).Tenant.ID, id)
		switch {
		case isNotFound(err):
		case err != nil:
			return nil, err
		case c.Public() && !c.Global:
			public = append(public, id)
		}
	}
	return public, nil
}

// writeScript answers with a call of a function. encoding/json writes nothing that ends a script or a line of one.
func writeScript(w http.ResponseWriter, r *http.Request, function string, argument any) {
	text, err := json.Marshal(argument)
	if err != nil {
		refuse(w, r, err, commonWire(r, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write([]byte(function + "(" + string(text) + ");")) // a browser that has gone away needs no answer
}
