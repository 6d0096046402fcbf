package passwordless_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"latchkey/test/servertest"
)

// crowd is how many clients do one thing at the same time, spread over two nodes.
const crowd = 16

// atOnce lets each of a crowd do one thing at the same moment, half of them at a second node, and gives their answers.
func atOnce(t *testing.T, s, node *servertest.Server, do func(i int, b *servertest.Browser) *servertest.Answer) []*servertest.Answer {
	t.Helper()
	answers := make([]*servertest.Answer, crowd)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range crowd {
		b := s.Browser(t)
		if i%2 == 1 {
			b = node.Browser(t)
		}
		wg.Go(func() {
			<-gate
			answers[i] = do(i, b)
		})
	}
	close(gate)
	wg.Wait()
	return answers
}

// count sorts answers by status and description.
func count(t *testing.T, answers []*servertest.Answer) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, a := range answers {
		description, _ := a.JSON(t)["error_description"].(string)
		n[strings.TrimSpace(fmt.Sprint(a.Status, " ", description))]++
	}
	return n
}

func TestRace_OneOfManyClientsSpendsACode(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		b := s.Browser(t)
		for _, who := range []string{"a new user", "a returning user"} {
			code := codeFor(t, s, b, "ada@example.com")
			got := count(t, atOnce(t, s, node, func(_ int, b *servertest.Browser) *servertest.Answer {
				return b.Token(s.OTPForm("ada@example.com", code))
			}))
			if got["200"] != 1 || got["403 "+textWrong] != crowd-1 {
				t.Errorf("%s: %d clients with one code got %v", who, crowd, got)
			}
		}
		if got := strings.Count(" "+s.EventTypes(t)+" ", " s "); got != 2 {
			t.Errorf("the tenant's log tells of %d logins, want 2", got)
		}
		if n := s.Rows(t)["users"]; n != 1 {
			t.Errorf("there are %d users", n)
		}
	})
}

func TestRace_GuessesSideBySideAreWorthThree(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		b := s.Browser(t)
		code := codeFor(t, s, b, "ada@example.com")
		got := count(t, atOnce(t, s, node, func(_ int, b *servertest.Browser) *servertest.Answer {
			return b.Token(s.OTPForm("ada@example.com", servertest.WrongCode(code)))
		}))
		if got["403 "+textWrong]+got["403 "+textTooMany] != crowd || got["403 "+textWrong] < 3 {
			t.Errorf("%d wrong guesses got %v", crowd, got)
		}
		wantRefusal(t, b.Token(s.OTPForm("ada@example.com", code)), 403, "invalid_grant", textTooMany)
		known, err := s.Database.Store.Attempt(context.Background(), s.Tenant.ID, "email", "ada@example.com", "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if known.Challenge.Wrong != 3 || known.Guesses.Wrong != 3 {
			t.Errorf("%d guesses counted %d on the code and %d on the address, want 3 and 3", crowd, known.Challenge.Wrong, known.Guesses.Wrong)
		}
	})
}

func TestRace_ARightCodeAmongWrongOnesWinsOnceOrNever(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		code := codeFor(t, s, s.Browser(t), "ada@example.com")
		got := count(t, atOnce(t, s, node, func(i int, b *servertest.Browser) *servertest.Answer {
			if i < crowd/2 {
				return b.Token(s.OTPForm("ada@example.com", servertest.WrongCode(code)))
			}
			return b.Token(s.OTPForm("ada@example.com", code))
		}))
		if got["200"] > 1 || got["200"]+got["403 "+textWrong]+got["403 "+textTooMany] != crowd {
			t.Errorf("half right, half wrong: %v", got)
		}
	})
}

func TestRace_TheNewestCodeAloneMakesTheUser(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		b := s.Browser(t)
		codes := [2]string{codeFor(t, s, b, "ada@example.com"), codeFor(t, s, b, "ada@example.com")}
		got := count(t, atOnce(t, s, node, func(i int, b *servertest.Browser) *servertest.Answer {
			return b.Token(s.OTPForm("ada@example.com", codes[i/2%2]))
		}))
		// The old code uses up tries of the new one.
		if got["200"] > 1 || got["200"]+got["403 "+textWrong]+got["403 "+textTooMany] != crowd {
			t.Errorf("%d clients with two codes got %v", crowd, got)
		}
		if n := s.Rows(t)["users"]; n != got["200"] {
			t.Errorf("%d users after %d logins", n, got["200"])
		}
	})
}

