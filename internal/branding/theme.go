package branding

// Theme is a tenant's theme, in the form of the branding themes API. The API demands every key of the required groups,
// so a stored theme is complete.
type Theme struct {
	ThemeID        string         `json:"themeId,omitempty"`
	DisplayName    string         `json:"displayName,omitempty"`
	Borders        Borders        `json:"borders"`
	Colors         Colors         `json:"colors"`
	Fonts          Fonts          `json:"fonts"`
	PageBackground ThemeBackdrop  `json:"page_background"`
	Widget         Widget         `json:"widget"`
	Identifiers    *ThemeIdentity `json:"identifiers,omitempty"`
}

// Borders are radii in pixels, weights in pixels and styles ("pill", "rounded", "sharp").
type Borders struct {
	ButtonBorderRadius float64 `json:"button_border_radius"` // 1-10
	ButtonBorderWeight float64 `json:"button_border_weight"` // 0-10
	ButtonsStyle       string  `json:"buttons_style"`
	InputBorderRadius  float64 `json:"input_border_radius"` // 0-10
	InputBorderWeight  float64 `json:"input_border_weight"` // 0-3
	InputsStyle        string  `json:"inputs_style"`
	ShowWidgetShadow   bool    `json:"show_widget_shadow"`
	WidgetBorderWeight float64 `json:"widget_border_weight"` // 0-10
	WidgetCornerRadius float64 `json:"widget_corner_radius"` // 0-50
}

// Colors are hexadecimal colours, and the look of the captcha ("auto", "light", "dark").
type Colors struct {
	BaseFocusColor          string `json:"base_focus_color,omitempty"`
	BaseHoverColor          string `json:"base_hover_color,omitempty"`
	BodyText                string `json:"body_text"`
	CaptchaWidgetTheme      string `json:"captcha_widget_theme,omitempty"`
	Error                   string `json:"error"`
	Header                  string `json:"header"`
	Icons                   string `json:"icons"`
	InputBackground         string `json:"input_background"`
	InputBorder             string `json:"input_border"`
	InputFilledText         string `json:"input_filled_text"`
	InputLabelsPlaceholders string `json:"input_labels_placeholders"`
	LinksFocusedComponents  string `json:"links_focused_components"`
	PrimaryButton           string `json:"primary_button"`
	PrimaryButtonLabel      string `json:"primary_button_label"`
	SecondaryButtonBorder   string `json:"secondary_button_border"`
	SecondaryButtonLabel    string `json:"secondary_button_label"`
	Success                 string `json:"success"`
	WidgetBackground        string `json:"widget_background"`
	WidgetBorder            string `json:"widget_border"`
}

// Fonts are sizes in per cent of the reference size, which is in pixels.
type Fonts struct {
	FontURL           string   `json:"font_url"`
	LinksStyle        string   `json:"links_style"`         // "normal", "underlined"
	ReferenceTextSize float64  `json:"reference_text_size"` // 12-24
	Title             FontSize `json:"title"`               // 75-150
	Subtitle          FontSize `json:"subtitle"`            // 0-150, like the rest
	BodyText          FontSize `json:"body_text"`
	ButtonsText       FontSize `json:"buttons_text"`
	InputLabels       FontSize `json:"input_labels"`
	Links             FontSize `json:"links"`
}

// FontSize is the weight and size of one kind of text.
type FontSize struct {
	Bold bool    `json:"bold"`
	Size float64 `json:"size"`
}

// ThemeBackdrop is what is seen around the widget.
type ThemeBackdrop struct {
	BackgroundColor    string `json:"background_color"`
	BackgroundImageURL string `json:"background_image_url"`
	PageLayout         string `json:"page_layout"` // "center", "left", "right"
}

// Widget is the arrangement inside the box.
type Widget struct {
	HeaderTextAlignment string  `json:"header_text_alignment"` // "center", "left", "right"
	LogoHeight          float64 `json:"logo_height"`           // 1-100
	LogoPosition        string  `json:"logo_position"`         // "center", "left", "right", "none"
	LogoURL             string  `json:"logo_url"`
	SocialButtonsLayout string  `json:"social_buttons_layout"` // "bottom", "top"
}

// ThemeIdentity says how identifiers are asked for and shown.
type ThemeIdentity struct {
	LoginDisplay    string        `json:"login_display,omitempty"` // "unified", "separate"
	OTPAutocomplete *bool         `json:"otp_autocomplete,omitempty"`
	PhoneDisplay    *PhoneDisplay `json:"phone_display,omitempty"`
}

// PhoneDisplay says how phone numbers are shown.
type PhoneDisplay struct {
	Formatting string `json:"formatting,omitempty"` // "international", "regional"
	Masking    string `json:"masking,omitempty"`    // "mask_digits", "hide_country_code", "show_all"
}

// DefaultTheme gives Auth0's documented defaults, with which its theme editor begins. A tenant without a theme does not
// look like this: see Resolve.
func DefaultTheme() Theme {
	return Theme{
		Borders: Borders{
			ButtonBorderRadius: 3, ButtonBorderWeight: 1, ButtonsStyle: "rounded",
			InputBorderRadius: 3, InputBorderWeight: 1, InputsStyle: "rounded",
			ShowWidgetShadow: true, WidgetBorderWeight: 0, WidgetCornerRadius: 5,
		},
		Colors: Colors{
			BaseFocusColor: "#635dff", BaseHoverColor: "#000000", BodyText: "#1e212a", CaptchaWidgetTheme: "auto",
			Error: "#d03c38", Header: "#1e212a", Icons: "#65676e", InputBackground: "#ffffff", InputBorder: "#c9cace",
			InputFilledText: "#000000", InputLabelsPlaceholders: "#65676e", LinksFocusedComponents: "#635dff",
			PrimaryButton: "#635dff", PrimaryButtonLabel: "#ffffff", SecondaryButtonBorder: "#c9cace",
			SecondaryButtonLabel: "#1e212a", Success: "#13a688", WidgetBackground: "#ffffff", WidgetBorder: "#c9cace",
		},
		Fonts: Fonts{
			LinksStyle: "normal", ReferenceTextSize: 16,
			Title: FontSize{false, 150}, Subtitle: FontSize{false, 87.5}, BodyText: FontSize{false, 87.5},
			ButtonsText: FontSize{false, 100}, InputLabels: FontSize{false, 100}, Links: FontSize{true, 87.5},
		},
		PageBackground: ThemeBackdrop{BackgroundColor: "#000000", PageLayout: "center"},
		Widget: Widget{
			HeaderTextAlignment: "center", LogoHeight: 52, LogoPosition: "center", SocialButtonsLayout: "bottom",
		},
	}
}
