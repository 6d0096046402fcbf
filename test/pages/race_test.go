package pages_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/test/servertest"
)

// crowd is how many requests are sent at the same time.
const crowd = 16

// atOnce does one thing many times at the same moment, half of it at a second node, and gives the answers.
func atOnce(s, node *servertest.Server, do func(i int, base string) *servertest.Answer) []*servertest.Answer {
	answers := make([]*servertest.Answer, crowd)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range crowd {
		base := s.URL
		if i%2 == 1 {
			base = node.URL
		}
		wg.Go(func() {
			<-gate
			answers[i] = do(i, base)
		})
	}
	close(gate)
	wg.Wait()
	return answers
}

// outcome names what an answer of a page is: where it leads, or what is wrong.
func outcome(a *servertest.Answer) string {
	if a.Status == 302 {
		location, _, _ := strings.Cut(a.Header.Get("Location"), "?")
		return location
	}
	if code := errorCode(a); code != "" {
		return code
	}
	return screen(a)
}

func count(answers []*servertest.Answer) map[string]int {
	n := map[string]int{}
	for _, a := range answers {
		n[outcome(a)]++
	}
	return n
}

func codeForm(v *visit, code string) url.Values {
	return url.Values{"state": {v.state}, "action": {"default"}, "code": {code}}
}

// Many logins of one person, each in a browser of its own, type the one code: one gets on.
func TestRace_OneOfManyLoginsSpendsACode(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		s.ChangeConnection("email", func(c *connection.Connection) {
			c.Options.TOTP = &struct {
				TimeStep int `json:"time_step,omitempty"`
				Length   int `json:"length,omitempty"`
			}{TimeStep: 3600}
		})
		// Each login starts a code in its turn; past the limit of messages the starts are decoys, so time passes between them.
		visits := make([]*visit, crowd)
		var code string
		for i := range visits {
			visits[i] = begin(t, s, s.Browser(t))
			visits[i].identify("ada@example.com")
			code = s.Code(t, "ada@example.com")
			s.Clock.Advance(3*time.Minute + time.Second)
		}
		got := count(atOnce(s, node, func(i int, base string) *servertest.Answer {
			return visits[i].b.Post(base+visits[i].at(pathCode), codeForm(visits[i], code))
		}))
		if got[pathResume] != 1 || got["invalid-verification-code"] != crowd-1 {
			t.Errorf("%d logins with one code got %v", crowd, got)
		}
	})
}

// A form that is sent many times at once lets one login on, and every sender to the same place.
func TestRace_OneLoginIsFinishedOnce(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		v := begin(t, s, s.Browser(t))
		got := count(atOnce(s, node, func(i int, base string) *servertest.Answer {
			// From addresses of their own: a limit on hurried posts is not what is tested.
			return from(t, v, i).Post(base+v.at(pathLogin), url.Values{"state": {v.state}, "username": {"ada@example.com"}})
		}))
		if got[pathCode] != crowd {
			t.Errorf("the address, sent %d times at once, got %v", crowd, got)
		}
		if n := strings.Count(s.EventTypes(t), "cls"); n != 1 {
			t.Errorf("%d messages were sent for it", n)
		}
		code := s.Code(t, "ada@example.com")
		got = count(atOnce(s, node, func(i int, base string) *servertest.Answer {
			return from(t, v, i).Post(base+v.at(pathCode), codeForm(v, code))
		}))
		if got[pathResume] != crowd {
			t.Errorf("the right code, sent %d times at once, got %v", crowd, got)
		}
		codes := 0
		for _, a := range atOnce(s, node, func(i int, base string) *servertest.Answer { return from(t, v, i).Get(base + v.at(pathResume)) }) {
			if strings.HasPrefix(a.Header.Get("Location"), servertest.Callback) {
				codes++
			}
		}
		if codes != 1 {
			t.Errorf("the login, resumed %d times at once, answered the application %d times", crowd, codes)
		}
		if n := s.Rows(t)["users"]; n != 1 {
			t.Errorf("there are %d users", n)
		}
	})
}

// from is the login's browser at an address of its own.
func from(t testing.TB, v *visit, i int) *servertest.Browser {
	t.Helper()
	b := v.s.Browser(t)
	var cookies []string
	for _, c := range v.b.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	b.Headers.Set("Cookie", strings.Join(cookies, "; "))
	b.Headers.Set("X-Forwarded-For", "10.0.0."+string(rune('1'+i%9))+string(rune('0'+i/9)))
	return b
}

// Guesses side by side once counted once in the login, and were sent on as if the login had moved.
func TestRace_GuessesSideBySideCountOneByOne(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		code := s.Code(t, "ada@example.com")
		got := count(atOnce(s, node, func(i int, base string) *servertest.Answer {
			return from(t, v, i).Post(base+v.at(pathCode), codeForm(v, servertest.WrongCode(code)))
		}))
		if wrong := got["invalid-verification-code"]; wrong+got["too-many-failures"]+got["start-over"] != crowd || wrong < 3 && got["start-over"] < crowd-9 {
			t.Errorf("%d guesses at once got %v", crowd, got)
		}
		// Sixteen guesses are more than ten: the login is over, whatever code is sent next.
		want(t, v.code(code), 400, "start-over", "")
		known, err := s.Database.Store.Attempt(t.Context(), s.Tenant.ID, "email", "ada@example.com", "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if known.Challenge.Wrong != 3 || known.Guesses.Wrong != 3 {
			t.Errorf("%d guesses counted %d on the code and %d on the address, want 3 and 3", crowd, known.Challenge.Wrong, known.Guesses.Wrong)
		}
	})
}

func TestRace_ResendsSideBySideSendOnce(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		v := begin(t, s, s.Browser(t))
		v.identify("ada@example.com")
		s.Code(t, "ada@example.com")
		s.Clock.Advance(30 * time.Second)
		got := count(atOnce(s, node, func(i int, base string) *servertest.Answer {
			return from(t, v, i).Post(base+v.at(pathCode), url.Values{"state": {v.state}, "action": {"resend"}})
		}))
		if got[pathCode]+got[screenCode] != crowd {
			t.Errorf("%d resends at once got %v", crowd, got)
		}
		if n := strings.Count(s.EventTypes(t), "cls"); n != 2 {
			t.Errorf("%d messages were sent, want the first and one more", n)
		}
		v.wantNext(v.code(s.Code(t, "ada@example.com")), pathResume)
	})
}
