package deploy

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// prompts is prompts/: the profile of Universal Login, and what a tenant has changed of its texts, parts and screens
// (https://auth0.com/docs/api/management/v2/prompts). The parts are customText (language, prompt, screen, text), partials
// (prompt, screen, place) and screenRenderers (prompt, screen).
func prompts() *kind {
	return &kind{
		name: "prompts", order: 80, single: true, files: promptFiles{},
		load: loadPrompts,
		upgrade: func(o object) {
			trimPartials(o["partials"])
			for _, part := range promptParts {
				if empty(o[part]) {
					delete(o, part)
				}
			}
		},
		fromYAML: readRenderers,
		toYAML:   writeRenderers,
		update:   updatePrompts,
	}
}

var promptParts = []string{"customText", "partials", "screenRenderers"}

// promptNames are the prompts that have texts.
var promptNames = strings.Fields(`
	login login-id login-password login-passwordless login-email-verification signup signup-id signup-password
	phone-identifier-enrollment phone-identifier-challenge email-identifier-challenge reset-password custom-form consent
	customized-consent logout mfa-push mfa-otp mfa-voice mfa-phone mfa-webauthn mfa-sms mfa-email mfa-recovery-code mfa status
	device-flow email-verification email-otp-challenge organizations invitation common passkeys captcha
	brute-force-protection async-approval-flow confirmation`)

// partialPrompts are the prompts that have places for parts of the tenant's own.
var partialPrompts = []string{"login", "login-id", "login-password", "login-passwordless", "signup", "signup-id", "signup-password", "passkeys"}

func loadPrompts(ctx context.Context, s *session) ([]*stored, error) {
	raw, err := s.get(ctx, "prompts")
	if err != nil {
		return nil, err
	}
	o := single(raw)
	settings, err := s.get(ctx, settingsPath+"?fields=enabled_locales&include_fields=true")
	if err != nil {
		return nil, err
	}
	texts := object{}
	for _, language := range names(settings["enabled_locales"]) {
		for _, prompt := range promptNames {
			said, err := s.find(ctx, under("prompts", prompt, "custom-text", language))
			if err != nil {
				return nil, err
			}
			if len(said) > 0 {
				nested(texts, language)[prompt] = said
			}
		}
	}
	partials := object{}
	for _, prompt := range partialPrompts {
		said, err := s.get(ctx, under("prompts", prompt, "partials"))
		if err != nil && !unavailable(err) {
			return nil, err
		}
		if err == nil && len(said) > 0 {
			partials[prompt] = said
		}
	}
	trimPartials(partials)
	rendered, err := s.pages(ctx, "prompts/rendering")
	if err != nil && !unavailable(err) {
		return nil, err
	}
	for name, part := range map[string]object{"customText": texts, "partials": partials, "screenRenderers": renderersByScreen(anys(rendered))} {
		if len(part) > 0 {
			o[0].object[name] = part
		}
	}
	return o, nil
}

// nested gives the object under a key, made if need be.
func nested(o object, key string) object {
	inner, ok := o[key].(object)
	if !ok {
		inner = object{}
		o[key] = inner
	}
	return inner
}

// renderersByScreen sorts the settings of screens under their prompts and screens.
func renderersByScreen(list []any) object {
	found := object{}
	for _, r := range objects(list) {
		prompt, screen := text(r, "prompt"), text(r, "screen")
		if prompt == "" || screen == "" {
			continue
		}
		r = cloneObject(r)
		for _, name := range []string{"prompt", "screen", "tenant"} {
			delete(r, name)
		}
		nested(found, prompt)[screen] = r
	}
	return found
}

// eachPartial calls f for each part of a tenant's own.
func eachPartial(partials any, f func(prompt, screen, point string, screens object)) {
	prompts, _ := partials.(object)
	for _, prompt := range keysOf(prompts, false) {
		screens, _ := prompts[prompt].(object)
		for _, screen := range keysOf(screens, false) {
			points, _ := screens[screen].(object)
			for _, point := range keysOf(points, false) {
				f(prompt, screen, point, points)
			}
		}
	}
}

func trimPartials(partials any) {
	eachPartial(partials, func(_, _, point string, points object) {
		if s, ok := points[point].(string); ok {
			points[point] = strings.TrimSpace(s)
		}
	})
}

