package locale

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

// flat gives every text of a catalogue by its path.
func flat(c *catalogue) map[string]message {
	out := map[string]message{}
	for prompt, screens := range c.prompts {
		for screen, keys := range screens {
			for key, m := range keys {
				out[prompt+"."+screen+"."+key] = m
			}
		}
	}
	return out
}

// placeholders gives the variables of a text, sorted.
func placeholders(text string) []string {
	var out []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1]+m[2])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestCatalogues_EveryFileIsShippedAndSaysWhoReadIt(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(files, "texts")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, strings.TrimSuffix(e.Name(), ".json"))
	}
	want := Shipped()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("files are %v, shipped languages are %v", got, want)
	}
	for _, tag := range shipped {
		h := builtin[tag]().header
		if h.Language != tag || h.NativeReader == "" {
			t.Errorf("%s: header is %+v, want its own language and who has read it", tag, h)
		}
	}
}

func TestCatalogues_HaveTheSameKeysAndPlaceholders(t *testing.T) {
	t.Parallel()
	english := flat(builtin["en"]())
	for _, tag := range shipped[1:] {
		other := flat(builtin[tag]())
		for path, en := range english {
			m, ok := other[path]
			if !ok {
				t.Errorf("%s lacks %s", tag, path)
				continue
			}
			if (en.forms == nil) != (m.forms == nil) {
				t.Errorf("%s: %s has plural forms in one language only", tag, path)
			}
			if got, want := placeholders(m.form("other")), placeholders(en.form("other")); !slices.Equal(got, want) {
				t.Errorf("%s: %s has variables %v, want %v", tag, path, got, want)
			}
		}
		for path := range other {
			if _, ok := english[path]; !ok {
				t.Errorf("%s has %s, which English lacks", tag, path)
			}
		}
	}
}

func TestCatalogues_PluralsCoverEveryNumberAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, tag := range shipped {
		needed := map[string]bool{}
		for n := range 1000 {
			needed[category(tag, n)] = true
		}
		want := slices.Sorted(maps.Keys(needed))
		for path, m := range flat(builtin[tag]()) {
			if m.forms == nil {
				continue
			}
			if got := slices.Sorted(maps.Keys(m.forms)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has forms %v, want %v", tag, path, got, want)
			}
			all := placeholders(m.forms["other"])
			for form, text := range m.forms {
				for _, v := range placeholders(text) {
					if !slices.Contains(all, v) {
						t.Errorf("%s: %s (%s) has the variable %s, which the other forms lack", tag, path, form, v)
					}
				}
			}
		}
	}
}

func TestCatalogues_HoldNoEmptyTextsNoMarkupAndNoStrayBraces(t *testing.T) {
	t.Parallel()
	for _, tag := range shipped {
		for path, m := range flat(builtin[tag]()) {
			texts := []string{m.text}
			if m.forms != nil {
				texts = slices.Collect(maps.Values(m.forms))
			}
			for _, text := range texts {
				if strings.TrimSpace(text) != text || text == "" {
					t.Errorf("%s: %s is empty or has space around it: %q", tag, path, text)
				}
				if strings.ContainsAny(variable.ReplaceAllString(text, ""), "<>{}$#") {
					t.Errorf("%s: %s holds markup or half a variable: %q", tag, path, text)
				}
			}
		}
	}
}

// People read these on a lock screen, where about forty characters are shown.
func TestMessages_SubjectAndPreheaderShowCodeAndApplicationAtOnce(t *testing.T) {
	t.Parallel()
	for _, tag := range shipped {
		texts := New(tag, "en", nil)
		for _, key := range []string{"subject", "preheader"} {
			full := texts.Get("messages", "verification_code", key, Vars{"appName": "Northwind", "code": "048213"}).String()
			seen := string([]rune(full)[:min(40, len([]rune(full)))])
			if !strings.Contains(seen, "Northwind") || !strings.Contains(seen, "048213") {
				t.Errorf("%s %s: the first 40 characters are %q, want application and code in them", tag, key, seen)
			}
		}
	}
}

