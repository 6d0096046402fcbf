package message

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// deliverTime is how long the answer of a request may wait for a provider.
const deliverTime = 30 * time.Second

// Delivery is what is known of a message after its first attempt.
type Delivery struct {
	// State is StateQueued where nothing was known in time. A message that failed is not tried again.
	State State
	// Told is what Auth0 says of a failure to whoever asked for the message; empty where it says nothing of its own.
	Told string

	config bool // no message of this source would have left
}

// Deliver is Committed for a message whose asker waits for the provider's answer, as Auth0 has it for text messages by a
// connection's own provider: it gives what became of the first attempt, which is the only one. It waits half a minute at
// most. For a decoy it waits as long as one of the last attempts of its source took.
func (s *Sender) Deliver(ctx context.Context, p *Prepared) Delivery {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	from := sourceOf(p.row.Tenant, p.message)
	if p.message.Decoy {
		past := s.paces.draw(from)
		select {
		case <-time.After(past.took):
		case <-ctx.Done():
		}
		return past.Delivery
	}
	began := time.Now()
	answer := s.worker.await(p.row.Key)
	defer s.worker.unawait(p.row.Key)
	s.worker.add([]*Prepared{p})
	select {
	case d := <-answer:
		s.paces.note(from, pastDelivery{d, time.Since(began)})
		return d
	case <-ctx.Done():
		return Delivery{State: StateQueued}
	}
}

// await begins to wait for the outcome of a message's first attempt.
func (w *worker) await(k Key) <-chan Delivery {
	answer := make(chan Delivery, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awaited[k] = answer
	return answer
}

func (w *worker) unawait(k Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.awaited, k)
}

func (w *worker) isAwaited(k Key) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.awaited[k] != nil
}

// tell ends the waiting for a message. Nobody waits for most.
func (w *worker) tell(k Key, d Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answer := w.awaited[k]; answer != nil {
		answer <- d
		delete(w.awaited, k)
	}
}

const (
	keptPaces   = 50   // attempts of one source that are remembered,
	mostSources = 1000 // and of how many sources
	unknownPace = 250 * time.Millisecond
)

// paces remembers how long the last attempts of sources took. It is this node's own and safe for concurrent use.
type paces struct {
	mu   sync.Mutex
	last map[source][]pastDelivery
}

type pastDelivery struct {
	Delivery
	took time.Duration
}

func (p *paces) note(from source, d pastDelivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || len(p.last) >= mostSources && p.last[from] == nil {
		p.last = map[source][]pastDelivery{}
	}
	all := append(p.last[from], d)
	p.last[from] = all[max(0, len(all)-keptPaces):]
}

// draw gives an attempt that a decoy can pass for: as long as one of the last ones, and failed where the newest one did so
// for everybody.
func (p *paces) draw(from source) pastDelivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.last[from]
	if len(all) == 0 {
		return pastDelivery{Delivery{State: StateSent}, unknownPace + jitter(unknownPace)}
	}
	drawn := pastDelivery{Delivery{State: StateSent}, all[rand.IntN(len(all))].took}
	if newest := all[len(all)-1]; newest.config {
		drawn.Delivery = newest.Delivery
	}
	return drawn
}
