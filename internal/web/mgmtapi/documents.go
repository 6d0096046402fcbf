package mgmtapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Kinds of configuration that are kept for the tools that carry them from tenant to tenant. Nothing else here reads them.

// carried is such a kind with its path and what its scopes end in.
type carried struct {
	*collection
	path, scope string
	title       string // in the singular
	byPage      bool   // lists have pages by number; all others are paged by checkpoints only
}

var (
	errNoAttributeProfile  = notFoundError("", "User attribute profile not found.")
	errNoConnectionProfile = notFoundError("", "Connection profile not found.")
	errNoEventStream       = notFoundError("", "The requested stream does not exist.")
)

var carriedKinds = []carried{
	{&collection{
		kind: "flows", plural: "flows", newID: idOf("af"), missing: notFoundError("", "Flow not found"), stamps: true, present: briefly,
	}, "/flows", "flows", "flow", true},
	{&collection{
		kind: "forms", plural: "forms", newID: idOf("ap"), missing: notFoundError("", "Form not found"), stamps: true, present: briefly,
	}, "/forms", "forms", "form", true},
	{vault, "/flows/vault/connections", "flows_vault_connections", "Flows Vault connection", true},
	{selfServiceProfiles, "/self-service-profiles", "self_service_profiles", "self-service profile", true},
	{&collection{
		kind: "user_attribute_profiles", plural: "user_attribute_profiles", newID: idOf("uap"), missing: errNoAttributeProfile,
		present: presentAttributeProfile,
	}, "/user-attribute-profiles", "user_attribute_profiles", "user attribute profile", false},
	{&collection{
		kind: "connection_profiles", plural: "connection_profiles", newID: idOf("cop"), missing: errNoConnectionProfile,
		present: func(_ *request, _ *resource.Resource, shown resource.Document) {
			defaults(shown, resource.Document{"connection_config": nil, "strategy_overrides": nil})
		},
	}, "/connection-profiles", "connection_profiles", "connection profile", false},
	{&collection{
		kind: "token_exchange_profiles", plural: "token_exchange_profiles", newID: func() string { return ident.Prefixed("tep", 16) },
		missing: notFoundError("", "Token exchange profile not found."), stamps: true,
	}, "/token-exchange-profiles", "token_exchange_profiles", "token exchange profile", false},
	{&collection{
		kind: "event_streams", plural: "eventStreams", newID: idOf("est"), missing: errNoEventStream, stamps: true, replaces: true,
		secrets: []string{
			"destination.configuration.webhook_authorization.token", "destination.configuration.webhook_authorization.password",
			"destination.configuration.webhook_authorization.header_value",
		},
		prepare: func(_ *request, d resource.Document) error {
			defaults(d, resource.Document{"status": "enabled"})
			return nil
		},
	}, "/event-streams", "event_streams", "event stream", false},
}

// presentAttributeProfile completes how the id of a user is found.
func presentAttributeProfile(_ *request, _ *resource.Resource, shown resource.Document) {
	userID := member(shown, "user_id")
	if userID == nil {
		userID = resource.Document{}
	}
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	defaults(userID, resource.Document{
		"oidc_mapping": "sub", "scim_mapping": "externalId",
		"saml_mapping": []any{claims + "nameidentifier", claims + "upn", claims + "name"},
	})
	shown["user_id"] = userID
}

// vault: Auth0 docs, "Flows Vault". How a connection is set up is never shown; nothing uses one, so none is ready.
var vault = &collection{
	kind: "flows_vault_connections", plural: "connections", newID: idOf("ac"), missing: notFoundError("", "Connection not found"),
	stamps: true, secrets: []string{"setup[]"}, replaces: true,
	present: func(_ *request, stored *resource.Resource, shown resource.Document) {
		shown["ready"], shown["fingerprint"] = false, fingerprint(stored)
	},
}

