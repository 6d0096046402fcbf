package account

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/user"
)

// Update asks for a change of a user; what is absent stays. Its names are those of the API; formats and lengths have been
// checked by its schema.
type Update struct {
	// Connection names the identity whose login changes; the main one unless given.
	Connection        string         `json:"connection"`
	Email             Text           `json:"email"`
	EmailVerified     *bool          `json:"email_verified"`
	PhoneNumber       Text           `json:"phone_number"`
	PhoneVerified     *bool          `json:"phone_verified"`
	Username          Text           `json:"username"`
	Password          Text           `json:"password"`
	VerifyEmail       bool           `json:"verify_email"`
	VerifyPhoneNumber bool           `json:"verify_phone_number"`
	Blocked           *bool          `json:"blocked"`
	GivenName         Text           `json:"given_name"`
	FamilyName        Text           `json:"family_name"`
	Name              Text           `json:"name"`
	Nickname          Text           `json:"nickname"`
	Picture           Text           `json:"picture"`
	UserMetadata      map[string]any `json:"user_metadata"`
	AppMetadata       map[string]any `json:"app_metadata"`
}

// Text is a member that is absent, null or a text. The zero value is absent. It hides itself from logs.
type Text struct {
	given bool
	value *string
}

// To is a member with a text.
func To(s string) Text { return Text{true, &s} }

// Null is a member that is to be removed.
func Null() Text { return Text{given: true} }

// String hides the text.
func (Text) String() string { return "[text]" }

// UnmarshalJSON reads null or a text.
func (t *Text) UnmarshalJSON(data []byte) error {
	t.given = true
	return json.Unmarshal(data, &t.value)
}

func (t Text) removed() bool { return t.given && t.value == nil }

// text gives the value; empty for one that is to be removed.
func (t Text) text() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Update decides on a change of a user, or answers user.ErrNotFound. A new e-mail address is not verified, unless the same
// change says so; a new password ends all sessions and refresh tokens; a block ends nothing, since it is looked at whenever
// one of them is used.
func (a *Accounts) Update(ctx context.Context, tenantID, userID string, by By, in Update) (*Change, error) {
	if err := in.oneAtATime(); err != nil {
		return nil, err
	}
	stored, err := a.User(ctx, tenantID, userID)
	if err != nil {
		return nil, err
	}
	at, c, err := a.target(ctx, tenantID, stored, in)
	if err != nil {
		return nil, err
	}
	u := *stored
	u.Identities = slices.Clone(stored.Identities)
	u.UpdatedAt = a.now()
	change := &Change{User: &u}
	w := &update{a: a, in: in, by: by, u: &u, at: at, c: c, r: rulesOf(c), change: change}
	for _, step := range []func(context.Context) error{w.root, w.metadata, w.login} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	change.Identity = u.Identities[at]
	change.commit = func(ctx context.Context) error {
		switch err := a.c.Users.UpdateUser(ctx, tenantID, &u); {
		case errors.Is(err, user.ErrExists):
			return taken(w.moved)
		case err != nil:
			return err
		}
		if w.endsLogins {
			if err := a.endLogins(ctx, tenantID, u.ID); err != nil {
				return err
			}
		}
		return a.c.Log.Write(ctx, tenantID, w.events...)
	}
	return change, nil
}

// endLogins ends every session of a user, what clients were given for it, and what waits to become one.
func (a *Accounts) endLogins(ctx context.Context, tenantID, userID string) error {
	if err := a.endSessions(ctx, tenantID, userID); err != nil {
		return err
	}
	return a.c.Grants.EndAllOf(ctx, tenantID, userID)
}

// endSessions ends every session of a user, and the logins that are under way.
func (a *Accounts) endSessions(ctx context.Context, tenantID, userID string) error {
	if err := a.c.Users.EndLogins(ctx, tenantID, userID, a.now()); err != nil {
		return err
	}
	return a.c.Sessions.EndAllOf(ctx, tenantID, userID)
}

// oneAtATime refuses changes that are not made in one go.
func (in *Update) oneAtATime() error {
	given := map[string]bool{
		"password": in.Password.given, memberEmail: in.Email.given, "email_verified": in.EmailVerified != nil,
		memberUsername: in.Username.given,
	}
	for _, pair := range [][2]string{
		{"password", memberEmail}, {"password", "email_verified"}, {memberUsername, memberEmail},
		{memberUsername, "email_verified"}, {memberUsername, "password"},
	} {
		if given[pair[0]] && given[pair[1]] {
			return together(pair[0], pair[1])
		}
	}
	return nil
}

