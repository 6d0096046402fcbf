package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
)

// branding is branding/: colours, logo and font, and the template that all pages of Universal Login are put into
// (https://auth0.com/docs/customize/login-pages/universal-login/customize-templates).
func branding() *kind {
	const template = "branding/templates/universal-login"
	return &kind{
		name: "branding", order: 70, single: true, files: brandingFiles{},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw, err := s.get(ctx, "branding")
			if err != nil {
				return nil, err
			}
			all := single(raw)
			page, err := s.get(ctx, template)
			if err != nil && !unavailable(err) {
				return nil, err
			}
			delete(all[0].object, "templates")
			if body := text(page, "body"); err == nil && body != "" {
				all[0].object["templates"] = []any{object{"template": universalLogin, "body": body}}
			}
			return all, nil
		},
		fromYAML: func(r *reader, it *item) error {
			for i, o := range objects(it.object["templates"]) {
				if err := r.include(it, o, fmt.Sprintf("templates[%d].body", i), ""); err != nil {
					return err
				}
			}
			return nil
		},
		toYAML: func(t *tree, o object) {
			for _, page := range objects(o["templates"]) {
				t.files["branding_templates/"+universalLogin+".html"] = text(page, "body")
				page["body"] = "./branding_templates/" + universalLogin + ".html"
			}
		},
		update: func(ctx context.Context, r *run, c *Change) error {
			body, err := r.changedBody(ctx, c)
			if err != nil {
				return err
			}
			delete(body, "templates")
			if body["logo_url"] == "" {
				delete(body, "logo_url")
			}
			if len(body) > 0 {
				if _, err := call(ctx, r.tenant.API, http.MethodPatch, "branding", body); err != nil {
					return err
				}
			}
			for _, page := range objects(c.item.object["templates"]) {
				if text(page, "template") != universalLogin || text(page, "body") == "" || !c.changes("templates") {
					continue
				}
				if _, err := call(ctx, r.tenant.API, http.MethodPut, template, object{"template": text(page, "body")}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// universalLogin is the one template there is.
const universalLogin = "universal_login"

// include puts the text of the side file that an object's body names in its place.
func (r *reader) include(it *item, o object, property, base string) error {
	file, err := resolve(base, text(o, "body"))
	if err != nil {
		return it.source.refuse(property, "%v", err)
	}
	content, err := r.text(file)
	if err != nil {
		return it.source.refuse(property, "%v", err)
	}
	o["body"] = content
	it.setPart(property, file)
	return nil
}

// brandingFiles is a file for the settings, and one for each template beside the template itself.
type brandingFiles struct{}

func (brandingFiles) read(r *reader, _ *kind) (*section, error) {
	there, err := r.isDir("branding")
	if err != nil || !there {
		return nil, err
	}
	it := &item{object: object{}, source: source{file: "branding/branding.json"}}
	if r.isFile(it.source.file) {
		if it.object, err = r.object(it.source.file); err != nil {
			return nil, err
		}
	}
	if there, err = r.isDir("branding/templates"); err != nil || !there {
		return &section{items: []*item{it}}, err
	}
	files, err := r.list("branding/templates", ".json")
	if err != nil {
		return nil, err
	}
	var templates []any
	for _, name := range files {
		page, err := r.object(path.Join("branding/templates", name))
		if err != nil {
			return nil, err
		}
		if err := r.include(it, page, fmt.Sprintf("templates[%d].body", len(templates)), "branding/templates"); err != nil {
			return nil, err
		}
		templates = append(templates, page)
	}
	if len(templates) > 0 {
		it.object["templates"] = templates
	}
	return &section{items: []*item{it}}, nil
}

func (brandingFiles) write(s *section, _ *kind, t *tree) {
	o := cloneObject(s.one())
	for _, page := range objects(o["templates"]) {
		name := sanitize(text(page, "template"))
		t.files["branding/templates/"+name+".html"] = text(page, "body")
		t.json("branding/templates/"+name+".json", object{"template": page["template"], "body": "./" + name + ".html"})
	}
	delete(o, "templates")
	t.json("branding/branding.json", o)
}

func (brandingFiles) owned() []string {
	return []string{"branding/templates/universal_login.json", "branding/templates/universal_login.html"}
}

// themes is themes/theme.json: the look of Universal Login. Only the first counts
// (https://auth0.com/docs/api/management/v2/branding/get-default-branding-theme).
func themes() *kind {
	return &kind{
		name: "themes", order: 60, alone: true,
		files: manyFiles{dir: "themes", name: func(*tree, object) string { return "theme" }},
		id:    "themeId", path: "branding/themes",
		title: func(o object) string { return text(o, "displayName") },
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw, err := s.find(ctx, "branding/themes/default")
			if raw == nil || err != nil {
				return nil, err
			}
			return list([]object{raw}, "themeId"), nil
		},
		update: func(ctx context.Context, r *run, c *Change) error { // the API wants a theme whole
			body, err := r.newBody(ctx, c)
			if err != nil {
				return err
			}
			_, err = call(ctx, r.tenant.API, http.MethodPatch, under("branding/themes", c.stored.id), body)
			return err
		},
	}
}

// pageSettings are the pages that are kept in the tenant's settings, by their names in the files.
var pageSettings = map[string]string{"password_reset": "change_password", "guardian_multifactor": "guardian_mfa_page", "error_page": "error_page"}

// loginPage is the one page that is kept in the tenant's hidden global client.
const loginPage = "login"

// pages is pages/: the classic pages that a tenant has replaced, each beside its settings
// (https://auth0.com/docs/customize/login-pages/classic-login). None is ever deleted.
func pages() *kind {
	var shape []string
	for _, name := range []string{loginPage, "password_reset", "guardian_multifactor", "error_page"} {
		shape = append(shape, "pages/"+name+".json", "pages/"+name+".html")
	}
	return &kind{
		name: "pages", order: 50, files: manyFiles{dir: "pages", shape: shape},
		sides: []side{{
			property: "html", directory: place{base: "pages", ref: "./{file}.html"}, yaml: place{ref: "./pages/{file}.html"},
			sibling: siblingInstead, always: true,
			missing: func(o object) missing {
				if name := text(o, "name"); name == loginPage || name == "error_page" {
					return missingEmpty
				}
				return missingSkips
			},
		}},
		match: []matchKey{{"name"}},
		check: func(it *item) error {
			if name := text(it.object, "name"); name != loginPage && pageSettings[name] == "" {
				return it.source.refuse("name", "%q is no page; they are login, password_reset, guardian_multifactor and error_page", name)
			}
			return nil
		},
		load: loadPages, create: writePage, update: writePage,
	}
}

func loadPages(ctx context.Context, s *session) ([]*stored, error) {
	var all []*stored
	add := func(name string, raw object) {
		raw["name"] = name
		if raw["html"] == nil {
			raw["html"] = ""
		}
		all = append(all, &stored{id: name, raw: raw, object: cloneObject(raw), kept: true})
	}
	global, err := s.globalClient(ctx)
	if err != nil {
		return nil, err
	}
	if html := text(global, "custom_login_page"); html != "" {
		add(loginPage, object{"html": html, "enabled": global["custom_login_page_on"] == true})
	}
	settings, err := s.get(ctx, settingsPath)
	if err != nil {
		return nil, err
	}
	for name, setting := range pageSettings {
		if page, ok := settings[setting].(object); ok && len(page) > 0 {
			add(name, page)
		}
	}
	slices.SortFunc(all, func(a, b *stored) int { return compareText(a.id, b.id) })
	return all, nil
}

func compareText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// globalClient gives the tenant's hidden client, or nothing where it is not shown.
func (s *session) globalClient(ctx context.Context) (object, error) {
	found, err := s.pages(ctx, "clients?is_global=true")
	if i := slices.IndexFunc(found, func(o object) bool { return o["global"] != false }); i >= 0 {
		return found[i], nil
	}
	return nil, err
}

func writePage(ctx context.Context, r *run, c *Change) error {
	page := cloneObject(c.item.object)
	name := text(page, "name")
	delete(page, "name")
	if name != loginPage {
		if page["html"] == "" {
			delete(page, "html")
		}
		_, err := call(ctx, r.tenant.API, http.MethodPatch, settingsPath, object{pageSettings[name]: page})
		return err
	}
	global, err := r.globalClient(ctx)
	if err != nil {
		return err
	}
	if global == nil {
		return errors.New("the tenant shows no global client, which holds the login page")
	}
	body := object{}
	if html := text(page, "html"); html != "" {
		body["custom_login_page"] = html
	}
	if enabled, there := page["enabled"]; there {
		body["custom_login_page_on"] = enabled
	}
	_, err = call(ctx, r.tenant.API, http.MethodPatch, under("clients", text(global, "client_id")), body)
	return err
}
