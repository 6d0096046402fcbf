package mgmtapi

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"latchkey/internal/resource"
)

// Versions of an Action: Auth0 docs, "Manage Action Versions". A version is a copy of the draft with its secrets, sealed for
// the version, and never changes. The newest is the deployed one; rolling back makes a new version equal to an old one.

const actionVersions resource.Kind = "action_versions"

// mostVersions is how many versions an Action or module keeps (Auth0 docs, "Actions Limitations").
const mostVersions = 50

var errNoVersion = notFoundError("", "That action version does not exist.")

// versioned are the members of a draft that a version copies.
var versioned = []string{"code", "dependencies", "runtime", "secrets", "supported_triggers", "modules"}

// content copies what a draft and a version have in common.
func content(d resource.Document, members []string) resource.Document {
	copied := resource.Document{}
	for _, name := range members {
		if v, there := d[name]; there {
			copied[name] = cloneValue(v)
		}
	}
	return copied
}

// newVersion writes a version of a resource that was read in the same transaction, equal to source, and forgets the oldest
// when there are too many. The number is written back with the resource.
func (r *request) newVersion(ctx context.Context, of, source *resource.Resource, kind resource.Kind, members []string, id string) (*resource.Resource, error) {
	last, _ := of.Document[versionCount].(float64)
	version := &resource.Resource{
		Kind: kind, ID: id, Parent: of.ID, Document: content(source.Document, members), CreatedAt: r.now(), UpdatedAt: r.now(),
	}
	version.Document["number"] = last + 1
	of.Document[versionCount] = last + 1
	if err := r.copySecrets(source, version); err != nil {
		return nil, err
	}
	if err := r.Resources.CreateResource(ctx, r.tenantID(), version); err != nil {
		return nil, err
	}
	n, err := r.Resources.CountResources(ctx, r.tenantID(), kind, of.ID)
	if err != nil || n <= mostVersions {
		return version, err
	}
	oldest, err := r.Resources.Resources(ctx, r.tenantID(), kind, resource.Page{Parent: of.ID, Limit: n - mostVersions})
	if err != nil {
		return nil, err
	}
	for _, one := range oldest {
		if err := r.Resources.DeleteResource(ctx, r.tenantID(), kind, one.ID); err != nil {
			return nil, err
		}
	}
	return version, nil
}

// rewrite stores a resource that was read in the same transaction.
func (r *request) rewrite(ctx context.Context, changed *resource.Resource, missing error) error {
	err := r.Resources.UpdateResource(ctx, r.tenantID(), changed)
	if errors.Is(err, resource.ErrNotFound) {
		return missing
	}
	return err
}

// deploy makes a version of an Action, equal to source, and deploys it.
func (r *request) deploy(ctx context.Context, action, source *resource.Resource) (*resource.Resource, error) {
	version, err := r.newVersion(ctx, action, source, actionVersions, versioned, actions.newID())
	if err != nil {
		return nil, err
	}
	deployed := showDeployed(version)
	action.Document[deployedVersion] = deployed
	action.Document[draftChanged] = !reflect.DeepEqual(content(action.Document, versioned), content(version.Document, versioned))
	return version, r.rewrite(ctx, action, errNoAction)
}

// showDeployed gives a version as its Action shows it.
func showDeployed(version *resource.Resource) resource.Document {
	shown := clone(version.Visible())
	if list, _ := shown["modules"].([]any); len(list) == 0 {
		delete(shown, "modules")
	}
	shown["id"], shown["status"], shown["deployed"] = version.ID, "built", true
	shown["built_at"], shown["created_at"], shown["updated_at"] = stamp(version.CreatedAt), stamp(version.CreatedAt), stamp(version.UpdatedAt)
	return shown
}

// showVersion gives a version by itself, with the Action it belongs to.
func showVersion(action, version *resource.Resource) resource.Document {
	shown := showDeployed(version)
	current := member(action.Document, deployedVersion)
	shown["action_id"], shown["deployed"] = action.ID, current["id"] == version.ID
	shown["action"] = resource.Document{
		"id": action.ID, "name": action.Key, "supported_triggers": cloneValue(action.Document["supported_triggers"]),
		"created_at": stamp(action.CreatedAt), "updated_at": stamp(action.UpdatedAt),
		"all_changes_deployed": current != nil && action.Document[draftChanged] != true,
	}
	return shown
}

// answerDeploying shows a version that was just deployed. The service answers while it deploys, so that neither the version
// nor its Action is deployed in this answer (recorded).
func answerDeploying(action, version *resource.Resource) (answer, error) {
	shown := showVersion(action, version)
	shown["deployed"], member(shown, "action")["all_changes_deployed"] = false, false
	delete(shown, "built_at")
	return ok(shown)
}

// changeAction changes the Action of the path in a commit of its own; a change that lost a race is made again.
func (r *request) changeAction(id string, change func(ctx context.Context, action *resource.Resource) (answer, error)) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		action, err := actions.find(r, ctx, id)
		if err != nil {
			return answer{}, err
		}
		return change(ctx, action)
	})
}

func deployAction(r *request) (answer, error) {
	return r.changeAction(r.path("id"), func(ctx context.Context, action *resource.Resource) (answer, error) {
		version, err := r.deploy(ctx, action, action)
		if err != nil {
			return answer{}, err
		}
		return answerDeploying(action, version)
	})
}

func rollbackAction(r *request) (answer, error) {
	return r.changeAction(r.path("actionId"), func(ctx context.Context, action *resource.Resource) (answer, error) {
		old, err := r.versionOf(ctx, actionVersions, action.ID, r.path("id"))
		if err != nil {
			return answer{}, err
		}
		if r.doc()["update_draft"] == true {
			for _, name := range versioned {
				delete(action.Document, name)
			}
			defaults(action.Document, content(old.Document, versioned))
			if err := r.copySecrets(old, action); err != nil {
				return answer{}, err
			}
			action.UpdatedAt = r.now()
		}
		version, err := r.deploy(ctx, action, old)
		if err != nil {
			return answer{}, err
		}
		return answerDeploying(action, version)
	})
}

// versionOf reads a version of an Action or module.
func (r *request) versionOf(ctx context.Context, kind resource.Kind, of, id string) (*resource.Resource, error) {
	version, err := r.Resources.Resource(ctx, r.tenantID(), kind, id)
	if errors.Is(err, resource.ErrNotFound) || (err == nil && version.Parent != of) {
		return nil, errNoVersion
	}
	return version, err
}

// versionsOf lists the versions of an Action or module, the newest first.
func (r *request) versionsOf(kind resource.Kind, of string) ([]*resource.Resource, error) {
	all, err := r.Resources.Resources(r.ctx(), r.tenantID(), kind, resource.Page{Parent: of})
	slices.Reverse(all)
	return all, err
}

func listActionVersions(r *request) (answer, error) {
	action, err := actions.find(r, r.ctx(), r.path("actionId"))
	if err != nil {
		return answer{}, err
	}
	all, err := r.versionsOf(actionVersions, action.ID)
	if err != nil {
		return answer{}, err
	}
	return actionPage(r, "versions", actionsPerPage, all, func(version *resource.Resource) (resource.Document, error) {
		return showVersion(action, version), nil
	})
}

func getActionVersion(r *request) (answer, error) {
	action, err := actions.find(r, r.ctx(), r.path("actionId"))
	if err != nil {
		return answer{}, err
	}
	version, err := r.versionOf(r.ctx(), actionVersions, action.ID, r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return ok(showVersion(action, version))
}
