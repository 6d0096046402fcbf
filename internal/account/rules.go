package account

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/user"
)

// The members by which a connection may find its users, as payloads name them, in the order of precedence.
const (
	memberEmail    = "email"
	memberPhone    = "phone_number"
	memberUsername = "username"
)

// rule says what one of these members is to a connection.
type rule struct {
	allowed    bool // users may have it
	required   bool // they must
	identifier bool // it finds them at a login
	unique     bool // no two have the same
}

// rules are those of one connection.
type rules struct {
	email, phone, username rule
	passwordRequired       bool
	passwordAllowed        bool
	minUsername            int
	maxUsername            int
	usernameMayBeEmail     bool
	usernameMayBePhone     bool
}

// The bounds of usernames unless the connection says otherwise (Auth0 docs, "Adding Username for Database Connections").
const (
	minUsername = 1
	maxUsername = 15
)

// rulesOf gives the rules of a connection. One whose users are kept elsewhere lets us set nothing.
func rulesOf(c *connection.Connection) rules {
	sole := rule{allowed: true, required: true, identifier: true, unique: true}
	switch c.Strategy {
	case connection.Email:
		return rules{email: sole}
	case connection.SMS:
		return rules{phone: sole, email: rule{allowed: true}}
	case connection.Database:
	default:
		return rules{}
	}
	o := c.Options.DatabaseOptions
	r := rules{passwordAllowed: true, passwordRequired: passwordRequired(o.AuthenticationMethods), minUsername: minUsername, maxUsername: maxUsername}
	if o.Attributes == nil {
		r.email = sole
		r.usernameMayBeEmail, r.usernameMayBePhone = true, true
		if o.RequiresUsername {
			r.username = sole
		}
		if o.Validation != nil && o.Validation.Username != nil {
			r.boundUsername(o.Validation.Username.Min, o.Validation.Username.Max)
		}
		return r
	}
	r.email, r.phone, r.username = ruleOf(o.Attributes.Email), ruleOf(o.Attributes.PhoneNumber), ruleOf(o.Attributes.Username)
	r.email.unique, r.phone.unique = o.UniqueEmail(), o.UniquePhone()
	if n := o.Attributes.Username; n != nil && n.Validation != nil {
		r.boundUsername(n.Validation.MinLength, n.Validation.MaxLength)
		if types := n.Validation.AllowedTypes; types != nil {
			r.usernameMayBeEmail, r.usernameMayBePhone = types.Email, types.PhoneNumber
		}
	}
	return r
}

func ruleOf(a *connection.Attribute) rule {
	if a == nil {
		return rule{}
	}
	return rule{allowed: true, required: a.ProfileRequired, identifier: a.Identifier.Active, unique: true}
}

func passwordRequired(m *connection.AuthenticationMethods) bool {
	return m == nil || m.Password == nil || (m.Password.Enabled && m.Password.APIBehavior != "optional")
}

func (r *rules) boundUsername(low, high int) {
	if low > 0 {
		r.minUsername = low
	}
	if high > 0 {
		r.maxUsername = high
	}
}

// disabled reports whether a connection is one: whose clients are none, no one can log in.
func disabled(c *connection.Connection) bool { return len(c.EnabledClients) == 0 }

// login is what one identity of an account is found by and proven with.
type login struct {
	email, phone, username       string
	emailVerified, phoneVerified bool
	password                     user.Password
}

// loginOf gives that of the identity at a place.
func loginOf(u *user.User, at int) login {
	if at == 0 {
		return login{u.Email, u.PhoneNumber, u.Username, u.EmailVerified, u.PhoneVerified, u.Password}
	}
	id := u.Identities[at]
	l := login{password: id.Password}
	l.email, _ = id.ProfileData[user.ProfileEmail].(string)
	l.phone, _ = id.ProfileData[user.ProfilePhone].(string)
	l.username, _ = id.ProfileData[user.ProfileUsername].(string)
	l.emailVerified, _ = id.ProfileData[user.ProfileEmailVerified].(bool)
	l.phoneVerified, _ = id.ProfileData[user.ProfilePhoneVerified].(bool)
	return l
}

