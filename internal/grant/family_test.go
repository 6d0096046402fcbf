package grant_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/grant"
)

func TestFamilies_GivesEachOnceAndWhatIsLeftAfterARevocation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		for i := range 5 {
			c := &client.Client{ID: []string{"c", "d"}[i%2], RefreshToken: b.client.RefreshToken}
			r := b.FirstToken(c, fmt.Sprint("f", i), grant.RefreshToken{UserID: b.user.ID, Audience: "a", Scope: []string{"x"}})
			must(t, b.SaveToken(ctx, b.tenant, b.NewToken(), r))
			b.clock.Advance(time.Second)
		}
		list := func(limit int) []string {
			t.Helper()
			all, after := []string{}, ""
			for {
				page, next, err := b.Families(ctx, b.tenant, grant.FamilyFilter{UserID: b.user.ID}, after, limit)
				must(t, err)
				for _, f := range page {
					all = append(all, f.ID)
				}
				if after = next; next == "" {
					return all
				}
			}
		}
		want := []string{"f0", "f2", "f4", "f1", "f3"}
		for _, limit := range []int{1, 2, 5, 50} {
			if got := list(limit); !slices.Equal(got, want) {
				t.Errorf("pages of %d: got %v, want %v", limit, got, want)
			}
		}
		page, total, err := b.FamiliesAt(ctx, b.tenant, grant.FamilyFilter{ClientID: "d"}, 1, 5)
		if err != nil || total != 2 || len(page) != 1 || page[0].ID != "f3" {
			t.Errorf("by offset: got %v of %d, %v", page, total, err)
		}
		n, err := b.RevokeIDs(ctx, b.tenant, []string{"f2", "unknown", "", "f2", "f3"})
		if err != nil || n != 2 {
			t.Errorf("revoked %d, %v, want 2", n, err)
		}
		if got := list(50); !slices.Equal(got, []string{"f0", "f4", "f1"}) {
			t.Errorf("left are %v", got)
		}
		if _, err := b.Family(ctx, b.tenant, "f2"); !errors.Is(err, grant.ErrNotFound) {
			t.Errorf("got %v for a revoked family, want not found", err)
		}
		for _, cursor := range []string{"x", "1.f", "x.f.c"} {
			if _, _, err := b.Families(ctx, b.tenant, grant.FamilyFilter{}, cursor, 1); !errors.Is(err, grant.ErrCursor) {
				t.Errorf("cursor %q: got %v, want it refused", cursor, err)
			}
		}
	})
}

func TestRevoke_ATokenIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		token := b.first(t)
		before := b.found(t, token)
		n, err := b.Revoke(t.Context(), b.tenant, grant.FamilyFilter{UserID: b.user.ID, ClientID: b.client.ID})
		if err != nil || n != 1 {
			t.Fatalf("revoked %d, %v, want 1", n, err)
		}
		if _, err := b.FindToken(t.Context(), b.tenant, b.client, token); !errors.Is(err, grant.ErrRefresh) {
			t.Errorf("got %v, want the token refused", err)
		}
		if _, err := b.exchange(t.Context(), before); !errors.Is(err, grant.ErrRefresh) {
			t.Errorf("got %v for what was found before, want it refused", err)
		}
	})
}

func TestRevoke_RefusesAFilterThatNamesEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		token, yes := b.first(t), true
		for _, f := range []grant.FamilyFilter{{}, {Rotating: &yes}} {
			if _, err := b.Revoke(t.Context(), b.tenant, f); err == nil {
				t.Errorf("filter %+v revoked everything", f)
			}
		}
		if _, err := b.Withdraw(t.Context(), b.tenant, grant.ConsentFilter{}); err == nil {
			t.Error("an empty filter withdrew everything")
		}
		b.found(t, token)
	})
}

func TestExchange_IsRememberedByTheFamily(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		first, second := grant.Device{IP: "192.0.2.1", UserAgent: "One"}, grant.Device{IP: "192.0.2.2", UserAgent: "Two"}
		for _, rotation := range []string{"non-rotating", "rotating"} {
			b.client.RefreshToken.RotationType = rotation
			token := b.NewToken()
			r := b.FirstToken(b.client, "", grant.RefreshToken{UserID: b.user.ID, SessionID: "sid", Scope: []string{"a", "b"}, Device: first})
			must(t, b.SaveToken(t.Context(), b.tenant, token, r))
			began := b.clock.Now()
			b.clock.Advance(time.Hour)
			_, err := b.Exchange(t.Context(), b.tenant, b.client, b.found(t, token), second)
			must(t, err)
			f, err := b.Family(t.Context(), b.tenant, r.FamilyID)
			must(t, err)
			if f.First != first || f.Last != second || !f.CreatedAt.Equal(began) || !f.ExchangedAt.Equal(b.clock.Now()) ||
				f.SessionID != "sid" || strings.Join(f.Scope, " ") != "a b" || f.Rotating != (rotation == "rotating") {
				t.Errorf("%s: got %+v", rotation, f)
			}
			if got, want := f.IdleExpiresAt(b.client.RefreshToken), b.clock.Now().Add(b.client.RefreshToken.IdleLife()); !got.Equal(want) {
				t.Errorf("%s: idle until %s, want %s", rotation, got, want)
			}
			if got := f.IdleExpiresAt(client.RefreshPolicy{InfiniteIdle: true}); !got.IsZero() {
				t.Errorf("%s: idle until %s, want never", rotation, got)
			}
		}
	})
}

