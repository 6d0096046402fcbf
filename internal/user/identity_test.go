package user_test

import (
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/user"
)

func TestVerify_MarksOneAddressAndLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	u := &user.User{
		ID: "auth0|1", Email: "a@example.com", PhoneNumber: "+491511", Username: "ada",
		Identities: []user.Identity{
			{Connection: "db", Provider: connection.Database, UserID: "1", Identifiers: []string{"a@example.com", "+491511", "ada"}},
			{Connection: "email", Provider: connection.Email, UserID: "2", Identifiers: []string{"a@example.com"},
				ProfileData: map[string]any{"email": "a@example.com", "email_verified": false}},
			{Connection: "sms", Provider: connection.SMS, UserID: "3", Identifiers: []string{"+491511"},
				ProfileData: map[string]any{"phone_number": "+491511"}},
		},
	}
	places := [][2]string{{"db", "a@example.com"}, {"db", "+491511"}, {"email", "a@example.com"}, {"sms", "+491511"}}
	for i, place := range places {
		v, main := u.Verify(place[0], place[1], time.Unix(9, 0))
		if main != (place[0] == "db") {
			t.Errorf("%v: main is %v", place, main)
		}
		for j, other := range places {
			if got := v.Verified(other[0], other[1]); got != (i == j) {
				t.Errorf("after a proof of %v, %v is verified: %v", place, other, got)
			}
			if u.Verified(other[0], other[1]) {
				t.Errorf("a proof of %v changed the original", place)
			}
		}
	}
	if !u.Verified("db", "ada") {
		t.Error("a name wants a proof")
	}
	if u.Verified("sms", "a@example.com") || u.Verified("none", "ada") {
		t.Error("what finds nobody is verified")
	}
	if v, main := u.Verify("none", "ada", time.Unix(9, 0)); main || v.EmailVerified || v.PhoneVerified {
		t.Error("a proof of nothing verifies something")
	}
}

// An address of which the identity's profile did not tell was once taken for proven.
func TestVerified_AnAddressThatTheProfileLacksWantsAProof(t *testing.T) {
	t.Parallel()
	u := &user.User{ID: "auth0|1", Email: "a@example.com", EmailVerified: true, Identities: []user.Identity{
		{Connection: "db", Provider: connection.Database, UserID: "1", Identifiers: []string{"a@example.com"}},
		{Connection: "email", Provider: connection.Email, UserID: "2", Identifiers: []string{"b@example.com"}},
		{Connection: "sms", Provider: connection.SMS, UserID: "3", Identifiers: []string{"+491511"}, ProfileData: map[string]any{"name": "A"}},
		{Connection: "names", Provider: connection.Database, UserID: "4", Identifiers: []string{"ada", "c@example.com"}, ProfileData: map[string]any{"username": "Ada"}},
	}}
	if !u.Verified("names", "ada") || u.Verified("names", "c@example.com") {
		t.Errorf("the name is verified: %v, an address beside it: %v", u.Verified("names", "ada"), u.Verified("names", "c@example.com"))
	}
	for _, place := range [][2]string{{"email", "b@example.com"}, {"sms", "+491511"}} {
		if u.Verified(place[0], place[1]) {
			t.Errorf("%v is verified", place)
		}
		v, main := u.Verify(place[0], place[1], time.Unix(9, 0))
		if main || !v.Verified(place[0], place[1]) || len(v.ProvenAt(place[1])) != 1 || u.Verified(place[0], place[1]) {
			t.Errorf("after a proof of %v: main %v, %+v", place, main, v.Identities)
		}
	}
	alone := &user.User{ID: "sms|3", Identities: []user.Identity{{Connection: "sms", Provider: connection.SMS, UserID: "3", Identifiers: []string{"+491511"}}}}
	if v, main := alone.Verify("sms", "+491511", time.Unix(9, 0)); !main || alone.Verified("sms", "+491511") || v.PhoneNumber != "+491511" || !v.Verified("sms", "+491511") {
		t.Errorf("after a proof the account is %+v", v)
	}
}

func TestFromProfileData_GivesBackWhatAnIdentityKept(t *testing.T) {
	t.Parallel()
	u := &user.User{
		ID: "auth0|1", Email: "a@example.com", EmailVerified: true, Username: "ada", Nickname: "countess", GivenName: "Ada",
		Claims: map[string]any{"locale": "en"},
	}
	u.FillProfile()
	data := u.ProfileData()
	for _, implied := range []string{"name", "picture", "phone_number", "phone_verified", "family_name"} {
		if v, there := data[implied]; there {
			t.Errorf("%s is kept as %v though it follows from the rest", implied, v)
		}
	}
	var back user.User
	back.FromProfileData(data)
	want := *u
	want.ID = ""
	for _, m := range [][2]any{
		{back.Email, want.Email}, {back.EmailVerified, true}, {back.Username, want.Username}, {back.Name, want.Name},
		{back.Nickname, "countess"}, {back.GivenName, "Ada"}, {back.Picture, want.Picture}, {back.Claims["locale"], "en"},
	} {
		if m[0] != m[1] {
			t.Errorf("got %v, want %v", m[0], m[1])
		}
	}
}

func TestJoin_AddsTheOthersIdentitiesBehindItsOwn(t *testing.T) {
	t.Parallel()
	email, sms := &connection.Connection{Name: "email", Strategy: connection.Email}, &connection.Connection{Name: "sms", Strategy: connection.SMS}
	first := user.NewPasswordless(sms, "1", "+15551234567", time.Unix(1, 0))
	other := user.NewPasswordless(email, "2", "a@example.com", time.Unix(2, 0))
	other.Password, other.UserMetadata = "hash", map[string]any{"a": 1}
	joined := first.Join(other, time.Unix(3, 0))
	if joined.ID != "sms|1" || joined.Email != "" || joined.UserMetadata != nil || joined.Password != "" || len(joined.Identities) != 2 {
		t.Errorf("the joined account is %+v", joined)
	}
	if i := joined.Identities[1]; i.UserID != "2" || i.Password != "hash" || i.ProfileData["email"] != "a@example.com" {
		t.Errorf("its second identity is %+v", i)
	}
	if len(first.Identities) != 1 || other.Identities[0].ProfileData != nil {
		t.Error("the originals have changed")
	}
	for address, want := range map[string]int{"a@example.com": 1, "+15551234567": 1, "b@example.com": 0, "": 0} {
		if got := joined.ProvenAt(address); len(got) != want {
			t.Errorf("%q is proven at %v, want %d places", address, got, want)
		}
	}
	if got := joined.VerifiedEmail(); got != "a@example.com" {
		t.Errorf("mail goes to %q", got)
	}
	other.EmailVerified = false
	unproven := first.Join(other, time.Unix(3, 0))
	if unproven.VerifiedEmail() != "" || len(unproven.ProvenAt("a@example.com")) != 0 {
		t.Error("an address that nobody has proven counts")
	}
	if got := joined.IdentityID("email", "a@example.com"); got != "2" {
		t.Errorf("the identity of the address is %q", got)
	}
}
