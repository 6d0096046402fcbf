package message

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"latchkey/internal/locale"
)

func render(m Message) Mail {
	if m.To == "" {
		m.To = "ada@example.com"
	}
	if m.Code == "" {
		m.Code = "481516"
	}
	if m.Kind == "" {
		m.Kind = VerificationCode
	}
	return (&Renderer{}).Mail(Key{"t1", "0190"}, m)
}

var (
	tags   = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)
	remote = regexp.MustCompile(`(?i)(src|href|url|@import|background=)\s*[=(:]`)
)

// visible is the text of an HTML document.
func visible(document string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(document, " "))), " ")
}

func TestMail_EveryLanguageSaysWhatMatters(t *testing.T) {
	t.Parallel()
	for _, language := range locale.Shipped() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			m := render(Message{Application: "Acme", Life: 3 * time.Minute, Language: language})
			if !strings.Contains(m.Subject, "481516") || !strings.Contains(m.Subject, "Acme") {
				t.Errorf("subject %q, want code and application: it is what a lock screen shows", m.Subject)
			}
			first := m.Text[:min(len(m.Text), 80)]
			if runes := []rune(first); len(runes) > 40 {
				first = string(runes[:40])
			}
			if !strings.Contains(first, "481516") || !strings.Contains(first, "Acme") {
				t.Errorf("the first 40 characters are %q, want code and application", first)
			}
			for name, text := range map[string]string{"text": m.Text, "HTML": visible(m.HTML)} {
				for _, want := range []string{"481516", "Acme", "ada@example.com"} {
					if !strings.Contains(text, want) {
						t.Errorf("the %s lacks %q: %s", name, want, text)
					}
				}
				if language != "ar" && !strings.Contains(text, "3") {
					t.Errorf("the %s does not say how long the code lives: %s", name, text)
				}
				if strings.Contains(text, "${") || strings.Contains(text, "ZgotmplZ") {
					t.Errorf("the %s has holes: %s", name, text)
				}
			}
			if !strings.Contains(m.Text, "\n\n481516\n\n") {
				t.Errorf("the code does not stand alone in the text: %q", m.Text)
			}
			if !strings.Contains(m.HTML, `lang="`+language+`" dir="`+locale.Dir(language)+`"`) {
				t.Error("the document does not name its language and direction")
			}
			if found := remote.FindString(m.HTML); found != "" {
				t.Errorf("the HTML loads something: %q", found)
			}
		})
	}
}

func TestMail_TheCodeIsCopiedWithoutSpaces(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"4815", "481516", "48151623", "481516234200", strings.Repeat("4815", 10)} {
		m := render(Message{Code: Secret(code), Application: "Acme"})
		if !strings.Contains(m.HTML, ">"+code+"</span>") {
			t.Errorf("the code %s does not stand in one piece", code)
		}
	}
}

func TestMail_LanguageIsTheReadersWish(t *testing.T) {
	t.Parallel()
	for wish, want := range map[string]string{
		"de": "de", "de-AT": "de", "pt-BR,fr;q=0.8,en;q=0.5": "fr", "xx": "en", "": "en", "ja-JP": "ja", "en;q=0.1, ar": "ar",
	} {
		if m := render(Message{Language: wish}); m.Language != want {
			t.Errorf("%q is answered in %q, want %q", wish, m.Language, want)
		}
	}
}

func TestMail_LifeInWords(t *testing.T) {
	t.Parallel()
	for life, want := range map[time.Duration]string{
		time.Minute: "for 1 minute.", 90 * time.Second: "for 1 minute.", 3 * time.Minute: "for 3 minutes.",
		30 * time.Second: "for 1 minute.", time.Hour: "for 60 minutes.",
	} {
		if m := render(Message{Life: life}); !strings.Contains(m.Text, want) {
			t.Errorf("%v: %q, want %q", life, m.Text, want)
		}
	}
}

