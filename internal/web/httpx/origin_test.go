package httpx

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// Templates may repeat the header in mail to somebody else: it once carried HTML and sentences there.
func TestRequestLanguage_KeepsLanguagesAndNoWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ request, accept, want string }{
		{"", "", ""},
		{"fr-CA, fr;q=0.8", "de", "fr-CA,fr;q=0.8"},
		{"", "de-AT,de;q=0.9,*;q=0.1", "de-AT,de;q=0.9,*;q=0.1"},
		{"pt_BR", "", "pt_BR"},
		{"zh-Hant-TW; q=1.000", "", "zh-Hant-TW; q=1.000"},
		{`<a href="https://evil.example">Click</a>`, "", ""},
		{"fr,<b>,de", "", "fr,de"},
		{"Call 0900 1234 now", "", ""},
		{"evil.example/login", "", ""},
		{"{{ code }}", "", ""},
		{"en;q=words", "", ""},
		{"\xff\xfe", "de", ""},
		{"verylongword", "", ""},
		{strings.Repeat("de,", 1000), "", strings.TrimSuffix(strings.Repeat("de,", 33), ",")},
		{strings.Repeat("a", 1000), "", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if c.request != "" {
			r.Header.Set("X-Request-Language", c.request)
		}
		r.Header.Set("Accept-Language", c.accept)
		if got := requestLanguage(r); got != c.want {
			t.Errorf("X-Request-Language %q, Accept-Language %q: got %q, want %q", c.request, c.accept, got, c.want)
		}
	}
}
