package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/key"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
	"latchkey/internal/store"
	"latchkey/internal/tenant"
)

var tenants = []promise{
	{"ATenantComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx := t.Context()
		yes := true
		want := &tenant.Tenant{
			ID: ident.ObjectID(), Name: "acme-" + ident.Hex(4), CreatedAt: at(1),
			Settings: tenant.Settings{
				FriendlyName: "Acme – Größe", EnabledLocales: []string{"de", "ja"}, PushedAuthorizationRequests: &yes,
				Latchkey: &tenant.Extensions{RequirePKCE: true},
			},
			ConfigVersion: 1,
		}
		want.Domain = tenant.Domain{Host: want.ID + ".example:8443", Issuer: "https://" + want.ID + ".example:8443/"}
		ok(t, s.db.CreateTenant(ctx, want))
		got, err := s.db.Tenant(ctx, want.ID)
		ok(t, err)
		equal(t, "tenant", got, want)
		site, err := s.db.Site(ctx, want.Domain.Host)
		ok(t, err)
		equal(t, "site", site, tenant.Site{Tenant: want, Domain: want.Domain})
	}},
	{"UnknownHostsAndTenantsAreNotFound", func(t *testing.T, s *suite) {
		ctx := t.Context()
		id := s.tenant(t)
		for _, host := range []string{"", "nobody.example", id, id + ".example:443", id + ".EXAMPLE", "%"} {
			_, err := s.db.Site(ctx, host)
			is(t, err, tenant.ErrNotFound)
		}
		_, err := s.db.Tenant(ctx, "nobody")
		is(t, err, tenant.ErrNotFound)
		is(t, s.db.AddDomain(ctx, "nobody", tenant.Domain{Host: "nobody.example"}), tenant.ErrNotFound)
		_, err = s.db.Connections(ctx, "nobody")
		is(t, err, tenant.ErrNotFound)
		is(t, s.db.CreateClient(ctx, "nobody", &client.Client{ID: "c"}), tenant.ErrNotFound)
	}},
	{"ATakenNameOrHostIsRefused", func(t *testing.T, s *suite) {
		ctx := t.Context()
		id := s.tenant(t)
		old, err := s.db.Tenant(ctx, id)
		ok(t, err)
		fresh := func() *tenant.Tenant {
			n := ident.ObjectID()
			return &tenant.Tenant{ID: n, Name: n, Domain: tenant.Domain{Host: n + ".example", Issuer: "https://" + n + ".example/"}}
		}
		sameName, sameHost := fresh(), fresh()
		sameName.Name, sameHost.Domain = old.Name, old.Domain
		is(t, s.db.CreateTenant(ctx, sameName), tenant.ErrExists)
		is(t, s.db.CreateTenant(ctx, sameHost), tenant.ErrExists)
		for _, refused := range []*tenant.Tenant{sameName, sameHost} {
			_, err := s.db.Tenant(ctx, refused.ID)
			is(t, err, tenant.ErrNotFound)
		}
		is(t, s.db.AddDomain(ctx, s.tenant(t), old.Domain), tenant.ErrExists)
	}},
	{"ATenantAnswersOnMoreDomains", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		host := "login." + id + ".test"
		for _, issuer := range []string{"https://one.test/", "https://two.test/"} {
			ok(t, s.db.AddDomain(ctx, id, tenant.Domain{Host: host, Issuer: issuer}))
			site, err := s.db.Site(ctx, host)
			ok(t, err)
			equal(t, "domain", site.Domain, tenant.Domain{Host: host, Issuer: issuer})
			equal(t, "canonical host", site.Tenant.Domain.Host, id+".example")
		}
		ok(t, s.db.AddDomain(ctx, id, tenant.Domain{Host: id + ".example", Issuer: "http://changed.test/"}))
		got, err := s.db.Tenant(ctx, id)
		ok(t, err)
		equal(t, "canonical issuer", got.Domain.Issuer, "http://changed.test/")
	}},
	{"TenantsAreListedByName", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx := t.Context()
		for _, name := range []string{"b", "a-b", "B", "a", "ä", "ab"} {
			ok(t, db.CreateTenant(ctx, &tenant.Tenant{ID: name, Name: name, Domain: tenant.Domain{Host: name}}))
		}
		all, err := db.Tenants(ctx)
		ok(t, err)
		var names []string
		for _, one := range all {
			names = append(names, one.Name)
		}
		equal(t, "names", names, []string{"B", "a", "a-b", "ab", "b", "ä"}) // by bytes
	}},
	{"SettingsAreReplaced", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, replaceSettings(ctx, s.db, id, tenant.Settings{FriendlyName: "One", SupportEmail: "a@b"}))
		ok(t, replaceSettings(ctx, s.db, id, tenant.Settings{FriendlyName: "Two"}))
		got, err := s.db.Tenant(ctx, id)
		ok(t, err)
		equal(t, "settings", got.Settings, tenant.Settings{FriendlyName: "Two"})
	}},
}

