package devinbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"latchkey/internal/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inbox is an Inbox in memory.
type inbox struct {
	mu       sync.Mutex
	messages []message.InboxMessage // the newest first
	asked    []message.InboxFilter
	waits    []time.Duration
	deleted  []message.InboxFilter
	waiting  chan struct{} // told when a List waits
	err      error
}

func (i *inbox) List(ctx context.Context, f message.InboxFilter, wait time.Duration) ([]message.InboxMessage, error) {
	i.mu.Lock()
	i.asked, i.waits = append(i.asked, f), append(i.waits, wait)
	found := slices.DeleteFunc(slices.Clone(i.messages), func(m message.InboxMessage) bool {
		return f.To != "" && f.To != m.To || f.Tenant != "" && f.Tenant != m.Tenant || !m.CreatedAt.After(f.Since)
	})
	i.mu.Unlock()
	if i.err != nil {
		return nil, i.err
	}
	if len(found) == 0 && wait > 0 && i.waiting != nil {
		i.waiting <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return found, nil
}

func (i *inbox) Delete(_ context.Context, f message.InboxFilter) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deleted = append(i.deleted, f)
	return nil
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123e6, time.UTC)

func sample() *inbox {
	return &inbox{messages: []message.InboxMessage{
		{
			Key: message.Key{Tenant: "t1", ID: "m2"}, Channel: message.Email, To: "ada@example.com",
			From: `Acme <no-reply@acme.example>`, Subject: "481516 is your code for Acme", Text: "Acme: 481516\n",
			HTML: `<!DOCTYPE html><p>481516<script>alert(1)</script>`, Code: "481516", CreatedAt: noon.Add(time.Minute),
			Headers: []message.Header{{Name: "Auto-Submitted", Value: "auto-generated"}},
		},
		{
			Key: message.Key{Tenant: "t2", ID: "m1"}, Channel: message.Email, To: "bob@example.com",
			Subject: `<b>hostile</b>`, Code: "234234", CreatedAt: noon,
		},
	}}
}

// handler makes a handler over an inbox.
func handler(i *inbox, c Config) *Handler {
	c.Inbox, c.Log = i, slog.New(slog.NewTextHandler(io.Discard, nil))
	return New(c)
}

// ask makes a request as a script does, with the headers given in pairs.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:8444"
	for n := 0; n < len(headers); n += 2 {
		if headers[n] == "Host" {
			r.Host = headers[n+1]
			continue
		}
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMessages_AreWhatScriptsExpect(t *testing.T) {
	t.Parallel()
	w := ask(handler(sample(), Config{}), "GET", "/messages?to=ada@example.com")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var got []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != 1 {
		t.Fatalf("%s: %v, want one message", w.Body, err)
	}
	want := map[string]any{
		"id": "m2", "tenant": "t1", "channel": "email", "to": "ada@example.com", "from": `Acme <no-reply@acme.example>`,
		"subject": "481516 is your code for Acme", "text": "Acme: 481516\n", "code": "481516", "link": nil,
		"html": `<!DOCTYPE html><p>481516<script>alert(1)</script>`, "created_at": "2026-11-21T12:01:00.123Z",
	}
	for name, value := range want {
		if v, ok := got[0][name]; !ok || v != value {
			t.Errorf("%s = %v, want %v", name, v, value)
		}
	}
	if len(got[0]) != len(want) {
		t.Errorf("members %v", got[0])
	}
	if w := ask(handler(sample(), Config{}), "GET", "/messages?to=eve@example.com"); strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("no message is %q, want []", w.Body)
	}
}

func TestMessages_Parameters(t *testing.T) {
	t.Parallel()
	i := sample()
	h := handler(i, Config{})
	since := url.QueryEscape(noon.Format(time.RFC3339Nano))
	tests := []struct {
		query string
		want  message.InboxFilter
		wait  time.Duration
	}{
		{"", message.InboxFilter{}, 0},
		{"?to=ada%2Bx@example.com", message.InboxFilter{To: "ada+x@example.com"}, 0},
		{"?since=" + since + "&wait=2.5", message.InboxFilter{Since: noon}, 2500 * time.Millisecond},
		{"?since=1795262400.123", message.InboxFilter{Since: noon}, 0},
		{"?since=1795262400123", message.InboxFilter{Since: noon}, 0},
		{"?since=2026-11-21T13:00:00.123+01:00", message.InboxFilter{Since: noon}, 0}, // a plus sign nobody encoded
		{"?wait=9999", message.InboxFilter{}, time.Minute},
		{"?wait=&since=&to=", message.InboxFilter{}, 0},
	}
	for _, tt := range tests {
		if w := ask(h, "GET", "/messages"+tt.query); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", tt.query, w.Code, w.Body)
			continue
		}
		got, wait := i.asked[len(i.asked)-1], i.waits[len(i.waits)-1]
		if got.To != tt.want.To || !got.Since.Equal(tt.want.Since) || wait != tt.wait {
			t.Errorf("%s asked for %+v and waits %v, want %+v and %v", tt.query, got, wait, tt.want, tt.wait)
		}
	}
	for _, query := range []string{"?since=yesterday", "?since=-1", "?since=NaN", "?wait=soon", "?wait=-1", "?wait=NaN", "?recipient=a", "?to=a&to=b"} {
		for _, method := range []string{"GET", "DELETE"} {
			if w := ask(h, method, "/messages"+query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_request") {
				t.Errorf("%s %s: %d %s, want a refusal", method, query, w.Code, w.Body)
			}
		}
	}
	if len(i.deleted) != 0 {
		t.Errorf("a refused request deleted %+v", i.deleted)
	}
}

