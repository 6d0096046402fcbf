package authn

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/message"
	"latchkey/internal/otp"
	"latchkey/internal/password"
	"latchkey/internal/protect"
	"latchkey/internal/seal"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// ErrBlocked is the answer to a user whom an administrator has blocked.
var ErrBlocked = user.ErrBlocked

// Entry is who comes to the door: through which site, client and connection, and from where. Connection is nil where the
// proof names none (a session, a refresh token).
type Entry struct {
	Site       tenant.Site
	Client     *client.Client
	Connection *connection.Connection
	Origin     eventlog.Origin

	// Transaction is the hosted login in which a code is started or typed, and ChallengeID that of the code it sent. Both
	// are empty at the API.
	Transaction string
	ChallengeID string
	// Device is the browser of a hosted login; none at the API.
	Device otp.Device
}

// Transactor runs decisions' writes as one commit. The closure may run again: it sets its results and touches nothing
// outside the database.
type Transactor interface {
	InTx(ctx context.Context, write func(ctx context.Context) error) error
}

// Door is the one door. It is safe for concurrent use.
type Door struct {
	c        Config
	refusals password.Floor
}

// Config is what New needs.
type Config struct {
	Tx    Transactor
	Users Users
	// Connections are those that the users of one address may be at, and Messages tell people of linked logins.
	Connections connection.Store
	Messages    *message.Sender
	Codes       *otp.Codes
	Sessions    *session.Sessions
	Grants      *grant.Grants
	Guard       *protect.Guard
	// Passwords verifies those of database connections.
	Passwords *password.Hasher
	Log       *eventlog.Log
	Seal      *seal.Keyset
	Clock     clock.Clock
}

// New makes the door.
func New(c Config) *Door { return &Door{c: c} }

// Proven is a right proof and whose it is, before anything was written.
type Proven struct {
	User    *user.User // as it will be once recorded
	Method  string     // Auth0's name for the method: "email", "sms" or "pwd"
	Link    bool       // it was a magic link
	New     bool       // the user is created by Record
	Claimed bool       // the address was not verified before; if it is the main identity's, Record closes older ways in

	main    bool     // a claimed address is the main identity's
	joining *joining // a first login, where those are linked
	checked otp.Checked

	try      *otp.Try      // of a password, which has no challenge
	rehashed user.Password // the password's hash as new ones are, where the stored one is older
}

// Prove checks what a person gave to prove an identifier (a code, a magic link, the approval of one), and finds or prepares
// the user it belongs to. A code is good where it was asked for: in the entry's transaction, or at the API, there for any
// client. A wrong code is counted and logged as the event type given before the refusal is returned: otp.ErrWrong,
// otp.ErrExpired, otp.ErrTooManyAttempts, or for links otp.ErrUsed.
func (d *Door) Prove(ctx context.Context, e Entry, identifier string, g otp.Given, failure eventlog.Type) (Proven, error) {
	t := e.Site.Tenant
	g.Connection, g.Identifier, g.Transaction = e.Connection.Name, identifier, e.Transaction
	g.ChallengeID, g.Device = e.ChallengeID, e.Device
	checked, err := d.c.Codes.Check(ctx, t.ID, g)
	if err != nil {
		if apierr.KindOf(err) != apierr.Unauthorized {
			return Proven{}, err
		}
		return Proven{}, d.refuse(ctx, e, identifier, checked, err, failure)
	}
	p := Proven{User: checked.User, Method: string(e.Connection.Strategy), Link: g.Link != "" || g.Approved, checked: checked}
	switch {
	case p.User == nil && e.Connection.Options.DisableSignup:
		// Sign-up was closed after the code had left: to the person it is a wrong code.
		return Proven{}, d.refuse(ctx, e, identifier, otp.Checked{}, otp.ErrWrong, failure)
	case p.User == nil:
		p.New = true
		p.User = user.NewPasswordless(e.Connection, d.ReservedID(t.ID, e.Connection.Name, identifier, checked.Deletions), identifier, d.c.Clock.Now())
		if links(e) {
			if err := d.join(ctx, e, identifier, &p); err != nil {
				return Proven{}, err
			}
		}
	case !p.User.Verified(e.Connection.Name, identifier):
		p.User, p.main = p.User.Verify(e.Connection.Name, identifier, d.c.Clock.Now())
		p.Claimed = true
	}
	return p, nil
}

