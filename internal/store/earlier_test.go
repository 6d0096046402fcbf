package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/clock"
	"latchkey/internal/grant"
	"latchkey/internal/key"
	"latchkey/internal/session"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
)

// The release before sessions, tokens, consents and keys could be shown writes them still, while both run.
func TestRows_OfTheReleaseBeforeAreReadAndUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url  string
		hash string // a hash as the database writes it
	}{
		"SQLite":     {storetest.SQLite(t), `X'01'`},
		"PostgreSQL": {storetest.PostgreSQL(t), `'\x01'`},
	} {
		for _, text := range []string{
			`INSERT INTO tenants (tenant_id, name, host, config_version, created_at) VALUES ('t', 't', 'h', 1, 0)`,
			`INSERT INTO domains (host, tenant_id, issuer) VALUES ('h', 't', 'https://h/')`,
			`INSERT INTO users (tenant_id, user_id, profile, blocked, logins_count, last_login, last_ip, version)
				VALUES ('t', 'u', '{}', FALSE, 0, 0, '', 1)`,
			`INSERT INTO sessions (tenant_id, session_id, secret_hash, user_id, connection, methods, clients, created_at,
				authenticated_at, used_at, idle_expires_at, expires_at, ip, user_agent)
				VALUES ('t', 's', ` + c.hash + `, 'u', 'email', '[]', '["c"]', 1, 1, 5, 99, 99, '192.0.2.1', 'Browser')`,
			`INSERT INTO refresh_families (tenant_id, family_id, user_id, client_id, audience, rotating, latest, advanced_at,
				created_at, expires_at, revoked_at) VALUES ('t', 'f', 'u', 'c', 'a', FALSE, 1, 0, 1, 0, 0)`,
			`INSERT INTO refresh_tokens (tenant_id, token_hash, family_id, sequence, document, issued_at, used_at, rotated_at)
				VALUES ('t', ` + c.hash + `, 'f', 1, '{"audience":"a","scope":["x"],"sid":"s","issuer":"i","auth_time":"1970-01-01T00:00:00Z"}', 1, 5, 0)`,
			`INSERT INTO consents (tenant_id, user_id, client_id, audience, scope, saved_at) VALUES ('t', 'u', 'c', 'a', '["x"]', 1)`,
			`INSERT INTO consents (tenant_id, user_id, client_id, audience, scope, saved_at) VALUES ('t', 'u', 'd', 'a', '["x"]', 1)`,
			`INSERT INTO signing_keys (tenant_id, key_id, algorithm, state, private_sealed, certificate, created_at, rotated_at)
				VALUES ('t', 'k', 'RS256', 'previous', ` + c.hash + `, ` + c.hash + `, 1, 2)`,
		} {
			query(t, c.url, text)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			usesEarlierRows(t, storetest.Open(t, c.url, store.Options{}))
		})
	}
}

func usesEarlierRows(t *testing.T, db *store.DB) {
	ctx, at := t.Context(), clock.FromMillis
	check := func(what string, err error, got, want any) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s differs (-want +got):\n%s", what, diff)
		}
	}
	s, err := db.Session(ctx, "t", "s")
	check("session", err, s, &session.Session{
		ID: "s", UserID: "u", Connection: "email", Methods: []session.Method{}, Clients: []string{"c"}, CreatedAt: at(1), AuthenticatedAt: at(1),
		UsedAt: at(5), UpdatedAt: at(5), IdleExpiresAt: at(99), ExpiresAt: at(99), IP: "192.0.2.1", UserAgent: "Browser",
		LastIP: "192.0.2.1", LastUserAgent: "Browser", Persistent: true,
	})
	family := func(when string, want *grant.Family) {
		t.Helper()
		got, err := db.Families(ctx, "t", grant.FamilyFilter{ClientID: "c"}, at(9), grant.FamilyPosition{}, 0, 9)
		check("families "+when, err, got, []*grant.Family{want})
	}
	want := &grant.Family{ID: "f", UserID: "u", ClientID: "c", Audience: "a", Scope: []string{}, CreatedAt: at(1)}
	family("at first", want)
	r, _, latest, err := db.RefreshTokenByHash(ctx, "t", [][]byte{{1}})
	check("use of the token", err, []any{r.UsedAt, latest}, []any{at(5), 1})
	phone := grant.Device{IP: "192.0.2.7", UserAgent: "Phone"}
	used, err := db.UseFamily(ctx, "t", r, latest, phone, at(8))
	check("used", err, used, true)
	want.Scope, want.SessionID, want.Last, want.ExchangedAt = []string{"x"}, "s", phone, at(8)
	family("after an exchange", want)
	consents, err := db.Consents(ctx, "t", grant.ConsentFilter{}, 0, 9)
	if err != nil || len(consents) != 2 || len(consents[0].ID) != 24 || consents[0].ID == consents[1].ID {
		t.Fatalf("got consents %v, %v, want two with ids of their own", consents, err)
	}
	gone, err := db.DeleteConsents(ctx, "t", grant.ConsentFilter{ID: consents[0].ID})
	check("deleted consents", err, gone, consents[:1])
	revoked, err := db.RevokeSigningKey(ctx, "t", "k", at(9))
	check("revoked", err, revoked, true)
	keys, err := db.StoredSigningKeys(ctx, "t")
	check("key", err, []any{keys[0].State, keys[0].CurrentSince, keys[0].RevokedAt}, []any{key.Revoked, time.Time{}, at(9)})
}
