package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/password"
	"latchkey/internal/seal"
	"latchkey/internal/session"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// bench is the accounts of one tenant over a database of their own.
type bench struct {
	*account.Accounts
	t        *testing.T
	db       *store.DB
	tenant   *tenant.Tenant
	clock    *clock.Fake
	seal     *seal.Keyset
	sessions *session.Sessions
	grants   *grant.Grants
	keys     []jwt.Key
}

// Verifiers implements account.Keys.
func (b *bench) Verifiers(context.Context, string) ([]jwt.Key, error) { return b.keys, nil }

var (
	begin  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	by     = account.By{ClientID: "mgmt", ClientName: "Scripts"}
	hasher = password.New(0)
)

// The connections of every bench, by name. "off" has no client; "social" is of a kind whose users we do not keep.
const connectionsJSON = `{
	"db": {"strategy": "auth0", "options": {"passwordPolicy": "low", "password_history": {"enable": true, "size": 2}}},
	"names": {"strategy": "auth0", "options": {"passwordPolicy": "none", "requires_username": true}},
	"own": {"strategy": "auth0", "options": {"enabledDatabaseCustomization": true}},
	"off": {"strategy": "auth0"},
	"flex": {"strategy": "auth0", "options": {"passwordPolicy": "none",
		"authentication_methods": {"password": {"enabled": true, "api_behavior": "optional"}},
		"attributes": {
			"email": {"identifier": {"active": true}},
			"phone_number": {"identifier": {"active": true}},
			"username": {"identifier": {"active": true}, "validation": {"min_length": 3, "max_length": 8}}}}},
	"strict": {"strategy": "auth0", "options": {"attributes": {
		"email": {"identifier": {"active": false}, "profile_required": true, "unique": false},
		"username": {"identifier": {"active": true}, "profile_required": true}}}},
	"email": {"strategy": "email"},
	"sms": {"strategy": "sms"},
	"social": {"strategy": "google-oauth2"}
}`