func TestCount_TakesTheFormOfTheNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 1, "The code works once, for 1 minute."},
		{"en", 3, "The code works once, for 3 minutes."},
		{"fr", 0, "Le code est valable une seule fois, pendant 0 minute."},
		{"ja", 1, "コードは 1 回のみ、1 分間有効です。"},
		{"ar", 2, "الرمز صالح لمرة واحدة ولمدة دقيقتين."},
		{"ar", 3, "الرمز صالح لمرة واحدة ولمدة 3 دقائق."},
		{"ar", 11, "الرمز صالح لمرة واحدة ولمدة 11 دقيقة."},
	} {
		got := New(c.tag, "en", nil).Count("messages", "verification_code", "expiry", "minutes", c.n, nil).String()
		if got != c.want {
			t.Errorf("%s, %d: got %q, want %q", c.tag, c.n, got, c.want)
		}
	}
}

func TestGet_FallsBackAlongTheChainAndSaysWhere(t *testing.T) {
	t.Parallel()
	custom := Custom{
		"de":    {"login-id": {"login-id": {"title": "Hallo <%= \"${companyName}\" %>!"}}},
		"es-MX": {"login-id": {"login-id": {"buttonText": "Órale"}}},
		"it":    {"login-id": {"login-id": {"title": "Accedi"}}},
	}
	for _, c := range []struct {
		name, tag, tenant, key, want, lang string
	}{
		{"the tenant's text goes first", "de", "en", "title", "Hallo Acme!", "de"},
		{"where it has none, ours", "de", "en", "buttonText", "Weiter", "de"},
		{"a region's own text", "es-MX", "en", "buttonText", "Órale", "es-MX"},
		{"a region uses its language", "es-MX", "en", "title", "Iniciar sesión", "es"},
		{"a language we lack uses the tenant's default", "pl", "fr", "title", "Connexion", "fr"},
		{"and English last", "pl", "pt", "title", "Log in", "en"},
		{"the tenant may write what we lack", "it", "en", "title", "Accedi", "it"},
		{"what nobody has is empty", "de", "en", "no-such-key", "", ""},
	} {
		got := New(c.tag, c.tenant, custom).With(Vars{"companyName": "Acme"}).Get("login-id", "login-id", c.key, nil)
		if got.String() != c.want || got.Lang != c.lang {
			t.Errorf("%s: got %q in %q, want %q in %q", c.name, got.String(), got.Lang, c.want, c.lang)
		}
	}
}

func TestGet_FillsVariablesOnceAndNeverReadsAValueAsText(t *testing.T) {
	t.Parallel()
	text := func(s string) Custom { return Custom{"en": {"p": {"s": {"k": s}}}} }
	for _, c := range []struct {
		name, text string
		vars       Vars
		want       string
	}{
		{"plain", "a ${x} b", Vars{"x": "1"}, "a 1 b"},
		{"as documented", `a <%= "${x}" %> b`, Vars{"x": "1"}, "a 1 b"},
		{"the older form", "a #{x} b", Vars{"x": "1"}, "a 1 b"},
		{"a value that looks like a variable", "${x}", Vars{"x": "${y}", "y": "secret"}, "${y}"},
		{"a variable without a value", "a ${nobody} b", nil, "a  b"},
		{"no variable at all", "$ {x} 100 %", nil, "$ {x} 100 %"},
	} {
		if got := New("en", "", text(c.text)).Get("p", "s", "k", c.vars).String(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLanguages_EveryKnownOneHasANameAndDirection(t *testing.T) {
	t.Parallel()
	if got := len(Known()); got != 82 {
		t.Errorf("%d known languages, want the 82 of the prompts API", got)
	}
	for _, tag := range Known() {
		if Name(tag) == tag {
			t.Errorf("%s has no name", tag)
		}
	}
	var rtl []string
	for _, tag := range Known() {
		if Dir(tag) == "rtl" {
			rtl = append(rtl, tag)
		}
	}
	if got, want := fmt.Sprint(rtl), "[ar ar-EG ar-SA fa he ur]"; got != want {
		t.Errorf("right to left: got %s, want %s", got, want)
	}
}
