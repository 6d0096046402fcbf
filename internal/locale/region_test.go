package locale

import "testing"

func TestRegionName_IsInTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, region, want string }{
		{"en", "DE", "Germany"}, {"de", "DE", "Deutschland"}, {"ja", "JP", "日本"}, {"ar", "EG", "مصر"},
		{"es-MX", "DE", "Alemania"}, {"pt-BR", "DE", "Alemanha"},
		{"en", "MK", "North Macedonia"}, {"de", "SZ", "Eswatini"}, {"pt-BR", "XK", "Kosovo"},
		{"zgh", "FR", "ⴼⵔⴰⵏⵙⴰ"}, {"xx", "FR", "France"}, {"en", "?!", "?!"},
	} {
		if got := RegionName(c.tag, c.region); got != c.want {
			t.Errorf("%s in %s: got %q, want %q", c.region, c.tag, got, c.want)
		}
	}
}

func TestSortKey_LooksPastCaseAndAccents(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"Ägypten", "Albanien"}, {"Åland Islands", "Albania"}, {"Österreich", "Pakistan"}, {"أستراليا", "الأرجنتين"}} {
		if SortKey(c[0]) >= SortKey(c[1]) {
			t.Errorf("%s stands behind %s", c[0], c[1])
		}
	}
}

func TestRegion_IsTheCountryThatTheLanguagesPointTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, uiLocales, accept, want string }{
		{"en", "", "", "US"},
		{"de", "", "", "DE"},
		{"es-MX", "", "", "MX"},
		{"en", "", "en-GB,en;q=0.9", "GB"},
		{"de", "", "de,en-US;q=0.7,en;q=0.3", "DE"},
		{"de", "de", "en-GB,de-CH;q=0.8", "GB"},
		{"de", "", "de,de-CH;q=0.8", "CH"},
		{"en", "en", "de-DE", "DE"},
		{"de", "", "de;q=0.9", "DE"},
		{"en", "", "fr-CH, fr;q=0.9", "CH"},
		{"es", "es-MX", "en-US", "MX"},
		{"en", "", "zh_TW", "TW"},
		{"es-419", "", "", ""},
		{"en", "", "*;q=0.5, \x00", "US"},
		{"", "", "", ""},
	} {
		if got := Region(c.tag, c.uiLocales, c.accept); got != c.want {
			t.Errorf("%q %q %q: got %q, want %q", c.tag, c.uiLocales, c.accept, got, c.want)
		}
	}
}
