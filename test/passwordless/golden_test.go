// Package passwordless_test tests the passwordless API of a whole server: starting a code and exchanging it for tokens,
// what is refused and how, what it costs, and what strangers can learn from it.
package passwordless_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// exchange is one documented request. Names in braces stand for what differs from run to run.
type exchange struct {
	name    string
	before  func(t *testing.T, s *servertest.Server)
	method  string // POST unless set
	path    string // /passwordless/start unless set
	headers map[string]string
	form    bool
	body    string
}

const (
	otpGrant = "http://auth0.com/oauth/grant-type/passwordless/otp"
	start    = "/passwordless/start"
)

// exchanges are the documented requests of the passwordless API, in the order in which they are sent to one server.
func exchanges() []exchange {
	token := func(name, fields string) exchange {
		return exchange{name: name, path: "/oauth/token", body: `{"grant_type":"` + otpGrant + `","client_id":"{native}",` + fields + `}`}
	}
	return []exchange{
		{name: "start", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-form", form: true, body: `client_id={native}&connection=email&email=ada%40example.com&send=code`},
		{name: "start-confidential", body: `{"client_id":"{web}","client_secret":"{secret}","connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-basic", headers: map[string]string{"Authorization": "Basic {basic}"}, body: `{"connection":"email","email":"ada@example.com"}`},
		{name: "start-without-send", body: `{"client_id":"{native}","connection":"email","email":"bob@example.com"}`},
		{name: "start-trims-and-lowers", body: `{"client_id":"{native}","connection":"email","email":"  Bob@Example.COM ","send":"code"}`},
		{name: "start-auth-params", body: `{"client_id":"{native}","connection":"email","email":"bob@example.com","send":"code","authParams":{"scope":"openid","state":"x"}}`},
		{name: "start-auth-params-form", form: true, body: `client_id={native}&connection=email&email=bob%40example.com&send=code&authParams=%7B%22scope%22%3A%22openid%22%7D`},
		{name: "start-opaque", before: opaque(true), body: `{"client_id":"{native}","connection":"email","email":"cy@example.com","send":"code"}`},

		{name: "start-no-body", before: opaque(false)},
		{name: "start-no-client", body: `{"connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-unknown-client", body: `{"client_id":"nobody","connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-confidential-without-secret", body: `{"client_id":"{web}","connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-confidential-wrong-secret", body: `{"client_id":"{web}","client_secret":"wrong","connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-bad-assertion", body: `{"client_id":"{web}","client_assertion":"x.y.z","client_assertion_type":"urn:ietf:params:oauth:client-assertion-type:jwt-bearer","connection":"email","email":"ada@example.com"}`},
		{name: "start-grant-not-allowed", body: `{"client_id":"{spa}","connection":"email","email":"ada@example.com","send":"code"}`},
		{name: "start-no-connection", body: `{"client_id":"{native}","email":"ada@example.com","send":"code"}`},
		{name: "start-unknown-connection", body: `{"client_id":"{native}","connection":"pigeon","email":"ada@example.com","send":"code"}`},
		{name: "start-database-connection", before: addConnections, body: `{"client_id":"{native}","connection":"Users","email":"ada@example.com","send":"code"}`},
		{name: "start-disabled-connection", body: `{"client_id":"{native}","connection":"others","email":"ada@example.com","send":"code"}`},
		{name: "start-sms-connection", body: `{"client_id":"{native}","connection":"sms","phone_number":"+14155552671"}`},
		{name: "start-signup-disabled", body: `{"client_id":"{native}","connection":"closed","email":"amy@example.com","send":"code"}`},
		{name: "start-signup-disabled-silently", body: `{"client_id":"{native}","connection":"silent","email":"amy@example.com","send":"code"}`},
		{name: "start-no-email", body: `{"client_id":"{native}","connection":"email","send":"code"}`},
		{name: "start-blank-email", body: `{"client_id":"{native}","connection":"email","email":"  ","send":"code"}`},
		{name: "start-wrong-email", body: `{"client_id":"{native}","connection":"email","email":"ada at example.com","send":"code"}`},
		{name: "start-email-list", body: `{"client_id":"{native}","connection":"email","email":["ada@example.com"],"send":"code"}`},
		{name: "start-link-auth-params", body: `{"client_id":"{native}","connection":"email","email":"dee@example.com","send":"link","authParams":{"redirect_uri":"https://app.example.com/other","response_type":"code","scope":"openid","state":"x"}}`},
		{name: "start-link-foreign-callback", body: `{"client_id":"{native}","connection":"email","email":"dee@example.com","authParams":{"redirect_uri":"https://evil.example/"}}`},
		{name: "start-link-unknown-response-type", body: `{"client_id":"{native}","connection":"email","email":"dee@example.com","authParams":{"response_type":"magic"}}`},
		{name: "start-link-web-message", body: `{"client_id":"{native}","connection":"email","email":"dee@example.com","authParams":{"response_mode":"web_message"}}`},
		{name: "start-link-unknown-audience", body: `{"client_id":"{native}","connection":"email","email":"dee@example.com","authParams":{"audience":"https://nobody.example/"}}`},
		{name: "start-link", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"link"}`},
		{name: "start-wrong-send", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"pigeon"}`},
		{name: "start-auth-params-text", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"code","authParams":"scope=openid"}`},
		{name: "start-auth-params-list", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"code","authParams":["openid"]}`},
		{name: "start-unknown-key", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","send":"code","colour":"red"}`},
		{name: "start-unknown-keys", body: `{"client_id":"{native}","connection":"email","email":"ada@example.com","zebra":1,"colour":"red"}`},
		{name: "start-get", method: http.MethodGet, path: start + "?client_id={native}&connection=email&email=ada%40example.com"},
		{name: "start-preflight", method: http.MethodOptions, headers: map[string]string{
			"Origin": servertest.WebOrigin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "auth0-client,content-type"}},
		{name: "start-preflight-foreign-origin", method: http.MethodOptions, headers: map[string]string{
			"Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}},
		{name: "start-from-origin", headers: map[string]string{"Origin": servertest.WebOrigin},
			body: `{"client_id":"{native}","connection":"email","email":"dot@example.com","send":"code"}`},
		{name: "start-from-foreign-origin", headers: map[string]string{"Origin": "https://evil.example"},
			body: `{"client_id":"{native}","connection":"email","email":"dot@example.com","send":"code"}`},

		token("token", `"realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}","scope":"openid profile email"`),
		{name: "token-form", path: "/oauth/token", form: true,
			body: `grant_type=http%3A%2F%2Fauth0.com%2Foauth%2Fgrant-type%2Fpasswordless%2Fotp&client_id={native}&realm=email&username=eve%40example.com&otp={code:eve@example.com}&scope=openid%20offline_access`},
		{name: "token-confidential", path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{web}","client_secret":"{secret}","realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}","audience":"https://api.example.com/","scope":"openid read:orders"}`},
		token("token-scope-list", `"realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}","scope":["openid","email"]`),
		{name: "token-scopes-alias", before: fresh, path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{native}","realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}","scopes":"openid profile"}`},
		token("token-scope-wins-over-scopes", `"realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}","scope":"openid","scopes":"openid email"`),
		token("token-without-scope", `"realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}"`),
		token("token-trims", `"realm":"email","username":" EVE@example.com ","otp":" {code:eve@example.com} ","scope":"openid"`),
		token("token-redirect-uri-ignored", `"realm":"email","username":"eve@example.com","otp":"{code:eve@example.com}","scope":"openid","redirect_uri":"https://elsewhere.example/"`),

		{name: "token-expired", before: expire("eve@example.com"), path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{native}","realm":"email","username":"eve@example.com","otp":"123456"}`},
		{name: "token-too-many", before: exhaust("eve@example.com"), path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{native}","realm":"email","username":"eve@example.com","otp":"123456"}`},
		token("token-wrong-code", `"realm":"email","username":"eve@example.com","otp":"{wrong:eve@example.com}"`),
		token("token-never-started", `"realm":"email","username":"nobody@example.com","otp":"123456"`),
		token("token-no-address", `"realm":"email","username":"nobody at all","otp":"123456"`),
		token("token-no-username", `"realm":"email","otp":"123456"`),
		token("token-no-otp", `"realm":"email","username":"ada@example.com"`),
		token("token-no-realm", `"username":"ada@example.com","otp":"123456"`),
		token("token-unknown-realm", `"realm":"pigeon","username":"ada@example.com","otp":"123456"`),
		token("token-sms-realm", `"realm":"sms","username":"+15551234567","otp":"123456"`),
		token("token-unknown-audience", `"realm":"email","username":"ada@example.com","otp":"123456","audience":"https://nothing.example/"`),
		token("token-scope-number", `"realm":"email","username":"ada@example.com","otp":"123456","scope":5`),
		token("token-otp-number", `"realm":"email","username":"ada@example.com","otp":123456`),
		{name: "token-no-grant-type", path: "/oauth/token", body: `{"client_id":"{native}","otp":"123456"}`},
		{name: "token-unknown-grant-type", path: "/oauth/token", body: `{"grant_type":"magic","client_id":"{native}"}`},
		{name: "token-grant-not-allowed", path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{spa}","realm":"email","username":"ada@example.com","otp":"123456"}`},
		{name: "token-spa-with-grant", before: allowSPA, path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{spa}","realm":"email","username":"ada@example.com","otp":"123456"}`},
		{name: "token-no-client", path: "/oauth/token", body: `{"grant_type":"` + otpGrant + `","realm":"email","username":"ada@example.com","otp":"123456"}`},
		{name: "token-unknown-client", path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"nobody","realm":"email","username":"ada@example.com","otp":"123456"}`},
		{name: "token-confidential-without-secret", path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{web}","realm":"email","username":"ada@example.com","otp":"123456"}`},
		{name: "token-confidential-wrong-secret", path: "/oauth/token",
			body: `{"grant_type":"` + otpGrant + `","client_id":"{web}","client_secret":"wrong","realm":"email","username":"ada@example.com","otp":"123456"}`},
		{name: "token-get", method: http.MethodGet, path: "/oauth/token"},
		{name: "verify-for-tokens-is-disabled", path: "/passwordless/verify",
			body: `{"grant_type":"password","client_id":"{native}","connection":"email","username":"ada@example.com","password":"123456","scope":"openid"}`},
	}
}

func opaque(on bool) func(*testing.T, *servertest.Server) {
	return func(_ *testing.T, s *servertest.Server) { setOpaque(s, on) }
}

// fresh lets time pass, so that limits forget what was sent.
func fresh(_ *testing.T, s *servertest.Server) { s.Clock.Advance(16 * time.Minute) }

// expire starts a code and lets it grow too old.
func expire(email string) func(*testing.T, *servertest.Server) {
	return func(t *testing.T, s *servertest.Server) {
		fresh(t, s)
		codeFor(t, s, s.Browser(t), email)
		s.Clock.Advance(3 * time.Minute)
	}
}

// exhaust starts a code and uses up its tries.
func exhaust(email string) func(*testing.T, *servertest.Server) {
	return func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		code := codeFor(t, s, b, email)
		for range 3 {
			wantWrong(t, b.Token(s.OTPForm(email, servertest.WrongCode(code))))
		}
	}
}

func allowSPA(_ *testing.T, s *servertest.Server) {
	s.ChangeClient(s.SPA.ID, func(c *client.Client) { c.GrantTypes = append(c.GrantTypes, otpGrant) })
}

// addConnections adds one connection of each kind that is refused, or answers in a way of its own.
func addConnections(_ *testing.T, s *servertest.Server) {
	s.AddConnection(&connection.Connection{Name: "Users", Strategy: connection.Database}, s.Native)
	s.AddConnection(&connection.Connection{Name: "others", Strategy: connection.Email}, s.Web)
	s.AddConnection(&connection.Connection{Name: "sms", Strategy: connection.SMS}, s.Native)
	s.AddConnection(&connection.Connection{Name: "closed", Strategy: connection.Email, Options: connection.Options{DisableSignup: true}}, s.Native)
	s.AddConnection(&connection.Connection{Name: "silent", Strategy: connection.Email,
		Options: connection.Options{DisableSignup: true, DisableSignupSilent: true}}, s.Native)
}

func TestWire_EachDocumentedRequestHasItsAnswer(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for _, e := range exchanges() {
			t.Run(e.name, func(t *testing.T) {
				if e.before != nil {
					e.before(t, s)
				}
				compare(t, e.name, send(t, s, e))
			})
		}
	})
}

// codeOf stands for a code that was started just now, or for another one.
var codeOf = regexp.MustCompile(`\{(code|wrong):([^}]*)\}`)

// send sends the request and gives it and its answer as the golden file has them.
func send(t *testing.T, s *servertest.Server, e exchange) string {
	t.Helper()
	// Each request comes from an address of its own: limits per address are tested elsewhere.
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-For", addressOf(e.name))
	names := strings.NewReplacer("{native}", s.Native.ID, "{web}", s.Web.ID, "{secret}", s.Secret, "{spa}", s.SPA.ID,
		"{basic}", basic(s.Web.ID, s.Secret))
	body := codeOf.ReplaceAllStringFunc(e.body, func(m string) string {
		parts := codeOf.FindStringSubmatch(m)
		code := codeFor(t, s, b, parts[2])
		if parts[1] == "wrong" {
			return servertest.WrongCode(code)
		}
		return code
	})
	method, path, contentType := e.method, e.path, "application/json"
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = start
	}
	if e.form {
		contentType = "application/x-www-form-urlencoded"
	}
	var sent strings.Builder
	fmt.Fprintf(&sent, "%s %s\n", method, path)
	for _, name := range sortedKeys(e.headers) {
		fmt.Fprintf(&sent, "%s: %s\n", name, e.headers[name])
		b.Headers.Set(name, names.Replace(e.headers[name]))
	}
	if e.body == "" {
		contentType = ""
	} else {
		fmt.Fprintf(&sent, "Content-Type: %s\n\n%s\n", contentType, e.body)
	}
	a := b.Do(method, names.Replace(path), contentType, names.Replace(body))
	return sent.String() + "\n----\n\n" + normalise(a)
}

// normalise writes an answer without what differs from run to run.
func normalise(a *servertest.Answer) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	for _, name := range sortedKeys(a.Header) {
		switch name {
		case "Date", "Content-Length":
			continue
		case "X-Request-Id":
			fmt.Fprintf(&b, "%s: {request}\n", name)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(a.Header[name], ", "))
	}
	body := a.Body
	for _, v := range volatile {
		body = v.pattern.ReplaceAllString(body, v.stands)
	}
	fmt.Fprintf(&b, "\n%s\n", body)
	return b.String()
}

// volatile are the values that differ from run to run, and what stands for them.
var volatile = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{regexp.MustCompile(`"_id":"[0-9a-f]{24}"`), `"_id":"{24 hex}"`},
	{regexp.MustCompile(`"_id":"[\w-]{10,}"`), `"_id":"{opaque}"`},
	{regexp.MustCompile(`"(access_token|id_token)":"[\w-]+\.[\w-]+\.[\w-]+"`), `"$1":"{jwt}"`},
	{regexp.MustCompile(`"(access_token|refresh_token)":"[\w.-]+"`), `"$1":"{opaque}"`},
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestWire_NoGoldenFileIsForgotten(t *testing.T) {
	var names []string
	for _, e := range exchanges() {
		names = append(names, e.name+".txt")
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.IsDir() && !slices.Contains(names, f.Name()) {
			t.Errorf("testdata/%s belongs to no request", f.Name())
		}
	}
}
