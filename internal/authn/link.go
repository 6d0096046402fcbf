package authn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
	"latchkey/internal/locale"
	"latchkey/internal/message"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// Users keeps users.
type Users interface {
	user.Store
	user.AddressStore
	// UserItems is that of user.ItemStore.
	UserItems(ctx context.Context, tenantID, userID, kind string) ([]user.Item, error)
}

// joining is the first login with an address at a connection, in a tenant that links such logins to the account that has
// proven the same address (tenant.Extensions.AutomaticLinking).
type joining struct {
	address     string
	connections []*connection.Connection // all of the tenant
	fresh       *user.User               // the account that the login would make
	owner       string                   // the account that it joins; empty where it makes its own
	notice      *message.Prepared        // to the owner; nil where there is no address to send it to
}

// links reports whether a tenant links the first logins of a connection.
func links(e Entry) bool {
	switch e.Site.Tenant.Settings.Own().AutomaticLinking {
	case tenant.LinkEmail:
		return e.Connection.Strategy == connection.Email
	case tenant.LinkEmailAndPhone:
		return e.Connection.Strategy.Passwordless()
	}
	return false
}

// join decides whether a user whom a proof would make is an identity of another instead. It is asked once possession is
// proven, so that it tells strangers nothing.
func (d *Door) join(ctx context.Context, e Entry, address string, p *Proven) error {
	all, err := d.c.Connections.Connections(ctx, e.Site.Tenant.ID)
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	p.joining = &joining{address: address, connections: all, fresh: p.User}
	owner, err := d.owner(ctx, e, p.joining)
	if err != nil || owner == nil {
		return err
	}
	p.joining.owner = owner.ID
	if p.joining.notice, err = d.notice(e, owner, address); err != nil {
		return err
	}
	p.User, p.New = owner.Join(p.joining.fresh, d.c.Clock.Now()), false
	return nil
}

// mostHolders is how many users of one address are looked at. Where there may be more, nobody is the only one.
const mostHolders = 20

// owner gives the account that a first login joins, or nil: the only one in the tenant of which the address is proven,
// where it may be joined and was not separated from this login before.
func (d *Door) owner(ctx context.Context, e Entry, j *joining) (*user.User, error) {
	tenantID := e.Site.Tenant.ID
	var names []string
	for _, c := range j.connections {
		if ours(c.Strategy) {
			names = append(names, c.Name)
		}
	}
	holders, err := d.c.Users.UsersByAddress(ctx, tenantID, j.address, names, mostHolders)
	if err != nil {
		return nil, err
	}
	if len(holders) == mostHolders {
		return nil, nil
	}
	proven := slices.DeleteFunc(holders, func(u *user.User) bool { return len(u.ProvenAt(j.address)) == 0 })
	if len(proven) != 1 || !j.may(e, proven[0]) {
		return nil, nil
	}
	undone, err := d.c.Users.UserItems(ctx, tenantID, proven[0].ID, user.Undone)
	if err != nil {
		return nil, fmt.Errorf("read what a user was separated from: %w", err)
	}
	id := user.UndoneID(e.Connection.Name, j.address)
	if slices.ContainsFunc(undone, func(i user.Item) bool { return i.ID == id }) {
		return nil, nil
	}
	return proven[0], nil
}

// ours reports whether an address is only verified at a connection of the strategy when it was proven here, or an
// administrator said so.
func ours(s connection.Strategy) bool { return s == connection.Database || s.Passwordless() }

// may reports whether an account that has proven the address may be joined.
func (j *joining) may(e Entry, u *user.User) bool {
	if u.Blocked {
		return false
	}
	return slices.ContainsFunc(u.ProvenAt(j.address), func(at int) bool {
		i := u.Identities[at]
		c := connection.Find(j.connections, i.Connection)
		switch {
		case c == nil || c.Strategy != i.Provider || !ours(c.Strategy):
			return false
		case c.Strategy != connection.Database:
			return true
		case i.LinkVerified == j.address && u.HasPasswordOf(at):
			return false // somebody else may have made the account, chosen the password and had the mail sent
		case e.Connection.Strategy == connection.SMS:
			return c.Options.UniquePhone()
		}
		return c.Options.UniqueEmail()
	})
}

// settle decides once more within the commit, while everybody else who brings the same address waits: of two first logins
// at once the second joins what the first has made. Another outcome than before is user.ErrChanged.
func (d *Door) settle(ctx context.Context, e Entry, p *Proven) error {
	j := p.joining
	if err := d.c.Users.TakeTurn(ctx, e.Site.Tenant.ID, j.address); err != nil {
		return err
	}
	owner, err := d.owner(ctx, e, j)
	if err != nil {
		return err
	}
	if owner == nil {
		if j.owner != "" {
			return user.ErrChanged
		}
		return nil
	}
	if owner.ID != j.owner {
		return user.ErrChanged
	}
	p.User = owner.Join(j.fresh, d.c.Clock.Now())
	return nil
}

// link writes the account with its new identity, the event, and the message to the person.
func (d *Door) link(ctx context.Context, e Entry, p Proven) error {
	tenantID, j := e.Site.Tenant.ID, p.joining
	err := d.c.Users.UpdateUser(ctx, tenantID, p.User)
	if errors.Is(err, user.ErrNotFound) {
		return user.ErrChanged
	}
	if err != nil {
		return err
	}
	if j.notice != nil {
		if err := d.c.Messages.Queue(ctx, j.notice); err != nil {
			return err
		}
	}
	identity := j.fresh.Identities[0]
	event := d.userEvent(e, eventlog.SuccessSignup, p.User)
	event.UserName = j.address
	event.Details = linkDetails{
		LinkedTo: p.User.ID,
		Identity: linkedIdentity{Connection: identity.Connection, Provider: string(identity.Provider), UserID: identity.UserID},
	}
	return d.c.Log.Write(ctx, tenantID, event)
}

// linkDetails are the details of a sign-up that became an identity of another account.
type linkDetails struct {
	LinkedTo string         `json:"linked_to"`
	Identity linkedIdentity `json:"identity"`
}

type linkedIdentity struct {
	Connection string `json:"connection"`
	Provider   string `json:"provider"`
	UserID     string `json:"user_id"`
}

// noticeLife is how long the message about a linked login is worth sending.
const noticeLife = 24 * time.Hour

// notice prepares the message that tells a person what was linked.
func (d *Door) notice(e Entry, owner *user.User, address string) (*message.Prepared, error) {
	to := owner.VerifiedEmail()
	if to == "" {
		return nil, nil
	}
	t, now := e.Site.Tenant, d.c.Clock.Now()
	notice, err := d.c.Messages.Prepare(t.ID, message.Message{
		Channel: message.Email, Kind: message.AccountLinked, To: to, ChallengeID: ident.Token(18), IssuedAt: now,
		ExpiresAt: now.Add(noticeLife), Language: e.Origin.Language, Locale: locale.OfMessage(t.Settings.Locales(), e.Origin.Language, owner.Language()),
		Application: e.Client.Name,
		Domain:      e.Site.Domain.Host, ClientID: e.Client.ID, Connection: e.Connection.Name, UserID: owner.ID,
		Vars: map[string]any{"identity": address},
	})
	if err != nil {
		return nil, fmt.Errorf("prepare a message: %w", err)
	}
	return notice, nil
}

// Committed sends what Record has queued, after the commit.
func (d *Door) Committed(p Proven) {
	if p.joining != nil && p.joining.notice != nil {
		d.c.Messages.Committed(p.joining.notice)
	}
}
