package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/oauth2"
)

// callback is where authorization codes are delivered. Nothing listens there: the browser stops before it.
const callback = "http://127.0.0.1:9/callback"

// Browser walks through the hosted pages as a person without script does: it keeps cookies, follows redirects and
// sends forms back with the fields it found in them. It is for one goroutine.
type Browser struct {
	target Target
	http   *http.Client
}

// Page is an answer of the hosted pages.
type Page struct {
	Status int
	URL    *url.URL
	Body   string
	// Callback is set in place of the rest when the login ended at the application.
	Callback url.Values
}

// Authorization is an authorization code and what its exchange needs.
type Authorization struct {
	Code, RedirectURI, Verifier string
}

// NewBrowser opens a browser without cookies.
func NewBrowser(t Target, caFile string) (*Browser, error) {
	transport, err := NewTransport(t.Issuer, t.Dial, caFile)
	if err != nil {
		return nil, err
	}
	return &Browser{target: t, http: &http.Client{
		Transport: transport,
		Jar:       &jar{cookies: map[string]*http.Cookie{}},
		Timeout:   time.Minute,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if strings.HasPrefix(req.URL.String(), callback) || len(via) >= 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}, nil
}

// Close drops the browser's idle connections.
func (b *Browser) Close() { b.http.CloseIdleConnections() }

// Authorize logs a person in through the pages and stops at the callback with an authorization code.
func (b *Browser) Authorize(ctx context.Context, codes Codes, email string) (Authorization, error) {
	page, verifier, err := b.Begin(ctx)
	if err != nil {
		return Authorization{}, err
	}
	if err := codes.Forget(ctx, email); err != nil {
		return Authorization{}, err
	}
	if page, err = b.Submit(ctx, page, "username", email); err != nil {
		return Authorization{}, fmt.Errorf("identifier page: %w", err)
	}
	code, err := codes.Code(ctx, email)
	if err != nil {
		return Authorization{}, err
	}
	if page, err = b.Submit(ctx, page, "code", code); err != nil {
		return Authorization{}, fmt.Errorf("code page: %w", err)
	}
	if page.Callback.Get("code") == "" {
		return Authorization{}, fmt.Errorf("no authorization code: %d at %s %s", page.Status, page.URL, page.Callback.Encode())
	}
	return Authorization{Code: page.Callback.Get("code"), RedirectURI: callback, Verifier: verifier}, nil
}

// Begin asks for a login and gives the first page and the code verifier.
func (b *Browser) Begin(ctx context.Context) (Page, string, error) {
	verifier := oauth2.GenerateVerifier()
	query := url.Values{
		"client_id": {b.target.ClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {Scope},
		"state": {"s"}, "nonce": {"n"}, "connection": {b.target.connection()},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	if b.target.Audience != "" {
		query.Set("audience", b.target.Audience)
	}
	address := strings.TrimSuffix(b.target.Issuer, "/") + "/authorize?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Page{}, "", err
	}
	page, err := b.do(req)
	if err == nil && (page.Status != http.StatusOK || page.Callback != nil) {
		err = fmt.Errorf("no login page: %d at %s %s", page.Status, page.URL, page.Callback.Encode())
	}
	return page, verifier, err
}

// Submit fills the field of the page's form that has it and sends that form.
func (b *Browser) Submit(ctx context.Context, p Page, field, value string) (Page, error) {
	req, err := p.Form(ctx, field, value)
	if err != nil {
		return Page{}, err
	}
	return b.do(req)
}

// Form makes the request that sends the page's form with the field filled in.
func (p Page) Form(ctx context.Context, field, value string) (*http.Request, error) {
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return nil, err
	}
	for form := range elements(root, "form") {
		values, found := fieldsOf(form, field)
		if !found || p.URL == nil {
			continue
		}
		values.Set(field, value)
		action, err := p.URL.Parse(attribute(form, "action"))
		if err != nil {
			return nil, err
		}
		if attribute(form, "action") == "" {
			action = p.URL
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode()))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", p.URL.Scheme+"://"+p.URL.Host)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		return req, nil
	}
	return nil, fmt.Errorf("%d at %s: no form asks for %q", p.Status, p.URL, field)
}

// Send performs a request of Form without following its redirect, so that its time is that of one answer.
func (b *Browser) Send(req *http.Request) (Page, error) {
	once := *b.http
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return read(once.Do(req))
}

func (b *Browser) do(req *http.Request) (Page, error) { return read(b.http.Do(req)) }

func read(res *http.Response, err error) (Page, error) {
	if err != nil {
		return Page{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return Page{}, err
	}
	page := Page{Status: res.StatusCode, URL: res.Request.URL, Body: string(body)}
	if to, err := res.Location(); err == nil && strings.HasPrefix(to.String(), callback) {
		page.Callback = to.Query()
	} else if err != nil && !errors.Is(err, http.ErrNoLocation) {
		return Page{}, err
	}
	return page, nil
}

// fieldsOf gives what a form sends when its button "default" is pressed (the first one where there is none), and
// whether it asks for the field.
func fieldsOf(form *html.Node, field string) (url.Values, bool) {
	values, found := url.Values{}, false
	for input := range elements(form, "input") {
		name := attribute(input, "name")
		if name == field {
			found = true
		}
		if attribute(input, "type") == "hidden" {
			values.Set(name, attribute(input, "value"))
		}
	}
	for button := range elements(form, "button") {
		name, value := attribute(button, "name"), attribute(button, "value")
		if name != "" && (!values.Has(name) || value == "default") {
			values.Set(name, value)
		}
	}
	return values, found
}

// elements yields the elements of a kind below n, in order.
func elements(n *html.Node, kind string) func(yield func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for d := range n.Descendants() {
			if d.Type == html.ElementNode && d.Data == kind && !yield(d) {
				return
			}
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// jar keeps the cookies of one host by name. Like browsers it counts plain HTTP on loopback as secure, which the
// standard library's jar does not.
type jar struct {
	mu      sync.Mutex
	cookies map[string]*http.Cookie
}

// SetCookies implements http.CookieJar.
func (j *jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(j.cookies, c.Name)
			continue
		}
		j.cookies[c.Name] = c
	}
}

// Cookies implements http.CookieJar.
func (j *jar) Cookies(*url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []*http.Cookie
	for _, c := range j.cookies {
		all = append(all, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return all
}
