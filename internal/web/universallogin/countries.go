package universallogin

import (
	"cmp"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"sync"

	"latchkey/internal/contact"
	"latchkey/internal/locale"
)

// someCountry stands in the choice when nothing is known of where a person is, as in Auth0's Lock.
const someCountry = "US"

// fieldCountry is the form's field of the choice.
const fieldCountry = "identifier_phone_country_code"

// callable are the countries that can be chosen.
var callable = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, c := range contact.Countries() {
		all[c.Region] = true
	}
	return all
})

// option is one country in the choice, but for whether it is chosen.
type option struct{ region, rest string }

// options hold the choices of one language each: 245 names, looked up and sorted once.
var options sync.Map

// countries gives the choices of a number's country in a language. The name comes first: by its first letters people jump to
// it. The markup is as short as HTML allows, since it is the
// longest part of its page.
func countries(tag, chosen string) template.HTML {
	list, ok := options.Load(tag)
	if !ok {
		list = optionsIn(tag)
		options.Store(tag, list)
	}
	var b strings.Builder
	for _, o := range list.([]option) {
		b.WriteString("<option value=" + o.region)
		if o.region == chosen {
			b.WriteString(" selected")
		}
		b.WriteString(o.rest)
	}
	return template.HTML(b.String())
}

func optionsIn(tag string) []option {
	type named struct {
		contact.Country
		name, key string
	}
	all := make([]named, 0, len(callable()))
	for _, c := range contact.Countries() {
		name := locale.RegionName(tag, c.Region)
		all = append(all, named{c, name, locale.SortKey(name)})
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.Region, b.Region)) })
	mark := ""
	if locale.Dir(tag) == "rtl" {
		mark = "\u200e" // keeps the plus sign before its digits
	}
	list := make([]option, len(all))
	for i, c := range all {
		list[i] = option{c.Region, ">" + template.HTMLEscapeString(c.name) + " " + mark + "+" + strconv.Itoa(c.Code) + " " + flag(c.Region)}
	}
	return list
}

// flag gives the flag of a country: its two letters as regional indicators (Unicode Technical Standard 51). Systems without
// flags show the letters.
func flag(region string) string {
	const indicatorA = '\U0001F1E6'
	return string([]rune{indicatorA + rune(region[0]-'A'), indicatorA + rune(region[1]-'A')})
}

// regionOf says which country is chosen for a number: what the form says, what was chosen before in this login, else where
// the reader's languages let us guess them to be.
func regionOf(v *visit) string {
	for _, region := range []string{
		strings.ToUpper(v.form.Trimmed(fieldCountry)), v.tx.Region,
		locale.Region(v.shell.Texts.Tag(), v.tx.Request.UILocales, v.r.Header.Get("Accept-Language")),
	} {
		if callable()[region] {
			return region
		}
	}
	return someCountry
}
