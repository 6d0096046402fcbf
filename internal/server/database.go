package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"latchkey/internal/clock"
	"latchkey/internal/key"
	"latchkey/internal/seal"
	"latchkey/internal/store"
)

// DatabaseOptions say which database is opened, and with which keys.
type DatabaseOptions struct {
	// URL is a postgres:// URL or the path of an SQLite file.
	URL string
	// Keyset opens what is sealed. A database that another keyset has sealed is refused. Nil opens it for what is not
	// sealed.
	Keyset *seal.Keyset
	// Migrate makes the file and brings the tables up to date first, as development mode does.
	Migrate bool
	// Clock is the system's when nil.
	Clock clock.Clock
}

// Database is an opened database with the keys to it.
type Database struct {
	Store  *store.DB
	Keyset *seal.Keyset
	Keys   *key.Keys // nil without a keyset
	Clock  clock.Clock
}

// OpenDatabase opens a database, checks that its tables are what this version needs and that the keyset is the one it was
// sealed with. Errors say what to do.
func OpenDatabase(ctx context.Context, o DatabaseOptions) (*Database, error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if !o.Migrate {
		if err := exists(o.URL); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(ctx, o.URL, store.Options{})
	if err != nil {
		return nil, err
	}
	d := &Database{Store: s, Keyset: o.Keyset, Clock: o.Clock}
	if err := d.prepare(ctx, o.Migrate); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return d, nil
}

func (d *Database) prepare(ctx context.Context, migrate bool) error {
	bring := d.Store.CheckSchema
	if migrate {
		bring = d.Store.Migrate
	}
	if err := bring(ctx); err != nil {
		return err
	}
	if d.Keyset == nil {
		return nil
	}
	d.Keys = key.New(key.Config{Store: d.Store, Seal: d.Keyset, Clock: d.Clock})
	return d.checkKeyset(ctx)
}

// checkKeyset refuses a keyset that is not the one the database was sealed with.
func (d *Database) checkKeyset(ctx context.Context) error {
	err := d.Store.CheckKeyset(ctx, d.Keyset)
	if errors.Is(err, store.ErrKeyset) {
		return fmt.Errorf("%w, so nothing in it could be read; use the keyset it was made with (in development mode: the same --data folder), or another database", err)
	}
	return err
}

// Close closes the database.
func (d *Database) Close() error { return d.Store.Close() }

// Migrate brings a database's tables to what this version needs, and reports whether there was anything to do.
func Migrate(ctx context.Context, url string) (changed bool, err error) {
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.CheckSchema(ctx) == nil {
		return false, nil
	}
	if err := s.Migrate(ctx); err != nil {
		return false, err
	}
	return true, s.CheckSchema(ctx)
}

// exists refuses a file that is not there: opening would make an empty one, and a mistyped name would look like an empty
// server.
func exists(url string) error {
	if scheme, _, found := strings.Cut(url, "://"); found && scheme != "sqlite" {
		return nil
	}
	path := strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "//")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s; make it with: latchkey migrate --database %s", path, path)
	}
	return nil
}
