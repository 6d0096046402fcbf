package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The ACME library keeps one rate limiter per account for the life of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"))
}

func open(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// oneShot gives a client that keeps no connections.
func plainClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func TestFront_StopFinishesRequestsThenClosesInOrder(t *testing.T) {
	t.Parallel()
	f, l := NewFront(slog.New(slog.DiscardHandler)), open(t)
	inside, release := make(chan struct{}), make(chan struct{})
	var order []string
	if err := f.Serve(Door{Listener: l, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-release
		order = append(order, "request")
		_, _ = io.WriteString(w, "finished")
	})}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"messages", "database"} {
		f.OnStop(name, func(context.Context) error { order = append(order, name); return nil })
	}
	answer := make(chan string, 1)
	go func() {
		res, err := plainClient().Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		answer <- string(body)
	}()
	<-inside

	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		stopped <- f.Stop(ctx)
	}()
	for { // the listener closes while the request is still running
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	if !f.Stopping() {
		t.Error("Stopping = false while stopping")
	}
	if err := f.Serve(Door{Listener: open(t), Handler: http.NotFoundHandler()}); !errors.Is(err, ErrStopping) {
		t.Errorf("Serve while stopping = %v, want ErrStopping", err)
	}
	close(release)
	if err := <-stopped; err != nil {
		t.Errorf("Stop = %v", err)
	}
	if got := <-answer; got != "finished" {
		t.Errorf("the request in flight got %q", got)
	}
	if want := []string{"request", "messages", "database"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func TestFront_StopCutsOffWhoeverWaitsTooLong(t *testing.T) {
	t.Parallel()
	f, l := NewFront(slog.New(slog.DiscardHandler)), open(t)
	inside := make(chan struct{})
	if err := f.Serve(Door{Listener: l, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	})}); err != nil {
		t.Fatal(err)
	}
	closed := false
	f.OnStop("database", func(ctx context.Context) error { closed = ctx.Err() == nil; return nil })
	go func() {
		if res, err := plainClient().Get("http://" + l.Addr().String()); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
	defer cancel()
	if err := f.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop = %v, want the deadline", err)
	}
	if !closed {
		t.Error("the database was not closed within the time that was left")
	}
}

func TestFront_WaitTellsOfADeadListener(t *testing.T) {
	t.Parallel()
	f, l := NewFront(slog.New(slog.DiscardHandler)), open(t)
	if err := f.Serve(Door{Listener: l, Handler: http.NotFoundHandler()}); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := f.Wait(t.Context()); err == nil {
		t.Error("Wait = nil, want the listener's error")
	}
	_ = f.Stop(t.Context())
}

func TestListen_LocalhostIsBothLoopbackAddressesOnOnePort(t *testing.T) {
	t.Parallel()
	ls, err := Listen(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		if Port(l) != Port(ls[0]) || !Loopback(l.Addr().String()) {
			t.Errorf("listener %s", l.Addr())
		}
		_ = l.Close()
	}
	if _, err := Listen(t.Context(), "localhost"); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
		t.Errorf("an address without a port: %v", err)
	}
	for address, want := range map[string]bool{
		"localhost:1": true, "127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example.com:1": false, "localhost": false,
	} {
		if got := Loopback(address); got != want {
			t.Errorf("Loopback(%s) = %v, want %v", address, got, want)
		}
	}
}

func TestListen_SaysWhatToDoAboutATakenAddress(t *testing.T) {
	t.Parallel()
	l := open(t)
	defer func() { _ = l.Close() }()
	if _, err := Listen(t.Context(), l.Addr().String()); err == nil || !strings.Contains(err.Error(), "choose another address with --listen") {
		t.Errorf("Listen = %v", err)
	}
}

func TestOperations_SayWhetherTheProcessCanServe(t *testing.T) {
	t.Parallel()
	m := NewMetrics("1.2.3")
	m.Observe("POST /oauth/token", "POST", 200, 3*time.Millisecond)
	m.Observe("", "BREW", 404, time.Millisecond)
	stopping, broken := false, error(nil)
	h := Operations(slog.New(slog.DiscardHandler), m, func() bool { return stopping }, func(context.Context) error { return broken }, "smtp")
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %s", code, body)
	}
	if code, body := get("/readyz"); code != 200 || body != "ready, mail leaves by: smtp\n" {
		t.Errorf("readyz: %d %s", code, body)
	}
	broken = errors.New("password authentication failed for user secret")
	if code, body := get("/readyz"); code != 503 || body != "the database does not answer, or its tables do not fit\n" {
		t.Errorf("readyz with a broken database: %d %s", code, body)
	}
	stopping = true
	if code, body := get("/readyz"); code != 503 || body != "stopping\n" {
		t.Errorf("readyz while stopping: %d %s", code, body)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("healthz while stopping: %d", code)
	}
	_, body := get("/metrics")
	for _, want := range []string{
		`latchkey_build_info{version="1.2.3"} 1`, "go_goroutines", "process_resident_memory_bytes",
		`latchkey_http_request_duration_seconds_count{method="POST",route="POST /oauth/token",status="200"} 1`,
		`latchkey_http_request_duration_seconds_count{method="other",route="none",status="404"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
