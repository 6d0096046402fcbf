package branding

import (
	"context"
	"encoding/json"
	"strings"

	"latchkey/internal/locale"
	"latchkey/internal/resource"
)

// Kinds of resources that change how pages look and what they say. The basic settings are the record resource.Branding.
const (
	// Themes are a tenant's themes; the first one created is the default, and the one that pages have.
	Themes resource.Kind = "branding_themes"
	// CustomTexts are texts of a prompt in a language; the id is "<prompt>/<language>", the document {screen: {key: text}}.
	CustomTexts resource.Kind = "custom_text"
)

// PageConfig is everything a tenant has set about its pages. Values handed out by storage are shared: treat them as
// read-only.
type PageConfig struct {
	Basic *Branding     // nil where nothing is set
	Theme *Theme        // nil where there is none
	Texts locale.Custom // nil where there are none
	// Classic makes /login the login page (universal_login_experience).
	Classic bool
}

// Store gives what is set about pages.
type Store interface {
	// PageConfig gives a tenant's; never nil without an error. It may be up to a second old.
	PageConfig(ctx context.Context, tenantID string) (*PageConfig, error)
}

// ReadPages makes a page configuration of stored documents; each may be nil: the basic look, the theme, and the settings of
// prompts. Texts are by their ids. What cannot be read is
// passed over, member by member: a page is shown whatever is stored.
func ReadPages(basic, theme, prompts resource.Document, texts map[string]resource.Document) *PageConfig {
	p := &PageConfig{Classic: prompts["universal_login_experience"] == "classic"}
	if basic != nil {
		p.Basic = &Branding{}
		read(basic, p.Basic)
	}
	if theme != nil {
		p.Theme = &Theme{}
		read(theme, p.Theme)
	}
	for id, document := range texts {
		prompt, language, ok := strings.Cut(id, "/")
		if !ok {
			continue
		}
		if p.Texts == nil {
			p.Texts = locale.Custom{}
		}
		if p.Texts[language] == nil {
			p.Texts[language] = locale.Prompts{}
		}
		p.Texts[language][prompt] = screens(document)
	}
	return p
}

// read fills v with the members of a document that fit: encoding/json leaves out the others and goes on.
func read(document resource.Document, v any) {
	if b, err := json.Marshal(document); err == nil {
		_ = json.Unmarshal(b, v) // the error names a member that was left out
	}
}

func screens(document resource.Document) locale.Screens {
	all := locale.Screens{}
	for screen, keys := range document {
		texts, _ := keys.(map[string]any)
		all[screen] = map[string]string{}
		for key, value := range texts {
			if text, ok := value.(string); ok {
				all[screen][key] = text
			}
		}
	}
	return all
}

// Look gives the look of the tenant's pages. Where no logo is set, they show the tenant's picture.
func (p *PageConfig) Look(picture string) Look {
	look := Resolve(nil, p.Theme, p.Basic)
	if look.LogoURL == "" {
		look.LogoURL = cleanURL(picture)
	}
	return look
}

// Primary gives the tenant's own colour as #rrggbb, the theme's before that of the basic settings, or "".
func (p *PageConfig) Primary() string {
	for _, c := range []string{p.themeButton(), p.basicPrimary()} {
		if clean := cleanColor(c); clean != "" {
			return mix(clean, clean, 0) // in six digits
		}
	}
	return ""
}

func (p *PageConfig) themeButton() string {
	if p.Theme == nil {
		return ""
	}
	return p.Theme.Colors.PrimaryButton
}

func (p *PageConfig) basicPrimary() string {
	if p.Basic == nil || p.Basic.Colors == nil {
		return ""
	}
	return p.Basic.Colors.Primary
}
