// Package eventlog is the tenant's own log of what happened: logins, codes sent, tokens exchanged, each with Auth0's
// type code (Auth0 docs, "Log Event Type Codes"). It is product data that tenants query; the operator's log is another
// thing.
package eventlog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"latchkey/internal/clock"
)

// Type is an event's code.
type Type string

// The events of the flows built so far.
const (
	SuccessLogin        Type = "s"
	FailedLogin         Type = "f"
	SuccessSignup       Type = "ss"
	FailedSignup        Type = "fs"
	SuccessSilentAuth   Type = "ssa"
	FailedSilentAuth    Type = "fsa"
	SuccessLogout       Type = "slo"
	FailedLogout        Type = "flo"
	CodeSent            Type = "cls" // by e-mail
	TextSent            Type = "cs"  // by text message
	PhoneLimit          Type = "limit_phone"
	CodeExchange        Type = "seacft"
	FailedCodeExchange  Type = "feacft"
	ClientCredentials   Type = "seccft"
	FailedClientCreds   Type = "feccft"
	RefreshExchange     Type = "sertft"
	FailedRefresh       Type = "fertft"
	RefreshReuse        Type = "ferrt"
	RefreshRevoked      Type = "srrt"
	FailedOTPExchange   Type = "fepotpft"
	SuccessCrossOrigin  Type = "scoa" // a proof by a page of another host
	FailedCrossOrigin   Type = "fcoa"
	RefusedOrigin       Type = "fco"
	WrongPassword       Type = "fp"
	UnknownUsername     Type = "fu"
	EmailVerified       Type = "sv"
	FailedVerification  Type = "fv"
	NotificationFailed  Type = "fn"
	NotificationWarning Type = "wn"
	BruteForceBlock     Type = "limit_wc"
	NetworkBlock        Type = "limit_mu"
	APILimit            Type = "api_limit"
	FailedPAR           Type = "fpar"
	UserDeleted         Type = "sdu"
	UserImported        Type = "sui"
	FailedImport        Type = "fui"
	EmailChanged        Type = "sce"
	PhoneChanged        Type = "scpn"
	UsernameChanged     Type = "scu"
	PasswordChanged     Type = "scp"
	BlockReleased       Type = "ublkdu"        // a lock after too many tries was lifted
	APIOperation        Type = "sapi"          // a successful write at the Management API
	APIRead             Type = "mgmt_api_read" // an answer of the Management API that holds secrets
	// VerificationRequested says that a mail with a verification link was queued.
	VerificationRequested Type = "svr"
)

// Origin is where a request came from, as far as it is told truthfully.
type Origin struct {
	IP        string // the end user's
	ClientIP  string // the peer that called, where it called on behalf of the user
	UserAgent string
	Hostname  string
	SDK       string // the decoded Auth0-Client header, JSON
	Language  string // what the message's language is chosen by: X-Request-Language, else Accept-Language
	RequestID string
}

// Event is one row of the log. Secrets never enter it; Details is stored as JSON.
type Event struct {
	Type         Type
	Description  string
	ClientID     string
	ClientName   string
	Connection   string
	ConnectionID string
	Strategy     string
	StrategyType string
	UserID       string
	UserName     string
	Audience     string
	Scope        string
	Origin       Origin
	Details      any
}

// Record is an event as it is stored: with its id and the time that the id begins with.
type Record struct {
	ID   string
	Date time.Time
	Event
}

// Log writes events. It is safe for concurrent use.
type Log struct {
	store Store
	clock clock.Clock
	node  uint32
	last  atomic.Uint64 // milliseconds << 16 | sequence: ids of one node never repeat or go back
}

// New makes a log. Node tells this process from others that write at the same time; any number will do that differs.
func New(store Store, c clock.Clock, node uint32) *Log {
	return &Log{store: store, clock: c, node: node % 100000}
}

// Write stores events: with the commit of the caller's transaction when ctx carries one, else at once. Their ids and dates
// are those of that moment.
func (l *Log) Write(ctx context.Context, tenantID string, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	clipped := slices.Clone(events)
	for i := range clipped {
		e := &clipped[i]
		for _, text := range []*string{&e.Description, &e.UserName, &e.Audience, &e.Scope} {
			*text = clip(*text)
		}
	}
	if err := l.store.InsertEvents(ctx, tenantID, clipped, l.stamp); err != nil {
		return fmt.Errorf("write %d log events: %w", len(events), err)
	}
	return nil
}

// maxText is how many bytes of a text an event keeps: requests of strangers stand in some.
const maxText = 2 << 10

func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "..."
}

// stamp gives an id of digits only, ordered by time as text: those of IDAt, sequence, node. The time is that of the id: later
// than now where the clock was set back.
func (l *Log) stamp() (id string, at time.Time) {
	ms := uint64(l.clock.Now().UnixMilli()) //nolint:gosec // the clock stands after 1970
	for {
		last := l.last.Load()
		next := ms << 16
		if next <= last {
			next = last + 1
		}
		if !l.last.CompareAndSwap(last, next) {
			continue
		}
		at := time.UnixMilli(int64(next >> 16)).UTC() //nolint:gosec // fits: it came from milliseconds
		return fmt.Sprintf("%s%06d%05d", IDAt(at), next&0xffff, l.node), at
	}
}

// IDAt is what the ids of a millisecond begin with: 900, the UTC second, milliseconds. Every earlier id is smaller and
// every other one greater.
func IDAt(at time.Time) string {
	return "900" + strings.Replace(at.UTC().Format("20060102150405.000"), ".", "", 1)
}
