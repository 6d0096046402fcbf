package sampleapp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where the server is and who the sample application is there. Issuer, ClientID, Audience and BaseURL are
// required; what is absent of the rest is left out of the pages.
type Config struct {
	Issuer       string // as in discovery, with its trailing slash: https://localhost:8443/
	ClientID     string // a regular web application with authorization_code and refresh_token
	ClientSecret string
	Audience     string // identifier of the sample API, whose access tokens /api/orders accepts
	BaseURL      string // where browsers reach this application: http://localhost:8445

	InboxURL       string // where the login codes arrive
	SPAClientID    string // for the commands and snippets that people copy
	NativeClientID string
	DevJSONPath    string
	CACertPath     string // certificate authority that curl should trust

	HTTPClient *http.Client     // trusts the server's certificate; a plain client when nil
	Now        func() time.Time // time.Now when nil
	Log        *slog.Logger     // says why a request to the server did not succeed; silent when nil
}

// How long things live. Pending logins match the hour that Auth0 gives a login transaction, rounded down: a person who
// needs longer is better served by a fresh start.
const (
	pendingLife  = 30 * time.Minute
	sessionLife  = 8 * time.Hour
	sessionLimit = 1000
	callTimeout  = 15 * time.Second
)

// app is the running application.
type app struct {
	Config
	base     *url.URL
	issuer   *url.URL
	provider lazyProvider
	sealer   *sealer
	sessions *sessions
	pages    *pages
	cookies  string // prefix of our cookies: they know no port, and several samples may share the host name
}

// New checks the configuration and returns the application. It does not call the server: discovery happens at the first
// request that needs it and again after each failure, so the server may start later.
func New(c Config) (http.Handler, error) {
	for _, field := range []struct{ name, value string }{
		{"Issuer", c.Issuer}, {"ClientID", c.ClientID}, {"Audience", c.Audience}, {"BaseURL", c.BaseURL},
	} {
		if field.value == "" {
			return nil, fmt.Errorf("sample application: %s is empty", field.name)
		}
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	base, err := absoluteURL(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("sample application: BaseURL: %w", err)
	}
	issuer, err := absoluteURL(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("sample application: Issuer: %w", err)
	}
	if !strings.HasSuffix(c.Issuer, "/") {
		return nil, errors.New("sample application: Issuer ends without a slash; issuers here have one, in discovery and in every token")
	}
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s, err := newSealer()
	if err != nil {
		return nil, fmt.Errorf("sample application: %w", err)
	}
	p, err := parsePages()
	if err != nil {
		return nil, fmt.Errorf("sample application: %w", err)
	}
	name := sha256.Sum256([]byte(c.BaseURL + " " + c.ClientID))
	a := &app{
		Config:   c,
		base:     base,
		issuer:   issuer,
		sealer:   s,
		sessions: newSessions(c.Now),
		pages:    p,
		cookies:  "sample_" + hex.EncodeToString(name[:4]) + "_",
	}
	return a.handler()
}

func (a *app) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /refresh", a.withSession(a.refresh))
	mux.HandleFunc("POST /call-api", a.withSession(a.callAPI))
	mux.HandleFunc("POST /userinfo", a.withSession(a.userInfo))
	mux.HandleFunc("POST /logout", a.withSession(a.logout))
	mux.HandleFunc("GET /api/orders", a.orders)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { a.showTrouble(w, noSuchPage) })
	if err := serveAssets(mux); err != nil {
		return nil, fmt.Errorf("sample application: %w", err)
	}
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { a.showTrouble(w, foreignForm) }))
	return a.secured(a.onlyOurHost(crossOrigin.Handler(mux))), nil
}

// secured sets the headers of every answer. The issuer is named in form-action because the log-out form ends there:
// browsers apply the rule to the redirects of a form too.
func (a *app) secured(next http.Handler) http.Handler {
	issuer := a.issuer.Scheme + "://" + a.issuer.Host
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
		"form-action 'self' " + issuer + "; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// onlyOurHost answers under the configured name only, so that no website can reach the application through a name of
// its own that resolves to loopback. Other names of loopback lead to the configured one, where the cookies are.
func (a *app) onlyOurHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Host, a.base.Host) {
			next.ServeHTTP(w, r)
			return
		}
		if isLoopback(r.Host) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			http.Redirect(w, r, a.BaseURL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		}
		a.showTrouble(w, foreignHost)
	})
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func absoluteURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("want an absolute http or https URL, got " + s)
	}
	return u, nil
}
