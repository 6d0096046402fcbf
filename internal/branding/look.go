package branding

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// Look is what a page needs to know: a piece of style sheet and the few facts that no style sheet can hold. Every string
// in it is safe for the place it is meant for.
type Look struct {
	CSS             string // rules that go behind the common style sheet; empty for the built-in look
	LogoURL         string // https, or empty
	FaviconURL      string // https, or empty
	LogoPosition    string // "start", "center", "left", "right", "none"
	HeaderAlignment string // "start", "center", "left", "right"
	PageLayout      string // "center", "left", "right"
	FontURL         string // https, or empty; the style sheet loads it
	BackdropURL     string // https, or empty; the picture around the widget, which the style sheet loads
	PlainCode       bool   // the code field asks the browser for no code from a message
	Plate           bool   // what surrounds the widget is too uneven for text, which needs a ground of its own
}

// palette is every colour of a page.
type palette struct {
	Colors
	page     string // colour around the widget
	pageText string // text around the widget
	backdrop string // CSS image around the widget: a gradient, a picture, or "none"
	uneven   bool   // no one colour of text can be read everywhere on the backdrop
}

// light and dark are the built-in palettes. Text on its ground has a contrast of at least 4.5, borders of fields and the
// focus ring at least 3 (tested).
var (
	light = palette{
		Colors: Colors{
			BaseFocusColor: "#2563eb", BaseHoverColor: "#000000", BodyText: "#4a4e57", Error: "#b3261e", Header: "#14161a",
			Icons: "#686d76", InputBackground: "#ffffff", InputBorder: "#868b94", InputFilledText: "#14161a",
			InputLabelsPlaceholders: "#3a3e46", LinksFocusedComponents: "#14161a", PrimaryButton: "#17191e",
			PrimaryButtonLabel: "#ffffff", SecondaryButtonBorder: "#c4c7cd", SecondaryButtonLabel: "#14161a",
			Success: "#12734a", WidgetBackground: "#ffffff", WidgetBorder: "#e3e3df",
		},
		page: "#f5f5f2", pageText: "#5b5f68", backdrop: "none",
	}
	dark = palette{
		Colors: Colors{
			BaseFocusColor: "#7aa7ff", BaseHoverColor: "#ffffff", BodyText: "#b4b8c1", Error: "#ff8f85", Header: "#f3f4f6",
			Icons: "#9aa0aa", InputBackground: "#101216", InputBorder: "#6f757f", InputFilledText: "#f3f4f6",
			InputLabelsPlaceholders: "#cfd2d8", LinksFocusedComponents: "#f3f4f6", PrimaryButton: "#f1f2f4",
			PrimaryButtonLabel: "#14161a", SecondaryButtonBorder: "#454a53", SecondaryButtonLabel: "#f3f4f6",
			Success: "#56c794", WidgetBackground: "#17191d", WidgetBorder: "#2a2d33",
		},
		page: "#0c0d10", pageText: "#979ca6", backdrop: "none",
	}
)

// Stylesheet gives the built-in palettes as custom properties. It opens the common style sheet.
func Stylesheet() string {
	return ":root{color-scheme:light dark;" + rules(light.properties()) +
		"}@media(prefers-color-scheme:dark){:root{" + rules(dark.properties()) + "}}"
}

// Resolve gives the look of a page. An organization's settings go before the theme, the theme before the tenant's basic
// settings, these before what is built in; each may be nil. Values that are not safe are passed over.
func Resolve(organization *Branding, theme *Theme, basic *Branding) Look {
	look := Look{LogoPosition: "start", HeaderAlignment: "start", PageLayout: "center"}
	day, night := light, dark
	if basic != nil {
		look.brand(basic, &day, &night)
		look.FontURL = cleanURL(basic.fontURL())
	}
	if theme != nil {
		day = theme.palette()
		night = day
		look.theme(theme)
	}
	if organization != nil {
		look.brand(organization, &day, &night)
	}
	look.Plate = day.uneven
	look.CSS = css(theme, day, night) + fontFace(look.FontURL)
	return look
}

// css writes what differs from the built-in look. With a theme one palette serves day and night. A property that differs
// in one of them is written for both, since the later rule of the day would otherwise win at night.
func css(theme *Theme, day, night palette) string {
	if theme != nil {
		return ":root{color-scheme:light;" + rules(day.properties()) + rules(theme.measures()) + "}"
	}
	var byDay, byNight []property
	dayDefault, nightDefault := light.properties(), dark.properties()
	d, n := day.properties(), night.properties()
	for i := range d {
		if d[i] != dayDefault[i] || n[i] != nightDefault[i] {
			byDay, byNight = append(byDay, d[i]), append(byNight, n[i])
		}
	}
	if len(byDay) == 0 {
		return ""
	}
	return ":root{" + rules(byDay) + "}@media(prefers-color-scheme:dark){:root{" + rules(byNight) + "}}"
}

