package mgmtapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"latchkey/internal/branding"
	"latchkey/internal/resource"
)

// promptSettings: Auth0 docs, "Universal Login Experience" and "Authentication Profile". Our pages ask for the identifier
// first.
var promptSettings = &settings{
	id: resource.Prompts,
	absent: resource.Document{
		"universal_login_experience": "new", "identifier_first": true, "webauthn_platform_first_factor": false,
	},
}

// Kinds of what is set about single prompts and screens.
const (
	promptPartials   resource.Kind = "prompt_partials"   // id: the prompt
	screenRenderings resource.Kind = "screen_renderings" // id: "<prompt>/<screen>"
)

// insertionPoints are the places of a screen that take a partial (Auth0 docs, "Customize Signup and Login Prompts").
var insertionPoints = []string{
	"form-content", "form-content-start", "form-content-end", "form-footer-start", "form-footer-end",
	"secondary-actions-start", "secondary-actions-end",
}

func (a *api) prompts() []route {
	return []route{
		{"GET /prompts", "Get prompt settings", anyOf("read:prompts"), promptSettings.get},
		{"PATCH /prompts", "Update prompt settings", anyOf("update:prompts"), promptSettings.update},
		{"GET /prompts/{prompt}/custom-text/{language}", "Get custom text for a prompt", anyOf("read:prompts"), getCustomText},
		{"PUT /prompts/{prompt}/custom-text/{language}", "Set custom text for a specific prompt", anyOf("update:prompts"), putCustomText},
		{"GET /prompts/{prompt}/partials", "Get partials for a prompt", anyOf("read:prompts"), getPartials},
		{"PUT /prompts/{prompt}/partials", "Set partials for a prompt", anyOf("update:prompts"), putPartials},
		{"GET /prompts/mfa-push", "Get links to the app for push notifications", anyOf("read:prompts"), pushApp.get},
		{"PATCH /prompts/mfa-push", "Update links to the app for push notifications", anyOf("update:prompts"), pushApp.update},
		{"GET /prompts/rendering", "Get render setting configurations for all screens", anyOf("read:prompts"), listRenderings},
		{"PATCH /prompts/rendering", "Bulk update render settings for multiple screens", anyOf("update:prompts"), updateRenderings},
		{"GET /prompts/{prompt}/screen/{screen}/rendering", "Get render settings for a screen", anyOf("read:prompts"), getRendering},
		{"PATCH /prompts/{prompt}/screen/{screen}/rendering", "Update render settings for a screen", anyOf("update:prompts"), updateRendering},
	}
}

// pushApp is the tenant's own app that approves push notifications, where it has one.
var pushApp = &settings{id: "guardian_push_app"}

// getCustomText: Auth0 docs, "Customize Universal Login Text Elements": {screen: {text id: text}}.
func getCustomText(r *request) (answer, error) {
	return r.getDocument(branding.CustomTexts, r.path("prompt")+"/"+r.path("language"))
}

func putCustomText(r *request) (answer, error) {
	if err := checkScreens(r.doc(), nil); err != nil {
		return answer{}, err
	}
	return r.putDocument(branding.CustomTexts, r.path("prompt")+"/"+r.path("language"), clone(r.doc()))
}

// getPartials: {screen: {insertion point: Liquid text}}.
func getPartials(r *request) (answer, error) {
	return r.getDocument(promptPartials, r.path("prompt"))
}

// putPartials leaves out screens that have nothing.
func putPartials(r *request) (answer, error) {
	if err := checkScreens(r.doc(), insertionPoints); err != nil {
		return answer{}, err
	}
	d := clone(r.doc())
	maps.DeleteFunc(d, func(screen string, _ any) bool { return len(member(d, screen)) == 0 })
	return r.putDocument(promptPartials, r.path("prompt"), d)
}

// checkScreens holds a payload to objects of texts, whose names may be limited.
func checkScreens(d resource.Document, names []string) error {
	for _, screen := range slices.Sorted(maps.Keys(d)) {
		members, isObject := d[screen].(map[string]any)
		if !isObject {
			return invalidBody("Payload validation error: 'Expected type object but found type %s' on property %s.", typeName(d[screen]), screen)
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if _, isText := members[name].(string); !isText {
				return invalidBody("Payload validation error: 'Expected type string but found type %s' on property %s.%s.",
					typeName(members[name]), screen, name)
			}
			if names != nil && !slices.Contains(names, name) {
				return invalidBody("Payload validation error: 'Additional properties not allowed: %s' on property %s.", name, screen)
			}
		}
	}
	return nil
}

// getDocument answers with a document that is empty unless it was set.
func (r *request) getDocument(kind resource.Kind, id string) (answer, error) {
	stored, err := r.Resources.Resource(r.ctx(), r.tenantID(), kind, id)
	if errors.Is(err, resource.ErrNotFound) {
		return ok(resource.Document{})
	}
	if err != nil {
		return answer{}, err
	}
	return ok(stored.Visible())
}

