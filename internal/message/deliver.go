package message

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"latchkey/internal/contact"
)

const (
	// deliverTime is how long the answer of a request may wait for a provider.
	deliverTime = 30 * time.Second
	// awaitedTime is what the provider has of it: whoever waits hears that it did not answer.
	awaitedTime = 28 * time.Second
)

// Delivery is what is known of a message after its first attempt.
type Delivery struct {
	// State is StateQueued where nothing was known in time. A message that failed is not tried again.
	State State
	// Told is what Auth0 says of a failure to whoever asked for the message; empty where it says nothing of its own.
	Told string
	// Personal says that the message failed for its reader's or its own sake: another one may have left.
	Personal bool

	result Result
}

// personal reports that a provider refuses this message and speaks for no other.
func (r Result) personal() bool { return r.Verdict == VerdictRecipient || r.Verdict == VerdictRefused }

// Deliver is Committed for a message whose asker waits for the provider's answer, as Auth0 has it for text messages by a
// connection's own provider: it gives what became of the first attempt, which is the only one. It waits half a minute at
// most. For a decoy it waits as long as one of the last attempts of its source took, and fails where messages do.
func (s *Sender) Deliver(ctx context.Context, p *Prepared) Delivery {
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	from := sourceOf(p.row.Tenant, p.message)
	if p.message.Decoy {
		past := s.paces.draw(from, p.message.To, time.Now())
		select {
		case <-time.After(past.took):
		case <-ctx.Done():
		}
		return past.Delivery
	}
	began := time.Now()
	answer := s.worker.await(p.row.Key, began.Add(awaitedTime))
	defer s.worker.unawait(p.row.Key)
	s.worker.add([]*Prepared{p})
	select {
	case d := <-answer:
		s.paces.note(from, past{d, p.message.To, began, time.Since(began)})
		return d
	case <-ctx.Done():
		d := Delivery{State: StateQueued, result: Result{Verdict: VerdictUnknown}}
		if asked.Err() == nil {
			s.paces.note(from, past{d, p.message.To, began, time.Since(began)})
		}
		return d
	}
}

// waiting is somebody who waits for the outcome of a message's first attempt.
type waiting struct {
	answer chan Delivery
	until  time.Time // when the provider must have answered
}

// await begins to wait.
func (w *worker) await(k Key, until time.Time) <-chan Delivery {
	answer := make(chan Delivery, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awaited[k] = waiting{answer, until}
	return answer
}

// timeout is what an attempt may take.
func (w *worker) timeout(k Key) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, ok := w.awaited[k]; ok {
		return time.Until(a.until)
	}
	return sendTimeout
}

func (w *worker) unawait(k Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.awaited, k)
}

func (w *worker) isAwaited(k Key) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.awaited[k]
	return ok
}

// tell ends the waiting for a message. Nobody waits for most.
func (w *worker) tell(k Key, d Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, ok := w.awaited[k]; ok {
		a.answer <- d
		delete(w.awaited, k)
	}
}

const (
	keptPaces   = 50   // attempts of one source that are remembered,
	mostSources = 1000 // and of how many sources
	unknownPace = 250 * time.Millisecond
	failingLife = time.Minute // how long a failure says what the next message will meet
)

// paces remembers how the last attempts of sources ended, so that decoys end alike. It is this node's own and safe for
// concurrent use.
type paces struct {
	mu   sync.Mutex
	last map[source]*pace
}

// pace is what is known of one source.
type pace struct {
	took    []time.Duration // of the last messages that left
	failing *past           // nil once another message has left or was answered by the provider
	abroad  map[string]past // failures by the country of their readers, until one leaves to there
}

// past is an attempt that somebody waited for.
type past struct {
	Delivery
	to   string
	at   time.Time
	took time.Duration
}

// note learns from an attempt. What a provider says of one reader it says of nobody else.
func (p *paces) note(from source, d past) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || len(p.last) >= mostSources && p.last[from] == nil {
		p.last = map[source]*pace{}
	}
	of := p.last[from]
	if of == nil {
		of = &pace{abroad: map[string]past{}}
		p.last[from] = of
	}
	country := contact.LineOf(d.to).Region
	switch r := d.result; {
	case d.State == StateSent:
		of.took = append(of.took, d.took)
		of.took = of.took[max(0, len(of.took)-keptPaces):]
		of.failing = nil
		delete(of.abroad, country)
	case r.Verdict == VerdictRefused, r.Abroad:
		of.failing = nil
		of.abroad[country] = d
	case r.Verdict == VerdictRecipient:
		of.failing = nil
	case r.Verdict != "":
		of.failing = &d
	}
}

// draw gives an attempt that a decoy to a number can pass for: the newest one where that says what any message to there meets
// now, and else one that left and took as long as one of the last.
func (p *paces) draw(from source, to string, now time.Time) past {
	p.mu.Lock()
	defer p.mu.Unlock()
	drawn := past{Delivery: Delivery{State: StateSent}, took: unknownPace + jitter(unknownPace)}
	of := p.last[from]
	if of == nil {
		return drawn
	}
	if of.failing != nil && of.failing.counts(now) {
		return of.failing.as(to)
	}
	if d, ok := of.abroad[contact.LineOf(to).Region]; ok && d.counts(now) {
		return d.as(to)
	}
	if len(of.took) > 0 {
		drawn.took = of.took[rand.IntN(len(of.took))]
	}
	return drawn
}

// counts reports that a failure still says what the next message will meet: for a while, or until one leaves where nothing but
// other settings can help.
func (d past) counts(now time.Time) bool {
	return d.result.Verdict == VerdictConfig || now.Sub(d.at) < failingLife+d.took
}

// as gives the attempt as if it had been one to another number.
func (d past) as(to string) past {
	d.Told = strings.ReplaceAll(d.Told, d.to, to)
	return d
}
