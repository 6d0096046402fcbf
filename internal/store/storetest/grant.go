package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/grant"
	"latchkey/internal/session"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

// hashes is a list of keyed hashes: the one that is stored after one that is not, as after a rotation of the keyset.
func hashes(hash string) [][]byte { return [][]byte{[]byte("not " + hash), []byte(hash)} }

func newSession(sid, userID string) *session.Session {
	return &session.Session{
		ID: sid, UserID: userID, Connection: "email", Methods: []session.Method{{Name: "email", At: at(1)}}, Clients: []string{"c"},
		CreatedAt: at(0), AuthenticatedAt: at(1), UsedAt: at(2), UpdatedAt: at(2), IdleExpiresAt: at(1000), ExpiresAt: at(2000),
		IP: "192.0.2.1", UserAgent: "Browser/1 (Ünïcode)", LastIP: "192.0.2.9", LastUserAgent: "Browser/2",
		Persistent: true, Metadata: map[string]string{"tier": "gold"},
	}
}

var sessions = []promise{
	{"ASessionIsFoundByItsSecret", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := newSession("sid", "u")
		ok(t, s.db.InsertSession(ctx, id, want, []byte("secret")))
		got, err := s.db.SessionBySecret(ctx, id, hashes("secret"))
		ok(t, err)
		equal(t, "session", got, want)
		for _, other := range []struct {
			tenant string
			hashes [][]byte
		}{{id, hashes("other")}, {id, nil}, {id, [][]byte{{}}}, {s.tenant(t), hashes("secret")}} {
			got, err := s.db.SessionBySecret(ctx, other.tenant, other.hashes)
			ok(t, err)
			equal(t, "session", got, nil)
		}
	}},
	{"ASessionTakesThePlaceOfOneWithItsSid", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertSession(ctx, id, newSession("sid", "u"), []byte("old")))
		want := &session.Session{
			ID: "sid", UserID: "v", Connection: "sms", CreatedAt: at(10), AuthenticatedAt: at(11), UsedAt: at(12), UpdatedAt: at(12),
			Methods: []session.Method{{Name: "sms", At: at(11)}}, Clients: []string{"d"},
			IdleExpiresAt: at(1011), ExpiresAt: at(2011), IP: "192.0.2.2", UserAgent: "Other", LastIP: "192.0.2.3", LastUserAgent: "Last",
		}
		ok(t, s.db.InsertSession(ctx, id, want, []byte("new")))
		got, err := s.db.SessionBySecret(ctx, id, hashes("new"))
		ok(t, err)
		equal(t, "session", got, want)
		got, err = s.db.SessionBySecret(ctx, id, hashes("old"))
		ok(t, err)
		equal(t, "session of the old secret", got, nil)
	}},
	{"OfManyWhoReplaceASessionAllSucceedAndOneStays", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertSession(ctx, id, newSession("sid", "u"), []byte("old")))
		race(t, s.twoNodes(t), 16, func(db *store.DB, i int) (bool, error) {
			return true, db.InTx(ctx, func(ctx context.Context) error {
				if _, err := db.DeleteSession(ctx, id, "sid"); err != nil {
					return err
				}
				return db.InsertSession(ctx, id, newSession("sid", "u"), []byte{byte(i)})
			})
		})
		stay := 0
		for i := range 16 {
			got, err := s.db.SessionBySecret(ctx, id, [][]byte{{byte(i)}})
			ok(t, err)
			if got != nil {
				stay++
			}
		}
		equal(t, "secrets that open the session", stay, 1)
	}},
	{"AnUpdateWritesAllButSecretCreationAndMetadata", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertSession(ctx, id, newSession("sid", "u"), []byte("secret")))
		changed := &session.Session{
			ID: "sid", UserID: "v", Connection: "sms", CreatedAt: at(-5), AuthenticatedAt: at(11), UsedAt: at(12), UpdatedAt: at(13),
			Methods: []session.Method{{Name: "sms", At: at(11)}}, Clients: []string{"c", "d"},
			IdleExpiresAt: at(1011), ExpiresAt: at(2011), IP: "192.0.2.2", UserAgent: "Other", LastIP: "192.0.2.3", LastUserAgent: "Last",
		}
		ok(t, s.db.UpdateSession(ctx, id, changed))
		got, err := s.db.SessionBySecret(ctx, id, hashes("secret"))
		ok(t, err)
		first := newSession("sid", "u")
		changed.CreatedAt, changed.IP, changed.UserAgent = first.CreatedAt, first.IP, first.UserAgent
		changed.Persistent, changed.Metadata = first.Persistent, first.Metadata
		equal(t, "session", got, changed)
	}},
	{"AnUpdateOfASessionThatEndedIsRefused", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertSession(ctx, id, newSession("sid", "u"), []byte("secret")))
		is(t, s.db.UpdateSession(ctx, s.tenant(t), newSession("sid", "u")), session.ErrGone)
		ended, err := s.db.DeleteSession(ctx, id, "sid")
		ok(t, err)
		equal(t, "ended", ended, true)
		is(t, s.db.InTx(ctx, func(ctx context.Context) error {
			ok(t, s.db.UpdateSession(ctx, id, newSession("sid", "u")))
			return s.db.InsertCode(ctx, id, []byte("hash"), &grant.Code{})
		}), session.ErrGone)
		code, _, err := s.db.CodeByHash(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "code", code, nil)
	}},
	{"SessionsAreDeletedOneByOneOrByUser", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for i, owner := range []string{"u", "u", "u", "v"} {
			sid := fmt.Sprint("s", i)
			ok(t, s.db.InsertSession(ctx, id, newSession(sid, owner), []byte(sid)))
		}
		elsewhere, err := s.db.DeleteSession(ctx, s.tenant(t), "s0")
		ok(t, err)
		equal(t, "deleted in another tenant", elsewhere, false)
		for _, want := range []bool{true, false} {
			deleted, err := s.db.DeleteSession(ctx, id, "s0")
			ok(t, err)
			equal(t, "deleted", deleted, want)
		}
		ok(t, s.db.DeleteSessionsOf(ctx, id, "u"))
		for i, want := range []bool{false, false, false, true} {
			got, err := s.db.SessionBySecret(ctx, id, hashes(fmt.Sprint("s", i)))
			ok(t, err)
			equal(t, fmt.Sprintf("session %d exists", i), got != nil, want)
		}
	}},
	{"SessionsAreDeletedByTheConnectionThatOpenedThem", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for i, c := range [][2]string{{"u", "email"}, {"u", "sms"}, {"u", "email"}, {"v", "email"}} {
			one := newSession(fmt.Sprint("s", i), c[0])
			one.Connection = c[1]
			ok(t, s.db.InsertSession(ctx, id, one, []byte(one.ID)))
		}
		ok(t, s.db.DeleteSessionsVia(ctx, s.tenant(t), "u", "email"))
		ok(t, s.db.DeleteSessionsVia(ctx, id, "u", "email"))
		for i, want := range []bool{false, true, false, true} {
			got, err := s.db.Session(ctx, id, fmt.Sprint("s", i))
			ok(t, err)
			equal(t, fmt.Sprintf("session %d exists", i), got != nil, want)
		}
	}},
}

