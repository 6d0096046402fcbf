package grant

import "context"

// EndCodesOf ends the codes of a user that wait for their exchange, in the caller's transaction.
func (g *Grants) EndCodesOf(ctx context.Context, tenantID, userID string) error {
	return g.store.DeleteCodes(ctx, tenantID, userID)
}
