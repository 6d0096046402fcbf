package branding

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkContrast demands what WCAG 2.2 demands of every pair of colours that meet on a page (1.4.3 and 1.4.11).
func checkContrast(t *testing.T, name string, p palette) {
	t.Helper()
	for _, c := range []struct {
		what, fore, back string
		least            float64
	}{
		{"text", p.BodyText, p.WidgetBackground, 4.5},
		{"heading", p.Header, p.WidgetBackground, 4.5},
		{"label", p.InputLabelsPlaceholders, p.WidgetBackground, 4.5},
		{"typed text", p.InputFilledText, p.InputBackground, 4.5},
		{"link", p.LinksFocusedComponents, p.WidgetBackground, 4.5},
		{"error", p.Error, p.WidgetBackground, 4.5},
		{"error on its tint", p.Error, mix(p.WidgetBackground, p.Error, 0.07), 4.5},
		{"success on its tint", p.Success, mix(p.WidgetBackground, p.Success, 0.07), 4.5},
		{"heading on grey", p.Header, mix(p.WidgetBackground, p.Icons, 0.10), 4.5},
		{"link on grey", p.LinksFocusedComponents, mix(p.WidgetBackground, p.Icons, 0.10), 4.5},
		{"primary button", p.PrimaryButtonLabel, p.PrimaryButton, 4.5},
		{"primary button under the pointer", p.PrimaryButtonLabel, mix(p.PrimaryButton, p.BaseHoverColor, 0.14), 4.5},
		{"secondary button", p.SecondaryButtonLabel, p.WidgetBackground, 4.5},
		{"text around the widget", p.pageText, p.page, 4.5},
		{"border of a field", p.InputBorder, p.WidgetBackground, 3},
		{"focus", p.BaseFocusColor, p.WidgetBackground, 3},
		{"icon", p.Icons, p.WidgetBackground, 3},
	} {
		if got := contrast(c.fore, c.back); got < c.least {
			t.Errorf("%s: %s (%s on %s) has a contrast of %.2f, want %.1f", name, c.what, c.fore, c.back, got, c.least)
		}
	}
}

func TestPalettes_CanBeReadByDayAndNight(t *testing.T) {
	t.Parallel()
	checkContrast(t, "light", light)
	checkContrast(t, "dark", dark)
}

func TestPalettes_StayReadableWhateverTheTenantsColour(t *testing.T) {
	t.Parallel()
	for _, primary := range []string{"#635dff", "#000000", "#ffffff", "#ffd400", "#e00", "#0b5d3b", "#808080", "#00ffff", "#757575"} {
		for name, p := range map[string]palette{"light": light, "dark": dark} {
			p.tint(cleanColor(primary))
			p.surround(&PageBackground{Color: primary})
			checkContrast(t, primary+" "+name, p)
		}
	}
}

