package account_test

import (
	"errors"
	"strings"
	"testing"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/user"
)

func TestCreate_Refuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct{ why, input, code, message string }{
		{"an unknown connection", `{"connection":"none","email":"a@example.com"}`,
			"inexistent_connection", "Connection does not exist."},
		{"a connection whose users are kept elsewhere", `{"connection":"social","email":"a@example.com"}`, "operation_not_supported",
			"Connection does not support user creation through the API. It must either be a database or passwordless connection."},
		{"a connection without clients", `{"connection":"off","email":"a@example.com","password":"secret1"}`,
			"connection_disabled", "Connection is disabled."},
		{"a database user without an address", `{"connection":"db","password":"secret1"}`,
			"invalid_body", "Payload validation error: 'Missing required property: email'."},
		{"a database user without a password", `{"connection":"db","email":"a@example.com"}`,
			"invalid_body", "Payload validation error: 'Missing required property: password'."},
		{"a name where there are none", `{"connection":"db","email":"a@example.com","password":"secret1","username":"ada"}`,
			"invalid_body", "Cannot set username for connection without requires_username."},
		{"a number where there are none", `{"connection":"db","email":"a@example.com","password":"secret1","phone_number":"+4915112345678"}`,
			"invalid_body", "Payload validation error: 'Additional properties not allowed: phone_number'."},
		{"no name where it is required", `{"connection":"names","email":"a@example.com","password":"x"}`,
			"invalid_body", "Payload validation error: 'Missing required property: username'."},
		{"a name that is too long", `{"connection":"names","email":"a@example.com","password":"x","username":"abcdefghijklmnop"}`,
			"invalid_body", "Payload validation error: 'String is too long (16 chars), maximum 15' on property username."},
		{"a name with a space", `{"connection":"names","email":"a@example.com","password":"x","username":"a b"}`,
			"invalid_body", "Payload validation error: 'Object didn't pass validation for format username: a b' on property username."},
		{"a name that is too short", `{"connection":"flex","username":"ab"}`,
			"invalid_body", "Payload validation error: 'String is too short (2 chars), minimum 3' on property username."},
		{"a name that is an address", `{"connection":"flex","username":"a@b.de"}`,
			"invalid_body", "Payload validation error: 'Object didn't pass validation for format username: a@b.de' on property username."},
		{"a name that is a number", `{"connection":"flex","username":"12345678"}`,
			"invalid_body", "Payload validation error: 'Object didn't pass validation for format username: 12345678' on property username."},
		{"nothing that finds the user", `{"connection":"flex","name":"Ada"}`,
			"invalid_body", "Payload validation error: 'Missing required property: email'."},
		{"an attribute that the profile requires", `{"connection":"strict","username":"ada","password":"Secret123!"}`,
			"invalid_body", "Payload validation error: 'Missing required property: email'."},
		{"an attribute that the connection has not", `{"connection":"strict","username":"ada","email":"a@example.com","phone_number":"+491","password":"Secret123!"}`,
			"invalid_body", "Payload validation error: 'Additional properties not allowed: phone_number'."},
		{"an address that is none", `{"connection":"email","email":"a@b@c"}`,
			"invalid_body", "Payload validation error: 'Object didn't pass validation for format email: a@b@c' on property email."},
		{"a number that is none", `{"connection":"sms","phone_number":"0151 1"}`,
			"invalid_body", `Payload validation error: 'String does not match pattern ^\+[0-9]{1,15}$' on property phone_number.`},
		{"a password and a name of a passwordless user", `{"connection":"email","email":"a@example.com","password":"x","username":"ada"}`,
			"invalid_body", "Payload validation error: 'Additional properties not allowed: password,username'."},
		{"a passwordless user without an address", `{"connection":"email"}`,
			"invalid_body", "Payload validation error: 'Missing required property: email'."},
		{"a passwordless user without a number", `{"connection":"sms","email":"a@example.com"}`,
			"invalid_body", "Payload validation error: 'Missing required property: phone_number'."},
		{"a weak password", `{"connection":"db","email":"a@example.com","password":"abc"}`,
			"password_strength", "PasswordStrengthError: Password is too weak"},
		{"metadata under a reserved name", `{"connection":"email","email":"a@example.com","app_metadata":{"loginsCount":1}}`,
			"invalid_body", "Payload validation error: 'Additional properties not allowed: loginsCount' on property app_metadata."},
		{"metadata that is too large", `{"connection":"email","email":"a@example.com","user_metadata":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`,
			"invalid_body", "Payload validation error: 'Object is too large (1048584 bytes), maximum 1048576' on property user_metadata."},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := b.tryCreate(c.input)
			refused(t, err, apierr.Invalid, c.code, c.message)
		})
	}
}