// selfServiceProfiles: Auth0 docs, "Self-Service Single Sign-On".
var selfServiceProfiles = &collection{
	kind: "self_service_profiles", plural: "self_service_profiles", newID: idOf("ssp"), stamps: true,
	missing: notFoundError("", "Profile with ID: {id} not found"),
	present: func(_ *request, _ *resource.Resource, shown resource.Document) {
		defaults(shown, resource.Document{"user_attributes": []any{}})
	},
	removed: func(r *request, ctx context.Context, gone *resource.Resource) error {
		return r.Resources.DeleteResourcesOf(ctx, r.tenantID(), profileTexts, gone.ID)
	},
}

// profileTexts belong to a self-service profile; their id is "<profile>/<language>/<page>".
const profileTexts resource.Kind = "self_service_profile_texts"

// fingerprint changes whenever a connection does.
func fingerprint(stored *resource.Resource) string {
	sum := sha256.Sum256(fmt.Append(nil, stored.ID, stored.Version))
	return hex.EncodeToString(sum[:16])
}

func idOf(prefix string) func() string {
	return func() string { return ident.Prefixed(prefix, 22) }
}

// briefly leaves out of lists what only a single one shows, and empty parts everywhere.
func briefly(r *request, _ *resource.Resource, shown resource.Document) {
	inList := r.http.Method == http.MethodGet && r.path("id") == ""
	maps.DeleteFunc(shown, func(name string, v any) bool {
		if inList && !slices.Contains([]string{"id", "name", "created_at", "updated_at"}, name) {
			return true
		}
		switch v := v.(type) {
		case []any:
			return len(v) == 0
		case map[string]any:
			return len(v) == 0
		}
		return false
	})
}

func (a *api) carried() []route {
	var all []route
	for _, c := range carriedKinds {
		one, list := c.path+"/{id}", c.list
		if !c.byPage {
			list = c.listBehind
		}
		all = append(all,
			route{"GET " + c.path, "Get " + c.title + "s", anyOf("read:" + c.scope), list},
			route{"POST " + c.path, "Create a " + c.title, anyOf("create:" + c.scope), c.create},
			route{"GET " + one, "Get a " + c.title, anyOf("read:" + c.scope), withID(c.get)},
			route{"PATCH " + one, "Update a " + c.title, anyOf("update:" + c.scope), withID(c.update)},
			route{"DELETE " + one, "Delete a " + c.title, anyOf("delete:" + c.scope), withID(c.remove)},
		)
	}
	const texts = "/self-service-profiles/{id}/custom-text/{language}/{page}"
	return append(all,
		route{"GET " + texts, "Get self-service profile custom text", anyOf("read:self_service_profile_custom_texts"), withID(getProfileText)},
		route{"PUT " + texts, "Set self-service profile custom text", anyOf("update:self_service_profile_custom_texts"), withID(putProfileText)},
	)
}

// listBehind is list for a kind that is paged by checkpoints only.
func (c *collection) listBehind(r *request) (answer, error) {
	all, err := r.everyResource(r.ctx(), c.kind)
	if err != nil {
		return answer{}, err
	}
	return behind(r, c.plural, all, func(stored *resource.Resource) (resource.Document, error) { return c.show(r, stored) })
}

// profileText names the texts that a call is about, once their profile is found.
func profileText(r *request) (string, error) {
	_, err := selfServiceProfiles.find(r, r.ctx(), r.path("id"))
	return r.path("id") + "/" + r.path("language") + "/" + r.path("page"), err
}

func getProfileText(r *request) (answer, error) {
	id, err := profileText(r)
	if err != nil {
		return answer{}, err
	}
	return r.getDocument(profileTexts, id)
}

func putProfileText(r *request) (answer, error) {
	id, err := profileText(r)
	if err != nil {
		return answer{}, err
	}
	return r.putDocument(profileTexts, id, clone(r.doc()))
}

// withID words refusals with the id that the call names, where they say "{id}".
func withID(do func(*request) (answer, error)) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		a, err := do(r)
		var p problem
		if errors.As(err, &p) {
			p.Message = strings.ReplaceAll(p.Message, "{id}", r.path("id"))
			return answer{}, p
		}
		return a, err
	}
}
