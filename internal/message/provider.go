package message

import (
	"context"
	"time"
)

// Verdict is how an attempt ended.
type Verdict string

// The verdicts a provider gives.
const (
	VerdictSent      Verdict = "sent"           // accepted
	VerdictRetry     Verdict = "retry"          // certainly not accepted, may be later
	VerdictRecipient Verdict = "fail_recipient" // this address takes no mail
	VerdictRefused   Verdict = "fail"           // refused for good: policy or protocol
	VerdictConfig    Verdict = "fail_config"    // our configuration is wrong: credentials, TLS, sender
	VerdictUnknown   Verdict = "unknown"        // it may have been accepted
)

// Result is what an attempt says.
type Result struct {
	Verdict Verdict
	// Detail is the provider's own words, one line, or our explanation. It is for administrators.
	Detail string
	// Told is what Auth0 says of a failure to whoever asked for a text message; empty where it says nothing of its own.
	Told string
	// Abroad says of VerdictRecipient that the service takes no message to the country at all.
	Abroad bool
	// ProviderMessageID is what the provider calls the message, where it says so.
	ProviderMessageID string
	// Unreached says that nobody listens where the service should be.
	Unreached bool
	// Way says how a mail server was spoken to: the version of TLS, and the login.
	Way string
	// RetryAfter is the shortest wait the provider asks for before the next attempt of this message.
	RetryAfter time.Duration
	// Pause asks that the provider be left alone for so long, because every further attempt would harm (a wrong password
	// locks accounts).
	Pause time.Duration
}

// Service is somebody who takes messages to their readers, whatever their kind.
type Service interface {
	// Name is the service's kind as logs and metrics name it.
	Name() string
	// Concurrency is how many messages may be handed over at once.
	Concurrency() int
	// Close ends kept connections. Nothing is being handed over or will be.
	Close()
}

// Provider hands mail to the outside.
type Provider interface {
	Service
	// Send makes one attempt. It ends when ctx ends; whether the message may have left then is in the verdict.
	Send(ctx context.Context, m Mail) Result
}
