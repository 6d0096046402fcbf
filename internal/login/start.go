package login

import (
	"context"
	"errors"
	"fmt"

	"latchkey/internal/authn"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/locale"
	"latchkey/internal/message"
	"latchkey/internal/otp"
	"latchkey/internal/protect"
	"latchkey/internal/user"
)

// Start asks for a code to be sent.
type Start struct {
	authn.Entry
	Address string          // as the person typed it
	Region  string          // the country that was chosen for a telephone number without a plus sign
	Send    connection.Send // what is sent by e-mail; a text message always carries a code

	// Link says what an opened link does, where one is sent.
	Link Link

	// Limits are asked besides those on the recipient, in the commit of the start.
	Limits []protect.Ask
	// Authenticated says that the client has proven who it is: what its users' networks may have is its own affair.
	Authenticated bool
	// Reveal lets refusals say that sign-up is disabled or that the recipient has had too many messages. The API does;
	// pages never do: to them every start looks sent.
	Reveal bool
	// Details of the request for the tenant's log; no secrets.
	Details map[string]any
	closed  bool          // nothing is sent to numbers of its kind
	totals  []protect.Ask // of the tenant and the country: what is sent counts there, what only looks so asks the same

	// Save, when set, writes the hosted transaction in the same commit.
	Save func(ctx context.Context, s Sent) error

	locale string // of the message
	color  string
}

// Sent is what a hosted transaction keeps of a start.
type Sent struct {
	ChallengeID string
	Canonical   string
	Send        connection.Send
	Number      string // by which another browser approves the link; empty where none may
}

// Started is a code that is on its way, or looks so.
type Started struct {
	Canonical string // the address as it is stored and compared
	UserID    string // the id part of the user, or of the one the address would get
	Verified  bool   // somebody has proven to read it
}

// why says for which reason nothing is sent though the answer is as if it were.
type why string

const (
	sent           why = ""
	blocked        why = "user is blocked"
	locked         why = "Too many wrong codes in a row."
	signupDisabled why = "Public signup is disabled"
	flooded        why = "The recipient was sent too many messages."
	crowded        why = "Too many messages were asked for from one address."
	closedLine     why = "Numbers of this country or kind get no messages."
)

// Start makes a code for an address in place of any earlier one and queues its message, all in one commit. Nothing is sent
// to blocked users, to locked identifiers, or where sign-up is disabled and the address unknown; then a decoy is written,
// which costs and answers the same. Of starts for one address at the same moment each cancels the message of the one before.
func (l *Logins) Start(ctx context.Context, s Start) (Started, error) {
	for try := 1; ; try++ {
		started, err := l.start(ctx, s)
		if !errors.Is(err, otp.ErrOvertaken) || try == mostTries {
			return started, err
		}
	}
}

// mostTries bounds how often a start is decided again because another one for the address was faster. The limits on a
// recipient are met sooner.
const mostTries = 20

// start decides and commits once.
func (l *Logins) start(ctx context.Context, s Start) (Started, error) {
	canonical, err := canonicalOf(s.Connection, s.Address, s.Region)
	if err != nil {
		return Started{}, err
	}
	if s.Connection.Strategy != connection.Email || s.Send == "" {
		s.Send = connection.SendCode
	}
	tenantID := s.Site.Tenant.ID
	known, err := l.c.Codes.Attempt(ctx, tenantID, s.Connection.Name, canonical, s.Device)
	if err != nil {
		return Started{}, fmt.Errorf("read what is known of an address: %w", err)
	}
	user, err := known.User()
	if err != nil {
		return Started{}, fmt.Errorf("read the user of an address: %w", err)
	}
	look, err := l.c.Looks.PageConfig(ctx, tenantID)
	if err != nil {
		return Started{}, fmt.Errorf("read the tenant's look: %w", err)
	}
	s.color = look.Primary()
	own := ""
	if user != nil {
		own = user.Language()
	}
	s.locale = locale.OfMessage(s.Site.Tenant.Settings.Locales(), s.Origin.Language, own)
	if s.Connection.Strategy == connection.SMS {
		if err := l.limitPhone(ctx, &s, canonical); err != nil {
			return Started{}, err
		}
	}
	reason := l.suppress(s, known)
	put := l.issue
	if reason == signupDisabled && s.Reveal && !s.Connection.Options.DisableSignupSilent {
		put = l.refuseSignup
	}
	err = put(ctx, s, canonical, known, reason)
	if l.mayTry(&s, limitOf(err)) {
		err = put(ctx, s, canonical, known, reason)
	}
	limit := limitOf(err)
	if limit != nil {
		if err := l.tellLimit(ctx, s, canonical, limit.Limit.Name, limit.Level.RetryAt); err != nil {
			return Started{}, err
		}
	}
	if limit != nil && !s.Reveal {
		reason = flooded
		if limit.Limit.Name == protect.PageStartsPerIP.Name {
			reason = crowded
		}
		err = l.issue(ctx, s, canonical, known, reason)
	}
	if err != nil {
		return Started{}, l.closedTo(err)
	}
	return l.started(s, canonical, known, user), nil
}

