package classic

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
	"latchkey/internal/web/classic/assets"
)

// placeholder is what a page has in the place of its configuration.
const placeholder = "@@config@@"

// Login is whose login a page is.
type Login struct {
	Site    tenant.Site
	Client  *client.Client
	Pages   *branding.PageConfig // what the tenant has set about its pages; nil for nothing
	Request transaction.Request  // what the application asked for
	State   string               // of the transaction
	CSRF    string               // value that comes back with every call of the page

	// Query is that of /login. What the application sent and Request does not know reaches the page by it, as the
	// libraries and many pages expect; what Request knows stands above it.
	Query url.Values
	// Language is the tag of the language that was negotiated for the page.
	Language string
}

// Config is what a page finds in the place of `@@config@@`. The keys are those that pages written for Auth0 read; Language
// is ours. Absent parameters are left out, except the two that pages compare with null.
type Config struct {
	Icon                       string              `json:"icon"`
	AssetsURL                  string              `json:"assetsUrl"`
	Auth0Domain                string              `json:"auth0Domain"`
	Auth0Tenant                string              `json:"auth0Tenant"`
	ClientConfigurationBaseURL string              `json:"clientConfigurationBaseUrl"`
	CallbackOnLocationHash     bool                `json:"callbackOnLocationHash"`
	CallbackURL                string              `json:"callbackURL"`
	CDN                        string              `json:"cdn"`
	ClientID                   string              `json:"clientID"`
	Connection                 *string             `json:"connection"`
	Prompt                     *string             `json:"prompt"`
	Dict                       Dict                `json:"dict"`
	ExtraParams                map[string]string   `json:"extraParams"`
	InternalOptions            map[string]any      `json:"internalOptions"`
	WidgetURL                  string              `json:"widgetUrl"`
	IsThirdPartyClient         bool                `json:"isThirdPartyClient"`
	AuthorizationServer        AuthorizationServer `json:"authorizationServer"`
	Colors                     Colors              `json:"colors"`
	LanguageBaseURL            string              `json:"languageBaseUrl"`
	Language                   string              `json:"language,omitempty"` // a dictionary of Lock
}

// Dict overrides texts of Lock's dictionary.
type Dict struct {
	SignIn struct {
		Title string `json:"title"`
	} `json:"signin"`
}

// AuthorizationServer is who issues the tokens.
type AuthorizationServer struct {
	URL    string `json:"url"`
	Issuer string `json:"issuer"`
}

// Colors are the tenant's own; pages have their defaults for what it has not set.
type Colors struct {
	Primary        string `json:"primary,omitempty"`
	PageBackground string `json:"page_background,omitempty"`
}

// NewConfig makes the configuration of a page.
//
// Both libraries take a page for ours where its host is auth0Domain, and then call https://<auth0Domain>. On plain HTTP, which
// is for development on loopback, auth0Domain is the whole origin instead: auth0.js keeps its scheme then and logs in as
// pages of other hosts do, which works on our own host as well.
func NewConfig(l Login) Config {
	origin := l.Site.URL("")
	domain := l.Site.Domain.Host
	if !l.Site.Secure() {
		domain = origin
	}
	pages := l.Pages
	if pages == nil {
		pages = &branding.PageConfig{}
	}
	c := Config{
		Icon:                       pages.Look(l.Site.Tenant.Settings.PictureURL).LogoURL,
		Auth0Domain:                domain,
		Auth0Tenant:                l.Site.Tenant.Name,
		ClientConfigurationBaseURL: origin + "/",
		CallbackOnLocationHash:     l.Request.ResponseMode == "fragment",
		CallbackURL:                l.Request.RedirectURI,
		CDN:                        origin + "/",
		ClientID:                   l.Request.ClientID,
		Connection:                 orNull(l.Request.Connection),
		Prompt:                     orNull(strings.Join(l.Request.Prompt, " ")),
		IsThirdPartyClient:         l.Client.FirstParty != nil && !*l.Client.FirstParty,
		AuthorizationServer:        AuthorizationServer{URL: origin, Issuer: l.Site.Issuer()},
		Colors:                     Colors{Primary: pages.Primary(), PageBackground: pageBackground(pages)},
		LanguageBaseURL:            origin,
		Language:                   assets.Embedded().Language(l.Language),
		ExtraParams:                extraParams(l),
		InternalOptions:            internalOptions(l),
	}
	c.Dict.SignIn.Title = l.Site.Tenant.FriendlyName()
	return c
}

