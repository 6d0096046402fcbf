package ticket

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// secretLength is the length of every ticket's secret.
const secretLength = 32

// Open looks at a ticket and changes nothing. It gives the ticket also when it refuses it, as ErrExpired, ErrUsed or
// ErrVerified do; with ErrUnknown there is none to give.
func (t *Tickets) Open(ctx context.Context, tenantID string, secret Secret) (*Ticket, error) {
	o, err := t.open(ctx, tenantID, secret)
	return o.ticket, err
}

// opened is a ticket that was found, and whose it is.
type opened struct {
	hash   []byte
	ticket *Ticket
	user   *user.User
}

func (t *Tickets) open(ctx context.Context, tenantID string, secret Secret) (opened, error) {
	if len(secret) != secretLength {
		return opened{}, ErrUnknown
	}
	found, hash, err := t.c.Store.TicketByHash(ctx, tenantID, t.c.Keys.Hashes(purpose, bind(tenantID, string(secret))))
	if err != nil {
		return opened{}, fmt.Errorf("read a ticket: %w", err)
	}
	if found == nil || found.Purpose != VerifyEmail {
		return opened{}, ErrUnknown
	}
	u, err := t.c.Users.User(ctx, tenantID, found.UserID)
	if errors.Is(err, user.ErrNotFound) {
		return opened{}, ErrUnknown
	}
	if err != nil {
		return opened{}, fmt.Errorf("read the user of a ticket: %w", err)
	}
	email, verified, ok := address(u, found.Identity)
	o := opened{hash, found, u}
	switch {
	case !ok || email != found.Email:
		return opened{}, ErrUnknown
	case !found.SpentAt.IsZero():
		return o, ErrUsed
	case !t.c.Clock.Now().Before(found.ExpiresAt):
		return o, ErrExpired
	case verified:
		return o, ErrVerified
	case u.ClaimedAfter(found.CreatedAt):
		return opened{}, ErrUnknown
	}
	return o, nil
}

// Verified is a ticket that did its work.
type Verified struct {
	Ticket *Ticket
	// Connection is that of the verified login; nil where it is gone.
	Connection *connection.Connection
}

// doubleClick is how long after it was used a ticket answers as if for the first time: people press buttons twice, and the
// browser shows them the second answer.
const doubleClick = 10 * time.Second

// mostTries bounds how often a verification is decided again because the user was changed meanwhile.
const mostTries = 5

// Verify spends a ticket and marks its address as verified, in one commit with the event and, where the tenant has a template
// for it, the mail that welcomes its owner. Of any number of callers one does so. Its refusals are those of Open; what it
// refuses of a known ticket is an event too.
func (t *Tickets) Verify(ctx context.Context, site tenant.Site, secret Secret, c *client.Client, origin eventlog.Origin) (Verified, error) {
	tenantID := site.Tenant.ID
	for try := 1; ; try++ {
		o, err := t.open(ctx, tenantID, secret)
		if errors.Is(err, ErrVerified) && try == 1 {
			continue // another click may have spent the ticket between our two questions
		}
		again := errors.Is(err, ErrUsed) && t.c.Clock.Now().Sub(o.ticket.SpentAt) < doubleClick
		if err != nil && !again {
			return Verified{}, errors.Join(err, t.refused(ctx, tenantID, o, c, origin, err))
		}
		if !again {
			err = t.verify(ctx, site, o, c, origin)
			if errors.Is(err, user.ErrChanged) && try < mostTries {
				continue
			}
			if errors.Is(err, ErrUsed) && try < mostTries {
				continue // somebody else was faster: their answer is ours
			}
			if err != nil {
				return Verified{}, err
			}
		}
		all, err := t.c.Connections.Connections(ctx, tenantID)
		if err != nil {
			return Verified{}, fmt.Errorf("read connections: %w", err)
		}
		return Verified{o.ticket, connection.Find(all, connectionOf(o.user, o.ticket.Identity))}, nil
	}
}

// verify writes it all.
func (t *Tickets) verify(ctx context.Context, site tenant.Site, o opened, c *client.Client, origin eventlog.Origin) error {
	tenantID, now := site.Tenant.ID, t.c.Clock.Now()
	welcome, err := t.welcome(ctx, site, o, c, origin)
	if err != nil {
		return err
	}
	verified := withVerified(o.user, o.ticket.Identity)
	verified.UpdatedAt = now
	err = t.c.Tx.InTx(ctx, func(ctx context.Context) error {
		spent, err := t.c.Store.SpendTicket(ctx, tenantID, o.hash, now)
		if err != nil {
			return fmt.Errorf("spend a ticket: %w", err)
		}
		if !spent {
			return ErrUsed
		}
		u := *verified
		if err := t.c.Users.UpdateUser(ctx, tenantID, &u); err != nil {
			return err
		}
		event := t.event(eventlog.EmailVerified, o.ticket, verified, c, origin)
		event.Description = "Your email was verified. You can continue using the application."
		event.Details = consumed{Email: o.ticket.Email, Title: "Email Verified"}
		if err := t.c.Log.Write(ctx, tenantID, event); err != nil || welcome == nil {
			return err
		}
		return t.c.Messages.Queue(ctx, welcome)
	})
	if err == nil && welcome != nil {
		t.c.Messages.Committed(welcome)
	}
	return err
}

// withVerified gives a copy of the user whose login has a verified address, with a note that a link verified it.
func withVerified(u *user.User, named Identity) *user.User {
	out := *u
	for i, id := range u.Identities {
		if id.Provider != named.Provider || id.UserID != named.UserID {
			continue
		}
		out.Identities = slices.Clone(u.Identities)
		out.Identities[i].LinkVerified, _, _ = address(u, named)
		if i == 0 {
			out.EmailVerified = true
			break
		}
		out.Identities[i].ProfileData = maps.Clone(id.ProfileData)
		out.Identities[i].ProfileData[user.ProfileEmailVerified] = true
		break
	}
	return &out
}

// refused writes the event of a ticket that was refused. Guesses at secrets fill nobody's log.
func (t *Tickets) refused(ctx context.Context, tenantID string, o opened, c *client.Client, origin eventlog.Origin, why error) error {
	if o.ticket == nil {
		return nil
	}
	event := t.event(eventlog.FailedVerification, o.ticket, o.user, c, origin)
	event.Description = apierr.As(why).Message
	event.Details = consumed{Email: o.ticket.Email, Error: event.Description}
	return t.c.Log.Write(ctx, tenantID, event)
}

// consumed are the details of the event that a link was used.
type consumed struct {
	Email string `json:"email"`
	Title string `json:"title,omitempty"`
	Error string `json:"error,omitempty"`
}

// event begins an event about a user's address.
func (t *Tickets) event(typ eventlog.Type, tk *Ticket, u *user.User, c *client.Client, origin eventlog.Origin) eventlog.Event {
	event := eventlog.Event{
		Type: typ, ClientID: tk.ClientID, UserID: u.ID, UserName: tk.Email, Connection: connectionOf(u, tk.Identity),
		Strategy: string(tk.Identity.Provider), StrategyType: "database", Origin: origin,
	}
	if tk.Identity.Provider.Passwordless() {
		event.StrategyType = "passwordless"
	}
	if c != nil {
		event.ClientName = c.Name
	}
	return event
}

// connectionOf gives the name of the connection of one of the user's logins.
func connectionOf(u *user.User, named Identity) string {
	for _, id := range u.Identities {
		if id.Provider == named.Provider && id.UserID == named.UserID {
			return id.Connection
		}
	}
	return ""
}
