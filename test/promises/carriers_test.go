package promises

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// gateway is a text message gateway of a tenant's own. It keeps what it is handed.
type gateway struct {
	server *httptest.Server

	mu    sync.Mutex
	calls []text
}

// text is one message as a gateway gets it.
type text struct {
	Recipient string `json:"recipient"`
	Body      string `json:"body"`
	Sender    string `json:"sender"`

	authorization string
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	g := &gateway{}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.Start()
	t.Cleanup(g.server.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	var m text
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.authorization = r.Header.Get("Authorization")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, m)
}

// last waits for a message and gives the newest.
func (g *gateway) last(t testing.TB) text {
	t.Helper()
	eventually(t, "the gateway has a message", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.calls) > 0
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[len(g.calls)-1]
}

// options are those of a connection that sends by the gateway.
func (g *gateway) options(more doc) doc {
	all := doc{"provider": "sms_gateway", "gateway_url": g.server.URL, "from": "+15550001111"}
	for k, v := range more {
		all[k] = v
	}
	return all
}

// eventually waits for what a server does after it has answered.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