// parameters are the authorization request as the application wrote it, in the words of the wire. What a pushed request
// holds is here too.
func parameters(r *transaction.Request) map[string]string {
	p := map[string]string{
		"response_type": r.ResponseType, "scope": strings.Join(r.Scope, " "), "audience": r.Audience, "nonce": r.Nonce,
		"code_challenge": r.Challenge, "code_challenge_method": r.ChallengeMethod, "prompt": strings.Join(r.Prompt, " "),
		"login_hint": r.LoginHint, "screen_hint": r.ScreenHint, "ui_locales": r.UILocales, "connection": r.Connection,
		"acr_values": strings.Join(r.ACRValues, " "), "redirect_uri": r.RedirectURI,
	}
	if r.ResponseMode != defaultMode(r.ResponseType) {
		p["response_mode"] = r.ResponseMode
	}
	if r.MaxAge != nil {
		p["max_age"] = fmt.Sprint(*r.MaxAge)
	}
	for name, value := range r.Extra {
		p[name] = value
	}
	for name, value := range p {
		if value == "" {
			delete(p, name)
		}
	}
	return p
}

// defaultMode is the response mode of a type that asks for none (OAuth 2.0 Multiple Response Type Encoding Practices).
func defaultMode(responseType string) string {
	if responseType == "code" {
		return "query"
	}
	return "fragment"
}

// extraParams is everything the application sent.
func extraParams(l Login) map[string]string {
	p := parameters(&l.Request)
	for name, values := range l.Query {
		if _, known := p[name]; !known && !slices.Contains(ours, name) && values[0] != "" {
			p[name] = values[0]
		}
	}
	if !ValidAuth0Client(p["auth0Client"]) {
		delete(p, "auth0Client")
	}
	for name, value := range pageParams(l) {
		p[name] = value
	}
	return p
}

// ours are the parameters of /login that are no parameters of the application.
var ours = []string{"state", "client", "protocol", "client_id", "client_secret", "request", "request_uri", "_csrf", "_intstate"}

// internal are the parameters that a page hands to the library, which sends them back to us.
var internal = []string{
	"response_type", "response_mode", "scope", "audience", "nonce", "code_challenge", "code_challenge_method", "auth0Client",
}

// internalOptions is what a page passes on to Lock (auth.params) or spreads into the options of auth0.WebAuth.
func internalOptions(l Login) map[string]any {
	all := extraParams(l)
	options := map[string]any{"protocol": "oauth2", "leeway": 60}
	for _, name := range internal {
		if value, ok := all[name]; ok {
			options[name] = value
		}
	}
	for name, value := range pageParams(l) {
		options[name] = value
	}
	return options
}

// pageParams tie the calls of a page to its transaction. The state is the transaction's: the application's own waits there.
func pageParams(l Login) map[string]string {
	return map[string]string{"_csrf": l.CSRF, "_intstate": "deprecated", "state": l.State}
}

// ValidAuth0Client reports whether a value of the auth0Client parameter is what Lock can read: base64 of JSON. Lock parses
// what stands in the address of its own page and stops at anything else, so /login must be called without it.
func ValidAuth0Client(value string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	return err == nil && json.Valid(raw)
}

// Encode gives the configuration as it stands in a page: standard base64 of UTF-8 JSON.
func (c Config) Encode() (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return "", fmt.Errorf("encode the configuration of a Classic page: %w", err)
	}
	return base64.StdEncoding.EncodeToString(bytes.TrimSpace(b.Bytes())), nil
}

// Fill puts the configuration into a page. Nothing but the placeholder is touched.
func (c Config) Fill(html string) (string, error) {
	encoded, err := c.Encode()
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(html, placeholder, encoded), nil
}

// pageBackground is the tenant's colour behind the widget, where it is one colour.
func pageBackground(p *branding.PageConfig) string {
	if p.Basic == nil || p.Basic.Colors == nil || p.Basic.Colors.PageBackground == nil {
		return ""
	}
	return p.Basic.Colors.PageBackground.Color
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
