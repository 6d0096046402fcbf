package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"latchkey/internal/clock"
	"latchkey/internal/resource"
	"latchkey/internal/store/engine"
)

var _ resource.Store = (*DB)(nil)

const (
	resourceColumns = `kind, resource_id, unique_key, parent, document, sealed, version, position, created_at, updated_at`
	selectResources = `SELECT ` + resourceColumns + ` FROM resources WHERE tenant_id = $1 AND kind = $2`
	selectResource  = selectResources + ` AND resource_id = $3`
	selectByKey     = selectResources + ` AND unique_key = $3`
	resourcesBehind = ` AND position > $3 ORDER BY position LIMIT $4 OFFSET $5`
	// The parent stands before the position in the index, so that the children of one are found in order.
	resourcesOf    = ` AND parent = $6` + resourcesBehind
	countResources = `SELECT COUNT(*) FROM resources WHERE tenant_id = $1 AND kind = $2`
	insertResource = `INSERT INTO resources
		(tenant_id, kind, resource_id, unique_key, parent, document, sealed, version, position, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)`
	updateResource = `UPDATE resources SET unique_key = $5, document = $6, sealed = $7, updated_at = $8, version = version + 1
		WHERE tenant_id = $1 AND kind = $2 AND resource_id = $3 AND version = $4`
	deleteResource    = `DELETE FROM resources WHERE tenant_id = $1 AND kind = $2 AND resource_id = $3`
	deleteResourcesOf = `DELETE FROM resources WHERE tenant_id = $1 AND kind = $2 AND parent = $3`
)

// everything is a limit for lists that are asked for as a whole.
const everything = 1 << 30

// LockConfiguration implements resource.Store: the tenant's row is what writers of configuration wait for.
func (db *DB) LockConfiguration(ctx context.Context, tenantID string) error {
	return db.writeConfig(ctx, tenantID, func(context.Context, int64) error { return nil })
}

// Resource implements resource.Store.
func (db *DB) Resource(ctx context.Context, tenantID string, kind resource.Kind, id string) (*resource.Resource, error) {
	return db.oneResource(ctx, selectResource, tenantID, string(kind), id)
}

// ResourceByKey implements resource.Store.
func (db *DB) ResourceByKey(ctx context.Context, tenantID string, kind resource.Kind, key string) (*resource.Resource, error) {
	return db.oneResource(ctx, selectByKey, byKey(tenantID, kind, key)...)
}

// byKey gives the arguments of selectByKey.
func byKey(tenantID string, kind resource.Kind, key string) []any {
	return []any{tenantID, string(kind), storedKey(key)}
}

// mostKey is how many bytes a key may have that is kept as it is: those of a grant for the longest identifier of an API are
// fewer, and an entry of an index has room for it in PostgreSQL.
const mostKey = 2500

// storedKey gives what is kept of a key: itself, or the digest of a longer one.
func storedKey(key string) string {
	if len(key) <= mostKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (db *DB) oneResource(ctx context.Context, sql string, args ...any) (*resource.Resource, error) {
	var found *resource.Resource
	err := db.read(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) (err error) {
		found, err = scanResource(r)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("read a resource: %w", err)
	}
	if found == nil {
		return nil, resource.ErrNotFound
	}
	return found, nil
}

// Resources implements resource.Store.
func (db *DB) Resources(ctx context.Context, tenantID string, kind resource.Kind, p resource.Page) ([]*resource.Resource, error) {
	return db.resources(ctx, db.read, tenantID, kind, p)
}

// reader is read or readConfig.
type reader func(ctx context.Context, questions ...*engine.Statement) error

func (db *DB) resources(ctx context.Context, read reader, tenantID string, kind resource.Kind, p resource.Page) ([]*resource.Resource, error) {
	if p.Limit <= 0 {
		p.Limit = everything
	}
	sql, args := selectResources+resourcesBehind, []any{tenantID, string(kind), p.After, p.Limit, p.Offset}
	if p.Parent != "" {
		sql, args = selectResources+resourcesOf, append(args, p.Parent)
	}
	all := []*resource.Resource{}
	err := read(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		one, err := scanResource(r)
		all = append(all, one)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list resources: %w", err)
	}
	return all, nil
}

func scanResource(r engine.Row) (*resource.Resource, error) {
	one := &resource.Resource{}
	var kind, document, sealed string
	var key *string
	var created, updated int64
	err := r.Scan(&kind, &one.ID, &key, &one.Parent, &document, &sealed, &one.Version, &one.Position, &created, &updated)
	if err != nil {
		return nil, err
	}
	one.Kind, one.Key = resource.Kind(kind), orZero(key)
	one.CreatedAt, one.UpdatedAt = clock.FromMillis(created), clock.FromMillis(updated)
	if err := decode(document, &one.Document); err != nil {
		return nil, err
	}
	one.Sealed, err = decodeSealed(sealed)
	return one, err
}

// decodeSealed reads the column of sealed secrets: a JSON object of hexadecimal texts.
func decodeSealed(text string) (map[string][]byte, error) {
	var stored map[string]string
	if err := decode(text, &stored); err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, nil
	}
	sealed := make(map[string][]byte, len(stored))
	for name, digits := range stored {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("decode a sealed secret: %w", err)
		}
		sealed[name] = b
	}
	return sealed, nil
}

