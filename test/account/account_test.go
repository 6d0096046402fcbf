// Package account_test watches from outside how a changed user logs in: made by an administrator, linked, unlinked, moved,
// blocked and deleted, over each database.
package account_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/internal/account"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/password"
	"latchkey/internal/session"
	"latchkey/internal/user"
	"latchkey/test/servertest"
)

// bench is a server whose users an administrator changes. It has a second connection for codes by mail, "mail".
type bench struct {
	*servertest.Server
	*account.Accounts
	t *testing.T
}

var by = account.By{ClientID: "admin", ClientName: "Admin"}

func each(t *testing.T, test func(b *bench)) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		s.AddConnection(&connection.Connection{Name: "mail", Strategy: connection.Email}, s.Web, s.SPA, s.Native)
		d := s.Database
		test(&bench{Server: s, t: t, Accounts: account.New(account.Config{
			Tx: d.Store, Users: d.Store, Connections: d.Store, Sessions: session.New(d.Store, d.Keyset, d.Clock),
			Grants: grant.New(d.Store, d.Keyset, d.Clock), Passwords: password.New(0), Keys: d.Keys,
			Log: eventlog.New(d.Store, d.Clock, 7), Seal: d.Keyset, Clock: d.Clock,
		})})
	})
}

// commit writes a decided change.
func (b *bench) commit(c *account.Change, err error) *user.User {
	b.t.Helper()
	if err == nil {
		err = b.Database.Store.InTx(b.t.Context(), func(ctx context.Context) error { return c.Commit(ctx) })
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return c.User
}

func (b *bench) create(in account.Create) *user.User {
	b.t.Helper()
	return b.commit(b.Create(b.t.Context(), b.Server.Tenant.ID, in))
}

func (b *bench) update(id string, in account.Update) {
	b.t.Helper()
	b.commit(b.Update(b.t.Context(), b.Server.Tenant.ID, id, by, in))
}

func (b *bench) link(id string, in account.Link, c account.Caller) {
	b.t.Helper()
	b.commit(b.Link(b.t.Context(), b.Server.Tenant.ID, id, c, in))
}

func (b *bench) stored(id string) *user.User {
	b.t.Helper()
	u, err := b.Database.Store.User(b.t.Context(), b.Server.Tenant.ID, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

// start asks for a code at a connection and gives the id that the answer names.
func (b *bench) start(connection, email string) string {
	b.t.Helper()
	a := b.Browser(b.t).PostJSON("/passwordless/start", map[string]any{
		"client_id": b.Native.ID, "connection": connection, "email": email, "send": "code",
	})
	if a.Status != 200 {
		b.t.Fatalf("the start for %s answered %d: %s", email, a.Status, a.Body)
	}
	return a.JSON(b.t)["_id"].(string)
}

// login logs in with a code through a connection.
func (b *bench) login(connection, email string) servertest.Tokens {
	b.t.Helper()
	b.start(connection, email)
	return b.Browser(b.t).MustToken(b.form(connection, email))
}

func (b *bench) form(connection, email string) url.Values {
	form := b.OTPForm(email, b.Code(b.t, email))
	form.Set("realm", connection)
	form.Set("scope", "openid profile email offline_access")
	return form
}

// who gives who logged in, and what is said of the address.
func (b *bench) who(tokens servertest.Tokens) (sub string, email, verified any) {
	b.t.Helper()
	claims := servertest.Claims(b.t, tokens.IDToken)
	return claims["sub"].(string), claims["email"], claims["email_verified"]
}

func (b *bench) wantLogin(connection, email, id string) servertest.Tokens {
	b.t.Helper()
	tokens := b.login(connection, email)
	if sub, _, _ := b.who(tokens); sub != id {
		b.t.Errorf("a login with %s is %s, want %s", email, sub, id)
	}
	return tokens
}

// refresh tells whether a refresh token still works.
func (b *bench) refreshes(token string) bool {
	b.t.Helper()
	return b.Browser(b.t).Token(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {b.Native.ID}, "refresh_token": {token},
	}).Status == 200
}

func TestCreate_WhoWasMadeByTheAPILogsInWithACode(t *testing.T) {
	each(t, func(b *bench) {
		reserved := b.start("email", "ada@example.com")
		b.Code(b.t, "ada@example.com")
		made := b.create(account.Create{Connection: "email", Email: "Ada@Example.com"})
		if made.ID != "email|"+reserved {
			b.t.Errorf("the user is %s, the start had promised %s", made.ID, reserved)
		}
		if got := b.start("email", "ada@example.com"); got != reserved {
			b.t.Errorf("the start now names %s", got)
		}
		sub, _, verified := b.who(b.Browser(b.t).MustToken(b.form("email", "ada@example.com")))
		if sub != made.ID || verified != true {
			b.t.Errorf("the login is %s, verified %v", sub, verified)
		}
		if got := b.EventTypes(b.t); !strings.HasSuffix(got, "cls sv s") || strings.Contains(got, "ss") {
			b.t.Errorf("the log has %s", got)
		}
		// An id of the caller's choice, and a connection where nobody may sign up.
		b.ChangeConnection("mail", func(c *connection.Connection) { c.Options.DisableSignup = true })
		chosen := b.create(account.Create{Connection: "mail", Email: "bob@example.com", UserID: "bob", EmailVerified: true})
		b.wantLogin("mail", "bob@example.com", chosen.ID)
	})
}

func TestLink_ALoginThroughEitherIdentityIsTheSameUser(t *testing.T) {
	each(t, func(b *bench) {
		first, _, _ := b.who(b.login("email", "ada@example.com"))
		ended := b.login("mail", "ada@work.example")
		second, _, _ := b.who(ended)
		b.link(first, account.Link{Provider: connection.Email, UserID: second}, account.Caller{})
		if b.refreshes(ended.RefreshToken) {
			b.t.Error("a token of the account that ended still works")
		}
		b.wantLogin("email", "ada@example.com", first)
		tokens := b.wantLogin("mail", "ada@work.example", first)
		if _, email, _ := b.who(tokens); email != "ada@example.com" {
			b.t.Errorf("the user's address is %v", email)
		}
		if !b.refreshes(tokens.RefreshToken) {
			b.t.Error("a token of a login through the linked identity does not work")
		}
		if n := b.stored(first).LoginsCount; n != 3 {
			b.t.Errorf("the user has %d logins, want 3", n)
		}

		b.commit(b.Unlink(b.t.Context(), b.Server.Tenant.ID, first, connection.Email, strings.TrimPrefix(second, "email|")))
		b.wantLogin("mail", "ada@work.example", second)
		b.wantLogin("email", "ada@example.com", first)
	})
}

func TestLink_WithTheIDTokenOfTheOtherAccount(t *testing.T) {
	each(t, func(b *bench) {
		first, _, _ := b.who(b.login("email", "ada@example.com"))
		tokens := b.login("mail", "ada@work.example")
		caller := account.Caller{Issuer: b.Issuer, ClientID: b.Native.ID}
		if _, err := b.Link(b.t.Context(), b.Server.Tenant.ID, first, caller, account.Link{LinkWith: account.Token(tokens.AccessToken)}); err == nil {
			b.t.Error("an access token was taken for an ID token")
		}
		b.link(first, account.Link{LinkWith: account.Token(tokens.IDToken)}, caller)
		b.wantLogin("mail", "ada@work.example", first)
	})
}

// A proof of a linked address once would have marked the account's own as verified, and ended its sessions.
func TestLink_AProofOfOneAddressVerifiesNoOther(t *testing.T) {
	each(t, func(b *bench) {
		main := b.create(account.Create{Connection: "email", Email: "ada@example.com"})
		linked := b.create(account.Create{Connection: "mail", Email: "ada@work.example"})
		b.link(main.ID, account.Link{Provider: connection.Email, UserID: linked.ID}, account.Caller{})
		first := b.wantLogin("mail", "ada@work.example", main.ID)
		if _, _, verified := b.who(first); verified != false {
			b.t.Errorf("the account's own address is verified: %v", verified)
		}
		u := b.stored(main.ID)
		if !u.Verified("mail", "ada@work.example") || u.Verified("email", "ada@example.com") {
			b.t.Errorf("verified are %v and %v", u.Identities[1].ProfileData, u.EmailVerified)
		}
		if got := strings.Count(b.EventTypes(b.t), "sv"); got != 1 {
			b.t.Errorf("the log tells of %d verifications", got)
		}
		b.wantLogin("mail", "ada@work.example", main.ID)
		if got := strings.Count(b.EventTypes(b.t), "sv"); got != 1 {
			b.t.Errorf("after another login the log tells of %d verifications", got)
		}
		if !b.refreshes(first.RefreshToken) {
			b.t.Error("a login through the linked identity ended another")
		}
		// The owner of the account's own address closes what was open before.
		again := b.wantLogin("mail", "ada@work.example", main.ID)
		if _, _, verified := b.who(b.wantLogin("email", "ada@example.com", main.ID)); verified != true {
			b.t.Error("the account's own address is not verified by its owner")
		}
		if b.refreshes(again.RefreshToken) {
			b.t.Error("older ways in stay open")
		}
	})
}

// Whoever links two accounts both ways at once, or one account to several, ends with one user of each address.
func TestLink_OfManyAtOnceOneWins(t *testing.T) {
	each(t, func(b *bench) {
		ids := []string{}
		for i := range 4 {
			ids = append(ids, b.create(account.Create{Connection: "email", Email: fmt.Sprintf("user%d@example.com", i)}).ID)
		}
		var all []*account.Change
		for _, to := range ids[1:] {
			for _, pair := range [][2]string{{to, ids[0]}, {ids[0], to}} {
				c, err := b.Link(b.t.Context(), b.Server.Tenant.ID, pair[0], account.Caller{}, account.Link{Provider: connection.Email, UserID: pair[1]})
				if err != nil {
					b.t.Fatal(err)
				}
				all = append(all, c)
			}
		}
		var won atomic.Int32
		var wait sync.WaitGroup
		for _, c := range all {
			wait.Go(func() {
				err := b.Database.Store.InTx(b.t.Context(), func(ctx context.Context) error { return c.Commit(ctx) })
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, user.ErrChanged) && !errors.Is(err, user.ErrNotFound) {
					b.t.Errorf("a link that lost: %v", err)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			b.t.Errorf("%d of %d links were made, want 1", won.Load(), len(all))
		}
		identities := 0
		for i, id := range ids {
			u, _, err := b.Database.Store.Find(b.t.Context(), b.Server.Tenant.ID, "email", fmt.Sprintf("user%d@example.com", i))
			if err != nil || u == nil {
				b.t.Fatalf("nobody has the address of %s: %v", id, err)
			}
			if u.ID == id {
				identities += len(u.Identities)
			}
		}
		if identities != len(ids) {
			b.t.Errorf("there are %d identities, want %d", identities, len(ids))
		}
	})
}

func TestUpdate_TheOldAddressIsNobodysAndTheNewOneLogsIn(t *testing.T) {
	each(t, func(b *bench) {
		id, _, _ := b.who(b.login("email", "old@example.com"))
		b.start("email", "old@example.com") // a code that is still good
		b.update(id, account.Update{Email: account.To("new@example.com")})
		b.wantLogin("email", "new@example.com", id)
		stranger, _, _ := b.who(b.Browser(b.t).MustToken(b.form("email", "old@example.com")))
		if stranger == id {
			b.t.Error("a code for the old address opens the account")
		}
		if u := b.stored(id); u.Email != "new@example.com" || !u.EmailVerified {
			b.t.Errorf("the user has %s, verified %v", u.Email, u.EmailVerified)
		}
	})
}

func TestUpdate_ABlockLastsUntilItIsLifted(t *testing.T) {
	each(t, func(b *bench) {
		tokens := b.login("email", "ada@example.com")
		id, _, _ := b.who(tokens)
		blocked, free := true, false
		b.update(id, account.Update{Blocked: &blocked})
		if b.refreshes(tokens.RefreshToken) {
			b.t.Error("a blocked user refreshes")
		}
		b.update(id, account.Update{Blocked: &free})
		if !b.refreshes(tokens.RefreshToken) {
			b.t.Error("the token did not outlive the block")
		}
	})
}

func TestDelete_EndsTokensAndGivesTheAddressBack(t *testing.T) {
	each(t, func(b *bench) {
		tokens := b.login("email", "ada@example.com")
		id, _, _ := b.who(tokens)
		browser := b.Browser(b.t)
		browser.LoginCode(b.Web, "ada@example.com")
		b.commit(b.Delete(b.t.Context(), b.Server.Tenant.ID, id, by))
		if b.refreshes(tokens.RefreshToken) {
			b.t.Error("a token of a deleted user works")
		}
		if location := browser.Get(b.AuthorizeURL(b.Web)).Location(b.t); !strings.HasPrefix(location.Path, "/u/") {
			b.t.Errorf("a session of a deleted user answers: %s", location)
		}
		if again, _, _ := b.who(b.login("email", "ada@example.com")); again == id {
			b.t.Error("the next user of the address has the id of the one before")
		}
	})
}
