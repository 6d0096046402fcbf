package otp

import (
	"context"
	"time"

	"latchkey/internal/user"
)

// Challenge is the one live code of a connection and identifier. Issuing again replaces it.
type Challenge struct {
	ID         string
	Connection string // name
	Identifier string // canonical
	CodeHash   []byte
	LinkHash   []byte // of a link's secret; empty where no link was sent
	NumberHash []byte // of the number by which another browser approves the link; empty where none may
	Request    []byte // what the link is for, sealed
	ClientID   string
	// Transaction is the hosted login whose page alone takes the code; empty for a code that the API started.
	Transaction string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	Wrong       int // failed tries
	MaxWrong    int
	WrongNumber int // wrong numbers that were given for it
	ApprovedAt  time.Time
	CheckedAt   time.Time // when its code was last shown to be right and not spent
	ConsumedAt  time.Time
}

// Guesses counts wrong codes in a row for one connection and subject, over all codes, clients, doors and addresses. The
// subject is an identifier, or an identifier in one browser that is known to be its owner's.
type Guesses struct {
	Wrong       int
	LockedUntil time.Time
	Locks       int // how often it was locked; each lock lasts twice as long
}

// Lock is a subject for which no code is taken or sent for a while.
type Lock struct {
	Connection string
	Identifier string
	Until      time.Time
}

// Attempt is everything a check of a code needs to know, read by one question whose cost does not tell what exists.
type Attempt struct {
	Challenge *Challenge // nil when none was ever issued
	Guesses   Guesses
	Known     bool // the identifier has a user
	Blocked   bool // who is blocked
	Deletions int  // users that were deleted under the identifier
	// User gives the identifier's user as it was read, nil when there is none. Users are documents that take longer to
	// unpack than the rest of an attempt takes: it works as hard when there is none, and a check that fails does not ask.
	User func() (*user.User, error)
}

// Since are the earliest moments at which a challenge must have been approved and checked; zero where it need not have been.
type Since struct {
	Approved, Checked time.Time
}

// Store keeps challenges and guesses. Nothing here is ever cached.
type Store interface {
	// Attempt reads what is known of a connection and identifier, and the guesses counted for the subject.
	Attempt(ctx context.Context, tenantID, connection, identifier, subject string) (Attempt, error)
	// PutChallenge writes the challenge in place of any earlier one of its connection and identifier. A queued write.
	PutChallenge(ctx context.Context, tenantID string, c *Challenge) error
	// ReplaceChallenge is PutChallenge where the challenge that is there, if any, is the one with the id before; where it is
	// another, ErrOvertaken comes with the next question or with the commit, and nothing of the transaction is written.
	ReplaceChallenge(ctx context.Context, tenantID string, c *Challenge, before string) error
	// SpendChallenge consumes the challenge where all still holds: it is the newest of its connection and identifier, not
	// consumed, has tries left, lives at now, the subject is not locked, no user of that identifier is blocked, and it was
	// approved or checked as lately as asked. It tells whether it did: of any number of callers exactly one is told true.
	SpendChallenge(ctx context.Context, tenantID string, c *Challenge, subject string, now time.Time, since Since) (bool, error)
	// CountWrong adds a failed try to the challenge where it is the newest, not consumed and has tries left, and tells
	// how many failed tries it has then; ok is false when nothing was counted.
	CountWrong(ctx context.Context, tenantID string, c *Challenge) (wrong int, ok bool, err error)
	// MarkChecked sets CheckedAt where the challenge could be spent for the subject at now, but for blocked users. A queued
	// write.
	MarkChecked(ctx context.Context, tenantID string, c *Challenge, subject string, now time.Time) error
	// ApproveChallenge sets ApprovedAt where the challenge is the newest, not consumed, not approved, has had fewer than
	// limit wrong numbers, has tries left and lives at now. It tells whether it did.
	ApproveChallenge(ctx context.Context, tenantID string, c *Challenge, limit int, now time.Time) (bool, error)
	// CountWrongNumber adds a wrong number where ApproveChallenge could approve the challenge, and tells how many it has had
	// then; ok is false when nothing was counted.
	CountWrongNumber(ctx context.Context, tenantID string, c *Challenge, limit int, now time.Time) (wrong int, ok bool, err error)
	// CountGuess adds a wrong guess to the subject's counter. At limit guesses the counter starts again from zero and
	// the subject is locked for lock, doubled for each earlier lock up to maxLock. Locks that ended before forgetBefore
	// are forgotten. It gives the counter as it is then. One conditional statement.
	CountGuess(ctx context.Context, tenantID, connection, subject string, limit int, lock, maxLock time.Duration, now, forgetBefore time.Time) (Guesses, error)
	// ResetGuesses forgets the wrong guesses in a row (not the locks). A queued write; nothing is written when there are
	// none.
	ResetGuesses(ctx context.Context, tenantID, connection, subject string) error
	// Locks lists the subjects of an identifier that are locked at now, its own and those of browsers that know it: by
	// subject and connection, at most limit. An empty connection is every one.
	Locks(ctx context.Context, tenantID, connection, identifier string, now time.Time, limit int) ([]Lock, error)
	// ForgetLocks deletes the guesses of an identifier's subjects that are or were locked, and tells how many were locked at
	// now.
	ForgetLocks(ctx context.Context, tenantID, connection, identifier string, now time.Time) (int, error)
	// KillChallenge makes the live challenge with this id, if any, useless. A queued write.
	KillChallenge(ctx context.Context, tenantID, connection, identifier, id string) error
}
