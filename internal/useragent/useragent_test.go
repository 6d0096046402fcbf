package useragent

import (
	"slices"
	"strings"
	"testing"
)

func TestParse_NamesWhatPeopleUse(t *testing.T) {
	t.Parallel()
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko) "
	for header, want := range map[string]Agent{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/126.0.0.0 Safari/537.36":                                                             {"Chrome", "Windows"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0":                                               {"Edge", "Windows"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15":                              {"Safari", "macOS"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0":                                                               {"Firefox", "macOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1":            {"Safari", "iOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1":     {"Chrome", "iOS"},
		"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1":                     {"Safari", "iPadOS"},
		"Mozilla/5.0 (Linux; Android 14; SM-S921B) " + webkit + "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36":                                  {"Samsung Internet", "Android"},
		"Mozilla/5.0 (X11; Linux x86_64) " + webkit + "HeadlessChrome/126.0.0.0 Safari/537.36":                                                               {"Chrome", "Linux"},
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + webkit + "Chrome/126.0.0.0 Safari/537.36":                                                              {"Chrome", "ChromeOS"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0":                                               {"Opera", "Windows"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 335.0.6.29.96 (iPhone14,5)": {"Instagram", "iOS"},
		"curl/8.5.0": {}, "": {}, "okhttp/4.12.0": {},
	} {
		if got := Parse(header); got != want {
			t.Errorf("%s: got %+v, want %+v", header, got, want)
		}
	}
}

func TestParse_RepeatsNothingOfTheHeader(t *testing.T) {
	t.Parallel()
	hostile := "Chrome/1 Windows https://evil.example/ {{ code }} <script> \r\nBcc: eve@example.com"
	if got := Parse(hostile); got != (Agent{"Chrome", "Windows"}) {
		t.Errorf("got %+v", got)
	}
	if got := Parse(strings.Repeat("x", longest) + "Chrome/1"); got != (Agent{}) {
		t.Errorf("what lies far behind is read: %+v", got)
	}
}

func FuzzParse_SaysOnlyWhatIsInItsLists(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0")
	f.Fuzz(func(t *testing.T, header string) {
		a := Parse(header)
		named := func(marks []mark, name string) bool {
			return name == "" || slices.ContainsFunc(marks, func(m mark) bool { return m.name == name })
		}
		if !named(browsers, a.Browser) || !named(systems, a.OS) {
			t.Errorf("%q: %+v", header, a)
		}
	})
}
