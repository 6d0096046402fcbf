package session_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/session"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
)

// bench is the sessions of a tenant over a real database.
type bench struct {
	*session.Sessions
	clock  *clock.Fake
	tenant *tenant.Tenant
}

func newBench(t *testing.T) *bench {
	t.Helper()
	keys, err := seal.NewKeyset()
	must(t, err)
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	b := &bench{clock: clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), tenant: &tenant.Tenant{ID: ident.ObjectID()}}
	b.Sessions = session.New(db, keys, b.clock)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a session of a user.
func (b *bench) open(t *testing.T, userID string) (*session.Session, session.Secret) {
	t.Helper()
	methods := []session.Method{{Name: "email", At: b.clock.Now()}}
	s, secret := b.Prepare(b.tenant, userID, "email", methods, "192.0.2.1", "First")
	must(t, b.Save(t.Context(), b.tenant.ID, s, secret))
	return s, secret
}

func TestList_GivesEverySessionOnceTheNewestLast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	want := []string{}
	for i := range 7 {
		s, _ := b.open(t, "u")
		want = append(want, s.ID)
		b.open(t, "other")
		if i%3 == 0 { // some are of the same millisecond
			b.clock.Advance(time.Millisecond)
		}
	}
	for _, limit := range []int{1, 2, 3, 7, 50} {
		got, after := []string{}, ""
		for pages := 0; ; pages++ {
			list, next, err := b.List(t.Context(), b.tenant, "u", after, limit)
			must(t, err)
			for _, s := range list {
				got = append(got, s.ID)
			}
			if next == "" {
				if wanted := (len(want) - 1) / limit; pages != wanted {
					t.Errorf("pages of %d: got %d after the first, want %d", limit, pages, wanted)
				}
				break
			}
			after = next
		}
		if got[0] != want[0] || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("pages of %d: got %v, want %v", limit, got, want)
		}
	}
	for _, cursor := range []string{"x", "1", ".sid", "1x.sid"} {
		if _, _, err := b.List(t.Context(), b.tenant, "u", cursor, 1); !errors.Is(err, session.ErrCursor) {
			t.Errorf("cursor %q: got %v, want it refused", cursor, err)
		}
	}
}

// A session that the cookie no longer opens is not shown either.
func TestListAndGet_FollowTheTenantsLifetimes(t *testing.T) {
	t.Parallel()
	for name, shorten := range map[string]func(*tenant.Settings){
		"whole life": func(s *tenant.Settings) { s.SessionLifetime = 0.5 },
		"idle life":  func(s *tenant.Settings) { s.IdleSessionLifetime = 0.5 },
	} {
		b := newBench(t)
		s, secret := b.open(t, "u")
		b.clock.Advance(time.Hour)
		check := func(when string, want bool) {
			t.Helper()
			list, _, err := b.List(t.Context(), b.tenant, "u", "", 9)
			must(t, err)
			_, err = b.Get(t.Context(), b.tenant, s.ID)
			found, findErr := b.Find(t.Context(), b.tenant, secret)
			must(t, findErr)
			if (len(list) == 1) != want || (err == nil) != want || (found != nil) != want || (!want && !errors.Is(err, session.ErrNotFound)) {
				t.Errorf("%s %s: listed %d, get %v, find %v, want alive %t", name, when, len(list), err, found, want)
			}
		}
		check("as it was", true)
		shorten(&b.tenant.Settings)
		check("shortened", false)
	}
}

func TestTouch_RemembersTheLastDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, _ := b.open(t, "u")
	b.clock.Advance(2 * time.Minute)
	if !b.Touch(b.tenant, s, "c", "192.0.2.9", "Last") {
		t.Fatal("there is nothing to write")
	}
	must(t, b.Update(t.Context(), b.tenant.ID, s))
	got, err := b.Get(t.Context(), b.tenant, s.ID)
	must(t, err)
	if got.IP != "192.0.2.1" || got.UserAgent != "First" || got.LastIP != "192.0.2.9" || got.LastUserAgent != "Last" || !got.UpdatedAt.Equal(b.clock.Now()) {
		t.Errorf("got %+v", got)
	}
	if b.Touch(b.tenant, s, "c", "192.0.2.10", "Other") {
		t.Error("a use in the same minute is written")
	}
}

func TestSetMetadata_ReplacesItAndRefusesMoreThanFits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s, _ := b.open(t, "u")
	full := map[string]string{}
	for i := range 25 {
		full[fmt.Sprint(i)] = strings.Repeat("ß", 255)
	}
	for _, metadata := range []map[string]string{{"a": "b"}, full, {}, nil} {
		b.clock.Advance(time.Second)
		given, err := b.SetMetadata(t.Context(), b.tenant, s.ID, metadata)
		must(t, err)
		got, err := b.Get(t.Context(), b.tenant, s.ID)
		must(t, err)
		for _, one := range []*session.Session{given, got} {
			if !maps.Equal(one.Metadata, metadata) || !one.UpdatedAt.Equal(b.clock.Now()) {
				t.Errorf("got %v at %s, want %v", one.Metadata, one.UpdatedAt, metadata)
			}
		}
	}
	full["one more"] = ""
	for _, metadata := range []map[string]string{full, {"a": strings.Repeat("x", 256)}, {strings.Repeat("x", 256): "a"}} {
		if _, err := b.SetMetadata(t.Context(), b.tenant, s.ID, metadata); !errors.Is(err, session.ErrMetadata) {
			t.Errorf("got %v, want the metadata refused", err)
		}
	}
	_, err := b.End(t.Context(), b.tenant.ID, s.ID)
	must(t, err)
	if _, err := b.SetMetadata(t.Context(), b.tenant, s.ID, nil); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}