func replaceSettings(ctx context.Context, db *store.DB, tenantID string, settings tenant.Settings) error {
	return Replace(ctx, db, tenantID, resource.Settings, resource.TenantSettings, settings, nil)
}

var connections = []promise{
	{"ConnectionsAreListedInTheOrderOfTheirCreation", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		var want []*connection.Connection
		for _, name := range []string{"z", "a", "m"} {
			c := &connection.Connection{
				ID: ident.ConnectionID(), Name: name, Strategy: connection.Email, EnabledClients: []string{"one", "two"},
				Options: connection.Options{DisableSignup: name == "a"}, CreatedAt: at(0), // all in one millisecond
			}
			ok(t, s.db.CreateConnection(ctx, id, c))
			want = append(want, c)
		}
		got, err := s.db.Connections(ctx, id)
		ok(t, err)
		equal(t, "connections", got, want)
		want[1].Options.DisableSignup, want[1].EnabledClients = false, []string{"three"}
		ok(t, Replace(ctx, s.db, id, resource.Connections, want[1].ID, want[1], nil))
		got, err = s.db.Connections(ctx, id)
		ok(t, err)
		equal(t, "connections after an update", got, want)
	}},
	{"ATakenNameIsRefusedWithinItsTenantOnly", func(t *testing.T, s *suite) {
		ctx, here, there := t.Context(), s.tenant(t), s.tenant(t)
		made := func() *connection.Connection {
			return &connection.Connection{ID: ident.ConnectionID(), Name: "email", Strategy: connection.Email}
		}
		ok(t, s.db.CreateConnection(ctx, here, made()))
		is(t, s.db.CreateConnection(ctx, here, made()), connection.ErrExists)
		foreign := made()
		ok(t, s.db.CreateConnection(ctx, there, foreign))
		is(t, Replace(ctx, s.db, here, resource.Connections, foreign.ID, foreign, nil), resource.ErrNotFound)
	}},
	{"ATenantWithoutConnectionsHasNone", func(t *testing.T, s *suite) {
		got, err := s.db.Connections(t.Context(), s.tenant(t))
		ok(t, err)
		equal(t, "connections", len(got), 0)
	}},
}