// refuse counts and logs a refused code, and gives the refusal.
func (d *Door) refuse(ctx context.Context, e Entry, identifier string, checked otp.Checked, refusal error, failure eventlog.Type) error {
	event := d.Event(e, failure, apierr.As(refusal).Message)
	event.UserName = identifier
	err := d.c.Tx.InTx(ctx, func(ctx context.Context) error {
		events := []eventlog.Event{event}
		refused, err := d.c.Codes.Refuse(ctx, e.Site.Tenant.ID, checked)
		if err != nil {
			return err
		}
		if refused.Dead { // what waits for another attempt need not come any more
			if err := d.c.Messages.Cancel(ctx, e.Site.Tenant.ID, checked.ChallengeID(), checked.StartedAt()); err != nil {
				return err
			}
		}
		if refused.Locked {
			block := event
			block.Type, block.Description = eventlog.BruteForceBlock, "Too many wrong codes in a row."
			events = append(events, block)
		}
		return d.c.Log.Write(ctx, e.Site.Tenant.ID, events...)
	})
	if err != nil {
		return err
	}
	return refusal
}

// Admit says whether a user may enter now. It is asked for every code, session and refresh token, each time with the user
// as the database has it at that moment.
func (d *Door) Admit(u *user.User) error {
	if u.Blocked {
		return ErrBlocked
	}
	return nil
}

// Pace refuses logins that come faster than a person logs in: it counts each login of a user from one address. It is asked
// once per login, when all else is decided.
func (d *Door) Pace(e Entry, u *user.User) error {
	_, err := d.c.Guard.Count(e.Site.Tenant.ID, e.Origin.IP, protect.Ask{
		Limit: protect.LoginsPerUserAndIP, Subject: u.ID + "|" + protect.Network(e.Origin.IP),
	})
	return err
}

// Login is what a successful login leaves behind.
type Login struct {
	SessionID string
	Audience  string
	Scope     string
	GrantType string    // of a login at the token endpoint
	Proven    time.Time // when the proof was given, where another commit recorded it
}

// Record spends the proof and writes the user it made or changed, in the caller's transaction. With a login it also
// writes that down, in as few statements as can be. It answers otp.ErrWrong when the proof was spent meanwhile, and
// user.ErrExists or user.ErrChanged when somebody else created or changed the user: then the decision is made once more.
// After the commit the caller calls Committed.
func (d *Door) Record(ctx context.Context, e Entry, p Proven, login *Login) error {
	tenantID := e.Site.Tenant.ID
	var err error
	if p.try != nil {
		err = d.recordPassword(ctx, tenantID, p)
	} else {
		err = d.c.Codes.Spend(ctx, tenantID, p.checked)
	}
	if err != nil {
		return err
	}
	if p.joining != nil {
		if err := d.settle(ctx, e, &p); err != nil {
			return err
		}
	}
	switch {
	case p.New:
		created := *p.User
		if login != nil {
			created.LoginsCount, created.LastLogin, created.LastIP = 1, d.c.Clock.Now(), e.Origin.IP
		}
		if err := d.c.Users.CreateUser(ctx, tenantID, &created); err != nil {
			return err
		}
		events := []eventlog.Event{d.userEvent(e, eventlog.SuccessSignup, p.User)}
		if login != nil {
			events = append(events, d.loginEvent(e, p.User, *login))
		}
		return d.c.Log.Write(ctx, tenantID, events...)
	case p.joining != nil:
		if err := d.link(ctx, e, p); err != nil {
			return err
		}
	case p.Claimed:
		if err := d.claim(ctx, e, p); err != nil {
			return err
		}
	}
	if login == nil {
		return nil
	}
	return d.RecordLogin(ctx, e, p.User, *login)
}

// MarkChecked notes in the caller's transaction that a right code was shown, which is shown again in a moment to be spent.
func (d *Door) MarkChecked(ctx context.Context, e Entry, p Proven) error {
	return d.c.Codes.MarkChecked(ctx, e.Site.Tenant.ID, p.checked)
}

// Discard ends the code of a right proof whose user may not enter, in the caller's transaction. Nothing else is written.
func (d *Door) Discard(ctx context.Context, e Entry, p Proven) error {
	if p.try != nil {
		return nil // a password stays what it is
	}
	return d.Kill(ctx, e.Site.Tenant.ID, p.checked)
}

