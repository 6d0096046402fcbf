package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// With its own guesses SQLite once read all sessions of a tenant to find one by its secret.
func TestPlans_ReadNoMoreThanTheyMust(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.db")
	db, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	plain, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()

	statements := []string{
		selectAttempt, selectUserByIdentity, spendChallenge, countWrong, resetGuesses, killChallenge, recordLogin,
		in(selectSession+bySecret, 1, 2, ""), in(selectSession+bySecret, 3, 2, ""), updateSession, deleteSession, deleteSessionsOf, deleteSessionsVia,
		selectLiveSessions, selectSessionBySID, setSessionMetadata,
		in(selectTransaction, 2, 2, ""), updateTransaction, in(selectCode, 2, 2, ""), spendCode, deleteCodes,
		in(selectRefreshToken, 1, 2, ""), in(selectFamilyOfToken, 3, 2, ")"), advanceFamily, useFamily, rotateRefreshToken,
		revokeFamily, revokeTokens, revokeTokensVia, revokeGrant, revokeNotRotating, trimFamilies, selectConsent, in(selectTicket, 2, 2, ""), spendTicket, in(takePushed, 2, 2, ""),
		selectLog, countLogs,
		in(cancelMessages, 3, 2, ""), tuples(claimMessages, 4, 2, 3, "", claimMessagesEnd), claimDue + claimDueEnd, finishMessage,
		selectOrigin, selectOriginPatterns, deleteClientOrigins, selectTenantOfHost, selectResource, selectByKey,
		selectResources + resourcesOf, updateResource, deleteResource, deleteResourcesOf, takeLease,
		in(selectByAddress, 1, 7, byAddressOrder), in(selectByAddress, 5, 7, byAddressOrder),
	}
	statements = append(statements, append(listings(), logListings()...)...)
	for i := range mortals {
		statements = append(statements, mortals[i].selectBite(), mortals[i].deleteOne())
	}
	// A whole table, or the whole part of one tenant; a few rows that are made up on the spot are no table.
	tooMuch := regexp.MustCompile(`^SCAN [a-z_]+$|^SEARCH .*USING (INDEX [a-z_]*|COVERING INDEX [a-z_]*|PRIMARY KEY) \(tenant_id=\?\)`)
	fine := regexp.MustCompile(`^SCAN (always|due)$|client_origin_patterns`)
	for _, statement := range statements {
		rows, err := plain.Query("EXPLAIN QUERY PLAN "+statement, make([]any, 20)...)
		if err != nil {
			t.Fatalf("%s\n%v", statement, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if detail = strings.TrimSuffix(detail, " LEFT-JOIN"); tooMuch.MatchString(detail) && !fine.MatchString(detail) {
				t.Errorf("the plan has %q for\n%s", detail, statement)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
}
