package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
)

// nameRest is how long the name of a deleted connection stays taken: longer than any node can still know the connection (a
// second, see tenant.Store) and than a login takes that began before.
const nameRest = 3 * time.Second

// DeleteAllAt takes all users of a connection away from it, in several commits.
func (a *Accounts) DeleteAllAt(ctx context.Context, tenantID, name string) error {
	for {
		done, err := a.DeleteSome(ctx, tenantID, &connection.Connection{Name: name})
		if err != nil || done {
			return err
		}
	}
}

// DeletionWait tells how long the name of a deleted connection must still rest before FinishDeletion.
func (a *Accounts) DeletionWait(gone *resource.Resource) time.Duration {
	return gone.CreatedAt.Add(nameRest).Sub(a.c.Clock.Now())
}

// FinishDeletion ends the deletion of a connection whose record is of the kind resource.DeletedConnections: whoever was made
// at the last moment goes too, and the name is free again. It may run anywhere at the same time, and again after a crash.
func (a *Accounts) FinishDeletion(ctx context.Context, tenantID string, gone *resource.Resource) error {
	if err := a.DeleteAllAt(ctx, tenantID, gone.Key); err != nil {
		return err
	}
	err := a.c.Resources.DeleteResource(ctx, tenantID, resource.DeletedConnections, gone.ID)
	if err != nil && !errors.Is(err, resource.ErrNotFound) {
		return fmt.Errorf("free the name of a deleted connection: %w", err)
	}
	return nil
}

// FinishDeletions finishes what is due of a tenant's deleted connections.
func (a *Accounts) FinishDeletions(ctx context.Context, tenantID string) error {
	all, err := a.c.Resources.Resources(ctx, tenantID, resource.DeletedConnections, resource.Page{})
	if err != nil {
		return err
	}
	for _, gone := range all {
		if a.DeletionWait(gone) > 0 {
			continue
		}
		if err := a.FinishDeletion(ctx, tenantID, gone); err != nil {
			return err
		}
	}
	return nil
}
