package passwordless_test

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

// people are the kinds of addresses that a stranger must not tell apart, by the connection that they are asked at.
var people = []struct{ kind, connection string }{
	{"known", "email"}, {"unknown", "email"}, {"blocked", "email"}, {"unwanted", "closed"}, {"member", "closed"},
}

// seedPeople makes n addresses of each kind, on a connection that is open and one that is closed to new people.
func seedPeople(t *testing.T, s *servertest.Server, n int) {
	t.Helper()
	s.AddConnection(named("closed"), s.Native)
	for i := range n {
		for _, kind := range []string{"known", "blocked", "member"} {
			b := from(t, s, addressOf(fmt.Sprint("seed", kind, i)))
			email := address(kind, i)
			conn := "email"
			if kind == "member" {
				conn = "closed"
			}
			if a := startOn(b, s, conn, email); a.Status != 200 {
				t.Fatal(a.Body)
			}
			form := s.OTPForm(email, s.Code(t, email))
			form.Set("realm", conn)
			b.MustToken(form)
		}
		s.Block(address("blocked", i), true)
	}
	s.ChangeConnection("closed", func(c *connection.Connection) {
		c.Options.DisableSignup, c.Options.DisableSignupSilent = true, true
	})
	s.Clock.Advance(time.Hour)
}

func address(kind string, i int) string { return fmt.Sprintf("%s%d@example.com", kind, i) }

// strangersView is an answer without what may differ: the address that was asked about and what is drawn anew each time.
func strangersView(a *servertest.Answer, email string) string {
	return strings.NewReplacer(email, "{email}").Replace(normalise(a))
}

// leastWork is the work of the request that did least: a node that looks at its configuration once a second does a little
// more then.
func leastWork(all []store.Stats) store.Stats {
	least := all[0]
	for _, w := range all[1:] {
		if w.Statements < least.Statements {
			least = w
		}
	}
	return least
}

// A stranger goes with an address to the end: start, wrong codes, too many, start again, expired. Whole answers and the
// work behind them are the same for everybody.
func TestEnumeration_AnswersAndWorkAreTheSameForEverybody(t *testing.T) {
	const each = 3
	type step struct {
		name string
		do   func(b *servertest.Browser, s *servertest.Server, connection, email string) *servertest.Answer
	}
	ask := step{"start", startOn}
	wrong := step{"wrong code", func(b *servertest.Browser, s *servertest.Server, connection, email string) *servertest.Answer {
		form := s.OTPForm(email, "no digits at all")
		form.Set("realm", connection)
		return b.Token(form)
	}}
	wait := step{"wait", nil}
	steps := []step{wrong, ask, wrong, wrong, wrong, wrong, ask, wrong, ask, ask, wait, wrong, ask, ask, wait, wrong}

	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		seedPeople(t, s, each)
		setOpaque(s, true) // what the start tells without it is a documented difference
		node := s.Node(t)
		node.StopMail(t)
		browsers := map[string]*servertest.Browser{}
		for i, st := range steps {
			if st.do == nil {
				s.Clock.Advance(3 * time.Minute)
				continue
			}
			var want string
			var wantWork store.Stats
			var wantRows map[string]int
			for k, who := range people {
				var work []store.Stats
				var view string
				before := s.Rows(t)
				for n := range each {
					email := address(who.kind, n)
					b := browsers[email]
					if b == nil {
						b = from(t, node, addressOf(email))
						browsers[email] = b
					}
					work = append(work, node.Work(func() { view = strangersView(st.do(b, s, who.connection, email), email) }))
				}
				rows := more(before, s.Rows(t))
				if k == 0 {
					want, wantWork, wantRows = view, leastWork(work), rows
					continue
				}
				// The first start of an address makes rows that those who have logged in before have already.
				if diff := cmp.Diff(wantRows, rows); i > 1 && diff != "" {
					t.Errorf("step %d, %s: the rows made for a %s address differ from a known one's:\n%s", i, st.name, who.kind, diff)
				}
				if diff := cmp.Diff(want, view); diff != "" {
					t.Errorf("step %d, %s: the answer for a %s address differs from a known one's (-known +%s):\n%s", i, st.name, who.kind, who.kind, diff)
				}
				if got := leastWork(work); got != wantWork {
					t.Errorf("step %d, %s: the work for a %s address is %+v, for a known one %+v", i, st.name, who.kind, got, wantWork)
				}
			}
		}
	})
}

// more gives by how many rows each table grew.
func more(before, after map[string]int) map[string]int {
	grown := map[string]int{}
	for table, n := range after {
		if n != before[table] {
			grown[table] = n - before[table]
		}
	}
	return grown
}

var idOf = regexp.MustCompile(`"_id":"([0-9a-f]{24})"`)

// Without the tenant's wish for opaque starts the answer tells whether the address is verified, as Auth0's does; nothing
// else of it differs.
func TestEnumeration_OnlyTheVerifiedFlagTellsOnAnOrdinaryStart(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	seedPeople(t, s, 1)
	views := map[string]string{}
	for _, who := range people {
		email := address(who.kind, 0)
		a := startOn(from(t, s, addressOf(email)), s, who.connection, email)
		if !idOf.MatchString(a.Body) {
			t.Errorf("%s: the answer has no id: %s", who.kind, a.Body)
		}
		views[who.kind] = strangersView(a, email)
	}
	known := strings.Replace(views["unknown"], `"email_verified":false`, `"email_verified":true`, 1)
	for kind, want := range map[string]string{
		"known": known, "member": known, "blocked": known, "unwanted": views["unknown"],
	} {
		if diff := cmp.Diff(want, views[kind]); diff != "" {
			t.Errorf("the start of a %s address (-want +got):\n%s", kind, diff)
		}
	}
}
