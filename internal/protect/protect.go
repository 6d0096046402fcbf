// Package protect limits what may be tried and sent: buckets per address, identifier, user and transaction, asked with
// the same canonical names on every route. It gives verdicts and tells nobody; whoever asks decides what to say.
//
// Buckets that guard secrets and sends live in the database and are marked in the commit of the request itself, so that
// several nodes and a crash forgive nothing. General limits are each node's own and live in memory.
//
// Numbers are Auth0's where Auth0 has them (Auth0 docs, "Authentication API Endpoint Rate Limits"); the rest is ours and
// listed in docs/divergences.md.
package protect

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
)

// Limit is a bucket's size and how long one mark takes to drain.
type Limit struct {
	Name  string
	Burst int
	Every time.Duration
}

// The limits, each with its source.
var (
	// StartsPerIP bounds /passwordless/start without client authentication: 50, refilled at 50 an hour (Auth0).
	StartsPerIP = Limit{"start_ip", 50, time.Hour / 50}
	// PageStartsPerIP bounds codes asked for on hosted pages: 50, refilled at 50 an hour (ours, like the API's). Over it a
	// page looks as if the code was sent.
	PageStartsPerIP = Limit{"page_start_ip", 50, time.Hour / 50}
	// SendsPerRecipient bounds messages to one recipient over all doors and connections: 5 in 15 minutes (ours).
	SendsPerRecipient = Limit{"send_recipient", 5, 3 * time.Minute}
	// SendsPerRecipientDay bounds messages to one recipient: 20 a day (ours).
	SendsPerRecipientDay = Limit{"send_recipient_day", 20, 72 * time.Minute}
	// LongRequestsPerIP bounds authorization requests of one address that are too long to be carried by the browser and are
	// written down before anybody has proven anything: 60, refilled at one a second (ours).
	LongRequestsPerIP = Limit{"long_request_ip", 60, time.Second}
	// FailedPasswordsPerIP bounds passwords from one address that are not right, whoever is meant: 100, refilled at 100 a day
	// (Auth0 docs, "Suspicious IP Throttling").
	FailedPasswordsPerIP = Limit{"failed_password_ip", 100, 864 * time.Second}
	// WrongNumbers bounds numbers for the links of one address that are not on the first screen: 10 a day (ours), so that
	// whoever sends links without end does not guess one.
	WrongNumbers = Limit{"link_number", 10, 144 * time.Minute}
	// UserInfo bounds /userinfo per user: 10, refilled at 5 a minute (Auth0).
	UserInfo = Limit{"userinfo", 10, 12 * time.Second}
	// ChallengePosts bounds tries on a hosted code page: 5, refilled at 5 a minute, per address and transaction (Auth0,
	// keyed more narrowly).
	ChallengePosts = Limit{"challenge_post", 5, 12 * time.Second}
	// PromptPosts bounds posts to any other hosted page per address and transaction: 10, refilled at 5 a minute (Auth0).
	PromptPosts = Limit{"prompt_post", 10, 12 * time.Second}
	// PagesPerIP bounds all hosted pages of one address: 500 a minute (Auth0).
	PagesPerIP = Limit{"pages_ip", 500, 120 * time.Millisecond}
	// LinkPolls bounds how often the pages of one address that wait for a link ask how far it is: each does every two seconds
	// (ours).
	LinkPolls = Limit{"link_poll_ip", 600, 20 * time.Millisecond}
	// ManagementAPI bounds the calls of one client, or of one user of a client, to the Management API: 100 at once, 50 a second (Auth0's order of size).
	ManagementAPI = Limit{"management_api", 100, 20 * time.Millisecond}
	// TrialMails bounds mail that administrators send to try a provider or a template: 10 an hour in a tenant (ours).
	TrialMails = Limit{"trial_mail", 10, 6 * time.Minute}
	// LoginsPerUserAndIP bounds logins of one user from one address, successes too: 20 in a minute, then 10 a minute
	// (Auth0).
	LoginsPerUserAndIP = Limit{"login_user_ip", 20, 6 * time.Second}
)

// LimitError says that a limit was reached.
type LimitError struct {
	Limit Limit
	Level Level
	Wait  time.Duration // until the next one fits
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("limit %s of %d is reached until %s", e.Limit.Name, e.Limit.Burst, e.Level.RetryAt.Format(time.RFC3339))
}

// Unwrap makes a LimitError an apierr.Error of kind TooMany.
func (e *LimitError) Unwrap() error {
	return apierr.New(apierr.TooMany, "too_many_requests", "Too many requests.")
}

// Ask is one question to the guard: does one more fit the limit of this subject?
type Ask struct {
	Limit   Limit
	Subject string // canonical: an address, an identifier, a user id
	AskOnly bool   // counts nothing: for what must look like a message and is none
}

// FailedPassword asks whether an address may try one more password. It counts until the password turns out to be right.
func FailedPassword(ip string) Ask {
	return Ask{Limit: FailedPasswordsPerIP, Subject: Network(ip)}
}

