package transaction

import "time"

// Limits of one transaction, ours (a hosted login at Auth0 counts wrong codes over all its sends too).
const (
	MaxWrongCodes = 10
	MaxSends      = 5
)

// ProofLife is how long a proof counts: whoever comes back later to an open page proves again who is there.
const ProofLife = 15 * time.Minute

// resendWaits is how long the person waits for the button after the first, second, ... send.
var resendWaits = []time.Duration{30 * time.Second, 30 * time.Second, 60 * time.Second, 120 * time.Second}

// ResendAt is when another code may be sent; ok is false when no more will be sent in this transaction.
func (t *Transaction) ResendAt() (at time.Time, ok bool) { return t.resendAt(t.SentAt) }

// SendAt is when a code may be sent to an address, the one of this login or another: what was mistyped can be corrected at
// once, and whoever comes back to an address waits as if they had stayed.
func (t *Transaction) SendAt(canonical string) (at time.Time, ok bool) {
	if canonical == t.Canonical {
		return t.ResendAt()
	}
	return t.resendAt(t.SentTo[canonical].At)
}

func (t *Transaction) resendAt(sent time.Time) (at time.Time, ok bool) {
	switch {
	case t.Sends >= MaxSends:
		return time.Time{}, false
	case t.Sends == 0 || sent.IsZero():
		return sent, true
	}
	return sent.Add(resendWaits[min(t.Sends, len(resendWaits))-1]), true
}

// Exhausted reports whether so many wrong codes were given that the person starts over.
func (t *Transaction) Exhausted() bool { return t.WrongCodes >= MaxWrongCodes }
