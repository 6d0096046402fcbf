package servertest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/ident"
	"latchkey/internal/message"
)

// Answer is one HTTP answer, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	URL    *url.URL // that was asked
}

// JSON decodes the body.
func (a *Answer) JSON(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("%s answered %d with a body that is no JSON object: %q", a.URL, a.Status, a.Body)
	}
	return v
}

// Location is where the answer redirects to, parsed against the address that was asked.
func (a *Answer) Location(t testing.TB) *url.URL {
	t.Helper()
	if a.Status != http.StatusFound {
		t.Fatalf("%s answered %d, not a redirect: %s", a.URL.Path, a.Status, clip(a.Body))
	}
	u, err := a.URL.Parse(a.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func clip(s string) string {
	if len(s) > 600 {
		return s[:600] + "..."
	}
	return s
}

// Browser is a browser without script: it keeps cookies and never follows a redirect by itself.
type Browser struct {
	s       *Server
	t       testing.TB
	http    *http.Client
	Headers http.Header // sent with every request
}

// Browser opens a fresh browser.
func (s *Server) Browser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Browser{s: s, t: t, Headers: http.Header{}, http: &http.Client{
		Jar: jar, Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Get asks for an address, absolute or a path of the server.
func (b *Browser) Get(address string) *Answer {
	b.t.Helper()
	return b.do(http.MethodGet, address, "", nil)
}

// Post submits a form.
func (b *Browser) Post(address string, form url.Values) *Answer {
	b.t.Helper()
	return b.do(http.MethodPost, address, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// Do sends any request.
func (b *Browser) Do(method, address, contentType, body string) *Answer {
	b.t.Helper()
	return b.do(method, address, contentType, strings.NewReader(body))
}

// PostJSON sends v as JSON.
func (b *Browser) PostJSON(address string, v any) *Answer {
	b.t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, address, "application/json", strings.NewReader(string(body)))
}

func (b *Browser) do(method, address, contentType string, body io.Reader) *Answer {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.s.URL + address
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range b.Headers {
		r.Header[name] = values
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if host := b.Headers.Get("Host"); host != "" {
		r.Host = host
	}
	response, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: string(text), URL: r.URL}
}

// Cookies are the cookies that the browser has for the server.
func (b *Browser) Cookies() []*http.Cookie {
	u, err := url.Parse(b.s.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.http.Jar.Cookies(u)
}

// mailWait is how long a test waits for a mail that must come.
const mailWait = 10 * time.Second

// Mail gives the newest mail to an address. It waits for one to come.
func (s *Server) Mail(t testing.TB, email string) message.InboxMessage {
	t.Helper()
	ctx := context.Background()
	list, err := s.Inbox.List(ctx, message.InboxFilter{Tenant: s.Tenant.ID, To: email}, mailWait)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("no mail came to %s", email)
	}
	return list[0]
}

// Code gives the code of the newest mail to an address and empties its inbox, so that the next call waits for the next
// mail.
func (s *Server) Code(t testing.TB, email string) string {
	t.Helper()
	mail := s.Mail(t, email)
	if err := s.Inbox.Delete(context.Background(), message.InboxFilter{Tenant: s.Tenant.ID, To: email}); err != nil {
		t.Fatal(err)
	}
	return mail.Code
}

// WrongCode gives a code that is not the given one.
func WrongCode(code string) string {
	if strings.HasPrefix(code, "0") {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

// PKCE is a verifier and its challenge.
type PKCE struct{ Verifier, Challenge string }

// NewPKCE draws a verifier.
func NewPKCE() PKCE {
	verifier := ident.Token(32)
	sum := sha256.Sum256([]byte(verifier))
	return PKCE{verifier, base64.RawURLEncoding.EncodeToString(sum[:])}
}

// AuthorizeURL gives the address of an authorization request by the client: code flow with the seeded callback, a state,
// and the scopes openid, profile and email, unless params say otherwise. A parameter with an empty value is left out.
func (s *Server) AuthorizeURL(c *client.Client, params ...string) string {
	q := url.Values{
		"client_id": {c.ID}, "redirect_uri": {Callback}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"app-state"},
	}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i+1] == "" {
			q.Del(params[i])
			continue
		}
		q.Set(params[i], params[i+1])
	}
	return s.URL + "/authorize?" + q.Encode()
}

// Login goes through the hosted pages by e-mail code, from an authorization request to the redirect to the client, and
// gives that redirect's address or the page that answers in its place.
func (b *Browser) Login(authorize, email string) *Answer {
	b.t.Helper()
	page := b.Get(authorize)
	location := page.Location(b.t)
	answer := b.Post(location.String(), url.Values{"state": {location.Query().Get("state")}, "username": {email}, "email": {email}, "action": {"default"}})
	location = answer.Location(b.t)
	answer = b.Post(location.String(), url.Values{"state": {location.Query().Get("state")}, "code": {b.s.Code(b.t, email)}, "action": {"default"}})
	return b.Get(answer.Location(b.t).String())
}

// LoginCode logs in with the client's defaults and gives the authorization code.
func (b *Browser) LoginCode(c *client.Client, email string, params ...string) string {
	b.t.Helper()
	location := b.Login(b.s.AuthorizeURL(c, params...), email).Location(b.t)
	code := location.Query().Get("code")
	if code == "" {
		b.t.Fatalf("the login of %s ended at %s", email, location)
	}
	return code
}

// Tokens is the body of a token answer.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

// Token calls the token endpoint with a form.
func (b *Browser) Token(form url.Values) *Answer {
	b.t.Helper()
	return b.Post("/oauth/token", form)
}

// MustToken calls the token endpoint and gives the tokens, or fails.
func (b *Browser) MustToken(form url.Values) Tokens {
	b.t.Helper()
	answer := b.Token(form)
	if answer.Status != http.StatusOK {
		b.t.Fatalf("the token endpoint answered %d: %s", answer.Status, answer.Body)
	}
	var tokens Tokens
	if err := json.Unmarshal([]byte(answer.Body), &tokens); err != nil {
		b.t.Fatal(err)
	}
	return tokens
}

// Start asks for a code by the API as the native client.
func (b *Browser) Start(email string) *Answer {
	b.t.Helper()
	return b.PostJSON("/passwordless/start", map[string]any{"client_id": b.s.Native.ID, "connection": "email", "email": email, "send": "code"})
}

// OTPForm is the form of the passwordless grant as the native client.
func (s *Server) OTPForm(email, code string) url.Values {
	return url.Values{
		"grant_type": {client.GrantPasswordlessOTP}, "client_id": {s.Native.ID}, "realm": {"email"}, "username": {email}, "otp": {code},
		"scope": {"openid profile email"},
	}
}

// CodeForm is the form that exchanges an authorization code as the confidential client.
func (s *Server) CodeForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {s.Web.ID}, "client_secret": {s.Secret}, "code": {code}, "redirect_uri": {Callback},
	}
}

// Claims decodes a token's payload without checking its signature.
func Claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// Fields reads the authorization response in a redirect: its query or its fragment.
func Fields(u *url.URL) url.Values {
	text := u.RawQuery
	if u.Fragment != "" {
		text = u.EscapedFragment()
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		panic(fmt.Sprintf("the response %q cannot be read: %v", text, err))
	}
	return values
}
