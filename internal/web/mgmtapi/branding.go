package mgmtapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"latchkey/internal/branding"
	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// brand: Auth0 docs, "Branding". Nothing set is an empty object, and what was cleared is absent again.
var brand = &settings{id: resource.Branding}

// pageTemplate: Auth0 docs, "Customize Universal Login Page Templates".
var pageTemplate = &settings{
	id:      "universal_login_template",
	missing: &problem{Status: 404, Code: "inexistent_templates_universal_login", Message: "Template does not exist."},
}

// themes: Auth0 docs, "Customize Universal Login themes". A tenant has one.
var themes = &collection{
	kind: branding.Themes, plural: "themes", idName: "themeId", param: "themeId", newID: ident.ClientID,
	key:          func(resource.Document) string { return "theme" },
	missing:      notFoundError("theme_not_found", "There was an error retrieving branding settings: invalid theme ID"),
	taken:        conflict("There was an error updating branding settings: The theme already exists"),
	createStatus: 200,
}

func (a *api) branding() []route {
	return []route{
		{"GET /branding", "Get branding settings", anyOf("read:branding"), brand.get},
		{"PATCH /branding", "Update branding settings", anyOf("update:branding"), brand.update},
		{"GET /branding/templates/universal-login", "Get template for New Universal Login Experience", anyOf("read:branding"), pageTemplate.get},
		{"PUT /branding/templates/universal-login", "Set template for New Universal Login Experience", anyOf("update:branding"), putPageTemplate},
		{"DELETE /branding/templates/universal-login", "Delete template for New Universal Login Experience", anyOf("delete:branding"), deletePageTemplate},
		{"POST /branding/themes", "Create branding theme", anyOf("update:branding"), themes.create},
		{"GET /branding/themes/default", "Get default branding theme", anyOf("read:branding"), defaultTheme},
		{"GET /branding/themes/{themeId}", "Get branding theme", anyOf("read:branding"), themes.get},
		{"PATCH /branding/themes/{themeId}", "Update branding theme", anyOf("update:branding"), themes.update},
		{"DELETE /branding/themes/{themeId}", "Delete branding theme", anyOf("delete:branding"), deleteTheme},
	}
}

// maxTemplate is the longest page template, in bytes.
const maxTemplate = 102400

// putPageTemplate takes the template as a JSON text, as {"template": text} or as text/html.
func putPageTemplate(r *request) (answer, error) {
	body, isText := r.body.(string)
	if !isText {
		body = text(r.doc(), "template")
	}
	if err := checkTemplate(body); err != nil {
		return answer{}, err
	}
	var existed bool
	a, err := pageTemplate.write(r, func(before, after *resource.Resource) error {
		existed = before.Version != 0
		after.Document = resource.Document{"body": body}
		return nil
	})
	switch {
	case err != nil:
		return answer{}, err
	case existed:
		return noContent()
	}
	a.status, a.body = http.StatusCreated, resource.Document{}
	return a, nil
}

// deletePageTemplate answers the same whether there was a template or not.
func deletePageTemplate(r *request) (answer, error) {
	a, err := pageTemplate.remove(r)
	if errors.Is(err, *pageTemplate.missing) {
		return noContent()
	}
	return a, err
}

var (
	headTag   = regexp.MustCompile(`\{%-?\s*auth0:head\s*-?%\}`)
	widgetTag = regexp.MustCompile(`\{%-?\s*auth0:widget\s*-?%\}`)
)

// checkTemplate refuses a template that is too long, has no place for what the page needs, or opens a tag that it never
// closes.
func checkTemplate(body string) error {
	if len(body) > maxTemplate {
		return invalidBody("Payload content length greater than maximum allowed: %d.", maxTemplate)
	}
	if !headTag.MatchString(body) || !widgetTag.MatchString(body) {
		return invalidBody("Payload content missing required Liquid tags (auth0:head and auth0:widget).")
	}
	for _, pair := range [][2]string{{"{%", "%}"}, {"{{", "}}"}} {
		for rest := body; ; {
			_, behind, opened := strings.Cut(rest, pair[0])
			if !opened {
				break
			}
			inside, after, closed := strings.Cut(behind, pair[1])
			if !closed || strings.Contains(inside, pair[0]) {
				return invalidBody("Liquid template syntax error: %s", fmt.Sprintf("%q was not properly terminated with %q", pair[0], pair[1]))
			}
			rest = after
		}
	}
	return nil
}

