// Package login is what happens before somebody is known: a code or a magic link is started for an address, from a hosted
// page or by the API, and what a hosted page is given becomes a proof in its transaction.
package login

import (
	"context"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/branding"
	"latchkey/internal/clock"
	"latchkey/internal/eventlog"
	"latchkey/internal/message"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/resource"
	"latchkey/internal/transaction"
)

// Refusals of Start.
var (
	// ErrEmail is the answer to text that is no e-mail address.
	ErrEmail = apierr.New(apierr.Invalid, "invalid_email", "The e-mail address is not valid.")
	// ErrPhone is the answer to text that is no telephone number.
	ErrPhone = apierr.New(apierr.Invalid, "invalid_phone_number", "The phone number is not valid.")
	// ErrSignupDisabled tells an API caller that the address has no account and may not get one. Pages never say so.
	ErrSignupDisabled = apierr.New(apierr.Forbidden, "signup_disabled", "Public signup is disabled")
	// ErrWrongCode, ErrExpiredCode and ErrTooManyAttempts are the refusals of a typed code. Links have them too, and
	// ErrUsedLink.
	ErrWrongCode       = otp.ErrWrong
	ErrExpiredCode     = otp.ErrExpired
	ErrTooManyAttempts = otp.ErrTooManyAttempts
	ErrUsedLink        = otp.ErrUsed
	// ErrWrongNumber is the answer to a number that is not the one on the screen that waits for a link.
	ErrWrongNumber = otp.ErrWrongNumber
	// ErrCallback is the answer to a link whose answer would go where the client's answers may no longer go.
	ErrCallback = apierr.New(apierr.Forbidden, "callback_mismatch", "Callback URL mismatch")
	// ErrProvider is the answer where the provider of a connection did not take a text message; a *ProviderError has its words.
	ErrProvider = apierr.New(apierr.Invalid, "sms_provider_error", "The text message could not be sent.")
	// ErrUnsupported is the answer for connections of a strategy whose codes cannot be sent.
	ErrUnsupported = apierr.New(apierr.Invalid, "unsupported_strategy", "Connection is disabled")
)

// ProviderError is ErrProvider with the words of the provider, which the caller of the API hears. Pages keep them back.
type ProviderError struct{ Words string }

// Error implements error. It is for logs, which hold no numbers.
func (e *ProviderError) Error() string {
	return "the provider did not take a text message: " + message.MaskAddresses(e.Words)
}

// Unwrap makes it ErrProvider.
func (e *ProviderError) Unwrap() error { return ErrProvider }

// Logins starts codes and takes them. It is safe for concurrent use.
type Logins struct {
	c Config
}

// Config is what New needs.
type Config struct {
	Tx           authn.Transactor
	Door         *authn.Door
	Codes        *otp.Codes
	Messages     *message.Sender
	Guard        *protect.Guard
	Transactions *transaction.Transactions
	Looks        branding.Store
	// Settings are the tenant's, as the Management API keeps them.
	Settings interface {
		Resource(ctx context.Context, tenantID string, kind resource.Kind, id string) (*resource.Resource, error)
	}
	Log   *eventlog.Log
	Clock clock.Clock
}

// New makes the logins of a server.
func New(c Config) *Logins { return &Logins{c: c} }