func TestMail_HostileApplicationNames(t *testing.T) {
	t.Parallel()
	names := []string{
		"Acme\r\nBcc: evil@example.com", "Acme\nSubject: hello", "Acme\x00\x1b[31m", `Acme" <evil@example.com>, "`,
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{.Code}} ${code} #{code}", "evil\u202egnp.exe",
		"\u2066a\u2069\u200b\u200f", strings.Repeat("long ", 400), "https://evil.example/login", "\xff\xfe", "   ", "",
		"=?utf-8?q?encoded?=", "名前" + strings.Repeat("字", 100), "a\u2028b\u2029c\u0085d",
	}
	for _, name := range names {
		for _, language := range []string{"en", "ar"} {
			m := render(Message{Application: name, Domain: "login.acme.example:8443", Language: language, Life: time.Minute})
			for field, value := range map[string]string{"subject": m.Subject, "from": m.FromName} {
				if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u202e' }) {
					t.Errorf("%q: the %s %q holds characters that do not belong there", name, field, value)
				}
			}
			if n := len([]rune(m.FromName)); n == 0 || n > longestName {
				t.Errorf("%q: the sender's name has %d characters", name, n)
			}
			if strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, "evil.example/login\"") {
				t.Errorf("%q: markup of the name got into the HTML", name)
			}
			if strings.Contains(m.Text, "://") {
				t.Errorf("%q: the text holds an address that clients make a link of: %s", name, m.Text)
			}
			raw, err := compose(m, "ada@example.com")
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
			for _, line := range strings.Split(head, "\r\n") {
				if lower := strings.ToLower(line); strings.HasPrefix(lower, "bcc:") || strings.HasPrefix(lower, "subject: hello") {
					t.Errorf("%q: a header was injected: %q", name, line)
				}
				for i := range len(line) {
					if line[i] > 126 || line[i] < 32 && line[i] != '\t' {
						t.Errorf("%q: byte %d in header %q", name, line[i], line)
					}
				}
			}
			if strings.Count(strings.ToLower(head), "\nfrom:") != 1 || strings.Count(strings.ToLower(head), "\nsubject:") != 1 {
				t.Errorf("%q: headers are doubled or missing:\n%s", name, head)
			}
		}
	}
}

func FuzzMail_NamesNeverReachAHeaderRaw(f *testing.F) {
	f.Add("Acme\r\nBcc: evil@example.com", "a@example.com")
	f.Add(`"><script>`, "b@example.com")
	f.Fuzz(func(t *testing.T, name, to string) {
		m := render(Message{Application: name, To: to, Domain: "acme.example"})
		if strings.Contains(m.HTML, "<script") {
			t.Errorf("%q: markup got into the HTML", name)
		}
		address, _, err := envelope(to)
		if err != nil {
			return
		}
		raw, err := compose(m, address)
		if err != nil {
			return
		}
		head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
		for _, line := range strings.Split(head, "\r\n") {
			name, _, isField := strings.Cut(line, ":")
			if line[0] != ' ' && (!isField || strings.ContainsAny(name, " \t")) || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("line %q is no header field", line)
			}
		}
	})
}

func TestMail_RightToLeftIsolatesNames(t *testing.T) {
	t.Parallel()
	m := render(Message{Application: "Acme", Language: "ar"})
	if !strings.Contains(m.Subject, "\u2068Acme\u2069") || !strings.Contains(m.HTML, "<bdi>Acme</bdi>") {
		t.Errorf("subject %q, want the Latin name isolated in the Arabic sentence", m.Subject)
	}
	if strings.Contains(m.Subject, "\u2068481516") {
		t.Errorf("subject %q, want the code bare: it is copied", m.Subject)
	}
}

func TestRenderer_Sender(t *testing.T) {
	t.Parallel()
	tests := []struct{ configured, application, domain, want string }{
		{"", "Acme", "login.acme.example", `Acme <no-reply@login.acme.example>`},
		{"", "Acme", "login.acme.example:8443", `Acme <no-reply@login.acme.example>`},
		{"", "Acme", "127.0.0.1:8443", `Acme <no-reply@localhost>`},
		{"", "Acme", "[::1]:8443", `Acme <no-reply@localhost>`},
		{"", "", "login.acme.example", `"login.acme.example" <no-reply@login.acme.example>`},
		{"codes@acme.example", "Shop", "x.example", `Shop <codes@acme.example>`},
		{"Acme Codes <codes@acme.example>", "Shop", "x.example", `Acme Codes <codes@acme.example>`},
		{"", "Müller", "x.example", `Müller <no-reply@x.example>`},
		{"", `A\B "C", D`, "x.example", `"A\\B \"C\", D" <no-reply@x.example>`},
		{"codes@äcme.example", "Shop", "x.example", `Shop <codes@xn--cme-pla.example>`},
	}
	for _, tt := range tests {
		r, err := NewRenderer(tt.configured)
		if err != nil {
			t.Errorf("%q: %v", tt.configured, err)
			continue
		}
		m := r.Mail(Key{"t1", "id"}, Message{Application: tt.application, Domain: tt.domain, To: "a@example.com", Code: "1"})
		if got := m.From(); got != tt.want {
			t.Errorf("%q for %q at %q sends from %s, want %s", tt.configured, tt.application, tt.domain, got, tt.want)
		}
	}
	for _, bad := range []string{"nobody", "a@b@c", "Acme <a@example.com>, <b@example.com>", "a@example.com\r\nBcc: c@example.com", "a@exa mple.com"} {
		if _, err := NewRenderer(bad); err == nil || !strings.Contains(err.Error(), "no-reply@example.com") {
			t.Errorf("%q: %v, want a refusal that shows how to write it", bad, err)
		}
	}
}