// eachScreen calls f for the settings of each screen.
func eachScreen(renderers any, f func(prompt, screen string, settings object) error) error {
	prompts, _ := renderers.(object)
	for _, prompt := range keysOf(prompts, false) {
		screens, _ := prompts[prompt].(object)
		for _, screen := range keysOf(screens, false) {
			settings, _ := screens[screen].(object)
			if err := f(prompt, screen, settings); err != nil {
				return err
			}
		}
	}
	return nil
}

func updatePrompts(ctx context.Context, r *run, c *Change) error {
	body, err := r.changedBody(ctx, c)
	if err != nil {
		return err
	}
	for _, part := range promptParts {
		delete(body, part)
	}
	if len(body) > 0 {
		if _, err := call(ctx, r.tenant.API, http.MethodPatch, "prompts", body); err != nil {
			return err
		}
	}
	put := func(path string, body any) error {
		_, err := call(ctx, r.tenant.API, http.MethodPut, path, body)
		return err
	}
	texts, _ := c.item.object["customText"].(object)
	for _, language := range keysOf(texts, false) {
		said, _ := texts[language].(object)
		for _, prompt := range keysOf(said, false) {
			if !c.changes("customText." + language + "." + prompt) {
				continue
			}
			if err := put(under("prompts", prompt, "custom-text", language), said[prompt]); err != nil {
				return err
			}
		}
	}
	partials, _ := c.item.object["partials"].(object)
	for _, prompt := range keysOf(partials, false) {
		if !c.changes("partials." + prompt) {
			continue
		}
		if err := put(under("prompts", prompt, "partials"), partials[prompt]); err != nil {
			return err
		}
	}
	return eachScreen(c.item.object["screenRenderers"], func(prompt, screen string, settings object) error {
		if !c.changes("screenRenderers." + prompt + "." + screen) {
			return nil
		}
		if text(settings, "rendering_mode") == "standard" {
			settings = pick(settings, "rendering_mode", "head_tags")
		}
		_, err := call(ctx, r.tenant.API, http.MethodPatch, under("prompts", prompt, "screen", screen, "rendering"), settings)
		return err
	})
}

// rendererFile is where the settings of a screen lie, in both formats.
func rendererFile(prompt, screen string) string {
	return "prompts/screenRenderSettings/" + sanitize(prompt) + "_" + sanitize(screen) + ".json"
}

// readRenderers reads the settings of screens that the YAML file names: a list of {prompt: {screen: file}}.
func readRenderers(r *reader, it *item) error {
	list, ok := it.object["screenRenderers"].([]any)
	if !ok {
		return nil
	}
	found := object{}
	for _, entry := range objects(list) {
		for _, prompt := range keysOf(entry, false) {
			screens, _ := entry[prompt].(object)
			for _, screen := range keysOf(screens, false) {
				property := "screenRenderers." + prompt + "." + screen
				file, err := resolve("", text(screens, screen))
				if err != nil {
					return it.source.refuse(property, "%v", err)
				}
				if !r.isFile(file) {
					r.config.warn("%s: %s: there is no file %s", it.source, property, file)
					continue
				}
				settings, err := r.object(file)
				if err != nil {
					return err
				}
				nested(found, prompt)[screen] = withoutPlace(settings)
				it.setPart(property, file)
			}
		}
	}
	delete(it.object, "screenRenderers")
	if len(found) > 0 {
		it.object["screenRenderers"] = found
	}
	return nil
}

func withoutPlace(settings object) object {
	for _, name := range []string{"prompt", "screen", "tenant"} {
		delete(settings, name)
	}
	return settings
}

// writeRenderers moves the settings of screens into files of their own.
func writeRenderers(t *tree, o object) {
	t.owned = append(t.owned, "prompts/screenRenderSettings/*.json")
	list := []any{}
	_ = eachScreen(o["screenRenderers"], func(prompt, screen string, settings object) error {
		writeRenderer(t, prompt, screen, settings)
		list = append(list, object{prompt: object{screen: "./" + rendererFile(prompt, screen)}})
		return nil
	})
	if len(list) > 0 {
		o["screenRenderers"] = list
	}
}

func writeRenderer(t *tree, prompt, screen string, settings object) {
	o := cloneObject(settings)
	o["prompt"], o["screen"] = prompt, screen
	t.json(rendererFile(prompt, screen), o)
}

// promptFiles are the files of the directory format, all of which may be missing.
type promptFiles struct{}

