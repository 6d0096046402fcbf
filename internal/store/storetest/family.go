package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"latchkey/internal/grant"
	"latchkey/internal/session"
	"latchkey/internal/store"
)

// sids gives the ids of sessions in their order.
func sids(list []*session.Session) []string {
	all := []string{}
	for _, s := range list {
		all = append(all, s.ID)
	}
	return all
}

var liveSessions = []promise{
	{"LiveSessionsOfAUserAreListedByCreation", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		alive := session.Alive{Now: at(500), CreatedAfter: at(-100), UsedAfter: at(0)}
		insert := func(sid, owner string, change func(*session.Session)) {
			t.Helper()
			made := newSession(sid, owner)
			change(made)
			ok(t, s.db.InsertSession(ctx, id, made, []byte(sid)))
		}
		created := func(ms int) func(*session.Session) {
			return func(s *session.Session) { s.CreatedAt = at(ms) }
		}
		insert("b", "u", created(3))
		insert("c", "u", created(1))
		insert("a", "u", created(3))
		insert("d", "u", created(2))
		insert("other", "v", created(2))
		insert("expired", "u", func(s *session.Session) { s.ExpiresAt = at(500) })
		insert("idle", "u", func(s *session.Session) { s.IdleExpiresAt = at(500) })
		insert("too old for the tenant", "u", created(-100))
		insert("unused for too long", "u", func(s *session.Session) { s.UsedAt = at(0) })
		list := func(tenantID string, after session.Position, limit int) []*session.Session {
			t.Helper()
			got, err := s.db.LiveSessions(ctx, tenantID, "u", alive, after, limit)
			ok(t, err)
			return got
		}
		all := list(id, session.Position{}, 10)
		equal(t, "all", sids(all), []string{"c", "d", "a", "b"})
		want := newSession("c", "u")
		want.CreatedAt = at(1)
		equal(t, "the first", all[0], want)
		equal(t, "the first two", sids(list(id, session.Position{}, 2)), []string{"c", "d"})
		equal(t, "behind the second", sids(list(id, session.Position{CreatedAt: at(2), ID: "d"}, 10)), []string{"a", "b"})
		equal(t, "behind one of two of the same time", sids(list(id, session.Position{CreatedAt: at(3), ID: "a"}, 10)), []string{"b"})
		equal(t, "behind the last", sids(list(id, session.Position{CreatedAt: at(3), ID: "b"}, 10)), []string{})
		equal(t, "of another tenant", sids(list(s.tenant(t), session.Position{}, 10)), []string{})
	}},
	{"ASessionIsReadBySidAndItsMetadataReplaced", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := newSession("sid", "u")
		ok(t, s.db.InsertSession(ctx, id, want, []byte("secret")))
		for _, other := range [][2]string{{id, "other"}, {s.tenant(t), "sid"}} {
			got, err := s.db.Session(ctx, other[0], other[1])
			ok(t, err)
			equal(t, "session", got, nil)
			changed, err := s.db.SetSessionMetadata(ctx, other[0], other[1], map[string]string{"x": "y"}, at(9))
			ok(t, err)
			equal(t, "changed", changed, false)
		}
		for i, metadata := range []map[string]string{{"état": "ß\n"}, nil} {
			changed, err := s.db.SetSessionMetadata(ctx, id, "sid", metadata, at(10+i))
			ok(t, err)
			equal(t, "changed", changed, true)
			want.Metadata, want.UpdatedAt = metadata, at(10+i)
			got, err := s.db.Session(ctx, id, "sid")
			ok(t, err)
			equal(t, "session", got, want)
		}
	}},
}

// familyIDs gives the ids of families in their order.
func familyIDs(list []*grant.Family) []string {
	all := []string{}
	for _, f := range list {
		all = append(all, f.ID)
	}
	return all
}

func consentIDs(list []*grant.Consent) []string {
	all := []string{}
	for _, c := range list {
		all = append(all, c.ID)
	}
	return all
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

// someFamilies makes a tenant with families of two users and clients, and some that are dead at 600.
func (s *suite) someFamilies(t *testing.T) string {
	t.Helper()
	ctx, id := t.Context(), s.tenantOf(t, "u")
	for i, c := range []struct {
		id, user, client, audience, session string
		rotating                            bool
	}{
		{"f5", "u", "c", "a", "s1", true}, {"f3", "u", "d", "a", "s1", false}, {"f4", "u", "c", "b", "s2", true},
		{"f2", "v", "c", "a", "s3", false}, {"f1", "u", "c", "a", "s2", true}, {"dead", "u", "c", "a", "s1", true},
		{"revoked", "u", "c", "a", "s1", true},
	} {
		r := refreshToken(c.id, 1)
		r.UserID, r.ClientID, r.Audience, r.SessionID, r.Rotating, r.IssuedAt = c.user, c.client, c.audience, c.session, c.rotating, at(i/2)
		if c.id == "dead" {
			r.ExpiresAt = at(600)
		}
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte(c.id), r))
	}
	ok(t, s.db.RevokeFamily(ctx, id, "revoked", at(500)))
	return id
}

