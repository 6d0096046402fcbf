package deploy

import (
	"regexp"
	"slices"
	"strings"
)

// keyword is a marker's name with what it stands for.
type keyword struct {
	name  string
	value any
	whole *regexp.Regexp // @@NAME@@ with the quotes that touch it
}

// keywords are replaced in the text of every file, before it is parsed. First each @@KEY@@ becomes the JSON of its value,
// together with the quotes that touch it; then each ##KEY## becomes its value as text. Markers of other names stay.
type keywords []keyword

// newKeywords makes the keywords of the mappings.
func newKeywords(mappings map[string]any) keywords {
	var all keywords
	for name, value := range mappings {
		all = append(all, keyword{name, value, regexp.MustCompile(`['"]?@@` + regexp.QuoteMeta(name) + `@@['"]?`)})
	}
	slices.SortFunc(all, func(a, b keyword) int { return strings.Compare(a.name, b.name) })
	return all
}

func (all keywords) replace(s string) string {
	if !strings.Contains(s, "@@") && !strings.Contains(s, "##") {
		return s
	}
	for _, k := range all {
		s = k.whole.ReplaceAllLiteralString(s, show(k.value))
	}
	for _, k := range all {
		s = strings.ReplaceAll(s, "##"+k.name+"##", plainText(k.value))
	}
	return s
}

// plainText is a value in the middle of other text.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = plainText(item)
		}
		return strings.Join(parts, ",")
	}
	return show(v)
}

// in reports whether text holds a marker of one of the keywords.
func (all keywords) in(s string) bool {
	return slices.ContainsFunc(all, func(k keyword) bool {
		return strings.Contains(s, "##"+k.name+"##") || strings.Contains(s, "@@"+k.name+"@@")
	})
}

// quote puts quotes around each @@KEY@@ that has none, so that files can be parsed with their markers in them.
func (all keywords) quote(s string) string {
	for _, k := range all {
		s = k.whole.ReplaceAllStringFunc(s, func(found string) string {
			if strings.Trim(found, `'"`) == found {
				return `"` + found + `"`
			}
			return found
		})
	}
	return s
}

// unresolved is text that is nothing but a marker that nobody replaced: what stands there is not known.
var unresolved = regexp.MustCompile(`^(##[A-Z0-9_]+##|@@[A-Z0-9_]+@@)$`)

// notShown stands for a secret that is kept, as the deploy CLI writes it.
const notShown = "_VALUE_NOT_SHOWN_"

// isMask reports whether a value stands for something that the file does not tell.
func isMask(v any) bool {
	s, ok := v.(string)
	return ok && (s == notShown || unresolved.MatchString(s))
}
