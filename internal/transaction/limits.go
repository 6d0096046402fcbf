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
func (t *Transaction) ResendAt() (at time.Time, ok bool) {
	if t.Sends >= MaxSends {
		return time.Time{}, false
	}
	if t.Sends == 0 {
		return t.SentAt, true
	}
	return t.SentAt.Add(resendWaits[min(t.Sends, len(resendWaits))-1]), true
}

// Exhausted reports whether so many wrong codes were given that the person starts over.
func (t *Transaction) Exhausted() bool { return t.WrongCodes >= MaxWrongCodes }