var logins = []promise{
	{"ATransactionIsFoundByItsState", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertTransaction(ctx, id, []byte("state"), []byte{0, 1, 2}, at(1000)))
		doc, version, hash, err := s.db.TransactionByState(ctx, id, hashes("state"))
		ok(t, err)
		equal(t, "row", []any{doc, version, hash}, []any{[]byte{0, 1, 2}, int64(1), []byte("state")})
		err = s.db.InsertTransaction(ctx, id, []byte("state"), []byte{3}, at(1000))
		equal(t, "kind", apierr.KindOf(err), apierr.Conflict)
		ok(t, s.db.InsertTransaction(ctx, s.tenant(t), []byte("state"), []byte{3}, at(1000)))
		for _, list := range [][][]byte{hashes("other"), nil} {
			doc, _, _, err := s.db.TransactionByState(ctx, id, list)
			ok(t, err)
			if doc != nil {
				t.Fatalf("got document %v, want none", doc)
			}
		}
	}},
	{"OfManyUpdatesOfOneVersionOneSucceeds", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertTransaction(ctx, id, []byte("state"), []byte("old"), at(1000)))
		won := race(t, s.twoNodes(t), 16, func(db *store.DB, i int) (bool, error) {
			return db.UpdateTransaction(ctx, id, []byte("state"), 1, []byte{byte(i)})
		})
		equal(t, "winners", won, 1)
		_, version, _, err := s.db.TransactionByState(ctx, id, hashes("state"))
		ok(t, err)
		equal(t, "version", version, 2)
		for _, c := range []struct {
			tenant, state string
			version       int64
		}{{id, "state", 1}, {id, "other", 2}, {s.tenant(t), "state", 2}} {
			changed, err := s.db.UpdateTransaction(ctx, c.tenant, []byte(c.state), c.version, nil)
			ok(t, err)
			equal(t, "changed", changed, false)
		}
	}},
}

