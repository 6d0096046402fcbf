// Package user is an account and its logins at connections, the identities.
package user

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // Gravatar's addresses are MD5 sums; nothing is protected by it
	"encoding/hex"
	"net/url"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
)

// ErrNotFound is the answer for a user that does not exist.
var ErrNotFound = apierr.New(apierr.NotFound, "inexistent_user", "The user does not exist.")

// ErrExists is the answer to creating a user whose id or identity is taken.
var ErrExists = apierr.New(apierr.Conflict, "user_exists", "The user already exists.")

// ErrBlocked is the answer for a user whom an administrator has blocked.
var ErrBlocked = apierr.New(apierr.Forbidden, "user_blocked", "user is blocked")

// User is one account. The profile members carry the Management API's names; the counters and the block are kept in
// columns of their own.
type User struct {
	ID string `json:"user_id"` // "email|<24 hex>"

	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
	PhoneNumber   string `json:"phone_number,omitempty"`
	PhoneVerified bool   `json:"phone_verified,omitempty"`
	Username      string `json:"username,omitempty"`

	Name       string `json:"name,omitempty"`
	Nickname   string `json:"nickname,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	FamilyName string `json:"family_name,omitempty"`
	Picture    string `json:"picture,omitempty"`

	// Claims holds further standard claims by their OpenID Connect names (middle_name, birthdate, address, ...).
	Claims map[string]any `json:"claims,omitempty"`

	UserMetadata map[string]any `json:"user_metadata,omitzero"` // empty where it was cleared, nil where it never was
	AppMetadata  map[string]any `json:"app_metadata,omitempty"`
	Identities   []Identity     `json:"identities"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	// LastPasswordReset is when the password was last changed; zero for never.
	LastPasswordReset time.Time `json:"last_password_reset,omitzero"`
	// ClaimedAt is when the owner of the account's address proved it for the first time; zero where that made the account, or
	// never happened. What was proven or made before was perhaps somebody else's.
	ClaimedAt time.Time `json:"claimed_at,omitzero"`
	// BlockDecided is whether somebody has ever blocked the account or said that it is not.
	BlockDecided bool `json:"block_decided,omitempty"`

	Blocked  bool     `json:"-"`
	Password Password `json:"-"` // of the main identity
	// FormerPasswords are those before it that may not come again, the newest first.
	FormerPasswords []Password `json:"-"`
	LoginsCount     int        `json:"-"`
	LastLogin       time.Time  `json:"-"`
	LastIP          string     `json:"-"`
	Version         int64      `json:"-"`
	// LoginsEndAt is when all logins of the account were last ended at once: by a new password, by a claim, by an
	// administrator. What was proven by then and waits to become a login counts no more. Zero for never.
	LoginsEndAt time.Time `json:"-"`
}

// Password is the hash of a password, in PHC or crypt form; empty where the account has none. It never leaves the server.
type Password string

// String hides the hash.
func (Password) String() string { return "[password]" }

// Identity is an account's login at one connection.
type Identity struct {
	Connection string              `json:"connection"`
	Provider   connection.Strategy `json:"provider"`
	UserID     string              `json:"user_id"` // the part behind the provider in the account's first id
	IsSocial   bool                `json:"isSocial"`
	// ProfileData is the profile of a linked identity; that of the main one is the account's own.
	ProfileData map[string]any `json:"profileData,omitempty"`
	// Password and FormerPasswords are those of a linked identity; those of the main one are the account's own.
	Password        Password   `json:"-"`
	FormerPasswords []Password `json:"-"`
	// Identifiers are the canonical addresses and names under which the connection finds the account: one for passwordless
	// connections; for databases each attribute that is an identifier.
	Identifiers []string `json:"-"`
	// LinkVerified is the address that was verified by a link in a mail: whoever reads it was asked to confirm an account that
	// somebody else may have made, with a password of theirs.
	LinkVerified string `json:"link_verified,omitempty"`
}

// IdentityID gives the id of the identity under which a connection finds the account by an identifier: what
// /passwordless/start calls _id. It is the address's own: that two of them lead to one account is nobody else's business.
func (u *User) IdentityID(connection, identifier string) string {
	at := u.IdentityAt(connection, identifier)
	if at < 0 {
		return ""
	}
	return u.Identities[at].UserID
}

