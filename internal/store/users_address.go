package store

import (
	"context"
	"fmt"
	"hash/fnv"

	"latchkey/internal/user"
)

var _ user.AddressStore = (*DB)(nil)

const (
	// Each part is one place in an index.
	selectByAddress = `SELECT user_id FROM user_attributes WHERE tenant_id = $1 AND path = 'email' AND value = $2
		UNION SELECT user_id FROM user_attributes
			WHERE tenant_id = $1 AND path = 'identities.profileData.email' AND value = $3
		UNION SELECT user_id FROM user_attributes WHERE tenant_id = $1 AND path = 'phone_number' AND value = $4
		UNION SELECT user_id FROM identities WHERE tenant_id = $1 AND identifier = $5 AND connection IN `
	byAddressOrder = ` ORDER BY user_id LIMIT $6`
	takeTurn       = `INSERT INTO address_turns (tenant_id, slot, turns) VALUES ($1, $2, 1)
		ON CONFLICT (tenant_id, slot) DO UPDATE SET turns = address_turns.turns + 1`
)

// turns is how many rows the addresses of a tenant fall on.
const turns = 1024

// UsersByAddress implements user.AddressStore.
func (db *DB) UsersByAddress(ctx context.Context, tenantID, address string, connections []string, limit int) ([]*user.User, error) {
	args := []any{
		tenantID, textValue("email", address), textValue("identities.profileData.email", address),
		textValue("phone_number", address), address, limit,
	}
	if len(connections) == 0 {
		connections = []string{""} // nothing is called so
	}
	for _, name := range connections {
		args = append(args, name)
	}
	ids, err := db.ids(ctx, in(selectByAddress, len(connections), len(args)-len(connections)+1, byAddressOrder), args...)
	if err != nil {
		return nil, fmt.Errorf("list the users of an address: %w", err)
	}
	return db.usersByID(ctx, tenantID, ids, db.read)
}

// TakeTurn implements user.AddressStore.
func (db *DB) TakeTurn(ctx context.Context, tenantID, address string) error {
	h := fnv.New32a()
	_, _ = h.Write([]byte(address))
	return db.queue(ctx, takeTurn, tenantID, int64(h.Sum32()%turns))
}
