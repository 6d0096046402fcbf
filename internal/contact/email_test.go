package contact

import (
	"strings"
	"testing"
)

func TestEmail(t *testing.T) {
	for typed, want := range map[string]string{
		"ada@example.com":                        "ada@example.com",
		"  Ada@Example.COM ":                     "ada@example.com",
		"ada+tag@example.com":                    "ada+tag@example.com",
		"a.da@example.com":                       "a.da@example.com",
		"ada@bücher.example":                     "ada@xn--bcher-kva.example",
		"root@localhost":                         "root@localhost",
		"":                                       "",
		"ada":                                    "",
		"ada@":                                   "",
		"@example.com":                           "",
		"ada@com":                                "",
		"Ada <ada@example.com>":                  "",
		"ada@example.com, b@c.de":                "",
		"\"a b\"@example.com":                    "",
		"ada@[127.0.0.1]":                        "",
		"ada@exa mple.com":                       "",
		"ada\r\nBcc: x@example.com":              "",
		strings.Repeat("a", 65) + "@example.com": "",
		"a@" + strings.Repeat("b.", 130) + "com": "",
	} {
		got, err := Email(typed)
		if want == "" && err == nil {
			t.Errorf("Email(%q) = %q, want a refusal", typed, got)
		}
		if want != "" && (err != nil || got != want) {
			t.Errorf("Email(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
}

func FuzzEmail_IsIdempotent(f *testing.F) {
	f.Add("Ada@Example.com")
	f.Fuzz(func(t *testing.T, typed string) {
		once, err := Email(typed)
		if err != nil {
			return
		}
		twice, err := Email(once)
		if err != nil || twice != once {
			t.Errorf("Email(%q) = %q, but Email of that is %q, %v", typed, once, twice, err)
		}
	})
}