func TestContrast_IsThatOfWCAG(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"#000000", "#ffffff", 21}, {"#ffffff", "#ffffff", 1}, {"#777777", "#ffffff", 4.48}, {"#fff", "#777", 4.48},
	} {
		if got := contrast(c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: got %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

func TestCleanColor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"#0059D6": "#0059d6", " #fff ": "#fff", "#11223344": "#11223344",
		"": "", "red": "", "#12": "", "#12345g": "", "#fff;}body{display:none": "", "rgb(0,0,0)": "", "#ffff": "",
		"#fff\n}": "", "url(#fff)": "",
	} {
		if got := cleanColor(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCleanURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://cdn.example.com/logo.svg?v=1": "https://cdn.example.com/logo.svg?v=1",
		"https://cdn.example.com/a b.svg":      "https://cdn.example.com/a%20b.svg",
		`https://cdn.example.com/");}body{x:(`: "https://cdn.example.com/%22%29%3B%7Dbody%7Bx:%28",
		"https://cdn.example.com/</style>":     "https://cdn.example.com/%3C/style%3E",
		"http://cdn.example.com/logo.svg":      "",
		"javascript:alert(1)":                  "",
		"data:image/svg+xml,x":                 "",
		"//cdn.example.com/logo.svg":           "",
		"https://user:secret@example.com/":     "",
		"https://":                             "",
		"":                                     "",
	} {
		if got := cleanURL(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestResolve_NothingSetIsTheBuiltInLook(t *testing.T) {
	t.Parallel()
	got := Resolve(nil, nil, nil)
	want := Look{LogoPosition: "start", HeaderAlignment: "start", PageLayout: "center"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := Resolve(&Branding{}, nil, &Branding{Colors: &BrandColors{}}); got != want {
		t.Errorf("empty settings change the look: %+v", got)
	}
}

// value gives what a custom property ends up as, by day.
func value(css, name string) string {
	m := regexp.MustCompile(regexp.QuoteMeta(name) + `:([^;]*);`).FindStringSubmatch(css)
	if m == nil {
		return ""
	}
	return m[1]
}

func TestResolve_OrganizationBeforeThemeBeforeBasicSettings(t *testing.T) {
	t.Parallel()
	color := func(c string) *Branding {
		return &Branding{LogoURL: "https://x.example/" + c[1:], Colors: &BrandColors{
			Primary: c, PageBackground: &PageBackground{Color: c},
		}}
	}
	theme := DefaultTheme()
	theme.Widget.LogoURL = "https://x.example/theme"
	for _, c := range []struct {
		name                string
		org                 *Branding
		theme               *Theme
		basic               *Branding
		primary, page, logo string
	}{
		{"basic settings alone", nil, nil, color("#112233"), "#112233", "#112233", "112233"},
		{"a theme covers them", nil, &theme, color("#112233"), "#635dff", "#000000", "theme"},
		{"an organization covers both", color("#445566"), &theme, color("#112233"), "#445566", "#445566", "445566"},
		{"an organization without a theme", color("#445566"), nil, color("#112233"), "#445566", "#445566", "445566"},
	} {
		look := Resolve(c.org, c.theme, c.basic)
		if got := value(look.CSS, "--ul-colors-primary-button"); got != c.primary {
			t.Errorf("%s: primary button is %s, want %s", c.name, got, c.primary)
		}
		if got := value(look.CSS, "--ul-page-background-background-color"); got != c.page {
			t.Errorf("%s: page is %s, want %s", c.name, got, c.page)
		}
		if got := look.LogoURL; got != "https://x.example/"+c.logo {
			t.Errorf("%s: logo is %s, want %s", c.name, got, c.logo)
		}
	}
}

func TestResolve_AThemeIsShownAlikeByDayAndNight(t *testing.T) {
	t.Parallel()
	theme := DefaultTheme()
	css := Resolve(nil, &theme, nil).CSS
	if strings.Contains(css, "@media") || !strings.Contains(css, "color-scheme:light;") {
		t.Errorf("a theme must serve one scheme, got %s", css)
	}
	basic := Resolve(nil, nil, &Branding{Colors: &BrandColors{Primary: "#0b5d3b"}}).CSS
	if strings.Count(basic, "--ul-colors-links-focused-components:") != 2 {
		t.Errorf("basic colours must serve day and night, got %s", basic)
	}
}

func TestResolve_LetsNothingHostileThrough(t *testing.T) {
	t.Parallel()
	bad := `#fff;}</style><script>alert(1)</script>{`
	theme := DefaultTheme()
	for _, p := range theme.Colors.pointers() {
		*p = bad
	}
	theme.Borders.ButtonsStyle, theme.Fonts.LinksStyle, theme.Fonts.FontURL = bad, bad, `https://x.example/");}</style>`
	theme.PageBackground = ThemeBackdrop{BackgroundColor: bad, BackgroundImageURL: `https://x.example/")}</style>`, PageLayout: bad}
	theme.Widget = Widget{HeaderTextAlignment: bad, LogoPosition: bad, LogoURL: "javascript:alert(1)", LogoHeight: math.Inf(1)}
	theme.Borders.WidgetCornerRadius, theme.Fonts.ReferenceTextSize = math.NaN(), -5
	basic := &Branding{LogoURL: bad, FaviconURL: "http://x", Font: &Font{URL: bad}, Colors: &BrandColors{
		Primary: bad, PageBackground: &PageBackground{Gradient: &Gradient{Type: "linear-gradient", Start: bad, End: "#fff"}},
	}}
	for name, look := range map[string]Look{"theme": Resolve(nil, &theme, nil), "basic": Resolve(nil, nil, basic)} {
		if strings.ContainsAny(look.CSS, "<>\\") || strings.Contains(look.CSS, "script") && !strings.Contains(look.CSS, "%3C") {
			t.Errorf("%s: the style sheet holds markup: %s", name, look.CSS)
		}
		if got, want := strings.Count(look.CSS, "{"), strings.Count(look.CSS, "}"); got != want {
			t.Errorf("%s: %d opening and %d closing braces in %s", name, got, want, look.CSS)
		}
		if strings.Contains(look.CSS, "Inf") || strings.Contains(look.CSS, "NaN") {
			t.Errorf("%s: a number is none: %s", name, look.CSS)
		}
		if look.LogoURL != "" || look.FaviconURL != "" {
			t.Errorf("%s: unsafe addresses came through: %+v", name, look)
		}
		if name == "theme" && (look.LogoPosition != "center" || look.PageLayout != "center" || look.HeaderAlignment != "center") {
			t.Errorf("unknown words must become the default: %+v", look)
		}
	}
}

func TestResolve_UnevenBackgroundsGiveTextAGround(t *testing.T) {
	t.Parallel()
	gradient := func(start, end string) *Branding {
		return &Branding{Colors: &BrandColors{PageBackground: &PageBackground{
			Gradient: &Gradient{Type: "linear-gradient", Start: start, End: end, AngleDeg: 30},
		}}}
	}
	picture := DefaultTheme()
	picture.PageBackground.BackgroundImageURL = "https://x.example/sea.jpg"
	for _, c := range []struct {
		name string
		look Look
		want bool
	}{
		{"from black to white", Resolve(nil, nil, gradient("#000000", "#ffffff")), true},
		{"two dark colours", Resolve(nil, nil, gradient("#000000", "#102030")), false},
		{"a picture", Resolve(nil, &picture, nil), true},
		{"an organization's plain colour over a picture", Resolve(&Branding{Colors: &BrandColors{PageBackground: &PageBackground{Color: "#123456"}}}, &picture, nil), false},
	} {
		if c.look.Plate != c.want {
			t.Errorf("%s: plate is %v, want %v", c.name, c.look.Plate, c.want)
		}
	}
	if css := Resolve(nil, nil, gradient("#000000", "#102030")).CSS; !strings.Contains(css, "linear-gradient(30deg,#000000,#102030)") {
		t.Errorf("the gradient is not in %s", css)
	}
}

func TestBranding_SurvivesTheWire(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`{}`,
		`{"colors":{"primary":"#112233","page_background":"#445566"},"logo_url":"https://x.example/l.svg"}`,
		`{"colors":{"page_background":{"type":"linear-gradient","start":"#fff","end":"#000","angle_deg":35}},"font":{"url":"https://x.example/f.woff2"}}`,
	} {
		var b Branding
		if err := json.Unmarshal([]byte(in), &b); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		out, err := json.Marshal(b)
		if err != nil || string(out) != in {
			t.Errorf("got %s (%v), want %s", out, err, in)
		}
	}
	var b Branding
	if err := json.Unmarshal([]byte(`{"colors":{"page_background":7,"primary":"#112233"}}`), &b); err != nil ||
		*b.Colors.PageBackground != (PageBackground{}) || b.Colors.Primary != "#112233" {
		t.Errorf("a number as page background gives %+v, %v; want no background and the colour beside it", b.Colors, err)
	}
}

func TestDefaultTheme_NamesEveryColourOfItsList(t *testing.T) {
	t.Parallel()
	theme := DefaultTheme()
	for _, p := range theme.Colors.list() {
		if cleanColor(p.value) == "" {
			t.Errorf("%s is %q, want a colour", p.name, p.value)
		}
	}
	if got, want := len(theme.Colors.list()), 18; got != want {
		t.Errorf("%d colours, want %d", got, want)
	}
	if fmt.Sprint(theme.Colors.pointers()[0]) != fmt.Sprint(&theme.Colors.BaseFocusColor) {
		t.Error("pointers must point into the theme")
	}
}
