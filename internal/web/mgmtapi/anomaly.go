package mgmtapi

import "context"

// Blocks of addresses: Auth0 docs, "Management API v2: Anomaly". Addresses are slowed down here and never blocked, so that
// none is found and each is unblocked.

func (a *api) anomaly() []route {
	return []route{
		{"GET /anomaly/blocks/ips/{id}", "Check if an IP address is blocked", anyOf("read:anomaly_blocks"), addressNotBlocked},
		{"DELETE /anomaly/blocks/ips/{id}", "Remove the blocked IP address", anyOf("delete:anomaly_blocks"), unblockAddress},
	}
}

func addressNotBlocked(*request) (answer, error) { return answer{}, notFoundError("", "Not Found") }

func unblockAddress(r *request) (answer, error) {
	return r.commitUser(func(context.Context) (answer, error) { return noContent() })
}
