package locale

import (
	"slices"
	"strings"
)

// fallback is the language in which every text exists.
const fallback = "en"

// shipped are the languages with a built-in catalogue, in the order in which they are offered.
var shipped = []string{"en", "de", "fr", "es", "ja", "ar"}

// known are the languages that Auth0's prompts API accepts, in its spelling.
var known = strings.Fields(`am ar ar-EG ar-SA az bg bn bs ca-ES cnr cs cy da de el en en-CA es es-419 es-AR es-MX et eu-ES fa
	fi fr fr-CA fr-FR gl-ES gu he hi hr hu hy id is it ja ka kk kn ko lt lv mk ml mn mr ms my nb nl nn no pa pl pt pt-BR pt-PT
	ro ru sk sl so sq sr sv sw ta te th tl tr uk ur vi zgh zh-CN zh-HK zh-MO zh-TW`)

// kin are the languages whose texts serve for another one when it has none of its own.
var kin = map[string]string{
	"zh-HK": "zh-TW", "zh-MO": "zh-TW", "nb": "no", "no": "nb", "cnr": "sr",
	"es-AR": "es-419", "es-MX": "es-419",
}

// alias maps what browsers send to the spelling of the lists above.
var alias = map[string]string{
	"iw": "he", "in": "id", "fil": "tl", "zh-hans": "zh-CN", "zh-sg": "zh-CN", "zh-hant": "zh-TW",
	"zh-hans-cn": "zh-CN", "zh-hant-tw": "zh-TW", "zh-hant-hk": "zh-HK", "zh-hant-mo": "zh-MO",
}

// names are the names of languages in themselves.
var names = map[string]string{
	"am": "አማርኛ", "ar": "العربية", "ar-EG": "العربية (مصر)", "ar-SA": "العربية (السعودية)", "az": "Azərbaycan",
	"bg": "Български", "bn": "বাংলা", "bs": "Bosanski", "ca-ES": "Català", "cnr": "Crnogorski", "cs": "Čeština",
	"cy": "Cymraeg", "da": "Dansk", "de": "Deutsch", "el": "Ελληνικά", "en": "English", "en-CA": "English (Canada)",
	"es": "Español", "es-419": "Español (Latinoamérica)", "es-AR": "Español (Argentina)", "es-MX": "Español (México)",
	"et": "Eesti", "eu-ES": "Euskara", "fa": "فارسی", "fi": "Suomi", "fr": "Français", "fr-CA": "Français (Canada)",
	"fr-FR": "Français (France)", "gl-ES": "Galego", "gu": "ગુજરાતી", "he": "עברית", "hi": "हिन्दी", "hr": "Hrvatski",
	"hu": "Magyar", "hy": "Հայերեն", "id": "Bahasa Indonesia", "is": "Íslenska", "it": "Italiano", "ja": "日本語",
	"ka": "ქართული", "kk": "Қазақша", "kn": "ಕನ್ನಡ", "ko": "한국어", "lt": "Lietuvių", "lv": "Latviešu",
	"mk": "Македонски", "ml": "മലയാളം", "mn": "Монгол", "mr": "मराठी", "ms": "Bahasa Melayu", "my": "မြန်မာ",
	"nb": "Norsk bokmål", "nl": "Nederlands", "nn": "Norsk nynorsk", "no": "Norsk", "pa": "ਪੰਜਾਬੀ", "pl": "Polski",
	"pt": "Português", "pt-BR": "Português (Brasil)", "pt-PT": "Português (Portugal)", "ro": "Română", "ru": "Русский",
	"sk": "Slovenčina", "sl": "Slovenščina", "so": "Soomaali", "sq": "Shqip", "sr": "Српски", "sv": "Svenska",
	"sw": "Kiswahili", "ta": "தமிழ்", "te": "తెలుగు", "th": "ไทย", "tl": "Filipino", "tr": "Türkçe", "uk": "Українська",
	"ur": "اردو", "vi": "Tiếng Việt", "zgh": "ⵜⴰⵎⴰⵣⵉⵖⵜ", "zh-CN": "简体中文", "zh-HK": "繁體中文（香港）",
	"zh-MO": "繁體中文（澳門）", "zh-TW": "繁體中文",
}

// Shipped gives the languages that have a built-in catalogue, English first.
func Shipped() []string { return slices.Clone(shipped) }

// Known gives every language that the prompts API accepts, in Auth0's spelling.
func Known() []string { return slices.Clone(known) }

// Name gives the name of a language in itself, or the tag where it is not known.
func Name(tag string) string {
	if n, ok := names[tag]; ok {
		return n
	}
	return tag
}

// Dir gives the writing direction of a language for the dir attribute: "rtl" or "ltr".
func Dir(tag string) string {
	switch base(tag) {
	case "ar", "fa", "he", "ur":
		return "rtl"
	default:
		return "ltr"
	}
}

// Chain gives the languages in which a text is looked for, first choice first: the chosen tag, its kin and base, the
// tenant's default with the same, and English.
func Chain(tag, tenantDefault string) []string {
	var chain []string
	add := func(t string) {
		if t != "" && !slices.Contains(chain, t) {
			chain = append(chain, t)
		}
	}
	for _, t := range []string{tag, tenantDefault, fallback} {
		add(t)
		add(kin[t])
		add(base(t))
	}
	return chain
}

// base gives the language of a tag without region and script.
func base(tag string) string {
	b, _, _ := strings.Cut(tag, "-")
	return b
}
