package account_test

import (
	"errors"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/user"
)

func TestUpdate_Refuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"db","user_id":"db","email":"db@example.com","password":"secret1","given_name":"D"}`)
	b.create(`{"connection":"names","user_id":"names","email":"n@example.com","password":"x","username":"nam"}`)
	b.create(`{"connection":"flex","user_id":"flex","email":"f@example.com","username":"fle"}`)
	b.create(`{"connection":"email","user_id":"e","email":"e@example.com"}`)
	b.create(`{"connection":"email","user_id":"other","email":"other@example.com"}`)
	b.create(`{"connection":"sms","user_id":"s","phone_number":"+491511"}`)
	off := &user.User{ID: "auth0|off", Email: "o@example.com", Identities: []user.Identity{
		{Connection: "off", Provider: connection.Database, UserID: "off", Identifiers: []string{"o@example.com"}},
	}}
	must(t, b.db.CreateUser(t.Context(), b.tenant.ID, off))
	social := &user.User{ID: "google-oauth2|g", Email: "g@example.com", Identities: []user.Identity{
		{Connection: "social", Provider: "google-oauth2", UserID: "g", Identifiers: []string{"g"}, IsSocial: true},
	}}
	must(t, b.db.CreateUser(t.Context(), b.tenant.ID, social))
	b.link("auth0|db", "email|e")

	const body, unsupported = "invalid_body", "operation_not_supported"
	for _, c := range []struct{ why, id, input, code, message string }{
		{"password with email", "auth0|db", `{"password":"secret2","email":"x@example.com"}`, body, "Cannot update password and email simultaneously."},
		{"password with email_verified", "auth0|db", `{"password":"secret2","email_verified":true}`, body, "Cannot update password and email_verified simultaneously."},
		{"username with email", "auth0|names", `{"username":"new","email":"x@example.com"}`, body, "Cannot update username and email simultaneously."},
		{"username with email_verified", "auth0|names", `{"username":"new","email_verified":false}`, body, "Cannot update username and email_verified simultaneously."},
		{"username with password", "auth0|names", `{"username":"new","password":"y"}`, body, "Cannot update username and password simultaneously."},
		{"an unknown connection", "auth0|db", `{"connection":"none","email":"x@example.com"}`, "inexistent_connection", "Connection does not exist."},
		{"a connection that is not the user's", "auth0|db", `{"connection":"sms","phone_number":"+491519"}`, unsupported, "Connection is not supported for this operation."},
		{"email of a number's user", "sms|s", `{"email":"x@example.com"}`, unsupported, "Cannot update email for non-database user."},
		{"email of a social user", "google-oauth2|g", `{"email":"x@example.com"}`, unsupported, "Cannot update email for non-database user."},
		{"verification of a social user", "google-oauth2|g", `{"email_verified":true}`, unsupported, "Email verification is not supported for enterprise users."},
		{"verification at sms", "sms|s", `{"email_verified":true}`, unsupported, "Connection is not supported for this operation."},
		{"profile of a social user", "google-oauth2|g", `{"name":"G","picture":"https://example.com/g"}`, unsupported,
			"The following user attributes cannot be updated: name, picture. The connection must either be a database connection (using the Auth0 store), a passwordless connection (email or sms) or has disabled 'Sync user profile attributes at each login'."},
		{"password of a passwordless user", "email|other", `{"password":"secret2"}`, unsupported, "Connection is not supported for this operation."},
		{"name of a passwordless user", "email|other", `{"username":"ada"}`, unsupported, "Connection is not supported for this operation."},
		{"name where there are none", "auth0|db", `{"username":"ada"}`, body, "Cannot set username for connection without requires_username."},
		{"number where there are none", "auth0|db", `{"phone_number":"+491511"}`, unsupported, "Connection is not supported for this operation."},
		{"email at a disabled connection", "auth0|off", `{"email":"x@example.com"}`, "connection_disabled", "Cannot change email or password for users in a disabled connection."},
		{"password at a disabled connection", "auth0|off", `{"password":"Secret123!"}`, "connection_disabled", "Cannot change email or password for users in a disabled connection."},
		{"profile through a linked identity", "auth0|db", `{"connection":"email","name":"N","nickname":"n"}`, unsupported,
			"The following user attributes cannot be updated: name, nickname. The specified connection belongs to a secondary identity."},
		{"removal of the profile", "auth0|db", `{"given_name":null,"family_name":null}`, unsupported,
			"The following user attributes cannot be removed: given_name. The connection (db) must either be a custom database connection with import mode disabled, a social or enterprise connection."},
		{"removal of what is required", "auth0|db", `{"email":null}`, unsupported,
			"The following user attributes cannot be removed: email. The connection (db) must either be a custom database connection with import mode disabled, a social or enterprise connection."},
		{"removal of the password where one must be", "auth0|db", `{"password":null}`, unsupported,
			"The following user attributes cannot be removed: password. The connection (db) must either be a custom database connection with import mode disabled, a social or enterprise connection."},
		{"an address that is none", "auth0|db", `{"email":"a@b@c"}`, body, "Payload validation error: 'Object didn't pass validation for format email: a@b@c' on property email."},
		{"a name that is too long", "auth0|flex", `{"username":"ninechars"}`, body, "Payload validation error: 'String is too long (9 chars), maximum 8' on property username."},
		{"a weak password", "auth0|db", `{"password":"abc"}`, "password_strength", "PasswordStrengthError: Password is too weak"},
		{"the old password again", "auth0|db", `{"password":"secret1"}`, "password_history", "PasswordHistoryError: Password has previously been used"},
		{"metadata under a reserved name", "auth0|db", `{"app_metadata":{"identities":[]}}`, body,
			"Payload validation error: 'Additional properties not allowed: identities' on property app_metadata."},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := b.tryUpdate(c.id, c.input)
			refused(t, err, apierr.Invalid, c.code, c.message)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		if _, err := b.tryUpdate("auth0|none", `{"name":"x"}`); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an address that is another's", func(t *testing.T) {
		change, err := b.tryUpdate("email|other", `{"email":"E@example.com"}`)
		must(t, err)
		refused(t, b.commit(change), apierr.Invalid, "auth0_idp_error", "The specified new email already exists.")
	})
}

func TestUpdate_MergesMetadataAtTheFirstLevel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := b.create(`{"connection":"email","email":"a@example.com"}`)
	for _, c := range []struct{ change, want string }{
		{`{"name":"A"}`, `{}`},
		{`{"user_metadata":{"a":1,"b":{"c":1,"d":2}},"app_metadata":{"x":[1,2]}}`, `{"app_metadata":{"x":[1,2]},"user_metadata":{"a":1,"b":{"c":1,"d":2}}}`},
		{`{"user_metadata":{"b":{"c":3},"e":null}}`, `{"app_metadata":{"x":[1,2]},"user_metadata":{"a":1,"b":{"c":3}}}`},
		{`{"user_metadata":{"a":null},"app_metadata":{"x":[3]}}`, `{"app_metadata":{"x":[3]},"user_metadata":{"b":{"c":3}}}`},
		{`{"user_metadata":{},"app_metadata":{}}`, `{"user_metadata":{}}`},
		{`{"app_metadata":{"y":true}}`, `{"app_metadata":{"y":true},"user_metadata":{}}`},
	} {
		equal(t, "metadata after "+c.change, shown(t, b.update(u.ID, c.change), "user_metadata", "app_metadata"), c.want)
	}
}

func TestUpdate_ANewAddressMovesTheLoginAndIsNotVerified(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"old@example.com","email_verified":true,"nickname":"chosen"}`)
	before := b.stored("email|1")
	b.clock.Advance(time.Second)
	u := b.update("email|1", `{"email":"New@Example.com"}`)
	equal(t, "user", shown(t, u, "email", "email_verified", "name", "nickname", "updated_at"),
		`{"email":"new@example.com","email_verified":false,"name":"new@example.com","nickname":"chosen","updated_at":"2026-03-01T12:00:01.000Z"}`)
	if u.Picture == before.Picture {
		t.Error("the picture is that of the old address")
	}
	equal(t, "user of the new address", b.found("email", "new@example.com"), "email|1")
	equal(t, "user of the old address", b.found("email", "old@example.com"), "")
	equal(t, "events", b.events("email|1"), "sce")
	u = b.update("email|1", `{"email":"third@example.com","email_verified":true,"name":"Third"}`)
	equal(t, "user", shown(t, u, "email_verified", "name"), `{"email_verified":true,"name":"Third"}`)
	// The same address again changes nothing.
	u = b.update("email|1", `{"email":"THIRD@example.com"}`)
	equal(t, "user", shown(t, u, "email_verified", "name"), `{"email_verified":true,"name":"Third"}`)
	equal(t, "events", b.events("email|1"), "sce sce")
	u = b.update("email|1", `{"email_verified":false}`)
	equal(t, "user", shown(t, u, "email_verified"), `{"email_verified":false}`)
}

