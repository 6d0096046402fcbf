package management

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/apischema"
	"latchkey/test/servertest"
)

// caller calls the Management API of a server as often as it likes: the clock moves on with each call, so that no limit is
// reached, and its token outlives the test.
type caller struct {
	*servertest.Server
	token string
}

func newCaller(s *servertest.Server) *caller {
	s.T.Helper()
	return &caller{Server: s, token: lasting(s, everyScope(s.T, s)...)}
}

// lasting gives a token that is good for as long as any test moves its clock.
func lasting(s *servertest.Server, scopes ...string) string {
	return s.SignToken(machine(s, scopes...))
}

// machine are the claims of a machine's token.
func machine(s *servertest.Server, scopes ...string) map[string]any {
	return map[string]any{
		"sub": s.M2M.ID + "@clients", "azp": s.M2M.ID, "gty": "client-credentials", "scope": strings.Join(scopes, " "),
		"exp": s.Clock.Now().AddDate(1, 0, 0).Unix(),
	}
}

// everyScope lists the scopes of the Management API.
func everyScope(t testing.TB, s *servertest.Server) []string {
	t.Helper()
	api, err := s.Database.Store.ResourceServer(context.Background(), s.Tenant.ID, s.Tenant.ManagementAudience())
	if err != nil {
		t.Fatal(err)
	}
	scopes := make([]string, len(api.Scopes))
	for i, one := range api.Scopes {
		scopes[i] = one.Value
	}
	return scopes
}

// call calls with the caller's token.
func (c *caller) call(method, path string, body any) servertest.Reply {
	c.T.Helper()
	return c.with(c.token, method, path, body)
}

// with calls with a token.
func (c *caller) with(token, method, path string, body any) servertest.Reply {
	c.T.Helper()
	c.Clock.Advance(20 * time.Millisecond)
	return c.Call(token, method, path, body)
}

// must calls and ends the test unless the call succeeds.
func (c *caller) must(method, path string, body any) servertest.Reply {
	c.T.Helper()
	a := c.call(method, path, body)
	if a.Status/100 != 2 {
		c.T.Fatalf("%s %s: got %d %s", method, path, a.Status, a.Text)
	}
	return a
}

// step is one operation of a script: how it is called, rightly.
type step struct {
	op string // as documented: "PATCH /clients/{id}"
	// of are the values of the path's parameters, in order: names of what was kept, or texts.
	of []string
	// query is one that the operation takes.
	query string
	// bodies are payloads that it takes: the least, then more. Mistakes are made in the last one. Texts such as "{client}"
	// stand for what was kept.
	bodies []any
	// keep says what is kept of the answer to the last call, by the names it is kept under: {"client": "client_id"}.
	keep map[string]string
	// ends tells that the step takes away what others are about, as deletions do.
	ends bool
	// as gives the token, where that of a machine with every scope will not do.
	as func(*script) string
	// raw calls in a way of its own.
	raw func(*script) servertest.Reply
}

// script is a list of steps that is being played, with what was kept of the answers so far.
type script struct {
	*caller
	kept map[string]string
}

func newScript(c *caller) *script {
	return &script{caller: c, kept: map[string]string{
		"web": c.Web.ID, "spa": c.SPA.ID, "m2m": c.M2M.ID, "api": servertest.Audience,
	}}
}

// operation finds the operation of a step.
func (p step) operation(t testing.TB) *apischema.Operation {
	t.Helper()
	method, path, _ := strings.Cut(p.op, " ")
	o, found := apischema.Find(method, path)
	if !found {
		t.Fatalf("there is no operation %s", p.op)
	}
	return o
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// path fills in the parameters of a step's path.
func (r *script) path(p step) string {
	_, path, _ := strings.Cut(p.op, " ")
	values := p.of
	path = parameter.ReplaceAllStringFunc(path, func(name string) string {
		if len(values) == 0 {
			r.T.Fatalf("%s: no value is given for %s", p.op, name)
		}
		v := values[0]
		values = values[1:]
		if kept, ok := r.kept[v]; ok {
			v = kept
		}
		return escaped(v)
	})
	if p.query != "" {
		path += "?" + r.fill(p.query).(string)
	}
	return path
}

// escaped writes a value as one segment of a path, as tools do.
func escaped(v string) string {
	return strings.NewReplacer("%", "%25", "|", "%7C", "/", "%2F", ":", "%3A", "?", "%3F", "#", "%23", " ", "%20").Replace(v)
}

// fill puts what was kept in the places of a value that name it.
func (r *script) fill(v any) any {
	switch v := v.(type) {
	case string:
		return parameter.ReplaceAllStringFunc(v, func(name string) string {
			kept, ok := r.kept[strings.Trim(name, "{}")]
			if !ok {
				return name
			}
			return kept
		})
	case doc:
		filled := doc{}
		for name, one := range v {
			filled[name] = r.fill(one)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, one := range v {
			filled[i] = r.fill(one)
		}
		return filled
	}
	return v
}

// tokenOf gives the token that a step is called with.
func (r *script) tokenOf(p step) string {
	if p.as != nil {
		return p.as(r)
	}
	return r.token
}

// play makes the calls of a step, and hands each answer to look.
func (r *script) play(p step, look func(servertest.Reply)) {
	r.T.Helper()
	method, _, _ := strings.Cut(p.op, " ")
	var last servertest.Reply
	if p.raw != nil {
		last = p.raw(r)
		look(last)
	} else if len(p.bodies) == 0 {
		last = r.with(r.tokenOf(p), method, r.path(p), nil)
		look(last)
	}
	for _, body := range p.bodies {
		last = r.with(r.tokenOf(p), method, r.path(p), r.fill(plain(body)))
		look(last)
	}
	for name, member := range p.keep {
		v, found := at(last.Body, member)
		if !found {
			r.T.Fatalf("%s: the answer has no %s: %d %s", p.op, member, last.Status, last.Text)
		}
		r.kept[name] = fmt.Sprint(v)
	}
}

// at finds what a path such as "identities.0.user_id" leads to.
func at(v any, path string) (any, bool) {
	for name := range strings.SplitSeq(path, ".") {
		switch container := v.(type) {
		case doc:
			one, there := container[name]
			if !there {
				return nil, false
			}
			v = one
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(container) {
				return nil, false
			}
			v = container[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// request makes a request with a token, to be changed before it is sent.
func (c *caller) request(method, path, body string) *http.Request {
	c.T.Helper()
	c.Clock.Advance(20 * time.Millisecond)
	r, err := http.NewRequestWithContext(context.Background(), method, c.URL+"/api/v2"+path, strings.NewReader(body))
	if err != nil {
		c.T.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}
