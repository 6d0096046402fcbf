package mgmtapi

import (
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/apischema"
	"latchkey/internal/resource"
)

// unbuilt is a feature that this server does not have. Its operations answer as those of a tenant whose plan does not
// include it: lists are empty, nothing is found, and nothing can be made.
type unbuilt struct {
	feature string
	path    string // its operations are this one and those below it
	// lists are the paths of its lists and the members that hold their items.
	lists map[string]string
	// numbered lists have pages by number as well; all others are paged by checkpoints, or not at all.
	numbered bool
	missing  problem
	// closed answers its reads too, where the real service refuses those.
	closed error
	// parent, where it is set, is looked for first.
	parent func(*request) error
}

// unbuiltFeatures are all features of Auth0's description that nothing else here serves. Messages are those of the service.
var unbuiltFeatures = []unbuilt{
	{feature: "client ID metadata documents", path: "/clients/cimd", missing: noPage},
	{
		feature: "flows", path: "/flows/{flow_id}/executions", numbered: true, missing: notFoundError("", "Execution not found"),
		lists: map[string]string{"/flows/{flow_id}/executions": "executions"},
	},
	{
		feature: "network access control lists", path: "/network-acls", numbered: true,
		missing: notFoundError("", "NetworkACL with this ID was not found"), lists: map[string]string{"/network-acls": "network_acls"},
	},
	{feature: "self-service SSO", path: "/self-service-profiles/{id}/sso-ticket", missing: noPage},
	{feature: "self-service SSO", path: "/self-service-profiles/{profileId}/sso-ticket", missing: noPage},
	{
		feature: "user attribute profiles", path: "/user-attribute-profiles/templates", missing: errNoAttributeProfile,
		lists: map[string]string{"/user-attribute-profiles/templates": "user_attribute_profile_templates"},
	},
	{
		feature: "connection profiles", path: "/connection-profiles/templates", missing: errNoConnectionProfile,
		lists: map[string]string{"/connection-profiles/templates": "connection_profile_templates"},
	},
	{feature: "event streams", path: "/event-streams/{id}/deliveries", missing: errNoEventStream},
	{feature: "event streams", path: "/event-streams/{id}/redeliver", missing: errNoEventStream},
	{feature: "event streams", path: "/event-streams/{id}/test", missing: errNoEventStream},
	{feature: "events", path: "/events", missing: noPage, closed: notBuilt("events")},
	{
		feature: "rate limit policies", path: "/rate-limit-policies", missing: notFoundError("", "Rate limit policy not found."),
		lists: map[string]string{"/rate-limit-policies": "rate_limit_policies"},
	},
	{
		feature: "Akamai Signals", path: "/supplemental-signals",
		closed: problem{Status: 403, Code: "insufficient_scope", Message: "Please upgrade your subscription to enable Akamai Signals."},
	},
	{
		feature: "directory provisioning", path: "/connections-directory-provisionings", missing: noPage,
		lists: map[string]string{"/connections-directory-provisionings": "directory_provisionings"},
	},
	{feature: "directory provisioning", path: "/connections/{id}/directory-provisioning", missing: noPage, parent: connectionOfPath},
	{
		feature: "SCIM", path: "/connections-scim-configurations", missing: noPage,
		lists: map[string]string{"/connections-scim-configurations": "scim_configurations"},
	},
	{feature: "SCIM", path: "/connections/{id}/scim-configuration", missing: noPage, parent: connectionOfPath},
	{
		feature: "groups", path: "/groups", numbered: true, missing: notFoundError("", "The group does not exist."),
		lists: map[string]string{"/groups": "groups"},
	},
	{
		feature: "groups", path: "/roles/{id}/groups", missing: noPage, parent: roleOfPath,
		lists: map[string]string{"/roles/{id}/groups": "groups"},
	},
	{
		feature: "customer managed keys", path: "/keys/encryption", numbered: true, missing: notFoundError("", "The encryption key does not exist."),
		lists: map[string]string{"/keys/encryption": "keys"},
	},
	{
		feature: "experimentation", path: "/experimentation", missing: noPage,
		lists: map[string]string{
			"/experimentation/experiments":   "experiments",
			"/experimentation/feature-flags": "feature_flags",
			"/experimentation/segments":      "segments",
		},
	},
	{
		feature: "verifiable credentials", path: "/verifiable-credentials", missing: notFoundError("", "The template does not exist."),
		lists: map[string]string{"/verifiable-credentials/verification/templates": "templates"},
	},
	{
		feature: "client grants of organizations", path: "/organizations/{id}/client-grants", numbered: true, missing: noPage,
		parent: organizationOfPath("id"), lists: map[string]string{"/organizations/{id}/client-grants": "client_grants"},
	},
	{
		feature: "clients of organizations", path: "/organizations/{id}/clients", missing: noPage,
		parent: organizationOfPath("id"), lists: map[string]string{"/organizations/{id}/clients": "clients"},
	},
	{
		feature: "discovery domains of organizations", path: "/organizations/{id}/discovery-domains",
		missing: notFoundError("", "No organization domain found by that id"), parent: organizationOfPath("id"),
		lists: map[string]string{"/organizations/{id}/discovery-domains": "domains"},
	},
	{
		feature: "invitations", path: "/organizations/{id}/invitations", numbered: true,
		missing: notFoundError("inexistent_invitation", "The invitation does not exist."), parent: organizationOfPath("id"),
		lists: map[string]string{"/organizations/{id}/invitations": "invitations"},
	},
	{
		feature: "roles of organization members", path: "/organizations/{id}/members/{user_id}/roles", numbered: true, missing: noPage,
		parent: organizationOfPath("id"), lists: map[string]string{"/organizations/{id}/members/{user_id}/roles": "roles"},
	},
	{
		feature: "roles of organization members", path: "/organizations/{id}/members/{user_id}/effective-roles", missing: noPage,
		parent: organizationOfPath("id"),
		lists: map[string]string{
			"/organizations/{id}/members/{user_id}/effective-roles":                "roles",
			"/organizations/{id}/members/{user_id}/effective-roles/sources/groups": "groups",
		},
	},
	{
		feature: "groups", path: "/organizations/{organization_id}/groups", missing: notFoundError("", "The group does not exist."),
		parent: organizationOfPath("organization_id"), lists: map[string]string{"/organizations/{organization_id}/groups": "groups"},
	},
}