func TestMessages_OfOneTenant(t *testing.T) {
	t.Parallel()
	i := sample()
	h := handler(i, Config{})
	if w := ask(h, "GET", "/of/t2/messages"); !strings.Contains(w.Body.String(), "234234") || strings.Contains(w.Body.String(), "481516") {
		t.Errorf("t2's messages: %s", w.Body)
	}
	if w := ask(h, "DELETE", "/of/t2/messages?to=bob@example.com"); w.Code != http.StatusNoContent {
		t.Errorf("DELETE: %d %s", w.Code, w.Body)
	}
	if want := (message.InboxFilter{Tenant: "t2", To: "bob@example.com"}); len(i.deleted) != 1 || i.deleted[0] != want {
		t.Errorf("deleted %+v, want %+v", i.deleted, want)
	}
}

func TestStop_EndsWaitsWithAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	i := &inbox{waiting: make(chan struct{})}
	h := handler(i, Config{})
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- ask(h, "GET", "/messages?wait=60") }()
	<-i.waiting
	h.Stop()
	h.Stop() // twice is once
	if w := <-answer; w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("%d %s, want an empty list", w.Code, w.Body)
	}
}

func TestStrangers_AreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path string
		headers            []string
		status             int
	}{
		{"a script", "GET", "/messages", nil, 200},
		{"a script by address", "GET", "/messages", []string{"Host", "127.0.0.1:8444"}, 200},
		{"a script by IPv6", "GET", "/messages", []string{"Host", "[::1]:8444"}, 200},
		{"a script without a port", "GET", "/messages", []string{"Host", "localhost"}, 200},
		{"the page's own script", "GET", "/messages", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"the address bar", "GET", "/", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"a link from the sample application", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"the page's own form", "POST", "/empty", []string{"Origin", "http://localhost:8444", "Sec-Fetch-Site", "same-origin"}, 303},
		{"a script deletes", "DELETE", "/messages", nil, 204},
		{"a script makes a tenant", "POST", "/tenants", nil, 201},

		{"a name that points here", "GET", "/messages", []string{"Host", "evil.example:8444"}, 403},
		{"a name that looks like loopback", "GET", "/messages", []string{"Host", "localhost.evil.example"}, 403},
		{"another machine's address", "GET", "/messages", []string{"Host", "192.0.2.1:8444"}, 403},
		{"no host", "GET", "/messages", []string{"Host", ""}, 403},
		{"a foreign origin", "GET", "/messages", []string{"Origin", "https://evil.example"}, 403},
		{"an origin on another port", "GET", "/messages", []string{"Origin", "http://localhost:3000"}, 403},
		{"an origin with another scheme", "GET", "/messages", []string{"Origin", "https://localhost:8444"}, 403},
		{"an opaque origin", "GET", "/messages", []string{"Origin", "null"}, 403},
		{"a foreign page's request without origin", "GET", "/messages", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		{"a page on another port", "GET", "/messages", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, 403},
		{"a foreign link to the API", "GET", "/messages", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"a foreign frame", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"a foreign form", "POST", "/empty", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"a foreign tenant", "POST", "/tenants", []string{"Origin", "https://evil.example"}, 403},
	}
	for _, tt := range tests {
		i := sample()
		tenants := 0
		h := handler(i, Config{NewTenant: func(context.Context) (any, error) { tenants++; return map[string]string{}, nil }})
		w := ask(h, tt.method, tt.path, tt.headers...)
		if w.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.status)
		}
		if tt.status == 403 && (len(i.asked)+len(i.deleted)+tenants > 0 || strings.Contains(w.Body.String(), "481516")) {
			t.Errorf("%s: refused, and yet something happened", tt.name)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the answer invites other origins", tt.name)
		}
	}
}

func TestTenants_AnswerWithTheNewTenant(t *testing.T) {
	t.Parallel()
	h := handler(sample(), Config{NewTenant: func(context.Context) (any, error) {
		return map[string]string{"issuer": "https://localhost:9001/"}, nil
	}})
	if w := ask(h, "POST", "/tenants"); w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), `"issuer":"https://localhost:9001/"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(handler(sample(), Config{}), "POST", "/tenants"); w.Code != http.StatusNotFound {
		t.Errorf("%d where no tenant can be made, want 404", w.Code)
	}
}

func TestPage_ShowsTheNewestMessage(t *testing.T) {
	t.Parallel()
	w := ask(handler(sample(), Config{Dev: true}), "GET", "/")
	page := w.Body.String()
	for _, want := range []string{
		"<title>481516 · Inbox", "ada@example.com", "bob@example.com", `data-copy="481516"`, `src="/messages/m2/html"`,
		`sandbox="allow-same-origin"`, "Never for production", "&lt;b&gt;hostile&lt;/b&gt;",
		`<noscript><meta http-equiv="refresh" content="5"></noscript>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<b>hostile") || strings.Contains(page, "alert(1)") {
		t.Error("a message's markup got into the page")
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q allows unsafe things", policy)
	}
}

