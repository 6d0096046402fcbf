package message

import (
	"fmt"
	"strings"
)

// A tenant may have a second provider. It gets what the first certainly has not taken: because its settings are wrong, because
// nobody listens there, because it is left alone after many failures, or because it has said "later" twice. What the first may
// have taken, and what it refuses for the reader's sake, the second never sees: no code is sent twice, and nobody who is
// refused is asked again. Each time the tenant's log says so.

// enoughRetries is how often a provider may say "later" to a message before the other is asked.
const enoughRetries = 2

// passes reports of an attempt, the n-th of its message, that the provider has certainly not taken it and another one is to
// have it.
func (r Result) passes(n int) bool {
	return r.Verdict == VerdictConfig || r.Verdict == VerdictRetry && (r.Unreached || n >= enoughRetries)
}

// turn gives the carrier of a message's next attempt, and the one that gets what it has not taken; nil where there is none.
// A message that both have put off goes to one and the other in turn.
func (c *carrier) turn(attempts int) (first, other *carrier) {
	if c.second == nil || attempts < enoughRetries || attempts%2 == 1 {
		return c, c.second
	}
	return c.second, c
}

// pass gives a message that one carrier has not taken to the other. E is what would become of it otherwise.
func (w *worker) pass(j job, e ended, from, to *carrier) ended {
	now := w.clock.Now()
	reason := e.outcome.LastError
	if !now.Before(j.message.ExpiresAt) {
		return e
	}
	j.attempts = e.outcome.Attempts
	if now.Add(sendTimeout).After(j.until) { // the claim is too old for another attempt: a new one will be made at once
		return w.postpone(j, from.Name(), now, reason)
	}
	taken, _ := w.by(j, to, false)
	if taken.outcome.State == StateFailed && taken.result.Verdict == VerdictConfig && e.outcome.State == StateQueued {
		attempts := taken.outcome.Attempts
		taken = e // the other is no help: the one that said "later" is asked again
		taken.outcome.Attempts = attempts
	}
	said := fmt.Sprintf("The message was given to the provider %s, because the provider %s did not take it: %s", to.Name(), from.Name(), reason)
	if taken.warning != nil {
		said = strings.TrimSuffix(said, ".") + ". " + taken.warning.Reason
	}
	taken.warning = warningOf(j, said)
	return taken
}