// started describes a start to whoever asked for it.
func (l *Logins) started(s Start, canonical string, known otp.Attempt, u *user.User) Started {
	if u != nil {
		return Started{Canonical: canonical, UserID: u.IdentityID(s.Connection.Name, canonical), Verified: u.Verified(s.Connection.Name, canonical)}
	}
	return Started{Canonical: canonical, UserID: l.c.Door.ReservedID(s.Site.Tenant.ID, s.Connection.Name, canonical, known.Deletions)}
}

// startedElsewhere describes a start that another request has made.
func (l *Logins) startedElsewhere(ctx context.Context, s Start, canonical string) (Started, error) {
	known, err := l.c.Codes.Attempt(ctx, s.Site.Tenant.ID, s.Connection.Name, canonical, s.Device)
	if err != nil {
		return Started{}, fmt.Errorf("read what is known of an address: %w", err)
	}
	u, err := known.User()
	if err != nil {
		return Started{}, fmt.Errorf("read the user of an address: %w", err)
	}
	return l.started(s, canonical, known, u), nil
}

// canonicalOf reads an address as it was typed for a connection.
func canonicalOf(c *connection.Connection, typed, region string) (string, error) {
	canonical, err := c.Canonical(typed, region)
	switch {
	case err == nil:
		return canonical, nil
	case c.Strategy == connection.Email:
		return "", ErrEmail
	case c.Strategy == connection.SMS:
		return "", ErrPhone
	}
	return "", ErrUnsupported
}

func (l *Logins) suppress(s Start, known otp.Attempt) why {
	switch {
	case known.Blocked:
		return blocked
	case s.closed:
		return closedLine
	case l.c.Codes.Locked(known.Guesses):
		return locked
	case !known.Known && s.Connection.Options.DisableSignup:
		return signupDisabled
	}
	return sent
}

// alive reports whether a challenge may still be answered.
func (l *Logins) alive(c *otp.Challenge) bool {
	return c != nil && c.ConsumedAt.IsZero() && l.c.Clock.Now().Before(c.ExpiresAt)
}

// aside reports whether a decoy must leave the live code alone: where it is the answer to too many starts or guesses,
// which are a stranger's more often than not, the owner may be about to type that code. A locked address has no live code
// but in the login of a browser that is known.
func (l *Logins) aside(s Start, known otp.Attempt, reason why) bool {
	switch reason {
	case flooded, crowded:
		return true
	case locked:
		return l.alive(known.Challenge) && known.Challenge.Transaction != "" && known.Challenge.Transaction != s.Transaction
	case sent, blocked, signupDisabled, closedLine:
	}
	return false
}

// issue writes the challenge, its message and the event in one commit, and wakes the sender.
func (l *Logins) issue(ctx context.Context, s Start, canonical string, known otp.Attempt, reason why) error {
	tenantID := s.Site.Tenant.ID
	aside := l.aside(s, known, reason)
	request, err := s.kept()
	if err != nil {
		return err
	}
	hosted := s.Transaction != "" && !s.Link.Classic
	challenge, issued, err := l.c.Codes.Prepare(tenantID, otp.Asked{
		Connection: s.Connection, Identifier: canonical, ClientID: s.Client.ID, Transaction: s.Transaction, Aside: aside,
		Link: s.Send.Links(), Number: hosted && s.Send.Links(), Request: request,
	}, reason != sent)
	if err != nil {
		return err
	}
	m := message.Message{
		// To the address the code will prove, not to the letters that were typed: another mailbox may have those.
		Channel: message.Email, Kind: message.VerificationCode, To: canonical,
		ChallengeID: challenge.ID, IssuedAt: challenge.CreatedAt,
		Code: message.Secret(issued.Code), Send: s.Send, Life: s.Connection.CodeLife(), ExpiresAt: challenge.ExpiresAt,
		Language: s.Origin.Language, Locale: s.locale, Color: s.color, Application: s.Client.Name, Domain: s.Site.Domain.Host,
		ClientID: s.Client.ID, Connection: s.Connection.Name, UserAgent: s.Origin.UserAgent, IP: s.Origin.IP, Decoy: reason != sent,
	}
	if issued.Link != "" {
		m.Link = message.Secret(s.address(canonical, issued.Link))
	}
	if s.Connection.Strategy == connection.SMS {
		m.Channel, m.Kind = message.Text, message.VerifyPhone
		if hosted && s.Connection.BindsOrigin() {
			m.OriginHost = s.Site.Domain.Host
		}
		m.AppHash, _ = s.Client.Metadata["android_sms_hash"].(string)
	}
	prepared, err := l.c.Messages.Prepare(tenantID, m)
	if err != nil {
		return fmt.Errorf("prepare a message: %w", err)
	}
	awaited, number := challenge.ID, issued.Number
	if aside && s.Transaction != "" && l.alive(known.Challenge) && known.Challenge.Transaction == s.Transaction {
		awaited, number = known.Challenge.ID, s.Link.Number // the code that this login sent before is still good
	}
	event := l.event(s, canonical, reason)
	if issued.Link != "" {
		event.Details = map[string]any{"body": s.Details, "link": s.logged(canonical)}
	}
	err = l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if old := known.Challenge; l.alive(old) && !aside {
			if err := l.c.Messages.Cancel(ctx, tenantID, old.ID, old.CreatedAt); err != nil {
				return err
			}
		}
		if err := l.c.Codes.Put(ctx, tenantID, challenge, known.Challenge); err != nil {
			return err
		}
		if err := l.c.Messages.Queue(ctx, prepared); err != nil {
			return err
		}
		if err := l.c.Log.Write(ctx, tenantID, event); err != nil {
			return err
		}
		if s.Save != nil {
			if err := s.Save(ctx, Sent{awaited, canonical, s.Send, number}); err != nil {
				return err
			}
		}
		if reason == flooded || reason == crowded {
			return nil
		}
		// Last, because starts from one address share a bucket: its row is locked from here to the commit.
		return l.c.Guard.Mark(ctx, tenantID, s.Origin.IP, l.limits(s, canonical, reason)...)
	})
	if err != nil {
		return err
	}
	if s.Connection.SendsItself() {
		return l.deliver(ctx, s, challenge, prepared)
	}
	l.c.Messages.Committed(prepared)
	return nil
}

