package user

import (
	"context"
	"encoding/json"
	"time"
)

// Item is something that belongs to one user and is asked for by itself: an authentication method, a role, a permission.
type Item struct {
	UserID string
	// Kind says what it is; ID is unique among the user's items of the kind, and at most 1000 bytes long. Items of the same
	// kind and id at several users are the same thing: a role, for instance.
	Kind, ID string
	// Document is the item's own data. The store does not look into it. Never empty.
	Document  json.RawMessage
	CreatedAt time.Time
}

// ItemStore keeps what belongs to users. It goes with its user.
type ItemStore interface {
	// LockUser keeps all others that lock the user or change it waiting until the caller's transaction ends: what the
	// transaction then reads of the user's items is what they are at its commit, as long as whoever writes them locks too. A
	// queued write: ErrNotFound comes with the next question or with the commit.
	LockUser(ctx context.Context, tenantID, userID string) error
	// UserItems lists a user's items of a kind in the order of creation; none when there is no such user.
	UserItems(ctx context.Context, tenantID, userID, kind string) ([]Item, error)
	// PutUserItem writes an item or replaces its document; the time of creation stays. A queued write: where the user does
	// not exist, ErrNotFound comes with the next question or with the commit, and nothing of the transaction is written.
	PutUserItem(ctx context.Context, tenantID string, i Item) error
	// DeleteUserItem removes an item and tells whether it was there.
	DeleteUserItem(ctx context.Context, tenantID, userID, kind, itemID string) (bool, error)
	// UsersWithItem gives the next users, ordered by id, that have an item. Those up to the id after are left out; offset
	// further ones are passed over.
	UsersWithItem(ctx context.Context, tenantID, kind, itemID, after string, offset, limit int) ([]*User, error)
	// CountUsersWithItem tells how many users have an item.
	CountUsersWithItem(ctx context.Context, tenantID, kind, itemID string) (int, error)
	// DeleteItemEverywhere takes an item from all users that have it. A queued write.
	DeleteItemEverywhere(ctx context.Context, tenantID, kind, itemID string) error
}