// touchesLogin reports whether the change is one of an identity.
func (in *Update) touchesLogin() bool {
	return in.Email.given || in.EmailVerified != nil || in.PhoneNumber.given || in.PhoneVerified != nil ||
		in.Username.given || in.Password.given
}

// target gives the identity that is meant and its connection.
func (a *Accounts) target(ctx context.Context, tenantID string, u *user.User, in Update) (int, *connection.Connection, error) {
	at := 0
	if in.Connection != "" {
		c, err := a.connection(ctx, tenantID, in.Connection)
		if err != nil {
			return 0, nil, err
		}
		at = slices.IndexFunc(u.Identities, func(i user.Identity) bool { return i.Connection == c.Name })
		if at < 0 {
			return 0, nil, errUnsupported
		}
		return at, c, nil
	}
	c, err := a.connection(ctx, tenantID, u.Identities[at].Connection)
	if errors.Is(err, ErrConnection) && !in.touchesLogin() {
		// A user outlives a connection that is just being deleted: what concerns the account alone can still change.
		return at, &connection.Connection{Name: u.Identities[at].Connection, Strategy: u.Identities[at].Provider}, nil
	}
	return at, c, err
}

// update is the work on one change.
type update struct {
	a      *Accounts
	in     Update
	by     By
	u      *user.User // as it will be
	at     int
	c      *connection.Connection
	r      rules
	change *Change

	moved      string // the member that now finds the account, for the refusal when it is taken
	endsLogins bool
	events     []eventlog.Event
}

// login changes what the identity is found by and proven with.
func (w *update) login(ctx context.Context) error {
	if !w.in.touchesLogin() {
		w.due(false, false)
		return nil
	}
	if err := w.supported(); err != nil {
		return err
	}
	before := loginOf(w.u, w.at)
	after, err := w.changed(before)
	if err != nil {
		return err
	}
	if after == before && !w.in.Password.given {
		w.due(false, false)
		return nil
	}
	if removed := w.removedOf(before, after); len(removed) > 0 {
		return notRemoved(removed, w.c)
	}
	implied := w.u.Defaults()
	after.put(w.u, w.at, w.c)
	if w.at == 0 {
		w.follow(implied)
	}
	if err := w.password(ctx); err != nil {
		return err
	}
	for _, m := range []struct {
		name    string
		differs bool
		typ     eventlog.Type
	}{
		{memberEmail, after.email != before.email, eventlog.EmailChanged},
		{memberPhone, after.phone != before.phone, eventlog.PhoneChanged},
		{memberUsername, after.username != before.username, eventlog.UsernameChanged},
		{"", w.in.Password.given, eventlog.PasswordChanged},
	} {
		if !m.differs {
			continue
		}
		if m.name != "" {
			w.moved = m.name
		}
		w.events = append(w.events, w.by.event(m.typ, w.u, w.c))
	}
	w.due(after.email != before.email, after.phone != before.phone)
	return nil
}

// supported refuses changes that do not go with the kind of the connection.
func (w *update) supported() error {
	in, database := &w.in, w.c.Strategy == connection.Database
	switch {
	case !kept(w.c) && in.EmailVerified != nil:
		return errVerification
	case in.Email.given && !w.r.email.identifier && !database:
		return errNotDatabase
	case in.EmailVerified != nil && !w.r.email.identifier && !database, in.Password.given && !database,
		(in.PhoneNumber.given || in.PhoneVerified != nil) && !w.r.phone.allowed, in.Email.given && !w.r.email.allowed,
		in.Username.given && !w.r.username.allowed && (!database || w.c.Options.Attributes != nil):
		return errUnsupported
	case in.Username.given && !w.r.username.allowed:
		return errNoUsername
	case disabled(w.c) && (in.Email.given || in.Password.given):
		return errLoginDisabled
	}
	return nil
}

// changed gives the login as it will be, but for the password.
func (w *update) changed(l login) (login, error) {
	in, before := &w.in, l
	var err error
	if in.Email.given {
		if l.email = in.Email.text(); l.email != "" {
			if l.email, err = canonicalEmail(l.email); err != nil {
				return l, err
			}
		}
		l.emailVerified = l.emailVerified && l.email == before.email
	}
	if in.PhoneNumber.given {
		if l.phone = in.PhoneNumber.text(); l.phone != "" {
			if l.phone, err = canonicalPhone(l.phone); err != nil {
				return l, err
			}
		}
		l.phoneVerified = l.phoneVerified && l.phone == before.phone
	}
	if in.Username.given {
		if l.username = in.Username.text(); l.username != "" {
			if l.username, err = w.r.canonicalUsername(l.username); err != nil {
				return l, err
			}
		}
	}
	if in.EmailVerified != nil {
		l.emailVerified = *in.EmailVerified && l.email != ""
	}
	if in.PhoneVerified != nil {
		l.phoneVerified = *in.PhoneVerified && l.phone != ""
	}
	if in.Password.removed() {
		l.password = ""
	}
	return l, nil
}

