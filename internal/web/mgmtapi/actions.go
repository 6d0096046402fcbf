package mgmtapi

import (
	"context"
	"net/http"
	"unicode/utf8"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Actions: Auth0 docs, "Auth0 Actions", "Actions Limitations". What is edited is a draft; deploying makes an immutable
// version of it, which is what triggers run. Nothing is compiled here, so that an Action is built as soon as it is stored.

var actions = &collection{
	kind: "actions", plural: "actions", newID: ident.UUID, stamps: true,
	key:     func(d resource.Document) string { return text(d, "name") },
	missing: errNoAction, taken: conflict("An action with the same name already exists."),
	check: checkAction, present: presentAction,
}

var (
	errNoAction    = notFoundError("", "That action does not exist.")
	errActionBound = conflict("The action is bound to a trigger. Unbind it first, or delete it with force=true.")
	errEntityLimit = problem{Status: 403, Message: "You reached the limit of entities of this type for this tenant."}
)

// Notes in an Action's document.
const (
	deployedVersion = "$deployed" // the version that is deployed, as answers show it
	draftChanged    = "$changed"  // whether the draft was changed since
	versionCount    = "$versions" // the number of the newest version
)

// What an Action has room for (Auth0 docs, "Actions Limitations").
const (
	mostActions       = 100
	mostSecrets       = 30
	mostDependencies  = 10
	mostModules       = 100
	mostActionModules = 3
	mostCode          = 100 << 10 // bytes
	mostName          = 255       // characters (ours)
	mostSecretName    = 128
	mostSecretValue   = 4096
	actionsPerPage    = 20
)

func (a *api) actions() []route {
	read, create, update := anyOf("read:actions"), anyOf("create:actions"), anyOf("update:actions")
	return []route{
		{"GET /actions/actions", "Get actions", read, listActions},
		{"POST /actions/actions", "Create an action", create, createAction},
		{"GET /actions/actions/{id}", "Get an action", read, actions.get},
		{"PATCH /actions/actions/{id}", "Update an action", update, updateAction},
		{"DELETE /actions/actions/{id}", "Delete an action", anyOf("delete:actions"), deleteAction},
		{"POST /actions/actions/{id}/test", "Test an Action", create, testAction},
		{"GET /actions/executions/{id}", "Get an execution", read, getExecution},

		{"POST /actions/actions/{id}/deploy", "Deploy an action", create, deployAction},
		{"GET /actions/actions/{actionId}/versions", "Get an action's versions", read, listActionVersions},
		{"GET /actions/actions/{actionId}/versions/{id}", "Get a specific version of an action", read, getActionVersion},
		{"POST /actions/actions/{actionId}/versions/{id}/deploy", "Roll back to a previous action version", create, rollbackAction},

		{"GET /actions/triggers", "Get triggers", read, listTriggers},
		{"GET /actions/triggers/{triggerId}/bindings", "Get trigger bindings", read, listBindings},
		{"PATCH /actions/triggers/{triggerId}/bindings", "Update trigger bindings", update, replaceBindings},

		{"GET /actions/modules", "List Action modules", read, listModules},
		{"POST /actions/modules", "Create a new Action module", create, createModule},
		{"GET /actions/modules/{id}", "Get an Action module", read, getModule},
		{"PATCH /actions/modules/{id}", "Update an Action module", update, updateModule},
		{"DELETE /actions/modules/{id}", "Delete an Action module", anyOf("delete:actions"), deleteModule},
		{"GET /actions/modules/{id}/actions", "List Actions using an Action module", read, listModuleActions},
		{"GET /actions/modules/{id}/versions", "List Action module versions", read, listModuleVersions},
		{"POST /actions/modules/{id}/versions", "Create a new version of an Action module", update, publishModule},
		{"GET /actions/modules/{id}/versions/{versionId}", "Get an Action module version", read, getModuleVersion},
		{"POST /actions/modules/{id}/rollback", "Roll back an Action module", update, rollbackModule},
	}
}

var actionDefaults = resource.Document{"code": "", "dependencies": []any{}, "runtime": defaultRuntime, "secrets": []any{}}

// actionPage cuts a page out of a list as the operations of Actions answer it: always an object, without counters that are
// zero. A page past the end has no total: clients go on until it is missing.
func actionPage[T any](r *request, plural string, perPage int, all []T, show func(T) (resource.Document, error)) (answer, error) {
	items, p, err := numbered(r, perPage, all, show)
	if err != nil {
		return answer{}, err
	}
	body := resource.Document{plural: items, "per_page": p.perPage}
	if p.page > 0 {
		body["page"] = p.page
	}
	if len(items) > 0 {
		body["total"] = len(all)
	}
	return ok(body)
}

// numbered shows the items of one page by number.
func numbered[T any](r *request, perPage int, all []T, show func(T) (resource.Document, error)) ([]resource.Document, paging, error) {
	p := r.paging(perPage)
	p.perPage = min(p.perPage, mostPerPage)
	start := min(p.offset(), len(all))
	part := all[start:min(start+p.perPage, len(all))]
	items := make([]resource.Document, len(part))
	for i, one := range part {
		var err error
		if items[i], err = show(one); err != nil {
			return nil, p, err
		}
	}
	return items, p, nil
}

func listActions(r *request) (answer, error) {
	all, err := r.everyResource(r.ctx(), actions.kind)
	if err != nil {
		return answer{}, err
	}
	q := r.http.URL.Query()
	kept := all[:0]
	for _, one := range all {
		isDeployed := one.Document[deployedVersion] != nil
		switch {
		case q.Has("triggerId") && triggerOf(one.Document) != q.Get("triggerId"):
		case q.Has("actionName") && one.Key != q.Get("actionName"):
		case q.Has("deployed") && isDeployed != r.queryBool("deployed"):
		case r.queryBool("installed"): // those of the marketplace, which no tenant has
		default:
			kept = append(kept, one)
		}
	}
	return actionPage(r, "actions", actionsPerPage, kept, func(one *resource.Resource) (resource.Document, error) { return actions.show(r, one) })
}

// triggerOf names the trigger that an Action is for.
func triggerOf(d resource.Document) string {
	list, _ := d["supported_triggers"].([]any)
	if len(list) == 0 {
		return ""
	}
	t, _ := list[0].(map[string]any)
	return text(t, "id")
}

func createAction(r *request) (answer, error) {
	d := clone(r.doc())
	deploy, secrets := d["deploy"] == true, d["secrets"]
	delete(d, "deploy")
	delete(d, "secrets")
	defaults(d, actionDefaults)
	id := actions.newID()
	d["id"] = id
	return r.commit(func(ctx context.Context) (answer, error) {
		if err := r.roomFor(ctx, actions.kind, mostActions); err != nil {
			return answer{}, err
		}
		fresh := &resource.Resource{Kind: actions.kind, ID: id, Document: clone(d), CreatedAt: r.now(), UpdatedAt: r.now()}
		if err := putSecrets(r, fresh, secrets); err != nil {
			return answer{}, err
		}
		if err := actions.save(r, ctx, nil, fresh); err != nil {
			return answer{}, err
		}
		if deploy {
			if _, err := r.deploy(ctx, fresh, fresh); err != nil {
				return answer{}, err
			}
		}
		shown, err := actions.show(r, fresh)
		return answer{status: http.StatusCreated, body: shown}, err
	})
}

// roomFor refuses one more of a kind that there are enough of.
func (r *request) roomFor(ctx context.Context, kind resource.Kind, most int) error {
	n, err := r.Resources.CountResources(ctx, r.tenantID(), kind, "")
	if err == nil && n >= most {
		return errEntityLimit
	}
	return err
}

func updateAction(r *request) (answer, error) {
	return actions.change(r, r.path("id"), func(after *resource.Resource) error {
		patch := clone(r.doc())
		if secrets, given := patch["secrets"]; given {
			if err := putSecrets(r, after, secrets); err != nil {
				return err
			}
			delete(patch, "secrets")
		}
		merge(after.Document, patch, nil)
		after.Document[draftChanged] = true
		return nil
	})
}

// checkAction holds an Action to its limits and writes its trigger and modules in the form in which they are kept.
func checkAction(r *request, ctx context.Context, before, after resource.Document) error {
	list, _ := after["supported_triggers"].([]any)
	if len(list) != 1 {
		return invalidBody("An action supports exactly one trigger.")
	}
	named, _ := list[0].(map[string]any)
	t, err := findTrigger(text(named, "id"), text(named, "version"))
	if err != nil {
		return err
	}
	after["supported_triggers"] = []any{resource.Document{"id": t.id, "version": t.version}}
	if before != nil && triggerOf(before) != t.id {
		bound, err := r.triggersOf(ctx, text(after, "id"))
		if err != nil {
			return err
		}
		if len(bound) > 0 {
			return errActionBound
		}
	}
	if err := checkCode(after); err != nil {
		return err
	}
	return r.resolveModules(ctx, after)
}

// checkCode holds an Action or module to the limits that they share.
func checkCode(d resource.Document) error {
	dependencies, _ := d["dependencies"].([]any)
	switch name := text(d, "name"); {
	case name == "" || utf8.RuneCountInString(name) > mostName:
		return invalidBody("A name has between 1 and %d characters.", mostName)
	case len(text(d, "code")) > mostCode:
		return invalidBody("The code is larger than %d bytes.", mostCode)
	case len(dependencies) > mostDependencies:
		return invalidBody("There may be %d dependencies at most.", mostDependencies)
	}
	return nil
}

// presentAction adds what became of the draft. The older and the newer name of the deployed version have their own forms.
func presentAction(_ *request, stored *resource.Resource, shown resource.Document) {
	shown["status"] = "built"
	if list, _ := shown["modules"].([]any); len(list) == 0 {
		delete(shown, "modules")
	}
	version := member(stored.Document, deployedVersion)
	shown["all_changes_deployed"] = version != nil && stored.Document[draftChanged] != true
	if version == nil {
		return
	}
	shown["deployed_version"] = clone(version)
	shown["current_version"] = resource.Document{
		"id": version["id"], "code": version["code"], "runtime": version["runtime"], "status": "BUILT", "number": version["number"],
		"build_time": version["built_at"], "created_at": version["created_at"], "updated_at": version["updated_at"],
	}
}

func deleteAction(r *request) (answer, error) {
	id, force := r.path("id"), r.queryBool("force")
	return r.commit(func(ctx context.Context) (answer, error) {
		if _, err := actions.find(r, ctx, id); err != nil {
			return answer{}, err
		}
		bound, err := r.triggersOf(ctx, id)
		if err != nil {
			return answer{}, err
		}
		if len(bound) > 0 && !force {
			return answer{}, errActionBound
		}
		for _, list := range bound {
			if err := r.unbind(ctx, list, id); err != nil {
				return answer{}, err
			}
		}
		if err := r.Resources.DeleteResourcesOf(ctx, r.tenantID(), actionVersions, id); err != nil {
			return answer{}, err
		}
		return answer{status: http.StatusNoContent}, r.Resources.DeleteResource(ctx, r.tenantID(), actions.kind, id)
	})
}

// testAction answers that nothing ran: this server keeps Actions, and does not execute them.
func testAction(r *request) (answer, error) {
	if _, err := actions.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	return ok(resource.Document{"payload": resource.Document{
		"error": resource.Document{"id": "not_executed", "msg": "This server stores Actions and does not execute them."},
	}})
}

func getExecution(*request) (answer, error) {
	return answer{}, notFoundError("", "That execution does not exist.")
}

// putSecrets makes a list of a payload the secrets of an Action or module: those with a value are sealed, those without one
// stay as they are, and those that the list does not name are gone. What the document keeps is their names and dates.
func putSecrets(r *request, to *resource.Resource, list any) error {
	given, _ := list.([]any)
	if len(given) > mostSecrets {
		return invalidBody("There may be %d secrets at most.", mostSecrets)
	}
	known := map[string]any{}
	old, _ := to.Document["secrets"].([]any)
	for _, one := range old {
		secret, _ := one.(map[string]any)
		known[text(secret, "name")] = one
	}
	shown, sealed := make([]any, 0, len(given)), map[string][]byte{}
	for _, one := range given {
		secret, _ := one.(map[string]any)
		name := text(secret, "name")
		value, isNew := secret["value"].(string)
		place := "secrets." + name
		switch {
		case name == "" || utf8.RuneCountInString(name) > mostSecretName:
			return invalidBody("The name of a secret has between 1 and %d characters.", mostSecretName)
		case sealed[place] != nil:
			return invalidBody("Two secrets have the name %s.", name)
		case utf8.RuneCountInString(value) > mostSecretValue:
			return invalidBody("The value of a secret has %d characters at most.", mostSecretValue)
		case isNew:
			b, err := r.Seal.Seal([]byte(value), r.tenantID(), string(to.Kind), place, to.ID)
			if err != nil {
				return err
			}
			sealed[place] = b
			shown = append(shown, resource.Document{"name": name, "updated_at": stamp(r.now())})
		case known[name] == nil:
			return invalidBody("The secret %s has no value.", name)
		default:
			sealed[place] = to.Sealed[place]
			shown = append(shown, known[name])
		}
	}
	to.Document["secrets"], to.Sealed = shown, sealed
	return nil
}

// copySecrets seals the secrets of one resource for another.
func (r *request) copySecrets(from, to *resource.Resource) error {
	copied := make(map[string][]byte, len(from.Sealed))
	for name, sealed := range from.Sealed {
		value, err := r.Seal.Open(sealed, r.tenantID(), string(from.Kind), name, from.ID)
		if err != nil {
			return err
		}
		if copied[name], err = r.Seal.Seal(value, r.tenantID(), string(to.Kind), name, to.ID); err != nil {
			return err
		}
	}
	to.Sealed = copied
	return nil
}
