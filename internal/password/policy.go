package password

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/user"
)

// What a password is refused for. The names in front are those that the Management API's answers begin with.
var (
	ErrWeak     = apierr.New(apierr.Invalid, "password_strength", "PasswordStrengthError: Password is too weak")
	ErrCommon   = apierr.New(apierr.Invalid, "password_dictionary", "PasswordDictionaryError: Password is too common")
	ErrPersonal = apierr.New(apierr.Invalid, "password_no_user_info", "PasswordNoUserInfoError: Password contains user information")
	ErrUsed     = apierr.New(apierr.Invalid, "password_history", "PasswordHistoryError: Password has previously been used")
)

// rules is what a connection asks of passwords, from whichever of the two forms of options it has.
type rules struct {
	minLength   int
	types       []string // of the characters: lowercase, uppercase, number, special
	mostMissing int      // how many of types may be missing
	noIdentical bool     // no three times the same character in a row
	noSequences bool     // no three characters in a row such as abc or 321
	noCommon    bool
	common      []string // further common passwords
	noPersonal  bool
	personal    []string // the fields of the profile
	history     int      // how many former passwords may not come again
	truncate    bool     // at 72 bytes
}

var allTypes = []string{"lowercase", "uppercase", "number", "special"}

// defaultPersonal are the fields that the older form of the options means, and those that the newer one begins with.
var defaultPersonal = []string{
	"name", "username", "nickname", "email", "phone_number", "user_metadata.name", "user_metadata.first", "user_metadata.last",
}

const (
	defaultHistory       = 5  // of password_history, as the Dashboard sets it
	defaultOptionHistory = 3  // of password_options.history
	defaultOptionLength  = 15 // of password_options.complexity
	mostHistory          = 24
)

// rulesOf reads a connection's options.
func rulesOf(o *connection.DatabaseOptions) rules {
	if o.PasswordOptions != nil {
		return newRules(o.PasswordOptions)
	}
	r := level(o.PasswordPolicy)
	if c := o.PasswordComplexity; c != nil && c.MinLength > 0 {
		r.minLength = c.MinLength
	}
	if h := o.PasswordHistory; h != nil && h.Enable {
		r.history = h.Size
		if h.Size == 0 {
			r.history = defaultHistory
		}
	}
	if d := o.PasswordDictionary; d != nil && d.Enable {
		r.noCommon, r.common = true, d.Dictionary
	}
	if p := o.PasswordNoPersonalInfo; p != nil && p.Enable {
		r.noPersonal, r.personal = true, defaultPersonal
	}
	return r
}

// level gives the rules of one of the five levels (Auth0 docs, "Password Strength in Auth0 Database Connections"). A
// connection without one is "good", as the service makes them.
func level(name string) rules {
	switch name {
	case "none":
		return rules{minLength: 1}
	case "low":
		return rules{minLength: 6}
	case "fair":
		return rules{minLength: 8, types: allTypes[:3]}
	case "excellent":
		return rules{minLength: 10, types: allTypes, mostMissing: 1, noIdentical: true}
	default:
		return rules{minLength: 8, types: allTypes, mostMissing: 1}
	}
}

func newRules(o *connection.PasswordOptions) rules {
	r := rules{minLength: defaultOptionLength}
	if c := o.Complexity; c != nil {
		if c.MinLength > 0 {
			r.minLength = c.MinLength
		}
		r.types = c.CharacterTypes
		if c.CharacterTypeRule == "three_of_four" {
			r.types, r.mostMissing = allTypes, 1
		}
		r.noIdentical = c.IdenticalCharacters == "block"
		r.noSequences = c.SequentialCharacters == "block"
		r.truncate = c.MaxLengthExceeded == "truncate"
	}
	if h := o.History; h != nil && h.Active {
		r.history = h.Size
		if h.Size == 0 {
			r.history = defaultOptionHistory
		}
	}
	if d := o.Dictionary; d != nil && d.Active {
		r.noCommon, r.common = true, d.Custom
	}
	if p := o.ProfileData; p != nil && p.Active {
		r.noPersonal, r.personal = true, p.BlockedFields
		if p.BlockedFields == nil {
			r.personal = defaultPersonal
		}
	}
	return r
}

// Fit gives a password as the connection hashes it: cut after 72 bytes where its options say so, else as it is. Whoever
// hashes or verifies a password of a connection has it fitted first.
func Fit(o *connection.DatabaseOptions, password string) string {
	if len(password) <= maxLength || !rulesOf(o).truncate {
		return password
	}
	end := maxLength
	for !utf8.RuneStart(password[end]) {
		end--
	}
	return password[:end]
}

