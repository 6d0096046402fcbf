package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"latchkey/internal/store/engine"
)

//go:embed migrations/*.sql
var embedded embed.FS

func migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return sub
}

// Migrate implements engine.Engine. The lock is a row, not an advisory lock: not every database that speaks the protocol
// has those.
func (e *Engine) Migrate(ctx context.Context) error {
	current, wanted, err := e.Versions(ctx)
	if err != nil {
		return err
	}
	if current >= wanted {
		return nil
	}
	locker, err := lock.NewPostgresTableLocker(
		lock.WithTableName("schema_lock"), lock.WithTableLockTimeout(time.Second, 300))
	if err != nil {
		return fmt.Errorf("lock the database for migration: %w", err)
	}
	db := stdlib.OpenDBFromPool(e.pool)
	defer db.Close()
	return engine.Migrate(ctx, goose.DialectPostgres, db, migrations(), locker)
}

// Versions implements engine.Engine.
func (e *Engine) Versions(ctx context.Context) (current, wanted int64, err error) {
	if wanted, err = engine.Newest(migrations()); err != nil {
		return 0, 0, err
	}
	found := false
	err = e.Read(ctx, &engine.Statement{
		SQL: `SELECT EXISTS (SELECT 1 FROM information_schema.tables
			WHERE table_schema = current_schema() AND table_name = $1)`,
		Args: []any{engine.VersionTable},
		Row:  func(r engine.Row) error { return r.Scan(&found) },
	})
	if err != nil || !found {
		return 0, wanted, err
	}
	current, err = engine.Current(ctx, e)
	return current, wanted, err
}
