package message

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// attempt tries to send one message and says what became of it: by its carrier, or by two where the first has certainly not
// taken it.
func (w *worker) attempt(j job) ended {
	first, second := j.carrier.turn(j.attempts)
	e, passed := w.by(j, first, second != nil)
	if passed {
		e = w.pass(j, e, first, second)
	}
	return e
}

// by makes one attempt by one carrier. Passed says that the carrier has certainly not taken the message and that another
// may have it; mayPass, that there is another.
func (w *worker) by(j job, c *carrier, mayPass bool) (e ended, passed bool) {
	name := c.Name()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-w.sendContext.Done():
		return w.postpone(j, name, w.clock.Now(), reasonStopping), false
	}
	now := w.clock.Now()
	timeout := w.timeout(j.key)
	switch until, last := c.breaker.closedUntil(now); {
	case w.sendContext.Err() != nil:
		return w.postpone(j, name, now, reasonStopping), false
	case !now.Before(j.message.ExpiresAt):
		return w.failed(j, name, reasonExpired), false
	case c.isRetired() && w.sendContext.Err() == nil:
		return w.postpone(j, name, now, reasonChanged), false
	case now.Add(sendTimeout).After(j.until), timeout <= 0:
		return w.postpone(j, name, now, "waited too long for a connection").telling(Result{Verdict: VerdictRetry}), false
	case until.After(now) && until.Before(j.message.ExpiresAt):
		return w.postpone(j, name, until.Add(jitter(2*time.Second)), last.Detail).telling(last), mayPass
	case until.After(now):
		return w.failed(j, name, last.Detail).telling(last), mayPass
	}

	ctx, cancel := context.WithTimeout(w.sendContext, timeout)
	defer cancel()
	send, warning := c.write(ctx, w.author, j.key, j.message, now)
	began := time.Now()
	result := c.hide(send(ctx), j.message.Code, j.message.Link)
	w.metrics.seconds.Observe(time.Since(began).Seconds())
	c.breaker.note(w.clock.Now(), result)
	j.attempts++
	return w.outcome(j, name, result, warning), mayPass && w.sendContext.Err() == nil && result.passes(j.attempts)
}

// outcome says what an attempt makes of a message.
func (w *worker) outcome(j job, name string, result Result, warning string) ended {
	switch result.Verdict {
	case VerdictSent:
		return ended{channel: j.message.Channel, kind: j.message.Kind, warning: warningOf(j, warning), outcome: Outcome{
			Key: j.key, State: StateSent, Attempts: j.attempts, Provider: name,
			ProviderMessageID: result.ProviderMessageID,
		}}
	case VerdictUnknown:
		return w.unknown(j, name, result.Detail).telling(result)
	case VerdictRetry:
		at := w.clock.Now().Add(max(backoff(j.attempts), result.RetryAfter))
		if errors.Is(w.sendContext.Err(), context.Canceled) {
			at = w.clock.Now() // we were cut off, it was not refused: the next process may try at once
		}
		if w.isAwaited(j.key) {
			return w.failed(j, name, result.Detail).telling(result)
		}
		if at.Before(j.message.ExpiresAt) {
			return w.later(j, name, at, result.Detail)
		}
		return w.failed(j, name, "no time is left for another attempt: "+result.Detail)
	default:
		return w.failed(j, name, result.Detail).telling(result)
	}
}

// telling adds the result for whoever waits for the outcome.
func (e ended) telling(r Result) ended {
	e.result = r
	return e
}

// postpone is for attempts that did not begin: they are made later, or never where somebody waits.
func (w *worker) postpone(j job, provider string, at time.Time, reason string) ended {
	if w.isAwaited(j.key) {
		return w.failed(j, provider, reason)
	}
	return w.later(j, provider, at, reason)
}

// The reasons that do not come from a provider.
const (
	reasonExpired    = "The code or link had expired before the message could leave."
	reasonNoProvider = "There is no e-mail provider configured."
	reasonNoPhone    = "There is no phone provider configured."
	reasonLapsed     = "The process that was sending the message ended before it knew the outcome."
	reasonUnreadable = "The message cannot be read with this master keyset."
	reasonChanged    = "The provider was changed meanwhile."
	reasonStopping   = "The server was stopping."
)

func noProvider(c Channel) string {
	if c == Email {
		return reasonNoProvider
	}
	return reasonNoPhone
}

func (w *worker) later(j job, provider string, at time.Time, reason string) ended {
	return ended{channel: j.message.Channel, kind: j.message.Kind, outcome: Outcome{
		Key: j.key, State: StateQueued, Attempts: j.attempts, DueAt: at, Provider: provider, LastError: MaskAddresses(reason),
	}}
}

func (w *worker) failed(j job, provider, reason string) ended {
	return w.final(j, StateFailed, provider, reason)
}

func (w *worker) unknown(j job, provider, reason string) ended {
	return w.final(j, StateUnknown, provider, reason)
}

func (w *worker) final(j job, state State, provider, reason string) ended {
	return ended{
		channel: j.message.Channel, kind: j.message.Kind,
		outcome: Outcome{Key: j.key, State: state, Attempts: j.attempts, Provider: provider, LastError: MaskAddresses(reason)},
		failure: &Failure{
			MessageID: j.key.ID, Channel: j.message.Channel, Kind: j.message.Kind, To: j.message.To,
			Reason: reason, Unknown: state == StateUnknown,
			ClientID: j.message.ClientID, Connection: j.message.Connection,
		},
	}
}

// report counts outcomes that are committed, and tells the operator of those that are not as they should be.
func (w *worker) report(results []ended) {
	for _, r := range results {
		o := r.outcome
		outcome := string(o.State)
		if o.State == StateQueued {
			outcome = "retry"
		}
		w.metrics.messages.WithLabelValues(string(r.channel), string(r.kind), cmp.Or(o.Provider, "none"), outcome).Inc()
		w.tell(o.Key, Delivery{State: o.State, Told: r.result.Told, Personal: r.result.personal(), result: r.result})
		if o.State == StateSent {
			continue
		}
		attributes := []any{"tenant", o.Tenant, "message_id", o.ID, "provider", o.Provider, "outcome", outcome,
			"attempts", o.Attempts, "reason", o.LastError}
		if r.failure != nil {
			attributes = append(attributes, "to", maskTo(r.channel, r.failure.To))
		}
		w.log.Warn("message not delivered", attributes...)
	}
}