// noPage is the answer where a feature has no words of its own.
var noPage = notFoundError("", "Not Found")

// unbuilt are the routes of all features that are not there, each with the scopes that the description names. A feature
// whose path begins with another's comes before it.
func (a *api) unbuilt() []route {
	features := slices.Clone(unbuiltFeatures)
	slices.SortStableFunc(features, func(x, y unbuilt) int { return len(y.path) - len(x.path) })
	var all []route
	for _, o := range apischema.Operations() {
		at := slices.IndexFunc(features, func(f unbuilt) bool { return o.Path == f.path || strings.HasPrefix(o.Path, f.path+"/") })
		if at < 0 {
			continue
		}
		all = append(all, route{
			pattern: o.Method + " " + o.Path, title: features[at].feature, scopes: scopes{names: o.Scopes, all: o.AllScopes},
			handle: features[at].handler(o),
		})
	}
	return all
}

// handler gives what an operation of the feature does.
func (f unbuilt) handler(o *apischema.Operation) func(*request) (answer, error) {
	do := refuse(f.missing)
	plural, isList := f.lists[o.Path]
	switch {
	case f.closed != nil:
		do = refuse(f.closed)
	case isList && o.Method == http.MethodGet && f.numbered:
		do = none(plural)
	case isList && o.Method == http.MethodGet:
		do = noneBehind(plural)
	case o.Method != http.MethodGet && o.Method != http.MethodDelete:
		do = refuse(notBuilt(f.feature))
	}
	return under(f.parent, do)
}

// under looks for a parent before anything else.
func under(parent func(*request) error, do func(*request) (answer, error)) func(*request) (answer, error) {
	if parent == nil {
		return do
	}
	return func(r *request) (answer, error) {
		if err := parent(r); err != nil {
			return answer{}, err
		}
		return do(r)
	}
}

// refuse answers with a problem.
func refuse(err error) func(*request) (answer, error) {
	return func(*request) (answer, error) { return answer{}, err }
}

// none is an empty list that has pages by number.
func none(plural string) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		return slice(r, r.paging(defaultPage), plural, []resource.Document{}, itself)
	}
}

// noneBehind is an empty list that is paged by checkpoints.
func noneBehind(plural string) func(*request) (answer, error) {
	return func(r *request) (answer, error) { return behind(r, plural, []resource.Document{}, itself) }
}

// itself shows a document that is complete.
func itself(d resource.Document) (resource.Document, error) { return d, nil }

func connectionOfPath(r *request) error {
	_, err := findConnection(r, r.ctx())
	return err
}

func roleOfPath(r *request) error {
	_, err := roles.find(r, r.ctx(), r.path("id"))
	return err
}

func organizationOfPath(param string) func(*request) error {
	return func(r *request) error {
		_, err := organizations.find(r, r.ctx(), r.path(param))
		return err
	}
}
