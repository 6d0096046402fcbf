package locale

import (
	"cmp"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"
)

// regionNames are names of countries that are newer than the edition of Unicode's CLDR from which the others come.
var regionNames = map[string]map[string]string{
	"en": {"MK": "North Macedonia", "SZ": "Eswatini"},
	"de": {"MK": "Nordmazedonien", "SZ": "Eswatini"},
	"fr": {"MK": "Macédoine du Nord", "SZ": "Eswatini"},
	"es": {"MK": "Macedonia del Norte", "SZ": "Esuatini"},
	"ja": {"MK": "北マケドニア", "SZ": "エスワティニ"},
	"ar": {"MK": "مقدونيا الشمالية", "SZ": "إسواتيني"},
}

// regionTables hold what display needs for the names of one language, which is worth keeping.
var regionTables sync.Map

// RegionName gives the name of a country (ISO 3166, two letters) in a language, or in English where the language has none;
// the country's letters where nobody has a name for it.
func RegionName(tag, region string) string {
	for _, t := range []string{tag, fallback} {
		if name := regionNames[base(t)][region]; name != "" {
			return name
		}
		if r, err := language.ParseRegion(region); err == nil {
			if name := namerOf(t).Name(r); name != "" {
				return name
			}
		}
	}
	return region
}

// namerOf gives the names of countries in a language, in English where there are none.
func namerOf(tag string) display.Namer {
	if table, ok := regionTables.Load(tag); ok {
		return table.(display.Namer)
	}
	table := display.Regions(language.Make(tag))
	if table == nil {
		table = display.Regions(language.English)
	}
	regionTables.Store(tag, table)
	return table
}

// SortKey gives a text by which names stand in the order in which people look for them: without case and accents.
func SortKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(name))
}

// Region guesses the country of a reader (ISO 3166, two letters) from what is known of their languages: the one that
// ui_locales names, else that of the browser's first language, else that of the page's own. It is empty where that is none.
func Region(tag, uiLocales, acceptLanguage string) string {
	asked, _ := regionOf(head(strings.Fields(cut(uiLocales))))
	sure, likely := regionOf(accepted(acceptLanguage))
	own, speakers := regionOf([]string{tag})
	return cmp.Or(asked, sure, likely, own, speakers)
}

// regionOf gives the country that stands with the first language of a list, wherever in it, and the one where most speakers
// of that language live.
func regionOf(wishes []string) (sure, likely string) {
	first := ""
	for _, wish := range wishes {
		t, err := language.Parse(strings.ReplaceAll(wish, "_", "-"))
		if err != nil {
			continue
		}
		b, _ := t.Base()
		if first == "" {
			first = b.String()
		}
		r, how := t.Region()
		switch {
		case b.String() != first || !r.IsCountry():
		case how == language.Exact && sure == "":
			sure = r.String()
		case likely == "":
			likely = r.String()
		}
	}
	return sure, likely
}
