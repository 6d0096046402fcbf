package user

import (
	"encoding/hex"
	"fmt"

	"latchkey/internal/seal"
)

// ReservedID gives the id part that an unknown identifier's user gets: always the same for callers, never stored, and never
// the id of a user who gave the identifier up. It does not change when the master keyset is rotated: the ids of those who
// exist do not either.
func ReservedID(keys *seal.Keyset, tenantID, connection, identifier string, deletions int) string {
	hash := keys.StableHash("user id", fmt.Sprintf("%s\x00%s\x00%s\x00%d", tenantID, connection, identifier, deletions))
	return hex.EncodeToString(hash[:12])
}
