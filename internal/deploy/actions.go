package deploy

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// actions is actions/: code that runs at the tenant's triggers, each with its code in a file of its own
// (https://auth0.com/docs/api/management/v2/actions). Values of secrets are never exported.
func actions() *kind {
	code := place{ref: "./actions/{file}/code.js"}
	return &kind{
		name: "actions", order: 51,
		files: manyFiles{dir: "actions", shape: []string{"actions/*.json", "actions/*/code.js"}},
		sides: []side{{property: "code", directory: code, yaml: code}},
		match: []matchKey{{"id"}, {"name"}}, id: "id", path: "actions/actions",
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			found, err := s.pages(ctx, "actions/actions")
			all := list(found, "id")
			for _, st := range all {
				st.hidden = st.raw["integration"] != nil || text(st.raw, "installed_integration_id") != ""
				st.object = actionFile(st.raw)
			}
			return all, err
		},
		readOnly: []string{"status", "deployed", "installed_integration_id", "integration"},
		prepare:  prepareAction,
		complete: completeSecrets,
		body:     actionBody,
		create:   createAction,
		after:    deployAction,
		remove: func(ctx context.Context, r *run, c *Change) error {
			_, err := call(ctx, r.tenant.API, http.MethodDelete, under("actions/actions", c.stored.id)+"?force=true", nil)
			return err
		},
	}
}

// actionFile gives an Action as files tell it.
func actionFile(raw object) object {
	o := pick(cloneObject(raw), "id", "name", "code", "runtime", "status", "supported_triggers")
	o["deployed"] = raw["deployed"] == true || raw["all_changes_deployed"] == true
	for _, list := range []string{"dependencies", "secrets", "supported_triggers"} {
		if o[list] == nil {
			o[list] = []any{}
		}
	}
	secrets, dependencies, modules := []any{}, []any{}, []any{}
	for _, s := range objects(raw["secrets"]) {
		secrets = append(secrets, pick(s, "name"))
	}
	for _, d := range objects(raw["dependencies"]) {
		shown := pick(d, "name", "version", "registry_url")
		if empty(shown["registry_url"]) || shown["registry_url"] == "" {
			delete(shown, "registry_url")
		}
		dependencies = append(dependencies, shown)
	}
	for _, m := range objects(raw["modules"]) {
		modules = append(modules, pick(m, "module_name", "module_version_number"))
	}
	o["secrets"], o["dependencies"] = secrets, dependencies
	if len(modules) > 0 {
		o["modules"] = modules
	}
	return o
}

// prepareAction leaves a mark in the place of each secret that is to be sent, and plans a deployment: an Action that shall be
// deployed and has a draft that is not.
func prepareAction(_ context.Context, s *session, want object, have *stored) error {
	for _, secret := range objects(want["secrets"]) {
		value := secret["value"]
		delete(secret, "value")
		if value == nil || have == nil {
			continue
		}
		differs, known := have.differs("secrets."+text(secret, "name"), value)
		if differs || !known && s.settings.SendSecrets {
			secret["value"] = "(secret)"
		}
	}
	if have != nil && want["deployed"] == true && have.object["deployed"] != true {
		want[deployment] = true
	}
	return nil
}

// deployment is the property under which a plan shows that a draft will be deployed.
const deployment = "all_changes_deployed"

// completeSecrets gives a new Action the values of its secrets, which an export leaves out: each from the keyword that is
// named after Action and secret.
func completeSecrets(s Settings, it *item) []error {
	var lacking []error
	for i, secret := range objects(it.object["secrets"]) {
		if value, told := secret["value"]; told && !isMask(value) {
			continue
		}
		keyword := upper("ACTIONS_" + text(it.object, "name") + "_" + text(secret, "name"))
		value, given := s.Keywords[keyword]
		if !given {
			lacking = append(lacking, it.source.refuse(fmt.Sprintf("secrets[%d].value", i),
				"the value of %q is needed to create the Action; write it, or give the keyword %s", text(secret, "name"), keyword))
			continue
		}
		secret["value"] = plainText(value)
	}
	return lacking
}

// actionBody tells modules by their ids.
func actionBody(ctx context.Context, r *run, c *Change, body object) error {
	if _, there := body["modules"]; !there {
		return nil
	}
	known, err := r.pages(ctx, "actions/modules")
	if err != nil {
		return err
	}
	modules := []any{}
	for _, wanted := range objects(body["modules"]) {
		resolved, err := r.moduleVersion(ctx, known, text(wanted, "module_name"), show(wanted["module_version_number"]))
		if err != nil {
			return err
		}
		modules = append(modules, resolved)
	}
	body["modules"] = modules
	return nil
}

