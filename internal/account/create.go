package account

import (
	"context"
	"fmt"

	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/user"
)

// Create asks for a new user. Its names are those of the API; formats and lengths have been checked by its schema.
type Create struct {
	Connection    string         `json:"connection"`
	UserID        string         `json:"user_id"` // without the provider; empty for one of ours
	Email         string         `json:"email"`
	PhoneNumber   string         `json:"phone_number"`
	Username      string         `json:"username"`
	Password      Secret         `json:"password"`
	EmailVerified bool           `json:"email_verified"`
	PhoneVerified bool           `json:"phone_verified"`
	VerifyEmail   *bool          `json:"verify_email"`
	Blocked       *bool          `json:"blocked"`
	GivenName     string         `json:"given_name"`
	FamilyName    string         `json:"family_name"`
	Name          string         `json:"name"`
	Nickname      string         `json:"nickname"`
	Picture       string         `json:"picture"`
	UserMetadata  map[string]any `json:"user_metadata"`
	AppMetadata   map[string]any `json:"app_metadata"`

	// PasswordHash is a password that another system has hashed; it is held to no policy.
	PasswordHash user.Password `json:"-"`
	// Imported users may come without a password, which their owners then set.
	Imported bool `json:"-"`
}

// Secret is a clear password. It hides itself from logs.
type Secret string

// String hides the password.
func (Secret) String() string { return "[password]" }

// Create decides on a new user at a database or passwordless connection. Whether sign-up is open does not matter. The user
// of an address at a passwordless connection gets the id under which a first login with it would have made it. When the id
// or what the user is found by is taken, the answer is user.ErrExists, now or with the commit.
func (a *Accounts) Create(ctx context.Context, tenantID string, in Create) (*Change, error) {
	c, err := a.connection(ctx, tenantID, in.Connection)
	if err != nil {
		return nil, err
	}
	if !kept(c) {
		return nil, errNoCreation
	}
	if disabled(c) {
		return nil, ErrDisabled
	}
	r := rulesOf(c)
	l, err := r.login(c, in)
	if err != nil {
		return nil, err
	}
	u, err := a.profile(in)
	if err != nil {
		return nil, err
	}
	identity := user.Identity{Connection: c.Name, Provider: c.Strategy}
	if identity.UserID, err = a.newID(ctx, tenantID, c, l, in.UserID); err != nil {
		return nil, err
	}
	u.ID = string(c.Strategy) + "|" + identity.UserID
	u.Identities = []user.Identity{identity}
	l.put(u, 0, c)
	u.FillProfile()
	if u.Password = in.PasswordHash; in.Password != "" {
		made, err := a.next(ctx, c, u, passwords{}, in.Password)
		if err != nil {
			return nil, err
		}
		u.Password = made.current
	}
	verify := !u.EmailVerified
	if in.VerifyEmail != nil {
		verify = *in.VerifyEmail
	}
	return &Change{
		User: u, Identity: u.Identities[0],
		VerifyEmail: verify && u.Email != "" && c.Strategy == connection.Database,
		commit:      func(ctx context.Context) error { return a.c.Users.CreateUser(ctx, tenantID, u) },
	}, nil
}

// kept reports whether we keep the users of a connection.
func kept(c *connection.Connection) bool {
	return c.Strategy == connection.Database || c.Strategy.Passwordless()
}

// login gives what a new user is found by, in canonical form, or says what of it the connection does not take.
func (r *rules) login(c *connection.Connection, in Create) (l login, err error) {
	if in.Username != "" && !r.username.allowed && c.Strategy == connection.Database && c.Options.Attributes == nil {
		return l, errNoUsername
	}
	var extra []string
	for _, m := range []struct {
		name    string
		given   bool
		allowed bool
	}{
		{memberEmail, in.Email != "", r.email.allowed}, {"password", in.Password != "", r.passwordAllowed},
		{memberPhone, in.PhoneNumber != "", r.phone.allowed}, {memberUsername, in.Username != "", r.username.allowed},
	} {
		if m.given && !m.allowed {
			extra = append(extra, m.name)
		}
	}
	if len(extra) > 0 {
		return l, notAllowed(extra...)
	}
	l = login{email: in.Email, phone: in.PhoneNumber, username: in.Username}
	if err := r.check(l); err != nil {
		return l, err
	}
	if r.passwordRequired && in.Password == "" && in.PasswordHash == "" && !in.Imported {
		return l, missing("password")
	}
	l.emailVerified, l.phoneVerified = in.EmailVerified && in.Email != "", in.PhoneVerified && in.PhoneNumber != ""
	if in.Email != "" {
		if l.email, err = canonicalEmail(in.Email); err != nil {
			return l, err
		}
	}
	if in.PhoneNumber != "" {
		if l.phone, err = canonicalPhone(in.PhoneNumber); err != nil {
			return l, err
		}
	}
	if in.Username != "" {
		if l.username, err = r.canonicalUsername(in.Username); err != nil {
			return l, err
		}
	}
	return l, nil
}

// profile gives a new account with what its connection has no say in.
func (a *Accounts) profile(in Create) (*user.User, error) {
	now := a.now()
	u := &user.User{
		Name: in.Name, Nickname: in.Nickname, GivenName: in.GivenName, FamilyName: in.FamilyName, Picture: in.Picture,
		CreatedAt: now, UpdatedAt: now,
	}
	if in.Blocked != nil {
		u.Blocked, u.BlockDecided = *in.Blocked, true
	}
	var err error
	if u.UserMetadata, err = merge(memberUserMetadata, nil, in.UserMetadata); err != nil {
		return nil, err
	}
	if u.AppMetadata, err = merge(memberAppMetadata, nil, in.AppMetadata); err != nil {
		return nil, err
	}
	return u, nil
}

// newID gives the id of a new user without its provider, or user.ErrExists when somebody has one of its identifiers.
func (a *Accounts) newID(ctx context.Context, tenantID string, c *connection.Connection, l login, chosen string) (string, error) {
	r, deletions := rulesOf(c), 0
	list := r.identifiers(l)
	for _, identifier := range list {
		found, n, err := a.c.Users.Find(ctx, tenantID, c.Name, identifier)
		if err != nil {
			return "", fmt.Errorf("look for a user: %w", err)
		}
		if found != nil {
			return "", user.ErrExists
		}
		deletions = n
	}
	switch {
	case chosen != "":
		return chosen, nil
	case c.Strategy.Passwordless():
		return user.ReservedID(a.c.Seal, tenantID, c.Name, list[0], deletions), nil
	}
	return ident.ObjectID(), nil
}
