package otp_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/clock"
	"latchkey/internal/otp"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
)

func TestLocks_ShowAnIdentifierOnceUntilItsLastLockEnds(t *testing.T) {
	t.Parallel()
	keys, err := seal.NewKeyset()
	must(t, err)
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	c := clock.NewFake(time.Unix(1e9, 0))
	codes := otp.New(db, keys, c)
	lock := func(connection, subject string, life time.Duration) {
		t.Helper()
		_, err := db.CountGuess(t.Context(), "t", connection, subject, 1, life, life, c.Now(), time.Unix(1, 0))
		must(t, err)
	}
	lock("email", "a@example.com", time.Minute)
	lock("email", "a@example.com phone", time.Hour)
	lock("email", "a@example.com laptop", time.Second)
	lock("sms", "+15550100", time.Minute)
	list := func(connection string, identifiers ...string) []otp.Lock {
		t.Helper()
		got, err := codes.Locks(t.Context(), "t", connection, identifiers...)
		must(t, err)
		return got
	}
	want := []otp.Lock{
		{Connection: "sms", Identifier: "+15550100", Until: c.Now().Add(time.Minute)},
		{Connection: "email", Identifier: "a@example.com", Until: c.Now().Add(time.Hour)},
	}
	if diff := cmp.Diff(want, list("", "+15550100", "a@example.com", "b@example.com")); diff != "" {
		t.Errorf("locks differ (-want +got):\n%s", diff)
	}
	if got := list("sms", "a@example.com"); len(got) > 0 {
		t.Errorf("got %v at another connection, want none", got)
	}
	ended, err := codes.Unlock(t.Context(), "t", "", "a@example.com", "b@example.com")
	must(t, err)
	if left := list("", "+15550100", "a@example.com"); ended != 3 || len(left) != 1 {
		t.Errorf("ended %d and left %v, want 3 ended and one left", ended, left)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