// removedOf names what the change removes and the connection's users cannot be without.
func (w *update) removedOf(before, after login) []string {
	var gone []string
	for _, m := range []struct {
		name          string
		before, after string
		required      bool
	}{
		{memberEmail, before.email, after.email, w.r.email.required},
		{memberPhone, before.phone, after.phone, w.r.phone.required},
		{memberUsername, before.username, after.username, w.r.username.required},
		{"password", string(before.password), string(after.password), w.r.passwordRequired},
	} {
		if m.before != "" && m.after == "" && (m.required || (m.name != "password" && w.r.check(after) != nil)) {
			gone = append(gone, m.name)
		}
	}
	return gone
}

// follow lets the parts of the profile that nobody chose follow a new address or name.
func (w *update) follow(implied user.Defaults) {
	for _, m := range []struct {
		member  *string
		implied string
	}{{&w.u.Name, implied.Name}, {&w.u.Nickname, implied.Nickname}, {&w.u.Picture, implied.Picture}} {
		if *m.member == m.implied {
			*m.member = ""
		}
	}
	w.u.FillProfile()
}

// password sets a new password, or takes note that there is none any more.
func (w *update) password(ctx context.Context) error {
	if !w.in.Password.given {
		return nil
	}
	w.endsLogins = true
	current, former := &w.u.Password, &w.u.FormerPasswords
	who := w.u
	if w.at == 0 {
		w.u.LastPasswordReset = w.u.UpdatedAt
	} else {
		id := &w.u.Identities[w.at]
		current, former = &id.Password, &id.FormerPasswords
		who = &user.User{UserMetadata: w.u.UserMetadata}
		who.FromProfileData(id.ProfileData)
	}
	if w.in.Password.removed() {
		return nil
	}
	made, err := w.a.next(ctx, w.c, who, passwords{*current, *former}, Secret(w.in.Password.text()))
	if err != nil {
		return err
	}
	*current, *former = made.current, made.former
	return nil
}

// due notes which messages the person is due.
func (w *update) due(emailMoved, phoneMoved bool) {
	l := loginOf(w.u, w.at)
	w.change.VerifyEmail = w.in.VerifyEmail && l.email != "" && (emailMoved || w.c.Strategy == connection.Database)
	w.change.VerifyPhone = w.in.VerifyPhoneNumber && phoneMoved && w.c.Strategy == connection.SMS
}

// root changes the profile and the block.
func (w *update) root(context.Context) error {
	if w.in.Blocked != nil {
		w.u.Blocked, w.u.BlockDecided = *w.in.Blocked, true
	}
	var given, removed []string
	for _, m := range []struct {
		name   string
		change Text
		member *string
	}{
		{"family_name", w.in.FamilyName, &w.u.FamilyName}, {"given_name", w.in.GivenName, &w.u.GivenName},
		{"name", w.in.Name, &w.u.Name}, {"nickname", w.in.Nickname, &w.u.Nickname}, {"picture", w.in.Picture, &w.u.Picture},
	} {
		if !m.change.given {
			continue
		}
		given = append(given, m.name)
		if m.change.removed() && *m.member != "" {
			removed = append(removed, m.name)
		}
		*m.member = m.change.text()
	}
	switch {
	case len(given) == 0:
		return nil
	case w.at > 0:
		return notUpdated(given, whySecondary)
	case !kept(w.c):
		return notUpdated(given, whyStrategy)
	case len(removed) > 0 && !customDatabase(w.c):
		return notRemoved(removed, w.c)
	}
	return nil
}

// customDatabase reports whether the connection's users are kept by the tenant's own scripts.
func customDatabase(c *connection.Connection) bool {
	return c.Strategy == connection.Database && c.Options.DatabaseCustomization && !c.Options.ImportMode
}

// metadata merges the metadata.
func (w *update) metadata(context.Context) (err error) {
	if w.u.UserMetadata, err = merge(memberUserMetadata, w.u.UserMetadata, w.in.UserMetadata); err != nil {
		return err
	}
	w.u.AppMetadata, err = merge(memberAppMetadata, w.u.AppMetadata, w.in.AppMetadata)
	return err
}
