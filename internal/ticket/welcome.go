package ticket

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/eventlog"
	"latchkey/internal/locale"
	"latchkey/internal/message"
	"latchkey/internal/tenant"
)

// welcomeLife is how long a welcome may wait for a mail server: later it would welcome nobody.
const welcomeLife = 24 * time.Hour

// welcome prepares the mail that greets whoever has confirmed the address of an account; nil where the tenant has no such
// template of its own, or has switched it off (Auth0 docs, "Customize Email Templates": welcome email).
func (t *Tickets) welcome(ctx context.Context, site tenant.Site, o opened, c *client.Client, origin eventlog.Origin) (*message.Prepared, error) {
	if main := o.user.Identities[0]; main.Provider != o.ticket.Identity.Provider || main.UserID != o.ticket.Identity.UserID {
		return nil, nil
	}
	wanted, err := t.c.Links.Enabled(ctx, site.Tenant.ID, message.WelcomeEmail)
	if err != nil || !wanted {
		return nil, err
	}
	look, err := t.c.Looks.PageConfig(ctx, site.Tenant.ID)
	if err != nil {
		return nil, fmt.Errorf("read the tenant's look: %w", err)
	}
	application := site.Tenant.FriendlyName()
	if c != nil {
		application = cmp.Or(c.Name, application)
	}
	now := t.c.Clock.Now()
	mail, err := t.c.Messages.Prepare(site.Tenant.ID, message.Message{
		Channel: message.Email, Kind: message.WelcomeEmail, To: o.ticket.Email,
		ChallengeID: "welcome " + hex.EncodeToString(o.hash), IssuedAt: now, ExpiresAt: now.Add(welcomeLife),
		Language: origin.Language, Locale: locale.OfMessage(site.Tenant.Settings.Locales(), origin.Language, o.user.Language()),
		Application: application, Domain: site.Domain.Host,
		Color: look.Primary(), ClientID: o.ticket.ClientID, Connection: connectionOf(o.user, o.ticket.Identity), UserID: o.user.ID,
		UserAgent: origin.UserAgent, IP: origin.IP,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare a message: %w", err)
	}
	return mail, nil
}