func (promptFiles) read(r *reader, k *kind) (*section, error) {
	there, err := r.isDir("prompts")
	if err != nil || !there {
		return nil, err
	}
	it := &item{object: object{}, source: source{file: "prompts/prompts.json"}}
	if r.isFile("prompts/prompts.json") {
		if it.object, err = r.object("prompts/prompts.json"); err != nil {
			return nil, err
		}
	}
	if r.isFile("prompts/custom-text.json") {
		texts, err := r.object("prompts/custom-text.json")
		if err != nil {
			return nil, err
		}
		it.object["customText"] = texts
		it.setPart("customText", "prompts/custom-text.json")
	}
	if err := readPartials(r, it); err != nil {
		return nil, err
	}
	if there, err = r.isDir("prompts/screenRenderSettings"); err != nil {
		return nil, err
	}
	if there {
		if err := readRendererFiles(r, it); err != nil {
			return nil, err
		}
	}
	k.upgrade(it.object)
	return &section{items: []*item{it}}, nil
}

// readPartials reads the parts that partials.json lists, each from its own file. One that is missing is empty.
func readPartials(r *reader, it *item) error {
	const manifest = "prompts/partials.json"
	if !r.isFile(manifest) {
		return nil
	}
	listed, err := r.object(manifest)
	if err != nil {
		return err
	}
	it.setPart("partials", manifest)
	found := object{}
	for _, prompt := range keysOf(listed, false) {
		for _, screens := range objects(listed[prompt]) {
			for _, screen := range keysOf(screens, false) {
				for _, part := range objects(screens[screen]) {
					property := "partials." + prompt + "." + screen + "." + text(part, "name")
					file, err := resolve("prompts", text(part, "template"))
					if err != nil {
						return it.source.refuse(property, "%v", err)
					}
					content := ""
					if r.isFile(file) {
						if content, err = r.text(file); err != nil {
							return err
						}
					}
					nested(nested(found, prompt), screen)[text(part, "name")] = content
				}
			}
		}
	}
	it.object["partials"] = found
	return nil
}

func readRendererFiles(r *reader, it *item) error {
	const dir = "prompts/screenRenderSettings"
	files, err := r.list(dir, ".json")
	if err != nil {
		return err
	}
	found := object{}
	for _, name := range files {
		file := path.Join(dir, name)
		settings, err := r.object(file)
		if err != nil {
			return err
		}
		prompt, screen := text(settings, "prompt"), text(settings, "screen")
		if prompt == "" || screen == "" {
			before, after, _ := strings.Cut(strings.TrimSuffix(name, ".json"), "_")
			if prompt, screen = before, after; screen == "" {
				return fmt.Errorf("%s: prompt: the file names no prompt and screen", file)
			}
		}
		nested(found, prompt)[screen] = withoutPlace(settings)
		it.setPart("screenRenderers."+prompt+"."+screen, file)
	}
	it.object["screenRenderers"] = found
	return nil
}

func (promptFiles) write(s *section, _ *kind, t *tree) {
	o := cloneObject(s.one())
	if texts, there := o["customText"]; there {
		t.json("prompts/custom-text.json", texts)
	}
	manifest := object{}
	eachPartial(o["partials"], func(prompt, screen, point string, points object) {
		file := path.Join("partials", sanitize(prompt), sanitize(screen), sanitize(point)+".liquid")
		t.files[path.Join("prompts", file)] = text(points, point)
		listed, _ := manifest[prompt].([]any)
		if listed == nil {
			listed = []any{object{}}
			manifest[prompt] = listed
		}
		screens := objects(listed)[0]
		parts, _ := screens[screen].([]any)
		screens[screen] = append(slices.Clip(parts), object{"name": point, "template": file})
	})
	if len(manifest) > 0 {
		t.json("prompts/partials.json", manifest)
	}
	_ = eachScreen(o["screenRenderers"], func(prompt, screen string, settings object) error {
		writeRenderer(t, prompt, screen, settings)
		return nil
	})
	for _, part := range promptParts {
		delete(o, part)
	}
	t.json("prompts/prompts.json", o)
}

func (promptFiles) owned() []string {
	return []string{
		"prompts/custom-text.json", "prompts/partials.json", "prompts/partials/*/*/*.liquid", "prompts/screenRenderSettings/*.json",
	}
}
