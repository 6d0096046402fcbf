package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/web/httpx"
)

// Time limits of connections. They bound what a slow or silent stranger can hold.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Front is the set of listeners of a process and the things that end with it. It is safe for concurrent use.
type Front struct {
	log      *slog.Logger
	stopping atomic.Bool
	failed   chan error

	mu      sync.Mutex
	servers []*http.Server
	serving sync.WaitGroup
	before  []func()
	closers []closer
}

type closer struct {
	name  string
	close func(context.Context) error
}

// NewFront makes a Front without listeners.
func NewFront(log *slog.Logger) *Front {
	return &Front{log: log, failed: make(chan error, 1)}
}

// ErrStopping is the answer to serving another listener while the process stops.
var ErrStopping = errors.New("the server is stopping")

// Door is one address and what answers there.
type Door struct {
	Listener net.Listener
	Handler  http.Handler
	// TLS, when set, makes the listener speak HTTPS (HTTP/1.1 and HTTP/2).
	TLS *tls.Config
	// LongAnswers lifts the time limit on answers, for the inbox's long polls.
	LongAnswers bool
}

// Serve begins to answer at a door. The Front owns the listener from then on.
func (f *Front) Serve(d Door) error {
	s := &http.Server{
		Handler:           d.Handler,
		TLSConfig:         d.TLS.Clone(), // the server completes it, and several may share one
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    httpx.MaxHeaderBytes,
		// What strangers do wrong below HTTP (broken handshakes, scans) is nobody's emergency.
		ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
	}
	if d.LongAnswers {
		s.WriteTimeout = 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping.Load() {
		_ = d.Listener.Close()
		return ErrStopping
	}
	f.servers = append(f.servers, s)
	f.serving.Go(func() {
		var err error
		if d.TLS != nil {
			err = s.ServeTLS(d.Listener, "", "")
		} else {
			err = s.Serve(d.Listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			select {
			case f.failed <- fmt.Errorf("answer at %s: %w", d.Listener.Addr(), err):
			default:
			}
		}
	})
	return nil
}

// BeforeStop registers what happens when stopping begins, such as ending long waits so that their requests can finish.
func (f *Front) BeforeStop(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = append(f.before, do)
}

// OnStop registers what is to end after the requests. Things end in the order in which they were registered.
func (f *Front) OnStop(name string, close func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closers = append(f.closers, closer{name, close})
}

// Stopping reports whether Stop has been called; readiness answers with it.
func (f *Front) Stopping() bool { return f.stopping.Load() }

// Wait returns nil when ctx ends, or the error of a listener that died by itself.
func (f *Front) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-f.failed:
		return err
	}
}

// Stop closes the listeners, finishes the requests in flight, then ends what OnStop registered. Requests that are still
// running after three quarters of the time that ctx leaves are cut off.
func (f *Front) Stop(ctx context.Context) error {
	f.mu.Lock()
	f.stopping.Store(true)
	before, servers, closers := f.before, f.servers, f.closers
	f.before, f.servers, f.closers = nil, nil, nil
	f.mu.Unlock()
	for _, do := range before {
		do()
	}

	requests, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		requests, cancel = context.WithTimeout(ctx, time.Until(deadline)*3/4)
	}
	defer cancel()
	var all sync.WaitGroup
	errs := make([]error, len(servers))
	for i, s := range servers {
		all.Go(func() {
			if err := s.Shutdown(requests); err != nil {
				errs[i] = fmt.Errorf("finish requests: %w", err)
				_ = s.Close()
			}
		})
	}
	all.Wait()
	f.serving.Wait()
	for _, c := range closers {
		if err := c.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}
