package locale

import (
	"slices"
	"strconv"
	"strings"
)

const (
	maxHeader = 1024 // characters of a stranger's language list that are read
	maxRanges = 32   // entries of it that are tried
)

// Negotiate gives the language of a page: the one chosen on the page, else the first of ui_locales (space-separated,
// OpenID Connect Core section 3.1.2.1) that is enabled, else the best of Accept-Language, else the first enabled one.
// Auth0 honours only the first tag of ui_locales; we try each in turn. With nothing enabled it is English.
func Negotiate(enabled []string, chosen, uiLocales, acceptLanguage string) string {
	if len(enabled) == 0 {
		enabled = []string{fallback}
	}
	if i := indexFold(enabled, chosen); i >= 0 {
		return enabled[i]
	}
	for _, tag := range head(strings.Fields(cut(uiLocales))) {
		if t := lookup(enabled, tag); t != "" {
			return t
		}
	}
	for _, tag := range accepted(acceptLanguage) {
		if t := lookup(enabled, tag); t != "" {
			return t
		}
	}
	return enabled[0]
}

// lookup finds the enabled language for one wish by RFC 4647 section 3.4. Beyond it, what browsers call by another name,
// kin languages ("nb" for "no") and any enabled language with the same base ("fr-FR" for "fr") serve as well.
func lookup(enabled []string, wish string) string {
	wish = strings.ReplaceAll(wish, "_", "-")
	for tag := wish; tag != ""; tag = shorten(tag) {
		if a, ok := alias[strings.ToLower(tag)]; ok {
			tag = a
		}
		if i := indexFold(known, tag); i >= 0 {
			tag = known[i]
		}
		for _, t := range []string{tag, kin[tag]} {
			if i := indexFold(enabled, t); i >= 0 {
				return enabled[i]
			}
		}
	}
	b := strings.ToLower(base(wish))
	for _, e := range enabled {
		if b != "" && strings.EqualFold(base(e), b) {
			return e
		}
	}
	return ""
}

// shorten drops the last part of a tag, and a single letter that would then stand at its end (RFC 4647 section 3.4).
func shorten(tag string) string {
	i := strings.LastIndexByte(tag, '-')
	if i < 0 {
		return ""
	}
	tag = tag[:i]
	if len(tag) >= 2 && tag[len(tag)-2] == '-' {
		tag = tag[:len(tag)-2]
	}
	return tag
}

// accepted gives the tags of an Accept-Language header, most wanted first; equals keep their order. Entries with
// weight 0, wildcards and what cannot be read are left out.
func accepted(header string) []string {
	type wish struct {
		tag    string
		weight float64
	}
	var wishes []wish
	for _, part := range head(strings.Split(cut(header), ",")) {
		tag, params, _ := strings.Cut(part, ";")
		tag = strings.TrimSpace(tag)
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q="); ok {
			w, err := strconv.ParseFloat(q, 64)
			if err != nil {
				continue
			}
			weight = w
		}
		if tag == "" || tag == "*" || !(weight > 0) {
			continue
		}
		wishes = append(wishes, wish{tag, weight})
	}
	slices.SortStableFunc(wishes, func(a, b wish) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		default:
			return 0
		}
	})
	tags := make([]string, len(wishes))
	for i, w := range wishes {
		tags[i] = w.tag
	}
	return tags
}

func indexFold(list []string, tag string) int {
	return slices.IndexFunc(list, func(s string) bool { return tag != "" && strings.EqualFold(s, tag) })
}

func cut(s string) string {
	if len(s) > maxHeader {
		return s[:maxHeader]
	}
	return s
}

func head(list []string) []string {
	if len(list) > maxRanges {
		return list[:maxRanges]
	}
	return list
}
