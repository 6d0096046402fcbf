package authn

import (
	"cmp"
	"context"
	"time"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/otp"
	"latchkey/internal/password"
	"latchkey/internal/user"
)

// The refusals of a password. They are the same for people who exist and people who do not.
var (
	ErrWrongPassword = apierr.New(apierr.Unauthorized, "wrong_password", "Wrong email or password.")
	// ErrLocked is the answer to any password after too many wrong ones in a row.
	ErrLocked = apierr.New(apierr.TooMany, "locked", "Too many wrong passwords in a row.")
)

// passwordMethod is Auth0's name for the method.
const passwordMethod = "pwd"

// mostIdentifier is how many bytes the longest identifier has that a user can have: an e-mail address.
const mostIdentifier = 254

// ProvePassword checks a password at a database connection, as Prove does a code. The try counts before it is compared, so
// tries side by side are worth no more than tries in a row; finding nobody takes as long as finding a wrong password. Its
// refusals are ErrWrongPassword, ErrLocked and the limit of the network, logged as the event type given, or as Auth0's own
// for passwords where that is empty.
func (d *Door) ProvePassword(ctx context.Context, e Entry, typed, clear string, failure eventlog.Type) (Proven, error) {
	began := time.Now() // of the work, not of the server's clock
	options := &e.Connection.Options.DatabaseOptions
	identifier := account.Canonical(typed)
	if len(identifier) > mostIdentifier { // nobody has it, and counters are not kept under what strangers make up
		if err := d.tryNobody(ctx, e, identifier); err != nil {
			return Proven{}, err
		}
		if _, err := d.c.Passwords.Verify(ctx, "", password.Fit(options, clear)); err != nil {
			return Proven{}, err
		}
		d.refusals.Wait(ctx, began, "")
		return Proven{}, d.refusePassword(ctx, e, identifier, ErrWrongPassword, cmp.Or(failure, eventlog.UnknownUsername))
	}
	try, err := d.try(ctx, e, identifier)
	if err != nil {
		return Proven{}, err
	}
	u, err := try.User()
	if err != nil {
		return Proven{}, err
	}
	stored := user.Password("")
	if u != nil && takesPassword(options) && account.LogsIn(e.Connection, u, identifier) {
		stored = u.PasswordAt(e.Connection.Name, identifier)
	}
	fitted := password.Fit(options, clear)
	if try.Locked {
		stored = ""
	}
	right, err := d.c.Passwords.Verify(ctx, stored, fitted)
	switch {
	case err != nil:
		return Proven{}, err
	case !right && failure == "" && u == nil:
		failure = eventlog.UnknownUsername
	case !right && failure == "":
		failure = eventlog.WrongPassword
	}
	if !right {
		d.refusals.Wait(ctx, began, stored)
		refusal := ErrWrongPassword
		if try.Locked {
			refusal = ErrLocked
		}
		return Proven{}, d.refusePassword(ctx, e, identifier, refusal, failure)
	}
	p := Proven{User: u, Method: passwordMethod, try: &try}
	if password.NeedsRehash(stored) {
		if p.rehashed, err = d.c.Passwords.Hash(ctx, fitted); err != nil {
			return Proven{}, err
		}
		p.User = u.WithPasswordAt(e.Connection.Name, identifier, p.rehashed)
	}
	return p, nil
}

// refusePassword logs a refused password and gives the refusal.
func (d *Door) refusePassword(ctx context.Context, e Entry, identifier string, refusal *apierr.Error, failure eventlog.Type) error {
	event := d.Event(e, failure, refusal.Message)
	event.UserName = identifier
	if err := d.c.Log.Write(ctx, e.Site.Tenant.ID, event); err != nil {
		return err
	}
	return refusal
}

// try counts a try, and logs that it was one too many.
func (d *Door) try(ctx context.Context, e Entry, identifier string) (otp.Try, error) {
	var try otp.Try
	err := d.c.Tx.InTx(ctx, func(ctx context.Context) error {
		var err error
		try, err = d.c.Codes.Try(ctx, e.Site.Tenant.ID, e.Connection.Name, identifier, e.Device)
		if err != nil {
			return err
		}
		if try.LockedNow {
			event := d.Event(e, eventlog.BruteForceBlock, ErrLocked.Message)
			event.UserName = identifier
			if err := d.c.Log.Write(ctx, e.Site.Tenant.ID, event); err != nil {
				return err
			}
		}
		return d.countNetwork(ctx, e)
	})
	return try, d.tellNetwork(ctx, e, identifier, err)
}

// takesPassword reports whether people log in with passwords at a connection.
func takesPassword(o *connection.DatabaseOptions) bool {
	m := o.AuthenticationMethods
	return m == nil || m.Password == nil || m.Password.Enabled
}

// recordPassword writes what a right password leaves behind.
func (d *Door) recordPassword(ctx context.Context, tenantID string, p Proven) error {
	keep := d.c.Users.HoldUser // the password that was compared is still theirs
	if p.rehashed != "" {
		keep = d.c.Users.UpdateUser
	}
	if err := keep(ctx, tenantID, p.User); err != nil {
		return err
	}
	return d.c.Codes.Forgive(ctx, tenantID, *p.try)
}