// NewPasswordless gives the account that the first proof of an address, e-mail or telephone, makes. Id is the 24
// hexadecimal characters that were reserved for the address.
func NewPasswordless(c *connection.Connection, id, address string, now time.Time) *User {
	u := &User{
		ID:         string(c.Strategy) + "|" + id,
		Identities: []Identity{{Connection: c.Name, Provider: c.Strategy, UserID: id, Identifiers: []string{address}}},
		CreatedAt:  now,
		UpdatedAt:  now,
	}
	if c.Strategy == connection.SMS {
		u.PhoneNumber, u.PhoneVerified = address, true
	} else {
		u.Email, u.EmailVerified = address, true
	}
	u.FillProfile()
	return u
}

// Address is what the account is called where nothing better is known: its e-mail address, else its number, else its name.
func (u *User) Address() string { return cmp.Or(u.Email, u.PhoneNumber, u.Username) }

// Language is the language that the person reads, as far as the profile says so: the lang of their metadata, which Auth0's
// template examples read, else the standard claim locale (OpenID Connect Core section 5.1). It is text that anybody may
// have chosen.
func (u *User) Language() string {
	if lang, ok := u.UserMetadata["lang"].(string); ok && lang != "" {
		return lang
	}
	tag, _ := u.Claims["locale"].(string)
	return tag
}

// ClaimedAfter reports whether the account was claimed by the owner of its address after a moment: what was given for it at
// that moment counts no more.
func (u *User) ClaimedAfter(at time.Time) bool { return at.Before(u.ClaimedAt) }

// EndedSince reports whether all logins of the account were ended after a proof was given, or in the same millisecond.
func (u *User) EndedSince(proven time.Time) bool {
	return !u.LoginsEndAt.IsZero() && !proven.Truncate(time.Millisecond).After(u.LoginsEndAt)
}

// gravatar is the picture Auth0 gives a new account: looked up by mail clients and applications, never by us.
func gravatar(email string) string {
	sum := md5.Sum([]byte(email)) //nolint:gosec // see the import
	return "https://s.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=480&r=pg&d=" + url.QueryEscape("mp")
}

// Login is what a successful login leaves on the account.
type Login struct {
	At time.Time
	IP string
	// Proven is when the proof was given that it rests on, where that was not in the same commit.
	Proven time.Time
}

// Store keeps users. Nothing here is ever cached.
type Store interface {
	// User gives a user by id, or ErrNotFound.
	User(ctx context.Context, tenantID, userID string) (*User, error)
	// Find gives the user whose identity at the connection (by name) has the canonical identifier, or nil, and how many
	// users were deleted under that identifier. One question, whose cost does not tell whether the user exists.
	Find(ctx context.Context, tenantID, connection, identifier string) (u *User, deletions int, err error)
	// CreateUser writes a new user with its identities, password, counters and block. ErrExists when the id or one of its
	// identities is taken, even by a transaction that commits at the same time. In a transaction it is a queued write:
	// ErrExists comes with the next question or with the commit.
	CreateUser(ctx context.Context, tenantID string, u *User) error
	// UpdateUser replaces profile, password, block and identities where the stored version is still u.Version; a lost race
	// is ErrChanged, a missing user ErrNotFound, an identity of another user ErrExists. Identifiers that the user gives up
	// are remembered as those of deleted users are. Counters are left alone.
	UpdateUser(ctx context.Context, tenantID string, u *User) error
	// RecordLogin adds one to the user's logins and sets the last one. A queued write: where the user is blocked, or was
	// deleted, ErrBlocked comes with the next question or with the commit, and nothing of the transaction is written.
	// The same where the login rests on a proof that the end of the user's logins has overtaken (EndedSince).
	RecordLogin(ctx context.Context, tenantID, userID string, l Login) error
	// EndLogins sets LoginsEndAt, where it is not later already. A queued write, which leaves the version alone.
	EndLogins(ctx context.Context, tenantID, userID string, at time.Time) error
	// HoldUser keeps everybody else from changing the user before the commit. A queued write: where somebody has, ErrChanged
	// comes with the next question or with the commit, and nothing of the transaction is written.
	HoldUser(ctx context.Context, tenantID string, u *User) error
	// DeleteUser removes a user, its identities and its items, and remembers each identifier, so that a new account under
	// it gets another id. ErrNotFound when there is none.
	DeleteUser(ctx context.Context, tenantID, userID string) error
}

// ErrChanged is the answer to an update whose user was changed meanwhile.
var ErrChanged = apierr.New(apierr.Conflict, "user_changed", "The user was changed meanwhile.")
