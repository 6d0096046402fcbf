package passwordless_test

import (
	"net/url"
	"testing"

	"latchkey/internal/store"
	"latchkey/test/servertest"
)

// A start and a token request each wait for the database three times at most: twice for an answer and once for the
// commit, which begins with the first and carries what is left to write.
func TestBudget_StartAndTokenAreOneCommitAndTwoQuestions(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		node := s.Node(t)
		node.StopMail(t)
		b, elsewhere := node.Browser(t), s.Browser(t)
		for _, c := range []struct {
			name  string
			email []string
			form  func(url.Values)
		}{
			{"a new user", []string{"new0@example.com", "new1@example.com", "new2@example.com"}, func(url.Values) {}},
			{"a returning user", []string{"new0@example.com", "new1@example.com", "new2@example.com"}, func(url.Values) {}},
			{"with a refresh token", []string{"new0@example.com", "new1@example.com", "new2@example.com"},
				func(f url.Values) { f.Set("scope", "openid offline_access") }},
		} {
			fresh(t, s)
			var starts, tokens []store.Stats
			for _, email := range c.email {
				starts = append(starts, node.Work(func() { mustStart(t, b, email) }))
				form := s.OTPForm(email, codeFor(t, s, elsewhere, email))
				c.form(form)
				tokens = append(tokens, node.Work(func() { b.MustToken(form) }))
			}
			for name, work := range map[string]store.Stats{"start": leastWork(starts), "token": leastWork(tokens)} {
				t.Logf("%s of %s: %+v", name, c.name, work)
				if work.Commits != 1 || work.RoundTrips > 3 {
					t.Errorf("the %s of %s took %d commits and %d round trips, want 1 and at most 3", name, c.name, work.Commits, work.RoundTrips)
				}
			}
		}
	})
}