// MinLength is how many characters a new password of a connection has at least.
func MinLength(o *connection.DatabaseOptions) int { return rulesOf(o).minLength }

// HistorySize is how many former hashes of an account are to be kept for Reused, at most 24; none where the connection
// keeps no history. They belong to the account and are kept with it by whoever sets passwords.
func HistorySize(o *connection.DatabaseOptions) int { return min(rulesOf(o).history, mostHistory) }

// Check reports whether a connection takes the password, fitted, for this user: ErrTooLong, ErrWeak, ErrCommon,
// ErrPersonal or nil. The user has the profile that it will have with the password. Former passwords are Reused's part.
func Check(o *connection.DatabaseOptions, password string, who *user.User) error {
	r := rulesOf(o)
	switch {
	case len(password) > maxLength:
		return ErrTooLong
	case !r.strong(password):
		return ErrWeak
	case r.noCommon && isCommon(password, r.common):
		return ErrCommon
	case r.noPersonal && containsPersonal(password, r.personal, who):
		return ErrPersonal
	}
	return nil
}

// Reused reports ErrUsed when the password is one of the former ones, the newest first, that the connection remembers.
func (h *Hasher) Reused(ctx context.Context, o *connection.DatabaseOptions, password string, former []user.Password) error {
	for _, hash := range former[:min(len(former), HistorySize(o))] {
		if hash == "" {
			continue
		}
		matches, err := h.Verify(ctx, hash, password)
		if err != nil {
			return err
		}
		if matches {
			return ErrUsed
		}
	}
	return nil
}

func (r rules) strong(password string) bool {
	missing := 0
	for _, t := range r.types {
		if !strings.ContainsFunc(password, isOf(t)) {
			missing++
		}
	}
	return utf8.RuneCountInString(password) >= r.minLength && missing <= r.mostMissing &&
		!(r.noIdentical && hasRun(password, 0)) &&
		!(r.noSequences && (hasRun(password, 1) || hasRun(password, -1)))
}

func isOf(characterType string) func(rune) bool {
	switch characterType {
	case "lowercase":
		return unicode.IsLower
	case "uppercase":
		return unicode.IsUpper
	case "number":
		return unicode.IsDigit
	default:
		return func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }
	}
}

// hasRun reports whether three characters in a row are each step further than the one before; of letters without their
// case where step is not 0.
func hasRun(password string, step rune) bool {
	if step != 0 {
		password = strings.ToLower(password)
	}
	all := []rune(password)
	ordered := func(c rune) bool { return step == 0 || unicode.IsLetter(c) || unicode.IsDigit(c) }
	for i := 2; i < len(all); i++ {
		a, b, c := all[i-2], all[i-1], all[i]
		if b-a == step && c-b == step && ordered(a) && ordered(b) && ordered(c) {
			return true
		}
	}
	return false
}

// leastPersonal is how many characters a name must have to be looked for: shorter ones are in too many words.
const leastPersonal = 3

// containsPersonal reports whether the password contains a field of the profile, one of its words, or the part of an
// address before the @.
func containsPersonal(password string, fields []string, who *user.User) bool {
	if who == nil {
		return false
	}
	password = strings.ToLower(password)
	for _, field := range fields {
		value := strings.ToLower(profileField(who, field))
		words := strings.FieldsFunc(value, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
		if local, domain, isAddress := strings.Cut(value, "@"); isAddress {
			// The domain is the same for a whole company and no secret's enemy.
			words = []string{local, local + "@" + domain}
		}
		if slices.ContainsFunc(append(words, value), func(s string) bool {
			return utf8.RuneCountInString(s) >= leastPersonal && strings.Contains(password, s)
		}) {
			return true
		}
	}
	return false
}

func profileField(u *user.User, field string) string {
	switch field {
	case "name":
		return u.Name
	case "username":
		return u.Username
	case "nickname":
		return u.Nickname
	case "given_name":
		return u.GivenName
	case "family_name":
		return u.FamilyName
	case "email":
		return u.Email
	case "phone_number":
		return u.PhoneNumber
	}
	root, path, _ := strings.Cut(field, ".")
	var value any
	switch root {
	case "user_metadata":
		value = u.UserMetadata
	case "app_metadata":
		value = u.AppMetadata
	}
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return text
}
