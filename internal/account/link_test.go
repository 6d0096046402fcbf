package account_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/user"
)

var caller = account.Caller{Issuer: "https://t.example.com/", ClientID: "app"}

func (b *bench) tryLink(id string, in account.Link) (*account.Change, error) {
	return b.Link(b.t.Context(), b.tenant.ID, id, caller, in)
}

// link makes one user an identity of another.
func (b *bench) link(primary, secondary string) *user.User {
	b.t.Helper()
	c, err := b.tryLink(primary, account.Link{Provider: b.stored(secondary).Identities[0].Provider, UserID: secondary})
	must(b.t, err)
	must(b.t, b.commit(c))
	return b.stored(primary)
}

func (b *bench) unlink(id string, provider connection.Strategy, identity string) *user.User {
	b.t.Helper()
	c, err := b.Unlink(b.t.Context(), b.tenant.ID, id, provider, identity)
	must(b.t, err)
	must(b.t, b.commit(c))
	return b.stored(id)
}

func (b *bench) connectionID(name string) string {
	b.t.Helper()
	all, err := b.db.Connections(b.t.Context(), b.tenant.ID)
	must(b.t, err)
	return connection.Find(all, name).ID
}

func TestLink_Refuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	b.create(`{"connection":"sms","user_id":"2","phone_number":"+491511"}`)
	b.create(`{"connection":"db","user_id":"3","email":"a@example.com","password":"secret1"}`)
	b.link("email|1", "sms|2")
	const invalid = "invalid_body"
	for _, c := range []struct {
		why           string
		in            account.Link
		code, message string
	}{
		{"nothing named", account.Link{UserID: "3"}, invalid, "Payload validation error: 'Missing required property: provider'."},
		{"no user named", account.Link{Provider: "auth0"}, invalid, "Payload validation error: 'Missing required property: user_id'."},
		{"a provider without connections", account.Link{Provider: "twitter", UserID: "3"}, invalid, "The provider/connection is not configured."},
		{"an unknown connection", account.Link{Provider: "auth0", UserID: "3", ConnectionID: ident.ConnectionID()}, invalid, "The provider/connection is not configured."},
		{"a connection of another provider", account.Link{Provider: "auth0", UserID: "3", ConnectionID: b.connectionID("email")}, invalid, "The provider/connection is not configured."},
		{"another connection of the provider", account.Link{Provider: "auth0", UserID: "3", ConnectionID: b.connectionID("names")}, invalid, "Provided secondary account not found."},
		{"the user itself", account.Link{Provider: "email", UserID: "1"}, invalid, "Main identity and the new one are the same."},
		{"the user itself, in full", account.Link{Provider: "email", UserID: "email|1"}, invalid, "Main identity and the new one are the same."},
		{"nobody", account.Link{Provider: "auth0", UserID: "none"}, invalid, "Linking to an inexistent identity requires a connection."},
		{"nobody at a connection", account.Link{Provider: "auth0", UserID: "none", ConnectionID: b.connectionID("db")}, invalid, "Linking to an inexistent identity is not allowed."},
		{"a name and a proof", account.Link{Provider: "auth0", LinkWith: "x"}, invalid, "Payload validation error: 'Additional properties not allowed: link_with'."},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := b.tryLink("email|1", c.in)
			refused(t, err, apierr.Invalid, c.code, c.message)
		})
	}
	_, err := b.tryLink("email|1", account.Link{Provider: "sms", UserID: "2"})
	refused(t, err, apierr.Conflict, "identity_conflict", "Specified identity already exists.")
	if _, err := b.tryLink("email|none", account.Link{Provider: "auth0", UserID: "3"}); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("nobody to link to: %v", err)
	}
}

func TestLink_TheOtherAccountEndsAndItsLoginLeadsToTheFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com","email_verified":true,"user_metadata":{"kept":1}}`)
	second := b.create(`{"connection":"db","user_id":"2","email":"b@example.com","password":"secret1","given_name":"B","nickname":"bee","app_metadata":{"lost":1}}`)
	b.login(second)
	change, err := b.tryLink("email|1", account.Link{Provider: "auth0", UserID: "auth0|2", ConnectionID: b.connectionID("db")})
	must(t, err)
	profile := map[string]any{"email": "b@example.com", "email_verified": false, "given_name": "B", "nickname": "bee"}
	equal(t, "identities in the answer", change.User.ShownIdentities(), []any{
		map[string]any{"connection": "email", "provider": "email", "user_id": "1", "isSocial": false,
			"profileData": map[string]any{"email": "a@example.com", "email_verified": true}},
		map[string]any{"connection": "db", "provider": "auth0", "user_id": "2", "isSocial": false, "profileData": profile},
	})
	must(t, b.commit(change))
	b.gone("auth0|2")
	equal(t, "access of the account that ended", b.access("auth0|2"), "0 sessions, 0 tokens, 0 consents")
	for _, c := range [][2]string{{"email", "a@example.com"}, {"db", "b@example.com"}} {
		equal(t, "user of "+c[1], b.found(c[0], c[1]), "email|1")
	}
	u := b.stored("email|1")
	equal(t, "user", shown(t, u, "identities", "user_metadata", "app_metadata", "given_name"),
		`{"identities":[{"connection":"email","isSocial":false,"provider":"email","user_id":"1"},`+
			`{"connection":"db","isSocial":false,"profileData":{"email":"b@example.com","email_verified":false,"given_name":"B","nickname":"bee"},"provider":"auth0","user_id":"2"}],`+
			`"user_metadata":{"kept":1}}`)
	equal(t, "password of the identity", u.Identities[1].Password, second.Password)
	if !u.Verified("email", "a@example.com") || u.Verified("db", "b@example.com") {
		t.Error("an address is verified by that of another identity")
	}

	// What was linked to the other account comes along.
	b.create(`{"connection":"sms","user_id":"3","phone_number":"+491511"}`)
	b.link("sms|3", "email|1")
	for _, c := range [][2]string{{"email", "a@example.com"}, {"db", "b@example.com"}, {"sms", "+491511"}} {
		equal(t, "user of "+c[1], b.found(c[0], c[1]), "sms|3")
	}
}

