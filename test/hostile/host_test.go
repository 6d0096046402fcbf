package hostile_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/test/servertest"
)

func TestHost_AnUnknownOneIsNotAnsweredNorEchoed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	host := strings.TrimPrefix(s.URL, "http://")
	s.StopMail(t)
	sameRows(t, s)
	for _, name := range []string{
		"evil.example", "evil.example:443", host + ".evil.example", "evil.example." + host, "localhost", "127.0.0.1", "127.0.0.1:1",
		"user@" + host, host + ":80", host + "@evil.example", "[::1]", "0x7f000001", "127.0.0.1.:" + strings.Split(host, ":")[1] + "0",
	} {
		b := s.Browser(t)
		b.Headers.Set("Host", name)
		for _, path := range []string{"/", "/.well-known/openid-configuration", "/authorize?client_id=" + s.Web.ID, "/u/login/identifier"} {
			unchanged(t, s, name, func() {
				a := b.Get(path)
				if a.Status != http.StatusNotFound && a.Status != http.StatusBadRequest {
					t.Errorf("Host %q, %s: answered %d", name, path, a.Status)
				}
				if strings.Contains(a.Body, "evil") || strings.Contains(a.Header.Get("Location"), "evil") {
					t.Errorf("Host %q is echoed: %s", name, a.Body)
				}
			})
		}
		if a := b.PostJSON("/passwordless/start", map[string]string{"client_id": s.Native.ID, "connection": "email", "email": "ada@example.com"}); a.Status != 404 && a.Status != 400 {
			t.Errorf("Host %q: a start answered %d", name, a.Status)
		}
	}
}

func TestHost_ForwardedNamesAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := s.Browser(t)
	for name, value := range map[string]string{
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Server": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444",
		"X-Original-Host": "evil.example", "X-Host": "evil.example", "X-Original-Url": "/u/evil", "X-Rewrite-Url": "/u/evil",
		"Forwarded": "for=1.2.3.4;host=evil.example;proto=https", "X-Forwarded-Prefix": "/evil", "Via": "1.1 evil.example", "X-Http-Method-Override": "DELETE",
	} {
		b.Headers.Set(name, value)
	}
	configuration := b.Get("/.well-known/openid-configuration")
	var document map[string]any
	if err := json.Unmarshal([]byte(configuration.Body), &document); err != nil {
		t.Fatal(err)
	}
	if document["issuer"] != s.Issuer || strings.Contains(configuration.Body, "evil") || strings.Contains(configuration.Body, "https://127") {
		t.Errorf("the metadata are %s", configuration.Body)
	}
	location := beginLogin(t, s, b)
	if !strings.HasPrefix(location.String(), s.URL) {
		t.Errorf("the login is at %s", location)
	}
	page := b.Get(location.String())
	if page.Status != 200 || strings.Contains(page.Body, "evil") {
		t.Errorf("the page answered %d: %s", page.Status, page.Body)
	}
	code := b.LoginCode(s.Web, "ada@example.com")
	if claims := servertest.Claims(t, b.MustToken(s.CodeForm(code)).IDToken); claims["iss"] != s.Issuer {
		t.Errorf("iss is %v", claims["iss"])
	}
	if mail := b.Start("eve@example.com"); mail.Status != 200 {
		t.Fatal(mail.Body)
	}
	if mail := s.Mail(t, "eve@example.com"); strings.Contains(mail.Text+mail.HTML+mail.From, "evil") {
		t.Errorf("the mail says %s", mail.Text)
	}
	for _, e := range s.Events(t) {
		if e.Origin.IP != "127.0.0.1" || strings.Contains(e.Origin.Hostname, "evil") {
			t.Errorf("event %s comes from %q at %q", e.Type, e.Origin.IP, e.Origin.Hostname)
		}
	}
}

