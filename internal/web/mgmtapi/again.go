package mgmtapi

import (
	"errors"
	"time"

	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// mostRaces is how often a change is made when it loses every race. Each lost race is another change that was made, and a
// client has at most so many calls under way at once: a tool that sets all factors together is not refused.
const mostRaces = 100

// again repeats a change that found its record changed meanwhile.
func (r *request) again(do func() (answer, error)) (answer, error) {
	for race := 1; ; race++ {
		a, err := do()
		lost := errors.Is(err, resource.ErrChanged) || errors.Is(err, user.ErrChanged)
		if !lost || race == mostRaces {
			return a, err
		}
	}
}

// stamp writes a time as the API does: UTC with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
