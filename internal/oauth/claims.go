package oauth

import (
	"time"

	"latchkey/internal/user"
)

// claimsOf lists the claims that each scope opens (OpenID Connect Core section 5.4, with the single-claim scopes that
// Auth0 keeps).
var claimsOf = map[string][]string{
	"profile": {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	"email":          {"email", "email_verified"},
	"phone":          {"phone_number", "phone_number_verified"},
	"address":        {"address"},
	"name":           {"name"},
	"given_name":     {"given_name"},
	"family_name":    {"family_name"},
	"nickname":       {"nickname"},
	"picture":        {"picture"},
	"email_verified": {"email_verified"},
}

// updatedAt is how Auth0 writes updated_at: text, with milliseconds.
const updatedAt = "2006-01-02T15:04:05.000Z"

// profileClaims gives the claims about a user that the scopes open; a claim without a value is left out. Standard writes
// updated_at as OpenID Connect Core has it, a number.
func profileClaims(u *user.User, scopes []string, standard bool) map[string]any {
	claims := map[string]any{}
	for _, scope := range scopes {
		for _, name := range claimsOf[scope] {
			if v := claim(u, name, standard); v != nil {
				claims[name] = v
			}
		}
	}
	return claims
}

func claim(u *user.User, name string, standard bool) any {
	switch name {
	case "name":
		return text(u.Name)
	case "nickname":
		return text(u.Nickname)
	case "given_name":
		return text(u.GivenName)
	case "family_name":
		return text(u.FamilyName)
	case "picture":
		return text(u.Picture)
	case "email":
		return text(u.Email)
	case "email_verified":
		if u.Email == "" {
			return nil
		}
		return u.EmailVerified
	case "phone_number":
		return text(u.PhoneNumber)
	case "phone_number_verified":
		if u.PhoneNumber == "" {
			return nil
		}
		return u.PhoneVerified
	case "preferred_username":
		if u.Username != "" {
			return u.Username
		}
	case "updated_at":
		return stamp(u.UpdatedAt, standard)
	}
	return u.Claims[name]
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func stamp(t time.Time, standard bool) any {
	if standard {
		return t.Unix()
	}
	return t.UTC().Format(updatedAt)
}
