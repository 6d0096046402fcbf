package pages_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/store"
	"latchkey/test/servertest"
)

// people are the kinds of addresses that a stranger must not tell apart; closed is whether the connection that drives their
// login takes nobody new.
var people = []struct {
	kind   string
	closed bool
}{{"known", false}, {"unknown", false}, {"blocked", false}, {"unwanted", true}, {"member", true}}

// door is one way in: the connection, the page for its code, the field of its sign-up, and what people are called there.
type door struct {
	name     string
	strategy connection.Strategy
	code     string
	signup   string
	address  func(who, i int) string
	shown    func(address string) []string // how pages write it
}

// countries begin the numbers of each row of people: messages to one country are bounded, whoever reads them.
var countries = []string{"+120255501", "+4479111234", "+49151234567"}

var doors = []door{
	{
		"email", connection.Email, pathCode, "email",
		func(who, i int) string { return fmt.Sprintf("%s%d@example.com", people[who].kind, i) },
		func(email string) []string { return []string{email, strings.Replace(email, "@", "@<wbr>", 1)} },
	},
	{
		"sms", connection.SMS, pathText, "phone",
		func(who, i int) string { return fmt.Sprintf("%s%d%d", countries[i], i, who) },
		func(number string) []string { return []string{html.EscapeString(number), contact.ShowPhone(number)} },
	},
}

func (d door) seed(t *testing.T, s *servertest.Server, n int) {
	t.Helper()
	if d.strategy == connection.SMS {
		s.AddConnection(&connection.Connection{Name: d.name, Strategy: d.strategy}, s.Web)
	}
	s.AddConnection(&connection.Connection{Name: "closed", Strategy: d.strategy}, s.Web)
	for who, p := range people {
		for i := range n {
			if p.kind == "unknown" || p.kind == "unwanted" {
				continue
			}
			d.logIn(t, s, who, i)
			if p.kind == "blocked" {
				block(t, s, d.name, d.address(who, i))
			}
		}
	}
	s.ChangeConnection("closed", func(c *connection.Connection) { c.Options.DisableSignup = true })
	s.Clock.Advance(time.Hour)
}

// begin begins a login of somebody, in a network of their own: what is sent from one is bounded too.
func (d door) begin(t *testing.T, s *servertest.Server, who, i int) *visit {
	t.Helper()
	b := s.Browser(t)
	b.Headers.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d%d.1", i, who))
	name := d.name
	if people[who].closed {
		name = "closed"
	}
	v := begin(t, s, b, "connection", name)
	v.codes = d.code
	return v
}

func (d door) logIn(t *testing.T, s *servertest.Server, who, i int) {
	t.Helper()
	v := d.begin(t, s, who, i)
	v.wantNext(v.post(pathLogin, "username", d.address(who, i)), d.code)
	v.wantNext(v.code(s.Code(t, d.address(who, i))), pathResume)
	wantCallback(t, v.finish())
}

// block blocks the user whom a connection knows by an address.
func block(t *testing.T, s *servertest.Server, connection, address string) {
	t.Helper()
	ctx := t.Context()
	u, _, err := s.Database.Store.Find(ctx, s.Tenant.ID, connection, address)
	if err != nil || u == nil {
		t.Fatalf("no user %s to block: %v", address, err)
	}
	u.Blocked = true
	if err := s.Database.Store.UpdateUser(ctx, s.Tenant.ID, u); err != nil {
		t.Fatal(err)
	}
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
func strangersView(a *servertest.Answer, v *visit, shown []string) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	if err := a.Header.Write(&b); err != nil {
		panic(err)
	}
	fmt.Fprintf(&b, "\n%s\ncookies: %d\n", a.Body, len(v.b.Cookies()))
	text := strings.ReplaceAll(b.String(), v.state, "{state}")
	for _, address := range shown {
		text = strings.ReplaceAll(text, address, "{address}")
	}
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
	for _, d := range doors {
		t.Run(d.name, d.testEnumeration)
	}
}

func (d door) testEnumeration(t *testing.T) {
	const each = 3
	type step struct {
		name string
		do   func(v *visit, address string) *servertest.Answer
	}
	wait := func(d time.Duration) step {
		return step{"wait " + d.String(), func(v *visit, _ string) *servertest.Answer { v.s.Clock.Advance(d); return nil }}
	}
	identify := step{"identifier", func(v *visit, address string) *servertest.Answer { return v.post(pathLogin, "username", address) }}
	signup := step{"sign-up", func(v *visit, address string) *servertest.Answer { return v.post(pathSignup, d.signup, address) }}
	page := step{"code page", func(v *visit, _ string) *servertest.Answer { return v.get(d.code) }}
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
			d.seed(t, s, each)
			node := s.Node(t)
			node.StopMail(t)
			visits := make([][each]*visit, len(people))
			for who := range people {
				for n := range each {
					visits[who][n] = d.begin(t, node, who, n)
				}
			}
			for i, st := range steps {
				if strings.HasPrefix(st.name, "wait") {
					st.do(visits[0][0], "")
					continue
				}
				var wantView string
				var wantWork store.Stats
				for who, p := range people {
					var work []store.Stats
					var view string
					for n := range each {
						address, v := d.address(who, n), visits[who][n]
						work = append(work, node.Work(func() { view = strangersView(st.do(v, address), v, d.shown(address)) }))
					}
					if who == 0 {
						wantView, wantWork = view, leastWork(work)
						t.Logf("%s, step %d, %s: %s %+v", name, i, st.name, view[:3], wantWork)
						continue
					}
					if diff := cmp.Diff(wantView, view); diff != "" {
						t.Errorf("%s, step %d, %s: the answer for a %s address differs from a known one's:\n%s", name, i, st.name, p.kind, diff)
					}
					if got := leastWork(work); got != wantWork {
						t.Errorf("%s, step %d, %s: the work for a %s address is %+v, for a known one %+v", name, i, st.name, p.kind, got, wantWork)
					}
				}
			}
		})
	}
}
