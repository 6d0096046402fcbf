package user

import (
	"maps"
	"slices"
	"strings"
	"time"

	"latchkey/internal/connection"
)

// The members of an identity's profile data that the product itself reads; they carry the names of the user's own.
const (
	ProfileEmail         = "email"
	ProfileEmailVerified = "email_verified"
	ProfilePhone         = "phone_number"
	ProfilePhoneVerified = "phone_verified"
	ProfileUsername      = "username"
)

// IdentityAt gives the place among the identities of the one under which a connection finds the account by an identifier:
// 0 is the main one, and -1 says that there is none.
func (u *User) IdentityAt(connection, identifier string) int {
	return slices.IndexFunc(u.Identities, func(i Identity) bool {
		return i.Connection == connection && slices.Contains(i.Identifiers, identifier)
	})
}

// PasswordAt gives the hash of the identity under which a connection finds the account by an identifier; empty where that
// has none.
func (u *User) PasswordAt(connection, identifier string) Password {
	switch at := u.IdentityAt(connection, identifier); {
	case at < 0:
		return ""
	case at == 0:
		return u.Password
	default:
		return u.Identities[at].Password
	}
}

// HasPasswordOf reports whether an identity, by its place, has a password.
func (u *User) HasPasswordOf(at int) bool {
	if at == 0 {
		return u.Password != ""
	}
	return u.Identities[at].Password != ""
}

// WithPasswordAt gives a copy of the account with another hash of the same password at that identity.
func (u *User) WithPasswordAt(connection, identifier string, hash Password) *User {
	v := *u
	v.Identities = slices.Clone(u.Identities)
	switch at := u.IdentityAt(connection, identifier); {
	case at == 0:
		v.Password = hash
	case at > 0:
		v.Identities[at].Password = hash
	}
	return &v
}

// Verified reports whether somebody has proven to read what is sent to an identifier of the account. The account's own
// flags tell about its main identity only: the address of a linked one is verified by itself. A name has nothing to prove;
// an address of which the profile does not tell was not proven.
func (u *User) Verified(connection, identifier string) bool {
	at := u.IdentityAt(connection, identifier)
	if at < 0 {
		return false
	}
	c := u.contactsOf(at)
	switch identifier {
	case c.email:
		return c.emailVerified
	case c.phone:
		return c.phoneVerified
	}
	return strings.EqualFold(identifier, c.username)
}

// ProvenAt gives the places among the identities of those whose e-mail address or number is the given one and proven.
func (u *User) ProvenAt(address string) []int {
	var list []int
	for at := range u.Identities {
		c := u.contactsOf(at)
		if address != "" && (c.emailVerified && c.email == address || c.phoneVerified && c.phone == address) {
			list = append(list, at)
		}
	}
	return list
}

// VerifiedEmail gives an address at which the person reads mail for certain: the account's own, else that of a linked
// identity; empty where none is.
func (u *User) VerifiedEmail() string {
	for at := range u.Identities {
		if c := u.contactsOf(at); c.email != "" && c.emailVerified {
			return c.email
		}
	}
	return ""
}

// Join gives a copy of the account that has the identities of another too, behind its own. Nothing else of the other comes
// along: its profile and password stay with what was its main identity.
func (u *User) Join(other *User, now time.Time) *User {
	list := slices.Clone(other.Identities)
	list[0].ProfileData = other.ProfileData()
	list[0].Password, list[0].FormerPasswords = other.Password, other.FormerPasswords
	joined := *u
	joined.Identities = append(slices.Clone(u.Identities), list...)
	joined.UpdatedAt = now
	return &joined
}

// Verify gives a copy of the account in which an identifier of a passwordless identity is proven, and whether it is one of the
// main identity: then the account is claimed. A profile that lacks the address gets it.
func (u *User) Verify(connection, identifier string, now time.Time) (verified *User, main bool) {
	v := *u
	v.Identities = slices.Clone(u.Identities)
	at := u.IdentityAt(connection, identifier)
	if at < 0 {
		return &v, false
	}
	v.UpdatedAt = now
	c := u.contactsOf(at)
	if at == 0 {
		v.ClaimedAt = now.Truncate(time.Millisecond) // as moments are stored that it is compared with
	}
	number := identifier == c.phone || identifier != c.email && u.Identities[at].texts()
	switch {
	case at == 0 && number:
		v.PhoneNumber, v.PhoneVerified = identifier, true
		return &v, true
	case at == 0:
		v.Email, v.EmailVerified = identifier, true
		return &v, true
	}
	data := map[string]any{}
	maps.Copy(data, u.Identities[at].ProfileData)
	if number {
		data[ProfilePhone], data[ProfilePhoneVerified] = identifier, true
	} else {
		data[ProfileEmail], data[ProfileEmailVerified] = identifier, true
	}
	v.Identities[at].ProfileData = data
	return &v, false
}

// texts reports whether the identity's codes are sent to a number.
func (i Identity) texts() bool { return i.Provider == connection.SMS }

// contacts are the addresses of one identity, and its name.
type contacts struct {
	email, phone, username       string
	emailVerified, phoneVerified bool
}

func (u *User) contactsOf(at int) contacts {
	if at == 0 {
		return contacts{u.Email, u.PhoneNumber, u.Username, u.EmailVerified, u.PhoneVerified}
	}
	data := u.Identities[at].ProfileData
	c := contacts{}
	c.email, _ = data[ProfileEmail].(string)
	c.phone, _ = data[ProfilePhone].(string)
	c.username, _ = data[ProfileUsername].(string)
	c.emailVerified, _ = data[ProfileEmailVerified].(bool)
	c.phoneVerified, _ = data[ProfilePhoneVerified].(bool)
	return c
}

// Defaults are the profile that an account has until somebody gives it another.
type Defaults struct{ Name, Nickname, Picture string }

// DefaultsFor gives the profile that follows from what an account is found by: named by its address, number or name, in
// this order.
func DefaultsFor(email, phone, username string) Defaults {
	local, _, _ := strings.Cut(email, "@")
	switch {
	case email != "":
		return Defaults{Name: email, Nickname: local, Picture: gravatar(email)}
	case phone != "":
		return Defaults{Name: phone, Picture: gravatar(phone)}
	}
	return Defaults{Name: username, Nickname: username, Picture: gravatar(username)}
}

// Defaults gives the profile that follows from the account's own address, number and name.
func (u *User) Defaults() Defaults { return DefaultsFor(u.Email, u.PhoneNumber, u.Username) }

// FillProfile gives the account the defaults for what its profile lacks.
func (u *User) FillProfile() {
	d := u.Defaults()
	for _, m := range []struct {
		member *string
		value  string
	}{{&u.Name, d.Name}, {&u.Nickname, d.Nickname}, {&u.Picture, d.Picture}} {
		if *m.member == "" {
			*m.member = m.value
		}
	}
}
