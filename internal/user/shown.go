package user

import (
	"maps"
	"time"
)

// shownTime is how the Management API writes times.
const shownTime = "2006-01-02T15:04:05.000Z"

// Shown gives the account as the Management API shows it (Auth0 docs, "User Profile Structure"): what has no value is left
// out, the block appears once somebody has decided about it, the counters with the first login. The values are shared with
// the account.
func (u *User) Shown() map[string]any {
	shown := map[string]any{}
	maps.Copy(shown, u.Claims)
	for name, value := range map[string]string{
		"user_id": u.ID, "email": u.Email, "phone_number": u.PhoneNumber, "username": u.Username, "name": u.Name,
		"nickname": u.Nickname, "given_name": u.GivenName, "family_name": u.FamilyName, "picture": u.Picture,
		"last_ip": u.LastIP,
	} {
		if value != "" {
			shown[name] = value
		}
	}
	for name, at := range map[string]time.Time{
		"created_at": u.CreatedAt, "updated_at": u.UpdatedAt, "last_password_reset": u.LastPasswordReset,
		"last_login": u.LastLogin,
	} {
		if !at.IsZero() {
			shown[name] = at.UTC().Format(shownTime)
		}
	}
	if u.Email != "" {
		shown["email_verified"] = u.EmailVerified
	}
	if u.PhoneNumber != "" {
		shown["phone_verified"] = u.PhoneVerified
	}
	if u.UserMetadata != nil {
		shown["user_metadata"] = u.UserMetadata
	}
	if len(u.AppMetadata) > 0 {
		shown["app_metadata"] = u.AppMetadata
	}
	if u.Blocked || u.BlockDecided {
		shown["blocked"] = u.Blocked
	}
	if u.LoginsCount > 0 {
		shown["logins_count"] = u.LoginsCount
	}
	identities := make([]any, len(u.Identities))
	for i, id := range u.Identities {
		identities[i] = id.shown(id.ProfileData)
	}
	shown["identities"] = identities
	return shown
}

// ShownIdentities gives the identities as answers to linking and unlinking show them: the main one first, and each with its
// profile.
func (u *User) ShownIdentities() []any {
	shown := make([]any, len(u.Identities))
	for i, id := range u.Identities {
		data := id.ProfileData
		if i == 0 {
			data = u.ProfileData()
		}
		shown[i] = id.shown(data)
	}
	return shown
}

func (i Identity) shown(data map[string]any) map[string]any {
	shown := map[string]any{
		"connection": i.Connection, "provider": string(i.Provider), "user_id": i.UserID, "isSocial": i.IsSocial,
	}
	if len(data) > 0 {
		shown["profileData"] = data
	}
	return shown
}

// ProfileData gives the profile of the account's main identity, as a linked identity keeps it: without what follows from the
// rest.
func (u *User) ProfileData() map[string]any {
	data := map[string]any{}
	maps.Copy(data, u.Claims)
	d := u.Defaults()
	for _, m := range []struct{ name, value, implied string }{
		{ProfileEmail, u.Email, ""}, {ProfilePhone, u.PhoneNumber, ""}, {ProfileUsername, u.Username, ""},
		{"name", u.Name, d.Name}, {"nickname", u.Nickname, d.Nickname}, {"picture", u.Picture, d.Picture},
		{"given_name", u.GivenName, ""}, {"family_name", u.FamilyName, ""},
	} {
		if m.value != m.implied {
			data[m.name] = m.value
		}
	}
	if u.Email != "" {
		data[ProfileEmailVerified] = u.EmailVerified
	}
	if u.PhoneNumber != "" {
		data[ProfilePhoneVerified] = u.PhoneVerified
	}
	return data
}

// FromProfileData gives an account the profile that a linked identity has kept, with the defaults for what is missing.
func (u *User) FromProfileData(data map[string]any) {
	rest := maps.Clone(data)
	for name, member := range map[string]*string{
		ProfileEmail: &u.Email, ProfilePhone: &u.PhoneNumber, ProfileUsername: &u.Username, "name": &u.Name,
		"nickname": &u.Nickname, "picture": &u.Picture, "given_name": &u.GivenName, "family_name": &u.FamilyName,
	} {
		*member, _ = rest[name].(string)
		delete(rest, name)
	}
	u.EmailVerified, _ = rest[ProfileEmailVerified].(bool)
	u.PhoneVerified, _ = rest[ProfilePhoneVerified].(bool)
	delete(rest, ProfileEmailVerified)
	delete(rest, ProfilePhoneVerified)
	u.Claims = nil
	if len(rest) > 0 {
		u.Claims = rest
	}
	u.FillProfile()
}