func (r *run) moduleVersion(ctx context.Context, known []object, name, number string) (object, error) {
	i := slices.IndexFunc(known, func(o object) bool { return text(o, "name") == name })
	if i < 0 {
		return nil, fmt.Errorf("modules: there is no module %q", name)
	}
	id := text(known[i], "id")
	versions, err := r.pages(ctx, under("actions/modules", id, "versions"))
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if show(v["version_number"]) == number {
			return object{"module_id": id, "module_version_id": text(v, "id")}, nil
		}
	}
	return nil, fmt.Errorf("modules: the module %q has no version %s", name, number)
}

func createAction(ctx context.Context, r *run, c *Change) error {
	if err := createOne(ctx, r, c); err != nil {
		return err
	}
	c.stored.object["deployed"] = false
	return nil
}

// buildPolls is how often a build is asked after, and buildPause the time between.
const (
	buildPolls = 60
	buildPause = 2 * time.Second
)

// deployAction deploys what was created or changed, once it is built, where the file says that it shall be deployed.
func deployAction(ctx context.Context, r *run, c *Change) error {
	if c.item.object["deployed"] != true {
		return nil
	}
	path := under("actions/actions", c.stored.id)
	for range buildPolls {
		o, err := r.get(ctx, path)
		if err != nil {
			return err
		}
		switch text(o, "status") {
		case "built":
			_, err = call(ctx, r.tenant.API, http.MethodPost, path+"/deploy", nil)
			return err
		case "failed":
			return fmt.Errorf("the Action %q could not be built", c.Name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(buildPause):
		}
	}
	return fmt.Errorf("the Action %q was not built within %s", c.Name, buildPolls*buildPause)
}

// triggers is triggers/triggers.json: the Actions bound to each trigger, in the order in which they run
// (https://auth0.com/docs/api/management/v2/actions/patch-bindings).
func triggers() *kind {
	return &kind{
		name: "triggers", order: 80, single: true, ordered: true, files: triggerFile{},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			known, err := s.get(ctx, "actions/triggers")
			if err != nil {
				return nil, err
			}
			found := object{}
			for _, t := range objects(known["triggers"]) {
				id := text(t, "id")
				if _, done := found[id]; done {
					continue
				}
				bindings, err := s.pages(ctx, under("actions/triggers", id, "bindings"))
				if err != nil {
					return nil, err
				}
				bound := []any{}
				for _, b := range bindings {
					action, _ := b["action"].(object)
					bound = append(bound, object{"action_name": text(action, "name"), "display_name": text(b, "display_name")})
				}
				found[id] = bound
			}
			return single(found), nil
		},
		strip: func(o object) {
			for id, bound := range o {
				if empty(bound) {
					delete(o, id)
				}
			}
		},
		check: func(it *item) error {
			for _, id := range keysOf(it.object, false) {
				list, ok := it.object[id].([]any)
				for i, b := range objects(list) {
					if text(b, "action_name") == "" {
						return it.source.refuse(fmt.Sprintf("%s[%d].action_name", id, i), "a binding names its Action")
					}
				}
				if !ok || len(objects(list)) != len(list) {
					return it.source.refuse(id, "this must be a list of bindings")
				}
			}
			return nil
		},
		prepare: func(_ context.Context, _ *session, want object, _ *stored) error {
			for id, list := range want {
				bound := []any{}
				for _, b := range objects(list) {
					bound = append(bound, binding(b))
				}
				want[id] = bound
			}
			return nil
		},
		update: func(ctx context.Context, r *run, c *Change) error {
			for _, id := range c.tops() {
				bound := []any{}
				for _, b := range objects(c.item.object[id]) {
					b = binding(b)
					bound = append(bound, object{
						"ref": object{"type": "action_name", "value": b["action_name"]}, "display_name": b["display_name"],
					})
				}
				if _, err := call(ctx, r.tenant.API, http.MethodPatch, under("actions/triggers", id, "bindings"), object{"bindings": bound}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// binding gives a binding with its display name, which is the Action's where the file has none.
func binding(b object) object {
	o := pick(b, "action_name", "display_name")
	if text(o, "display_name") == "" {
		o["display_name"] = text(o, "action_name")
	}
	return o
}

// triggerFile is the first JSON file of its folder; a folder without one is an error.
type triggerFile struct{}

func (triggerFile) read(r *reader, k *kind) (*section, error) {
	there, err := r.isDir("triggers")
	if err != nil || !there {
		return nil, err
	}
	files, err := r.list("triggers", ".json")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("triggers: the folder holds no triggers.json; remove it, or write {} to manage no trigger")
	}
	return oneFile{path: "triggers/" + files[0]}.read(r, k)
}

func (triggerFile) write(s *section, k *kind, t *tree) {
	oneFile{path: "triggers/triggers.json"}.write(s, k, t)
}

func (triggerFile) owned() []string { return nil }
