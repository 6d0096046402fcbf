package devinbox

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/message"
)

// Inbox is the part of message.Inbox that is shown.
type Inbox interface {
	List(ctx context.Context, f message.InboxFilter, wait time.Duration) ([]message.InboxMessage, error)
	Delete(ctx context.Context, f message.InboxFilter) error
}

// Config is what the inbox's pages are made of. Inbox and Log are required.
type Config struct {
	Inbox Inbox
	Log   *slog.Logger

	// Dev says that the server runs in development mode; otherwise an operator has turned the inbox on.
	Dev bool
	// AlsoSent says that messages leave by SMTP too.
	AlsoSent bool
	// SampleURL is where a newcomer can log in; empty when there is no such place.
	SampleURL string
	// NewTenant makes one more sample tenant and gives the document that describes it; nil when that is not offered.
	NewTenant func(ctx context.Context) (any, error)
}

// Handler answers at the inbox's own listener.
type Handler struct {
	config Config
	routes http.Handler

	stop     chan struct{} // closed when the server stops: nobody waits any longer
	stopOnce sync.Once
}

//go:embed assets
var assets embed.FS

// New makes the inbox's handler.
func New(c Config) *Handler {
	h := &Handler{config: c, stop: make(chan struct{})}
	mux := http.NewServeMux()
	// The same inbox, whole and for one tenant.
	for _, base := range []string{"", "/of/{tenant}"} {
		mux.HandleFunc("GET "+base+"/{$}", h.page)
		mux.HandleFunc("POST "+base+"/empty", h.emptyByForm)
		mux.HandleFunc("GET "+base+"/messages", h.list)
		mux.HandleFunc("DELETE "+base+"/messages", h.empty)
		mux.HandleFunc("GET "+base+"/messages/{id}/html", h.html)
		if c.NewTenant != nil {
			mux.HandleFunc("POST "+base+"/tenants", h.newTenant)
		}
	}
	mux.Handle("GET /assets/{name}", http.FileServerFS(assets))
	h.routes = mux
	return h
}

// Stop ends the requests that wait for a message, so that a stopping server need not.
func (h *Handler) Stop() { h.stopOnce.Do(func() { close(h.stop) }) }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers := w.Header()
	headers.Set("X-Content-Type-Options", "nosniff")
	headers.Set("Referrer-Policy", "same-origin") // no-referrer would make the Origin of our own form "null"
	headers.Set("Cross-Origin-Resource-Policy", "same-origin")
	headers.Set("Cross-Origin-Opener-Policy", "same-origin")
	headers.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if !strings.HasPrefix(r.URL.Path, "/assets/") {
		headers.Set("Cache-Control", "no-store")
	}
	if reason := refusal(r); reason != "" {
		writeError(w, http.StatusForbidden, "forbidden", reason)
		return
	}
	h.routes.ServeHTTP(w, r)
}

// wireMessage is a message as scripts read it.
type wireMessage struct {
	ID        string  `json:"id"`
	Tenant    string  `json:"tenant"`
	Channel   string  `json:"channel"`
	To        string  `json:"to"`
	From      string  `json:"from"`
	Subject   string  `json:"subject"`
	Text      string  `json:"text"`
	HTML      string  `json:"html"`
	Code      string  `json:"code"`
	Link      *string `json:"link"` // null where the message has none
	CreatedAt string  `json:"created_at"`
}

const (
	timeFormat  = "2006-01-02T15:04:05.000Z07:00"
	longestWait = time.Minute
)

// list answers GET /messages?to=&since=&wait=.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	filter, wait, err := query(r)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if wait > 0 {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + 10*time.Second))
	}
	messages, err := h.read(r, filter, wait)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	out := make([]wireMessage, len(messages))
	for i, m := range messages {
		out[i] = wireMessage{
			ID: m.ID, Tenant: m.Tenant, Channel: string(m.Channel), To: m.To, From: m.From, Subject: m.Subject,
			Text: m.Text, HTML: m.HTML, Code: m.Code, CreatedAt: m.CreatedAt.UTC().Format(timeFormat),
		}
		if m.Link != "" {
			out[i].Link = &m.Link
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// read lists messages and stops waiting when the server stops. Whoever waits then gets the empty list.
func (h *Handler) read(r *http.Request, f message.InboxFilter, wait time.Duration) ([]message.InboxMessage, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	if wait > 0 {
		go func() {
			select {
			case <-h.stop:
				cancel(errStopping)
			case <-done:
			}
		}()
	}
	messages, err := h.config.Inbox.List(ctx, f, wait)
	if err != nil && errors.Is(context.Cause(ctx), errStopping) {
		return nil, nil
	}
	return messages, err
}

var errStopping = errors.New("the server is stopping")

// empty answers DELETE /messages?to=.
func (h *Handler) empty(w http.ResponseWriter, r *http.Request) {
	filter, _, err := query(r)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if err := h.config.Inbox.Delete(r.Context(), filter); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// newTenant answers POST /tenants with the new tenant's description.
func (h *Handler) newTenant(w http.ResponseWriter, r *http.Request) {
	document, err := h.config.NewTenant(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, document)
}

// query reads the parameters that all routes share. An unknown one is refused: a misspelt filter would otherwise show,
// or delete, everything.
func query(r *http.Request) (message.InboxFilter, time.Duration, error) {
	f := message.InboxFilter{Tenant: r.PathValue("tenant")}
	var wait time.Duration
	for name, values := range r.URL.Query() {
		if len(values) != 1 {
			return f, 0, errors.New(strconv.Quote(name) + " is given more than once")
		}
		var err error
		switch value := values[0]; name {
		case "to":
			f.To = recipient(value)
		case "since":
			f.Since, err = moment(value)
		case "wait":
			wait, err = seconds(value)
		default:
			err = errors.New(strconv.Quote(name) + " is not known; there are to, since and wait")
		}
		if err != nil {
			return f, 0, err
		}
	}
	return f, wait, nil
}

// recipient reads an address of a query. Where people write a telephone number without encoding its plus sign, a space has come.
func recipient(value string) string {
	if strings.HasPrefix(value, " ") {
		return "+" + strings.TrimSpace(value)
	}
	return value
}

// moment reads a time: RFC 3339, or Unix time in seconds or milliseconds.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(s, " ", "+")); err == nil {
		return t, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n < 1e15) {
		return time.Time{}, errors.New("\"since\" is a time: 2026-01-31T12:00:00Z, or Unix seconds or milliseconds")
	}
	if n < 1e11 {
		n *= 1000
	}
	return time.UnixMilli(int64(n)), nil
}

// seconds reads how long to wait.
func seconds(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0) {
		return 0, errors.New("\"wait\" is a number of seconds, at most 60")
	}
	return min(longestWait, time.Duration(min(n, longestWait.Seconds())*float64(time.Second))), nil
}

// fail answers an error that is not the caller's.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is left to answer
	}
	status := http.StatusInternalServerError
	if apierr.KindOf(err) == apierr.Unavailable {
		status = http.StatusServiceUnavailable
	}
	h.config.Log.Error("inbox", "path", r.URL.Path, "err", err)
	writeError(w, status, "internal_error", apierr.As(err).Message)
}

func writeError(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]string{"error": code, "message": text})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // a caller that is gone needs no answer
}
