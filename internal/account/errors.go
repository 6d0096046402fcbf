package account

import (
	"fmt"
	"strings"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
)

// The codes of refusals that have no error of their own here.
const (
	codeBody        = "invalid_body"
	codeUnsupported = "operation_not_supported"
	codeTaken       = "auth0_idp_error"
)

// The refusals (Auth0 Management API v2, "Create a user", "Update a user", "Link a user account", "Unlink a user identity").
var (
	ErrConnection = apierr.New(apierr.Invalid, "inexistent_connection", "Connection does not exist.")
	ErrDisabled   = apierr.New(apierr.Invalid, "connection_disabled", "Connection is disabled.")

	// ErrIdentityExists is the answer to linking what is linked already.
	ErrIdentityExists = apierr.New(apierr.Conflict, "identity_conflict", "Specified identity already exists.")
	// ErrNoIdentity is the answer to unlinking an identity that the user does not have.
	ErrNoIdentity = apierr.New(apierr.NotFound, "inexistent_identity", "The user does not have the specified identity.")

	errNoCreation = apierr.New(apierr.Invalid, codeUnsupported,
		"Connection does not support user creation through the API. It must either be a database or passwordless connection.")
	errNoUsername    = apierr.New(apierr.Invalid, codeBody, "Cannot set username for connection without requires_username.")
	errUnsupported   = apierr.New(apierr.Invalid, codeUnsupported, "Connection is not supported for this operation.")
	errNotDatabase   = apierr.New(apierr.Invalid, codeUnsupported, "Cannot update email for non-database user.")
	errVerification  = apierr.New(apierr.Invalid, codeUnsupported, "Email verification is not supported for enterprise users.")
	errLoginDisabled = apierr.New(apierr.Invalid, "connection_disabled", "Cannot change email or password for users in a disabled connection.")

	errMainIdentity = apierr.New(apierr.Invalid, codeBody, "Main identity cannot be removed.")
)

// together is the refusal of a change of two members that change one at a time.
func together(one, other string) error {
	return apierr.Newf(apierr.Invalid, codeBody, "Cannot update %s and %s simultaneously.", one, other)
}

// taken is the refusal of a change to an address or name that is another account's.
func taken(member string) error {
	return apierr.Newf(apierr.Invalid, codeTaken, "The specified new %s already exists.", member)
}

// payload is a refusal in the words of the API's schema validation, about a member or, when that is empty, about the whole.
func payload(member, format string, args ...any) error {
	where := ""
	if member != "" {
		where = " on property " + member
	}
	return apierr.Newf(apierr.Invalid, codeBody, "Payload validation error: '%s'%s.", fmt.Sprintf(format, args...), where)
}

func missing(member string) error { return payload("", "Missing required property: %s", member) }

func notAllowed(members ...string) error {
	return payload("", "Additional properties not allowed: %s", strings.Join(members, ","))
}

// notUpdated and notRemoved are the refusals of changes of a profile that follows its connection.
func notUpdated(members []string, why string) error {
	return apierr.Newf(apierr.Invalid, codeUnsupported, "The following user attributes cannot be updated: %s. %s",
		strings.Join(members, ", "), why)
}

func notRemoved(members []string, c *connection.Connection) error {
	return apierr.Newf(apierr.Invalid, codeUnsupported,
		"The following user attributes cannot be removed: %s. The connection (%s) must either be a custom database connection with import mode disabled, a social or enterprise connection.",
		strings.Join(members, ", "), c.Name)
}

const (
	whyStrategy  = "The connection must either be a database connection (using the Auth0 store), a passwordless connection (email or sms) or has disabled 'Sync user profile attributes at each login'."
	whySecondary = "The specified connection belongs to a secondary identity."
)
