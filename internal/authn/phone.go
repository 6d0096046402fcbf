package authn

import (
	"context"

	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/protect"
)

// MakeRoom tells the limits of text messages that a code was typed which went by one: its country gets room, and whoever typed
// it waits for the next one as for a first; and that of an address that a password from there was right. It is the last step of a transaction that records a proof: many logins share the
// country's row or the address's, and whoever starts a code or tries a password locks it last too.
func (d *Door) MakeRoom(ctx context.Context, e Entry, p Proven) error {
	if p.try != nil {
		return d.c.Guard.Credit(ctx, e.Site.Tenant.ID, protect.RightPassword(e.Origin.IP))
	}
	if e.Connection == nil || e.Connection.Strategy != connection.SMS || d.Admit(p.User) != nil {
		return nil
	}
	number := p.checked.Identifier()
	if err := d.c.Guard.Credit(ctx, e.Site.Tenant.ID, protect.PhoneVerified(contact.LineOf(number).Region)); err != nil {
		return err
	}
	return d.c.Guard.Forget(ctx, e.Site.Tenant.ID, protect.Waits(d.Asker(e, number))...)
}

// Asker names who asks for text messages to a number: a browser that has proven it, or else the network. Each waits for itself,
// so that nobody learns from their own waits that somebody else has logged in, or makes others wait.
func (d *Door) Asker(e Entry, number string) string {
	if d.c.Codes.Knows(e.Site.Tenant.ID, e.Device, e.Connection.Name, number) {
		return number + " " + e.Device.ID()
	}
	return number + " " + protect.Network(e.Origin.IP)
}
