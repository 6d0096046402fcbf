package store_test

import (
	"testing"

	"latchkey/internal/store/storetest"
)

func TestContract_OnSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.SQLite)
}

func TestContract_OnPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.PostgreSQL)
}
