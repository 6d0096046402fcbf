package pages_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"latchkey/internal/branding"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// set stores what a tenant says about its pages.
func set(t testing.TB, s *servertest.Server, kind resource.Kind, id string, document resource.Document) {
	t.Helper()
	r := &resource.Resource{Kind: kind, ID: id, Document: document, CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now()}
	if err := s.Database.Store.CreateResource(t.Context(), s.Tenant.ID, r); err != nil {
		t.Fatal(err)
	}
}

// policyOf gives one directive of an answer's policy.
func policyOf(a *servertest.Answer, name string) string {
	for _, d := range strings.Split(a.Header.Get("Content-Security-Policy"), "; ") {
		if rest, ok := strings.CutPrefix(d, name+" "); ok {
			return rest
		}
	}
	return ""
}

func TestBranding_ShowsOnEveryPageAtOnce(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		v := begin(t, s, b)
		if plain := v.get(pathLogin); strings.Contains(plain.Body, "<style") || policyOf(plain, "img-src") != "'self' data:" {
			t.Fatalf("a page of a tenant without a brand has one: %s", plain.Body)
		}
		set(t, s, resource.Settings, resource.Branding, resource.Document{
			"colors":   map[string]any{"primary": "#0B5D3B", "page_background": "#e8f3ec"},
			"logo_url": "https://cdn.example.com/logo.svg", "favicon_url": "https://icons.example.com/f.ico",
			"font": map[string]any{"url": "https://fonts.example.com/f.woff2"},
		})
		unknown := b.Get("/authorize?client_id=nobody&response_type=code")
		for name, a := range map[string]*servertest.Answer{"login": v.get(pathLogin), "sign-up": v.get(pathSignup), "error": unknown} {
			for _, want := range []string{
				`<img id="prompt-logo-center" src="https://cdn.example.com/logo.svg"`, `<link rel="icon" href="https://icons.example.com/f.ico">`,
				"--ul-colors-primary-button:#0b5d3b", "--ul-page-background-background-color:#e8f3ec", `src:url("https://fonts.example.com/f.woff2")`,
			} {
				if !strings.Contains(a.Body, want) {
					t.Errorf("the %s page lacks %s", name, want)
				}
			}
			if got, want := policyOf(a, "img-src"), "'self' data: https://cdn.example.com https://icons.example.com"; got != want {
				t.Errorf("the %s page may load pictures from %q, want %q", name, got, want)
			}
			if got, want := policyOf(a, "font-src"), "'self' https://fonts.example.com"; got != want {
				t.Errorf("the %s page may load fonts from %q, want %q", name, got, want)
			}
		}
	})
}

func TestBranding_TheFirstThemeReplacesTheSettings(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	set(t, s, resource.Settings, resource.Branding, resource.Document{"colors": map[string]any{"primary": "#0b5d3b"}, "logo_url": "https://cdn.example.com/basic.svg"})
	set(t, s, branding.Themes, "first", resource.Document{
		"colors": map[string]any{"primary_button": "#aa0000"}, "borders": map[string]any{"buttons_style": "pill"},
		"page_background": map[string]any{"background_image_url": "https://pictures.example.com/b.jpg", "page_layout": "left"},
		"widget":          map[string]any{"logo_url": "https://cdn2.example.com/theme.svg", "logo_position": "right", "header_text_alignment": "left"},
		"identifiers":     map[string]any{"otp_autocomplete": false},
	})
	set(t, s, branding.Themes, "second", resource.Document{"colors": map[string]any{"primary_button": "#00bb00"}})
	a := v.get(pathLogin)
	for _, want := range []string{
		"--ul-colors-primary-button:#aa0000", "--ul-borders-button-border-radius:999px", "https://cdn2.example.com/theme.svg",
		`url("https://pictures.example.com/b.jpg")`, `data-layout="left" data-align="left" data-logo="right" data-plate`,
	} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if got, want := policyOf(a, "img-src"), "'self' data: https://cdn2.example.com https://pictures.example.com"; got != want {
		t.Errorf("the page may load pictures from %q, want %q", got, want)
	}
	v.identify("ada@example.com")
	if code := v.get(pathCode); !strings.Contains(code.Body, `autocomplete="off"`) || strings.Contains(code.Body, "one-time-code") {
		t.Error("the browser is asked for the code though the theme does not want it")
	}
	if err := s.Database.Store.DeleteResource(t.Context(), s.Tenant.ID, branding.Themes, "first"); err != nil {
		t.Fatal(err)
	}
	if a := v.get(pathCode); !strings.Contains(a.Body, "--ul-colors-primary-button:#00bb00") || !strings.Contains(a.Body, "https://cdn.example.com/basic.svg") {
		t.Error("the second theme did not follow when the first was deleted")
	}
}

func TestBranding_ThePictureOfTheTenantStandsInForALogo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.PictureURL = "https://cdn.example.com/picture.png" })
	v := begin(t, s, s.Browser(t))
	if a := v.get(pathLogin); !strings.Contains(a.Body, `src="https://cdn.example.com/picture.png"`) || !strings.Contains(policyOf(a, "img-src"), "https://cdn.example.com") {
		t.Error("the tenant's picture is not shown")
	}
	set(t, s, resource.Settings, resource.Branding, resource.Document{"logo_url": "https://cdn.example.com/logo.svg"})
	if a := v.get(pathLogin); strings.Contains(a.Body, "picture.png") || !strings.Contains(a.Body, "logo.svg") {
		t.Error("the picture is shown though there is a logo")
	}
}

