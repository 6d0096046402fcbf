package engine

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// VersionTable is where the schema keeps its version.
const VersionTable = "schema_versions"

// Migrate applies the migrations in files that the database lacks, while it holds the lock.
func Migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, l lock.Locker) error {
	p, err := goose.NewProvider(dialect, db, files,
		goose.WithTableName(VersionTable), goose.WithLocker(l), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Newest gives the version that the migrations in files end with.
func Newest(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	newest := int64(0)
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("read migrations: %w", err)
		}
		newest = max(newest, v)
	}
	return newest, nil
}

// Current gives the version that VersionTable holds.
func Current(ctx context.Context, e Engine) (version int64, err error) {
	err = e.Read(ctx, &Statement{
		SQL: "SELECT MAX(version_id) FROM " + VersionTable + " WHERE is_applied",
		Row: func(r Row) error { return r.Scan(&version) },
	})
	return version, err
}
