package egress

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	// requestTimeout bounds a whole exchange, the reading of the answer included.
	requestTimeout = 15 * time.Second
	// idleTimeout is shorter than that of the services we know: a request on a connection that they are just closing would
	// leave it unknown whether it arrived.
	idleTimeout = 15 * time.Second
	// maxAnswer and maxAnswerHeader bound what is read of an answer.
	maxAnswer       = 1 << 20
	maxAnswerHeader = 64 << 10
	// maxRequest bounds what is sent.
	maxRequest = 8 << 20
)

// ErrTooLarge is the answer for bodies beyond the cap.
var ErrTooLarge = errors.New("the body is larger than is read")

// web is what all exchanges share: kept connections.
type web struct {
	transport *http.Transport
}

func newWeb(e *Egress) *web {
	return &web{transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return e.dial(ctx, network, address, webPorts)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.config.RootCAs},
		TLSHandshakeTimeout:    dialTimeout,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 alone: one request, one answer
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
	}}
}

// Close ends the connections that are kept without work.
func (e *Egress) Close() { e.web.transport.CloseIdleConnections() }

// Exchange is one request with its answer, or several in a row that belong together. It is not safe for concurrent use.
type Exchange struct {
	// Redirects is how many redirects are followed; each hop's address is judged as the first one is. Credentials go no
	// further than the origin they were for, and https never leads to http.
	Redirects int
	// Timeout bounds the whole exchange, the reading of the answer included; zero means 15 seconds.
	Timeout time.Duration
	// MaxAnswer bounds what is read of an answer's body; zero means 1 MiB.
	MaxAnswer int64

	egress *Egress
	left   atomic.Bool
}

// Exchange begins one.
func (e *Egress) Exchange() *Exchange { return &Exchange{egress: e} }

// HandedOver reports of a request that failed whether the other side may have had it whole. While that is false, it
// certainly has not accepted it.
func (x *Exchange) HandedOver() bool { return x.left.Load() }

// Do sends a request and gives its answer, whose body ends with ErrTooLarge where it is longer than is read. Errors do not
// repeat the address, which may hold secrets.
func (x *Exchange) Do(r *http.Request) (*http.Response, error) {
	x.left.Store(false)
	if r.URL.User != nil || (r.URL.Scheme != "https" && r.URL.Scheme != "http") {
		return nil, fmt.Errorf("the address is none of http or https without credentials: %w", ErrRefused)
	}
	if err := x.watch(r); err != nil {
		return nil, err
	}
	client := http.Client{Transport: x.egress.web.transport, Timeout: cmp.Or(x.Timeout, requestTimeout), CheckRedirect: x.checkRedirect}
	answer, err := client.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, err
	}
	answer.Body = &capped{ReadCloser: answer.Body, left: cmp.Or(x.MaxAnswer, maxAnswer)}
	return answer, nil
}

// checkRedirect follows none unless asked to.
func (x *Exchange) checkRedirect(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1]
	switch {
	case len(before) > x.Redirects:
		return http.ErrUseLastResponse
	case last.URL.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("the redirect leaves https")
	case next.URL.Scheme != "https" && next.URL.Scheme != "http", next.URL.User != nil:
		return fmt.Errorf("the redirect: %w", ErrRefused)
	}
	if first := before[0].URL; next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"} {
			next.Header.Del(name)
		}
	}
	return nil
}

// watch makes the exchange notice that the last byte of the request is taken to be sent. The transport may begin anew, on
// another connection, where nothing had left.
func (x *Exchange) watch(r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
		_ = r.Body.Close()
		if err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
		if len(body) > maxRequest {
			return ErrTooLarge
		}
	}
	if len(body) == 0 {
		x.left.Store(r.Method != http.MethodGet && r.Method != http.MethodHead) // nothing is there to be watched
		return nil
	}
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) {
		x.left.Store(false)
		return &watched{Reader: *bytes.NewReader(body), left: &x.left}, nil
	}
	r.Body, _ = r.GetBody()
	return nil
}

// watched is a request's body that tells when its last byte was taken.
type watched struct {
	bytes.Reader
	left *atomic.Bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.Len() == 0 {
		w.left.Store(true)
	}
	return n, err
}

// WriteTo hides that of the reader below, which would take all without Read.
func (w *watched) WriteTo(to io.Writer) (int64, error) {
	w.left.Store(true)
	return w.Reader.WriteTo(to)
}

func (w *watched) Close() error { return nil }

// capped is an answer's body that ends where enough was read.
type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return c.beyond(p)
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	return n, err
}

// beyond tells a body that ends exactly at the cap from one that goes on.
func (c *capped) beyond(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.ReadCloser.Read(p[:1])
	if n > 0 {
		return 0, ErrTooLarge
	}
	return 0, err
}
