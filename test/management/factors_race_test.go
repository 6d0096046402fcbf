package management

import (
	"sync"
	"testing"

	"latchkey/test/servertest"
)

// The deploy CLI sets all factors at once, which are one record here. A change that lost five races was once refused.
func TestManagement_ChangesOfOneRecordAtOnceAllHappen(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		token := s.Token()
		names := []string{"sms", "push-notification", "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code"}
		var writers sync.WaitGroup
		for range 4 {
			for _, name := range names {
				writers.Go(func() {
					if a := s.Call(token, "PUT", "/guardian/factors/"+name, map[string]any{"enabled": true}); a.Status != 200 {
						t.Errorf("%s: got %d %s, want 200", name, a.Status, a.Text)
					}
				})
			}
		}
		writers.Wait()
		for _, factor := range s.Must(200, "GET", "/guardian/factors", nil).List() {
			if factor.(map[string]any)["enabled"] != true {
				t.Errorf("got %v, want it enabled", factor)
			}
		}
	})
}
