package authorize_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"latchkey/test/servertest"
)

// Several tabs of one browser, each with a proof of the session's own user, end at the same moment.
func TestParallel_LoginsOfOneBrowserAllSucceed(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		for range 3 {
			b := s.Browser(t)
			b.Login(s.AuthorizeURL(s.Web), ada)
			s.Clock.Advance(20 * time.Minute)
			var resume []string
			for range 4 {
				page := b.Get(s.AuthorizeURL(s.Web, "prompt", "login")).Location(t)
				page = b.Post(page.String(), url.Values{"username": {ada}, "action": {"default"}}).Location(t)
				page = b.Post(page.String(), url.Values{"code": {s.Code(t, ada)}, "action": {"default"}}).Location(t)
				resume = append(resume, page.String())
				s.Clock.Advance(3 * time.Minute)
			}
			var tabs sync.WaitGroup
			for _, address := range resume {
				tabs.Go(func() {
					if a := b.Get(address); a.Status != http.StatusFound {
						t.Errorf("a tab is answered %d", a.Status)
					}
				})
			}
			tabs.Wait()
		}
	})
}