func TestUpdate_ANewPasswordEndsWhatTheOldOneOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := b.create(`{"connection":"db","user_id":"1","email":"a@example.com","password":"secret1"}`)
	b.login(u)
	b.update(u.ID, `{"name":"Ada","blocked":true}`)
	equal(t, "access of who is blocked", b.access(u.ID), "1 sessions, 1 tokens, 1 consents")
	b.clock.Advance(time.Second)
	changed := b.update(u.ID, `{"password":"secret2"}`)
	equal(t, "access", b.access(u.ID), "0 sessions, 0 tokens, 1 consents")
	equal(t, "user", shown(t, changed, "last_password_reset", "blocked"), `{"blocked":true,"last_password_reset":"2026-03-01T12:00:01.000Z"}`)
	if ok, err := hasher.Verify(t.Context(), changed.Password, "secret2"); err != nil || !ok {
		t.Errorf("the new password does not verify: %v %v", ok, err)
	}
	equal(t, "events", b.events(u.ID), "scp")
	if _, err := b.tryUpdate(u.ID, `{"password":"secret1"}`); err == nil {
		t.Error("the password before comes again")
	}
	b.update(u.ID, `{"password":"secret3"}`)
	b.update(u.ID, `{"password":"secret1"}`) // two others were in between
}

