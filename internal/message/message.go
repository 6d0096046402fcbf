package message

import (
	"cmp"
	"log/slog"
	"time"

	connections "latchkey/internal/connection" // a connection is one to a mail server here
	"latchkey/internal/locale"
)

// Channel is the way a message takes.
type Channel string

// The channels.
const (
	Email Channel = "email"
	Text  Channel = "sms"
	Voice Channel = "voice"
)

// Kind says what a message is for. The values are those that Auth0's custom e-mail provider Actions know as
// message_type.
type Kind string

// VerificationCode is the message of a passwordless login: the code that proves possession of the address.
const VerificationCode Kind = "verification_code"

// VerifyPhone is the text message of a passwordless login, with the code that proves possession of the number.
const VerifyPhone Kind = "otp_verify"

// VerifyEmail is the message with the link by which a person confirms an address.
const VerifyEmail Kind = "verify_email"

// Secret is a code or a link. It hides itself wherever it could be printed by mistake; Reveal gives it.
type Secret string

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String keeps a secret out of formatted text.
func (s Secret) String() string { return "[secret]" }

// GoString keeps a secret out of formatted text.
func (s Secret) GoString() string { return "[secret]" }

// LogValue keeps a secret out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON keeps a secret out of documents.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }

// Message is what a caller wants a person to read. Rendering happens later, in the worker.
type Message struct {
	Channel Channel
	Kind    Kind

	// To is the recipient's address as the person typed it, already accepted by package contact.
	To string

	// ChallengeID and IssuedAt name the challenge or ticket whose secret this is. They make the message's id, so that
	// whoever replaces the challenge can cancel its message; each challenge has one message.
	ChallengeID string
	IssuedAt    time.Time

	// Code is the secret of a VerificationCode, and Link, an absolute address, that of a VerifyEmail. A VerificationCode
	// may carry both: Send says what its text is about.
	Code Secret
	Link Secret
	Send connections.Send

	// Life is how long the secret lives; the message says it in words.
	Life time.Duration
	// ExpiresAt is when the secret dies. A message that has not left by then never leaves.
	ExpiresAt time.Time

	// Language is what the reader asked for: a language tag or the value of an Accept-Language header.
	Language string
	// Locale is the language of the words that are ours (locale.OfMessage); where it is empty it follows from Language.
	Locale string
	// Application is the name of the client the person logs in to. It is text a stranger may have chosen.
	Application string
	// Domain is the tenant's domain, host and port, where the login happens. Its host makes the sender's address where
	// the operator configured none.
	Domain string
	// Color is the tenant's primary colour as #rrggbb; empty means the product's own.
	Color string

	// ClientID, Connection and UserID are for the tenant's template, whose variables they name; the first two go to the
	// tenant's log, too, when the message fails. UserID is empty where a login may have no user yet.
	ClientID   string
	Connection string
	UserID     string

	// UserAgent and IP are those of the request that asked for the message, as they came: strangers choose them, and no
	// message repeats them.
	UserAgent string
	IP        string
	// OriginHost is the host of the page of ours that asks for the code of a text message; empty where no page does.
	OriginHost string
	// AppHash is the hash of an application of Android that reads the code out of its text message by itself.
	AppHash string

	// Vars are further variables of the tenant's template, by their names: "inviter", "roles", "organization", "operation".
	// Those of "user" join what is known of the user. They are plain JSON values.
	Vars map[string]any

	// Decoy makes a message that is written like any other and never sent: its row is born cancelled. It makes the work
	// behind an answer the same whether or not there is somebody to write to.
	Decoy bool

	// written is what the tenant's template made of the message, where that was done already, and warning what there is
	// to say of it.
	written *written
	warning string
}

// Prepared is a message ready to be queued: sealed, with its row made. It is the same each time its transaction is run.
type Prepared struct {
	row     Row
	message Message
}

// ID names the message's row. It appears in the mail's Message-ID and is no secret.
func (p *Prepared) ID() string { return p.row.ID }

// locale is the language of the words that are ours.
func (m *Message) locale() string {
	return cmp.Or(m.Locale, locale.Negotiate(locale.Shipped(), "", "", m.Language))
}
