package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// Modules of Actions: Auth0 docs, "Actions Modules". A module is a draft of its own, published in versions; an Action pins
// one of them.

const moduleVersions resource.Kind = "action_module_versions"

var modules = &collection{
	kind: "action_modules", plural: "modules", newID: ident.UUID, stamps: true,
	key:     func(d resource.Document) string { return text(d, "name") },
	missing: errNoModule, taken: conflict("An action module with the same name already exists."),
	check: func(_ *request, _ context.Context, _, after resource.Document) error { return checkCode(after) },
}

var (
	errNoModule        = notFoundError("", "That action module does not exist.")
	errNoModuleVersion = notFoundError("", "That action module version does not exist.")
	errModuleUsed      = conflict("The action module is used by an action.")
)

// published is the note of the newest version in a module's document, as answers show it.
const published = "$published"

// moduleContent are the members of a module's draft that a version copies.
var moduleContent = []string{"code", "dependencies", "secrets"}

// showModule shows a module. Lists leave the newest version out, but for its number.
func (r *request) showModule(stored *resource.Resource, inUse int, inList bool) (resource.Document, error) {
	shown, err := modules.show(r, stored)
	if err != nil {
		return nil, err
	}
	newest := member(stored.Document, published)
	shown["actions_using_module_total"] = inUse
	shown["all_changes_published"] = newest != nil && reflect.DeepEqual(content(newest, moduleContent), content(stored.Document, moduleContent))
	switch {
	case newest != nil && inList:
		shown["latest_version_number"] = newest["version_number"]
	case newest != nil:
		shown["latest_version"] = clone(newest)
	}
	return shown, nil
}

// usersOf gives the Actions whose draft names a module, with the reference of each.
func (r *request) usersOf(ctx context.Context, moduleID string) ([]resource.Document, error) {
	all, err := r.everyResource(ctx, actions.kind)
	if err != nil {
		return nil, err
	}
	users := []resource.Document{}
	for _, action := range all {
		list, _ := action.Document["modules"].([]any)
		for _, one := range list {
			ref, _ := one.(map[string]any)
			if ref["module_id"] != moduleID {
				continue
			}
			users = append(users, resource.Document{
				"action_id": action.ID, "action_name": action.Key, "supported_triggers": cloneValue(action.Document["supported_triggers"]),
				"module_version_id": ref["module_version_id"], "module_version_number": ref["module_version_number"],
			})
		}
	}
	return users, nil
}

// answerModule shows a module as it is.
func (r *request) answerModule(ctx context.Context, stored *resource.Resource, status int) (answer, error) {
	users, err := r.usersOf(ctx, stored.ID)
	if err != nil {
		return answer{}, err
	}
	shown, err := r.showModule(stored, len(users), false)
	return answer{status: status, body: shown}, err
}

// modulePage is actionPage for modules, whose counters are always there.
func modulePage[T any](r *request, plural string, all []T, show func(T) (resource.Document, error)) (answer, error) {
	items, p, err := numbered(r, defaultPage, all, show)
	if err != nil {
		return answer{}, err
	}
	total := len(all)
	if len(items) == 0 {
		total = 0
	}
	return ok(resource.Document{plural: items, "total": total, "page": p.page, "per_page": p.perPage})
}

func listModules(r *request) (answer, error) {
	all, err := r.everyResource(r.ctx(), modules.kind)
	if err != nil {
		return answer{}, err
	}
	return modulePage(r, "modules", all, func(stored *resource.Resource) (resource.Document, error) {
		users, err := r.usersOf(r.ctx(), stored.ID)
		if err != nil {
			return nil, err
		}
		return r.showModule(stored, len(users), true)
	})
}

func getModule(r *request) (answer, error) {
	stored, err := modules.find(r, r.ctx(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return r.answerModule(r.ctx(), stored, http.StatusOK)
}

func createModule(r *request) (answer, error) {
	d := clone(r.doc())
	publish, secrets := d["publish"] == true, d["secrets"]
	delete(d, "publish")
	delete(d, "secrets")
	delete(d, "api_version")
	defaults(d, resource.Document{"dependencies": []any{}, "secrets": []any{}})
	id := modules.newID()
	d["id"] = id
	return r.commit(func(ctx context.Context) (answer, error) {
		if err := r.roomFor(ctx, modules.kind, mostModules); err != nil {
			return answer{}, err
		}
		fresh := &resource.Resource{Kind: modules.kind, ID: id, Document: clone(d), CreatedAt: r.now(), UpdatedAt: r.now()}
		if err := putSecrets(r, fresh, secrets); err != nil {
			return answer{}, err
		}
		if err := modules.save(r, ctx, nil, fresh); err != nil {
			return answer{}, err
		}
		if publish {
			if _, err := r.publish(ctx, fresh); err != nil {
				return answer{}, err
			}
		}
		return r.answerModule(ctx, fresh, http.StatusCreated)
	})
}

// changeModule changes the module of the path in a commit of its own; a change that lost a race is made again.
func (r *request) changeModule(change func(ctx context.Context, module *resource.Resource) (answer, error)) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		module, err := modules.find(r, ctx, r.path("id"))
		if err != nil {
			return answer{}, err
		}
		return change(ctx, module)
	})
}

