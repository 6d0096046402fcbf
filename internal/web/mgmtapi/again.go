package mgmtapi

import (
	"errors"
	"math/rand/v2"
	"time"

	"latchkey/internal/user"
)

// How often and how fast a change of a user is made again that lost a race against another change of the same user.
const (
	mostRaces  = 20
	firstPause = 2 * time.Millisecond
	mostPause  = 100 * time.Millisecond
)

// again repeats a change that found its user changed since it was decided. Configuration needs none of this: its writers
// wait for one another.
func (r *request) again(do func() (answer, error)) (answer, error) {
	pause := firstPause
	for race := 1; ; race++ {
		a, err := do()
		if !errors.Is(err, user.ErrChanged) || race == mostRaces {
			return a, err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-r.ctx().Done():
			return a, err
		}
		pause = min(2*pause, mostPause)
	}
}

// stamp writes a time as the API does: UTC with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
