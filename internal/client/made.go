package client

import (
	"crypto/sha256"
	"math/big"
	"strings"
)

// MadeID gives the client id of one of the clients that we make for each tenant: always the same for the same tenant
// and role, so that making it again finds it. A client id is no secret.
func MadeID(tenantID, role string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := sha256.Sum256([]byte(tenantID + "\x00" + role))
	n, base, digit := new(big.Int).SetBytes(sum[:]), big.NewInt(int64(len(alphabet))), new(big.Int)
	var id strings.Builder
	for range 32 {
		n.DivMod(n, base, digit)
		id.WriteByte(alphabet[digit.Int64()])
	}
	return id.String()
}

// GlobalID is the id of the tenant's global client, whose login page is that of all clients without one of their own.
func GlobalID(tenantID string) string { return MadeID(tenantID, "global") }
