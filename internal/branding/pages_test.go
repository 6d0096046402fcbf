package branding

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/locale"
	"latchkey/internal/resource"
)

func TestReadPages_PassesOverWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	got := ReadPages(
		resource.Document{"logo_url": 7, "favicon_url": "https://x.example/f.ico", "colors": map[string]any{"page_background": true, "primary": "#abc"}},
		resource.Document{"fonts": "big", "widget": map[string]any{"logo_height": "x", "logo_url": "https://x.example/l.svg"}},
		resource.Document{"universal_login_experience": "classic"},
		map[string]resource.Document{
			"login-id/de": {"login-id": map[string]any{"title": "Hallo", "buttonText": 5}, "nonsense": "x"},
			"no language": {"login-id": map[string]any{"title": "lost"}},
		},
	)
	want := &PageConfig{
		Basic:   &Branding{FaviconURL: "https://x.example/f.ico", Colors: &BrandColors{Primary: "#abc", PageBackground: &PageBackground{}}},
		Theme:   &Theme{Widget: Widget{LogoURL: "https://x.example/l.svg"}},
		Classic: true,
		Texts:   locale.Custom{"de": {"login-id": {"login-id": {"title": "Hallo"}, "nonsense": {}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was read differs (-want +got):\n%s", diff)
	}
	if got := got.Primary(); got != "#aabbcc" {
		t.Errorf("the primary colour is %q", got)
	}
}

func TestPrimary_IsTheThemesFirst(t *testing.T) {
	t.Parallel()
	basic := &Branding{Colors: &BrandColors{Primary: "#112233"}}
	for _, c := range []struct {
		pages PageConfig
		want  string
	}{
		{PageConfig{}, ""}, {PageConfig{Basic: &Branding{}}, ""}, {PageConfig{Basic: basic}, "#112233"},
		{PageConfig{Basic: basic, Theme: &Theme{Colors: Colors{PrimaryButton: "#445566ff"}}}, "#445566"},
		{PageConfig{Basic: basic, Theme: &Theme{Colors: Colors{PrimaryButton: "red"}}}, "#112233"},
	} {
		if got := c.pages.Primary(); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.pages, got, c.want)
		}
	}
}