// Kill ends a checked code in the caller's transaction, and the message with it where that has not left.
func (d *Door) Kill(ctx context.Context, tenantID string, checked otp.Checked) error {
	if err := d.c.Codes.Kill(ctx, tenantID, checked); err != nil {
		return err
	}
	return d.c.Messages.Cancel(ctx, tenantID, checked.ChallengeID(), checked.StartedAt())
}

// claim marks an address verified that was not. Where it is the account's own, it closes every way in that whoever made the
// account may have opened: nobody had proven the address before. The address of a linked identity says nothing about who
// made the account. Tickets and proofs that wait are refused by the moment of the claim, which is written with it; the proof that claims
// is as old and counts.
func (d *Door) claim(ctx context.Context, e Entry, p Proven) error {
	tenantID, u := e.Site.Tenant.ID, p.User
	if err := d.c.Users.UpdateUser(ctx, tenantID, u); err != nil {
		return err
	}
	if p.main {
		if err := d.c.Users.EndLogins(ctx, tenantID, u.ID, u.ClaimedAt.Add(-time.Millisecond)); err != nil {
			return err
		}
		if err := d.c.Sessions.EndAllOf(ctx, tenantID, u.ID); err != nil {
			return err
		}
		if err := d.c.Grants.EndAllOf(ctx, tenantID, u.ID); err != nil {
			return err
		}
	}
	event := d.userEvent(e, eventlog.EmailVerified, u)
	event.Details = map[string]any{"claimed": true}
	return d.c.Log.Write(ctx, tenantID, event)
}

// RecordLogin writes a successful login in the caller's transaction: counters and event. With user.ErrBlocked, which may come
// with the commit, the user was blocked or their logins ended since the decision.
func (d *Door) RecordLogin(ctx context.Context, e Entry, u *user.User, login Login) error {
	tenantID := e.Site.Tenant.ID
	if err := d.c.Users.RecordLogin(ctx, tenantID, u.ID, user.Login{At: d.c.Clock.Now(), IP: e.Origin.IP, Proven: login.Proven}); err != nil {
		return err
	}
	return d.c.Log.Write(ctx, tenantID, d.loginEvent(e, u, login))
}

// Again runs a decision and, when its commit found that somebody else had created or changed the user meanwhile, once
// more with what is true now.
func Again(decide func() error) error {
	err := decide()
	if errors.Is(err, user.ErrExists) || errors.Is(err, user.ErrChanged) {
		err = decide()
	}
	return err
}

// ReservedID gives the id part that an unknown identifier's user would get.
func (d *Door) ReservedID(tenantID, connection, identifier string, deletions int) string {
	return user.ReservedID(d.c.Seal, tenantID, connection, identifier, deletions)
}

// Event begins a log event of an entry.
func (d *Door) Event(e Entry, typ eventlog.Type, description string) eventlog.Event {
	event := eventlog.Event{Type: typ, Description: description, Origin: e.Origin}
	if e.Client != nil {
		event.ClientID, event.ClientName = e.Client.ID, e.Client.Name
	}
	if e.Connection != nil {
		event.Connection, event.ConnectionID = e.Connection.Name, e.Connection.ID
		event.Strategy = string(e.Connection.Strategy)
		switch {
		case e.Connection.Strategy.Passwordless():
			event.StrategyType = "passwordless"
		case e.Connection.Strategy == connection.Database:
			event.StrategyType = "database"
		}
	}
	return event
}

func (d *Door) userEvent(e Entry, typ eventlog.Type, u *user.User) eventlog.Event {
	event := d.Event(e, typ, "")
	event.UserID, event.UserName = u.ID, u.Address()
	return event
}

func (d *Door) loginEvent(e Entry, u *user.User, login Login) eventlog.Event {
	event := d.userEvent(e, eventlog.SuccessLogin, u)
	event.Audience, event.Scope = login.Audience, login.Scope
	event.Details = loginDetails{
		CompletedAt: d.c.Clock.Now().Format(time.RFC3339Nano), SessionID: login.SessionID,
		GrantType: login.GrantType, Stats: stats{LoginsCount: u.LoginsCount + 1},
	}
	return event
}

// loginDetails are the details of a successful login (Auth0's log schema for type s).
type loginDetails struct {
	CompletedAt string `json:"completedAt"`
	SessionID   string `json:"session_id,omitempty"`
	GrantType   string `json:"grant_type,omitempty"`
	Stats       stats  `json:"stats"`
}

type stats struct {
	LoginsCount int `json:"loginsCount"`
}