var families = []promise{
	{"AFamilyTellsOfItsFirstAndLastExchange", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		laptop := grant.Device{IP: "192.0.2.1", UserAgent: "Laptop/1"}
		first := refreshToken("f", 1)
		first.Rotating, first.Device = false, laptop
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), first))
		want := &grant.Family{
			ID: "f", UserID: "u", ClientID: "c", Audience: "urn:api", Scope: []string{"openid", "a"}, SessionID: "sid",
			First: laptop, Last: laptop, CreatedAt: at(1), ExpiresAt: at(10_000),
		}
		check := func(when string) {
			t.Helper()
			got, err := s.db.Families(ctx, id, grant.FamilyFilter{ID: "f"}, at(600), grant.FamilyPosition{}, 0, 2)
			ok(t, err)
			equal(t, "families "+when, got, []*grant.Family{want})
		}
		check("at the beginning")
		used, err := s.db.UseFamily(ctx, id, first, 1, phone, at(5))
		ok(t, err)
		equal(t, "used", used, true)
		want.Last, want.ExchangedAt = phone, at(5)
		check("after a use")
		rotated, err := s.db.RotateRefreshToken(ctx, id, []byte("1"), first, laptop, at(7))
		ok(t, err)
		equal(t, "rotated", rotated, true)
		want.Last, want.ExchangedAt, want.Rotating = laptop, at(7), true
		check("after a rotation")
		for _, metadata := range []map[string]string{{"a": "ß"}, nil} {
			changed, err := s.db.SetFamilyMetadata(ctx, id, "f", metadata)
			ok(t, err)
			equal(t, "changed", changed, true)
			want.Metadata = metadata
			check("with other metadata")
		}
		ok(t, s.db.RevokeFamily(ctx, id, "f", at(8)))
		for _, other := range [][2]string{{id, "f"}, {id, "g"}, {s.tenant(t), "f"}} {
			changed, err := s.db.SetFamilyMetadata(ctx, other[0], other[1], map[string]string{"a": "b"})
			ok(t, err)
			equal(t, "changed", changed, false)
		}
	}},
	{"LivingFamiliesAreListedByWhatAFilterNames", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.someFamilies(t)
		for name, c := range map[string]struct {
			filter grant.FamilyFilter
			want   []string
		}{
			"all":                          {grant.FamilyFilter{}, []string{"f5", "f2", "f4", "f1", "f3"}},
			"of a user":                    {grant.FamilyFilter{UserID: "u"}, []string{"f5", "f4", "f1", "f3"}},
			"of a client":                  {grant.FamilyFilter{ClientID: "c"}, []string{"f5", "f2", "f4", "f1"}},
			"of a user and client":         {grant.FamilyFilter{UserID: "u", ClientID: "d"}, []string{"f3"}},
			"of a user and audience":       {grant.FamilyFilter{UserID: "u", Audience: "b"}, []string{"f4"}},
			"of a user and session":        {grant.FamilyFilter{UserID: "u", SessionID: "s2"}, []string{"f4", "f1"}},
			"that rotate":                  {grant.FamilyFilter{Rotating: yes()}, []string{"f5", "f4", "f1"}},
			"of a user that do not rotate": {grant.FamilyFilter{UserID: "u", Rotating: no()}, []string{"f3"}},
			"one":                          {grant.FamilyFilter{ID: "f2"}, []string{"f2"}},
			"one of another user":          {grant.FamilyFilter{ID: "f2", UserID: "u"}, []string{}},
			"of nobody":                    {grant.FamilyFilter{UserID: "w"}, []string{}},
			"one that is dead":             {grant.FamilyFilter{ID: "dead"}, []string{}},
			"one that is revoked":          {grant.FamilyFilter{ID: "revoked"}, []string{}},
		} {
			got, err := s.db.Families(ctx, id, c.filter, at(600), grant.FamilyPosition{}, 0, 10)
			ok(t, err)
			equal(t, "families "+name, familyIDs(got), c.want)
			count, err := s.db.CountFamilies(ctx, id, c.filter, at(600))
			ok(t, err)
			equal(t, "count of families "+name, count, len(c.want))
			got, err = s.db.Families(ctx, s.tenant(t), c.filter, at(600), grant.FamilyPosition{}, 0, 10)
			ok(t, err)
			equal(t, "families of another tenant", len(got), 0)
		}
		got, err := s.db.Families(ctx, id, grant.FamilyFilter{ID: "dead"}, at(599), grant.FamilyPosition{}, 0, 10)
		ok(t, err)
		equal(t, "before it died", familyIDs(got), []string{"dead"})
	}},
	{"FamiliesArePagedByPositionAndByOffset", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.someFamilies(t)
		page := func(after grant.FamilyPosition, offset, limit int) []string {
			t.Helper()
			got, err := s.db.Families(ctx, id, grant.FamilyFilter{}, at(600), after, offset, limit)
			ok(t, err)
			return familyIDs(got)
		}
		equal(t, "the first two", page(grant.FamilyPosition{}, 0, 2), []string{"f5", "f2"})
		equal(t, "behind them", page(grant.FamilyPosition{ClientID: "c", CreatedAt: at(1), ID: "f2"}, 0, 2), []string{"f4", "f1"})
		equal(t, "behind the client's", page(grant.FamilyPosition{ClientID: "c", CreatedAt: at(2), ID: "f1"}, 0, 2), []string{"f3"})
		equal(t, "behind the last", page(grant.FamilyPosition{ClientID: "d", CreatedAt: at(0), ID: "f3"}, 0, 2), []string{})
		equal(t, "by offset", page(grant.FamilyPosition{}, 3, 2), []string{"f1", "f3"})
	}},
	{"FamiliesAreRevokedByWhatAFilterNames", func(t *testing.T, s *suite) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			filter grant.FamilyFilter
			want   []string // left
			count  int
		}{
			"one":                      {grant.FamilyFilter{ID: "f4"}, []string{"f5", "f2", "f1", "f3"}, 1},
			"one that is revoked":      {grant.FamilyFilter{ID: "revoked"}, []string{"f5", "f2", "f4", "f1", "f3"}, 0},
			"those of a user":          {grant.FamilyFilter{UserID: "u"}, []string{"f2"}, 5},
			"those of a client":        {grant.FamilyFilter{ClientID: "c"}, []string{"f3"}, 5},
			"of a user and a client":   {grant.FamilyFilter{UserID: "u", ClientID: "c"}, []string{"f2", "f3"}, 4},
			"of an audience":           {grant.FamilyFilter{UserID: "u", ClientID: "c", Audience: "b"}, []string{"f5", "f2", "f1", "f3"}, 1},
			"of a session":             {grant.FamilyFilter{UserID: "u", SessionID: "s1"}, []string{"f2", "f4", "f1"}, 3},
			"of nobody":                {grant.FamilyFilter{UserID: "w"}, []string{"f5", "f2", "f4", "f1", "f3"}, 0},
			"of another user's client": {grant.FamilyFilter{UserID: "v", ClientID: "d"}, []string{"f5", "f2", "f4", "f1", "f3"}, 0},
		} {
			id := s.someFamilies(t)
			n, err := s.db.RevokeFamilies(ctx, s.tenant(t), c.filter, at(550))
			ok(t, err)
			equal(t, "revoked in another tenant", n, 0)
			n, err = s.db.RevokeFamilies(ctx, id, c.filter, at(550))
			ok(t, err)
			equal(t, "revoked: "+name, n, c.count)
			left, err := s.db.Families(ctx, id, grant.FamilyFilter{}, at(600), grant.FamilyPosition{}, 0, 10)
			ok(t, err)
			equal(t, "left: "+name, familyIDs(left), c.want)
			again, err := s.db.RevokeFamilies(ctx, id, c.filter, at(560))
			ok(t, err)
			equal(t, "revoked again: "+name, again, 0)
		}
	}},
	{"ARevocationWinsOverEveryExchangeThatComesLater", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		for _, family := range []string{"f", "g"} {
			ok(t, s.db.InsertRefreshToken(ctx, id, []byte(family+"1"), refreshToken(family, 1)))
		}
		// Each contender exchanges as long as it may, or revokes: in the end nothing lives, and everything is counted once.
		revoked := make([]int, 16)
		race(t, s.twoNodes(t), 16, func(db *store.DB, i int) (bool, error) {
			if i%4 == 0 {
				var err error
				revoked[i], err = db.RevokeFamilies(ctx, id, grant.FamilyFilter{UserID: "u"}, at(i))
				return true, err
			}
			family, sequence := []string{"f", "g"}[i%2], 1
			err := db.InTx(ctx, func(ctx context.Context) error {
				won, err := db.RotateRefreshToken(ctx, id, []byte(family+"1"), refreshToken(family, sequence), phone, at(i))
				if err != nil || !won {
					return err
				}
				return db.InsertRefreshToken(ctx, id, fmt.Append(nil, family, 2, i), refreshToken(family, 2))
			})
			return true, err
		})
		total := 0
		for _, n := range revoked {
			total += n
		}
		equal(t, "families revoked", total, 2)
		for _, node := range s.twoNodes(t) {
			left, err := node.CountFamilies(ctx, id, grant.FamilyFilter{}, at(1))
			ok(t, err)
			equal(t, "left", left, 0)
			for _, family := range []string{"f", "g"} {
				for sequence := 1; sequence <= 2; sequence++ {
					used, err := node.UseFamily(ctx, id, refreshToken(family, sequence), sequence, phone, at(99))
					ok(t, err)
					equal(t, "used after the revocation", used, false)
				}
			}
		}
	}},
	{"ConsentsAreListedAndCountedByWhatAFilterNames", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		s.someConsents(t, id)
		for name, c := range map[string]struct {
			filter grant.ConsentFilter
			want   []string
		}{
			"all":                    {grant.ConsentFilter{}, []string{"4", "2", "3", "1"}},
			"of a user":              {grant.ConsentFilter{UserID: "u"}, []string{"4", "2", "3"}},
			"of a client":            {grant.ConsentFilter{ClientID: "c"}, []string{"4", "2", "1"}},
			"of an audience":         {grant.ConsentFilter{Audience: "b"}, []string{"2", "3"}},
			"of a client's audience": {grant.ConsentFilter{ClientID: "c", Audience: "a"}, []string{"4", "1"}},
			"of all three":           {grant.ConsentFilter{UserID: "u", ClientID: "d", Audience: "b"}, []string{"3"}},
			"one":                    {grant.ConsentFilter{ID: "1"}, []string{"1"}},
			"none":                   {grant.ConsentFilter{ID: "9"}, []string{}},
		} {
			got, err := s.db.Consents(ctx, id, c.filter, 0, 10)
			ok(t, err)
			equal(t, "consents "+name, consentIDs(got), c.want)
			count, err := s.db.CountConsents(ctx, id, c.filter)
			ok(t, err)
			equal(t, "count of consents "+name, count, len(c.want))
			got, err = s.db.Consents(ctx, s.tenant(t), c.filter, 0, 10)
			ok(t, err)
			equal(t, "consents of another tenant", len(got), 0)
		}
		got, err := s.db.Consents(ctx, id, grant.ConsentFilter{}, 1, 2)
		ok(t, err)
		equal(t, "the second page", got, []*grant.Consent{
			{ID: "2", UserID: "u", ClientID: "c", Audience: "b", Scope: []string{"x", "2"}},
			{ID: "3", UserID: "u", ClientID: "d", Audience: "b", Scope: []string{"x", "3"}},
		})
	}},
	{"ConsentsAreDeletedOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		s.someConsents(t, id)
		elsewhere, err := s.db.DeleteConsents(ctx, s.tenant(t), grant.ConsentFilter{ID: "4"})
		ok(t, err)
		equal(t, "deleted in another tenant", len(elsewhere), 0)
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, _ int) (bool, error) {
			gone, err := db.DeleteConsents(ctx, id, grant.ConsentFilter{ID: "4"})
			return len(gone) == 1 && gone[0].Audience == "a", err
		})
		equal(t, "winners", won, 1)
		gone, err := s.db.DeleteConsents(ctx, id, grant.ConsentFilter{UserID: "u"})
		ok(t, err)
		equal(t, "deleted of a user", len(gone), 2)
		left, err := s.db.Consents(ctx, id, grant.ConsentFilter{}, 0, 10)
		ok(t, err)
		equal(t, "left", consentIDs(left), []string{"1"})
	}},
}

func (s *suite) someConsents(t *testing.T, tenantID string) {
	t.Helper()
	for i, c := range [][3]string{{"v", "c", "a"}, {"u", "c", "b"}, {"u", "d", "b"}, {"u", "c", "a"}} {
		id := fmt.Sprint(i + 1)
		ok(t, s.db.SaveConsent(t.Context(), tenantID, &grant.Consent{
			ID: id, UserID: c[0], ClientID: c[1], Audience: c[2], Scope: []string{"x", id},
		}, time.UnixMilli(1)))
	}
}
