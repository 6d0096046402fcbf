package client

import (
	"net/url"
	"strings"
	"testing"
)

func TestAllowsCallback(t *testing.T) {
	t.Parallel()
	c := &Client{Callbacks: []string{
		"https://app.example.com/callback", "https://app.example.com/cb?x=1", "com.example.app://callback", "com.example.app:/oauth",
		"https://*.preview.example.com/callback", "https://pr-*-x.example.com/callback", "https://*.com/callback", "http://localhost:3000",
	}}
	for uri, want := range map[string]bool{
		"https://app.example.com/callback":                      true,
		"HTTPS://APP.example.com:443/callback":                  true,
		"https://app.example.com/cb?x=1":                        true,
		"com.example.app://callback":                            true,
		"com.example.app:/oauth":                                true,
		"https://one.preview.example.com/callback":              true,
		"https://pr-12-x.example.com/callback":                  true,
		"http://localhost:3000":                                 true,
		"https://app.example.com/callback/":                     false,
		"https://app.example.com/Callback":                      false,
		"https://app.example.com/callback?x=1":                  false,
		"https://app.example.com/callback#x":                    false,
		"https://app.example.com/cb?x=2":                        false,
		"http://app.example.com/callback":                       false,
		"https://app.example.com:8443/callback":                 false,
		"https://user@app.example.com/callback":                 false,
		"https://app.example.com@evil.example/callback":         false,
		"https://app.example.com.evil.example/callback":         false,
		"https://evil.example/https://app.example.com/callback": false,
		"https://app.example.com\\@evil.example/callback":       false,
		"https://app.example.com/callback/../callback":          false,
		"https://app.example.com/%63allback":                    false,
		"https://a.b.preview.example.com/callback":              false,
		"https://preview.example.com/callback":                  false,
		"https://.preview.example.com/callback":                 false,
		"https://evil.example/.preview.example.com/callback":    false,
		"https://evil.example:1.preview.example.com/callback":   false,
		"https://anything.com/callback":                         false,
		"http://localhost:3001":                                 false,
		"http://localhost:3000/":                                false,
		"javascript:alert(1)":                                   false,
		"//app.example.com/callback":                            false,
		"":                                                      false,
		" https://app.example.com/callback":                     false,
		"https://app.example.com/callback\n":                    false,
	} {
		if got := c.AllowsCallback(uri); got != want {
			t.Errorf("AllowsCallback(%q) = %v, want %v", uri, got, want)
		}
	}
}

// A star once stood for everything but a few characters; browsers read some of the others as dots.
func TestAllowsCallback_AStarIsPartOfOnePlainLabel(t *testing.T) {
	t.Parallel()
	c := &Client{Callbacks: []string{"https://*.preview.example.com/callback", "https://pr-*.example.com/callback"}}
	for star, want := range map[string]bool{
		"one": true, "ONE": true, "pr-12": true, "my_branch": true, "xn--bcher-kva": true, "7": true,
		"": false, "a.b": false, "evil。example": false, "evil．example": false, "evil｡example": false, "ünï": false,
		"a;b": false, `a"b`: false, "a'b": false, "a,b": false, "a%2eb": false, "a%23": false, "a?b": false, "a:b": false, "a@b": false,
		"[a": false, "a]": false, "*": false, "a!b": false, "a$b": false, "a(b": false, "a&b": false, "a=b": false, "a~b": false, "a|b": false,
		"a<b": false, "a^b": false, "a`b": false, "a{b": false, "a\u00adb": false, "a\u200bb": false, "a\xffb": false, "\u212a": false,
	} {
		for _, uri := range []string{"https://" + star + ".preview.example.com/callback", "https://pr-" + star + ".example.com/callback"} {
			if got := c.AllowsCallback(uri); got != want {
				t.Errorf("AllowsCallback(%q) = %v, want %v", uri, got, want)
			}
		}
	}
}

func TestAllowsCallback_ThirdPartyClientsHaveNoWildcards(t *testing.T) {
	t.Parallel()
	no := false
	c := &Client{FirstParty: &no, Callbacks: []string{"https://*.preview.example.com/callback"}}
	if c.AllowsCallback("https://one.preview.example.com/callback") {
		t.Error("a wildcard applies to a third-party client")
	}
}