func TestColors_StayReadable(t *testing.T) {
	t.Parallel()
	for c, want := range map[string][2]string{
		"#ffcc00": {"#ffcc00", "#000000"}, "#102030": {"#102030", "#ffffff"}, "": {brand, "#ffffff"}, "red": {brand, "#ffffff"},
		"#12345": {brand, "#ffffff"}, "#12345g": {brand, "#ffffff"}, "#123456;x": {brand, "#ffffff"}, "1234567": {brand, "#ffffff"},
	} {
		if ground, text := colors(c); [2]string{ground, text} != want {
			t.Errorf("colors(%q) = %s, %s; want %s", c, ground, text, want)
		}
	}
}

func BenchmarkMail(b *testing.B) {
	m := Message{Kind: VerificationCode, To: "ada@example.com", Code: "481516", Life: 3 * time.Minute, Application: "Acme", Domain: "acme.example"}
	for b.Loop() {
		if _, err := compose((&Renderer{}).Mail(Key{"t1", "0190"}, m), m.To); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMail_ALinkStandsAsButtonAndAsAddressInEveryLanguage(t *testing.T) {
	t.Parallel()
	const link = "https://login.acme.example/u/email-verification?ticket=abcdefghijklmnopqrstuvwxyz012345#"
	for _, language := range locale.Shipped() {
		m := (&Renderer{}).Mail(Key{"t1", "0190"}, Message{
			Kind: VerifyEmail, To: "ada@example.com", Link: link, Application: "Acme", Life: 5 * 24 * time.Hour, Language: language,
		})
		if !strings.Contains(m.Subject, "Acme") || strings.Contains(m.Subject, "ticket") {
			t.Errorf("%s: subject %q", language, m.Subject)
		}
		if !strings.Contains(m.Text, "\n\n"+link+"\n\n") {
			t.Errorf("%s: the address does not stand alone in the text: %q", language, m.Text)
		}
		if n := strings.Count(m.HTML, `href="`+link+`"`); n != 2 || !strings.Contains(visible(m.HTML), link) {
			t.Errorf("%s: the link stands %d times, want as button and as an address that can be read", language, n)
		}
		if found := remote.FindString(strings.ReplaceAll(m.HTML, `href="`+link, "")); found != "" {
			t.Errorf("%s: the HTML loads or links something else: %q", language, found)
		}
		for name, text := range map[string]string{"text": m.Text, "HTML": visible(m.HTML)} {
			if !strings.Contains(text, "ada@example.com") || strings.Contains(text, "${") || strings.Contains(text, "ZgotmplZ") {
				t.Errorf("%s: the %s is %s", language, name, text)
			}
			if language != "ar" && !strings.Contains(text, "5") {
				t.Errorf("%s: the %s does not say how long the link lives", language, name)
			}
		}
		if strings.Contains(m.HTML, `aria-label=""`) || strings.Contains(m.HTML, "onlyHere") {
			t.Errorf("%s: the mail has the holes of a code", language)
		}
	}
}

func TestMail_TheLifeOfALinkIsSaidInItsOwnUnit(t *testing.T) {
	t.Parallel()
	for life, want := range map[time.Duration]string{
		5 * 24 * time.Hour: "for 5 days.", 48 * time.Hour: "for 2 days.", 47 * time.Hour: "for 47 hours.", 2 * time.Hour: "for 2 hours.",
		119 * time.Minute: "for 119 minutes.", time.Minute: "for 1 minute.", time.Second: "for 1 minute.",
	} {
		m := (&Renderer{}).Mail(Key{"t1", "0190"}, Message{Kind: VerifyEmail, To: "a@example.com", Link: "https://x.example/", Life: life})
		if !strings.Contains(m.Text, want) {
			t.Errorf("%v: %q, want %q", life, m.Text, want)
		}
	}
}