func TestBranding_HostileAndBrokenValuesNeitherBreakNorInject(t *testing.T) {
	t.Parallel()
	hostile := []any{
		"red;}body{display:none}", "</style><script>alert(1)</script>", `https://a.example/"><script>alert(1)</script>`, "javascript:alert(1)",
		"https://a.example/x;script-src *", "https://u:p@a.example/", "http://plain.example/logo.png", "//a.example/x", "data:image/svg+xml,<svg>",
		7.0, true, nil, []any{"x"}, map[string]any{"x": "y"}, map[string]any{"type": "linear-gradient", "start": "#fff;}", "end": "url(x)", "angle_deg": "x"},
	}
	tidy := regexp.MustCompile(`^[-a-z]+( ('[a-z-]+'|'nonce-[\w-]+'|https?:(//[a-z0-9.:-]+)?|data:))+$`)
	s := servertest.New(t)
	v := begin(t, s, s.Browser(t))
	set(t, s, resource.Settings, resource.Branding, resource.Document{})
	set(t, s, branding.Themes, "one", resource.Document{})
	set(t, s, branding.CustomTexts, "login-id/en", resource.Document{})
	for _, bad := range hostile {
		replace := func(kind resource.Kind, id string, document resource.Document) {
			r, err := s.Database.Store.Resource(t.Context(), s.Tenant.ID, kind, id)
			if err != nil {
				t.Fatal(err)
			}
			r.Document = document
			if err := s.Database.Store.UpdateResource(t.Context(), s.Tenant.ID, r); err != nil {
				t.Fatal(err)
			}
		}
		replace(resource.Settings, resource.Branding, resource.Document{
			"colors": map[string]any{"primary": bad, "page_background": bad}, "logo_url": bad, "favicon_url": bad, "font": map[string]any{"url": bad},
		})
		replace(branding.Themes, "one", resource.Document{
			"colors": map[string]any{"primary_button": bad, "header": bad}, "fonts": map[string]any{"font_url": bad, "title": bad, "reference_text_size": bad},
			"page_background": map[string]any{"background_color": bad, "background_image_url": bad, "page_layout": bad},
			"widget":          map[string]any{"logo_url": bad, "logo_position": bad, "logo_height": bad}, "borders": bad, "identifiers": bad,
		})
		replace(branding.CustomTexts, "login-id/en", resource.Document{"login-id": map[string]any{"title": bad, "buttonText": bad}, "other": bad})
		a := v.get(pathLogin)
		want(t, a, http.StatusOK, screenLogin, "")
		for _, wrong := range injected(t, a.Body) {
			t.Errorf("%v: the page holds %s", bad, wrong)
		}
		for _, d := range strings.Split(a.Header.Get("Content-Security-Policy"), "; ") {
			if !tidy.MatchString(d) {
				t.Errorf("%v: the policy has the directive %q", bad, d)
			}
		}
	}
}

// injected lists what no page of ours has: scripts without the nonce, and addresses and rules that a tenant may not set.
func injected(t *testing.T, body string) (wrong []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		marked := false
		for _, a := range n.Attr {
			marked = marked || a.Key == "nonce" && a.Val != ""
			if strings.HasPrefix(a.Key, "on") || forbidden.MatchString(a.Val) {
				wrong = append(wrong, a.Key+"="+a.Val)
			}
		}
		switch {
		case (n.Data == "script" || n.Data == "style") && !marked:
			wrong = append(wrong, "a "+n.Data+" without the nonce")
		case n.Data == "style" && (strings.Contains(n.FirstChild.Data, "display:none") || forbidden.MatchString(n.FirstChild.Data)):
			wrong = append(wrong, "the style "+n.FirstChild.Data)
		}
	}
	return wrong
}

var forbidden = regexp.MustCompile(`javascript:|plain\.example|u:p@|^//`)

func TestCustomText_IsSaidInItsLanguageWithItsVariables(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.ChangeSettings(func(settings *tenant.Settings) { settings.EnabledLocales = []string{"en", "de", "pt-BR"} })
	set(t, s, branding.CustomTexts, "login-id/de", resource.Document{"login-id": map[string]any{
		"title": "Hallo bei ${clientName} <b>&", "no-email": "Bitte die Adresse.", "description": "",
	}})
	set(t, s, branding.CustomTexts, "login-id/pt-BR", resource.Document{"login-id": map[string]any{"title": "Entrar"}})
	set(t, s, branding.CustomTexts, "login-passwordless/en", resource.Document{"login-passwordless-email-code": map[string]any{"title": "Look into your mail"}})
	in := func(tag string) *visit {
		b := s.Browser(t)
		b.Headers.Set("Accept-Language", tag)
		return begin(t, s, b)
	}
	german := in("de")
	a := german.get(pathLogin)
	if !strings.Contains(a.Body, "<h1>Hallo bei <bdi>Test Web</bdi> &lt;b&gt;&amp;</h1>") || !strings.Contains(a.Body, "Weiter") {
		t.Errorf("the German page is %s", a.Body)
	}
	if a := german.post(pathLogin, "username", ""); !strings.Contains(a.Body, "Bitte die Adresse.") {
		t.Error("the tenant's own words for an error are not shown")
	}
	if a := in("en").get(pathLogin); !strings.Contains(a.Body, "<h1>Log in</h1>") {
		t.Error("the English page has another language's text")
	}
	brazil := in("pt-BR").get(pathLogin)
	if language(brazil) != "pt-BR" || !strings.Contains(brazil.Body, "<h1>Entrar</h1>") || !strings.Contains(brazil.Body, `<span lang="en" dir="ltr">Continue</span>`) ||
		!strings.Contains(brazil.Body, `value="pt-BR"`) {
		t.Errorf("the page in a language that only the tenant has written is %s", brazil.Body)
	}
	code := in("en")
	code.identify("ada@example.com")
	if a := code.get(pathCode); !strings.Contains(a.Body, "<h1>Look into your mail</h1>") {
		t.Error("the tenant's own words for the code page are not shown")
	}
}