func TestHeaders_TooManyAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.StopMail(t)
	sameRows(t, s)
	for name, size := range map[string]int{"Cookie": 17 << 10, "X-Padding": 17 << 10, "User-Agent": 40 << 10} {
		b := s.Browser(t)
		b.Headers.Set(name, strings.Repeat("a", size))
		if a := b.Get("/.well-known/openid-configuration"); a.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d bytes of %s answered %d", size, name, a.Status)
		}
	}
	b := s.Browser(t)
	b.Headers.Set("Cookie", strings.Repeat("a", 12<<10))
	if a := b.Get("/.well-known/openid-configuration"); a.Status != http.StatusOK {
		t.Errorf("12 KiB of cookies answered %d", a.Status)
	}
}

// What a header holds is written into the tenant's log: text that a database cannot keep, or that is cut in the middle of
// a letter, must not fail the request.
func TestHeaders_ThatAreNoTextHurtNobody(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for name, values := range map[string][]string{
			"User-Agent":          {"caf\xe9", strings.Repeat("a", 511) + "é", strings.Repeat("é", 400), "\x80\x81"},
			"X-Request-Language":  {"\xff\xfe", strings.Repeat("a", 511) + "é", strings.Repeat("de,", 1000)},
			"Accept-Language":     {"\xff", strings.Repeat("a", 511) + "é"},
			"Auth0-Client":        {"????", "eyJuYW1lIjoi/////yJ9", "e30=", "bnVsbA==", strings.Repeat("A", 2000), "eyJhIjoiXHUwMDAwIn0="},
			"auth0-forwarded-for": {"\xff", "1.2.3.4\t"},
			"X-Forwarded-For":     {"\xff", ",,,,", "1.2.3.4, garbage", "unknown", strings.Repeat("1.1.1.1,", 1500)},
			"Origin":              {"\xff", "null", "https://\xff"},
			"Authorization":       {"Basic", "Basic ????", "Basic \xff", "Bearer x", "Basic OjpAOg=="},
			"Cookie":              {"auth0=\xff", "auth0=\"", "=;=;", "auth0", "lang=\xff; txn_00000000=x"},
		} {
			for _, value := range values {
				b := s.Browser(t)
				b.Headers.Set(name, value)
				email := "ada@example.com"
				for what, a := range map[string]*servertest.Answer{
					"a start": b.Start(email), "a token request": b.Token(s.OTPForm(email, "123456")), "a page": b.Get(s.AuthorizeURL(s.Web)), "user info": b.Get("/userinfo"),
				} {
					if a.Status >= 500 {
						t.Errorf("%s %.30q: %s answered %d: %s", name, value, what, a.Status, a.Body)
					}
				}
				s.Clock.Advance(1e12)
			}
		}
	})
}

// Names of clients that no database can hold name nobody.
func TestClient_NamesThatAreNoTextNameNobody(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, id := range []string{"a\x00b", "\xff\xfe", "a%00b", "%ff", "%", strings.Repeat("x", 5000), "' OR 1=1 --", "\u202e", ""} {
			b := s.Browser(t)
			b.Headers.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":secret")))
			payload, err := json.Marshal(map[string]any{"iss": id, "sub": id, "aud": s.Issuer, "jti": "1", "exp": s.Clock.Now().Unix() + 60})
			if err != nil {
				t.Fatal(err)
			}
			assertion := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".AAAA"
			proof := map[string]string{"client_assertion": assertion, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
				"grant_type": "client_credentials", "connection": "email", "email": "ada@example.com"}
			start := map[string]string{"connection": "email", "email": "ada@example.com"}
			grant := url.Values{"grant_type": {"client_credentials"}}
			for what, a := range map[string]*servertest.Answer{
				"a start by Basic": b.PostJSON("/passwordless/start", start), "a token by Basic": b.Token(grant),
				"a revocation by Basic": b.Post("/oauth/revoke", url.Values{"token": {"x"}}),
				"a token by assertion":  s.Browser(t).PostJSON("/oauth/token", proof),
			} {
				if !refusals[a.Status] {
					t.Errorf("client %.20q, %s: answered %d: %s", id, what, a.Status, a.Body)
				}
			}
			delete(proof, "grant_type")
			if a := s.Browser(t).PostJSON("/passwordless/start", proof); !refusals[a.Status] {
				t.Errorf("client %.20q, a start by assertion: answered %d: %s", id, a.Status, a.Body)
			}
		}
	})
}