func TestUpdate_RemovesWhatNeedNotBe(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := b.create(`{"connection":"flex","user_id":"1","email":"a@example.com","phone_number":"+491511","username":"ada","password":"x"}`)
	b.login(u)
	u = b.update(u.ID, `{"email":null}`)
	u = b.update(u.ID, `{"phone_number":null}`)
	u = b.update(u.ID, `{"password":null}`)
	equal(t, "user", shown(t, u, "email", "email_verified", "phone_number", "phone_verified", "username", "name"), `{"name":"ada","username":"ada"}`)
	equal(t, "password", u.Password, user.Password(""))
	equal(t, "access", b.access(u.ID), "0 sessions, 0 tokens, 1 consents")
	equal(t, "user of the address", b.found("flex", "a@example.com"), "")
	if _, err := b.tryUpdate(u.ID, `{"username":null}`); err == nil {
		t.Error("the last identifier is removed")
	}
	own := b.create(`{"connection":"own","user_id":"2","email":"o@example.com","password":"Secret123!","given_name":"O"}`)
	equal(t, "user", shown(t, b.update(own.ID, `{"given_name":null}`), "given_name"), `{}`)
}

func TestUpdate_OfALinkedIdentityStaysThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"main@example.com","email_verified":true}`)
	b.create(`{"connection":"db","user_id":"2","email":"second@example.com","password":"secret1","email_verified":true}`)
	b.link("email|1", "auth0|2")
	u := b.update("email|1", `{"connection":"db","email":"New@example.com"}`)
	equal(t, "main address", shown(t, u, "email", "email_verified"), `{"email":"main@example.com","email_verified":true}`)
	equal(t, "profile of the linked identity", u.Identities[1].ProfileData, map[string]any{"email": "new@example.com", "email_verified": false})
	equal(t, "user of the new address", b.found("db", "new@example.com"), "email|1")
	equal(t, "user of the old address", b.found("db", "second@example.com"), "")
	u = b.update("email|1", `{"connection":"db","password":"secret2"}`)
	equal(t, "password of the main identity", u.Password, user.Password(""))
	if ok, err := hasher.Verify(t.Context(), u.Identities[1].Password, "secret2"); err != nil || !ok {
		t.Errorf("the new password does not verify: %v %v", ok, err)
	}
	equal(t, "last password reset of the account", u.LastPasswordReset.IsZero(), true)
	u = b.update("email|1", `{"connection":"db","blocked":true,"user_metadata":{"a":1}}`)
	equal(t, "user", shown(t, u, "blocked", "user_metadata"), `{"blocked":true,"user_metadata":{"a":1}}`)
}

func TestUpdate_TellsWhoIsDueAMessage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"db","user_id":"1","email":"a@example.com","password":"secret1"}`)
	b.create(`{"connection":"sms","user_id":"2","phone_number":"+491511"}`)
	b.create(`{"connection":"email","user_id":"3","email":"a@example.com"}`)
	for _, c := range []struct {
		id, input   string
		mail, phone bool
	}{
		{"auth0|1", `{"email":"b@example.com"}`, false, false},
		{"auth0|1", `{"email":"b@example.com","verify_email":true}`, true, false},
		{"auth0|1", `{"verify_email":true}`, true, false},
		{"email|3", `{"email":"b@example.com","verify_email":true}`, true, false},
		{"email|3", `{"verify_email":true}`, false, false},
		{"sms|2", `{"phone_number":"+491512"}`, false, false},
		{"sms|2", `{"phone_number":"+491512","verify_phone_number":true}`, false, true},
		{"sms|2", `{"phone_number":"+491511","verify_phone_number":true}`, false, false},
	} {
		change, err := b.tryUpdate(c.id, c.input)
		must(t, err)
		if change.VerifyEmail != c.mail || change.VerifyPhone != c.phone {
			t.Errorf("%s of %s: mail %v, message %v", c.input, c.id, change.VerifyEmail, change.VerifyPhone)
		}
	}
}

func TestUpdate_OfTwoAtOnceTheLaterDecidesAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	one, err := b.tryUpdate("email|1", `{"user_metadata":{"a":1}}`)
	must(t, err)
	two, err := b.tryUpdate("email|1", `{"user_metadata":{"b":2}}`)
	must(t, err)
	must(t, b.commit(one))
	if err := b.commit(two); !errors.Is(err, user.ErrChanged) {
		t.Errorf("the later: %v", err)
	}
	equal(t, "metadata", shown(t, b.update("email|1", `{"user_metadata":{"b":2}}`), "user_metadata"), `{"user_metadata":{"a":1,"b":2}}`)
}
