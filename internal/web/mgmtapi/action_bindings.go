package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Triggers and what is bound to them: Auth0 docs, "Explore Triggers", "Manage Action Bindings". The bindings of a trigger
// are one record, so that their list is replaced as a whole and keeps its order.

// actionBindings are kept by the trigger's id.
const actionBindings resource.Kind = "action_bindings"

const (
	defaultRuntime = "node22"
	// mostBindings is how many Actions a trigger runs (Auth0 docs, "Actions Limitations").
	mostBindings    = 20
	bindingsPerPage = 50
)

// trigger is a point of a flow at which Actions run, in one version.
type trigger struct {
	id, version string
	current     bool
	compatible  []string // older versions whose Actions it runs
	byEntity    bool     // bound to other resources than the tenant's flow
	single      bool     // one Action at most
}

// triggers are those that Actions can be written for (Auth0 docs, "Actions Triggers"), the current version of each first.
var triggers = []trigger{
	{id: "post-login", version: "v3", current: true, compatible: []string{"v2"}},
	{id: "post-login", version: "v2"},
	{id: "post-login", version: "v1"},
	{id: "credentials-exchange", version: "v2", current: true},
	{id: "credentials-exchange", version: "v1"},
	{id: "pre-user-registration", version: "v2", current: true},
	{id: "pre-user-registration", version: "v1"},
	{id: "post-user-registration", version: "v2", current: true},
	{id: "post-user-registration", version: "v1"},
	{id: "post-change-password", version: "v2", current: true},
	{id: "post-change-password", version: "v1"},
	{id: "send-phone-message", version: "v2", current: true},
	{id: "send-phone-message", version: "v1"},
	{id: "password-reset-post-challenge", version: "v1", current: true},
	{id: "custom-phone-provider", version: "v1", current: true, single: true},
	{id: "custom-email-provider", version: "v1", current: true, single: true},
	{id: "custom-token-exchange", version: "v1", current: true, byEntity: true},
	{id: "event-stream", version: "v1", current: true, byEntity: true},
	{id: "password-hash-migration", version: "v1", current: true, byEntity: true},
}

var errNoTrigger = notFoundError("", "That trigger does not exist.")

// findTrigger gives a trigger, the current one where no version is named.
func findTrigger(id, version string) (trigger, error) {
	at := slices.IndexFunc(triggers, func(t trigger) bool { return t.id == id && (t.version == version || version == "") })
	if at < 0 {
		return trigger{}, invalidBody("The trigger %s is not supported in version %q.", id, version)
	}
	return triggers[at], nil
}

func listTriggers(*request) (answer, error) {
	items := make([]resource.Document, len(triggers))
	for i, t := range triggers {
		status, policy, compatible := "DEPRECATED", "trigger-bound", make([]any, len(t.compatible))
		if t.current {
			status = "CURRENT"
		}
		if t.byEntity {
			policy = "entity-bound"
		}
		for j, version := range t.compatible {
			compatible[j] = resource.Document{"id": t.id, "version": version}
		}
		items[i] = resource.Document{
			"id": t.id, "version": t.version, "status": status, "binding_policy": policy, "compatible_triggers": compatible,
			"runtimes": []any{"node18-actions", defaultRuntime}, "default_runtime": defaultRuntime,
		}
	}
	return ok(resource.Document{"triggers": items})
}

// bindings reads the record of a trigger's bindings. Its version is 0 where nothing was ever bound.
func (r *request) bindings(ctx context.Context, triggerID string) (*resource.Resource, error) {
	if !slices.ContainsFunc(triggers, func(t trigger) bool { return t.id == triggerID }) {
		return nil, errNoTrigger
	}
	stored, err := r.Resources.Resource(ctx, r.tenantID(), actionBindings, triggerID)
	if errors.Is(err, resource.ErrNotFound) {
		return &resource.Resource{Kind: actionBindings, ID: triggerID, Document: resource.Document{}, CreatedAt: r.now()}, nil
	}
	return stored, err
}

// boundTo lists the bindings in a record, in their order.
func boundTo(stored *resource.Resource) []resource.Document {
	list, _ := stored.Document["bindings"].([]any)
	all := make([]resource.Document, 0, len(list))
	for _, one := range list {
		if b, isObject := one.(map[string]any); isObject {
			all = append(all, b)
		}
	}
	return all
}

// triggersOf gives the records of the triggers that an Action is bound to.
func (r *request) triggersOf(ctx context.Context, actionID string) ([]*resource.Resource, error) {
	all, err := r.everyResource(ctx, actionBindings)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(stored *resource.Resource) bool {
		return !slices.ContainsFunc(boundTo(stored), func(b resource.Document) bool { return b["action_id"] == actionID })
	}), nil
}