// tenantOf makes a tenant with one user.
func (s *suite) tenantOf(t *testing.T, userID string) string {
	t.Helper()
	id, u := s.tenant(t), person("u@example.com")
	u.ID = userID
	ok(t, s.db.CreateUser(t.Context(), id, u))
	return id
}

// phone is where exchanges come from.
var phone = grant.Device{IP: "192.0.2.7", UserAgent: "Phone/1 (Ünïcode)"}

func refreshToken(family string, sequence int) *grant.RefreshToken {
	return &grant.RefreshToken{
		FamilyID: family, Sequence: sequence, ClientID: "c", UserID: "u", Audience: "urn:api", Scope: []string{"openid", "a"},
		SessionID: "sid", Connection: "email", Issuer: "https://t.example/", Rotating: true,
		AuthTime: at(-5), IssuedAt: at(sequence), ExpiresAt: at(10_000), UsedAt: at(sequence),
	}
}

var grants = []promise{
	{"ACodeComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := &grant.Code{
			ClientID: "c", UserID: "u", RedirectURI: "https://a.example/cb", RedirectURISent: true, Scope: []string{"openid"},
			Nonce: "n", AuthTime: at(1), Issuer: "i", FamilyID: "f", ExpiresAt: at(1000),
		}
		ok(t, s.db.InsertCode(ctx, id, []byte("hash"), want))
		got, hash, err := s.db.CodeByHash(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "code", got, want)
		equal(t, "hash", string(hash), "hash")
		for _, other := range []struct {
			tenant string
			hashes [][]byte
		}{{id, hashes("other")}, {id, nil}, {s.tenant(t), hashes("hash")}} {
			got, _, err := s.db.CodeByHash(ctx, other.tenant, other.hashes)
			ok(t, err)
			equal(t, "code", got, nil)
		}
	}},
	{"ACodeIsSpentOnceWhileItLives", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u := person("a@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		ok(t, s.db.InsertCode(ctx, id, []byte("hash"), &grant.Code{UserID: u.ID, ExpiresAt: at(1000)}))
		for _, c := range []struct {
			tenant, hash string
			now          time.Time
		}{{id, "hash", at(1000)}, {id, "other", at(1)}, {s.tenant(t), "hash", at(1)}} {
			spent, err := s.db.SpendCode(ctx, c.tenant, []byte(c.hash), c.now)
			ok(t, err)
			equal(t, "spent", spent, false)
		}
		won := race(t, s.twoNodes(t), 32, func(db *store.DB, _ int) (bool, error) {
			return db.SpendCode(ctx, id, []byte("hash"), at(5))
		})
		equal(t, "winners", won, 1)
		got, _, err := s.db.CodeByHash(ctx, id, hashes("hash"))
		ok(t, err)
		equal(t, "used", got.UsedAt, at(5))
	}},
	{"ACodeOfSomebodyBlockedOrGoneIsOnlyUsedUp", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		gone, blocked, elsewhere := person("a@example.com"), person("b@example.com"), person("c@example.com")
		blocked.Blocked = true
		ok(t, s.db.CreateUser(ctx, id, blocked))
		ok(t, s.db.CreateUser(ctx, s.tenant(t), elsewhere))
		for _, u := range []*user.User{gone, blocked, elsewhere} {
			hash := []byte(u.ID)
			ok(t, s.db.InsertCode(ctx, id, hash, &grant.Code{UserID: u.ID, ExpiresAt: at(1000)}))
			is(t, s.db.InTx(ctx, func(ctx context.Context) error {
				_, err := s.db.SpendCode(ctx, id, hash, at(1))
				return err
			}), user.ErrBlocked)
			c, _, err := s.db.CodeByHash(ctx, id, [][]byte{hash})
			ok(t, err)
			equal(t, "used by the transaction that ended", c.UsedAt, time.Time{})
			_, err = s.db.SpendCode(ctx, id, hash, at(1))
			is(t, err, user.ErrBlocked)
			c, _, err = s.db.CodeByHash(ctx, id, [][]byte{hash})
			ok(t, err)
			equal(t, "used", c.UsedAt, at(1))
		}
	}},
	{"UnusedCodesOfAUserAreDeleted", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		u, other := person("a@example.com"), person("b@example.com")
		ok(t, s.db.CreateUser(ctx, id, u))
		for hash, owner := range map[string]*user.User{"unused": u, "used": u, "other": other} {
			ok(t, s.db.InsertCode(ctx, id, []byte(hash), &grant.Code{UserID: owner.ID, ExpiresAt: at(1000)}))
		}
		_, err := s.db.SpendCode(ctx, id, []byte("used"), at(1))
		ok(t, err)
		ok(t, s.db.DeleteCodes(ctx, s.tenant(t), u.ID))
		ok(t, s.db.DeleteCodes(ctx, id, u.ID))
		for hash, want := range map[string]bool{"unused": false, "used": true, "other": true} {
			c, _, err := s.db.CodeByHash(ctx, id, hashes(hash))
			ok(t, err)
			equal(t, hash+" code is there", c != nil, want)
		}
	}},
	{"ARefreshTokenComesBackWithItsFamilysLatest", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		first, second := refreshToken("f", 1), refreshToken("f", 2)
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), first))
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("other"), refreshToken("g", 1)))
		rotated, err := s.db.RotateRefreshToken(ctx, id, []byte("1"), first, phone, at(5))
		ok(t, err)
		equal(t, "rotated", rotated, true)
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("2"), second))
		first.UsedAt, first.RotatedAt = at(5), at(5)
		for hash, want := range map[string]*grant.RefreshToken{"1": first, "2": second} {
			got, found, latest, err := s.db.RefreshTokenByHash(ctx, id, hashes(hash))
			ok(t, err)
			equal(t, "token", got, want)
			equal(t, "hash", string(found), hash)
			equal(t, "latest", latest, 2)
		}
		for _, other := range []struct {
			tenant string
			hashes [][]byte
		}{{id, hashes("3")}, {id, nil}, {s.tenant(t), hashes("1")}} {
			got, _, _, err := s.db.RefreshTokenByHash(ctx, other.tenant, other.hashes)
			ok(t, err)
			equal(t, "token", got, nil)
		}
	}},
	{"ARefreshTokenIsRotatedOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		first := refreshToken("f", 1)
		first.Rotating = false // until now
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), first))
		won := race(t, s.twoNodes(t), 32, func(db *store.DB, i int) (bool, error) {
			won := false
			err := db.InTx(ctx, func(ctx context.Context) (err error) {
				if won, err = db.RotateRefreshToken(ctx, id, []byte("1"), first, phone, at(9)); err != nil || !won {
					return err
				}
				return db.InsertRefreshToken(ctx, id, []byte{byte(i), 2}, refreshToken("f", 2))
			})
			return won, err
		})
		equal(t, "winners", won, 1)
		got, _, latest, err := s.db.RefreshTokenByHash(ctx, id, hashes("1"))
		ok(t, err)
		equal(t, "rotated, used, latest", []any{got.RotatedAt, got.UsedAt, latest}, []any{at(9), at(9), 2})
		equal(t, "rotating", got.Rotating, true)
		again, err := s.db.RotateRefreshToken(ctx, id, []byte("1"), first, phone, at(10))
		ok(t, err)
		equal(t, "rotated again", again, false)
		touched, err := s.db.UseFamily(ctx, id, first, 1, phone, at(10))
		ok(t, err)
		equal(t, "touched", touched, false)
	}},
	{"OfTokensBesideEachOtherOneGoesOn", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		first := refreshToken("f", 1)
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), first))
		_, err := s.db.RotateRefreshToken(ctx, id, []byte("1"), first, phone, at(9))
		ok(t, err)
		for i := range 8 {
			ok(t, s.db.InsertRefreshToken(ctx, id, []byte{byte(i), 2}, refreshToken("f", 2)))
		}
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, i int) (bool, error) {
			return db.RotateRefreshToken(ctx, id, []byte{byte(i), 2}, refreshToken("f", 2), phone, at(19))
		})
		equal(t, "winners", won, 1)
		used := 0
		for i := range 8 {
			got, _, latest, err := s.db.RefreshTokenByHash(ctx, id, [][]byte{{byte(i), 2}})
			ok(t, err)
			equal(t, "rotated, latest", []any{got.RotatedAt, latest}, []any{at(19), 3})
			if got.UsedAt.Equal(at(19)) {
				used++
			}
			touched, err := s.db.UseFamily(ctx, id, refreshToken("f", 2), 2, phone, at(20))
			ok(t, err)
			equal(t, "touched", touched, false)
		}
		equal(t, "used", used, 1)
	}},
	{"AFamilyIsHeldWhileItsLatestIsTheOneAsked", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), refreshToken("f", 1)))
		hold := func(tenantID, family string, latest int, want bool) {
			t.Helper()
			held, err := s.db.UseFamily(ctx, tenantID, refreshToken(family, 1), latest, phone, at(1))
			ok(t, err)
			equal(t, "held", held, want)
		}
		hold(id, "f", 1, true)
		hold(id, "f", 2, false)
		hold(id, "g", 1, false)
		hold(s.tenantOf(t, "u"), "f", 1, false)
		got, _, latest, err := s.db.RefreshTokenByHash(ctx, id, hashes("1"))
		ok(t, err)
		equal(t, "token", got, refreshToken("f", 1))
		equal(t, "latest", latest, 1)
		ok(t, s.db.RevokeFamily(ctx, id, "f", at(2)))
		hold(id, "f", 1, false)
	}},
	{"TokensOfSomebodyBlockedOrGoneAreNotUsed", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		blocked := person("b@example.com")
		blocked.Blocked = true
		ok(t, s.db.CreateUser(ctx, id, blocked))
		for _, owner := range []string{"nobody", blocked.ID} {
			r := refreshToken(owner, 1)
			r.UserID = owner
			ok(t, s.db.InsertRefreshToken(ctx, id, []byte(owner), r))
			rotated, err := s.db.RotateRefreshToken(ctx, id, []byte(owner), r, phone, at(2))
			ok(t, err)
			used, err := s.db.UseFamily(ctx, id, r, 1, phone, at(2))
			ok(t, err)
			equal(t, "rotated, used", []bool{rotated, used}, []bool{false, false})
			got, _, _, err := s.db.RefreshTokenByHash(ctx, id, [][]byte{[]byte(owner)})
			ok(t, err)
			equal(t, "token", got, r)
		}
	}},
	{"AFamilyThatIsGoneDoesNotComeBack", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), refreshToken("f", 1)))
		ok(t, s.db.TrimRefreshTokens(ctx, id, "u", "c", 0))
		rotated, err := s.db.RotateRefreshToken(ctx, id, []byte("1"), refreshToken("f", 1), phone, at(2))
		ok(t, err)
		equal(t, "rotated", rotated, false)
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("2"), refreshToken("f", 2)))
		for _, hash := range []string{"1", "2"} {
			got, _, _, err := s.db.RefreshTokenByHash(ctx, id, hashes(hash))
			ok(t, err)
			equal(t, "token", got, nil)
		}
	}},
	{"FamiliesThatDoNotRotateAreRevokedByThemselves", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		for i, c := range []struct {
			user, client, audience string
			rotating               bool
		}{{"u", "c", "a", false}, {"u", "c", "a", true}, {"u", "c", "", false}, {"u", "d", "a", false}, {"v", "c", "a", false}, {"u", "c", "a", false}} {
			r := refreshToken(fmt.Sprint("f", i), 1)
			r.UserID, r.ClientID, r.Audience, r.Rotating = c.user, c.client, c.audience, c.rotating
			ok(t, s.db.InsertRefreshToken(ctx, id, []byte{byte(i)}, r))
			if i == 5 { // it rotates now
				_, err := s.db.RotateRefreshToken(ctx, id, []byte{byte(i)}, r, phone, at(2))
				ok(t, err)
			}
		}
		ok(t, s.db.RevokeNotRotating(ctx, s.tenant(t), "u", "c", "a", at(9)))
		ok(t, s.db.RevokeNotRotating(ctx, id, "u", "c", "a", at(9)))
		for i, want := range []bool{true, false, false, false, false, false} {
			got, _, _, err := s.db.RefreshTokenByHash(ctx, id, [][]byte{{byte(i)}})
			ok(t, err)
			equal(t, fmt.Sprintf("token %d revoked", i), !got.RevokedAt.IsZero(), want)
		}
	}},
	{"ARevokedFamilyIsDeadForGood", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		first := refreshToken("f", 1)
		first.Rotating = false
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("1"), first))
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("other"), refreshToken("g", 1)))
		ok(t, s.db.RevokeFamily(ctx, s.tenant(t), "f", at(20)))
		touched, err := s.db.UseFamily(ctx, id, first, 1, phone, at(20))
		ok(t, err)
		equal(t, "touched", touched, true)
		ok(t, s.db.RevokeFamily(ctx, id, "f", at(21)))
		ok(t, s.db.RevokeFamily(ctx, id, "f", at(22)))
		got, _, _, err := s.db.RefreshTokenByHash(ctx, id, hashes("1"))
		ok(t, err)
		equal(t, "used, revoked", []any{got.UsedAt, got.RevokedAt}, []any{at(20), at(21)})
		rotated, err := s.db.RotateRefreshToken(ctx, id, []byte("1"), got, phone, at(23))
		ok(t, err)
		equal(t, "rotated", rotated, false)
		touched, err = s.db.UseFamily(ctx, id, first, 1, phone, at(23))
		ok(t, err)
		equal(t, "touched", touched, false)
		// A token that another transaction was just adding is as dead as the others.
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("2"), refreshToken("f", 2)))
		got, _, _, err = s.db.RefreshTokenByHash(ctx, id, hashes("2"))
		ok(t, err)
		equal(t, "successor revoked", got.RevokedAt, at(21))
		got, _, _, err = s.db.RefreshTokenByHash(ctx, id, hashes("other"))
		ok(t, err)
		equal(t, "another family revoked", got.RevokedAt, time.Time{})
	}},
	{"TokensAreRevokedByUserOrByUserClientAndAudience", func(t *testing.T, s *suite) {
		ctx := t.Context()
		via := func(userID, connection string) func(string) error {
			return func(tenantID string) error {
				return s.db.RevokeTokensVia(ctx, tenantID, userID, connection, at(30))
			}
		}
		all := func(userID string) func(string) error {
			return func(tenantID string) error { return s.db.RevokeTokens(ctx, tenantID, userID, at(30)) }
		}
		some := func(userID, clientID, audience string) func(string) error {
			return func(tenantID string) error {
				return s.db.RevokeGrant(ctx, tenantID, userID, clientID, audience, at(30))
			}
		}
		for name, c := range map[string]struct {
			revoke func(tenantID string) error
			want   []bool
		}{
			"all of a user":             {all("u"), []bool{true, true, true, true, false}},
			"all of nobody":             {all("w"), []bool{false, false, false, false, false}},
			"through a connection":      {via("u", "email"), []bool{true, true, true, false, false}},
			"through no connection":     {via("u", "people"), []bool{false, false, true, false, false}},
			"of an audience":            {some("u", "c", "a"), []bool{true, false, false, false, false}},
			"without an audience":       {some("u", "c", ""), []bool{false, false, false, true, false}},
			"of no client":              {some("u", "", "a"), []bool{false, false, false, false, false}},
			"of an audience not in use": {some("u", "c", "c"), []bool{false, false, false, false, false}},
		} {
			id := s.tenant(t)
			for i, owner := range [][3]string{{"u", "c", "a"}, {"u", "c", "b"}, {"u", "d", "a"}, {"u", "c", ""}, {"v", "c", "a"}} {
				r := refreshToken(fmt.Sprint("f", i), 1)
				r.UserID, r.ClientID, r.Audience = owner[0], owner[1], owner[2]
				r.Connection = []string{"email", "email", "", "sms", "email"}[i] // the third does not know
				ok(t, s.db.InsertRefreshToken(ctx, id, []byte{byte(i)}, r))
			}
			ok(t, c.revoke(s.tenant(t)))
			ok(t, c.revoke(id))
			for i, want := range c.want {
				got, _, _, err := s.db.RefreshTokenByHash(ctx, id, [][]byte{{byte(i)}})
				ok(t, err)
				equal(t, fmt.Sprintf("token %d revoked, %s", i, name), !got.RevokedAt.IsZero(), want)
			}
		}
	}},
	{"TheOldestFamiliesBeyondTheLimitAreTrimmed", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenantOf(t, "u")
		for i := range 5 {
			r := refreshToken(fmt.Sprint("f", i), 1)
			r.IssuedAt = at(i)
			ok(t, s.db.InsertRefreshToken(ctx, id, []byte{byte(i)}, r))
		}
		// Revoked families take nobody's place, whether they are old or new.
		for hash, issued := range map[string]int{"old": 0, "new": 9} {
			r := refreshToken(hash, 1)
			r.IssuedAt = at(issued)
			ok(t, s.db.InsertRefreshToken(ctx, id, []byte(hash), r))
			ok(t, s.db.RevokeFamily(ctx, id, hash, at(10)))
		}
		// A rotation does not make a family younger.
		_, err := s.db.RotateRefreshToken(ctx, id, []byte{0}, refreshToken("f0", 1), phone, at(8))
		ok(t, err)
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("rotated"), refreshToken("f0", 2)))
		other := refreshToken("other", 1)
		other.ClientID = "d"
		ok(t, s.db.InsertRefreshToken(ctx, id, []byte("other"), other))
		ok(t, s.db.TrimRefreshTokens(ctx, id, "u", "c", 3))
		for hash, want := range map[string]bool{
			"\x00": false, "rotated": false, "\x01": false, "\x02": true, "\x03": true, "\x04": true, "other": true, "old": true, "new": true,
		} {
			got, _, _, err := s.db.RefreshTokenByHash(ctx, id, hashes(hash))
			ok(t, err)
			equal(t, fmt.Sprintf("token %q is there", hash), got != nil, want)
		}
	}},
	{"AConsentReplacesAnOlderOne", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		c := &grant.Consent{ID: "1", UserID: "u", ClientID: "c", Audience: "urn:api", Scope: []string{"a"}}
		ok(t, s.db.SaveConsent(ctx, id, c, at(1)))
		c.ID, c.Scope = "2", []string{"a", "b"}
		ok(t, s.db.SaveConsent(ctx, id, c, at(2)))
		c.ID = "1" // stays
		got, err := s.db.ConsentFor(ctx, id, "u", "c", "urn:api")
		ok(t, err)
		equal(t, "consent", got, c)
		for _, other := range [][4]string{{id, "v", "c", "urn:api"}, {id, "u", "d", "urn:api"}, {id, "u", "c", ""}, {s.tenant(t), "u", "c", "urn:api"}} {
			got, err := s.db.ConsentFor(ctx, other[0], other[1], other[2], other[3])
			ok(t, err)
			equal(t, "consent", got, nil)
		}
	}},
	{"APushedRequestIsTakenOnce", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := &grant.Pushed{ClientID: "c", Params: map[string]string{"scope": "openid", "état": "ß"}, ExpiresAt: at(60_000)}
		ok(t, s.db.InsertPushed(ctx, id, []byte("1"), want))
		foreign, err := s.db.TakePushed(ctx, s.tenant(t), hashes("1"))
		ok(t, err)
		equal(t, "taken in another tenant", foreign, nil)
		got, err := s.db.TakePushed(ctx, id, hashes("1"))
		ok(t, err)
		equal(t, "pushed request", got, want)
		ok(t, s.db.InsertPushed(ctx, id, []byte("2"), want))
		won := race(t, s.twoNodes(t), 16, func(db *store.DB, _ int) (bool, error) {
			p, err := db.TakePushed(ctx, id, hashes("2"))
			return p != nil, err
		})
		equal(t, "winners", won, 1)
		none, err := s.db.TakePushed(ctx, id, nil)
		ok(t, err)
		equal(t, "taken by no hash", none, nil)
	}},
}
