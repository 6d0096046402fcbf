package pages_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/connection"
	"latchkey/internal/store"
	"latchkey/test/servertest"
)

// people are the kinds of addresses that a stranger must not tell apart, by the connection that drives the login.
var people = []struct{ kind, connection string }{
	{"known", "email"}, {"unknown", "email"}, {"blocked", "email"}, {"unwanted", "closed"}, {"member", "closed"},
}

func address(kind string, i int) string { return fmt.Sprintf("%s%d@example.com", kind, i) }

func seedPeople(t *testing.T, s *servertest.Server, n int) {
	t.Helper()
	s.AddConnection(&connection.Connection{Name: "closed", Strategy: connection.Email}, s.Web)
	for i := range n {
		s.Browser(t).LoginCode(s.Web, address("known", i))
		s.Browser(t).LoginCode(s.Web, address("blocked", i))
		s.Browser(t).LoginCode(s.Web, address("member", i), "connection", "closed")
		s.Block(address("blocked", i), true)
	}
	s.ChangeConnection("closed", func(c *connection.Connection) { c.Options.DisableSignup = true })
	s.Clock.Advance(time.Hour)
}

// volatile are the values that are drawn anew each time.
var volatile = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{nonces, "{nonce}"},
	{regexp.MustCompile(`(?m)^(Date|X-Request-Id|Content-Length): .*$`), "$1: {}"},
}

// strangersView is an answer without what is drawn anew each time, the login's state, and the address that was typed.
func strangersView(a *servertest.Answer, v *visit, email string) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	if err := a.Header.Write(&b); err != nil {
		panic(err)
	}
	fmt.Fprintf(&b, "\n%s\ncookies: %d\n", a.Body, len(v.b.Cookies()))
	text := strings.NewReplacer(v.state, "{state}", email, "{email}", strings.Replace(email, "@", "@<wbr>", 1), "{email}").Replace(b.String())
	for _, r := range volatile {
		text = r.pattern.ReplaceAllString(text, r.stands)
	}
	return text
}

func leastWork(all []store.Stats) store.Stats {
	least := all[0]
	for _, w := range all[1:] {
		if w.Statements < least.Statements {
			least = w
		}
	}
	return least
}

func TestEnumeration_PagesAndWorkAreTheSameForEverybody(t *testing.T) {
	const each = 3
	type step struct {
		name string
		do   func(v *visit, email string) *servertest.Answer
	}
	wait := func(d time.Duration) step {
		return step{"wait " + d.String(), func(v *visit, _ string) *servertest.Answer { v.s.Clock.Advance(d); return nil }}
	}
	identify := step{"identifier", func(v *visit, email string) *servertest.Answer { return v.post(pathLogin, "username", email) }}
	signup := step{"sign-up", func(v *visit, email string) *servertest.Answer { return v.post(pathSignup, "email", email) }}
	page := step{"code page", func(v *visit, _ string) *servertest.Answer { return v.get(pathCode) }}
	wrong := step{"wrong code", func(v *visit, _ string) *servertest.Answer { return v.code("no digits") }}
	resend := step{"resend", func(v *visit, _ string) *servertest.Answer { return v.resend() }}
	for name, steps := range map[string][]step{
		"login": {
			identify, page, wrong, page, wrong, wrong, wait(time.Minute), wrong, resend, page, wrong, resend,
			wait(4 * time.Minute), wrong, page, resend, wrong, wait(time.Minute), wrong, wrong, wait(time.Minute), wrong, resend, wrong, wait(time.Minute), wrong, page, resend,
		},
		"sign-up": {signup, page, signup, wait(time.Minute), wrong, identify, page, wrong},
	} {
		servertest.Each(t, func(t *testing.T, s *servertest.Server) {
			seedPeople(t, s, each)
			node := s.Node(t)
			node.StopMail(t)
			visits := map[string]*visit{}
			for _, who := range people {
				for n := range each {
					v := begin(t, node, node.Browser(t), "connection", who.connection)
					visits[address(who.kind, n)] = v
				}
			}
			for i, st := range steps {
				if strings.HasPrefix(st.name, "wait") {
					st.do(visits[address("known", 0)], "")
					continue
				}
				var wantView string
				var wantWork store.Stats
				for k, who := range people {
					var work []store.Stats
					var view string
					for n := range each {
						email := address(who.kind, n)
						v := visits[email]
						work = append(work, node.Work(func() { view = strangersView(st.do(v, email), v, email) }))
					}
					if k == 0 {
						wantView, wantWork = view, leastWork(work)
						t.Logf("%s, step %d, %s: %s %+v", name, i, st.name, view[:3], wantWork)
						continue
					}
					if diff := cmp.Diff(wantView, view); diff != "" {
						t.Errorf("%s, step %d, %s: the answer for a %s address differs from a known one's:\n%s", name, i, st.name, who.kind, diff)
					}
					if got := leastWork(work); got != wantWork {
						t.Errorf("%s, step %d, %s: the work for a %s address is %+v, for a known one %+v", name, i, st.name, who.kind, got, wantWork)
					}
				}
			}
		})
	}
}