func updateModule(r *request) (answer, error) {
	return r.changeModule(func(ctx context.Context, module *resource.Resource) (answer, error) {
		patch := clone(r.doc())
		if secrets, given := patch["secrets"]; given {
			if err := putSecrets(r, module, secrets); err != nil {
				return answer{}, err
			}
			delete(patch, "secrets")
		}
		merge(module.Document, patch, nil)
		module.UpdatedAt = r.now()
		if err := modules.save(r, ctx, module, module); err != nil {
			return answer{}, err
		}
		return r.answerModule(ctx, module, http.StatusOK)
	})
}

func deleteModule(r *request) (answer, error) {
	return r.changeModule(func(ctx context.Context, module *resource.Resource) (answer, error) {
		users, err := r.usersOf(ctx, module.ID)
		if err != nil {
			return answer{}, err
		}
		if len(users) > 0 {
			return answer{}, errModuleUsed
		}
		if err := r.Resources.DeleteResourcesOf(ctx, r.tenantID(), moduleVersions, module.ID); err != nil {
			return answer{}, err
		}
		return answer{status: http.StatusNoContent}, r.Resources.DeleteResource(ctx, r.tenantID(), modules.kind, module.ID)
	})
}

func listModuleActions(r *request) (answer, error) {
	if _, err := modules.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	users, err := r.usersOf(r.ctx(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return modulePage(r, "actions", users, func(d resource.Document) (resource.Document, error) { return d, nil })
}

// publish makes a version of a module's draft.
func (r *request) publish(ctx context.Context, module *resource.Resource) (*resource.Resource, error) {
	version, err := r.newVersion(ctx, module, module, moduleVersions, moduleContent, modules.newID())
	if err != nil {
		return nil, err
	}
	newest := showModuleVersion(version)
	delete(newest, "module_id")
	module.Document[published] = newest
	return version, r.rewrite(ctx, module, errNoModule)
}

func showModuleVersion(version *resource.Resource) resource.Document {
	shown := clone(version.Visible())
	shown["id"], shown["module_id"], shown["created_at"] = version.ID, version.Parent, stamp(version.CreatedAt)
	shown["version_number"] = shown["number"]
	delete(shown, "number")
	return shown
}

func publishModule(r *request) (answer, error) {
	return r.changeModule(func(ctx context.Context, module *resource.Resource) (answer, error) {
		version, err := r.publish(ctx, module)
		if err != nil {
			return answer{}, err
		}
		return ok(showModuleVersion(version))
	})
}

// moduleVersion reads a version of a module.
func (r *request) moduleVersion(ctx context.Context, moduleID, id string) (*resource.Resource, error) {
	version, err := r.versionOf(ctx, moduleVersions, moduleID, id)
	if errors.Is(err, errNoVersion) {
		return nil, errNoModuleVersion
	}
	return version, err
}

func listModuleVersions(r *request) (answer, error) {
	if _, err := modules.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	all, err := r.versionsOf(moduleVersions, r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return modulePage(r, "versions", all, func(version *resource.Resource) (resource.Document, error) { return showModuleVersion(version), nil })
}

func getModuleVersion(r *request) (answer, error) {
	if _, err := modules.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	version, err := r.moduleVersion(r.ctx(), r.path("id"), r.path("versionId"))
	if err != nil {
		return answer{}, err
	}
	return ok(showModuleVersion(version))
}

// rollbackModule makes the draft what an older version was.
func rollbackModule(r *request) (answer, error) {
	return r.changeModule(func(ctx context.Context, module *resource.Resource) (answer, error) {
		old, err := r.moduleVersion(ctx, module.ID, text(r.doc(), "module_version_id"))
		if err != nil {
			return answer{}, err
		}
		merge(module.Document, content(old.Document, moduleContent), nil)
		if err := r.copySecrets(old, module); err != nil {
			return answer{}, err
		}
		module.UpdatedAt = r.now()
		if err := r.rewrite(ctx, module, errNoModule); err != nil {
			return answer{}, err
		}
		return r.answerModule(ctx, module, http.StatusOK)
	})
}

// resolveModules completes an Action's references to versions of modules and refuses those that name none.
func (r *request) resolveModules(ctx context.Context, action resource.Document) error {
	list, _ := action["modules"].([]any)
	if len(list) > mostActionModules {
		return invalidBody("An action uses %d modules at most.", mostActionModules)
	}
	for _, one := range list {
		ref, _ := one.(map[string]any)
		module, err := modules.find(r, ctx, text(ref, "module_id"))
		if err != nil {
			return err
		}
		version, err := r.moduleVersion(ctx, module.ID, text(ref, "module_version_id"))
		if err != nil {
			return err
		}
		ref["module_name"], ref["module_version_number"] = module.Key, version.Document["number"]
	}
	return nil
}
