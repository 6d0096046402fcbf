package store

import (
	"context"
	"encoding/json"
	"fmt"

	"latchkey/internal/clock"
	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

var _ user.ItemStore = (*DB)(nil)

const (
	// A write that changes nothing: it is what both databases make others wait for, and it travels with the next question.
	lockUser    = `UPDATE users SET blocked = blocked WHERE tenant_id = $1 AND user_id = $2`
	selectItems = `SELECT item_id, document, created_at FROM user_items
		WHERE tenant_id = $1 AND user_id = $2 AND kind = $3 ORDER BY created_at, item_id`
	putItem = `INSERT INTO user_items (tenant_id, user_id, kind, item_id, document, created_at)
		SELECT users.tenant_id, users.user_id, CAST($3 AS text), CAST($4 AS text), CAST($5 AS text), CAST($6 AS bigint)
		FROM users WHERE users.tenant_id = $1 AND users.user_id = $2
		ON CONFLICT (tenant_id, user_id, kind, item_id) DO UPDATE SET document = excluded.document`
	deleteItem = `DELETE FROM user_items
		WHERE tenant_id = $1 AND user_id = $2 AND kind = $3 AND item_id = $4`
	deleteItemsOfUser    = `DELETE FROM user_items WHERE tenant_id = $1 AND user_id = $2`
	deleteItemEverywhere = `DELETE FROM user_items WHERE tenant_id = $1 AND kind = $2 AND item_id = $3`
	selectUsersWithItem  = `SELECT user_id FROM user_items WHERE tenant_id = $1 AND kind = $2 AND item_id = $3 AND user_id > $4
		ORDER BY user_id LIMIT $5 OFFSET $6`
	countUsersWithItem = `SELECT COUNT(*) FROM user_items WHERE tenant_id = $1 AND kind = $2 AND item_id = $3`
)

// LockUser implements user.ItemStore.
func (db *DB) LockUser(ctx context.Context, tenantID, userID string) error {
	return db.queueOne(ctx, user.ErrNotFound, lockUser, tenantID, userID)
}

// UserItems implements user.ItemStore.
func (db *DB) UserItems(ctx context.Context, tenantID, userID, kind string) ([]user.Item, error) {
	var list []user.Item
	err := db.read(ctx, &engine.Statement{SQL: selectItems, Args: []any{tenantID, userID, kind}, Row: func(r engine.Row) error {
		i := user.Item{UserID: userID, Kind: kind}
		var document string
		var created int64
		err := r.Scan(&i.ID, &document, &created)
		i.Document, i.CreatedAt = json.RawMessage(document), clock.FromMillis(created)
		list = append(list, i)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list a user's items: %w", err)
	}
	return list, nil
}

// PutUserItem implements user.ItemStore.
func (db *DB) PutUserItem(ctx context.Context, tenantID string, i user.Item) error {
	return db.queueOne(ctx, user.ErrNotFound, putItem, tenantID, i.UserID, i.Kind, i.ID, string(i.Document), clock.Millis(i.CreatedAt))
}

// DeleteUserItem implements user.ItemStore.
func (db *DB) DeleteUserItem(ctx context.Context, tenantID, userID, kind, itemID string) (bool, error) {
	changed, err := db.exec(ctx, deleteItem, tenantID, userID, kind, itemID)
	if err != nil {
		return false, fmt.Errorf("delete a user's item: %w", err)
	}
	return changed > 0, nil
}

// UsersWithItem implements user.ItemStore.
func (db *DB) UsersWithItem(ctx context.Context, tenantID, kind, itemID, after string, offset, limit int) ([]*user.User, error) {
	ids, err := db.ids(ctx, selectUsersWithItem, tenantID, kind, itemID, after, limit, offset)
	if err != nil {
		return nil, fmt.Errorf("list the users with an item: %w", err)
	}
	return db.usersByID(ctx, tenantID, ids, db.read)
}

// CountUsersWithItem implements user.ItemStore.
func (db *DB) CountUsersWithItem(ctx context.Context, tenantID, kind, itemID string) (n int, err error) {
	if _, err := db.readRow(ctx, countUsersWithItem, []any{tenantID, kind, itemID}, &n); err != nil {
		return 0, fmt.Errorf("count the users with an item: %w", err)
	}
	return n, nil
}

// DeleteItemEverywhere implements user.ItemStore.
func (db *DB) DeleteItemEverywhere(ctx context.Context, tenantID, kind, itemID string) error {
	return db.queue(ctx, deleteItemEverywhere, tenantID, kind, itemID)
}
