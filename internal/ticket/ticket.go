package ticket

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/branding"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
	"latchkey/internal/message"
	"latchkey/internal/seal"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// Purpose says what a ticket is good for.
type Purpose string

// VerifyEmail is the purpose of a ticket that proves that its holder reads an address.
const VerifyEmail Purpose = "verify_email"

// Path is the page that verification links lead to.
const Path = "/u/email-verification"

// defaultLife is how long a ticket lives that was made without a life (Auth0: 432000 seconds).
const defaultLife = 5 * 24 * time.Hour

// purpose keeps the hashes of tickets apart from all others.
const purpose = "ticket"

// The refusals of making a ticket.
var (
	ErrNoEmail     = apierr.New(apierr.Invalid, "no_email", "The user does not have an email address.")
	ErrUnsupported = apierr.New(apierr.Invalid, "unsupported_connection", "The user's main connection does not support this operation.")
	ErrNoIdentity  = apierr.New(apierr.Invalid, "no_such_identity", "The user exists, but does not contain the given identity.")
	ErrResultURL   = apierr.New(apierr.Invalid, "result_url", "The result_url must be an absolute address that a browser can be sent to.")
)

// The refusals of using one.
var (
	// ErrUnknown is the answer to a secret that is no ticket's, and to a ticket whose user or address is gone.
	ErrUnknown = apierr.New(apierr.NotFound, "unknown_ticket", "User account does not exist or verification code is invalid.")
	ErrExpired = apierr.New(apierr.Invalid, "expired_ticket", "Access expired.")
	ErrUsed    = apierr.New(apierr.Conflict, "used_ticket", "This URL can be used only once")
	// ErrVerified is the answer where the address was verified in another way meanwhile.
	ErrVerified = apierr.New(apierr.Conflict, "already_verified", "This account is already verified.")
)

// Secret is what a ticket's address carries. It hides itself from logs.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[ticket]" }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[ticket]") }

// Identity names one login of a user, as the Management API does: the provider and the id there.
type Identity struct {
	Provider connection.Strategy `json:"provider"`
	UserID   string              `json:"user_id"`
}

// Ticket is one link: for whom, for which address, and where it leads in the end.
type Ticket struct {
	Purpose  Purpose  `json:"purpose"`
	UserID   string   `json:"user_id"`
	Identity Identity `json:"identity"`
	Email    string   `json:"email"`
	ClientID string   `json:"client_id,omitempty"`
	// ResultURL is where the browser goes afterwards; empty for a page of ours.
	ResultURL string `json:"result_url,omitempty"`
	// HideEmail keeps the address out of what ResultURL is told.
	HideEmail bool      `json:"hide_email,omitempty"`
	CreatedAt time.Time `json:"-"`
	ExpiresAt time.Time `json:"-"`
	SpentAt   time.Time `json:"-"`
}

// Tx runs fn in one transaction.
type Tx interface {
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
}

// Users is what a verification reads and writes of users.
type Users interface {
	User(ctx context.Context, tenantID, userID string) (*user.User, error)
	UpdateUser(ctx context.Context, tenantID string, u *user.User) error
}

// Looks gives the tenant's colour to its mail.
type Looks interface {
	PageConfig(ctx context.Context, tenantID string) (*branding.PageConfig, error)
}

// Links tells what a tenant's template says of the link in its mail, and which templates the tenant uses.
type Links interface {
	// Enabled reports whether the tenant has a template of its own for mail of a kind, and has switched it on.
	Enabled(ctx context.Context, tenantID string, kind message.Kind) (bool, error)
	LinkSettings(ctx context.Context, tenantID string, kind message.Kind, c *client.Client) (message.LinkSettings, error)
}

// Config is what Tickets are made of; every part is required.
type Config struct {
	Tx          Tx
	Store       Store
	Users       Users
	Connections connection.Store
	Looks       Looks
	Links       Links
	Messages    *message.Sender
	Log         *eventlog.Log
	Keys        *seal.Keyset
	Clock       clock.Clock
}

// Tickets makes tickets and takes them. It is safe for concurrent use.
type Tickets struct{ c Config }