func TestUnlink_MakesAnAccountOfTheIdentityAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	second := b.create(`{"connection":"db","user_id":"2","email":"b@example.com","password":"secret1","given_name":"B","email_verified":true,"user_metadata":{"lost":1}}`)
	b.link("email|1", "auth0|2")
	b.clock.Advance(time.Minute)
	_, err := b.Unlink(t.Context(), b.tenant.ID, "email|1", "email", "1")
	refused(t, err, apierr.Invalid, "invalid_body", "Main identity cannot be removed.")
	_, err = b.Unlink(t.Context(), b.tenant.ID, "email|1", "auth0", "none")
	refused(t, err, apierr.NotFound, "inexistent_identity", "The user does not have the specified identity.")
	if _, err := b.Unlink(t.Context(), b.tenant.ID, "email|none", "auth0", "2"); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("nobody to unlink from: %v", err)
	}
	u := b.unlink("email|1", "auth0", "2")
	equal(t, "identities left", len(u.Identities), 1)
	alone := b.stored("auth0|2")
	equal(t, "user", shown(t, alone, "email", "email_verified", "given_name", "name", "nickname", "user_metadata", "created_at", "identities"),
		`{"created_at":"2026-03-01T12:01:00.000Z","email":"b@example.com","email_verified":true,"given_name":"B",`+
			`"identities":[{"connection":"db","isSocial":false,"provider":"auth0","user_id":"2"}],`+
			`"name":"b@example.com","nickname":"b"}`)
	equal(t, "picture", alone.Picture, second.Picture)
	equal(t, "password", alone.Password, second.Password)
	equal(t, "user of the address", b.found("db", "b@example.com"), "auth0|2")
	b.link("email|1", "auth0|2") // and again
	b.gone("auth0|2")
}

func TestLink_OfAnAccountThatChangesMeanwhileIsDecidedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	b.create(`{"connection":"email","user_id":"2","email":"b@example.com"}`)
	decide := func() *account.Change {
		c, err := b.tryLink("email|1", account.Link{Provider: "email", UserID: "2"})
		must(t, err)
		return c
	}
	early := decide()
	b.update("email|2", `{"email":"c@example.com"}`)
	if err := b.commit(early); !errors.Is(err, user.ErrChanged) {
		t.Errorf("the other account has moved: %v", err)
	}
	early = decide()
	b.update("email|1", `{"name":"A"}`)
	if err := b.commit(early); !errors.Is(err, user.ErrChanged) {
		t.Errorf("the account has changed: %v", err)
	}
	equal(t, "user of the address", b.found("email", "c@example.com"), "email|2")
	early = decide()
	gone, err := b.Delete(t.Context(), b.tenant.ID, "email|2", by)
	must(t, err)
	must(t, b.commit(gone))
	if err := b.commit(early); !errors.Is(err, user.ErrChanged) {
		t.Errorf("the other account is gone: %v", err)
	}
	_, err = b.tryLink("email|1", account.Link{Provider: "email", UserID: "2"})
	refused(t, err, apierr.Invalid, "invalid_body", "Linking to an inexistent identity requires a connection.")
}

// Whoever is linked takes along what it was separated from.
func TestUnlink_IsRememberedOnBothSides(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	b.create(`{"connection":"sms","user_id":"2","phone_number":"+491511"}`)
	b.create(`{"connection":"email","user_id":"3","email":"c@example.com"}`)
	apart := func(id string) (list []string) {
		t.Helper()
		items, err := b.db.UserItems(t.Context(), b.tenant.ID, id, user.Undone)
		must(t, err)
		for _, i := range items {
			list = append(list, i.ID)
		}
		return list
	}
	b.link("email|1", "sms|2")
	equal(t, "apart from nobody", apart("email|1"), []string(nil))
	b.unlink("email|1", "sms", "2")
	equal(t, "apart from the first", apart("email|1"), []string{"sms +491511"})
	equal(t, "apart from the second", apart("sms|2"), []string{"email a@example.com"})
	b.link("email|3", "email|1")
	equal(t, "apart from the third", apart("email|3"), []string{"sms +491511"})
}

func TestUnlink_EndsWhatTheConnectionOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	b.create(`{"connection":"sms","user_id":"2","phone_number":"+491511"}`)
	b.link("email|1", "sms|2")
	b.loginVia("email|1", "email")
	b.loginVia("email|1", "sms")
	equal(t, "access before", b.access("email|1"), "2 sessions, 2 tokens, 1 consents")
	b.unlink("email|1", "sms", "2")
	equal(t, "access after", b.access("email|1"), "1 sessions, 1 tokens, 1 consents")
}

var tokenKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func sign(t *testing.T, alg jwt.Algorithm, key any, claims map[string]any) account.Token {
	t.Helper()
	s, err := jwt.NewSigner(alg, "k", key)
	must(t, err)
	token, err := s.Sign(jwt.TypeJWT, claims)
	must(t, err)
	return account.Token(token)
}

func TestLink_WithATokenThatProvesTheOtherAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keys = []jwt.Key{
		{ID: "k", Algorithm: jwt.RS256, Public: &tokenKey().PublicKey}, {ID: "k", Algorithm: jwt.PS256, Public: &tokenKey().PublicKey},
	}
	b.create(`{"connection":"email","user_id":"1","email":"a@example.com"}`)
	b.create(`{"connection":"sms","user_id":"2","phone_number":"+491511"}`)
	b.create(`{"connection":"sms","user_id":"3","phone_number":"+491512","blocked":true}`)
	claims := func(name string, value any) map[string]any {
		c := map[string]any{"iss": caller.Issuer, "sub": "sms|2", "aud": "app", "exp": begin.Add(time.Hour).Unix()}
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return maps.Clone(c)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	good := sign(t, jwt.RS256, tokenKey(), claims("nonce", "n"))
	for _, c := range []struct {
		why, message string
		token        account.Token
	}{
		{"no token", "Invalid token (link_with).", "x"},
		{"a cut token", "Invalid token (link_with).", good[:len(good)-9]},
		{"another's signature", "Invalid token (link_with).", sign(t, jwt.RS256, stranger, claims("", 1))},
		{"another algorithm", "JWT (link_with) must have an alg of RS256.", sign(t, jwt.HS256, []byte("01234567890123456789012345678901"), claims("", 1))},
		{"another algorithm of ours", "JWT (link_with) must have an alg of RS256.", sign(t, jwt.PS256, tokenKey(), claims("", 1))},
		{"an old token", "Invalid token (link_with).", sign(t, jwt.RS256, tokenKey(), claims("exp", begin.Unix()))},
		{"a token without an end", "Invalid token (link_with).", sign(t, jwt.RS256, tokenKey(), claims("exp", nil))},
		{"another issuer", "JWT (link_with) must have the same issuer as the calling user.", sign(t, jwt.RS256, tokenKey(), claims("iss", "https://x.example.com/"))},
		{"no subject", "JWT (link_with) must contains sub claim.", sign(t, jwt.RS256, tokenKey(), claims("sub", nil))},
		{"a subject that is no user", "JWT (link_with) contains an invalid sub claim.", sign(t, jwt.RS256, tokenKey(), claims("sub", "app@clients"))},
		{"a subject that is no text", "JWT (link_with) contains an invalid sub claim.", sign(t, jwt.RS256, tokenKey(), claims("sub", 1))},
		{"no audience", "JWT (link_with) contains an invalid aud claim.", sign(t, jwt.RS256, tokenKey(), claims("aud", nil))},
		{"an audience that is no text", "JWT (link_with) contains an invalid aud claim.", sign(t, jwt.RS256, tokenKey(), claims("aud", []any{1}))},
		{"another client's token", "JWT (link_with) must have an aud claim that matches that of the calling token's azp.", sign(t, jwt.RS256, tokenKey(), claims("aud", "other"))},
		{"an access token", "JWT (link_with) must have an aud claim that matches that of the calling token's azp.",
			sign(t, jwt.RS256, tokenKey(), claims("aud", []any{"https://api.example.com/", caller.Issuer + "userinfo"}))},
		{"nobody", "Provided secondary account not found.", sign(t, jwt.RS256, tokenKey(), claims("sub", "sms|none"))},
		{"the user itself", "Main identity and the new one are the same.", sign(t, jwt.RS256, tokenKey(), claims("sub", "email|1"))},
		{"somebody blocked", "Unable to link with the secondary account.", sign(t, jwt.RS256, tokenKey(), claims("sub", "sms|3"))},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := b.tryLink("email|1", account.Link{LinkWith: c.token})
			refused(t, err, apierr.Invalid, "invalid_body", c.message)
		})
	}
	change, err := b.tryLink("email|1", account.Link{LinkWith: good})
	must(t, err)
	must(t, b.commit(change))
	equal(t, "user of the number", b.found("sms", "+491511"), "email|1")
	_, err = b.tryLink("email|1", account.Link{LinkWith: good})
	refused(t, err, apierr.Conflict, "identity_conflict", "Specified identity already exists.")
}