func TestPage_ShowsTheChosenMessageAndView(t *testing.T) {
	t.Parallel()
	h := handler(sample(), Config{})
	for query, want := range map[string]string{
		"?m=m1":             `data-copy="234234"`,
		"?m=m2&tab=text":    "Acme: 481516",
		"?m=m2&tab=headers": "auto-generated",
		"?m=gone":           "This message is gone",
		"?to=eve@x.example": "No message to <strong>eve@x.example</strong> yet",
		"?to=%22%3E%3Cb%3E": "&#34;&gt;&lt;b&gt;",
	} {
		if page := ask(h, "GET", "/"+query).Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s lacks %q", query, want)
		}
	}
	if page := ask(h, "GET", "/").Body.String(); !strings.Contains(page, "Whoever reaches this machine's loopback can log in as anyone") {
		t.Error("outside development mode the page does not warn")
	}
}

func TestPage_EmptyTeaches(t *testing.T) {
	t.Parallel()
	page := ask(handler(&inbox{}, Config{Dev: true, SampleURL: "http://localhost:8445"}), "GET", "/").Body.String()
	for _, want := range []string{"Waiting for the first message", `href="http://localhost:8445"`, "curl &#39;http://localhost:8444/messages", "None of it leaves this machine"} {
		if !strings.Contains(strings.ReplaceAll(page, "curl '", "curl &#39;"), want) {
			t.Errorf("the empty inbox lacks %q", want)
		}
	}
	if page := ask(handler(&inbox{}, Config{AlsoSent: true}), "GET", "/").Body.String(); strings.Contains(page, "None of it leaves") {
		t.Error("the page says that nothing leaves the machine while mail goes out")
	}
}

func TestHTML_RunsNothingAndLoadsNothing(t *testing.T) {
	t.Parallel()
	w := ask(handler(sample(), Config{}), "GET", "/messages/m2/html")
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox allow-same-origin;") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script") {
		t.Errorf("policy %q, want a sandbox without script", policy)
	}
	if w := ask(handler(sample(), Config{}), "GET", "/messages/gone/html"); w.Code != http.StatusNotFound {
		t.Errorf("%d for a message that is gone, want 404", w.Code)
	}
	if w := ask(handler(sample(), Config{}), "GET", "/of/t2/messages/m2/html"); w.Code != http.StatusNotFound {
		t.Errorf("%d for a message of another tenant, want 404", w.Code)
	}
}

func TestEmpty_ReturnsToTheSameFilter(t *testing.T) {
	t.Parallel()
	i := sample()
	w := ask(handler(i, Config{}), "POST", "/of/t1/empty?to=ada%40example.com")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/of/t1/?to=ada%40example.com" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if want := (message.InboxFilter{Tenant: "t1", To: "ada@example.com"}); len(i.deleted) != 1 || i.deleted[0] != want {
		t.Errorf("deleted %+v, want %+v", i.deleted, want)
	}
}

func TestErrors_TellStrangersNothing(t *testing.T) {
	t.Parallel()
	i := sample()
	i.err = errors.New("password of the database is hunter2")
	for _, path := range []string{"/", "/messages", "/messages/m2/html"} {
		if w := ask(handler(i, Config{}), "GET", path); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAssets_AreServedWithTheirTypes(t *testing.T) {
	t.Parallel()
	h := handler(sample(), Config{})
	for path, kind := range map[string]string{
		"/assets/inbox.css": "text/css", "/assets/inbox.js": "text/javascript", "/assets/icon.svg": "image/svg+xml",
	} {
		if w := ask(h, "GET", path, "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	if w := ask(h, "GET", "/assets/"); w.Code == http.StatusOK && strings.Contains(w.Body.String(), "inbox.css") {
		t.Error("the folder of assets is listed")
	}
}

func TestPage_ShowsATextMessageAsText(t *testing.T) {
	t.Parallel()
	i := &inbox{messages: []message.InboxMessage{{
		Key: message.Key{Tenant: "t1", ID: "m3"}, Channel: message.Text, To: "+15551234567",
		Text: "Acme: 481516 is your code.\n\n@login.acme.example #481516", Code: "481516", CreatedAt: noon,
	}}}
	h := handler(i, Config{})
	page := ask(h, "GET", "/").Body.String()
	for _, want := range []string{"<h1><bdi>Acme: 481516 is your code.</bdi></h1>", "@login.acme.example #481516</pre>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "<iframe") || strings.Contains(page, "<dt>From</dt>") {
		t.Error("the page shows a frame, or a sender that is not there")
	}
	ask(h, "GET", "/messages?to=+15551234567")
	if got := i.asked[len(i.asked)-1].To; got != "+15551234567" {
		t.Errorf("a number with a plus sign was read as %q", got)
	}
}