func encodeResource(r *resource.Resource) (document, sealed string, err error) {
	if document, err = encode(r.Document); err != nil {
		return "", "", err
	}
	stored := make(map[string]string, len(r.Sealed))
	for name, b := range r.Sealed {
		stored[name] = hex.EncodeToString(b)
	}
	sealed, err = encode(stored)
	return document, sealed, err
}

// CountResources implements resource.Store.
func (db *DB) CountResources(ctx context.Context, tenantID string, kind resource.Kind, parent string) (int, error) {
	sql, args := countResources, []any{tenantID, string(kind)}
	if parent != "" {
		sql, args = sql+` AND parent = $3`, append(args, parent)
	}
	n := 0
	if _, err := db.readRow(ctx, sql, args, &n); err != nil {
		return 0, fmt.Errorf("count resources: %w", err)
	}
	return n, nil
}

// CreateResource implements resource.Store. Resources of one tenant are ordered by the configuration version that made
// them, since two may be made in the same millisecond.
func (db *DB) CreateResource(ctx context.Context, tenantID string, r *resource.Resource) error {
	document, sealed, err := encodeResource(r)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, version int64) error {
		err := db.write(ctx, &engine.Statement{
			SQL: insertResource,
			Args: []any{
				tenantID, string(r.Kind), r.ID, nullable(storedKey(r.Key)), r.Parent, document, sealed, version,
				clock.Millis(r.CreatedAt), clock.Millis(r.UpdatedAt),
			},
			Taken: resource.ErrExists,
		})
		if err != nil {
			return fmt.Errorf("create a resource: %w", err)
		}
		r.Version, r.Position = 1, version
		return db.follow(ctx, tenantID, r.Kind, r.ID, r.Document)
	})
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// UpdateResource implements resource.Store.
func (db *DB) UpdateResource(ctx context.Context, tenantID string, r *resource.Resource) error {
	document, sealed, err := encodeResource(r)
	if err != nil {
		return err
	}
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		s := &engine.Statement{
			SQL: updateResource,
			Args: []any{
				tenantID, string(r.Kind), r.ID, r.Version, nullable(storedKey(r.Key)), document, sealed, clock.Millis(r.UpdatedAt),
			},
			Taken: resource.ErrExists,
		}
		if err := db.write(ctx, s); err != nil {
			return fmt.Errorf("update a resource: %w", err)
		}
		if s.Changed == 0 {
			if _, err := db.Resource(ctx, tenantID, r.Kind, r.ID); err != nil {
				return err
			}
			return resource.ErrChanged
		}
		r.Version++
		return db.follow(ctx, tenantID, r.Kind, r.ID, r.Document)
	})
}

// DeleteResource implements resource.Store.
func (db *DB) DeleteResource(ctx context.Context, tenantID string, kind resource.Kind, id string) error {
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		changed, err := db.exec(ctx, deleteResource, tenantID, string(kind), id)
		if err != nil {
			return fmt.Errorf("delete a resource: %w", err)
		}
		if changed == 0 {
			return resource.ErrNotFound
		}
		return db.follow(ctx, tenantID, kind, id, nil)
	})
}

// DeleteResourcesOf implements resource.Store.
func (db *DB) DeleteResourcesOf(ctx context.Context, tenantID string, kind resource.Kind, parent string) error {
	return db.writeConfig(ctx, tenantID, func(ctx context.Context, _ int64) error {
		return db.queue(ctx, deleteResourcesOf, tenantID, string(kind), parent)
	})
}

// follow writes what else is kept of a resource: the origins of clients. Without a document the resource is gone.
func (db *DB) follow(ctx context.Context, tenantID string, kind resource.Kind, id string, document resource.Document) error {
	if kind != resource.Clients {
		return nil
	}
	return db.writeOrigins(ctx, tenantID, id, document)
}

// typed decodes a record of configuration from its resource: nil, and no error, where there is none.
func typed[T any](ctx context.Context, db *DB, sql string, args []any, finish func(*T, *resource.Resource)) (*T, error) {
	var v *T
	err := db.readConfig(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		one, err := scanResource(r)
		if err != nil {
			return err
		}
		v, err = decodeRecord(one, finish)
		return err
	}})
	return v, err
}

func decodeRecord[T any](r *resource.Resource, finish func(*T, *resource.Resource)) (*T, error) {
	v := new(T)
	if err := transcode(r.Document, v); err != nil {
		return nil, err
	}
	finish(v, r)
	return v, nil
}

// transcode turns a typed record into a document or back.
func transcode(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("decode a record: %w", err)
	}
	return nil
}

// createRecord writes a typed record as a new resource, whose document it completes. A taken id or key is exists.
func (db *DB) createRecord(ctx context.Context, tenantID string, r *resource.Resource, record any, exists error) error {
	if err := transcode(record, &r.Document); err != nil {
		return err
	}
	r.UpdatedAt = r.CreatedAt
	err := db.CreateResource(ctx, tenantID, r)
	if errors.Is(err, resource.ErrExists) {
		return exists
	}
	return err
}