var clients = []promise{
	{"AClientComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		no := false
		until := at(5)
		want := &client.Client{
			ID: ident.ClientID(), Name: "App", AppType: "spa", Callbacks: []string{"https://a.example/cb"}, FirstParty: &no,
			GrantTypes: []string{client.GrantAuthorizationCode}, Metadata: map[string]any{"k": "v"},
			SecretSealed: []byte{0, 1, 255}, CreatedAt: at(3),
			Credentials: []client.Credential{{ID: "cred_1", KeyID: "kid", Algorithm: jwt.RS256, PEM: "pem", ExpiresAt: &until}},
		}
		ok(t, s.db.CreateClient(ctx, id, want))
		got, err := s.db.Client(ctx, id, want.ID)
		ok(t, err)
		equal(t, "client", got, want)
		changed := *want
		changed.Name, changed.SecretSealed, changed.Credentials = "Other", nil, nil
		ok(t, Replace(ctx, s.db, id, resource.Clients, changed.ID, &changed, nil))
		got, err = s.db.Client(ctx, id, want.ID)
		ok(t, err)
		equal(t, "client after an update", got, &changed)
	}},
	{"MissingTakenAndForeignClientsAreRefused", func(t *testing.T, s *suite) {
		ctx, here, there := t.Context(), s.tenant(t), s.tenant(t)
		c := &client.Client{ID: "c"}
		ok(t, s.db.CreateClient(ctx, here, c))
		is(t, s.db.CreateClient(ctx, here, c), client.ErrExists)
		for _, foreign := range []string{"c", "C", "nobody", ""} {
			_, err := s.db.Client(ctx, there, foreign)
			is(t, err, client.ErrNotFound)
		}
		_, err := s.db.Client(ctx, here, "C")
		is(t, err, client.ErrNotFound)
		is(t, Replace(ctx, s.db, there, resource.Clients, c.ID, c, nil), resource.ErrNotFound)
	}},
	{"OriginsOfAnyClientAreKnown", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.CreateClient(ctx, id, &client.Client{
			ID: "one", Callbacks: []string{"https://app.example/callback?x=1", "com.example.app://cb"},
			WebOrigins: []string{"https://web.example:444"}, AllowedOrigins: []string{"https://*.wild.example"},
		}))
		no := false
		ok(t, s.db.CreateClient(ctx, id, &client.Client{ID: "two", FirstParty: &no, AllowedOrigins: []string{"https://*.third.example"}}))
		for origin, want := range map[string]bool{
			"https://app.example": true, "https://APP.example:443": true, "https://web.example:444": true,
			"https://a.wild.example": true, "https://a.b.wild.example": false, "https://wild.example": false,
			"https://*.wild.example": false, "https://a.third.example": false, "http://app.example": false,
			"https://web.example": false, "https://evil.example": false, "http://localhost:3000": false, "null": false, "": false,
			"com.example.app://cb": false,
		} {
			got, err := s.db.OriginKnown(ctx, id, origin)
			ok(t, err)
			equal(t, "origin "+origin, got, want)
			got, err = s.db.OriginKnown(ctx, s.tenant(t), origin)
			ok(t, err)
			equal(t, "origin "+origin+" in another tenant", got, false)
		}
		ok(t, Replace(ctx, s.db, id, resource.Clients, "one", &client.Client{ID: "one", Latchkey: &client.Extensions{LoopbackRedirects: true}}, nil))
		for origin, want := range map[string]bool{
			"https://app.example": false, "http://localhost:3000": true, "http://127.0.0.1:9": true, "http://[::1]:9": true,
			"https://localhost.example": false,
		} {
			got, err := s.db.OriginKnown(ctx, id, origin)
			ok(t, err)
			equal(t, "origin "+origin+" for a loopback client", got, want)
		}
	}},
}

var resourceServers = []promise{
	{"AResourceServerComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := &resourceserver.ResourceServer{
			ID: ident.ObjectID(), Identifier: "https://api.example/v1?x=%2F", Name: "API", SigningAlgorithm: jwt.HS256,
			Scopes: []resourceserver.Scope{{Value: "read:all", Description: "Read"}}, SecretSealed: []byte{1}, CreatedAt: at(2),
		}
		ok(t, s.db.CreateResourceServer(ctx, id, want))
		got, err := s.db.ResourceServer(ctx, id, want.Identifier)
		ok(t, err)
		equal(t, "resource server", got, want)
		changed := *want
		changed.Name, changed.SecretSealed = "Other", nil
		ok(t, Replace(ctx, s.db, id, resource.ResourceServers, changed.ID, &changed, nil))
		got, err = s.db.ResourceServer(ctx, id, want.Identifier)
		ok(t, err)
		equal(t, "resource server after an update", got, &changed)
	}},
	{"MissingTakenAndForeignOnesAreRefused", func(t *testing.T, s *suite) {
		ctx, here, there := t.Context(), s.tenant(t), s.tenant(t)
		r := &resourceserver.ResourceServer{ID: "1", Identifier: "urn:api"}
		ok(t, s.db.CreateResourceServer(ctx, here, r))
		is(t, s.db.CreateResourceServer(ctx, here, &resourceserver.ResourceServer{ID: "2", Identifier: "urn:api"}), resourceserver.ErrExists)
		ok(t, s.db.CreateResourceServer(ctx, here, &resourceserver.ResourceServer{ID: "3", Identifier: "urn:other"}))
		_, err := s.db.ResourceServer(ctx, here, "urn:API")
		is(t, err, resourceserver.ErrNotFound)
		_, err = s.db.ResourceServer(ctx, there, "urn:api")
		is(t, err, resourceserver.ErrNotFound)
	}},
	{"AClientGrantIsFoundByClientAndAudience", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := &resourceserver.ClientGrant{
			ID: ident.ClientGrantID(), ClientID: "c", Audience: "urn:api", Scopes: []string{"a", "b"}, SubjectType: resourceserver.ForClients,
		}
		ok(t, s.db.CreateClientGrant(ctx, id, want))
		got, err := s.db.ClientGrant(ctx, id, "c", "urn:api")
		ok(t, err)
		equal(t, "grant", got, want)
		again := *want
		again.ID = ident.ClientGrantID()
		is(t, s.db.CreateClientGrant(ctx, id, &again), resourceserver.ErrExists)
		for _, other := range [][3]string{{id, "c", "urn:other"}, {id, "d", "urn:api"}, {s.tenant(t), "c", "urn:api"}} {
			_, err := s.db.ClientGrant(ctx, other[0], other[1], other[2])
			is(t, err, resourceserver.ErrNotFound)
		}
	}},
}

