package locale

import (
	"slices"
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	six := Shipped()
	for _, c := range []struct {
		name                   string
		enabled                []string
		chosen, wishes, accept string
		want                   string
	}{
		{"nothing is asked for", six, "", "", "", "en"},
		{"the tenant's first language is its default", []string{"de", "en"}, "", "", "", "de"},
		{"nothing is enabled", nil, "de", "de", "de", "en"},
		{"what was chosen on the page beats all", six, "ar", "de", "fr", "ar"},
		{"a choice that is not enabled is no choice", []string{"en", "de"}, "ar", "de", "", "de"},
		{"a choice is exact", []string{"en", "de"}, "de-AT", "", "", "en"},
		{"ui_locales beats the browser", six, "", "de", "fr", "de"},
		{"ui_locales are tried in order", six, "", "pl fr-CA de", "es", "fr"},
		{"ui_locales with nothing for us leave it to the browser", six, "", "pl", "es", "es"},
		{"case and underscore do not matter", six, "", "DE_at", "", "de"},
		{"weights decide", six, "", "", "de;q=0.5, fr;q=0.9, es;q=0.1", "fr"},
		{"equal weights keep their order", six, "", "", "ja, de", "ja"},
		{"weight 0 means never", six, "", "", "de;q=0, fr;q=0.1", "fr"},
		{"a wildcard is no wish", []string{"de", "en"}, "", "", "*", "de"},
		{"an unreadable weight is passed over", six, "", "", "de;q=x, fr", "fr"},
		{"not a number is no weight", six, "", "", "de;q=NaN, fr;q=0.1", "fr"},
		{"fr-CA: itself first", []string{"en", "fr", "fr-CA"}, "", "", "fr-CA", "fr-CA"},
		{"fr-CA: then its language", []string{"en", "fr-FR", "fr"}, "", "", "fr-CA", "fr"},
		{"fr-CA: then any of its language", []string{"en", "fr-FR"}, "", "", "fr-CA", "fr-FR"},
		{"Mexican Spanish prefers Latin American", []string{"es", "es-419"}, "", "", "es-MX", "es-419"},
		{"Norwegian is one language here", []string{"en", "no"}, "", "", "nb-NO", "no"},
		{"Hong Kong reads traditional characters", []string{"zh-CN", "zh-TW"}, "", "", "zh-HK", "zh-TW"},
		{"a script says which Chinese", []string{"zh-CN", "zh-TW"}, "", "", "zh-Hant", "zh-TW"},
		{"old names are understood", []string{"en", "he"}, "", "", "iw", "he"},
		{"a private part is cut off", six, "", "", "de-x-formal", "de"},
		{"rubbish is no language", six, "", "\x00 ---- -", ",;q=,,", "en"},
	} {
		if got := Negotiate(c.enabled, c.chosen, c.wishes, c.accept); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestNegotiate_ReadsNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	if got := Negotiate(Shipped(), "", "", strings.Repeat("pl,", 5000)+"de"); got != "en" {
		t.Errorf("got %s from the far end of a long header, want en", got)
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag, tenant string
		want        []string
	}{
		{"de", "en", []string{"de", "en"}},
		{"es-MX", "de", []string{"es-MX", "es-419", "es", "de", "en"}},
		{"zh-MO", "", []string{"zh-MO", "zh-TW", "zh", "en"}},
		{"cnr", "en", []string{"cnr", "sr", "en"}},
		{"no", "en", []string{"no", "nb", "en"}},
	} {
		if got := Chain(c.tag, c.tenant); !slices.Equal(got, c.want) {
			t.Errorf("%s with default %q: got %v, want %v", c.tag, c.tenant, got, c.want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("de", "de fr", "de;q=0.5,fr")
	f.Add("zh-Hant", "iw in fil", "*;q=1,-;q=-1")
	f.Fuzz(func(t *testing.T, chosen, uiLocales, accept string) {
		enabled := []string{"en", "de", "he", "zh-TW"}
		if got := Negotiate(enabled, chosen, uiLocales, accept); !slices.Contains(enabled, got) {
			t.Errorf("got %q, which is not enabled", got)
		}
	})
}
