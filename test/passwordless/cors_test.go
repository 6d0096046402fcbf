package passwordless_test

import (
	"testing"

	"latchkey/internal/client"
	"latchkey/test/servertest"
)

// A preflight names no client: it is allowed for the origin of any. The request itself is for the origins of its client.
func TestCORS_TheOriginOfAnotherClientReadsNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	const origin = "https://other.example.com"
	s.AddClient(&client.Client{Name: "Other", AppType: "spa", TokenEndpointAuthMethod: client.AuthNone, Callbacks: []string{}, WebOrigins: []string{origin}})
	b := s.Browser(t)
	b.Headers.Set("Origin", origin)
	b.Headers.Set("Access-Control-Request-Method", "POST")
	for _, path := range []string{start, "/oauth/token"} {
		if got := b.Do("OPTIONS", path, "", "").Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("the preflight of %s allows %q, want %q", path, got, origin)
		}
	}
	for _, a := range []*servertest.Answer{b.Start("ada@example.com"), b.Start("nobody"), b.Token(s.OTPForm("ada@example.com", "123456"))} {
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"} {
			if got := a.Header.Get(name); got != "" {
				t.Errorf("%s answered %d with %s %q", a.URL.Path, a.Status, name, got)
			}
		}
	}
	for origin, want := range map[string]string{servertest.WebOrigin: servertest.WebOrigin, "http://app.example.com": "", "https://app.example.com.evil.example": "",
		"https://app.example.com:444": "", "null": ""} {
		b.Headers.Set("Origin", origin)
		a := b.Start("nobody")
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != want || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("a start from %s allows %q, want %q", origin, got, want)
		}
	}
}
