package httpx

import (
	"strings"
	"testing"
)

func TestHost_HasOneForm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		header string
		https  bool
		want   string
	}{
		{"login.example.com", true, "login.example.com"},
		{"LOGIN.Example.com", true, "login.example.com"},
		{"login.example.com.", true, "login.example.com"},
		{"login.example.com:443", true, "login.example.com"},
		{"login.example.com:443", false, "login.example.com:443"},
		{"login.example.com:80", false, "login.example.com"},
		{"login.example.com:80", true, "login.example.com:80"},
		{"localhost:8443", true, "localhost:8443"},
		{"127.0.0.1:8443", true, "127.0.0.1:8443"},
		{"[::1]:8443", true, "[::1]:8443"},
		{"[0:0:0:0:0:0:0:1]:8443", true, "[::1]:8443"},
		{"[::1]", true, "[::1]"},
		{"xn--bcher-kva.example", true, "xn--bcher-kva.example"},
	} {
		got, ok := Host(tc.header, tc.https)
		if !ok || got != tc.want {
			t.Errorf("Host(%q, https %v) = %q, %v, want %q", tc.header, tc.https, got, ok, tc.want)
		}
	}
}

func TestHost_RefusesWhatIsNoHost(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"", ":8443", "localhost:", "localhost:0", "localhost:08443", "localhost:+80", "localhost:65536", "localhost:80:80",
		"localhost:https", "a..b", ".a", "a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "a\tb", "a,b", "a%2eb", "bücher.example",
		"[::1", "[::1]8443", "[::1]:", "[localhost]:1", "[127.0.0.1]:1", "[fe80::1%25lo]:1", "http://localhost",
		strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 150),
	} {
		if got, ok := Host(header, true); ok {
			t.Errorf("Host(%q) = %q, want a refusal", header, got)
		}
	}
}

func FuzzHost(f *testing.F) {
	for _, seed := range []string{"localhost:8443", "[::1]:8443", "a.example.:443", "[::ffff:1.2.3.4]", "EXAMPLE"} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, header string, https bool) {
		got, ok := Host(header, https)
		if !ok {
			return
		}
		if strings.ContainsAny(got, " \t\r\n/\\@?#,%\"'<>") || got != strings.ToLower(got) || len(got) > 260 {
			t.Fatalf("Host(%q) = %q", header, got)
		}
		if again, ok := Host(got, https); !ok || again != got {
			t.Fatalf("Host(%q) = %q, and of that %q, %v", header, got, again, ok)
		}
	})
}
