package deploy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DialConfig says how a tenant is reached over HTTP. URL is required, and Token or ClientID with ClientSecret.
type DialConfig struct {
	URL          string // the tenant's domain, such as https://login.example.com
	Token        string // an access token of the Management API
	ClientID     string // or a client that may have one
	ClientSecret string
	Audience     string // the Management API's identifier; the domain's own when empty
	CA           []byte // certificates in PEM that are trusted beside the system's
	// Wait waits between tries; it is a timer when nil.
	Wait func(context.Context, time.Duration) error
}

// Dial reaches a tenant over HTTP: it obtains an access token, unless there is one.
func Dial(ctx context.Context, c DialConfig) (Tenant, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || strings.Trim(base.Path, "/") != "" {
		return Tenant{}, fmt.Errorf("%q is no address of a tenant; write it like https://login.example.com", c.URL)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	if len(c.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(c.CA) {
			return Tenant{}, errors.New("the file of certificates holds none in PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	a := &remoteAPI{
		base: base.Scheme + "://" + base.Host, token: c.Token, wait: c.Wait,
		client: &http.Client{
			Transport: transport, Timeout: time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if a.token == "" {
		if a.token, err = a.obtain(ctx, c); err != nil {
			return Tenant{}, err
		}
	}
	return Tenant{API: a, ManagingClient: authorizedParty(a.token)}, nil
}

type remoteAPI struct {
	base, token string
	client      *http.Client
	wait        func(context.Context, time.Duration) error
}

// obtain asks for an access token by client credentials
// (https://auth0.com/docs/secure/tokens/access-tokens/management-api-access-tokens).
func (a *remoteAPI) obtain(ctx context.Context, c DialConfig) (string, error) {
	if c.Audience == "" {
		c.Audience = a.base + apiPath
	}
	answer, err := a.try(ctx, func() (*http.Request, error) {
		return newRequest(ctx, http.MethodPost, a.base+"/oauth/token", object{
			"grant_type": "client_credentials", "client_id": c.ClientID, "client_secret": c.ClientSecret, "audience": c.Audience,
		})
	})
	if err != nil {
		return "", err
	}
	var said struct {
		Token       string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil || (said.Token == "" && said.Error == "") {
		return "", fmt.Errorf("%s/oauth/token answered %d, and not as a tenant does", a.base, answer.Status)
	}
	if said.Token == "" {
		return "", fmt.Errorf("no access token for %s: %s: %s", c.Audience, said.Error, said.Description)
	}
	return said.Token, nil
}

// Do implements API. A request that is refused for the moment is sent again.
func (a *remoteAPI) Do(ctx context.Context, method, path string, body any) (*Answer, error) {
	return a.try(ctx, func() (*http.Request, error) {
		req, err := newRequest(ctx, method, a.base+apiPath+path, body)
		if err == nil {
			req.Header.Set("Authorization", "Bearer "+a.token)
		}
		return req, err
	})
}

// How often a request is sent again, and how long is waited at least and at most.
const (
	maxTries  = 10
	firstWait = 250 * time.Millisecond
	longest   = 30 * time.Second
	// maxAnswer is the largest answer that is read.
	maxAnswer = 64 << 20
)

func (a *remoteAPI) try(ctx context.Context, request func() (*http.Request, error)) (*Answer, error) {
	pause := firstWait
	for try := 1; ; try++ {
		req, err := request()
		if err != nil {
			return nil, err
		}
		answer, err := a.send(req)
		if err != nil {
			return nil, err
		}
		if try == maxTries || !passing(req.Method, answer.Status) {
			return answer, nil
		}
		if err := a.wait(ctx, max(pause, asked(answer.Header, time.Now()))); err != nil {
			return nil, err
		}
		pause = min(2*pause, longest)
	}
}

func (a *remoteAPI) send(req *http.Request) (*Answer, error) {
	res, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, errors.New("the answer is too large")
	}
	return &Answer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// passing reports whether the same request may succeed later. What creates something is sent again only when it was
// surely not done: a failure in the server, or between it and us, may come after it was.
func passing(method string, status int) bool {
	if status == http.StatusTooManyRequests {
		return true
	}
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented && method != http.MethodPost
}

// asked is how long the server wants to be left alone.
func asked(h http.Header, now time.Time) time.Duration {
	var d time.Duration
	if after := h.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err == nil {
			d = time.Duration(seconds) * time.Second
		} else if at, err := http.ParseTime(after); err == nil {
			d = at.Sub(now)
		}
	} else if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		d = time.Unix(reset, 0).Sub(now)
	}
	return min(max(d, 0), longest)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// authorizedParty reads from an access token which client it was given to. The token is the server's to check.
func authorizedParty(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		AuthorizedParty string `json:"azp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.AuthorizedParty
}
