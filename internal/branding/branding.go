// Package branding holds how a tenant wants its pages to look: the basic settings, the theme, and what follows from both
// for a page.
//
// A tenant that has set nothing gets our own palettes, light and dark. Colours of the basic settings tint these; a theme
// replaces them whole and is shown as its author saw it, so that dark mode is ours to decide only while no theme exists.
// Everything that ends up in a style sheet passes one filter here: colours are hexadecimal, addresses are https, numbers
// keep to their documented range.
//
// Auth0: Management API "Branding" and "Branding Themes"; "Customize Themes". Contrast: WCAG 2.2, 1.4.3 and 1.4.11.
package branding

import "encoding/json"

// Branding are the basic settings, in the form of GET /api/v2/branding. Absent parts are nil or empty.
type Branding struct {
	Colors     *BrandColors `json:"colors,omitempty"`
	FaviconURL string       `json:"favicon_url,omitempty"`
	LogoURL    string       `json:"logo_url,omitempty"`
	Font       *Font        `json:"font,omitempty"`
}

// BrandColors are the two colours of the basic settings.
type BrandColors struct {
	Primary        string          `json:"primary,omitempty"`
	PageBackground *PageBackground `json:"page_background,omitempty"`
}

// Font names a font file.
type Font struct {
	URL string `json:"url,omitempty"`
}

// PageBackground is a colour, or a gradient between two. On the wire it is a string or an object.
type PageBackground struct {
	Color    string
	Gradient *Gradient
}

// Gradient is a linear gradient.
type Gradient struct {
	Type     string  `json:"type"` // "linear-gradient"
	Start    string  `json:"start"`
	End      string  `json:"end"`
	AngleDeg float64 `json:"angle_deg"`
}

// UnmarshalJSON reads a colour or a gradient. Anything else is no background.
func (p *PageBackground) UnmarshalJSON(b []byte) error {
	*p = PageBackground{}
	if len(b) > 0 && b[0] == '{' {
		p.Gradient = new(Gradient)
		if err := json.Unmarshal(b, p.Gradient); err != nil {
			p.Gradient = nil
		}
		return nil
	}
	if err := json.Unmarshal(b, &p.Color); err != nil {
		p.Color = ""
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (p PageBackground) MarshalJSON() ([]byte, error) {
	if p.Gradient != nil {
		return json.Marshal(p.Gradient)
	}
	return json.Marshal(p.Color)
}
