package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/clock"
)

// sweeper counts sweeps; every other one fails.
type sweeper struct{ calls int }

func (s *sweeper) Sweep(context.Context, time.Time) (int, error) {
	s.calls++
	if s.calls%2 == 1 {
		return 0, errors.New("the database is busy")
	}
	return 1, nil
}

func TestJanitor_SweepsEveryMinuteWhateverFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sweeper{}
		j := startJanitor(s, clock.System{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
		time.Sleep(5 * time.Minute) // of the bubble's own time
		synctest.Wait()
		j.close()
		if s.calls < 4 || s.calls > 6 {
			t.Errorf("%d sweeps in five minutes, want about five", s.calls)
		}
		before := s.calls
		time.Sleep(5 * time.Minute)
		if s.calls != before {
			t.Error("a closed janitor still sweeps")
		}
	})
}