// brand lays basic settings over the look and both palettes.
func (l *Look) brand(b *Branding, day, night *palette) {
	if u := cleanURL(b.LogoURL); u != "" {
		l.LogoURL = u
	}
	if u := cleanURL(b.FaviconURL); u != "" {
		l.FaviconURL = u
	}
	if b.Colors == nil {
		return
	}
	if c := cleanColor(b.Colors.Primary); c != "" {
		day.tint(c)
		night.tint(c)
	}
	if p := b.Colors.PageBackground; p != nil {
		day.surround(p)
		night.surround(p)
	}
}

// theme takes over the arrangement of a theme.
func (l *Look) theme(t *Theme) {
	if u := cleanURL(t.Widget.LogoURL); u != "" {
		l.LogoURL = u
	}
	l.FontURL, l.BackdropURL = cleanURL(t.Fonts.FontURL), cleanURL(t.PageBackground.BackgroundImageURL)
	l.PlainCode = t.Identifiers != nil && t.Identifiers.OTPAutocomplete != nil && !*t.Identifiers.OTPAutocomplete
	l.LogoPosition = oneOf(t.Widget.LogoPosition, "center", "left", "right", "none")
	l.HeaderAlignment = oneOf(t.Widget.HeaderTextAlignment, "center", "left", "right")
	l.PageLayout = oneOf(t.PageBackground.PageLayout, "center", "left", "right")
}

// tint colours what people press. The label of the button follows, and where the colour cannot be read or seen on the
// widget, or on the grey behind an identifier, it is moved just far enough.
func (p *palette) tint(primary string) {
	p.PrimaryButton = readable(primary, p.WidgetBackground, 1.5)
	p.PrimaryButtonLabel, p.BaseHoverColor = "#ffffff", "#000000"
	if contrast("#ffffff", p.PrimaryButton) < 4.5 {
		p.PrimaryButtonLabel, p.BaseHoverColor = "#000000", "#ffffff"
	}
	p.LinksFocusedComponents = readable(primary, mix(p.WidgetBackground, p.Icons, 0.10), 4.5)
	p.BaseFocusColor = readable(primary, p.WidgetBackground, 3)
}

// surround sets what is seen around the widget, and the text there.
func (p *palette) surround(bg *PageBackground) {
	if g := bg.Gradient; g != nil {
		start, end := cleanColor(g.Start), cleanColor(g.End)
		if start == "" || end == "" || g.Type != "linear-gradient" {
			return
		}
		p.page = mix(start, end, 0.5)
		p.backdrop = fmt.Sprintf("linear-gradient(%sdeg,%s,%s)", number(g.AngleDeg, 0, 360), start, end)
		p.pageText = legible(p.page)
		p.uneven = min(contrast(p.pageText, start), contrast(p.pageText, end)) < 4.5
		return
	}
	if c := cleanColor(bg.Color); c != "" {
		p.page, p.backdrop, p.pageText, p.uneven = c, "none", legible(c), false
	}
}

// palette gives the colours of a theme; what is not a colour keeps Auth0's default.
func (t *Theme) palette() palette {
	std := DefaultTheme()
	p := palette{page: or(cleanColor(t.PageBackground.BackgroundColor), std.PageBackground.BackgroundColor), backdrop: "none"}
	p.pageText = legible(p.page)
	if u := cleanURL(t.PageBackground.BackgroundImageURL); u != "" {
		p.backdrop, p.uneven = `url("`+u+`")`, true
	}
	given, standard := t.Colors.list(), std.Colors.list()
	values := p.Colors.pointers()
	for i := range given {
		*values[i] = or(cleanColor(given[i].value), standard[i].value)
	}
	return p
}

// property is one custom property of the style sheet.
type property struct{ name, value string }

// pointers gives every colour in the order of list.
func (c *Colors) pointers() []*string {
	return []*string{
		&c.BaseFocusColor, &c.BaseHoverColor, &c.BodyText, &c.Error, &c.Header, &c.Icons, &c.InputBackground, &c.InputBorder,
		&c.InputFilledText, &c.InputLabelsPlaceholders, &c.LinksFocusedComponents, &c.PrimaryButton, &c.PrimaryButtonLabel,
		&c.SecondaryButtonBorder, &c.SecondaryButtonLabel, &c.Success, &c.WidgetBackground, &c.WidgetBorder,
	}
}

