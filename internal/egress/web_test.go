package egress

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func post(t *testing.T, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	return r
}

func TestDo_SendsAndReadsToTheEnd(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	defer s.Close()
	x := New(Config{Loopback: true}).Exchange()
	answer, err := x.Do(post(t, s.URL, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || string(got) != "hello" {
		t.Errorf("answer %q, %v", got, err)
	}
	if !x.HandedOver() {
		t.Error("a request that was answered was not handed over")
	}
}

func TestDo_RefusesClosedAddressesBeforeAnythingLeaves(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer s.Close()
	e := New(Config{})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, address := range []string{s.URL, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://127.1:" + port, "ftp://example.com", "http://user:password@example.com/"} {
		x := e.Exchange()
		_, err := x.Do(post(t, address, "hello"))
		if err == nil {
			t.Errorf("%s is reached", address)
			continue
		}
		if x.HandedOver() {
			t.Errorf("%s: handed over", address)
		}
		if strings.Contains(err.Error(), "password") {
			t.Errorf("the error repeats the address: %v", err)
		}
	}
}

func TestDo_FollowsNoRedirectUnlessAsked(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "" {
			t.Errorf("another origin gets the credentials %q", got)
		}
		_, _ = io.WriteString(w, "other")
	}))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	e := New(Config{Loopback: true})
	for redirects, want := range map[int]int{0: 307, 1: 200} {
		x := e.Exchange()
		x.Redirects = redirects
		answer, err := x.Do(post(t, s.URL, "hello"))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("with %d redirects: %d, want %d", redirects, answer.StatusCode, want)
		}
	}
}

func TestDo_JudgesTheAddressOfEveryHop(t *testing.T) {
	t.Parallel()
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer inner.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	x := New(Config{Hosts: map[string]string{"api.example.com:80": s.Listener.Addr().String()}}).Exchange()
	x.Redirects = 3
	if _, err := x.Do(post(t, "http://api.example.com/", "hello")); !errors.Is(err, ErrRefused) {
		t.Errorf("a redirect to loopback: %v", err)
	}
}

func TestDo_HTTPSNeverLeadsToHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	x := New(Config{Loopback: true, RootCAs: roots}).Exchange()
	x.Redirects = 1
	if _, err := x.Do(post(t, s.URL, "hello")); err == nil || !strings.Contains(err.Error(), "leaves https") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Loopback: true}).Exchange().Do(post(t, s.URL, "hello")); err == nil {
		t.Error("a certificate of an unknown authority is trusted")
	}
}

func TestDo_ReadsNoMoreThanTheCap(t *testing.T) {
	t.Parallel()
	size := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), size))
	}))
	defer s.Close()
	e := New(Config{Loopback: true})
	for _, c := range []struct {
		size int
		want error
	}{{maxAnswer, nil}, {maxAnswer + 1, ErrTooLarge}} {
		size = c.size
		answer, err := e.Exchange().Do(post(t, s.URL, "hello"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if len(got) != maxAnswer || !errors.Is(err, c.want) {
			t.Errorf("of %d bytes %d are read, %v", c.size, len(got), err)
		}
	}
}

func TestDo_KnowsWhetherTheRequestHadLeft(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	defer s.Close()
	x := New(Config{Loopback: true}).Exchange()
	if _, err := x.Do(post(t, s.URL, "hello")); err == nil || !x.HandedOver() {
		t.Errorf("cut after the request: %v, handed over %t", err, x.HandedOver())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	x = New(Config{Loopback: true}).Exchange()
	if _, err := x.Do(post(t, "http://"+address, "hello")); err == nil || x.HandedOver() {
		t.Errorf("no connection: %v, handed over %t", err, x.HandedOver())
	}
}