func newBench(t *testing.T) *bench {
	t.Helper()
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	keys, err := seal.NewKeyset()
	must(t, err)
	b := &bench{t: t, db: db, clock: clock.NewFake(begin), seal: keys}
	id := ident.Hex(8)
	b.tenant = &tenant.Tenant{ID: id, Name: id, Domain: tenant.Domain{Host: id + ".example.com", Issuer: "https://" + id + ".example.com/"}, CreatedAt: begin}
	must(t, db.CreateTenant(t.Context(), b.tenant))
	var all map[string]struct {
		Strategy connection.Strategy
		Options  connection.Options
	}
	must(t, json.Unmarshal([]byte(connectionsJSON), &all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := &connection.Connection{ID: ident.ConnectionID(), Name: name, Strategy: all[name].Strategy, Options: all[name].Options, CreatedAt: begin}
		if name != "off" {
			c.EnabledClients = []string{"app"}
		}
		must(t, db.CreateConnection(t.Context(), id, c))
	}
	b.sessions, b.grants = session.New(db, keys, b.clock), grant.New(db, keys, b.clock)
	b.Accounts = account.New(account.Config{
		Tx: db, Users: db, Connections: db, Sessions: b.sessions, Grants: b.grants, Passwords: hasher, Keys: b,
		Log: eventlog.New(db, b.clock, 1), Seal: keys, Clock: b.clock,
	})
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}

// refused checks the sentence and code of a refusal.
func refused(t *testing.T, err error, kind apierr.Kind, code, message string) {
	t.Helper()
	e := apierr.As(err)
	if e == nil {
		t.Errorf("nothing was refused, want %s", message)
		return
	}
	if got, want := fmt.Sprint(e.Kind, " ", e.Code, " ", e.Message), fmt.Sprint(kind, " ", code, " ", message); got != want {
		t.Errorf("refused with\n%s, want\n%s", got, want)
	}
}

// commit writes a change as the edge does.
func (b *bench) commit(c *account.Change) error {
	return b.db.InTx(b.t.Context(), func(ctx context.Context) error { return c.Commit(ctx) })
}

func read[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	must(t, json.Unmarshal([]byte(text), &v))
	return v
}

func (b *bench) tryCreate(text string) (*account.Change, error) {
	return b.Create(b.t.Context(), b.tenant.ID, read[account.Create](b.t, text))
}

// create makes a user.
func (b *bench) create(text string) *user.User {
	b.t.Helper()
	c, err := b.tryCreate(text)
	must(b.t, err)
	must(b.t, b.commit(c))
	return b.stored(c.User.ID)
}

func (b *bench) stored(id string) *user.User {
	b.t.Helper()
	u, err := b.db.User(b.t.Context(), b.tenant.ID, id)
	must(b.t, err)
	return u
}

func (b *bench) gone(id string) {
	b.t.Helper()
	if _, err := b.db.User(b.t.Context(), b.tenant.ID, id); !errors.Is(err, user.ErrNotFound) {
		b.t.Errorf("%s is still there: %v", id, err)
	}
}

func (b *bench) tryUpdate(id, text string) (*account.Change, error) {
	return b.Update(b.t.Context(), b.tenant.ID, id, by, read[account.Update](b.t, text))
}

// update changes a user.
func (b *bench) update(id, text string) *user.User {
	b.t.Helper()
	c, err := b.tryUpdate(id, text)
	must(b.t, err)
	must(b.t, b.commit(c))
	return b.stored(id)
}

// found gives the id of the user of an identifier, or nothing.
func (b *bench) found(connection, identifier string) string {
	b.t.Helper()
	u, _, err := b.db.Find(b.t.Context(), b.tenant.ID, connection, identifier)
	must(b.t, err)
	if u == nil {
		return ""
	}
	return u.ID
}

// shown gives some members of a user as the API shows them, as JSON.
func shown(t *testing.T, u *user.User, members ...string) string {
	t.Helper()
	all, some := u.Shown(), map[string]any{}
	for _, m := range members {
		if v, there := all[m]; there {
			some[m] = v
		}
	}
	text, err := json.Marshal(some)
	must(t, err)
	return string(text)
}

// login opens a session with a refresh token and a consent.
func (b *bench) login(u *user.User) (sid string) {
	b.t.Helper()
	return b.loginVia(u.ID, u.Identities[0].Connection)
}

// loginVia is login through a connection.
func (b *bench) loginVia(userID, connection string) (sid string) {
	b.t.Helper()
	ctx, id := b.t.Context(), b.tenant.ID
	s, secret := b.sessions.Prepare(b.tenant, userID, connection, nil, "192.0.2.1", "test")
	must(b.t, b.sessions.Save(ctx, id, s, secret))
	r := b.grants.FirstToken(&client.Client{ID: "app"}, "", grant.RefreshToken{UserID: userID, SessionID: s.ID, Connection: connection})
	must(b.t, b.grants.SaveToken(ctx, id, b.grants.NewToken(), r))
	code := &grant.Code{ClientID: "app", UserID: userID, SessionID: s.ID, Connection: connection}
	must(b.t, b.grants.SaveCode(ctx, id, b.grants.NewCode(code, time.Minute), code))
	must(b.t, b.grants.SaveConsent(ctx, id, &grant.Consent{UserID: userID, ClientID: "app", Audience: "api", Scope: []string{"read"}}))
	return s.ID
}

// access counts the living sessions, refresh tokens and consents of a user.
func (b *bench) access(userID string) string {
	b.t.Helper()
	ctx := b.t.Context()
	sessions, _, err := b.sessions.List(ctx, b.tenant, userID, "", 50)
	must(b.t, err)
	families, _, err := b.grants.Families(ctx, b.tenant.ID, grant.FamilyFilter{UserID: userID}, "", 50)
	must(b.t, err)
	consents, _, err := b.grants.Consents(ctx, b.tenant.ID, grant.ConsentFilter{UserID: userID}, 0, 50)
	must(b.t, err)
	return fmt.Sprintf("%d sessions, %d tokens, %d consents", len(sessions), len(families), len(consents))
}

// events gives the types of the log's events about a user, the first first.
func (b *bench) events(userID string) string {
	b.t.Helper()
	all, err := b.db.Events(b.t.Context(), b.tenant.ID, eventlog.Criteria{UserID: userID}, 50)
	must(b.t, err)
	var types []string
	for _, e := range slices.Backward(all) {
		if e.ClientID != by.ClientID {
			b.t.Errorf("the event %s was made by %q", e.Type, e.ClientID)
		}
		types = append(types, string(e.Type))
	}
	return strings.Join(types, " ")
}