// unbind takes an Action out of a trigger's bindings.
func (r *request) unbind(ctx context.Context, from *resource.Resource, actionID string) error {
	kept := []any{}
	for _, b := range boundTo(from) {
		if b["action_id"] != actionID {
			kept = append(kept, b)
		}
	}
	from.Document, from.UpdatedAt = resource.Document{"bindings": kept}, r.now()
	return r.Resources.UpdateResource(ctx, r.tenantID(), from)
}

// showBindings shows the bindings in a record with their Actions. One whose Action is gone has ended.
func (r *request) showBindings(ctx context.Context, stored *resource.Resource) ([]resource.Document, error) {
	items := []resource.Document{}
	for _, b := range boundTo(stored) {
		action, err := actions.find(r, ctx, text(b, "action_id"))
		if errors.Is(err, errNoAction) {
			continue
		}
		if err != nil {
			return nil, err
		}
		shown, err := actions.show(r, action)
		if err != nil {
			return nil, err
		}
		items = append(items, resource.Document{
			"id": b["id"], "trigger_id": stored.ID, "display_name": b["display_name"], "action": shown,
			"created_at": b["created_at"], "updated_at": b["created_at"],
		})
	}
	return items, nil
}

func listBindings(r *request) (answer, error) {
	stored, err := r.bindings(r.ctx(), r.path("triggerId"))
	if err != nil {
		return answer{}, err
	}
	items, err := r.showBindings(r.ctx(), stored)
	if err != nil {
		return answer{}, err
	}
	return actionPage(r, "bindings", bindingsPerPage, items, func(d resource.Document) (resource.Document, error) { return d, nil })
}

// replaceBindings replaces the whole list of a trigger; every binding in it is a new one.
func replaceBindings(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		stored, err := r.bindings(ctx, r.path("triggerId"))
		if err != nil {
			return answer{}, err
		}
		list, given := r.doc()["bindings"].([]any)
		if given {
			if err := r.bind(ctx, stored, list); err != nil {
				return answer{}, err
			}
		}
		items, err := r.showBindings(ctx, stored)
		return answer{status: http.StatusOK, body: resource.Document{"bindings": items}}, err
	})
}

// bind writes the bindings that a payload asks for.
func (r *request) bind(ctx context.Context, stored *resource.Resource, list []any) error {
	most := mostBindings
	if slices.ContainsFunc(triggers, func(t trigger) bool { return t.id == stored.ID && t.single }) {
		most = 1
	}
	if len(list) > most {
		return invalidBody("The trigger %s runs %d actions at most.", stored.ID, most)
	}
	bound := make([]any, len(list))
	for i, one := range list {
		item, _ := one.(map[string]any)
		if secrets, _ := item["secrets"].([]any); len(secrets) > 0 {
			return invalidBody("Secrets belong to the action, not to its binding.")
		}
		action, name, err := r.boundAction(ctx, stored, member(item, "ref"))
		if err != nil {
			return err
		}
		switch {
		case triggerOf(action.Document) != stored.ID:
			return invalidBody("The action %s does not support the trigger %s.", action.Key, stored.ID)
		case action.Document[deployedVersion] == nil:
			return invalidBody("The action %s must be deployed before it can be bound.", action.Key)
		}
		if given := text(item, "display_name"); given != "" {
			name = given
		}
		bound[i] = resource.Document{"id": ident.UUID(), "action_id": action.ID, "display_name": name, "created_at": stamp(r.now())}
	}
	stored.Document, stored.UpdatedAt = resource.Document{"bindings": bound}, r.now()
	if stored.Version > 0 {
		return r.Resources.UpdateResource(ctx, r.tenantID(), stored)
	}
	err := r.Resources.CreateResource(ctx, r.tenantID(), stored)
	if errors.Is(err, resource.ErrExists) { // somebody was the first at the same moment
		return resource.ErrChanged
	}
	return err
}

// boundAction gives the Action that a reference names, and the name under which it is bound unless another is given.
func (r *request) boundAction(ctx context.Context, stored *resource.Resource, ref resource.Document) (*resource.Resource, string, error) {
	id, name := text(ref, "value"), ""
	switch text(ref, "type") {
	case "action_id":
	case "action_name":
		action, err := r.Resources.ResourceByKey(ctx, r.tenantID(), actions.kind, id)
		if errors.Is(err, resource.ErrNotFound) {
			err = errNoAction
		}
		if err != nil {
			return nil, "", err
		}
		return action, action.Key, nil
	case "binding_id":
		all := boundTo(stored)
		at := slices.IndexFunc(all, func(b resource.Document) bool { return b["id"] == id })
		if at < 0 {
			return nil, "", notFoundError("", "That binding does not exist.")
		}
		id, name = text(all[at], "action_id"), text(all[at], "display_name")
	default:
		return nil, "", invalidBody("Payload validation error: 'Missing required property: type' on property bindings.ref.")
	}
	action, err := actions.find(r, ctx, id)
	if err != nil {
		return nil, "", err
	}
	if name == "" {
		name = action.Key
	}
	return action, name, nil
}