func defaultTheme(r *request) (answer, error) {
	all, err := r.Resources.Resources(r.ctx(), r.tenantID(), themes.kind, resource.Page{Limit: 1})
	if err != nil {
		return answer{}, err
	}
	if len(all) == 0 {
		return answer{}, themes.missing
	}
	shown, err := themes.show(r, all[0])
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

func deleteTheme(r *request) (answer, error) {
	a, err := themes.remove(r)
	if errors.Is(err, themes.missing) {
		return a, notFoundError("theme_not_found", "There was an error deleting branding settings: invalid theme ID")
	}
	return a, err
}

// phoneProviders: Auth0 docs, "Configure a Phone Messaging Provider". A tenant has one; its credentials are never shown.
var phoneProviders = &collection{
	kind: "phone_providers", plural: "providers", newID: func() string { return ident.Prefixed("pro", 22) },
	key:     func(resource.Document) string { return "phone" },
	missing: notFoundError("", "Notification Resource not found"),
	taken:   conflict("Custom phone provider conflict."),
	stamps:  true,
	secrets: []string{"credentials.auth_token"}, replaces: true,
	prepare: func(_ *request, d resource.Document) error {
		defaults(d, resource.Document{"disabled": false})
		return nil
	},
	check:   checkPhoneProvider,
	present: presentPhoneProvider,
}

// phoneTemplates: Auth0 docs, "Customize Phone Templates". A tenant has one of each type.
var phoneTemplates = &collection{
	kind: "phone_templates", plural: "templates", newID: func() string { return ident.Prefixed("tem", 22) },
	key:     func(d resource.Document) string { return text(d, "type") },
	missing: notFoundError("", "Notification Resource not found"),
	taken:   conflict("Phone template already configured for tenant"),
	stamps:  true,
	prepare: preparePhoneTemplate,
	check: func(_ *request, _ context.Context, _, after resource.Document) error {
		if content := member(after, "content"); content != nil {
			defaults(content, resource.Document{"syntax": "liquid"})
		}
		return nil
	},
	present: func(r *request, _ *resource.Resource, shown resource.Document) {
		shown["tenant"], shown["channel"] = r.site.Tenant.Name, "phone"
	},
	keep: func(r *request) func(*resource.Resource) bool {
		if r.query("disabled") == "" {
			return nil
		}
		return func(stored *resource.Resource) bool { return stored.Document["disabled"] == r.queryBool("disabled") }
	},
}

func (a *api) phone() []route {
	return []route{
		{"GET /branding/phone/providers", "Get a list of phone providers", anyOf("read:phone_providers"), wrapped(phoneProviders)},
		{"POST /branding/phone/providers", "Configure the phone provider", anyOf("create:phone_providers"), phoneProviders.create},
		{"GET /branding/phone/providers/{id}", "Get a phone provider", anyOf("read:phone_providers"), phoneProviders.get},
		{"PATCH /branding/phone/providers/{id}", "Update the phone provider", anyOf("update:phone_providers"), phoneProviders.update},
		{"DELETE /branding/phone/providers/{id}", "Deletes a Phone Provider", anyOf("delete:phone_providers"), phoneProviders.remove},
		{"POST /branding/phone/providers/{id}/try", "Send a test phone notification for the configured provider", anyOf("create:phone_providers"), tryPhoneProvider},
		{"GET /branding/phone/templates", "Get a list of phone notification templates", anyOf("read:phone_templates"), wrapped(phoneTemplates)},
		{"POST /branding/phone/templates", "Create a phone notification template", anyOf("create:phone_templates"), phoneTemplates.create},
		{"GET /branding/phone/templates/{id}", "Get a phone notification template", anyOf("read:phone_templates"), phoneTemplates.get},
		{"PATCH /branding/phone/templates/{id}", "Update a phone notification template", anyOf("update:phone_templates"), updatePhoneTemplate},
		{"DELETE /branding/phone/templates/{id}", "Delete a phone notification template", anyOf("delete:phone_templates"), phoneTemplates.remove},
		{"PATCH /branding/phone/templates/{id}/reset", "Resets a phone notification template values", anyOf("update:phone_templates"), resetPhoneTemplate},
		{"POST /branding/phone/templates/{id}/try", "Send a test phone notification for the configured template", anyOf("create:phone_templates"), tryPhoneTemplate},
	}
}

// wrapped lists a kind that has no pages: all of it, under its name.
func wrapped(c *collection) func(*request) (answer, error) {
	bare := *c
	bare.bare = true
	return func(r *request) (answer, error) {
		a, err := bare.list(r)
		if err != nil {
			return answer{}, err
		}
		return ok(resource.Document{c.plural: a.body})
	}
}

// checkPhoneProvider holds the configuration to the provider's name: Twilio needs a sender.
func checkPhoneProvider(_ *request, _ context.Context, _, after resource.Document) error {
	configuration := member(after, "configuration")
	if text(after, "name") == "twilio" && text(configuration, "default_from") == "" && text(configuration, "mssid") == "" {
		return problem{Status: 400, Message: "Bad Operation on Notification Resource"}
	}
	return nil
}

func presentPhoneProvider(r *request, _ *resource.Resource, shown resource.Document) {
	delete(shown, "credentials")
	shown["tenant"], shown["channel"] = r.site.Tenant.Name, "phone"
}

// phoneTexts are the contents that a template has unless it is given others, and goes back to when it is reset.
var phoneTexts = map[string]resource.Document{
	"otp_verify": spoken("{{ code | escape }} is your verification code for {{ friendly_name | escape }}.",
		"Your verification code for {{ friendly_name | escape }} is {{ pause }} {{ code | escape }}. Once more: {{ pause }} {{ code | escape }}"),
	"otp_enroll": spoken("{{ code | escape }} is your verification code to enroll with {{ friendly_name | escape }}. Enter it where you were asked for it.",
		"Enter this code to enroll with {{ friendly_name | escape }}: {{ pause }} {{ code | escape }}. Once more: {{ pause }} {{ code | escape }}"),
	"change_password": spoken("{{ code | escape }} is your code to change your password at {{ friendly_name | escape }}.",
		"Your code to change your password at {{ friendly_name | escape }} is {{ pause }} {{ code | escape }}. Once more: {{ pause }} {{ code | escape }}"),
	"blocked_account": spoken("Your account at {{ friendly_name | escape }} was blocked after too many failed logins from {{ user.source_ip | escape }}. Reset your password to unblock it.",
		"Your account at {{ friendly_name | escape }} was blocked after too many failed logins. Reset your password to unblock it."),
	"password_breach": spoken("Your password at {{ friendly_name | escape }} was found in a breach elsewhere. Please change it.",
		"Your password at {{ friendly_name | escape }} was found in a breach elsewhere. Please change it."),
}

func spoken(text, voice string) resource.Document {
	return resource.Document{"syntax": "liquid", "body": resource.Document{"text": text, "voice": voice}}
}

func preparePhoneTemplate(r *request, d resource.Document) error {
	if err := r.checkNote(member(d, "content")); err != nil {
		return err
	}
	if text(d, "type") == "" {
		d["type"] = "otp_verify"
	}
	defaults(d, resource.Document{"disabled": false, "content": phoneTexts[text(d, "type")]})
	return nil
}

// updatePhoneTemplate keeps what a changed content does not name.
func updatePhoneTemplate(r *request) (answer, error) {
	if err := r.checkNote(member(r.doc(), "content")); err != nil {
		return answer{}, err
	}
	return phoneTemplates.change(r, phoneTemplates.pathID(r), func(after *resource.Resource) error {
		mergeDeep(after.Document, clone(r.doc()))
		return nil
	})
}

func resetPhoneTemplate(r *request) (answer, error) {
	return phoneTemplates.change(r, phoneTemplates.pathID(r), func(after *resource.Resource) error {
		after.Document["content"] = clone(phoneTexts[text(after.Document, "type")])
		return nil
	})
}