func TestCreate_FillsInWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct{ input, want string }{
		{`{"connection":"db","email":"Ada.L@Example.com","password":"secret1","user_id":"1"}`,
			`{"email":"ada.l@example.com","email_verified":false,"identities":[{"connection":"db","isSocial":false,"provider":"auth0","user_id":"1"}],` +
				`"name":"ada.l@example.com","nickname":"ada.l","user_id":"auth0|1"}`},
		{`{"connection":"names","email":"b@example.com","password":"x","username":"Bob-1","user_id":"2","email_verified":true,"blocked":false,"name":"Bob","nickname":"bobby"}`,
			`{"blocked":false,"email":"b@example.com","email_verified":true,"identities":[{"connection":"names","isSocial":false,"provider":"auth0","user_id":"2"}],` +
				`"name":"Bob","nickname":"bobby","user_id":"auth0|2","username":"bob-1"}`},
		{`{"connection":"flex","username":"carl","user_id":"3"}`,
			`{"identities":[{"connection":"flex","isSocial":false,"provider":"auth0","user_id":"3"}],"name":"carl","nickname":"carl","user_id":"auth0|3","username":"carl"}`},
		{`{"connection":"flex","phone_number":"+491511","phone_verified":true,"email_verified":true,"user_id":"4"}`,
			`{"identities":[{"connection":"flex","isSocial":false,"provider":"auth0","user_id":"4"}],"name":"+491511","phone_number":"+491511","phone_verified":true,"user_id":"auth0|4"}`},
		{`{"connection":"sms","phone_number":"+491512","user_id":"5","blocked":true}`,
			`{"blocked":true,"identities":[{"connection":"sms","isSocial":false,"provider":"sms","user_id":"5"}],"name":"+491512","phone_number":"+491512","phone_verified":false,"user_id":"sms|5"}`},
		{`{"connection":"email","email":"e@example.com","user_id":"6","user_metadata":{},"app_metadata":{"a":{"b":[1]}},"given_name":"E"}`,
			`{"app_metadata":{"a":{"b":[1]}},"email":"e@example.com","email_verified":false,"given_name":"E","identities":[{"connection":"email","isSocial":false,"provider":"email","user_id":"6"}],` +
				`"name":"e@example.com","nickname":"e","user_id":"email|6","user_metadata":{}}`},
	} {
		u := b.create(c.input)
		equal(t, c.input, shown(t, u, "user_id", "email", "email_verified", "phone_number", "phone_verified", "username", "name",
			"nickname", "given_name", "blocked", "identities", "user_metadata", "app_metadata", "last_login", "logins_count"), c.want)
		if !strings.HasPrefix(u.Picture, "https://s.gravatar.com/avatar/") {
			t.Errorf("the picture of %s is %q", u.ID, u.Picture)
		}
		if got := u.Shown()["created_at"]; got != "2026-03-01T12:00:00.000Z" || u.Shown()["updated_at"] != got {
			t.Errorf("%s was created at %v", u.ID, got)
		}
	}
	for _, c := range [][3]string{
		{"db", "ada.l@example.com", "auth0|1"}, {"names", "b@example.com", "auth0|2"}, {"names", "bob-1", "auth0|2"},
		{"flex", "carl", "auth0|3"}, {"flex", "+491511", "auth0|4"}, {"sms", "+491512", "sms|5"}, {"email", "e@example.com", "email|6"},
	} {
		equal(t, "the user of "+c[1], b.found(c[0], c[1]), c[2])
	}
}