func signingKey(id string, state key.State, created int) *key.SigningKey {
	return &key.SigningKey{
		ID: id, Algorithm: jwt.RS256, State: state, PrivateSealed: []byte("private " + id), Certificate: []byte("certificate " + id),
		CreatedAt: at(created),
	}
}

// signingKeys makes a tenant with a previous, a current and a next key: a, b and c.
func (s *suite) signingKeys(t *testing.T) string {
	t.Helper()
	id := s.tenant(t)
	a := signingKey("a", key.Previous, 1)
	a.CurrentSince, a.RotatedAt = at(1), at(2)
	ok(t, s.db.ReplaceSigningKeys(t.Context(), id, "", []*key.SigningKey{a, signingKey("b", key.Current, 2), signingKey("c", key.Next, 3)}))
	return id
}

var keys = []promise{
	{"KeysAreListedNewestFirst", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		a, b := signingKey("a", key.Current, 1), signingKey("b", key.Next, 2)
		ok(t, s.db.ReplaceSigningKeys(ctx, id, "", []*key.SigningKey{a, b}))
		got, err := s.db.SigningKeys(ctx, id)
		ok(t, err)
		equal(t, "keys", got, []*key.SigningKey{b, a})
		a.State, a.RotatedAt, b.State = key.Previous, at(9), key.Current
		c := signingKey("c", key.Next, 3)
		ok(t, s.db.ReplaceSigningKeys(ctx, id, "a", []*key.SigningKey{a, b, c}))
		got, err = s.db.SigningKeys(ctx, id)
		ok(t, err)
		equal(t, "keys after a rotation", got, []*key.SigningKey{c, b, a})
		none, err := s.db.SigningKeys(ctx, s.tenant(t))
		ok(t, err)
		equal(t, "keys of another tenant", len(none), 0)
	}},
	{"AReplacementThatExpectsAnotherCurrentKeyWritesNothing", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.ReplaceSigningKeys(ctx, id, "", []*key.SigningKey{signingKey("a", key.Current, 1)}))
		for _, expected := range []string{"", "b"} {
			err := s.db.ReplaceSigningKeys(ctx, id, expected, []*key.SigningKey{signingKey("x", key.Current, 2)})
			equal(t, "kind", apierr.KindOf(err), apierr.Conflict)
		}
		got, err := s.db.SigningKeys(ctx, id)
		ok(t, err)
		equal(t, "keys", len(got), 1)
	}},
	{"OnlyAPreviousKeyIsRevokedAndOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.signingKeys(t)
		for _, c := range [][2]string{{id, "b"}, {id, "c"}, {id, "d"}, {s.signingKeys(t), "b"}, {s.tenant(t), "a"}} {
			revoked, err := s.db.RevokeSigningKey(ctx, c[0], c[1], at(9))
			ok(t, err)
			equal(t, "revoked", revoked, false)
		}
		before, err := s.db.SigningKeys(ctx, id)
		ok(t, err)
		equal(t, "state of the previous key", before[2].State, key.Previous)
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, _ int) (bool, error) {
			return db.RevokeSigningKey(ctx, id, "a", at(9))
		})
		equal(t, "winners", won, 1)
		want := signingKey("a", key.Revoked, 1)
		want.CurrentSince, want.RotatedAt, want.RevokedAt = at(1), at(2), at(9)
		for name, read := range map[string]func(context.Context, string) ([]*key.SigningKey, error){
			"cached": s.db.SigningKeys, "stored": s.db.StoredSigningKeys,
		} {
			got, err := read(ctx, id)
			ok(t, err)
			equal(t, name+" keys", got, []*key.SigningKey{signingKey("c", key.Next, 3), signingKey("b", key.Current, 2), want})
		}
	}},
	{"StoredKeysAreReadThroughTheTransaction", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.signingKeys(t)
		other := s.twoNodes(t)[1]
		_, err := other.SigningKeys(ctx, id) // is cached now
		ok(t, err)
		state := func(ctx context.Context, db *store.DB) key.State {
			t.Helper()
			all, err := db.StoredSigningKeys(ctx, id)
			ok(t, err)
			return all[2].State
		}
		failed := errors.New("failed")
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			revoked, err := s.db.RevokeSigningKey(ctx, id, "a", at(9))
			ok(t, err)
			equal(t, "revoked", revoked, true)
			equal(t, "state within", state(ctx, s.db), key.Revoked)
			return failed
		}), failed)
		equal(t, "state after a rollback", state(ctx, s.db), key.Previous)
		_, err = s.db.RevokeSigningKey(ctx, id, "a", at(9))
		ok(t, err)
		equal(t, "state on another node", state(ctx, other), key.Revoked)
		none, err := s.db.StoredSigningKeys(ctx, s.tenant(t))
		ok(t, err)
		equal(t, "keys of another tenant", len(none), 0)
	}},
	{"OfManyRotationsAtOnceOneSucceeds", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, i int) (bool, error) {
			err := db.ReplaceSigningKeys(ctx, id, "", []*key.SigningKey{signingKey(string(rune('a'+i)), key.Current, i)})
			if apierr.KindOf(err) == apierr.Conflict {
				return false, nil
			}
			return err == nil, err
		})
		equal(t, "winners", won, 1)
		got, err := s.db.SigningKeys(ctx, id)
		ok(t, err)
		equal(t, "keys", len(got), 1)
	}},
}

