package storetest

import (
	"context"
	"strings"
	"testing"

	"latchkey/internal/connection"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

var addresses = []promise{
	{"UsersAreFoundByAnAddressOverAllConnections", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		const mail, phone = "ada@example.com", "+15551234567"
		own := person(mail)
		own.ID = "email|a"
		profile := &user.User{
			ID: "auth0|b", Email: mail, PhoneNumber: phone, Nickname: "b", CreatedAt: at(1), UpdatedAt: at(1),
			Identities: []user.Identity{{Connection: "db", Provider: connection.Database, UserID: "b", Identifiers: []string{"ada"}}},
		}
		linked := person("other@example.com")
		linked.ID = "email|c"
		linked.Identities = append(linked.Identities,
			user.Identity{
				Connection: "mail", Provider: connection.Email, UserID: "d", Identifiers: []string{mail},
				ProfileData: map[string]any{"email": mail, "email_verified": true},
			},
			user.Identity{
				Connection: "sms", Provider: connection.SMS, UserID: "e", Identifiers: []string{phone},
				ProfileData: map[string]any{"phone_number": phone, "phone_verified": true},
			})
		stranger := person("bob@example.com")
		for _, u := range []*user.User{linked, own, profile, stranger} {
			ok(t, s.db.CreateUser(ctx, id, u))
		}
		find := func(tenantID, address string, limit int, connections ...string) string {
			found, err := s.db.UsersByAddress(ctx, tenantID, address, connections, limit)
			ok(t, err)
			var ids []string
			for _, u := range found {
				ids = append(ids, u.ID)
			}
			return strings.Join(ids, " ")
		}
		for _, c := range []struct{ what, got, want string }{
			{"by e-mail", find(id, mail, 10), "auth0|b email|a email|c"},
			{"at most two", find(id, mail, 2), "auth0|b email|a"},
			{"by number, without connections", find(id, phone, 10), "auth0|b"},
			{"by number, at a connection", find(id, phone, 10, "email", "sms"), "auth0|b email|c"},
			{"by a name", find(id, "ada", 10, "db"), "auth0|b"},
			{"by nothing that is there", find(id, "nobody@example.com", 10, "email", "sms"), ""},
			{"in another tenant", find(s.tenant(t), mail, 10, "email"), ""},
		} {
			equal(t, c.what, c.got, c.want)
		}
	}},
	{"WhoTakesTheTurnOfAnAddressDecidesAlone", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		const mail = "ada@example.com"
		won := race(t, s.twoNodes(t), 12, func(db *store.DB, i int) (first bool, err error) {
			err = db.InTx(ctx, func(ctx context.Context) error {
				if err := db.TakeTurn(ctx, id, mail); err != nil {
					return err
				}
				there, err := db.UsersByAddress(ctx, id, mail, []string{"email"}, 10)
				if first = len(there) == 0; err != nil || !first {
					return err
				}
				u := person(mail)
				u.Identities[0].Connection = "mail" + string(rune('a'+i)) // no two are in each other's way
				return db.CreateUser(ctx, id, u)
			})
			return first, err
		})
		equal(t, "who found nobody", won, 1)
	}},
}