// New makes the tickets of a server.
func New(c Config) *Tickets { return &Tickets{c} }

// Asked is what a verification ticket is made for.
type Asked struct {
	Site tenant.Site
	User *user.User
	// Identity, where it is set, is the login whose address is meant. The first login of a database user needs no naming.
	Identity *Identity
	// Client, where it is set, gives its name to the page and its login address to the button behind it.
	Client    *client.Client
	ResultURL string
	HideEmail bool
	// Life is how long the ticket lives; five days when it is zero.
	Life time.Duration
	// Language and Origin are those of the request that asked, for the mail and the log.
	Origin eventlog.Origin
}

// made is a ticket with its secret, not written yet.
type made struct {
	hash   []byte
	ticket *Ticket
	url    string
}

// Issue makes a ticket and gives its address. It joins the caller's transaction, where it is a queued write.
func (t *Tickets) Issue(ctx context.Context, a Asked) (address string, err error) {
	m, err := t.prepare(a)
	if err != nil {
		return "", err
	}
	return m.url, t.c.Store.InsertTicket(ctx, a.Site.Tenant.ID, m.hash, m.ticket)
}

// prepare draws a secret and makes the ticket of it.
func (t *Tickets) prepare(a Asked) (made, error) {
	identity, email, err := target(a.User, a.Identity)
	if err != nil {
		return made{}, err
	}
	if a.ResultURL != "" && !leads(a.ResultURL) {
		return made{}, ErrResultURL
	}
	life := a.Life
	if life <= 0 {
		life = defaultLife
	}
	now := t.c.Clock.Now()
	tk := &Ticket{
		Purpose: VerifyEmail, UserID: a.User.ID, Identity: identity, Email: email, ResultURL: a.ResultURL,
		HideEmail: a.HideEmail, CreatedAt: now, ExpiresAt: now.Add(life),
	}
	if a.Client != nil {
		tk.ClientID = a.Client.ID
	}
	secret := ident.Ticket()
	return made{
		hash: t.c.Keys.Hash(purpose, bind(a.Site.Tenant.ID, secret)), ticket: tk,
		// The empty fragment keeps a browser from carrying an application's own along when it is sent on.
		url: a.Site.URL(Path) + "?ticket=" + secret + "#",
	}, nil
}

// bind ties a secret to its tenant.
func bind(tenantID, secret string) string { return tenantID + "\x00" + secret }

// target finds the login that is meant and the address to verify. Without a name it is the user's first login, which must
// be one at a database: Auth0 asks for the name of all others.
func target(u *user.User, named *Identity) (Identity, string, error) {
	if len(u.Identities) == 0 {
		return Identity{}, "", ErrNoIdentity
	}
	if named == nil {
		first := u.Identities[0]
		switch {
		case u.Email == "":
			return Identity{}, "", ErrNoEmail
		case first.Provider != connection.Database:
			return Identity{}, "", ErrUnsupported
		}
		return Identity{first.Provider, first.UserID}, u.Email, nil
	}
	email, _, ok := address(u, *named)
	switch {
	case !ok:
		return Identity{}, "", ErrNoIdentity
	case email == "":
		return Identity{}, "", ErrNoEmail
	}
	return *named, email, nil
}

// address gives the e-mail address of one of the user's logins and whether it is verified: of the first login that of the
// account itself, of a linked one that of the profile it brought along.
func address(u *user.User, named Identity) (email string, verified, ok bool) {
	for i, id := range u.Identities {
		if id.Provider != named.Provider || id.UserID != named.UserID {
			continue
		}
		if i == 0 {
			return u.Email, u.EmailVerified, true
		}
		email, _ = id.ProfileData[user.ProfileEmail].(string)
		verified, _ = id.ProfileData[user.ProfileEmailVerified].(bool)
		return email, verified, true
	}
	return "", false, false
}

// leads reports whether a browser can be sent to an address: web addresses, and the schemes of applications.
func leads(to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.Scheme == "" {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return u.Host != ""
	case "javascript", "data", "vbscript", "blob", "file", "about":
		return false
	}
	return true
}