// A token that is not replaced once kept the time of its last use with itself; it is the family's now.
func TestFindToken_IdleTokensDieUnlessTheyAreUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		b.client.RefreshToken = client.RefreshPolicy{RotationType: "non-rotating", ExpirationType: "expiring", IdleLifetime: 100, Lifetime: 1000}
		token := b.first(t)
		for range 3 {
			b.clock.Advance(99 * time.Second)
			_, err := b.exchange(t.Context(), b.found(t, token))
			must(t, err)
		}
		b.clock.Advance(100 * time.Second)
		if _, err := b.FindToken(t.Context(), b.tenant, b.client, token); !errors.Is(err, grant.ErrRefresh) {
			t.Errorf("got %v for an idle token, want it refused", err)
		}
	})
}

func TestSetFamilyMetadata_ReplacesItAndRefusesMoreThanFits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		family := b.found(t, b.first(t)).FamilyID
		for _, metadata := range []map[string]string{{"a": "ß"}, nil} {
			f, err := b.SetFamilyMetadata(t.Context(), b.tenant, family, metadata)
			must(t, err)
			stored, err := b.Family(t.Context(), b.tenant, family)
			must(t, err)
			if fmt.Sprint(f.Metadata, stored.Metadata) != fmt.Sprint(metadata, metadata) {
				t.Errorf("got %v and %v, want %v", f.Metadata, stored.Metadata, metadata)
			}
		}
		many := map[string]string{}
		for i := range 26 {
			many[fmt.Sprint(i)] = ""
		}
		for _, metadata := range []map[string]string{many, {"a": strings.Repeat("x", 256)}, {strings.Repeat("x", 256): ""}} {
			if _, err := b.SetFamilyMetadata(t.Context(), b.tenant, family, metadata); !errors.Is(err, grant.ErrMetadata) {
				t.Errorf("got %v, want the metadata refused", err)
			}
		}
		if _, err := b.SetFamilyMetadata(t.Context(), b.tenant, "unknown", nil); !errors.Is(err, grant.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	})
}

func TestWithdraw_EndsTheTokensThatTheConsentGave(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		tokens := map[string]grant.Secret{}
		for _, audience := range []string{"a", "b"} {
			must(t, b.SaveConsent(ctx, b.tenant, &grant.Consent{UserID: b.user.ID, ClientID: b.client.ID, Audience: audience, Scope: []string{"x"}}))
			tokens[audience] = b.NewToken()
			must(t, b.SaveToken(ctx, b.tenant, tokens[audience],
				b.FirstToken(b.client, "", grant.RefreshToken{UserID: b.user.ID, Audience: audience})))
		}
		all, total, err := b.Consents(ctx, b.tenant, grant.ConsentFilter{UserID: b.user.ID}, 0, 10)
		if err != nil || total != 2 || len(all) != 2 || len(all[0].ID) != 24 || all[0].ID == all[1].ID {
			t.Fatalf("got %v, %d, %v, want two consents with ids", all, total, err)
		}
		gone, err := b.Withdraw(ctx, b.tenant, grant.ConsentFilter{ID: all[0].ID})
		if err != nil || len(gone) != 1 || gone[0].Audience != "a" {
			t.Fatalf("withdrew %v, %v, want the one", gone, err)
		}
		if _, err := b.FindToken(ctx, b.tenant, b.client, tokens["a"]); !errors.Is(err, grant.ErrRefresh) {
			t.Errorf("got %v for the withdrawn audience, want it refused", err)
		}
		b.found(t, tokens["b"])
		scopes, err := b.Consented(ctx, b.tenant, b.user.ID, b.client.ID, "a")
		if err != nil || len(scopes) > 0 {
			t.Errorf("got %v, %v, want nothing consented", scopes, err)
		}
		if gone, err := b.Withdraw(ctx, b.tenant, grant.ConsentFilter{ID: all[0].ID}); err != nil || len(gone) > 0 {
			t.Errorf("withdrew %v, %v again", gone, err)
		}
	})
}