// RightPassword gives back what a right password has counted.
func RightPassword(ip string) Ask {
	back := FailedPasswordsPerIP
	back.Every = -back.Every
	return Ask{Limit: back, Subject: Network(ip)}
}

// WrongNumber asks whether one more number may be tried for the links of an address. It counts until the number turns out to be
// right.
func WrongNumber(connection, address string) Ask {
	return Ask{Limit: WrongNumbers, Subject: connection + "|" + address}
}

// RightNumber gives back what a right number has counted.
func RightNumber(connection, address string) Ask {
	ask := WrongNumber(connection, address)
	ask.Limit.Every = -ask.Limit.Every
	return ask
}

// Guard answers questions about limits. It is safe for concurrent use.
type Guard struct {
	store   Store
	clock   clock.Clock
	memory  *memory
	relaxed bool
}

// relaxFactor is how much more room loopback callers have in development mode.
const relaxFactor = 1000

// Config is what New needs.
type Config struct {
	Store Store
	Clock clock.Clock
	// RelaxLoopback gives callers on a loopback address a thousand times the room, for development mode.
	RelaxLoopback bool
}

// New makes a guard.
func New(c Config) *Guard {
	return &Guard{store: c.Store, clock: c.Clock, memory: newMemory(), relaxed: c.RelaxLoopback}
}

// Mark counts one of each in the database, in the caller's transaction. When one does not fit it answers a *LimitError
// and the caller rolls back, so that a refused request counts nowhere.
func (g *Guard) Mark(ctx context.Context, tenantID, ip string, asks ...Ask) error {
	if len(asks) == 0 {
		return nil
	}
	buckets := make([]Bucket, len(asks))
	for i, a := range asks {
		buckets[i] = g.bucket(a, ip)
	}
	levels, err := g.store.Mark(ctx, tenantID, g.clock.Now(), buckets)
	if err != nil {
		return fmt.Errorf("mark %d limits: %w", len(asks), err)
	}
	for i, l := range levels {
		if l.Over {
			return g.refused(asks[i].Limit, l)
		}
	}
	return nil
}

// Credit counts one of each in the database, in the caller's transaction, whether it fits or not: for limits that give back.
func (g *Guard) Credit(ctx context.Context, tenantID string, asks ...Ask) error {
	buckets := make([]Bucket, len(asks))
	for i, a := range asks {
		buckets[i] = Bucket{Key: a.Limit.Name + ":" + a.Subject, Every: a.Limit.Every, Burst: a.Limit.Burst}
	}
	if _, err := g.store.Mark(ctx, tenantID, g.clock.Now(), buckets); err != nil {
		return fmt.Errorf("give back to %d limits: %w", len(asks), err)
	}
	return nil
}

// Forget empties buckets in the database, in the caller's transaction.
func (g *Guard) Forget(ctx context.Context, tenantID string, asks ...Ask) error {
	keys := make([]string, len(asks))
	for i, a := range asks {
		keys[i] = a.Limit.Name + ":" + a.Subject
	}
	if err := g.store.EmptyBuckets(ctx, tenantID, keys); err != nil {
		return fmt.Errorf("empty %d limits: %w", len(asks), err)
	}
	return nil
}

// Tenth is asked of what a full limit holds back, and lets every tenth of a subject through, so that a limit can learn that
// things are better. It counts in this node's memory.
func (g *Guard) Tenth(tenantID string, a Ask) bool {
	return g.memory.tenth(tenantID + "\x00" + a.Limit.Name + ":" + a.Subject)
}

// Relaxed reports whether a caller is the developer of this machine.
func (g *Guard) Relaxed(ip string) bool { return g.relaxed && isLoopback(ip) }

// Count counts one in this node's memory. The level is given in every case; the error is a *LimitError.
func (g *Guard) Count(tenantID, ip string, a Ask) (Level, error) {
	b := g.bucket(a, ip)
	b.Key = tenantID + "\x00" + b.Key
	level := g.memory.mark(b, g.clock.Now())
	if level.Over {
		return level, g.refused(a.Limit, level)
	}
	return level, nil
}

func (g *Guard) refused(l Limit, level Level) error {
	return &LimitError{Limit: l, Level: level, Wait: max(level.RetryAt.Sub(g.clock.Now()), time.Second)}
}

func (g *Guard) bucket(a Ask, ip string) Bucket {
	b := Bucket{Key: a.Limit.Name + ":" + a.Subject, Every: a.Limit.Every, Burst: a.Limit.Burst, AskOnly: a.AskOnly}
	if g.Relaxed(ip) && roomy(a.Limit.Name) {
		b.Every /= relaxFactor
		b.Burst *= relaxFactor
	}
	return b
}

// roomy names the limits that development mode widens: those per address, recipient, user and tenant, not those that
// guard a transaction's tries.
func roomy(name string) bool {
	return name != ChallengePosts.Name && name != PromptPosts.Name
}

func isLoopback(ip string) bool {
	a, err := netip.ParseAddr(ip)
	return err == nil && a.Unmap().IsLoopback()
}

// Network gives the part of an address that limits count: the whole IPv4 address, the /64 of an IPv6 one.
func Network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}