func TestCreate_TakesEveryWayOfSayingAPassword(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	typed := b.create(`{"connection":"db","email":"a@example.com","password":"secret1"}`)
	if ok, err := hasher.Verify(t.Context(), typed.Password, "secret1"); err != nil || !ok {
		t.Errorf("the password does not verify: %v %v", ok, err)
	}
	change, err := b.Create(t.Context(), b.tenant.ID, account.Create{Connection: "db", Email: "b@example.com", PasswordHash: "$2b$10$x"})
	must(t, err)
	must(t, b.commit(change))
	equal(t, "imported hash", b.stored(change.User.ID).Password, user.Password("$2b$10$x"))
	equal(t, "password of who has none", b.create(`{"connection":"flex","username":"carl"}`).Password, user.Password(""))
}

func TestCreate_APasswordlessAddressGetsTheIDItsLoginWouldHaveMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	reserved := func(deletions int) string {
		return "email|" + user.ReservedID(b.seal, b.tenant.ID, "email", "a@example.com", deletions)
	}
	first := b.create(`{"connection":"email","email":"A@example.com"}`)
	equal(t, "first id", first.ID, reserved(0))
	// Whoever moves away keeps the id, and who comes next gets another.
	b.update(first.ID, `{"email":"b@example.com"}`)
	second := b.create(`{"connection":"email","email":"a@example.com"}`)
	equal(t, "second id", second.ID, reserved(1))
	gone, err := b.Delete(t.Context(), b.tenant.ID, second.ID, by)
	must(t, err)
	must(t, b.commit(gone))
	equal(t, "third id", b.create(`{"connection":"email","email":"a@example.com"}`).ID, reserved(2))
}

func TestCreate_WhatIsTakenIsAConflict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"names","email":"a@example.com","password":"x","username":"ada","user_id":"1"}`)
	for _, input := range []string{
		`{"connection":"names","email":"A@example.com","password":"x","username":"other"}`,
		`{"connection":"names","email":"other@example.com","password":"x","username":"ADA"}`,
		`{"connection":"names","email":"ada@example.com","password":"x","username":"a@example.com"}`,
	} {
		if _, err := b.tryCreate(input); !errors.Is(err, user.ErrExists) {
			t.Errorf("%s: %v", input, err)
		}
	}
	sameID, err := b.tryCreate(`{"connection":"db","email":"x@example.com","password":"secret1","user_id":"1"}`)
	must(t, err)
	if err := b.commit(sameID); !errors.Is(err, user.ErrExists) {
		t.Errorf("the same id: %v", err)
	}
	// Two who decide at the same time.
	one, err := b.tryCreate(`{"connection":"email","email":"both@example.com"}`)
	must(t, err)
	two, err := b.tryCreate(`{"connection":"email","email":"both@example.com"}`)
	must(t, err)
	must(t, b.commit(one))
	if err := b.commit(two); !errors.Is(err, user.ErrExists) {
		t.Errorf("the later of two: %v", err)
	}
	// The same address at another connection is somebody else.
	b.create(`{"connection":"db","email":"a@example.com","password":"secret1"}`)
	// An address that finds nobody and need not be unique is shared.
	b.create(`{"connection":"strict","email":"s@example.com","username":"sam","password":"Secret123!"}`)
	b.create(`{"connection":"strict","email":"s@example.com","username":"sue","password":"Secret123!"}`)
	equal(t, "user of a shared address", b.found("strict", "s@example.com"), "")
}

func TestCreate_TellsWhoIsDueAMail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for input, want := range map[string]bool{
		`{"connection":"db","email":"a@example.com","password":"secret1"}`:                                           true,
		`{"connection":"db","email":"a@example.com","password":"secret1","verify_email":false}`:                      false,
		`{"connection":"db","email":"a@example.com","password":"secret1","email_verified":true}`:                     false,
		`{"connection":"db","email":"a@example.com","password":"secret1","email_verified":true,"verify_email":true}`: true,
		`{"connection":"flex","username":"ada"}`:                                                                     false,
		`{"connection":"email","email":"a@example.com"}`:                                                             false,
		`{"connection":"email","email":"a@example.com","verify_email":true}`:                                         false,
		`{"connection":"sms","phone_number":"+491511"}`:                                                              false,
	} {
		c, err := b.tryCreate(input)
		must(t, err)
		if c.VerifyEmail != want || c.VerifyPhone {
			t.Errorf("%s: mail %v, message %v, want mail %v", input, c.VerifyEmail, c.VerifyPhone, want)
		}
	}
}
