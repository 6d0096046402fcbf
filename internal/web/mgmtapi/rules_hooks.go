package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"latchkey/internal/resource"
)

// Rules and hooks: Auth0 docs, "Rules" and "Hooks", both of the past: new tenants have Actions instead, and none of these
// can be made. The settings of rules are kept; their values are never shown.

// rulesConfigs holds sealed values; a document's id is its key.
const rulesConfigs resource.Kind = "rules_configs"

var (
	errNoRule = notFoundError("inexistent_rule", "The rule does not exist")
	errNoHook = notFoundError("HookDoesNotExist", "Error: Hook does not exist")
)

func (a *api) rulesAndHooks() []route {
	readHooks, updateHooks := anyOf("read:hooks"), anyOf("update:hooks")
	return []route{
		{"GET /rules", "Get rules", anyOf("read:rules"), none("rules")},
		{"POST /rules", "Create a rule", anyOf("create:rules"), ofThePast},
		{"GET /rules/{id}", "Get a rule", anyOf("read:rules"), refuse(errNoRule)},
		{"PATCH /rules/{id}", "Update a rule", anyOf("update:rules"), refuse(errNoRule)},
		{"DELETE /rules/{id}", "Delete a rule", anyOf("delete:rules"), goneAlready},
		{"GET /rules-configs", "Retrieve config variable keys for rules (get_rules-configs)", anyOf("read:rules_configs"), listRulesConfigs},
		{"PUT /rules-configs/{key}", "Set rules config for a given key", anyOf("update:rules_configs"), putRulesConfig},
		{"DELETE /rules-configs/{key}", "Delete rules config for a given key", anyOf("delete:rules_configs"), deleteRulesConfig},
		{"GET /hooks", "Get hooks", readHooks, none("hooks")},
		{"POST /hooks", "Create a hook", anyOf("create:hooks"), ofThePast},
		{"GET /hooks/{id}", "Get a hook", readHooks, refuse(errNoHook)},
		{"PATCH /hooks/{id}", "Update a hook", updateHooks, refuse(errNoHook)},
		{"DELETE /hooks/{id}", "Delete a hook", anyOf("delete:hooks"), refuse(errNoHook)},
		{"GET /hooks/{id}/secrets", "Get hook secrets", readHooks, refuse(errNoHook)},
		{"POST /hooks/{id}/secrets", "Add hook secrets", updateHooks, refuse(errNoHook)},
		{"PATCH /hooks/{id}/secrets", "Update hook secrets", updateHooks, refuse(errNoHook)},
		{"DELETE /hooks/{id}/secrets", "Delete hook secrets", anyOf("delete:hooks"), refuse(errNoHook)},
	}
}

// ofThePast refuses to make a rule or a hook.
func ofThePast(*request) (answer, error) {
	return answer{}, problem{Status: 403, Code: "operation_not_supported", Message: "The account is not allowed to perform this operation."}
}

// goneAlready answers the deletion of what never is there.
func goneAlready(r *request) (answer, error) {
	return r.commit(func(context.Context) (answer, error) { return noContent() })
}

func listRulesConfigs(r *request) (answer, error) {
	all, err := r.everyResource(r.ctx(), rulesConfigs)
	if err != nil {
		return answer{}, err
	}
	keys := make([]resource.Document, len(all))
	for i, one := range all {
		keys[i] = resource.Document{"key": one.ID}
	}
	return ok(keys)
}

// configKey is what a key of rules' settings looks like.
var configKey = regexp.MustCompile(`^[A-Za-z0-9_\-@*+:]*$`)

func putRulesConfig(r *request) (answer, error) {
	key := r.path("key")
	if !configKey.MatchString(key) {
		return answer{}, problem{
			Status: 400, Code: "invalid_uri",
			Message: "Path validation error: 'String does not match pattern " + configKey.String() + "' on property key.",
		}
	}
	return r.commit(func(ctx context.Context) (answer, error) {
		stored, err := r.Resources.Resource(ctx, r.tenantID(), rulesConfigs, key)
		write := r.Resources.UpdateResource
		if errors.Is(err, resource.ErrNotFound) {
			stored, err = &resource.Resource{Kind: rulesConfigs, ID: key, CreatedAt: r.now()}, nil
			write = r.Resources.CreateResource
		}
		if err != nil {
			return answer{}, err
		}
		stored.Document, stored.UpdatedAt = resource.Document{"value": text(r.doc(), "value")}, r.now()
		if err := sealSecrets(r.Seal, r.tenantID(), stored, []string{"value"}, false); err != nil {
			return answer{}, err
		}
		err = write(ctx, r.tenantID(), stored)
		if errors.Is(err, resource.ErrExists) { // somebody was the first at the same moment
			err = resource.ErrChanged
		}
		return answer{status: http.StatusOK, body: resource.Document{"key": key, "value": r.doc()["value"]}}, err
	})
}

func deleteRulesConfig(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		err := r.Resources.DeleteResource(ctx, r.tenantID(), rulesConfigs, r.path("key"))
		if err != nil && !errors.Is(err, resource.ErrNotFound) {
			return answer{}, err
		}
		return noContent()
	})
}
