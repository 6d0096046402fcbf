package store

import (
	"latchkey/internal/eventlog"
	"latchkey/internal/grant"
)

// listings are the statements that filters of families and consents lead to.
func listings() []string {
	var all []string
	rotating := true
	for _, f := range []grant.FamilyFilter{
		{ID: "f"}, {UserID: "u"}, {ClientID: "c"}, {UserID: "u", ClientID: "c"}, {UserID: "u", ClientID: "c", Audience: "a"},
		{UserID: "u", SessionID: "s"}, {UserID: "u", Rotating: &rotating}, {ClientID: "c", Rotating: &rotating},
	} {
		n := familiesNamed(f, 1, 2, 3, 4, 5, 6, 7)
		all = append(all, selectFamilies+ofTenant+notExpired+familiesAfter+n.sql.String()+familyOrder)
		n = familiesNamed(f, 1, 2)
		all = append(all, countFamilies+ofTenant+notExpired+n.sql.String(), revokeFamilies+ofTenant+n.sql.String())
	}
	for _, f := range []grant.ConsentFilter{
		{ID: "i"}, {UserID: "u"}, {ClientID: "c"}, {Audience: "a"}, {UserID: "u", Audience: "a"}, {ClientID: "c", Audience: "a"},
	} {
		all = append(all, selectConsents+ofTenant+consentsNamed(f, 1, 2, 3).sql.String()+consentOrder,
			countConsents+ofTenant+consentsNamed(f, 1).sql.String(), deleteConsents+ofTenant+consentsNamed(f, 1).sql.String())
	}
	for _, connection := range []string{"", "c"} {
		n := locksNamed("t", connection, "i")
		n.compares("locked_until >", 1)
		all = append(all, selectLocks+n.sql.String()+lockOrder+n.parameter(9), deleteLocks+n.sql.String())
	}
	return append(all, setFamilyMetadata, revokeSigningKey)
}

// logListings are the statements that criteria of log events lead to.
func logListings() []string {
	var all []string
	for _, c := range []eventlog.Criteria{
		{Type: "s"}, {UserID: "u"}, {From: "1", Until: "2"}, {Type: "s", From: "1"}, {Type: "s", Until: "1"},
		{UserID: "u", From: "1", Until: "2"}, {Type: "s", UserID: "u", Until: "1"},
	} {
		for _, c.Ascending = range []bool{false, true} {
			sql, _ := listLogs("t", c, 9)
			all = append(all, sql)
		}
	}
	return all
}