// list gives every colour with the key it has in the theme, hyphens for underscores.
func (c *Colors) list() []property {
	keys := strings.Fields(`base-focus-color base-hover-color body-text error header icons input-background input-border
		input-filled-text input-labels-placeholders links-focused-components primary-button primary-button-label
		secondary-button-border secondary-button-label success widget-background widget-border`)
	out := make([]property, len(keys))
	for i, p := range c.pointers() {
		out[i] = property{keys[i], *p}
	}
	return out
}

func (p palette) properties() []property {
	out := []property{
		{"--ul-page-background-background-color", p.page},
		{"--ul-page-background-background-image", p.backdrop},
		{"--ul-page-background-text", p.pageText},
	}
	for _, c := range p.Colors.list() {
		out = append(out, property{"--ul-colors-" + c.name, c.value})
	}
	return out
}

// measures gives the sizes and shapes of a theme.
func (t *Theme) measures() []property {
	size := func(s FontSize, low float64) string { return number(s.Size/100, low/100, 1.5) + "em" }
	weight := func(s FontSize) string {
		if s.Bold {
			return "700"
		}
		return "400"
	}
	shadow := "none"
	if t.Borders.ShowWidgetShadow {
		shadow = "0 12px 40px rgb(0 0 0/.12)"
	}
	underline := "none"
	if t.Fonts.LinksStyle == "underlined" {
		underline = "underline"
	}
	f := t.Fonts
	return []property{
		{"--ul-borders-button-border-radius", radius(t.Borders.ButtonsStyle, t.Borders.ButtonBorderRadius)},
		{"--ul-borders-button-border-weight", number(t.Borders.ButtonBorderWeight, 0, 10) + "px"},
		{"--ul-borders-input-border-radius", radius(t.Borders.InputsStyle, t.Borders.InputBorderRadius)},
		{"--ul-borders-input-border-weight", number(t.Borders.InputBorderWeight, 0, 3) + "px"},
		{"--ul-borders-widget-border-weight", number(t.Borders.WidgetBorderWeight, 0, 10) + "px"},
		{"--ul-borders-widget-corner-radius", number(t.Borders.WidgetCornerRadius, 0, 50) + "px"},
		{"--ul-borders-widget-shadow", shadow},
		{"--ul-fonts-links-style", underline},
		{"--ul-fonts-reference-text-size", number(f.ReferenceTextSize/16, 0.75, 1.5) + "rem"},
		{"--ul-fonts-title-size", size(f.Title, 75)}, {"--ul-fonts-title-weight", weight(f.Title)},
		{"--ul-fonts-subtitle-size", size(f.Subtitle, 50)}, {"--ul-fonts-subtitle-weight", weight(f.Subtitle)},
		{"--ul-fonts-body-text-size", size(f.BodyText, 50)}, {"--ul-fonts-body-text-weight", weight(f.BodyText)},
		{"--ul-fonts-buttons-text-size", size(f.ButtonsText, 50)}, {"--ul-fonts-buttons-text-weight", weight(f.ButtonsText)},
		{"--ul-fonts-input-labels-size", size(f.InputLabels, 50)}, {"--ul-fonts-input-labels-weight", weight(f.InputLabels)},
		{"--ul-fonts-links-size", size(f.Links, 50)}, {"--ul-fonts-links-weight", weight(f.Links)},
		{"--ul-widget-logo-height", number(t.Widget.LogoHeight, 1, 100) + "px"},
	}
}

// radius gives the corner of a button or a field.
func radius(style string, px float64) string {
	switch style {
	case "pill":
		return "999px"
	case "sharp":
		return "0"
	default:
		return number(px, 0, 10) + "px"
	}
}

// fontFace declares the tenant's font and puts it first, or gives nothing.
func fontFace(clean string) string {
	if clean == "" {
		return ""
	}
	return `@font-face{font-family:ul-tenant;src:url("` + clean + `");font-display:swap}:root{--font-family:ul-tenant,var(--ul-system-font)}`
}

func (b *Branding) fontURL() string {
	if b.Font == nil {
		return ""
	}
	return b.Font.URL
}

// cleanURL gives an https address that is safe in an attribute and inside url("…"), or "".
func cleanURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'()\\<>`{};", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// number writes n, held between low and high.
func number(n, low, high float64) string {
	if math.IsNaN(n) {
		n = low
	}
	return strconv.FormatFloat(min(max(n, low), high), 'f', -1, 64)
}

// oneOf gives s where it is one of the choices, else the first of them.
func oneOf(s string, choices ...string) string {
	for _, c := range choices {
		if s == c {
			return c
		}
	}
	return choices[0]
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

func rules(list []property) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.name + ":" + p.value + ";")
	}
	return b.String()
}
