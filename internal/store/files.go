package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/seal"
	"latchkey/internal/store/engine"
)

// What belongs to the server and to no tenant: the proof of the master keyset, small files that all nodes share, leases.

const (
	selectMeta = `SELECT value FROM meta WHERE name = $1`
	insertMeta = `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	updateMeta = `UPDATE meta SET value = $2 WHERE name = $1`

	putFile = `INSERT INTO shared_files (name, content, modified_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET content = excluded.content, modified_at = excluded.modified_at`
	selectFile  = `SELECT content, modified_at FROM shared_files WHERE name = $1`
	belowFile   = ` WHERE name = $1 OR name LIKE $2 ESCAPE '\'`
	selectFiles = `SELECT name, LENGTH(content), modified_at FROM shared_files` + belowFile + ` ORDER BY name`
	deleteFiles = `DELETE FROM shared_files` + belowFile

	takeLease = `INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
		WHERE leases.holder = excluded.holder OR leases.expires_at <= $4`
	releaseLease = `DELETE FROM leases WHERE name = $1 AND holder = $2`
)

// canary is the row that tells whose master keyset sealed this database.
const canary = "master_keyset"

var canaryPlace = []string{"", "meta", "value", canary}

// ErrKeyset is the answer to a master keyset that is not the one this database was sealed with.
var ErrKeyset = errors.New("this database was sealed with another master keyset")

// CheckKeyset reports ErrKeyset when the database was sealed with another master keyset. The first keyset that asks becomes
// the database's own.
func (db *DB) CheckKeyset(ctx context.Context, keys *seal.Keyset) error {
	value, err := keys.Seal([]byte(canary), canaryPlace...)
	if err != nil {
		return err
	}
	var stored []byte
	found, err := db.readRow(ctx, selectMeta, []any{canary}, &stored)
	if err != nil {
		return fmt.Errorf("read the proof of the master keyset: %w", err)
	}
	if !found {
		if _, err := db.exec(ctx, insertMeta, canary, value); err != nil {
			return fmt.Errorf("write the proof of the master keyset: %w", err)
		}
		if _, err := db.readRow(ctx, selectMeta, []any{canary}, &stored); err != nil {
			return fmt.Errorf("read the proof of the master keyset: %w", err)
		}
	}
	if _, err := keys.Open(stored, canaryPlace...); err != nil {
		return ErrKeyset
	}
	return nil
}

// ResealKeyset proves the rotated master keyset to the database: from now on CheckKeyset asks for a keyset that knows the
// first key of keys. It reports ErrKeyset when keys is not a rotation of the database's own keyset.
func (db *DB) ResealKeyset(ctx context.Context, keys *seal.Keyset) error {
	if err := db.CheckKeyset(ctx, keys); err != nil {
		return err
	}
	value, err := keys.Seal([]byte(canary), canaryPlace...)
	if err != nil {
		return err
	}
	return db.queue(ctx, updateMeta, canary, value)
}

// SharedFile is a small file that all nodes share.
type SharedFile struct {
	Name     string // a path with slashes
	Content  []byte
	Size     int64
	Modified time.Time
}

// errNoFile is the answer for a shared file that does not exist.
var errNoFile = apierr.New(apierr.NotFound, "no_such_file", "The file does not exist.")

// PutFile writes a file, whether or not it exists.
func (db *DB) PutFile(ctx context.Context, f SharedFile) error {
	if _, err := db.exec(ctx, putFile, f.Name, f.Content, clock.Millis(f.Modified)); err != nil {
		return fmt.Errorf("write a shared file: %w", err)
	}
	return nil
}

// File gives a file, or an error of kind not_found.
func (db *DB) File(ctx context.Context, name string) (SharedFile, error) {
	f := SharedFile{Name: name}
	var modified int64
	found, err := db.readRow(ctx, selectFile, []any{name}, &f.Content, &modified)
	if err != nil {
		return SharedFile{}, fmt.Errorf("read a shared file: %w", err)
	}
	if !found {
		return SharedFile{}, errNoFile
	}
	f.Size, f.Modified = int64(len(f.Content)), clock.FromMillis(modified)
	return f, nil
}

// Files lists the file called name and those below it (name + "/"), all of them for "", by name and without content.
func (db *DB) Files(ctx context.Context, name string) ([]SharedFile, error) {
	var all []SharedFile
	args := below(name)
	if name == "" {
		args[1] = "%"
	}
	err := db.read(ctx, &engine.Statement{SQL: selectFiles, Args: args, Row: func(r engine.Row) error {
		var f SharedFile
		var modified int64
		err := r.Scan(&f.Name, &f.Size, &modified)
		f.Modified = clock.FromMillis(modified)
		all = append(all, f)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list shared files: %w", err)
	}
	return all, nil
}

// DeleteFiles deletes the file called name and those below it. That there is none is no error.
func (db *DB) DeleteFiles(ctx context.Context, name string) error {
	if _, err := db.exec(ctx, deleteFiles, below(name)...); err != nil {
		return fmt.Errorf("delete shared files: %w", err)
	}
	return nil
}

// below gives the arguments of belowFile.
func below(name string) []any {
	literal := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(name)
	return []any{name, literal + "/%"}
}

// TakeLease gives the lease called name to holder until a time, when nobody else holds it at now; holder's own lease is
// prolonged. It reports whether holder has it.
func (db *DB) TakeLease(ctx context.Context, name, holder string, now, until time.Time) (bool, error) {
	changed, err := db.exec(ctx, takeLease, name, holder, clock.Millis(until), clock.Millis(now))
	if err != nil {
		return false, fmt.Errorf("take a lease: %w", err)
	}
	return changed == 1, nil
}

// ReleaseLease ends holder's lease.
func (db *DB) ReleaseLease(ctx context.Context, name, holder string) error {
	if _, err := db.exec(ctx, releaseLease, name, holder); err != nil {
		return fmt.Errorf("release a lease: %w", err)
	}
	return nil
}
