package ticket

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"latchkey/internal/eventlog"
	"latchkey/internal/locale"
	"latchkey/internal/message"
)

// Verification is a ticket together with the mail that carries it, ready to be written.
type Verification struct {
	tenantID string
	made     made
	mail     *message.Prepared
	event    eventlog.Event
}

// PrepareVerification makes the ticket and seals its mail, before any transaction is open. What the asker leaves open, the
// tenant's template of the mail says: how long the link lives and where it leads in the end.
func (t *Tickets) PrepareVerification(ctx context.Context, a Asked) (*Verification, error) {
	links, err := t.c.Links.LinkSettings(ctx, a.Site.Tenant.ID, message.VerifyEmail, a.Client)
	if err != nil {
		return nil, err
	}
	a.Life = cmp.Or(a.Life, links.Life)
	if a.ResultURL == "" && leads(links.ResultURL) {
		a.ResultURL, a.HideEmail = links.ResultURL, links.HideEmail
	}
	m, err := t.prepare(a)
	if err != nil {
		return nil, err
	}
	look, err := t.c.Looks.PageConfig(ctx, a.Site.Tenant.ID)
	if err != nil {
		return nil, fmt.Errorf("read the tenant's look: %w", err)
	}
	event := t.event(eventlog.VerificationRequested, m.ticket, a.User, a.Client, a.Origin)
	event.Details = requested{Email: m.ticket.Email, ExpiresAt: m.ticket.ExpiresAt.UTC().Format(time.RFC3339)}
	application := a.Site.Tenant.FriendlyName()
	if a.Client != nil {
		application = cmp.Or(a.Client.Name, application)
	}
	mail, err := t.c.Messages.Prepare(a.Site.Tenant.ID, message.Message{
		Channel: message.Email, Kind: message.VerifyEmail, To: m.ticket.Email,
		ChallengeID: hex.EncodeToString(m.hash), IssuedAt: m.ticket.CreatedAt,
		Link: message.Secret(m.url), Life: m.ticket.ExpiresAt.Sub(m.ticket.CreatedAt), ExpiresAt: m.ticket.ExpiresAt,
		Language: a.Origin.Language, Locale: locale.OfMessage(a.Site.Tenant.Settings.Locales(), a.Origin.Language, a.User.Language()),
		Application: application,
		Domain:      a.Site.Domain.Host, Color: look.Primary(), ClientID: m.ticket.ClientID, Connection: event.Connection, UserID: a.User.ID,
		UserAgent: a.Origin.UserAgent, IP: a.Origin.IP,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare a message: %w", err)
	}
	return &Verification{tenantID: a.Site.Tenant.ID, made: m, mail: mail, event: event}, nil
}

// requested are the details of the event that a verification was asked for.
type requested struct {
	Email     string `json:"email"`
	ExpiresAt string `json:"expires_at"`
}

// Queue writes ticket, mail and event in the transaction found in ctx. All are queued writes.
func (t *Tickets) Queue(ctx context.Context, v *Verification) error {
	if err := t.c.Store.InsertTicket(ctx, v.tenantID, v.made.hash, v.made.ticket); err != nil {
		return err
	}
	if err := t.c.Messages.Queue(ctx, v.mail); err != nil {
		return err
	}
	return t.c.Log.Write(ctx, v.tenantID, v.event)
}

// Committed says that the transaction of Queue was committed, so that the mail leaves at once. It never blocks.
func (t *Tickets) Committed(v *Verification) { t.c.Messages.Committed(v.mail) }
