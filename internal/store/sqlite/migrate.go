package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	moderncsqlite "modernc.org/sqlite"

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

// Migrate implements engine.Engine.
func (e *Engine) Migrate(ctx context.Context) error {
	current, wanted, err := e.Versions(ctx)
	if err != nil {
		return err
	}
	if current >= wanted {
		return nil
	}
	connector, err := moderncsqlite.NewConnector(e.dsn(false))
	if err != nil {
		return fmt.Errorf("open the database to migrate it: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(2) // one migrates, one keeps the lock
	return engine.Migrate(ctx, goose.DialectSQLite3, db, migrations(), tableLock{})
}

// Versions implements engine.Engine.
func (e *Engine) Versions(ctx context.Context) (current, wanted int64, err error) {
	if wanted, err = engine.Newest(migrations()); err != nil {
		return 0, 0, err
	}
	tables := 0
	err = e.Read(ctx, &engine.Statement{
		SQL:  "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
		Args: []any{engine.VersionTable},
		Row:  func(r engine.Row) error { return r.Scan(&tables) },
	})
	if err != nil || tables == 0 {
		return 0, wanted, err
	}
	current, err = engine.Current(ctx, e)
	return current, wanted, err
}

// tableLock lets one process at a time migrate: a row that whoever died holding it loses after a while.
type tableLock struct{}

const (
	lockLife = time.Minute
	lockPoll = 50 * time.Millisecond
)

// Lock implements goose's lock.Locker.
func (tableLock) Lock(ctx context.Context, db *sql.DB) error {
	for {
		taken, err := tryLock(ctx, db)
		if err != nil || taken {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process is migrating the database: %w", ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

func tryLock(ctx context.Context, db *sql.DB) (bool, error) {
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migration_lock (one INTEGER PRIMARY KEY, ends_at INTEGER NOT NULL)")
	if err == nil {
		now := time.Now()
		var result sql.Result
		result, err = db.ExecContext(ctx, `INSERT INTO migration_lock (one, ends_at) VALUES (1, $1)
			ON CONFLICT (one) DO UPDATE SET ends_at = excluded.ends_at WHERE migration_lock.ends_at < $2`,
			now.Add(lockLife).UnixMilli(), now.UnixMilli())
		if err == nil {
			n, err := result.RowsAffected()
			return n == 1, err
		}
	}
	if errors.Is(mapError(err, nil), engine.ErrRetry) {
		return false, nil
	}
	return false, fmt.Errorf("lock the database for migration: %w", err)
}

// Unlock implements goose's lock.Locker.
func (tableLock) Unlock(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "DELETE FROM migration_lock")
	return err
}