func TestAllowsCallback_LoopbackOnlyByItsSetting(t *testing.T) {
	t.Parallel()
	plain, open := &Client{}, &Client{Latchkey: &Extensions{LoopbackRedirects: true}}
	for uri, want := range map[string]bool{
		"http://localhost:5173/cb":           true,
		"http://127.0.0.1:1/x?y=z":           true,
		"https://[::1]:8080/":                true,
		"http://localhost.evil.example/":     false,
		"http://localhost@evil.example/":     false,
		"http://127.0.0.1.evil.example/":     false,
		"http://128.0.0.1/":                  false,
		"com.localhost://localhost/callback": false,
		"http://localhost:5173/cb#fragment":  false,
	} {
		if got := open.AllowsCallback(uri); got != want {
			t.Errorf("with loopback_redirects AllowsCallback(%q) = %v, want %v", uri, got, want)
		}
		if plain.AllowsCallback(uri) {
			t.Errorf("without loopback_redirects AllowsCallback(%q) = true", uri)
		}
	}
}

func TestLogoutURLs(t *testing.T) {
	t.Parallel()
	c := &Client{AllowedLogoutURLs: []string{"https://app.example.com/bye", "https://app.example.com/bye?a=b"}}
	if !c.AllowsReturnTo("https://APP.example.com/bye?any=thing#else") {
		t.Error("/v2/logout counts query or fragment")
	}
	if c.AllowsReturnTo("https://app.example.com/Bye") {
		t.Error("/v2/logout ignores the case of the path")
	}
	if !c.AllowsLogout("https://app.example.com/bye?a=b") || c.AllowsLogout("https://app.example.com/bye?a=c") {
		t.Error("/oidc/logout does not compare the query exactly")
	}
}

// The first entry once was taken as it stood, and people were sent to https://*.example.com.
func TestFirstLogoutURL_IsNoPattern(t *testing.T) {
	t.Parallel()
	const bye = "https://app.example.com/bye?a=*"
	for _, c := range []struct {
		list []string
		want string
	}{
		{nil, ""},
		{[]string{"https://*.example.com/bye"}, ""},
		{[]string{"https://*.example.com/bye", "", "javascript:alert(1)", bye, "https://app.example.com/second"}, bye},
		{[]string{"com.example.app://bye", bye}, "com.example.app://bye"},
	} {
		client := &Client{AllowedLogoutURLs: c.list}
		if got, own := FirstLogoutURL(c.list), client.FirstLogoutURL(); got != c.want || own != c.want {
			t.Errorf("the first of %q is %q, a client's %q, want %q", c.list, got, own, c.want)
		}
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	c := &Client{Callbacks: []string{"https://app.example.com/callback?x"}, WebOrigins: []string{"https://web.example.com/"}, AllowedOrigins: []string{"https://cors.example.com"}}
	for origin, want := range map[string][2]bool{ // any origin, web origin
		"https://app.example.com":      {true, false},
		"https://web.example.com":      {true, true},
		"https://cors.example.com":     {true, false},
		"https://other.example.com":    {false, false},
		"http://web.example.com":       {false, false},
		"https://web.example.com/path": {false, false},
		"null":                         {false, false},
		"":                             {false, false},
	} {
		if got := c.AllowsOrigin(origin); got != want[0] {
			t.Errorf("AllowsOrigin(%q) = %v", origin, got)
		}
		if got := c.AllowsWebOrigin(origin); got != want[1] {
			t.Errorf("AllowsWebOrigin(%q) = %v", origin, got)
		}
	}
}

func FuzzAllowsCallback_OnlyListedHostsAreReached(f *testing.F) {
	for _, star := range []string{"one", "evil。example/", "evil．example", "evil｡example", "a;b", `a"b`, "a%2eb", "a\tb", "a\u00adb"} {
		f.Add("https://" + star + ".preview.example.com/callback")
	}
	c := &Client{Callbacks: []string{"https://*.preview.example.com/callback"}}
	const before, after = "https://", ".preview.example.com/callback"
	f.Fuzz(func(t *testing.T, uri string) {
		if !c.AllowsCallback(uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q is allowed and no address: %v", uri, err)
		}
		reached := strings.ToLower(u.Scheme) + "://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443") + u.EscapedPath()
		star, ok := strings.CutPrefix(reached, before)
		star, ends := strings.CutSuffix(star, after)
		if !ok || !ends || star == "" || strings.Trim(star, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q is allowed but leads to %q", uri, reached)
		}
	})
}
