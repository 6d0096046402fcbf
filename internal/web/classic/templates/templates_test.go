package templates

import (
	"regexp"
	"strings"
	"testing"

	"latchkey/internal/web/classic/assets"
)

func TestHTML_LoadsOneScriptFromOurHostWithItsDigest(t *testing.T) {
	t.Parallel()
	files := assets.Embedded()
	if !files.Built() {
		t.Fatal("Lock and auth0.js are not built: run scripts/assets")
	}
	for _, name := range Names() {
		html, err := HTML(name, files)
		if err != nil {
			t.Fatal(err)
		}
		want := files.Lock()
		if name == Custom {
			want = files.Auth0()
		}
		scripts := regexp.MustCompile(`<script src="([^"]*)" integrity="([^"]*)" crossorigin="anonymous"></script>`).FindAllStringSubmatch(html, -1)
		if len(scripts) != 1 || scripts[0][1] != want.Path || scripts[0][2] != want.Integrity || !strings.HasPrefix(want.Integrity, "sha384-") {
			t.Errorf("%s loads %q, want %v", name, scripts, want)
		}
		for _, a := range regexp.MustCompile(`https?://[^"'\s<>]+`).FindAllString(html, -1) {
			if a != "http://www.w3.org/2000/svg" {
				t.Errorf("%s names another host: %s", name, a)
			}
		}
		if got := strings.Count(html, "@@config@@"); got != 1 {
			t.Errorf("%s has the placeholder %d times", name, got)
		}
		if !strings.Contains(html, "JSON.parse(decodeURIComponent(escape(window.atob('@@config@@'))))") {
			t.Errorf("%s reads its configuration in another way", name)
		}
		if strings.Contains(html, "{{") || strings.Contains(html, "<no value>") {
			t.Errorf("%s was not filled", name)
		}
	}
}

func TestHTML_LockAsksNobodyElse(t *testing.T) {
	t.Parallel()
	for _, name := range []Name{Lock, LockPasswordless} {
		html, err := HTML(name, assets.Embedded())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"avatar: null", "theme: { logo: ", "languageBaseUrl: config.languageBaseUrl",
			"configurationBaseUrl: config.clientConfigurationBaseUrl", "rememberLastLogin: !config.prompt",
		} {
			if !strings.Contains(html, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}

// Every language of the custom form has every text.
func TestHTML_CustomFormIsWholeInEveryLanguage(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(custom, "var texts = {")
	table, _, _ = strings.Cut(table, "\n      };")
	key := regexp.MustCompile(`(?:^|[{,\s])(\w+): '`)
	var english []string
	languages := regexp.MustCompile(`(?s)\n        (\w\w): \{(.*?)\n        \}`).FindAllStringSubmatch(table, -1)
	if len(languages) != 6 {
		t.Fatalf("got %d languages", len(languages))
	}
	for _, l := range languages {
		var keys []string
		for _, m := range key.FindAllStringSubmatch(l[2], -1) {
			keys = append(keys, m[1])
		}
		if l[1] == "en" {
			english = keys
		}
		if got, want := strings.Join(keys, " "), strings.Join(english, " "); got != want {
			t.Errorf("%s has %s, want %s", l[1], got, want)
		}
	}
	for _, m := range regexp.MustCompile(`text\.(\w+)|data-text="(\w+)"`).FindAllStringSubmatch(custom, -1) {
		if used := m[1] + m[2]; !strings.Contains(" "+strings.Join(english, " ")+" ", " "+used+" ") {
			t.Errorf("there is no text %s", used)
		}
	}
}

func TestHTML_RefusesAnUnknownName(t *testing.T) {
	t.Parallel()
	if _, err := HTML("Lock 9", assets.Embedded()); err == nil {
		t.Error("no error")
	}
}
