package account

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// maxMetadata bounds each of an account's two metadata objects, as JSON. Whatever reads the account reads them too.
const maxMetadata = 1 << 20

const (
	memberUserMetadata = "user_metadata"
	memberAppMetadata  = "app_metadata"
)

// reserved are the names that app_metadata cannot have (Auth0 docs, "Bulk User Import Database Schema and Examples").
var reserved = []string{
	"__tenant", "_id", "blocked", "clientID", "created_at", "email_verified", "email", "globalClientID", "global_client_id",
	"identities", "lastIP", "lastLogin", "loginsCount", "metadata", "multifactor_last_modified", "multifactor", "updated_at",
	"user_id",
}

// merge gives metadata after a change, which is merged at the first level: null removes a name, and an empty change clears
// everything (Auth0 docs, "Manage Metadata with the Management API").
func merge(member string, old, change map[string]any) (map[string]any, error) {
	if change == nil {
		return old, nil
	}
	merged := map[string]any{}
	if len(change) > 0 {
		maps.Copy(merged, old)
	}
	for _, name := range slices.Sorted(maps.Keys(change)) {
		if member == memberAppMetadata && slices.Contains(reserved, name) {
			return nil, payload(member, "Additional properties not allowed: %s", name)
		}
		if merged[name] = change[name]; change[name] == nil {
			delete(merged, name)
		}
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", member, err)
	}
	if len(text) > maxMetadata {
		return nil, payload(member, "Object is too large (%d bytes), maximum %d", len(text), maxMetadata)
	}
	return merged, nil
}