// putDocument sets a document, and removes one that is empty. The answer is what was set.
func (r *request) putDocument(kind resource.Kind, id string, d resource.Document) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		_, err := r.layDocument(ctx, kind, id, func(before resource.Document) {
			clear(before)
			maps.Copy(before, d)
		})
		return answer{status: http.StatusOK, body: d}, err
	})
}

// layDocument changes a document that may not be there yet; it belongs to what the first part of its id names. One that is empty afterwards is removed.
func (r *request) layDocument(ctx context.Context, kind resource.Kind, id string, change func(resource.Document)) (*resource.Resource, error) {
	stored, err := r.Resources.Resource(ctx, r.tenantID(), kind, id)
	if err != nil && !errors.Is(err, resource.ErrNotFound) {
		return nil, err
	}
	isNew := err != nil
	if isNew {
		parent, _, _ := strings.Cut(id, "/")
		stored = &resource.Resource{Kind: kind, ID: id, Parent: parent, Document: resource.Document{}, CreatedAt: r.now()}
	}
	after := *stored
	after.Document, after.UpdatedAt = clone(stored.Document), r.now()
	change(after.Document)
	switch {
	case len(after.Document) == 0 && isNew:
		return &after, nil
	case len(after.Document) == 0:
		return &after, r.Resources.DeleteResource(ctx, r.tenantID(), kind, id)
	case isNew:
		err = r.Resources.CreateResource(ctx, r.tenantID(), &after)
		if errors.Is(err, resource.ErrExists) { // somebody was the first at the same moment
			err = resource.ErrChanged
		}
		return &after, err
	}
	return &after, r.Resources.UpdateResource(ctx, r.tenantID(), &after)
}

// rendering gives the settings of a screen as the API shows them (Auth0 docs, "Advanced Customizations for Universal
// Login").
func (r *request) rendering(prompt, screen string, set resource.Document) resource.Document {
	shown := clone(set)
	if shown == nil {
		shown = resource.Document{}
	}
	defaults(shown, resource.Document{
		"rendering_mode": "standard", "context_configuration": []any{}, "default_head_tags_disabled": false,
		"head_tags": []any{}, "filters": nil, "use_page_template": false,
	})
	shown["tenant"], shown["prompt"], shown["screen"] = r.site.Tenant.Name, prompt, screen
	return shown
}

func getRendering(r *request) (answer, error) {
	stored, err := r.Resources.Resource(r.ctx(), r.tenantID(), screenRenderings, r.path("prompt")+"/"+r.path("screen"))
	switch {
	case errors.Is(err, resource.ErrNotFound):
		return ok(r.rendering(r.path("prompt"), r.path("screen"), nil))
	case err != nil:
		return answer{}, err
	}
	return ok(r.rendering(r.path("prompt"), r.path("screen"), stored.Document))
}

// updateRendering answers with what it was given.
func updateRendering(r *request) (answer, error) {
	return r.commit(func(ctx context.Context) (answer, error) {
		echo, err := r.setRendering(ctx, r.path("prompt"), r.path("screen"), r.doc())
		return answer{status: http.StatusOK, body: echo}, err
	})
}

func (r *request) setRendering(ctx context.Context, prompt, screen string, payload resource.Document) (resource.Document, error) {
	_, err := r.layDocument(ctx, screenRenderings, prompt+"/"+screen, func(d resource.Document) {
		merge(d, clone(payload), nil)
		if len(payload) > 0 {
			d["prompt"], d["screen"] = prompt, screen
		}
	})
	echo := clone(payload)
	maps.DeleteFunc(echo, func(_ string, v any) bool { return v == nil })
	return echo, err
}

func updateRenderings(r *request) (answer, error) {
	configs, _ := r.doc()["configs"].([]any)
	return r.commit(func(ctx context.Context) (answer, error) {
		set := []any{}
		for _, one := range configs {
			config, _ := one.(map[string]any)
			echo, err := r.setRendering(ctx, text(config, "prompt"), text(config, "screen"), config)
			if err != nil {
				return answer{}, err
			}
			set = append(set, echo)
		}
		return answer{status: http.StatusOK, body: resource.Document{"configs": set}}, nil
	})
}

// listRenderings lists the screens that were set.
func listRenderings(r *request) (answer, error) {
	return r.list(listing{
		kind: screenRenderings, plural: "configs",
		keep: func(stored *resource.Resource) bool {
			shown := r.rendering(text(stored.Document, "prompt"), text(stored.Document, "screen"), stored.Document)
			for _, name := range []string{"prompt", "screen", "rendering_mode"} {
				if asked := r.query(name); asked != "" && asked != shown[name] {
					return false
				}
			}
			return true
		},
		show: func(stored *resource.Resource) (resource.Document, error) {
			return r.rendering(text(stored.Document, "prompt"), text(stored.Document, "screen"), stored.Document), nil
		},
	})
}
