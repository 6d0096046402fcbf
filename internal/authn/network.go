package authn

import (
	"context"
	"errors"

	"latchkey/internal/eventlog"
	"latchkey/internal/protect"
)

// countNetwork counts a password against the address it came from, in the caller's transaction and last in it: many logins
// share the row. MakeRoom takes it back when the password was right.
func (d *Door) countNetwork(ctx context.Context, e Entry) error {
	return d.c.Guard.Mark(ctx, e.Site.Tenant.ID, e.Origin.IP, protect.FailedPassword(e.Origin.IP))
}

// tellNetwork tells the tenant's log, once a minute, of an address whose passwords are not looked at any more. It gives the
// refusal, or what went wrong.
func (d *Door) tellNetwork(ctx context.Context, e Entry, identifier string, refusal error) error {
	var limit *protect.LimitError
	if !errors.As(refusal, &limit) {
		return refusal
	}
	once := protect.Ask{Limit: protect.LimitEvents, Subject: limit.Level.Key}
	if _, err := d.c.Guard.Count(e.Site.Tenant.ID, e.Origin.IP, once); err != nil {
		return refusal // it was told already
	}
	event := d.Event(e, eventlog.NetworkBlock, "Too many wrong passwords from one address.")
	event.UserName = identifier
	if err := d.c.Log.Write(ctx, e.Site.Tenant.ID, event); err != nil {
		return err
	}
	return refusal
}

// tryNobody counts a password of an identifier that nobody can have.
func (d *Door) tryNobody(ctx context.Context, e Entry, identifier string) error {
	err := d.c.Tx.InTx(ctx, func(ctx context.Context) error { return d.countNetwork(ctx, e) })
	return d.tellNetwork(ctx, e, identifier, err)
}