func TestRace_StartsSideBySideFitTheLimits(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		got := count(t, atOnce(t, s, node, func(i int, b *servertest.Browser) *servertest.Answer {
			b.Headers.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i+1))
			return b.Start("ada@example.com")
		}))
		if got["200"] != 5 || got["429 "+textLimit] != crowd-5 {
			t.Errorf("%d starts for one recipient got %v, want 5 to fit", crowd, got)
		}
		total := map[string]int{}
		for round := range 4 {
			for answer, n := range count(t, atOnce(t, s, node, func(i int, b *servertest.Browser) *servertest.Answer {
				b.Headers.Set("X-Forwarded-For", "198.51.100.1")
				return b.Start(fmt.Sprintf("person%d-%d@example.com", round, i))
			})) {
				total[answer] += n
			}
		}
		if total["200"] != 50 || total["429 "+textLimit] != 4*crowd-50 {
			t.Errorf("%d starts from one address got %v, want 50 to fit", 4*crowd, total)
		}
	})
}

// Of codes started at the same moment one is the newest; the others have no row.
func TestRace_StartsSideBySideLeaveOneChallenge(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		atOnce(t, s, node, func(i int, b *servertest.Browser) *servertest.Answer {
			b.Headers.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i+1))
			return b.Start("ada@example.com")
		})
		if n := s.Rows(t)["challenges"]; n != 1 {
			t.Errorf("%d challenges for one address", n)
		}
	})
}

// Starts side by side once cancelled only the message of the code that was there before them: all their own stayed queued.
func TestRace_OfStartsSideBySideOneMessageIsLeft(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.StopMail(t)
		node := s.Node(t)
		node.StopMail(t)
		atOnce(t, s, node, func(i int, b *servertest.Browser) *servertest.Answer {
			b.Headers.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i+1))
			return b.Start("ada@example.com")
		})
		backlog, err := s.Database.Store.MessageBacklog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if backlog.Pending != 1 {
			t.Errorf("%d messages wait to be sent, want that of the newest code alone", backlog.Pending)
		}
	})
}

func TestRace_OneOfManyClientsSpendsAnAuthorizationCode(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		code := s.Browser(t).LoginCode(s.Web, "ada@example.com")
		got := count(t, atOnce(t, s, node, func(_ int, b *servertest.Browser) *servertest.Answer {
			return b.Token(s.CodeForm(code))
		}))
		if got["200"] != 1 || got["403 Invalid authorization code"] != crowd-1 {
			t.Errorf("%d clients with one authorization code got %v", crowd, got)
		}
	})
}

func TestRace_OneOfManyClientsRotatesARefreshToken(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		b := s.Browser(t)
		form := s.OTPForm("ada@example.com", codeFor(t, s, b, "ada@example.com"))
		form.Set("scope", "openid offline_access")
		refresh := func(token string) url.Values {
			return url.Values{"grant_type": {"refresh_token"}, "client_id": {s.Native.ID}, "refresh_token": {token}}
		}
		first := b.MustToken(form).RefreshToken
		answers := atOnce(t, s, node, func(_ int, b *servertest.Browser) *servertest.Answer { return b.Token(refresh(first)) })
		got := count(t, answers)
		if got["200"] != 1 || got["403 Unknown or invalid refresh token."] != crowd-1 {
			t.Errorf("%d clients with one refresh token got %v", crowd, got)
		}
		// The others used a token that was rotated already: the whole family is dead.
		for _, a := range answers {
			if a.Status == http.StatusOK {
				wantRefusal(t, b.Token(refresh(a.JSON(t)["refresh_token"].(string))), 403, "invalid_grant", "Unknown or invalid refresh token.")
			}
		}
	})
}

func TestRace_OneOfManyBrowsersUsesAPushedRequest(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		enablePAR(s)
		node := s.Node(t)
		pushed := s.Browser(t).Post("/oauth/par", url.Values{
			"client_id": {s.Web.ID}, "client_secret": {s.Secret}, "response_type": {"code"}, "redirect_uri": {servertest.Callback}, "scope": {"openid"},
		})
		if pushed.Status != http.StatusCreated {
			t.Fatalf("the push answered %d: %s", pushed.Status, pushed.Body)
		}
		address := "/authorize?" + url.Values{"client_id": {s.Web.ID}, "request_uri": {pushed.JSON(t)["request_uri"].(string)}}.Encode()
		n := map[int]int{}
		for _, a := range atOnce(t, s, node, func(_ int, b *servertest.Browser) *servertest.Answer { return b.Get(address) }) {
			n[a.Status]++
		}
		if n[http.StatusFound] != 1 || n[http.StatusBadRequest] != crowd-1 {
			t.Errorf("%d browsers with one pushed request got the statuses %v", crowd, n)
		}
	})
}

// A message that waited for another attempt once still brought a code that had been tried to death.
func TestRefusal_ADeadCodeIsNotSent(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.StopMail(t)
		b := s.Browser(t)
		mustStart(t, b, "ada@example.com")
		for left, tries := 1, 1; tries <= 3; tries++ {
			b.Token(s.OTPForm("ada@example.com", "no code"))
			if tries == 3 {
				left = 0
			}
			backlog, err := s.Database.Store.MessageBacklog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if backlog.Pending != left {
				t.Errorf("after %d wrong codes %d messages wait, want %d", tries, backlog.Pending, left)
			}
		}
	})
}