// put writes it into the account. Identities are the account's own to change.
func (l login) put(u *user.User, at int, c *connection.Connection) {
	id := &u.Identities[at]
	r := rulesOf(c)
	id.Identifiers = r.identifiers(l)
	if !l.emailVerified {
		id.LinkVerified = ""
	}
	if at == 0 {
		u.Email, u.PhoneNumber, u.Username, u.Password = l.email, l.phone, l.username, l.password
		u.EmailVerified, u.PhoneVerified = l.emailVerified, l.phoneVerified
		return
	}
	data := map[string]any{}
	for name, value := range id.ProfileData {
		data[name] = value
	}
	for name, value := range map[string]string{
		user.ProfileEmail: l.email, user.ProfilePhone: l.phone, user.ProfileUsername: l.username,
	} {
		delete(data, name)
		if value != "" {
			data[name] = value
		}
	}
	delete(data, user.ProfileEmailVerified)
	delete(data, user.ProfilePhoneVerified)
	if l.email != "" {
		data[user.ProfileEmailVerified] = l.emailVerified
	}
	if l.phone != "" {
		data[user.ProfilePhoneVerified] = l.phoneVerified
	}
	id.ProfileData, id.Password = data, l.password
}

// Identifiers gives what a connection finds an account by that has these canonical values. What is unique there counts even
// while it is not used to log in: an address does not become two people's when a connection begins to use it.
func Identifiers(c *connection.Connection, email, phone, username string) []string {
	r := rulesOf(c)
	return r.identifiers(login{email: email, phone: phone, username: username})
}

// Canonical gives what a person typed at a database's login in the form in which identifiers are compared.
func Canonical(typed string) string {
	typed = strings.TrimSpace(typed)
	if email, err := contact.Email(typed); err == nil {
		return email
	}
	return strings.ToLower(typed)
}

// LogsIn reports whether an account logs in at a connection with an identifier that finds it: not with what is only kept
// unique there.
func LogsIn(c *connection.Connection, u *user.User, identifier string) bool {
	at := u.IdentityAt(c.Name, identifier)
	if at < 0 {
		return false
	}
	r, l := rulesOf(c), loginOf(u, at)
	return (r.email.identifier && l.email == identifier) || (r.phone.identifier && l.phone == identifier) ||
		(r.username.identifier && l.username == identifier)
}

func (r *rules) identifiers(l login) []string {
	var list []string
	for _, m := range []struct {
		rule  rule
		value string
	}{{r.email, l.email}, {r.phone, l.phone}, {r.username, l.username}} {
		if m.rule.unique && m.value != "" && !slices.Contains(list, m.value) {
			list = append(list, m.value)
		}
	}
	return list
}

// check refuses a login that the connection's users cannot have: without a member that is required, or without any that
// finds the account.
func (r *rules) check(l login) error {
	members := []struct {
		name, value string
		rule        rule
	}{{memberEmail, l.email, r.email}, {memberPhone, l.phone, r.phone}, {memberUsername, l.username, r.username}}
	found, first := false, ""
	for _, m := range members {
		if m.rule.required && m.value == "" {
			return missing(m.name)
		}
		if m.rule.identifier {
			found = found || m.value != ""
			if first == "" {
				first = m.name
			}
		}
	}
	if !found && first != "" {
		return missing(first)
	}
	return nil
}

func canonicalEmail(typed string) (string, error) {
	email, err := contact.Email(typed)
	if err != nil {
		return "", payload(memberEmail, "Object didn't pass validation for format email: %s", typed)
	}
	return email, nil
}

const phonePattern = `^\+[0-9]{1,15}$`

var (
	phoneForm = regexp.MustCompile(phonePattern)
	// What a username is made of (Auth0 docs, "Adding Username for Database Connections").
	usernameForm    = regexp.MustCompile("^[a-z0-9_+.!#$^~@'`-]+$")
	usernameAsPhone = regexp.MustCompile(`^\+?[0-9]{5,15}$`)
)

func canonicalPhone(typed string) (string, error) {
	if !phoneForm.MatchString(typed) {
		return "", payload(memberPhone, "String does not match pattern %s", phonePattern)
	}
	return typed, nil
}

// canonicalUsername gives a name in the one form in which it is kept, where the connection takes it.
func (r *rules) canonicalUsername(typed string) (string, error) {
	name := strings.ToLower(typed)
	n := utf8.RuneCountInString(name)
	switch {
	case n < r.minUsername:
		return "", payload(memberUsername, "String is too short (%d chars), minimum %d", n, r.minUsername)
	case n > r.maxUsername:
		return "", payload(memberUsername, "String is too long (%d chars), maximum %d", n, r.maxUsername)
	}
	_, err := contact.Email(name)
	email := err == nil
	switch {
	case email && r.usernameMayBeEmail, usernameAsPhone.MatchString(name) && r.usernameMayBePhone:
		return name, nil
	case email, !usernameForm.MatchString(name), usernameAsPhone.MatchString(name):
		return "", payload(memberUsername, "Object didn't pass validation for format username: %s", typed)
	}
	return name, nil
}