var configuration = []promise{
	{"EveryWriteRaisesTheVersion", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		version := int64(1)
		for name, write := range map[string]func() error{
			"UpdateResource":       func() error { return replaceSettings(ctx, s.db, id, tenant.Settings{}) },
			"AddDomain":            func() error { return s.db.AddDomain(ctx, id, tenant.Domain{Host: id + ".two"}) },
			"CreateConnection":     func() error { return s.db.CreateConnection(ctx, id, &connection.Connection{ID: "x", Name: "x"}) },
			"CreateClient":         func() error { return s.db.CreateClient(ctx, id, &client.Client{ID: "x"}) },
			"CreateResourceServer": func() error { return s.db.CreateResourceServer(ctx, id, &resourceserver.ResourceServer{ID: "x"}) },
			"CreateClientGrant":    func() error { return s.db.CreateClientGrant(ctx, id, &resourceserver.ClientGrant{ID: "x"}) },
			"ReplaceSigningKeys": func() error {
				return s.db.ReplaceSigningKeys(ctx, id, "", []*key.SigningKey{signingKey("x", key.Current, 1)})
			},
		} {
			ok(t, write())
			version++
			got, err := s.db.Tenant(ctx, id)
			ok(t, err)
			equal(t, "version after "+name, got.ConfigVersion, version)
		}
	}},
	{"ReadsAreCached", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{ConfigAge: time.Hour})
		ctx, id := t.Context(), newTenant(t, db)
		ok(t, db.CreateClient(ctx, id, &client.Client{ID: "c"}))
		ok(t, db.CreateConnection(ctx, id, &connection.Connection{ID: "x", Name: "x"}))
		ok(t, db.CreateResourceServer(ctx, id, &resourceserver.ResourceServer{ID: "r", Identifier: "urn:r"}))
		ok(t, db.CreateClientGrant(ctx, id, &resourceserver.ClientGrant{ID: "g", ClientID: "c", Audience: "urn:r"}))
		read := func(ctx context.Context) {
			t.Helper()
			_, err := db.Site(ctx, id+".example")
			ok(t, err)
			_, err = db.Client(ctx, id, "c")
			ok(t, err)
			_, err = db.Connections(ctx, id)
			ok(t, err)
			_, err = db.ResourceServer(ctx, id, "urn:r")
			ok(t, err)
			_, err = db.ClientGrant(ctx, id, "c", "urn:r")
			ok(t, err)
			_, err = db.SigningKeys(ctx, id)
			ok(t, err)
		}
		read(ctx)
		before := db.Stats()
		read(ctx)
		ok(t, db.InTx(ctx, func(ctx context.Context) error {
			read(ctx)
			return nil
		}))
		equal(t, "work of cached reads", db.Stats(), before)
	}},
	{"AnotherNodeSeesAWriteWithinTheAge", func(t *testing.T, s *suite) {
		url := s.fresh(t)
		const age = 200 * time.Millisecond
		writer, reader := Open(t, url, store.Options{ConfigAge: age}), Open(t, url, store.Options{ConfigAge: age})
		ctx, id := t.Context(), newTenant(t, writer)
		ok(t, writer.CreateClient(ctx, id, &client.Client{ID: "c", Name: "old"}))
		c, err := reader.Client(ctx, id, "c")
		ok(t, err)
		equal(t, "name", c.Name, "old")
		ok(t, Replace(ctx, writer, id, resource.Clients, "c", &client.Client{ID: "c", Name: "new"}, nil))
		written := time.Now()
		c, err = writer.Client(ctx, id, "c")
		ok(t, err)
		equal(t, "name on the node that wrote", c.Name, "new")
		for {
			asked := time.Now()
			c, err := reader.Client(ctx, id, "c")
			ok(t, err)
			if c.Name == "new" {
				return
			}
			if asked.Sub(written) > age {
				t.Fatalf("the old client was still given %s after the write, want at most %s", asked.Sub(written), age)
			}
		}
	}},
	{"AnUnchangedVersionIsComparedAndNothingReadAgain", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{ConfigAge: time.Nanosecond})
		ctx, id := t.Context(), newTenant(t, db)
		ok(t, db.CreateClient(ctx, id, &client.Client{ID: "c"}))
		first, err := db.Client(ctx, id, "c")
		ok(t, err)
		before := db.Stats()
		second, err := db.Client(ctx, id, "c")
		ok(t, err)
		if first != second {
			t.Error("the client was read again")
		}
		equal(t, "work", db.Stats().Since(before), store.Stats{Config: 1})
	}},
	{"UnknownNamesAreNotRemembered", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		_, err := s.db.Client(ctx, id, "later")
		is(t, err, client.ErrNotFound)
		host := id + ".later"
		_, err = s.db.Site(ctx, host)
		is(t, err, tenant.ErrNotFound)
		other := Open(t, s.url, store.Options{MaxConns: 2})
		ok(t, other.CreateClient(ctx, id, &client.Client{ID: "later"}))
		ok(t, other.AddDomain(ctx, id, tenant.Domain{Host: host}))
		_, err = s.db.Client(ctx, id, "later")
		ok(t, err)
		_, err = s.db.Site(ctx, host)
		ok(t, err)
	}},
	{"ATransactionSeesItsOwnWritesAndAnUndoneOneLeavesNone", func(t *testing.T, s *suite) {
		outer, id := t.Context(), s.tenant(t)
		ok(t, s.db.CreateClient(outer, id, &client.Client{ID: "c", Name: "old"}))
		_, err := s.db.Client(outer, id, "c")
		ok(t, err)
		err = s.db.InTx(outer, func(ctx context.Context) error {
			ok(t, Replace(ctx, s.db, id, resource.Clients, "c", &client.Client{ID: "c", Name: "new"}, nil))
			c, err := s.db.Client(ctx, id, "c")
			ok(t, err)
			equal(t, "name inside", c.Name, "new")
			c, err = s.db.Client(outer, id, "c")
			ok(t, err)
			equal(t, "name outside", c.Name, "old")
			return errOurs
		})
		is(t, err, errOurs)
		c, err := s.db.Client(outer, id, "c")
		ok(t, err)
		equal(t, "name after", c.Name, "old")
	}},
	{"SharedRecordsAreTheSameValue", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{ConfigAge: time.Hour})
		ctx, id := t.Context(), newTenant(t, db)
		a, err := db.Tenant(ctx, id)
		ok(t, err)
		b, err := db.Tenant(ctx, id)
		ok(t, err)
		if a != b {
			t.Errorf("a cached tenant was copied: %s", cmp.Diff(a, b))
		}
	}},
}