// deliver waits for the provider of the connection, as Auth0 does. A code that certainly has not left dies with the failure;
// one that may have is good. Where nobody may hear who has an account, a refusal of one reader looks sent: strangers get none.
func (l *Logins) deliver(ctx context.Context, s Start, c *otp.Challenge, p *message.Prepared) error {
	tenantID := s.Site.Tenant.ID
	d := l.c.Messages.Deliver(ctx, p)
	if o := s.Connection.Options; d.Personal && o.DisableSignup && (o.DisableSignupSilent || !s.Reveal) {
		return nil
	}
	if d.State == message.StateFailed {
		err := l.c.Tx.InTx(ctx, func(ctx context.Context) error { return l.c.Codes.Withdraw(ctx, tenantID, c) })
		if err != nil {
			return fmt.Errorf("withdraw a code that was not sent: %w", err)
		}
		return &ProviderError{d.Told}
	}
	if d.State == message.StateUnknown && d.Told != "" {
		return &ProviderError{d.Told}
	}
	return nil
}

// limits are what a start must fit: the caller's own, those on the recipient over all doors and connections, and those on
// text messages of a tenant and a country. The last count what is sent alone: otherwise strangers could use them up for
// nothing. A decoy asks them, so that it is refused where a message would be.
func (l *Logins) limits(s Start, canonical string, reason why) []protect.Ask {
	recipient := string(message.Email) + ":" + canonical
	if s.Connection.Strategy == connection.SMS {
		recipient = string(message.Text) + ":" + canonical
	}
	asks := append([]protect.Ask{
		{Limit: protect.SendsPerRecipient, Subject: recipient},
		{Limit: protect.SendsPerRecipientDay, Subject: recipient},
	}, s.Limits...)
	for _, total := range s.totals {
		total.AskOnly = reason != sent
		asks = append(asks, total)
	}
	return asks
}

// event tells the tenant what was sent, or why nothing was.
func (l *Logins) event(s Start, canonical string, reason why) eventlog.Event {
	typ := eventlog.CodeSent
	if s.Connection.Strategy == connection.SMS {
		typ = eventlog.TextSent
	}
	switch reason {
	case blocked, flooded, crowded, locked, closedLine:
		typ = eventlog.FailedLogin
	case signupDisabled:
		typ = eventlog.FailedSignup
	case sent:
	}
	event := l.c.Door.Event(s.Entry, typ, string(reason))
	event.UserName = canonical
	event.Details = map[string]any{"body": s.Details}
	return event
}

// refuseSignup says that sign-up is disabled. It tells a stranger that an address is unknown, so it counts like a send.
func (l *Logins) refuseSignup(ctx context.Context, s Start, canonical string, _ otp.Attempt, reason why) error {
	err := l.c.Tx.InTx(ctx, func(ctx context.Context) error {
		if err := l.c.Guard.Mark(ctx, s.Site.Tenant.ID, s.Origin.IP, l.limits(s, canonical, reason)...); err != nil {
			return err
		}
		return l.c.Log.Write(ctx, s.Site.Tenant.ID, l.event(s, canonical, reason))
	})
	if err != nil {
		return err
	}
	return ErrSignupDisabled
}
